"""The item scorer: a history in, a log-probability of every item out, as a log-linear pool of four scores per item.

To the sequence model's log-probability come how often the item followed the latest ones, how like theirs its content is
and how often it is chosen at all, each times a weight; the sum is scaled so that it is a probability again that
validation finds true (pooling: Genest and Zidek, Statistical Science 1986). Simple scores repair what a trained model
blurs: rare transitions that it has seen, and likeness of items that it has hardly seen. The pool is the teacher of the
language model, and stands beside it in the mixture. Knows catalog rows and vectors; deliberately knows nothing of
semantic IDs or of the language model.

Axis legend: B histories, N items, M cold items, D features, C candidates, X scores beside the sequence model's, E
events of histories one after the other, K likely items.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from genrec.artifacts import write_file
from genrec.config import Config, ScorerConfig
from genrec.encode.fusion import load_fuser
from genrec.encode.fusion.contract import unit_rows
from genrec.errors import ArtifactError
from genrec.model.sequence.files import find_sequence_model
from genrec.model.sequence.model import SequenceModel
from genrec.model.training.distillation import SoftTargets
from genrec.ranking.followers import Followers, Sparse, latest_items
from genrec.runtime import progress
from genrec.schema import BoolArray, Catalog, Embeddings, FloatArray, IntArray, Interactions

SCORER_FILE = "experts.safetensors"
SCORER_LAYOUT = 2  # of the file; scorers of another layout are made again
_DEFAULTS = Config()
_POOLED = ("followers", "likeness", "popularity")  # the scores beside the sequence model's
_SCALES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_NUM_CANDIDATES = 100  # of each score, among which the weights are chosen
_MAX_SCALED = 1000  # cases that choose the scale, over the whole catalog
_BATCH = 64
_EVENTS_AT_ONCE = 512  # events whose scores of all items are held at once

Case: TypeAlias = tuple[IntArray, int]  # a history and the next item, as catalog rows


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerWeights:
    """Weights of the pool: nats per nat of followers' log-share, per cosine of likeness, per log of a count.

    scale: of the sum of all four scores.
    """

    followers: float = 0.0
    likeness: float = 0.0
    popularity: float = 0.0
    scale: float = 1.0


class ItemScorer:
    """The pool over one catalog; what was added since training is an item of which nothing is known but its content.

    followers, counts_N: transitions and training events of each item, which may cover fewer items than the sequence
    model knows; content_ND: unit rows, zero where an item has no content. axes_D: what each axis of content counts in
    taste, None for all alike. cold_bonus: nats by which cold items, those that nobody has chosen, are raised, and their
    likeness along these axes counts more then; None leaves them as they are.
    """

    def __init__(
        self,
        sequence_model: SequenceModel,
        *,
        followers: Followers,
        counts_N: IntArray,
        content_ND: FloatArray,
        axes_D: FloatArray | None = None,
        weights: ScorerWeights | None = None,
        cold_bonus: float | None = None,
        config: Config = _DEFAULTS,
    ) -> None:
        self.config = config
        self.sequence_model, self.weights, self.cold_bonus = sequence_model, weights or ScorerWeights(), cold_bonus
        num_items = sequence_model.num_items
        self.followers, self.content_ND, self._counts_N = followers, content_ND[:num_items], counts_N
        logs_N = np.log(np.maximum(counts_N, 1))
        # Nothing speaks for or against an item that nobody has had the chance to choose.
        usual = float(logs_N[counts_N > 0].mean()) if counts_N.any() else 0.0
        self._popularity_N = np.full(num_items, usual, np.float32)
        self._popularity_N[np.flatnonzero(counts_N)] = logs_N[counts_N > 0]
        self.is_cold_N = np.ones(num_items, bool)
        self.is_cold_N[np.flatnonzero(counts_N)] = False
        self._axes_D = np.ones(content_ND.shape[1], np.float32) if axes_D is None else axes_D
        self._cold_MD = unit_rows(self.content_ND[self.is_cold_N] * self._axes_D)

    @classmethod
    def of(
        cls,
        sequence_model: SequenceModel,
        train: Interactions,
        catalog: Catalog,
        content_ND: FloatArray,
        axes_D: FloatArray | None = None,
        config: Config = _DEFAULTS,
    ) -> Self:
        """Count what the training split holds; all weight is the sequence model's until `weighed`."""
        counts_N = np.bincount(catalog.rows(train.item_ids), minlength=len(catalog))
        return cls(
            sequence_model,
            followers=Followers.count(catalog, train, sequence_model.num_items, window=config.scorer.window),
            counts_N=counts_N,
            content_ND=content_ND,
            axes_D=axes_D,
            config=config,
        )

    @property
    def num_items(self) -> int:
        """The number of catalog rows that are scored, from the first on."""
        return self.sequence_model.num_items

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
        would expect what is to come because it has seen it come.
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
        pool = self._with(weights=ScorerWeights(**best_weights(*self._candidates(cases), self.config.scorer)))
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
        is_counted_N = is_counted_N[: len(self._counts_N)]
        return self._with(
            sequence_model=self.sequence_model.without(rows, torch.from_numpy(self.content_ND[rows])),
            followers=self.followers.among(is_counted_N),
            counts_N=np.where(is_counted_N, self._counts_N, 0),
        )

    def _with(
        self,
        *,
        weights: ScorerWeights | None = None,
        sequence_model: SequenceModel | None = None,
        followers: Followers | None = None,
        counts_N: IntArray | None = None,
    ) -> "ItemScorer":
        return ItemScorer(
            sequence_model or self.sequence_model,
            followers=followers or self.followers,
            counts_N=self._counts_N if counts_N is None else counts_N,
            content_ND=self.content_ND,
            axes_D=self._axes_D,
            weights=weights or self.weights,
            cold_bonus=self.cold_bonus,
            config=self.config,
        )

    def save(self, path: Path) -> None:
        """Write what was counted and learned; the sequence model and the content stay where they are."""
        counts_NN = self.followers.counts_NN
        arrays = {"data": counts_NN.data, "indices": counts_NN.indices, "indptr": counts_NN.indptr}
        arrays |= {"counts": self._counts_N, "axes": self._axes_D}
        with write_file(path) as partial:
            save_file(arrays, partial, metadata={"weights": json.dumps(asdict(self.weights))})

    def _pooled(
        self, expected_BN: npt.NDArray[np.float32], histories: Sequence[IntArray], own_BN: Sparse = None
    ) -> npt.NDArray[np.float32]:
        """The sequence model's log-probabilities pooled with the other scores, float32 (B, N).

        own_BN: shares of followers that are to be taken off.
        """
        weights, is_cold_N = self.weights, self.is_cold_N
        cold_bonus = self.cold_bonus if is_cold_N.any() else None
        if weights == ScorerWeights() and cold_bonus is None:
            return expected_BN
        names = [name for name in _POOLED if getattr(weights, name)]
        for name, score_BN in self.scores(histories, names, own_BN).items():
            expected_BN = expected_BN + getattr(weights, name) * score_BN
        scores_BN = weights.scale * expected_BN
        if cold_bonus is not None:
            scores_BN[:, is_cold_N] += self.config.recommend.cold_likeness * self.cold_likeness(histories) + cold_bonus
        pooled: npt.NDArray[np.float32] = torch.from_numpy(scores_BN).log_softmax(dim=1).numpy()
        return pooled

    def scores(
        self, histories: Sequence[IntArray], names: Sequence[str], own_BN: Sparse = None
    ) -> dict[str, npt.NDArray[np.float32]]:
        """Scores of all items before they are weighed, by the names of their weights, float32 (B, N) each.

        own_BN: shares of followers that are to be taken off.
        """
        makers = {
            "followers": lambda: self.followers.log_shares(histories, own_BN),
            "likeness": lambda: self._likeness(histories),
            "popularity": lambda: np.broadcast_to(self._popularity_N, (len(histories), self.num_items)),
        }
        return {name: makers[name]() for name in names}

    def _likeness(self, histories: Sequence[IntArray]) -> npt.NDArray[np.float32]:
        """Cosine of each item's content to the mean of the latest items', float32 (B, N); 0 for those of the history:
        that an item is like itself does not tell whether it comes again."""
        taste_BD = unit_rows(self._latest_content(histories))
        cosine_BN = _product(taste_BD, self.content_ND)
        for cosine_N, history in zip(cosine_BN, histories, strict=True):
            cosine_N[history] = 0
        return cosine_BN

    def cold_likeness(self, histories: Sequence[IntArray]) -> npt.NDArray[np.float32]:
        """The same of the M cold items, along the axes that taste runs along, float32 (B, M)."""
        taste_BD = unit_rows(self._latest_content(histories) * self._axes_D)
        cosine_BM = _product(taste_BD, self._cold_MD)
        cold_M = np.flatnonzero(self.is_cold_N)
        for cosine_M, history in zip(cosine_BM, histories, strict=True):
            cosine_M[np.isin(cold_M, history)] = 0
        return cosine_BM

    def _latest_content(self, histories: Sequence[IntArray]) -> FloatArray:
        """The mean content of the latest items of each history, float32 (B, D)."""
        return np.asarray(latest_items(histories, self.num_items) @ self.content_ND)

    def _candidates(self, cases: Sequence[Case]) -> tuple[FloatArray, FloatArray, BoolArray]:
        """All scores of the items that one of them ranks high, the sequence model's first.

        Returns scores float32 (B, C, 1 + X), those of the targets (B, 1 + X), and which are no padding, bool (B, C).
        Targets themselves are left out. Cases whose target no score ranks high cannot be won, and are left out, too.
        """
        width = min(_NUM_CANDIDATES, self.num_items)
        found, targets = [], []
        starts = range(0, len(cases), _BATCH)
        for start in progress(starts, label="ask the item scorer, batches"):
            batch = cases[start : start + _BATCH]
            histories = [history for history, _ in batch]
            scores = [self.sequence_model.log_probabilities(histories)]
            scores += self.scores(histories, _POOLED).values()
            for case, (history, target) in enumerate(batch):
                scores_NX = np.stack([scores_BN[case] for scores_BN in scores], axis=1)
                scores_NX[history, 0] = -np.inf
                high = np.unique(np.argpartition(-scores_NX, width - 1, axis=0)[:width])
                if target in high:
                    others = high[(high != target) & np.isfinite(scores_NX[high, 0])]
                    found.append(scores_NX[others])
                    targets.append(scores_NX[target])
        longest = max(map(len, found), default=0)
        scores_BCX = np.zeros((len(found), longest, 1 + len(_POOLED)), np.float32)
        is_item_BC = np.zeros((len(found), longest), bool)
        for place, scores_CX in enumerate(found):
            scores_BCX[place, : len(scores_CX)] = scores_CX
            is_item_BC[place, : len(scores_CX)] = True
        return scores_BCX, np.reshape(targets, (len(found), 1 + len(_POOLED))).astype(np.float32), is_item_BC

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


def best_weights(
    scores_BCX: FloatArray, targets_BX: FloatArray, is_item_BC: BoolArray, config: ScorerConfig
) -> dict[str, float]:
    """The weights of the best ndcg@10 among all that are tried, each judged with its neighbors; the smaller of equals.

    scores_BCX: float32 (B, C, 1 + X), of candidates beside the target, the sequence model's score first; targets_BX:
    those of the targets; is_item_BC: which candidates are no padding. Where they do worse than the sequence model
    alone, all weights are 0.
    """
    tried = (config.followers_weights, config.likeness_weights, config.popularity_weights)
    grids = [sorted({0.0, *weights}) for weights in tried]
    *others, last = grids
    quality = np.zeros([len(grid) for grid in grids])
    for place in np.ndindex(quality.shape[:-1]):
        weights = [1.0, *(grid[number] for grid, number in zip(others, place, strict=True)), 0.0]
        weights_X = np.array(weights, dtype=np.float32)
        pooled_BC, aims_B = scores_BCX @ weights_X, targets_BX @ weights_X
        for number, weight in enumerate(last):
            better_BC = pooled_BC + weight * scores_BCX[:, :, -1] > (aims_B + weight * targets_BX[:, -1])[:, None]
            better_B = (better_BC & is_item_BC).sum(axis=1)
            # The sum over cases, so that those left out count as lost.
            quality[(*place, number)] = (1 / np.log2(better_B[better_B < 10] + 2)).sum()
    best = int(with_neighbors(quality).argmax())
    if quality.flat[best] < quality.flat[0]:
        best = 0
    chosen = np.unravel_index(best, quality.shape)
    return {name: grid[number] for name, grid, number in zip(_POOLED, grids, chosen, strict=True)}


def with_neighbors(quality: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The mean quality of each point of a grid and its neighbors; an edge is its own neighbor.

    The single best point is one that chance has favored; the best of these serves other cases better.
    """
    from scipy.ndimage import uniform_filter

    smooth: npt.NDArray[np.float64] = uniform_filter(quality, size=3, mode="nearest").round(9)
    return smooth


def _product(a_BD: npt.NDArray[np.float32], b_ND: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """a bᵀ, by torch: numpy's own threads would go on holding their cores for a while, and torch's wait for them."""
    product_BN: npt.NDArray[np.float32] = (torch.from_numpy(a_BD) @ torch.from_numpy(b_ND).T).numpy()
    return product_BN


def find_item_scorer(
    root: Path, device: torch.device, embeddings: Mapping[str, Embeddings], config: Config
) -> ItemScorer | None:
    """The pool of a built workspace; None where it does without a sequence model.

    embeddings: of the catalog as it is now; items that were added since training are known by their content. Raises
    ArtifactError on what an earlier genrec wrote.
    """
    from scipy import sparse

    model = find_sequence_model(root / "sequence", device, embeddings)
    if model is None:
        return None
    path = root / "experts" / SCORER_FILE
    with safe_open(path, framework="np") as stored:
        weights = ScorerWeights(**json.loads(stored.metadata()["weights"]))
    found = load_file(path)
    if "axes" not in found:
        raise ArtifactError(f"{path} lacks axes: an earlier genrec wrote it; run genrec build")
    shape = (len(found["counts"]), len(found["counts"]))
    counts_NN = sparse.csr_matrix((found["data"], found["indices"], found["indptr"]), shape=shape)
    return ItemScorer(
        model,
        followers=Followers.of(counts_NN, model.num_items, window=config.scorer.window),
        counts_N=found["counts"],
        content_ND=load_fuser(root / "sequence" / "fuser").transform(embeddings),
        axes_D=found["axes"],
        weights=weights,
        config=config,
    )
