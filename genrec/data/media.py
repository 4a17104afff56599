"""Which files a catalog's pictures and sounds may be: those in its own folder, and those that were ingested.

A catalog may come from elsewhere, and whoever made it must not choose which files of this machine are read and shown.
So a path inside the catalog's folder must stay there, links followed; a file elsewhere must be the one that was
ingested, by its size and time, which nobody knows of files that are not theirs. Of pictures, only the formats that
Pillow decodes itself are read, whatever a file is called: for others it would start a program on the file (EPS and
Ghostscript) or follow what is written in it. Knows nothing of what the files hold.
"""

import os
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

PICTURE_FORMATS = (
    *("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM"),
    *(("AVIF",) if find_spec("PIL.AvifImagePlugin") else ()),  # younger than the oldest Pillow that will do
)


class Folders:
    """Some folders, asked for many files: links of a folder are followed once."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = [os.path.join(os.path.realpath(folder), "") for folder in folders]
        self._real: dict[str, str] = {}

    def hold(self, path: Path) -> bool:
        """Whether a path leads into one of them or below, links followed."""
        parent, name = os.path.split(os.path.abspath(path))
        try:
            if parent not in self._real:
                self._real[parent] = os.path.realpath(parent)
            real = os.path.join(self._real[parent], name)
            real = os.path.realpath(real) if os.path.islink(real) else real
            return real.startswith(tuple(self._folders))
        except (OSError, ValueError):  # a name with a NUL, or too long
            return False


def stamp(path: Path) -> str | None:
    """What tells a file from others unread: its size in bytes, the second of its last change; None without a file."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return f"{found.st_size}-{int(found.st_mtime)}"
