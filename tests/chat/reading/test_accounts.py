"""Every word of a message is accounted for: it is in a wish, is searched for, or is named as not understood."""

import pytest
from reading_worlds import FILMS, SHOP

from genrec.chat.reading.links import Linker
from genrec.chat.reading.reader import Reader
from genrec.chat.reading.spans import spans_of
from genrec.chat.reading.tagger import Tagged
from genrec.chat.requests import ChatRequest
from genrec.chat.session import Session


def read(linker: Linker, text: str, session: Session | None = None) -> ChatRequest:
    return Reader(linker.lexicon, linker.search).read(text, session or Session())


@pytest.mark.parametrize("odd", ["ripped", "zipped", "gluxy", "tasselled"])
def test_a_word_of_which_nothing_is_said_is_named(odd: str) -> None:
    found = read(SHOP, f"a red lamp, {odd} ones")
    assert ("color", "red") in {(wish.attribute, wish.value) for wish in found.where}
    assert odd in " ".join((*found.not_understood, *found.missing, found.query))


def test_everyday_words_are_not_named() -> None:
    found = read(SHOP, "hello, could you please show me something in red for my home")
    assert not found.not_understood
    assert not found.missing


@pytest.mark.parametrize(("refused", "role"), [(0.1, "want"), (0.5, "want"), (0.9, "drop")])
def test_a_name_is_wanted_unless_it_is_rather_turned_down(refused: float, role: str) -> None:
    text = "red"
    tagged = Tagged(
        intent="recommend", intents={}, language="en", language_share=1.0, roles=("drop",), types=("value",),
        shares=(0.3,), refused=(refused,),
    )  # fmt: skip
    assert [span.role for span in spans_of(text, SHOP.link(text), tagged)] == [role]


def test_what_is_compared_with_the_least_of_a_kind_is_bounded_by_it() -> None:
    found = read(SHOP, "cheaper than the cheapest lamp")
    catalog = SHOP.lexicon.catalog
    least = min(float(i.attributes["price"]) for i in catalog if i.attributes["category"] == "lamp")  # type: ignore[arg-type]
    assert [(wish.attribute, wish.operator, wish.value) for wish in found.where] == [("price", "<", least)]
    assert found.extreme is None


def test_a_number_of_which_nothing_is_said_is_how_many_are_shown() -> None:
    session = Session(shown=[item.item_id for item in SHOP.lexicon.catalog][:5])
    assert read(SHOP, "show me three of those in red", session).limit == 3


def test_what_is_asked_for_by_a_name_of_no_attribute_is_not_answered_with_another() -> None:
    found = read(FILMS, "what brands are there")
    assert found.question is None or found.question.is_untold or not found.question.attributes
