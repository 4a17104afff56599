"""What one thing is called in several languages is understood as the catalog's own word."""

import pytest
from chat_worlds import shop_catalog
from reading_worlds import FILMS, SHOP, linker

from genrec.chat.lexicon import Lexicon, said_otherwise
from genrec.data.words import OtherWords
from genrec.schema import Catalog, Item


def catalog_of(*kinds: str) -> Catalog:
    items = (Item(item_id=f"{n}-{kind}", title=kind, attributes={"category": kind}) for kind in kinds for n in "abc")
    return Catalog(items=tuple(items))


@pytest.mark.parametrize(
    ("said", "attribute", "value"),
    [
        (("blau",), "color", "blue"),
        (("roten",), "color", "red"),
        (("lampara",), "category", "lamp"),
        (("gestreift",), "pattern", "striped"),
    ],
)
def test_values_are_known_by_their_names_in_other_languages(said: tuple[str, ...], attribute: str, value: str) -> None:
    meant = SHOP.lexicon.meanings(said)
    assert (meant[0].attribute, {one.value for one in meant}) == (attribute, {value})


def test_a_catalog_of_another_language_is_spoken_to_in_english() -> None:
    lexicon = Lexicon(catalog_of("Stuhl", "Vase", "Hose"))
    assert lexicon.language == "de"
    assert [meant.value for meant in lexicon.meanings(("chairs",))] == ["Stuhl"]


def test_a_word_of_two_languages_means_what_it_means_in_the_language_of_the_message() -> None:
    lexicon = Lexicon(catalog_of("Robe", "Dress", "Trousers", "Skirt"))
    assert [meant.value for meant in lexicon.meanings_in("fr", ("robe",))] == ["Dress"]
    assert lexicon.meanings_in("en", ("robe",)) == lexicon.meanings_in("en", ("dress",)) == ()


def test_either_name_of_a_kind_means_it() -> None:
    lexicon = Lexicon(catalog_of("Hat/beanie", "Leggings/Tights"))
    assert [meant.value for meant in lexicon.meanings(("beanies",))] == ["Hat/beanie"]


def test_a_catalogs_own_word_comes_before_another_languages() -> None:
    lexicon = Lexicon(catalog_of("tasse", "mug"))
    assert [meant.value for meant in lexicon.meanings(("tasse",))] == ["tasse"]


def test_two_words_written_as_one_are_two() -> None:
    links = SHOP.link("eine Glaslampe bitte")
    assert [link.word.text for link in links] == ["eine", "Glas", "lampe", "bitte"]
    assert "wallpaper" in [link.word.text for link in FILMS.link("a film about wallpaper")]


def test_other_words_of_the_catalog_come_first() -> None:
    own = linker(shop_catalog(), OtherWords(values={"green": ("blau",)}))
    assert {meant.value for meant in own.lexicon.meanings(("blau",))} == {"green"}


def test_a_word_of_one_language_is_translated_from_that_language_alone() -> None:
    assert said_otherwise(("rock",), "en") == ()
    assert ("skirt",) in said_otherwise(("rock",), "de")
