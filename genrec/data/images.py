"""One door for the pictures of items: looked at by their headers, and decoded as a browser shows them.

What a file holds decides, not its name. Turned as its camera says, transparency on white, the first frame of what
moves, 16 bits of gray scaled to 8, colors of CMYK and of embedded profiles brought to sRGB. What breaks off is refused,
where a browser would show a part and gray: the item is better off with its words, and a list says what to fetch again.
So is a single pixel, which stands for no picture, and a strip, of which models read next to nothing. A gamma in the
header of a PNG and an orientation outside of EXIF are not obeyed. Loads no model.
"""

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from genrec.data.file_kinds import HEAD_BYTES, UNKNOWN, FileKind, kind_of
from genrec.data.media import PICTURE_FORMATS
from genrec.errors import SourceError

Picture = Path | Image.Image
MAX_PIXELS = 89_478_485  # as Pillow has it: 256 MiB of RGB
MAX_RATIO = 100  # of a picture's sides
_MODES = frozenset(
    ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "I", "I;16", "I;16B", "I;16L")
)
_TAIL_BYTES = 64
_FAILURES = (OSError, ValueError, SyntaxError, EOFError, KeyError, TypeError, IndexError, ArithmeticError, MemoryError,
             Image.DecompressionBombError, Warning)  # fmt: skip  # Pillow raises almost anything over broken files


def decode_image(image: Picture | bytes, *, keeps_alpha: bool = False) -> Image.Image:
    """An RGB picture as a browser shows it, or with keeps_alpha an RGBA one where parts of it are transparent.

    image: a file, what one holds, or a picture. Raises SourceError.
    """
    convert = _with_alpha if keeps_alpha else _to_rgb
    if isinstance(image, Image.Image):
        return convert(image)
    name = "of these bytes" if isinstance(image, bytes) else str(image)
    try:
        source = BytesIO(image) if isinstance(image, bytes) else image
        with _quietly(), Image.open(source, formats=PICTURE_FORMATS) as opened:
            reason = _why_unfit(opened)
            if reason is None:
                return convert(_upright(opened))
    except UnidentifiedImageError:
        reason = _why_unidentified(image)
    except _FAILURES as error:
        reason = _said(error)
    raise SourceError(f"image {name} cannot be decoded: {reason}; or remove the image from its item")


def why_unusable(path: Path) -> str | None:
    """Why a picture cannot be used, or None. Its header, checksums and end are read; pixels are decoded in doubt."""
    try:
        with path.open("rb") as stream, _quietly():
            return _why_unusable(stream)
    except FileNotFoundError:
        return "no such file"
    except OSError as error:
        return _said(error)


def _why_unusable(stream: BinaryIO) -> str | None:
    kind = kind_of(stream.read(HEAD_BYTES))
    stream.seek(0)
    if kind is not UNKNOWN and not (kind.media == "picture" and kind.is_read):
        return kind.reason
    try:
        with Image.open(stream, formats=PICTURE_FORMATS) as image:
            if reason := _why_unfit(image):
                return reason
            ends_whole = _ENDS.get(image.format or "")
            if ends_whole is not None and ends_whole(stream, image):
                return None
            stream.seek(0)
        with Image.open(stream, formats=PICTURE_FORMATS) as image:
            image.load()
    except UnidentifiedImageError:
        return _why_unknown(kind)
    except _FAILURES as error:
        return _said(error)
    return None


def _why_unfit(image: Image.Image) -> str | None:
    """What the header alone says against a picture."""
    width, height = image.size
    size = f"{width:,} × {height:,} pixels"
    if width * height > MAX_PIXELS:
        return f"it has {size}; at most {MAX_PIXELS:,} are read, so make it smaller"
    if width * height == 1:
        return "it is a single pixel, which stands for no picture; give the picture itself"
    if max(width, height) > MAX_RATIO * min(width, height):
        return f"it is a strip of {size}; at most {MAX_RATIO} times as long as wide is read, so cut it out"
    if image.mode not in _MODES:
        return f"its pixels are {image.mode}, which are no colors for a screen; save it with 8 bits"
    return None


def _why_unidentified(image: Path | bytes) -> str:
    if isinstance(image, bytes):
        head = image[:HEAD_BYTES]
    else:
        try:
            with image.open("rb") as stream:
                head = stream.read(HEAD_BYTES)
        except OSError as error:
            return _said(error)
    return _why_unknown(kind_of(head))


def _why_unknown(kind: FileKind) -> str:
    """Why Pillow knows nothing of a file of this kind."""
    return "its header is broken; fetch it again" if kind.media == "picture" and kind.is_read else kind.reason


@contextmanager
def _quietly() -> Iterator[None]:
    """Meanwhile, let Pillow not warn of what is passed over (a broken EXIF) or refused (a bomb) anyway."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL(\..*)?")
        yield


def _said(error: BaseException) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"it has more than {MAX_PIXELS:,} pixels; make it smaller"
    said = " ".join(str(error).split()) or type(error).__name__
    if "truncated" in said.lower() or isinstance(error, EOFError):
        return "it breaks off; fetch it again"  # without how many bytes, so that equal reasons are counted as one
    return f"it is damaged ({said}); fetch it again"


# ---- where a file ends


def _png_is_whole(_: BinaryIO, image: Image.Image) -> bool:
    image.verify()  # checksums of all chunks; raises where one is wrong
    return True


def _jpeg_is_whole(stream: BinaryIO, _: Image.Image) -> bool:
    return b"\xff\xd9" in _tail(stream)


def _gif_is_whole(stream: BinaryIO, _: Image.Image) -> bool:
    return _tail(stream).rstrip(b"\x00").endswith(b";")


def _riff_is_whole(stream: BinaryIO, _: Image.Image) -> bool:
    return int.from_bytes(_head(stream, 8)[4:], "little") + 8 <= _size(stream)


def _bmp_is_whole(stream: BinaryIO, image: Image.Image) -> bool:
    return image.info.get("compression") == 0 and int.from_bytes(_head(stream, 6)[2:], "little") <= _size(stream)


def _boxes_are_whole(stream: BinaryIO, _: Image.Image) -> bool:
    """Whether the boxes of an AVIF end where the file does."""
    place, size = 0, _size(stream)
    while place < size:
        stream.seek(place)
        head = stream.read(16)
        length = int.from_bytes(head[:4], "big")
        length = int.from_bytes(head[8:16], "big") if length == 1 else length or size - place
        if length < 8:
            return False
        place += length
    return place == size


def _head(stream: BinaryIO, num_bytes: int) -> bytes:
    stream.seek(0)
    return stream.read(num_bytes)


def _tail(stream: BinaryIO) -> bytes:
    stream.seek(max(0, _size(stream) - _TAIL_BYTES))
    return stream.read()


def _size(stream: BinaryIO) -> int:
    return os.fstat(stream.fileno()).st_size


_ENDS: Mapping[str, Callable[[BinaryIO, Image.Image], bool]] = {
    "PNG": _png_is_whole,
    "JPEG": _jpeg_is_whole,
    "MPO": _jpeg_is_whole,
    "GIF": _gif_is_whole,
    "WEBP": _riff_is_whole,
    "BMP": _bmp_is_whole,
    "AVIF": _boxes_are_whole,
}  # pixels of others are decoded


# ---- pixels


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except (SyntaxError, ValueError, TypeError, KeyError, IndexError, ArithmeticError):  # an EXIF that is broken
        image.load()
        return image


def _with_alpha(image: Image.Image) -> Image.Image:
    """RGBA where the picture has transparent parts, else RGB."""
    has_alpha = image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info
    if not has_alpha or image.mode.startswith("I"):
        return _to_rgb(image)
    return _to_srgb(image.convert("RGBA"))


def _to_rgb(image: Image.Image) -> Image.Image:
    has_alpha = image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info
    if image.mode == "RGB" and not has_alpha and "icc_profile" not in image.info:
        image.load()
        return image
    if image.mode.startswith("I"):
        return _scaled_gray(image)
    if not has_alpha:
        return _to_srgb(image)
    layer = _to_srgb(image.convert("RGBA"))
    page = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(page, layer).convert("RGB")


def _scaled_gray(image: Image.Image) -> Image.Image:
    """16 bits of gray as 8, white being white; a gray that stands for transparency becomes white."""
    values = np.asarray(image)
    gray = ((values.clip(0, 0xFFFF).astype(np.uint32) + 128) // 257).astype(np.uint8)
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        gray[values == clear] = 255
    return Image.fromarray(gray).convert("RGB")


def _to_srgb(image: Image.Image) -> Image.Image:
    """The picture in RGB or RGBA, its colors brought from the profile it has to sRGB."""
    wanted = "RGBA" if image.mode == "RGBA" else "RGB"
    source = image if image.mode in ("RGB", "RGBA", "CMYK", "L") else image.convert("RGB")
    profile = image.info.get("icc_profile")
    if profile and (transform := _transform(profile, source.mode, wanted)) is not None:
        try:
            return ImageCms.applyTransform(source, transform) or source  # None is for work in place
        except (ImageCms.PyCMSError, ValueError):
            pass  # as without a profile
    return image.convert(wanted)


@lru_cache(maxsize=64)
def _transform(profile: bytes, mode: str, wanted: str) -> ImageCms.ImageCmsTransform | None:
    """From a profile to sRGB; None where it is sRGB, or none for such pixels, which browsers pass over, too."""
    try:
        found = ImageCms.ImageCmsProfile(BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(found).casefold():
            return None
        return ImageCms.buildTransform(found, ImageCms.createProfile("sRGB"), mode, wanted)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
