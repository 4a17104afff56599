"""The routes of a shop's own programs: recommendations, items, feedback, people."""

import asyncio
import logging
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, JSONResponse
from starlette.concurrency import run_in_threadpool

from genrec.data.filters import parse_filter
from genrec.explain import explain_batch
from genrec.ranking.client import Request as RecommendationRequest
from genrec.schema import Explanation, Recommendation
from genrec.serve.access import GuardedRoute, needs
from genrec.serve.api.pictures import (
    MEDIA_RESPONSE,
    PICTURE_RESPONSE,
    Links,
    Medium,
    PictureReader,
    pictures_of,
    send_media,
    send_picture,
)
from genrec.serve.api.responses import JsonObject, as_json, item_shape, recommendation_shape
from genrec.serve.api.schemas import (
    ErasedPerson,
    EventShape,
    FeedbackBody,
    ItemList,
    ItemShape,
    Name,
    PersonRecord,
    Quoted,
    RecommendAnswer,
    RecommendBody,
    Where,
)
from genrec.serve.conversations import Conversations
from genrec.serve.engine import Engine
from genrec.serve.errors import ERROR_RESPONSES
from genrec.serve.profiles import Profile

log = logging.getLogger(__name__)
PathName = Annotated[Name, Quoted]
router = APIRouter(prefix="/v1", route_class=GuardedRoute, responses=ERROR_RESPONSES)


@router.post(
    "/recommendations", response_model=RecommendAnswer, openapi_extra=needs("recommend"), tags=["recommendations"]
)
async def recommend(request: Request, body: RecommendBody) -> JSONResponse:
    """The next items for a person or a history. What a person liked or refused by feedback counts at once; `disliked`
    says for a history what was refused."""
    engine: Engine = request.state.engine
    model = engine.model(body.model)
    profile, unknown = await run_in_threadpool(_profile, engine, body)
    pictures: PictureReader = request.app.state.pictures
    photo = None if body.image is None else (await pictures.read([body.image], param="image"))[0]
    catalog = engine.workspace.catalog
    wanted = RecommendationRequest(
        history=profile.history,
        query=body.query,
        image=photo,
        like=tuple(body.like),
        unlike=tuple(body.unlike),
        where=None if body.where is None else parse_filter(body.where),
        disliked=profile.refused,
        exclude=tuple(item_id for item_id in body.exclude if item_id in catalog),
        adapter=model.adapter,
        k=body.k,
        exclude_history=body.exclude_history,
    )
    found = await engine.recommend(wanted)
    reasons: list[Explanation | None] = [None] * len(found)
    if body.explain and found:
        view = engine.view(model)
        item_ids = [entry.item_id for entry in found]
        histories = [profile.history] * len(found)
        explain = partial(explain_batch, view.workspace, histories, item_ids, query=body.query)
        reasons = list(await engine.run(explain, view.deadline, request.is_disconnected))
    links = Links(str(request.base_url))
    shapes = [_recommendation(engine, entry, why, links) for entry, why in zip(found, reasons, strict=True)]
    answer = {
        "model": model.name,
        "history": list(profile.history),
        "unknown": unknown,
        "unknown_words": await run_in_threadpool(engine.workspace.search.unknown, body.query) if body.query else [],
        "recommendations": shapes,
    }
    return JSONResponse(answer)


def _profile(engine: Engine, body: RecommendBody) -> tuple[Profile, list[str]]:
    """What the answer rests on, and given items that the catalog lacks. Raises UnknownItem when it lacks all that a
    history names."""
    profile, catalog = engine.profiles.find(body.user, body.history), engine.workspace.catalog
    given = dict.fromkeys([*(body.history or ()), *(body.disliked or ())])
    unknown = [item_id for item_id in given if item_id not in catalog]
    if body.history is not None:
        known = tuple(catalog.item_id(any_id) for any_id in body.history if any_id in catalog)
        if not known:
            catalog.rows(body.history)
        profile = replace(profile, history=known)
    if body.disliked is not None:
        profile = replace(profile, refused=tuple(catalog.item_id(i) for i in body.disliked if i in catalog))
    return profile, unknown


def _recommendation(engine: Engine, entry: Recommendation, why: Explanation | None, links: Links) -> JsonObject:
    item, name = engine.workspace.catalog[entry.item_id], engine.reader.lexicon.price
    price = None if name is None else item.attributes.get(name)
    number = float(price) if isinstance(price, float | int) and not isinstance(price, bool) else None
    return recommendation_shape(entry, item, number, why, links)


@router.get("/items", response_model=ItemList, openapi_extra=needs("recommend"), tags=["items"])
async def list_items(
    request: Request,
    where: Annotated[Where | None, Query(description="A filter, such as price < 40.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> JSONResponse:
    """A page of the catalog, in its order, without what is removed."""
    engine: Engine = request.state.engine
    return JSONResponse(await run_in_threadpool(_page, engine, where, limit, offset, Links(str(request.base_url))))


def _page(engine: Engine, where: str | None, limit: int, offset: int, links: Links) -> JsonObject:
    catalog = engine.workspace.catalog
    rows = engine.workspace.passing(None if where is None else parse_filter(where)).nonzero()[0].tolist()
    shown = rows[offset : offset + limit]
    return {
        "object": "list",
        "data": [item_shape(catalog.items[row], links) for row in shown],
        "total": len(rows),
        "has_more": offset + len(shown) < len(rows),
    }


@router.get("/items/{item_id:path}/image", response_class=FileResponse, responses=PICTURE_RESPONSE, tags=["items"])
async def item_image(
    request: Request,
    item_id: PathName,
    v: Annotated[Name | None, Query(description="Of the picture that was linked to, which may have changed.")] = None,
    n: Annotated[int, Query(ge=1, le=1000, description="Which of its pictures.")] = 1,
) -> FileResponse:
    """An item's picture. Needs no key: browsers load pictures without one."""
    engine: Engine = request.state.engine
    pictures = pictures_of(engine.workspace.catalog[item_id])
    image = pictures[n - 1] if n <= len(pictures) else None
    which = "no picture" if v is None else f"no picture {v!r} now"
    return await run_in_threadpool(send_picture, image, otherwise=f"item {item_id!r} has {which}", tag=v)


@router.get("/items/{item_id:path}/video", response_class=FileResponse, responses=MEDIA_RESPONSE, tags=["items"])
async def item_video(request: Request, item_id: PathName) -> FileResponse:
    """An item's video, where it is a file. Needs no key: browsers play videos without one."""
    return await run_in_threadpool(_media, request.state.engine, item_id, "video")


@router.get("/items/{item_id:path}/audio", response_class=FileResponse, responses=MEDIA_RESPONSE, tags=["items"])
async def item_audio(request: Request, item_id: PathName) -> FileResponse:
    """An item's sound. Needs no key: browsers play sounds without one."""
    return await run_in_threadpool(_media, request.state.engine, item_id, "audio")


def _media(engine: Engine, item_id: str, kind: Medium) -> FileResponse:
    item = engine.workspace.catalog[item_id]
    found = item.video if kind == "video" else item.audio
    path = found if isinstance(found, Path) else None
    return send_media(path, kind, otherwise=f"item {item_id!r} has no {kind} here")


@router.get("/items/{item_id:path}", response_model=ItemShape, openapi_extra=needs("recommend"), tags=["items"])
async def get_item(request: Request, item_id: PathName) -> JSONResponse:
    """One item."""
    engine: Engine = request.state.engine
    return JSONResponse(item_shape(engine.workspace.catalog[item_id], Links(str(request.base_url))))


@router.post("/feedback", response_model=EventShape, openapi_extra=needs("feedback"), tags=["feedback"])
async def feedback(request: Request, body: FeedbackBody) -> JSONResponse:
    """Take one event. It is on disk when this answers, and counts from the next recommendation on."""
    engine: Engine = request.state.engine
    item_id = engine.workspace.catalog.item_id(body.item)
    add = partial(
        engine.store.add_event,
        person=body.user,
        item_id=item_id,
        kind=body.kind,
        event_id=body.event_id,
        timestamp=body.timestamp,
    )
    async with asyncio.timeout(engine.config.time_limit_s):  # its thread, and the store's lock, may be waited for
        event = await to_thread.run_sync(add, abandon_on_cancel=True)
    return JSONResponse(asdict(event))


@router.get("/people/{person:path}", response_model=PersonRecord, openapi_extra=needs("admin"), tags=["people"])
async def export_person(request: Request, person: PathName) -> JSONResponse:
    """All that is stored of a person, photos and drawings too."""
    engine: Engine = request.state.engine
    return JSONResponse(await run_in_threadpool(lambda: as_json(engine.store.export_person(person))))


@router.delete("/people/{person:path}", response_model=ErasedPerson, openapi_extra=needs("admin"), tags=["people"])
async def erase_person(request: Request, person: PathName) -> JSONResponse:
    """Erase all that is stored of a person, from disk too. Training data of the workspace stays."""
    engine: Engine = request.state.engine
    conversations: Conversations = request.state.conversations
    erased = await run_in_threadpool(engine.store.erase_person, person)
    conversations.forget(person)
    if erased.pending is not None:
        log.warning("erased rows are not overwritten yet (%s); it is tried again", erased.pending)
    return JSONResponse(asdict(erased))
