"""Generations: the parts of a workspace as they belong together, each set whole in a folder of its own.

    DIR/genrec.toml, DIR/adapters/   what people change; the next generation takes it up
    DIR/current.json                 the number of the current generation, replaced in one step
    DIR/generations/3/               catalog, events, settings, stages and adapters, never changed again
    DIR/generations/4/               a draft: newer than the current one, and waiting for `genrec build` to finish it

Generations share the files that are equal in both by hard links. Whoever reads a generation holds a lease on it and is
never disturbed; whoever writes holds the workspace's lock, makes a new folder aside, and lets the pointer follow last.
A kill at any moment leaves the current generation as it was, and what was being made is taken up or swept by the next
writer. An earlier genrec kept everything in DIR itself: that is read as generation 0.

Knows folders, their inventories, the lock and leases; deliberately knows nothing of what stages hold.
"""

import contextlib
import fcntl
import json
import logging
import os
import re
import shutil
import socket
import time
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import filelock

from genrec.artifacts import MANIFEST, fingerprint_file, read_json, recover, write_text
from genrec.errors import ArtifactError, WorkspaceBusy

log = logging.getLogger(__name__)
GENERATIONS, CURRENT, INVENTORY, ADAPTERS = "generations", "current.json", "generation.json", "adapters"
CATALOG, INTERACTIONS, SETTINGS = "catalog", "interactions.parquet", "genrec.toml"
LOCK, HOLDER, LEASE = ".write.lock", ".write.holder.json", ".lease"
HASHED_AT_LOAD_BYTES = 256 * 2**20  # of one file; larger ones are hashed by `genrec check` and `genrec build`
_FORMAT = 1
_NUMBER = re.compile(r"[1-9][0-9]{0,11}")
_NUM_HASHING_THREADS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A file of a generation that is not as it was written. path: inside the generation."""

    path: str
    reason: str

    @property
    def part(self) -> str:
        """The part that the file belongs to: a stage, or a file by itself."""
        return self.path.partition("/")[0]

    def remedy(self, root: Path) -> str:
        """What to do about it."""
        first = "run genrec ingest, then " if self.part in (CATALOG, INTERACTIONS) else "run "
        return f"{first}genrec build {root} to make it again"


class Generation:
    """One generation of a workspace, which stays on disk as long as this lives, or until it is released.

    number: 0 for what an earlier genrec wrote, whose folder is the workspace's own.
    """

    def __init__(self, root: Path, number: int) -> None:
        self.root, self.number = root, number
        descriptor = _lease(self.folder, fcntl.LOCK_SH)
        self.release = weakref.finalize(self, os.close, descriptor) if descriptor is not None else lambda: None

    @property
    def folder(self) -> Path:
        """Where its parts lie."""
        return _folder(self.root, self.number)

    @classmethod
    def open(cls, root: Path | str, number: int | None = None) -> Self:
        """The current generation, or one by its number, after its files were checked against its inventory.

        Files above HASHED_AT_LOAD_BYTES are checked by their size. Raises ArtifactError when there is none, or it is
        not as it was written.
        """
        root = Path(root)
        wanted = _required(root) if number is None else number
        opened = cls(root, wanted)
        if number is None and _current_number(root) != wanted:  # another became current, and this may be gone by now
            return cls.open(root)
        refuse_faults(opened, find_faults(opened, hash_up_to=HASHED_AT_LOAD_BYTES))
        return opened

    @classmethod
    def open_newest(cls, root: Path | str) -> Self:
        """The draft where there is one, else the current generation; unchecked. Raises ArtifactError without both."""
        root = Path(root)
        draft = draft_number(root)
        return cls(root, _required(root) if draft is None else draft)


def current_number(root: Path) -> int | None:
    """The number of the current generation, None where nothing was built. Raises ArtifactError on a broken pointer."""
    return _current_number(root)


def draft_number(root: Path) -> int | None:
    """The number of the generation that waits to be finished, None where none does."""
    newest = max(_numbers(root), default=None)
    try:
        current = _current_number(root)
    except ArtifactError:
        return newest  # a build finishes it, and makes the pointer anew
    return newest if newest is not None and (current is None or newest > current) else None


def parts_of(folder: Path) -> list[str]:
    """What a generation's folder consists of: its events, its settings, its adapters and its stages, by name."""
    stages = sorted(manifest.parent.name for manifest in folder.glob(f"[!.]*/{MANIFEST}"))
    return [name for name in (INTERACTIONS, SETTINGS, ADAPTERS, *stages) if (folder / name).exists()]


def is_ingested(root: Path) -> bool:
    """Whether a workspace holds data, built or not yet."""
    return _is_earlier_layout(root) or bool(_numbers(root))


def find_faults(generation: Generation, *, hash_up_to: int | None = None) -> list[Fault]:
    """How a generation's files differ from its inventory: lost, added, changed, or no plain files.

    hash_up_to: files of more bytes are checked by their size alone; None hashes all. A draft and what an earlier
    genrec wrote have no inventory, only the manifests of their stages.
    """
    folder, pointer = generation.folder, None
    with contextlib.suppress(ArtifactError):  # then a build makes it anew
        pointer = _pointer(generation.root / CURRENT)
    if pointer is None or pointer[0] != generation.number:
        return _differences(folder, {name: (None, print_) for name, print_ in _manifested(folder).items()}, hash_up_to)
    path = folder / INVENTORY
    if path.is_symlink() or not path.is_file():
        return [Fault(path=INVENTORY, reason="is missing")]
    if fingerprint_file(path) != pointer[1]:
        return [Fault(path=INVENTORY, reason="is not the one that was committed")]
    return _inventory_faults(folder, hash_up_to)


def _inventory_faults(folder: Path, hash_up_to: int | None) -> list[Fault]:
    path = folder / INVENTORY
    try:
        files = {str(name): (int(size), str(print_)) for name, (size, print_) in read_json(path)["files"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtifactError(f"{path} is no inventory ({error}); run genrec build to make it again") from error
    added = [Fault(path=name, reason="was added") for name in sorted(set(_files(folder)) - set(files))]
    return added + _differences(folder, files, hash_up_to)


def _differences(folder: Path, files: Mapping[str, tuple[int | None, str]], hash_up_to: int | None) -> list[Fault]:
    """What is not as it was written. files: the size and the fingerprint by name."""
    names = sorted(files)
    with ThreadPoolExecutor(_NUM_HASHING_THREADS) as pool:
        reasons = pool.map(lambda name: _difference(folder / name, *files[name], hash_up_to), names)
        return [Fault(path=name, reason=reason) for name, reason in zip(names, reasons, strict=True) if reason]


def refuse_faults(generation: Generation, faults: Iterable[Fault]) -> None:
    """Raises ArtifactError for the first fault, with what to do."""
    for fault in faults:
        raise ArtifactError(f"{generation.folder / fault.path} {fault.reason}; {fault.remedy(generation.root)}")


# ---- writing


@contextlib.contextmanager
def writing(root: Path, command: str) -> Iterator[None]:
    """Hold a workspace's lock, which dies with its process; whoever holds it may take it again.

    Raises WorkspaceBusy, which names the holder, when another process or thread writes.
    """
    root.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(root / LOCK, timeout=0, is_singleton=True)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise WorkspaceBusy(
            f"{root} is being written by {_holder(root)}; wait until it has ended, then try again"
        ) from None
    try:
        if lock.lock_counter == 1:
            mine = {"command": command, "pid": os.getpid(), "host": socket.gethostname(), "since": int(time.time())}
            write_text(root / HOLDER, json.dumps(mine))
            _finish(root)
            _sweep(root)
        yield
    finally:
        if lock.lock_counter == 1:
            (root / HOLDER).unlink(missing_ok=True)
        lock.release()


def checked_base(root: Path) -> Path:
    """The folder of the current generation, checked, for who holds the lock, which keeps it; see `Generation.open`."""
    return Generation.open(root).folder


def require_no_draft(root: Path) -> None:
    """Raises ArtifactError when a draft waits, which a change of the current generation would leave behind."""
    draft = draft_number(root)
    if draft is not None:
        raise ArtifactError(
            f"{_folder(root, draft)} waits to be built; run genrec build {root} first, or remove that folder to give "
            "it up"
        )


@contextlib.contextmanager
def new_folder(
    root: Path, base: Path | None, *, without: Collection[str] = (), is_whole: bool = False
) -> Iterator[Path]:
    """Yield a hidden folder with the parts of `base`; on success it is the workspace's draft, else it is removed.

    without: the names of parts that are not taken over; is_whole: it is the current generation at once, with nothing
    left to build. The caller holds the lock. Files are shared with `base`: replace them, never write into them.
    """
    numbers = [*_numbers(root), 0]
    with contextlib.suppress(ArtifactError):
        numbers.append(_current_number(root) or 0)
    number = max(numbers) + 1
    partial = root / GENERATIONS / f".{number}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        if base is not None:
            for name in parts_of(base):
                if name not in without:
                    link_tree(base / name, partial / name)
        (partial / LEASE).touch()
        yield partial
        if is_whole:
            _write_inventory(partial, number)
        partial.rename(_folder(root, number))
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    if is_whole:
        _point_to(root, number)
    _sweep(root)


def begin(root: Path, base: Path) -> Path:
    """A new draft that holds all of `base`; returns its folder."""
    with new_folder(root, base):
        pass
    return Generation.open_newest(root).folder


def take_up_adapters(root: Path, folder: Path) -> None:
    """Put copies of the adapters in a workspace's own folder into a draft, in place of those it has."""
    shutil.rmtree(folder / ADAPTERS, ignore_errors=True)
    if (root / ADAPTERS).is_dir():
        shutil.copytree(root / ADAPTERS, folder / ADAPTERS)


def commit(root: Path) -> Generation:
    """Make the draft the current generation, in one step; what came before goes when nobody reads it any more.

    The caller holds the lock. Raises ArtifactError when there is no draft.
    """
    number = draft_number(root)
    if number is None:
        raise ArtifactError(f"{root} has no generation to finish; run genrec ingest, then genrec build")
    _write_inventory(_folder(root, number), number)
    _point_to(root, number)
    _sweep(root)
    return Generation.open(root, number)


def _write_inventory(folder: Path, number: int) -> None:
    files = {name: [(folder / name).stat().st_size, print_] for name, print_ in _fingerprints(folder).items()}
    record = {"format": _FORMAT, "number": number, "made": int(time.time()), "files": files}
    write_text(folder / INVENTORY, json.dumps(record, indent=1, sort_keys=True))


def _point_to(root: Path, number: int) -> None:
    inventory = fingerprint_file(_folder(root, number) / INVENTORY)
    write_text(root / CURRENT, json.dumps({"format": _FORMAT, "generation": number, "inventory": inventory}))


def _finish(root: Path) -> None:
    """Let the pointer follow to a draft that lacked nothing else when its writer was killed."""
    number = draft_number(root)
    if number is None or not (_folder(root, number) / INVENTORY).is_file():
        return
    try:
        faults = _inventory_faults(_folder(root, number), hash_up_to=None)
    except ArtifactError:
        faults = [Fault(path=INVENTORY, reason="cannot be read")]
    if faults:
        (_folder(root, number) / INVENTORY).unlink()  # a build makes again what is broken
    else:
        _point_to(root, number)


def link_tree(source: Path, target: Path) -> None:
    """Make a file or folder appear at `target` too, by hard links, or copies where the file system has none."""
    if source.is_symlink() or not source.exists():
        return
    if source.is_dir():
        target.mkdir(exist_ok=True)
        for entry in sorted(source.iterdir()):
            if not entry.name.endswith((".partial", ".old")):
                link_tree(entry, target / entry.name)
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _sweep(root: Path) -> None:
    """Remove what killed writers left, and generations that nobody reads and nothing points to."""
    home = root / GENERATIONS
    for left in home.glob(".*"):
        shutil.rmtree(left, ignore_errors=True)
    if _is_earlier_layout(root) and not (root / CURRENT).exists():
        for old in root.glob(".*.old"):
            recover(root / old.name[1:].removesuffix(".old"))
    try:
        current = _current_number(root)
    except ArtifactError:
        return
    kept = {current, draft_number(root)}
    for number in sorted(_numbers(root) - kept):
        _remove(root, number)
    if current and _is_earlier_layout(root):
        _remove(root, 0)


def _remove(root: Path, number: int) -> None:
    folder = _folder(root, number)
    descriptor = _lease(folder, fcntl.LOCK_EX)
    if descriptor is None:
        return  # somebody reads it, or it cannot be told; a later writer looks again
    try:
        if number:
            gone = folder.with_name(f".{number}.old")
            folder.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
            return
        stages = [root / name for name in parts_of(root) if name not in (INTERACTIONS, SETTINGS, ADAPTERS)]
        for path in [*stages, *root.glob(".*.old"), *root.glob(".*.partial")]:
            shutil.rmtree(path, ignore_errors=True)
        (root / INTERACTIONS).unlink(missing_ok=True)
        (root / LEASE).unlink(missing_ok=True)
    finally:
        os.close(descriptor)


# ---- files


def _folder(root: Path, number: int) -> Path:
    return root / GENERATIONS / str(number) if number else root


def _numbers(root: Path) -> set[int]:
    home = root / GENERATIONS
    return {int(p.name) for p in home.iterdir() if _NUMBER.fullmatch(p.name)} if home.is_dir() else set()


def _is_earlier_layout(root: Path) -> bool:
    return any((root / name).exists() for name in (CATALOG, f".{CATALOG}.old"))


def _current_number(root: Path) -> int | None:
    pointer = _pointer(root / CURRENT)
    if pointer is not None:
        return pointer[0]
    return 0 if not _numbers(root) and _is_earlier_layout(root) else None


def _pointer(path: Path) -> tuple[int, str] | None:
    """The number of the current generation and its inventory's fingerprint; None where nothing is current yet."""
    if not path.exists():
        return None
    record = read_json(path)
    try:
        number, inventory = record["generation"], record["inventory"]
        if record["format"] != _FORMAT or not isinstance(number, int) or number < 1 or not isinstance(inventory, str):
            raise ValueError(f"format {record['format']!r}, generation {number!r}")
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(
            f"{path} does not say which generation is current ({error}); run genrec build {path.parent}"
        ) from error
    return number, inventory


def _required(root: Path) -> int:
    number = _current_number(root)
    if number is None:
        draft = draft_number(root)
        what = "nothing was ingested there" if draft is None else "what was ingested there is not built yet"
        todo = f"run genrec {'ingest, then genrec build' if draft is None else f'build {root}'}"
        raise ArtifactError(f"{root} is not a built workspace ({what}); {todo}")
    if not _folder(root, number).is_dir():
        raise ArtifactError(f"{root / CURRENT} names generation {number}, which is missing; run genrec build {root}")
    return number


def _lease(folder: Path, kind: int) -> int | None:
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


def _files(folder: Path) -> Iterator[str]:
    """The files of a generation by their path in it, without its inventory and its lease."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if (path.is_symlink() or not path.is_dir()) and name not in (INVENTORY, LEASE):
            yield name


def _manifested(folder: Path) -> dict[str, str]:
    """The fingerprint of each file that the manifest of a stage names."""
    files: dict[str, str] = {}
    for manifest in folder.glob(f"*/{MANIFEST}"):
        files |= {f"{manifest.parent.name}/{name}": print_ for name, print_ in read_json(manifest)["files"].items()}
    return files


def _fingerprints(folder: Path) -> dict[str, str]:
    """The fingerprint of each file: as its stage's manifest has it, else worked out."""
    known = _manifested(folder)
    return {name: known.get(name) or fingerprint_file(folder / name) for name in sorted(_files(folder))}


def _difference(path: Path, size: int | None, print_: str, hash_up_to: int | None) -> str | None:
    if path.is_symlink() or not path.is_file():
        return "is no plain file" if path.is_symlink() or path.exists() else "is missing"
    found = path.stat().st_size
    if size is not None and found != size:
        return f"has {found:,} bytes, {size:,} were written"
    if (hash_up_to is None or found <= hash_up_to) and fingerprint_file(path) != print_:
        return "holds other bytes than were written"
    return None


def _holder(root: Path) -> str:
    """Who holds the lock, in words."""
    try:
        holder = read_json(root / HOLDER)
        since = time.strftime("%H:%M:%S", time.localtime(holder["since"]))
        return f"{holder['command']} (process {holder['pid']} on {holder['host']}, since {since})"
    except (ArtifactError, KeyError, TypeError, ValueError):
        return "another process"  # it has not said yet
