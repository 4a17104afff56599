"""Holds scripted conversations and judges every reply: wishes met, message understood, held-out item found, all true.

A known person talks with their last item held out; it counts as found when it is among what is shown.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from genrec.bench.talk.meaning import ScriptedTurn, count_matches, meets, middle_price, understood_slots, wanted_slots
from genrec.bench.talk.scripts import Script, Unanswerable
from genrec.bench.talk.truth import Truth, TurnContext
from genrec.chat.conversation import LISTING, Conversation, Reply
from genrec.chat.session import Session
from genrec.data.splits import EvaluationCase
from genrec.shop import ShopWorld
from genrec.workspace import Workspace

NUM_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """How the held-out item fared among what may be shown: by us, by chance, by the oracle that knows the tastes."""

    is_found: bool
    chance: float
    is_found_by_oracle: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnResult:
    """One judged turn. problems: what was not right about it; untrue: what in the reply is not so; search: None where
    the held-out item does not meet the wishes, or was shown before."""

    turn: ScriptedTurn
    reply: Reply
    problems: tuple[str, ...]
    num_wanted: int
    num_understood: int
    num_matched: int
    num_used: int
    untrue: tuple[str, ...]
    search: SearchResult | None


class ConversationJudge:
    """Judges turns in one made world."""

    def __init__(self, recommender: Workspace, world: ShopWorld) -> None:
        self.recommender, self.world = recommender, world
        self.truth = Truth(recommender, world)
        self.looks = {item.item_id: item.attributes for item in world.items}
        self.all_looks = list(self.looks.values())

    def hold(self, script: Script, case: EvaluationCase, *, gives_reasons: bool) -> Iterator[TurnResult]:
        """Hold one conversation, as the person of the case or as a new one, and judge every turn of it."""
        session = Session(history=[] if script.person == "new" else list(case.history))
        talk = Conversation(self.recommender, session, num_shown=NUM_SHOWN, gives_reasons=gives_reasons)
        number = 0
        while True:
            try:
                turn = script.next_turn(number, session.history, session.shown)
            except Unanswerable:
                return
            if turn is None:
                return
            number, seen = number + 1, list(session.seen)
            image = None if turn.photo is None else self.recommender.catalog[turn.photo].image
            reply = talk.say(turn.say, image=image)
            yield self._judge(turn, reply, session, seen, case if script.person == "known" else None)

    def _judge(
        self, turn: ScriptedTurn, reply: Reply, session: Session, seen: Sequence[str], case: EvaluationCase | None
    ) -> TurnResult:
        gone = {*session.history, *session.disliked}
        fitting = [i for i, look in self.looks.items() if i not in gone and meets(look, turn.wishes, self.all_looks)]
        legal = [item_id for item_id in self.looks if item_id not in gone and item_id not in seen]
        wanted = wanted_slots(turn)
        understood = understood_slots(intent_of(reply), about_of(reply, session), session.constraints)
        matched, used = count_matches(wanted, understood, middle_price(turn, self.all_looks))
        history = [*session.history, *session.refers_to, *session.disliked]
        context = TurnContext(history=history, seen=seen, legal=legal)
        return TurnResult(
            turn=turn,
            reply=reply,
            problems=tuple(self._problems(turn, reply, session, bool(fitting))),
            num_wanted=len(wanted),
            num_understood=len(understood),
            num_matched=matched,
            num_used=used,
            untrue=tuple(self.truth.falsehoods(reply, context)),
            search=None if case is None else self._search(turn, reply, case, set(fitting) - set(seen)),
        )

    def _problems(self, turn: ScriptedTurn, reply: Reply, session: Session, is_possible: bool) -> Iterator[str]:
        shown = [card.item_id for card in reply.items]
        if turn.intent in LISTING:
            unmet = [i for i in shown if not meets(self.looks[i], turn.wishes, self.all_looks)]
            if is_possible and not shown:
                yield "nothing shown"
            elif is_possible and unmet:
                yield f"{len(unmet)} of {len(shown)} items do not meet the wishes"
            elif not is_possible and not reply.relaxed:
                yield "nothing meets the wishes, and the reply does not say so"
        elif turn.intent in ("explain", "show", "compare", "describe"):
            if set(about_of(reply, session)) != set(turn.about) or intent_of(reply) != turn.intent:
                yield f"wanted {turn.intent} of {turn.about}"
            elif turn.intent == "show" and reply.visual is None:
                yield "nothing drawn"
        elif turn.intent == "reset":
            if session.constraints:
                yield "wishes are left"
        elif intent_of(reply) != turn.intent or shown:
            yield f"wanted {turn.intent}, without items"
        if turn.intent == "ask" and reply.text.count("?") != 1:
            yield "not one question"
        for remembered, intents in ((session.history, ("like", "history")), (session.disliked, ("dislike",))):
            if turn.intent in intents and not set(turn.about) <= set(remembered):
                yield f"not remembered: {turn.intent}"

    def _search(self, turn: ScriptedTurn, reply: Reply, case: EvaluationCase, fitting: set[str]) -> SearchResult | None:
        if turn.intent not in LISTING or case.target not in fitting:
            return None
        chances_N = self.world.next_probabilities(case.user_id, case.history, case.timestamp)
        best = sorted(fitting, key=lambda item_id: -chances_N[self.world.row(item_id)])[:NUM_SHOWN]
        return SearchResult(
            is_found=any(card.item_id == case.target for card in reply.items),
            chance=min(1.0, NUM_SHOWN / len(fitting)),
            is_found_by_oracle=case.target in best,
        )


def intent_of(reply: Reply) -> str:
    """What a reply took the message for, in the words of the scripts."""
    if reply.request.intent in ("recommend", "history") and not reply.items and reply.text.endswith("?"):
        return "ask"
    return "refuse" if reply.request.intent == "other" else reply.request.intent


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
