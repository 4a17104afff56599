"""Where the parts of a workspace lie: its generations, which of them is current, and what is shared or held.

Knows names of files and folders; deliberately neither checks nor changes what stages hold.
"""

import fcntl
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from genrec.artifacts import MANIFEST, fingerprint_file, read_json, write_text
from genrec.errors import ArtifactError

GENERATIONS, CURRENT, INVENTORY, ADAPTERS = "generations", "current.json", "generation.json", "adapters"
CATALOG, INTERACTIONS, SETTINGS = "catalog", "interactions.parquet", "genrec.toml"
LOCK, HOLDER, LEASE = ".write.lock", ".write.holder.json", ".lease"
FORMAT = 1
_NUMBER = re.compile(r"[1-9][0-9]{0,11}")


def current_number(root: Path) -> int | None:
    """The number of the current generation, None where nothing was built. Raises ArtifactError on a broken pointer."""
    pointer = read_pointer(root / CURRENT)
    if pointer is not None:
        return pointer[0]
    return 0 if not numbers(root) and is_earlier_layout(root) else None


def draft_number(root: Path) -> int | None:
    """The number of the generation that waits to be finished, None where none does."""
    newest = max(numbers(root), default=None)
    try:
        current = current_number(root)
    except ArtifactError:
        return newest  # a build finishes it, and makes the pointer anew
    return newest if newest is not None and (current is None or newest > current) else None


def parts_of(folder: Path) -> list[str]:
    """What a generation's folder consists of: its events, its settings, its adapters and its stages, by name."""
    stages = sorted(manifest.parent.name for manifest in folder.glob(f"[!.]*/{MANIFEST}"))
    return [name for name in (INTERACTIONS, SETTINGS, ADAPTERS, *stages) if (folder / name).exists()]


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
    if not folder_of(root, number).is_dir():
        raise ArtifactError(f"{root / CURRENT} names generation {number}, which is missing; run genrec build {root}")
    return number


def folder_of(root: Path, number: int) -> Path:
    return root / GENERATIONS / str(number) if number else root


def numbers(root: Path) -> set[int]:
    home = root / GENERATIONS
    return {int(p.name) for p in home.iterdir() if _NUMBER.fullmatch(p.name)} if home.is_dir() else set()


def is_earlier_layout(root: Path) -> bool:
    return any((root / name).exists() for name in (CATALOG, f".{CATALOG}.old"))


def read_pointer(path: Path) -> tuple[int, str] | None:
    """The number of the current generation and its inventory's fingerprint; None where nothing is current yet."""
    if not path.exists():
        return None
    record = read_json(path)
    try:
        number, inventory = record["generation"], record["inventory"]
        if record["format"] != FORMAT or not isinstance(number, int) or number < 1 or not isinstance(inventory, str):
            raise ValueError(f"format {record['format']!r}, generation {number!r}")
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(
            f"{path} does not say which generation is current ({error}); run genrec build {path.parent}"
        ) from error
    return number, inventory


def point_to(root: Path, number: int) -> None:
    inventory = fingerprint_file(folder_of(root, number) / INVENTORY)
    write_text(root / CURRENT, json.dumps({"format": FORMAT, "generation": number, "inventory": inventory}))


def lease(folder: Path, kind: int) -> int | None:
    """A lock on a generation, shared (LOCK_SH) or exclusive (LOCK_EX), until the descriptor is closed.

    None where another's lock is in the way, or the folder has no lease and none can be made, as on a read-only disk,
    where nothing is removed either.
    """
    try:
        descriptor = os.open(folder / LEASE, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
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
    files: dict[str, str] = {}
    for manifest in folder.glob(f"*/{MANIFEST}"):
        files |= {f"{manifest.parent.name}/{name}": print_ for name, print_ in read_json(manifest)["files"].items()}
    return files
