"""Eligibility: the items that a request may get, which pass its filter and are not excluded.

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

    allowed_N: bool (N,); mask: the filter, None where all items pass; left_out: int64, the catalog rows that may not
    come back.
    """

    allowed_N: BoolArray
    mask: Mask | None
    left_out: IntArray


class Eligibility:
    """Works out filters over one catalog, each once; for many threads."""

    def __init__(self, catalog: Catalog, trie: Trie) -> None:
        self._catalog = catalog
        self._passing = lru_cache(MAX_CACHED_FILTERS)(self._work_out)
        self._masks = lru_cache(MAX_CACHED_FILTERS)(lambda where: trie.mask(self._passing(where)))

    def passing(self, where: Filter | None) -> BoolArray:
        """The catalog rows that pass a filter, bool (N,). Raises FilterError when a value cannot be compared."""
        return self._passing(where).copy()

    def find(self, where: Filter | None, left_out: Iterable[str]) -> Eligible:
        """The items that pass the filter, without these.

        Raises UnknownItem, and FilterError when a value cannot be compared or nothing is left.
        """
        allowed_N, rows = self.passing(where), self._catalog.rows(left_out)
        num_passing = int(allowed_N.sum())
        if not num_passing:
            raise FilterError(f"no item is left: 0 of {len(allowed_N)} items pass the filter {where}; loosen it")
        allowed_N[rows] = False
        if not allowed_N.any():
            raise FilterError(
                f"no item is left: {num_passing} of {len(allowed_N)} items pass the filter {where or 'none'}, and "
                "those are in the history or excluded; loosen the filter"
            )
        return Eligible(allowed_N, None if where is None else self._masks(where), rows)

    def _work_out(self, where: Filter | None) -> BoolArray:
        return np.ones(len(self._catalog), bool) if where is None else where.mask(self._catalog)
