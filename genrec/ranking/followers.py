"""Followers of each item in the training histories: transitions, as a Markov chain counts them, over a window.

Knows catalog rows and counts; deliberately knows nothing of models, or of how these shares are weighed.

Axis legend: B histories, N items, E events of histories one after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from genrec.encode.collaborative import count_followers
from genrec.encode.taste_axes import DECAY, NUM_LATEST, latest_weights
from genrec.schema import BoolArray, Catalog, IntArray, Interactions

Sparse: TypeAlias = Any  # scipy's sparse matrices carry no types


@dataclass(frozen=True, slots=True, kw_only=True)
class Followers:
    """Transitions between items; later items of the catalog that were not counted have none.

    counts_NN: sparse float64, how often items came soon after each item; totals_N: float64, their sums and 1 more, as
    an item that came once proves little; shares_NN: sparse float32, counts by total; window: how many later events of a
    history follow an item, the one d steps away as 1/d.
    """

    counts_NN: Sparse
    totals_N: npt.NDArray[np.float64]
    shares_NN: Sparse
    window: int

    @classmethod
    def count(cls, catalog: Catalog, train: Interactions, num_items: int, *, window: int) -> Self:
        """Count the training split."""
        return cls.of(count_followers(catalog, train, window), num_items, window=window)

    @classmethod
    def of(cls, counts_NN: Sparse, num_items: int, *, window: int) -> Self:
        """Shares of counts, for a catalog of `num_items`, which may be more than were counted."""
        totals_N = np.asarray(counts_NN.sum(axis=1)).ravel() + 1
        shares_NN = counts_NN.astype(np.float32)
        shares_NN.data /= np.repeat(totals_N, np.diff(counts_NN.indptr))
        shares_NN.resize(num_items, num_items)
        totals_N = np.pad(totals_N, (0, num_items - len(totals_N)), constant_values=1)
        return cls(counts_NN=counts_NN, totals_N=totals_N, shares_NN=shares_NN, window=window)

    def among(self, is_counted_N: BoolArray) -> "Followers":
        """The transitions between some of the items that were counted, bool (N,), as if the others had none."""
        counted_NN = _diagonal(is_counted_N)
        counts_NN = (counted_NN @ self.counts_NN @ counted_NN).tocsr()
        return Followers.of(counts_NN, self.shares_NN.shape[0], window=self.window)

    def log_shares(self, histories: Sequence[IntArray], own_BN: Sparse = None) -> npt.NDArray[np.float32]:
        """Log of each item's share among the followers of the latest items, float32 (B, N).

        own_BN: shares to be taken off first, as `own_shares` has them.
        """
        num_items = self.shares_NN.shape[0]
        shares_BN = latest_items(histories, num_items) @ self.shares_NN
        if own_BN is not None:
            shares_BN = (shares_BN - own_BN).maximum(0)
        return np.log(np.asarray(shares_BN.todense(), np.float32) + 1 / num_items)

    def own_shares(self, histories: Sequence[IntArray]) -> Sparse:
        """The part of the followers' shares at each event that the history's own later events add, sparse (E, N)."""
        from scipy import sparse

        rows_E = np.concatenate(histories)
        number_E = np.repeat(np.arange(len(histories)), [len(history) for history in histories])
        place_E = np.concatenate([np.arange(len(history)) for history in histories])
        shape = (len(rows_E), len(rows_E))
        latest_EE, followed_EE = sparse.csr_matrix(shape), sparse.csr_matrix(shape)
        for lag in range(min(NUM_LATEST, len(rows_E))):
            later = np.flatnonzero(place_E >= lag)
            latest_EE += sparse.csr_matrix((np.full(len(later), DECAY**lag), (later, later - lag)), shape=shape)
        latest_EE = _diagonal(1 / np.asarray(latest_EE.sum(axis=1)).ravel()) @ latest_EE
        for distance in range(1, min(self.window, len(rows_E) - 1) + 1):
            earlier = np.flatnonzero(number_E[:-distance] == number_E[distance:])
            shares = 1 / (distance * self.totals_N[rows_E[earlier]])
            followed_EE += sparse.csr_matrix((shares, (earlier, earlier + distance)), shape=shape)
        to_come = sparse.triu(latest_EE @ followed_EE, k=1).tocoo()
        shape = (len(rows_E), self.shares_NN.shape[0])
        return sparse.csr_matrix((to_come.data.astype(np.float32), (to_come.row, rows_E[to_come.col])), shape=shape)


def latest_items(histories: Sequence[IntArray], num_items: int) -> Sparse:
    """The latest items of each history by their weights, which sum to 1; sparse (B, N)."""
    from scipy import sparse

    latest = [history[-NUM_LATEST:] for history in histories]
    entries = np.concatenate([np.zeros(0, np.float32), *(latest_weights(len(rows)) for rows in latest if len(rows))])
    bounds = np.cumsum([0, *map(len, latest)])
    columns = np.concatenate([np.zeros(0, np.int64), *latest])
    return sparse.csr_matrix((entries, columns, bounds), shape=(len(histories), num_items))


def _diagonal(values_N: npt.NDArray[Any]) -> Sparse:
    from scipy import sparse

    return sparse.diags(values_N.astype(np.float64))
