"""Pictures are decoded as a browser shows them, and what cannot be used says why in one line."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, features

from genrec.data.images import MAX_PIXELS, decode_image, why_unusable
from genrec.errors import SourceError

RED, WHITE = (255, 0, 0), (255, 255, 255)
NOISE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def near(found: object, wanted: tuple[int, int, int], within: int = 4) -> bool:
    return bool(np.abs(np.subtract(found, wanted)).max() <= within)


def written(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def test_a_camera_is_turned_upright(tmp_path: Path) -> None:
    turned = Image.new("RGB", (8, 4))
    exif = turned.getexif()
    exif[0x0112] = 6
    for name in ("a.jpg", "a.png", "a.webp", "a.tiff"):
        assert decode_image(written(tmp_path / name, turned, exif=exif)).size == (4, 8)


def test_a_broken_exif_is_passed_over(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jpg", Image.new("RGB", (8, 4), RED), exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff")
    assert decode_image(path).size == (8, 4)


def clear_palette() -> Image.Image:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.putpixel((1, 1), 1)
    image.info["transparency"] = 0
    return image


@pytest.mark.parametrize(
    ("image", "options", "first", "second"),
    [
        (Image.new("RGBA", (4, 4), (255, 0, 0, 0)), {}, WHITE, WHITE),
        (Image.new("RGBA", (4, 4), (255, 0, 0, 128)), {}, (255, 127, 127), (255, 127, 127)),
        (Image.new("LA", (4, 4), (0, 128)), {}, (127, 127, 127), (127, 127, 127)),
        (clear_palette(), {"transparency": 0}, WHITE, RED),
        (Image.new("RGB", (4, 4), (1, 2, 3)), {"transparency": (1, 2, 3)}, WHITE, WHITE),
        (Image.new("L", (4, 4), 9), {"transparency": 9}, WHITE, WHITE),
        (Image.new("1", (4, 4), 1), {}, WHITE, WHITE),
        (Image.new("L", (4, 4), 7), {}, (7, 7, 7), (7, 7, 7)),
    ],
)
def test_transparency_is_laid_on_white_in_every_mode(
    tmp_path: Path, image: Image.Image, options: dict[str, object], first: object, second: object
) -> None:
    decoded = decode_image(written(tmp_path / "a.png", image, **options))
    assert decoded.mode == "RGB"
    assert near(decoded.getpixel((0, 0)), first, 1)  # type: ignore[arg-type]
    assert near(decoded.getpixel((1, 1)), second, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["a.png", "a.tiff"])
def test_16_bits_of_gray_are_scaled_and_not_clipped(tmp_path: Path, name: str) -> None:
    values = np.array([[0, 257, 32768, 65535]] * 4, dtype=np.uint16)
    decoded = decode_image(written(tmp_path / name, Image.fromarray(values)))
    assert [decoded.getpixel((x, 0)) for x in range(4)] == [(v, v, v) for v in (0, 1, 128, 255)]


def test_gray_of_16_bits_that_stands_for_transparency_is_white() -> None:
    image = Image.fromarray(np.array([[1000, 2000]], dtype=np.uint16))
    image.info["transparency"] = 1000
    assert [decode_image(image).getpixel((x, 0)) for x in range(2)] == [WHITE, (8, 8, 8)]


def test_cmyk_of_a_jpeg_shows_its_colors(tmp_path: Path) -> None:
    inks = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert near(decode_image(written(tmp_path / "a.jpg", inks, quality=95)).getpixel((5, 5)), RED)


def wide_profile() -> bytes:
    """A display profile whose red lies outside of sRGB, made from sRGB's own by other primaries."""
    primaries = {b"rXYZ": (0.515, 0.241, -0.001), b"gXYZ": (0.292, 0.692, 0.042), b"bXYZ": (0.157, 0.067, 0.784)}
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for number in range(int.from_bytes(profile[128:132], "big")):
        entry = 132 + 12 * number
        tag, place = bytes(profile[entry : entry + 4]), int.from_bytes(profile[entry + 4 : entry + 8], "big")
        end = place + int.from_bytes(profile[entry + 8 : entry + 12], "big")
        if tag == b"desc":
            profile[place:end] = profile[place:end].replace(b"\x00s\x00R\x00G\x00B", b"\x00w\x00i\x00d\x00e")
        if tag in primaries:
            numbers = b"".join(round(value * 65536).to_bytes(4, "big", signed=True) for value in primaries[tag])
            profile[place + 8 : place + 20] = numbers
    return bytes(profile)


def test_wide_colors_are_brought_to_srgb_and_srgb_stays_as_it_is(tmp_path: Path) -> None:
    dull = Image.new("RGB", (4, 4), (180, 60, 60))
    wide = decode_image(written(tmp_path / "wide.png", dull, icc_profile=wide_profile())).getpixel((0, 0))
    assert wide[0] > 185  # type: ignore[index]  # Display P3's red is redder than it says
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert decode_image(written(tmp_path / "srgb.png", dull, icc_profile=srgb)).getpixel((0, 0)) == (180, 60, 60)
    assert decode_image(written(tmp_path / "odd.png", dull, icc_profile=b"none")).getpixel((0, 0)) == (180, 60, 60)


def test_what_moves_shows_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    for name in ("a.gif", "a.webp", "a.png", "a.tiff"):
        path = written(tmp_path / name, frames[0], save_all=True, append_images=frames[1:])
        assert near(decode_image(path).getpixel((0, 0)), RED)
        assert why_unusable(path) is None


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF"])
def test_every_kind_is_read_by_what_it_holds_whatever_its_name(tmp_path: Path, kind: str) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    for name in ("a.jpg", "a.jfif", "a"):
        Image.new("RGB", (32, 32), RED).save(tmp_path / name, format=kind)
        assert near(decode_image(tmp_path / name).getpixel((3, 3)), RED)
        assert near(decode_image((tmp_path / name).read_bytes()).getpixel((3, 3)), RED)
        assert why_unusable(tmp_path / name) is None


def test_a_plain_rgb_picture_is_decoded_bit_by_bit(tmp_path: Path) -> None:
    path = written(tmp_path / "a.png", Image.fromarray(NOISE))
    np.testing.assert_array_equal(np.asarray(decode_image(path)), NOISE)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "an empty file"),
        (b"<html><body>404</body></html>", "a web page"),
        (b"\xef\xbb\xbf <!DOCTYPE HTML>\n<title>x", "a web page"),
        (b"<?xml version='1.0'?>\n<!-- x --><svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "is text"),
        (b'{"error": "not found"}', "is text"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a Git LFS pointer"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "a HEIC photo"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp41", "a video"),
        (b"\x1aE\xdf\xa3\x01\x00\x00\x00", "a video"),
        (b"8BPS\x00\x01" + bytes(40), "a Photoshop file"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "a PostScript file"),
        (b"\x00\x00\x01\x00\x01\x00\x10\x10", "an icon"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "a WAV sound"),
        (b"PK\x03\x04" + bytes(30), "a ZIP archive"),
        (bytes(range(200, 256)), "no picture of a known kind"),
    ],
)
def test_what_is_no_picture_that_is_read_is_refused_by_its_name(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    said = why_unusable(path) or ""
    assert reason in said
    assert "\n" not in said
    with pytest.raises(SourceError, match=reason):
        decode_image(path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF"])
def test_a_picture_that_breaks_off_is_refused_and_a_whole_one_is_not(tmp_path: Path, kind: str) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    path = tmp_path / "a"
    Image.fromarray(NOISE).save(path, format=kind)
    assert why_unusable(path) is None
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "fetch it again" in (why_unusable(path) or "")
    with pytest.raises(SourceError, match="cannot be decoded"):
        decode_image(path)


def test_a_jpeg_without_its_last_two_bytes_or_with_more_after_them_is_whole(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jpg", Image.fromarray(NOISE))
    content = path.read_bytes()
    path.write_bytes(content + bytes(500))
    assert why_unusable(path) is None


@pytest.mark.parametrize(
    ("size", "reason"), [((1, 1), "a single pixel"), ((3000, 2), "a strip of 3,000 × 2"), ((1, 150), "a strip")]
)
def test_pictures_of_odd_sizes_are_refused_with_a_reason(tmp_path: Path, size: tuple[int, int], reason: str) -> None:
    path = written(tmp_path / "a.png", Image.new("RGB", size))
    assert reason in (why_unusable(path) or "")
    with pytest.raises(SourceError, match=reason):
        decode_image(path)


@pytest.mark.parametrize("size", [(2, 1), (2000, 30)])
def test_small_and_wide_pictures_are_used(tmp_path: Path, size: tuple[int, int]) -> None:
    path = written(tmp_path / "a.png", Image.new("RGB", size))
    assert why_unusable(path) is None
    assert decode_image(path).size == size


@pytest.mark.parametrize("side", [10_000, 14_000])
def test_a_bomb_is_refused_by_its_header(tmp_path: Path, side: int) -> None:
    path = written(tmp_path / "a.png", Image.new("1", (side, side)))
    assert f"{MAX_PIXELS:,}" in (why_unusable(path) or "")
    with pytest.raises(SourceError, match="make it smaller"):
        decode_image(path)


def test_numbers_that_are_no_colors_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tiff", Image.fromarray(np.ones((4, 4), dtype=np.float32)))
    assert "no colors" in (why_unusable(path) or "")


def test_a_look_at_a_whole_picture_decodes_no_pixels(tmp_path: Path) -> None:
    def forged(kind: str, damage: Callable[[bytes], bytes]) -> Path:
        stream = io.BytesIO()
        Image.fromarray(NOISE).save(stream, format=kind)
        path = tmp_path / kind
        path.write_bytes(damage(stream.getvalue()))
        return path

    # Only a decoder could tell: the pixels are damaged, the ends are not.
    jpeg = forged("JPEG", lambda content: content[:-400] + b"\xff\xd9")
    with pytest.raises(SourceError):
        decode_image(written(tmp_path / "cut.jpg", Image.fromarray(NOISE)).read_bytes()[:-400])
    assert why_unusable(jpeg) is None


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    assert why_unusable(tmp_path / "none.png") == "no such file"
    with pytest.raises(SourceError, match=r"none\.png cannot be decoded: no such file"):
        decode_image(tmp_path / "none.png")
