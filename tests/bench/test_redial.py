"""Movie turns are asked of the chat and of those beside it, on one catalog."""

import numpy as np
import pytest

from genrec.bench.redial import MovieTurn, compare_recommenders, spread
from genrec.bench.redial_chat import TalkTurn, TitleFinder, hold_turns
from genrec.workspace import Workspace

TITLES = ("Heat (1995)", "The Heat (2013)", "Alien (1979)")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("I saw Heat (1995) and Alien (1979).", ["Heat (1995)", "Alien (1979)"]),
        ("have you seen The Heat (2013) ?", ["The Heat (2013)"]),
        ("Heat (2013) or heat", []),
        ("Alien (1979) Alien (1979)", ["Alien (1979)"]),
    ],
)
def test_movies_are_found_by_their_longest_whole_titles(text, found):
    assert TitleFinder(TITLES).find(text) == found


def test_turns_are_of_whole_conversations_spread_over_all():
    turns = [MovieTurn(dialog=str(n), named=(), context=(), wanted=("a",)) for n in range(50) for _ in range(2)]
    kept = spread(turns, 20)
    assert len(kept) == 20
    assert len({turn.dialog for turn in kept}) == 10
    assert max(int(turn.dialog) for turn in kept) >= 40
    assert spread(turns, 1000) == turns


def test_the_chat_hears_the_talk_and_never_names_what_was_named(shop_recommender: Workspace):
    catalog = shop_recommender.catalog
    red = [
        item.item_id for item in catalog if item.attributes["color"] == "red" and item.attributes["category"] == "lamp"
    ]
    turns = [
        TalkTurn(dialog="a", context=("hi", "what would you like?", "red lamps please"), named=(red[0],)),
        TalkTurn(dialog="a", context=("hi", "what would you like?", "red lamps please", "ok", "thanks"), named=()),
        TalkTurn(dialog="b", context=("",), named=()),
    ]
    first, second, third = hold_turns(shop_recommender, turns, 20)
    assert set(first[: len(red) - 1]) == set(red[1:])
    assert red[0] not in first
    assert set(second[: len(red)]) == set(red)
    assert [len(found) for found in (first, second, third)] == [20, 20, 20]
    assert len(set(first)) == 20


def test_movie_turns_tell_repeats_from_news(shop_recommender: Workspace):
    ids = [item.item_id for item in shop_recommender.catalog]
    rng = np.random.default_rng(3)
    turns = []
    for number in range(6):
        named = tuple(str(i) for i in rng.choice(ids, 4, replace=False))
        fresh = next(i for i in ids if i not in named)
        turns.append(MovieTurn(dialog=str(number), named=named, context=("something red",), wanted=(named[-1], fresh)))
    rows = {(row["set"], row["recommender"]): row for row in compare_recommenders(shop_recommender, turns)}
    copy = rows["redial, repeats counted", "copy what was named"]
    assert (copy["cases"], copy["recall@1"], copy["recall@50"]) == (12, 0.5, 0.5)
    assert rows["redial, repeats removed", "copy what was named"]["recall@50"] == 0.0
    assert {name for kind, name in rows if kind.endswith("removed")} >= {"itemknn", "sasrec", "genrec, the whole talk"}
    for row in rows.values():
        assert row["recall@1"] <= row["recall@10"] <= row["recall@50"]
        assert row["cases"] == (12 if row["set"].endswith("counted") else 6)
