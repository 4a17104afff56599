"""The items of a source: a table in shape, the roles of its columns, its pictures, and the catalog that comes of it.

Knows where a role comes from (a person, an earlier reading, the layout, what columns hold); deliberately knows nothing
of events.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genrec.data.catalog import STAMPS
from genrec.data.layouts.layout import EVENT_ROLES, ITEM_ROLES, Part, Roles, Shaped
from genrec.data.layouts.looks import looks_of
from genrec.data.layouts.mapping import TableMapping
from genrec.data.layouts.names import plain
from genrec.data.layouts.nested import opened
from genrec.data.layouts.parents import with_parents
from genrec.data.layouts.roles import Found, find_item_roles
from genrec.data.losses import Losses
from genrec.data.readers.item_media import find_media
from genrec.data.readers.items import ItemColumns, read_item_columns
from genrec.data.readers.reading import ReadOptions
from genrec.data.tables import Column, Table
from genrec.data.values import KnownIds, ids
from genrec.errors import SourceError
from genrec.schema import Catalog, IntArray

_ID = "known id"  # the column of ids that is made of those that hold some
_MOST_KNOWN = 0.5  # of the cells of a column of ids
_MOST_KEYS = 6  # columns of the items by which events may name them
_UNKNOWN = "item has neither content (text, attribute, image, audio, video or given vector) nor an event"
_SAME = 0.98  # of the events of an item that say the same of it, in a column that is the item's

Tell = Callable[[Table, Found], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A column by which events may name items. places: each of its cells to the place of its item in the catalog;
    known: the cells in the forms in which they are compared.
    """

    places: Mapping[str, int]
    known: KnownIds

    @classmethod
    def of(cls, places: Mapping[str, int]) -> "Key":
        """The key of these cells."""
        return cls(places=places, known=KnownIds(list(places)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemsRead:
    """The items of a source. places: the row in `shaped` of each item of the catalog."""

    shaped: Shaped
    roles: Roles
    columns: ItemColumns
    catalog: Catalog
    places: IntArray

    def keys(self) -> dict[str, Key]:
        """The columns by which events may name items, the id first: each cell to the place of its item in the catalog.

        Other ids of an item, such as its variants', stand in for cells of every column.
        """
        table = self.shaped.table
        places = self.catalog.row_of_id
        aliases = {alias: places[item_id] for alias, item_id in self.shaped.aliases.items() if item_id in places}
        keys = {self.roles["item_id"][0]: Key.of({**aliases, **places})}
        titles = self.roles.get("title", ())
        names = [name for name, look in looks_of(table).items() if look.is_id and look.distinct > 0.9 < look.filled]
        for name in [*titles[:1], *names]:
            if len(keys) < _MOST_KEYS and name not in keys:
                cells = ids(table.select([name]).take(self.places).columns[name]).values.to_pylist()
                named = {cell: place for place, cell in reversed(list(enumerate(cells))) if cell}
                keys[name] = Key.of(aliases | named)
        return keys


def read_item_source(
    table: Table, part: Part | None, images: Path | None, options: ReadOptions, losses: Losses, tell: Tell
) -> ItemsRead:
    """Read a table of items. tell: what was found of its roles. Raises SourceError where no item can be used."""
    shaped = shape(table, part)
    if part is None and (joined := with_parents(shaped.table)) is not None:
        shaped = replace(joined, left_out={**shaped.left_out, **joined.left_out})
    refuse_rows(shaped.table, losses)
    if not len(shaped.table):
        raise SourceError(f"{table.path} has no usable row{why(losses)}; wanted at least one item")
    mapping = options.mapping.items if options.mapping is not None else TableMapping()
    given = given_roles("items", shaped.table, options.columns, mapping, shaped.roles)
    found = find_item_roles(shaped.table, given, taken=tuple(shaped.left_out))
    tell(shaped.table, with_changes(found, mapping, tuple(shaped.table.columns)))
    if "item_id" not in found.roles:
        raise SourceError(missing_role(table.path, tuple(shaped.table.columns), "item_id", "item_id"))
    return read_catalog(shaped, found.roles, images, options, losses)


def known_item_rows(
    table: Table, part: Part | None, options: ReadOptions, losses: Losses, tell: Tell, known: Mapping[str, int]
) -> tuple[Shaped, Roles]:
    """A table whose rows name known items, the last row first, and its roles.

    The ids stand in the columns whose cells are known, whatever they are called; of several, in that which tells most
    rows apart, such as a variant's, and where it is empty in the next one. Raises SourceError where there is none.
    """
    refuse_rows(table, losses)
    shaped = shape(table, part)
    if not len(shaped.table):
        raise SourceError(f"{table.path} has no usable row{why(losses)}; wanted ids and what is new")
    mapping = options.mapping.items if options.mapping is not None else TableMapping()
    given = given_roles("items", shaped.table, options.columns, mapping, shaped.roles)
    named = {target.rpartition(".")[2] for target in options.columns}
    cells = {name: ids(column).values for name, column in shaped.table.columns.items()}
    linked = {name: column for name, column in cells.items() if _share_known(column, known) >= _MOST_KNOWN}
    if "item_id" not in named and linked:
        ranked = sorted(linked, key=lambda name: -pc.count_distinct(linked[name]).as_py())
        merged = [_known_of(row, known) for row in zip(*(linked[name].to_pylist() for name in ranked), strict=True)]
        table = replace(shaped.table, columns={**shaped.table.columns, _ID: pa.chunked_array([merged])})
        left = dict.fromkeys(ranked, "it names the item")
        shaped = replace(shaped, table=table, left_out={**shaped.left_out, **left})
        given = {role: kept for role, names in given.items() if (kept := tuple(n for n in names if n not in left))}
        given["item_id"] = (_ID,)
    found = find_item_roles(shaped.table, given, taken=tuple(shaped.left_out))
    tell(shaped.table, found)
    if "item_id" not in found.roles:
        raise SourceError(missing_role(table.path, list(shaped.table.columns), "item_id", "item_id"))
    return replace(shaped, table=shaped.table.take(np.arange(len(shaped.table))[::-1])), found.roles


def _known_of(row: Sequence[str], known: Mapping[str, int]) -> str:
    """The first known id of a row, else the first at all; '' where it has none."""
    return next((cell for cell in row if cell in known), next(filter(None, row), ""))


def _share_known(cells: pa.ChunkedArray, known: Mapping[str, int]) -> float:
    """The share of the filled cells that are known ids."""
    filled = [cell for cell in cells.to_pylist() if cell]
    return sum(cell in known for cell in filled) / max(1, len(filled))


def items_of_events(
    events: Table,
    event_roles: Roles,
    part: Part | None,
    images: Path | None,
    options: ReadOptions,
    losses: Losses,
    tell: Tell,
) -> ItemsRead:
    """Make items of a table of events: as its layout says, or of each the columns on which all its events agree."""
    if part is not None and part.items is not None:
        shaped = part.items(events)
        found = find_item_roles(shaped.table, dict(shaped.roles), taken=tuple(shaped.left_out))
        tell(shaped.table, found)
        return read_catalog(shaped, found.roles, images, options, losses)
    used = {name for role, names in event_roles.items() if role != "item_id" for name in names}
    item_id = event_roles["item_id"][0]
    codes_E = ids(events.columns[item_id]).values.combine_chunks().dictionary_encode()
    codes = codes_E.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    _, firsts = np.unique(codes, return_index=True)
    first_E = np.zeros(len(codes), np.int64)
    first_E[:] = firsts[np.searchsorted(np.sort(np.unique(codes)), codes)]
    names = [
        n for n, column in events.columns.items() if n == item_id or (n not in used and _is_fixed(column, first_E))
    ]
    table = events.select(names).take(np.sort(firsts))
    mapping = options.mapping.items if options.mapping is not None else TableMapping()
    columns = {target: name for target, name in options.columns.items() if not target.startswith("events.")}
    columns = {target: name for target, name in columns.items() if target != "item_id" and name in names}
    given = given_roles("items", table, columns, mapping, {"item_id": (item_id,)})
    found = find_item_roles(table, given)
    tell(table, found)
    return read_catalog(Shaped(table=table, roles=found.roles), found.roles, images, options, losses)


def read_catalog(shaped: Shaped, roles: Roles, images: Path | None, options: ReadOptions, losses: Losses) -> ItemsRead:
    """The items of a table with their pictures, those without content, too; see `usable_items`."""
    known = options.mapping.items.attributes if options.mapping is not None else {}
    columns = read_item_columns(shaped, roles, losses, known_kinds=known)
    media = find_media(columns, shaped.table.path, images, options, losses)
    columns.notes += media.notes
    items = columns.items(media.pictures, media.audio, media.videos)
    if not items:
        raise SourceError(no_usable(shaped.table.path, losses))
    return ItemsRead(
        shaped=shaped,
        roles=roles,
        columns=columns,
        catalog=Catalog(items=tuple(items)),
        places=columns.places,
    )


def usable_items(read: ItemsRead, named: Container[str], given_ids: Container[str], losses: Losses) -> Catalog:
    """The items of which anything is known: content, a given vector, or an event; the others are refused.

    named: ids of items that events name. Raises SourceError where none is left.
    """
    usable = []
    for item, line in zip(read.catalog, read.columns.lines, strict=True):
        if item.has_content or item.item_id in given_ids or item.item_id in named:
            usable.append(item)
        else:
            losses.add(read.shaped.table.path, line, _UNKNOWN, item.item_id)
    if not usable:
        raise SourceError(no_usable(read.shaped.table.path, losses))
    return Catalog(items=tuple(usable)) if len(usable) < len(read.catalog) else read.catalog


def no_usable(path: Path, losses: Losses) -> str:
    """That a table has no item of which anything is known, and why."""
    wanted = "wanted ids with text, attributes, image, audio or video, or events of them"
    return f"no usable item in {path}{why(losses)}; {wanted}"


def shape(table: Table, part: Part | None) -> Shaped:
    """A table with one row per item or event, and the roles that its layout knows."""
    if part is None:
        table = opened(table)
        own = {name: "a catalog checks files by it" for name in table.columns if name in STAMPS}
        return Shaped(table=table, roles={}, left_out=own)
    shaped = part.shape(table) if part.shape is not None else Shaped(table=table, roles={})
    by_plain = {plain(name): name for name in reversed(list(shaped.table.columns))}
    roles = {role: tuple(by_plain[n] for n in names if n in by_plain) for role, names in part.roles.items()}
    left_out = {by_plain[name]: reason for name, reason in part.left_out.items() if name in by_plain}
    return replace(
        shaped,
        roles={**{role: names for role, names in roles.items() if names}, **shaped.roles},
        left_out={**left_out, **shaped.left_out},
    )


def given_roles(
    which: str, table: Table, columns: Mapping[str, str], mapping: TableMapping, known: Roles
) -> dict[str, tuple[str, ...]]:
    """The roles that are settled: as a person says, else as an earlier reading went, else as the layout has them.

    Raises SourceError when a person names a column that is not there.
    """
    header = list(table.columns)
    given = {role: names for role, names in known.items() if all(name in header for name in names)}
    given |= {role: names for role, names in mapping.roles.items() if all(name in header for name in names)}
    other = {"items": "events", "events": "items"}[which]
    for target, name in columns.items():
        half, dot, role = target.rpartition(".")
        if half == other:
            continue
        if name not in header:
            is_shared = not dot and (which, role) == ("events", "item_id")  # which names the items' column alone, too
            if is_shared or (not dot and role not in _roles_of(which)):
                continue
            raise SourceError(f"column {name!r} (for {role}) is not in {table.path}; it has {', '.join(header)}")
        if role in _roles_of(which):
            given = {r: tuple(n for n in names if n != name) for r, names in given.items()}
            given = {r: names for r, names in given.items() if names}
            given[role] = (name,)
    return given


def with_changes(found: Found, mapping: TableMapping, header: Sequence[str]) -> Found:
    """What was found, with a note for each column of an earlier reading that is gone."""
    notes = []
    for role, names in mapping.roles.items():
        gone = [name for name in names if name not in header]
        if gone and role in found.roles:
            now = ", ".join(map(repr, found.roles[role]))
            notes.append(f"the mapping's {', '.join(map(repr, gone))} is gone; {now} is taken for {role}")
    return replace(found, notes=(*found.notes, *notes))


def _roles_of(which: str) -> tuple[str, ...]:
    return ITEM_ROLES if which == "items" else EVENT_ROLES


def missing_role(path: Path, header: Sequence[str], role: str, target: str) -> str:
    """That a table has no column of a role, and how to name one."""
    names = ", ".join(header[:30])
    return f"{path} has no column for {role}; name it, as in --map {target}=COLUMN, of {names}"


def refuse_rows(table: Table, losses: Losses) -> None:
    """Count the rows of a file that could not be read."""
    for row in table.refused:
        losses.add(table.path, row.line, row.reason, row.content)


def why(losses: Losses) -> str:
    """The commonest reason so far, in brackets."""
    if not losses.counts:
        return ""
    kind, count = losses.counts.most_common(1)[0]
    return f" ({losses.total:,} refused, {count:,} of them: {kind})"


def _is_fixed(column: Column, first_E: IntArray) -> bool:
    """Whether events of one item say the same of it in a column. first_E: the item's first event, of every event."""
    if isinstance(column, list):
        texts = pa.array([str(cell) for cell in column], pa.string())
    else:
        texts = column.combine_chunks()
        texts = texts if pa.types.is_string(texts.type) else texts.cast(pa.string(), safe=False)
    texts = texts.fill_null("")
    is_same = pc.equal(texts, texts.take(pa.array(first_E)))
    is_repeat = np.arange(len(first_E)) != first_E
    return not is_repeat.any() or bool(is_same.to_numpy(zero_copy_only=False)[is_repeat].mean() >= _SAME)
