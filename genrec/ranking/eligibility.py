"""Eligibility: the items that a request may get, which are not removed, pass its filter and are not excluded.

A filter is worked out once for all requests, for the catalog and for every node of the trie. Knows filters and the
trie; deliberately knows nothing of models.

Axis legend: N items.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from genrec.data.filters import Filter
from genrec.errors import FilterError
from genrec.schema import BoolArray, Catalog, IntArray
from genrec.semids.trie import Mask, Trie

MAX_CACHED_FILTERS = 64  # one byte per node of the trie each


@dataclass(frozen=True, slots=True)
class Eligible:
    """The items that one request may get.

    allowed_N: bool (N,); mask: of those that pass, None where all do; left_out: int64, the catalog rows that may not
    come back.
    """

    allowed_N: BoolArray
    mask: Mask | None
    left_out: IntArray


class PassingItems:
    """Works out which items of one catalog pass a filter; removed ones never do. For many threads."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._passing = lru_cache(MAX_CACHED_FILTERS)(self._work_out)

    def passing(self, where: Filter | None) -> BoolArray:
        """The catalog rows that pass a filter, bool (N,). Raises FilterError when a value cannot be compared."""
        return self._passing(where).copy()

    def _work_out(self, where: Filter | None) -> BoolArray:
        passing_N = np.ones(len(self.catalog), bool) if where is None else where.mask(self.catalog)
        passing_N[self.catalog.removed_rows] = False
        return passing_N


class Eligibility:
    """Works out who may get what over one catalog and its trie; for many threads."""

    def __init__(self, passing_items: PassingItems, trie: Trie) -> None:
        self._passing_items = passing_items
        self._masks = lru_cache(MAX_CACHED_FILTERS)(lambda where: trie.mask(passing_items.passing(where)))

    def find(self, where: Filter | None, left_out: Iterable[str]) -> Eligible:
        """The items that pass the filter, without these.

        Raises UnknownItem, and FilterError when a value cannot be compared or nothing is left.
        """
        allowed_N = self._passing_items.passing(where)
        rows = self._passing_items.catalog.rows(left_out)
        num_passing = int(allowed_N.sum())
        allowed_N[rows] = False
        if not allowed_N.any():
            raise FilterError(_nothing_left(len(allowed_N), num_passing, where))
        passes_all = where is None and not len(self._passing_items.catalog.removed_rows)
        return Eligible(allowed_N, None if passes_all else self._masks(where), rows)


def _nothing_left(num_items: int, num_passing: int, where: Filter | None) -> str:
    """Why no item is left to a request, in its own terms, and what its sender can do."""
    if num_passing:
        passing = "of the catalog" if where is None else f"that pass the filter {where}"
        advice = "allow items of the history to come back (--seen), exclude fewer"
        advice += ", or add items" if where is None else ", or loosen the filter"
        return f"no item is left: the {num_passing:,} items {passing} are all in the history or excluded; {advice}"
    if where is None:
        return f"no item is left: every one of {num_items:,} items is removed; add items, or ingest again"
    return f"no item is left: 0 of {num_items:,} items pass the filter {where} and are not removed; loosen it"
