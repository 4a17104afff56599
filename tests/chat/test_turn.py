"""A conversation meets wishes, keeps them, and says so when it cannot."""

import importlib.util
import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from genrec.chat.session import Session
from genrec.chat.terminal import chat_in_terminal
from genrec.chat.turn import Conversation, Reply, describe, wish_filter
from genrec.data.reasons import Constraint
from genrec.data.shop import satisfies
from genrec.errors import UnknownUser
from genrec.workspace import Workspace

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "chat_requests.py"


def load_benchmark() -> object:
    spec = importlib.util.spec_from_file_location("chat_requests", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["chat_requests"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def conversation(shop_recommender: Workspace) -> Conversation:
    """A fresh conversation with a person of the shop, without reasons."""
    talk = Conversation(shop_recommender, num_shown=3, gives_reasons=False)
    talk.follow(next(iter(shop_recommender.interactions.user_bounds())))
    return talk


def looks(conversation: Conversation, reply: Reply) -> list[dict[str, str | float]]:
    catalog = conversation.recommender.catalog
    return [dict(catalog[card.item_id].attributes) for card in reply.items]


@pytest.mark.slow
def test_stated_constraints_are_met(shop_recommender: Workspace) -> None:
    benchmark = load_benchmark()
    results = benchmark.measure(shop_recommender)  # type: ignore[attr-defined]
    possible = [result for result in results if result.is_possible]
    assert len(results) >= 40
    assert len(possible) >= 25
    share = sum(result.num_met for result in possible) / sum(result.num_stated for result in possible)
    assert share >= 0.9, [result.messages for result in possible if result.num_met < result.num_stated]
    assert all(result.is_honest for result in results)


def test_wishes_last_over_turns(conversation: Conversation) -> None:
    first = conversation.say("mugs")
    assert first.items
    second = conversation.say("not red, under 30")
    assert second.items
    wanted = {"category": "mug", "not_color": "red", "max_price": 30.0}
    assert all(satisfies(look, wanted) for look in looks(conversation, second))
    third = conversation.say("forget the price")
    assert {wish.attribute for wish in conversation.session.constraints} == {"category", "color"}
    assert all(look["category"] == "mug" for look in looks(conversation, third))


def test_what_was_shown_is_not_shown_again_unless_asked(conversation: Conversation) -> None:
    first = {card.item_id for card in conversation.say("lamps").items}
    second = {card.item_id for card in conversation.say("more").items}
    assert first
    assert second
    assert not first & second
    again = {card.item_id for card in conversation.say("lamps again").items}
    assert again & (first | second)


def test_disliked_items_never_return_and_likes_join_the_history(conversation: Conversation) -> None:
    shown = [card.item_id for card in conversation.say("vases").items]
    reply = conversation.say("I don't like the first one")
    assert shown[0] not in {card.item_id for card in reply.items}
    reply = conversation.say("vases again")
    assert shown[0] not in {card.item_id for card in reply.items}
    liked = reply.items[0].item_id
    conversation.say("I like the first one")
    assert conversation.session.history[-1] == liked


def test_nothing_fits_is_said_and_never_hidden(conversation: Conversation) -> None:
    conversation.gives_reasons = True
    reply = conversation.say("a chair under 2")
    assert reply.items
    assert [describe(wish) for wish in reply.relaxed] == ["price under 2"]
    assert "left out price under 2" in reply.text
    assert all(look["category"] == "chair" for look in looks(conversation, reply))
    assert all("under your" not in evidence.claim for card in reply.items for evidence in card.evidence)
    prices = sorted(
        float(item.attributes["price"])  # type: ignore[arg-type]
        for item in conversation.recommender.catalog
        if item.attributes["category"] == "chair" and item.item_id not in conversation.session.history
    )
    assert max(float(look["price"]) for look in looks(conversation, reply)) <= prices[2]  # type: ignore[arg-type]


def test_wishes_no_attribute_can_carry_are_admitted(conversation: Conversation) -> None:
    reply = conversation.say("something newer than that lamp")
    assert "“newer”" in reply.text


def test_reasons_are_shown_with_evidence(conversation: Conversation) -> None:
    conversation.gives_reasons = True
    reply = conversation.say("a bag under 200")
    assert all(card.reason and card.evidence and card.price is not None for card in reply.items)
    why = conversation.say("why the second one?")
    assert why.request.intent == "explain"
    assert [card.item_id for card in why.items] == [reply.items[1].item_id]
    assert why.text == why.items[0].reason


def test_like_my_last_two_speaks_of_these_alone(conversation: Conversation) -> None:
    conversation.gives_reasons = True
    latest = conversation.session.history[-2:]
    reply = conversation.say("something like my last two, but warmer")
    assert conversation.session.refers_to == latest
    assert all(look["warmth"] == "warm" for look in looks(conversation, reply))
    evidence = [entry for card in reply.items for entry in card.evidence if entry.kind == "history"]
    assert evidence
    assert all(entry.source in latest for entry in evidence)


def test_a_new_person_types_a_history(shop_recommender: Workspace) -> None:
    talk = Conversation(shop_recommender, num_shown=2, gives_reasons=False)
    items = shop_recommender.catalog.items
    reply = talk.say(f"I loved {items[3].title} and {items[20].title.lower()}")
    assert talk.session.history == [items[3].item_id, items[20].item_id]
    assert len(reply.items) == 2


@pytest.mark.parametrize(
    ("text", "word"),
    [("hello", "Hello"), ("help", "category"), ("who are you?", "cannot"), ("why?", "Nothing was"), ("ok", "welcome")],
)
def test_small_talk_needs_no_recommendation(shop_recommender: Workspace, text: str, word: str) -> None:
    reply = Conversation(shop_recommender).say(text)
    assert word in reply.text
    assert not reply.items


def test_a_conversation_continues_after_a_restart(conversation: Conversation, tmp_path: Path) -> None:
    conversation.say("red chairs")
    conversation.session.save(tmp_path / "s.json")
    session = Session.load(tmp_path / "s.json")
    resumed = Conversation(conversation.recommender, session, num_shown=3, gives_reasons=False)
    assert resumed.session == conversation.session
    assert resumed.say("cheaper") == conversation.say("cheaper")


def test_unknown_users_are_refused(shop_recommender: Workspace) -> None:
    with pytest.raises(UnknownUser):
        Conversation(shop_recommender).follow("nobody")


def test_filters_say_what_the_wishes_say(shop_recommender: Workspace) -> None:
    wishes = [
        Constraint(attribute="color", operator="=", value=("red", "blue")),
        Constraint(attribute="brand", operator="!=", value=("Oak & Fable", "Zaza")),
        Constraint(attribute="price", operator="<=", value=60.0),
    ]
    found = wish_filter(wishes)
    assert found is not None
    mask = found.mask(shop_recommender.catalog)
    assert mask.any()
    assert mask.tolist() == [all(wish.holds(item) for wish in wishes) for item in shop_recommender.catalog]
    assert wish_filter([]) is None


def test_the_terminal_answers_piped_lines(
    shop_recommender: Workspace, tmp_path: Path, replace_stdin: Callable[[str], None]
) -> None:
    user = next(iter(shop_recommender.interactions.user_bounds()))
    replace_stdin(f"/user {user}\nclocks under 90\n\n/user nobody\nquit\nnever read\n")
    output = io.StringIO()
    session_file = tmp_path / "session.json"
    chat_in_terminal(shop_recommender, session_file=session_file, console=Console(file=output, width=100))
    said = output.getvalue()
    assert "price under 90" in said
    assert "'nobody' has no events" in said
    assert "never read" not in said
    assert Session.load(session_file).messages[0].text == "clocks under 90"


@pytest.fixture
def replace_stdin() -> object:
    """Standard input for one test, as a pipe would give it."""
    before = sys.stdin

    def replace(text: str) -> None:
        sys.stdin = io.StringIO(text)

    yield replace
    sys.stdin = before
