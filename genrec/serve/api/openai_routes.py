"""The routes that OpenAI's clients know: models, chat, embeddings; images are in image_routes.

What computes, decodes or reads files runs off the event loop.
"""

import base64
import json
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool

from genrec.schema import FloatArray
from genrec.serve.access import GuardedRoute, needs
from genrec.serve.api.openai_schemas import (
    ChatAnswer,
    ChatBody,
    ChatMessage,
    EmbeddingAnswer,
    EmbeddingBody,
    ModelList,
    ModelShape,
    Usage,
)
from genrec.serve.api.pictures import Links, PictureReader
from genrec.serve.api.responses import JsonObject, reasons_markdown, reply_markdown, reply_shape
from genrec.serve.api.schemas import Quoted
from genrec.serve.conversations import Conversations, ServedReply, UserMessage
from genrec.serve.engine import BASE_MODEL, Engine, ServedModel
from genrec.serve.errors import ERROR_RESPONSES, ApiError, api_error_of

router = APIRouter(prefix="/v1", route_class=GuardedRoute, responses=ERROR_RESPONSES)


@router.get("/models", response_model=ModelList, openapi_extra=needs(""), tags=["models"])
async def list_models(request: Request) -> JSONResponse:
    """The workspace itself, and every adapter that fits it."""
    engine: Engine = request.state.engine
    return JSONResponse({"object": "list", "data": [_model_shape(model) for model in engine.models.values()]})


@router.get("/models/{model:path}", response_model=ModelShape, openapi_extra=needs(""), tags=["models"])
async def get_model(request: Request, model: Annotated[str, Quoted]) -> JSONResponse:
    """One model."""
    engine: Engine = request.state.engine
    return JSONResponse(_model_shape(engine.model(model)))


def _model_shape(model: ServedModel) -> JsonObject:
    return {
        "id": model.name,
        "object": "model",
        "created": model.created,
        "owned_by": "genrec",
        "parent": None if model.adapter is None else BASE_MODEL,
        "description": model.about,
    }


# ---- chat


@router.post("/chat/completions", response_model=ChatAnswer, openapi_extra=needs("chat"), tags=["chat"])
async def chat(request: Request, body: ChatBody) -> JSONResponse | StreamingResponse:
    """Answer the last message of a user; with `stream`, as server-sent events that end with [DONE]."""
    engine: Engine = request.state.engine
    conversations: Conversations = request.state.conversations
    asked = [message for message in body.messages if message.role == "user"]
    if not asked:
        raise ApiError(
            status=400, code="invalid_value", message="messages: none is a user's; add one", param="messages"
        )
    session = body.session or (body.metadata.session if body.metadata else None)
    model, pictures = engine.model(body.model), request.app.state.pictures
    messages = await _user_messages(asked if session is None else asked[-1:], pictures)
    replies = conversations.answer(
        messages, model=model, person=body.user, session_id=session, is_gone=request.is_disconnected
    )
    read = [message.text for message in body.messages]
    frame = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": model.name}
    links = Links(str(request.base_url))
    if body.stream:
        first = await anext(replies)  # what goes wrong until here gets its own status
        include_usage = bool(body.stream_options and body.stream_options.include_usage)
        counted = read if include_usage else None
        events = _events(_chunks(engine, first, replies, session, links, counted), frame, include_usage=include_usage)
        return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
    async for served in replies:
        last = served
    content = reply_markdown(last.reply, last.visual, links, with_reasons=True)
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    return JSONResponse(
        {
            **frame,
            "object": "chat.completion",
            "choices": [choice],
            "usage": await run_in_threadpool(_count, engine, read, content),
            "genrec": reply_shape(last.reply, last.visual, session, links),
        }
    )


async def _user_messages(messages: Sequence[ChatMessage], pictures: PictureReader) -> list[UserMessage]:
    """The messages with their photos decoded. Raises ApiError 400 for a broken photo, or several in one message."""
    for message in messages:
        if len(message.picture_urls) > 1:
            text = f"{len(message.picture_urls)} photos are in one message; send one at a time"
            raise ApiError(status=400, code="invalid_value", message=text, param="messages")
    photos = iter(await pictures.read([url for message in messages for url in message.picture_urls], param="image_url"))
    return [UserMessage(message.text, next(photos) if message.picture_urls else None) for message in messages]


async def _chunks(
    engine: Engine,
    first: ServedReply,
    rest: AsyncIterator[ServedReply],
    session: str | None,
    links: Links,
    counted: Sequence[str] | None,
) -> AsyncIterator[JsonObject]:
    """Each event without its frame: who speaks with the items, then their reasons, then the end.

    counted: the texts that were read, where a last event is to count tokens.
    """
    content = reply_markdown(first.reply, first.visual, links, with_reasons=False)
    shape = reply_shape(first.reply, first.visual, session, links)
    yield {"choices": [_delta({"role": "assistant", "content": content})], "genrec": shape}
    async for served in rest:
        reasons = "\n\n" + reasons_markdown(served.reply)
        content += reasons
        shape = reply_shape(served.reply, served.visual, session, links)
        yield {"choices": [_delta({"content": reasons})], "genrec": shape}
    yield {"choices": [_delta({}, finish_reason="stop")]}
    if counted is not None:
        yield {"choices": [], "usage": await run_in_threadpool(_count, engine, counted, content)}


async def _events(chunks: AsyncIterator[JsonObject], frame: JsonObject, *, include_usage: bool) -> AsyncIterator[str]:
    try:
        async for chunk in chunks:
            counted = {"usage": None} if include_usage else {}
            event = {**frame, "object": "chat.completion.chunk", **counted, **chunk}
            yield f"data: {json.dumps(event, ensure_ascii=False, allow_nan=False)}\n\n"
    except Exception as error:  # the status has been sent; an event must tell
        api_error = api_error_of(error)
        if api_error.status == 500:
            raise
        yield f"data: {json.dumps(api_error.body)}\n\n"
    yield "data: [DONE]\n\n"


def _delta(delta: JsonObject, finish_reason: str | None = None) -> JsonObject:
    return {"index": 0, "delta": delta, "finish_reason": finish_reason}


def _count(engine: Engine, read: Sequence[str], written: str) -> JsonObject:
    return _usage(engine.count_tokens(read), engine.count_tokens([written]))


def _usage(num_read: int, num_written: int = 0) -> JsonObject:
    return Usage(
        prompt_tokens=num_read, completion_tokens=num_written, total_tokens=num_read + num_written
    ).model_dump()


# ---- embeddings


@router.post("/embeddings", response_model=EmbeddingAnswer, openapi_extra=needs("recommend"), tags=["embeddings"])
async def embed(request: Request, body: EmbeddingBody) -> JSONResponse:
    """Unit vectors of texts or items in CLIP space; their dot product is how like they are."""
    engine: Engine = request.state.engine
    model = engine.model(body.model)
    inputs = [body.input] if isinstance(body.input, str) else body.input
    if body.input_type == "item":
        vectors, num_read = await run_in_threadpool(lambda: [engine.vector_of(item_id) for item_id in inputs]), 0
    else:
        vectors = await engine.embed(inputs)
        num_read = await run_in_threadpool(engine.workspace.clip.count_tokens, inputs)
    if body.dimensions not in (None, len(vectors[0])):
        message = f"dimensions: {body.dimensions} cannot be chosen; vectors have {len(vectors[0])}, so leave it out"
        raise ApiError(status=400, code="invalid_value", message=message, param="dimensions")
    as_base64 = body.encoding_format == "base64"
    return await run_in_threadpool(_embeddings, vectors, model.name, num_read, as_base64=as_base64)


def _embeddings(vectors: Sequence[FloatArray], model: str, num_read: int, *, as_base64: bool) -> JSONResponse:
    data = [
        {"object": "embedding", "index": index, "embedding": _encoded(vector, as_base64=as_base64)}
        for index, vector in enumerate(vectors)
    ]
    return JSONResponse({"object": "list", "data": data, "model": model, "usage": _usage(num_read)})


def _encoded(vector: FloatArray, *, as_base64: bool) -> list[float] | str:
    if as_base64:
        return base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")
    return [float(number) for number in np.asarray(vector, dtype=np.float32)]
