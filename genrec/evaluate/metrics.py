"""Metrics of next-item evaluation with one target per case: from ranks to figures.

Knows arrays of ranks and of recommended rows; deliberately knows nothing of recommenders, splits or users.

Axis legend: B cases, K positions in a list, N items.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genrec.errors import ShapeError
from genrec.schema import IntArray

Ranks = npt.NDArray[np.float64]  # (B,), 1 is the top, infinity where the target is not in the list
CUTOFFS: tuple[int, ...] = (5, 10, 20)
NO_ITEM = -1  # fills a list that ends early because fewer items were legal
_Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A 95 % confidence interval over users."""

    low: float
    high: float


def ranks_of_targets(recommended_BK: IntArray, targets_B: IntArray) -> Ranks:
    """The 1-based position of each target in its list, infinity where it is not there.

    recommended_BK: int64 item rows, NO_ITEM after the end of a short list; targets_B: int64 item rows.
    Raises ShapeError when the two do not belong together.
    """
    if recommended_BK.ndim != 2 or targets_B.shape != recommended_BK.shape[:1]:
        raise ShapeError(
            f"lists have shape {recommended_BK.shape}, targets {targets_B.shape}; wanted (B, K) lists with (B,) targets"
        )
    is_hit_BK = recommended_BK == targets_B[:, None]
    positions = is_hit_BK.argmax(axis=1) + 1.0 if recommended_BK.shape[1] else np.ones(len(targets_B))
    return np.where(is_hit_BK.any(axis=1), positions, np.inf)


def per_case(ranks_B: Ranks, cutoffs: Sequence[int] = CUTOFFS) -> dict[str, Ranks]:
    """recall@k, ndcg@k for every cutoff and mrr@(largest cutoff), one value per case, float64 (B,) each.

    With one target, recall@k is 1 when the rank is at most k (also called hit rate), ndcg@k is 1 / log2(rank + 1)
    there (Järvelin and Kekäläinen 2002) and the reciprocal rank is 1 / rank.
    """
    gains = 1.0 / np.log2(ranks_B + 1.0)
    values: dict[str, Ranks] = {}
    for k in cutoffs:
        values[f"recall@{k}"] = (ranks_B <= k).astype(np.float64)
    for k in cutoffs:
        values[f"ndcg@{k}"] = np.where(ranks_B <= k, gains, 0.0)
    deepest = max(cutoffs)
    values[f"mrr@{deepest}"] = np.where(ranks_B <= deepest, 1.0 / ranks_B, 0.0)
    return values


def summarize(ranks_B: Ranks, cutoffs: Sequence[int] = CUTOFFS) -> dict[str, float]:
    """The mean of every per-case metric; empty when there is no case."""
    if not len(ranks_B):
        return {}
    return {name: float(values.mean()) for name, values in per_case(ranks_B, cutoffs).items()}


def intervals(ranks_B: Ranks, cutoffs: Sequence[int] = CUTOFFS) -> dict[str, Interval]:
    """A 95 % confidence interval of every metric over users; empty when there is no case.

    Shares of users (recall) take Wilson's interval, which stays honest at zero hits; means take the normal one.
    """
    if not len(ranks_B):
        return {}
    values = per_case(ranks_B, cutoffs)
    return {name: _wilson(v) if name.startswith("recall") else _normal(v) for name, v in values.items()}


def _wilson(hits_B: Ranks) -> Interval:
    n, share = len(hits_B), float(hits_B.mean())
    z2 = _Z95**2
    center = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z95 * float(np.sqrt(share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return Interval(low=max(0.0, center - half), high=min(1.0, center + half))


def _normal(values_B: Ranks) -> Interval:
    mean = float(values_B.mean())
    half = _Z95 * float(values_B.std(ddof=1)) / len(values_B) ** 0.5 if len(values_B) > 1 else 1.0
    return Interval(low=max(0.0, mean - half), high=min(1.0, mean + half))


def expected_of_random(is_reachable_B: npt.NDArray[np.bool_], num_legal_B: IntArray) -> dict[str, float]:
    """The exact expectation of every metric for lists in uniformly random order.

    is_reachable_B: whether the target may be recommended at all; num_legal_B: how many items may be.
    Empty when there is no case.
    """
    if not len(num_legal_B):
        return {}
    deepest = max(CUTOFFS)
    positions = np.arange(1, deepest + 1)
    # One uniform rank per case: it equals r with probability 1 / num_legal for every r up to num_legal.
    is_rank_BR = is_reachable_B[:, None] & (positions <= num_legal_B[:, None])
    chance_BR = is_rank_BR / np.maximum(num_legal_B, 1)[:, None]
    found: dict[str, float] = {}
    for name, value_R in per_case(positions.astype(np.float64)).items():
        found[name] = float((chance_BR * value_R).sum(axis=1).mean())
    return found


def exposure(recommended_BK: IntArray, num_items: int) -> npt.NDArray[np.int64]:
    """The number of lists that each item stands in, int64 (N,); NO_ITEM is not counted."""
    return np.bincount(recommended_BK[recommended_BK != NO_ITEM], minlength=num_items)


def coverage(exposure_N: npt.NDArray[np.int64]) -> float:
    """The share of the catalog that is recommended to anyone."""
    return float((exposure_N > 0).mean())


def gini(exposure_N: npt.NDArray[np.int64]) -> float:
    """Gini's coefficient of exposure: 0 when all items are shown equally often, towards 1 when one takes all."""
    total = int(exposure_N.sum())
    if not total:
        return 0.0
    num_items = len(exposure_N)
    weights = 2 * np.arange(1, num_items + 1) - num_items - 1
    return float((weights * np.sort(exposure_N)).sum() / (num_items * total))


def popularity_lift(recommended_BK: IntArray, histories: Sequence[IntArray], popularity_N: IntArray) -> float:
    """The lift in popularity from chosen to recommended items: 0 is equal, 1 twice as popular.

    Both sides are averaged per user first (Abdollahpouri et al. 2020, group average popularity). Users with an empty
    history or list are left out; 0 when nobody is left or nobody's history has any popularity.
    """
    chosen: list[float] = []
    shown: list[float] = []
    for row_K, history in zip(recommended_BK, histories, strict=True):
        listed = row_K[row_K != NO_ITEM]
        if len(listed) and len(history):
            chosen.append(float(popularity_N[history].mean()))
            shown.append(float(popularity_N[listed].mean()))
    base = sum(chosen)
    return sum(shown) / base - 1.0 if base else 0.0


def paired_p_value(ours_B: Ranks, theirs_B: Ranks) -> float:
    """Two-sided p-value of a paired t-test over the same users: how likely so large a mean difference is by chance.

    1 when no user differs or there is one user.
    """
    from scipy.stats import ttest_rel

    difference = ours_B - theirs_B
    if len(difference) < 2 or not difference.any():
        return 1.0
    if np.ptp(difference) == 0:
        return 0.0
    return float(ttest_rel(ours_B, theirs_B).pvalue)


def share_of(metrics: Mapping[str, float], ceiling: Mapping[str, float]) -> dict[str, float]:
    """Each metric divided by the ceiling's, where the ceiling is above zero."""
    return {name: value / ceiling[name] for name, value in metrics.items() if ceiling.get(name, 0.0) > 0}
