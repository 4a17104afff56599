"""Joins rows of variants, such as the sizes of a shirt, into one row for each item.

Knows groups of rows; deliberately knows no layout's columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from genrec.data.layouts.cells import cells, is_blank, rebuilt, text
from genrec.data.layouts.layout import Shaped
from genrec.data.tables import Table
from genrec.data.values import numbers
from genrec.offers import Availability, Variant, availability_of
from genrec.schema import FloatArray

_TITLE_END = " -–—,|/(:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What rows of variants say, each sequence with an entry for every row.

    item_ids: the item that a row belongs to, none of them empty; variant_ids: '' where a row is no variant of its own;
    other_ids: more ids by which events may name a row's variant; is_parent: whether a row is of the item itself;
    options: what tells variants apart, such as Size, to its values; prices: columns, the first that is filled counting;
    availability: as people write it; pictures: a column whose cells are joined into lists; title: a column whose
    variants' names are cut to what they share.
    """

    item_ids: Sequence[str]
    variant_ids: Sequence[str]
    other_ids: Sequence[Sequence[str]] = ()
    is_parent: Sequence[bool] = ()
    options: Mapping[str, Sequence[str]] = field(default_factory=dict)
    prices: Sequence[str] = ()
    availability: Sequence[str] = ()
    pictures: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    title: str | None = None


def joined_variants(table: Table, rows: Rows, *, id_column: str, availability_column: str | None = None) -> Shaped:
    """One row for each item: its own cells, else its first variant's; the lowest price; lists of what tells them apart.

    id_column: where the ids of items are written; availability_column: likewise, None where it is unknown.
    """
    places = _places(rows)
    price_R = effective_prices(table, rows.prices)
    bases = [_base(place, rows) for place in places.values()]
    columns = {
        name: _column(table, name, places, bases, rows)
        for name in table.columns
        if name not in rows.prices and name not in rows.pictures
    }
    for name in rows.pictures:
        columns[name] = [
            list(dict.fromkeys(p for row in place for p in rows.pictures[name][row])) for place in places.values()
        ]
    cheapest = [_cheapest(place, price_R, base) for place, base in zip(places.values(), bases, strict=True)]
    for name in rows.prices:
        found = cells(table, name)
        columns[name] = [found[row] for row in cheapest]
    for label, values in rows.options.items():
        columns[label] = [
            list(dict.fromkeys(filter(None, (values[row] for row in place)))) for place in places.values()
        ]
    columns[id_column] = list(places)
    if availability_column is not None:
        columns[availability_column] = [
            _availability(place, base, rows) for place, base in zip(places.values(), bases, strict=True)
        ]
    says = {word: availability_of(word) for word in set(rows.availability)}
    prices = [None if price != price else price for price in price_R.tolist()]
    variants = {item: _variants(place, rows, prices, says) for item, place in places.items()}
    variants = {item: found for item, found in variants.items() if found}
    num_joined = len(rows.item_ids) - len(places)
    in_order = {name: columns[name] for name in dict.fromkeys([*table.columns, *columns]) if name in columns}
    return Shaped(
        table=rebuilt(table, in_order, [int(table.lines[row]) for row in bases]),
        roles={},
        variants=variants,
        aliases=_aliases(rows),
        notes=(f"rows joined as variants or pictures of others: {num_joined:,}",) if num_joined else (),
    )


def effective_prices(table: Table, names: Sequence[str]) -> FloatArray:
    """What each row costs: of several columns the first that holds a number; NaN where none does."""
    price_R = np.full(len(table), np.nan)
    for name in names:
        found = numbers(table.columns[name], name=name).values
        price_R = np.where(np.isnan(price_R), found, price_R)
    return price_R


def _places(rows: Rows) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for row, item_id in enumerate(rows.item_ids):
        places.setdefault(item_id, []).append(row)
    return places


def _base(place: Sequence[int], rows: Rows) -> int:
    """The row of the item itself, else the first."""
    return next((row for row in place if rows.is_parent and rows.is_parent[row]), place[0])


def _column(
    table: Table, name: str, places: Mapping[str, Sequence[int]], bases: Sequence[int], rows: Rows
) -> list[object]:
    found = cells(table, name)
    values = []
    for place, base in zip(places.values(), bases, strict=True):
        value = found[base]
        has_parent = bool(rows.is_parent) and rows.is_parent[base]
        if is_blank(value):
            value = next((found[row] for row in place if not is_blank(found[row])), value)
        if name == rows.title and len(place) > 1 and not has_parent:
            value = shared_title([text(found[row]) for row in place]) or value
        values.append(value)
    return values


def shared_title(titles: Sequence[str]) -> str:
    """The words with which all titles begin, two at least; '' where they share fewer."""
    named = [title for title in titles if title]
    if len(set(named)) <= 1:
        return named[0] if named else ""
    split = [title.split() for title in named]
    shared = []
    for words in zip(*split, strict=False):
        if len(set(words)) > 1:
            break
        shared.append(words[0])
    title = " ".join(shared).rstrip(_TITLE_END)
    return title if len(title.split()) > 1 else ""


def _cheapest(place: Sequence[int], price_R: FloatArray, base: int) -> int:
    priced = [row for row in place if np.isfinite(price_R[row])]
    return min(priced, key=lambda row: (price_R[row], row != base)) if priced else base


def _availability(place: Sequence[int], base: int, rows: Rows) -> str | None:
    """In stock where a variant is; else what the item's own row says."""
    sold = [row for row in place if rows.variant_ids[row]] or [base]
    said = [rows.availability[row] for row in sold if rows.availability[row]]
    own = rows.availability[base]
    words = dict.fromkeys(said)
    return next((word for word in words if availability_of(word) == "in_stock"), own or next(iter(words), None))


def _variants(
    place: Sequence[int],
    rows: Rows,
    prices: Sequence[float | None],
    says: Mapping[str, Availability | None],
) -> tuple[Variant, ...]:
    found = []
    for row in place:
        said = {label: values[row] for label, values in rows.options.items() if values[row]}
        if not rows.variant_ids[row] or (len(place) == 1 and not said):
            continue
        available = says[rows.availability[row]] if rows.availability else None
        found.append(
            Variant(variant_id=rows.variant_ids[row], attributes=said, price=prices[row], availability=available)
        )
    return tuple(found)


def _aliases(rows: Rows) -> dict[str, str]:
    """Ids by which events may name items; those that several items have name none."""
    found: dict[str, str] = {}
    unclear = set()
    own = set(rows.item_ids)
    for row, item_id in enumerate(rows.item_ids):
        for name in (rows.variant_ids[row], *(rows.other_ids[row] if rows.other_ids else ())):
            if name and name not in own and found.setdefault(name, item_id) != item_id:
                unclear.add(name)
    return {name: item_id for name, item_id in found.items() if name not in unclear}
