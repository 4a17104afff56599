"""Changes of known items as tables hold them: an id, and what is new of its price, its offer, its numbers and truths.

A table is read as items are, by the catalog's own mapping. What it says changes an item where it is an offer's, the
price, or an attribute that is numbers or yes and no in the catalog. Titles, descriptions, pictures and attributes of
text are content, which vectors are made of: they are left as they are and named. An empty cell changes nothing. Knows
no workspace.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from genrec.data.filters import is_number
from genrec.data.layouts.mapping import Kind, SourceMapping
from genrec.data.layouts.names import ITEM_PHRASES, speaks_for
from genrec.data.readers import ReadOptions, read_rows_of_items
from genrec.data.readers.items import ItemColumns
from genrec.data.tables import read_table, require_file
from genrec.data.values import ids
from genrec.errors import SourceError
from genrec.offers import PRICE, Offer
from genrec.schema import AttributeValue, Catalog

_NUM_NAMED = 5
_LEAST_CALLED = 0.6  # how surely a column must be called one of ids


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemChange:
    """What is new of one item or variant. offer: fields of an Offer by name; removed: whether it goes, else it stays.

    Without anything new, a removed item comes back.
    """

    offer: Mapping[str, Any] = field(default_factory=dict)  # Any: each field has its own type
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    removed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesRead:
    """Changes by the id of an item or a variant. notes: what was not used, or could not be read."""

    changes: Mapping[str, ItemChange]
    notes: tuple[str, ...] = ()


def read_changes(
    path: Path, catalog: Catalog, columns: Mapping[str, str], mapping: SourceMapping | None = None
) -> ChangesRead:
    """The changes of a table for a catalog. columns: role to column name; mapping: how the catalog was read.

    The last row of an id counts. Raises SourceError when there is no row, no column of ids, or nothing that can change.
    """
    options = ReadOptions(columns=columns, mapping=mapping)
    kinds = {name: kind for name in _names(catalog) if (kind := _kind_of(catalog, name)) is not None}
    rows, losses, notes = read_rows_of_items(require_file(path), options, catalog.row_of_id, kinds)
    changing = [n for n in rows.attributes if n == PRICE or (n in kinds and kinds[n].kind in ("number", "truth"))]
    content = [name for name in rows.attributes if name in kinds and name not in changing]
    content += [name for name, cells in (("title", rows.titles), ("text", rows.descriptions)) if any(cells)]
    content += ["image"] if any(rows.pictures) else []
    strange = [name for name in rows.attributes if name not in kinds and name not in changing]
    if not changing and not any(rows.offers):
        raise SourceError(
            f"{path} has no column that can change ({', '.join([*content, *strange]) or 'ids alone'}); wanted a price, "
            "availability, stock, link or attribute of numbers; for titles, descriptions and pictures, run genrec "
            "ingest and genrec build"
        )
    left = [f"left as they were: {', '.join(content)}; genrec ingest and build take up content"] if content else []
    left += [f"not used: {', '.join(strange)}"] if strange else []
    return ChangesRead(changes=dict(_changes(rows, changing)), notes=(*losses.in_words(_NUM_NAMED), *left, *notes))


def read_item_ids(path: Path) -> tuple[str, ...]:
    """The ids of a table, or of a text file with one a line. Raises SourceError without any."""
    if path.suffix.lower() == ".txt":
        lines = require_file(path).read_text(encoding="utf-8-sig").splitlines()
        found = [line.strip() for line in lines if line.strip()]
    else:
        table = read_table(path)
        if len(table.columns) == 1:
            found = [any_id for any_id in ids(next(iter(table.columns.values()))).values.to_pylist() if any_id]
        else:
            called = {name: speaks_for(name, ITEM_PHRASES["item_id"]) for name in table.columns}
            best = max(called, key=lambda name: called[name])
            if called[best] < _LEAST_CALLED:
                header = ", ".join(table.columns)
                raise SourceError(f"{path} has no column of item ids; wanted one named item_id of {header}")
            found = [any_id for any_id in ids(table.columns[best]).values.to_pylist() if any_id]
    if not found:
        raise SourceError(f"{path} has no id; wanted a column item_id, or one id a line in a .txt file")
    return tuple(dict.fromkeys(found))


def _changes(rows: ItemColumns, changing: Sequence[str]) -> Iterator[tuple[str, ItemChange]]:
    """The change of every row, and of the variants that stand in it."""
    for place, item_id in enumerate(rows.item_ids):
        offer = rows.offers[place]
        values = {name: rows.attributes[name][place] for name in changing}
        found = {} if offer is None else {
            entry.name: value
            for entry in fields(Offer)
            if entry.name != "variants" and (value := getattr(offer, entry.name)) is not None
        }  # fmt: skip
        yield item_id, ItemChange(offer=found, attributes={n: v for n, v in values.items() if v is not None})
        for variant in () if offer is None else offer.variants:
            if variant.price is not None and variant.variant_id not in rows.item_ids:
                yield variant.variant_id, ItemChange(attributes={PRICE: variant.price})


def _names(catalog: Catalog) -> list[str]:
    """The names of all attributes."""
    return list(dict.fromkeys(name for item in catalog for name in item.attributes))


def _kind_of(catalog: Catalog, name: str) -> Kind | None:
    """The type of an attribute of a catalog; None where items have several."""
    values = catalog.column(name).values
    if all(isinstance(value, bool) for value in values):
        return Kind(kind="truth")
    if all(map(is_number, values)):
        return Kind(kind="number")
    if all(isinstance(value, tuple) for value in values):
        return Kind(kind="list")
    return Kind(kind="text") if all(isinstance(value, str) for value in values) else None
