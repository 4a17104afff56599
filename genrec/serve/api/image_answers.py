"""Drawings as they are answered: whole, or as server-sent events with each step, in OpenAI's shapes and with what is
ours.

Reads the files of drawings, so not for the event loop but where it is said.
"""

import base64
import io
import json
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from PIL import Image
from starlette.concurrency import run_in_threadpool

from genrec.schema import Catalog
from genrec.serve.api.pictures import Links
from genrec.serve.api.responses import JsonObject, as_json
from genrec.serve.drawings import Finished, Step
from genrec.serve.errors import ApiError, api_error_of
from genrec.serve.store import StoredVisual


class ImageAnswers:
    """The answers to one request. response_format: b64_json, url, or None for both; partial_images: steps of each
    picture that are streamed, None for all."""

    def __init__(
        self, catalog: Catalog, links: Links, *, num: int, response_format: str | None, partial_images: int | None
    ) -> None:
        self._catalog, self._links, self._num = catalog, links, num
        self._response_format, self._partial_images = response_format, partial_images

    def whole(self, drawn: Sequence[Finished]) -> JsonObject:
        """All pictures at once. Raises ApiError 404 for one that was erased meanwhile."""
        shapes = [self._shape(one) for one in drawn]
        size = _size_of(_content(drawn[0].visual))
        return {"created": int(time.time()), "data": shapes, "output_format": "png", "size": size}

    async def events(self, first: Step | Finished, rest: AsyncGenerator[Step | Finished]) -> AsyncGenerator[str]:
        """Steps and pictures as server-sent events, on the event loop."""
        shown = [0] * self._num
        told: Step | Finished | None = first
        try:
            async with aclosing(rest):
                while told is not None:
                    if isinstance(told, Finished):
                        yield await run_in_threadpool(self._completed, told)
                    elif self._is_shown(told, shown[told.index]):
                        yield await run_in_threadpool(_partial, told, shown[told.index])
                        shown[told.index] += 1
                    told = await anext(rest, None)
        except Exception as error:  # the status has been sent; an event must tell
            api_error = api_error_of(error)
            if api_error.status == 500:
                raise
            yield _event("error", api_error.body)
        yield "data: [DONE]\n\n"

    def _is_shown(self, told: Step, shown: int) -> bool:
        """Whether a step is one of those that are streamed, spread over the picture."""
        of = told.total // self._num
        step = told.step - told.index * of
        return self._partial_images is None or shown < step * min(self._partial_images, of) // of

    def _completed(self, told: Finished) -> str:
        shape = self._shape(told)
        frame = {"created_at": int(time.time()), **_FRAME, "size": _size_of(_content(told.visual)), "index": told.index}
        usage = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
        name = "image_generation.completed"
        return _event(name, {"type": name, **frame, "usage": usage, **shape})

    def _shape(self, told: Finished) -> JsonObject:
        visual, content = told.visual, _content(told.visual)
        said = as_json(visual.told)
        shaping = [self._catalog[item_id] for item_id in said["shaped_by"] if item_id in self._catalog]
        shape: JsonObject = {
            "revised_prompt": visual.record["prompt"],
            "item_id": visual.item_id,
            "seed": visual.record["seed"],
            "visual_id": visual.visual_id,
            **{name: said[name] for name in ("mode", "note", "words_not_drawn", "taste", "colors")},
            "shaped_by": [
                {"item_id": item.item_id, "title": item.name, "image": self._links.item(item.item_id, item.image)}
                for item in shaping
            ],
            "scores": as_json(visual.record["scores"]),
            "cached": told.is_known,
            "generated": visual.record.get("generated", True),
        }
        if self._response_format != "b64_json":
            shape["url"] = self._links.visual(visual.visual_id)
        if self._response_format != "url":
            shape["b64_json"] = base64.b64encode(content).decode("ascii")
        return shape


def _event(name: str, shape: JsonObject) -> str:
    return f"event: {name}\ndata: {json.dumps(shape, ensure_ascii=False, allow_nan=False)}\n\n"


_FRAME = {"background": "opaque", "quality": "auto", "output_format": "png"}  # as OpenAI's clients want them


def _partial(told: Step, number: int) -> str:
    content = io.BytesIO()
    if told.preview is not None:
        told.preview.save(content, format="PNG")
    size = "auto" if told.preview is None else f"{told.preview.width}x{told.preview.height}"
    return _event(
        "image_generation.partial_image",
        {
            "type": "image_generation.partial_image", "created_at": int(time.time()), **_FRAME, "size": size,
            "partial_image_index": number, "b64_json": base64.b64encode(content.getvalue()).decode("ascii"),
            "index": told.index, "step": told.step, "total": told.total,
        },
    )  # fmt: skip


def _content(visual: StoredVisual) -> bytes:
    """The PNG of a drawing. Raises ApiError 404 when it was erased meanwhile."""
    try:
        if visual.path is not None:
            return visual.path.read_bytes()
    except FileNotFoundError:
        pass
    raise ApiError(status=404, code="not_found", message="the drawing was erased before it was answered; draw again")


def _size_of(content: bytes) -> str:
    with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
        return f"{picture.width}x{picture.height}"
