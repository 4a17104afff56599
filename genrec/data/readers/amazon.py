"""Reads Amazon Reviews: the layouts of 2014, 2018 and 2023, and the sequence files of the field's benchmarks.

    2014, 2018   reviews_X.json or X.json with meta_X.json; reviewerID, asin, unixReviewTime, overall; the metadata of
                 2014 are Python literals, one per line, not JSON
    2023         X.jsonl with meta_X.jsonl; user_id, parent_asin, timestamp in milliseconds, rating, main_category
    sequences    sequences.txt 'user asin asin …', oldest first; titles.csv; attributes.json asin → group numbers

Every file may be gzipped. PATH is the folder; items and events options name files when several are there. Pictures
are looked for in images/ as ASIN.jpg; picture addresses in the metadata are not downloaded. Sequences hold no times:
each user's events are numbered from one second on, so split such data by leave-one-out, not by time.
"""

from collections.abc import Mapping
from pathlib import Path

from genrec.data.readers.images import index_images
from genrec.data.readers.movielens import add_sequences
from genrec.data.readers.reading import Assembler, Reading, ReadOptions, clean_attributes
from genrec.data.readers.tables import Row, read_json, read_rows, require_file, table_suffix
from genrec.data.readers.values import identifier, number, unix_seconds, words
from genrec.errors import SourceError
from genrec.schema import AttributeValue, Item

_SUFFIXES = (".json", ".jsonl")
_ID_NAMES = ("parent_asin", "asin")
_USER_NAMES = ("user_id", "reviewerID")
_TIME_NAMES = ("timestamp", "unixReviewTime", "sort_timestamp")
_RATING_NAMES = ("rating", "overall")
_MAX_FEATURES = 3  # bullet points of 2018 and 2023 that follow a description


def read_amazon(path: Path | None, options: ReadOptions) -> Reading:
    """Read an Amazon Reviews folder. Raises SourceError when it holds none of the layouts."""
    if path is None or not path.is_dir():
        raise SourceError(f"Amazon folder {path or ''!s} is not there; give the folder that holds reviews and metadata")
    folder = options.images or (path / "images" if (path / "images").is_dir() else None)
    images, assembler = index_images(folder), Assembler(options, (path, options.images))
    if (path / "sequences.txt").is_file():
        return _read_sequences(path, assembler, images)
    meta_file, reviews_file = _find_files(path, options)
    for line, row in read_rows(meta_file, assembler.refuse):
        assembler.add_item(_product(row, images), meta_file, line)
    catalog = assembler.finish_items()
    for line, row in read_rows(reviews_file, assembler.refuse):
        _add_review(assembler, row, reviews_file, line)
    return assembler.finish(catalog, {"layout": f"{meta_file.name} with {reviews_file.name}"})


def _find_files(folder: Path, options: ReadOptions) -> tuple[Path, Path]:
    files = [file for file in sorted(folder.iterdir()) if file.is_file() and table_suffix(file) in _SUFFIXES]
    metas = [options.items] if options.items else [file for file in files if file.name.startswith("meta_")]
    others = [options.events] if options.events else [file for file in files if not file.name.startswith("meta_")]
    for what, found, option in (("metadata", metas, "items"), ("reviews", others, "events")):
        if len(found) != 1:
            names = ", ".join(file.name for file in found) or "none"
            raise SourceError(
                f"{folder} holds {len(found)} files of {what} ({names}); wanted one, such as meta_X.jsonl.gz with "
                f"X.jsonl.gz, or name it with the {option} option"
            )
    return require_file(metas[0]), require_file(others[0])


def _first(row: Row, names: tuple[str, ...]) -> object:
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)


def _product(row: Row, images: Mapping[str, Path]) -> Item:
    item_id = identifier(_first(row, _ID_NAMES))
    description = words(row.get("description"))
    features = row.get("features", row.get("feature"))
    bullets = words(features[:_MAX_FEATURES]) if isinstance(features, list) else ""
    details = row.get("details")
    brand = _first(row, ("brand", "store")) or (details.get("Brand") if isinstance(details, Mapping) else None)
    attributes: dict[str, AttributeValue | None] = {
        "categories": _categories(row),
        "brand": words(brand),
        "price": number(row.get("price")),
    }
    return Item(
        item_id=item_id,
        title=words(row.get("title")),
        text=" ".join(filter(None, (description, bullets))),
        attributes=clean_attributes(attributes),
        image=images.get(item_id),
    )


def _categories(row: Row) -> tuple[str, ...]:
    """The category path, broadest first: a list of lists in 2014, `category` in 2018, `categories` in 2023."""
    found = row.get("categories") or row.get("category") or row.get("main_category") or row.get("main_cat") or ()
    names = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    flat = [name for entry in names for name in (entry if isinstance(entry, list) else [entry])]
    return tuple(dict.fromkeys(filter(None, map(words, flat))))


def _add_review(assembler: Assembler, row: Row, path: Path, line: int) -> None:
    weight = number(_first(row, _RATING_NAMES))
    if weight is None:
        assembler.refuse(path, line, "rating is not a number", row)
        return
    assembler.add_event(
        identifier(_first(row, _USER_NAMES)),
        identifier(_first(row, _ID_NAMES)),
        unix_seconds(_first(row, _TIME_NAMES)),
        path,
        line,
        kind="review",
        weight=weight,
    )


def _read_sequences(folder: Path, assembler: Assembler, images: Mapping[str, Path]) -> Reading:
    titles_file, events_file = require_file(folder / "titles.csv"), require_file(folder / "sequences.txt")
    groups = _read_groups(folder / "attributes.json")
    for line, row in read_rows(titles_file, assembler.refuse):
        item_id = identifier(row.get("asin", row.get("item_id")))
        attributes: dict[str, AttributeValue] = {"groups": groups[item_id]} if groups.get(item_id) else {}
        item = Item(item_id=item_id, title=words(row.get("title")), attributes=attributes, image=images.get(item_id))
        assembler.add_item(item, titles_file, line)
    catalog = assembler.finish_items()
    add_sequences(assembler, events_file, {})
    return assembler.finish(catalog, {"layout": events_file.name})


def _read_groups(path: Path) -> dict[str, tuple[str, ...]]:
    """Anonymous category and brand numbers of each item, as texts."""
    if not path.is_file():
        return {}
    table = read_json(path)
    if not isinstance(table, dict) or not all(isinstance(numbers, list) for numbers in table.values()):
        raise SourceError(f"{path} cannot be read; wanted a JSON object, item id to a list")
    return {item_id: tuple(map(str, numbers)) for item_id, numbers in table.items()}
