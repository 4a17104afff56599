"""Which files of a source are its items and its events, and whose layout they have.

Every table of a folder is looked at; a known layout is told by its columns (`known`), and where there is none, the
table whose columns serve as an item's and the one whose columns serve as an event's are taken (`roles`). File names
only settle what columns leave open. All files that are not used are named.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from genrec.data.layouts.known import LAYOUTS
from genrec.data.layouts.layout import Layout, Part
from genrec.data.layouts.looks import looks_of
from genrec.data.layouts.matrix import is_matrix
from genrec.data.layouts.names import EVENT_PHRASES, ITEM_PHRASES, plain, speaks_for
from genrec.data.layouts.nested import object_lists, unrolled
from genrec.data.layouts.opening import is_pages, is_prose, is_table, open_table, peek
from genrec.data.layouts.roles import is_short, link_share
from genrec.data.tables import Column, Peek, Table, is_table_name, stacked
from genrec.data.values import ids
from genrec.errors import SourceError

ITEM_WORDS = (
    "items", "item", "articles", "products", "product", "catalog", "catalogue", "movies", "books", "games", "meta",
    "metadata", "songs", "tracks", "artists", "businesses", "business", "recipes", "styles", "jobs", "papers",
    "hotels", "posts", "news", "episodes", "things", "objects", "videos", "courses", "inventory", "goods",
    "listings", "artikel", "artikelstamm", "produkte", "produits", "articulos", "productos", "produkty", "товары",
    "商品",
)  # fmt: skip
EVENT_WORDS = (
    "events", "event", "interactions", "transactions", "ratings", "rating", "reviews", "review", "purchases",
    "clicks", "views", "orders", "sessions", "plays", "train", "recommendations", "history", "log", "logs",
    "sequences", "user", "bookings", "applications", "checkouts", "loans", "listens", "reads", "visits", "likes",
    "sales", "behaviors", "feedback", "carts", "downloads", "streams", "bestellungen", "bewertungen", "interaktionen",
    "verkaufe", "ventes", "commandes", "ventas", "pedidos", "achats", "compras", "ordini", "vendite", "acquisti",
    "bestellingen", "aankopen", "verkopen", "ordrer", "zakupy", "sprzedaz", "verkauf", "kaufe", "aufrufe", "avis",
    "notes", "valoraciones", "recensioni", "beoordelingen", "zamowienia", "заказы", "注文", "订单",
)  # fmt: skip
_IMAGE_FOLDERS = ("images", "image", "photos", "pictures", "posters", "img", "bilder")
_NUM_UNROLLED, _NUM_LOOKED_AT = 100, 2_000  # rows
_MOST_TABLES = 80  # that are looked at
_SURE = 0.6
_NUMBERS = re.compile(r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d+)(?:[-_. ]\d+)*")
_LEAST_EVENTS = 1.9  # of a table that is called events, or says who
_LEAST_JOINED = 0.8  # of the cells of one table that name rows of another
_LEAST_LINKED = 0.5  # of the cells that name items, in a table that no name tells
_LEAST_ITEMS = 1.5  # of a table of items that stands beside events of a known layout: an id and more


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The files of a source. items: None where items are made of the events' columns; events: none, one, or the parts
    of one table; more_items: further parts of the items; unused: files that nothing is read from; whole: tables that
    were read whole, and need not be again."""

    items: Path | None
    events: tuple[Path, ...] = ()
    more_items: tuple[Path, ...] = ()
    images: Path | None = None
    layout: Layout | None = None
    unused: tuple[Path, ...] = ()
    whole: Mapping[Path, Table] = field(default_factory=dict)

    def open(self, path: Path, columns: Sequence[str] | None = None) -> Table:
        """One of its files as a table, or some of its columns; items with all of their parts. Raises SourceError."""
        if path == self.items and self.more_items:
            parts = [replace(self, more_items=()).open(part, columns) for part in (path, *self.more_items)]
            note = f"{len(parts)} files are parts of one table: {', '.join(part.path.name for part in parts)}"
            whole = stacked(parts)
            return replace(whole, notes=(note, *whole.notes))
        table = self.whole.get(path)
        if table is None:
            return open_table(path, columns=columns)
        return table if columns is None else table.select(columns)


def find_source(
    path: Path | None,
    *,
    items: Path | None = None,
    events: Path | None = None,
    images: Path | None = None,
    among: Sequence[str] | None = None,
) -> Source:
    """Find a source's files.

    path: a folder, or the items file (or a file of events that say what their items are). items, events, images: those
    that a person named. among: names of layouts of which one is wanted. Raises SourceError where nothing fits.
    """
    if path is None and items is None:
        raise SourceError("no path is given; wanted a folder with items and events files, or an items file")
    for named in filter(None, (path, items, events)):
        if not named.exists():
            raise SourceError(f"{named} is not there; wanted a folder with items and events files, or an items file")
    folder = _home(path) if path is not None and path.is_dir() else None
    files = _files(folder) if folder is not None else [file for file in (path, items, events) if file is not None]
    if folder is not None and is_pages(folder):
        files = [folder]
    peeks = _peeks(list(dict.fromkeys([*(file for file in (items, events) if file is not None), *files])))
    tables = {file: one.table for file, one in peeks.items()}
    found = _by_layout(tables, items, events, among) or (None if among else _by_columns(tables, items, events))
    if found is None:
        raise SourceError(_nothing(path or items or Path(), files, tables, among))
    if items is None and events is None:
        found = _with_parts(found, tables)
    used = {found.items, *found.more_items, *found.events}
    unused = [file for file in files if file not in used]
    start = folder or (found.items or found.events[0]).parent
    return Source(
        items=found.items,
        events=found.events,
        more_items=found.more_items,
        images=images or find_images(start),
        layout=found.layout,
        unused=tuple(unused),
        whole={file: peeks[file].table for file in used if file in peeks and peeks[file].is_whole},
    )


def find_images(folder: Path) -> Path | None:
    """The folder of pictures in a source's folder, if there is one."""
    return next((folder / name for name in _IMAGE_FOLDERS if (folder / name).is_dir()), None)


def _with_parts(source: Source, tables: Mapping[Path, Table]) -> Source:
    """The source with the files that go on its tables: of the same columns, told apart by numbers in their names."""
    events = [part for file in source.events for part in (file, *_more_parts(file, tables))]
    if source.items in events[1:]:  # parts of a log, which is no catalog
        return replace(source, items=None, events=tuple(sorted(events)))
    more = _more_parts(source.items, tables) if source.items is not None else ()
    taken = {source.items, *source.events}
    return replace(
        source,
        events=tuple(dict.fromkeys(events)),
        more_items=tuple(file for file in more if file not in taken),
    )


def _more_parts(file: Path, tables: Mapping[Path, Table]) -> tuple[Path, ...]:
    if file not in tables:
        return ()
    stem = _numberless(file)
    columns = {plain(name) for name in tables[file].columns}
    return tuple(
        other
        for other, table in tables.items()
        if other != file and _numberless(other) == stem and {plain(name) for name in table.columns} == columns
    )


def _numberless(file: Path) -> str | None:
    """A file's name without its numbers; itself where it has none."""
    found = _NUMBERS.sub("#", file.name.lower())
    return found if "#" in found else file.name


def matching_part(table: Table, part: Part) -> bool:
    """Whether a table has the columns of a part, and what else is true of it."""
    names = {plain(name) for name in table.columns}
    wanted = [{spelling} if isinstance(spelling, str) else set(spelling) for spelling in part.columns]
    return all(names & spellings for spellings in wanted) and (part.is_like is None or part.is_like(table))


def _home(folder: Path) -> Path:
    """The folder itself, or the only one in it, as archives have it."""
    entries = [entry for entry in sorted(folder.iterdir()) if not entry.name.startswith((".", "__"))]
    inner = [entry for entry in entries if entry.is_dir() and entry.name.lower() not in _IMAGE_FOLDERS]
    if len(inner) == 1 and not any(entry.is_file() and is_table(entry) for entry in entries):
        return _home(inner[0])
    return folder


def _files(folder: Path) -> list[Path]:
    entries = [entry for entry in sorted(folder.iterdir()) if not entry.name.startswith((".", "_"))]
    return [entry for entry in entries if entry.is_file() or _holds_parts(entry)]


def _holds_parts(folder: Path) -> bool:
    """Whether a folder is of the part files of one table, as programs for large data write them."""
    if not folder.is_dir() or folder.name.lower() in _IMAGE_FOLDERS:
        return False
    inner = [entry for entry in sorted(folder.rglob("*")) if entry.is_file() and not entry.name.startswith((".", "_"))]
    return bool(inner) and all(is_table_name(entry) and not is_prose(entry) for entry in inner)


def _peeks(files: Sequence[Path]) -> dict[Path, Peek]:
    """The first rows of every table that can be read. Raises SourceError for the only one, where it cannot."""
    found: dict[Path, Peek] = {}
    candidates = [file for file in files if file.is_dir() or is_table(file)][:_MOST_TABLES]
    for file in candidates:
        try:
            found[file] = peek(file)
        except SourceError:
            if len(candidates) == 1:
                raise
    return found


def _by_layout(
    tables: Mapping[Path, Table], items: Path | None, events: Path | None, among: Sequence[str] | None
) -> Source | None:
    """The layout that tells most columns of these tables."""
    best: tuple[int, Source] | None = None
    for layout in LAYOUTS:
        if among is not None and layout.name not in among:
            continue
        found = _match(layout, tables, items, events)
        if found is not None and (best is None or found[0] > best[0]):
            best = found
    return None if best is None else best[1]


def _match(
    layout: Layout, tables: Mapping[Path, Table], items: Path | None, events: Path | None
) -> tuple[int, Source] | None:
    """How many columns a layout tells, and its files; None where these tables do not have it."""
    chosen: list[Path] = []
    if layout.items is not None:
        fitting = [items] if items is not None else _fitting(layout.items, tables, ())
        fitting = [file for file in fitting if file in tables and matching_part(tables[file], layout.items)]
        if not fitting:
            return None
        chosen = fitting[:1]
    others: list[Path] = []
    if layout.events is not None:
        wanted = [events] if events is not None else _fitting(layout.events, tables, chosen)
        others = [file for file in wanted if file in tables and matching_part(tables[file], layout.events)]
        if not layout.events.is_split:
            others = others[:1]
        if not others and (layout.items is None or layout.needs_events):
            return None
    parts = [part for part, files in ((layout.items, chosen), (layout.events, others)) if part is not None and files]
    num_columns = sum(len(part.columns) + (part.is_like is not None) for part in parts)
    rest = {file: table for file, table in tables.items() if file not in (*chosen, *others)}
    if not others:  # events of no known layout, beside items of this one
        known = tables[chosen[0]] if chosen else None
        others = [events] if events is not None else _best_events(rest, known) or _linked_events(rest, known)
        layout = replace(layout, events=None)
    if layout.items is None:  # items of no known layout, beside events of this one
        if layout.has_vectors:  # where items are numbers, a table of other numbers would not be theirs
            rest = {file: table for file, table in rest.items() if "item id" in map(plain, table.columns)}
        chosen = [items] if items is not None else _best_items(rest)
    return num_columns, Source(items=chosen[0] if chosen else None, events=tuple(others), layout=layout)


def _fitting(part: Part, tables: Mapping[Path, Table], taken: Sequence[Path]) -> list[Path]:
    """The files that have a part's columns, those whose names say so first."""
    files = [file for file, table in tables.items() if file not in taken and matching_part(table, part)]
    return sorted(files, key=lambda file: not any(word in file.name.lower() for word in part.names))


def _by_columns(tables: Mapping[Path, Table], items: Path | None, events: Path | None) -> Source | None:
    """The tables that serve best as items and as events."""
    as_items = {file: _as_items(file, table) for file, table in tables.items()}
    as_events = {file: _as_events(file, table) for file, table in tables.items()}
    if items is None and events is None and len(tables) == 1:
        (file,) = tables
        if is_matrix(tables[file]):
            return Source(items=None, events=(file,))
        if as_events[file] >= 2 and as_events[file] > as_items[file]:
            return Source(items=None, events=(file,))
        return Source(items=file)
    if items is None:
        ranked = [file for file in tables if file != events and as_items[file] > 0]
        ranked.sort(key=lambda file: as_events[file] - as_items[file])
        items = ranked[0] if ranked and as_items[ranked[0]] > 0 else _named_by_others(tables, events)
    if events is None:
        rest = {file: table for file, table in tables.items() if file != items}
        known = tables.get(items) if items is not None else None
        best = _best_events(rest, known)
        events = next(iter(_lines_of(best, rest, known) or best or _linked_events(rest, known)), None)
    if items is None and events is None:
        return None
    return Source(items=items, events=() if events is None else (events,))


def _best_events(tables: Mapping[Path, Table], items: Table | None = None) -> list[Path]:
    """The table that serves best as events, if any does, those first that have the items' column of ids."""
    scores = {file: _as_events(file, table) for file, table in tables.items()}
    own = {plain(name) for name in (() if items is None else items.columns) if _is_item_id(name)} - {"id"}
    names = {file: {plain(name) for name in table.columns} for file, table in tables.items()}
    fitting = [file for file in tables if scores[file] > _LEAST_EVENTS]
    return sorted(fitting, key=lambda file: -scores[file] - 2.0 * bool(own & names[file]))[:1]


def _linked_events(tables: Mapping[Path, Table], items: Table | None) -> list[Path]:
    """The table whose cells name items, and that says who or when beside it; whatever its columns are called."""
    if items is None:
        return []
    keys = _keys_of(items) | _keys_like_numbers(items)
    matrices = [file for file, table in tables.items() if is_matrix(table, list(keys.values()))]
    if matrices:
        return matrices[:1]
    found = [(-_link(table, keys), file) for file, table in tables.items()]
    return [file for share, file in sorted(found) if -share >= _LEAST_LINKED][:1]


def _named_by_others(tables: Mapping[Path, Table], events: Path | None) -> Path | None:
    """The table whose rows another one names again and again: items by what joins tables, in whatever language."""
    found: list[tuple[float, int, Path]] = []
    for file, table in tables.items():
        others = {other: t for other, t in tables.items() if other != file and events in (None, other)}
        keys = _keys_of(table)
        for other in others.values() if file != events else ():
            repeated = [name for name, look in looks_of(other).items() if look.distinct < 1 and look.num_filled]
            shares = [link_share(other.columns[name], key) for name in repeated for key in keys.values()]
            share = max(shares, default=0.0)
            if share >= _LEAST_JOINED:
                found.append((-share, -len(table.columns), file))
    return min(found)[2] if found else None


def _keys_like_numbers(table: Table) -> dict[str, list[str]]:
    """The columns of codes that look like fractions (10.045), as they are written."""
    unique = [name for name, look in looks_of(table).items() if look.is_float and look.distinct == 1]
    return {name: ids(table.columns[name]).values.to_pylist() for name in unique if not _has_price(name)}


def _has_price(name: str) -> bool:
    return speaks_for(name, ITEM_PHRASES["price"]) >= _SURE


def _keys_of(table: Table) -> dict[str, list[str]]:
    """The columns of a table that tell its rows apart, with their cells."""
    looks = looks_of(table).items()
    unique = [n for n, look in looks if look.is_id and look.distinct == 1 and (not look.is_timed or is_short(look))]
    return {name: ids(table.columns[name]).values.to_pylist() for name in unique}


def _lines_of(best: Sequence[Path], tables: Mapping[Path, Table], items: Table | None) -> list[Path]:
    """The table of the lines of what serves best as events, where that names no item: orders, and what was ordered."""
    if not best or items is None:
        return []
    keys, heads = _keys_of(items), tables[best[0]]
    if any(link_share(column, key) > 0 for column in _flat(heads) for key in keys.values()) or object_lists(heads):
        return []
    own = _keys_of(heads)
    lines = {
        file: table
        for file, table in tables.items()
        if file != best[0]
        and any(
            plain(name) in map(plain, own) and link_share(table.columns[name], own_key) >= _LEAST_JOINED
            for name in table.columns
            for key, own_key in own.items()
            if plain(key) == plain(name)
        )
    }
    shares = {
        file: max((link_share(column, key) for column in _flat(table) for key in keys.values()), default=0.0)
        for file, table in lines.items()
    }
    joined = [file for file in lines if shares[file] >= _LEAST_JOINED]
    return sorted(joined, key=lambda file: -len(lines[file]))[:1]


def _flat(table: Table) -> list[Column]:
    """The columns of plain cells."""
    return [column for column in table.columns.values() if not isinstance(column, list)]


def _link(table: Table, keys: Mapping[str, Sequence[str]]) -> float:
    """The share of a table's cells in one column that are keys of items; 0 where nothing beside says who or when.

    Where the column is called like the items' key, any column beside it that is no picture may say who.
    """
    looks = looks_of(table)
    named = {word for name in keys for word in (plain(name), plain(name).split()[0])}
    tokens = [
        name
        for name, look in looks.items()
        if (not look.is_timed or is_short(look)) and (look.is_id or (look.is_float and plain(name) in named))
    ]
    shares = {
        name: max((link_share(table.columns[name], key) for key in keys.values()), default=0.0) for name in tokens
    }
    column = max(shares, key=lambda name: shares[name], default=None)
    others = [name for name in looks if name != column]
    is_told = any(looks[n].is_timed or speaks_for(n, EVENT_PHRASES["user_id"]) >= _SURE for n in others)
    if column is None or len(tokens) < 2:
        return 0.0
    is_named = plain(column) != "id" and plain(column) in map(plain, keys) and looks[column].distinct < 1
    return shares[column] if is_told or is_named else 0.0


def _is_item_id(name: str) -> bool:
    return speaks_for(name, ITEM_PHRASES["item_id"]) >= _SURE


def _best_items(tables: Mapping[Path, Table]) -> list[Path]:
    """The table that serves best as items beside events that are known, if any does."""
    scores = {file: _as_items(file, table) for file, table in tables.items()}
    fitting = sorted((file for file in tables if scores[file] >= _LEAST_ITEMS), key=lambda file: -scores[file])
    return fitting[:1]


def _as_items(file: Path, table: Table) -> float:
    """How well a table serves as items, by its columns and its file's name."""
    score = 2.0 * _is_called(file, ITEM_WORDS)
    score += 1.0 * _has(table, ITEM_PHRASES["item_id"])
    score += sum(0.5 * _has(table, ITEM_PHRASES[role]) for role in ("title", "text", "image", "price"))
    return score - 1.5 * _has(table, EVENT_PHRASES["user_id"])


def _as_events(file: Path, table: Table) -> float:
    """How well a table serves as events, by its columns, those of what it lists, and its file's name."""
    if _is_nameless(table):
        return 2.5 * _is_log(table)
    for name in object_lists(table)[:1]:
        rows = unrolled(table.head(_NUM_UNROLLED), name)
        if _has(rows, EVENT_PHRASES["user_id"]) and _has(rows.select(_within(rows, name)), EVENT_PHRASES["item_id"]):
            table = rows
    score = 2.0 * _is_called(file, EVENT_WORDS) + 2.0 * is_matrix(table)
    score += 1.5 * _has(table, EVENT_PHRASES["user_id"]) + 0.5 * _has(table, EVENT_PHRASES["item_id"])
    return score + sum(0.5 * _has(table, EVENT_PHRASES[role]) for role in ("timestamp", "rating", "quantity"))


def _within(rows: Table, name: str) -> list[str]:
    """The columns of what a column listed."""
    return [column for column in rows.columns if column.startswith(f"{name}.")]


def _is_nameless(table: Table) -> bool:
    return bool(table.columns) and all(name == f"column_{n}" for n, name in enumerate(table.columns, 1))


def _is_log(table: Table) -> bool:
    """Whether a table without header is a log: two columns of ids that come again, and none that tells rows apart."""
    looks = [look for look in looks_of(table.head(_NUM_LOOKED_AT)).values() if look.num_filled]
    tokens = [look for look in looks if look.is_id and not look.is_timed]
    is_short = all(look.mean_words <= 2 for look in looks)
    return len(tokens) > 1 and is_short and all(look.distinct < 1 for look in tokens)


def _is_called(file: Path, names: Sequence[str]) -> bool:
    words = plain(file.name.split(".")[0]).split()
    return any(plain(name) in words for name in names)


def _has(table: Table, phrases: Sequence[str]) -> bool:
    return any(speaks_for(name, phrases) >= _SURE for name in table.columns)


def _nothing(path: Path, files: Sequence[Path], tables: Mapping[Path, Table], among: Sequence[str] | None) -> str:
    """Why nothing fits, in one line."""
    seen = "; ".join(f"{file.name}: {', '.join(list(table.columns)[:12])}" for file, table in list(tables.items())[:4])
    if among is not None:
        return f"{path} holds none of {', '.join(among)} (found {seen or _listed(files)}); try the source 'files'"
    if not tables:
        return f"{path} holds no table that can be read (found {_listed(files)}); wanted CSV, JSON, Parquet …"
    return f"{path} holds no items ({seen}); name them, as in --items FILE --map item_id=COLUMN"


def _listed(files: Sequence[Path]) -> str:
    return ", ".join(file.name for file in files[:6]) or "nothing"
