"""The contract of fusers: each joins the modalities of an item into one unit vector, also for items that lack some.

Knows how a fuser is checked and what is stored of it; knows nothing of how modalities are joined.

Axis legend: N items, D features of a modality, F features of the fused vector.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from genrec.config import FuseConfig
from genrec.errors import ConfigError, InputError, ShapeError
from genrec.fitted import Fitted, Record
from genrec.schema import Embeddings, FloatArray
from genrec.settings import restored, stored


class Fuser(Fitted):
    """Fused unit vectors from any subset of the modalities it was fitted on. Fitting is deterministic."""

    role: ClassVar[str] = "fuser"

    def __init__(self, config: FuseConfig) -> None:
        if config.num_features < 1:
            raise ConfigError(f"fuse.num_features = {config.num_features}; wanted 1 or more")
        self.config = config
        self.widths: dict[str, int] = {}

    @property
    def modalities(self) -> tuple[str, ...]:
        """The names of the modalities it was fitted on, sorted; empty before fitting."""
        return tuple(sorted(self.widths))

    def fit(self, embeddings: Mapping[str, Embeddings]) -> Self:
        """Learn from aligned modalities; returns itself.

        A modality that no item has, or whose weight is zero, is left out.
        Raises InputError when nothing is left, ShapeError when modalities have different numbers of rows.
        """
        _check_aligned(embeddings)
        useful = {name: e for name, e in sorted(embeddings.items()) if e.present.any() and self.weight_of(name) > 0.0}
        if not useful:
            raise InputError(
                f"no modality to fuse among {sorted(embeddings) or 'none'}: each is empty or has weight 0; give items "
                "content, or events that several items share a person of, skip less, or raise a weight under fuse"
            )
        self.widths = {name: e.vectors.shape[1] for name, e in useful.items()}
        self._fit(useful)
        return self

    def transform(self, embeddings: Mapping[str, Embeddings]) -> FloatArray:
        """Fused vectors, float32 (N, F), unit rows; an item without any fitted modality gets a zero row.

        Modalities that were not fitted are ignored; fitted ones that are not given count as absent.
        Raises ShapeError on another width, InputError before fitting or when no fitted modality is given.
        """
        if not self.widths:
            raise InputError(f"the {self.name} fuser is not fitted yet; call fit, or load a fitted one")
        _check_aligned(embeddings)
        known = {name: embeddings[name] for name in self.modalities if name in embeddings}
        if not known:
            raise InputError(f"found modalities {sorted(embeddings)}, wanted some of {', '.join(self.modalities)}")
        for name, e in known.items():
            if e.vectors.shape[1] != self.widths[name]:
                raise ShapeError(
                    f"modality {name!r} has {e.vectors.shape[1]} features, the fuser was fitted on "
                    f"{self.widths[name]}; use the same encoder, or build again"
                )
        return unit_rows(self._transform(known))

    def weight_of(self, name: str) -> float:
        """The configured weight of a modality. sentence counts as text; unknown names are given ones."""
        weights = {
            "image": self.config.image_weight,
            "text": self.config.text_weight,
            "sentence": self.config.text_weight,
            "audio": self.config.audio_weight,
            "attributes": self.config.attributes_weight,
            "collaborative": self.config.collaborative_weight,
        }
        return weights.get(name, self.config.given_weight)

    @abstractmethod
    def _fit(self, embeddings: Mapping[str, Embeddings]) -> None: ...

    @abstractmethod
    def _transform(self, embeddings: Mapping[str, Embeddings]) -> FloatArray: ...

    @property
    def fingerprint(self) -> str:
        """16 hex digits over the kind of fuser, its weights and everything it learned."""
        return self.fingerprint_of(stored(self.config), self.widths)

    def record(self) -> Record:
        return {"config": dict(sorted(stored(self.config).items())), "fuser": self.name, "widths": self.widths}

    @classmethod
    def from_record(cls, record: Record) -> Self:
        fuser = cls(restored(FuseConfig, record["config"]))
        fuser.widths = {name: int(width) for name, width in record["widths"].items()}
        return fuser


def unit_rows(vectors: npt.NDArray[np.floating]) -> FloatArray:
    """Rows of length one, float32; rows of zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-12).astype(np.float32)


def _check_aligned(embeddings: Mapping[str, Embeddings]) -> None:
    rows = {name: len(e.vectors) for name, e in embeddings.items()}
    if len(set(rows.values())) > 1:
        raise ShapeError(f"modalities have different numbers of rows {rows}; wanted one row per item in each")
