"""What is said of an item is true of it, and what is not claimed is caught."""

from collections.abc import Sequence

import numpy as np
import pytest

from genrec.claims.check import NO_CLAIM, Vocabulary, check_text
from genrec.claims.claims import (
    Claim,
    attribute_claims,
    candidate_claims,
    constraint_claims,
    history_claims,
    range_claims,
)
from genrec.claims.template import phrase
from genrec.claims.wording import say_attribute, say_value
from genrec.data.filters import Predicate
from genrec.schema import Item
from genrec.shop.vocabulary import sample_attributes


def lamp(item_id: str, title: str, **attributes: str | float | bool | tuple[str, ...]) -> Item:
    return Item(item_id=item_id, title=title, attributes=attributes)


RED = lamp("a", "Nordic Lamp", category="lamp", color="red", brand="Oak & Fable", price=35.0)
STRIPED = lamp("b", "Popsy Mug", category="mug", color="red", pattern="striped", price=12.5)
WOODEN = lamp("c", "Halden Chair", category="chair", color="blue", material="wood", price=99.0)
SHOP = Vocabulary.of([RED, STRIPED, WOODEN])


def shop_items(num_items: int) -> list[Item]:
    rng = np.random.default_rng(3)
    looks = [sample_attributes(rng) for _ in range(num_items)]
    return [
        Item(item_id=f"i{n}", title=f"{look['brand']} {look['pattern']} {look['category']} {n % 31}", attributes=look)
        for n, look in enumerate(looks)
    ]


Values = tuple[str, ...]


def movie(item_id: str, title: str, genres: Values, year: float, **more: str) -> Item:
    return Item(item_id=item_id, title=title, attributes={"genres": genres, "year": year, **more})


MOVIES = [
    movie("1", "Toy Story (1995)", ("Animation", "Children's", "Comedy"), 1995.0),
    movie("2", "M*A*S*H (1970)", ("Comedy", "War"), 1970.0),
    movie("3", "Dr. Strangelove (1963)", ("Sci-Fi", "War"), 1963.0),
    movie("4", "It Happened One Night (1934)", ("Comedy",), 1934.0, imdb_id="tt1"),
    movie("5", "Antz (1998)", ("Animation", "Children's"), 1998.0, plot="x" * 80),
]


def claim_of(claims: Sequence[Claim], attribute: str, source: str | None = None) -> Claim:
    return next(c for c in claims if c.attribute == attribute and source in (None, c.source))


def test_shared_values_become_history_claims_that_name_their_source() -> None:
    claims = history_claims(RED, STRIPED)
    assert [(c.attribute, c.value, c.source, c.text) for c in claims] == [
        ("color", "red", "b", "it is red, like Popsy Mug")
    ]


def test_several_values_share_only_what_both_have() -> None:
    claim = claim_of(history_claims(MOVIES[0], MOVIES[4]), "genres")
    assert claim.value == ("Animation", "Children's")
    assert claim.text == "it has the genres Animation and Children's, like Antz (1998)"
    assert (
        claim_of(history_claims(MOVIES[0], MOVIES[1]), "genres").text == "it has the genre Comedy, like M*A*S*H (1970)"
    )


def test_free_text_and_identifiers_are_never_claimed() -> None:
    assert {c.attribute for c in attribute_claims(MOVIES[3])} == {"genres", "year"}
    assert {c.attribute for c in attribute_claims(MOVIES[4])} == {"genres", "year"}


@pytest.mark.parametrize(
    ("price", "is_usual"), [(10.0, False), (20.0, True), (35.0, True), (50.0, True), (51.0, False), (500.0, False)]
)
def test_a_price_is_usual_only_inside_the_history_s_range(price: float, is_usual: bool) -> None:
    history = [lamp(f"h{n}", f"Lamp {n}", price=float(p)) for n, p in enumerate((5, 20, 30, 40, 50, 400))]
    claims = range_claims(lamp("x", "Lamp X", price=price), history)
    assert bool(claims) is is_usual
    assert not is_usual or claims[0].text == f"it costs {price:g}, within the 20 to 50 usual for you"


def test_two_prices_are_no_usual_range() -> None:
    assert not range_claims(RED, [STRIPED, WOODEN])


@pytest.mark.parametrize(
    ("operator", "value", "holds"),
    [("<", 40, 1), ("<", 35, 0), ("<=", 35, 1), (">", 35, 0), (">=", 35, 1), ("=", 35, 1), ("!=", 35, 0)],
)
def test_constraints_hold_as_numbers_compare(operator: str, value: float, holds: int) -> None:
    wish = Predicate(attribute="price", operator=operator, value=float(value))  # type: ignore[arg-type]
    assert wish.holds(RED) == holds
    assert bool(constraint_claims(RED, [wish])) is (holds == 1 and operator != "!=")


def test_constraints_look_into_several_values_and_ignore_case() -> None:
    comedy = Predicate(attribute="genres", operator="=", value="comedy")
    assert [comedy.holds(movie) for movie in MOVIES] == [True, True, False, True, False]
    assert constraint_claims(MOVIES[1], [comedy])[0].text == "it has the genre Comedy, as you asked"
    assert not Predicate(attribute="material", operator="=", value="wood").holds(RED)
    assert Predicate(attribute="material", operator="!=", value="wood").holds(RED)


def test_a_met_bound_is_said_with_the_asked_number() -> None:
    claims = constraint_claims(RED, [Predicate(attribute="price", operator="<", value=40.0)])
    assert claims[0].text == "it costs 35, under your 40"


def test_a_wish_that_cannot_be_compared_is_no_reason() -> None:
    wishes = [Predicate(attribute=name, operator="<", value=3.0) for name in ("brand", "weight")]
    assert constraint_claims(RED, [*wishes, Predicate(attribute="price", operator="=", value="cheap")]) == []


def test_attributes_read_as_english() -> None:
    assert say_attribute("category", "umbrella") == "is an umbrella"
    assert say_attribute("style", "elegant") == "has an elegant style"
    assert say_attribute("perceived_color_name", "Dark Blue") == "has the perceived color name Dark Blue"
    assert say_attribute("is_vegan", True) == say_attribute("vegan", True) == "is vegan"


def test_phrases_are_deterministic_and_varied() -> None:
    claims = history_claims(RED, STRIPED)
    said = [phrase(RED, claims, np.random.default_rng(seed)) for seed in range(200)]
    assert said == [phrase(RED, claims, np.random.default_rng(seed)) for seed in range(200)]
    assert len(set(said)) >= 12


@pytest.mark.parametrize("catalog", [shop_items(60), MOVIES], ids=["shop", "movies"])
def test_every_phrase_passes_the_check_and_says_every_claim(catalog: list[Item]) -> None:
    rng = np.random.default_rng(5)
    vocabulary = Vocabulary.of(catalog)
    for _ in range(300):
        item, *history = [catalog[n] for n in rng.choice(len(catalog), 5, replace=False)]
        candidates = candidate_claims(
            item,
            history,
            num_chosen_after={history[0].item_id: int(rng.integers(1, 30))},
            similar=[history[1].item_id],
            num_people=7,
            constraints=[Predicate(attribute="price", operator="<", value=60.0)],
        )
        claims = [candidates[n] for n in rng.choice(len(candidates), 3, replace=False)]
        text = phrase(item, claims, rng)
        assert check_text(text, item, claims, vocabulary) == (), text
        for left in claims:
            others = [c for c in claims if c is not left]
            values = left.value if isinstance(left.value, tuple) else (say_value(left.value),)
            is_said = all(any(left.source_title in c.text and v in c.text for c in others) for v in values)
            assert is_said or check_text(text, item, others, vocabulary), (text, left)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("It is blue, like Popsy Mug.", "blue"),
        ("It is red, like Halden Chair.", "halden chair"),
        ("It is red, like Popsy Mug, and costs 20.", "20"),
        ("It is red and striped, like Popsy Mug.", "striped"),
        ("It is red, like Popsy Mug, and made of wood.", "wood"),
        ("It is red, like Popsy Mug, and waterproof.", "waterproof"),
        ("It is not red, like Popsy Mug.", "not"),
        ("It has a red, like Popsy Mug.", "has a red"),
        ("It is is red, like Popsy Mug.", "it is is"),
        ("It is red, like Popsy Mug, and is red, like Popsy Mug.", "red (again)"),
        ("It is red,), like Popsy Mug.", ",)"),
        ("It is red, like Popsy Mug,.", ",."),
        ("It is red, like Popsy Mug (", "("),
        ("It is red, as you, like Popsy Mug.", "as you,"),
        ("It is red, A, like Popsy Mug.", "A,"),
        ("It is red, like Popsy Mug, and", "and"),
        ("This one suits you.", NO_CLAIM),
        ("", NO_CLAIM),
    ],
)
def test_what_no_claim_backs_is_caught(text: str, wrong: str) -> None:
    assert wrong in check_text(text, RED, history_claims(RED, STRIPED), SHOP)


def test_who_chose_nothing_is_told_of_no_choices() -> None:
    facts = [claim for claim in candidate_claims(RED, ()) if claim.attribute == "color"]
    assert check_text("A good match for you, since it is red.", RED, facts, SHOP) == ()
    assert "chose" in check_text("This goes with what you chose: it is red.", RED, facts, SHOP)
    related = history_claims(RED, STRIPED)
    assert check_text("This goes with what you chose: it is red, like Popsy Mug.", RED, related, SHOP) == ()
    assert not any("chose" in phrase(RED, facts, np.random.default_rng(seed)) for seed in range(200))


def test_values_cannot_move_to_another_source() -> None:
    one = lamp("x", "Item X", color="red", style="retro")
    claims = history_claims(one, lamp("p", "Past P", color="red")) + history_claims(
        one, lamp("q", "Past Q", style="retro")
    )
    vocabulary = Vocabulary.of([one])
    assert check_text("It is red, like Past P, and has a retro style, like Past Q.", one, claims, vocabulary) == ()
    assert check_text("Like Past P, it is red and like Past Q, it has a retro style.", one, claims, vocabulary) == ()
    assert check_text("It is red, like Past Q, and has a retro style, like Past P.", one, claims, vocabulary)
    assert check_text("It is red and has a retro style, like Past P.", one, claims, vocabulary)


def test_the_item_s_own_title_is_free() -> None:
    assert check_text("Nordic Lamp is red, like Popsy Mug.", RED, history_claims(RED, STRIPED), SHOP) == ()


def test_a_value_cannot_move_to_another_attribute() -> None:
    chair = lamp("x", "Item X", color="red", accent="black")
    claims = attribute_claims(chair)
    vocabulary = Vocabulary.of([chair])
    assert check_text("It is red and has a black accent.", chair, claims, vocabulary) == ()
    assert "is red accent" in check_text("It is red accent.", chair, claims, vocabulary)
    assert check_text("It has a red accent and is black.", chair, claims, vocabulary)
    wish = constraint_claims(chair, [Predicate(attribute="color", operator="=", value="red")])
    assert check_text("It is red, as with you asked.", chair, wish, vocabulary)
    assert check_text("It is red, at you.", chair, claims, vocabulary)


def test_only_what_was_asked_is_said_to_be_asked() -> None:
    chair = lamp("x", "Item X", color="red", accent="black")
    wish = constraint_claims(chair, [Predicate(attribute="color", operator="=", value="red")])
    claims = [*wish, *(claim for claim in attribute_claims(chair) if claim.attribute == "accent")]
    vocabulary = Vocabulary.of([chair])
    assert check_text("It is red, as you asked, and has a black accent.", chair, claims, vocabulary) == ()
    assert check_text("It has a black accent and is red, as you asked.", chair, claims, vocabulary) == ()
    assert "as you asked" in check_text("It is red and has a black accent, as you asked.", chair, claims, vocabulary)
    assert "as you asked" in check_text("It is red, as you, as you asked.", chair, claims, vocabulary)
