"""Brings WooCommerce's products CSV into one row per item, in whatever language its header is written.

A whole export has its columns in one order, which settles them all; of others the cells do: the product's type is the
one word that no language translates, variations name their parents, and of two prices the one that is never above the
other is the sale price.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np

from genrec.data.layouts.cells import column_called, text, texts, with_columns, without_columns
from genrec.data.layouts.layout import Shaped
from genrec.data.layouts.names import ITEM_PHRASES, plain
from genrec.data.layouts.shapes_shops import AVAILABILITY, IN_STOCK, OUT_OF_STOCK, sold_only
from genrec.data.layouts.variants import Rows, joined_variants
from genrec.data.tables import Table
from genrec.data.values import numbers

_TYPES = frozenset((
    "simple", "variable", "variation", "grouped", "external", "subscription", "variable-subscription",
    "subscription_variation", "bundle", "composite", "booking", "bundled", "yith_bundle",
))  # fmt: skip
_TRAITS = frozenset(("virtual", "downloadable"))
# The columns of a whole export after the type, in its order; gtin came later and may be missing.
_ORDER = (
    "sku", "gtin", "name", "published", "featured", "visibility", "short_text", "text", "sale_from", "sale_to",
    "tax_status", "tax_class", "in_stock", "stock", "low_stock", "backorders", "sold_alone", "weight", "length",
    "width", "height", "reviews", "note", "sale", "regular", "categories", "tags", "shipping", "images",
    "download_limit", "download_expiry", "parent", "grouped", "upsells", "cross_sells", "external_url", "button",
    "position",
)  # fmt: skip
_SAYS = {  # what stands in columns of a whole export, in every language
    "published": {"", "0", "1", "-1"},
    "featured": {"", "0", "1"},
    "visibility": {"", "visible", "catalog", "search", "hidden"},
    "tax_status": {"", "taxable", "shipping", "none"},
}
_NAMES: Mapping[str, Sequence[str]] = {
    "sku": (
        "sku", "artikelnummer", "ugs", "codigo de articulo", "cod", "artikel nr", "ref", "referencia", "varenummer",
    ),
    "published": (
        "published", "veroffentlicht", "publie", "publicado", "pubblicato", "gepubliceerd", "opublikowano",
        "opublikowany", "publicerad", "udgivet",
    ),
    "regular": (
        "regular price", "regularer preis", "tarif regulier", "precio normal", "prezzo di listino",
        "reguliere prijs", "normale prijs", "cena regularna", "cena katalogowa", "preco normal", "ordinarie pris",
    ),
    "sale": (
        "sale price", "angebotspreis", "tarif promo", "precio rebajado", "prezzo in offerta", "actieprijs",
        "aanbiedingsprijs", "cena promocyjna", "preco promocional", "reapris",
    ),
    "parent": (
        "parent", "ubergeordnetes produkt", "eltern", "parent", "superior", "genitore", "hoofd", "nadrzedny",
        "ascendente",
    ),
    "in_stock": (
        "in stock", "vorratig", "auf lager", "en stock", "existencias", "en inventario", "disponibile",
        "op voorraad", "na stanie", "em estoque",
    ),
    "backorders": (
        "backorders allowed", "lieferruckstande erlaubt", "autoriser les commandes de produits en rupture",
        "permitir reservas de productos agotados",
    ),
}  # fmt: skip
_PRICE_STEMS = (
    "price",
    "preis",
    "prix",
    "tarif",
    "precio",
    "prezzo",
    "prijs",
    "cena",
    "preco",
    "pris",
    "fiyat",
    "цена",
)
_ATTRIBUTE_STEMS = ("attribut", "atribut", "eigenschap", "kenmerk", "egenskap", "atrybut", "eigenschaft", "атрибут")
_ADMIN = (
    "featured", "visibility", "sale_from", "sale_to", "tax_status", "tax_class", "low_stock", "backorders",
    "sold_alone", "reviews", "note", "shipping", "download_limit", "download_expiry", "grouped", "upsells",
    "cross_sells", "button", "position", "published", "in_stock",
)  # fmt: skip
_NO_ITEM = re.compile(r"^(?:meta|download|descarga|telechargement) ")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    """Columns by what they are, in words of _ORDER; those that are not there are absent. kind: the product's type."""

    kind: str
    columns: Mapping[str, str]

    def get(self, key: str) -> str | None:
        return self.columns.get(key)


def is_woocommerce(table: Table) -> bool:
    """Whether a table is WooCommerce's products: a type in its words, beside a column that only its exports have."""
    kind = _kind_column(table)
    if kind is None:
        return False
    names = list(table.columns)
    is_first = plain(names[0]) == "id" and names.index(kind) == 1
    known = {name for key in ("published", "regular", "sale", "parent") for name in _NAMES[key]}
    return is_first or bool(known & set(map(plain, names)))


def woocommerce_products(table: Table) -> Shaped:
    """Variations become variants of their parents; the row of a product has its lowest price."""
    header = _header(table)
    table, dropped = _published_only(table, header)
    id_column = column_called(table, "id") or header.get("sku")
    assert id_column is not None
    own_ids = [own or sku for own, sku in zip(texts(table, id_column), texts(table, header.get("sku")), strict=True)]
    parents, num_lost = _parents(table, header, own_ids)
    is_parent = [parent is None for parent in parents]
    lists, variant_options, used = _attributes(table, is_parent)
    skus = texts(table, header.get("sku"))
    rows = Rows(
        item_ids=[parent or own for parent, own in zip(parents, own_ids, strict=True)],
        variant_ids=["" if alone else sku or own for alone, sku, own in zip(is_parent, skus, own_ids, strict=True)],
        other_ids=[[own, sku, f"id:{own}"] for own, sku in zip(own_ids, skus, strict=True)],
        is_parent=is_parent,
        options=variant_options,
        prices=[name for name in (header.get("sale"), header.get("regular")) if name is not None],
        availability=_availability(table, header),
    )
    is_stocked = any(rows.availability)
    shaped = joined_variants(table, rows, id_column=id_column, availability_column=AVAILABILITY if is_stocked else None)
    joined = shaped.table
    places = {own: row for row, own in enumerate(rows.item_ids) if is_parent[row]}
    for label, values in lists.items():
        found = joined.columns.get(label) or [[]] * len(joined)
        both = [
            list(dict.fromkeys([*(values[places[item]] if item in places else ()), *(listed or ())]))
            for item, listed in zip(texts(joined, id_column), found, strict=True)
        ]
        joined = with_columns(joined, {label: both})
    notes = [*shaped.notes, *dropped]
    if num_lost:
        notes.append(f"{num_lost:,} variations whose parent is not in the file stand for themselves")
    return replace(
        shaped,
        table=without_columns(joined, [*used, header.get("parent"), header.kind]),
        roles=_roles(header, id_column, is_stocked),
        left_out=_left_out(table, header, used, [*lists, *variant_options]),
        notes=tuple(notes),
    )


def _roles(header: _Header, id_column: str, is_stocked: bool) -> dict[str, tuple[str, ...]]:
    wanted = {
        "title": ("name",), "text": ("text", "short_text"), "image": ("images",), "price": ("sale", "regular"),
        "link": ("external_url",), "stock": (),
    }  # fmt: skip
    roles = {role: tuple(header.columns[key] for key in keys if key in header.columns) for role, keys in wanted.items()}
    roles["item_id"] = (id_column,)
    roles["availability"] = (AVAILABILITY,) if is_stocked else ()
    return {role: names for role, names in roles.items() if names}


def _left_out(table: Table, header: _Header, used: Sequence[str], labels: Sequence[str]) -> dict[str, str]:
    found = {name: "tells how products are exported or sold" for key, name in header.columns.items() if key in _ADMIN}
    found |= {name: "the shop's own fields" for name in table.columns if _NO_ITEM.match(plain(name))}
    if header.get("parent") is not None:
        found[header.columns["parent"]] = "says which product a variation belongs to"
    found[header.kind] = "simple, variable or variation"
    found |= {name: "another id of the item" for key in ("sku", "gtin") if (name := header.get(key)) is not None}
    return found | {name: f"became the attributes {', '.join(dict.fromkeys(labels))}" for name in used}


def _kind_column(table: Table) -> str | None:
    for name in list(table.columns)[:8]:
        said = [value.casefold() for value in texts(table.head(500), name) if value]
        if said and all(_is_kind(value) for value in said):
            return name
    return None


def _is_kind(value: str) -> bool:
    first, *rest = (part.strip() for part in value.split(","))
    return first in _TYPES and all(part in _TRAITS for part in rest)


def _header(table: Table) -> _Header:
    kind = _kind_column(table)
    assert kind is not None
    whole = _whole_export(table, kind)
    if whole is not None:
        return _Header(kind=kind, columns=whole)
    columns = {key: name for key, names in _NAMES.items() if (name := column_called(table, *names)) is not None}
    after = list(table.columns)[list(table.columns).index(kind) + 1 :]
    columns.setdefault("sku", after[0])  # which follows the type, whatever it is called
    columns |= _price_columns(table, columns)
    if "parent" not in columns and (parent := _parent_by_cells(table, kind, columns.get("sku"))) is not None:
        columns["parent"] = parent
    if "published" not in columns and (published := _published_by_cells(table, kind)) is not None:
        columns["published"] = published
    return _Header(kind=kind, columns=columns)


def _published_by_cells(table: Table, kind: str) -> str | None:
    """The first column after the type that says 1, 0 or -1 of every product."""
    names = list(table.columns)
    return next(
        (n for n in names[names.index(kind) + 1 :] if set(texts(table, n)) <= {"1", "0", "-1"} and len(table)), None
    )


def _whole_export(table: Table, kind: str) -> dict[str, str] | None:
    """The columns by their order, where those that can be told from their cells stand where they must."""
    names = list(table.columns)
    after = names[names.index(kind) + 1 :]
    for order in (_ORDER, [key for key in _ORDER if key != "gtin"]):
        found = dict(zip(order, after, strict=False))
        if "position" in found and all(set(texts(table, found[key])) <= said for key, said in _SAYS.items()):
            return found
    return None


def _price_columns(table: Table, known: Mapping[str, str]) -> dict[str, str]:
    """The sale price and the regular one: by their names, else of two the one that is nowhere above the other."""
    if "sale" in known and "regular" in known:
        return {}
    priced = [n for n in table.columns if any(stem in plain(n) for stem in _PRICE_STEMS)]
    values = {name: numbers(table.columns[name], name=name).values for name in priced}
    values = {name: found for name, found in values.items() if np.isfinite(found).any() or len(priced) <= 2}
    if len(values) == 1:
        return {"regular": next(iter(values))}
    best = None
    for sale, regular in permutations(values, 2):
        below = values[sale] <= values[regular]
        both = np.isfinite(values[sale]) & np.isfinite(values[regular])
        if below[both].all():
            rank = (int(both.sum()), int(np.isfinite(values[regular]).sum()))
            if best is None or rank > best[0]:
                best = (rank, {"sale": sale, "regular": regular})
    return {} if best is None else best[1]


def _parent_by_cells(table: Table, kind: str, sku: str | None) -> str | None:
    """The column that is filled in variations only, and names products there."""
    is_variation = [
        value.casefold().startswith(("variation", "subscription_variation")) for value in texts(table, kind)
    ]
    known = set(filter(None, texts(table, sku)))
    for name in table.columns:
        said = texts(table, name)
        filled = [value for value, inner in zip(said, is_variation, strict=True) if inner and value]
        outside = [value for value, inner in zip(said, is_variation, strict=True) if not inner and value]
        if filled and not outside and all(value in known or re.fullmatch(r"id:\d+", value) for value in filled):
            return name
    return None


def _published_only(table: Table, header: _Header) -> tuple[Table, tuple[str, ...]]:
    """The rows of products that are published, with their variations; drafts are -1, private ones 0."""
    said = texts(table, header.get("published"))
    if not any(said):
        return table, ()
    ids = texts(table, column_called(table, "id"))
    skus = texts(table, header.get("sku"))
    hidden = {
        key
        for row, value in enumerate(said)
        if value in ("0", "-1")
        for key in (f"id:{ids[row]}", skus[row])
        if key not in ("", "id:")
    }
    parents = texts(table, header.get("parent"))
    is_unsold = [value in ("0", "-1") or parent in hidden for value, parent in zip(said, parents, strict=True)]
    title = header.get("name") or column_called(table, *ITEM_PHRASES["title"])
    return sold_only(table, is_unsold, title)


def _parents(table: Table, header: _Header, own_ids: Sequence[str]) -> tuple[list[str | None], int]:
    """The item that each variation belongs to, None for other rows; and how many variations name none in the file."""
    kinds = texts(table, header.kind)
    said = texts(table, header.get("parent"))
    by_key = {f"id:{own}": own for own in own_ids}
    for sku, own, kind in zip(texts(table, header.get("sku")), own_ids, kinds, strict=True):
        if sku and "variation" not in kind:
            by_key.setdefault(sku, own)
    parents, num_lost = list[str | None](), 0
    for kind, parent in zip(kinds, said, strict=True):
        found = by_key.get(parent) if "variation" in kind.casefold() else None
        num_lost += "variation" in kind.casefold() and found is None
        parents.append(found)
    return parents, num_lost


def _attributes(
    table: Table, is_parent: Sequence[bool]
) -> tuple[dict[str, list[list[str]]], dict[str, list[str]], list[str]]:
    """Numbered attributes become columns by name: lists of products, single values of variations; and columns used."""
    groups: dict[str, list[str]] = {}
    for name in table.columns:
        number = re.search(r"\d+", name)
        if (
            number is not None
            and any(stem in plain(name) for stem in _ATTRIBUTE_STEMS)
            and not _NO_ITEM.match(plain(name))
        ):
            groups.setdefault(number[0], []).append(name)
    lists: dict[str, list[list[str]]] = {}
    options: dict[str, list[str]] = {}
    for columns in groups.values():
        if len(columns) < 2:
            continue
        for row, (label, value) in enumerate(zip(texts(table, columns[0]), texts(table, columns[1]), strict=True)):
            if not label or not value:
                continue
            label = label if label not in table.columns else f"{label} (attribute)"
            if is_parent[row]:
                lists.setdefault(label, [[] for _ in is_parent])[row] = _split(value)
            else:
                options.setdefault(label, [""] * len(is_parent))[row] = text(value.replace("\\,", ","))
    for label in options:
        lists.setdefault(label, [[] for _ in is_parent])
    return lists, options, [name for columns in groups.values() if len(columns) > 1 for name in columns]


def _split(value: str) -> list[str]:
    return [part.strip().replace("\\,", ",") for part in re.split(r"(?<!\\),", value) if part.strip()]


def _availability(table: Table, header: _Header) -> list[str]:
    """Whether rows can be had: the export says 1, 0 or backorder."""
    said = texts(table, header.get("in_stock"))
    backorders = texts(table, header.get("backorders"))
    named = {"1": IN_STOCK, "0": OUT_OF_STOCK, "backorder": "backorder"}
    return [
        "backorder" if value == "0" and ordered in ("1", "notify") else named.get(value.casefold(), "")
        for value, ordered in zip(said, backorders, strict=True)
    ]
