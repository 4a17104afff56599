"""The item scorer: a history in, a log-probability of every item out, as a log-linear pool of several scores per item.

To the sequence model's log-probability come how often the item followed the latest ones, how like theirs its content is
and how often it is chosen at all, and what a fuser expects that learned from events, each times a weight; the sum is
scaled so that it is a probability again that validation finds true (pooling: Genest and Zidek, Statistical Science
1986). Simple scores repair what a trained model blurs: rare transitions that it has seen, and likeness of items that it
has hardly seen. The pool is the teacher of the language model, and stands beside it in the mixture. Knows catalog rows
and vectors; deliberately knows nothing of semantic IDs or of the language model.

Axis legend: B histories, N items, M cold items, D features, C candidates, X scores beside the sequence model's, E
events of histories one after the other, K likely items.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import torch

from genrec.config import Config
from genrec.model.sequence.item_head import head_of, with_head_share, without_head
from genrec.model.sequence.model import NEVER, SequenceModel
from genrec.model.training.distillation import SoftTargets
from genrec.ranking.content_likeness import ContentLikeness
from genrec.ranking.followers import Followers, Sparse
from genrec.ranking.fuser_scores import FuserScores
from genrec.ranking.pool_weights import FUSER, Case, Rivals, RivalsCollector, best_weights
from genrec.runtime import progress
from genrec.schema import Catalog, FloatArray, IntArray, Interactions

_DEFAULTS = Config()
Nats = npt.NDArray[np.float64]
_POOLED = (FUSER, "followers", "likeness", "popularity")  # the scores beside the sequence model's
_SCALES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_MAX_SCALED = 1000  # cases that choose the scale, over the whole catalog
_BATCH = 64
_EVENTS_AT_ONCE = 512  # events whose scores of all items are held at once


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerWeights:
    """Weights of the pool: nats per nat of followers' log-share, per cosine of likeness, per log of a count, per nat
    of a fuser's log-probability.

    item_head: the share of the language model's item head in the sequence models' score; fuser_scale: of the fuser's
    scores, before they are log-probabilities; scale: of the sum of all.
    """

    item_head: float = 0.0
    fuser: float = 0.0
    fuser_scale: float = 1.0
    followers: float = 0.0
    likeness: float = 0.0
    popularity: float = 0.0
    scale: float = 1.0


class ItemScorer:
    """The pool over one catalog; what was added since training is an item of which nothing is known but its content.

    followers, counts_N: transitions and training events of each item, which may cover fewer items than the sequence
    model knows; content_ND: unit rows, zero where an item has no content. axes_D: what each axis of content counts in
    taste, None for all alike. cold_bonus: nats by which cold items, those that nobody has chosen and whose content is
    known, are to be raised in whatever pool the scorer has a share in: see `cold_nats`. What nobody has chosen and has
    no content, either, is never expected. fuser: what a fuser expects that learned from events, None of others.
    """

    def __init__(
        self,
        sequence_model: SequenceModel,
        *,
        followers: Followers,
        counts_N: IntArray,
        content_ND: FloatArray,
        axes_D: FloatArray | None = None,
        fuser: FuserScores | None = None,
        weights: ScorerWeights | None = None,
        cold_bonus: float | None = None,
        config: Config = _DEFAULTS,
    ) -> None:
        self.config = config
        self.weights, self.cold_bonus = weights or ScorerWeights(), cold_bonus
        self.models = sequence_model
        self.sequence_model = with_head_share(sequence_model, self.weights.item_head)
        num_items = sequence_model.num_items
        self.followers, self.content_ND, self.counts_N = followers, content_ND[:num_items], counts_N
        self.fuser = fuser
        logs_N = np.log(np.maximum(counts_N, 1))
        # Nothing speaks for or against an item that nobody has had the chance to choose.
        usual = float(logs_N[counts_N > 0].mean()) if counts_N.any() else 0.0
        self._popularity_N = np.full(num_items, usual, np.float32)
        self._popularity_N[np.flatnonzero(counts_N)] = logs_N[counts_N > 0]
        is_new_N = np.ones(num_items, bool)
        is_new_N[np.flatnonzero(counts_N)] = False
        has_content_N = self.content_ND.any(axis=1)
        self.is_cold_N, self._is_unknown_N = is_new_N & has_content_N, is_new_N & ~has_content_N
        self.axes_D = np.ones(content_ND.shape[1], np.float32) if axes_D is None else axes_D
        self.likeness = ContentLikeness(self.content_ND, self.axes_D, self.is_cold_N)

    @classmethod
    def of(
        cls,
        sequence_model: SequenceModel,
        train: Interactions,
        catalog: Catalog,
        content_ND: FloatArray,
        axes_D: FloatArray | None = None,
        config: Config = _DEFAULTS,
        *,
        fuser: FuserScores | None = None,
    ) -> Self:
        """Count what the training split holds; all weight is the sequence model's until `weighed`."""
        counts_N = np.bincount(catalog.rows(train.item_ids), minlength=len(catalog))
        return cls(
            sequence_model,
            followers=Followers.count(catalog, train, sequence_model.num_items, window=config.scorer.window),
            counts_N=counts_N,
            content_ND=content_ND,
            axes_D=axes_D,
            fuser=fuser,
            config=config,
        )

    @property
    def num_items(self) -> int:
        """The number of catalog rows that are scored, from the first on."""
        return self.sequence_model.num_items

    @property
    def head(self) -> SequenceModel | None:
        """The language model's item head, which judges items by itself, None where there is none."""
        return head_of(self.models)

    @property
    def scores_cold_items(self) -> bool:
        """Whether cold items are scored by their content; else they must inherit their scores from others."""
        return self.sequence_model.content_map is not None

    def log_probabilities(self, histories: Sequence[IntArray]) -> npt.NDArray[np.float32]:
        """Log-probability in nats of every item after each history of catalog rows, float32 (B, N)."""
        return self._pooled(self.sequence_model.log_probabilities(histories), histories)

    def soft_targets(self, histories: Sequence[IntArray], num_items: int) -> list[SoftTargets]:
        """The likeliest items before each event of each history, with their shares; one entry per history.

        num_items: K, how many of the likeliest to keep; their shares sum to one, those of the first event are zero.
        The histories are those that followers were counted in: what each counts for itself is taken off, or the pool
        would expect what is to come because it has seen it come. A fuser has learned these histories by heart, and is
        not asked.
        """
        width = min(num_items, self.num_items)
        found: list[SoftTargets] = []
        for start in progress(range(0, len(histories), _BATCH), label="ask the teacher, batches"):
            batch = histories[start : start + _BATCH]
            lengths = np.array([len(history) for history in batch])
            firsts = lengths.cumsum() - lengths
            beginnings = [history[: place + 1] for history in batch for place in range(len(history))]
            own_EN = self.followers.own_shares(batch)
            rows_EK = np.zeros((len(beginnings), width), dtype=np.int32)
            shares_EK = np.zeros((len(beginnings), width), dtype=np.float32)
            done = 0
            for expected_XN in self.sequence_model.log_probabilities_along(batch, _EVENTS_AT_ONCE):
                places = slice(done, done + len(expected_XN))
                pooled_XN = self._pooled(expected_XN, beginnings[places], own_EN[places])
                best = torch.from_numpy(pooled_XN).topk(width, dim=1)
                rows_EK[places], shares_EK[places] = best.indices.numpy(), best.values.softmax(dim=1).numpy()
                done = places.stop
            # What is likely after an event is likely before the next; before the first, nothing is.
            rows_EK, shares_EK = np.roll(rows_EK, 1, axis=0), np.roll(shares_EK, 1, axis=0)
            shares_EK[firsts] = 0
            parts = zip(np.split(rows_EK, firsts[1:]), np.split(shares_EK, firsts[1:]), strict=True)
            found += [SoftTargets(rows_TK=rows_TK, shares_TK=shares_TK) for rows_TK, shares_TK in parts]
        return found

    def weighed(self, cases: Sequence[Case]) -> "ItemScorer":
        """The pool with the weights of the best ndcg@10 on these cases, histories masked, and the likeliest scale.

        Weights are chosen among the items that one of the scores ranks high, the scale over all items. Without cases
        the sequence model answers alone.
        """
        cases = cases[: self.config.scorer.max_cases]
        cases = [(history, target) for history, target in cases if target not in history]
        if not cases:
            return self
        fuser = None if self.fuser is None else self.fuser.scaled(cases)
        pool = self._with(fuser=fuser)
        weights = ScorerWeights(**best_weights(pool._rivals(cases), self.config))
        pool = pool._with(weights=replace(weights, fuser_scale=fuser.scale if fuser else 1.0))
        pool.weights = replace(pool.weights, scale=pool._likeliest_scale(cases[:_MAX_SCALED]))
        return pool

    def with_cold_bonus(self, cold_bonus: float | None) -> "ItemScorer":
        """The pool with another cold-start bonus."""
        other = self._with()
        other.cold_bonus = cold_bonus
        return other

    def hiding(self, rows: IntArray) -> "ItemScorer":
        """The pool as if nobody had ever chosen these items: they are cold, and known by their content alone."""
        is_counted_N = np.ones(self.num_items, bool)
        is_counted_N[rows] = False
        is_counted_N = is_counted_N[: len(self.counts_N)]
        return self._with(
            sequence_model=self.models.without(rows, torch.from_numpy(self.content_ND[rows])),
            followers=self.followers.among(is_counted_N),
            counts_N=np.where(is_counted_N, self.counts_N, 0),
            fuser=None if self.fuser is None else self.fuser.hiding(rows),
        )

    def _with(
        self,
        *,
        weights: ScorerWeights | None = None,
        sequence_model: SequenceModel | None = None,
        followers: Followers | None = None,
        counts_N: IntArray | None = None,
        fuser: FuserScores | None = None,
    ) -> "ItemScorer":
        return ItemScorer(
            sequence_model or self.models,
            followers=followers or self.followers,
            counts_N=self.counts_N if counts_N is None else counts_N,
            content_ND=self.content_ND,
            axes_D=self.axes_D,
            fuser=fuser or self.fuser,
            weights=weights or self.weights,
            cold_bonus=self.cold_bonus,
            config=self.config,
        )

    def _pooled(
        self, expected_BN: npt.NDArray[np.float32], histories: Sequence[IntArray], own_BN: Sparse = None
    ) -> npt.NDArray[np.float32]:
        """The sequence model's log-probabilities pooled with the other scores, float32 (B, N).

        own_BN: shares of followers that are to be taken off; then no fuser is asked.
        """
        weights = self.weights if own_BN is None else replace(self.weights, fuser=0.0)
        if self._is_unknown_N.any():
            expected_BN = np.where(self._is_unknown_N, np.float32(NEVER), expected_BN)
        if replace(weights, item_head=0.0, fuser_scale=1.0) == ScorerWeights():
            return expected_BN
        names = [name for name in _POOLED if getattr(weights, name)]
        for name, score_BN in self.scores(histories, names, own_BN).items():
            expected_BN = expected_BN + getattr(weights, name) * score_BN
        pooled: npt.NDArray[np.float32] = torch.from_numpy(weights.scale * expected_BN).log_softmax(dim=1).numpy()
        return pooled

    def scores(
        self, histories: Sequence[IntArray], names: Sequence[str], own_BN: Sparse = None
    ) -> dict[str, npt.NDArray[np.float32]]:
        """Scores of all items before they are weighed, by the names of their weights, float32 (B, N) each.

        own_BN: shares of followers that are to be taken off.
        """
        fuser = self.fuser
        makers = {
            **({} if fuser is None else {FUSER: lambda: fuser.log_probabilities(histories)}),
            "followers": lambda: self.followers.log_shares(histories, own_BN),
            "likeness": lambda: self.likeness.of_all(histories),
            "popularity": lambda: np.broadcast_to(self._popularity_N, (len(histories), self.num_items)),
        }
        return {name: makers[name]() for name in names}

    def cold_nats(self, histories: Sequence[IntArray]) -> Nats | None:
        """What the M cold items gain, float64 (B, M): the bonus, and likeness to the history, which tells more of them.

        None where there is no bonus, which leaves them as they are, or no cold item.
        """
        if self.cold_bonus is None or not self.is_cold_N.any():
            return None
        return (
            self.config.recommend.cold_likeness * self.likeness.of_cold(histories).astype(np.float64) + self.cold_bonus
        )

    def _rivals(self, cases: Sequence[Case]) -> Rivals:
        """All scores of the targets of these cases and of the items that one of the scores ranks high."""
        head, plain = head_of(self.models), without_head(self.models)
        collected = RivalsCollector(self.num_items)
        starts = range(0, len(cases), _BATCH)
        for start in progress(starts, label="ask the item scorer, batches"):
            batch = cases[start : start + _BATCH]
            histories = [history for history, _ in batch]
            scores = {"sequence": plain.log_probabilities(histories)}
            if head is not None:
                scores["item_head"] = head.log_probabilities(histories)
            names = [name for name in _POOLED if name != FUSER or self.fuser is not None]
            collected.add(batch, scores | self.scores(histories, names))
        return collected.rivals()

    def _likeliest_scale(self, cases: Sequence[Case]) -> float:
        """The scale that gives the targets the largest probability, among all items outside the history."""
        losses = np.zeros(len(_SCALES))
        for start in range(0, len(cases), _BATCH):
            batch = cases[start : start + _BATCH]
            pooled_BN = torch.from_numpy(self.log_probabilities([history for history, _ in batch]))
            for pooled_N, (history, _) in zip(pooled_BN, batch, strict=True):
                pooled_N[torch.from_numpy(history)] = -torch.inf
            targets_B = torch.tensor([target for _, target in batch])
            losses += [
                float(torch.nn.functional.cross_entropy(scale * pooled_BN, targets_B, reduction="sum"))
                for scale in _SCALES
            ]
        return _SCALES[int(losses.argmin())]
