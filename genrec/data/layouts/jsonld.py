"""Reads products that are described with schema.org's terms: JSON-LD files, folders of them, and pages that hold some.

Every product, wherever it lies in the document, becomes a row; variants of a ProductGroup carry its id. Knows the
shapes of a Product and of its offers; deliberately knows nothing of other vocabularies.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import lxml.html
from lxml import etree

from genrec.data.layouts.cells import text
from genrec.data.tables import Table
from genrec.data.tables.documents import parse, parse_line
from genrec.data.tables.opening import open_bytes
from genrec.data.tables.table import RefusedRow, refused_row
from genrec.errors import SourceError

_PRODUCTS = frozenset((
    "Product", "ProductGroup", "IndividualProduct", "ProductModel", "SomeProducts", "Vehicle", "Car", "Book",
    "Movie", "MusicAlbum", "MusicRecording", "VideoGame", "SoftwareApplication", "Recipe", "Course", "Hotel",
    "Restaurant", "LocalBusiness", "Event",
))  # fmt: skip
_HOLDERS = (
    "@graph", "itemListElement", "item", "mainEntity", "hasVariant", "itemOffered", "isVariantOf", "about", "model",
    "hasPart",
)  # fmt: skip
_MAX_BYTES = 256 * 2**20  # of a document
_MAX_DEPTH = 12
_SUFFIXES = (".json", ".jsonld", ".jsonl", ".ndjson", ".html", ".htm")
_SKIPPED = (
    "@context", "@type", "@id", "offers", "hasVariant", "isVariantOf", "review", "reviews", "aggregateRating",
    "additionalProperty", "isRelatedTo", "isSimilarTo", "mainEntityOfPage", "potentialAction",
    "inProductGroupWithID", "productGroupID", "productID", "sku", "name", "description", "image", "url", "brand",
    "variesBy", "shippingDetails", "hasMerchantReturnPolicy",
)  # fmt: skip


def is_jsonld(path: Path, head: bytes) -> bool:
    """Whether a file holds products in schema.org's terms, by its beginning, or by a whole page that is short."""
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES and Path(path.stem).suffix.lower() not in _SUFFIXES:
        return False
    if suffix in (".html", ".htm"):
        return b"application/ld+json" in (path.read_bytes() if path.stat().st_size < 8 * 2**20 else head)
    return b'"@type"' in head and (b"schema.org" in head or b'"@context"' in head)


def read_jsonld(path: Path) -> Table:
    """The products of a file, or of all files of a folder. Raises SourceError where there is none."""
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in _SUFFIXES) if path.is_dir() else [path]
    rows: list[dict[str, object]] = []
    lines, refused = list[int](), list[RefusedRow]()
    for file in files:
        for line, document in _documents(file, refused):
            found = [row for node in products(document) for row in node_rows(node)]
            rows += found
            lines += [line if len(files) == 1 else len(rows)] * len(found)
    rows, lines = _whole(rows, lines)
    if not rows:
        raise SourceError(f"{path} holds no product in schema.org's terms; wanted JSON-LD with a Product and its name")
    names = dict.fromkeys(name for row in rows for name in row)
    table = Table.of(path, {name: [row.get(name) for row in rows] for name in names})
    return Table(
        path=path, columns=table.columns, lines=range(1, len(rows) + 1), notes=_notes(files), refused=tuple(refused)
    )


def _notes(files: Sequence[Path]) -> tuple[str, ...]:
    return (
        (f"products in schema.org's terms, of {len(files):,} files",)
        if len(files) > 1
        else ("products in schema.org's terms",)
    )


def _documents(path: Path, refused: list[RefusedRow]) -> Iterator[tuple[int, object]]:
    """The documents of a file: itself, its lines, or the scripts of a page."""
    with open_bytes(path, is_markup=True) as stream:
        pieces, num_bytes = [], 0
        while piece := stream.read(2**20):
            pieces.append(piece)
            num_bytes += len(piece)
            if num_bytes > _MAX_BYTES:
                raise SourceError(f"{path} is over {_MAX_BYTES // 2**20} MiB; wanted JSON-LD in smaller files")
    content = b"".join(pieces)
    if path.suffix.lower() in (".html", ".htm"):
        yield from _scripts(path, content, refused)
        return
    body = content.decode("utf-8-sig", "replace")
    document = parse(body)
    if isinstance(document, dict | list):
        yield 1, document
        return
    for number, line in enumerate(body.splitlines(), start=1):
        if line.strip():
            found = parse_line(line.strip())
            if isinstance(found, dict):
                yield number, found
            else:
                refused.append(refused_row(number, "not a JSON object", line))


def _scripts(path: Path, content: bytes, refused: list[RefusedRow]) -> Iterator[tuple[int, object]]:
    parser = lxml.html.HTMLParser(no_network=True, huge_tree=False)
    try:
        root = lxml.html.document_fromstring(content, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise SourceError(f"{path} cannot be read as a page ({' '.join(str(error).split())})") from error
    for script in root.iter("script"):
        if "ld+json" in (script.get("type") or ""):
            found = parse(re.sub(r"^\s*(?://)?\s*<!\[CDATA\[|(?://)?\s*\]\]>\s*$", "", script.text or "").strip())
            if isinstance(found, dict | list):
                yield script.sourceline or 1, found
            else:
                refused.append(
                    refused_row(script.sourceline or 1, "a script of JSON-LD that is not valid JSON", script.text)
                )


def products(node: object, depth: int = 0) -> Iterator[Mapping[str, object]]:
    """Every product in a document, a group without its variants, which it holds."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(node, list):
        for entry in node:
            yield from products(entry, depth + 1)
    elif isinstance(node, Mapping):
        if _types(node) & _PRODUCTS and (node.get("name") or node.get("hasVariant")):
            yield node
            return
        for name in _HOLDERS:
            yield from products(node.get(name), depth + 1)


def _types(node: Mapping[str, object]) -> set[str]:
    kinds = node.get("@type")
    listed = kinds if isinstance(kinds, list) else [kinds]
    return {str(kind).rpartition("/")[2].removeprefix("schema:") for kind in listed if kind}


def node_rows(node: Mapping[str, object], group: str = "") -> Iterator[dict[str, object]]:
    """The rows of a product: its own, and those of its variants."""
    row = _row(node)
    variants = [entry for entry in _listed(node.get("hasVariant")) if isinstance(entry, Mapping)]
    parents = [entry for entry in _listed(node.get("isVariantOf")) if isinstance(entry, Mapping)]
    named = text(node.get("inProductGroupWithID")) or next((_id(parent) for parent in parents), "")
    is_group = "ProductGroup" in _types(node)
    yield {"type": "ProductGroup" if is_group else "Product", **row, "group": group or ("" if is_group else named)}
    for variant in variants:
        if variant.get("name") or variant.get("sku") or variant.get("offers"):
            yield from (
                {"name": row.get("name"), **one} if not one.get("name") else one
                for one in node_rows(variant, str(row["id"]))
            )


def _id(node: Mapping[str, object]) -> str:
    found = [node.get(name) for name in ("productGroupID", "productID", "sku", "@id", "url")]
    known = next((text(value) for value in found if text(value)), "")
    return known or next(
        (
            text(node.get(name))
            for name in ("gtin13", "gtin14", "gtin12", "gtin8", "gtin", "mpn", "isbn", "name")
            if text(node.get(name))
        ),
        "",
    )


def _row(node: Mapping[str, object]) -> dict[str, object]:
    item_id = _id(node)
    others = [
        text(node.get(name))
        for name in ("sku", "productID", "productGroupID", "@id", "url", "gtin13", "gtin", "mpn", "isbn")
    ]
    row: dict[str, object] = {
        "id": item_id,
        "other_ids": [name for name in dict.fromkeys(others) if name and name != item_id],
        "name": text(node.get("name")),
        "description": text(node.get("description")) or None,
        "image": _images(node.get("image")),
        "url": text(node.get("url")) or (item_id if item_id.startswith("http") else None),
        "brand": _named(node.get("brand")) or None,
    }
    for name, value in node.items():
        if name not in _SKIPPED and not name.startswith("@"):
            simple = _simple(value)
            if simple is not None:
                row.setdefault(name, simple)
    for entry in _listed(node.get("additionalProperty")):
        if isinstance(entry, Mapping) and text(entry.get("name")) and text(entry.get("value")):
            unit = text(entry.get("unitText"))
            row.setdefault(text(entry.get("name")), f"{text(entry.get('value'))} {unit}".strip())
    return row | _offers(node.get("offers"))


def _offers(offers: object) -> dict[str, object]:
    """The lowest price among offers, its currency, whether any is available, and a link."""
    found = [offer for entry in _listed(offers) if isinstance(entry, Mapping) for offer in _flat_offers(entry)]
    if not found:
        return {}
    priced = [(price, offer) for offer in found if (price := _price(offer)) is not None]
    price, best = min(priced, key=lambda pair: pair[0]) if priced else (None, found[0])
    said = [text(offer.get("availability")) for offer in found if text(offer.get("availability"))]
    available = next(
        (word for word in said if word.rpartition("/")[2] in ("InStock", "LimitedAvailability")),
        said[0] if said else None,
    )
    values = {
        "price": price,
        "priceCurrency": _currency(best),
        "availability": available,
        "offer_url": text(best.get("url")) or None,
    }
    return {name: value for name, value in values.items() if value is not None}


def _flat_offers(offer: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    inner = [entry for entry in _listed(offer.get("offers")) if isinstance(entry, Mapping)]
    if inner and offer.get("lowPrice") is None:
        shared = {name: value for name, value in offer.items() if name in ("priceCurrency", "availability")}
        yield from ({**shared, **entry} for entry in inner)
    else:
        yield offer


def _price(offer: Mapping[str, object]) -> float | None:
    said = [offer.get("price"), offer.get("lowPrice")]
    said += [entry.get("price") for entry in _listed(offer.get("priceSpecification")) if isinstance(entry, Mapping)]
    for value in said:
        digits = re.sub(r"[^\d.,-]", "", text(value))
        if "," in digits and "." not in digits:
            digits = digits.replace(",", ".") if re.search(r",\d{1,2}$", digits) else digits.replace(",", "")
        try:
            return float(digits.replace(",", ""))
        except ValueError:
            continue
    return None


def _currency(offer: Mapping[str, object]) -> str | None:
    inner = [
        entry.get("priceCurrency") for entry in _listed(offer.get("priceSpecification")) if isinstance(entry, Mapping)
    ]
    return next((text(code) for code in (offer.get("priceCurrency"), *inner) if text(code)), None)


def _images(image: object) -> list[str]:
    found = []
    for entry in _listed(image):
        address = (
            entry.get("contentUrl") or entry.get("url") or entry.get("@id") if isinstance(entry, Mapping) else entry
        )
        found.append(text(address))
    return list(dict.fromkeys(name for name in found if name))


def _named(value: object) -> str:
    return text(value.get("name")) if isinstance(value, Mapping) else text(value)


def _simple(value: object) -> object:
    """A text, number, truth, or list of texts; quantities with their unit; None for what is none of these."""
    if isinstance(value, Mapping):
        said = text(value.get("name")) or text(value.get("value"))
        unit = text(value.get("unitText") or value.get("unitCode"))
        return f"{said} {unit}".strip() if said else None
    if isinstance(value, list):
        found = [_named(entry) for entry in value]
        return [name for name in found if name] or None
    return text(value).removeprefix("https://schema.org/").removeprefix("http://schema.org/") or None


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _whole(rows: list[dict[str, object]], lines: list[int]) -> tuple[list[dict[str, object]], list[int]]:
    """Rows without those that say again what another does: a page repeats its products."""
    seen: dict[str, int] = {}
    kept = []
    for place, row in enumerate(rows):
        if seen.setdefault(f"{row['id']}\0{row['type']}", place) == place or not row["id"]:
            kept.append(place)
    return [rows[place] for place in kept], [lines[place] for place in kept]
