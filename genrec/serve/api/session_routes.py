"""The routes of session state, for the person to see and change: wishes, likes and refusals, what may be said next."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from genrec.chat.session import Session
from genrec.chat.wording import standing_wishes
from genrec.serve.access import GuardedRoute, needs
from genrec.serve.api.pictures import Links
from genrec.serve.api.responses import JsonObject, item_shape
from genrec.serve.api.schemas import Name, Person, Quoted, SessionErased, SessionShape, ShortId
from genrec.serve.conversations import Conversations
from genrec.serve.engine import Engine
from genrec.serve.errors import ERROR_RESPONSES
from genrec.serve.page.critique import chips, starters

router = APIRouter(prefix="/v1/sessions", route_class=GuardedRoute, responses=ERROR_RESPONSES, tags=["chat"])
MAX_LISTED = 100  # items of each list


@router.get("/{session}", response_model=SessionShape, openapi_extra=needs("chat"))
async def get_session(
    request: Request, session: Annotated[ShortId, Quoted], user: Annotated[Person, Query(min_length=1)] = None
) -> JSONResponse:
    """The state of a conversation; of one that has not begun, what is known of its person."""
    conversations: Conversations = request.state.conversations
    return await _answer(request, session, await run_in_threadpool(conversations.state, session, user))


@router.delete("/{session}/wishes", response_model=SessionShape, openapi_extra=needs("chat"))
async def take_back(
    request: Request,
    session: Annotated[ShortId, Quoted],
    attribute: Annotated[Name, Query(description="Whose wishes to forget; * forgets all, and the words.")],
    user: Annotated[Person, Query(min_length=1)] = None,
) -> JSONResponse:
    """Forget wishes."""
    conversations: Conversations = request.state.conversations
    return await _answer(request, session, await conversations.take_back(session, user, attribute))


@router.delete("/{session}", response_model=SessionErased, openapi_extra=needs("chat"))
async def erase_session(
    request: Request, session: Annotated[ShortId, Quoted], user: Annotated[Person, Query(min_length=1)] = None
) -> JSONResponse:
    """Erase a conversation and its photos. What its person liked and refused in it stays, as feedback."""
    conversations: Conversations = request.state.conversations
    await conversations.erase(session, user)
    return JSONResponse({"session": session, "erased": True})


async def _answer(request: Request, name: str, session: Session) -> JSONResponse:
    links = Links(str(request.base_url))
    return JSONResponse(await run_in_threadpool(_session_shape, request.state.engine, name, session, links))


def _session_shape(engine: Engine, name: str, session: Session, links: Links) -> JsonObject:
    catalog = engine.workspace.catalog
    return {
        "session": name,
        "wishes": [{"attribute": key, "text": text} for key, text in standing_wishes(session, catalog)],
        "words": session.query,
        "history": [item_shape(catalog[item_id], links) for item_id in session.history[-MAX_LISTED:]],
        "refused": [item_shape(catalog[item_id], links) for item_id in session.disliked[-MAX_LISTED:]],
        "chips": [{"say": chip.say, "attribute": chip.attribute} for chip in chips(engine.reader, session)],
        "starters": starters(engine.reader),
    }
