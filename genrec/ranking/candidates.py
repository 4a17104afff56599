"""Candidates: the items that may answer one request, with their scores, as the sources of items join.

Knows rows and nats; deliberately knows no model.

Axis legend: M candidates, N items.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from genrec.ranking.cold_items import ColdItems
from genrec.ranking.mixing import Nats
from genrec.schema import BoolArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """rows_M: int64 catalog rows without repeats; nats_M: their log-probabilities, in any order."""

    rows_M: IntArray
    nats_M: Nats

    @classmethod
    def pooled(cls, scored: Mapping[int, float], judged_N: Nats, codes: float, likely: IntArray) -> "Candidates":
        """The items whose codes are known, by what all judges say; where codes have no share, the likely ones.

        scored: nats of the codes by row; codes: their share; judged_N: what the others say, times their shares, -inf
        for what is not allowed; likely: catalog rows.
        """
        if codes <= 0:
            return cls(rows_M=likely, nats_M=judged_N[likely])
        rows_M = np.fromiter(scored, np.int64, len(scored))
        nats_M = codes * np.fromiter(scored.values(), np.float64, len(scored)) + judged_N[rows_M]
        is_legal_M = np.isfinite(nats_M)
        return cls(rows_M=rows_M[is_legal_M], nats_M=nats_M[is_legal_M])

    def with_cold_items(self, cold_items: ColdItems, allowed_N: BoolArray) -> "Candidates":
        """Allowed cold items join with what they inherit from candidates, where that is more than they have."""
        inherited = cold_items.inherit(self.rows_M, self.nats_M)
        usable = allowed_N[cold_items.rows] & np.isfinite(inherited)
        best_N = np.full(len(allowed_N), -np.inf)
        best_N[self.rows_M] = self.nats_M
        np.maximum.at(best_N, cold_items.rows[usable], inherited[usable])
        rows_M = np.concatenate([self.rows_M, cold_items.rows[usable & ~np.isin(cold_items.rows, self.rows_M)]])
        return Candidates(rows_M=rows_M, nats_M=best_N[rows_M])

    def raised(self, bonus_N: Nats) -> "Candidates":
        """The same items with a bonus in nats of each item of the catalog."""
        return Candidates(rows_M=self.rows_M, nats_M=self.nats_M + bonus_N[self.rows_M])

    def with_aversion(self, liked_M: Nats) -> "Candidates":
        """The same items with the log-probability of each that it is liked, in the order of the rows."""
        return Candidates(rows_M=self.rows_M, nats_M=self.nats_M + liked_M)

    def best(self, k: int) -> Iterator[tuple[int, float]]:
        """Rows and nats of the k best, best first; equal ones in the order in which they came."""
        for place in np.argsort(-self.nats_M, kind="stable")[:k]:
            yield int(self.rows_M[place]), float(self.nats_M[place])
