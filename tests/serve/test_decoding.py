"""Pictures made to take time and memory cost a refusal, and nobody else anything."""

import asyncio
import io
import queue
import struct
import time
import zlib

import pytest
from PIL import Image
from serve_worlds import encoded

from genrec.serve.decoding import FORMATS, MAX_SCANS, DecodedPicture, PictureDecoder, UnsoundPicture

MAX_PIXELS = 16_000_000


@pytest.fixture(scope="module")
def decoder():
    opened = PictureDecoder(limit_s=60, max_pixels=MAX_PIXELS, max_waiting=100)
    yield opened
    opened.close()


def decode(decoder: PictureDecoder, content: bytes, max_pixels: int = MAX_PIXELS) -> DecodedPicture:
    return asyncio.run(decoder.decode(content, max_pixels=max_pixels))


def refusal(decoder: PictureDecoder, content: bytes, **options: int) -> str:
    with pytest.raises(UnsoundPicture) as caught:
        decode(decoder, content, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, *, interlaced: bool = False, depth: int = 8, extra: bytes = b"") -> bytes:
    """A PNG of nothing but zeros, with the whole of its pixels; extra: chunks before them."""
    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, int(interlaced))
    packer = zlib.compressobj(9)
    row = b"\0" * (1 + width * 3 * depth // 8)
    pixels = b"".join(packer.compress(row) for _ in range(height + (height if interlaced else 0))) + packer.flush()
    body = png_chunk(b"IHDR", header) + extra + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def many_scans(num_scans: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(buffer, "JPEG", progressive=True)
    content = buffer.getvalue()
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * num_scans + content[-2:]


def endless_comment(num_bytes: int) -> bytes:
    """A GIF with a comment in parts of one byte, which Pillow joins one by one."""
    whole = encoded(kind="GIF")
    place = whole.index(b"\x2c", 13)
    return whole[:place] + b"\x21\xfe" + b"\x01x" * (num_bytes // 2) + b"\x00" + whole[place:]


@pytest.mark.parametrize("kind", FORMATS)
def test_pictures_of_every_format_are_read(decoder: PictureDecoder, kind: str) -> None:
    decoded = decode(decoder, encoded(kind=kind))
    assert (decoded.image.mode, decoded.image.size, decoded.num_pixels) == ("RGB", (40, 30), 1200)
    red, green, _ = decoded.image.getpixel((20, 15))
    assert red > 200 > 60 > green


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_large_pictures_are_made_smaller_and_their_own_pixels_are_told(decoder: PictureDecoder, kind: str) -> None:
    decoded = decode(decoder, encoded((3000, 1500), kind))
    assert (decoded.image.size, decoded.num_pixels) == ((1024, 512), 4_500_000)
    red, green, _ = decoded.image.getpixel((500, 250))
    assert red > 200 > 60 > green


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_every_kind_of_pixels_is_read_small_and_large(decoder: PictureDecoder, mode: str) -> None:
    for size in ((30, 20), (3000, 2000)):
        buffer = io.BytesIO()
        Image.new(mode, size).save(buffer, "JPEG" if mode == "CMYK" else "PNG")
        assert decode(decoder, buffer.getvalue()).image.mode == "RGB"


def test_large_pictures_are_turned_upright_and_what_is_clear_is_white(decoder: PictureDecoder) -> None:
    turned, buffer = Image.new("RGB", (3000, 1500)), io.BytesIO()
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(buffer, "JPEG", exif=exif)
    assert decode(decoder, buffer.getvalue()).image.size == (512, 1024)
    for mode, clear in (("RGBA", (255, 0, 0, 0)), ("P", 0)):
        buffer = io.BytesIO()
        options = {"transparency": 0} if mode == "P" else {}
        Image.new(mode, (3000, 1500), clear).save(buffer, "PNG", **options)
        assert decode(decoder, buffer.getvalue()).image.getpixel((5, 5)) == (255, 255, 255)


def test_only_the_first_of_many_frames_is_read(decoder: PictureDecoder) -> None:
    frames = [Image.new("RGB", (40, 30), (number, 200, 0)) for number in range(256)]
    for kind in ("GIF", "PNG", "WEBP"):
        buffer = io.BytesIO()
        frames[0].save(buffer, kind, save_all=True, append_images=frames[1:])
        red, green, _ = decode(decoder, buffer.getvalue()).image.getpixel((20, 15))
        assert red < 60 < 150 < green


def test_a_header_that_tells_of_too_many_pixels_is_refused_before_they_are_decoded(decoder: PictureDecoder) -> None:
    broken = png(5_000, 5_000)[:200]
    assert "5000 × 5000 pixels; at most 16,000,000 are read" in refusal(decoder, broken)
    assert "5000 × 5000 pixels; at most 9,000 are read" in refusal(decoder, broken, max_pixels=9_000)
    huge = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 2**30, 2**30, 8, 2, 0, 0, 0))
    assert "pixels; at most" in refusal(decoder, huge + png_chunk(b"IDAT", b""))


@pytest.mark.parametrize("options", [{}, {"interlaced": True}, {"depth": 16}])
def test_the_largest_pictures_of_one_color_are_read_in_little_time_and_memory(
    decoder: PictureDecoder, options: dict[str, int]
) -> None:
    content = png(4_000, 4_000, **options)
    assert len(content) < 250_000
    assert decode(decoder, content).image.size == (1024, 1024)


def test_a_long_thin_picture_is_read(decoder: PictureDecoder) -> None:
    assert decode(decoder, encoded((1_000_000, 1))).image.size == (1024, 1)


def test_a_jpeg_of_many_scans_is_refused_unread(decoder: PictureDecoder) -> None:
    assert decode(decoder, many_scans(20)).image.size == (64, 64)
    assert f"more than {MAX_SCANS} scans" in refusal(decoder, many_scans(5_000))


@pytest.mark.parametrize(
    "content", [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", encoded()[:60], b"%!PS-Adobe-3.0 EPSF-3.0\n"]
)
def test_what_is_no_sound_picture_is_refused(decoder: PictureDecoder, content: bytes) -> None:
    assert "cannot be decoded; PNG, JPEG, WEBP, GIF, BMP are read" in refusal(decoder, content)


def test_what_takes_too_long_is_ended_while_others_are_read() -> None:
    hurried = PictureDecoder(limit_s=0.5, max_pixels=MAX_PIXELS, max_waiting=100)

    async def both() -> tuple[float, float]:
        await asyncio.gather(*(hurried.decode(encoded(), max_pixels=100_000) for _ in range(2)))  # both have started
        start = time.monotonic()
        slow = asyncio.create_task(hurried.decode(endless_comment(6_000_000), max_pixels=100_000))
        await asyncio.sleep(0.1)
        for _ in range(10):
            await hurried.decode(encoded(), max_pixels=100_000)
        others_s = time.monotonic() - start
        with pytest.raises(UnsoundPicture, match="cannot be decoded within"):
            await slow
        return others_s, time.monotonic() - start

    try:
        others_s, slow_s = asyncio.run(both())
        assert others_s < 0.5 <= slow_s < 10
        assert decode(hurried, encoded()).num_pixels == 1200  # on a process that was started again
    finally:
        hurried.close()


def test_what_takes_too_much_memory_is_refused() -> None:
    tight = PictureDecoder(limit_s=60, max_pixels=10_000, max_waiting=100, memory_bytes=2**25)
    try:
        assert decode(tight, encoded()).num_pixels == 1200
        assert "too much memory" in refusal(tight, endless_comment(6_000_000))
        assert decode(tight, encoded()).num_pixels == 1200
    finally:
        tight.close()


def test_more_than_can_wait_are_refused_at_once() -> None:
    busy = PictureDecoder(limit_s=60, max_pixels=MAX_PIXELS, max_waiting=3)

    async def ask() -> list[object]:
        asked = (busy.decode(encoded(), max_pixels=10_000) for _ in range(5))
        return await asyncio.gather(*asked, return_exceptions=True)

    try:
        answers = asyncio.run(ask())
    finally:
        busy.close()
    assert [type(answer) for answer in answers] == [DecodedPicture] * 3 + [queue.Full] * 2
