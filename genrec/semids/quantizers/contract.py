"""The contract of quantizers: each learns codebooks from vectors, turns vectors into code paths and back, is stored.

Knows how its input is checked and what is stored of it; knows nothing of how codes are learned.

Axis legend: N items, D features, L levels, K codes.
"""

import logging
from abc import abstractmethod
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from genrec.config import TokenizeConfig
from genrec.errors import ConfigError, InputError, ShapeError
from genrec.fitted import Fitted, Record
from genrec.schema import FloatArray
from genrec.settings import restored, stored

log = logging.getLogger(__name__)
CodeArray = npt.NDArray[np.int32]
Graph: TypeAlias = Any  # scipy's sparse matrices carry no types: (N, N), how often two items were chosen together


class Quantizer(Fitted):
    """Code paths, coarse to fine, for vectors.

    Fitting depends on the set of vectors and the seed alone, not on the order of the rows.
    Raises ConfigError when a level or code count is not positive.
    """

    role: ClassVar[str] = "quantizer"

    def __init__(self, config: TokenizeConfig) -> None:
        if config.num_levels < 1 or config.num_codes < 1:
            raise ConfigError(
                f"tokenize.num_levels = {config.num_levels} and tokenize.num_codes = {config.num_codes}; "
                "both must be 1 or more"
            )
        self.config = config

    @abstractmethod
    def fit(self, vectors_ND: FloatArray, seed: int, graph: Graph | None = None) -> Self:
        """Learn the codebooks from float32 (N, D); returns itself. Raises ShapeError.

        graph: which items were chosen together, from training events alone; most quantizers do without.
        """

    @abstractmethod
    def encode(self, vectors_ND: FloatArray) -> CodeArray:
        """The code path of each vector, int32 (N, L), each in [0, level size). Raises ShapeError."""

    @abstractmethod
    def decode(self, codes_NL: npt.NDArray[np.integer]) -> FloatArray:
        """The vector that each code path stands for, float32 (N, D). Raises ShapeError."""

    @property
    @abstractmethod
    def level_sizes(self) -> tuple[int, ...]:
        """The number of codes of each level; fewer than asked for when there were fewer distinct vectors."""

    @property
    @abstractmethod
    def num_features(self) -> int:
        """D, the width of the vectors it was fitted on."""

    @property
    def fingerprint(self) -> str:
        """16 hex digits over the kind of quantizer and everything it learned."""
        return self.fingerprint_of()

    def record(self) -> Record:
        return stored(self.config) | {"quantizer": self.name}

    @classmethod
    def from_record(cls, record: Record) -> Self:
        return cls(restored(TokenizeConfig, record))

    def check_vectors(self, vectors_ND: FloatArray, num_features: int | None = None) -> FloatArray:
        """Vectors as contiguous float32. Raises ShapeError on another width, InputError on values not finite."""
        vectors = np.ascontiguousarray(vectors_ND, dtype=np.float32)
        if vectors.ndim != 2 or (num_features is not None and vectors.shape[1] != num_features):
            wanted = "(N, D)" if num_features is None else f"(N, {num_features})"
            raise ShapeError(f"vectors have shape {vectors.shape}, quantizer {self.name!r} wants {wanted}; fuse again")
        if not np.isfinite(vectors).all():
            raise InputError(f"{int((~np.isfinite(vectors)).any(axis=1).sum())} vectors hold nan or inf; encode again")
        return vectors

    def check_training_vectors(self, vectors_ND: FloatArray) -> FloatArray:
        """Vectors as from check_vectors, one at least. Raises InputError on none."""
        vectors = self.check_vectors(vectors_ND)
        if not len(vectors):
            raise InputError("there are no vectors to quantize; wanted one per item at least")
        return vectors

    def check_codes(self, codes_NL: npt.NDArray[np.integer]) -> CodeArray:
        """Codes as int32 (N, L). Raises ShapeError on another depth or a code out of range."""
        codes = np.asarray(codes_NL, dtype=np.int32)
        sizes = self.level_sizes
        if codes.ndim != 2 or codes.shape[1] != len(sizes) or (codes < 0).any() or (codes >= np.array(sizes)).any():
            raise ShapeError(
                f"codes of shape {codes.shape} do not fit levels of {sizes} codes; leave the tie code out and use the "
                "quantizer that made them"
            )
        return codes
