"""Traits of items: the attribute values and the words that a person's dislikes may have in common.

Items are sorted out when they are first asked for: a request looks at few of a catalog. Knows a catalog's texts and
attributes; deliberately knows no person and no model.

Axis legend: N items, M asked items, T traits of items one after the other, D features.
"""

import re
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from genrec.data.filters import is_number
from genrec.schema import Catalog, FloatArray, IntArray, Item, format_attribute

_NUM_RANGES = 6  # of a number attribute, each with as many items
_MAX_CHARS = 400  # of a description that are read
_WORD = re.compile(r"\w\w+")


@dataclass(frozen=True, slots=True)
class Traits:
    """Traits of several items one after the other: the place of each one's item, and its code, int64 (T,)."""

    item_T: IntArray
    code_T: IntArray

    @classmethod
    def of(cls, parts: Iterable[IntArray]) -> "Traits":
        """Those of each item."""
        codes = list(parts)
        lengths = [len(part) for part in codes]
        return cls(np.repeat(np.arange(len(codes)), lengths), np.concatenate([np.zeros(0, np.int64), *codes]))

    def counts(self, num_codes: int) -> IntArray:
        """How many of the items have each trait."""
        return np.bincount(self.code_T, minlength=num_codes)


class ItemTraits:
    """What the items of a catalog are like; for many threads. vectors_ND: of their content, float32, unit rows."""

    def __init__(self, catalog: Catalog, vectors_ND: FloatArray) -> None:
        self.catalog, self.vectors_ND = catalog, vectors_ND
        self._codes: dict[Hashable, int] = {}
        self._values: dict[int, IntArray] = {}
        self._words: dict[int, IntArray] = {}
        self._lock = threading.Lock()

    @property
    def num_codes(self) -> int:
        """The number of different traits that have come up so far."""
        return len(self._codes)

    def values(self, rows_M: IntArray) -> Traits:
        """Attribute values, each of several ones and numbers by their range."""
        return self._traits(rows_M, self._values, self._values_of)

    def words(self, rows_M: IntArray) -> Traits:
        """The different words of titles and descriptions."""
        return self._traits(rows_M, self._words, _words_of)

    def _traits(
        self, rows_M: IntArray, known: dict[int, IntArray], look: Callable[[Item], Iterable[Hashable]]
    ) -> Traits:
        with self._lock:
            for row in set(rows_M.tolist()) - known.keys():
                found = dict.fromkeys(look(self.catalog.items[row]))
                codes = (self._codes.setdefault(trait, len(self._codes)) for trait in found)
                known[row] = np.fromiter(codes, dtype=np.int64)
        return Traits.of(known[row] for row in rows_M.tolist())

    def _values_of(self, item: Item) -> Iterator[Hashable]:
        for name, value in item.attributes.items():
            if is_number(value):
                yield name, int(np.searchsorted(self._edges[name], value))
            else:
                texts = value if isinstance(value, tuple) else (format_attribute(value),)
                yield from ((name, text.casefold()) for text in texts)

    @cached_property
    def _edges(self) -> dict[str, FloatArray]:
        """Between which numbers the ranges of each number attribute lie."""
        numbers: dict[str, list[float]] = {}
        for item in self.catalog:
            for name, value in item.attributes.items():
                if is_number(value):
                    numbers.setdefault(name, []).append(float(value))
        shares = np.arange(1, _NUM_RANGES) / _NUM_RANGES
        return {name: np.unique(np.quantile(column, shares)).astype(np.float32) for name, column in numbers.items()}


def _words_of(item: Item) -> Iterator[str]:
    yield from _WORD.findall(f"{item.title} {item.text[:_MAX_CHARS]}".casefold())
