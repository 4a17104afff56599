"""The contract of peers: each is fitted on training events and ranks the catalog; scores become ranked lists here.

Knows masks, ties and batches; deliberately knows nothing of how a peer scores.

Axis legend: B cases, K positions, N items, D features.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from genrec.data.splits import EvaluationCase
from genrec.errors import InputError
from genrec.evaluate.metrics import ranks_of_targets, summarize
from genrec.schema import Catalog, FloatArray, IntArray, Interactions

Scores = npt.NDArray[np.float64]
Scorer = Callable[[Sequence[IntArray]], Scores]  # histories (B,) of rows to scores (B, N)
_BATCH = 512


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The data that a peer may learn from. validation: cases on which settings are chosen, and no others.

    vectors: float32 (N, D), the fused item vectors, for peers that read content.
    """

    train: Interactions
    catalog: Catalog
    validation: Sequence[EvaluationCase] = ()
    vectors: FloatArray | None = None


class Peer(ABC):
    """Fitted once on the training events; ranks catalog rows for histories of catalog rows."""

    @abstractmethod
    def fit(self, data: TrainingData) -> Self:
        """Learn from training events; settings are chosen on the validation cases alone."""

    @abstractmethod
    def scores(self, histories: Sequence[IntArray]) -> Scores:
        """Scores of all items after each history, more is better, float64 (B, N). histories (B,): catalog rows."""

    def rank(self, histories: Sequence[IntArray], exclude: Sequence[IntArray], k: int) -> IntArray:
        """The best k rows per case, best first, int64 (B, K). exclude: rows that may not be named, per case.

        k must not exceed the number of legal rows of any case.
        """
        return rank_in_batches(self.scores, histories, exclude, k)


def popularity_of(train: Interactions, catalog: Catalog) -> IntArray:
    """The number of training events of each item, int64 (N,)."""
    return np.bincount(catalog.rows(train.item_ids), minlength=len(catalog)).astype(np.int64)


def top_rows(scores_BN: Scores, exclude: Sequence[IntArray], k: int) -> IntArray:
    """The k best-scored rows that are not excluded, int64 (B, K); equal scores go by row number.

    Raises InputError when a case has fewer than k legal rows.
    """
    scores_BN = scores_BN.copy()
    for scores_N, rows in zip(scores_BN, exclude, strict=True):
        scores_N[rows] = -np.inf
    order_BK = np.argsort(-scores_BN, axis=1, kind="stable")[:, :k]
    if np.isneginf(np.take_along_axis(scores_BN, order_BK, axis=1)).any() or k > scores_BN.shape[1]:
        raise InputError(f"a case has fewer than {k} items that may be recommended; ask for fewer")
    return order_BK.astype(np.int64)


def rank_in_batches(score: Scorer, histories: Sequence[IntArray], exclude: Sequence[IntArray], k: int) -> IntArray:
    parts = [
        top_rows(score(histories[start : start + _BATCH]), exclude[start : start + _BATCH], k)
        for start in range(0, len(histories), _BATCH)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, k), dtype=np.int64)


def validation_ndcg(score: Scorer, data: TrainingData) -> float:
    """ndcg@10 with the history masked, over the cases that have ten legal items; 0 without such a case."""
    catalog = data.catalog
    histories = [catalog.rows(case.history) for case in data.validation]
    targets_B = catalog.rows(case.target for case in data.validation)
    askable = [n for n, history in enumerate(histories) if len(catalog) - len(np.unique(history)) >= 10]
    if not askable:
        return 0.0
    histories = [histories[n] for n in askable]
    lists_BK = rank_in_batches(score, histories, histories, 10)
    return summarize(ranks_of_targets(lists_BK, targets_B[askable]))["ndcg@10"]
