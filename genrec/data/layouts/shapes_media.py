"""Brings catalogs and histories of films, music, games and news into one row per item or event.

Knows MovieLens in all its years, sequence files, ReDial's conversations, playlists, Steam's shelves and MIND's pages.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path

import numpy as np
import pyarrow as pa

from genrec.data.layouts.beside import beside, files_beside
from genrec.data.layouts.cells import (
    cells,
    column_called,
    converted,
    mappings,
    rebuilt,
    renamed,
    text,
    texts,
    with_columns,
    without_columns,
)
from genrec.data.layouts.layout import Shaped
from genrec.data.layouts.sequences import NOTE
from genrec.data.layouts.shapes_logs import items_in_events
from genrec.data.tables import Table, read_table
from genrec.data.tables.documents import parse
from genrec.data.values import times

_YEAR = re.compile(r"\((\d{4})(?:[-–]\d{0,4})?\)\s*$")
_NO_GENRES = "(no genres listed)"
_LISTED = {"director": 3, "actors": 4}  # people columns and how many names are kept
_PLOTS = ("plot", "tmdb overview", "dbpedia abstract")
_GENRES_100K = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama",
    "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
_LISTS_BY_ID = re.compile(r"\s*\{\s*\"(?:[^\"\\]|\\.)*\"\s*:\s*\[")
_MOST_ID_CHARS = 1_000
_LEAST_GROUPED = 0.05  # of the items, for a file to say their groups
_READ_ELSEWHERE = "another spelling of the title, the genres or the plot, or how the table was made"


def movies(table: Table) -> Shaped:
    """Films whose title ends with the year, which becomes an attribute, too; the title keeps it."""
    title = column_called(table, "title", "column 2")
    genres = column_called(table, "genres", "column 3")
    return Shaped(table=_with_years(_genres_split(table, genres), title), roles={})


def _genres_split(table: Table, genres: str | None) -> Table:
    return converted(
        table, genres, lambda said: [part for part in said.split("|") if part and part != _NO_GENRES] or None
    )


def _with_years(table: Table, title: str | None) -> Table:
    """A table with the year in which a film came out, as its title says, else as its own column does."""
    own = texts(table, column_called(table, "year"))
    found = [_YEAR.search(said) for said in texts(table, title)]
    years = [float(one[1]) if one else _float(said) for one, said in zip(found, own, strict=True)]
    return with_columns(table, {column_called(table, "year") or "year": years}) if any(years) else table


def _float(said: str) -> float | None:
    try:
        return float(said)
    except ValueError:
        return None


def movies_dat(table: Table) -> Shaped:
    """Films of movies.dat, which has no header."""
    named = renamed(table, {"column_1": "movieId", "column_2": "title", "column_3": "genres"})
    shaped = movies(named)
    return replace(shaped, roles={"item_id": ("movieId",), "title": ("title",)})


def is_movies_dat(table: Table) -> bool:
    """Whether a table without header has a number, a title with a year, and genres."""
    return list(table.columns) == ["column_1", "column_2", "column_3"] and _have_years(table, "column_2")


def movies_100k(table: Table) -> Shaped:
    """Films of u.item, which has no header and a column for each genre."""
    names = list(table.columns)
    flags = [texts(table, name) for name in names[5:24]]
    genres = [
        [genre for genre, said in zip(_GENRES_100K, row, strict=True) if said == "1" and genre != "unknown"]
        for row in zip(*flags, strict=True)
    ]
    named = renamed(
        without_columns(table, names[5:24]),
        dict(zip(names[:5], ("movieId", "title", "released", "video_released", "imdb_url"), strict=True)),
    )
    left_out = {
        "video_released": "empty",
        "released": "the year is the title's",
        "imdb_url": "an address of a search that is gone",
    }
    left_out |= dict.fromkeys(names[5:24], "became the genres")
    return Shaped(
        table=_with_years(with_columns(named, {"genres": genres}), "title"),
        roles={"item_id": ("movieId",), "title": ("title",)},
        left_out=left_out,
    )


def is_movies_100k(table: Table) -> bool:
    """Whether a table without header has 24 columns, the last 19 of which say 0 or 1."""
    names = list(table.columns)
    if len(names) != 24 or names[0] != "column_1" or not _have_years(table, "column_2"):
        return False
    return all(set(texts(table.head(50), name)) <= {"0", "1"} for name in names[5:])


def _have_years(table: Table, name: str) -> bool:
    said = texts(table.head(200), name)
    return sum(_YEAR.search(one) is not None for one in said) >= 0.5 * max(1, len(said))


def is_ratings_dat(table: Table) -> bool:
    """Whether a table without header has a person, a film, a rating and a time in seconds."""
    if list(table.columns) != [f"column_{place}" for place in (1, 2, 3, 4)] or not len(table):
        return False
    try:
        ratings = np.array(texts(table.head(200), "column_3"), np.float64)
        times = np.array(texts(table.head(200), "column_4"), np.float64)
    except ValueError:
        return False
    return bool((ratings >= 0).all() and (ratings <= 10).all() and (times > 3e8).all() and (times < 4e9).all())


def movies_with_plots(table: Table) -> Shaped:
    """MovieLens joined with plots and people: the fields that say something of the film."""
    columns: dict[str, Sequence[object]] = {}
    for name, num_kept in _LISTED.items():
        said = texts(table, column_called(table, name))
        columns[name] = [_people(one, num_kept) for one in said]
    plots = [texts(table, column_called(table, name)) for name in _PLOTS]
    columns["text"] = [
        next(filter(None, (" ".join(plot.split()) for plot in row)), None) for row in zip(*plots, strict=True)
    ]
    item_id = column_called(table, "item id", "movie id")
    assert item_id is not None
    wanted = [column_called(table, name) for name in ("title", "genres", "year", "rated")]
    kept = [item_id, *filter(None, wanted)]
    named = with_columns(_genres_split(table.select(kept), "genres"), columns)
    left_out = {name: _READ_ELSEWHERE for name in table.columns if name not in named.columns}
    return Shaped(
        table=_with_years(named, "title"),
        roles={"item_id": (item_id,), "title": ("title",), "text": ("text",)},
        left_out=left_out,
    )


def _people(said: str, num_kept: int) -> list[str] | None:
    """The names of people without what they did, the first ones."""
    people = [re.sub(r"\s*\(.*?\)", "", person).strip() for person in said.split(",")]
    return [person for person in people if person][:num_kept] or None


def is_sequence_table(table: Table) -> bool:
    """Whether a table was read from a sequence file."""
    return NOTE in table.notes


def sequence_events(table: Table) -> Shaped:
    """Events of a sequence file; one second apart up to each person's last time, where a file beside says it."""
    file = beside(table.path, "user_last_timestamp")
    if file is None:
        return Shaped(table=table, roles={}, notes=("the order of events is known, and no time",))
    last = read_table(file)
    known = dict(zip(texts(last, "user_id"), texts(last, "last_timestamp"), strict=True))
    users = texts(table, "user_id")
    starts = [place for place, line in enumerate(table.lines) if place == 0 or line != table.lines[place - 1]]
    times = np.zeros(len(users), np.int64)
    for start, end in zip(starts, [*starts[1:], len(users)], strict=True):
        count = end - start
        said = _float(known.get(users[start], ""))
        times[start:end] = (int(said) if said is not None else count) - count + 1 + np.arange(count)
    column = pa.chunked_array([pa.array(times * 1000, pa.timestamp("ms"))])
    return Shaped(
        table=with_columns(table, {"timestamp": column}),
        roles={"timestamp": ("timestamp",)},
        beside=(file,),
        notes=("only the last time of each person is known: their events are set one second apart up to it",),
    )


def titles_with_groups(table: Table) -> Shaped:
    """Titles of a sequence file's items, with the numbers of their groups, where a file beside says them."""
    item_id = column_called(table, "asin", "item id")
    assert item_id is not None
    return _with_groups(table, item_id)


def sequence_items(table: Table) -> Shaped:
    """The items that sequences name, with the numbers of their groups, where a file beside says them."""
    item_id = column_called(table, "item id")
    assert item_id is not None
    found = items_in_events(table, item_id, commonest=[], last=[], title=None, price=None)
    grouped = _with_groups(found.table, item_id)
    return replace(grouped, roles=found.roles)


def _with_groups(table: Table, item_id: str) -> Shaped:
    """A table of items with their groups, such as categories and brands by number, of the JSON object beside it that
    maps most of their ids to lists."""
    own = texts(table, item_id)
    known = set(own)
    best: tuple[float, Path, Mapping[str, list[object]]] = (_LEAST_GROUPED, table.path, {})
    for file in files_beside(table.path):
        found = _lists_by_id(file) if file.suffix.lower() == ".json" else None
        if found is not None:
            best = max(best, (sum(one in known for one in found) / max(1, len(known)), file, found), key=itemgetter(0))
    _, file, lists = best
    if not lists:
        return Shaped(table=table, roles={})
    groups = [[part for part in map(text, lists.get(one, ())) if part] or None for one in own]
    return Shaped(table=with_columns(table, {"groups": groups}), roles={}, beside=(file,))


def _lists_by_id(file: Path) -> Mapping[str, list[object]] | None:
    """A JSON object of lists; None where a file is none."""
    try:
        with file.open(encoding="utf-8") as stream:
            if not _LISTS_BY_ID.match(stream.read(_MOST_ID_CHARS)):
                return None
        found = parse(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and all(isinstance(listed, list) for listed in found.values()) else None


def redial_conversations(table: Table) -> Shaped:
    """What the seeker of each conversation said of its films: liked 1, disliked 0, and 2 for no answer."""
    rows: dict[str, list[object]] = {name: [] for name in ("user_id", "item_id", "title", "liked", "seen", "suggested")}
    lines = []
    names = [column_called(table, name) for name in ("initiator worker id", "initiator questions", "movie mentions")]
    for line, user, answers, mentions in zip(table.lines, *(cells(table, name) for name in names), strict=True):
        titles = mentions if isinstance(mentions, Mapping) else {}
        said = answers if isinstance(answers, Mapping) else {}
        for movie in dict.fromkeys([*said, *titles]):
            answer = said.get(movie)
            answer = answer if isinstance(answer, Mapping) else {}
            values = (
                text(user),
                str(movie),
                text(titles.get(movie)) or None,
                *(answer.get(name) for name in ("liked", "seen", "suggested")),
            )
            for column, value in zip(rows.values(), values, strict=True):
                column.append(value)
            lines.append(int(line))
    left_out = {name: "the talk, not what was thought of a film" for name in table.columns if name not in names}
    return Shaped(
        table=rebuilt(table, rows, lines),
        roles={"user_id": ("user_id",), "item_id": ("item_id",), "rating": ("liked",)},
        left_out=left_out,
        notes=(
            "an event is a film that the seeker of a conversation was asked about; its train and test files are joined",
        ),
    )


def spotify_playlists(table: Table) -> Shaped:
    """Tracks of playlists: a playlist is a person, its order the order of events."""
    wanted = ("pid", "track_uri", "track_name", "artist_name", "album_name", "duration_ms")
    rows: dict[str, list[object]] = {name: [] for name in wanted}
    lines = []
    for line, pid, tracks in zip(table.lines, cells(table, "pid"), cells(table, "tracks"), strict=True):
        for track in sorted(mappings(tracks), key=_position):
            rows["pid"].append(text(pid))
            for name in wanted[1:]:
                rows[name].append(track.get(name))
            lines.append(int(line))
    left_out = {name: "says something of the playlist" for name in table.columns if name not in ("pid", "tracks")}
    return Shaped(
        table=rebuilt(table, rows, lines),
        roles={"user_id": ("pid",), "item_id": ("track_uri",)},
        left_out=left_out,
        notes=("a playlist stands for a person, the order of its tracks for time",),
    )


def _position(track: Mapping[str, object]) -> float:
    place = track.get("pos")
    return float(place) if isinstance(place, int | float) else 0.0


def steam_shelves(table: Table) -> Shaped:
    """Games that people own, one a row, with the minutes they played."""
    return _exploded(
        table,
        "items",
        {"item_id": "item_id", "item_name": "item_name", "playtime_forever": "playtime_forever"},
        amount="playtime_forever",
    )


def steam_reviews(table: Table) -> Shaped:
    """Reviews of people, one a row: whether they recommend the game, and the day, where it has its year."""
    shaped = _exploded(
        table,
        "reviews",
        {"item_id": "item_id", "recommend": "recommend", "posted": "posted"},
        rating="recommend",
        timestamp="posted",
    )
    return replace(
        shaped, table=converted(shaped.table, "posted", lambda said: said.removeprefix("Posted ").rstrip("."))
    )


def _exploded(table: Table, within: str, wanted: Mapping[str, str], **roles: str) -> Shaped:
    users = texts(table, column_called(table, "user id"))
    rows: dict[str, list[object]] = {"user_id": [], **{name: [] for name in wanted}}
    lines = []
    for line, user, entries in zip(table.lines, users, cells(table, within), strict=True):
        for entry in mappings(entries):
            rows["user_id"].append(user)
            for name, source in wanted.items():
                rows[name].append(entry.get(source))
            lines.append(int(line))
    found = {"user_id": ("user_id",), "item_id": ("item_id",), **{role: (name,) for role, name in roles.items()}}
    left_out = {name: "says something of the person" for name in table.columns if name not in ("user_id", within)}
    return Shaped(table=rebuilt(table, rows, lines), roles=found, left_out=left_out)


def is_steam_200k(table: Table) -> bool:
    """Whether a table without header has a person, a game, purchase or play, and hours."""
    names = list(table.columns)
    if len(names) not in (4, 5) or names[0] != "column_1":
        return False
    return set(texts(table.head(200), "column_3")) <= {"purchase", "play"}


def steam_200k(table: Table) -> Shaped:
    """Purchases and hours of play: of a purchase the 1.0 is no amount, a game that was played counts by its hours."""
    kinds = np.array(texts(table, "column_3"))
    hours = [
        None if kind == "purchase" else amount for kind, amount in zip(kinds, cells(table, "column_4"), strict=True)
    ]
    return Shaped(
        table=with_columns(table, {"column_4": hours}),
        roles={"user_id": ("column_1",), "item_id": ("column_2",), "kind": ("column_3",), "amount": ("column_4",)},
        left_out={"column_5": "0 in every row"},
    )


def mind_news(table: Table) -> Shaped:
    """News of news.tsv, which has no header."""
    names = ("news_id", "category", "subcategory", "title", "abstract", "url", "title_entities", "abstract_entities")
    named = renamed(table, dict(zip(table.columns, names, strict=False)))
    left_out = dict.fromkeys(names[6:], "numbers of an encyclopedia")
    return Shaped(
        table=named,
        roles={"item_id": ("news_id",), "title": ("title",), "text": ("abstract",), "link": ("url",)},
        left_out=left_out,
    )


def is_mind_news(table: Table) -> bool:
    """Whether a table without header has eight columns, the first of which are numbers of news."""
    return (
        list(table.columns)[:1] == ["column_1"] and len(table.columns) == 8 and _all_match(table, "column_1", r"N\d+")
    )


def is_mind_behaviors(table: Table) -> bool:
    """Whether a table without header has five columns, the last of which are impressions."""
    return (
        list(table.columns)[:1] == ["column_1"]
        and len(table.columns) == 5
        and _all_match(table, "column_5", r"N\d+(?:-[01])?(?: .*)?")
    )


def _all_match(table: Table, name: str, pattern: str) -> bool:
    said = [one for one in texts(table.head(100), name) if one]
    return bool(said) and all(re.fullmatch(pattern, one) for one in said)


def mind_behaviors(table: Table) -> Shaped:
    """Clicks on news: those before the first page of a person, which have no time, and those on its pages."""
    _, users, _, histories, pages = (texts(table, name) for name in table.columns)
    times_ms = times(table.columns["column_3"], name="time").milliseconds
    first: dict[str, int] = {}
    for user, time_ms in zip(users, times_ms.tolist(), strict=True):
        first[user] = min(first.get(user, time_ms), time_ms)
    rows: list[tuple[str, str, int, int]] = []
    seen: set[str] = set()
    for line, user, time_ms, history, shown in zip(
        table.lines, users, times_ms.tolist(), histories, pages, strict=True
    ):
        if user not in seen:
            seen.add(user)
            rows += [(user, news, first[user], int(line)) for news in history.split()]
        rows += [(user, news, time_ms, int(line)) for news in _clicked(shown)]
    columns = {
        "user_id": [row[0] for row in rows],
        "news_id": [row[1] for row in rows],
        "time": pa.chunked_array([pa.array([row[2] for row in rows], pa.timestamp("ms"))]),
    }
    num_shown = sum(len(shown.split()) for shown in pages)
    return Shaped(
        table=rebuilt(table, columns, [row[3] for row in rows]),
        roles={"user_id": ("user_id",), "item_id": ("news_id",), "timestamp": ("time",)},
        notes=(
            f"of {num_shown:,} news that pages showed, those that were not clicked are left out",
            "clicks before a person's first page have its time, and their own order",
        ),
    )


def _clicked(shown: str) -> Iterator[str]:
    yield from (entry[:-2] for entry in shown.split() if entry.endswith("-1"))
