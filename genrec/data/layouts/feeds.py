"""Reads a product feed in XML, RSS 2.0 or Atom with Google's g: names, as a table with a row for each product.

No entity but XML's own is resolved, and nothing is fetched; texts are limited. What lies in a tag's own tags, such as
shipping, becomes an object. Knows XML; deliberately knows no field's meaning (`shapes_feeds`).
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, cast

import numpy as np
from lxml import etree

from genrec.data.tables import Table
from genrec.data.tables.opening import MAX_ROW_CHARS, open_bytes
from genrec.data.tables.table import refused_row
from genrec.errors import SourceError

_ENTRIES = ("item", "entry", "product", "offer")
_MAX_FIELDS = 1_000  # of a product


def read_feed(path: Path) -> Table:
    """The products of a feed. Raises SourceError when the file is broken, declares entities, or has no product."""
    rows: list[dict[str, object]] = []
    lines: list[int] = []
    refused = []
    try:
        with open_bytes(path, is_markup=True) as stream:
            for line, row in _products(path, cast(IO[bytes], stream)):
                if not row:
                    refused.append(refused_row(line, "product without fields", ""))
                elif len(row) > _MAX_FIELDS or _num_chars(row) > MAX_ROW_CHARS:
                    refused.append(refused_row(line, f"product of more than {MAX_ROW_CHARS:,} characters", row))
                else:
                    rows.append(row)
                    lines.append(line)
    except etree.XMLSyntaxError as error:
        raise SourceError(f"{path} is broken XML ({' '.join(str(error).split())}); give a whole feed") from error
    if not rows:
        raise SourceError(f"{path} is XML without products; wanted a feed of item or entry elements, or a table")
    names = dict.fromkeys(name for row in rows for name in row)
    table = Table.of(path, {name: [row.get(name) for row in rows] for name in names})
    return replace(table, lines=np.array(lines, np.int64), notes=("an XML feed",), refused=tuple(refused))


def _products(path: Path, stream: IO[bytes]) -> Iterator[tuple[int, dict[str, object]]]:
    """The line and the fields of every product; what has been read is let go. Raises SourceError on entities."""
    events = etree.iterparse(
        stream,
        events=("start", "end"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    inside: etree._Element | None = None
    is_first = True
    for event, element in events:
        if event == "start":
            if is_first:
                _refuse_entities(path, element)
                is_first = False
            if inside is None and _name(element) in _ENTRIES and element.getparent() is not None:
                inside = element
        elif inside is not None and element is inside:
            yield element.sourceline or 0, _fields(element)
            inside = None
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]


def _refuse_entities(path: Path, element: "etree._Element") -> None:
    """Raises SourceError for a document that declares entities, by which files are made to grow or to read others."""
    declared = element.getroottree().docinfo.internalDTD
    if declared is not None and any(True for _ in declared.iterentities()):
        raise SourceError(f"{path} declares entities, which are never resolved; give the feed without them")


def _name(element: "etree._Element") -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _fields(element: "etree._Element") -> dict[str, object]:
    """The tags of a product as cells; a tag that is there several times becomes a list."""
    found: dict[str, list[object]] = {}
    for child in element:
        name = _name(child)
        value = _value(child)
        if name and value not in ("", {}, None):
            found.setdefault(name, []).append(value)
    for name, value in element.attrib.items():
        found.setdefault(etree.QName(name).localname, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _value(element: "etree._Element") -> object:
    children = [child for child in element if isinstance(child.tag, str)]
    if children:
        return {_name(child): "".join(child.itertext()).strip() for child in children}
    text = "".join(element.itertext()).strip()
    return text or element.get("href") or ""


def _num_chars(row: dict[str, object]) -> int:
    return sum(len(str(value)) for value in row.values())
