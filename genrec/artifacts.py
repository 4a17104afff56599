"""Stage directories: written whole or not at all, and refused when they do not belong together.

A stage is a directory with a `manifest.json`, written last, that names the stage's kind, the format version, the
fingerprints of what went in, and the size and SHA-256 of every file. A stage is made in a hidden sibling and moved
into place by rename, so a kill at any moment leaves the old stage, or none. Knows nothing of what stages hold.
"""

import contextlib
import glob
import hashlib
import json
import os
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrec.disk import naming
from genrec.errors import ArtifactError, GenrecError

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


def read_json(path: Path) -> Any:  # Any: JSON
    """What a JSON file of our own holds. Raises ArtifactError when it cannot be read."""
    try:
        if not path.is_file():  # a pipe would be waited for
            raise FileNotFoundError(f"no such file: {path.name}")
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ArtifactError(
            f"{path} cannot be read ({error}); run genrec build to make it again, or genrec ingest"
        ) from error


@contextlib.contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Tell as one ArtifactError whatever libraries raise over files that may come from anywhere."""
    try:
        yield
    except GenrecError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":  # of libraries in Rust
            raise
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise ArtifactError(
            f"{folder} cannot be read ({reason}); run genrec build to make again what is broken"
        ) from error


def write_text(path: Path, text: str) -> None:
    """Replace a text file atomically."""
    with write_file(path) as partial, partial.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


PARTIAL_FILE = re.compile(r"\..+\.\d+-\d+\.partial(?:\..*)?")  # what write_file writes to, until it is whole


@contextlib.contextmanager
def write_file(path: Path) -> Iterator[Path]:
    """Yield a hidden sibling to write to; on success it takes the file's place, on failure it is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_left_files(path)
    partial = path.with_name(f".{path.stem}.{os.getpid()}-{threading.get_ident()}.partial{path.suffix}")
    try:
        with naming(path):
            yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _remove_left_files(path: Path) -> None:
    """Remove what killed writers of the same file left."""
    for left in path.parent.glob(f".{glob.escape(path.stem)}.*.partial{glob.escape(path.suffix)}"):
        writer = left.name.removeprefix(f".{path.stem}.").partition("-")[0]
        if writer.isdecimal() and not _is_running(int(writer)):
            left.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


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
    recover(directory)
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
    plain = json.loads(json.dumps(record, default=str))
    write_text(directory / MANIFEST, json.dumps({**plain, "seal": fingerprint(plain)}, indent=1, sort_keys=True))


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
    path = directory / MANIFEST
    if not path.is_file():
        what = "is not finished" if directory.is_dir() else "is missing"
        raise ArtifactError(f"stage {kind!r} at {directory} {what}; run genrec ingest, then genrec build, to make it")
    record = read_json(path)
    try:
        seal = record.pop("seal", None)  # earlier genrecs set none
        version, found = record["format"], record["kind"]
        manifest = Manifest(**{name: record[name] for name in Manifest.__dataclass_fields__})
        is_whole = seal in (None, fingerprint(record))
        is_whole &= manifest.fingerprint == fingerprint(found, manifest.inputs, manifest.files)
    except (KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{path} is not a genrec manifest ({error}); run genrec build to make it again") from error
    if version != FORMAT_VERSION:
        raise ArtifactError(
            f"{directory} has format version {version}, this genrec reads version {FORMAT_VERSION}; "
            "ingest and build again, or use the genrec that made it"
        )
    if found != kind:
        raise ArtifactError(f"{directory} holds a {found!r} stage, wanted {kind!r}; point to the right directory")
    if not is_whole:
        raise ArtifactError(f"{path} was changed since it was written; run genrec build to make the stage again")
    return manifest


def stale_reason(directory: Path, *, kind: str, inputs: Mapping[str, str]) -> str | None:
    """Why a stage must be made again, or None when it is fresh and its files are as they were written."""
    try:
        manifest = read_manifest(directory, kind)
    except ArtifactError:
        return "missing" if not directory.exists() else "unfinished, broken or of another version"
    changed = sorted(key for key in {*inputs, *manifest.inputs} if inputs.get(key) != manifest.inputs.get(key))
    if changed:
        return f"changed: {', '.join(changed)}"
    lost = [name for name in manifest.files if not (directory / name).is_file()]
    if lost:
        return f"files are missing: {', '.join(lost[:3])}"
    damaged = [name for name, print_ in manifest.files.items() if fingerprint_file(directory / name) != print_]
    added = {str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file()} - {MANIFEST, *manifest.files}
    damaged += sorted(added)
    return f"files are not as they were written: {', '.join(damaged[:3])}" if damaged else None


def open_work(work: Path, key: str) -> Path:
    """The folder that a killed run left for the same key, else an empty one: where long work keeps its checkpoints."""
    marker = work / "key"
    if not marker.is_file() or marker.read_bytes() != key.encode():
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        write_text(marker, key)
    return work
