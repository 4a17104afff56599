"""Brings what shop systems export into one row per item: Shopify's products, as CSV and as JSON.

Knows these systems' habits: rows that are sizes or pictures of the product above, options by number, stock by variant.
Products that a shop does not sell are refused by name, unless all are such. WooCommerce has a file of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from genrec.data.layouts.cells import (
    cells,
    column_called,
    is_blank,
    mappings,
    rebuilt,
    text,
    texts,
    without_columns,
    without_rows,
)
from genrec.data.layouts.layout import Shaped
from genrec.data.layouts.names import plain
from genrec.data.layouts.variants import Rows, joined_variants
from genrec.data.tables import Table

IN_STOCK, OUT_OF_STOCK = "in stock", "out of stock"
AVAILABILITY = "availability"
_DEFAULT = "default title"  # the option of a Shopify product that has none
_UNSOLD = ("draft", "archived", "unlisted")
_ADMIN = {
    "variant": (
        "grams", "inventory tracker", "inventory qty", "inventory policy", "fulfillment service", "requires shipping",
        "taxable", "weight unit", "tax code", "barcode", "sku",
    ),
    "": (
        "image position", "image alt text", "gift card", "seo title", "seo description", "status", "published",
        "cost per item", "published on online store", "sku", "barcode", "charge tax", "tax code", "inventory tracker",
        "inventory quantity", "continue selling when out of stock", "weight value grams", "weight unit for display",
        "requires shipping", "fulfillment service", "unit price total measure", "unit price total measure unit",
        "unit price base measure", "unit price base measure unit",
    ),
}  # fmt: skip
_ADMIN_STARTS = (
    "google shopping", "included ", "price ", "compare at price ", "option1 linked", "option2 linked",
    "option3 linked",
)  # fmt: skip
_ADMIN_REASON = "how the shop sells and ships, nothing of the item"
_JSON_ADMIN = (
    "created at",
    "updated at",
    "published at",
    "template suffix",
    "published scope",
    "admin graphql api id",
    "status",
)


def shopify_products(table: Table) -> Shaped:
    """Rows of variants and pictures become one row for each handle."""
    handle = column_called(table, "handle", "url handle")
    assert handle is not None
    table = without_rows(table, [not item for item in texts(table, handle)], "no handle", column_called(table, "title"))
    item_ids = texts(table, handle)
    options = _options(table, item_ids)
    table, dropped = _sold_only(table, item_ids, column_called(table, "title"))
    if dropped:
        item_ids, options = texts(table, handle), _options(table, texts(table, handle))
    sku = column_called(table, "variant sku", "sku")
    price = column_called(table, "variant price", "price")
    before = column_called(table, "variant compare at price", "compare at price")
    skus, priced = texts(table, sku), texts(table, price)
    values = [[found[row] for found in options.values() if found[row]] for row in range(len(table))]
    is_variant = [bool(skus[row] or priced[row] or values[row]) for row in range(len(table))]
    images = [
        column_called(table, *names)
        for names in (("image src", "product image url"), ("variant image", "variant image url"))
    ]
    rows = Rows(
        item_ids=item_ids,
        variant_ids=[skus[row] or " / ".join(values[row]) if is_variant[row] else "" for row in range(len(table))],
        options=options,
        prices=[name for name in (price, before) if name is not None],
        availability=_stock(table, is_variant),
        pictures={name: [[src] if src else [] for src in texts(table, name)] for name in images if name is not None},
    )
    is_stocked = any(rows.availability)
    shaped = joined_variants(table, rows, id_column=handle, availability_column=AVAILABILITY if is_stocked else None)
    used = [column_called(table, f"option{n} {part}") for n in (1, 2, 3) for part in ("name", "value")]
    left_out = {name: _ADMIN_REASON for name in table.columns if _is_admin(name)}
    left_out |= {name: f"became the attributes {', '.join(options) or '(none)'}" for name in used if name is not None}
    return replace(
        shaped,
        table=without_columns(shaped.table, used),
        roles={"availability": (AVAILABILITY,)} if is_stocked else {},
        left_out=left_out,
        notes=(*shaped.notes, *dropped),
    )


def _is_admin(name: str) -> bool:
    words = plain(name)
    known = {f"{start} {rest}".strip() for start, names in _ADMIN.items() for rest in names}
    return words in known or words.startswith(_ADMIN_STARTS)


def _options(table: Table, item_ids: Sequence[str]) -> dict[str, list[str]]:
    """The values of every row by the name of the option, such as Size, which the item's first row says."""
    found: dict[str, list[str]] = {}
    for number in (1, 2, 3):
        names = texts(table, column_called(table, f"option{number} name"))
        values = texts(table, column_called(table, f"option{number} value"))
        said: dict[str, str] = {}
        for row, item_id in enumerate(item_ids):
            label = said.setdefault(item_id, names[row]) or names[row]
            said[item_id] = label
            if not label or not values[row] or values[row].casefold() == _DEFAULT:
                continue
            label = label if label not in table.columns else f"{label} (option)"
            found.setdefault(label, [""] * len(item_ids))[row] = values[row]
    return found


def _sold_only(table: Table, item_ids: Sequence[str], title: str | None) -> tuple[Table, tuple[str, ...]]:
    """The rows of products that are published, or all where none is; and what to say of it."""
    published = texts(table, column_called(table, "published", "published on online store"))
    status = texts(table, column_called(table, "status"))
    unsold: set[str] = set()
    for row, item_id in enumerate(item_ids):
        if published[row].casefold() in ("false", "0", "no") or status[row].casefold() in _UNSOLD:
            unsold.add(item_id)
    return sold_only(table, [item_id in unsold for item_id in item_ids], title)


def sold_only(table: Table, is_unsold: Sequence[bool], title: str | None) -> tuple[Table, tuple[str, ...]]:
    """The rows of products that are sold, or all where none is; and what to say of it."""
    if not any(is_unsold):
        return table, ()
    if all(is_unsold):
        return table, ("no product is published; all are kept",)
    kept = without_rows(table, is_unsold, "the product is not published", title)
    return kept, (f"{sum(is_unsold):,} rows of products that are not published were left out",)


def _stock(table: Table, is_variant: Sequence[bool]) -> list[str]:
    """Whether variants can be had, where their stock is counted."""
    stock = texts(table, column_called(table, "variant inventory qty", "inventory quantity"))
    tracker_name = column_called(table, "variant inventory tracker", "inventory tracker")
    tracker = texts(table, tracker_name)
    goes_on = texts(table, column_called(table, "variant inventory policy", "continue selling when out of stock"))
    found = []
    for row, is_one in enumerate(is_variant):
        is_counted = is_one and bool(stock[row]) and (tracker_name is None or bool(tracker[row]))
        has_some = is_counted and not stock[row].lstrip().startswith("-") and stock[row] not in ("0", "0.0")
        is_open = goes_on[row].casefold() in ("continue", "true")
        found.append("" if not is_counted else IN_STOCK if has_some or is_open else OUT_OF_STOCK)
    return found


def shopify_json(table: Table) -> Shaped:
    """Products with their variants and pictures in lists become rows: the lowest price, lists of options."""
    id_column = column_called(table, "id", "handle")
    assert id_column is not None
    products = [
        dict(zip(table.columns, row, strict=True))
        for row in zip(*(cells(table, n) for n in table.columns), strict=True)
    ]
    flat: list[dict[str, object]] = []
    lines = []
    for line, product in zip(table.lines, products, strict=True):
        for row in _variant_rows(product):
            flat.append(row)
            lines.append(int(line))
    known = ("variants", "images", "image", "options", "tags", "media", "featured_image", "price")
    names = [
        *(name for name in table.columns if name not in known),
        "tags",
        "images",
        "price",
        "compare_at_price",
        "currency",
    ]
    spread = rebuilt(table, {name: [row.get(name) for row in flat] for name in dict.fromkeys(names)}, lines)
    labels = dict.fromkeys(str(label) for row in flat for label in _mapping(row["_options"]))
    rows = Rows(
        item_ids=texts(spread, id_column),
        variant_ids=[text(row["_variant"]) for row in flat],
        other_ids=[[text(row.get("_sku")), text(row.get("handle"))] for row in flat],
        options={label: [text(_mapping(row["_options"]).get(label)) for row in flat] for label in labels},
        prices=["price", "compare_at_price"],
        availability=[text(row["_available"]) for row in flat],
        pictures={"images": [[text(one) for one in _list(row["images"])] for row in flat]},
    )
    is_stocked = any(rows.availability)
    shaped = joined_variants(
        spread, rows, id_column=id_column, availability_column=AVAILABILITY if is_stocked else None
    )
    left_out = {name: _ADMIN_REASON for name in spread.columns if plain(name) in _JSON_ADMIN}
    read = ("variants", "options", "image", "media", "featured_image")
    left_out |= {name: "read into variants, pictures and options" for name in read if name in table.columns}
    roles = {"image": ("images",), "price": ("price", "compare_at_price"), "currency": ("currency",)}
    return replace(shaped, roles=roles | ({"availability": (AVAILABILITY,)} if is_stocked else {}), left_out=left_out)


def _variant_rows(product: Mapping[str, object]) -> Iterator[dict[str, object]]:
    """A row for every variant of a product, or the product's own."""
    names = [
        text(option.get("name")) if isinstance(option, Mapping) else text(option)
        for option in _list(product.get("options"))
    ]
    tags = product.get("tags")
    tags = [part.strip() for part in tags.split(",") if part.strip()] if isinstance(tags, str) else tags
    sources = [picture.get("src") or picture.get("url") for picture in mappings(product.get("images"))]
    sources = [*sources, *(image for image in _list(product.get("images")) if isinstance(image, str))]
    sources = sources or [picture.get("src") for picture in mappings(product.get("image"))]
    base = {**product, "tags": tags, "images": [src for src in sources if isinstance(src, str) and src]}
    own = product.get("price")
    base["price"] = own.get("amount") if isinstance(own, Mapping) else own
    base["currency"] = own.get("currency") if isinstance(own, Mapping) else product.get("currency")
    for variant in mappings(product.get("variants")) or [{}]:
        values = [text(variant.get(f"option{n}")) for n in (1, 2, 3)]
        options = {}
        for place, value in enumerate(values):
            if value and value.casefold() != _DEFAULT:
                label = (names[place] if place < len(names) else "") or f"option {place + 1}"
                options[label if label not in product else f"{label} (option)"] = value
        available = variant.get("available")
        yield {
            **base,
            "price": base["price"] if is_blank(variant.get("price")) else variant.get("price"),
            "compare_at_price": variant.get("compare_at_price"),
            "_variant": variant.get("id") or variant.get("sku"),
            "_sku": variant.get("sku"),
            "_options": options,
            "_available": (IN_STOCK if available else OUT_OF_STOCK) if isinstance(available, bool) else "",
        }


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
