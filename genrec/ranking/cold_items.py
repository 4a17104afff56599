"""Cold items, which no training event names, and the known items they resemble.

A language model has never seen the IDs of items without events, so it gives them no probability. Until it has, a cold
item inherits from its nearest known neighbors in the fused space: the mean of their probabilities, weighted by
likeness. Where the item scorer scores items by their content, nothing needs to be inherited. Knows vectors alone;
deliberately knows nothing of how probabilities come about.

Axis legend: N items, M cold items, K neighbors, W scored items, D features.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genrec.schema import BoolArray, FloatArray, IntArray

SHARPNESS = 10.0  # a cosine larger by 0.1 weighs e times as much


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdItems:
    """Cold items and their neighbors.

    rows: int64 (M,) catalog rows; neighbors: int64 (M, K) known rows; weights: float64 (M, K), rows sum to 1.
    """

    rows: IntArray
    neighbors: IntArray
    weights: npt.NDArray[np.float64]
    num_items: int

    @classmethod
    def find(cls, vectors_ND: FloatArray, is_known_N: BoolArray, *, num_neighbors: int) -> "ColdItems":
        """The known items nearest to each cold item, by cosine.

        vectors_ND: float32, unit rows; is_known_N: which items training has seen. None is found when nothing is known,
        or num_neighbors is 0.
        """
        is_like_N = vectors_ND.any(axis=1)  # what has no vector is like nothing
        known = np.flatnonzero(is_known_N & is_like_N)
        width = min(num_neighbors, len(known))
        rows = np.flatnonzero(~is_known_N & is_like_N) if width else np.zeros(0, np.int64)
        cosine_MN = vectors_ND[rows] @ vectors_ND[known].T
        nearest_MK = np.argsort(-cosine_MN, axis=1, kind="stable")[:, :width]
        closeness_MK = np.take_along_axis(cosine_MN, nearest_MK, axis=1).astype(np.float64) * SHARPNESS
        weights_MK = np.exp(closeness_MK - closeness_MK.max(axis=1, keepdims=True, initial=-np.inf))
        return cls(
            rows=rows,
            neighbors=known[nearest_MK],
            weights=weights_MK / weights_MK.sum(axis=1, keepdims=True),
            num_items=len(vectors_ND),
        )

    def inherit(self, rows_W: IntArray, scores_W: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Each cold item's log-probability (M,) in nats, from scored items; -inf where no neighbor is scored.

        rows_W: catalog rows; scores_W: their log-probabilities. Items that are not scored count as improbable.
        """
        probability_N = np.zeros(self.num_items)
        probability_N[rows_W] = np.exp(scores_W)
        inherited_M = (probability_N[self.neighbors] * self.weights).sum(axis=1)
        with np.errstate(divide="ignore"):
            return np.log(inherited_M)

    def inherit_all(self, scores_BN: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The same (B, M) of many, whose items all have a log-probability."""
        from scipy import sparse

        entries = (
            self.weights.ravel(),
            self.neighbors.ravel(),
            np.arange(0, self.weights.size + 1, self.weights.shape[1]),
        )
        weights_MN = sparse.csr_matrix(entries, shape=(len(self.rows), self.num_items))
        # A history's own items may be out of the question; whoever is only like these is all but so.
        return np.log(np.exp(scores_BN) @ weights_MN.T + np.finfo(np.float32).tiny).astype(np.float32)
