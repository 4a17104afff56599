"""Reads MovieLens: GroupLens' own layouts, and sequence files with plots and posters beside them.

    ratings.dat + movies.dat    ml-1m, ml-10m: '::' between fields, Latin-1; users.dat is not read
    ratings.csv + movies.csv    ml-latest, ml-25m, ml-32m
    sequences.txt + movies.csv  'user movie movie …', oldest first, with user_last_timestamp.tsv

Posters are looked for in posters/ or images/ as MOVIE_ID.jpg. Sequence files say the order of events exactly but no
times: each user's events are set one second apart, ending at that user's last known time (or at the user's number of
events, when no time is known), so times across users are rough. Ratings become the events' weights.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from genrec.data.readers.images import index_images
from genrec.data.readers.reading import Assembler, Reading, ReadOptions, clean_attributes
from genrec.data.readers.tables import Row, read_lines, read_rows, require_file
from genrec.data.readers.values import identifier, number, unix_seconds, words
from genrec.errors import SourceError
from genrec.schema import AttributeValue, Item

_LAYOUTS = (("ratings.dat", "movies.dat"), ("ratings.csv", "movies.csv"), ("sequences.txt", "movies.csv"))
_YEAR = re.compile(r"\((\d{4})\)\s*$")
_NO_GENRES = "(no genres listed)"
_LISTED = {"director": 3, "actors": 4}  # people columns and how many names are kept
_PLOTS = ("plot", "tmdb_overview", "dbpedia_abstract")


def read_movielens(path: Path | None, options: ReadOptions) -> Reading:
    """Read a MovieLens folder. Raises SourceError when it holds none of the layouts."""
    events_file, movies_file = _find_layout(path)
    folder = options.images or _poster_folder(events_file.parent)
    images = index_images(folder)
    assembler = Assembler(options, (events_file.parent, options.images))
    for line, row in _movie_rows(movies_file, assembler):
        item = _movie(row, images)
        assembler.add_item(item, movies_file, line)
    catalog = assembler.finish_items()
    if events_file.name == "sequences.txt":
        add_sequences(assembler, events_file, _last_times(events_file.parent, assembler))
    else:
        _add_ratings(assembler, events_file)
    return assembler.finish(catalog, {"layout": events_file.name})


def add_sequences(assembler: Assembler, path: Path, last_times: Mapping[str, int]) -> None:
    """Take the events of a 'user item item …' file, one second apart, ending at each user's last time."""
    for line, text in read_lines(path, assembler.refuse):
        user_id, *item_ids = text.split()
        first = last_times.get(user_id, len(item_ids)) - len(item_ids) + 1
        for offset, item_id in enumerate(item_ids):
            assembler.add_event(user_id, item_id, first + offset, path, line)


def _find_layout(path: Path | None) -> tuple[Path, Path]:
    if path is None or not path.exists():
        raise SourceError(
            f"MovieLens folder {path or ''!s} is not there; give the folder that holds ratings and movies"
        )
    folder = path if path.is_dir() else path.parent
    for events, movies in _LAYOUTS:
        if (folder / events).is_file():
            return require_file(folder / events), require_file(folder / movies)
    wanted = "; ".join(" with ".join(layout) for layout in _LAYOUTS)
    raise SourceError(f"{folder} holds no MovieLens data; wanted {wanted}")


def _poster_folder(folder: Path) -> Path | None:
    return next((folder / name for name in ("posters", "images") if (folder / name).is_dir()), None)


def _movie_rows(path: Path, assembler: Assembler) -> Iterator[tuple[int, Row]]:
    if path.suffix == ".csv":
        yield from read_rows(path, assembler.refuse)
        return
    for line, text in read_lines(path, assembler.refuse, encoding="latin-1"):
        fields = text.split("::")
        if len(fields) == 3:
            yield line, dict(zip(("movieId", "title", "genres"), fields, strict=True))
        else:
            assembler.refuse(path, line, f"row has {len(fields)} fields, wanted 3", text)


def _movie(row: Row, images: Mapping[str, Path]) -> Item:
    item_id = identifier(row.get("movieId", row.get("item_id", row.get("movie_id"))))
    title = words(row.get("title"))
    year = _YEAR.search(title)
    genres = tuple(genre for genre in words(row.get("genres")).split("|") if genre and genre != _NO_GENRES)
    attributes: dict[str, AttributeValue | None] = {
        "genres": genres,
        "year": float(year[1]) if year else number(row.get("year")),
        "rated": words(row.get("rated")),
    }
    for name, num_kept in _LISTED.items():
        people = [re.sub(r"\s*\(.*?\)", "", person).strip() for person in words(row.get(name)).split(",")]
        attributes[name] = tuple(person for person in people if person)[:num_kept]
    plot = next((text for text in (words(row.get(name)) for name in _PLOTS) if text), "")
    return Item(
        item_id=item_id, title=title, text=plot, attributes=clean_attributes(attributes), image=images.get(item_id)
    )


def _add_ratings(assembler: Assembler, path: Path) -> None:
    for line, row in _rating_rows(path, assembler):
        weight = number(row.get("rating"))
        if weight is None:
            assembler.refuse(path, line, "rating is not a number", "::".join(map(str, row.values())))
            continue
        assembler.add_event(
            identifier(row.get("userId")),
            identifier(row.get("movieId")),
            unix_seconds(row.get("timestamp")),
            path,
            line,
            kind="rating",
            weight=weight,
        )


def _rating_rows(path: Path, assembler: Assembler) -> Iterator[tuple[int, Row]]:
    if path.suffix == ".csv":
        yield from read_rows(path, assembler.refuse)
        return
    for line, text in read_lines(path, assembler.refuse, encoding="latin-1"):
        fields = text.split("::")
        if len(fields) == 4:
            yield line, dict(zip(("userId", "movieId", "rating", "timestamp"), fields, strict=True))
        else:
            assembler.refuse(path, line, f"row has {len(fields)} fields, wanted 4", text)


def _last_times(folder: Path, assembler: Assembler) -> dict[str, int]:
    path = folder / "user_last_timestamp.tsv"
    if not path.is_file():
        return {}
    times = {}
    for line, row in read_rows(path, assembler.refuse):
        seconds = unix_seconds(row.get("last_timestamp"))
        if seconds is None:
            assembler.refuse(path, line, "last_timestamp is not a time", row)
        else:
            times[identifier(row.get("user_id"))] = int(seconds)
    return times
