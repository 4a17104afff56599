"""Words that describe the wanted are kept, and those of the story around it are not."""

import pytest
from rule_readers import READER, wishes_of

from genrec.chat.rules.reader import RuleReader
from genrec.chat.session import Session
from genrec.schema import Catalog, Item


@pytest.mark.parametrize(
    ("text", "wishes", "query"),
    [
        ("i bought a red lamp last week, anything that would go with it?", set(), "red lamp"),
        ("I just got a red lamp and want something to match", set(), "red lamp"),
        ("I have a red lamp, what chair would match it", {"category = chair"}, "red lamp"),
        ("what chairs under 30 go with my red lamp?", {"category = chair", "price < 30.0"}, "red lamp"),
    ],
)
def test_what_one_has_is_what_the_wanted_is_near_to(text: str, wishes: set[str], query: str) -> None:
    assert wishes_of(READER, text) == wishes
    assert READER.read(text, Session()).query == query


def test_greetings_and_occasions_describe_no_item() -> None:
    text = "hiya, im looking for a birthday present for my sister, she likes yellow stuff"
    assert READER.read(text, Session()).query == ""


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("We just moved and the hallway looks rather bare, so a poster, something plain and not too bright", ""),
        ("I was wondering whether you might happen to have something retro", ""),
        ("My grandmother turns 90 and adores flowers", ""),
        ("it must be comfortable, a green chair", "comfortable"),
        ("a lamp with tassels and fringes", "tassels fringes"),
        ("something cosy", "cosy"),
        ("which chairs are comfy?", "comfy"),
        ("something rustic, earthy, please", "earthy"),
        ("I need a lamp, my living room is so dark", ""),
        ("a present for my mother in law", ""),
        ("tassels and fringes", "tassels fringes"),
    ],
)
def test_stories_around_a_wish_are_not_searched_for(text: str, query: str) -> None:
    assert READER.read(text, Session()).query == query


@pytest.mark.parametrize(
    ("text", "missing", "query"),
    [
        ("a mug for my sister and a bowl for me", ("bowl",), ""),
        ("I need a bowl", ("bowl",), "bowl"),
        ("a cozy lamp", (), "cozy"),
        ("a lamp for a nursery", (), "nursery"),
        ("rugs, curtains or lamps?", ("rugs", "curtains"), ""),
    ],
)
def test_kinds_that_the_catalog_lacks_are_told(text: str, missing: tuple[str, ...], query: str) -> None:
    read = READER.read(text, Session())
    assert (read.missing, read.query) == (missing, query)


def test_other_words_stay_as_the_query() -> None:
    assert READER.read("a cozy lamp for reading at night", Session()).query == "cozy reading night"
    assert READER.read("red lamp please", Session()).query == ""


def test_things_turned_down_that_no_word_of_the_catalog_names_are_told() -> None:
    assert READER.read("blue mugs with no animals on them", Session()).refused == ("animals",)
    assert READER.read("blue mugs, no stripes", Session()).refused == ()
    assert READER.read("we have no stairs, show me a blue mug", Session()).refused == ()


def test_words_that_say_more_than_a_value_go_on_describing() -> None:
    assert READER.read("a burgundy bag", Session()).query == "burgundy"
    assert READER.read("ankle boots", Session()).query == "ankle"
    assert READER.read("a violet bag, no oak", Session()).query == ""
    own = Catalog(items=tuple(Item(item_id=c, title=c, attributes={"color": c}) for c in ("red", "burgundy")))
    read = RuleReader(own).read("something burgundy", Session())
    assert wishes_of(RuleReader(own), "something burgundy") == {"color = burgundy"}
    assert read.query == ""
