"""What is said of things beside their names: for whom they are, sorts of values, words within values, denials."""

import pytest
from reading_worlds import linker

from genrec.chat.lexicon import SlotValue
from genrec.chat.reading.function_words import asks_seller, is_excess, means_a_person
from genrec.chat.reading.links import Linker
from genrec.chat.reading.persons import persons_of, values_for
from genrec.chat.reading.spans import Span
from genrec.chat.reading.wishes import Wishes, WishReader
from genrec.chat.session import Session
from genrec.schema import Catalog, Item

ROWS = (
    ("Dress", "Dark Blue", "Ladieswear", ("bee-friendly", "good in pots"), "part shade", "PG"),
    ("Leggings", "Blue", "Menswear", ("toxic to pets", "pet-safe"), "full shade", "R"),
    ("Tie", "Light Blue", "Children", ("cut flower",), "full sun", "G"),
    ("Shorts & Skirts", "Red", "Ladieswear", ("cut flower",), "full sun", "PG"),
)
NAMES = ("product_type", "color", "department", "features", "light", "rated")


def shop() -> Linker:
    items = [
        Item(item_id=f"i{n}", title=f"{row[0]} Violet {n}", text="", attributes=dict(zip(NAMES, row, strict=True)))
        for n, row in enumerate(ROWS * 6)
    ]
    return linker(Catalog(items=tuple(items)))


@pytest.fixture(scope="module")
def plants() -> Linker:
    return shop()


def wish(own: Linker, text: str, said: str, role: str, kind: str) -> Wishes:
    start = text.index(said)
    links = tuple(link for link in own.link(text) if start <= link.word.start < start + len(said))
    span = Span(role=role, type=kind, text=said, start=start, end=start + len(said), links=links)
    return WishReader(own, Session(), text, "en").read([span], [])


def values(found: Wishes) -> set[tuple[str, str, object]]:
    return {(one.attribute, one.operator, one.value) for one in found.where}


@pytest.mark.parametrize(
    ("text", "persons"),
    [
        ("a present for my dad, he drinks coffee", ["men"]),
        ("stuff for my 3 year old daughter", ["girls", "children"]),
        ("lol i'm a guy", ["men"]),
        ("pyjamas for me (female)", ["women"]),
        ("etwas für meine Schwester", ["women"]),
        ("my dad says hi", []),
        ("a film about a father", []),
    ],
)
def test_for_whom_something_is_follows_from_what_introduces_them(text: str, persons: list[str]) -> None:
    assert persons_of(text) == persons


def test_persons_mean_what_the_catalog_sorts_by(plants: Linker) -> None:
    assert values_for(["men"], plants.lexicon) == SlotValue("department", "Menswear")
    assert values_for(["girls", "children"], plants.lexicon) == SlotValue("department", "Children")
    assert values_for(["baby"], plants.lexicon) is None


def test_whoever_wants_no_blue_wants_no_dark_blue(plants: Linker) -> None:
    refused = values(wish(plants, "not blue", "blue", "avoid", "value"))
    assert refused == {("color", "!=", "Blue"), ("color", "!=", "Dark Blue"), ("color", "!=", "Light Blue")}
    assert values(wish(plants, "in blue", "blue", "want", "value")) == {("color", "=", "Blue")}


def test_words_within_values_mean_them_where_they_are_told(plants: Linker) -> None:
    assert values(wish(plants, "for the bees", "bees", "want", "free")) == {("features", "=", "bee-friendly")}
    assert values(wish(plants, "for shade", "shade", "want", "free")) == {("light", "=", ("full shade", "part shade"))}
    assert not wish(plants, "for my pets", "pets", "want", "free").where  # of pet-safe and toxic to pets
    assert not wish(plants, "with flowers", "flowers", "want", "free").where  # a cut flower is one sort of them


def test_what_is_denied_right_before_is_turned_down(plants: Linker) -> None:
    assert values(wish(plants, "ones that aren't red", "red", "want", "value")) == {("color", "!=", "Red")}
    assert values(wish(plants, "not only red", "red", "want", "value")) == {("color", "=", "Red")}
    assert values(wish(plants, "no, rather red", "red", "want", "value")) == {("color", "=", "Red")}


def test_another_thing_beside_what_was_shown_is_asked_for_alone(plants: Linker) -> None:
    assert values(wish(plants, "a tie too", "tie", "also", "kind")) == {("product_type", "=", "Tie")}


def test_a_rating_bounds_ratings_by_age(plants: Linker) -> None:
    assert values(wish(plants, "nothing over PG", "PG", "max", "value")) == {("rated", "=", ("PG", "G"))}


def test_words_that_share_no_more_than_a_stem_are_not_the_same(plants: Linker) -> None:
    assert not plants.lexicon.meanings(("legs",))
    assert plants.lexicon.meanings(("ties",)) == (SlotValue("product_type", "Tie"),)


def test_a_superlative_is_no_part_of_a_name(plants: Linker) -> None:
    said = {link.word.text: link.values for link in plants.link("the shortest skirt")}
    assert not said["shortest"]


def test_a_part_of_a_title_tells_its_item(plants: Linker) -> None:
    assert plants.title_parts("the tie violet 2") == ("i2",)
    assert not plants.title_parts("the rose")


def test_pronouns_mean_a_person_where_they_make_or_are_asked_about() -> None:
    assert means_a_person("what else has she directed", tells_making=True)
    assert means_a_person("what else did he do", tells_making=False)
    assert means_a_person("how many of his do you have", tells_making=False)
    assert not means_a_person("for my mum, she can't stand plastic", tells_making=False)


def test_words_of_excess_and_questions_to_the_seller_are_told() -> None:
    assert is_excess(("these", "are", "too"))
    assert not is_excess(("too", "many"))
    assert asks_seller("which brands do you carry")
    assert not asks_seller("which colours")
