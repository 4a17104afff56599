"""Where a conversation stands, for the person to see and change: wishes, taste, and what may be said next."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from genrec.chat.session import Session
from genrec.chat.wording import describe
from genrec.serve.api.responses import JsonObject, Links, item_shape
from genrec.serve.api.schemas import EventId, ItemShape, Name, Person
from genrec.serve.conversations import Conversations
from genrec.serve.engine import Engine
from genrec.serve.guard import ERRORS, GuardedRoute, needs
from genrec.serve.page.critique import chips, starters

router = APIRouter(prefix="/v1/sessions", route_class=GuardedRoute, responses=ERRORS, tags=["chat"])
MAX_TOLD = 100  # items of each list


class WishShape(BaseModel):
    """A wish that lasts. text: in words."""

    attribute: str
    text: str


class ChipShape(BaseModel):
    """A critique of the shown list, to be said as it is."""

    say: str
    attribute: str


class SessionShape(BaseModel):
    """Where a conversation stands. words: free words that are searched for; history, refused: the latest last;
    starters: first messages that are understood."""

    session: str
    wishes: list[WishShape]
    words: str
    history: list[ItemShape]
    refused: list[ItemShape]
    chips: list[ChipShape]
    starters: list[str]


@router.get("/{session}", response_model=SessionShape, openapi_extra=needs("chat"))
async def get_session(
    request: Request, session: EventId, user: Annotated[Person, Query(min_length=1)] = None
) -> JSONResponse:
    """Where a conversation stands; one that has not begun stands where its person does."""
    conversations: Conversations = request.app.state.conversations
    return await _told(request, session, await run_in_threadpool(conversations.standing, session, user))


@router.delete("/{session}/wishes", response_model=SessionShape, openapi_extra=needs("chat"))
async def take_back(
    request: Request,
    session: EventId,
    attribute: Annotated[Name, Query(description="Whose wishes to forget; * forgets all, and the words.")],
    user: Annotated[Person, Query(min_length=1)] = None,
) -> JSONResponse:
    """Forget wishes."""
    conversations: Conversations = request.app.state.conversations
    return await _told(request, session, await conversations.take_back(session, user, attribute))


async def _told(request: Request, name: str, session: Session) -> JSONResponse:
    links = Links(str(request.base_url))
    return JSONResponse(await run_in_threadpool(_shape, request.app.state.engine, name, session, links))


def _shape(engine: Engine, name: str, session: Session, links: Links) -> JsonObject:
    catalog = engine.workspace.catalog
    return {
        "session": name,
        "wishes": [{"attribute": wish.attribute, "text": describe(wish)} for wish in session.constraints],
        "words": session.query,
        "history": [item_shape(catalog[item_id], links) for item_id in session.history[-MAX_TOLD:]],
        "refused": [item_shape(catalog[item_id], links) for item_id in session.disliked[-MAX_TOLD:]],
        "chips": [{"say": chip.say, "attribute": chip.attribute} for chip in chips(engine.reader, session)],
        "starters": starters(engine.reader),
    }
