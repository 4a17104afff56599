"""Scripts mean what they say, and their judge finds what is wrong."""

from dataclasses import replace

import numpy as np
import pytest

from genrec.bench.chat import bench_chat, hold_by_hand, hold_grammar
from genrec.bench.redial import MovieTurn, compare_recommenders
from genrec.bench.talk.meaning import ScriptedTurn, count_matches, meets, middle_price, understood_slots, wanted_slots
from genrec.bench.talk.scripts import HAND_WRITTEN, Unanswerable, read_scripts
from genrec.bench.talk.simulation import ConversationJudge
from genrec.bench.talk.truth import Truth, TurnContext
from genrec.chat.conversation import Conversation
from genrec.chat.session import Session
from genrec.claims.wording import say_attribute
from genrec.data.filters import Predicate
from genrec.evaluate.oracle import load_world
from genrec.schema import Evidence
from genrec.shop import ShopWorld
from genrec.workspace import Workspace

LOOKS = [
    {"category": "lamp", "color": color, "price": price, "brand": "Zaza"}
    for color, price in (("red", 20.0), ("blue", 40.0), ("red", 60.0), ("white", 90.0))
]


@pytest.fixture(scope="module")
def world(shop_recommender: Workspace) -> ShopWorld:
    found = load_world(shop_recommender.directory)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("wishes", "prices"),
    [
        ({"color": "red"}, [20, 60]),
        ({"color": ("red", "blue"), "max_price": 40.0}, [20, 40]),
        ({"not_color": ("red", "blue")}, [90]),
        ({"around_price": 50.0}, [40, 60]),
        ({"price_level": "low"}, [20, 40]),
        ({"color": "red", "price_level": "high"}, [60]),
    ],
)
def test_wishes_are_met_by_exactly_these(wishes, prices):
    assert [look["price"] for look in LOOKS if meets(look, wishes, LOOKS)] == prices


def test_slots_match_only_what_was_meant():
    turn = ScriptedTurn(
        say="", wishes={"color": ("red", "blue"), "not_brand": "Zaza", "around_price": 40.0}, about=("a",)
    )
    wanted = wanted_slots(turn)
    right = [
        Predicate(attribute="color", operator="=", value=("blue", "red")),
        Predicate(attribute="brand", operator="!=", value="Zaza"),
        Predicate(attribute="price", operator=">=", value=32.0),
        Predicate(attribute="price", operator="<=", value=48.0),
    ]
    assert count_matches(wanted, understood_slots("recommend", ["a"], right), 50.0) == (5, 6)
    wrong = [replace(right[0], value="red"), replace(right[1], operator="="), right[2]]
    assert count_matches(wanted, understood_slots("show", ["b"], wrong), 50.0) == (0, 0)
    cheap = ScriptedTurn(say="", wishes={"price_level": "low"})
    slots = understood_slots("recommend", [], [Predicate(attribute="price", operator="<=", value=30.0)])
    assert count_matches(wanted_slots(cheap), slots, middle_price(cheap, LOOKS)) == (2, 2)
    assert count_matches(wanted_slots(cheap), slots, 25.0) == (1, 1)


def test_hand_written_scripts_are_whole(shop_recommender: Workspace):
    scripts = {name: read_scripts(name, shop_recommender.catalog, 7) for name in HAND_WRITTEN}
    assert len(scripts["hand_first"]) >= 60
    assert len(scripts["hand_second"]) >= 30
    item_ids = [item.item_id for item in shop_recommender.catalog][:12]
    for script in (script for found in scripts.values() for script in found):
        for number in range(len(script.turns)):
            turn = script.next_turn(number, item_ids, item_ids)
            assert turn is not None
            meets(LOOKS[0] | {"shape": "", "pattern": "", "material": "", "style": "", "warmth": ""}, turn.wishes, [])
            assert "{" not in turn.say
    script = next(s for s in scripts["hand_first"] if "@1.price" in str(s.turns[-1]))
    with pytest.raises(Unanswerable):
        script.next_turn(len(script.turns) - 1, [], [])


def test_the_truth_finds_what_is_false(shop_recommender: Workspace, world: ShopWorld):
    talk = Conversation(shop_recommender, Session(), num_shown=3)
    talk.follow(next(iter(shop_recommender.interactions.user_bounds())))
    reply, truth = talk.say("blue things under 90"), Truth(shop_recommender, world)
    legal = [item.item_id for item in shop_recommender.catalog if item.item_id not in talk.session.history]
    moment = TurnContext(history=talk.session.history, seen=[], legal=legal)
    assert truth.falsehoods(reply, moment) == []
    card, *rest = reply.items
    says = say_attribute("style", shop_recommender.catalog[card.item_id].attributes["style"])
    style = Evidence(kind="attribute", source="style", claim=f"it {says}", weight=0)
    asked = replace(style, claim=f"{style.claim}, as you asked")
    assert truth.unsupported(card.item_id, f"It {says}, as you asked.", [asked]) == []
    other = next(i for i in shop_recommender.catalog if i.attributes["color"] == "red" and i.item_id in legal)
    wrong_cards = [
        replace(card, price=1.0),
        replace(card, item=replace(card.item, title="Golden Throne")),
        replace(card, item=replace(card.item, item_id="no-such-item")),
        replace(card, reason=f"{card.reason} It costs 3."),
        replace(card, reason=f"{card.reason} It is made of leather.", evidence=()),
        replace(card, evidence=(replace(card.evidence[0], claim="it is purple"),)),
        replace(card, evidence=(style,), reason=f"This one {says}, as you asked."),
        replace(card, evidence=(style,), reason=f"This goes with what you chose: it {says}."),
        replace(card, item=other, price=None, reason="", evidence=()),
    ]
    lies = [replace(reply, items=(wrong, *rest)) for wrong in wrong_cards]
    lies += [
        replace(reply, text=reply.text.replace("3", "9", 1)),
        replace(reply, text="Nothing more meets all your wishes, so I left out color blue; these come nearest."),
        replace(reply, text=f"{other.title} will not come back."),
        replace(reply, text="Nothing new meets your wishes, so these were shown before."),
    ]
    for lie in lies:
        assert truth.falsehoods(lie, moment), lie.text
    ranked = talk.say("which category is the cheapest in your shop?")
    assert ranked.request.intent == "browse"
    assert truth.falsehoods(ranked, moment) == []
    head, values = ranked.text.rstrip(".").split(": ")
    first, *others = values.split(", ")
    worse = [", ".join([*others, first]), ", ".join(others), values.replace("(", "(1", 1), values.replace(" ", " 9", 1)]
    for lie_of_values in worse:
        assert truth.falsehoods(replace(ranked, text=f"{head}: {lie_of_values}."), moment), lie_of_values


def test_conversations_by_grammar_are_understood_and_true(shop_recommender: Workspace, world: ShopWorld):
    judge = ConversationJudge(shop_recommender, world)
    results = [r for talk in hold_grammar(judge, 12, 7, gives_reasons=False) for r in talk]
    assert len(results) >= 20
    assert sum(not r.problems for r in results) >= 0.95 * len(results), [(r.turn, r.problems) for r in results]
    assert not [r.untrue for r in results if r.untrue]


@pytest.mark.slow
def test_conversations_by_hand_are_understood_and_true(shop_recommender: Workspace, world: ShopWorld):
    judge = ConversationJudge(shop_recommender, world)
    scripts = read_scripts("hand_first", shop_recommender.catalog, 7)
    spoken = [script for script in scripts if all(t.get("intent") != "show" for t in script.turns)]
    results = [r for talk in hold_by_hand(judge, spoken, 7, gives_reasons=False) for r in talk]
    unmet = [(r.turn.say, r.problems) for r in results if r.problems]
    assert len(unmet) <= 0.1 * len(results), unmet
    assert not [r.untrue for r in results if r.untrue]


def test_rows_hold_what_the_contract_names(shop_recommender: Workspace):
    rows = bench_chat(7, directory=shop_recommender.directory, num_grammar=2, hand_written=(), gives_reasons=False)
    assert [row["set"] for row in rows] == ["grammar"]
    assert {"set", "turns", "satisfaction", "slot_f1", "recall@10", "untrue"} <= set(rows[0])


def test_movie_turns_tell_repeats_from_news(shop_recommender: Workspace):
    ids = [item.item_id for item in shop_recommender.catalog]
    rng = np.random.default_rng(3)
    turns = []
    for _ in range(6):
        named = tuple(str(i) for i in rng.choice(ids, 4, replace=False))
        fresh = next(i for i in ids if i not in named)
        turns.append(MovieTurn(named=named, words="something red", wanted=(named[-1], fresh)))
    rows = {(row["set"], row["recommender"]): row for row in compare_recommenders(shop_recommender, turns)}
    copy = rows["redial, repeats counted", "copy what was named"]
    assert (copy["cases"], copy["recall@1"], copy["recall@50"]) == (12, 0.5, 0.5)
    assert rows["redial, repeats removed", "copy what was named"]["recall@50"] == 0.0
    assert rows["redial, repeats removed", "genrec"]["cases"] == 6
    for row in rows.values():
        assert row["recall@1"] <= row["recall@10"] <= row["recall@50"]
