"""Conversations of many clients: resumed, answered, kept.

A session that a client names lies in the store; a conversation without one is gone through again from its messages,
unless the server still remembers how it stood. What a known person likes or refuses on the way becomes feedback. Knows
no wire format beyond turns of words and photos.
"""

import asyncio
import hashlib
import logging
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from PIL import Image

from genrec.chat.conversation import Conversation, Reply
from genrec.chat.session import Session
from genrec.errors import ModelEnded
from genrec.serve.engine import Engine, IsGone, ServedModel
from genrec.serve.errors import ApiError
from genrec.serve.inference.batching import Overloaded
from genrec.serve.inference.client import WorkspaceView
from genrec.serve.store import StoredVisual

log = logging.getLogger(__name__)
MAX_ATTEMPTS = 5  # to go on with a conversation that other processes go on with as well
MAX_REMEMBERED = 1_000  # conversations without a session, and photos
MAX_PHOTO_PX = 512  # more than any CLIP looks at
PHOTO_WORDS = "something like this"  # what a photo says without words


@dataclass(frozen=True, slots=True)
class Turn:
    """What a person says: words, and maybe a photo."""

    text: str
    photo: Image.Image | None = None

    @property
    def words(self) -> str:
        """The words, or what a photo alone says."""
        return self.text if self.text.strip() or self.photo is None else PHOTO_WORDS

    @property
    def digest(self) -> bytes:
        """Equal for equal turns."""
        picture = b"" if self.photo is None else self.photo.tobytes()
        return hashlib.sha256(self.text.encode() + b"\0" + picture).digest()


@dataclass(frozen=True, slots=True)
class Answered:
    """A reply, and the drawing that it shows."""

    reply: Reply
    visual: StoredVisual | None


class Conversations:
    """All conversations of an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._remembered, self._photos = _Memory(), _Photos()
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def answer(
        self, turns: Sequence[Turn], *, model: ServedModel, person: str | None, session: str | None, is_gone: IsGone
    ) -> AsyncIterator[Answered]:
        """The answer to the last turn: at once without reasons, then, where items are shown, with them.

        session: a name under which the conversation is kept, and belongs to `person`. Raises Problem 403 when it is
        another person's.
        """
        engine = self._engine
        view, deadline = engine.view(model)
        async with self._lock_of(session):
            say = partial(self._say, view, turns, model.name, person, session)
            conversation, answered = await engine.run(say, deadline, is_gone)
        yield answered
        if engine.config.gives_reasons and any(not card.reason for card in answered.reply.items):
            try:
                reply = await engine.run(partial(conversation.with_reasons, answered.reply), deadline, is_gone)
            except (TimeoutError, Overloaded, ModelEnded) as error:
                log.warning("reasons are left out: %s", error)  # the items were found, and the session knows of them
            else:
                yield Answered(reply, answered.visual)

    def standing(self, session_id: str, person: str | None) -> Session:
        """Where a kept conversation stands, with what its person chose and refused since. Raises Problem 403."""
        return self._standing(self._engine.store.load_session(session_id), person)

    def _standing(self, document: str | None, person: str | None) -> Session:
        session = _read(document, person)
        self._bring_up_to_date(session, person)
        session.drop_unknown(self._engine.workspace.catalog)
        return session

    async def take_back(self, session_id: str, person: str | None, attribute: str) -> Session:
        """Forget the wishes over an attribute; "*" forgets all of them, and the words. Raises Problem 403."""
        async with self._lock_of(session_id):
            return await asyncio.to_thread(self._take_back, session_id, person, attribute)

    def _take_back(self, session_id: str, person: str | None, attribute: str) -> Session:
        for _ in range(MAX_ATTEMPTS):
            before = self._engine.store.load_session(session_id)
            session = self._standing(before, person)
            session.take_back([attribute])
            if attribute == "*":
                session.forget_words()
            if before is None or self._save(session_id, person, session.to_json(), before):
                return session
        raise _contended()

    def _lock_of(self, session_id: str | None) -> asyncio.Lock:
        return asyncio.Lock() if session_id is None else self._locks.setdefault(session_id, asyncio.Lock())

    def forget(self, person: str) -> None:
        """Forget what is remembered of a person's conversations."""
        self._remembered.forget(person)

    def _say(
        self, view: WorkspaceView, turns: Sequence[Turn], model: str, person: str | None, session_id: str | None
    ) -> tuple[Conversation, Answered]:
        keys = _keys(turns, model, person)
        if session_id is None:
            conversation = self._replayed(view, turns[:-1], keys[:-1], person)
            reply = self._answer(conversation, turns[-1])
            self._remembered.keep(keys[-1], person, conversation.session.to_json())
        else:
            conversation, reply = self._continued(view, turns[-1], person, session_id)
        self._tell(person, reply)
        visual = None
        if reply.visual is not None and view.drawn is not None:
            visual = self._engine.keep(view.drawn, person)
        return conversation, Answered(reply, visual)

    def _continued(
        self, view: WorkspaceView, turn: Turn, person: str | None, session_id: str
    ) -> tuple[Conversation, Reply]:
        """One more turn of a kept conversation, said again when another process was quicker to go on with it."""
        for _ in range(MAX_ATTEMPTS):
            before = self._engine.store.load_session(session_id)
            conversation = self._conversations(view, _read(before, person), person)
            reply = self._answer(conversation, turn)
            if self._save(session_id, person, conversation.session.to_json(), before):
                return conversation, reply
        raise _contended()

    def _save(self, session_id: str, person: str | None, document: str, before: str | None) -> bool:
        return self._engine.store.save_session(session_id, person, document, after=before)

    def _answer(self, conversation: Conversation, turn: Turn) -> Reply:
        return conversation.say(turn.words, None if turn.photo is None else self._photos.keep(turn.photo))

    def _conversations(self, view: WorkspaceView, session: Session, person: str | None) -> Conversation:
        """A conversation that stands where its session does and knows what its person chose and refused since."""
        engine = self._engine
        self._bring_up_to_date(session, person)
        return Conversation(view, session, num_shown=engine.config.num_shown, gives_reasons=False)

    def _bring_up_to_date(self, session: Session, person: str | None) -> None:
        if person is not None:
            taste = self._engine.profiles.taste(person)
            session.user_id, session.disliked = person, list(taste.refused)
            session.history = list(taste.history)
            session.liked = [item_id for item_id in session.liked if item_id in taste.history]

    def _replayed(
        self, view: WorkspaceView, turns: Sequence[Turn], keys: Sequence[str], person: str | None
    ) -> Conversation:
        """The conversation as it stood after these turns; what it drew is not drawn again."""
        session, num_known = Session(), 0
        for number, key in reversed(list(enumerate(keys, 1))):
            document = self._remembered.find(key)
            if document is not None:
                session, num_known = Session.from_json(document), number
                break
        conversation = self._conversations(view, session, person)
        if num_known == len(turns):
            return conversation
        view.draws = False
        for turn in turns[num_known:]:
            self._answer(conversation, turn)
        view.draws = True
        return self._conversations(view, conversation.session, person)

    def _tell(self, person: str | None, reply: Reply) -> None:
        """What a person judges in words is feedback like any other."""
        if person is not None:
            for kind, item_ids in (("like", reply.request.liked), ("dislike", reply.request.disliked)):
                for item_id in item_ids:
                    self._engine.store.add_event(person=person, item_id=item_id, kind=kind)


def _read(document: str | None, person: str | None) -> Session:
    """A kept conversation, or a new one. Raises Problem 403 when it is another person's."""
    if document is None:
        return Session()
    session = Session.from_json(document)
    if session.user_id != person:
        message = "the session belongs to another user; give that user, or another session"
        raise ApiError(status=403, code="session_of_another", message=message, param="session")
    return session


def _contended() -> ApiError:
    message = f"the session changed {MAX_ATTEMPTS} times while this was answered; ask again"
    return ApiError(status=409, code="session_contended", message=message, param="session")


def _keys(turns: Sequence[Turn], model: str, person: str | None) -> list[str]:
    """For each turn, a name of the conversation up to it."""
    digest = hashlib.sha256(repr((model, person)).encode())
    keys = []
    for turn in turns:
        digest.update(turn.digest)
        keys.append(digest.hexdigest())
    return keys


class _Photos:
    """Photos of conversations, small, on disk for as long as the server runs and few enough; for many threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Path, None] = OrderedDict()
        self._lock = threading.Lock()

    @cached_property
    def _folder(self) -> "tempfile.TemporaryDirectory[str]":
        """Made for the first photo: where a server is ended at once, nobody is left to remove it."""
        return tempfile.TemporaryDirectory(prefix="genrec-photos-")

    def keep(self, photo: Image.Image) -> Path:
        """The file of a photo, the same for the same photo."""
        small = photo.copy()
        small.thumbnail((MAX_PHOTO_PX, MAX_PHOTO_PX))
        with self._lock:
            path = Path(self._folder.name) / f"{hashlib.sha256(small.tobytes()).hexdigest()}.png"
            if path not in self._kept:
                small.save(path)
            self._kept[path] = None
            self._kept.move_to_end(path)
            while len(self._kept) > MAX_REMEMBERED:
                self._kept.popitem(last=False)[0].unlink()
        return path


class _Memory:
    """The latest sessions under names of their conversations; for many threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[str | None, str]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, key: str, person: str | None, document: str) -> None:
        with self._lock:
            self._kept[key] = (person, document)
            self._kept.move_to_end(key)
            while len(self._kept) > MAX_REMEMBERED:
                self._kept.popitem(last=False)

    def find(self, key: str) -> str | None:
        with self._lock:
            return self._kept[key][1] if key in self._kept else None

    def forget(self, person: str) -> None:
        with self._lock:
            for key in [key for key, (whose, _) in self._kept.items() if whose == person]:
                del self._kept[key]
