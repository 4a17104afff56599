"""What is fitted once and stored: a fuser, a quantizer. Arrays that were learned, beside what they were learned with.

Knows the two files and their fingerprint; deliberately knows nothing of what the arrays mean.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from genrec.artifacts import fingerprint, write_file, write_text
from genrec.errors import ArtifactError

Arrays: TypeAlias = dict[str, npt.NDArray[np.generic]]
Record: TypeAlias = dict[str, Any]  # Any: JSON
F = TypeVar("F", bound="Fitted")


class Fitted(ABC):
    """Something that learns arrays. role: what it does, and the stem of its files; name: which of its role it is."""

    role: ClassVar[str]
    name: ClassVar[str]

    @abstractmethod
    def arrays(self) -> Arrays:
        """Everything that was learned, as named arrays."""

    @abstractmethod
    def restore(self, arrays: Arrays) -> None:
        """Take back what `arrays` gave."""

    @abstractmethod
    def record(self) -> Record:
        """What it was fitted with, as JSON; its name stands under its role."""

    @classmethod
    @abstractmethod
    def from_record(cls, record: Record) -> Self:
        """What `record` told, without what was learned. Raises ValueError, KeyError or TypeError on another record."""

    def fingerprint_of(self, *fitted_with: object) -> str:
        """16 hex digits over role, name, whatever else decides what it does, and everything it learned."""
        learned = [
            part
            for key, array in sorted(self.arrays().items())
            for part in (key, str(array.dtype), list(array.shape), np.ascontiguousarray(array).tobytes())
        ]
        return fingerprint(self.role, self.name, *fitted_with, *learned)

    def save(self, directory: Path) -> None:
        """Write ROLE.safetensors and ROLE.json."""
        directory.mkdir(parents=True, exist_ok=True)
        with write_file(directory / f"{self.role}.safetensors") as partial:
            save_file({key: np.ascontiguousarray(array) for key, array in self.arrays().items()}, partial)
        write_text(directory / f"{self.role}.json", json.dumps(self.record(), indent=1))


def load_fitted(directory: Path, role: str, kinds: Mapping[str, type[F]]) -> F:
    """Read whichever of these kinds was saved. Raises ArtifactError."""
    settings, arrays = directory / f"{role}.json", directory / f"{role}.safetensors"
    try:
        record: Record = json.loads(settings.read_text(encoding="utf-8"))
        kind = kinds.get(str(record[role]))
        fitted = None if kind is None else kind.from_record(record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ArtifactError(f"{settings} cannot be read ({error}); run genrec build again") from error
    if fitted is None:
        raise ArtifactError(f"{directory} holds a {record[role]!r} {role}; this genrec knows {', '.join(kinds)}")
    try:
        fitted.restore(load_file(arrays))
    except (OSError, KeyError, ValueError, RuntimeError, SafetensorError) as error:
        raise ArtifactError(f"{arrays} is broken ({error}); run genrec build again") from error
    return fitted
