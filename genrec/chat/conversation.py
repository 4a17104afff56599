"""One turn of the conversation: a message in, an answer with items, reasons or a picture out.

Wishes last over turns; when nothing meets them all, the answer says what it left out. Knows how session, message
reader, retriever, explanations and visuals work together; deliberately knows no words of the person.
"""

import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from genrec.chat.answers import answer_of_catalog, answer_of_items
from genrec.chat.constraints import extremes_of, number_of
from genrec.chat.lexicon import words_of
from genrec.chat.reading.reader import Reader
from genrec.chat.requests import ChatRequest, Intent
from genrec.chat.retrieval import Retrieved, Retriever, Searchable
from genrec.chat.session import LIKENESS, WORDS, ChatMessage, Session, photo_file
from genrec.chat.wording import (
    courtesy,
    describe,
    described,
    facts,
    headline,
    invitation,
    notes_on,
    question,
    recall,
    titles_of,
)
from genrec.claims.wording import say_sale
from genrec.data.filters import Predicate
from genrec.data.images import Picture
from genrec.explain import Explainable, explain_batch
from genrec.ranking.client import ModelClient
from genrec.schema import Evidence, Explanation, Item, Visual

NUM_SHOWN = 5
MAX_WORDS = 8  # free words that are searched for at once, the latest
UNREAD_TEXT = (
    "I read English, German, French and Spanish, and could not read this. "
    "A name or a title alone is understood in every language."
)
LISTING: frozenset[Intent] = frozenset({"recommend", "like", "dislike", "history"})  # answered by a list of items


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemCard:
    """One shown item, with why (empty where no reason was asked for).

    reason: in the few words that a card has room for; why: in whole sentences. price: the item's number of that name,
    if it has one.
    """

    item: Item
    price: float | None
    reason: str
    evidence: tuple[Evidence, ...]
    why: str = ""

    @property
    def item_id(self) -> str:
        """The item's id."""
        return self.item.item_id

    @property
    def title(self) -> str:
        """Its title, else its id."""
        return self.item.name

    @property
    def image(self) -> Path | None:
        """The catalog's picture."""
        return self.item.image

    @property
    def sale(self) -> str:
        """Its price with the currency, and whether it is sold out, in words."""
        return say_sale(self.item, self.price)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is answered to one message. items: the list that is shown, or the items that are spoken of.

    relaxed: wishes that the shown items do not all meet; the text says so.
    """

    text: str
    request: ChatRequest
    items: tuple[ItemCard, ...] = ()
    visual: Path | None = None
    relaxed: tuple[Predicate, ...] = ()

    @property
    def is_list(self) -> bool:
        """Whether its items are a newly shown list."""
        is_answer = self.request.question is not None
        return bool(self.items) and not is_answer and self.request.intent in LISTING

    def __str__(self) -> str:
        """The text, and a line for each item of a list: title, price and reason."""
        lines = [self.text]
        for place, card in enumerate(self.items if self.is_list else (), 1):
            lines.append(f"{place}. {card.title}{card.sale and f', {card.sale}'}{card.reason and f' · {card.reason}'}")
        return "\n".join(lines)


class Conversable(Searchable, Explainable, Protocol):
    """What a recommender must offer to be talked with; `genrec.workspace`'s Workspace is one."""

    @property
    def directory(self) -> Path: ...
    @property
    def client(self) -> ModelClient: ...
    @property
    def reader(self) -> Reader: ...
    def history_of(self, user_id: str) -> tuple[str, ...]: ...
    def aversion_of(self, user_id: str) -> tuple[str, ...]: ...
    def known_history(self, history: Sequence[str]) -> tuple[str, ...]: ...
    def visualize(
        self,
        *,
        item: str,
        history: Sequence[str],
        disliked: Sequence[str],
        out: Path,
        scene: str | None,
        change: str | None,
        photo: Picture | None,
    ) -> Visual: ...


class Conversation:
    """A conversation over one built workspace; everything it remembers is in `session`."""

    def __init__(
        self,
        recommender: Conversable,
        session: Session | None = None,
        *,
        num_shown: int = NUM_SHOWN,
        gives_reasons: bool = True,
        find_photo: Callable[[str], Picture | None] = photo_file,
    ) -> None:
        """Items of the session that the catalog lacks are dropped from it.

        gives_reasons: False shows lists without reasons, which is faster; "why?" is answered all the same, and
        `with_reasons` adds them. find_photo: the photo of a name; None where it is gone, which the next reply tells.
        """
        self.recommender = recommender
        self.session = Session() if session is None else session
        self.gives_reasons = gives_reasons
        self.reader = recommender.reader
        self._find_photo = find_photo
        self.retriever = Retriever(
            recommender, self.reader.lexicon, self.reader.search, num_shown=num_shown, find_photo=find_photo
        )
        self.session.drop_unknown(recommender.catalog)

    def follow(self, user_id: str) -> None:
        """Continue as a known user: what they liked and disliked by their events counts. Raises UnknownUser."""
        history = list(self.recommender.known_history(self.recommender.history_of(user_id)))
        self.session.user_id = user_id
        self.session.history = [*history, *(i for i in self.session.liked if i not in history)]
        averse = [i for i in self.recommender.aversion_of(user_id) if i in self.recommender.catalog]
        judged = {*self.session.liked, *self.session.disliked}
        self.session.disliked = [*(i for i in averse if i not in judged), *self.session.disliked]

    def say(self, text: str, image: Path | None = None) -> Reply:
        """Answer one message, which may come with a photo, and remember both. Raises InputError on a broken photo.

        image: the photo's file, or the name by which it is found.
        """
        *_, reply = self.answer(text, image)
        return reply

    def answer(self, text: str, image: Path | None = None) -> Iterator[Reply]:
        """`say` in two steps: a list comes first without reasons, as soon as it is found, then once more with them.

        Everything is remembered before the first step, so that later ones may be left out.
        """
        lost = self._let_go_of_lost_photo() if image is None else []
        request = self.reader.read(text, self.session, image)
        reply = self._answer(request)
        reply = replace(reply, text=" ".join([*lost, reply.text]))
        self.session.messages += [
            ChatMessage(role="user", text=text),
            ChatMessage(role="assistant", text=reply.text),
        ]
        yield reply
        if reply.is_list and self.gives_reasons:
            yield self.with_reasons(reply)

    def with_reasons(self, reply: Reply) -> Reply:
        """The same list, each item with why; replies that are no lists, or have reasons, stay as they are."""
        if not reply.is_list or all(card.reason for card in reply.items):
            return reply
        found = self._explanations([card.item_id for card in reply.items])
        cards = [self._card(card.item, why) for card, why in zip(reply.items, found, strict=True)]
        return replace(reply, items=tuple(cards))

    def _answer(self, request: ChatRequest) -> Reply:
        lexicon = self.reader.lexicon
        match request.intent:
            case "greet":
                return Reply(text=f"Hello! {invitation(lexicon)}", request=request)
            case "help":
                return Reply(text=invitation(lexicon), request=request)
            case "recall":
                return Reply(text=recall(self.session, self.recommender.catalog, lexicon), request=request)
            case "thanks":
                return Reply(text=courtesy(request.text), request=request)
            case "unread":
                return Reply(text=UNREAD_TEXT, request=request)
            case "other":
                text = f"That I cannot answer: I only know this catalog. {invitation(lexicon)}"
                return Reply(text=text, request=request)
            case "browse":
                return self._tell_of_catalog(request)
            case "explain":
                return self._explain(request)
            case "show":
                return self._show(request)
            case "compare" | "describe":
                return self._tell(request, self._take_judgement(request))
            case "reset":
                self.session.take_back(["*"])
                self.session.forget_words()
                has_judged = self.session.liked or self.session.disliked
                judged = " What you liked and refused still counts." if has_judged else ""
                return Reply(text=f"All wishes are forgotten.{judged} What would you like?", request=request)
        notes = self._take_judgement(request)
        return self._recommend(request, notes) if request.question is None else self._tell(request, notes)

    def _take_judgement(self, request: ChatRequest) -> list[str]:
        """Remember likes and dislikes, and say so."""
        notes, catalog = [], self.recommender.catalog
        if request.liked:
            self.session.like(request.liked)
            notes.append(f"Noted: {titles_of(request.liked, catalog)}.")
        if request.disliked:
            self.session.dislike(request.disliked)
            notes.append(f"{titles_of(request.disliked, catalog)} will not come back.")
        return notes

    def _recommend(self, request: ChatRequest, notes: list[str]) -> Reply:
        session = self.session
        if request.is_undo and not session.undo():
            notes.append("There is nothing to take back.")
        notes += self._let_go_of_lost_photo()
        gave_way = self._change_wishes(request)
        notes += _unclear(request)
        notes += [f"No item here has anything of “{word}”." for word in request.missing]
        self._change_words(request)
        if request.repeats:
            return self._repeat(request, notes)
        if request.parts:
            return self._recommend_each(request, notes)
        if self._says_nothing_known(request):
            return Reply(text=" ".join([*notes, invitation(self.reader.lexicon)]), request=request)
        if self._is_too_open(request):
            session.has_asked = True
            return Reply(text=" ".join([*notes, question(self.reader.lexicon)]), request=request)
        found = self.retriever.find(session, request)
        if gave_way:
            notes.append(f"I let go of {', '.join(describe(wish) for wish in gave_way)}.")
        notes += notes_on(found)
        if not found.item_ids:
            return Reply(text=" ".join(notes), request=request, relaxed=found.relaxed)
        session.show(found.item_ids)
        session.focus = request.liked[-1] if request.liked else session.focus  # "more like that one"
        text = " ".join([*notes, headline(found, session, self.recommender.catalog)])
        return Reply(text=text, request=request, items=self._cards(found), relaxed=found.relaxed)

    def _repeat(self, request: ChatRequest, notes: list[str]) -> Reply:
        """Items of earlier lists, once more."""
        self.session.show(request.repeats)
        said = f" ({', '.join(map(describe, request.where))})" if request.where else ""
        cards = tuple(self._card(self.recommender.catalog[item_id]) for item_id in request.repeats)
        return Reply(text=" ".join([*notes, f"Once more, as shown before{said}:"]), request=request, items=cards)

    def _recommend_each(self, request: ChatRequest, notes: list[str]) -> Reply:
        """One list of several things, those of each kind together, and as many of each."""
        session, num_each = self.session, request.limit or -(-(self.retriever.num_shown + 1) // len(request.parts))
        shown: list[str] = []
        said: list[str] = []
        relaxed: list[Predicate] = []
        for part in request.parts:
            own = replace(session, constraints=[w for w in session.constraints if w not in request.where])
            own.wish(part, self.recommender.catalog)
            own.seen = [*session.seen, *shown]
            found = self.retriever.find(own, replace(request, where=part, parts=(), limit=num_each))
            notes += notes_on(found)
            met = described([wish for wish in own.constraints if wish not in found.relaxed])
            if found.item_ids:
                said.append(f"{len(found.item_ids)} ({', '.join(met)})")
            shown += [item_id for item_id in found.item_ids if item_id not in shown]
            relaxed += found.relaxed
        if not shown:
            return Reply(text=" ".join(notes), request=request, relaxed=tuple(relaxed))
        session.show(shown)
        cards = tuple(self._card(self.recommender.catalog[item_id]) for item_id in shown)
        text = " ".join([*notes, f"First {', then '.join(said)}:"])
        return Reply(text=text, request=request, items=cards, relaxed=tuple(relaxed))

    def _let_go_of_lost_photo(self) -> list[str]:
        """A photo that is gone counts no more, and that is told."""
        if self.session.photo is None or self._find_photo(self.session.photo) is not None:
            return []
        self.session.photo = None
        return ["Your photo is gone here; send it again if it is to count."]

    def _change_words(self, request: ChatRequest) -> None:
        """Words that are turned down are searched for no more, and no item that holds them is shown."""
        session = self.session
        gone = {word for said in (*request.refused, *request.dropped_words) for word in words_of(said)}
        kept = [word for word in session.query.split() if gone.isdisjoint(words_of(word))]
        session.query = " ".join(kept)
        session.avoided = [said for said in session.avoided if not set(words_of(said)) <= set(request.dropped_words)]
        session.avoided += [said for said in request.refused if said not in session.avoided]

    def _says_nothing_known(self, request: ChatRequest) -> bool:
        """Whether nothing of a message could be used: a list would pretend that it was."""
        is_used = request.has_wishes or request.query or request.refers_to or request.image or request.refused
        is_judged = request.liked or request.disliked or request.extreme or request.limit or request.dropped_words
        is_plain = request.is_open or request.is_undo
        return bool(request.missing or request.not_understood) and not (is_used or is_judged or is_plain)

    def _is_too_open(self, request: ChatRequest) -> bool:
        """Whether nothing is known of what is wanted, and it has not been asked for yet."""
        session = self.session
        is_unknown = not session.history
        says_nothing = not (session.constraints or session.query or session.refers_to or session.photo or session.shown)
        is_asked = request.is_open or request.extreme is not None or request.limit is not None
        return says_nothing and is_unknown and not (is_asked or session.has_asked or session.avoided)

    def _change_wishes(self, request: ChatRequest) -> list[Predicate]:
        """Bring the session's wishes up to date; return those that gave way to a contradicting one."""
        session = self.session
        if request.has_wishes or request.query or request.relation or request.image:
            session.remember_wishes()
        if "*" in request.dropped:
            session.forget_words()
        session.take_back([*request.dropped, *self._left_behind(request)])
        kinds = self.retriever.kinds(session.constraints)
        gave_way = session.wish(request.where, self.recommender.catalog)
        if kinds and kinds.isdisjoint(self.retriever.kinds(session.constraints) or kinds):
            session.query = ""  # it described another kind of thing
        if request.image is not None:
            self._look_at(str(request.image), request)
        if request.relation is not None:
            session.refers_to, session.relation = list(request.refers_to), request.relation
            session.query = request.query
        elif request.query and request.is_further:
            session.query = " ".join(dict.fromkeys((*session.query.split(), *request.query.split())[-MAX_WORDS:]))
        elif request.query:
            session.query = request.query
        return gave_way

    def _left_behind(self, request: ChatRequest) -> list[str]:
        """What a message that begins anew takes back.

        Asked for a title or for what is like one, nothing that was said of other things counts; asked for other kinds
        or people, the likeness to what was named before does not.
        """
        session, labels = self.session, self.reader.lexicon.labels
        named = {*session.shown, *session.history}
        if request.found or (request.relation == "like" and named.isdisjoint(request.refers_to)):
            kept = {self.reader.lexicon.price, labels.rating_of_content}
            return [
                WORDS,
                *(w.attribute for w in session.constraints if w.operator != "!=" and w.attribute not in kept),
            ]
        things = {*labels.kinds, *labels.makers, *labels.cast}
        is_new = any(wish.operator == "=" and wish.attribute in things for wish in request.where)
        return [LIKENESS] if is_new and request.relation is None else []

    def _look_at(self, photo: str, request: ChatRequest) -> None:
        """A photo says what is wanted in place of what was said of its looks before, and of what it shows."""
        session, labels = self.session, self.reader.lexicon.labels
        shown = {*labels.kinds, *labels.having("adjective", "property")}
        gone = {w.attribute for w in session.constraints if w.operator == "=" and w.attribute in shown}
        session.take_back(gone - {wish.attribute for wish in request.where})
        session.photo, session.query = photo, ""

    def _cards(self, found: Retrieved) -> tuple[ItemCard, ...]:
        return tuple(self._card(self.recommender.catalog[item_id]) for item_id in found.item_ids)

    def _explanations(self, item_ids: Sequence[str]) -> list[Explanation]:
        return explain_batch(
            self.recommender,
            [self.session.context()] * len(item_ids),
            item_ids,
            query=self.session.query,
            constraints=self.session.constraints,
        )

    def _card(self, item: Item, why: Explanation | None = None) -> ItemCard:
        price = self.reader.lexicon.price
        return ItemCard(
            item=item,
            price=None if price is None else number_of(item, price),
            reason="" if why is None else why.reason or why.text,
            why="" if why is None else why.text,
            evidence=() if why is None else why.evidence,
        )

    def _target(self, request: ChatRequest) -> str | None:
        return request.refers_to[0] if request.refers_to else self.session.focus

    def _explain(self, request: ChatRequest) -> Reply:
        item_id = self._target(request)
        if item_id is None:
            return Reply(text="Nothing was shown yet that I could explain; ask for something first.", request=request)
        self.session.focus = item_id
        why = self._explanations([item_id])[0]
        item = self.recommender.catalog[item_id]
        text = f"I would take {item.name}. {why.text}" if request.is_advice else why.text
        return Reply(text=text, request=request, items=(self._card(item, why),))

    def _tell(self, request: ChatRequest, notes: Sequence[str] = ()) -> Reply:
        """What is asked of the items spoken of, else all that is known; the first of them is what "it" means then."""
        catalog, question = self.recommender.catalog, request.question
        items = [catalog[item_id] for item_id in request.refers_to]
        labels = self.reader.lexicon.labels
        text = facts(items, labels) if question is None else answer_of_items(question, items, catalog, labels)
        if question is not None and question.extreme is not None:
            items = extremes_of(question.extreme, items) or items
        elif question is not None and len(items) > 1:
            items = [item for item in items if all(condition.holds(item) for condition in question.conditions)] or items
        self.session.focus = items[0].item_id
        cards = tuple(self._card(item) for item in items)
        return Reply(text=" ".join([*notes, *_unclear(request), text]), request=request, items=cards)

    def _tell_of_catalog(self, request: ChatRequest) -> Reply:
        """What is asked of the whole catalog; "how many red clocks?" makes red clocks what is talked of."""
        assert request.question is not None
        catalog, lexicon = self.recommender.catalog, self.reader.lexicon
        self.session.wish(request.question.scope, catalog)
        text = answer_of_catalog(request.question, catalog, lexicon)
        return Reply(text=" ".join([*_unclear(request), text]), request=request)

    def _show(self, request: ChatRequest) -> Reply:
        item_id = self._target(request)
        if item_id is None:
            return Reply(text="Nothing was chosen yet that I could draw; ask for something first.", request=request)
        self.session.focus = item_id
        item = self.recommender.catalog[item_id]
        if not item.is_drawable:
            text = f"What {item.name} looks like is not known here, so there is nothing to draw."
            return Reply(text=text, request=request, items=(self._card(item),))
        context = self.session.context()
        name = re.sub(r"[^\w-]+", "_", item_id)[:60]
        scene, change = _drawing_words(request)
        case = zlib.crc32("\n".join([item_id, *context, scene or "", change or ""]).encode())
        out = self.recommender.directory / "visuals" / f"chat-{name}-{case:08x}.png"
        made = self.recommender.visualize(
            item=item_id, history=context, disliked=self.session.disliked, out=out, scene=scene, change=change,
            photo=None if request.image is None else self._find_photo(str(request.image)),
        )  # fmt: skip
        text = f"{_SHOWN[made.mode].format(item.name)}; {(_GENERATED if made.generated else _EDITED)[made.mode]}."
        if made.note:
            text += f" ({made.note[0].upper()}{made.note[1:]}.)"
        return Reply(text=text, request=request, items=(self._card(item),), visual=made.path)


_SHOWN = {
    "scene": "This is {} in a place for you",
    "variation": "This is how {} could look for you",
    "photo": "This is {} in your photo",
}
_GENERATED = {
    "scene": "the surroundings are generated",
    "variation": "the picture is generated",
    "photo": "its shadow and edges are generated",
}
_EDITED = {"variation": "its picture is edited", "photo": "the photo is edited"}


def _drawing_words(request: ChatRequest) -> tuple[str | None, str | None]:
    """Where an item is to be shown, in words, and how it is to be changed; None for what is not said."""
    changed = [str(wish.value) for wish in request.where if isinstance(wish.value, str)]
    free = ", ".join(dict.fromkeys(filter(None, (request.query, *request.missing, *request.not_understood))))
    if changed and request.image is None:
        return None, ", ".join([*changed, *([free] if free else [])])
    return free or None, None


def _unclear(request: ChatRequest) -> list[str]:
    return [f"I could not make use of “{said}” here." for said in request.not_understood]
