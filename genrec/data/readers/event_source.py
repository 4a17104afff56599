"""The events of a source: its files one after the other, the roles of their columns, what each event means.

Deliberately knows nothing of how items are read, but for the columns by which events may name them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pyarrow as pa

from genrec.data.feedback import ALL, Judged, judge
from genrec.data.filters import parse_filter
from genrec.data.layouts.cells import cells, with_columns
from genrec.data.layouts.find import Source
from genrec.data.layouts.layout import Part, Roles, Shaped
from genrec.data.layouts.mapping import TableMapping
from genrec.data.layouts.matrix import events_of_matrix
from genrec.data.layouts.names import EVENT_PHRASES, plain, speaks_for
from genrec.data.layouts.nested import has_nested, object_lists, unrolled, with_lists
from genrec.data.layouts.opening import is_table, peek
from genrec.data.layouts.roles import find_event_roles, link_share
from genrec.data.losses import Losses
from genrec.data.readers.events import EventsRead, read_events, too_few
from genrec.data.readers.item_source import Key, Tell, given_roles, missing_role, refuse_rows, shape, why, with_changes
from genrec.data.readers.reading import ReadOptions
from genrec.data.tables import Table, stacked
from genrec.data.values import ids
from genrec.errors import SourceError
from genrec.schema import Catalog, Interactions
from genrec.schema import Column as Coded

_NUM_LOOKED_AT = 2_000
_NUM_SEARCHED = 100  # rows in which a column of lists of items is looked for
_SURE = 0.6  # how surely a name speaks for a role to be named where it has none
_LEAST_HEADED = 0.8  # of the lines that name an order of the table beside
_LEAST_LISTED = 0.5  # of the elements of such a column that are ids of items
ONE_PERSON = "me"  # whose events a log is that names nobody
Keys = Mapping[str, Key]  # columns by which events may name items, the id first


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTable:
    """Events of all files in one table. key: the items' column by which they name items, None where there are no items
    yet; header: all columns of the files, of which the table may have some; left_out: those that bringing them into
    shape left out, with the reason; notes: what was found."""

    table: Table
    roles: Roles
    key: str | None
    header: tuple[str, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    beside: tuple[Path, ...] = ()


def open_events(
    source: Source, part: Part | None, keys: Keys, options: ReadOptions, losses: Losses, tell: Tell, *, whole: bool
) -> EventTable:
    """Read the events of a source. whole: whether columns without a role are needed, too. Raises SourceError."""
    files = source.events
    first = source.whole.get(files[0]) or peek(files[0]).table
    listed = _listing(first, keys) if part is None and not options.columns else None
    is_matrix = part is None and events_of_matrix(first, [key.known for key in keys.values()]) is not None
    is_whole = (
        whole or is_matrix or has_nested(first) or listed is not None or (part is not None and part.shape is not None)
    )
    wanted = None if is_whole else _needed(first, part, keys, options)
    shaped = [_shape(source.open(file, wanted), part, listed, keys) for file in files]
    for one in shaped:
        refuse_rows(one.table, losses)
    table = stacked([one.table for one in shaped])
    if not len(table):
        raise SourceError(f"{files[0]} has no usable row{why(losses)}; wanted at least one event")
    roles, key = _roles(table.head(_NUM_LOOKED_AT), shaped[0].roles, keys, options, tell)
    says_who = any(speaks_for(name, EVENT_PHRASES["user_id"]) >= _SURE for name in roles.get("user_id", ()))
    headed = _with_heads(table, roles, source) if part is None and not says_who else None
    if headed is not None:
        table, extra = headed
        roles, key = _roles(table.head(_NUM_LOOKED_AT), shaped[0].roles, keys, options, tell)
    header = tuple(_shape(first, part, listed, keys).table.columns)
    notes = [note for one in shaped for note in one.notes]
    if headed is not None:
        notes.append(f"who and when comes from {extra.name}, which names the same orders")
        header = tuple(table.columns)
    if "user_id" not in roles and {"item_id", "timestamp"} <= set(roles) and not keys:
        table, roles = _of_one_person(table, roles)
        notes.append(
            f"no column says who, so all events are of one person, {ONE_PERSON!r}; where one does, say "
            "--map events.user_id=COLUMN"
        )
    for role in ("user_id", "item_id"):
        if role not in roles:
            advice = "; where it names nobody, give the file of the items alone" if role == "user_id" else ""
            raise SourceError(missing_role(table.path, header, role, f"events.{role}") + advice)
    beside = tuple(dict.fromkeys(file for one in shaped for file in one.beside))
    beside = beside if headed is None else (*beside, extra)
    left_out = {name: reason for one in shaped for name, reason in one.left_out.items()}
    return EventTable(
        table=table,
        roles=roles,
        key=key,
        header=header,
        left_out=left_out,
        notes=tuple(dict.fromkeys(notes)),
        beside=beside,
    )


def read_event_table(
    events: EventTable,
    part: Part | None,
    keys: Keys,
    catalog: Catalog,
    options: ReadOptions,
    losses: Losses,
    aliases: Mapping[str, str] = MappingProxyType({}),
) -> tuple[EventsRead, Judged]:
    """The events that name items of the catalog, and what each means. Raises SourceError when hardly any is usable."""
    known = dict(catalog.row_of_id if events.key is None else keys[events.key].places)
    for name, item_id in aliases.items():
        if item_id in catalog.row_of_id:
            known.setdefault(name, catalog.row_of_id[item_id])
    own = Losses()
    read = read_events(
        events.table,
        events.roles,
        known,
        own,
        no_rating=part.no_rating if part is not None else (),
        others=_columns_of(options),
        day_first=options.day_first,
    )
    losses.merge(own)
    if too_few(read):
        name, item_id = events.table.path.name, events.roles["item_id"][0]
        seen = [str(cell) for row in events.table.head(3).rows() for cell in [row[item_id]]]
        raise SourceError(
            f"{events.table.path} has {read.num_rows:,} events, of which {len(read.columns.users):,} can be used"
            f"{why(own)}; items in column {item_id!r} of {name} look like {', '.join(map(repr, seen))}, those of the "
            f"catalog like {', '.join(repr(i) for i in list(known)[:3])}; say which column names them: "
            "--map events.item_id=COLUMN"
        )
    return read, judge(read.columns, options.positive, options.negative)


def interactions_of(read: EventsRead, judged: Judged, catalog: Catalog, kind: str) -> Interactions:
    """Events as the catalog's interactions, sorted. kind: of events that say none."""
    columns = read.columns
    kinds = columns.kinds or Coded((kind,), np.zeros(len(columns.users), np.int64))
    named = Coded(tuple(str(value) or kind for value in kinds.values), kinds.places_N)
    return Interactions.sort(
        user_ids=Coded(tuple(read.users), columns.users),
        item_ids=Coded(tuple(item.item_id for item in catalog), columns.items),
        timestamps_ms=columns.times_ms,
        kinds=named,
        feedback=judged.feedback,
        weights=judged.weights,
        parts=read.parts,
    )


def _with_heads(table: Table, roles: Roles, source: Source) -> tuple[Table, Path] | None:
    """The lines of orders with what a table beside says of each order: who, and when; None where none does."""
    for file in source.unused:
        if not is_table(file):
            continue
        try:
            heads = source.open(file)
        except SourceError:
            continue
        who = max(heads.columns, key=lambda name: speaks_for(name, EVENT_PHRASES["user_id"]), default=None)
        if who is None or speaks_for(who, EVENT_PHRASES["user_id"]) < _SURE:
            continue
        own = {plain(name): name for name in heads.columns}
        for name in (one for one in table.columns if plain(one) in own and (one,) != roles.get("item_id")):
            keys = ids(heads.columns[own[plain(name)]]).values.to_pylist()
            if len(set(keys)) < len(keys) or link_share(table.columns[name], keys) < _LEAST_HEADED:
                continue
            place = {key: row for row, key in enumerate(keys)}
            rows = [place.get(cell, -1) for cell in ids(table.columns[name]).values.to_pylist()]
            taken = heads.take([max(row, 0) for row in rows])
            beside = {
                other: [cell if row >= 0 else None for cell, row in zip(cells(taken, other), rows, strict=True)]
                for other in heads.columns
                if other not in table.columns
            }
            return with_columns(table, beside), file
    return None


def _of_one_person(table: Table, roles: Roles) -> tuple[Table, Roles]:
    """The events of a log that one person keeps: what they watched, read or bought, and when."""
    column = next(name for name in (f"user_id{'_' * n}" for n in range(9)) if name not in table.columns)
    persons = pa.chunked_array([pa.array([ONE_PERSON] * len(table), pa.string())])
    return replace(table, columns={**table.columns, column: persons}), {**roles, "user_id": (column,)}


def _shape(table: Table, part: Part | None, listed: str | None, keys: Keys) -> Shaped:
    """Events in shape; an order of no known layout that lists its items becomes an event for each of them, and a table
    of persons and items an event for each cell.

    listed: the column whose cells list ids of items.
    """
    shaped = shape(table, part)
    if part is not None:
        return shaped
    matrix = events_of_matrix(shaped.table, [key.known for key in keys.values()])
    if matrix is not None:
        return matrix
    if listed is not None and listed in shaped.table.columns:
        rows = unrolled(with_lists(shaped.table, listed), listed)
        note = f"{len(rows):,} events are the elements of {listed!r} in {len(shaped.table):,} rows"
        return replace(shaped, table=rows, notes=(*shaped.notes, note))
    named, linked = _naming(shaped.table.columns), _linking(shaped.table, shaped.table.columns, keys)
    for name in object_lists(shaped.table):
        rows = unrolled(shaped.table, name)
        own = [column for column in rows.columns if column.startswith(f"{name}.")]
        links = _linking(rows, own, keys)
        is_named = _naming([column.removeprefix(f"{name}.") for column in own]) > named
        if links > linked if links or linked else is_named:
            note = f"{len(rows):,} events are the elements of {name!r} in {len(shaped.table):,} rows"
            return replace(shaped, table=rows, notes=(*shaped.notes, note))
    return shaped


def _listing(first: Table, keys: Keys) -> str | None:
    """The column whose cells list ids of items, if one does: playlists, baskets, sessions."""
    if not keys or not len(first):
        return None
    sample = first.head(_NUM_SEARCHED)
    for name, column in sample.columns.items():
        lists = [cell for cell in with_lists(sample, name).columns[name] if isinstance(cell, list | tuple)]
        parts: list[object] = [part for cell in lists for part in cell]
        if len(parts) <= len(lists) or any(isinstance(part, Mapping) for part in parts):
            continue
        shares = [(link_share(parts, key.known), link_share(column, key.known)) for key in keys.values()]
        if any(share >= _LEAST_LISTED and share > whole for share, whole in shares):
            return name
    return None


def _linking(table: Table, columns: Iterable[str], keys: Keys) -> float:
    """The largest share of the cells of one column that name items; 0 where few do."""
    sample = table.head(_NUM_SEARCHED)
    flat = [column for column in columns if not isinstance(sample.columns[column], list) or _is_flat(sample, column)]
    shares = [link_share(sample.columns[column], key.known) for column in flat for key in keys.values()]
    return max((share for share in shares if share >= _LEAST_LISTED), default=0.0)


def _is_flat(table: Table, column: str) -> bool:
    return not any(isinstance(cell, list | tuple | Mapping) for cell in table.columns[column])


def _naming(names: Iterable[str]) -> float:
    """How surely one of these columns names events' items."""
    return max((speaks_for(name, EVENT_PHRASES["item_id"]) for name in names), default=0.0)


def _needed(first: Table, part: Part | None, keys: Keys, options: ReadOptions) -> list[str] | None:
    """The columns of events that have a role or a condition, told from the first rows; None for all."""
    roles, _ = _roles(first, shape(first, part).roles, keys, options, lambda *_: None)
    wanted = {name for names in roles.values() for name in names} | set(_columns_of(options))
    if "timestamp" not in roles:  # what is called a time and holds none is named
        wanted |= {name for name in first.columns if speaks_for(name, EVENT_PHRASES["timestamp"]) >= _SURE}
    return [name for name in first.columns if name in wanted] or None


def _roles(table: Table, known: Roles, keys: Keys, options: ReadOptions, tell: Tell) -> tuple[Roles, str | None]:
    mapping = options.mapping.events if options.mapping is not None else TableMapping()
    given = given_roles("events", table, options.columns, mapping, known)
    found, key = find_event_roles(table, given, {name: key.known for name, key in keys.items()})
    tell(table, with_changes(found, mapping, tuple(table.columns)))
    return found.roles, key


def _columns_of(options: ReadOptions) -> list[str]:
    """The columns of which the conditions on events speak."""
    conditions = [c for c in (options.positive, options.negative) if c is not None and c.strip().casefold() != ALL]
    return [name for condition in conditions for name in parse_filter(condition).attributes()]
