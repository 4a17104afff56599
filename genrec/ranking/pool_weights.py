"""How the weights of a pool are chosen: by the ndcg@10 of targets among the items that one of the scores ranks high.

Knows scores by name; deliberately knows nothing of what gives them.

Axis legend: B cases, N items, C candidates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from genrec.config import Config
from genrec.schema import BoolArray, FloatArray, IntArray

_NUM_CANDIDATES = 100  # of each score, among which the weights are chosen
_LIST_LENGTH = 10
SEQUENCE, ITEM_HEAD, FUSER = "sequence", "item_head", "fuser"

Case: TypeAlias = tuple[IntArray, int]  # a history and the next item, as catalog rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Rivals:
    """Scores by name: of each case's target, float32 (B,), and of the items it must come before, float32 (B, C).

    is_item_BC: which of these are no padding. Cases that no weights can win are left out.
    """

    targets: Mapping[str, FloatArray]
    others: Mapping[str, FloatArray]
    is_item_BC: BoolArray

    def gain(self, weights: Mapping[str, float]) -> float:
        """The sum of ndcg@10 over all cases, so that those left out count as lost."""
        target_B = sum(np.float32(weight) * self.targets[name] for name, weight in weights.items() if weight)
        other_BC = sum(np.float32(weight) * self.others[name] for name, weight in weights.items() if weight)
        better_B = ((other_BC > np.asarray(target_B)[:, None]) & self.is_item_BC).sum(axis=1)
        return float((1 / np.log2(better_B[better_B < _LIST_LENGTH] + 2)).sum())


class RivalsCollector:
    """Gathers rivals batch by batch."""

    def __init__(self, num_items: int) -> None:
        self._width = min(_NUM_CANDIDATES, num_items)
        self._names: list[str] = []
        self._others: list[FloatArray] = []
        self._targets: list[FloatArray] = []

    def add(self, cases: Sequence[Case], scores: Mapping[str, FloatArray]) -> None:
        """scores: by name, (B, N) each, that of the sequence model among them; items of histories are left out."""
        self._names = list(scores)
        for number, (history, target) in enumerate(cases):
            scores_NX = np.stack([scores_BN[number] for scores_BN in scores.values()], axis=1)
            scores_NX[history, 0] = -np.inf
            high = np.unique(np.argpartition(-scores_NX, self._width - 1, axis=0)[: self._width])
            if target in high:
                others = high[(high != target) & np.isfinite(scores_NX[high, 0])]
                self._others.append(scores_NX[others])
                self._targets.append(scores_NX[target])

    def rivals(self) -> Rivals:
        """What was gathered."""
        shape = len(self._others), max(map(len, self._others), default=0)
        others = {name: np.zeros(shape, np.float32) for name in self._names}
        is_item_BC = np.zeros(shape, bool)
        for place, scores_CX in enumerate(self._others):
            is_item_BC[place, : len(scores_CX)] = True
            for number, name in enumerate(self._names):
                others[name][place, : len(scores_CX)] = scores_CX[:, number]
        targets_BX = np.reshape(self._targets, (len(self._targets), len(self._names))).astype(np.float32)
        targets = {name: targets_BX[:, number] for number, name in enumerate(self._names)}
        return Rivals(targets=targets, others=others, is_item_BC=is_item_BC)


def best_weights(rivals: Rivals, config: Config) -> dict[str, float]:
    """The weights of the best ndcg@10 among all that are tried, each judged with its neighbors; the smaller of equals.

    The share of the item head and the weight of a fuser are chosen before the weights of the simple scores, and once
    more beside them. Where simple scores do worse than none, their weights are 0.
    """
    models = _best_models(rivals, {ITEM_HEAD: 0.0}, {}, config)
    weights = _best_simple(rivals, _pooled(rivals, models), config)
    return {**_best_models(rivals, models, weights, config), **weights}


def _pooled(rivals: Rivals, models: Mapping[str, float]) -> dict[str, float]:
    """The weights of what was trained. models: the item head's share, and the fuser's weight where there is one."""
    share = models[ITEM_HEAD]
    pooled = {SEQUENCE: 1 - share, ITEM_HEAD: share} if ITEM_HEAD in rivals.targets else {SEQUENCE: 1.0}
    return pooled | {name: models[name] for name in (FUSER,) if name in models}


def _best_models(
    rivals: Rivals, models: Mapping[str, float], weights: Mapping[str, float], config: Config
) -> dict[str, float]:
    """The item head's share, then the fuser's weight. models: as they are so far; weights: of the simple scores."""
    models = dict(models)
    for name, tried in ((ITEM_HEAD, config.item_head.shares), (FUSER, config.scorer.fuser_weights)):
        if name in rivals.targets:
            grid = sorted({0.0, *tried})
            pools = [_pooled(rivals, {**models, name: weight}) | dict(weights) for weight in grid]
            models[name] = grid[int(with_neighbors(np.array([rivals.gain(pool) for pool in pools])).argmax())]
    return models


def _best_simple(rivals: Rivals, base: Mapping[str, float], config: Config) -> dict[str, float]:
    scorer = config.scorer
    tried = {
        "followers": scorer.followers_weights,
        "likeness": scorer.likeness_weights,
        "popularity": scorer.popularity_weights,
    }
    grids = {name: sorted({0.0, *weights}) for name, weights in tried.items()}
    pooled = Rivals(
        targets={**rivals.targets, SEQUENCE: np.asarray(sum(w * rivals.targets[name] for name, w in base.items()))},
        others={**rivals.others, SEQUENCE: np.asarray(sum(w * rivals.others[name] for name, w in base.items()))},
        is_item_BC=rivals.is_item_BC,
    )
    quality = np.zeros([len(grid) for grid in grids.values()])
    for place in np.ndindex(quality.shape):
        weights = {name: grid[number] for (name, grid), number in zip(grids.items(), place, strict=True)}
        quality[place] = pooled.gain({SEQUENCE: 1.0, **weights})
    best = int(with_neighbors(quality).argmax())
    if quality.flat[best] < quality.flat[0]:
        best = 0
    chosen = np.unravel_index(best, quality.shape)
    return {name: grid[number] for (name, grid), number in zip(grids.items(), chosen, strict=True)}


def with_neighbors(quality: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The mean quality of each point of a grid and its neighbors; an edge is its own neighbor.

    The single best point is one that chance has favored; the best of these serves other cases better.
    """
    from scipy.ndimage import uniform_filter

    smooth: npt.NDArray[np.float64] = uniform_filter(quality, size=3, mode="nearest").round(9)
    return smooth
