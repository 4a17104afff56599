"""Constraints over a whole catalog at once: which items meet them, and which numbers and values items have.

Works on columns, so that wishes over a million items cost milliseconds. Knows no words and no conversation.

Axis legend: N catalog rows, V different values.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from genrec.chat.requests import Extreme
from genrec.data.filters import Predicate, all_of, is_number
from genrec.errors import FilterError
from genrec.schema import AttributeValue, BoolArray, Catalog, Item


def meeting(wishes: Iterable[Predicate], catalog: Catalog) -> BoolArray:
    """Which rows meet all wishes and are not removed, bool (N,); none where a wish cannot be compared."""
    where = all_of(wishes)
    try:
        meeting_N = np.ones(len(catalog), bool) if where is None else where.mask(catalog)
    except FilterError:
        return np.zeros(len(catalog), bool)
    meeting_N[catalog.removed_rows] = False
    return meeting_N


def attribute_values(catalog: Catalog) -> dict[str, tuple[str | float | bool, ...]]:
    """Every attribute with its different values: numbers ascending, others the most frequent first."""
    counts: dict[str, Counter[str | float | bool]] = {}
    for item in catalog:
        for name, value in item.attributes.items():
            counts.setdefault(name, Counter()).update(value if isinstance(value, tuple) else (value,))
    return {name: _listing(values) for name, values in sorted(counts.items())}


def _listing(counts: Counter[str | float | bool]) -> tuple[str | float | bool, ...]:
    if all(is_number(value) for value in counts):
        return tuple(sorted(counts))
    return tuple(sorted(counts, key=lambda value: (-counts[value], str(value))))


def number_of(item: Item, attribute: str) -> float | None:
    """An item's number of this name; None where it has none."""
    return _number(item.attributes.get(attribute))


def numbers_of(attribute: str, catalog: Catalog) -> npt.NDArray[np.float64]:
    """The number of this name that each item has, float64 (N,), NaN where it has none."""
    column = catalog.column(attribute)
    numbers = (_number(value) for value in column.values)
    numbers_V = np.array([*(np.nan if number is None else number for number in numbers), np.nan])
    return numbers_V[column.places_N]


def counts_of(attribute: str, catalog: Catalog, among_N: BoolArray) -> dict[AttributeValue | None, int]:
    """The different values that these items have, with how many have each; None of those that have none."""
    column = catalog.column(attribute)
    places, counts = np.unique(column.places_N[among_N], return_counts=True)
    values = (None if place < 0 else column.values[place] for place in places.tolist())
    return dict(zip(values, counts.tolist(), strict=True))


def extremes_of(extreme: Extreme, items: Sequence[Item]) -> list[Item]:
    """The items with the least or the most of a number; several where they are equal, none where none has it."""
    numbers = {item.item_id: number_of(item, extreme.attribute) for item in items}
    known = [number for number in numbers.values() if number is not None]
    if not known:
        return []
    best = max(known) if extreme.is_most else min(known)
    return [item for item in items if numbers[item.item_id] == best]


def texts_of(value: AttributeValue | None) -> tuple[str, ...]:
    """The texts of an attribute's value; none where it is a number, yes or no, or missing."""
    return value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ()


def _number(value: AttributeValue | None) -> float | None:
    return float(value) if is_number(value) else None
