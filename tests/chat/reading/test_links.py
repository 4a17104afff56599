"""Words of a message as they are linked to a catalog, whatever is said of them."""

import pytest
from reading_worlds import FILMS, SHOP, linker

from genrec.chat.reading.links import Link, Linker
from genrec.chat.words import split_words
from genrec.schema import Catalog, Item


def linked(own: Linker, text: str) -> dict[str, Link]:
    return {link.word.text: link for link in own.link(text) if link.word.form not in ("word", "mark")}


def test_numbers_years_decades_and_places_are_told_apart():
    forms = {word.text: word.form for word in split_words("the 2nd from 1999, under 40, of the 90s!")}
    assert forms == {
        "the": "word", "2nd": "ordinal", "from": "word", "1999": "year", ",": "mark", "under": "word", "40": "number",
        "of": "word", "90s": "decade", "!": "mark",
    }  # fmt: skip


def test_letters_of_scripts_without_spaces_stand_alone():
    assert [word.text for word in split_words("红色灯 ok")] == ["红", "色", "灯", "ok"]


@pytest.mark.parametrize("said", ["lamps", "Lamp", "LAMPEN"])
def test_values_are_found_in_any_number_case_and_language(said):
    assert SHOP.link(said)[0].values[0].value == "lamp"


def test_other_words_of_the_catalog_mean_its_values():
    assert linked(SHOP, "grey ones")["grey"].values[0].value == "gray"
    assert linked(SHOP, "something burgundy")["burgundy"].values[0].value == "red"
    assert SHOP.lexicon.is_sort(("burgundy",))
    assert not SHOP.lexicon.is_sort(("grey",))


def test_the_longest_name_counts():
    assert linked(FILMS, "have you got the godfather?")["the godfather"].item_id == "3"
    assert linked(FILMS, "with Robert De Niro please")["Robert De Niro"].values[0].value == "Robert De Niro"


@pytest.mark.parametrize("said", ["The Matrix", "Matrix, The", "matrix", "the matrx"])
def test_titles_are_found_as_they_are_typed(said):
    assert FILMS.title(said) == "2"


def test_a_subtitle_may_be_left_out():
    assert FILMS.title("star wars") == "10"
    assert FILMS.title("star wras") == "10"


def test_an_ordinary_word_is_a_title_only_where_it_is_typed_as_one():
    own = linker(Catalog(items=(Item(item_id="1", title="Home (2015)"), Item(item_id="2", title="Heat (1995)"))))
    assert "home" not in linked(own, "something to watch at home")
    assert linked(own, "i loved Home a lot")["Home"].item_id == "1"
    assert linked(own, "something like “home”")["home"].item_id == "1"
    assert linked(own, "home")["home"].item_id == "1"


def test_people_are_found_by_a_part_of_their_name():
    assert {value.value for value in linked(FILMS, "a coppola film")["coppola"].values} == {"Francis Ford Coppola"}


def test_slips_are_let_pass_unless_the_word_is_an_everyday_one():
    assert linked(FILMS, "some horor please")["horor"].values[0].value == "Horror"
    assert "home" not in linked(FILMS, "something to watch at home")


def test_names_of_attributes_are_linked():
    assert linked(FILMS, "which directors are there")["directors"].attribute == "director"
