"""What is expected of whole items: four experts as one, by a log-linear pool.

To the sequence model's log-probability come what followed the latest items before, how like theirs an item's content
is, and how often it is chosen at all, each times a weight; the sum is scaled so that it is a probability again that
validation finds true (pooling: Genest and Zidek, Statistical Science 1986). Simple experts repair what a trained model
blurs: rare transitions that it has seen, and likeness of items that it has hardly seen. The pool teaches the language
model, and stands beside it in the mixture. Knows catalog rows and vectors; deliberately knows nothing of semantic IDs
or of the language model.

Axis legend: B histories, N items, D features, C candidates, X experts beside the sequence model, E events of histories
one after the other, K likely items.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from genrec.artifacts import write_file
from genrec.config import Config, ScorerConfig
from genrec.encode.collaborative import count_followers
from genrec.encode.fusion import load_fuser
from genrec.encode.fusion.contract import unit_rows
from genrec.encode.taste_axes import FADING, NUM_LATEST, latest_weights
from genrec.errors import ArtifactError
from genrec.model.sequence.files import find_sequence_model
from genrec.model.sequence.model import SequenceModel
from genrec.runtime import progress
from genrec.schema import Catalog, Embeddings, FloatArray, IntArray, Interactions

SCORER_FILE = "experts.safetensors"
SCORER_LAYOUT = 2  # of what is stored; experts of another layout are made again
_DEFAULTS = Config()
_BESIDE = ("followers", "likeness", "popularity")  # what is weighed beside the sequence model
_SCALES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_NUM_CANDIDATES = 100  # of each expert, among which the weights are chosen
_MAX_SCALED = 1000  # cases that choose the scale, over the whole catalog
_BATCH = 64
_SCORED_AT_ONCE = 512  # events whose expectations of all items are held at once

Sparse: TypeAlias = Any  # scipy's sparse matrices carry no types
Case: TypeAlias = tuple[IntArray, int]  # a history and the next item, as catalog rows
Expected: TypeAlias = tuple[npt.NDArray[np.int32], FloatArray]  # rows and shares of likely items, (T, K)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerWeights:
    """Nats per nat of followers' log-share, per cosine of likeness, per log of a count; scale: of the sum of all."""

    followers: float = 0.0
    likeness: float = 0.0
    popularity: float = 0.0
    scale: float = 1.0


class ItemScorer:
    """The pool: a history in, a log-probability of every item out.

    followed_NN: sparse, how often items came soon after each item; counts_N: training events of each item; content_ND:
    unit rows, zero where an item has no content. All three may cover fewer items than the sequence model knows; what
    was added since is taken for an item that nothing is known of but its content. axes_D: what each axis of content
    counts in taste, None for all alike. lift: nats by which items that nobody has chosen are raised, and their likeness
    along these axes counts more then; None leaves them as they are.
    """

    def __init__(
        self,
        sequence_model: SequenceModel,
        *,
        followed_NN: Sparse,
        counts_N: IntArray,
        content_ND: FloatArray,
        axes_D: FloatArray | None = None,
        weights: ScorerWeights | None = None,
        cold_bonus: float | None = None,
        config: Config = _DEFAULTS,
    ) -> None:
        self.config = config
        self.sequence_model, self.weights, self.cold_bonus = sequence_model, weights or ScorerWeights(), cold_bonus
        self._counted = (followed_NN, counts_N)
        num_items = sequence_model.num_items
        totals_N = np.asarray(followed_NN.sum(axis=1)).ravel() + 1  # + 1: seen once proves little
        self._followers_NN = followed_NN.astype(np.float32)
        self._followers_NN.data /= np.repeat(totals_N, np.diff(followed_NN.indptr))
        self._followers_NN.resize(num_items, num_items)
        self._totals_N = np.pad(totals_N, (0, num_items - len(totals_N)), constant_values=1)
        self._content_ND = content_ND[:num_items]
        logs_N = np.log(np.maximum(counts_N, 1))
        # Nothing speaks for or against an item that nobody has had the chance to choose.
        usual = float(logs_N[counts_N > 0].mean()) if counts_N.any() else 0.0
        self._popularity_N = np.full(num_items, usual, np.float32)
        self._popularity_N[np.flatnonzero(counts_N)] = logs_N[counts_N > 0]
        self.is_new_N = np.ones(num_items, bool)
        self.is_new_N[np.flatnonzero(counts_N)] = False
        self._axes_D = np.ones(content_ND.shape[1], np.float32) if axes_D is None else axes_D
        self._new_MD = unit_rows(self._content_ND[self.is_new_N] * self._axes_D)

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
        followed_NN = count_followers(catalog, train, config.scorer.window)
        return cls(
            sequence_model,
            followed_NN=followed_NN,
            counts_N=counts_N,
            content_ND=content_ND,
            axes_D=axes_D,
            config=config,
        )

    @property
    def num_items(self) -> int:
        """How many rows of the catalog are known, from the first on."""
        return self.sequence_model.num_items

    @property
    def scores_cold_items(self) -> bool:
        """Whether items that nobody has chosen are expected by their content; else they must inherit from others."""
        return self.sequence_model.content_map is not None

    def log_probabilities(self, histories: Sequence[IntArray]) -> npt.NDArray[np.float32]:
        """Log-probability in nats of every item after each history of catalog rows, float32 (B, N)."""
        return self._pooled(self.sequence_model.log_probabilities(histories), histories)

    def expected_items(self, histories: Sequence[IntArray], num_items: int) -> list[Expected]:
        """What the pool expects before each event of each history: rows int32 (T, K) and shares float32 (T, K).

        num_items: K, how many of the likeliest to keep; their shares sum to one, those of the first event are zero.
        The histories are those that followers were counted in: what each counts for itself is taken off, or the pool
        would expect what is to come because it has seen it come.
        """
        width = min(num_items, self.num_items)
        expected: list[Expected] = []
        for start in progress(range(0, len(histories), _BATCH), label="ask the teacher, batches"):
            batch = histories[start : start + _BATCH]
            lengths = np.array([len(history) for history in batch])
            firsts = lengths.cumsum() - lengths
            beginnings = [history[: place + 1] for history in batch for place in range(len(history))]
            own_EN = self._own_followers(batch)
            rows_EK = np.zeros((len(beginnings), width), dtype=np.int32)
            shares_EK = np.zeros((len(beginnings), width), dtype=np.float32)
            done = 0
            for expected_XN in self.sequence_model.expectations_along(batch, _SCORED_AT_ONCE):
                places = slice(done, done + len(expected_XN))
                pooled_XN = self._pooled(expected_XN, beginnings[places], own_EN[places])
                best = torch.from_numpy(pooled_XN).topk(width, dim=1)
                rows_EK[places], shares_EK[places] = best.indices.numpy(), best.values.softmax(dim=1).numpy()
                done = places.stop
            # What was expected after an event is expected before the next; before the first, nothing is.
            rows_EK, shares_EK = np.roll(rows_EK, 1, axis=0), np.roll(shares_EK, 1, axis=0)
            shares_EK[firsts] = 0
            expected += zip(np.split(rows_EK, firsts[1:]), np.split(shares_EK, firsts[1:]), strict=True)
        return expected

    def weighed(self, cases: Sequence[Case]) -> "ItemScorer":
        """The pool with the weights of the best ndcg@10 on these cases, histories masked, and the likeliest scale.

        Weights are chosen among the items that some expert ranks high, the scale over all items.
        Without cases the sequence model answers alone.
        """
        cases = cases[: self.config.scorer.max_cases]
        cases = [(history, target) for history, target in cases if target not in history]
        if not cases:
            return self
        pool = self._with(weights=ScorerWeights(**_best_weights(*self._candidates(cases), self.config.scorer)))
        pool.weights = replace(pool.weights, scale=pool._likeliest_scale(cases[:_MAX_SCALED]))
        return pool

    def with_cold_bonus(self, cold_bonus: float | None) -> "ItemScorer":
        """The pool with another lift."""
        other = self._with()
        other.cold_bonus = cold_bonus
        return other

    def hiding(self, rows: IntArray) -> "ItemScorer":
        """The pool as if nobody had ever chosen these items; they are new to it, and known by their content alone."""
        followed_NN, counts_N = self._counted
        is_kept_N = np.ones(self.num_items, bool)
        is_kept_N[rows] = False
        is_kept_N = is_kept_N[: len(counts_N)]
        keep_NN = _diagonal(is_kept_N)
        return self._with(
            sequence_model=self.sequence_model.without(rows, torch.from_numpy(self._content_ND[rows])),
            followed_NN=(keep_NN @ followed_NN @ keep_NN).tocsr(),
            counts_N=np.where(is_kept_N, counts_N, 0),
        )

    def _with(
        self,
        *,
        weights: ScorerWeights | None = None,
        sequence_model: SequenceModel | None = None,
        followed_NN: Sparse = None,
        counts_N: IntArray | None = None,
    ) -> "ItemScorer":
        return ItemScorer(
            sequence_model or self.sequence_model,
            followed_NN=self._counted[0] if followed_NN is None else followed_NN,
            counts_N=self._counted[1] if counts_N is None else counts_N,
            content_ND=self._content_ND,
            axes_D=self._axes_D,
            weights=weights or self.weights,
            cold_bonus=self.cold_bonus,
            config=self.config,
        )

    def save(self, path: Path) -> None:
        """Write what was counted and learned; the sequence model and the content stay where they are."""
        followed_NN, counts_N = self._counted
        arrays = {"data": followed_NN.data, "indices": followed_NN.indices, "indptr": followed_NN.indptr}
        arrays |= {"counts": counts_N, "axes": self._axes_D}
        with write_file(path) as partial:
            save_file(arrays, partial, metadata={"weights": json.dumps(asdict(self.weights))})

    def _pooled(
        self, expected_BN: npt.NDArray[np.float32], histories: Sequence[IntArray], own_BN: Sparse = None
    ) -> npt.NDArray[np.float32]:
        """The sequence model's log-probabilities joined by the opinions of the others, float32 (B, N).

        own_BN: shares of followers that are to be taken off.
        """
        weights, new_N = self.weights, self.is_new_N
        cold_bonus = self.cold_bonus if new_N.any() else None
        if weights == ScorerWeights() and cold_bonus is None:
            return expected_BN
        names = [name for name in _BESIDE if getattr(weights, name)]
        for name, opinion_BN in self._opinions(histories, names, own_BN).items():
            expected_BN = expected_BN + getattr(weights, name) * opinion_BN
        raised_BN = weights.scale * expected_BN
        if cold_bonus is not None:
            raised_BN[:, new_N] += self.config.recommend.cold_likeness * self._likeness_of_new(histories) + cold_bonus
        pooled: npt.NDArray[np.float32] = torch.from_numpy(raised_BN).log_softmax(dim=1).numpy()
        return pooled

    def _opinions(
        self, histories: Sequence[IntArray], names: Sequence[str], own_BN: Sparse = None
    ) -> dict[str, npt.NDArray[np.float32]]:
        makers = {
            "followers": lambda: self._followed(histories, own_BN),
            "likeness": lambda: self._likeness(histories),
            "popularity": lambda: np.broadcast_to(self._popularity_N, (len(histories), self.num_items)),
        }
        return {name: makers[name]() for name in names}

    def _followed(self, histories: Sequence[IntArray], own_BN: Sparse) -> npt.NDArray[np.float32]:
        """Log of the share that each item has of what followed the latest items, float32 (B, N)."""
        shares_BN = self._latest(histories) @ self._followers_NN
        if own_BN is not None:
            shares_BN = (shares_BN - own_BN).maximum(0)
        return np.log(np.asarray(shares_BN.todense(), np.float32) + 1 / self.num_items)

    def _own_followers(self, histories: Sequence[IntArray]) -> Sparse:
        """What the later events of a history add to the shares of followers at each event, sparse (E, N)."""
        from scipy import sparse

        rows_E = np.concatenate(histories)
        number_E = np.repeat(np.arange(len(histories)), [len(history) for history in histories])
        place_E = np.concatenate([np.arange(len(history)) for history in histories])
        shape = (len(rows_E), len(rows_E))
        latest_EE, followed_EE = sparse.csr_matrix(shape), sparse.csr_matrix(shape)
        for lag in range(min(NUM_LATEST, len(rows_E))):
            later = np.flatnonzero(place_E >= lag)
            latest_EE += sparse.csr_matrix((np.full(len(later), FADING**lag), (later, later - lag)), shape=shape)
        latest_EE = _diagonal(1 / np.asarray(latest_EE.sum(axis=1)).ravel()) @ latest_EE
        for distance in range(1, min(self.config.scorer.window, len(rows_E) - 1) + 1):
            earlier = np.flatnonzero(number_E[:-distance] == number_E[distance:])
            shares = 1 / (distance * self._totals_N[rows_E[earlier]])
            followed_EE += sparse.csr_matrix((shares, (earlier, earlier + distance)), shape=shape)
        to_come = sparse.triu(latest_EE @ followed_EE, k=1).tocoo()
        return sparse.csr_matrix(
            (to_come.data.astype(np.float32), (to_come.row, rows_E[to_come.col])), shape=(len(rows_E), self.num_items)
        )

    def _likeness(self, histories: Sequence[IntArray]) -> npt.NDArray[np.float32]:
        """Cosine of each item's content to the mean of the latest items', float32 (B, N); 0 for those of the history:
        that an item is like itself does not tell whether it comes again."""
        taste_BD = unit_rows(np.asarray(self._latest(histories) @ self._content_ND))
        cosine_BN = _product(taste_BD, self._content_ND)
        for cosine_N, history in zip(cosine_BN, histories, strict=True):
            cosine_N[history] = 0
        return cosine_BN

    def _likeness_of_new(self, histories: Sequence[IntArray]) -> npt.NDArray[np.float32]:
        """The same of the M items that nobody has chosen, along the axes that taste runs along, float32 (B, M)."""
        taste_BD = unit_rows(np.asarray(self._latest(histories) @ self._content_ND) * self._axes_D)
        cosine_BM = _product(taste_BD, self._new_MD)
        new_M = np.flatnonzero(self.is_new_N)
        for cosine_M, history in zip(cosine_BM, histories, strict=True):
            cosine_M[np.isin(new_M, history)] = 0
        return cosine_BM

    def _latest(self, histories: Sequence[IntArray]) -> Sparse:
        """The latest items of each history by their weights, which sum to 1; sparse (B, N)."""
        from scipy import sparse

        latest = [history[-NUM_LATEST:] for history in histories]
        entries = np.concatenate(
            [np.zeros(0, np.float32), *(latest_weights(len(rows)) for rows in latest if len(rows))]
        )
        bounds = np.cumsum([0, *map(len, latest)])
        columns = np.concatenate([np.zeros(0, np.int64), *latest])
        return sparse.csr_matrix((entries, columns, bounds), shape=(len(histories), self.num_items))

    def _candidates(self, cases: Sequence[Case]) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]:
        """What every expert says of the items that one of them ranks high, in the order of `_BESIDE`.

        Returns opinions float32 (B, C, 1 + X), those of the targets (B, 1 + X), and which are no padding, bool (B, C).
        Targets themselves are left out. Cases whose target nobody ranks high cannot be won, and are.
        """
        width = min(_NUM_CANDIDATES, self.num_items)
        found, targets = [], []
        starts = range(0, len(cases), _BATCH)
        for start in progress(starts, label="ask the item experts, batches"):
            batch = cases[start : start + _BATCH]
            histories = [history for history, _ in batch]
            opinions = [self.sequence_model.log_probabilities(histories)]
            opinions += self._opinions(histories, _BESIDE).values()
            for case, (history, target) in enumerate(batch):
                opinion_NX = np.stack([opinion_BN[case] for opinion_BN in opinions], axis=1)
                opinion_NX[history, 0] = -np.inf
                high = np.unique(np.argpartition(-opinion_NX, width - 1, axis=0)[:width])
                if target in high:
                    others = high[(high != target) & np.isfinite(opinion_NX[high, 0])]
                    found.append(opinion_NX[others])
                    targets.append(opinion_NX[target])
        longest = max(map(len, found), default=0)
        opinions_BCX = np.zeros((len(found), longest, 1 + len(_BESIDE)), np.float32)
        is_item_BC = np.zeros((len(found), longest), bool)
        for place, opinion_CX in enumerate(found):
            opinions_BCX[place, : len(opinion_CX)] = opinion_CX
            is_item_BC[place, : len(opinion_CX)] = True
        return opinions_BCX, np.reshape(targets, (len(found), 1 + len(_BESIDE))).astype(np.float32), is_item_BC

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


def _best_weights(
    opinions_BCX: FloatArray, targets_BX: FloatArray, is_item_BC: npt.NDArray[np.bool_], config: ScorerConfig
) -> dict[str, float]:
    """Weights of the best ndcg@10 among all that are tried, each judged with its neighbors; the smaller of equal ones.

    Where they do worse than the sequence model alone, it stays alone.
    """
    tried = (config.followers_weights, config.likeness_weights, config.popularity_weights)
    grids = [sorted({0.0, *weights}) for weights in tried]
    *others, last = grids
    quality = np.zeros([len(grid) for grid in grids])
    for place in np.ndindex(quality.shape[:-1]):
        weights = [1.0, *(grid[number] for grid, number in zip(others, place, strict=True)), 0.0]
        weights_X = np.array(weights, dtype=np.float32)
        pooled_BC, aims_B = opinions_BCX @ weights_X, targets_BX @ weights_X
        for number, weight in enumerate(last):
            better_BC = pooled_BC + weight * opinions_BCX[:, :, -1] > (aims_B + weight * targets_BX[:, -1])[:, None]
            better_B = (better_BC & is_item_BC).sum(axis=1)
            # The sum over cases, so that those left out count as lost.
            quality[(*place, number)] = (1 / np.log2(better_B[better_B < 10] + 2)).sum()
    best = int(with_neighbors(quality).argmax())
    if quality.flat[best] < quality.flat[0]:
        best = 0
    chosen = np.unravel_index(best, quality.shape)
    return {name: grid[number] for name, grid, number in zip(_BESIDE, grids, chosen, strict=True)}


def with_neighbors(quality: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of each point of a grid of settings, the mean quality of it and its neighbors; an edge is its own neighbor.

    The single best point is one that chance has favored; the best of these serves other cases better.
    """
    from scipy.ndimage import uniform_filter

    smooth: npt.NDArray[np.float64] = uniform_filter(quality, size=3, mode="nearest").round(9)
    return smooth


def _product(a_BD: npt.NDArray[np.float32], b_ND: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """a bᵀ, by torch: numpy's own threads would go on holding their cores for a while, and torch's wait for them."""
    product_BN: npt.NDArray[np.float32] = (torch.from_numpy(a_BD) @ torch.from_numpy(b_ND).T).numpy()
    return product_BN


def _diagonal(values_N: npt.NDArray[Any]) -> Sparse:
    from scipy import sparse

    return sparse.diags(values_N.astype(np.float64))


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
    num_counted = len(found["counts"])
    return ItemScorer(
        model,
        followed_NN=sparse.csr_matrix(
            (found["data"], found["indices"], found["indptr"]), shape=(num_counted, num_counted)
        ),
        counts_N=found["counts"],
        content_ND=load_fuser(root / "sequence" / "fuser").transform(embeddings),
        axes_D=found["axes"],
        weights=weights,
        config=config,
    )
