"""CEASE: a linear item-item model in closed form over who chose what and what items are like, at once.

Jeunen, Van Balen and Goethals, "Closed-Form Models for Collaborative Filtering with Side-Information", RecSys 2020,
after EASE (Steck 2019, arXiv 1905.03375). Features of content count as people who chose whatever has them. Where order
counts, the next item is regressed on the latest ones before it, each step back counting less, after SLIST (Choi et al.,
"Session-aware Linear Item-Item Models for Session-based Recommendation", WWW 2021); else histories are read as sets.
Ours: the features are whitened axes of all modalities, how much they count, the ridge and the decay are chosen on
validation, no item speaks for itself in either reading, and a new item gets its weights from the same formula by its
content. Nothing is trained by steps, so there is nothing to resume.

Axis legend: B histories, N items, M new items, P axes of all modalities, F features of an item, E events one after the
other.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse

from genrec.config import FuseConfig
from genrec.data.arrays import unit_rows
from genrec.encode.collaborative import NAME as COLLABORATIVE
from genrec.errors import InputError
from genrec.fitted import Arrays, Record
from genrec.fusion.contract import Fuser
from genrec.fusion.events import Events
from genrec.fusion.graphs import Matrix, choices
from genrec.fusion.judging import Case, ndcg, sample, target_ranks
from genrec.fusion.whitened import WhitenedConcat
from genrec.runtime import ProgressMeter
from genrec.schema import Embeddings, FloatArray, IntArray

MAX_ITEMS = 15_000  # of whose matrices, 1.8 GB each, six stand at once
RIDGES = (10.0, 30.0, 100.0, 300.0, 1000.0)
DECAYS = (0.5, 0.65, 0.8, 0.9, 0.95)  # of an event's weight, by each that came after it
CONTENT_COUNTS = (0.0, 3.0, 10.0, 50.0, 200.0)  # so many people is each feature worth
_WINDOW = 30  # latest events that are read where order counts
_EVENTS_AT_ONCE = 60_000
_MAX_JUDGED = 3000  # validation cases

Wide = npt.NDArray[np.float64]


class CEASE(Fuser):
    """An item's score is the sum of its weights after what was chosen.

    settings: the ridge, what content counts, and the decay, 0 where histories are read as sets.
    """

    name: ClassVar[str] = "cease"
    learned: ClassVar[bool] = True
    parts: ClassVar[tuple[str, ...]] = ("content",)

    def __init__(self, config: FuseConfig) -> None:
        super().__init__(config)
        self._whitened = WhitenedConcat(replace(config, fuser=WhitenedConcat.name, without=()))
        self._weights_NN: FloatArray = np.zeros((0, 0), np.float32)
        self._axes_PF: FloatArray = np.zeros((0, 0), np.float32)  # from content to an item's vector
        self.settings = (0.0, 0.0, 0.0)

    def _learn(self, embeddings: Mapping[str, Embeddings], events: Events, *, seed: int, work: Path | None) -> None:
        content = {name: e for name, e in embeddings.items() if name != COLLABORATIVE}
        num_items = len(events.catalog)
        if not content:
            raise InputError(f"the fuser {self.name} wants content of the items, found events alone; skip less")
        if num_items > MAX_ITEMS:
            raise InputError(
                f"the fuser {self.name} inverts a matrix of {num_items:,} x {num_items:,} items, wanted at most "
                f"{MAX_ITEMS:,}; set fuse.fuser to another"
            )
        self.widths = {name: width for name, width in self.widths.items() if name in content}
        features_NP = self._whitened.fit(content).item_vectors()
        alike_NN = (features_NP @ features_NP.T).astype(np.float64)
        judged = sample(events.validation, _MAX_JUDGED, seed)
        self.settings, counted = self._choose(alike_NN, events, judged)
        ridge, count, _ = self.settings
        self._weights_NN = counted.weights(alike_NN, ridge, count)
        self._place(counted.known_NN + count * alike_NN, features_NP, events)

    def _choose(
        self, alike_NN: Wide, events: Events, judged: Sequence[Case]
    ) -> tuple[tuple[float, float, float], "_Counted"]:
        """The decay, the ridge and what content counts with the best ndcg@10 on validation, one after the other.

        The ridge and the content are chosen twice.
        """
        counts = CONTENT_COUNTS if self.has("content") else (0.0,)
        decays = DECAYS if events.has_order else (0.0,)
        tried: dict[tuple[float, float, float], float] = {}
        meter = ProgressMeter(label=f"fit {self.name}, settings", total=len(decays) + len(RIDGES) + len(counts))

        def quality(ridge: float, count: float, decay: float, counted: _Counted) -> float:
            setting = (ridge, count, decay)
            if setting not in tried:
                weights_NN = counted.weights(alike_NN, ridge, count)
                ranks = target_ranks(lambda histories: _sums(weights_NN, histories, decay), judged)
                tried[setting] = ndcg(ranks)
                meter.advance()
            return tried[setting]

        ridge, count = 100.0, counts[min(2, len(counts) - 1)]
        best, decay, counted = -1.0, 0.0, _Counted.none()
        for one in decays:
            now = _Counted.of(events, one)
            if (found := quality(ridge, count, one, now)) > best:
                best, decay, counted = found, one, now
        for _ in range(2):
            ridge = max(RIDGES, key=lambda r: quality(r, count, decay, counted))
            count = max(counts, key=lambda c: quality(ridge, c, decay, counted))
        meter.close()
        return (ridge, count, decay), counted

    def _place(self, gram_NN: Wide, features_NP: FloatArray, events: Events) -> None:
        """Item vectors: the main axes of choices and content together, and how content alone leads there."""
        width = min(self.config.width, len(gram_NN))
        generator = np.random.default_rng(0)
        start_NF = generator.normal(size=(len(gram_NN), width))
        for _ in range(8):  # subspace iteration: the matrix is symmetric and positive
            start_NF, _ = np.linalg.qr(gram_NN @ start_NF)
        values_F, turns_FF = np.linalg.eigh(start_NF.T @ gram_NN @ start_NF)
        vectors_NF = start_NF @ turns_FF * np.sqrt(np.maximum(values_F, 0.0))
        known = np.flatnonzero(events.is_known_N & features_NP.any(axis=1))
        ridge_PP = features_NP[known].T @ features_NP[known] + np.eye(features_NP.shape[1])
        self._axes_PF = np.linalg.solve(ridge_PP, features_NP[known].T @ vectors_NF[known]).astype(np.float32)
        padded_NF = np.zeros((len(gram_NN), self.config.width), np.float32)
        padded_NF[:, :width] = vectors_NF
        self._axes_PF = np.pad(self._axes_PF, ((0, 0), (0, self.config.width - width)))
        self.remember(unit_rows(padded_NF))

    def _transform(self, embeddings: Mapping[str, Embeddings]) -> FloatArray:
        return self._whitened.transform(embeddings) @ self._axes_PF

    def scores(self, histories: Sequence[IntArray]) -> FloatArray:
        if self._items_NF is None:
            raise self._unfitted()
        return _sums(self._weights_NN, histories, self.settings[2])

    def arrays(self) -> Arrays:
        learned = {f"content.{name}": array for name, array in self._whitened.arrays().items()}
        items_NF = np.zeros((0, 0), np.float32) if self._items_NF is None else self._items_NF
        return learned | {"weights": self._weights_NN, "axes": self._axes_PF, "items": items_NF}

    def restore(self, arrays: Arrays) -> None:
        self._whitened.widths = dict(self.widths)
        self._whitened.restore({k.removeprefix("content."): v for k, v in arrays.items() if k.startswith("content.")})
        self._weights_NN = np.asarray(arrays["weights"], np.float32)
        self._axes_PF = np.asarray(arrays["axes"], np.float32)
        self.remember(np.asarray(arrays["items"], np.float32))

    def record(self) -> Record:
        return super().record() | {"settings": list(self.settings)}

    @classmethod
    def from_record(cls, record: Record) -> Self:
        fuser = super().from_record(record)
        ridge, count, decay = record["settings"]
        fuser.settings = float(ridge), float(count), float(decay)
        return fuser


@dataclass(frozen=True, slots=True)
class _Counted:
    """What was counted of events: of what is known with what is known, and with what is to be told, float64 (N, N)."""

    known_NN: Wide
    told_NN: Wide

    @classmethod
    def none(cls) -> Self:
        return cls(np.zeros((0, 0)), np.zeros((0, 0)))

    @classmethod
    def of(cls, events: Events, decay: float) -> Self:
        """Sets that tell themselves where the decay is 0, else the latest events that tell the next."""
        num_items = len(events.catalog)
        if not decay:
            chosen = choices(events.histories, num_items)
            together_NN = np.asarray((chosen.T @ chosen).todense(), np.float64)
            return cls(together_NN, together_NN)
        known_NN, told_NN = np.zeros((num_items, num_items)), np.zeros((num_items, num_items))
        for some in _in_blocks(events.histories):
            latest_EN, next_EN = _steps(some, num_items, decay)
            known_NN += (latest_EN.T @ latest_EN).toarray()
            told_NN += (latest_EN.T @ next_EN).toarray()
        return cls(known_NN, told_NN)

    def weights(self, alike_NN: Wide, ridge: float, count: float) -> FloatArray:
        """Each item's column of weights, whose own is 0, that tells best who chose it and what it is like, (N, N)."""
        gram = torch.from_numpy(self.known_NN + count * alike_NN + ridge * np.eye(len(alike_NN)))
        inverse_NN = torch.cholesky_inverse(torch.linalg.cholesky(gram))
        own_N = inverse_NN.diagonal()
        if self.told_NN is self.known_NN:
            weights_NN = -inverse_NN / own_N
        else:
            weights_NN = inverse_NN @ torch.from_numpy(self.told_NN + count * alike_NN)
            weights_NN -= inverse_NN * (weights_NN.diagonal() / own_N)
        found_NN: FloatArray = weights_NN.float().fill_diagonal_(0.0).numpy()
        return found_NN


def _in_blocks(histories: Sequence[IntArray]) -> Iterator[Sequence[IntArray]]:
    """So many people together as have about `_EVENTS_AT_ONCE` events."""
    bounds = np.cumsum([0, *map(len, histories)]) // _EVENTS_AT_ONCE
    starts = [0, *(np.flatnonzero(np.diff(bounds)) + 1).tolist(), len(histories)]
    for start, end in pairwise(starts):
        if end > start:
            yield histories[start:end]


def _steps(histories: Sequence[IntArray], num_items: int, decay: float) -> tuple[Matrix, Matrix]:
    """Of each event the latest before it, the nearest as 1, and itself, both sparse (E, N); first events have none."""
    rows_E = np.concatenate(histories)
    place_E = np.concatenate([np.arange(len(history)) for history in histories])
    entries = [np.flatnonzero(place_E >= step) for step in range(1, _WINDOW + 1)]
    weights = np.concatenate([np.full(len(found), decay**back) for back, found in enumerate(entries)])
    columns = np.concatenate([rows_E[found - step] for step, found in enumerate(entries, start=1)])
    shape = (len(rows_E), num_items)
    latest_EN = sparse.csr_matrix((weights, (np.concatenate(entries), columns)), shape=shape)
    told = entries[0]
    return latest_EN, sparse.csr_matrix((np.ones(len(told)), (told, rows_E[told])), shape=shape)


def _sums(weights_NN: FloatArray, histories: Sequence[IntArray], decay: float) -> FloatArray:
    """The weights after what was chosen, once each, or, where there is a decay, after the latest, float32 (B, N)."""
    read = [history[-_WINDOW:] if decay else np.unique(history) for history in histories]
    weights = np.concatenate([(decay or 1.0) ** np.arange(len(rows))[::-1] for rows in read])
    bounds = np.cumsum([0, *map(len, read)])
    known_BN = sparse.csr_matrix(
        (weights.astype(np.float32), np.concatenate(read), bounds), shape=(len(read), len(weights_NN))
    )
    scores_BN: FloatArray = known_BN @ weights_NN
    return scores_BN
