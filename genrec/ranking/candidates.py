"""Candidates: the items that may answer one request, with their scores, as the sources of items join.

Knows rows and nats; deliberately knows no model.

Axis legend: M candidates, N items, W beams.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from genrec.ranking.cold_items import ColdItems
from genrec.ranking.mixing import NUM_LIKELY, Nats, mix_beams, mix_expectations
from genrec.schema import BoolArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Beams:
    """One search's beams. rows_W: catalog rows; nats_W: -inf where no beam is left."""

    rows_W: IntArray
    nats_W: Nats


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """rows_M: int64 catalog rows without repeats; nats_M: their log-probabilities, in any order."""

    rows_M: IntArray
    nats_M: Nats

    @classmethod
    def mixed(cls, beams: Beams, scored_N: Nats, weight: float, *, num_likely: int = NUM_LIKELY) -> "Candidates":
        """The beams joined by the item scorer's likeliest items, by the log-probability of the mixture.

        scored_N: the item scorer's nats, -inf for what is not allowed; weight: its share, 0 to 1.
        """
        rows_M, nats_M = mix_expectations(beams.rows_W, beams.nats_W, scored_N, weight, num_likely)
        return cls(rows_M=rows_M, nats_M=nats_M)

    def with_cold_items(self, cold_items: ColdItems, allowed_N: BoolArray) -> "Candidates":
        """Allowed cold items join with what they inherit from candidates, where that is more than they have."""
        inherited = cold_items.inherit(self.rows_M, self.nats_M)
        usable = allowed_N[cold_items.rows] & np.isfinite(inherited)
        best_N = np.full(len(allowed_N), -np.inf)
        best_N[self.rows_M] = self.nats_M
        np.maximum.at(best_N, cold_items.rows[usable], inherited[usable])
        rows_M = np.concatenate([self.rows_M, cold_items.rows[usable & ~np.isin(cold_items.rows, self.rows_M)]])
        return Candidates(rows_M=rows_M, nats_M=best_N[rows_M])

    def with_beams(self, beams: Beams, scored_N: Nats, weight: float) -> "Candidates":
        """Beams of another search join, those of items that are no candidates yet."""
        mixed_W = mix_beams(beams.rows_W, beams.nats_W, scored_N, weight)
        is_fresh_W = np.isfinite(beams.nats_W) & ~np.isin(beams.rows_W, self.rows_M)
        return Candidates(
            rows_M=np.r_[self.rows_M, beams.rows_W[is_fresh_W]], nats_M=np.r_[self.nats_M, mixed_W[is_fresh_W]]
        )

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
