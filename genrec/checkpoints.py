"""Checkpoints of long work: sealed by their SHA-256, read as tensors and plain values alone, dropped where they differ.

A checkpoint that is not as it was written is named in a warning and left unread, so that its work is done again; a file
from elsewhere runs no code and a damaged one changes no answer. Knows nothing of what checkpoints hold.
"""

import hashlib
import io
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from genrec.artifacts import fingerprint, fingerprint_file, write_file, write_text

log = logging.getLogger(__name__)

SEAL = "whole"  # lies in every sealed folder
_DIGEST_BYTES = 32  # at the end of every file

State = dict[str, Any]  # Any: tensors, numbers, texts, and lists and mappings of them


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:  # Any: as in State
    """Write tensors and plain values, atomically, with their SHA-256."""
    with write_file(path) as partial:
        with partial.open("wb") as stream:
            torch.save(dict(state), stream)
        with partial.open("r+b") as stream:
            digest = hashlib.file_digest(stream, "sha256").digest()
            stream.write(digest)


def load_checkpoint(path: Path) -> State | None:
    """What `save_checkpoint` wrote; None where there is no file, and, with a warning, where it is another one."""
    if not path.is_file():
        return None
    try:
        content = memoryview(path.read_bytes())
        if hashlib.sha256(content[:-_DIGEST_BYTES]).digest() != content[-_DIGEST_BYTES:]:
            raise ValueError("it is not as it was written")
        state = torch.load(io.BytesIO(content[:-_DIGEST_BYTES]), weights_only=True)
        if not isinstance(state, dict):
            raise ValueError(f"it holds a {type(state).__name__}")
    except Exception as error:  # torch raises almost anything over files that others made
        drop(path, error)
        return None
    return state


def drop(path: Path, reason: object) -> None:
    """Warn that a checkpoint is not used, and why."""
    log.warning("checkpoint %s is dropped (%s); the work goes on without it", path, " ".join(str(reason).split())[:200])


def seal_folder(folder: Path) -> None:
    """Declare a folder whole: what its files hold is kept beside them."""
    write_text(folder / SEAL, _fingerprint(folder))


def is_sealed(folder: Path) -> bool:
    """Whether a folder is as `seal_folder` left it; one that was changed since is named in a warning."""
    seal = folder / SEAL
    if not seal.is_file():
        return False
    if seal.read_bytes() != _fingerprint(folder).encode():
        drop(folder, "it is not as it was written")
        return False
    return True


def _fingerprint(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / SEAL)
    return fingerprint([(str(path.relative_to(folder)), fingerprint_file(path)) for path in files])
