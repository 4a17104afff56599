"""A file is what its first bytes say."""

import pytest

from genrec.data.file_kinds import AVIF, EMPTY, FLAC, GIF, JPEG, MP3, OGG, PNG, UNKNOWN, WAV, WEBP, FileKind, kind_of


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", PNG),
        (b"\xff\xd8\xff\xe0", JPEG),
        (b"GIF89a", GIF),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", WEBP),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", WAV),
        (b"\x00\x00\x00\x20ftypavif\x00\x00\x00\x00mif1avif", AVIF),
        (b"\x00\x00\x00\x20ftypmif1\x00\x00\x00\x00mif1avif", AVIF),
        (b"fLaC\x00", FLAC),
        (b"OggS\x00", OGG),
        (b"ID3\x04", MP3),
        (b"\xff\xfb\x90", MP3),
        (b"", EMPTY),
        (b"\xff", UNKNOWN),
        (b"\x00\x00\x00", UNKNOWN),
        (b"RIFF", UNKNOWN),
    ],
)
def test_kinds_are_told_by_their_first_bytes(head: bytes, kind: FileKind) -> None:
    assert kind_of(head) is kind


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("<html><p>404".encode("utf-16"), "a web page (HTML)"),
        (b"\n\n  <HTML>", "a web page (HTML)"),
        (b"<svg/>", "an SVG drawing"),
        (b"<!-- Inkscape -->\n<svg:svg xmlns:svg='x'>", "an SVG drawing"),
        ("Größe!".encode() * 63 + b"abcdefg\xc3", "text"),  # a character is cut by the head
        (b"item_id,title\n1,Lamp\n", "text"),
        (b"\x01\x02\x03\x04", "no picture of a known kind"),
    ],
)
def test_texts_are_told_from_pages_and_drawings(head: bytes, name: str) -> None:
    assert kind_of(head).name == name


def test_the_reason_is_one_line_that_says_what_to_do() -> None:
    assert kind_of(b"<svg/>").reason == "it is an SVG drawing, which is not read; save it as PNG or JPEG"
