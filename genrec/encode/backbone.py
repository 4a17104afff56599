"""How a pretrained encoder is named in caches.

Knows which files of a model folder decide its vectors; knows nothing of architectures.
"""

from pathlib import Path

from genrec.artifacts import fingerprint, fingerprint_file
from genrec.runtime import foundation_path

_DECIDING_SUFFIXES = {".json", ".safetensors", ".bin", ".pt", ".txt", ".model"}


def model_fingerprint(name_or_path: str) -> str:
    """16 hex digits that change when the encoder's vectors may: contents of a folder, or the name of a hub model.

    The weights are hashed, never loaded. Raises InputError for a shipped model that is not installed.
    """
    folder = Path(foundation_path(name_or_path))
    if not folder.is_dir():
        return fingerprint("hub", name_or_path)
    files = sorted(path for path in folder.rglob("*") if path.suffix in _DECIDING_SUFFIXES and path.is_file())
    return fingerprint("folder", [(str(path.relative_to(folder)), fingerprint_file(path)) for path in files])
