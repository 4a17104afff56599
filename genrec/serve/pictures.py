"""Pictures that clients send: data URLs alone, checked before they are decoded. Nothing is ever fetched."""

import base64
import binascii
import io
import re

from PIL import Image, ImageOps

from genrec.encode.clip import decode_image
from genrec.serve.errors import ApiError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
_DATA_URL = re.compile(r"data:image/[a-z0-9.+-]{1,32}(?:;[a-z0-9=._-]{1,64})*;base64,", re.IGNORECASE)
_SIDE_PX = 1024  # larger pictures are made smaller; every model here reads less


def read_picture(url: str, *, max_pixels: int, param: str) -> Image.Image:
    """The picture of a data URL, RGB, at most 1024 pixels wide and high. Raises Problem 400 when it is none."""
    head = _DATA_URL.match(url)
    if head is None:
        found = "another address" if ":" in url[:12] else "something else"
        raise _problem(
            param, f"a data:image/…;base64,… URL is wanted, {found} was found; nothing is fetched for clients"
        )
    try:
        content = base64.b64decode(url[head.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise _problem(param, f"the picture is not valid base64 ({error})") from error
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
            if opened.width * opened.height > max_pixels:
                size = f"{opened.width} × {opened.height}"
                raise _problem(param, f"the picture has {size} pixels; at most {max_pixels:,} are read")
            opened.draft("RGB", (_SIDE_PX, _SIDE_PX))
            picture = decode_image(ImageOps.exif_transpose(opened))
    except ApiError:
        raise
    except Exception as error:  # Pillow raises almost anything over broken files
        raise _problem(param, f"the picture cannot be decoded; {', '.join(FORMATS)} are read") from error
    picture.thumbnail((_SIDE_PX, _SIDE_PX))
    return picture


def _problem(param: str, message: str) -> ApiError:
    return ApiError(status=400, code="invalid_image", message=f"{param}: {message}", param=param)
