"""What is claimed of an item is true of it."""

from collections.abc import Sequence

import pytest
from claim_items import LABELS, MOVIE_LABELS, MOVIES, RED, STRIPED, WOODEN, lamp

from genrec.claims.claims import (
    CO_CHOSEN,
    POPULARITY,
    SIMILAR,
    Claim,
    attribute_claims,
    candidate_claims,
    constraint_claims,
    history_claims,
    neighbor_claim,
    range_claims,
    similar_claim,
)
from genrec.data.filters import Predicate
from genrec.schema import Item


def claim_of(claims: Sequence[Claim], attribute: str, source: str | None = None) -> Claim:
    return next(c for c in claims if c.attribute == attribute and source in (None, c.source))


def test_shared_values_become_history_claims_that_name_their_source() -> None:
    claims = history_claims(RED, STRIPED, LABELS)
    assert [(c.attribute, c.value, c.source, c.text) for c in claims] == [
        ("color", "red", "b", "it is red, like Popsy Mug")
    ]


def test_several_values_share_only_what_both_have() -> None:
    claim = claim_of(history_claims(MOVIES[0], MOVIES[4], MOVIE_LABELS), "genres")
    assert claim.value == ("Animation", "Children's")
    assert claim.text == "it is children's animation, like Antz (1998)"
    claim = claim_of(history_claims(MOVIES[0], MOVIES[1], MOVIE_LABELS), "genres")
    assert claim.text == "it is a comedy, like M*A*S*H (1970)"
    assert (claim.value, claim.said) == (("Comedy",), ("comedy",))


def test_of_times_the_decade_is_shared() -> None:
    claim = claim_of(history_claims(MOVIES[0], MOVIES[4], MOVIE_LABELS), "year")
    assert (claim.value, claim.text) == ("1990s", "it is from the 1990s, like Antz (1998)")
    assert not [c for c in history_claims(MOVIES[0], MOVIES[1], MOVIE_LABELS) if c.attribute == "year"]


def test_free_text_and_identifiers_are_never_claimed() -> None:
    assert {c.attribute for c in attribute_claims(MOVIES[3], MOVIE_LABELS)} == {"genres", "year"}
    assert {c.attribute for c in attribute_claims(MOVIES[4], MOVIE_LABELS)} == {"genres", "year"}


@pytest.mark.parametrize(
    ("price", "is_usual"), [(10.0, False), (20.0, True), (35.0, True), (50.0, True), (51.0, False), (500.0, False)]
)
def test_a_price_is_usual_only_inside_the_history_s_range(price: float, is_usual: bool) -> None:
    history = [lamp(f"h{n}", f"Lamp {n}", price=float(p)) for n, p in enumerate((5, 20, 30, 40, 50, 400))]
    claims = range_claims(lamp("x", "Lamp X", price=price), history, LABELS)
    assert bool(claims) is is_usual
    assert not is_usual or claims[0].text == f"it costs {price:g}, within the 20 to 50 usual for you"


def test_two_prices_are_no_usual_range() -> None:
    assert not range_claims(RED, [STRIPED, WOODEN], LABELS)


@pytest.mark.parametrize(
    ("operator", "value", "holds"),
    [("<", 40, 1), ("<", 35, 0), ("<=", 35, 1), (">", 35, 0), (">=", 35, 1), ("=", 35, 1), ("!=", 35, 0)],
)
def test_constraints_hold_as_numbers_compare(operator: str, value: float, holds: int) -> None:
    wish = Predicate(attribute="price", operator=operator, value=float(value))  # type: ignore[arg-type]
    assert wish.holds(RED) == holds
    assert bool(constraint_claims(RED, [wish], LABELS)) is (holds == 1 and operator != "!=")


def test_constraints_look_into_several_values_and_ignore_case() -> None:
    comedy = Predicate(attribute="genres", operator="=", value="comedy")
    assert [comedy.holds(movie) for movie in MOVIES] == [True, True, False, True, False]
    assert constraint_claims(MOVIES[1], [comedy], MOVIE_LABELS)[0].text == "it is a comedy, as you asked"
    assert not Predicate(attribute="material", operator="=", value="wood").holds(RED)
    assert Predicate(attribute="material", operator="!=", value="wood").holds(RED)


def test_a_met_bound_is_said_with_the_asked_number() -> None:
    claims = constraint_claims(RED, [Predicate(attribute="price", operator="<", value=40.0)], LABELS)
    assert claims[0].text == "it costs 35, under your 40"


def test_a_wish_that_cannot_be_compared_is_no_reason() -> None:
    wishes = [Predicate(attribute=name, operator="<", value=3.0) for name in ("brand", "weight")]
    assert constraint_claims(RED, [*wishes, Predicate(attribute="price", operator="=", value="cheap")], LABELS) == []


def test_items_without_a_title_are_named_by_their_ids() -> None:
    bare, plain = Item(item_id="7"), Item(item_id="8", attributes={"color": "red"})
    assert neighbor_claim(bare, 3).text == "it was chosen by 3 people after item 7"
    assert similar_claim(Item(item_id="9"), bare).text == "it is close to item 7 in what people choose it with"
    assert similar_claim(RED, plain).text == "it is close to item 8"
    assert [claim.text for claim in history_claims(RED, plain, LABELS)] == ["it is red, like item 8"]
    said = candidate_claims(Item(item_id="9"), [bare], LABELS, num_chosen_after={"7": 3}, similar=["7"], num_people=5)
    assert {claim.attribute for claim in said} == {CO_CHOSEN, SIMILAR, POPULARITY}
