"""Where the parts of a workspace lie: its generations, which of them is current, and what is shared or held.

Knows names of files and folders; deliberately neither checks nor changes what stages hold.
"""

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from genrec.artifacts import MANIFEST, fingerprint_file, read_json, write_text
from genrec.errors import ArtifactError

GENERATIONS, CURRENT, INVENTORY, ADAPTERS = "generations", "current.json", "generation.json", "adapters"
CATALOG, OFFERS, INTERACTIONS, SETTINGS = "catalog", "offers", "interactions.parquet", "genrec.toml"
LABELS = "labels.toml"
LOCK, HOLDER, LEASE = ".write.lock", ".write.holder.json", ".lease"
FORMAT = 1
_NUMBER = re.compile(r"[1-9][0-9]{0,11}")
_SAFE = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # no link is followed, and no pipe waited for


def current_number(root: Path) -> int | None:
    """The number of the current generation, None where nothing was built. Raises ArtifactError on a broken pointer."""
    pointer = read_pointer(root / CURRENT)
    if pointer is None:
        return 0 if is_earlier_layout(root) else None
    if pointer.number not in numbers(root):
        raise ArtifactError(
            f"{root / CURRENT} names generation {pointer.number}, which is not there; run genrec build {root}"
        )
    return pointer.number


def draft_number(root: Path) -> int | None:
    """The number of the generation that waits to be finished, None where none does."""
    newest = max(numbers(root), default=None)
    try:
        current = current_number(root)
    except ArtifactError:
        return newest  # a build finishes it, and makes the pointer anew
    return newest if newest is not None and (current is None or newest > current) else None


def parts_of(folder: Path) -> list[str]:
    """What a generation's folder consists of, by name: events, settings, labels, adapters and stages."""
    others = [name for name in (INTERACTIONS, SETTINGS, LABELS, ADAPTERS) if (folder / name).exists()]
    return others + sorted(manifests(folder))


def manifests(folder: Path) -> dict[str, dict[str, Any]]:  # Any: JSON
    """The manifest of each stage in a folder, by name; what else holds a manifest.json is no stage."""
    found = {
        path.parent.name: stage_manifest(path.parent, path.parent.name) for path in folder.glob(f"[!.]*/{MANIFEST}")
    }
    return {name: record for name, record in found.items() if record is not None}


def stage_manifest(directory: Path, kind: str) -> dict[str, Any] | None:  # Any: JSON
    """A stage's manifest as it stands; None where there is none of this kind."""
    if directory.is_symlink() or not (directory / MANIFEST).is_file():
        return None
    try:
        record = read_json(directory / MANIFEST)
    except ArtifactError:
        return None
    is_one = isinstance(record, dict) and record.get("kind") == kind and isinstance(record.get("files"), dict)
    return record if is_one and all(isinstance(print_, str) for print_ in record["files"].values()) else None


def is_ingested(root: Path) -> bool:
    """Whether a workspace holds data, built or not yet."""
    return is_earlier_layout(root) or bool(numbers(root))


def required_number(root: Path) -> int:
    number = current_number(root)
    if number is None:
        draft = draft_number(root)
        what = "nothing was ingested there" if draft is None else "what was ingested there is not built yet"
        todo = f"run genrec {'ingest, then genrec build' if draft is None else f'build {root}'}"
        raise ArtifactError(f"{root} is not a built workspace ({what}); {todo}")
    return number


def folder_of(root: Path, number: int) -> Path:
    return root / GENERATIONS / str(number) if number else root


def numbers(root: Path) -> set[int]:
    """The generations that are there. Raises ArtifactError where their folder leads elsewhere."""
    home = root / GENERATIONS
    if home.is_symlink():
        raise ArtifactError(f"{home} is a link; put the folder itself there, or make {root} the link")
    if not home.is_dir():
        return set()
    return {
        int(p.name)
        for p in home.iterdir()
        if _NUMBER.fullmatch(p.name) and (p / CATALOG).is_dir() and not p.is_symlink()
    }


def free_number(root: Path) -> int:
    """A number that no entry of the generations' folder has, and none before it had."""
    home, pointer = root / GENERATIONS, None
    with contextlib.suppress(ArtifactError):
        pointer = read_pointer(root / CURRENT)
    taken = {int(p.name) for p in home.iterdir() if _NUMBER.fullmatch(p.name)} if home.is_dir() else set()
    return max(taken | {0, 0 if pointer is None else pointer.number}) + 1


def is_earlier_layout(root: Path) -> bool:
    """Whether an earlier genrec kept its stages in the workspace's own folder."""
    return any(stage_manifest(root / name, CATALOG) is not None for name in (CATALOG, f".{CATALOG}.old"))


class Pointer(NamedTuple):
    """What current.json says. follows_earlier: parts of an earlier genrec are left in the workspace's own folder."""

    number: int
    inventory: str
    follows_earlier: bool = False


def read_pointer(path: Path) -> Pointer | None:
    """The number of the current generation and its inventory's fingerprint; None where nothing is current yet."""
    if not path.exists():
        return None
    record = read_json(path)
    try:
        number, inventory = record["generation"], record["inventory"]
        if record["format"] != FORMAT or not isinstance(number, int) or number < 1 or not isinstance(inventory, str):
            raise ValueError(f"format {record['format']!r}, generation {number!r}")
        return Pointer(number, inventory, record.get("follows_earlier") is True)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtifactError(
            f"{path} does not say which generation is current ({error}); run genrec build {path.parent}"
        ) from error


def point_to(root: Path, number: int, *, follows_earlier: bool) -> None:
    """Make a whole generation the current one."""
    path = root / CURRENT
    if path.is_dir() and not path.is_symlink():
        path.rename(path.with_name(f"{CURRENT}.{os.getpid()}.broken"))
    inventory = fingerprint_file(folder_of(root, number) / INVENTORY)
    record = {"format": FORMAT, "generation": number, "inventory": inventory}
    write_text(path, json.dumps(record | ({"follows_earlier": True} if follows_earlier else {})))


def lease(folder: Path, kind: int) -> int | None:
    """A lock on a generation, shared (LOCK_SH) or exclusive (LOCK_EX), until the descriptor is closed.

    None where another's lock is in the way, or the folder has no lease and none can be made, as on a read-only disk,
    where nothing is removed either.
    """
    try:
        descriptor = os.open(folder / LEASE, os.O_RDONLY | os.O_CREAT | _SAFE, 0o644)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def files_of(folder: Path) -> Iterator[str]:
    """The files of a generation by their path in it, without its inventory and its lease."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if (path.is_symlink() or not path.is_dir()) and name not in (INVENTORY, LEASE):
            yield name


def manifested(folder: Path) -> dict[str, str]:
    """The fingerprint of each file that the manifest of a stage names."""
    return {
        f"{stage}/{name}": print_
        for stage, record in manifests(folder).items()
        for name, print_ in record["files"].items()
    }
