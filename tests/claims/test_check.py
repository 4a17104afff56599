"""What no claim backs is caught."""

import numpy as np
import pytest
from claim_items import LABELS, RED, SHOP, STRIPED, lamp

from genrec.claims.check import NO_CLAIM, Vocabulary, check_text, is_garbled
from genrec.claims.claims import attribute_claims, candidate_claims, constraint_claims, history_claims
from genrec.claims.template import phrase
from genrec.data.filters import Predicate


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
        ("It is red, just like it.", "just like"),
        ("It is red, the same as it.", "the same as"),
        ("It is red, the same as, like Popsy Mug.", "the same as"),
        ("It is red, as with you.", "as with"),
        ("It is red, like.", "like"),
        ("It is red, like Popsy Mug....", "...."),
        ("It is red, like Popsy Mug, and …", "…"),
        ("It is red, like Popsy Mug. It also was.", "was."),
        ("We picked it is red, like Popsy Mug.", "picked it is"),
        ("It is red, like Popsy Mug", "x"),
        ("This one suits you.", NO_CLAIM),
        ("", NO_CLAIM),
    ],
)
def test_what_no_claim_backs_is_caught(text: str, wrong: str) -> None:
    assert wrong in check_text(text, RED, history_claims(RED, STRIPED, LABELS), SHOP)


def test_who_chose_nothing_is_told_of_no_choices() -> None:
    facts = [claim for claim in candidate_claims(RED, (), LABELS) if claim.attribute == "color"]
    assert check_text("A good match for you, since it is red.", RED, facts, SHOP) == ()
    assert "chose" in check_text("This goes with what you chose: it is red.", RED, facts, SHOP)
    related = history_claims(RED, STRIPED, LABELS)
    assert check_text("This goes with what you chose: it is red, like Popsy Mug.", RED, related, SHOP) == ()
    assert not any("chose" in phrase(RED, facts, np.random.default_rng(seed)) for seed in range(200))


def test_values_cannot_move_to_another_source() -> None:
    one = lamp("x", "Item X", color="red", style="retro")
    claims = history_claims(one, lamp("p", "Past P", color="red"), LABELS) + history_claims(
        one, lamp("q", "Past Q", style="retro"), LABELS
    )
    vocabulary = Vocabulary.of([one])
    assert check_text("It is red, like Past P, and has a retro style, like Past Q.", one, claims, vocabulary) == ()
    assert check_text("Like Past P, it is red and like Past Q, it has a retro style.", one, claims, vocabulary) == ()
    assert check_text("It is red, like Past Q, and has a retro style, like Past P.", one, claims, vocabulary)
    assert check_text("It is red and has a retro style, like Past P.", one, claims, vocabulary)


def test_the_item_s_own_title_is_free() -> None:
    assert check_text("Nordic Lamp is red, like Popsy Mug.", RED, history_claims(RED, STRIPED, LABELS), SHOP) == ()


def test_a_value_cannot_move_to_another_attribute() -> None:
    chair = lamp("x", "Item X", color="red", accent="black")
    claims = attribute_claims(chair, LABELS)
    vocabulary = Vocabulary.of([chair])
    assert check_text("It is red and has a black accent.", chair, claims, vocabulary) == ()
    assert "is red accent" in check_text("It is red accent.", chair, claims, vocabulary)
    assert check_text("It has a red accent and is black.", chair, claims, vocabulary)
    wish = constraint_claims(chair, [Predicate(attribute="color", operator="=", value="red")], LABELS)
    assert check_text("It is red, as with you asked.", chair, wish, vocabulary)
    assert check_text("It is red, at you.", chair, claims, vocabulary)


def test_only_what_was_asked_is_said_to_be_asked() -> None:
    chair = lamp("x", "Item X", color="red", accent="black")
    wish = constraint_claims(chair, [Predicate(attribute="color", operator="=", value="red")], LABELS)
    claims = [*wish, *(claim for claim in attribute_claims(chair, LABELS) if claim.attribute == "accent")]
    vocabulary = Vocabulary.of([chair])
    assert check_text("It is red, as you asked, and has a black accent.", chair, claims, vocabulary) == ()
    assert check_text("It has a black accent and is red, as you asked.", chair, claims, vocabulary) == ()
    assert "as you asked" in check_text("It is red and has a black accent, as you asked.", chair, claims, vocabulary)
    assert "as you asked" in check_text("It is red, as you, as you asked.", chair, claims, vocabulary)


def test_a_likeness_to_a_title_passes() -> None:
    claims = history_claims(RED, STRIPED, LABELS)
    for likeness in ("like", "just like", "the same as", "as with"):
        assert check_text(f"You may like it because it is red, {likeness} Popsy Mug.", RED, claims, SHOP) == ()


def test_dots_of_a_title_are_no_garble() -> None:
    past = lamp("p", "When Harry Met Sally... (1989)", color="red")
    claims = history_claims(RED, past, LABELS)
    assert check_text(f"It is red, like {past.title}.", RED, claims, Vocabulary.of([RED, past])) == ()
    assert is_garbled("Red, like ....")
    assert is_garbled("…....")
    assert is_garbled("red red, like Popsy Mug")
    assert not is_garbled(f"Red, like {past.title}", [past.title])
