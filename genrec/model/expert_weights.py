"""How much each item expert counts: weights of the best ndcg@10 on validation cases.

Knows what experts say of candidates, as numbers; deliberately knows nothing of items or of who says it.

Axis legend: B cases, C candidates, X experts, the sequence model first.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genrec.schema import FloatArray

_GRIDS: Mapping[str, tuple[float, ...]] = {
    "followers": (0.0, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0),
    "likeness": (0.0, 0.8, 1.5, 2.2, 3.0, 4.5, 6.0),
    "popularity": (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8),
}
_MOMENTS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.5)
EXPERTS = (*_GRIDS, "moments")  # beside the sequence model, in the order of their opinions
_LEAST_GAIN = 0.01  # of ndcg@10, from which on moments are worth the milliseconds that they take


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertWeights:
    """Nats per nat of followers' and of moments' log-share, per cosine of likeness, per log of a count; scale: of the
    sum of all."""

    followers: float = 0.0
    likeness: float = 0.0
    popularity: float = 0.0
    moments: float = 0.0
    scale: float = 1.0


def best_weights(
    opinions_BCX: FloatArray, targets_BX: FloatArray, is_item_BC: npt.NDArray[np.bool_]
) -> dict[str, float]:
    """Weights of the best ndcg@10 among all of `_GRIDS`, each judged with its neighbors; the smaller of equal ones.

    Where they do worse than the sequence model alone, it stays alone.
    """
    quality = _qualities(opinions_BCX, targets_BX, is_item_BC, _GRIDS, {})
    best = int(with_neighbors(quality).argmax())
    if quality.flat[best] < quality.flat[0]:
        best = 0
    return _at(_GRIDS, quality.shape, best)


def beside_moments(
    opinions_BCX: FloatArray, targets_BX: FloatArray, is_item_BC: npt.NDArray[np.bool_], taught: Mapping[str, float]
) -> dict[str, float]:
    """These weights with moments, and with followers that suit them; as they are where moments bring little."""
    grids = {"followers": _GRIDS["followers"], "moments": _MOMENTS}
    quality = _qualities(opinions_BCX, targets_BX, is_item_BC, grids, taught)
    best = int(with_neighbors(quality).argmax())
    without = quality[_GRIDS["followers"].index(taught["followers"]), 0]
    return {**taught, **(_at(grids, quality.shape, best) if quality.flat[best] >= (1 + _LEAST_GAIN) * without else {})}


def _qualities(
    opinions_BCX: FloatArray,
    targets_BX: FloatArray,
    is_item_BC: npt.NDArray[np.bool_],
    grids: Mapping[str, tuple[float, ...]],
    fixed: Mapping[str, float],
) -> npt.NDArray[np.float64]:
    """The sum of ndcg@10 over cases, so that those left out count as lost, at each point of the grids."""
    *others, last = grids
    place_of_last = 1 + EXPERTS.index(last)
    quality = np.zeros([len(grid) for grid in grids.values()])
    for place in np.ndindex(quality.shape[:-1]):
        weights = {**fixed, **{name: grids[name][number] for name, number in zip(others, place, strict=True)}, last: 0}
        weights_X = np.array([1.0, *(weights.get(name, 0.0) for name in EXPERTS)], dtype=np.float32)
        pooled_BC, aims_B = opinions_BCX @ weights_X, targets_BX @ weights_X
        of_last_BC, of_last_B = opinions_BCX[:, :, place_of_last], targets_BX[:, place_of_last]
        for number, weight in enumerate(grids[last]):
            better_BC = pooled_BC + weight * of_last_BC > (aims_B + weight * of_last_B)[:, None]
            better_B = (better_BC & is_item_BC).sum(axis=1)
            quality[(*place, number)] = (1 / np.log2(better_B[better_B < 10] + 2)).sum()
    return quality


def _at(grids: Mapping[str, tuple[float, ...]], shape: tuple[int, ...], number: int) -> dict[str, float]:
    chosen = np.unravel_index(number, shape)
    return {name: grid[place] for (name, grid), place in zip(grids.items(), chosen, strict=True)}


def with_neighbors(quality: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of each point of a grid of settings, the mean quality of it and its neighbors; an edge is its own neighbor.

    The single best point is one that chance has favored; the best of these serves other cases better.
    """
    from scipy.ndimage import uniform_filter

    smooth: npt.NDArray[np.float64] = uniform_filter(quality, size=3, mode="nearest").round(9)
    return smooth
