"""Wishes over a whole catalog at once: which items meet them, and which numbers and values these have.

Works on columns, so that wishes over a million items cost milliseconds. Knows no words and no conversation.

Axis legend: N catalog rows, V different values.
"""

from collections.abc import Iterable
from functools import reduce
from operator import and_

import numpy as np
import numpy.typing as npt

from genrec.claims.claims import Constraint
from genrec.data.filters import Filter
from genrec.errors import FilterError
from genrec.schema import AttributeValue, BoolArray, Catalog, Item


def wish_filter(wishes: Iterable[Constraint]) -> Filter | None:
    """The filter that all wishes make together; None without wishes."""
    parts = []
    for wish in wishes:
        if wish.operator == "!=" or not isinstance(wish.value, tuple):
            values = wish.value if isinstance(wish.value, tuple) else (wish.value,)
            parts += [Filter.where(wish.attribute, wish.operator, value) for value in values]
        else:
            either = [Filter.where(wish.attribute, "=", value) for value in wish.value]
            parts.append(reduce(lambda a, b: a | b, either))
    return reduce(and_, parts) if parts else None


def meeting(wishes: Iterable[Constraint], catalog: Catalog) -> BoolArray:
    """Which rows meet all wishes, bool (N,); none where a wish cannot be compared."""
    where = wish_filter(wishes)
    try:
        return np.ones(len(catalog), bool) if where is None else where.mask(catalog)
    except FilterError:
        return np.zeros(len(catalog), bool)


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


def _number(value: AttributeValue | None) -> float | None:
    return float(value) if isinstance(value, float | int) and not isinstance(value, bool) else None
