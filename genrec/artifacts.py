"""Stage directories: written whole or not at all, and refused when they do not belong together.

A stage is a directory with a `manifest.json`, written last, that names the stage's kind, the format version, the
fingerprints of what went in, and the size and SHA-256 of every file. A stage is made in a hidden sibling and moved
into place by rename, so a kill at any moment leaves the old stage, or none. Knows nothing of what stages hold.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from genrec.disk import naming
from genrec.errors import ArtifactError

FORMAT_VERSION = 3
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a whole stage says of itself. fingerprint covers its inputs and its files."""

    kind: str
    inputs: Mapping[str, str]
    files: Mapping[str, str]
    details: Mapping[str, object]
    fingerprint: str


def fingerprint(*parts: object) -> str:
    """16 hex digits over JSON-able parts or bytes."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else json.dumps(part, sort_keys=True, default=str).encode())
        digest.update(b"\0")
    return digest.hexdigest()[:16]


def fingerprint_file(path: Path) -> str:
    """The first 16 hex digits of a file's SHA-256."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]


def fingerprint_folder(path: Path) -> str:
    """16 hex digits over the names and contents of a folder's files, cheaply: size and SHA-256 of each."""
    return fingerprint(sorted((str(p.relative_to(path)), fingerprint_file(p)) for p in path.rglob("*") if p.is_file()))


def write_text(path: Path, text: str) -> None:
    """Replace a text file atomically."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with naming(path), partial.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def write_file(path: Path) -> Iterator[Path]:
    """Yield a hidden sibling to write to; on success it takes the file's place, on failure it is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        with naming(path):
            yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def write_stage(
    directory: Path,
    *,
    kind: str,
    inputs: Mapping[str, str],
    details: Mapping[str, object] | None = None,
) -> Iterator[Path]:
    """Yield an empty hidden sibling directory; when the block succeeds it gets a manifest and takes the stage's place.

    details: a mutable mapping may be filled inside the block; it is read at the end.
    """
    partial = directory.with_name(f".{directory.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        with naming(directory):
            yield partial
        seal(partial, kind=kind, inputs=inputs, details=details or {})
        _swap(partial, directory)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def seal(directory: Path, *, kind: str, inputs: Mapping[str, str], details: Mapping[str, object]) -> None:
    """Write the manifest that declares a directory whole."""
    files = {
        str(path.relative_to(directory)): fingerprint_file(path)
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
    record = {
        "format": FORMAT_VERSION,
        "kind": kind,
        "inputs": dict(inputs),
        "files": files,
        "details": dict(details),
        "fingerprint": fingerprint(kind, dict(inputs), files),
    }
    write_text(directory / MANIFEST, json.dumps(record, indent=1, sort_keys=True, default=str))


def _swap(partial: Path, directory: Path) -> None:
    old = _displaced(directory)
    shutil.rmtree(old, ignore_errors=True)
    if directory.exists():
        directory.rename(old)
    partial.rename(directory)
    shutil.rmtree(old, ignore_errors=True)


def _displaced(directory: Path) -> Path:
    return directory.with_name(f".{directory.name}.old")


def recover(directory: Path) -> None:
    """Put back a stage that a kill caught between two renames."""
    old = _displaced(directory)
    if old.exists() and not directory.exists():
        old.rename(directory)


def read_manifest(directory: Path, kind: str) -> Manifest:
    """The manifest of a whole stage.

    Raises ArtifactError when the stage is missing, unfinished, of another kind or of another format version.
    """
    recover(directory)
    path = directory / MANIFEST
    if not path.is_file():
        what = "is not finished" if directory.is_dir() else "is missing"
        raise ArtifactError(f"stage {kind!r} at {directory} {what}; run genrec ingest, then genrec build, to make it")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        version, found = record["format"], record["kind"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ArtifactError(f"{path} is not a genrec manifest ({error}); remove {directory} and build again") from error
    if version != FORMAT_VERSION:
        raise ArtifactError(
            f"{directory} has format version {version}, this genrec reads version {FORMAT_VERSION}; "
            "ingest and build again, or use the genrec that made it"
        )
    if found != kind:
        raise ArtifactError(f"{directory} holds a {found!r} stage, wanted {kind!r}; point to the right directory")
    return Manifest(
        kind=kind,
        inputs=record["inputs"],
        files=record["files"],
        details=record["details"],
        fingerprint=record["fingerprint"],
    )


def stale_reason(directory: Path, *, kind: str, inputs: Mapping[str, str]) -> str | None:
    """Why a stage must be made again, or None when it is fresh."""
    try:
        manifest = read_manifest(directory, kind)
    except ArtifactError:
        return "missing" if not directory.exists() else "unfinished or of another version"
    changed = sorted(key for key in {*inputs, *manifest.inputs} if inputs.get(key) != manifest.inputs.get(key))
    if changed:
        return f"changed: {', '.join(changed)}"
    lost = [name for name in manifest.files if not (directory / name).is_file()]
    return f"files are missing: {', '.join(lost[:3])}" if lost else None


def open_work(work: Path, key: str) -> Path:
    """The folder that a killed run left for the same key, else an empty one: where long work keeps its checkpoints."""
    marker = work / "key"
    if not marker.is_file() or marker.read_bytes() != key.encode():
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        write_text(marker, key)
    return work
