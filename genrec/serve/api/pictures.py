"""Pictures over the wire: read from data URLs, linked to, and sent as files.

What clients send is checked before it is decoded, and nothing is ever fetched for them. Knows no model and no store.
"""

import base64
import binascii
import io
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi.responses import FileResponse
from PIL import Image, ImageOps

from genrec.encode.clip import decode_image
from genrec.serve.errors import ApiError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
PICTURE_RESPONSE: dict[int | str, dict[str, Any]] = {  # Any: OpenAPI
    200: {"content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}, "description": "The picture."}
}
_DATA_URL = re.compile(r"data:image/[a-z0-9.+-]{1,32}(?:;[a-z0-9=._-]{1,64})*;base64,", re.IGNORECASE)
_SIDE_PX = 1024  # larger pictures are made smaller; every model here reads less
_MEDIA_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
}


def read_picture(url: str, *, max_pixels: int, param: str) -> Image.Image:
    """The picture of a data URL, RGB, at most 1024 pixels wide and high. Raises ApiError 400 when it is none."""
    head = _DATA_URL.match(url)
    if head is None:
        found = "another address" if ":" in url[:12] else "something else"
        raise _invalid(
            param, f"a data:image/…;base64,… URL is wanted, {found} was found; nothing is fetched for clients"
        )
    try:
        content = base64.b64decode(url[head.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise _invalid(param, f"the picture is not valid base64 ({error})") from error
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
            if opened.width * opened.height > max_pixels:
                size = f"{opened.width} × {opened.height}"
                raise _invalid(param, f"the picture has {size} pixels; at most {max_pixels:,} are read")
            opened.draft("RGB", (_SIDE_PX, _SIDE_PX))
            picture = decode_image(ImageOps.exif_transpose(opened))
    except ApiError:
        raise
    except Exception as error:  # Pillow raises almost anything over broken files
        raise _invalid(param, f"the picture cannot be decoded; {', '.join(FORMATS)} are read") from error
    picture.thumbnail((_SIDE_PX, _SIDE_PX))
    return picture


def _invalid(param: str, message: str) -> ApiError:
    return ApiError(status=400, code="invalid_image", message=f"{param}: {message}", param=param)


def send_picture(path: Path | None, *, otherwise: str) -> FileResponse:
    """The answer that holds a picture's file. Raises ApiError 404 with the message `otherwise` when there is none."""
    media_type = None if path is None else _MEDIA_TYPES.get(path.suffix.lower())
    if path is None or media_type is None or not path.is_file():
        raise ApiError(status=404, code="not_found", message=otherwise)
    headers = {"Content-Security-Policy": "default-src 'none'; sandbox", "Cache-Control": "private, max-age=3600"}
    return FileResponse(path, media_type=media_type, headers=headers)


class Links:
    """Addresses of pictures on this server. base: where a client reached it, such as http://127.0.0.1:8000/."""

    def __init__(self, base: str) -> None:
        self._base = base.rstrip("/")

    def item(self, item_id: str, *, has_image: bool) -> str | None:
        """The address of an item's picture, or None where it has none."""
        return f"{self._base}/v1/items/{quote(item_id, safe='')}/image" if has_image else None

    def visual(self, visual_id: str) -> str:
        """The address of a drawing."""
        return f"{self._base}/v1/visuals/{visual_id}"
