"""How well scores find what followed a history, for all cases or apart for people with few events and with many.

Knows scores and cases; deliberately knows nothing of who scored.

Axis legend: C cases, N items.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from genrec.schema import FloatArray, IntArray

Case = tuple[IntArray, int]  # the catalog rows of a history, and the row that followed it
Scores = Callable[[Sequence[IntArray]], FloatArray]  # histories to (C, N), as a fuser's `scores`
Ranks = npt.NDArray[np.float64]

_SCORED_AT_ONCE = 256


def target_ranks(scores: Scores, cases: Sequence[Case]) -> Ranks:
    """The place of what followed among all items but those of the history, float64 (C,), 1 is the top.

    Among equals it lies in the middle, so that scores that tell nothing find nothing. What the history names already
    is nowhere: infinity.
    """
    ranks_C = np.full(len(cases), np.inf)
    for start in range(0, len(cases), _SCORED_AT_ONCE):
        some = cases[start : start + _SCORED_AT_ONCE]
        scores_CN = scores([history for history, _ in some])
        for number, (score_N, (history, target)) in enumerate(zip(scores_CN, some, strict=True), start):
            if target not in history:
                left_N = np.delete(score_N, history)
                aim = score_N[target]
                ranks_C[number] = 0.5 + (left_N > aim).sum() + 0.5 * (left_N == aim).sum()
    return ranks_C


def sample(cases: Sequence[Case], size: int, seed: int) -> list[Case]:
    """So many of the cases at most, in their order."""
    if len(cases) <= size:
        return list(cases)
    return [cases[i] for i in np.sort(np.random.default_rng(seed).choice(len(cases), size, replace=False)).tolist()]


def recall(ranks_C: Ranks, k: int = 10) -> float:
    """The share of cases whose target is among the k best; 0 without cases."""
    return float((ranks_C <= k).mean()) if len(ranks_C) else 0.0


def ndcg(ranks_C: Ranks, k: int = 10) -> float:
    """Mean ndcg@k, one target a case; 0 without cases."""
    return float(np.where(ranks_C <= k, 1.0 / np.log2(ranks_C + 1.0), 0.0).mean()) if len(ranks_C) else 0.0


def by_activity(cases: Sequence[Case], num_groups: int = 4) -> Mapping[str, IntArray]:
    """Cases apart by the events of their history, the sparsest people first: the places of each group's cases.

    Groups are as even as whole numbers of events allow, so that there may be fewer; each is named by its range.
    """
    num_events_C = np.array([len(history) for history, _ in cases], dtype=np.int64)
    if not cases:
        return {}
    bounds = np.unique(np.quantile(num_events_C, np.linspace(0, 1, num_groups + 1)[1:], method="lower"))
    groups: dict[str, IntArray] = {}
    low = -1
    for high in bounds:
        places = np.flatnonzero((num_events_C > low) & (num_events_C <= high))
        fewest, most = num_events_C[places].min(), num_events_C[places].max()
        groups[f"{fewest}" if fewest == most else f"{fewest}-{most}"] = places
        low = high
    return groups


def gain_by_activity(
    scores: Scores, baseline: Scores, cases: Sequence[Case], *, k: int = 10, num_groups: int = 4
) -> dict[str, tuple[float, float]]:
    """Recall@k of two on the same cases, the baseline's second, by the events of people's histories."""
    ranks_C, baseline_C = target_ranks(scores, cases), target_ranks(baseline, cases)
    return {
        name: (recall(ranks_C[places], k), recall(baseline_C[places], k))
        for name, places in by_activity(cases, num_groups).items()
    }
