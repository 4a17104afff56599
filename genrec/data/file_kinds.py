"""What a picture, a sound or whatever stands in its place is, told by its first bytes: names of files lie.

Knows the signatures of what shops keep in folders of pictures and sounds, and what to do about a kind that is not read;
deliberately decodes nothing.
"""

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

HEAD_BYTES = 512
READABLE_WITH_AVIF = bool(find_spec("PIL.AvifImagePlugin"))  # younger than the oldest Pillow that will do
_AS_PICTURE = "save it as PNG or JPEG"


@dataclass(frozen=True, slots=True)
class FileKind:
    """One kind of file. name: with its article; advice: what to do where it is not read; media_type: where
    browsers show it."""

    name: str
    media: Literal["picture", "sound", "other"]
    advice: str = _AS_PICTURE
    suffix: str = ""
    media_type: str | None = None
    is_read: bool = False

    @property
    def reason(self) -> str:
        """Why a file of this kind is not read."""
        return f"it is {self.name}, which is not read; {self.advice}"


def _picture(name: str, suffix: str, media_type: str) -> FileKind:
    return FileKind(name, "picture", suffix=suffix, media_type=media_type, is_read=True)


def _sound(name: str, suffix: str) -> FileKind:
    return FileKind(name, "sound", "give the item's picture", suffix, is_read=True)


PNG = _picture("a PNG", ".png", "image/png")
JPEG = _picture("a JPEG", ".jpg", "image/jpeg")
GIF = _picture("a GIF", ".gif", "image/gif")
WEBP = _picture("a WebP", ".webp", "image/webp")
BMP = _picture("a BMP", ".bmp", "image/bmp")
TIFF = _picture("a TIFF", ".tiff", "image/tiff")
PPM = FileKind("a PPM", "picture", suffix=".ppm", is_read=True)
AVIF = FileKind("an AVIF", "picture", suffix=".avif", media_type="image/avif", is_read=READABLE_WITH_AVIF)
WAV = _sound("a WAV sound", ".wav")
FLAC = _sound("a FLAC sound", ".flac")
OGG = _sound("an Ogg sound", ".ogg")
MP3 = _sound("an MP3 sound", ".mp3")
VIDEO = FileKind("a video", "other", "give a still of it as PNG or JPEG")

EMPTY = FileKind("an empty file", "other", "fetch it again")
UNKNOWN = FileKind("no picture of a known kind", "other")
_SVG = FileKind("an SVG drawing", "picture")
_HEIC = FileKind("a HEIC photo", "picture")
_HTML = FileKind("a web page (HTML)", "other", "fetch the picture again: servers send pages where they have none")
_TEXT = FileKind("text", "other", "fetch the picture again")
_LFS = FileKind("a Git LFS pointer", "other", "run git lfs pull")
_JXL = FileKind("a JPEG XL", "picture")

_SIGNATURES: tuple[tuple[bytes, FileKind], ...] = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"GIF8", GIF),
    (b"BM", BMP),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"II+\x00", TIFF),
    (b"fLaC", FLAC),
    (b"OggS", OGG),
    (b"ID3", MP3),
    (b"8BPS", FileKind("a Photoshop file (PSD)", "picture")),
    (b"%PDF", FileKind("a PDF", "other")),
    (b"%!PS", FileKind("a PostScript file", "picture")),
    (b"\x00\x00\x00\x0cjP  ", FileKind("a JPEG 2000", "picture")),
    (b"\xff\x4f\xff\x51", FileKind("a JPEG 2000", "picture")),
    (b"\x00\x00\x00\x0cJXL ", _JXL),
    (b"\xff\x0a", _JXL),
    (b"\x00\x00\x01\x00", FileKind("an icon (ICO)", "picture")),
    (b"\x1a\x45\xdf\xa3", VIDEO),
    (b"FLV\x01", VIDEO),
    (b"\x00\x00\x01\xba", VIDEO),
    (b"\x00\x00\x01\xb3", VIDEO),
    (b"PK\x03\x04", FileKind("a ZIP archive", "other", "unpack it")),
    (b"\x1f\x8b", FileKind("a gzipped file", "other", "unpack it")),
    (b"version https://git-lfs", _LFS),
)
_BRANDS = {  # of the files whose first box is ftyp
    **dict.fromkeys((b"avif", b"avis"), AVIF),
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"), _HEIC),
    **dict.fromkeys((b"M4A ", b"M4B "), FileKind("an MPEG-4 sound", "other", "save it as FLAC, MP3 or WAV")),
}
_RIFF = {b"WEBP": WEBP, b"WAVE": WAV, b"AVI ": VIDEO}
_SVG_ROOT = re.compile(rb"<(?:\w+:)?svg[\s/>]", re.IGNORECASE)
_HTML_START = re.compile(rb"<(?:!doctype html|html|head|body|script|title)\b", re.IGNORECASE)


def kind_of(head: bytes) -> FileKind:
    """What a file is whose first HEAD_BYTES are these."""
    if not head.strip(b"\x00 \t\r\n"):
        return EMPTY if not head else UNKNOWN
    if head[4:8] == b"ftyp":
        brands = (head[8:12], *(head[place : place + 4] for place in range(16, min(head[3], len(head) - 3), 4)))
        kinds = [_BRANDS[brand] for brand in brands if brand in _BRANDS]
        return AVIF if AVIF in kinds else kinds[0] if kinds else VIDEO
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], UNKNOWN)
    known = next((kind for signature, kind in _SIGNATURES if head.startswith(signature)), None)
    if known is not None:
        return known
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace():
        return PPM
    if head[:1] == b"\xff" and head[1:2] and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 in (2, 4):  # layers III and II
        return MP3
    return _text_kind(head)


def _text_kind(head: bytes) -> FileKind:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head[2:].replace(b"\x00", b"")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _HTML_START.match(text):
        return _HTML
    if text.startswith(b"<") and _SVG_ROOT.search(text):
        return _SVG
    return UNKNOWN if b"\x00" in head or any(byte < 9 for byte in head) else _TEXT if _is_text(head) else UNKNOWN


def _is_text(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return len(head) == HEAD_BYTES and error.start > HEAD_BYTES - 4  # a character that the head cuts
    return True


def kind_of_file(path: Path) -> FileKind:
    """What a file is. Raises OSError where it cannot be opened."""
    with path.open("rb") as stream:
        return kind_of(stream.read(HEAD_BYTES))
