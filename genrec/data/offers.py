"""How items are sold, on disk: beside the catalog and not in it, so that a change makes no vector stale.

`offers.parquet` has a row for each item of which something is known: its offer, attributes that have changed since the
catalog was written (`attributes`, JSON), and whether it is removed. Knows nothing of where changes come from.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from sys import intern
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from genrec.artifacts import read_manifest, write_file, write_stage
from genrec.data.catalog import parse_attributes
from genrec.errors import ArtifactError
from genrec.generations import CATALOG, OFFERS
from genrec.offers import AVAILABILITIES, Offer, Variant, is_currency, is_web_address
from genrec.schema import Catalog, Item

OFFERS_FILE = "offers.parquet"
_SCHEMA = pa.schema(
    [
        ("item_id", pa.string()),
        ("attributes", pa.string()),
        ("link", pa.string()),
        ("currency", pa.string()),
        ("availability", pa.string()),
        ("price_upper", pa.float64()),
        ("stock", pa.float64()),
        ("variants", pa.string()),
        ("removed", pa.bool_()),
    ]
)


def write_offers(folder: Path, catalog: Catalog, content: Catalog) -> None:
    """Write the offers stage of a new generation's folder, where an item has an offer, has changed or is removed.

    content: the catalog as it stands in the folder, with the same items in the same order.
    """
    rows = [row for item, before in zip(catalog, content, strict=True) if (row := _row(item, before)) is not None]
    if not rows and not (folder / OFFERS).exists():
        return
    inputs = {"catalog": read_manifest(folder / CATALOG, CATALOG).fingerprint}
    details = {
        "items": len(rows),
        "sold_out": sum(not item.removed and not item.available for item in catalog),
        "removed": len(catalog.removed_rows),
    }
    with (
        write_stage(folder / OFFERS, kind=OFFERS, inputs=inputs, details=details) as stage,
        write_file(stage / OFFERS_FILE) as path,
    ):
        pq.write_table(pa.Table.from_pylist(rows, _SCHEMA), path)


def with_offers(content: Catalog, folder: Path) -> Catalog:
    """The catalog of a generation's folder with what is known of its offers.

    Raises ArtifactError when they are broken or belong to another catalog.
    """
    directory = folder / OFFERS
    if not directory.exists():
        return content
    found = read_manifest(directory, OFFERS).inputs.get("catalog")
    wanted = read_manifest(folder / CATALOG, CATALOG).fingerprint
    if found != wanted:
        raise ArtifactError(
            f"{directory} belongs to catalog {found}, {wanted} stands beside it; run genrec ingest again"
        )
    items = list(content.items)
    try:
        table = pq.read_table(directory / OFFERS_FILE, schema=_SCHEMA)
        for batch in table.to_batches(max_chunksize=10_000):
            for row in batch.to_pylist():
                place = content.row(row["item_id"])
                items[place] = _changed(items[place], row)
    except (OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise ArtifactError(f"{directory} cannot be read as offers ({reason}); run genrec ingest") from error
    return Catalog(items=tuple(items))


def _row(item: Item, before: Item) -> dict[str, object] | None:
    """What is to be stored of an item; None where that is nothing."""
    changed = {}
    if item is not before:
        changed = {name: value for name, value in item.attributes.items() if before.attributes.get(name) != value}
    if item.offer is None and not changed and not item.removed:
        return None
    known = {} if item.offer is None else item.offer.record()
    if "variants" in known:
        known["variants"] = json.dumps(known["variants"], ensure_ascii=False)
    attributes = json.dumps(changed, ensure_ascii=False) if changed else None
    return {"item_id": item.item_id, "attributes": attributes, "removed": item.removed, **known}


def _changed(item: Item, row: Mapping[str, Any]) -> Item:  # Any: Parquet
    attributes = item.attributes
    if row["attributes"] is not None:
        attributes = {**attributes, **parse_attributes(row["attributes"])}
    return replace(item, attributes=attributes, offer=_offer(row), removed=bool(row["removed"]))


def _offer(row: Mapping[str, Any]) -> Offer | None:  # Any: Parquet
    """The offer of a row, None where nothing is known. Raises ValueError on what no offer can be."""
    link, currency, availability = row["link"], row["currency"], row["availability"]
    if link is not None and not is_web_address(link):
        raise ValueError(f"link {link!r} is no http or https address")
    if currency is not None and not is_currency(currency):
        raise ValueError(f"currency {currency!r} is no ISO 4217 code")
    variants = () if row["variants"] is None else tuple(_variant(record) for record in json.loads(row["variants"]))
    offer = Offer(
        link=link,
        currency=None if currency is None else intern(currency),
        availability=_availability(availability),
        price_upper=row["price_upper"],
        stock=row["stock"],
        variants=variants,
    )
    return None if offer == Offer() else offer


def _variant(record: Mapping[str, Any]) -> Variant:  # Any: JSON
    return Variant(
        variant_id=record["variant_id"],
        attributes={intern(str(name)): str(value) for name, value in record["attributes"].items()},
        price=record["price"],
        availability=_availability(record["availability"]),
    )


def _availability(text: str | None) -> Any:  # Any: one of the literal's
    if text is not None and text not in AVAILABILITIES:
        raise ValueError(f"availability {text!r} is none of {', '.join(AVAILABILITIES)}")
    return None if text is None else intern(text)
