"""Reads any shop's own files: items and events as CSV, TSV, JSON-lines, JSON or Parquet, and a folder of pictures.

PATH is a folder, or the items file. In a folder the files are found by name (items.csv, products.parquet,
events.jsonl, transactions.csv …) and columns by name among common synonyms; options name both where that does not fit.
A column option may be held to one file: items.item_id=sku, events.item_id=article; item_id alone names the items file's
column, and the events' too where they have it. Columns of the items file that have
no other meaning become attributes. A picture is the file that the image column names, or ITEM_ID.jpg (.png, .webp …)
in the image folder; it must lie in that folder or in the items file's, links followed. Items without events are fine; a
source without any events file gives a catalog alone.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from genrec.data.catalog import STAMPS
from genrec.data.readers.images import index_images
from genrec.data.readers.reading import Assembler, Reading, ReadOptions
from genrec.data.readers.tables import TABLE_SUFFIXES, read_rows, require_file
from genrec.data.readers.values import attribute_columns, identifier, number, unix_seconds, words
from genrec.errors import SourceError
from genrec.schema import Item

ITEM_FILES = ("items", "articles", "products", "catalog", "movies", "metadata")
EVENT_FILES = ("events", "interactions", "transactions", "ratings", "reviews", "purchases", "clicks", "views")
_IMAGE_FOLDERS = ("images", "photos", "pictures", "posters")
_ITEM_ID = ("item_id", "itemid", "id", "sku", "asin", "parent_asin", "product_id", "productid", "article_id",
            "movie_id", "movieid", "isbn", "track_id", "item", "product")  # fmt: skip
ITEM_COLUMNS = {
    "item_id": _ITEM_ID,
    "title": ("title", "name", "prod_name", "product_name", "item_name"),
    "text": ("text", "description", "detail_desc", "desc", "summary", "overview", "plot"),
    "image": ("image", "image_path", "image_file", "img", "picture", "photo"),
    "audio": ("audio", "audio_path", "audio_file"),
}
EVENT_COLUMNS = {
    "user_id": ("user_id", "userid", "user", "customer_id", "reviewerid", "visitor_id", "visitorid", "session_id"),
    "item_id": _ITEM_ID,
    "timestamp": (
        "timestamp",
        "time",
        "unixreviewtime",
        "datetime",
        "date",
        "t_dat",
        "day",
        "created_at",
        "event_time",
    ),
    "kind": ("kind", "event", "event_type", "action"),
    "weight": ("weight", "rating", "score", "count", "quantity"),
}
_REQUIRED = {"item_id", "user_id", "timestamp"}


@dataclass(frozen=True, slots=True)
class _Source:
    items: Path
    events: Path | None
    images: Path | None


def read_files(path: Path | None, options: ReadOptions) -> Reading:
    """Read items, events and pictures. Raises SourceError when files or columns cannot be found."""
    source = _find_source(path, options)
    _check_targets(options.columns)
    assembler = Assembler(options, (source.items.parent, options.images))
    for item, line in read_items(source.items, options.columns, source.images, assembler):
        assembler.add_item(item, source.items, line)
    catalog = assembler.finish_items()
    if source.events is not None:
        _add_events(assembler, source.events, options.columns)
    return assembler.finish(catalog, {"items": source.items.name, "events": source.events and source.events.name})


def read_items(
    path: Path, columns: Mapping[str, str], images: Path | None, assembler: Assembler
) -> list[tuple[Item, int]]:
    """The items of one file with their line numbers; broken rows are refused. Raises SourceError."""
    pictures = index_images(images)
    rows = list(read_rows(path, assembler.refuse))
    if not rows:
        raise SourceError(f"{path} has no usable row{_refused(assembler)}; wanted at least one item")
    header = list(dict.fromkeys(name for _, row in rows for name in row))
    names = _match_columns("items", path, header, ITEM_COLUMNS, columns)
    used = {*names.values(), *STAMPS}
    attributes = attribute_columns([{k: v for k, v in row.items() if k not in used} for _, row in rows])
    items = []
    for (line, row), row_attributes in zip(rows, attributes, strict=True):
        item_id = identifier(row.get(names["item_id"]))
        item = Item(
            item_id=item_id,
            title=words(row.get(names.get("title", ""))),
            text=words(row.get(names.get("text", ""))),
            attributes=row_attributes,
            image=_picture(
                words(row.get(names.get("image", ""))),
                item_id=item_id,
                path=path,
                line=line,
                pictures=pictures,
                assembler=assembler,
            ),
            audio=_media(row.get(names.get("audio", "")), path.parent, None),
        )
        items.append((item, line))
    return items


def find_images(items: Path) -> Path | None:
    """The folder of pictures beside an items file, if there is one."""
    return next((items.parent / name for name in _IMAGE_FOLDERS if (items.parent / name).is_dir()), None)


def find_table(folder: Path, names: Sequence[str]) -> Path | None:
    """The first file of a folder that has one of these names and a table's suffix, gzipped or not."""
    suffixes = [f"{suffix}{zipped}" for suffix in TABLE_SUFFIXES for zipped in ("", ".gz")]
    paths = (folder / f"{name}{suffix}" for name in names for suffix in suffixes)
    return next((path for path in paths if path.is_file()), None)


def _find_source(path: Path | None, options: ReadOptions) -> _Source:
    if path is None and options.items is None:
        raise SourceError("no path is given; wanted a folder with items and events files, or an items file")
    if path is not None and not path.exists():
        raise SourceError(f"{path} is not there; wanted a folder with items and events files, or an items file")
    folder = path if path is not None and path.is_dir() else None
    items = options.items or (find_table(folder, ITEM_FILES) if folder else path)
    if items is None:
        names = ", ".join(ITEM_FILES)
        raise SourceError(
            f"{folder} holds no items file ({names} with {', '.join(TABLE_SUFFIXES)}); name it with items"
        )
    events = options.events or (find_table(folder, EVENT_FILES) if folder else None)
    return _Source(
        items=require_file(items),
        events=None if events is None else require_file(events),
        images=options.images or find_images(items),
    )


def _check_targets(columns: Mapping[str, str]) -> None:
    known = {"items": ITEM_COLUMNS, "events": EVENT_COLUMNS}
    for target in columns:
        table, dot, name = target.rpartition(".")
        tables = [known[table]] if table in known else [] if dot else list(known.values())
        if not any(name in names for names in tables):
            choices = ", ".join(dict.fromkeys([*ITEM_COLUMNS, *EVENT_COLUMNS]))
            raise SourceError(
                f"column target {target!r} is unknown; choose one of {choices} (items. or events. before it)"
            )


def _match_columns(
    table: str,
    path: Path,
    header: Sequence[str],
    synonyms: Mapping[str, Sequence[str]],
    columns: Mapping[str, str],
) -> dict[str, str]:
    """Target to column name, first as named by the options, then by synonym. Raises SourceError."""
    by_lower = {name.casefold().replace(" ", "_"): name for name in reversed(header)}
    taken = {name for target, name in columns.items() if target.partition(".")[0] in (table, target)}
    matched = {}
    for target, names in synonyms.items():
        own = columns.get(f"{table}.{target}")
        shared = columns.get(target)
        wanted = own or (shared if shared in header or (table, target) != ("events", "item_id") else None)
        if wanted is not None and wanted not in header:
            raise SourceError(f"column {wanted!r} (for {target}) is not in {path}; it has {', '.join(header)}")
        found = wanted or next((by_lower[n] for n in names if n in by_lower and by_lower[n] not in taken), None)
        if found is None and target in _REQUIRED:
            raise SourceError(f"{path} has no column for {target}; name it as {target}=COLUMN of {', '.join(header)}")
        if found is not None:
            matched[target] = found
    return matched


def _picture(
    value: str, *, item_id: str, path: Path, line: int, pictures: Mapping[str, Path], assembler: Assembler
) -> Path | None:
    """The picture that a cell names, else the one called like the item; what cannot be found is refused."""
    if value.startswith(("http://", "https://", "data:")):
        if item_id not in pictures:
            assembler.refuse(path, line, "picture is an address, which is not downloaded; the item stays", value)
    elif value:
        found = _media(value, path.parent, pictures)
        if found is None or not os.path.isfile(found):  # which takes names of any length
            assembler.refuse(path, line, "picture is not there; the item stays if it has more", value)
            return None
        return found
    return pictures.get(item_id)


def _media(value: object, folder: Path, pictures: Mapping[str, Path] | None) -> Path | None:
    """A media file named by a cell: relative to the items file's folder, else by stem in the image folder."""
    name = words(value)
    if not name:
        return None
    path = Path(os.path.abspath(folder / name))
    return path if os.path.isfile(path) or pictures is None else pictures.get(Path(name).stem)


def _add_events(assembler: Assembler, path: Path, columns: Mapping[str, str]) -> None:
    names: dict[str, str] = {}
    for line, row in read_rows(path, assembler.refuse):
        if not names:
            names = _match_columns("events", path, list(row), EVENT_COLUMNS, columns)
        weight = number(row.get(names["weight"])) if "weight" in names else 1.0
        if weight is None:
            assembler.refuse(path, line, "weight is not a number", row)
            continue
        assembler.add_event(
            identifier(row.get(names["user_id"])),
            identifier(row.get(names["item_id"])),
            unix_seconds(row.get(names["timestamp"])),
            path,
            line,
            kind=words(row.get(names.get("kind", ""))) or "interaction",
            weight=weight,
        )
    if not names:
        raise SourceError(f"{path} has no usable row{_refused(assembler)}; wanted at least one event")


def _refused(assembler: Assembler) -> str:
    return f" ({len(assembler.refused)} refused: {assembler.refused[0].reason})" if assembler.refused else ""
