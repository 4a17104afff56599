"""Arrays of numbers: rows of length one, and .npz files of others, read as arrays alone, never as objects.

Knows the container and how much it can hold; deliberately knows nothing of what the arrays mean.
"""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genrec.schema import FloatArray

_MAX_RATIO, _RATIO_FROM_BYTES = 100, 64 * 2**20  # how much more a file may unpack to, from some size on


def read_arrays(path: Path, *names: str) -> list[npt.NDArray[Any]]:  # Any: what the file holds; callers look
    """Some arrays of an .npz file. Raises ValueError, with one line, when it is none, broken or lacks one."""
    try:
        with zipfile.ZipFile(path) as packed:
            num_bytes = sum(entry.file_size for entry in packed.infolist())
        if num_bytes > max(_RATIO_FROM_BYTES, _MAX_RATIO * path.stat().st_size):
            raise ValueError(f"it unpacks to {num_bytes / 2**20:,.0f} MiB, over {_MAX_RATIO} times its size")
        with np.load(path, allow_pickle=False) as arrays:
            return [arrays[name] for name in names]
    except Exception as error:  # zipfile and numpy raise almost anything over broken files
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from error


def unit_rows(vectors: npt.NDArray[np.floating]) -> FloatArray:
    """Rows of length one, float32; rows of zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-12).astype(np.float32)
