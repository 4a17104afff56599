"""Conversations of many clients: resumed, answered, stored.

The store holds a session that a client names, with the photos that it speaks of; a conversation without one is replayed
from its messages, which bring their photos along, unless the cache still holds its state. What a known person likes or
refuses on the way becomes feedback. Knows no wire format beyond messages of words and photos.
"""

import asyncio
import copy
import hashlib
import io
import logging
import threading
import weakref
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from PIL import Image

from genrec.chat.conversation import Conversation, Reply
from genrec.chat.session import Session
from genrec.errors import ModelEnded, PersonErased
from genrec.serve.engine import Engine, IsGone, ServedModel
from genrec.serve.errors import ApiError
from genrec.serve.inference.batching import Overloaded
from genrec.serve.inference.client import ClientView
from genrec.serve.store import StoredVisual

log = logging.getLogger(__name__)
MAX_ATTEMPTS = 5  # to go on with a conversation that other processes go on with as well
MAX_CACHED = 1_000  # conversations without a session
MAX_PHOTO_PX = 512  # more than any CLIP looks at
PHOTO_WORDS = "something like this"  # what a photo says without words
MAX_TRANSCRIPT_CHARS = 20_000  # of the latest messages; no answer rests on them
MAX_REMEMBERED = 2_000  # items of each list of a document, the latest; of refused ones, one more lets the oldest return
MAX_AVOIDED = 20  # words that were turned down, the latest


@dataclass(frozen=True)
class UserMessage:
    """One message of a person: words, and maybe a photo."""

    text: str
    photo: Image.Image | None = None

    @property
    def words(self) -> str:
        """The text, or what a photo alone says."""
        return self.text if self.text.strip() or self.photo is None else PHOTO_WORDS

    @property
    def digest(self) -> bytes:
        """A hash of the text and the photo's pixels."""
        picture = b"" if self.photo is None else self.photo.tobytes()
        return hashlib.sha256(self.text.encode() + b"\0" + picture).digest()

    @cached_property
    def named_photo(self) -> dict[str, Image.Image]:
        """The photo, made small, by its name, which is a hash of its pixels; empty where there is none."""
        if self.photo is None:
            return {}
        small = self.photo.copy()
        small.thumbnail((MAX_PHOTO_PX, MAX_PHOTO_PX))
        return {hashlib.sha256(repr(small.size).encode() + small.tobytes()).hexdigest(): small}


@dataclass(frozen=True, slots=True)
class ServedReply:
    """A reply, and the stored drawing that it shows."""

    reply: Reply
    visual: StoredVisual | None


class Conversations:
    """The conversations of an engine: each is resumed, answered and stored."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._cache = _SessionCache()
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    def continued(self, engine: Engine) -> "Conversations":
        """The same conversations, answered by another engine from now on."""
        after = copy.copy(self)
        after._engine = engine
        return after

    async def answer(
        self,
        messages: Sequence[UserMessage],
        *,
        model: ServedModel,
        person: str | None,
        session_id: str | None,
        is_gone: IsGone,
    ) -> AsyncIterator[ServedReply]:
        """The reply to the last message: at once without reasons, then, where items are shown, with them.

        session_id: the name under which the conversation is stored, and belongs to `person`. Raises ApiError 403 when
        it is another person's, 409 when other processes change it again and again meanwhile.
        """
        engine = self._engine
        begun = await asyncio.to_thread(engine.moment, person)
        view = engine.view(model)
        async with self._lock_of(session_id):
            job = partial(self._reply, view, messages, model.name, person, session_id, begun)
            conversation, served = await engine.run(job, view.deadline, is_gone)
        yield served
        if engine.config.gives_reasons and any(not card.reason for card in served.reply.items):
            try:
                reply = await engine.run(partial(conversation.with_reasons, served.reply), view.deadline, is_gone)
            except (TimeoutError, Overloaded, ModelEnded) as error:
                log.warning("reasons are left out: %s", error)  # the items were found, and the session knows of them
            else:
                yield ServedReply(reply, served.visual)

    def state(self, session_id: str, person: str | None) -> Session:
        """The state of a stored conversation, with its person's feedback since. Raises ApiError 403."""
        return self._current(self._engine.store.load_session(session_id), person)

    def _current(self, document: str | None, person: str | None) -> Session:
        session = _load(document, person)
        self._update(session, person)
        session.drop_unknown(self._engine.workspace.catalog)
        return session

    async def take_back(self, session_id: str, person: str | None, attribute: str) -> Session:
        """Forget the wishes over an attribute; "*" forgets all of them, and the words. Raises ApiError 403 or 409."""
        async with self._lock_of(session_id):
            return await asyncio.to_thread(self._take_back, session_id, person, attribute)

    def _take_back(self, session_id: str, person: str | None, attribute: str) -> Session:
        for _ in range(MAX_ATTEMPTS):
            before = self._engine.store.load_session(session_id)
            session = self._current(before, person)
            session.take_back([attribute])
            if attribute == "*":
                session.forget_words()
            if before is None or self._save(session_id, person, session, before):
                return session
        raise _contended()

    async def erase(self, session_id: str, person: str | None) -> None:
        """Erase a conversation and its photos. Raises ApiError 403, or 404 where there is none."""
        async with self._lock_of(session_id):
            await asyncio.to_thread(self._erase, session_id, person)

    def _erase(self, session_id: str, person: str | None) -> None:
        _load(self._engine.store.load_session(session_id), person)
        if not self._engine.store.erase_session(session_id):
            message = f"there is no session {session_id!r}; it may have been erased"
            raise ApiError(status=404, code="not_found", message=message, param="session")

    def _lock_of(self, session_id: str | None) -> asyncio.Lock:
        return asyncio.Lock() if session_id is None else self._locks.setdefault(session_id, asyncio.Lock())

    def forget(self, person: str) -> None:
        """Drop a person's conversations from the cache."""
        self._cache.forget(person)

    def _reply(
        self,
        view: ClientView,
        messages: Sequence[UserMessage],
        model: str,
        person: str | None,
        session_id: str | None,
        begun: int | None,
    ) -> tuple[Conversation, ServedReply]:
        try:
            return self._stored_reply(view, messages, model, person, session_id, begun)
        except BaseException:
            if view.drawings.last is not None:
                self._engine.discard(view.drawings.last)
            raise

    def _stored_reply(
        self,
        view: ClientView,
        messages: Sequence[UserMessage],
        model: str,
        person: str | None,
        session_id: str | None,
        begun: int | None,
    ) -> tuple[Conversation, ServedReply]:
        keys = _keys(messages, model, person)
        if session_id is None:
            conversation = self._replayed(view, messages, keys[:-1], person)
            reply = _say(conversation, messages[-1])
            if self._engine.moment(person) != begun:
                raise PersonErased("the person was erased while this was answered, so nothing of it is kept; ask again")
            self._cache.add(keys[-1], person, document_of(conversation.session))
        else:
            conversation, reply = self._continued(view, messages[-1], person, session_id, begun)
        self._add_feedback(person, reply, begun)
        visual = None
        if reply.visual is not None and view.drawings.last is not None:
            visual = self._engine.keep(view.drawings.last, person, begun)
        return conversation, ServedReply(reply, visual)

    def _continued(
        self, view: ClientView, message: UserMessage, person: str | None, session_id: str, begun: int | None
    ) -> tuple[Conversation, Reply]:
        """A stored conversation with one more message, said again when another process was quicker to go on with it."""
        was_there = False
        for _ in range(MAX_ATTEMPTS):
            before = self._engine.store.load_session(session_id)
            if before is None and was_there:
                raise _erased()
            was_there = before is not None
            session = _load(before, person)
            stored = self._engine.store.load_photos(session_id) if session.photos else {}
            photos = {name: _read_photo(content) for name, content in stored.items()} | message.named_photo
            conversation = self._conversation(view, session, person, photos)
            reply = _say(conversation, message)
            if self._save(session_id, person, conversation.session, before, message.named_photo, begun):
                return conversation, reply
        raise _contended()

    def _save(
        self,
        session_id: str,
        person: str | None,
        session: Session,
        before: str | None,
        new_photos: Mapping[str, Image.Image] | None = None,
        begun: int | None = None,
    ) -> bool:
        new = new_photos or {}
        photos = {name: _write_photo(new[name]) if name in new else None for name in session.photos}
        document = document_of(session)
        return self._engine.store.save_session(session_id, person, document, after=before, photos=photos, begun=begun)

    def _conversation(
        self, view: ClientView, session: Session, person: str | None, photos: Mapping[str, Image.Image]
    ) -> Conversation:
        """A conversation in the state of its session, with its person's feedback since, and its photos by name."""
        self._update(session, person)
        return Conversation(
            view.workspace,
            session,
            num_shown=self._engine.config.num_shown,
            gives_reasons=False,
            find_photo=photos.get,
        )

    def _update(self, session: Session, person: str | None) -> None:
        """Take over what a person chose and refused elsewhere."""
        if person is not None:
            profile = self._engine.profiles.find(person)
            session.user_id, session.disliked = person, list(profile.refused)
            session.history = list(profile.history)
            chosen = frozenset(profile.history)
            session.liked = [item_id for item_id in session.liked if item_id in chosen]

    def _replayed(
        self, view: ClientView, messages: Sequence[UserMessage], keys: Sequence[str], person: str | None
    ) -> Conversation:
        """The conversation before its last message, replayed from where the cache knows it; nothing is drawn again."""
        session, num_known = Session(), 0
        photos = {name: photo for message in messages for name, photo in message.named_photo.items()}
        for number, key in reversed(list(enumerate(keys, 1))):
            document = self._cache.find(key)
            if document is not None:
                session, num_known = Session.from_json(document), number
                break
        conversation = self._conversation(view, session, person, photos)
        if num_known == len(messages) - 1:
            return conversation
        view.drawings.is_replay = True
        for message in messages[num_known:-1]:
            _say(conversation, message)
        view.drawings.is_replay = False
        return self._conversation(view, conversation.session, person, photos)

    def _add_feedback(self, person: str | None, reply: Reply, begun: int | None) -> None:
        """Store what a person likes or dislikes in words, which is feedback like any other."""
        if person is not None:
            for kind, item_ids in (("like", reply.request.liked), ("dislike", reply.request.disliked)):
                for item_id in item_ids:
                    self._engine.store.add_event(person=person, item_id=item_id, kind=kind, begun=begun)


def _load(document: str | None, person: str | None) -> Session:
    """A stored session, or a new one. Raises ApiError 403 when it is another person's."""
    if document is None:
        return Session()
    session = Session.from_json(document)
    if session.user_id != person:
        message = "the session belongs to another user; give that user, or another session"
        raise ApiError(status=403, code="session_of_another", message=message, param="session")
    return session


def document_of(session: Session) -> str:
    """What is kept of a session, bounded. History and refusals of a known person are left out: events tell them."""
    is_known, chars, messages = session.user_id is not None, 0, 0
    for message in reversed(session.messages):
        chars += len(message.text)
        if chars > MAX_TRANSCRIPT_CHARS:
            break
        messages += 1
    kept = replace(
        session,
        messages=session.messages[len(session.messages) - messages :],
        history=[] if is_known else session.history[-MAX_REMEMBERED:],
        disliked=[] if is_known else session.disliked[-MAX_REMEMBERED:],
        liked=session.liked[-MAX_REMEMBERED:],
        seen=session.seen[-MAX_REMEMBERED:],
        avoided=session.avoided[-MAX_AVOIDED:],
    )
    return kept.to_json()


def _say(conversation: Conversation, message: UserMessage) -> Reply:
    return conversation.say(message.words, next(map(Path, message.named_photo), None))


def _read_photo(content: bytes) -> Image.Image:
    with Image.open(io.BytesIO(content), formats=["PNG"]) as photo:
        return photo.convert("RGB")


def _write_photo(photo: Image.Image) -> bytes:
    stream = io.BytesIO()
    photo.save(stream, format="PNG")
    return stream.getvalue()


def _contended() -> ApiError:
    message = f"the session changed {MAX_ATTEMPTS} times while this was answered; ask again"
    return ApiError(status=409, code="session_contended", message=message, param="session")


def _erased() -> ApiError:
    message = "the session was erased while this was answered, so nothing of it is kept; ask again"
    return ApiError(status=409, code="session_erased", message=message, param="session")


def _keys(messages: Sequence[UserMessage], model: str, person: str | None) -> list[str]:
    """The cache's key of the conversation up to each message."""
    digest = hashlib.sha256(repr((model, person)).encode())
    keys = []
    for message in messages:
        digest.update(message.digest)
        keys.append(digest.hexdigest())
    return keys


class _SessionCache:
    """The latest sessions by keys of their conversations; for many threads."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, tuple[str | None, str]] = OrderedDict()  # by key: person and document
        self._lock = threading.Lock()

    def add(self, key: str, person: str | None, document: str) -> None:
        with self._lock:
            self._sessions[key] = (person, document)
            self._sessions.move_to_end(key)
            while len(self._sessions) > MAX_CACHED:
                self._sessions.popitem(last=False)

    def find(self, key: str) -> str | None:
        with self._lock:
            return self._sessions[key][1] if key in self._sessions else None

    def forget(self, person: str) -> None:
        with self._lock:
            for key in [key for key, (whose, _) in self._sessions.items() if whose == person]:
                del self._sessions[key]
