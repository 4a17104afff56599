"""Conversations say what must be so of each reply, and what is wrong with their form is told."""

import pytest
from films import films

from genrec.bench.chat import HAND_WRITTEN
from genrec.bench.talk.form import EXAMPLE, Titles, Unanswerable, read_scripts, scripts_of
from genrec.errors import InputError
from genrec.workspace import Workspace


def passing(condition):
    return [item.item_id for item, passes in zip(films(), condition.mask(films()), strict=True) if passes]


def script_of(*turns, **entry):
    return scripts_of({"conversation": [{"turns": list(turns), **entry}]}, films(), 7, source="a test")[0]


def test_a_turn_is_filled_in_with_what_was_shown():
    script = script_of(
        {"say": "older than @2.title?", "where": "year < @2.year and genres in (@1.genres)", "says": "@1.genres"}
    )
    turn = script.next_turn(0, (), ("f0-0", "f2-0"))
    assert turn.say == "older than Alien (1979)?"
    assert turn.says == ("Crime", "Thriller")
    assert passing(turn.where) == []
    turn = script.next_turn(0, (), ("f3-0", "f0-0"))
    assert passing(turn.where) == ["f2-0", "f3-0"]


def test_titles_stand_for_items_without_case_and_year():
    turn = script_of({"say": "x", "first": "blade runner", "lacks": ["Heat (1995)", "genres = Drama"]}).next_turn(
        0, (), ()
    )
    assert [passing(condition) for condition in (*turn.first, *turn.lacks)] == [
        ["f3-0"],
        ["f0-0"],
        ["f4-0", "f5-0", "f6-0", "f7-0"],
    ]
    assert Titles(films(2)).ids("heat part 2") == ("f0-1",)


def test_a_place_where_nothing_was_shown_ends_the_conversation():
    script = script_of({"say": "x", "where": "year < @2.year"}, {"say": "y", "says": "@1.price"})
    with pytest.raises(Unanswerable):
        script.next_turn(0, (), ("f0-0",))
    with pytest.raises(Unanswerable, match="has no price"):
        script.next_turn(1, (), ("f0-0",))


@pytest.mark.parametrize(
    ("turn", "kinds"),
    [
        ({"say": "x"}, ("list",)),
        ({"say": "x", "where": "year < 2000"}, ("list",)),
        ({"say": "x", "says": "1995"}, ("any",)),
        ({"say": "x", "says": "1995", "lacks": "Heat"}, ("list",)),
        ({"say": "x", "kind": ["list", "answer"]}, ("list", "answer")),
    ],
)
def test_a_reply_is_a_list_where_nothing_else_is_written(turn, kinds):
    assert script_of(turn).next_turn(0, (), ()).kinds == kinds


@pytest.mark.parametrize(
    ("turn", "told"),
    [
        ({"where": "year < 2000"}, "turn 1 lacks `say`"),
        ({"say": "x", "wher": "year < 2000"}, "has 'wher'; wanted one of about, disliked"),
        ({"say": "x", "kind": "lists"}, "kind is 'lists'; wanted one of any, list"),
        ({"say": "x", "about": "Heat"}, "about is 'Heat'; wanted a list"),
        ({"say": "x", "says": [3]}, "wanted a text, or a list of texts"),
        ({"say": "x", "where": 3}, "where is 3; wanted a text"),
    ],
)
def test_what_is_wrong_with_a_turn_is_told_with_its_place(turn, told):
    with pytest.raises(InputError, match="a test, conversation 1, turn 1") as error:
        script_of(turn)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("turn", "told"),
    [
        ({"say": "x", "shows": "Star Wars"}, "'Star Wars' is no title of the catalog and no filter"),
        ({"say": "x", "lacks": "Star Wars, Part 4"}, "'Star Wars, Part 4' is no title of the catalog and no filter"),
        ({"say": "x", "about": ["Star Wars"]}, "no item is called 'Star Wars'"),
        ({"say": "x", "where": "year <"}, "is no filter here"),
    ],
)
def test_what_the_catalog_does_not_have_is_told(turn, told):
    with pytest.raises(InputError, match=told):
        script_of(turn).next_turn(0, (), ())


def test_files_that_hold_no_conversations_are_refused(tmp_path):
    path = tmp_path / "talk.toml"
    for text, told in (("[[x", "cannot be read"), ("a = 1", "holds no"), ("conversation = []", "holds no")):
        path.write_text(text)
        with pytest.raises(InputError, match=told):
            read_scripts(path, films(), 7)
    with pytest.raises(InputError, match="person is 'old'; wanted known or new"):
        script_of({"say": "x"}, person="old")
    with pytest.raises(InputError, match="cannot be read"):
        read_scripts(tmp_path / "absent.toml", films(), 7)


def test_letters_are_titles_that_are_drawn_and_slips_change_one_word():
    script = script_of({"say": "{A} and {A~}", "about": ["A"], "shows": "A"})
    turn = script.next_turn(0, (), ())
    title, _, slipped = turn.say.partition(" and ")
    (ids,) = turn.about
    assert films()[ids[0]].title == title
    assert passing(turn.shows[0]) == list(ids)
    assert slipped != title
    assert sorted(slipped) == sorted(title)


def test_the_sets_that_are_shipped_are_whole(shop_recommender: Workspace):
    catalog = shop_recommender.catalog
    paths = [EXAMPLE, *(EXAMPLE.with_name(f"{name}.toml") for name in HAND_WRITTEN)]
    scripts = {path.stem: read_scripts(path, catalog, 7) for path in paths}
    assert len(scripts["hand_first"]) >= 60
    assert len(scripts["hand_second"]) >= 30
    item_ids = [item.item_id for item in catalog][:12]
    for script in (script for found in scripts.values() for script in found):
        for number in range(len(script.turns)):
            turn = script.next_turn(number, item_ids, item_ids)
            assert turn is not None
            assert "{" not in turn.say
            if turn.where is not None:
                turn.where.mask(catalog)
