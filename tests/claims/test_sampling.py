"""What is drawn to be said covers every kind of claim, and what is made up about an item never contradicts it."""

from typing import get_args

import numpy as np

from genrec.claims.claims import ROLES, ClaimKind
from genrec.claims.sampling import MAX_CLAIMS, draw_claims, draw_wishes
from genrec.claims.template import phrase
from genrec.data.labels import Labels
from genrec.schema import Item

ITEM = Item(item_id="i", title="Oslo Lamp", attributes={"color": "red", "price": 79.5, "tags": ("warm", "low")})
PAST = [Item(item_id=f"p{n}", title=f"Past {n}", attributes={"color": "red", "price": 60.0 + 10 * n}) for n in range(5)]

LABELS = Labels.of([ITEM, *PAST])


def test_every_kind_of_reason_is_practiced() -> None:
    rng = np.random.default_rng(1)
    drawn = [draw_claims(ITEM, PAST, LABELS, rng, wishes=draw_wishes(ITEM, rng)) for _ in range(400)]
    assert {c.kind for claims in drawn for c in claims} == set(get_args(ClaimKind)) == set(ROLES)
    texts = {c.text for claims in drawn for c in claims if c.kind == "constraint"}
    assert {"it is red, as you asked", "it has the tag warm, as you asked"} <= texts
    assert all(any(f", {words} your" in text for text in texts) for words in ("under", "at most", "over", "at least"))
    assert all(1 <= len(claims) <= MAX_CLAIMS and phrase(ITEM, claims, rng) for claims in drawn)


def test_an_attribute_that_answers_a_wish_is_said_once() -> None:
    rng = np.random.default_rng(2)
    for claims in (draw_claims(ITEM, PAST, LABELS, rng, wishes=draw_wishes(ITEM, rng)) for _ in range(300)):
        wished = [c.attribute for c in claims if c.kind == "constraint"]
        assert len(wished) <= 1
        assert not any(c.attribute in wished for c in claims if c.kind != "constraint")


def test_wishes_are_met_by_their_item() -> None:
    rng = np.random.default_rng(3)
    wishes = [wish for _ in range(300) for wish in draw_wishes(ITEM, rng)]
    assert {wish.operator for wish in wishes} == {"=", "<", "<=", ">", ">="}
    assert all(wish.holds(ITEM) for wish in wishes)


def test_nothing_is_drawn_for_an_item_of_which_nothing_is_known() -> None:
    assert draw_claims(Item(item_id="i", title="", attributes={}), [], LABELS, np.random.default_rng(4)) == []
