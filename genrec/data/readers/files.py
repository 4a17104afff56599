"""Reads whatever somebody has: items and events in tables of any known layout, or of none, and a folder of pictures.

PATH is a folder, or one file. Files and columns are found by what they hold; options settle what is found wrongly:
`items`, `events`, `images`, and role=column for a column. Columns of the items that have no role become attributes. A
source without events gives a catalog alone; events that say what their items are need no items table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from genrec.data.feedback import DETAILS, Judged
from genrec.data.layouts.find import Source, find_source, matching_part
from genrec.data.layouts.known import LAYOUTS
from genrec.data.layouts.layout import EVENT_ROLES, ITEM_ROLES, Roles
from genrec.data.layouts.mapping import Kind, SourceMapping, TableMapping
from genrec.data.layouts.opening import open_table
from genrec.data.layouts.roles import Found
from genrec.data.layouts.vectors import GivenArray, GivenArrays, given_vectors
from genrec.data.losses import Losses
from genrec.data.readers.event_source import EventTable, interactions_of, open_events, read_event_table
from genrec.data.readers.events import EventsRead
from genrec.data.readers.item_source import (
    ItemsRead,
    Key,
    items_of_events,
    known_item_rows,
    read_item_source,
    usable_items,
)
from genrec.data.readers.items import ItemColumns, read_item_columns
from genrec.data.readers.reading import Reading, ReadOptions, SourceReport, TableReport
from genrec.data.tables import Table
from genrec.data.values import ids
from genrec.errors import SourceError
from genrec.schema import Interactions, Item, coded_texts

_NO_EVENTS = Interactions.sort(user_ids=[], item_ids=[])


@dataclass(slots=True)
class _Says:
    """What the report will say, as it is found."""

    tables: list[TableReport] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def tell(self, table: Table, found: Found) -> None:
        """Take what was found of a table's roles."""
        self.about(table, [*table.notes, *found.notes])
        self.questions += [f"{table.path.name}: {question}" for question in found.questions]

    def about(self, table: Table, notes: Sequence[str]) -> None:
        """Take notes on a table."""
        self.notes += [f"{table.path.name}: {note}" for note in notes]


def read_files(path: Path | None, options: ReadOptions, *, among: Sequence[str] | None = None) -> Reading:
    """Read items, events and pictures. among: names of layouts of which one is wanted.

    Raises SourceError when files or columns cannot be found, or almost nothing of them can be used.
    """
    _check_targets(options.columns)
    options = with_kept(options)
    source = find_source(path, items=options.items, events=options.events, images=options.images, among=among)
    layout = source.layout
    says, losses = _Says(), Losses()
    parts = _read_parts(source, options, says, losses)
    items, events = parts.items, parts.events
    says.about(items.shaped.table, [*items.shaped.notes, *items.columns.notes])
    says.tables.append(_item_report(items))
    read, judged, interactions = None, None, _NO_EVENTS
    if events is not None:
        part = layout.events if layout is not None else None
        aliases = items.shaped.aliases
        read, judged = read_event_table(events, part, parts.keys, items.catalog, options, losses, aliases)
        kind = layout.kind if layout is not None else "interaction"
        interactions = interactions_of(read, judged, items.catalog, kind)
        says.about(events.table, [*events.notes, *read.notes, *judged.notes])
        says.questions += [f"{events.table.path.name}: {read.ambiguous}"] if read.ambiguous else []
        says.tables.append(_event_report(events, source, items))
    named = frozenset(map(str, coded_texts(interactions.item_ids).values))
    items = replace(items, catalog=usable_items(items, named, parts.given_ids, losses))
    return Reading(
        catalog=items.catalog,
        interactions=interactions,
        losses=losses,
        report=SourceReport(
            layout=layout.name if layout is not None else None,
            tables=tuple(says.tables),
            unused=tuple(file.name for file in source.unused if file not in parts.beside),
            missing=tuple(_missing(items, events)),
            questions=tuple(dict.fromkeys(says.questions)),
            notes=tuple(dict.fromkeys(says.notes)),
            feedback={} if judged is None else judged.details(),
        ),
        mapping=_mapping(source, options, items, events),
        row_ids=ids(items.shaped.table.columns[items.roles["item_id"][0]]).values.to_pylist(),
        arrays=parts.arrays,
        details=_details(source, read, judged),
    )


def with_kept(options: ReadOptions) -> ReadOptions:
    """The options with what an earlier reading was told of events and dates, where they say nothing of it."""
    kept = options.mapping
    if kept is None:
        return options
    day_first = kept.day_first if options.day_first is None else options.day_first
    if options.positive is None and options.negative is None:
        return replace(options, positive=kept.positive, negative=kept.negative, day_first=day_first)
    return replace(options, day_first=day_first)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """The items of a source, and its events as they stand. keys: by which events name items; arrays: given ones;
    given_ids: items that have a given vector."""

    items: ItemsRead
    events: EventTable | None
    keys: Mapping[str, Key]
    arrays: Mapping[str, GivenArray]
    given_ids: frozenset[str]

    @property
    def beside(self) -> set[Path]:
        """Files that were read, too."""
        events = self.events.beside if self.events is not None else ()
        return {*self.items.shaped.beside, *events, *(array.path for array in self.arrays.values())}


def _read_parts(source: Source, options: ReadOptions, says: _Says, losses: Losses) -> _Parts:
    """Read the items, of a table of their own or of the events, and open the events."""
    layout = source.layout
    part = layout.events if layout is not None else None
    if source.items is not None:
        table = source.open(source.items)
        items_part = layout.items if layout is not None else None
        items = read_item_source(table, items_part, source.images, options, losses, says.tell)
        if not source.events:
            return _Parts(items=items, events=None, keys={}, arrays={}, given_ids=options.given_ids)
        keys = items.keys()
        events = open_events(source, part, keys, options, losses, says.tell, whole=False)
        return _Parts(items=items, events=events, keys=keys, arrays={}, given_ids=options.given_ids)
    events = open_events(source, part, {}, options, losses, says.tell, whole=True)
    beside = GivenArrays(arrays={}, other={})
    if layout is not None and layout.has_vectors:
        beside = _vectors_beside(source.events[0], events)
        says.notes += [f"{name}: {why}, so nothing is read from it" for name, why in beside.other.items()]
        says.notes += [f"{one.path.name} is the given modality {name!r}" for name, one in beside.arrays.items()]
    items = items_of_events(events.table, events.roles, part, source.images, options, losses, lambda *_: None)
    given_ids = options.given_ids.union(*(one.ids for one in beside.arrays.values()))
    return _Parts(items=items, events=events, keys={}, arrays=beside.arrays, given_ids=given_ids)


def _vectors_beside(file: Path, events: EventTable) -> GivenArrays:
    """The arrays beside a file of events that number their items."""
    numbers = ids(events.table.columns[events.roles["item_id"][0]]).values.to_pylist()
    return given_vectors(file, 1 + max((int(number) for number in numbers if number.isdecimal()), default=-1))


def read_new_items(path: Path, options: ReadOptions) -> tuple[tuple[Item, ...], Losses, tuple[str, ...]]:
    """Read items alone, as an earlier reading went: the items, what was lost, and what a person should know.

    path: a table, or a folder with one. Raises SourceError when no row is usable.
    """
    _check_targets(options.columns)
    source = find_source(path, items=path if path.is_file() else None)
    if source.items is None:
        raise SourceError(f"{path} holds no table of items; give the file itself")
    known = options.mapping.layout if options.mapping is not None else None
    layout = source.layout or next((one for one in LAYOUTS if one.name == known), None)
    part = layout.items if layout is not None and layout.items is not None else None
    table = source.open(source.items)
    says, losses = _Says(), Losses()
    part = part if part is not None and matching_part(table, part) else None
    items = read_item_source(table, part, source.images, options, losses, says.tell)
    says.about(items.shaped.table, [*items.shaped.notes, *items.columns.notes])
    usable = usable_items(items, (), options.given_ids, losses)
    return usable.items, losses, tuple(dict.fromkeys([*says.questions, *says.notes]))


def read_rows_of_items(
    path: Path, options: ReadOptions, known: Mapping[str, int], kinds: Mapping[str, Kind]
) -> tuple[ItemColumns, Losses, tuple[str, ...]]:
    """Read rows that name known items and say something new of them; the last row of an id counts.

    known: every id that can be meant; kinds: types of the known items' attributes. Returns the rows as columns, what
    was lost, and what a person should know. Raises SourceError when there is no row, or no column of ids.
    """
    _check_targets(options.columns)
    table, says, losses = open_table(path), _Says(), Losses()
    mapped = options.mapping.layout if options.mapping is not None else None
    part = next((one.items for one in LAYOUTS if one.items is not None and one.name == mapped), None)
    part = part if part is not None and matching_part(table, part) else None
    shaped, roles = known_item_rows(table, part, options, losses, says.tell, known)
    columns = read_item_columns(shaped, roles, losses, known_kinds=kinds)
    says.about(shaped.table, [*shaped.notes, *columns.notes])
    return columns, losses, tuple(dict.fromkeys([*says.questions, *says.notes]))


def _check_targets(columns: Mapping[str, str]) -> None:
    """Raises SourceError on a role that no table has."""
    known = {"items": ITEM_ROLES, "events": EVENT_ROLES}
    for target in columns:
        table, dot, role = target.rpartition(".")
        roles = known.get(table, ()) if dot else (*ITEM_ROLES, *EVENT_ROLES)
        if role not in roles:
            choices = ", ".join(dict.fromkeys([*ITEM_ROLES, *EVENT_ROLES]))
            raise SourceError(
                f"column target {target!r} is unknown; choose one of {choices} (items. or events. before it)"
            )


def _missing(items: ItemsRead, events: EventTable | None) -> list[str]:
    """What people would expect and no column holds."""
    catalog, found = items.catalog, []
    if not any(item.title for item in catalog):
        found.append("no title was found; say --map title=COLUMN where there is one")
    if not any(item.image is not None for item in catalog):
        found.append("no picture was found")
    if events is None:
        found.append("no events were found, so the catalog comes alone")
    elif "timestamp" not in events.roles:
        found.append("no time was found, so the order of the file stands for it; splits by time are refused")
    return found


def _item_report(items: ItemsRead) -> TableReport:
    return TableReport(
        file=items.shaped.table.path.name,
        num_rows=len(items.shaped.table),
        roles=_by_column(items.roles),
        attributes={name: _kind(kind) for name, kind in items.columns.kinds.items()},
        left_out=items.columns.left_out,
    )


def _kind(kind: Kind) -> str:
    parts = (kind.kind, kind.unit, kind.currency)
    return " ".join(part for part in parts if part)


def _event_report(events: EventTable, source: Source, items: ItemsRead) -> TableReport:
    used = {name for names in events.roles.values() for name in names}
    if source.items is None:  # what one event says of its item is an attribute
        told = {*items.columns.kinds, *items.columns.left_out, *(n for names in items.roles.values() for n in names)}
        used |= {name for name in events.header if any(one == name or one.startswith(f"{name}.") for one in told)}
    rest = {name: "no role among events" for name in events.header if name not in used}
    return TableReport(
        file=", ".join(file.name for file in source.events),
        num_rows=len(events.table),
        roles=_by_column(events.roles),
        left_out={**rest, **events.left_out},
    )


def _by_column(roles: Roles) -> dict[str, str]:
    return {name: role for role, names in roles.items() for name in names}


def _mapping(source: Source, options: ReadOptions, items: ItemsRead, events: EventTable | None) -> SourceMapping:
    return SourceMapping(
        layout=source.layout.name if source.layout is not None else None,
        items=TableMapping(
            file=source.items.name if source.items is not None else "",
            roles=items.roles,
            attributes=items.columns.kinds,
        ),
        events=TableMapping()
        if events is None
        else TableMapping(file=", ".join(file.name for file in source.events), roles=events.roles),
        positive=options.positive,
        negative=options.negative,
        day_first=options.day_first,
        fetch_pictures=None if options.fetch is None else True,
    )


def _details(source: Source, read: EventsRead | None, judged: Judged | None) -> dict[str, object]:
    """What the catalog's manifest keeps of the source."""
    details: dict[str, object] = {
        "layout": source.layout.name if source.layout is not None else None,
        "items": source.items.name if source.items is not None else None,
        "events": ", ".join(file.name for file in source.events) or None,
    }
    if read is not None and read.columns.times_ms is None:
        details["times"] = "file order"
    if judged is not None:
        details[DETAILS] = judged.details()
    return details
