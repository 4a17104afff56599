"""Replies are judged by what was asked of them, whatever shop they come from."""

from dataclasses import replace

import pytest

from genrec.bench.chat import _Bench, bench_chat, hold_by_hand, hold_grammar
from genrec.bench.talk.form import EXAMPLE, read_scripts, scripts_of
from genrec.bench.talk.judge import ConversationJudge, kind_of, says
from genrec.bench.talk.truth import Moment
from genrec.chat.conversation import Conversation
from genrec.chat.session import Session
from genrec.data.splits import split_interactions
from genrec.errors import InputError
from genrec.evaluate.oracle import load_world
from genrec.workspace import Workspace


@pytest.fixture(scope="module")
def judge(shop_recommender: Workspace) -> ConversationJudge:
    return ConversationJudge(shop_recommender, load_world(shop_recommender.directory))


@pytest.fixture(scope="module")
def cases(shop_recommender: Workspace):
    return split_interactions(shop_recommender.interactions, shop_recommender.config.split).test


def turn_of(judge, entry, shown=()):
    script = scripts_of({"conversation": [{"turns": [entry]}]}, judge.catalog, 7, source="a test")[0]
    return script.next_turn(0, (), shown)


@pytest.fixture(scope="module")
def red_lamps(judge):
    """A list of red lamps, its session, and the moment that it was made at."""
    session = Session()
    before = Moment.of(session, judge.catalog)
    reply = Conversation(judge.recommender, session, gives_reasons=False).say("red lamps")
    assert kind_of(reply) == "list"
    return reply, session, before


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"where": "category = lamp and color = red"}, None),
        ({"where": "category = lamp and color = blue"}, "items do not meet the wishes"),
        ({"first": "category = lamp", "shows": "color = red", "lacks": "color = blue"}, None),
        ({"first": "category = mug"}, "number 1 is not"),
        ({"shows": "category = mug"}, "none shown is"),
        ({"lacks": "color = red"}, "shown, though unwanted"),
        ({"says": "here", "never_says": "ere"}, None),
        ({"says": "herring"}, "does not say 'herring'"),
        ({"never_says": "here"}, "says 'here'"),
        ({"kind": "answer"}, "wanted answer, not list"),
        ({"kind": ["answer", "list"]}, None),
        ({"where": "price < 0"}, "does not say so"),
        ({"kind": "list", "about": ["{A}"]}, "wanted"),
    ],
)
def test_a_list_is_judged_by_what_its_turn_asks(judge, red_lamps, entry, problem):
    reply, session, before = red_lamps
    if "about" in entry:
        entry = {**entry, "about": [judge.catalog.items[0].title]}
    result = judge._judge(turn_of(judge, {"say": "red lamps", **entry}), reply, session, before, None)
    assert result.untrue == ()
    if problem is None:
        assert result.problems == ()
    else:
        assert len(result.problems) == 1
        assert problem in result.problems[0]
        assert problem in str(result)
        assert result.fails


def test_the_lower_half_is_of_what_meets_the_wishes(judge, red_lamps):
    reply, session, before = red_lamps
    cheapest = sorted(reply.items, key=lambda card: card.price)[0]
    one = replace(reply, items=(cheapest,), text="Here is one for you:")
    lamps = {"say": "x", "where": f"price in ({cheapest.price}, 99999) or price > {cheapest.price}"}
    assert judge._judge(turn_of(judge, {**lamps, "low": "price"}), one, session, before, None).problems == ()
    assert judge._judge(turn_of(judge, {**lamps, "high": "price"}), one, session, before, None).problems != ()


def test_a_filter_that_the_catalog_cannot_compare_is_told(judge, red_lamps):
    reply, session, before = red_lamps
    with pytest.raises(InputError, match="does not fit this catalog"):
        judge._judge(turn_of(judge, {"say": "x", "where": "length < 3"}), reply, session, before, None)


def test_what_is_liked_must_be_remembered(judge, red_lamps):
    reply, session, before = red_lamps
    shown = [card.item_id for card in reply.items]
    turn = turn_of(judge, {"say": "x", "liked": [1]}, shown)
    assert "not remembered as liked" in judge._judge(turn, reply, session, before, None).problems
    liking = replace(session, history=[shown[0]])
    assert judge._judge(turn, reply, liking, before, None).problems == ()


def test_texts_are_whole_words():
    assert says("It costs 34.5.", "34.5")
    assert not says("It costs 134.5.", "34.5")
    assert says("From 1995, by Ann", "by ann")


def test_the_example_is_held_as_it_says(judge, cases):
    held = hold_by_hand(judge, read_scripts(EXAMPLE, judge.catalog, 7), cases, 7, gives_reasons=False)
    assert len(held) == 2
    assert all(len(talk) > 1 for talk in held)
    assert not [str(result) for talk in held for result in talk if result.untrue]


def test_known_people_have_an_item_in_mind(judge, cases):
    results = [r for talk in hold_grammar(judge, cases, 8, 7, gives_reasons=False) for r in talk]
    searches = [r.search for r in results if r.search is not None]
    assert searches
    assert all(0 < search.chance <= 1 for search in searches)
    assert all(search.is_found_by_oracle is not None for search in searches)
    assert not [r.untrue for r in results if r.untrue]


def test_rows_hold_what_the_contract_names(shop_recommender: Workspace, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('[[conversation]]\nturns = [{ say = "red lamps", where = "color = blue" }]\n')
    told: list[str] = []
    (row,) = bench_chat(
        7, directory=shop_recommender.directory, conversations=[path], gives_reasons=False, tell=told.append
    )
    assert (row["set"], row["conversations"], row["turns"], row["satisfaction"], row["untrue"]) == ("mine", 1, 1, 0, 0)
    assert "red lamps" in told[0]
    bench = _Bench(shop_recommender, None, 7, gives_reasons=False, tell=None)
    rows = bench.hold_made(4)
    assert [row["set"] for row in rows][:4] == [f"made, {language}" for language in ("en", "de", "fr", "es")]
    assert sum(row["turns"] for row in rows[:4]) == sum(row["turns"] for row in rows[4:])
