"""What a fuser that learned from behavior expects, as one score of the pool: log-probabilities of all items.

Its scores are of any scale, so that a scale is found by which validation finds them likeliest. Items that no event
names, or that came after it was fitted, inherit from the known items whose content is most like theirs. Knows rows and
scores; deliberately knows nothing of how a fuser comes by them.

Axis legend: B histories, N items, M cold items.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
import numpy.typing as npt
import torch

from genrec.fusion import Fuser
from genrec.ranking.cold_items import ColdItems
from genrec.ranking.pool_weights import Case
from genrec.schema import BoolArray, FloatArray, IntArray

_SCALES = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 25.0, 50.0)
_MAX_SCALED = 1000  # cases that choose the scale
_NUM_NEIGHBORS = 30
_AT_ONCE = 256


class FuserScores:
    """A fuser over a catalog that may have grown.

    vectors_ND: float32 unit rows, by which items are alike; is_known_N: bool, those that training events name.
    """

    def __init__(self, fuser: Fuser, vectors_ND: FloatArray, is_known_N: BoolArray, *, scale: float = 1.0) -> None:
        self.fuser, self.scale = fuser, scale
        self._vectors_ND, self._is_known_N = vectors_ND, is_known_N
        self._cold = ColdItems.find(vectors_ND, is_known_N, num_neighbors=_NUM_NEIGHBORS)

    def hiding(self, rows: IntArray) -> Self:
        """The same as if no event named these items."""
        is_known_N = self._is_known_N.copy()
        is_known_N[rows] = False
        return type(self)(self.fuser, self._vectors_ND, is_known_N, scale=self.scale)

    def scaled(self, cases: Sequence[Case]) -> Self:
        """The same by the scale that gives the targets of these cases the largest probability, histories masked."""
        cases = [case for case in cases if self._is_known_N[case[1]]][:_MAX_SCALED]
        losses = np.zeros(len(_SCALES))
        for start in range(0, len(cases), _AT_ONCE):
            batch = cases[start : start + _AT_ONCE]
            scores_BN = self._scores([history for history, _ in batch])
            for scores_N, (history, _) in zip(scores_BN, batch, strict=True):
                scores_N[torch.from_numpy(history)] = -torch.inf
            targets_B = torch.tensor([target for _, target in batch])
            losses += [
                float(torch.nn.functional.cross_entropy(s * scores_BN, targets_B, reduction="sum")) for s in _SCALES
            ]
        scale = _SCALES[int(losses.argmin())] if cases else 1.0
        return type(self)(self.fuser, self._vectors_ND, self._is_known_N, scale=scale)

    def log_probabilities(self, histories: Sequence[IntArray]) -> npt.NDArray[np.float32]:
        """Log-probability in nats of every item after each history of catalog rows, float32 (B, N).

        What nobody has chosen and is like nothing is expected no more than the least expected.
        """
        expected_BN = (self.scale * self._scores(histories)).log_softmax(dim=1).numpy()
        is_other_N = ~self._is_known_N
        expected_BN[:, is_other_N] = expected_BN[:, self._is_known_N].min(axis=1, keepdims=True, initial=0.0)
        if len(self._cold.rows):
            expected_BN[:, self._cold.rows] = self._cold.inherit_all(expected_BN)
        found_BN: npt.NDArray[np.float32] = expected_BN
        return found_BN

    def _scores(self, histories: Sequence[IntArray]) -> torch.Tensor:
        """The fuser's own, float32 (B, N), of known items by what is known of histories; -inf of the others."""
        known = [history[self._is_known_N[history]] for history in histories]
        scores_BN = torch.full((len(histories), len(self._is_known_N)), -torch.inf)
        if known:
            own_BN = torch.from_numpy(np.ascontiguousarray(self.fuser.scores(known)))
            scores_BN[:, : own_BN.shape[1]] = own_BN
        return scores_BN.masked_fill(~torch.from_numpy(self._is_known_N), -torch.inf)
