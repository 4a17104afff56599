"""Draws what an explanation has to say, of every kind that a recommendation can give, to practice the wording.

Wishes, followers, likeness and popularity are made up: what is practiced is to say the claims given, whatever they are.
Knows items and claims; knows nothing of models.
"""

from collections.abc import Sequence

import numpy as np

from genrec.claims.claims import Claim, candidate_claims
from genrec.claims.merging import merge_by_source
from genrec.data.filters import BOUNDS, Predicate
from genrec.data.labels import Labels
from genrec.schema import Item

MAX_CLAIMS = 3
UNKNOWN_SHARE = 0.25  # of those who are given reasons have no history: facts and wishes are all there is to say
_WISH_SHARE = 0.1  # how many of an item's texts are wished for; likewise the shares below
_FOLLOWED_SHARE, _SIMILAR_SHARE, _POPULAR_SHARE = 0.4, 0.3, 0.4
_BOUND_SHARE = 0.3  # how many of its numbers are bounded


def draw_claims(
    item: Item, history: Sequence[Item], labels: Labels, rng: np.random.Generator, *, wishes: Sequence[Predicate] = ()
) -> list[Claim]:
    """One to three claims for an item, those about one history item merged; empty when nothing can be said of it."""
    followed = {past.item_id: int(rng.integers(1, 200)) for past in history if rng.random() < _FOLLOWED_SHARE}
    claims = candidate_claims(
        item,
        history,
        labels,
        num_chosen_after=followed,
        similar=[past.item_id for past in history if rng.random() < _SIMILAR_SHARE],
        num_people=int(rng.integers(500)) if rng.random() < _POPULAR_SHARE else 0,
        constraints=wishes,
    )
    about_others = [claim for claim in claims if claim.source_title]
    pool = about_others if about_others and rng.random() < 0.5 else claims
    count = min(len(pool), int(rng.integers(1, MAX_CLAIMS + 1)))
    chosen = [pool[i] for i in rng.choice(len(pool), count, replace=False)]
    if len(chosen) > 1 and rng.random() < 0.5:  # of one history item, so that several merge
        source = next((claim.source for claim in chosen if claim.kind == "history"), "")
        chosen = [c for c in pool if c.kind == "history" and c.source == source][:MAX_CLAIMS] or chosen
    wish = next((claim for claim in claims if claim.kind == "constraint"), None)
    if wish:  # one that was stated is always answered, once
        others = [claim for claim in chosen if claim.kind != wish.kind and claim.attribute != wish.attribute]
        chosen = [*others[: MAX_CLAIMS - 1], wish]
    return merge_by_source(chosen)


def draw_wishes(item: Item, rng: np.random.Generator) -> list[Predicate]:
    """Wishes that the item meets: its own texts, and bounds that people would name a little away from its numbers."""
    wishes = []
    for name, value in item.attributes.items():
        share = _BOUND_SHARE if isinstance(value, float | int) else _WISH_SHARE
        if isinstance(value, bool) or rng.random() > share:
            continue
        if isinstance(value, tuple):
            value = value[int(rng.integers(len(value)))] if value else ""
        if isinstance(value, str):
            wishes.append(Predicate(attribute=name, operator="=", value=value))
            continue
        operator, away = BOUNDS[int(rng.integers(len(BOUNDS)))], int(rng.integers(20))
        away += operator in ("<", ">")
        bound = np.ceil(value) + away if operator in ("<", "<=") else np.floor(value) - away
        wishes.append(Predicate(attribute=name, operator=operator, value=float(bound)))
    return wishes
