"""Pictures from outside: decoded when they are sound, refused with one line when they are not, never fetched."""

import struct
import zlib

import pytest
from serve_worlds import data_url, encoded

from genrec.serve.api.pictures import FORMATS, read_picture
from genrec.serve.errors import ApiError


def png_that_says(width: int, height: int) -> bytes:
    """A PNG whose header tells of more pixels than it holds."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = b""
    for name, content in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")):
        chunks += struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize("kind", FORMATS)
def test_pictures_of_every_format_are_read(kind: str) -> None:
    picture = read_picture(data_url(encoded(kind=kind), kind.lower()), max_pixels=10_000, param="image")
    assert (picture.mode, picture.size) == ("RGB", (40, 30))
    red, green, _ = picture.getpixel((20, 15))
    assert red > 200 > 60 > green


def test_large_pictures_are_made_smaller() -> None:
    picture = read_picture(data_url(encoded((3000, 1500))), max_pixels=10_000_000, param="image")
    assert picture.size == (1024, 512)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://example.org/x.png", "nothing is fetched"),
        ("file:///etc/passwd", "nothing is fetched"),
        ("data:text/html;base64,PGI+", "nothing is fetched"),
        ("", "something else was found"),
        ("data:image/png;base64,***", "not valid base64"),
        (data_url(b""), "cannot be decoded"),
        (data_url(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "svg+xml"), "cannot be decoded"),
        (data_url(encoded()[:60]), "cannot be decoded"),
        (data_url(png_that_says(100_000, 100_000)), "cannot be decoded"),
        (data_url(png_that_says(5_000, 5_000)), "at most 10,000 are read"),
        (data_url(encoded((101, 100))), "101 × 100 pixels"),
    ],
)
def test_what_is_no_sound_picture_is_refused(url: str, message: str) -> None:
    with pytest.raises(ApiError, match=message) as caught:
        read_picture(url, max_pixels=10_000, param="image")
    assert caught.value.status == 400
    assert "\n" not in caught.value.message
