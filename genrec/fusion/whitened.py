"""The default fuser: whitened principal axes of every modality, weighted, side by side.

Whitening keeps one dominant direction (such as the white background of product photos) from deciding alone; shrinkage
keeps it from blowing up the noise of weak axes. A modality that an item lacks is predicted from those it has by ridge
regression, so a new item without any event lands among the old ones that it resembles.

Axis legend: N items, D features of a modality, P principal axes, I inputs of a prediction.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from genrec.config import FuseConfig
from genrec.data.arrays import unit_rows
from genrec.fitted import Arrays
from genrec.fusion.contract import Fuser
from genrec.schema import BoolArray, Embeddings, FloatArray

RIDGE_STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1000.0)
MIN_ROWS_TO_PREDICT = 8  # fewer rows with both sides teach nothing; the modality then stays zero where absent


class WhitenedConcat(Fuser):
    """Center, project on principal axes, whiten with shrinkage, unit rows, weight, concatenate, unit rows."""

    name: ClassVar[str] = "whitened-concat"

    def __init__(self, config: FuseConfig) -> None:
        super().__init__(config)
        self._means: dict[str, FloatArray] = {}
        self._axes: dict[str, FloatArray] = {}  # (D, P), scaled to whiten
        self._predictors: dict[str, FloatArray] = {}  # (I + 1, P), the last row is the intercept

    def _fit(self, embeddings: Mapping[str, Embeddings]) -> None:
        for name, e in embeddings.items():
            self._means[name], self._axes[name] = whitening(e.vectors[e.present], self.config)
        blocks = self.blocks(embeddings)
        for name, e in embeddings.items():
            inputs_NI, has_input = self._inputs_for(name, embeddings, blocks)
            rows = e.present & has_input
            if rows.sum() >= MIN_ROWS_TO_PREDICT:
                self._predictors[name] = fit_predictor(inputs_NI[rows], blocks[name][rows])

    def _transform(self, embeddings: Mapping[str, Embeddings]) -> FloatArray:
        num_items = len(next(iter(embeddings.values())).vectors)
        known = {
            name: embeddings[name] if name in embeddings else Embeddings.absent(name, num_items, self.widths[name])
            for name in self.modalities
        }
        blocks = self.blocks(known)
        parts = []
        for name, e in known.items():
            block = blocks[name].copy()
            if name in self._predictors and not e.present.all():
                inputs_NI, has_input = self._inputs_for(name, known, blocks)
                rows = ~e.present & has_input
                predictor = self._predictors[name]
                block[rows] = unit_rows(inputs_NI[rows] @ predictor[:-1] + predictor[-1])
            parts.append(self.weight_of(name) * block)
        return np.concatenate(parts, axis=1)

    def blocks(self, embeddings: Mapping[str, Embeddings]) -> dict[str, FloatArray]:
        """The whitened unit rows of each modality, unweighted, float32 (N, P); zero where absent, nothing predicted."""
        return {name: self._block(name, e) for name, e in embeddings.items()}

    def _block(self, name: str, e: Embeddings) -> FloatArray:
        """A modality's whitened unit rows, float32 (N, P); zero where absent."""
        block = np.zeros((len(e.vectors), self._axes[name].shape[1]), dtype=np.float32)
        block[e.present] = unit_rows((e.vectors[e.present] - self._means[name]) @ self._axes[name])
        return block

    def _inputs_for(
        self, name: str, embeddings: Mapping[str, Embeddings], blocks: Mapping[str, FloatArray]
    ) -> tuple[FloatArray, BoolArray]:
        """The inputs that predict a modality: the blocks of all others, (N, I), and the rows that have any, (N,)."""
        others = [other for other in self.modalities if other != name]
        num_items = len(blocks[name])
        inputs = [np.zeros((num_items, 0), dtype=np.float32), *(blocks[other] for other in others)]
        presence = [np.zeros(num_items, dtype=bool), *(embeddings[other].present for other in others)]
        return np.concatenate(inputs, axis=1), np.logical_or.reduce(presence)

    def arrays(self) -> Arrays:
        arrays: Arrays = {}
        for kind, learned in (("mean", self._means), ("axes", self._axes), ("predictor", self._predictors)):
            arrays |= {f"{kind}.{name}": array for name, array in learned.items()}
        return arrays

    def restore(self, arrays: Arrays) -> None:
        self._means = {name: np.asarray(arrays[f"mean.{name}"], dtype=np.float32) for name in self.modalities}
        self._axes = {name: np.asarray(arrays[f"axes.{name}"], dtype=np.float32) for name in self.modalities}
        self._predictors = {
            name: np.asarray(arrays[f"predictor.{name}"], dtype=np.float32)
            for name in self.modalities
            if f"predictor.{name}" in arrays
        }


def whitening(vectors_ND: FloatArray, config: FuseConfig) -> tuple[FloatArray, FloatArray]:
    """The mean (D,) and the scaled principal axes (D, P), P at most num_features; each axis' largest entry positive."""
    mean_D = vectors_ND.mean(axis=0, dtype=np.float64)
    centered_ND = vectors_ND - mean_D
    variances, axes_DP = np.linalg.eigh(centered_ND.T @ centered_ND / len(vectors_ND))
    kept = np.argsort(-variances, kind="stable")[: config.num_features]
    kept = kept[variances[kept] > 1e-9 * max(float(variances.max()), 1e-12)]
    if not len(kept):  # one item, or all alike: no axis tells items apart, so keep the direction of the mean
        return np.zeros_like(mean_D, dtype=np.float32), unit_rows(mean_D[None]).T
    variances, axes_DP = variances[kept], axes_DP[:, kept]
    axes_DP *= np.sign(axes_DP[np.abs(axes_DP).argmax(axis=0), np.arange(len(kept))])
    scale_P = 1.0 / np.sqrt((1.0 - config.shrinkage) * variances + config.shrinkage * variances.mean())
    return mean_D.astype(np.float32), (axes_DP * scale_P).astype(np.float32)


def fit_predictor(inputs_NI: FloatArray, targets_NP: FloatArray) -> FloatArray:
    """Ridge coefficients with the intercept last, float32 (I + 1, P); the strength is chosen by leave-one-out error.

    inputs_NI, targets_NP: float32, a row each; what they predict is inputs @ coefficients[:-1] + coefficients[-1].
    """
    from sklearn.linear_model import RidgeCV  # takes a second, and only fitting needs it

    ridge = RidgeCV(alphas=RIDGE_STRENGTHS).fit(inputs_NI.astype(np.float64), targets_NP.astype(np.float64))
    coefficients: npt.NDArray[np.float64] = np.asarray(ridge.coef_).reshape(targets_NP.shape[1], -1).T
    intercept = np.broadcast_to(ridge.intercept_, (1, targets_NP.shape[1]))
    return np.concatenate([coefficients, intercept]).astype(np.float32)
