"""Attributes, values and numbers read as English."""

from genrec.claims.wording import format_number, is_sayable, say_attribute, say_value, words_of


def test_attributes_read_as_english() -> None:
    assert say_attribute("category", "umbrella") == "is an umbrella"
    assert say_attribute("style", "elegant") == "has an elegant style"
    assert say_attribute("perceived_color_name", "Dark Blue") == "has the perceived color name Dark Blue"
    assert say_attribute("is_vegan", True) == say_attribute("vegan", True) == "is vegan"


def test_numbers_and_values_are_said_as_people_write_them() -> None:
    assert [format_number(value) for value in (35.0, 34.5, 34.567, 0.03412)] == ["35", "34.5", "34.57", "0.0341"]
    assert say_value(("Comedy",)) == "Comedy"
    assert say_value(("Comedy", "Drama", "War")) == "Comedy, Drama and War"
    assert say_attribute("genres", ("Comedy",)) == "has the genre Comedy"


def test_what_cannot_be_said_is_told_apart() -> None:
    values = {"color": "red", "imdb_id": "tt1", "plot": "x" * 80, "page": "https://x.y", "new": False, "tags": ()}
    assert {name for name, value in values.items() if is_sayable(name, value)} == {"color"}


def test_the_words_of_a_text_are_those_that_are_said() -> None:
    assert words_of("It’s 1,200.50 — RED, isn't it?") == ("it's", "1,200.50", "red", "isn't", "it")
