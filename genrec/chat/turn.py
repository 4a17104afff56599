"""One turn of the conversation: a message in, an answer with items, reasons or a picture out.

Wishes last over turns and become a filter over the catalog; when nothing meets them all, the answer says what it left
out. Knows how a session, the reader, the recommender, explanations and visuals work together; the words it reads are
understood in requests.
"""

import itertools
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import and_
from pathlib import Path

from genrec.chat.requests import ChatRequest, RequestReader
from genrec.chat.session import ChatMessage, Session
from genrec.data.filters import Filter
from genrec.data.reasons import Constraint, format_number, say_value
from genrec.explain import explain_batch
from genrec.schema import Evidence, Explanation, Item
from genrec.workspace import Workspace

NUM_SHOWN = 5
_SIGNS = {"<": "under", "<=": "at most", ">": "over", ">=": "at least"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One shown item, with why (empty where no reason was asked for).

    price: the item's number of that name, if it has one; image: the catalog's picture.
    """

    item_id: str
    title: str
    price: float | None
    reason: str
    evidence: tuple[Evidence, ...]
    image: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is answered to one message. relaxed: wishes that the shown items do not all meet; the text says so."""

    text: str
    request: ChatRequest
    items: tuple[Card, ...] = ()
    visual: Path | None = None
    relaxed: tuple[Constraint, ...] = ()


@dataclass(slots=True)
class _Found:
    """Items for one turn, and what the answer must admit."""

    item_ids: list[str]
    notes: list[str] = field(default_factory=list)
    relaxed: tuple[Constraint, ...] = ()


def describe(wish: Constraint) -> str:
    """A wish in words: color red, price under 40, not brand Halden."""
    name = wish.attribute.replace("_", " ")
    if isinstance(wish.value, float | int):
        sign = _SIGNS.get(wish.operator, "" if wish.operator == "=" else "not")
        return " ".join(f"{name} {sign} {format_number(wish.value)}".split())
    said = wish.value if isinstance(wish.value, str) else " or ".join(wish.value)
    return f"{'not ' if wish.operator == '!=' else ''}{name} {said}"


def wish_filter(wishes: Iterable[Constraint]) -> Filter | None:
    """The filter that all wishes make together; None without wishes."""
    parts = []
    for wish in wishes:
        if wish.operator == "!=" or not isinstance(wish.value, tuple):
            values = wish.value if isinstance(wish.value, tuple) else (wish.value,)
            parts += [Filter.where(wish.attribute, wish.operator, value) for value in values]
        else:
            either = [Filter.where(wish.attribute, "=", value) for value in wish.value]
            parts.append(reduce(lambda a, b: a | b, either))
    return reduce(and_, parts) if parts else None


class Conversation:
    """A conversation over one built workspace; everything it remembers is in `session`."""

    def __init__(
        self,
        recommender: Workspace,
        session: Session | None = None,
        *,
        num_shown: int = NUM_SHOWN,
        gives_reasons: bool = True,
        reader: RequestReader | None = None,
    ) -> None:
        """Items of the session that the catalog lacks are dropped from it.

        gives_reasons: False shows lists without reasons, which is faster; "why?" is answered all the same, and
        `with_reasons` adds them. reader: of this catalog, for those who hold many conversations.
        """
        self.recommender = recommender
        self.session = Session() if session is None else session
        self.num_shown = num_shown
        self.gives_reasons = gives_reasons
        self.reader = reader or RequestReader(recommender.catalog)
        self.session.keep_known(recommender.catalog)

    def follow(self, user_id: str) -> None:
        """Continue as a known user: their events become the history. Raises UnknownUser."""
        history = list(self.recommender.known_history(self.recommender.history_of(user_id)))
        self.session.user_id = user_id
        self.session.history = [*history, *(i for i in self.session.liked if i not in history)]

    def say(self, text: str) -> Reply:
        """Answer one message, and remember both."""
        request = self.reader.read(text, self.session)
        reply = self._answer(request)
        self.session.messages += [
            ChatMessage(role="user", text=text),
            ChatMessage(role="assistant", text=reply.text),
        ]
        return reply

    def with_reasons(self, reply: Reply) -> Reply:
        """The last reply with a reason for every item that has none."""
        if all(card.reason for card in reply.items):
            return reply
        cards = self._cards([card.item_id for card in reply.items], with_reasons=True)
        return replace(reply, items=cards)

    def _answer(self, request: ChatRequest) -> Reply:
        match request.intent:
            case "greet":
                return Reply(text=f"Hello! {self._invitation()}", request=request)
            case "help":
                return Reply(text=self._invitation(), request=request)
            case "thanks":
                return Reply(text="You are welcome. Tell me what to change, or ask why or show me.", request=request)
            case "other":
                return Reply(
                    text=f"That I cannot answer: I only know this catalog. {self._invitation()}", request=request
                )
            case "explain":
                return self._explain(request)
            case "show":
                return self._show(request)
            case "reset":
                self.session.take_back(["*"])
                self._forget_words()
                return Reply(text="All wishes are forgotten. What would you like?", request=request)
        return self._recommend(request, self._take_judgement(request))

    def _take_judgement(self, request: ChatRequest) -> list[str]:
        """Remember likes and dislikes, and say so."""
        notes = []
        if request.liked:
            self.session.like(request.liked)
            notes.append(f"Noted that you like {self._titles(request.liked)}.")
        if request.disliked:
            self.session.dislike(request.disliked)
            notes.append(f"{self._titles(request.disliked)} will not come back.")
        return notes

    def _titles(self, item_ids: Iterable[str]) -> str:
        items = [self.recommender.catalog[item_id] for item_id in item_ids]
        return say_value(tuple(item.title or item.item_id for item in items))

    def _forget_words(self) -> None:
        self.session.query, self.session.refers_to, self.session.relation = "", [], None

    def _recommend(self, request: ChatRequest, notes: list[str]) -> Reply:
        session = self.session
        gave_way = self._change_wishes(request)
        found = self._find(request)
        notes += [f"I could not make use of “{said}” here." for said in request.not_understood]
        if gave_way:
            notes.append(f"I let go of {', '.join(describe(wish) for wish in gave_way)}.")
        notes += found.notes
        if not found.item_ids:
            return Reply(text=" ".join(notes), request=request, relaxed=found.relaxed)
        cards = self._cards(found.item_ids, with_reasons=self.gives_reasons)
        session.show(found.item_ids)
        return Reply(
            text=" ".join([*notes, self._headline(len(cards), found.relaxed)]),
            request=request,
            items=cards,
            relaxed=found.relaxed,
        )

    def _change_wishes(self, request: ChatRequest) -> list[Constraint]:
        """Bring the session's wishes up to date; return those that gave way to a contradicting one."""
        session = self.session
        if "*" in request.dropped:
            self._forget_words()
        session.take_back(request.dropped)
        gave_way = session.wish(request.where, self.recommender.catalog)
        if request.relation is not None:
            session.refers_to, session.relation = list(request.refers_to), request.relation
            session.query = request.query
        elif request.query:
            session.query = request.query
        return gave_way

    def _headline(self, num_items: int, relaxed: Sequence[Constraint]) -> str:
        wishes = [describe(wish) for wish in self.session.constraints if wish not in relaxed]
        said = f"Here {'is one' if num_items == 1 else f'are {num_items}'} for you"
        if wishes:
            said += f" ({', '.join(wishes)})"
        if self.session.refers_to:
            link = "to go with" if self.session.relation == "goes_with" else "like"
            said += f", {link} {self._titles(self.session.refers_to)}"
        if self.session.query:
            said += f", nearest to the words “{self.session.query}”"
        return f"{said}:"

    def _context(self) -> list[str]:
        """The history that the recommender sees: items spoken of come last; "like my last two" means these alone."""
        session = self.session
        past = [i for i in session.history if i not in session.disliked]
        if not session.refers_to:
            return past
        named = list(session.refers_to)
        return named if session.relation == "like" else [*(i for i in past if i not in named), *named]

    def _find(self, request: ChatRequest) -> _Found:
        """Items that meet the wishes, unseen ones first; else seen ones; else the nearest, and what those miss."""
        session, wishes = self.session, self.session.constraints
        never = {*session.disliked, *session.history, *session.refers_to}
        avoided = never if request.repeats else never | set(session.seen)
        if self._count(wishes, avoided):
            return _Found(self._search(wishes, avoided))
        if self._count(wishes, never):
            return _Found(self._search(wishes, never), ["Nothing new meets your wishes, so these were shown before."])
        if not self._count([], never):
            return _Found([], ["You have liked, chosen or refused every item; take something back, or start over."])
        return self._relax(request, avoided if self._count([], avoided) else never)

    def _count(self, wishes: Sequence[Constraint], excluded: set[str]) -> int:
        catalog = self.recommender.catalog
        return sum(1 for item in catalog if item.item_id not in excluded and all(w.holds(item) for w in wishes))

    def _relax(self, request: ChatRequest, excluded: set[str]) -> _Found:
        """Leave out as few wishes as possible, what was said before rather than what is said now."""
        wishes = self.session.constraints
        order = sorted(wishes, key=lambda wish: (wish in request.where, self._importance(wish)))
        for size in range(1, len(order) + 1):
            for left_out in itertools.combinations(order, size):
                kept = [wish for wish in wishes if wish not in left_out]
                if self._count(kept, excluded):
                    said = " and ".join(describe(wish) for wish in left_out)
                    note = f"Nothing more meets all your wishes, so I left out {said}; these come nearest."
                    nearest = self._widen(kept, left_out, excluded)
                    return _Found(self._search(nearest, excluded), [note], tuple(left_out))
        return _Found([], ["Nothing is left to show."], tuple(wishes))

    def _importance(self, wish: Constraint) -> int:
        """Numbers give way first, to the nearest ones; what kind of thing is wanted gives way last."""
        if isinstance(wish.value, float | int):
            return 0
        return 2 if wish.attribute in self.reader.lexicon.text_attributes[:1] else 1

    def _widen(
        self, kept: Sequence[Constraint], left_out: Sequence[Constraint], excluded: set[str]
    ) -> list[Constraint]:
        """In place of a number that cannot be met, the bound that the nearest items meet."""
        widened = list(kept)
        for wish in left_out:
            if not isinstance(wish.value, float | int) or wish.operator == "!=":
                continue
            goal = float(wish.value)
            fitting = [i for i in self.recommender.catalog if i.item_id not in excluded and _meets(i, widened)]
            found = [v for item in fitting if (v := _number(item, wish.attribute)) is not None]
            if found:
                reach = sorted(abs(number - goal) for number in found)[: self.num_shown][-1]
                low = Constraint(attribute=wish.attribute, operator=">=", value=goal - reach - 1e-9)
                high = Constraint(attribute=wish.attribute, operator="<=", value=goal + reach + 1e-9)
                widened += [low, high]
        return widened

    def _search(self, wishes: Sequence[Constraint], excluded: set[str]) -> list[str]:
        session, catalog = self.session, self.recommender.catalog
        words = [session.query] if session.query else []
        if session.relation == "like":
            words += [catalog[item_id].title for item_id in session.refers_to]
        found = self.recommender.recommend(
            history=self._context(),
            query=". ".join(words),
            where=wish_filter(wishes),
            exclude=[item.item_id for item in catalog if item.item_id in excluded],
            k=self.num_shown,
        )
        return [entry.item_id for entry in found]

    def _cards(self, item_ids: Sequence[str], *, with_reasons: bool) -> tuple[Card, ...]:
        items = [self.recommender.catalog[item_id] for item_id in item_ids]
        found = self._explanations(item_ids) if with_reasons else [None] * len(items)
        return tuple(self._card(item, why) for item, why in zip(items, found, strict=True))

    def _explanations(self, item_ids: Sequence[str]) -> list[Explanation]:
        return explain_batch(
            self.recommender,
            [self._context()] * len(item_ids),
            item_ids,
            query=self.session.query,
            constraints=self.session.constraints,
        )

    def _card(self, item: Item, why: Explanation | None) -> Card:
        price = None if self.reader.lexicon.price is None else _number(item, self.reader.lexicon.price)
        return Card(
            item_id=item.item_id,
            title=item.title or item.item_id,
            price=price,
            reason="" if why is None else why.text,
            evidence=() if why is None else why.evidence,
            image=item.image,
        )

    def _target(self, request: ChatRequest) -> str | None:
        return request.refers_to[0] if request.refers_to else self.session.focus

    def _explain(self, request: ChatRequest) -> Reply:
        item_id = self._target(request)
        if item_id is None:
            return Reply(text="Nothing was shown yet that I could explain; ask for something first.", request=request)
        self.session.focus = item_id
        cards = self._cards([item_id], with_reasons=True)
        return Reply(text=cards[0].reason, request=request, items=cards)

    def _show(self, request: ChatRequest) -> Reply:
        item_id = self._target(request)
        if item_id is None:
            return Reply(text="Nothing was chosen yet that I could draw; ask for something first.", request=request)
        self.session.focus = item_id
        item = self.recommender.catalog[item_id]
        context = self._context()
        name = re.sub(r"[^\w-]+", "_", item_id)[:60]
        case = zlib.crc32("\n".join([item_id, *context]).encode())
        out = self.recommender.directory / "visuals" / f"chat-{name}-{case:08x}.png"
        made = self.recommender.visualize(item=item_id, history=context, out=out)
        text = f"This is how {item.title or item_id} could look for you; the picture is generated."
        return Reply(text=text, request=request, visual=made.path)

    def _invitation(self) -> str:
        """What can be asked here, in the catalog's own words."""
        lexicon = self.reader.lexicon
        examples = []
        for attribute in lexicon.text_attributes[:4]:
            values = [str(value) for value in lexicon.values[attribute][:3]]
            examples.append(f"{attribute.replace('_', ' ')} ({', '.join(values)} …)")
        examples += [name.replace("_", " ") for name in lexicon.numeric[:2]]
        asked = f"Ask by {', '.join(examples)}; " if examples else "Ask in your own words; "
        return f"{asked}name things you like, say “like my last two”, “cheaper”, “why?” or “show me”."


def _meets(item: Item, wishes: Iterable[Constraint]) -> bool:
    return all(wish.holds(item) for wish in wishes)


def _number(item: Item, attribute: str) -> float | None:
    value = item.attributes.get(attribute)
    return float(value) if isinstance(value, float | int) and not isinstance(value, bool) else None
