"""Brings logs of sessions, of listening and of watching into one row per event, and makes the items that they name.

Knows OTTO, YOOCHOOSE, Last.fm's scrobbles and play counts, Letterboxd's exports and the Netflix Prize. Tables without
header are told by what their cells hold.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from genrec.data.layouts.beside import files_beside
from genrec.data.layouts.blocks import NOTE as BLOCKS
from genrec.data.layouts.cells import column_called, converted, rebuilt, renamed, texts, with_columns
from genrec.data.layouts.layout import Shaped
from genrec.data.layouts.names import plain
from genrec.data.layouts.nested import unrolled
from genrec.data.layouts.shapes_logs import items_in_events
from genrec.data.tables import Table, read_table
from genrec.errors import SourceError

_NUM_LOOKED_AT = 200
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?")
_NUMBER = re.compile(r"\d+")
_YEAR = re.compile(r"1[89]\d\d|20\d\d|NULL|")
_CATEGORY = re.compile(r"S|\d{1,2}|\d{8,10}")
_OTTO_KINDS = {"0": "clicks", "1": "carts", "2": "orders"}
_ONE_PERSON = "me"  # who an export is of, where nothing says it
_FILM_ROW = re.compile(r"(\d+),(NULL|\d{4}|),(.+)")
_WORD = re.compile(r"[^\W\d_]")


def _share(table: Table, name: str, pattern: re.Pattern[str], *, blank: bool = False) -> float:
    """The share of the first cells of a column that are like a pattern; blank: those that are empty count, too."""
    said = texts(table.head(_NUM_LOOKED_AT), name)
    filled = said if blank else [cell for cell in said if cell]
    return sum((blank and not cell) or pattern.fullmatch(cell) is not None for cell in filled) / max(1, len(filled))


def _is_headless(table: Table, *widths: int) -> bool:
    """Whether a table has no header and so many columns."""
    names = list(table.columns)
    return len(names) in widths and bool(len(table)) and names == [f"column_{n}" for n in range(1, len(names) + 1)]


# ---- OTTO


def otto_sessions(table: Table) -> Shaped:
    """Sessions with the list of what was clicked, carted and ordered, or a row for each of these, kinds as numbers."""
    listed = column_called(table, "events")
    rows = table if listed is None else unrolled(table, listed)
    kind = column_called(rows, "type")
    if kind is not None and set(texts(rows.head(_NUM_LOOKED_AT), kind)) <= _OTTO_KINDS.keys():
        rows = with_columns(rows, {kind: [_OTTO_KINDS.get(said) for said in texts(rows, kind)]})
    notes = () if listed is None else (f"{len(rows):,} events are the elements of {listed!r} in {len(table):,} rows",)
    return Shaped(table=rows, roles={}, notes=notes)


def is_otto(table: Table) -> bool:
    """Whether sessions list events with an aid and a time."""
    listed = column_called(table, "events")
    column = [] if listed is None else table.columns[listed]
    first = column[0] if isinstance(column, list) and column else None
    events = first if isinstance(first, list) else []
    return bool(events) and isinstance(events[0], dict) and {"aid", "ts"} <= events[0].keys()


# ---- YOOCHOOSE


def is_yoochoose(table: Table) -> bool:
    """Whether a table without header has a session, a moment and an item, and behind these a category, or a price and
    a quantity."""
    if not _is_headless(table, 4, 5) or min(_share(table, f"column_{n}", _NUMBER) for n in (1, 3)) < 1:
        return False
    is_click = len(table.columns) == 4 and _share(table, "column_4", _CATEGORY, blank=True) == 1
    is_buy = len(table.columns) == 5 and min(_share(table, f"column_{n}", _NUMBER) for n in (4, 5)) == 1
    return _share(table, "column_2", _MOMENT) == 1 and (is_click or is_buy)


def yoochoose_log(table: Table) -> Shaped:
    """Clicks with the category they came from, or what was bought with its price."""
    is_buy = len(table.columns) == 5
    names = ("session", "timestamp", "item_id", *(("price", "quantity") if is_buy else ("category",)))
    named = renamed(table, dict(zip(table.columns, names, strict=True)))
    kind = pa.chunked_array([pa.repeat(pa.scalar("purchase" if is_buy else "click"), len(table))])
    if is_buy:  # 0 stands for a price or a quantity that is not known
        for name in ("price", "quantity"):
            named = with_columns(named, {name: [None if said == "0" else said for said in texts(named, name)]})
    roles = {"user_id": ("session",), "item_id": ("item_id",), "timestamp": ("timestamp",), "kind": ("kind",)}
    return Shaped(table=with_columns(named, {"kind": kind}), roles=roles)


def yoochoose_items(table: Table) -> Shaped:
    """The items of clicks, with the last category that says something, and the last price above 0."""
    kept = {}
    for name in ("category", "price"):
        if name in table.columns:
            column = table.columns[name]
            said = pa.chunked_array([pa.array(texts(table, name))]) if isinstance(column, list) else column
            kept[name] = pc.if_else(pc.is_in(said.cast(pa.string()), pa.array(["0", "S"])), "", said.cast(pa.string()))
    price = "price" if "price" in kept else None
    found = items_in_events(with_columns(table, kept), "item_id", commonest=[], last=[*kept], title=None, price=price)
    category = "category" if "category" in kept else None
    return replace(found, table=converted(found.table, category, lambda number: [number]))


# ---- Last.fm


def is_scrobbles(table: Table) -> bool:
    """Whether a table without header has a person, a moment, an artist and a track, each with an id that may be absent
    and a name."""
    if not _is_headless(table, 6) or _share(table, "column_2", _MOMENT) < 1:
        return False
    return min(_share(table, name, _UUID, blank=True) for name in ("column_3", "column_5")) > 0.9


def scrobbles(table: Table) -> Shaped:
    """Plays of tracks; a track without an id is told by its artist's name and its own."""
    names = ("user_id", "timestamp", "artist_id", "artist", "track_id", "track")
    named = renamed(table, dict(zip(table.columns, names, strict=True)))
    tracks = zip(*(texts(named, name) for name in ("track_id", "artist", "track")), strict=True)
    ids = [track_id or " - ".join(filter(None, (artist, track))) for track_id, artist, track in tracks]
    return Shaped(
        table=with_columns(named, {"item_id": ids}),
        roles={"user_id": ("user_id",), "item_id": ("item_id",), "timestamp": ("timestamp",)},
        left_out={"artist_id": "another id of the artist", "track_id": "it is the item's id, where it is there"},
    )


def scrobbled_items(table: Table) -> Shaped:
    """The tracks that plays name."""
    return items_in_events(table, "item_id", commonest=["track", "artist"], last=[], title="track", price=None)


def is_play_counts(table: Table) -> bool:
    """Whether a table without header has a person, an artist's id that may be absent, its name, and a count."""
    if not _is_headless(table, 4) or _share(table, "column_4", _NUMBER) < 1:
        return False
    has_names = _share(table, "column_3", re.compile(r".*[^\W\d_].*")) > 0.5
    is_uuid = _share(table, "column_2", _UUID, blank=True) > 0.9 and _share(table, "column_2", _UUID) == 1
    return has_names and is_uuid and any(texts(table.head(_NUM_LOOKED_AT), "column_2"))


def play_counts(table: Table) -> Shaped:
    """How often each person played each artist; an artist without an id is told by the name."""
    names = ("user_id", "artist_id", "artist", "plays")
    named = renamed(table, dict(zip(table.columns, names, strict=True)))
    ids = [own or name for own, name in zip(texts(named, "artist_id"), texts(named, "artist"), strict=True)]
    return Shaped(
        table=with_columns(named, {"item_id": ids}),
        roles={"user_id": ("user_id",), "item_id": ("item_id",), "amount": ("plays",)},
        left_out={"artist_id": "it is the item's id, where it is there"},
    )


def played_artists(table: Table) -> Shaped:
    """The artists that counts name."""
    return items_in_events(table, "item_id", commonest=["artist"], last=[], title="artist", price=None)


# ---- Letterboxd


def letterboxd_log(table: Table) -> Shaped:
    """The films that one person rated or watched; files beside add what the first says nothing of.

    The addresses of diaries are those of entries, so films are told by name and year.
    """
    tables, files = [table], []
    for file in files_beside(table.path) if column_called(table, "rating") else ():
        other = _read(file) if file.suffix.lower() == ".csv" and "watchlist" not in file.stem.lower() else None
        if other is not None and all(column_called(other, name) for name in _ENTRY):
            tables.append(other)
            files.append(file)
    rows: dict[str, list[object]] = {name: [] for name in ("user_id", "item_id", "date", "rating", "kind", *_FILM)}
    seen, lines, person = set[str](), list[int](), _owner(table.path)
    for one in tables:
        watched = column_called(one, "watched date") or column_called(one, "date")
        columns = [texts(one, name) for name in (*(column_called(one, name) for name in _ENTRY[:3]), watched)]
        ratings = texts(one, column_called(one, "rating"))
        said = "watchlist" if "watchlist" in one.path.stem.lower() else "watch"
        for line, title, year, link, date, rating in zip(one.lines, *columns, ratings, strict=True):
            item_id = f"{title} ({year})" if year else title
            if one is not table and item_id in seen:
                continue
            seen.add(item_id)
            values = (person, item_id, date, rating or None, "rating" if rating else said, title, year or None, link)
            for column, value in zip(rows.values(), values, strict=True):
                column.append(value)
            lines.append(int(line))
    if not any(rows["rating"]):
        del rows["rating"]
    notes = (f"an export names nobody, so all its events are of one person, {person!r}",)
    named = {"user_id": "user_id", "item_id": "item_id", "timestamp": "date", "rating": "rating", "kind": "kind"}
    roles = {role: (name,) for role, name in named.items() if name in rows}
    used = {*_ENTRY, "rating", "watched date"}
    left_out = {name: _OF_ENTRY for one in tables for name in one.columns if plain(name) not in used}
    shaped = rebuilt(table, rows, lines)
    return Shaped(table=shaped, roles=roles, left_out=left_out, beside=tuple(files), notes=notes)


_FILM = ("title", "year", "link")
_ENTRY = ("name", "year", "letterboxd uri", "date")
_OF_ENTRY = "said of one watching, not of the film"


def letterboxd_films(table: Table) -> Shaped:
    """The films that an export names, with the year as a number and the address of the film."""
    found = items_in_events(table, "item_id", commonest=[], last=[*_FILM], title="title", price=None)
    return replace(found, roles={**found.roles, "link": ("link",)})


def _owner(path: Path) -> str:
    """Whose export it is, as the profile beside says; else one person's."""
    for file in files_beside(path):
        profile = _read(file) if file.suffix.lower() == ".csv" else None
        name = None if profile is None else column_called(profile, "username")
        if profile is not None and name is not None and column_called(profile, "date joined") and len(profile):
            return texts(profile, name)[0] or _ONE_PERSON
    return _ONE_PERSON


def _read(file: Path) -> Table | None:
    try:
        return read_table(file)
    except SourceError:
        return None


# ---- Netflix Prize


def is_rating_blocks(table: Table) -> bool:
    """Whether a table was read from blocks with ratings."""
    return BLOCKS in table.notes and "rating" in table.columns


def is_prize_titles(table: Table) -> bool:
    """Whether a table without header has a number, different in every row, a year or NULL, and a title."""
    if list(table.columns)[:3] != ["column_1", "column_2", "column_3"] or len(table) < 2:
        return False
    ids, years = (texts(table.head(_NUM_LOOKED_AT), name) for name in ("column_1", "column_2"))
    is_number = all(map(_NUMBER.fullmatch, ids)) and len(set(ids)) == len(ids)
    return is_number and all(map(_YEAR.fullmatch, years)) and any(years) and _titled(table)


def _titled(table: Table) -> bool:
    said: Sequence[str] = texts(table.head(_NUM_LOOKED_AT), "column_3")
    return sum(_WORD.search(title) is not None for title in said) > 0.5 * len(said)


def prize_titles(table: Table) -> Shaped:
    """Films with their year; commas of a title, which stands unquoted, belong to it."""
    _, _, *parts = table.columns
    films = [
        (int(line), own, year, ",".join(filter(None, row)))
        for line, own, year, *row in zip(
            table.lines, *(texts(table, name) for name in ("column_1", "column_2", *parts)), strict=True
        )
    ]
    refused = []
    for row in table.refused:
        found = _FILM_ROW.fullmatch(row.content.strip())
        if found:
            films.append((row.line, found[1], found[2], found[3]))
        else:
            refused.append(row)
    films.sort()
    columns = {
        "movie_id": [own for _, own, _, _ in films],
        "title": [title.strip() for *_, title in films],
        "year": [None if year in ("", "NULL") else float(year) for _, _, year, _ in films],
    }
    shaped = rebuilt(table, columns, [line for line, *_ in films])
    return Shaped(table=replace(shaped, refused=tuple(refused)), roles={"item_id": ("movie_id",), "title": ("title",)})
