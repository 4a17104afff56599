"""Pictures are decoded upright, on white."""

from PIL import Image

from genrec.encode.images import decode_image


def test_transparency_is_laid_on_white_and_cameras_are_turned_upright(tmp_path):
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert decode_image(clear).getpixel((0, 0)) == (255, 255, 255)
    assert decode_image(Image.new("L", (4, 4), 7)).getpixel((0, 0)) == (7, 7, 7)
    turned = Image.new("RGB", (8, 4))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.jpg", exif=exif)
    assert decode_image(tmp_path / "turned.jpg").size == (4, 8)
