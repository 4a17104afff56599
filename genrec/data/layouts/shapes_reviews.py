"""Brings catalogs of reviewed things into one row per item: Amazon's products, Goodreads' books, Yelp's businesses.

Knows their habits: names in lists of lists, brands behind slogans, settings as Python literals. What others think of an
item (ratings, ranks, things bought together) is left out: it is what a recommender predicts, and no new item has it.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from genrec.data.layouts.beside import beside
from genrec.data.layouts.cells import (
    cells,
    column_called,
    is_blank,
    mappings,
    rebuilt,
    text,
    texts,
    with_columns,
    without_columns,
)
from genrec.data.layouts.layout import Shaped
from genrec.data.layouts.names import plain
from genrec.data.layouts.shapes_logs import items_in_events
from genrec.data.tables import Table, read_table
from genrec.data.values import clean_text
from genrec.data.values.lists import parse_literal

OPINIONS = "what others think of it, which no new item has"
_MOST_FEATURES = 3  # bullet points that follow a description
_LEAST_SHARE = 0.05  # of the products that say a detail which becomes an attribute
_BRAND = re.compile(
    r"^(?:visit the (?P<store>.+?) store|visit amazon's (?P<page>.+?) page|brand:\s*(?P<brand>.+)|by\s+(?P<by>.+))$",
    re.IGNORECASE,
)
_CLOSED = {"0": "discontinued", "false": "discontinued"}
_AMAZON_OPINIONS = (
    "average rating", "rating number", "also buy", "also view", "rank", "sales rank", "related", "similar item",
    "bought together", "also bought", "helpful",
)  # fmt: skip
_AMAZON_ADMIN = (
    "tech1", "tech2", "fit", "videos", "details", "date", "subtitle", "image url", "image url high res",
    "image urls",
)  # fmt: skip
_AMAZON_READ = (
    "description", "features", "feature", "categories", "category", "store", "details", "im url", "image url",
    "image url high res", "images", "main category", "main cat", "brand", "author", "text",
)  # fmt: skip
_DETAILS = frozenset((
    "best sellers rank", "customer reviews", "asin", "upc", "date first available",
    "is discontinued by manufacturer", "item model number", "isbn 10", "isbn 13", "brand",
))  # fmt: skip
_NO_SHELVES = (
    "to-read", "currently-reading", "owned", "default", "favorites", "favourites", "books-i-own", "library",
    "wish-list", "to-buy", "kindle", "ebook", "ebooks", "audiobook", "audiobooks", "my-books", "own", "my-library",
    "i-own", "did-not-finish", "dnf", "abandoned", "maybe", "owned-books", "tbr", "wishlist", "unread",
    "all-time-favorites", "to-re-read", "read",
)  # fmt: skip
_MOST_SHELVES = 8
_GOODREADS_OPINIONS = ("text reviews count", "average rating", "ratings count", "similar books")
_GOODREADS_IDS = (
    "asin", "kindle asin", "isbn13", "work id", "edition information", "publication day", "publication month",
    "series", "link", "title without series", "popular shelves", "is ebook", "country code",
)  # fmt: skip


def amazon_products(table: Table) -> Shaped:
    """Products of any year: text with the first bullet points, categories broadest first, brands without slogans."""
    item_id = column_called(table, "parent asin", "asin")
    assert item_id is not None
    details = [_details(cell) for cell in cells(table, column_called(table, "details"))]
    descriptions = cells(table, column_called(table, "description"))
    features = cells(table, column_called(table, "features", "feature"))
    says: dict[str, Sequence[object]] = {
        "text": [_prose(said, points) for said, points in zip(descriptions, features, strict=True)],
        "categories": _categories(table),
        "brand": _brands(table, details),
        "images": _pictures(table),
        "author": [_author(cell) for cell in cells(table, column_called(table, "author"))],
    }
    common, notes = _common_details(details)
    taken = {plain(name) for name in (*table.columns, *says)}
    for name in common:
        label = name if plain(name) not in taken else f"{name} (details)"
        says[label] = [detail.get(name) for detail in details]
    used = [name for name in table.columns if plain(name) in _AMAZON_READ]
    shaped = with_columns(without_columns(table, used), {name: values for name, values in says.items() if any(values)})
    roles = {"item_id": (item_id,), "text": ("text",), "image": ("images",)}
    return Shaped(
        table=shaped,
        roles={role: names for role, names in roles.items() if names[0] in shaped.columns},
        left_out=_amazon_left_out(table, [name for name in used if name not in says]),
        notes=notes,
    )


def _common_details(details: Sequence[Mapping[str, str]]) -> tuple[list[str], tuple[str, ...]]:
    """The details that become attributes, and what to say of the others."""
    counts = Counter(name for detail in details for name in detail)
    named = [name for name in counts if plain(name) not in _DETAILS]
    common = [name for name in named if counts[name] >= _LEAST_SHARE * len(details)]
    notes = []
    if len(named) > len(common):
        rare = len(named) - len(common)
        notes.append(f"details left out, which fewer than {_LEAST_SHARE:.0%} of the products have: {rare:,}")
    if len(counts) > len(named):
        known = [name for name in counts if plain(name) in _DETAILS]
        notes.append(f"details left out, which are numbers of the item or ranks: {', '.join(map(repr, known))}")
    return common, tuple(notes)


def _amazon_left_out(table: Table, used: Sequence[str]) -> dict[str, str]:
    found = {name: OPINIONS for name in table.columns if plain(name) in _AMAZON_OPINIONS}
    found |= {name: "tells of the page, not of the item" for name in table.columns if plain(name) in _AMAZON_ADMIN}
    return found | dict.fromkeys(used, "read into text, categories, brand, pictures and details")


def _details(cell: object) -> dict[str, str]:
    found = parse_literal(cell) if isinstance(cell, str) and cell.strip().startswith("{") else cell
    if not isinstance(found, Mapping):
        return {}
    return {str(name): text(value) for name, value in found.items() if text(value)}


def _prose(said: object, points: object) -> str | None:
    parts: list[object] = said if isinstance(said, list) else [said]
    bullets: list[object] = points[:_MOST_FEATURES] if isinstance(points, list) else []
    return " ".join(filter(None, (text(part) for part in (*parts, *bullets)))) or None


def _categories(table: Table) -> list[list[str]]:
    """The categories of products: lists of lists in 2014, `category` in 2018, `categories` in 2023, or the main one."""
    names = (("categories",), ("category",), ("main category", "main cat"))
    columns = [cells(table, column_called(table, *name)) for name in names]
    found = []
    for row in zip(*columns, strict=True):
        said: object = next((cell for cell in row if not is_blank(cell)), [])
        entries: list[object] = said if isinstance(said, list) else [said]
        flat = [part for entry in entries for part in (entry if isinstance(entry, list) else [entry])]
        found.append(list(dict.fromkeys(filter(None, map(_category, flat)))))
    return found


def _category(part: object) -> str:
    """A category's name; that of a picture is what stands for it; code is none."""
    said = text(part)
    alt = re.search(r"""<img[^>]*\balt=["']([^"']+)["']""", said)
    return clean_text(alt[1] if alt else said)


def _brands(table: Table, details: Sequence[Mapping[str, str]]) -> list[str | None]:
    own = texts(table, column_called(table, "brand"))
    stores = texts(table, column_called(table, "store"))
    return [
        brand_of(brand or store or detail.get("Brand", "")) or None
        for brand, store, detail in zip(own, stores, details, strict=True)
    ]


def brand_of(said: str) -> str:
    """A brand without what pages say around it: Aro of 'Visit the Aro Store' and 'Brand: Aro'."""
    said = " ".join(said.split())
    found = _BRAND.match(said)
    return next(filter(None, found.groups()), "") if found else said


def _author(cell: object) -> str | None:
    return (text(cell.get("name")) if isinstance(cell, Mapping) else text(cell)) or None


def _pictures(table: Table) -> list[list[str]]:
    """The addresses of pictures: objects of sizes in 2023, lists in 2018, one in 2014."""
    sizes = ("hi_res", "large", "thumb")
    found = [
        [next((text(entry[s]) for s in sizes if text(entry.get(s))), "") for entry in mappings(cell)]
        for cell in cells(table, column_called(table, "images"))
    ]
    for name in ("image url high res", "image url", "im url"):
        for row, cell in enumerate(cells(table, column_called(table, name))):
            if not found[row]:
                found[row] = [name for part in (cell if isinstance(cell, list) else [cell]) if (name := text(part))]
    return [[name for name in names if name] for names in found]


def goodreads_books(table: Table) -> Shaped:
    """Books with the shelves that people put them on, and their authors' names where the file of authors is there."""
    names, files = dict[str, str](), []
    authors_file = beside(table.path, "goodreads_book_authors")
    if authors_file is not None:
        authors = read_table(authors_file)
        names = dict(zip(texts(authors, "author_id"), texts(authors, "name"), strict=True))
        files.append(authors_file)
    authors_of = [
        [names[i] for entry in mappings(cell) if (i := text(entry.get("author_id"))) in names]
        for cell in cells(table, column_called(table, "authors"))
    ]
    shelves = [
        [name for entry in mappings(cell) if (name := text(entry.get("name"))) and name not in _NO_SHELVES][
            :_MOST_SHELVES
        ]
        for cell in cells(table, column_called(table, "popular shelves"))
    ]
    left_out = {name: OPINIONS for name in table.columns if plain(name) in _GOODREADS_OPINIONS}
    left_out |= {
        name: "another id or spelling, or a part of the date" for name in table.columns if plain(name) in _GOODREADS_IDS
    }
    left_out["popular_shelves"] = f"the first {_MOST_SHELVES} that say something of the book became 'shelves'"
    notes = []
    if not files:
        notes.append("authors are numbers whose names stand in goodreads_book_authors.json, which is not here")
    columns = {"shelves": shelves} | ({"authors": authors_of} if files else {})
    if not files:
        left_out["authors"] = "numbers without names"
    return Shaped(
        table=with_columns(table, columns), roles={}, left_out=left_out, beside=tuple(files), notes=tuple(notes)
    )


def goodreads_interactions(table: Table) -> Shaped:
    """Events whose books are numbered again in the CSV: by the map beside it as the catalog has them."""
    mapping = beside(table.path, "book_id_map")
    notes: list[str] = []
    if mapping is not None and table.path.name.lower().split(".")[1:2] == ["csv"]:
        found = read_table(mapping)
        known = dict(zip(texts(found, "book_id_csv"), texts(found, "book_id"), strict=True))
        from genrec.data.layouts.cells import converted

        table = converted(table, "book_id", lambda book: known.get(book, book))
        notes.append(f"books are named as {mapping.name} says")
    is_read = texts(table, column_called(table, "is read"))
    kinds = ["read" if said.casefold() in ("1", "true") else "to read" for said in is_read]
    shaped = with_columns(table, {"kind": kinds}) if any(is_read) else table
    return Shaped(
        table=shaped,
        roles={"kind": ("kind",)} if any(is_read) else {},
        beside=() if mapping is None or not notes else (mapping,),
        notes=tuple(notes),
    )


def yelp_businesses(table: Table) -> Shaped:
    """Businesses with their settings, which are texts of Python's; those that are closed are not available."""
    settings = [_settings(cell) for cell in cells(table, column_called(table, "attributes"))]
    kept = Counter(name for found in settings for name in found)
    common = [name for name, count in kept.items() if count >= max(1, _LEAST_SHARE * len(table))]
    columns: dict[str, Sequence[object]] = {
        (name if name not in table.columns else f"{name} (attributes)"): [found.get(name) for found in settings]
        for name in common
    }
    is_open = texts(table, column_called(table, "is open"))
    columns["availability"] = [_CLOSED.get(said.casefold()) for said in is_open]
    reasons = {
        "stars": OPINIONS, "review count": OPINIONS, "hours": "when it is open", "latitude": "a place on the map",
        "longitude": "a place on the map", "address": "a place on the map", "is open": "became the availability",
        "attributes": "became attributes of their own", "open": "became the availability",
    }  # fmt: skip
    left_out = {name: reasons[plain(name)] for name in table.columns if plain(name) in reasons}
    rest = len(kept) - len(common)
    notes = (
        (f"{rest:,} settings that fewer than {_LEAST_SHARE:.0%} of the businesses have were left out",) if rest else ()
    )
    shaped = with_columns(without_columns(table, [column_called(table, "attributes")]), columns)
    return Shaped(table=shaped, roles={"availability": ("availability",)}, left_out=left_out, notes=notes)


def _settings(cell: object) -> dict[str, object]:
    """Settings by name: truths, words, and of several the ones that hold."""
    found: dict[str, object] = {}
    for name, said in cell.items() if isinstance(cell, Mapping) else ():
        value = parse_literal(said) if isinstance(said, str) else said
        value = said if value is None else value
        if isinstance(value, Mapping):
            value = [str(inner) for inner, holds in value.items() if holds is True]
        if isinstance(value, str) and value.casefold() in ("none", "null", ""):
            value = None
        if not is_blank(value):
            found[str(name)] = value
    return found


def steam_games(table: Table) -> Shaped:
    """Games of the UCSD collection: the price after discount, the tags and specifications."""
    title = column_called(table, "app name")
    other = column_called(table, "title")
    both = [own or again for own, again in zip(texts(table, title), texts(table, other), strict=True)]
    left_out = {name: OPINIONS for name in table.columns if plain(name) in ("metascore", "sentiment")}
    left_out |= {name: "an address of others' reviews" for name in table.columns if plain(name) == "reviews url"}
    shaped = with_columns(without_columns(table, [other]), {title or "app_name": both})
    return Shaped(table=shaped, roles={}, left_out=left_out | ({other: "the same as app_name"} if other else {}))


def kaggle_games(table: Table) -> Shaped:
    """Games of Kaggle's recommendations, with the descriptions and tags of games_metadata.json beside them."""
    left_out = {
        name: OPINIONS
        for name in table.columns
        if plain(name) in ("rating", "positive ratio", "user reviews", "discount")
    }
    file = beside(table.path, "games_metadata")
    if file is None:
        return Shaped(
            table=table, roles={}, left_out=left_out, notes=("no descriptions: games_metadata.json is not here",)
        )
    more = read_table(file)
    ids = texts(more, "app_id")
    columns = {}
    for name in ("description", "tags"):
        said = dict(zip(ids, cells(more, column_called(more, name)), strict=True))
        columns[name] = [said.get(own) for own in texts(table, column_called(table, "app id"))]
    return Shaped(table=replace(with_columns(table, columns)), roles={}, left_out=left_out, beside=(file,))


_BOOK = ("title", "author", "additional authors", "publisher", "binding", "number of pages", "year published", "isbn13")
_LIBRARY_READ = {*_BOOK, "book id", "my rating", "date read", "date added", "exclusive shelf"}


def goodreads_library(table: Table) -> Shaped:
    """The books of one reader's library: rated, read, or wished for, by the shelf that each stands on."""
    own = {name: column_called(table, name) for name in _LIBRARY_READ}
    read, added = texts(table, own["date read"]), texts(table, own["date added"])
    ratings = [rating if rating not in ("", "0") else None for rating in texts(table, own["my rating"])]
    columns: dict[str, Sequence[object]] = {
        "user_id": ["me"] * len(table),
        "item_id": texts(table, own["book id"]),
        "date": [day or other or None for day, other in zip(read, added, strict=True)],
        "kind": texts(table, own["exclusive shelf"]),
    }
    columns |= {"rating": ratings} if any(ratings) else {}
    for name in _BOOK:
        column = own[name]
        if column is not None:
            columns[name] = [re.sub(r'^="?|"$', "", cell) or None for cell in texts(table, column)]
    named = {"user_id": "user_id", "item_id": "item_id", "timestamp": "date", "rating": "rating", "kind": "kind"}
    left_out = {name: _OF_READER for name in table.columns if plain(name) not in _LIBRARY_READ}
    return Shaped(
        table=rebuilt(table, columns),
        roles={role: (name,) for role, name in named.items() if name in columns},
        left_out=left_out,
        notes=("an export names nobody, so all its events are of one person, 'me'",),
    )


def goodreads_library_books(table: Table) -> Shaped:
    """The books that a library names."""
    known = [name for name in _BOOK if name in table.columns]
    return items_in_events(table, "item_id", commonest=[], last=known, title="title", price=None)


_OF_READER = "said by the reader, or by others, and no property of the book"
