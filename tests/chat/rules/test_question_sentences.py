"""Questions of fact are told from wishes, and answered with what the catalog says."""

import pytest
from chat_worlds import MOVIES, shop_catalog, shown_session

from genrec.chat.answers import answer_of_catalog, answer_of_items, extremes_of
from genrec.chat.requests import Extreme, Question
from genrec.chat.rules.reader import RuleReader
from genrec.chat.session import Session
from genrec.data.filters import Operator, Predicate
from genrec.schema import Catalog, Item

CATALOG = shop_catalog()
READER, MOVIE_READER = RuleReader(CATALOG), RuleReader(MOVIES)


def wish(attribute: str, operator: Operator, value: str | float) -> Predicate:
    return Predicate(attribute=attribute, operator=operator, value=value)


@pytest.mark.parametrize(
    ("text", "places", "conditions"),
    [
        ("is the second made of wood?", (1,), {wish("material", "=", "wood")}),
        ("Isn't the second wooden?", (1,), {wish("material", "=", "wood")}),
        ("So all of these are under 80, right?", (0, 1, 2, 3, 4), {wish("price", "<", 80.0)}),
        ("are they all under 80?", (0, 1, 2, 3, 4), {wish("price", "<", 80.0)}),
        ("Are any of these made of wool?", (0, 1, 2, 3, 4), {wish("material", "=", "wool")}),
        ("Which of these are glass?", (0, 1, 2, 3, 4), {wish("material", "=", "glass")}),
        ("are the remaining ones all metal?", (0, 1, 2, 3, 4), {wish("material", "=", "metal")}),
        ("Are you sure the third one is retro?", (2,), {wish("style", "=", "retro")}),
        ("Is the first one by Popsy?", (0,), {wish("brand", "=", "Popsy")}),
    ],
)
def test_conditions_asked_of_shown_items(text: str, places: tuple[int, ...], conditions: set[Predicate]) -> None:
    session = shown_session(CATALOG)
    read = READER.read(text, session)
    assert (read.intent, read.where) == ("describe", ())
    assert read.refers_to == tuple(session.shown[place] for place in places)
    assert read.question is not None
    assert set(read.question.conditions) == conditions


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        ("how much is the second one?", ("price",)),
        ("how much cost the second?", ("price",)),
        ("What does number 2 cost?", ("price",)),
        ("what colour is the second?", ("color",)),
        ("who makes the second one?", ("brand",)),
        ("whats the second one made of", ("material",)),
    ],
)
def test_values_of_a_shown_item(text: str, attributes: tuple[str, ...]) -> None:
    session = shown_session(CATALOG)
    read = READER.read(text, session)
    assert (read.intent, read.refers_to) == ("describe", (session.shown[1],))
    assert read.question == Question(attributes=attributes)


@pytest.mark.parametrize(
    ("text", "attribute", "is_most"),
    [
        ("Which of these is the cheapest?", "price", False),
        ("and which one is the most expensive?", "price", True),
        ("Great. What's the least expensive of them?", "price", False),
    ],
)
def test_the_cheapest_of_what_is_shown(text: str, attribute: str, is_most: bool) -> None:
    session = shown_session(CATALOG)
    read = READER.read(text, session)
    assert (read.intent, read.refers_to, read.where) == ("describe", tuple(session.shown), ())
    assert read.question == Question(extreme=Extreme(attribute=attribute, is_most=is_most))


def test_questions_about_movies() -> None:
    session = shown_session(MOVIES)
    asked = {
        text: MOVIE_READER.read(text, session).question
        for text in ("who directed the first?", "who plays in it?", "how old is number 3?", "which is newest?")
    }
    assert list(asked.values()) == [
        Question(attributes=("director",)),
        Question(attributes=("actors",)),
        Question(attributes=("year",)),
        Question(extreme=Extreme(attribute="year", is_most=True)),
    ]


CHEAPEST, DEAREST = (Extreme(attribute="price", is_most=is_most) for is_most in (False, True))


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("What do you sell?", Question(attributes=("category",))),
        ("what kinds of things do you have?", Question(attributes=("category",))),
        ("What is in your shop?", Question(attributes=("category",))),
        ("And which brands do you carry?", Question(attributes=("brand",))),
        ("what colors are available?", Question(attributes=("color",))),
        ("list your materials", Question(attributes=("material",))),
        (
            "which colors do lamps come in, do you have green?",
            Question(attributes=("color",), scope=(wish("category", "=", "lamp"),)),
        ),
        ("how many clocks do you have?", Question(is_count=True, scope=(wish("category", "=", "clock"),))),
        ("how many items do you have?", Question(is_count=True)),
        (
            "So all your lamps are under 50, right?",
            Question(scope=(wish("category", "=", "lamp"),), conditions=(wish("price", "<", 50.0),)),
        ),
        (
            "is it true that you don't sell posters?",
            Question(is_count=True, scope=(wish("category", "=", "poster"),)),
        ),
        ("Do you sell sofas?", Question(attributes=("category",), missing=("sofas",))),
        ("any rugs?", Question(attributes=("category",), missing=("rugs",))),
        ("is there anything by Gucci?", Question(attributes=("category",), missing=("gucci",))),
        ("Which brand is the cheapest?", Question(attributes=("brand",), extreme=CHEAPEST)),
        (
            "what material is the most expensive for chairs?",
            Question(attributes=("material",), extreme=DEAREST, scope=(wish("category", "=", "chair"),)),
        ),
        (
            "is Zaza more expensive than Halden?",
            Question(attributes=("brand",), extreme=DEAREST, scope=(wish("brand", "=", ("Zaza", "Halden")),)),
        ),
        (
            "are lamps cheaper than clocks?",
            Question(attributes=("category",), extreme=CHEAPEST, scope=(wish("category", "=", ("lamp", "clock")),)),
        ),
    ],
)
def test_questions_about_the_catalog(text: str, question: Question) -> None:
    read = READER.read(text, Session())
    assert (read.intent, read.where, read.question) == ("browse", (), question)


def test_they_are_what_was_talked_of() -> None:
    session = Session(constraints=[wish("category", "=", "clock"), wish("color", "=", "red")])
    read = READER.read("what colors do they come in?", session)
    assert read.question == Question(attributes=("color",), scope=(wish("category", "=", "clock"),))


@pytest.mark.parametrize(
    "text",
    [
        "do you have any red lamps?",
        "what do you have in blue?",
        "what shoes can you offer me?",
        "what else do you have?",
        "is there anything under 15?",
        "does it come in blue?",
        "do you sell teal handbags",
        "Have you got a chair under 100?",
        "what's your cheapest lamp?",
        "what's the cheapest thing you have",
        "Which of your lamps would go with a red chair?",
        "all lamps under 50 please",
        "something cheaper than the lamp",
        "any red lamps?",
        "any ideas?",
    ],
)
def test_what_asks_for_items_is_no_question_of_fact(text: str) -> None:
    read = READER.read(text, shown_session(CATALOG))
    assert (read.intent, read.question) == ("recommend", None)


def test_a_judgement_and_a_question_in_one_message() -> None:
    session = shown_session(CATALOG)
    read = READER.read("I'll take that one. Is it ceramic?", session)
    assert (read.intent, read.liked, read.where) == ("like", (session.shown[0],), ())
    assert read.question == Question(conditions=(wish("material", "=", "ceramic"),))


THREE = Catalog(
    items=tuple(
        Item(item_id=title, title=title, attributes={"category": kind, "price": price, "color": color})
        for title, kind, price, color in (
            ("A", "mug", 5.0, "red"),
            ("B", "mug", 9.0, "blue"),
            ("C", "vase", 5.0, "red"),
        )
    )
)


@pytest.mark.parametrize(
    ("question", "items", "answer"),
    [
        (Question(conditions=(wish("color", "=", "red"),)), "A", "Yes: A is red."),
        (Question(conditions=(wish("color", "=", "red"),)), "B", "No: B is blue."),
        (Question(conditions=(wish("color", "=", "red"),)), "ABC", "2 of 3: A (red), C (red). Not so: B (blue)."),
        (Question(conditions=(wish("price", "<", 9.0),)), "AC", "Yes, all 2: A (5), C (5)."),
        (Question(conditions=(wish("price", ">", 9.0),)), "AB", "None of the 2: A (5), B (9)."),
        (Question(conditions=(wish("size", "=", "big"),)), "A", "The size of A is not known."),
        (Question(attributes=("price", "color")), "B", "B costs 9. B is blue."),
        (Question(attributes=("size",)), "B", "The size of B is not known."),
        (
            Question(extreme=Extreme(attribute="price", is_most=True)),
            "ABC",
            "B is the most expensive of these 3: it costs 9.",
        ),
        (
            Question(extreme=Extreme(attribute="price", is_most=False)),
            "ABC",
            "A and C are the cheapest of these 3: each costs 5.",
        ),
        (Question(extreme=Extreme(attribute="size", is_most=True)), "AB", "The size of these is not known."),
    ],
)
def test_answers_about_items(question: Question, items: str, answer: str) -> None:
    assert answer_of_items(question, [THREE[name] for name in items], THREE) == answer


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (Question(attributes=("category",)), "There are 2 categories: mug (2), vase (1)."),
        (
            Question(attributes=("color",), scope=(wish("category", "=", "mug"),)),
            "There are 2 colors (category mug): red (1), blue (1).",
        ),
        (Question(attributes=("price",)), "Price is from 5 to 9, 6.33 on average."),
        (Question(is_count=True, scope=(wish("color", "=", "red"),)), "There are 2 items (color red)."),
        (Question(is_count=True, scope=(wish("color", "=", "green"),)), "There is none (color green)."),
        (
            Question(scope=(wish("category", "=", "mug"),), conditions=(wish("price", "<", 9.0),)),
            "No: 1 of 2 (category mug) meet price under 9.",
        ),
        (
            Question(attributes=("category",), extreme=CHEAPEST),
            "Average price by category, the lowest first: vase 5 (1), mug 7 (2).",
        ),
        (
            Question(attributes=("category",), extreme=DEAREST, scope=(wish("color", "=", "red"),)),
            "Average price by category (color red), the highest first: mug 5 (1), vase 5 (1).",
        ),
        (
            Question(attributes=("color",), extreme=CHEAPEST, scope=(wish("color", "=", "green"),)),
            "The price is not known (color green).",
        ),
        (
            Question(attributes=("category",), missing=("sofas",)),
            "Nothing here is called “sofas”. There are 2 categories: mug (2), vase (1).",
        ),
    ],
)
def test_answers_about_the_catalog(question: Question, answer: str) -> None:
    assert answer_of_catalog(question, THREE, RuleReader(THREE).lexicon) == answer


def test_of_items_without_the_number_none_is_extreme() -> None:
    assert extremes_of(Extreme(attribute="size", is_most=True), THREE.items) == []
