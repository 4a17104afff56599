"""Peers that learn a vector for each person and each item and rank by their product: MF, BPR, VBPR, LightGCN.

They read who chose what, not in which order, and rank for the person, by what training knows of them: a history is not
looked at. People without a training event get the mean of all people's vectors, and the log counts them. All are as
wide as the sequence models beside them. How long to learn is chosen on validation cases by ndcg@10.

- `mf` is weighted matrix factorization of implicit feedback (Hu et al. 2008) of `implicit`, for Cornac's MF predicts
  ratings and learns of events alone that all are 1.
- `bpr` (Rendle et al. 2009) and `vbpr` (He and McAuley, AAAI 2016) are Cornac's, which comes with the extra `peers`.
  VBPR reads the vectors of all modalities, side by side, half of its width for them.
- `lightgcn` (He et al., SIGIR 2020) is written here, since Cornac's wants DGL, whose packages load beside no present
  torch: three layers and L2 of 1e-4 as in the paper; larger batches and steps than there, so that a core suffices.

Axis legend: B cases, U people, N items, F factors, E events.
"""

import contextlib
import logging
import sys
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any, Self, TypeAlias

import numpy as np
import torch

from genrec.data.splits import EvaluationCase
from genrec.errors import InputError
from genrec.evaluate.contract import Peer, Scores, TrainingData, joined_content, products, validation_ndcg_for
from genrec.evaluate.generative_peers import cornac_model
from genrec.runtime import progress
from genrec.schema import FloatArray, IntArray

log = logging.getLogger(__name__)

Sparse: TypeAlias = Any  # scipy's sparse matrices carry no types

_SEED = 7
_NUM_JUDGED = 2000  # validation cases after each round of learning
_PATIENCE = 2  # rounds without a gain


@dataclass(frozen=True, slots=True)
class Factors:
    """people_UF · items_NF + biases_N are the scores."""

    people_UF: FloatArray
    items_NF: FloatArray
    biases_N: FloatArray


@dataclass(frozen=True, slots=True)
class Chosen:
    """Who chose what: distinct pairs of a person and a catalog row, int64 (E,) each; content_ND: the items' vectors."""

    people_E: IntArray
    items_E: IntArray
    num_people: int
    num_items: int
    content_ND: FloatArray | None

    def matrix(self) -> Sparse:
        """Ones, sparse (U, N)."""
        import scipy.sparse as sp

        ones = np.ones(len(self.people_E), np.float32)
        return sp.csr_matrix((ones, (self.people_E, self.items_E)), shape=(self.num_people, self.num_items))


class FactorPeer(Peer):
    """The common half: settings and rounds are chosen by validation, and people are looked up by their ids.

    width: F. factors, num_rounds: once fitted, the best of what was learned, and after how many rounds that was.
    """

    name: str
    max_rounds: int
    factors: Factors
    num_rounds: int

    def __init__(self, width: int) -> None:
        self.width = width

    @abstractmethod
    def learnings(self, chosen: Chosen) -> Iterator[Iterator[Factors]]:
        """For each setting, what has been learned after each round."""

    def fit(self, data: TrainingData) -> Self:
        bounds = data.train.user_bounds()
        self._person_of = {user: number for number, user in enumerate(bounds)}
        people_E = np.repeat(np.arange(len(bounds)), [end - start for start, end in bounds.values()])
        pairs = np.unique(np.stack([people_E, data.catalog.rows(data.train.item_ids)]), axis=1)
        content_ND = joined_content(data.content) if data.content else None
        chosen = Chosen(pairs[0], pairs[1], len(bounds), len(data.catalog), content_ND)
        judged = replace(data, validation=_some(data.validation, _NUM_JUDGED))
        best = -1.0
        for learning in self.learnings(chosen):
            best_here, since = -1.0, 0
            for number, factors in enumerate(islice(learning, self.max_rounds), start=1):
                # Without cases to judge by, what has learned longest is kept.
                quality = validation_ndcg_for(partial(self._scores, factors), judged) if judged.validation else number
                log.info("peer %s, round %d: ndcg@10 %.4f on validation", self.name, number, quality)
                if quality > best:
                    best, self.num_rounds, self.factors = quality, number, factors
                best_here, since = (quality, 0) if quality > best_here else (best_here, since + 1)
                if since >= _PATIENCE:
                    break
        return self

    def scores(self, histories: Sequence[IntArray]) -> Scores:
        """Those for people of whom training knows nothing."""
        return self._scores(self.factors, [""] * len(histories), histories)

    def scores_for(self, users: Sequence[str], histories: Sequence[IntArray]) -> Scores:
        unknown = sum(user not in self._person_of for user in users)
        if unknown:
            log.warning(
                "peer %s: %d of these %d cases are of people without a training event; it takes them for the average "
                "person",
                self.name,
                unknown,
                len(users),
            )
        return self._scores(self.factors, users, histories)

    def _scores(self, factors: Factors, users: Sequence[str], histories: Sequence[IntArray]) -> Scores:
        numbers = [self._person_of.get(user, -1) for user in users]
        with_mean_UF = np.concatenate([factors.people_UF, factors.people_UF.mean(axis=0, keepdims=True)])
        return products(with_mean_UF[numbers], factors.items_NF) + factors.biases_N


def _some(cases: Sequence[EvaluationCase], size: int) -> Sequence[EvaluationCase]:
    """So many of the cases, drawn by the seed."""
    if len(cases) <= size:
        return cases
    drawn = np.random.default_rng(_SEED).choice(len(cases), size=size, replace=False)
    return [cases[number] for number in np.sort(drawn)]


class MF(FactorPeer):
    """Weighted matrix factorization by alternating least squares; validation chooses what an event weighs."""

    name, max_rounds = "mf", 1
    weights = (1.0, 10.0, 40.0)

    def learnings(self, chosen: Chosen) -> Iterator[Iterator[Factors]]:
        return (self._learn(chosen, weight) for weight in self.weights)

    def _learn(self, chosen: Chosen, weight: float) -> Iterator[Factors]:
        from implicit.cpu.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        with threadpool_limits(limits=1, user_api="blas"):  # implicit runs its own threads
            model = AlternatingLeastSquares(factors=self.width, alpha=weight, random_state=_SEED)
            model.fit(chosen.matrix(), show_progress=False)
        yield Factors(model.user_factors, model.item_factors, np.zeros(chosen.num_items, np.float32))


class BPR(FactorPeer):
    """Cornac's BPR in rounds of ten epochs; validation chooses the step, for at Cornac's .001 it learns popularity."""

    name, max_rounds = "bpr", 20
    rates = (0.01, 0.05)

    def learnings(self, chosen: Chosen) -> Iterator[Iterator[Factors]]:
        return (self._learn(chosen, rate) for rate in self.rates)

    def _learn(self, chosen: Chosen, rate: float) -> Iterator[Factors]:
        model = cornac_model(self.name)(k=self.width, max_iter=_EPOCHS, learning_rate=rate, seed=_SEED)
        for _ in _fitted_again(model, _cornac_dataset(chosen)):
            yield Factors(model.u_factors.copy(), model.i_factors.copy(), model.i_biases.copy())


class VBPR(FactorPeer):
    """Cornac's VBPR at its own settings but for larger batches, in rounds of ten epochs, each with a fresh Adam."""

    name, max_rounds = "vbpr", 10

    def learnings(self, chosen: Chosen) -> Iterator[Iterator[Factors]]:
        if chosen.content_ND is None:
            raise InputError(
                "peer 'vbpr' wants vectors of the items' content, found none; "
                "build the workspace, or leave this peer out"
            )
        yield self._learn(chosen)

    def _learn(self, chosen: Chosen) -> Iterator[Factors]:
        half = max(1, self.width // 2)
        model = cornac_model(self.name)(k=half, k2=half, n_epochs=_EPOCHS, batch_size=1024, seed=_SEED, verbose=False)
        dataset = _cornac_dataset(chosen)
        for _ in _fitted_again(model, dataset):
            yield Factors(
                np.concatenate([model.gamma_user, model.theta_user], axis=1),
                np.concatenate([model.gamma_item, model.theta_item], axis=1),
                model.beta_item + model.visual_bias,
            )


_EPOCHS = 10  # of a round


def _cornac_dataset(chosen: Chosen) -> Any:
    """Cornac's data set, in which people and items stand under their numbers here."""
    from cornac.data import Dataset, ImageModality

    people, rows = (OrderedDict((n, n) for n in range(size)) for size in (chosen.num_people, chosen.num_items))
    events = [(person, row, 1.0) for person, row in zip(chosen.people_E.tolist(), chosen.items_E.tolist(), strict=True)]
    dataset = Dataset.build(events, global_uid_map=people, global_iid_map=rows, seed=_SEED)
    if chosen.content_ND is not None:
        dataset.item_image = ImageModality(features=chosen.content_ND)
    return dataset


def _fitted_again(model: Any, dataset: Any) -> Iterator[None]:
    """One of Cornac's models after each further fit, which goes on from what it has learned."""
    while True:
        model.is_fitted = False  # it warns of a second fit, which is wanted here
        with contextlib.redirect_stdout(sys.stderr):  # what it says on its way is no part of an answer
            model.fit(dataset)
        yield


class LightGCN(FactorPeer):
    """Vectors are the mean over three layers of neighbors' vectors, trained by BPR in rounds of ten epochs."""

    name, max_rounds = "lightgcn", 30
    num_layers, strength, rate, batch_size = 3, 1e-4, 0.005, 4096

    def learnings(self, chosen: Chosen) -> Iterator[Iterator[Factors]]:
        yield self._learn(chosen)

    def _learn(self, chosen: Chosen) -> Iterator[Factors]:
        rng = np.random.default_rng(_SEED)
        graph = _normalized_graph(chosen)
        start = torch.empty(chosen.num_people + chosen.num_items, self.width)
        vectors = torch.nn.init.xavier_uniform_(start, generator=torch.Generator().manual_seed(_SEED)).requires_grad_()
        optimizer = torch.optim.Adam([vectors], lr=self.rate)
        while True:
            for _ in progress(range(_EPOCHS), label="train peer lightgcn, epochs of a round"):
                order_E = rng.permutation(len(chosen.people_E))
                for begin in range(0, len(order_E), self.batch_size):
                    batch_E = order_E[begin : begin + self.batch_size]
                    loss = self._loss(vectors, graph, *_triples(chosen, batch_E, rng))
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
            with torch.no_grad():
                learned = self._propagate(vectors, graph).numpy()
            people_UF, items_NF = np.split(learned, [chosen.num_people])
            yield Factors(people_UF, items_NF, np.zeros(chosen.num_items, np.float32))

    def _propagate(self, vectors: torch.Tensor, graph: torch.Tensor) -> torch.Tensor:
        layers = [vectors]
        for _ in range(self.num_layers):
            layers.append(torch.sparse.mm(graph, layers[-1]))
        return torch.stack(layers).mean(dim=0)

    def _loss(
        self, vectors: torch.Tensor, graph: torch.Tensor, person: IntArray, liked: IntArray, other: IntArray
    ) -> torch.Tensor:
        nodes = [torch.from_numpy(rows) for rows in (person, liked, other)]
        propagated = self._propagate(vectors, graph)
        people, likes, others = (propagated[rows] for rows in nodes)
        size = sum(vectors[rows].square().sum() for rows in nodes) / (2 * len(person))
        return torch.nn.functional.softplus((people * (others - likes)).sum(dim=1)).mean() + self.strength * size


def _normalized_graph(chosen: Chosen) -> torch.Tensor:
    """Each edge over the root of both its nodes' degrees, sparse (U + N, U + N); items stand behind the people."""
    size = chosen.num_people + chosen.num_items
    items_E = chosen.items_E + chosen.num_people
    edges = np.stack([np.concatenate([chosen.people_E, items_E]), np.concatenate([items_E, chosen.people_E])])
    degrees = np.bincount(edges[0], minlength=size)
    weights = (degrees[edges[0]] * degrees[edges[1]]) ** -0.5
    return torch.sparse_coo_tensor(
        torch.from_numpy(edges), torch.from_numpy(weights.astype(np.float32)), (size, size), check_invariants=True
    ).coalesce()


def _triples(chosen: Chosen, batch_E: IntArray, rng: np.random.Generator) -> tuple[IntArray, IntArray, IntArray]:
    """Nodes of a person, an item they chose and, for each, one drawn at random that they did not, as far as it goes."""
    people, liked = chosen.people_E[batch_E], chosen.items_E[batch_E]
    other = rng.integers(chosen.num_items, size=len(batch_E))
    codes_E = chosen.people_E * chosen.num_items + chosen.items_E  # ascending, as the pairs are
    for _ in range(_REDRAWS):
        wanted = people * chosen.num_items + other
        places = np.minimum(np.searchsorted(codes_E, wanted), len(codes_E) - 1)
        was_chosen = np.flatnonzero(codes_E[places] == wanted)
        other[was_chosen] = rng.integers(chosen.num_items, size=len(was_chosen))
    return people, liked + chosen.num_people, other + chosen.num_people


_REDRAWS = 5
