"""Holds scripted conversations and judges every reply: what was asked is done, held-out item found, all true.

Works on any built workspace. A known person talks with their last item held out; it counts as found when it is among
what is shown. Knows replies by their items, their kind and their text; deliberately knows no words of the person.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from genrec.bench.talk.form import Kind, Script, Turn, Unanswerable
from genrec.bench.talk.truth import Moment, Truth
from genrec.chat.constraints import numbers_of
from genrec.chat.conversation import LISTING, Conversation, Reply
from genrec.chat.requests import Intent
from genrec.chat.session import Session
from genrec.data.filters import Filter
from genrec.data.splits import EvaluationCase
from genrec.errors import FilterError, InputError
from genrec.schema import BoolArray, Catalog
from genrec.shop import ShopWorld
from genrec.workspace import Workspace

NUM_SHOWN = 10
_KINDS: dict[Intent, Kind] = {
    "explain": "reason", "show": "picture", "compare": "answer", "describe": "answer", "browse": "answer",
    "other": "refusal", "unread": "unread", "greet": "courtesy", "thanks": "courtesy", "help": "help",
    "recall": "recall", "reset": "reset",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """How the held-out item fared among what may be shown: by us, by chance, by the oracle that knows the tastes."""

    is_found: bool
    chance: float
    is_found_by_oracle: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnResult:
    """One judged turn. problems: what was asked and not done; untrue: what in the reply is not so; search: None where
    the held-out item does not meet the wishes, or was shown before."""

    turn: Turn
    reply: Reply
    problems: tuple[str, ...]
    untrue: tuple[str, ...]
    search: SearchResult | None

    @property
    def fails(self) -> bool:
        """Whether anything is wrong about it."""
        return bool(self.problems or self.untrue)

    def __str__(self) -> str:
        shown = " · ".join(card.title for card in self.reply.items[:NUM_SHOWN])
        wrong = "; ".join((*self.problems, *(f"untrue: {said}" for said in self.untrue)))
        return "\n".join(
            [f"> {self.turn.say}", f"  {self.reply.text}", *([f"  [{shown}]"] * bool(shown)), f"  ✗ {wrong}"]
        )


class ConversationJudge:
    """Judges turns in one workspace. world: the made world that its data are from, where they are made."""

    def __init__(self, recommender: Workspace, world: ShopWorld | None = None) -> None:
        self.recommender, self.world = recommender, world
        self.catalog: Catalog = recommender.catalog
        self.truth = Truth.of(recommender)

    def hold(self, script: Script, case: EvaluationCase | None, *, gives_reasons: bool) -> Iterator[TurnResult]:
        """Hold one conversation, as the person of the case or as a new one, and judge every turn of it."""
        known = case if script.person == "known" else None
        session = Session(history=[] if known is None else list(known.history))
        talk = Conversation(self.recommender, session, num_shown=NUM_SHOWN, gives_reasons=gives_reasons)
        number = 0
        while True:
            try:
                turn = script.next_turn(number, session.history, session.shown)
            except Unanswerable:
                return
            if turn is None:
                return
            number, before = number + 1, Moment.of(session, self.catalog)
            image = None if turn.photo is None else self.catalog[turn.photo].image
            reply = talk.say(turn.say, image=image)
            yield self._judge(turn, reply, session, before, known)

    def _judge(
        self, turn: Turn, reply: Reply, session: Session, before: Moment, case: EvaluationCase | None
    ) -> TurnResult:
        moment = before.after(session, reply, self.catalog)
        fitting_N = np.ones(len(self.catalog), bool) if turn.where is None else self.mask(turn.where)
        fitting_N = self._halved(fitting_N, turn) & moment.legal_N
        return TurnResult(
            turn=turn,
            reply=reply,
            problems=tuple(self._problems(turn, reply, session, fitting_N, moment)),
            untrue=tuple(self.truth.falsehoods(reply, moment)),
            search=None if case is None else self._search(turn, case, reply, fitting_N & ~moment.seen_N),
        )

    def mask(self, where: Filter) -> BoolArray:
        """Which rows pass a filter, bool (N,). Raises InputError when the catalog cannot be compared so."""
        try:
            return where.mask(self.catalog)
        except FilterError as error:
            raise InputError(f"the filter {where} of a conversation does not fit this catalog ({error})") from error

    def _halved(self, fitting_N: BoolArray, turn: Turn) -> BoolArray:
        """Of what fits, the half with the lower or higher number that a turn asks for."""
        for attribute, is_low in ((turn.low, True), (turn.high, False)):
            if attribute is not None:
                numbers_N = numbers_of(attribute, self.catalog)
                known = numbers_N[fitting_N & ~np.isnan(numbers_N)]
                middle = float(np.median(known)) if len(known) else 0.0
                with np.errstate(invalid="ignore"):
                    fitting_N = fitting_N & ((numbers_N <= middle) if is_low else (numbers_N >= middle))
        return fitting_N

    def _problems(
        self, turn: Turn, reply: Reply, session: Session, fitting_N: BoolArray, moment: Moment
    ) -> Iterator[str]:
        kind, shown = kind_of(reply), [card.item_id for card in reply.items]
        is_list = "list" in turn.kinds and kind in ("list", "nothing")
        if is_list and (turn.where is not None or turn.low or turn.high):
            yield from self._of_wishes(reply, fitting_N, moment)
        elif "any" not in turn.kinds and kind not in turn.kinds:
            yield f"wanted {' or '.join(turn.kinds)}, not {kind}"
        if kind == "question" and reply.text.count("?") != 1:
            yield "not one question"
        if kind == "picture" and reply.visual is None:
            yield "nothing drawn"
        if kind == "reset" and session.constraints:
            yield "wishes are left"
        yield from self._of_shown(turn, shown, is_possible=bool(fitting_N.any()))
        yield from _of_text(turn, str(reply))
        yield from _of_items(turn, reply, kind, session)

    def _of_wishes(self, reply: Reply, fitting_N: BoolArray, moment: Moment) -> Iterator[str]:
        """What is shown meets the wishes; where nothing does, or nothing new, that is said."""
        rows = self.catalog.rows(card.item_id for card in reply.items)
        unmet, num_new = int((~fitting_N[rows]).sum()), int((fitting_N & ~moment.seen_N).sum())
        if num_new and not len(rows):
            yield f"nothing shown, though {num_new} new items meet the wishes"
        elif num_new and unmet:
            yield f"{unmet} of {len(rows)} items do not meet the wishes"
        elif not num_new:
            is_told = reply.relaxed or reply.request.missing or reply.request.not_understood
            if unmet and not (is_told or moment.seen_N[rows].all()):
                yield "nothing new meets the wishes, and the reply does not say so"

    def _of_shown(self, turn: Turn, shown: Sequence[str], *, is_possible: bool) -> Iterator[str]:
        for place, wanted in enumerate(turn.first if is_possible else ()):
            if place >= len(shown) or not self.mask(wanted)[self.catalog.row(shown[place])]:
                yield f"number {place + 1} is not {wanted}"
        rows = self.catalog.rows(shown)
        yield from (
            f"none shown is {wanted}"
            for wanted in (turn.shows if is_possible else ())
            if not self.mask(wanted)[rows].any()
        )
        yield from (f"shown, though unwanted: {other}" for other in turn.lacks if self.mask(other)[rows].any())

    def _search(self, turn: Turn, case: EvaluationCase, reply: Reply, unseen_N: BoolArray) -> SearchResult | None:
        if "list" not in turn.kinds or not unseen_N[self.catalog.row(case.target)]:
            return None
        return SearchResult(
            is_found=any(card.item_id == case.target for card in reply.items),
            chance=min(1.0, NUM_SHOWN / int(unseen_N.sum())),
            is_found_by_oracle=None if self.world is None else self._is_foreseen(self.world, case, unseen_N),
        )

    def _is_foreseen(self, world: ShopWorld, case: EvaluationCase, unseen_N: BoolArray) -> bool:
        """Whether who knows the tastes would have shown the held-out item."""
        chances = world.next_probabilities(case.user_id, case.history, case.timestamp)
        unseen = [self.catalog.items[row].item_id for row in np.flatnonzero(unseen_N)]
        best = sorted(unseen, key=lambda item_id: -chances[world.row(item_id)])[:NUM_SHOWN]
        return case.target in best


def _of_text(turn: Turn, text: str) -> Iterator[str]:
    yield from (f"does not say {said!r}" for said in turn.says if not says(text, said))
    yield from (f"says {said!r}" for said in turn.never_says if says(text, said))


def _of_items(turn: Turn, reply: Reply, kind: Kind, session: Session) -> Iterator[str]:
    """The items that a reply speaks of, and what is remembered of them."""
    if turn.about is not None:
        spoken_of = set(about_of(reply, session))
        has_all = all(spoken_of & set(ids) for ids in turn.about)
        others = spoken_of - {item_id for ids in turn.about for item_id in ids}
        if not has_all or (others and kind not in ("list", "nothing")):
            wanted = " and ".join("/".join(ids) for ids in turn.about) or "none in particular"
            yield f"speaks of {', '.join(sorted(spoken_of)) or 'no item'}; wanted {wanted}"
    for name, wanted_items, remembered in (
        ("liked", turn.liked, session.history),
        ("disliked", turn.disliked, session.disliked),
    ):
        if not all(set(ids) & set(remembered) for ids in wanted_items):
            yield f"not remembered as {name}"


def says(text: str, said: str) -> bool:
    """Whether a text stands in another, as whole words and regardless of case."""
    return re.search(rf"(?<!\w){re.escape(said.casefold())}(?!\w)", text.casefold()) is not None


def kind_of(reply: Reply) -> Kind:
    """What a reply is."""
    intent = reply.request.intent
    if intent not in LISTING:
        return _KINDS[intent]
    if reply.request.question is not None:
        return "answer"
    if reply.is_list:
        return "list"
    return "question" if reply.text.endswith("?") else "nothing"


def about_of(reply: Reply, session: Session) -> list[str]:
    """The items that a reply took the message to speak of; none in particular where it asks about the whole list."""
    request = reply.request
    question = request.question
    is_of_list = len(request.refers_to) > 1 or (question is not None and question.extreme is not None)
    if request.intent == "describe" and is_of_list and set(request.refers_to) == set(session.shown):
        return []
    if request.intent in ("explain", "show") and not request.refers_to:
        return [] if session.focus is None else [session.focus]
    return list(dict.fromkeys([*request.refers_to, *request.liked, *request.disliked]))


def mean(values: Iterable[float | bool | None]) -> float | None:
    """The mean of what is known; None where nothing is."""
    found = [float(value) for value in values if value is not None]
    return sum(found) / len(found) if found else None
