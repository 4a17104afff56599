"""Choices of the shop's people: the utility of every item as a sum of named terms, and the probabilities that follow.

utility = taste (color, style, pattern, brand, price) + what goes with the last items (category, color, brand)
+ a little popularity; the next item is drawn from its softmax. Every term is exact, so causes and oracle are too.
"""

# N items, B people

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genrec.shop.people import Taste
from genrec.shop.vocabulary import ALL_DOMAINS, BRANDS, COLORS, DOMAINS, PATTERNS, PRICE_SPREAD, STYLES, Attributes

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

COMPLEMENTS: Mapping[str, tuple[str, ...]] = {
    "lamp": ("chair", "poster"),
    "mug": ("clock", "vase"),
    "chair": ("poster", "lamp", "cushion"),
    "bag": ("shoe", "clock", "umbrella"),
    "vase": ("mug", "lamp"),
    "clock": ("mug", "bag"),
    "poster": ("vase", "chair"),
    "shoe": ("bag", "umbrella"),
    "umbrella": ("shoe", "bag"),
    "cushion": ("chair", "lamp"),
}
HARMONIES: tuple[tuple[str, str], ...] = (
    ("red", "white"), ("red", "gray"), ("orange", "teal"), ("orange", "brown"), ("yellow", "blue"),
    ("yellow", "gray"), ("green", "brown"), ("green", "pink"), ("teal", "white"), ("blue", "white"),
    ("purple", "pink"), ("purple", "yellow"), ("black", "red"), ("black", "gray"), ("teal", "pink"),
    ("blue", "orange"), ("purple", "green"), ("black", "brown"),
)  # fmt: skip
LAG_SHARES: tuple[float, ...] = (1.0, 0.35)  # how much the last item counts, and the one before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """How much each term counts, in nats for a full liking."""

    color: float = 2.2
    style: float = 2.2
    pattern: float = 1.95
    brand: float = 0.75
    price: float = 0.5
    goes_with: float = 3.1
    same_color: float = 2.15
    harmony: float = 1.5
    same_brand: float = 0.55
    popular: float = 0.35


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ItemColumns:
    """The items as arrays: int64 (N,) places in the vocabulary, float64 (N,) price level and popularity."""

    category: IntArray
    color: IntArray
    style: IntArray
    pattern: IntArray
    brand: IntArray
    price_level: FloatArray
    popularity: FloatArray

    @classmethod
    def of(cls, looks: Sequence[Attributes], popularity: FloatArray) -> ItemColumns:
        """Read the columns from the items' attributes."""

        def places(field: str, words: Sequence[str]) -> IntArray:
            place = {word: index for index, word in enumerate(words)}
            return np.array([place[str(look[field])] for look in looks], dtype=np.int64)

        middles = np.array([DOMAINS[str(look["category"])].base_price for look in looks])
        prices = np.array([float(look["price"]) for look in looks])
        return cls(
            category=places("category", ALL_DOMAINS),
            color=places("color", tuple(COLORS)),
            style=places("style", STYLES),
            pattern=places("pattern", PATTERNS),
            brand=places("brand", tuple(BRANDS)),
            price_level=np.log(prices / middles) / (2 * PRICE_SPREAD),
            popularity=popularity,
        )


def _goes_with_table() -> FloatArray:
    table = np.zeros((len(ALL_DOMAINS), len(ALL_DOMAINS)))
    for category, matches in COMPLEMENTS.items():
        for match in matches:
            table[ALL_DOMAINS.index(category), ALL_DOMAINS.index(match)] = 1.0
    return table


def _harmony_table() -> FloatArray:
    names = tuple(COLORS)
    table = np.zeros((len(names), len(names)))
    for first, second in HARMONIES:
        table[names.index(first), names.index(second)] = table[names.index(second), names.index(first)] = 1.0
    return table


GOES_WITH = _goes_with_table()
HARMONY = _harmony_table()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChoiceModel:
    """Utilities over a fixed set of items."""

    columns: ItemColumns
    weights: Weights

    def taste_terms(self, taste: Taste) -> dict[str, FloatArray]:
        """The terms that do not depend on history, float64 (N,) each, in nats."""
        items, weights = self.columns, self.weights
        gap = items.price_level - taste.price_level
        return {
            "color": weights.color * taste.color[items.color],
            "style": weights.style * taste.style[items.style],
            "pattern": weights.pattern * taste.pattern[items.pattern],
            "brand": weights.brand * taste.brand[items.brand],
            "price": -weights.price * np.minimum(gap**2, 4.0),
            "popular": weights.popular * items.popularity,
        }

    def history_terms(self, row: int | IntArray, lag: int) -> dict[str, FloatArray]:
        """The terms that the item chosen `lag` steps ago adds: float64 (N,), or (B, N) for rows (B,)."""
        items, weights, share = self.columns, self.weights, LAG_SHARES[lag]
        color = items.color[row]
        terms = {
            "same_color": share * weights.same_color * (color[..., None] == items.color),
            "harmony": share * weights.harmony * HARMONY[color][..., items.color],
        }
        if lag == 0:
            terms["goes_with"] = weights.goes_with * GOES_WITH[items.category[row]][..., items.category]
            terms["same_brand"] = weights.same_brand * (items.brand[row][..., None] == items.brand)
        return terms

    def taste_utility(self, taste: Taste) -> FloatArray:
        """Sum of the taste terms, float64 (N,)."""
        return np.sum(list(self.taste_terms(taste).values()), axis=0)

    def history_utility(self, rows: Sequence[int] | Sequence[IntArray]) -> FloatArray | float:
        """Sum of the history terms for items chosen so far, oldest first; rows may be ints or int64 (B,) each."""
        total: FloatArray | float = 0.0
        for lag in range(min(len(LAG_SHARES), len(rows))):
            for term in self.history_terms(np.asarray(rows[-1 - lag]), lag).values():
                total = total + term
        return total


def probabilities(utility: FloatArray, allowed: NDArray[np.bool_]) -> FloatArray:
    """Softmax over the allowed items, float64 (..., N); zero elsewhere."""
    shifted = np.where(allowed, utility, -np.inf)
    raised = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)
