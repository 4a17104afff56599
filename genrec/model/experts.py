"""What is expected of whole items: four experts as one, by a log-linear pool.

To the sequence model's log-probability come what followed the latest items before, how like theirs an item's content
is, and how often it is chosen at all, each times a weight; the sum is scaled so that it is a probability again that
validation finds true (pooling: Genest and Zidek, Statistical Science 1986). Simple experts repair what a trained model
blurs: rare transitions that it has seen, and likeness of items that it has hardly seen. Items that nobody has chosen
are lifted until they are shown as often as wished, or nobody ever would choose them. Knows catalog rows and vectors;
deliberately knows nothing of semantic IDs or of the language model.

Axis legend: B histories, N items, D features, C candidates, X experts beside the sequence model.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from genrec.artifacts import write_file
from genrec.encode.collaborative import count_followers
from genrec.encode.fusion import load_fuser
from genrec.model.sequence import SequenceModel, find_sequence_model
from genrec.runtime import progress
from genrec.schema import Catalog, Embeddings, FloatArray, IntArray, Interactions

EXPERTS_FILE = "experts.safetensors"
FADING = 0.7  # an item counts so much less than the one chosen after it
MAX_CASES = 8000  # validation cases that choose the weights
_NUM_LATEST = 20  # items of a history that are looked at; what lies before has faded
_WINDOW = 5  # later events of a history that follow an item, the one d steps away as 1/d
_GRIDS: Mapping[str, tuple[float, ...]] = {
    "followers": (0.0, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0),
    "likeness": (0.0, 0.4, 0.8, 1.5, 3.0, 6.0),
    "popularity": (0.0, 0.1, 0.2, 0.4, 0.8),
}
_ROUNDS = 2
_SCALES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_NUM_CANDIDATES = 100  # of each expert, among which the weights are chosen
_MAX_SCALED = 1000  # cases that choose the scale, over the whole catalog
_BATCH = 64
_HIDDEN_SHARE = 0.05  # of the items, taken for newcomers to find out how far those must be lifted
MAX_EXPOSED = 2000  # histories after which newcomers are counted
_LISTED = 10  # places in which newcomers are counted
_MAX_LIFT = 8.0

Sparse: TypeAlias = Any  # scipy's sparse matrices carry no types
Case: TypeAlias = tuple[IntArray, int]  # a history and the next item, as catalog rows


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertWeights:
    """Nats per nat of followers' log-share, per cosine of likeness, per log of a count; scale: of the sum of all.

    lift: nats that items without events get beside it.
    """

    followers: float = 0.0
    likeness: float = 0.0
    popularity: float = 0.0
    scale: float = 1.0
    lift: float = 0.0


class ItemExperts:
    """The pool: a history in, a log-probability of every item out.

    followers_NN: sparse, each row the shares of what followed an item; counts_N: training events of each item;
    content_ND: unit rows, zero where an item has no content. All three may cover fewer items than the sequence model
    knows; what was added since is taken for an item that nothing is known of but its content.
    """

    def __init__(
        self,
        sequence_model: SequenceModel,
        *,
        followers_NN: Sparse,
        counts_N: IntArray,
        content_ND: FloatArray,
        weights: ExpertWeights | None = None,
    ) -> None:
        self.sequence_model, self.weights = sequence_model, weights or ExpertWeights()
        self._known = (followers_NN, counts_N)
        num_items = sequence_model.num_items
        self._followers_NN = followers_NN.astype(np.float32)
        self._followers_NN.resize(num_items, num_items)
        self._content_ND = content_ND[:num_items]
        logs_N = np.log(np.maximum(counts_N, 1))
        # Nothing speaks for or against an item that nobody has had the chance to choose.
        usual = float(logs_N[counts_N > 0].mean()) if counts_N.any() else 0.0
        self._popularity_N = np.full(num_items, usual, np.float32)
        self._popularity_N[np.flatnonzero(counts_N)] = logs_N[counts_N > 0]
        self._is_new_N = np.ones(num_items, bool)
        self._is_new_N[np.flatnonzero(counts_N)] = False

    @classmethod
    def of(cls, sequence_model: SequenceModel, train: Interactions, catalog: Catalog, content_ND: FloatArray) -> Self:
        """Count what the training split holds; all weight is the sequence model's until `weighed`."""
        counts_N = np.bincount(catalog.rows(train.item_ids), minlength=len(catalog))
        followed_NN = count_followers(catalog, train, _WINDOW)
        totals_N = np.maximum(np.asarray(followed_NN.sum(axis=1)).ravel(), 1e-9) + 1  # + 1: seen once proves little
        followed_NN.data /= np.repeat(totals_N, np.diff(followed_NN.indptr))
        return cls(sequence_model, followers_NN=followed_NN, counts_N=counts_N, content_ND=content_ND)

    @property
    def num_items(self) -> int:
        """How many rows of the catalog are known, from the first on."""
        return self.sequence_model.num_items

    @property
    def knows_newcomers(self) -> bool:
        """Whether items that nobody has chosen are expected by their content; else they must inherit from others."""
        return self.sequence_model.content_map is not None

    def log_probabilities(self, histories: Sequence[IntArray]) -> npt.NDArray[np.float32]:
        """Log-probability in nats of every item after each history of catalog rows, float32 (B, N)."""
        expected_BN = self.sequence_model.log_probabilities(histories)
        opinions = self._opinions(histories, [name for name in _GRIDS if getattr(self.weights, name)])
        if self.weights == ExpertWeights():
            return expected_BN
        for name, opinion_BN in opinions.items():
            expected_BN = expected_BN + getattr(self.weights, name) * opinion_BN
        lifted_BN = self.weights.scale * expected_BN + self.weights.lift * self._is_new_N.astype(np.float32)
        pooled: npt.NDArray[np.float32] = torch.from_numpy(lifted_BN).log_softmax(dim=1).numpy()
        return pooled

    def weighed(self, cases: Sequence[Case]) -> "ItemExperts":
        """The pool with the weights of the best ndcg@10 on these cases, histories masked, and the likeliest scale.

        Weights are chosen one after the other among the items that some expert ranks high, the scale over all items.
        Without cases the sequence model answers alone.
        """
        cases = [(history, target) for history, target in cases[:MAX_CASES] if target not in history]
        if not cases:
            return self
        pool = self._with(weights=ExpertWeights(**_ascend(*self._candidates(cases))))
        pool.weights = replace(pool.weights, scale=pool._likeliest_scale(cases[:_MAX_SCALED]))
        return pool

    def lifted(self, histories: Sequence[IntArray], exposure: float, seed: int) -> "ItemExperts":
        """The pool with the lift that shows newcomers `exposure` times as often as a known item on average.

        Found by hiding a twentieth of the known items, all but their content, and counting places among the best ten
        after these histories. Items that nobody has chosen are not lifted where exposure is 0, or content unknown.
        """
        known = np.flatnonzero(~self._is_new_N)
        num_hidden = min(len(known) - 1, max(1, round(_HIDDEN_SHARE * len(known))))
        if exposure <= 0 or not self.knows_newcomers or num_hidden < 1 or not len(histories):
            return self
        hidden = np.sort(np.random.default_rng(seed).choice(known, num_hidden, replace=False))
        is_shown_N = np.ones(self.num_items, bool)
        is_shown_N[hidden] = False
        keep_NN = _diagonal(is_shown_N[: len(self._known[1])])
        model = self.sequence_model.without(hidden, torch.from_numpy(self._content_ND[hidden]))
        followers_NN = (keep_NN @ self._known[0] @ keep_NN).tocsr()
        counts_N = np.where(is_shown_N[: len(self._known[1])], self._known[1], 0)
        pool = self._with(sequence_model=model, followers_NN=followers_NN, counts_N=counts_N)
        others, best_BC, best_BM = known[is_shown_N[known]], [], []
        for start in range(0, len(histories), _BATCH):
            shown = [history[is_shown_N[history]] for history in histories[start : start + _BATCH]]
            scores_BN = pool.log_probabilities(shown)
            for score_N, history in zip(scores_BN, shown, strict=True):
                score_N[history] = -np.inf
            best_BC.append(_highest(scores_BN[:, others]))
            best_BM.append(_highest(scores_BN[:, hidden]))
        wanted = exposure * num_hidden / len(known)
        lift = _least_lift(np.concatenate(best_BC), np.concatenate(best_BM), min(wanted, 1.0))
        return self._with(weights=replace(self.weights, lift=lift))

    def _with(
        self,
        *,
        weights: ExpertWeights | None = None,
        sequence_model: SequenceModel | None = None,
        followers_NN: Sparse = None,
        counts_N: IntArray | None = None,
    ) -> "ItemExperts":
        return ItemExperts(
            sequence_model or self.sequence_model,
            followers_NN=self._known[0] if followers_NN is None else followers_NN,
            counts_N=self._known[1] if counts_N is None else counts_N,
            content_ND=self._content_ND,
            weights=weights or self.weights,
        )

    def save(self, path: Path) -> None:
        """Write what was counted and the weights; the sequence model and the content stay where they are."""
        followers_NN, counts_N = self._known
        arrays = {"data": followers_NN.data, "indices": followers_NN.indices, "indptr": followers_NN.indptr}
        with write_file(path) as partial:
            save_file(arrays | {"counts": counts_N}, partial, metadata={"weights": json.dumps(asdict(self.weights))})

    def _opinions(self, histories: Sequence[IntArray], names: Sequence[str]) -> dict[str, npt.NDArray[np.float32]]:
        makers = {"followers": self._followed, "likeness": self._likeness, "popularity": self._popularity}
        return {name: makers[name](histories) for name in names}

    def _followed(self, histories: Sequence[IntArray]) -> npt.NDArray[np.float32]:
        """Log of the share that each item has of what followed the latest items, float32 (B, N)."""
        shares_BN = np.asarray((self._latest(histories) @ self._followers_NN).todense(), np.float32)
        return np.log(shares_BN + 1 / self.num_items)

    def _likeness(self, histories: Sequence[IntArray]) -> npt.NDArray[np.float32]:
        """Cosine of each item's content to the mean of the latest items', float32 (B, N); 0 for those of the history:
        that an item is like itself does not tell whether it comes again."""
        taste_BD = np.asarray(self._latest(histories) @ self._content_ND)
        taste_BD /= np.maximum(np.linalg.norm(taste_BD, axis=1, keepdims=True), 1e-9)
        cosine_BN: npt.NDArray[np.float32] = (taste_BD @ self._content_ND.T).astype(np.float32)
        for cosine_N, history in zip(cosine_BN, histories, strict=True):
            cosine_N[history] = 0
        return cosine_BN

    def _popularity(self, histories: Sequence[IntArray]) -> npt.NDArray[np.float32]:
        return np.broadcast_to(self._popularity_N, (len(histories), self.num_items))

    def _latest(self, histories: Sequence[IntArray]) -> Sparse:
        """The latest items of each history by their weights, which sum to 1; sparse (B, N)."""
        from scipy import sparse

        latest = [history[-_NUM_LATEST:] for history in histories]
        weights = [FADING ** np.arange(len(rows), dtype=np.float32)[::-1] for rows in latest]
        entries = np.concatenate([np.zeros(0, np.float32), *(w / w.sum() for w in weights if len(w))])
        bounds = np.cumsum([0, *map(len, latest)])
        columns = np.concatenate([np.zeros(0, np.int64), *latest])
        return sparse.csr_matrix((entries, columns, bounds), shape=(len(histories), self.num_items))

    def _candidates(self, cases: Sequence[Case]) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]:
        """What every expert says of the items that one of them ranks high, in the order of `_GRIDS`.

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
            opinions += self._opinions(histories, list(_GRIDS)).values()
            for case, (history, target) in enumerate(batch):
                opinion_NX = np.stack([opinion_BN[case] for opinion_BN in opinions], axis=1)
                opinion_NX[history, 0] = -np.inf
                high = np.unique(np.argpartition(-opinion_NX, width - 1, axis=0)[:width])
                if target in high:
                    others = high[(high != target) & np.isfinite(opinion_NX[high, 0])]
                    found.append(opinion_NX[others])
                    targets.append(opinion_NX[target])
        longest = max(map(len, found), default=0)
        opinions_BCX = np.zeros((len(found), longest, 1 + len(_GRIDS)), np.float32)
        is_item_BC = np.zeros((len(found), longest), bool)
        for place, opinion_CX in enumerate(found):
            opinions_BCX[place, : len(opinion_CX)] = opinion_CX
            is_item_BC[place, : len(opinion_CX)] = True
        return opinions_BCX, np.reshape(targets, (len(found), 1 + len(_GRIDS))).astype(np.float32), is_item_BC

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


def _ascend(opinions_BCX: FloatArray, targets_BX: FloatArray, is_item_BC: npt.NDArray[np.bool_]) -> dict[str, float]:
    """Weights by coordinate ascent on ndcg@10, from the sequence model alone; the smaller of two that do as well."""
    weights_X = np.zeros(1 + len(_GRIDS), np.float32)
    weights_X[0] = 1
    best = _ndcg(opinions_BCX, targets_BX, is_item_BC, weights_X)
    for _, place in product(range(_ROUNDS), range(len(_GRIDS))):
        for weight in list(_GRIDS.values())[place]:
            tried_X = weights_X.copy()
            tried_X[1 + place] = weight
            quality = _ndcg(opinions_BCX, targets_BX, is_item_BC, tried_X)
            if quality > best:
                best, weights_X = quality, tried_X
    chosen = zip(_GRIDS.values(), weights_X[1:], strict=True)
    return dict(zip(_GRIDS, (min(grid, key=lambda w: abs(w - found)) for grid, found in chosen), strict=True))


def _ndcg(
    opinions_BCX: FloatArray, targets_BX: FloatArray, is_item_BC: npt.NDArray[np.bool_], weights_X: FloatArray
) -> float:
    """The sum over cases, so that those left out count as lost."""
    better_B = ((opinions_BCX @ weights_X > (targets_BX @ weights_X)[:, None]) & is_item_BC).sum(axis=1)
    return float((1 / np.log2(better_B[better_B < 10] + 2)).sum())


def _diagonal(is_kept_N: npt.NDArray[np.bool_]) -> Sparse:
    from scipy import sparse

    return sparse.diags(is_kept_N.astype(np.float64))


def _highest(scores_BN: FloatArray) -> FloatArray:
    """The best few scores, highest first; -inf where there are fewer."""
    best_BK = -np.sort(-scores_BN, axis=1)[:, :_LISTED]
    return np.pad(best_BK, ((0, 0), (0, _LISTED - best_BK.shape[1])), constant_values=-np.inf)


def _least_lift(known_BK: FloatArray, new_BK: FloatArray, wanted: float) -> float:
    """The least lift by which newcomers take so large a share of the best places, to a hundredth of a nat."""
    low, high = 0.0, _MAX_LIFT
    while high - low > 0.01:
        middle = (low + high) / 2
        last_B = -np.sort(-np.concatenate([known_BK, new_BK + middle], axis=1), axis=1)[:, _LISTED - 1]
        share = float((new_BK + middle >= last_B[:, None]).mean())
        low, high = (low, middle) if share >= wanted else (middle, high)
    return round(high, 2)


def find_experts(root: Path, device: torch.device, embeddings: Mapping[str, Embeddings]) -> ItemExperts | None:
    """The pool of a built workspace; None where it does without a sequence model.

    embeddings: of the catalog as it is now; items that were added since training are known by their content.
    """
    from scipy import sparse

    model = find_sequence_model(root / "sequence", device, embeddings)
    if model is None:
        return None
    path = root / "mixture" / EXPERTS_FILE
    with safe_open(path, framework="np") as stored:
        weights = ExpertWeights(**json.loads(stored.metadata()["weights"]))
    found = load_file(path)
    num_counted = len(found["counts"])
    return ItemExperts(
        model,
        followers_NN=sparse.csr_matrix(
            (found["data"], found["indices"], found["indptr"]), shape=(num_counted, num_counted)
        ),
        counts_N=found["counts"],
        content_ND=load_fuser(root / "sequence" / "fuser").transform(embeddings),
        weights=weights,
    )
