"""Pictures over the wire: read from data URLs, linked to, and sent as files, as videos and sounds are.

What clients send is checked before it is decoded, and nothing is ever fetched for them. Knows no model and no store.
"""

import asyncio
import base64
import binascii
import os
import queue
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import quote

from fastapi.responses import FileResponse
from PIL import Image
from starlette.concurrency import run_in_threadpool

from genrec.artifacts import fingerprint_file
from genrec.config import ServeConfig
from genrec.data.file_kinds import kind_of_file
from genrec.schema import Item
from genrec.serve.decoding import DecodedPicture, PictureDecoder, UnsoundPicture
from genrec.serve.errors import ApiError
from genrec.serve.inference.batching import Overloaded

Medium = Literal["video", "audio"]
PICTURE_RESPONSE: dict[int | str, dict[str, Any]] = {  # Any: OpenAPI
    200: {"content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}, "description": "The picture."}
}
MEDIA_RESPONSE: dict[int | str, dict[str, Any]] = {  # Any: OpenAPI
    200: {
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("video/*", "audio/*")},
        "description": "The file.",
    }
}
_DATA_URL = re.compile(r"data:image/[a-z0-9.+-]{1,32}(?:;[a-z0-9=._-]{1,64})*;base64,", re.IGNORECASE)
MEDIA: tuple[Medium, ...] = get_args(Medium)
_PLAYED_TYPES: Mapping[Medium, Mapping[str, str]] = {
    "video": {".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm", ".mov": "video/quicktime"},
    "audio": {
        ".mp3": "audio/mpeg",
        ".wav": "audio/wav",
        ".ogg": "audio/ogg",
        ".flac": "audio/flac",
        ".m4a": "audio/mp4",
    },
}


class PictureReader:
    """Reads the photos of requests: data URLs or base64, so many for each request, with so many pixels together."""

    def __init__(self, config: ServeConfig) -> None:
        self._config = config
        self._decoder = PictureDecoder(
            limit_s=config.photo_limit_s, max_pixels=config.max_picture_pixels, max_waiting=config.max_waiting
        )

    async def read(self, urls: Sequence[str], *, param: str) -> list[Image.Image]:
        """The pictures of all data URLs of a request, RGB, at most 1024 pixels wide and high.

        param: the field that holds them. Raises ApiError 400 when one is none, or they are too many or too large,
        Overloaded, TimeoutError.
        """
        most = self._config.max_photos
        if len(urls) > most:
            raise _invalid(param, f"{len(urls)} photos were sent, replayed ones among them; at most {most} are read")
        return [decoded.image for decoded in await self.decode([(param, url) for url in urls])]

    async def decode(self, urls: Sequence[tuple[str, str]]) -> list[DecodedPicture]:
        """The same, each with the field that holds it, and with its size before."""
        decoded, left = [], self._config.max_photos_pixels
        async with asyncio.timeout(self._config.time_limit_s):
            for param, url in urls:  # one at a time, so that others have their turn
                decoded.append(await self._decode(url, left, param))
                left -= decoded[-1].num_pixels
        return decoded

    async def _decode(self, url: str, max_pixels: int, param: str) -> DecodedPicture:
        try:
            content = await run_in_threadpool(_content, url, param)
            return await self._decoder.decode(content, max_pixels=max_pixels)
        except UnsoundPicture as error:
            most = self._config.max_photos_pixels
            together = f" (all photos of a request may have {most:,} pixels)" if max_pixels < most else ""
            raise _invalid(param, f"{error}{together}") from error
        except queue.Full:
            raise Overloaded("too many photos wait to be decoded") from None

    def close(self) -> None:
        """End what decodes."""
        self._decoder.close()


def _content(url: str, param: str) -> bytes:
    """The file in a data URL, or in base64 alone. Raises ApiError 400 when it is neither."""
    head = _DATA_URL.match(url)
    if not url:
        raise _invalid(param, "it is empty; a data:image/…;base64,… URL is wanted")
    if head is None and ":" in url[:12]:
        raise _invalid(
            param, "a data:image/…;base64,… URL is wanted, another address was found; nothing is fetched for clients"
        )
    try:
        return base64.b64decode(memoryview(url.encode())[0 if head is None else head.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise _invalid(param, f"the picture is not valid base64 ({error})") from error


def _invalid(param: str, message: str) -> ApiError:
    return ApiError(status=400, code="invalid_image", message=f"{param}: {message}", param=param)


def picture_tag(path: Path) -> str:
    """16 hex digits of a picture's content, by which its address changes when another takes its place."""
    found = os.stat(path)
    return _tag(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=100_000)
def _tag(path: Path, _size: int, _mtime_ns: int) -> str:
    return fingerprint_file(path)


def send_picture(path: Path | None, *, otherwise: str, tag: str | None = None) -> FileResponse:
    """The answer that holds a picture's file; with its tag, clients keep it for good.

    Raises ApiError 404 with the message `otherwise` when there is none, or it is not the one with this tag.
    """
    media_type = None if path is None or not path.is_file() else kind_of_file(path).media_type
    if path is None or media_type is None or (tag is not None and tag != picture_tag(path)):
        raise ApiError(status=404, code="not_found", message=otherwise)
    kept = "private, no-cache" if tag is None else "private, max-age=31536000, immutable"
    headers = {"Content-Security-Policy": "default-src 'none'; sandbox", "Cache-Control": kept}
    return FileResponse(path, media_type=media_type, headers=headers)


def send_media(path: Path | None, kind: Medium, *, otherwise: str) -> FileResponse:
    """The answer that holds a video or a sound. Raises ApiError 404 with the message `otherwise` without one."""
    media_type = None if path is None else _PLAYED_TYPES[kind].get(path.suffix.lower())
    if path is None or media_type is None or not path.is_file():
        raise ApiError(status=404, code="not_found", message=otherwise)
    headers = {"Content-Security-Policy": "default-src 'none'; media-src 'self'; sandbox", "Cache-Control": "private"}
    return FileResponse(path, media_type=media_type, headers=headers)


def pictures_of(item: Item) -> tuple[Path, ...]:
    """All pictures of an item, the one that stands for it first."""
    return (*((item.image,) if item.image is not None else ()), *item.more_images)


class Links:
    """Addresses of pictures, videos and sounds on this server. base: where a client reached it, http://127.0.0.1:8000/."""

    def __init__(self, base: str) -> None:
        self._base = base.rstrip("/")

    def item(self, item_id: str, image: Path | None, *, place: int = 1) -> str | None:
        """The address of an item's picture, this very one; None where it has none. place: among its pictures."""
        if image is None:
            return None
        address = f"{self._base}/v1/items/{quote(item_id, safe='')}/image"
        which = f"n={place}" if place > 1 else ""
        try:
            tag = f"v={picture_tag(image)}"
        except OSError:
            tag = ""  # where it is told that the picture is not there
        query = "&".join(filter(None, (which, tag)))
        return f"{address}?{query}" if query else address

    def pictures(self, item: Item) -> list[str]:
        """The addresses of all pictures of an item."""
        found = (self.item(item.item_id, image, place=place) for place, image in enumerate(pictures_of(item), 1))
        return [address for address in found if address is not None]

    def media(self, item: Item, kind: Medium) -> str | None:
        """The address of an item's video or sound, on this server or as it was given; None where it has none."""
        found = item.video if kind == "video" else item.audio
        if found is None or isinstance(found, str):
            return found
        return f"{self._base}/v1/items/{quote(item.item_id, safe='')}/{kind}"

    def visual(self, visual_id: str) -> str:
        """The address of a drawing."""
        return f"{self._base}/v1/visuals/{visual_id}"
