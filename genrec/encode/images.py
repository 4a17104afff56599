"""Pictures as models read them: decoded, RGB, the right way up. Loads no model."""

from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from genrec.data.media import PICTURE_FORMATS
from genrec.errors import SourceError

Picture = Path | Image.Image


def decode_image(image: Picture) -> Image.Image:
    """An RGB picture: turned as its camera says, transparency on white. Raises SourceError naming the file."""
    if isinstance(image, Image.Image):
        return _to_rgb(image)
    try:
        with Image.open(image, formats=PICTURE_FORMATS) as opened:
            return _to_rgb(ImageOps.exif_transpose(opened))
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise SourceError(
            f"image {image} cannot be decoded ({type(error).__name__}: {error}); replace the file or remove the image "
            "from its item"
        ) from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        image.load()
        return image
    if "A" in image.getbands() or "transparency" in image.info:
        layer = image.convert("RGBA")
        page = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(page, layer).convert("RGB")
    return image.convert("RGB")
