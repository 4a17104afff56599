"""One generation in use: held as long as it is read, and checked against its inventory.

Knows what was written; deliberately writes nothing.
"""

import contextlib
import fcntl
import os
import weakref
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from genrec.artifacts import fingerprint_file, read_json
from genrec.errors import ArtifactError
from genrec.generations.layout import (
    CATALOG,
    CURRENT,
    INTERACTIONS,
    INVENTORY,
    OFFERS,
    current_number,
    draft_number,
    files_of,
    folder_of,
    lease,
    manifested,
    read_pointer,
    required_number,
)

HASHED_AT_LOAD_BYTES = 256 * 2**20  # of one file; larger ones are hashed by `genrec check` and `genrec build`
_NUM_HASHING_THREADS = 4
ADDED = "was added"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A file of a generation that is not as it was written. path: inside the generation."""

    path: str
    reason: str

    @property
    def part(self) -> str:
        """The part that the file belongs to: a stage, or a file by itself."""
        return self.path.partition("/")[0]

    @property
    def is_of_data(self) -> bool:
        """Whether no build can make it again, as it was ingested."""
        return self.part in (CATALOG, OFFERS, INTERACTIONS) and self.reason != ADDED

    def remedy(self, root: Path) -> str:
        """What to do about it."""
        first = "run genrec ingest, then " if self.is_of_data else "run "
        return f"{first}genrec build {root} to make it again"


class Generation:
    """One generation of a workspace, which stays on disk as long as this lives, or until it is released.

    number: 0 for what an earlier genrec wrote, whose folder is the workspace's own.
    """

    def __init__(self, root: Path, number: int) -> None:
        self.root, self.number = root, number
        descriptor = lease(self.folder, fcntl.LOCK_SH)
        self.release = weakref.finalize(self, os.close, descriptor) if descriptor is not None else lambda: None

    @property
    def folder(self) -> Path:
        """Where its parts lie."""
        return folder_of(self.root, self.number)

    @classmethod
    def open(cls, root: Path | str, number: int | None = None) -> Self:
        """The current generation, or one by its number, after its files were checked against its inventory.

        Files above HASHED_AT_LOAD_BYTES are checked by their size. Raises ArtifactError when there is none, or it is
        not as it was written.
        """
        root = Path(root)
        wanted = required_number(root) if number is None else number
        opened = cls(root, wanted)
        if number is None and current_number(root) != wanted:  # another became current, and this may be gone by now
            return cls.open(root)
        refuse_faults(opened, find_faults(opened, hash_up_to=HASHED_AT_LOAD_BYTES))
        return opened

    @classmethod
    def open_newest(cls, root: Path | str) -> Self:
        """The draft where there is one, else the current generation; unchecked. Raises ArtifactError without both."""
        root = Path(root)
        draft = draft_number(root)
        return cls(root, required_number(root) if draft is None else draft)


def find_faults(generation: Generation, *, hash_up_to: int | None = None) -> list[Fault]:
    """How a generation's files differ from its inventory: lost, added, changed, or no plain files.

    hash_up_to: files of more bytes are checked by their size alone; None hashes all. A draft and what an earlier
    genrec wrote have no inventory, only the manifests of their stages.
    """
    folder, pointer = generation.folder, None
    with contextlib.suppress(ArtifactError):  # then a build makes it anew
        pointer = read_pointer(generation.root / CURRENT)
    path, is_current = folder / INVENTORY, pointer is not None and pointer.number == generation.number
    reason = None
    if path.is_symlink() or not path.is_file():
        reason = "is missing" if is_current else None
    elif is_current and pointer is not None and fingerprint_file(path) != pointer.inventory:
        reason = "is not the one that was committed"
    else:
        faults = inventory_faults(folder, hash_up_to)
        if faults is not None:
            return faults
        reason = "is no inventory"
    stages = {name: (None, print_) for name, print_ in manifested(folder).items()}
    return ([Fault(path=INVENTORY, reason=reason)] if reason else []) + _differences(folder, stages, hash_up_to)


def inventory_faults(folder: Path, hash_up_to: int | None) -> list[Fault] | None:
    """How files differ from the inventory in their folder; None where it is none."""
    try:
        entries = read_json(folder / INVENTORY)["files"].items()
        files = {str(name): (int(size), str(print_)) for name, (size, print_) in entries}
    except (ArtifactError, KeyError, TypeError, ValueError, AttributeError):
        return None
    added = [Fault(path=name, reason=ADDED) for name in sorted(set(files_of(folder)) - set(files))]
    return added + _differences(folder, files, hash_up_to)


def _differences(folder: Path, files: Mapping[str, tuple[int | None, str]], hash_up_to: int | None) -> list[Fault]:
    """What is not as it was written. files: the size and the fingerprint by name."""
    names = sorted(files)
    with ThreadPoolExecutor(_NUM_HASHING_THREADS) as pool:
        reasons = pool.map(lambda name: _difference(folder / name, *files[name], hash_up_to), names)
        return [Fault(path=name, reason=reason) for name, reason in zip(names, reasons, strict=True) if reason]


def _difference(path: Path, size: int | None, print_: str, hash_up_to: int | None) -> str | None:
    if path.is_symlink() or not path.is_file():
        return "is no plain file" if path.is_symlink() or path.exists() else "is missing"
    found = path.stat().st_size
    if size is not None and found != size:
        return f"has {found:,} bytes, {size:,} were written"
    if (hash_up_to is None or found <= hash_up_to) and fingerprint_file(path) != print_:
        return "holds other bytes than were written"
    return None


def refuse_faults(generation: Generation, faults: Iterable[Fault]) -> None:
    """Raises ArtifactError for the first fault, with what to do."""
    for fault in faults:
        raise ArtifactError(f"{generation.folder / fault.path} {fault.reason}; {fault.remedy(generation.root)}")
