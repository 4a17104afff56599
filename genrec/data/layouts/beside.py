"""Finds the other files of a layout, beside the table that is read. Knows names of files alone."""

from collections.abc import Iterator
from pathlib import Path


def beside(path: Path, *stems: str) -> Path | None:
    """The first file beside another whose name, suffixes aside, is one of these or ends with one; None without any."""
    for stem in stems:
        for file in files_beside(path):
            name = file.name.lower().split(".")[0]
            if name == stem or name.endswith(f"_{stem}"):
                return file
    return None


def files_beside(path: Path) -> Iterator[Path]:
    """The files in the folder of a file, but for itself and hidden ones, in the order of their names."""
    yield from (
        file for file in sorted(path.parent.iterdir()) if file.is_file() and file != path and file.name[0] != "."
    )
