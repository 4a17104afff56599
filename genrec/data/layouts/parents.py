"""Rows of a table nobody knows that are variants of another row, as shops export sizes and colors.

A row names its parent in a column of its own (Shopware, marketplaces), a parent lists its children (Magento), or rows
that say they are variants follow their product (BigCommerce). Knows how rows hang together; deliberately knows no shop.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from genrec.data.layouts.cells import cells, text, texts, with_columns
from genrec.data.layouts.layout import Shaped
from genrec.data.layouts.looks import looks_of
from genrec.data.layouts.names import ITEM_PHRASES, plain, speaks_for
from genrec.data.layouts.prices import is_other_price, is_reduced
from genrec.data.layouts.roles import is_said
from genrec.data.layouts.search import SURE
from genrec.data.layouts.variants import Rows, joined_variants
from genrec.data.tables import Table
from genrec.data.values import numbers

_PARENT = (
    "parent", "parent id", "parent sku", "parent code", "parent handle", "parent product", "parent product id",
    "parent product code", "parent item id", "parent item", "parent reference", "variant of", "variation of",
    "is variant of", "master", "master id", "master sku", "master product", "main product", "main sku", "elternartikel",
    "elternprodukt", "eltern id", "vaterartikel", "hauptartikel", "ubergeordnetes produkt", "produit parent",
    "id parent", "producto padre", "prodotto padre", "hoofdproduct", "hoofdartikel", "produkt nadrzedny",
)  # fmt: skip
_CHILDREN = (
    "variants", "variations", "variant skus", "child skus", "children", "child products", "configurable variations",
    "associated skus", "associated products", "simples skus", "simple skus", "varianten",
)  # fmt: skip
_OPTIONS = frozenset(
    {"color", "colour", "size", "material", "pattern", "style", "flavor", "flavour", "scent", "farbe", "grosse"}
    | {"groesse", "couleur", "taille", "talla", "taglia", "colore", "kleur", "maat", "variation details"}
)
_VARIANT_ROWS = frozenset({"sku", "variant", "variation", "child", "variante"})  # what a row says that it is
_LEAST_FOUND = 0.9  # of the parents that are named, in a column of ids
_PRICED = 0.35  # how surely a name must speak for a price, as where roles are found
_SPLIT = re.compile(r"[|,;=\s]+")


def with_parents(table: Table) -> Shaped | None:
    """The table with one row for each item where rows are variants of others; None where none is."""
    keys = _keys(table)
    found = _by_parent(table, keys) or _by_children(table, keys) or _by_order(table, keys)
    if found is None:
        return None
    key, parents, reasons = found
    own = texts(table, key)
    roots = [_root(row, parents) for row in range(len(table))]
    options = [name for name in table.columns if plain(name) in _OPTIONS]
    availability = _called(table, "availability")
    rows = Rows(
        item_ids=[own[root] for root in roots],
        variant_ids=[own[row] if root != row else "" for row, root in enumerate(roots)],
        other_ids=list(
            zip(*(texts(table, name) for name in keys if name != key and _are_ids(table, name)), strict=True)
        ),
        is_parent=[root == row for row, root in enumerate(roots)],
        options={name: texts(table, name) for name in options},
        prices=_prices(table),
        availability=texts(table, availability),
    )
    shaped = joined_variants(table, rows, id_column=key, availability_column=availability)
    stock = _called(table, "stock")
    joined = shaped.table if stock is None else with_columns(shaped.table, {stock: _stocks(table, stock, roots)})
    return Shaped(
        table=joined,
        roles={"item_id": (key,)},
        left_out=reasons,
        variants=shaped.variants,
        aliases=shaped.aliases,
        notes=shaped.notes,
    )


def _keys(table: Table) -> list[str]:
    """The columns that tell rows apart: short cells, different wherever they are filled, the fullest first."""
    looks = looks_of(table)
    unique = []
    for name, look in looks.items():
        if look.is_id and look.distinct == 1 and look.filled > 0.5 and not look.is_timed and not is_said(name):
            filled = [cell for cell in texts(table, name) if cell]
            if len(set(filled)) == len(filled):
                unique.append(name)
    return sorted(unique, key=lambda name: -looks[name].filled)


def _are_ids(table: Table, name: str) -> bool:
    """Whether cells that tell rows apart are ids by which events may name them: called so, or codes as A-01 is one."""
    if plain(name) in _OPTIONS:
        return False
    is_called = speaks_for(name, ITEM_PHRASES["item_id"]) >= SURE
    return is_called or all(re.search(r"\d", cell) and not cell.isdigit() for cell in texts(table, name) if cell)


_Found = tuple[str, list[int | None], dict[str, str]]  # the column of ids, each row's parent, and what is left out


def _by_parent(table: Table, keys: Sequence[str]) -> _Found | None:
    """Rows name their parents."""
    for name in table.columns:
        if plain(name) not in _PARENT:
            continue
        said = texts(table, name)
        for key in keys:
            rows = {own: row for row, own in enumerate(texts(table, key)) if own}
            parents = [rows.get(parent) if parent else None for parent in said]
            num_said = sum(bool(parent) and parent != own for parent, own in zip(said, texts(table, key), strict=True))
            if key != name and len(rows) == len(table) and 0 < num_said < len(table):
                num_found = sum(parent not in (None, row) for row, parent in enumerate(parents))
                if num_found >= _LEAST_FOUND * num_said:
                    return key, parents, {name: "says which item a variant belongs to"}
    return None


def _by_children(table: Table, keys: Sequence[str]) -> _Found | None:
    """Parents list their variants."""
    for name in table.columns:
        if plain(name) not in _CHILDREN:
            continue
        listed = [_words(cell) for cell in cells(table, name)]
        for key in keys:
            rows = {own: row for row, own in enumerate(texts(table, key)) if own}
            if len(rows) < len(table):
                continue
            parents: list[int | None] = [None] * len(table)
            for parent, words in enumerate(listed):
                for row in {rows[word] for word in words if word in rows} - {parent}:
                    parents[row] = parent
            if any(parent is not None for parent in parents):
                return key, parents, {name: "lists the variants of an item"}
    return None


def _by_order(table: Table, keys: Sequence[str]) -> _Found | None:
    """Rows that say they are variants, and have no title, follow their item."""
    title, kind = _called(table, "title"), next((n for n in table.columns if plain(n).endswith("type")), None)
    key = next((key for key in keys if all(texts(table, key))), None)
    if title is None or kind is None or key is None:
        return None
    is_variant = [
        plain(said) in _VARIANT_ROWS and not named
        for said, named in zip(texts(table, kind), texts(table, title), strict=True)
    ]
    if not any(is_variant) or is_variant[0]:
        return None
    parents: list[int | None] = []
    for row, is_child in enumerate(is_variant):
        last = parents[-1] if parents and is_variant[row - 1] else row - 1
        parents.append(last if is_child else None)
    return key, parents, {kind: "says which rows are variants"}


def _root(row: int, parents: Sequence[int | None]) -> int:
    """The row of the item that a row belongs to; rows that name each other in a circle stand for themselves."""
    seen = {row}
    at = row
    while (parent := parents[at]) is not None and parent != at:
        if parent in seen:
            return row
        seen.add(parent)
        at = parent
    return at


def _words(cell: object) -> list[str]:
    """What a cell lists, names and values alike."""
    if isinstance(cell, list | tuple):
        return [word for part in cell for word in _words(part)]
    if isinstance(cell, Mapping):
        return [word for part in cell.values() for word in _words(part)]
    return [word for word in _SPLIT.split(text(cell)) if word]


def _called(table: Table, role: str) -> str | None:
    """The column whose name speaks most surely for a role, if any does."""
    sure, name = max(((speaks_for(name, ITEM_PHRASES[role]), name) for name in table.columns), default=(0.0, None))
    return name if sure >= SURE else None


def _prices(table: Table) -> list[str]:
    """The columns of what customers pay, reduced prices before those they are reduced from, then other prices."""
    looks = looks_of(table)
    priced = [n for n in table.columns if speaks_for(n, ITEM_PHRASES["price"]) >= _PRICED and looks[n].numbers > 0.5]
    paid = [name for name in priced if not is_other_price(name)]
    reduced = [name for name in paid if any(is_reduced(table, name, other) for other in paid if other != name)]
    paid = [*reduced, *(name for name in paid if name not in reduced)]
    return [*paid, *(name for name in priced if name not in paid)]


def _stocks(table: Table, name: str, roots: Sequence[int]) -> list[float | None]:
    """How many of each item there are: of its variants together, where it has some; else its own."""
    held = numbers(table.columns[name], name=name).values
    groups: dict[int, list[int]] = {}
    for row, root in enumerate(roots):
        groups.setdefault(root, []).append(row)
    found = []
    for root, rows in groups.items():
        counted = held[[row for row in rows if row != root] or [root]]
        found.append(float(np.nansum(counted)) if np.isfinite(counted).any() else None)
    return found
