"""The contract of peers: each is fitted on training events and ranks the catalog; scores become ranked lists here.

Knows masks, ties and batches; deliberately knows nothing of how a peer scores.

Axis legend: B cases, K positions, N items, D features.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from genrec.data.splits import EvaluationCase
from genrec.errors import InputError
from genrec.evaluate.metrics import Ranks, ranks_of_targets, summarize
from genrec.schema import Catalog, FloatArray, IntArray, Interactions

Scores = npt.NDArray[np.float64]
Scorer = Callable[[Sequence[IntArray]], Scores]  # histories (B,) of rows to scores (B, N)
PersonScorer = Callable[[Sequence[str], Sequence[IntArray]], Scores]  # people (B,) by their ids, too
_BATCH = 512
_BLOCK = 16_384  # items whose vectors are widened at once


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The data that a peer may learn from. validation: cases on which settings are chosen, and no others.

    vectors: float32 (N, D), the fused item vectors, which a model of the events may have had a part in; content: by
    modality, what encoders made of the items alone, float32 (N, D) each, unit rows, zero where an item has none.
    """

    train: Interactions
    catalog: Catalog
    validation: Sequence[EvaluationCase] = ()
    vectors: FloatArray | None = None
    content: Mapping[str, FloatArray] = field(default_factory=dict)


class Peer(ABC):
    """Fitted once on the training events; ranks catalog rows for histories of catalog rows."""

    @abstractmethod
    def fit(self, data: TrainingData) -> Self:
        """Learn from training events; settings are chosen on the validation cases alone."""

    @abstractmethod
    def scores(self, histories: Sequence[IntArray]) -> Scores:
        """Scores of all items after each history, more is better, float64 (B, N). histories (B,): catalog rows."""

    def scores_for(self, users: Sequence[str], histories: Sequence[IntArray]) -> Scores:
        """`scores`, by a peer that knows people by more than their histories; most do not. users (B,): their ids."""
        return self.scores(histories)

    def rank(self, histories: Sequence[IntArray], exclude: Sequence[IntArray], k: int) -> IntArray:
        """The best k rows per case, best first, int64 (B, K). exclude: rows that may not be named, per case.

        k must not exceed the number of legal rows of any case.
        """
        return rank_in_batches(self.scores, histories, exclude, k)


def popularity_of(train: Interactions, catalog: Catalog) -> IntArray:
    """The number of training events of each item, int64 (N,)."""
    return np.bincount(catalog.rows(train.item_ids), minlength=len(catalog)).astype(np.int64)


def joined_content(content: Mapping[str, FloatArray]) -> FloatArray:
    """All modalities side by side, float32 (N, D), unit rows, zero where an item has none of them."""
    stacked_ND = np.concatenate(list(content.values()), axis=1)
    lengths_N = np.linalg.norm(stacked_ND, axis=1, keepdims=True)
    return (stacked_ND / np.where(lengths_N > 0, lengths_N, 1.0)).astype(np.float32)


def products(left_BD: FloatArray, right_ND: FloatArray) -> Scores:
    """The inner product of each with each, float64 (B, N), the same however many are asked for at once.

    Sums differ in their last digits by how many are taken together; what they agree in, float32's digits of a sum in
    float64, is kept, so that what is equal ties.
    """
    wide_BD = left_BD.astype(np.float64)
    found_BN = np.empty((len(left_BD), len(right_ND)))
    for start in range(0, len(right_ND), _BLOCK):
        block_BN = wide_BD @ right_ND[start : start + _BLOCK].T.astype(np.float64)
        found_BN[:, start : start + _BLOCK] = block_BN.astype(np.float32)
    return found_BN


def top_rows(scores_BN: Scores, exclude: Sequence[IntArray], k: int) -> IntArray:
    """The k best-scored rows that are not excluded, int64 (B, K); equal scores go by row number.

    Raises InputError when a case has fewer than k legal rows.
    """
    scores_BN, num_items = scores_BN.copy(), scores_BN.shape[1]
    for scores_N, rows in zip(scores_BN, exclude, strict=True):
        scores_N[rows] = -np.inf
    if k > num_items:
        raise _too_few(k)
    # Only what reaches the k-th best score is sorted.
    least_B = np.partition(scores_BN, num_items - k, axis=1)[:, num_items - k] if k else np.zeros(len(scores_BN))
    if np.isneginf(least_B).any():
        raise _too_few(k)
    best_BK = np.empty((len(scores_BN), k), dtype=np.int64)
    for best_K, scores_N, least in zip(best_BK, scores_BN, least_B, strict=True):
        near = np.flatnonzero(scores_N >= least)
        best_K[:] = near[np.argsort(-scores_N[near], kind="stable")[:k]]
    return best_BK


def _too_few(k: int) -> InputError:
    return InputError(f"a case has fewer than {k} items that may be recommended; ask for fewer")


def rank_in_batches(score: Scorer, histories: Sequence[IntArray], exclude: Sequence[IntArray], k: int) -> IntArray:
    """The best k rows per case, int64 (B, K), scored in batches; exclude: rows that may not be named, per case."""
    parts = [
        top_rows(score(histories[start : start + _BATCH]), exclude[start : start + _BATCH], k)
        for start in range(0, len(histories), _BATCH)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, k), dtype=np.int64)


def validation_ndcg(score: Scorer, data: TrainingData) -> float:
    """ndcg@10 with the history masked, over the cases that have ten legal items; 0 without such a case."""
    return validation_ndcg_for(lambda _, histories: score(histories), data)


def validation_ndcg_for(score: PersonScorer, data: TrainingData) -> float:
    """`validation_ndcg` of what ranks by who asks, too."""
    catalog = data.catalog
    cases = [case for case in data.validation if len(catalog) - len(set(case.history)) >= 10]
    ranks: list[Ranks] = []
    for start in range(0, len(cases), _BATCH):
        some = cases[start : start + _BATCH]
        histories = [catalog.rows(case.history) for case in some]
        lists_BK = top_rows(score([case.user_id for case in some], histories), histories, 10)
        ranks.append(ranks_of_targets(lists_BK, catalog.rows(case.target for case in some)))
    return summarize(np.concatenate(ranks))["ndcg@10"] if ranks else 0.0
