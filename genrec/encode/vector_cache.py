"""A cache of encoded vectors, by encoder and content.

One folder per encoder and kind of input, with one file per some thousand vectors, each written whole or not at all: a
kill loses at most the vectors since the last file. Knows which files of a model's folder decide its vectors; knows
nothing of architectures or items.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genrec.artifacts import fingerprint, fingerprint_file, write_file
from genrec.data.arrays import read_arrays
from genrec.runtime import foundation_path
from genrec.schema import FloatArray

log = logging.getLogger(__name__)
VECTORS_PER_FILE = 2000
_DECIDING_SUFFIXES = {".json", ".safetensors", ".bin", ".pt", ".txt", ".model"}


class VectorCache:
    """Float32 vectors by content keys (hex digests), stored in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._vectors: dict[str, FloatArray] = {}
        self._unsaved: list[str] = []
        for path in sorted(directory.glob("[!.]*.npz")):  # hidden ones are being written
            self._vectors.update(_read(path))

    def __contains__(self, key: str) -> bool:
        return key in self._vectors

    def __len__(self) -> int:
        return len(self._vectors)

    def get(self, keys: Sequence[str]) -> FloatArray:
        """The vectors of known keys, float32 (B, D); there must be one at least."""
        return np.stack([self._vectors[key] for key in keys])

    def add(self, keys: Sequence[str], vectors: FloatArray) -> None:
        """Remember vectors; written to disk every VECTORS_PER_FILE and on `flush`."""
        self._vectors.update(zip(keys, vectors, strict=True))
        self._unsaved.extend(keys)
        if len(self._unsaved) >= VECTORS_PER_FILE:
            self.flush()

    def flush(self) -> None:
        """Write what is not on disk yet."""
        if not self._unsaved:
            return
        with write_file(self.directory / f"{fingerprint(self._unsaved)}.npz") as partial:
            keys, vectors = np.array(self._unsaved), self.get(self._unsaved)
            np.savez(partial, keys=keys, vectors=vectors, seal=np.array(_seal(keys, vectors)))
        self._unsaved = []


def _read(path: Path) -> Mapping[str, FloatArray]:
    """One file's vectors; a file damaged from outside is named in a warning and its vectors are computed again."""
    try:
        keys, vectors, seal = read_arrays(path, "keys", "vectors", "seal")
        if str(seal) != _seal(keys, vectors):
            raise ValueError("it is not as it was written")
        return dict(zip(keys.tolist(), vectors.astype(np.float32), strict=True))
    except (ValueError, TypeError) as error:
        log.warning("cache file %s is damaged (%s); its vectors are computed again", path, error)
        return {}


def _seal(keys: npt.NDArray[Any], vectors: npt.NDArray[Any]) -> str:  # Any: whatever a file holds
    """What tells whether keys and vectors belong together."""
    parts = (str(keys.dtype), keys.tobytes(), str(vectors.dtype), list(vectors.shape), vectors.tobytes())
    return fingerprint(*parts)


def model_fingerprint(name_or_path: str) -> str:
    """16 hex digits that change when the encoder's vectors may: contents of a folder, or the name of a hub model.

    The weights are hashed, never loaded. Raises InputError for a shipped model that is not installed.
    """
    folder = Path(foundation_path(name_or_path))
    if not folder.is_dir():
        return fingerprint("hub", name_or_path)
    files = sorted(path for path in folder.rglob("*") if path.suffix in _DECIDING_SUFFIXES and path.is_file())
    return fingerprint("folder", [(str(path.relative_to(folder)), fingerprint_file(path)) for path in files])
