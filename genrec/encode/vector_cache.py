"""A cache of encoded vectors, by encoder and content.

One folder per encoder and kind of input, with one file per some thousand vectors, each written whole or not at all: a
kill loses at most the vectors since the last file. Knows which files of a model's folder decide its vectors; knows
nothing of architectures or items.

Axis legend: B contents, D features.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from genrec.artifacts import fingerprint, fingerprint_file, write_file
from genrec.data.arrays import read_arrays
from genrec.errors import SourceError
from genrec.runtime import ProgressMeter, foundation_path

log = logging.getLogger(__name__)
Content = TypeVar("Content")
Vectors: TypeAlias = npt.NDArray[np.floating]
VECTORS_PER_FILE = 2000
NUM_HASHING_THREADS = 4
_DECIDING_SUFFIXES = {".json", ".safetensors", ".bin", ".pt", ".txt", ".model"}


class VectorCache:
    """Vectors by content keys (hex digests), stored in `directory`, or only kept in memory where that is None."""

    def __init__(self, directory: Path | None, dtype: npt.DTypeLike = np.float32) -> None:
        self.directory = directory
        self._vectors: dict[str, Vectors] = {}
        self._unsaved: list[str] = []
        if directory is not None:
            for path in sorted(directory.glob("[!.]*.npz")):  # hidden ones are being written
                self._vectors.update(_read(path, dtype))

    def __contains__(self, key: str) -> bool:
        return key in self._vectors

    def __len__(self) -> int:
        return len(self._vectors)

    def get(self, keys: Sequence[str]) -> Vectors:
        """The vectors of known keys, (B, D) or (B, …, D); there must be one at least."""
        return np.stack([self._vectors[key] for key in keys])

    def add(self, keys: Sequence[str], vectors: Vectors) -> None:
        """Remember vectors; written to disk every VECTORS_PER_FILE and on `flush`."""
        self._vectors.update(zip(keys, vectors, strict=True))
        self._unsaved.extend(keys)
        if len(self._unsaved) >= VECTORS_PER_FILE:
            self.flush()

    def flush(self) -> None:
        """Write what is not on disk yet."""
        if not self._unsaved or self.directory is None:
            return
        with write_file(self.directory / f"{fingerprint(self._unsaved)}.npz") as partial:
            keys, vectors = np.array(self._unsaved), self.get(self._unsaved)
            np.savez(partial, keys=keys, vectors=vectors, seal=np.array(_seal(keys, vectors)))
        self._unsaved = []


def encode_through(
    store: VectorCache,
    keys: Sequence[str],
    contents: Sequence[Content],
    encode: Callable[[Sequence[Content]], Vectors],
    *,
    batch_size: int,
    label: str,
    longest_first: bool = False,
) -> Vectors:
    """The vectors of some contents, one at least, (B, D); what the store lacks is encoded, each content once.

    longest_first: contents of like length share a batch.
    """
    missing = {key: content for key, content in zip(keys, contents, strict=True) if key not in store}
    meter = ProgressMeter(label=f"encode {label}", total=len(missing))
    todo = sorted(missing, key=lambda key: -len(str(missing[key]))) if longest_first else list(missing)
    try:
        for start in range(0, len(todo), batch_size):
            batch = todo[start : start + batch_size]
            store.add(batch, encode([missing[key] for key in batch]))
            meter.advance(len(batch))
    finally:
        store.flush()  # a broken picture among them must not lose the others
    if todo:
        meter.close()
    log.info("%s: %d encoded, %d from the cache", label, len(todo), len(keys) - len(todo))
    return store.get(keys)


def file_keys(paths: Sequence[Path]) -> list[str]:
    """The keys of what files hold. Raises SourceError that names a file it cannot read."""
    with ThreadPoolExecutor(NUM_HASHING_THREADS) as pool:
        return list(pool.map(_file_key, paths))


def text_keys(texts: Sequence[str]) -> list[str]:
    """The keys of texts."""
    return [hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() for text in texts]


def _file_key(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read ({error.strerror}); put it there, or remove it from its item"
        ) from error


def _read(path: Path, dtype: npt.DTypeLike) -> Mapping[str, Vectors]:
    """One file's vectors; a file damaged from outside is named in a warning and its vectors are computed again."""
    try:
        keys, vectors, seal = read_arrays(path, "keys", "vectors", "seal")
        if str(seal) != _seal(keys, vectors):
            raise ValueError("it is not as it was written")
        return dict(zip(keys.tolist(), vectors.astype(dtype), strict=True))
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
