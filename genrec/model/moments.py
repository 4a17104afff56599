"""What people chose next at moments like this one: nearest neighbors among the moments of all histories.

A moment is an event of training with those before it. Two moments are as alike as the latest items of both have in
common, each counting less the further back it lies, and every moment votes for what was chosen next by the fourth power
of its likeness, so that few that are alike in much outvote many that are alike in little. This is session-based nearest
neighbors with decayed vectors (VSKNN and STAN: Ludewig and Jannach, UMUAI 2018; Garg et al., SIGIR 2019), without a
bound on how many. Knows catalog rows; deliberately knows nothing of models or content.

Axis legend: B histories, N items, E events of histories one after the other, P moments.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from genrec.schema import IntArray

MAX_MOMENTS = 1_000_000  # what is kept takes 80 bytes each; of longer logs, the last
_NUM_LATEST = 10  # items of a moment that are looked at
_FADING = 0.8  # an item counts so much less than the one chosen after it

Sparse: TypeAlias = Any  # scipy's sparse matrices carry no types


class Moments:
    """rows_E: catalog rows of histories one after the other, oldest first; lengths_H: events of each history."""

    def __init__(self, rows_E: IntArray, lengths_H: IntArray) -> None:
        self.rows_E, self.lengths_H = rows_E.astype(np.int64), lengths_H.astype(np.int64)

    @classmethod
    def of(cls, histories: Sequence[IntArray]) -> "Moments":
        """Those of at most `MAX_MOMENTS` events, whole histories, the last ones."""
        kept: list[IntArray] = []
        num_events = 0
        for history in reversed(histories):
            num_events += len(history)
            if num_events > MAX_MOMENTS:
                break
            kept.append(history)
        rows = np.concatenate([np.zeros(0, np.int64), *kept[::-1]])
        return cls(rows, np.array([len(history) for history in kept[::-1]], dtype=np.int64))

    def without(self, is_kept_N: np.ndarray[Any, np.dtype[np.bool_]]) -> "Moments":
        """As if the others of the items, bool (N,), had never been chosen."""
        is_kept_E = is_kept_N[self.rows_E]
        numbers_E = np.repeat(np.arange(len(self.lengths_H)), self.lengths_H)
        return Moments(self.rows_E[is_kept_E], np.bincount(numbers_E[is_kept_E], minlength=len(self.lengths_H)))

    def next_shares(self, histories: Sequence[IntArray], num_items: int) -> Sparse:
        """The share of the votes that each item has to be next, sparse (B, N); rows sum to one, or to nothing."""
        from scipy import sparse

        latest = [history[-_NUM_LATEST:] for history in histories]
        entries = np.concatenate([np.zeros(0, np.float32), *(_fading(len(rows)) for rows in latest)])
        columns = np.concatenate([np.zeros(0, np.int64), *latest])
        bounds = np.cumsum([0, *map(len, latest)])
        contexts_NP, next_PN = self._moments
        shape = (len(histories), contexts_NP.shape[0])
        is_known = columns < shape[1]
        entries, columns = np.where(is_known, entries, 0), np.where(is_known, columns, 0)
        votes_BP = sparse.csr_matrix((entries, columns, bounds), shape=shape) @ contexts_NP
        votes_BP.data **= 4
        votes_BN = (votes_BP @ next_PN).tocsr()
        totals_B = np.maximum(np.asarray(votes_BN.sum(axis=1)).ravel(), 1e-9)
        votes_BN.data /= np.repeat(totals_B, np.diff(votes_BN.indptr)).astype(votes_BN.dtype)
        votes_BN.resize(len(histories), num_items)
        return votes_BN

    @cached_property
    def _moments(self) -> tuple[Sparse, Sparse]:
        """How much each item counts in each moment, sparse (N, P), and what was chosen next, (P, N)."""
        from scipy import sparse

        num_items = int(self.rows_E.max(initial=0)) + 1
        place_E = np.arange(len(self.rows_E)) - np.repeat(self.lengths_H.cumsum() - self.lengths_H, self.lengths_H)
        has_next_E = np.ones(len(self.rows_E), bool)
        has_next_E[self.lengths_H.cumsum()[self.lengths_H > 0] - 1] = False
        event_P = np.flatnonzero(has_next_E)
        seen, moments, counts = [], [], []
        for lag in range(_NUM_LATEST):
            moment = np.flatnonzero(place_E[event_P] >= lag)
            seen.append(self.rows_E[event_P[moment] - lag])
            moments.append(moment)
            counts.append(np.full(len(moment), _FADING**lag, np.float32))
        contexts = (np.concatenate(counts), (np.concatenate(seen), np.concatenate(moments)))
        ones = np.ones(len(event_P), np.float32)
        chosen = (ones, self.rows_E[event_P + 1], np.arange(len(event_P) + 1))
        return (
            sparse.csr_matrix(contexts, shape=(num_items, len(event_P))),
            sparse.csr_matrix(chosen, shape=(len(event_P), num_items)),
        )


def _fading(length: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return _FADING ** np.arange(length, dtype=np.float32)[::-1]
