"""How like a history's latest items are to all items, and to cold ones along the axes that taste runs along.

Knows content vectors; deliberately knows nothing of what likeness is worth.

Axis legend: B histories, N items, M cold items, D features.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from genrec.data.arrays import unit_rows
from genrec.ranking.followers import latest_items
from genrec.schema import BoolArray, FloatArray, IntArray


class ContentLikeness:
    """Cosines of content.

    content_ND: unit rows, zero where an item has none; axes_D: what each axis counts in taste.
    """

    def __init__(self, content_ND: FloatArray, axes_D: FloatArray, is_cold_N: BoolArray) -> None:
        self.content_ND, self.axes_D = content_ND, axes_D
        self._cold_M = np.flatnonzero(is_cold_N)
        self._cold_MD = unit_rows(content_ND[is_cold_N] * axes_D)

    def of_all(self, histories: Sequence[IntArray]) -> npt.NDArray[np.float32]:
        """Cosine of each item's content to the mean of the latest items', float32 (B, N); 0 for those of the history:
        that an item is like itself does not tell whether it comes again."""
        cosine_BN = _product(unit_rows(self._latest(histories)), self.content_ND)
        for cosine_N, history in zip(cosine_BN, histories, strict=True):
            cosine_N[history] = 0
        return cosine_BN

    def of_cold(self, histories: Sequence[IntArray]) -> npt.NDArray[np.float32]:
        """The same of the M cold items, along the axes that taste runs along, float32 (B, M)."""
        cosine_BM = _product(unit_rows(self._latest(histories) * self.axes_D), self._cold_MD)
        for cosine_M, history in zip(cosine_BM, histories, strict=True):
            cosine_M[np.isin(self._cold_M, history)] = 0
        return cosine_BM

    def _latest(self, histories: Sequence[IntArray]) -> FloatArray:
        """The mean content of the latest items of each history, float32 (B, D)."""
        return np.asarray(latest_items(histories, len(self.content_ND)) @ self.content_ND)


def _product(a_BD: npt.NDArray[np.float32], b_ND: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """a bᵀ, by torch: numpy's own threads would go on holding their cores for a while, and torch's wait for them."""
    product_BN: npt.NDArray[np.float32] = (torch.from_numpy(a_BD) @ torch.from_numpy(b_ND).T).numpy()
    return product_BN
