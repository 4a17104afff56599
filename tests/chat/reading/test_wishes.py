"""Wishes out of spans, with the spans given: what the model says of words is tested elsewhere."""

from chat_worlds import MOVIES, shop_catalog
from reading_worlds import FILMS, SHOP

from genrec.chat.reading.audience import age_for, age_of, suited
from genrec.chat.reading.links import Linker
from genrec.chat.reading.measures import attribute_for, attribute_near
from genrec.chat.reading.spans import Span, coordinated
from genrec.chat.reading.wishes import Wishes, WishReader
from genrec.chat.session import Session
from genrec.data.filters import Predicate


def span(linker: Linker, text: str, said: str, role: str, kind: str) -> Span:
    start = text.index(said)
    links = tuple(link for link in linker.link(text) if start <= link.word.start < start + len(said))
    return Span(role=role, type=kind, text=said, start=start, end=start + len(said), links=links)


def wishes(linker: Linker, text: str, *said: tuple[str, str, str], session: Session | None = None) -> Wishes:
    spans = [span(linker, text, *entry) for entry in said]
    return WishReader(linker, session or Session(), text, "en").read(spans, [])


def where(found: Wishes) -> set[tuple[str, str, object]]:
    return {(wish.attribute, wish.operator, wish.value) for wish in found.where}


def test_values_that_are_wanted_and_refused():
    found = wishes(
        SHOP,
        "a red lamp but no stripes",
        ("red", "want", "value"),
        ("lamp", "want", "kind"),
        ("stripes", "avoid", "value"),
    )
    assert where(found) == {("color", "=", "red"), ("category", "=", "lamp"), ("pattern", "!=", "striped")}


def test_alternatives_of_one_attribute_are_one_wish():
    found = wishes(SHOP, "red or blue", ("red", "want", "value"), ("blue", "want", "value"))
    assert where(found) == {("color", "=", ("red", "blue"))}


def test_of_several_values_at_once_all_are_wanted_unless_a_choice_is_said():
    both = wishes(FILMS, "a comedy and romance", ("comedy", "want", "kind"), ("romance", "want", "kind"))
    assert where(both) == {("genres", "=", "Comedy"), ("genres", "=", "Romance")}
    either = wishes(FILMS, "comedy or romance", ("comedy", "want", "kind"), ("romance", "want", "kind"))
    assert where(either) == {("genres", "=", ("Comedy", "Romance"))}


def test_what_is_refused_in_the_same_breath_is_not_wanted():
    found = wishes(
        SHOP, "anything but white. white gets dirty", ("white", "avoid", "value"), ("white", "want", "value")
    )
    assert where(found) == {("color", "!=", "white")}


def test_a_further_value_joins_the_wish_that_stands():
    session = Session(constraints=[Predicate(attribute="color", operator="=", value="red")])
    found = wishes(SHOP, "blue is fine too", ("blue", "also", "value"), session=session)
    assert where(found) == {("color", "=", ("red", "blue"))}


def test_a_value_that_is_taken_back_leaves_the_others():
    session = Session(constraints=[Predicate(attribute="color", operator="=", value=("red", "blue"))])
    found = wishes(SHOP, "forget the red", ("red", "drop", "value"), session=session)
    assert (found.dropped, where(found)) == (["color"], {("color", "=", "blue")})


def test_amounts_bound_the_number_they_are_of():
    assert where(wishes(SHOP, "under 40 bucks", ("40 bucks", "max", "price"))) == {("price", "<", 40.0)}
    assert where(wishes(FILMS, "from the 90s", ("90s", "exact", "year"))) == {
        ("year", ">=", 1990.0),
        ("year", "<=", 1999.0),
    }


def test_words_before_an_amount_say_which_side_is_meant():
    sides = {
        "older than 1990": "<",
        "nothing older than 1990": ">=",
        "after 1990": ">",
        "not after 1990": "<=",
        "up to 1990": "<=",
    }
    for text, operator in sides.items():
        assert where(wishes(FILMS, text, ("1990", "max", "year"))) == {("year", operator, 1990.0)}


def test_two_amounts_with_nothing_between_them_are_a_range():
    found = wishes(SHOP, "between 40 and 90", ("40", "max", "price"), ("90", "max", "price"))
    assert where(found) == {("price", ">=", 40.0), ("price", "<=", 90.0)}


def test_a_number_that_the_catalog_has_not_is_named():
    assert wishes(FILMS, "under 40 dollars", ("40 dollars", "max", "price")).unclear == ["40 dollars"]


def test_words_that_name_nothing_of_the_catalog_are_free():
    found = wishes(FILMS, "about submarines, no zombies", ("submarines", "want", "free"), ("zombies", "avoid", "free"))
    assert (found.words, found.avoided, found.where) == (["submarines"], ["zombies"], [])


def test_words_for_anything_are_no_wish():
    found = wishes(SHOP, "some movie thing", ("movie", "want", "kind"))
    assert (found.words, found.where) == ([], [])


def test_who_directs_and_plays_is_meant_as_what_they_mostly_do():
    found = wishes(FILMS, "with Tom Hanks", ("Tom Hanks", "want", "person"))
    assert where(found) == {("actors", "=", "Tom Hanks")}


def test_for_a_child_only_what_is_rated_for_its_age():
    found = wishes(FILMS, "for my 6 year old", ("my 6 year old", "want", "audience"))
    assert where(found) == {("rated", "=", "G")}


def test_ratings_of_boards_and_numbers_name_an_age():
    assert [age_for(rating) for rating in ("G", "PG-13", "R", "TV-14", "FSK 12", "16+", "Not Rated")] == [
        0,
        13,
        17,
        14,
        12,
        16,
        None,
    ]
    assert suited(("G", "PG", "R", "Not Rated"), 8) == ("G", "PG")
    assert (age_of("my six year old", "en"), age_of("kids", "en"), age_of("mi hija de 4 años", "es")) == (6, 8, 4)


def test_what_a_measure_means_follows_from_the_catalog():
    assert attribute_for("price", SHOP.lexicon) == "price"
    assert attribute_for("time", FILMS.lexicon) == "year"
    assert attribute_for("length", FILMS.lexicon) is None
    assert attribute_near(("price",), SHOP.lexicon) == "price"


def test_names_in_one_list_are_refused_together():
    text = "anything except mugs, vases and posters"
    spans = [
        span(SHOP, text, said, role, "kind")
        for said, role in (("mugs", "avoid"), ("vases", "avoid"), ("posters", "want"))
    ]
    assert [entry.role for entry in coordinated(spans, text)] == ["avoid"] * 3


def test_names_that_a_word_stands_between_are_judged_apart():
    text = "no mugs but vases"
    spans = [span(SHOP, text, "mugs", "avoid", "kind"), span(SHOP, text, "vases", "want", "kind")]
    assert [entry.role for entry in coordinated(spans, text)] == ["avoid", "want"]


def test_catalogs_of_these_tests_hold_what_they_speak_of():
    assert len(MOVIES) == 12
    assert {"lamp", "mug"} <= {str(item.attributes["category"]) for item in shop_catalog()}
