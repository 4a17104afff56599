"""Peers: the recommenders that every evaluation runs beside ours, on the same cases and under the same masks.

Knows counting, neighborhoods, linear and sequence models over catalog rows, and where the others are; deliberately
knows nothing of language models. `PEERS` is the one place that names them.

Axis legend: B cases, E events, K positions, N items, D features.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

import numpy as np

from genrec.config import SequenceConfig
from genrec.errors import InputError
from genrec.evaluate.contract import Peer, Scores, TrainingData, popularity_of, products, validation_ndcg
from genrec.evaluate.factor_peers import BPR, MF, VBPR, LightGCN
from genrec.evaluate.generative_peers import CornacPeer
from genrec.evaluate.transition_graph import TransitionGraph
from genrec.model.sequence.training import train_sequence_model
from genrec.runtime import pick_device
from genrec.schema import Catalog, FloatArray, IntArray, Interactions

Sparse: TypeAlias = Any  # scipy's sparse matrices carry no types


class Popularity(Peer):
    """The items with most training events, the same for everyone but for what they have seen."""

    def fit(self, data: TrainingData) -> Self:
        self._popularity_N = popularity_of(data.train, data.catalog).astype(np.float64)
        return self

    def scores(self, histories: Sequence[IntArray]) -> Scores:
        return np.tile(self._popularity_N, (len(histories), 1))


class ItemKNN(Peer):
    """Item-based nearest neighbors (Deshpande and Karypis 2004): cosine over users, summed over the history.

    The neighborhood comes from `implicit`; its size is chosen on the validation cases by ndcg@10. Items that no
    neighbor speaks for follow by popularity, so a list is always full. similarity: once fitted, sparse (N, N), of each
    item to its neighbors.
    """

    def __init__(self, neighborhood_sizes: Sequence[int] = (20, 50, 100, 200, 500)) -> None:
        self.neighborhood_sizes = tuple(neighborhood_sizes)

    def fit(self, data: TrainingData) -> Self:
        popularity_N = popularity_of(data.train, data.catalog)
        # Too small to overrule a similarity: it orders equal scores and the items that no neighbor speaks for.
        self._tie_break_N = 1e-9 * popularity_N / max(1, int(popularity_N.max()))
        weights = _user_item_cosines(data.train, data.catalog)
        best = -1.0
        for size in sorted({min(size, len(data.catalog)) for size in self.neighborhood_sizes}):
            similarity = _nearest_neighbors(weights, size)
            quality = validation_ndcg(partial(_neighbor_scores, similarity, self._tie_break_N), data)
            if quality > best:
                best, self.neighborhood_size, self.similarity = quality, size, similarity
        return self

    def scores(self, histories: Sequence[IntArray]) -> Scores:
        return _neighbor_scores(self.similarity, self._tie_break_N, histories)


def _user_item_cosines(train: Interactions, catalog: Catalog) -> Sparse:
    """A sparse (users, N) matrix of ones whose columns are scaled to unit length."""
    import scipy.sparse as sp

    counts = _user_item_counts(train, catalog)
    lengths_N = np.sqrt(np.asarray(counts.sum(axis=0)).ravel())
    return (counts @ sp.diags(1.0 / np.maximum(lengths_N, 1.0))).tocsr()


def _user_item_counts(train: Interactions, catalog: Catalog) -> Sparse:
    """A sparse (users, N) matrix with a one for everything a user has touched."""
    import scipy.sparse as sp

    bounds = train.user_bounds()
    rows = np.repeat(np.arange(len(bounds)), [end - start for start, end in bounds.values()])
    columns = catalog.rows(train.item_ids)
    counts = sp.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(bounds), len(catalog)))
    counts.data[:] = 1.0  # a repeated event says no more than the first
    return counts


def _nearest_neighbors(weights: Sparse, size: int) -> Sparse:
    """A sparse (N, N) matrix of each item's `size` most similar items, itself left out."""
    import scipy.sparse as sp
    from implicit.nearest_neighbours import ItemItemRecommender
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    # implicit runs its own threads; BLAS threads beneath them would fight for the same cores.
    with threadpool_limits(limits=1, user_api="blas"):
        model = ItemItemRecommender(K=size + 1)  # + 1: every item is its own nearest neighbor
        model.fit(weights, show_progress=False)
    similarity = sp.csr_matrix(model.similarity).astype(np.float64)
    similarity.setdiag(0.0)
    similarity.eliminate_zeros()
    return similarity


def _neighbor_scores(similarity: Sparse, tie_break_N: Scores, histories: Sequence[IntArray]) -> Scores:
    import scipy.sparse as sp

    rows = np.repeat(np.arange(len(histories)), [len(history) for history in histories])
    columns = np.concatenate([*histories, np.zeros(0, dtype=np.int64)])
    shape = (len(histories), len(tie_break_N))
    seen = sp.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)
    return np.asarray((seen @ similarity).todense()) + tie_break_N


class ContentKNN(Peer):
    """The items nearest to the last few of the history by fused vectors; serves items that nobody has touched.

    The mean of the last `num_last` vectors is compared by cosine; the number is chosen on the validation cases.
    """

    def __init__(self, num_last_choices: Sequence[int] = (1, 3, 10)) -> None:
        self.num_last_choices = tuple(num_last_choices)

    def fit(self, data: TrainingData) -> Self:
        vectors, num_items = data.vectors, len(data.catalog)
        if vectors is None or len(vectors) != num_items:
            found = "none" if vectors is None else f"{len(vectors)} rows"
            raise InputError(
                f"peer 'content-knn' wants the fused item vectors of {num_items} items, found {found}; "
                "build the workspace, or leave this peer out"
            )
        self._vectors_ND = vectors
        best = -1.0
        for num_last in self.num_last_choices:
            quality = validation_ndcg(partial(_content_scores, vectors, num_last), data)
            if quality > best:
                best, self.num_last = quality, num_last
        return self

    def scores(self, histories: Sequence[IntArray]) -> Scores:
        return _content_scores(self._vectors_ND, self.num_last, histories)


def _content_scores(vectors_ND: FloatArray, num_last: int, histories: Sequence[IntArray]) -> Scores:
    no_taste_D = np.zeros(vectors_ND.shape[1], dtype=np.float32)
    tastes = [vectors_ND[rows[-num_last:]].mean(axis=0) if len(rows) else no_taste_D for rows in histories]
    return products(np.stack(tastes), vectors_ND)


class EASE(Peer):
    """Embarrassingly shallow autoencoder (Steck 2019, arXiv 1905.03375): one closed-form item-item matrix.

    The strength of its regularization is chosen on the validation cases by ndcg@10.
    """

    def __init__(self, strengths: Sequence[float] = (30.0, 100.0, 300.0, 1000.0)) -> None:
        self.strengths = tuple(strengths)

    def fit(self, data: TrainingData) -> Self:
        num_items = len(data.catalog)
        if num_items > _MAX_DENSE_ITEMS:
            raise InputError(
                f"peer 'ease' inverts a matrix of {num_items} x {num_items} items, wanted at most "
                f"{_MAX_DENSE_ITEMS} items; leave this peer out"
            )
        seen = _user_item_counts(data.train, data.catalog)
        gram_NN = np.asarray((seen.T @ seen).todense(), dtype=np.float32)
        best = -1.0
        for strength in self.strengths:
            weights_NN = _ease_weights(gram_NN, strength)
            quality = validation_ndcg(partial(_linear_scores, weights_NN), data)
            if quality > best:
                best, self.strength, self._weights_NN = quality, strength, weights_NN
        return self

    def scores(self, histories: Sequence[IntArray]) -> Scores:
        return _linear_scores(self._weights_NN, histories)


_MAX_DENSE_ITEMS = 20_000


def _ease_weights(gram_NN: FloatArray, strength: float) -> FloatArray:
    from scipy.linalg import inv

    inverse_NN = inv(gram_NN + strength * np.eye(len(gram_NN), dtype=np.float32), overwrite_a=True, check_finite=False)
    weights_NN: FloatArray = inverse_NN / -np.diag(inverse_NN)
    np.fill_diagonal(weights_NN, 0.0)
    return weights_NN


def _linear_scores(weights_NN: FloatArray, histories: Sequence[IntArray]) -> Scores:
    shape = len(weights_NN)
    return np.stack([weights_NN[np.unique(rows)].sum(axis=0) if len(rows) else np.zeros(shape) for rows in histories])


def of_papers(config: SequenceConfig) -> SequenceConfig:
    """Settings of sequence peers: ours in width, dropout, length of history and epochs, else those of the papers."""
    papers = SequenceConfig(kind="sasrec", positions="absolute", use_content=False, repeats="expected")
    own = ("kind", "positions", "use_content", "repeats", "content_alone_share", "num_models")
    return replace(config, **{name: getattr(papers, name) for name in own})


class SequencePeer(Peer):
    """SASRec or BSARec on items alone, trained with full cross-entropy; the epoch is chosen on the validation cases.

    The same code that stands beside our language model, without content, with the papers' absolute positions and with
    items of the history among what is expected: our own reference, since these are to beat. config: ours, so width,
    dropout and length of history are the same. work: a folder to resume its training from after a kill.
    """

    def __init__(self, kind: Literal["sasrec", "bsarec"], config: SequenceConfig, work: Path | None = None) -> None:
        self._work = work
        self.config = replace(of_papers(config), kind=kind)

    def fit(self, data: TrainingData) -> Self:
        self._model, self.report = train_sequence_model(
            [data.catalog.rows(history) for history in data.train.histories().values()],
            len(data.catalog),
            [(data.catalog.rows(case.history), data.catalog.row(case.target)) for case in data.validation],
            self.config,
            device=pick_device(),
            seed=_SEED,
            work=self._work,
            label=f"train peer {self.config.kind}, epochs",
        )
        return self

    def scores(self, histories: Sequence[IntArray]) -> Scores:
        return self._model.log_probabilities(histories).astype(np.float64)


_SEED = 7

PeerMakers: TypeAlias = Mapping[str, Callable[[SequenceConfig, Path | None], Peer]]  # settings, folder for checkpoints

PEERS: PeerMakers = {
    "popularity": lambda *_: Popularity(),
    "itemknn": lambda *_: ItemKNN(),
    "content-knn": lambda *_: ContentKNN(),
    "ease": lambda *_: EASE(),
    "tgh": lambda *_: TransitionGraph(),
    "mf": lambda config, _: MF(config.num_features),
    "bpr": lambda config, _: BPR(config.num_features),
    "vbpr": lambda config, _: VBPR(config.num_features),
    "lightgcn": lambda config, _: LightGCN(config.num_features),
    "sasrec": partial(SequencePeer, "sasrec"),
    "bsarec": partial(SequencePeer, "bsarec"),
    "tiger": lambda *_: CornacPeer("tiger"),
    "letter": lambda *_: CornacPeer("letter"),
    "rpg": lambda *_: CornacPeer("rpg"),
}


READ_VECTORS = frozenset({"content-knn", "tiger", "letter", "rpg"})  # the fused vectors of items
READ_CONTENT = frozenset({"tgh", "vbpr"})  # the vectors of their modalities; all others read events alone


def check_peers(names: Sequence[str], known_peers: PeerMakers = PEERS) -> None:
    """Raise InputError when a name is no peer."""
    for name in names:
        if name not in known_peers:
            raise InputError(f"peer {name!r} is unknown; choose among {', '.join(known_peers)}")


def fit_peer(
    name: str,
    data: TrainingData,
    *,
    sequence: SequenceConfig | None = None,
    work: Path | None = None,
    known_peers: PeerMakers = PEERS,
) -> Peer:
    """Make and fit a peer by name.

    sequence: settings that SASRec and BSARec share with ours; work: where those two resume after a kill.

    Raises InputError when there is no such peer.
    """
    check_peers((name,), known_peers)
    return known_peers[name](sequence or SequenceConfig(), work).fit(data)
