"""CEASE: a linear item-item model in closed form over who chose what and what items are like, at once.

Jeunen, Van Balen and Goethals, "Closed-Form Models for Collaborative Filtering with Side-Information", RecSys 2020,
after EASE (Steck 2019, arXiv 1905.03375). Features of content count as people who chose whatever has them. Ours: the
features are whitened axes of all modalities, how much they count and the ridge are chosen on validation, and a new item
gets its weights from the same formula by its content. Histories are read as sets. Nothing is trained by steps, so there
is nothing to resume.

Axis legend: B histories, N items, M new items, P axes of all modalities, F features of an item.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import torch

from genrec.config import FuseConfig
from genrec.data.arrays import unit_rows
from genrec.encode.collaborative import NAME as COLLABORATIVE
from genrec.errors import InputError
from genrec.fitted import Arrays, Record
from genrec.fusion.contract import Fuser
from genrec.fusion.events import Events
from genrec.fusion.graphs import choices
from genrec.fusion.judging import ndcg, target_ranks
from genrec.fusion.whitened import WhitenedConcat
from genrec.runtime import ProgressMeter
from genrec.schema import Embeddings, FloatArray, IntArray

MAX_ITEMS = 20_000  # whose matrix of weights is 1.6 GB
RIDGES = (10.0, 30.0, 100.0, 300.0, 1000.0)
CONTENT_COUNTS = (0.0, 3.0, 10.0, 50.0, 200.0)  # so many people is each feature worth

Wide = npt.NDArray[np.float64]


class CEASE(Fuser):
    """An item's score is the sum of its weights after what was chosen. settings: the ridge, and what content counts."""

    name: ClassVar[str] = "cease"
    learned: ClassVar[bool] = True
    parts: ClassVar[tuple[str, ...]] = ("content",)

    def __init__(self, config: FuseConfig) -> None:
        super().__init__(config)
        self._whitened = WhitenedConcat(replace(config, fuser=WhitenedConcat.name, without=()))
        self._weights_NN: FloatArray = np.zeros((0, 0), np.float32)
        self._axes_PF: FloatArray = np.zeros((0, 0), np.float32)  # from content to an item's vector
        self.settings = (0.0, 0.0)

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
        chosen = choices(events.histories, num_items)
        together_NN = np.asarray((chosen.T @ chosen).todense(), np.float64)
        alike_NN = (features_NP @ features_NP.T).astype(np.float64)
        self.settings = self._choose(together_NN, alike_NN, events)
        self._weights_NN = _weights(together_NN, alike_NN, *self.settings)
        self._place(together_NN + self.settings[1] * alike_NN, features_NP, events)

    def _choose(self, together_NN: Wide, alike_NN: Wide, events: Events) -> tuple[float, float]:
        """The ridge and what content counts with the best ndcg@10 on validation, one after the other, twice."""
        counts = CONTENT_COUNTS if self.has("content") else (0.0,)
        tried: dict[tuple[float, float], float] = {}
        meter = ProgressMeter(label=f"fit {self.name}, settings", total=len(RIDGES) + 2 * len(counts))

        def quality(setting: tuple[float, float]) -> float:
            if setting not in tried:
                weights_NN = _weights(together_NN, alike_NN, *setting)
                tried[setting] = ndcg(target_ranks(lambda histories: _sums(weights_NN, histories), events.validation))
                meter.advance()
            return tried[setting]

        ridge, count = 100.0, counts[min(2, len(counts) - 1)]
        for _ in range(2):
            ridge = max(RIDGES, key=lambda r: quality((r, count)))
            count = max(counts, key=lambda c: quality((ridge, c)))
        meter.close()
        return ridge, count

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
        return _sums(self._weights_NN, histories)

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
        ridge, count = record["settings"]
        fuser.settings = float(ridge), float(count)
        return fuser


def _weights(together_NN: Wide, alike_NN: Wide, ridge: float, count: float) -> FloatArray:
    """Each item's column of weights, whose own is 0, that tells best who chose it and what it is like, (N, N)."""
    gram = torch.from_numpy(together_NN + count * alike_NN + ridge * np.eye(len(together_NN)))
    inverse_NN = torch.cholesky_inverse(torch.linalg.cholesky(gram)).numpy()
    weights_NN: FloatArray = (inverse_NN / -np.diag(inverse_NN)).astype(np.float32)
    np.fill_diagonal(weights_NN, 0.0)
    return weights_NN


def _sums(weights_NN: FloatArray, histories: Sequence[IntArray]) -> FloatArray:
    return np.stack([weights_NN[np.unique(history)].sum(axis=0) for history in histories])
