"""Finds item pictures in a folder and checks, fast, that they can be opened.

Knows file formats' outsides; deliberately decodes no pixels unless a file looks cut off.
"""

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from genrec.data.media import PICTURE_FORMATS
from genrec.errors import SourceError
from genrec.runtime import progress

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp"})
_JPEG_END = b"\xff\xd9"


def index_images(folder: Path | None) -> dict[str, Path]:
    """File stem to absolute path for the pictures of a folder, subfolders included; empty when folder is None.

    Raises SourceError when the folder is named but missing.
    """
    if folder is None:
        return {}
    if not folder.is_dir():
        raise SourceError(f"image folder {folder} is not there; give a folder with one picture per item id")
    found: dict[str, Path] = {}
    for parent, folders, names in os.walk(os.path.abspath(folder)):
        folders.sort()
        for name in sorted(names):
            stem, suffix = os.path.splitext(name)
            if suffix.lower() in SUFFIXES:
                found.setdefault(stem, Path(parent, name))
    return found


@dataclass(frozen=True, slots=True)
class ImageCheck:
    """How pictures are verified; trusted pictures, such as those just drawn, need no look."""

    trusted: bool = False

    def broken(self, images: Mapping[str, Path]) -> dict[str, str]:
        """Which pictures cannot be opened, and why, by item id."""
        if self.trusted or not images:
            return {}
        reasons = {}
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            for item_id, path in progress(images.items(), label="check images", total=len(images)):
                reason = why_broken(path)
                if reason is not None:
                    reasons[item_id] = reason
        return reasons


def why_broken(path: Path) -> str | None:
    """Why a picture cannot be used, or None. Headers and checksums are read; only a cut-off JPEG is decoded."""
    try:
        with Image.open(path, formats=PICTURE_FORMATS) as image:
            image.verify()
            is_jpeg = image.format in ("JPEG", "MPO")
        if is_jpeg and not _ends_whole(path):
            with Image.open(path, formats=PICTURE_FORMATS) as image:
                image.load()
    except FileNotFoundError:
        return "no such file"
    except UnidentifiedImageError:
        return f"not a picture in a format that is read ({', '.join(PICTURE_FORMATS)})"
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError, Warning) as error:
        return " ".join(str(error).split()) or type(error).__name__
    return None


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 64))
        return _JPEG_END in stream.read()
