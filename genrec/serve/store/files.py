"""Files of people in a workspace: drawings that the store names, and those that are still being made.

A drawing is named by its place in the workspace, such as visuals/3f….png, so that a copied or moved workspace names its
own. Knows folders; deliberately knows no database.
"""

import logging
import shutil
import threading
import uuid
from pathlib import Path

from filelock import FileLock, Timeout

from genrec.errors import InputError

log = logging.getLogger(__name__)
VISUALS = "visuals"
_UNFINISHED = ".unfinished"


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
        return path if inner != visuals.resolve() and inner.is_relative_to(visuals.resolve()) else None

    def delete(self, place: str | None) -> None:
        """Delete a drawing and its record, where they are there. Raises OSError."""
        path = self.find(place)
        if path is not None and not path.is_dir():
            for file in (path.with_suffix(".json"), path):
                file.unlink(missing_ok=True)


class UnfinishedDrawings:
    """Drawings that no store names yet, in a folder of this process alone, which goes when the process ends.

    A lock tells that the process lives: what a killed one left is swept away by the next.
    """

    def __init__(self, directory: Path) -> None:
        self._visuals = directory.resolve() / VISUALS
        self._parent = self._visuals / _UNFINISHED
        self._name = uuid.uuid4().hex
        self._lock: FileLock | None = None
        self._making = threading.Lock()
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

    def _make(self, folder: Path) -> None:
        self._parent.mkdir(parents=True, exist_ok=True)
        with self._sweeping():
            folder.mkdir()
            self._lock = _lock_of(folder)
            self._lock.acquire()

    def finished(self, path: Path) -> Path:
        """Where an unfinished drawing goes by `move`."""
        return self._visuals / path.name

    def move(self, path: Path) -> None:
        """Move a drawing and its record among the finished ones."""
        for file in (path.with_suffix(".json"), path):
            file.replace(self._visuals / file.name)

    def close(self) -> None:
        """Remove the folder with what is in it."""
        with self._making:
            if self._lock is not None:
                self._lock.release()
                self._lock = None
                self._sweep()

    def _sweeping(self) -> FileLock:
        """A lock under which folders come and go."""
        return FileLock(self._parent / "all.lock")

    def _sweep(self) -> None:
        """Remove the folders of processes that ended, and the one above when none is left."""
        try:
            with self._sweeping() as sweeping:
                folders = [path for path in self._parent.iterdir() if path.is_dir()]
                are_swept = [_is_swept(folder) for folder in folders]
                if all(are_swept):
                    Path(sweeping.lock_file).unlink()
                    self._parent.rmdir()
        except OSError as error:
            log.warning("unfinished drawings in %s cannot be removed: %s", self._parent, error)


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
    return FileLock(folder.with_suffix(".lock"), thread_local=False)
