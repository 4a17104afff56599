"""A joint space of two kinds of given vectors, such as of pictures and of texts: two linear maps under SigLIP's loss.

The encoders stay as they are; only the maps are learned, of rows that both have. They begin with canonical correlation
analysis (Hotelling 1936), which solves the same without telling pairs apart, and validation stops the training. Knows
vectors; deliberately knows nothing of what made them.

Axis legend: N pairs, L and R features of the left and the right, P features of the joint space.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch

from genrec.data.arrays import unit_rows
from genrec.errors import InputError, ShapeError
from genrec.fusion.losses import siglip
from genrec.runtime import progress
from genrec.schema import FloatArray, IntArray

MIN_PAIRS = 100
_RIDGES = (0.1, 1.0, 10.0)  # of the mean variance, added to every axis before it is whitened; validation chooses
_BATCH, _RATE, _EPOCHS, _PATIENCE = 512, 1e-2, 40, 5
_HELD_OUT, _MOST_HELD_OUT = 10, 1000  # one of ten pairs, and no more than these, says when to stop


@dataclass(frozen=True, slots=True, kw_only=True)
class JointSpace:
    """Two affine maps into one space. mean_L, left_LP and mean_R, right_RP: float32; recall: of validation, Recall@10
    from left to right."""

    mean_L: FloatArray
    left_LP: FloatArray
    mean_R: FloatArray
    right_RP: FloatArray
    recall: float

    def of_left(self, vectors_NL: FloatArray) -> FloatArray:
        """Left vectors in the joint space, float32 (N, P), unit rows."""
        return unit_rows((vectors_NL - self.mean_L) @ self.left_LP)

    def of_right(self, vectors_NR: FloatArray) -> FloatArray:
        """Right vectors, likewise."""
        return unit_rows((vectors_NR - self.mean_R) @ self.right_RP)


def recall_of_pairs(left_NP: FloatArray, right_NP: FloatArray, k: int = 10) -> float:
    """The share of rows whose partner on the right is among the k nearest; others that are as near come first."""
    hits = 0
    for start in range(0, len(left_NP), 512):
        nearness_BN = left_NP[start : start + 512] @ right_NP.T
        own_B = nearness_BN[np.arange(len(nearness_BN)), start + np.arange(len(nearness_BN))]
        hits += int(((nearness_BN >= own_B[:, None]).sum(axis=1) <= k).sum())
    return hits / max(1, len(left_NP))


def fit_joint_space(
    left_NL: FloatArray, right_NR: FloatArray, *, num_features: int = 64, epochs: int = _EPOCHS, seed: int = 7
) -> JointSpace:
    """Learn from rows that are pairs; num_features: P at most. epochs=0: canonical correlations alone.

    Raises ShapeError where the numbers of rows differ, InputError where there are fewer than MIN_PAIRS.
    """
    if len(left_NL) != len(right_NR):
        raise ShapeError(f"{len(left_NL)} vectors on the left, {len(right_NR)} on the right; wanted pairs")
    if len(left_NL) < MIN_PAIRS:
        raise InputError(f"{len(left_NL)} pairs are too few to learn a joint space of; wanted {MIN_PAIRS} or more")
    order = np.random.default_rng(seed).permutation(len(left_NL))
    num_held_out = min(len(order) // _HELD_OUT, _MOST_HELD_OUT)
    held_out, trained = order[:num_held_out], order[num_held_out:]
    begun = [_canonical(left_NL[trained], right_NR[trained], num_features, ridge) for ridge in _RIDGES]
    best = max((_judged(space, left_NL[held_out], right_NR[held_out]) for space in begun), key=lambda one: one.recall)
    return _trained(best, (left_NL, right_NR), trained, held_out, epochs=epochs, seed=seed)


def _judged(space: JointSpace, left_NL: FloatArray, right_NR: FloatArray) -> JointSpace:
    return replace(space, recall=recall_of_pairs(space.of_left(left_NL), space.of_right(right_NR)))


def _canonical(left_NL: FloatArray, right_NR: FloatArray, num_features: int, ridge: float) -> JointSpace:
    """Regularized canonical correlations; each axis weighted by its correlation."""
    mean_L, mean_R = left_NL.mean(axis=0), right_NR.mean(axis=0)
    white_LL, white_RR = _whitening(left_NL - mean_L, ridge), _whitening(right_NR - mean_R, ridge)
    shared_LR = white_LL.T @ ((left_NL - mean_L).T @ (right_NR - mean_R) / len(left_NL)) @ white_RR
    turn_LP, correlation_P, turn_PR = np.linalg.svd(shared_LR, full_matrices=False)
    kept = slice(0, num_features)
    weights_P = np.sqrt(correlation_P[kept])
    return JointSpace(
        mean_L=mean_L.astype(np.float32),
        left_LP=(white_LL @ turn_LP[:, kept] * weights_P).astype(np.float32),
        mean_R=mean_R.astype(np.float32),
        right_RP=(white_RR @ turn_PR[kept].T * weights_P).astype(np.float32),
        recall=0.0,
    )


def _whitening(centered_NF: FloatArray, ridge: float) -> FloatArray:
    covariance_FF = centered_NF.astype(np.float64).T @ centered_NF / len(centered_NF)
    variances_F, axes_FF = np.linalg.eigh(covariance_FF)
    whitening_FF: FloatArray = axes_FF / np.sqrt(np.maximum(variances_F, 0) + ridge * max(variances_F.mean(), 1e-12))
    return whitening_FF


def _trained(
    best: JointSpace,
    sides: tuple[FloatArray, FloatArray],
    rows: IntArray,
    held_out: IntArray,
    *,
    epochs: int,
    seed: int,
) -> JointSpace:
    """Train both maps; the epoch that validation finds best stays."""
    rng = np.random.default_rng(seed)
    left_NL, right_NR = (torch.from_numpy(side.astype(np.float32)) for side in sides)
    mean_L, mean_R = torch.from_numpy(best.mean_L), torch.from_numpy(best.mean_R)
    left_LP, right_RP = (torch.from_numpy(side.copy()).requires_grad_() for side in (best.left_LP, best.right_RP))
    scale, bias = torch.tensor(10.0).log().requires_grad_(), torch.tensor(-5.0).requires_grad_()
    spread = [float(side.detach().square().mean().sqrt()) for side in (left_LP, right_RP)]
    groups = [{"params": [p], "lr": _RATE * s} for p, s in zip((left_LP, right_RP), spread, strict=True)]
    optimizer = torch.optim.Adam([*groups, {"params": [scale, bias], "lr": 10 * _RATE}])
    since_best = 0
    for _ in progress(range(epochs), label="joint space, epochs"):
        for batch in np.array_split(rng.permutation(rows), max(1, len(rows) // _BATCH)):
            some = torch.from_numpy(batch)
            joint = ((left_NL[some] - mean_L) @ left_LP, (right_NR[some] - mean_R) @ right_RP)
            loss = siglip(*joint, scale.exp(), bias)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        found = replace(best, left_LP=left_LP.detach().numpy().copy(), right_RP=right_RP.detach().numpy().copy())
        found = _judged(found, sides[0][held_out], sides[1][held_out])
        best, since_best = (found, 0) if found.recall > best.recall else (best, since_best + 1)
        if since_best > _PATIENCE:
            break
    return best
