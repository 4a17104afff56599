"""Brings product feeds into one row per item: Google Merchant's (Meta's, too), agents' products.jsonl, schema.org.

A feed has a row for each variant; rows of one group are one item, whose id is the group's. Knows these feeds' fields.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from genrec.data.layouts.cells import (
    cells,
    column_called,
    mappings,
    rebuilt,
    renamed,
    text,
    texts,
    with_columns,
    without_columns,
)
from genrec.data.layouts.layout import Shaped
from genrec.data.layouts.names import plain
from genrec.data.layouts.variants import Rows, joined_variants
from genrec.data.tables import Column, Table

_OPTIONS = (
    "color", "size", "material", "pattern", "style", "age group", "gender", "size system", "size type", "flavor",
    "scent",
)  # fmt: skip
_STARTS = (
    "shipping", "tax", "ads ", "custom label", "loyalty", "installment", "subscription", "seller ", "return ",
    "cost of goods", "certification", "energy efficiency", "free shipping", "excluded destination",
    "included destination", "shopping ads", "enable ", "is eligible", "pickup", "store ", "target countr",
    "unit pricing", "minimum handling", "maximum handling",
)  # fmt: skip
_ADMIN = frozenset((
    "mobile link", "link template", "mobile link template", "canonical link", "checkout link template",
    "identifier exists", "multipack", "is bundle", "adult", "gtin", "mpn", "sale price effective date",
    "availability date", "expiration date", "disclosure date", "pause", "promotion id", "display ads id",
    "display ads title", "display ads link", "display ads value", "display ads similar ids", "transit time label",
    "lifestyle image link", "item group title", "group title", "geo price", "geo availability", "relationship type",
    "related product id", "popularity score", "return rate", "raw review data", "q and a", "warning", "warning url",
    "age restriction", "accepts returns", "accepts exchanges", "listing has variations", "offer id",
    "applicable taxes fees", "status", "inventory not tracked",
))  # fmt: skip
_REASON = "how the feed is shown or shipped, nothing of the item"
_RATINGS = (
    "review count", "review rating", "product review count", "product review rating", "store review count",
    "store review rating", "star rating", "store star rating", "reviews", "store reviews",
)  # fmt: skip


def merchant_feed(table: Table) -> Shaped:
    """Rows of one item_group_id become one item; sale prices come before prices."""
    table = _with_names(table)
    item_id = column_called(table, "id", "item id")
    assert item_id is not None
    ids = texts(table, item_id)
    group = column_called(table, "item group id", "group id")
    groups = [found or own for found, own in zip(texts(table, group), ids, strict=True)]
    options = _options(table, groups)
    prices = [name for names in (("sale price",), ("price",)) if (name := column_called(table, *names)) is not None]
    availability = column_called(table, "availability")
    image_names = [
        column_called(table, name)
        for name in ("image link", "image url", "additional image link", "additional image urls")
    ]
    rows = Rows(
        item_ids=groups,
        variant_ids=ids,
        options=options,
        prices=prices,
        availability=texts(table, availability),
        pictures={name: [_addresses(cell) for cell in cells(table, name)] for name in image_names if name is not None},
        title=column_called(table, "title"),
    )
    shaped = joined_variants(table, rows, id_column=item_id, availability_column=availability)
    title = column_called(table, "item group title", "group title")
    if title is not None:
        joined = shaped.table
        both = zip(texts(joined, title), texts(joined, rows.title), strict=True)
        shaped = replace(shaped, table=with_columns(joined, {rows.title or "title": [a or b for a, b in both]}))
    left_out = {name: _REASON for name in table.columns if plain(name) in _ADMIN or plain(name).startswith(_STARTS)}
    left_out |= {
        name: "what others say of it, which no new item has" for name in table.columns if plain(name) in _RATINGS
    }
    if group is not None:
        left_out[group] = "became the item's id"
    variants = {item: found for item, found in shaped.variants.items() if len(found) > 1 or found[0].variant_id != item}
    return replace(shaped, left_out=left_out, variants=variants)


def _with_names(table: Table) -> Table:
    """A feed without the g: before its names."""
    names = {name: name[2:] for name in table.columns if name.startswith("g:") and name[2:] not in table.columns}
    return renamed(table, names)


def _options(table: Table, groups: Sequence[str]) -> dict[str, list[str]]:
    """The columns that tell the variants of some group apart, and the pairs that variants carry themselves."""
    found: dict[str, list[str]] = {}
    for name in table.columns:
        if plain(name) not in _OPTIONS:
            continue
        first: dict[str, str] = {}
        values = texts(table, name)
        if any(first.setdefault(group, value) != value for group, value in zip(groups, values, strict=True)):
            found[name] = values
    for row, pairs in enumerate(cells(table, column_called(table, "variant dict", "variant options"))):
        for label, value in _pairs(pairs):
            known = next((name for name in found if plain(name) == plain(label)), None)
            label = known or (label if label not in table.columns else f"{label} (variant)")
            column = found.setdefault(label, [""] * len(groups))
            column[row] = column[row] or value
    return found


def _pairs(cell: object) -> Iterator[tuple[str, str]]:
    if isinstance(cell, Mapping):
        yield from ((str(name), text(value)) for name, value in cell.items() if text(value))
    for entry in mappings(cell) if isinstance(cell, list) else ():
        if text(entry.get("name")) and text(entry.get("value")):
            yield text(entry.get("name")), text(entry.get("value"))


def _addresses(cell: object) -> list[str]:
    """The addresses of a cell: a list, or texts with commas between addresses."""
    parts = cell if isinstance(cell, list | tuple) else text(cell).replace(", http", ",http").split(",http")
    found = []
    for place, part in enumerate(parts):
        address = text(part.get("url")) if isinstance(part, Mapping) else text(part)
        found.append(f"http{address}" if place and isinstance(cell, str) else address)
    return [address for address in found if address]


def agent_feed(table: Table) -> Shaped:
    """A feed for shopping agents: as a merchant feed, or products with their variants in lists."""
    variants = column_called(table, "variants")
    is_nested = variants is not None and any(mappings(cell) for cell in cells(table, variants))
    dropped = [column_called(table, "variant dict")]
    if is_nested:
        table, dropped = _flat_products(table), [None]
    shaped = merchant_feed(table)
    left_out = dict(shaped.left_out)
    left_out |= {name: "became attributes of variants" for name in dropped if name is not None}
    image = tuple(
        name
        for name in shaped.table.columns
        if plain(name) in ("image link", "image url", "additional image link", "additional image urls")
    )
    return replace(
        shaped, table=without_columns(shaped.table, dropped), left_out=left_out, roles={"image": image} if image else {}
    )


def _flat_products(table: Table) -> Table:
    """Products that hold their variants become a row for each variant."""
    flat, lines = [], []
    names = list(table.columns)
    for line, row in zip(table.lines, zip(*(cells(table, name) for name in names), strict=True), strict=True):
        product = dict(zip(names, row, strict=True))
        for variant in mappings(product.get("variants")):
            flat.append(
                {
                    "id": text(variant.get("id")),
                    "item_group_id": text(product.get("id")),
                    **_flat_variant(product, variant),
                }
            )
            lines.append(int(line))
    columns = dict.fromkeys(name for row in flat for name in row)
    return rebuilt(table, {name: [row.get(name) for row in flat] for name in columns}, lines)


def _flat_variant(product: Mapping[str, object], variant: Mapping[str, object]) -> dict[str, object]:
    price, before = _money(variant.get("price")), _money(variant.get("list_price"))
    available = variant.get("availability")
    status = available.get("status") if isinstance(available, Mapping) else available
    if isinstance(available, Mapping) and not text(status):
        status = "in_stock" if available.get("available") else "out_of_stock"
    media = [*mappings(variant.get("media")), *mappings(product.get("media"))]
    categories = [
        text(entry.get("value")) for entry in mappings(variant.get("categories") or product.get("categories"))
    ]
    seller = variant.get("seller")
    return {
        "title": product.get("title") or variant.get("title"),
        "description": _prose(product.get("description")) or _prose(variant.get("description")),
        "url": product.get("url") or variant.get("url"),
        "image_link": [text(entry.get("url")) for entry in media if text(entry.get("type")) in ("", "image")],
        "sale_price": price if before else None,
        "price": before or price,
        "availability": status,
        "condition": variant.get("condition"),
        "categories": [name for name in categories if name] or None,
        "seller_name": seller.get("name") if isinstance(seller, Mapping) else None,
        "variant_options": variant.get("variant_options"),
    }


def _money(price: object) -> str | None:
    """A price as text with its currency; amounts are in the currency's smallest unit where they are whole."""
    if not isinstance(price, Mapping) or price.get("amount") is None:
        return text(price) or None
    amount = price["amount"]
    currency = text(price.get("currency")).upper()
    if isinstance(amount, int) and not isinstance(amount, bool):
        amount = amount / 10 ** _num_decimals(currency)
    return f"{amount} {currency}".strip()


def _num_decimals(currency: str) -> int:
    from genrec.data.values.units import num_decimals

    return num_decimals(currency) if currency else 2


def _prose(description: object) -> object:
    if not isinstance(description, Mapping):
        return description
    return next((description[name] for name in ("plain", "html", "markdown") if description.get(name)), None)


def schema_products(table: Table) -> Shaped:
    """Products of schema.org, as `jsonld` reads them; variants of a group become one item."""
    ids, groups = texts(table, "id"), texts(table, "group")
    groups = [group or own for group, own in zip(groups, ids, strict=True)]
    columns: dict[str, Column] = dict(table.columns)
    rows = Rows(
        item_ids=groups,
        variant_ids=[
            "" if kind == "ProductGroup" else own for kind, own in zip(texts(table, "type"), ids, strict=True)
        ],
        other_ids=[[text(name) for name in names] for names in _lists(table, "other_ids")],
        is_parent=[kind == "ProductGroup" for kind in texts(table, "type")],
        options=_options(table, groups),
        prices=["price"] if "price" in columns else [],
        availability=texts(table, "availability" if "availability" in columns else None),
        pictures={"image": [[text(name) for name in names] for names in _lists(table, "image")]}
        if "image" in columns
        else {},
        title="name",
    )
    shaped = joined_variants(
        table, rows, id_column="id", availability_column="availability" if "availability" in columns else None
    )
    variants = {item: found for item, found in shaped.variants.items() if len(found) > 1 or found[0].variant_id != item}
    left_out = {
        "type": "a product, or a group of them",
        "group": "became the item's id",
        "other_ids": "other ids of the item",
    }
    left_out |= {"highPrice": "the highest price of offers"} if "highPrice" in columns else {}
    return replace(shaped, variants=variants, left_out=left_out)


def _lists(table: Table, name: str) -> list[Sequence[object]]:
    if name not in table.columns:
        return [()] * len(table)
    return [cell if isinstance(cell, list | tuple) else () for cell in cells(table, name)]
