"""The contract of quantizers: each learns codebooks from vectors, turns vectors into code paths and back, is stored.

Knows how a fitted quantizer is named, fingerprinted and stored; knows nothing of how codes are learned.

Axis legend: N items, D features, L levels, K codes.
"""

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from genrec.artifacts import fingerprint, write_file, write_text
from genrec.config import TokenizeConfig
from genrec.errors import ArtifactError, ConfigError, InputError, ShapeError
from genrec.schema import FloatArray

log = logging.getLogger(__name__)
CodeArray = npt.NDArray[np.int32]
Graph: TypeAlias = Any  # scipy's sparse matrices carry no types: (N, N), how often two items were chosen together
Arrays = dict[str, npt.NDArray[np.generic]]

SETTINGS_FILE, ARRAYS_FILE = "quantizer.json", "quantizer.safetensors"


class Quantizer(ABC):
    """Code paths, coarse to fine, for vectors.

    Fitting depends on the set of vectors and the seed alone, not on the order of the rows.
    Raises ConfigError when a level or code count is not positive.
    """

    name: ClassVar[str]

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

    @abstractmethod
    def arrays(self) -> Arrays:
        """Everything that was learned, as named arrays."""

    @abstractmethod
    def restore(self, arrays: Arrays) -> None:
        """Take back what `arrays` gave."""

    @property
    def fingerprint(self) -> str:
        """16 hex digits over the kind of quantizer and everything it learned."""
        learned = [
            part
            for key, array in sorted(self.arrays().items())
            for part in (key, str(array.dtype), list(array.shape), np.ascontiguousarray(array).tobytes())
        ]
        return fingerprint("quantizer", self.name, *learned)

    def save(self, directory: Path) -> None:
        """Write quantizer.safetensors and quantizer.json."""
        directory.mkdir(parents=True, exist_ok=True)
        with write_file(directory / ARRAYS_FILE) as partial:
            save_file({key: np.ascontiguousarray(array) for key, array in self.arrays().items()}, partial)
        settings = {
            "quantizer": self.name,
            "num_levels": self.config.num_levels,
            "num_codes": self.config.num_codes,
            "num_tie_codes": self.config.num_tie_codes,
            "epochs": self.config.epochs,
            "balance": self.config.balance,
            "tie_order": self.config.tie_order,
        }
        write_text(directory / SETTINGS_FILE, json.dumps(settings, indent=1))

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what save wrote. Raises ArtifactError."""
        name, config = read_settings(directory)
        if name != cls.name:
            raise ArtifactError(f"{directory} holds a {name!r} quantizer, wanted {cls.name!r}; load it as {name!r}")
        quantizer = cls(config)
        try:
            quantizer.restore(load_file(directory / ARRAYS_FILE))
        except (OSError, KeyError, ValueError, RuntimeError, SafetensorError) as error:
            raise ArtifactError(f"{directory / ARRAYS_FILE} is broken ({error}); run genrec build again") from error
        return quantizer

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


def read_settings(directory: Path) -> tuple[str, TokenizeConfig]:
    """The name and settings of a stored quantizer. Raises ArtifactError."""
    path = directory / SETTINGS_FILE
    try:
        settings: Mapping[str, int | float | str] = json.loads(path.read_text(encoding="utf-8"))
        counts = {key: int(settings[key]) for key in ("num_levels", "num_codes", "num_tie_codes", "epochs")}
        name, balance = str(settings["quantizer"]), float(settings["balance"])
        tie_order = str(settings["tie_order"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{path} cannot be read ({error}); run genrec build again") from error
    return name, TokenizeConfig(quantizer=name, balance=balance, tie_order=tie_order, **counts)  # type: ignore[arg-type]
