"""Files of people in a workspace: drawings that the store names, and those that are still being made.

A drawing is named by its place in the workspace, such as visuals/3f….png, so that a copied or moved workspace names its
own. A link among these folders leads elsewhere, and is refused. Knows folders; deliberately knows no database.
"""

import logging
import re
import shutil
import threading
import uuid
from pathlib import Path

from filelock import FileLock, Timeout

from genrec.errors import InputError

log = logging.getLogger(__name__)
VISUALS = "visuals"
_UNFINISHED = ".unfinished"
_OWN_NAME = re.compile(r"[0-9a-f]{32}")  # of a process's folder


class VisualFiles:
    """The drawings of one workspace, by their places. Nothing outside its visuals/ is ever found here."""

    def __init__(self, directory: Path) -> None:
        self._root = directory.resolve()

    def place_of(self, path: Path) -> str:
        """A file's place in the workspace. Raises InputError on a file that is elsewhere."""
        absolute = path.absolute()
        place = absolute.relative_to(self._root) if absolute.is_relative_to(self._root) else None
        if place is None or self.find(place.as_posix()) is None:
            raise InputError(f"the drawing {path} is outside of {self._root / VISUALS}; draw into that folder")
        return place.as_posix()

    def find(self, place: str | None) -> Path | None:
        """The file at a place, whether it is there or not; None for a place outside of visuals/, by links too."""
        if place is None or "\0" in place or Path(place).is_absolute():
            return None
        visuals, path = self._root / VISUALS, self._root / place
        inner = path.resolve()
        if visuals.is_symlink():
            return None
        return path if inner != visuals.resolve() and inner.is_relative_to(visuals.resolve()) else None

    def delete(self, place: str | None) -> None:
        """Delete a drawing and its record, where they are there. Raises OSError."""
        path = self.find(place)
        if path is not None and not path.is_dir():
            for file in (path.with_suffix(".json"), path):
                file.unlink(missing_ok=True)


class UnfinishedDrawings:
    """Drawings that no store names yet, in a folder of this process alone, which goes when the process ends.

    A lock tells that the process lives: what a killed one left is swept away by the next. Raises InputError at its
    making where a link stands in place of a folder: what others would have it write or delete lies elsewhere.
    """

    def __init__(self, directory: Path) -> None:
        self._visuals = directory.resolve() / VISUALS
        self._parent = self._visuals / _UNFINISHED
        self._name = uuid.uuid4().hex
        self._lock: FileLock | None = None
        self._making = threading.Lock()
        if link := self._link():
            raise InputError(f"{link} is a link; wanted a folder of the workspace's own, so remove the link")
        if self._parent.is_dir():
            self._sweep()

    @property
    def folder(self) -> Path:
        """The folder, made when it is first asked for; where it cannot be, drawing fails, and nothing else."""
        folder = self._parent / self._name
        with self._making:
            try:
                if self._lock is None:
                    self._make(folder)
            except OSError as error:
                log.warning("drawings cannot be written into %s: %s", folder, error)
        return folder

    def _link(self) -> Path | None:
        """The first of the folders that is a link now."""
        return next((path for path in (self._visuals, self._parent) if path.is_symlink()), None)

    def _check_links(self) -> None:
        if link := self._link():
            raise OSError(f"{link} is a link")

    def _make(self, folder: Path) -> None:
        self._check_links()
        self._parent.mkdir(parents=True, exist_ok=True)
        with self._sweeping():
            folder.mkdir()
            self._lock = _lock_of(folder)
            self._lock.acquire()

    def finished(self, path: Path) -> Path:
        """Where an unfinished drawing goes by `move`."""
        return self._visuals / path.name

    def move(self, path: Path) -> None:
        """Move a drawing and its record among the finished ones. Raises OSError."""
        self._check_links()
        for file in (path.with_suffix(".json"), path):
            file.replace(self._visuals / file.name)

    def discard(self, path: Path) -> None:
        """Delete a drawing that is not kept, and its record."""
        for file in (path.with_suffix(".json"), path):
            file.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder with what is in it."""
        with self._making:
            if self._lock is not None:
                self._lock.release()
                self._lock = None
                self._sweep()

    def _sweeping(self) -> FileLock:
        """A lock under which folders come and go."""
        return _file_lock(self._parent / "all.lock")

    def _sweep(self) -> None:
        """Remove the folders of processes that ended, and the one above when none is left."""
        try:
            self._check_links()
            with self._sweeping() as sweeping:
                entries = [path for path in self._parent.iterdir() if path.suffix != ".lock"]
                strange = [path.name for path in entries if not _is_own(path)]
                if strange:
                    log.warning("%s holds what no server made there, which is let be: %s", self._parent, strange[:5])
                are_swept = [_is_swept(path) for path in entries if _is_own(path)]
                if all(are_swept) and not strange:
                    Path(sweeping.lock_file).unlink()
                    self._parent.rmdir()
        except OSError as error:
            log.warning("unfinished drawings in %s cannot be removed: %s", self._parent, error)


def _is_own(path: Path) -> bool:
    """Whether a server made a folder, which no link is."""
    return _OWN_NAME.fullmatch(path.name) is not None and path.is_dir() and not path.is_symlink()


def _is_swept(folder: Path) -> bool:
    """Remove the folder of a process that ended; False where it lives."""
    lock = _lock_of(folder)
    try:
        with lock.acquire(blocking=False):
            shutil.rmtree(folder)
    except Timeout:
        return False
    Path(lock.lock_file).unlink(missing_ok=True)
    return True


def _lock_of(folder: Path) -> FileLock:
    return _file_lock(folder.with_suffix(".lock"))


def _file_lock(path: Path) -> FileLock:
    """A lock by a file that is no link, whose target it would empty. Raises OSError."""
    if path.is_symlink():
        raise OSError(f"{path} is a link")
    return FileLock(path, thread_local=False)
