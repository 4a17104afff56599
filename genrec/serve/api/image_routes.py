"""The routes of drawings: asked for as OpenAI's clients ask for images, watched, canceled, and looked at again.

What computes, decodes or reads files runs off the event loop.
"""

import re
import uuid
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool

from genrec.search.subject import find_subject
from genrec.serve.access import GuardedRoute, needs
from genrec.serve.api.image_answers import ImageAnswers
from genrec.serve.api.image_schemas import (
    CanceledDrawing,
    DrawingModes,
    ImageAnswer,
    ImageBody,
    VisualRecordAnswer,
)
from genrec.serve.api.pictures import PICTURE_RESPONSE, Links, PictureReader, send_picture
from genrec.serve.api.responses import as_json
from genrec.serve.api.schemas import Name, Quoted
from genrec.serve.decoding import DecodedPicture
from genrec.serve.drawings import Drawings, Finished, Order
from genrec.serve.drawings import Name as RequestName
from genrec.serve.engine import BASE_MODEL, Engine
from genrec.serve.errors import ERROR_RESPONSES, ApiError
from genrec.serve.logs import request_id
from genrec.serve.profiles import Profile
from genrec.serve.store import shown_record
from genrec.visualize import wanted_of
from genrec.visualize.plugins import names_of_plugins
from genrec.visualize.staging import Region
from genrec.visualize.try_on import TRY_ON_PLUGINS

PathName = Annotated[Name, Quoted]
router = APIRouter(prefix="/v1", route_class=GuardedRoute, responses=ERROR_RESPONSES, tags=["images"])
_SIDES_PX = range(256, 1025)  # of the squares that pictures are scaled into
_SQUARE = re.compile(r"(\d{1,5})x\1", re.ASCII)


@router.post("/images/generations", response_model=ImageAnswer, openapi_extra=needs("images"))
async def draw(request: Request, body: ImageBody) -> JSONResponse | StreamingResponse:
    """Draw an item for a person. The pictures are marked as generated, and stored until the person is erased.

    With `stream`, as server-sent events: image_generation.partial_image for each step, image_generation.completed for
    each picture. Hanging up ends the drawing, as does DELETE with the X-Request-ID of the request.
    """
    engine: Engine = request.state.engine
    drawings: Drawings = request.state.drawings
    model = engine.model(body.model or BASE_MODEL)
    order = await _order(engine, request.app.state.pictures, body)
    told = drawings.draw(order, model, _named(request), request.is_disconnected)
    answers = ImageAnswers(
        engine.workspace.catalog,
        Links(str(request.base_url)),
        num=order.num,
        response_format=body.response_format,
        partial_images=body.partial_images,
    )
    if body.stream:
        first = await anext(told)  # what goes wrong until here gets its own status
        events = answers.events(first, told)
        return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
    async with aclosing(told):
        drawn = [one async for one in told if isinstance(one, Finished)]
    return JSONResponse(await run_in_threadpool(answers.whole, drawn))


@router.delete("/images/generations/{name}", response_model=CanceledDrawing, openapi_extra=needs("images"))
async def cancel(request: Request, name: PathName) -> JSONResponse:
    """End the drawings of a request, by its X-Request-ID, before their next step; only its own key can."""
    drawings: Drawings = request.state.drawings
    if not drawings.cancel((_key_of(request), name)):
        message = (
            f"nothing is being drawn for a request {name!r} of this key here; it may be done, or with another worker"
        )
        raise ApiError(status=404, code="not_found", message=message)
    return JSONResponse({"id": name, "canceled": True})


@router.get("/images/modes", response_model=DrawingModes, openapi_extra=needs("images"))
async def list_modes(request: Request) -> JSONResponse:
    """How items can be shown here; whether they can be changed is measured on this catalog."""
    engine: Engine = request.state.engine
    visualizer = engine.studio.visualizer
    why = await run_in_threadpool(lambda: visualizer.guard.why_no_variations)
    modes = ["scene", *(["variation"] if why is None else []), "photo"]
    strength = visualizer.config.taste_strength
    try_ons = names_of_plugins(TRY_ON_PLUGINS)
    return JSONResponse({"modes": modes, "why_no_variations": why, "strength": strength, "try_ons": try_ons})


@router.get("/visuals/{visual_id}", response_class=FileResponse, responses=PICTURE_RESPONSE)
async def get_visual(request: Request, visual_id: PathName) -> FileResponse:
    """A drawing. Needs no key: its long random id is one."""
    engine: Engine = request.state.engine
    visual = await run_in_threadpool(engine.store.find_visual, visual_id)
    return send_picture(None if visual is None else visual.path, otherwise=_GONE)


@router.get("/visuals/{visual_id}/record", response_model=VisualRecordAnswer)
async def get_record(request: Request, visual_id: PathName) -> JSONResponse:
    """How a drawing was made, which also stands in its PNG. Needs no key, as the drawing does."""
    engine: Engine = request.state.engine
    visual = await run_in_threadpool(engine.store.find_visual, visual_id)
    if visual is None:
        raise ApiError(status=404, code="not_found", message=_GONE)
    shape = {name: getattr(visual, name) for name in ("visual_id", "item_id", "timestamp", "told")}
    return JSONResponse(as_json({**shape, "record": shown_record(visual)}))


_GONE = "there is no such drawing; it may have been erased"


def _key_of(request: Request) -> str | None:
    return getattr(request.state, "key_id", None)


def _named(request: Request) -> RequestName:
    return _key_of(request), request_id.get() or ""


# ---- what is asked for


async def _order(engine: Engine, pictures: PictureReader, body: ImageBody) -> Order:
    """The request as it is drawn. Raises ApiError 400 or 404, and InputError."""
    size_px = _side_px(body.size)
    photo, mask = await _photos(pictures, body)
    item_id, words = await run_in_threadpool(_subject, engine, body)
    profile = await run_in_threadpool(_profile, engine, body)
    is_changed = body.mode == "variation" or body.change is not None
    wanted = wanted_of(
        scene=None if is_changed else words,
        change=", ".join(filter(None, (body.change, words))) if is_changed else None,
        photo=None if photo is None else photo.image,
        box=_box(body.box, photo),
        mask=None if mask is None else mask.image,
        try_on=body.try_on,
        strength=body.strength,
        seed=int.from_bytes(uuid.uuid4().bytes[:4]) if body.seed is None else body.seed,
    )
    if body.mode is not None and body.mode != wanted.mode:
        given = {"photo": "a photo is given", "variation": "a change is given", "scene": "no photo is given"}[
            wanted.mode
        ]
        raise _invalid("mode", f"{body.mode!r} was asked for, and {given}; change one of the two")
    return Order(
        item_id=item_id,
        wanted=replace(wanted, size_px=size_px),
        history=profile.history,
        disliked=profile.refused,
        person=body.user,
        begun=await run_in_threadpool(engine.moment, body.user),
        num=body.n or 1,
    )


def _side_px(size: str | None) -> int | None:
    if size in (None, "auto"):
        return None
    found = _SQUARE.fullmatch(size)
    if found is None or int(found[1]) not in _SIDES_PX:
        least, most = _SIDES_PX[0], _SIDES_PX[-1]
        message = f"{size!r} is no size of pictures here; leave it out for their own, or give a square"
        raise _invalid("size", f"{message} from {least}x{least} to {most}x{most}")
    return int(found[1])


async def _photos(
    reader: PictureReader, body: ImageBody
) -> tuple[DecodedPicture, DecodedPicture | None] | tuple[None, None]:
    """The photo, and the mask where there is one. Raises ApiError 400."""
    given = [(name, url) for name, url in (("photo", body.photo), ("mask", body.mask)) if url is not None]
    if body.photo is None:
        if body.mask is not None or body.box is not None:
            raise _invalid("photo", "a box or a mask says where in a photo, and no photo is given; give one")
        return None, None
    decoded = await reader.decode(given)
    photo, mask = decoded[0], decoded[1] if len(decoded) > 1 else None
    if mask is not None and mask.full_size != photo.full_size:
        message = f"it has {_size(mask.full_size)} pixels, the photo {_size(photo.full_size)}"
        raise _invalid("mask", f"{message}; give a mask of the photo's size")
    return photo, mask


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} × {size[1]}"


def _box(box: Sequence[int] | None, photo: DecodedPicture | None) -> Region | None:
    """The box in the pixels of the photo as it was decoded. Raises ApiError 400 for one outside of it."""
    if box is None or photo is None:
        return None
    left, top, width, height = box
    full_width, full_height = photo.full_size
    if min(left, top) < 0 or min(width, height) < 4 or left + width > full_width or top + height > full_height:
        message = f"{box} does not lie in the photo of {_size(photo.full_size)} pixels"
        raise _invalid("box", f"{message}; give left, top, width and height inside it, at least 4 pixels each way")
    across, down = photo.image.width / full_width, photo.image.height / full_height
    x, y = min(round(left * across), photo.image.width - 4), min(round(top * down), photo.image.height - 4)
    right, bottom = min(round((left + width) * across), photo.image.width), round((top + height) * down)
    return x, y, max(4, right - x), max(4, min(bottom, photo.image.height) - y)


def _subject(engine: Engine, body: ImageBody) -> tuple[str, str]:
    """The item to draw, and the words of the prompt that say more. Raises UnknownItem, ApiError 400."""
    catalog, prompt = engine.workspace.catalog, body.prompt.strip()
    if body.item is not None:
        return catalog.item_id(body.item), prompt
    if not prompt:
        raise _invalid("prompt", "it is empty and no item is named; give words, or an item's id as item")
    among_N = engine.workspace.passing(None)
    found = find_subject(engine.workspace.search, engine.workspace.labels, prompt, among_N=among_N)
    if found is None:
        message = f"nothing here is about “{prompt[:200]}”; name what the catalog has, or an item's id as item"
        raise ApiError(status=400, code="nothing_found", message=message, param="prompt")
    return catalog.items[found.row].item_id, found.rest


def _profile(engine: Engine, body: ImageBody) -> Profile:
    """What is known of the person, with items as the catalog has them. Raises UnknownItem, ApiError 400."""
    profile = engine.profiles.find(body.user, body.history)
    item_id = engine.workspace.catalog.item_id
    refused = profile.refused if body.disliked is None else body.disliked
    return Profile(history=tuple(map(item_id, profile.history)), refused=tuple(map(item_id, refused)))


def _invalid(param: str, message: str) -> ApiError:
    return ApiError(status=400, code="invalid_value", message=f"{param}: {message}", param=param)
