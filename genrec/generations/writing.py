"""Writers of a workspace: one at a time, each making a new folder aside and letting the pointer follow last.

Knows the lock, drafts and what may go; deliberately knows nothing of what stages hold.
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
from collections.abc import Collection, Iterator
from pathlib import Path

import filelock

from genrec.artifacts import (
    MANIFEST,
    PARTIAL_FILE,
    fingerprint_file,
    fingerprint_folder,
    read_json,
    recover,
    write_text,
)
from genrec.disk import naming
from genrec.errors import ArtifactError, WorkspaceBusy
from genrec.generations.generation import (
    HASHED_AT_LOAD_BYTES,
    Generation,
    find_faults,
    inventory_faults,
    refuse_faults,
)
from genrec.generations.layout import (
    ADAPTERS,
    CATALOG,
    CURRENT,
    FORMAT,
    GENERATIONS,
    HOLDER,
    INTERACTIONS,
    INVENTORY,
    LEASE,
    LOCK,
    current_number,
    draft_number,
    files_of,
    folder_of,
    free_number,
    lease,
    manifested,
    manifests,
    numbers,
    parts_of,
    point_to,
    read_pointer,
    stage_manifest,
)

log = logging.getLogger(__name__)
EARLIER_STAGES = (CATALOG, "embeddings", "sequence", "experts", "semids", "model", "mixture")
WHOLE_ADAPTER = "whole"  # in the work of an adapter's training: where it lies until its generation is current
_LEFT = re.compile(r"\.[0-9]+\.(partial|old)")


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
            _finish_adapters(root)
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
            f"{folder_of(root, draft)} waits to be built; run genrec build {root} first, or remove that folder to give "
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
    number, before = free_number(root), _known_current(root)
    partial = root / GENERATIONS / f".{number}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        if base is not None:
            for name in parts_of(base):
                if name not in without:
                    link_tree(base / name, partial / name)
            _remove_strangers(partial)
        (partial / LEASE).touch()
        with naming(partial):
            yield partial
        if is_whole:
            _write_inventory(partial, number, after=before)
        partial.rename(folder_of(root, number))
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    if is_whole:
        _let_follow(root, number, before)
    _sweep(root)


def begin(root: Path, base: Path) -> Path:
    """A new draft that holds all of `base`; returns its folder."""
    with new_folder(root, base):
        pass
    return Generation.open_newest(root).folder


def take_up_adapters(root: Path, folder: Path) -> None:
    """Put copies of the adapters in a workspace's own folder into a draft, in place of those it has.

    Raises ArtifactError on links, and on what is no file.
    """
    check_adapter_files(root)
    shutil.rmtree(folder / ADAPTERS, ignore_errors=True)
    if (root / ADAPTERS).is_dir():
        shutil.copytree(root / ADAPTERS, folder / ADAPTERS)


def check_adapter_files(root: Path) -> None:
    """Raises ArtifactError when a workspace's own adapters are not plain files in plain folders."""
    home = root / ADAPTERS
    for path in (home, *home.rglob("*")):
        if path.is_symlink() or (path.exists() and not path.is_dir() and not path.is_file()):
            raise ArtifactError(f"{path} is no plain file; put the file itself there, or remove it")


def commit(root: Path) -> Generation:
    """Make the draft the current generation, in one step; what came before goes when nobody reads it any more.

    The caller holds the lock. Raises ArtifactError when there is no draft, or it is not as it was written.
    """
    number, before = draft_number(root), _known_current(root)
    if number is None:
        raise ArtifactError(f"{root} has no generation to finish; run genrec ingest, then genrec build")
    _remove_strangers(folder_of(root, number))
    _write_inventory(folder_of(root, number), number, after=before)
    draft = Generation(root, number)
    refuse_faults(draft, find_faults(draft, hash_up_to=HASHED_AT_LOAD_BYTES))
    _let_follow(root, number, before)
    _sweep(root)
    return draft


def _known_current(root: Path) -> int | None:
    with contextlib.suppress(ArtifactError):
        return current_number(root)
    return None


def _let_follow(root: Path, number: int, before: int | None) -> None:
    """Let the pointer follow to a whole generation; before: the number of the one that was current."""
    pointer = None
    with contextlib.suppress(ArtifactError):
        pointer = read_pointer(root / CURRENT)
    point_to(root, number, follows_earlier=before == 0 or (pointer is not None and pointer.follows_earlier))


def _remove_strangers(folder: Path) -> None:
    """Remove from the stages of a draft what their manifests do not name."""
    for stage, record in manifests(folder).items():
        for path in list((folder / stage).rglob("*")):
            name = path.relative_to(folder / stage).as_posix()
            if (path.is_symlink() or not path.is_dir()) and name != MANIFEST and name not in record["files"]:
                path.unlink()


def link_tree(source: Path, target: Path) -> None:
    """Make a file or folder appear at `target` too, by hard links, or copies where the file system has none.

    Files that are there already stay.
    """
    if source.is_symlink() or not source.exists():
        return
    if source.is_dir():
        target.mkdir(exist_ok=True)
        for entry in sorted(source.iterdir()):
            link_tree(entry, target / entry.name)
        return
    if target.exists():
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _write_inventory(folder: Path, number: int, *, after: int | None) -> None:
    """after: the number of the generation that it follows. What a killed writer left of a file is none of its files."""
    for path in folder.rglob(".*.partial*"):
        if PARTIAL_FILE.fullmatch(path.name) and not path.is_dir():
            path.unlink()
    files = {name: [(folder / name).stat().st_size, print_] for name, print_ in _fingerprints(folder).items()}
    record = {"format": FORMAT, "number": number, "after": after, "made": int(time.time()), "files": files}
    write_text(folder / INVENTORY, json.dumps(record, indent=1, sort_keys=True))


def _fingerprints(folder: Path) -> dict[str, str]:
    """The fingerprint of each file: as its stage's manifest has it, else worked out."""
    known = manifested(folder)
    return {name: known.get(name) or fingerprint_file(folder / name) for name in sorted(files_of(folder))}


def _finish(root: Path) -> None:
    """Let the pointer follow to a draft that lacked nothing else when its writer was killed."""
    number, before = draft_number(root), _known_current(root)
    path = root if number is None else folder_of(root, number) / INVENTORY
    if number is None or not path.is_file():
        return
    faults = inventory_faults(path.parent, hash_up_to=None)
    if faults is None or faults:
        path.unlink()  # a build makes again what is broken
    elif before is None or read_json(path).get("after") == before:
        log.warning("generation %d of %s was whole, and is current now", number, root)
        _let_follow(root, number, before)


def _finish_adapters(root: Path) -> None:
    """Put an adapter of the current generation into the workspace's own folder, where a kill came before that."""
    current = _known_current(root)
    for made in root.glob(f".adapter-*.work/{WHOLE_ADAPTER}/*"):
        served = None if current is None else folder_of(root, current) / ADAPTERS / made.name
        if served is not None and served.is_dir() and fingerprint_folder(served) == fingerprint_folder(made):
            place_adapter(root, made)


def place_adapter(root: Path, made: Path) -> None:
    """Move an adapter that is whole from the work of its training into the workspace's own folder, and end the work."""
    target = root / ADAPTERS / made.name
    target.parent.mkdir(exist_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    made.rename(target)
    shutil.rmtree(made.parents[1], ignore_errors=True)


def _sweep(root: Path) -> None:
    """Remove what killed writers left, and generations that nobody reads and nothing points to."""
    home = root / GENERATIONS
    for left in home.glob(".*"):
        if _LEFT.fullmatch(left.name) and not left.is_symlink() and not home.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
    if not (root / CURRENT).exists():
        for stage in EARLIER_STAGES:
            if stage_manifest(root / f".{stage}.old", stage) is not None:
                recover(root / stage)
    try:
        current, pointer = current_number(root), read_pointer(root / CURRENT)
    except ArtifactError:
        return
    kept = {current, draft_number(root)}
    for number in sorted(numbers(root) - kept):
        _remove(root, number)
    if pointer is not None and pointer.follows_earlier and _remove(root, 0):
        point_to(root, pointer.number, follows_earlier=False)


def _remove(root: Path, number: int) -> bool:
    """Remove a generation; False where somebody reads it, or that cannot be told: a later writer looks again."""
    folder = folder_of(root, number)
    descriptor = lease(folder, fcntl.LOCK_EX)
    if descriptor is None:
        return False
    try:
        if number:
            gone = folder.with_name(f".{number}.old")
            folder.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
            return True
        catalog = stage_manifest(root / CATALOG, CATALOG)
        events = None if catalog is None else catalog.get("inputs", {}).get("interactions")
        if (root / INTERACTIONS).is_file() and fingerprint_file(root / INTERACTIONS) == events:
            (root / INTERACTIONS).unlink()
        for stage in EARLIER_STAGES:
            for path in (root / f".{stage}.old", root / f".{stage}.partial", root / stage):
                if stage_manifest(path, stage) is not None:
                    shutil.rmtree(path, ignore_errors=True)
        (root / LEASE).unlink(missing_ok=True)
        return True
    finally:
        os.close(descriptor)


def _holder(root: Path) -> str:
    """Who holds the lock, in words."""
    try:
        holder = read_json(root / HOLDER)
        since = time.strftime("%H:%M:%S", time.localtime(holder["since"]))
        return f"{holder['command']} (process {holder['pid']} on {holder['host']}, since {since})"
    except (ArtifactError, KeyError, TypeError, ValueError):
        return "another process"  # it has not said yet
