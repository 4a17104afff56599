"""What is told by comparing becomes bounds by what was shown, or thirds of what fits."""

from chat_worlds import MOVIES, shown_session
from rule_readers import CATALOG, MOVIE_READER, READER, wishes_of

from genrec.chat.session import Session
from genrec.data.filters import Predicate


def test_comparatives_measure_against_what_was_shown() -> None:
    session = shown_session(CATALOG)
    prices = [float(CATALOG[i].attributes["price"]) for i in session.shown]
    assert wishes_of(READER, "cheaper", session) == {f"price < {min(prices)}"}
    assert wishes_of(READER, "too cheap, something fancier", session) == {f"price > {max(prices)}"}
    assert wishes_of(READER, "cheaper than the second one", session) == {f"price < {prices[1]}"}


def test_comparatives_measure_against_the_first_where_too_little_lies_beyond_all() -> None:
    session = shown_session(CATALOG)
    first = float(CATALOG[session.shown[0]].attributes["price"])
    assert wishes_of(READER, "a bit cheaper", session) == {f"price < {first}"}
    cheapest = sorted(CATALOG, key=lambda item: float(item.attributes["price"]))[:4]
    session.show([*session.shown, cheapest[0].item_id])
    assert wishes_of(READER, "cheaper", session) == {f"price < {first}"}
    shown = shown_session(MOVIES).shown
    assert wishes_of(MOVIE_READER, "newer", shown_session(MOVIES)) == {f"year > {MOVIES[shown[0]].attributes['year']}"}


def test_not_too_expensive_turns_nothing_else_down() -> None:
    found = wishes_of(READER, "a lamp with warm colors and not too expensive.")
    assert {"category = lamp", "warmth = warm"} < found
    assert any(wish.startswith("price <=") for wish in found)


def test_cheap_without_a_list_is_the_lower_third_of_what_fits() -> None:
    read = READER.read("a cheap mug", Session())
    bound = next(wish for wish in read.where if wish.attribute == "price")
    mugs = [item for item in CATALOG if item.attributes["category"] == "mug"]
    share = sum(bound.holds(mug) for mug in mugs) / len(mugs)
    assert 0.2 < share < 0.45


def test_of_a_color_that_is_wished_no_other_shade_is_known() -> None:
    session = Session(constraints=[Predicate(attribute="color", operator="=", value="red")])
    read = READER.read("darker please", session)
    assert not read.where
    assert read.not_understood == ("darker",)
    session.constraints = [Predicate(attribute="color", operator="=", value="black")]
    assert wishes_of(READER, "that's too dark", session) == {"color != black", "color != brown"}


def test_a_bound_that_stands_can_be_changed_by_its_number_alone() -> None:
    at_most = Session(constraints=[Predicate(attribute="price", operator="<", value=50.0)])
    assert wishes_of(READER, "make that 60", at_most) == {"price < 60.0"}
    at_least = Session(constraints=[Predicate(attribute="price", operator=">=", value=50.0)])
    assert wishes_of(READER, "make it 60, please", at_least) == {"price >= 60.0"}
    assert wishes_of(READER, "make that 60", Session()) == {"price <= 60.0"}
