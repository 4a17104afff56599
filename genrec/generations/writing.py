"""Writers of a workspace: one at a time, each making a new folder aside and letting the pointer follow last.

Knows the lock, drafts and what may go; deliberately knows nothing of what stages hold.
"""

import contextlib
import fcntl
import json
import os
import shutil
import socket
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import filelock

from genrec.artifacts import fingerprint_file, read_json, recover, write_text
from genrec.errors import ArtifactError, WorkspaceBusy
from genrec.generations.generation import Fault, Generation, inventory_faults
from genrec.generations.layout import (
    ADAPTERS,
    CURRENT,
    FORMAT,
    GENERATIONS,
    HOLDER,
    INTERACTIONS,
    INVENTORY,
    LEASE,
    LOCK,
    SETTINGS,
    current_number,
    draft_number,
    files_of,
    folder_of,
    is_earlier_layout,
    lease,
    manifested,
    numbers,
    parts_of,
    point_to,
)


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
    taken = [*numbers(root), 0]
    with contextlib.suppress(ArtifactError):
        taken.append(current_number(root) or 0)
    number = max(taken) + 1
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
        partial.rename(folder_of(root, number))
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    if is_whole:
        point_to(root, number)
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
    _write_inventory(folder_of(root, number), number)
    point_to(root, number)
    _sweep(root)
    return Generation.open(root, number)


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


def _write_inventory(folder: Path, number: int) -> None:
    files = {name: [(folder / name).stat().st_size, print_] for name, print_ in _fingerprints(folder).items()}
    record = {"format": FORMAT, "number": number, "made": int(time.time()), "files": files}
    write_text(folder / INVENTORY, json.dumps(record, indent=1, sort_keys=True))


def _fingerprints(folder: Path) -> dict[str, str]:
    """The fingerprint of each file: as its stage's manifest has it, else worked out."""
    known = manifested(folder)
    return {name: known.get(name) or fingerprint_file(folder / name) for name in sorted(files_of(folder))}


def _finish(root: Path) -> None:
    """Let the pointer follow to a draft that lacked nothing else when its writer was killed."""
    number = draft_number(root)
    if number is None or not (folder_of(root, number) / INVENTORY).is_file():
        return
    try:
        faults = inventory_faults(folder_of(root, number), hash_up_to=None)
    except ArtifactError:
        faults = [Fault(path=INVENTORY, reason="cannot be read")]
    if faults:
        (folder_of(root, number) / INVENTORY).unlink()  # a build makes again what is broken
    else:
        point_to(root, number)


def _sweep(root: Path) -> None:
    """Remove what killed writers left, and generations that nobody reads and nothing points to."""
    home = root / GENERATIONS
    for left in home.glob(".*"):
        shutil.rmtree(left, ignore_errors=True)
    if is_earlier_layout(root) and not (root / CURRENT).exists():
        for old in root.glob(".*.old"):
            recover(root / old.name[1:].removesuffix(".old"))
    try:
        current = current_number(root)
    except ArtifactError:
        return
    kept = {current, draft_number(root)}
    for number in sorted(numbers(root) - kept):
        _remove(root, number)
    if current and is_earlier_layout(root):
        _remove(root, 0)


def _remove(root: Path, number: int) -> None:
    folder = folder_of(root, number)
    descriptor = lease(folder, fcntl.LOCK_EX)
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


def _holder(root: Path) -> str:
    """Who holds the lock, in words."""
    try:
        holder = read_json(root / HOLDER)
        since = time.strftime("%H:%M:%S", time.localtime(holder["since"]))
        return f"{holder['command']} (process {holder['pid']} on {holder['host']}, since {since})"
    except (ArtifactError, KeyError, TypeError, ValueError):
        return "another process"  # it has not said yet
