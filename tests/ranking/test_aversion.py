"""Aversion on a made world in which people hate a color, which is nothing that any code knows of."""

import numpy as np
import pytest

from genrec.ranking.aversion import Aversion, fit_aversion, learn_aversion
from genrec.ranking.traits import ItemTraits
from genrec.schema import Catalog, Item

COLORS, KINDS = ("red", "blue", "green", "white", "black"), ("vase", "lamp", "chair", "clock")
NUM_ITEMS = 200


def look(row: int) -> tuple[str, str]:
    return COLORS[row % len(COLORS)], KINDS[row // len(COLORS) % len(KINDS)]


def item(row: int, *, in_words: bool) -> Item:
    color, kind = look(row)
    if in_words:
        return Item(item_id=f"i{row}", title=f"{kind} no. {row}", text=f"It comes in {color}.")
    return Item(item_id=f"i{row}", title=f"no. {row}", attributes={"color": color, "kind": kind})


def traits(*, in_words: bool = False) -> ItemTraits:
    items = tuple(item(row, in_words=in_words) for row in range(NUM_ITEMS))
    vectors = np.random.default_rng(0).normal(size=(NUM_ITEMS, 16)).astype(np.float32)
    return ItemTraits(Catalog(items=items), vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def people(num_people: int = 60, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """What each likes and dislikes of 20 items that they meet by chance."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(num_people):
        met, hated = rng.choice(NUM_ITEMS, 20, replace=False), rng.integers(len(COLORS))
        found.append((met[met % len(COLORS) != hated], met[met % len(COLORS) == hated]))
    return found


def rows_of(color: str) -> np.ndarray:
    return np.flatnonzero([look(row)[0] == color for row in range(NUM_ITEMS)])


@pytest.mark.parametrize("in_words", [False, True])
def test_what_has_the_hated_value_is_told_from_what_has_not(in_words: bool) -> None:
    made = traits(in_words=in_words)
    weights = fit_aversion(made, people())
    assert weights is not None
    assert (weights.word if in_words else weights.value) > 1
    aversion = Aversion(made, weights)
    for liked, disliked in people(20, seed=1):
        if len(disliked) < 2:
            continue
        nats = aversion.log_liked(np.arange(NUM_ITEMS), liked, disliked)
        is_hated = np.arange(NUM_ITEMS) % len(COLORS) == disliked[0] % len(COLORS)
        assert nats[is_hated].max() < nats[~is_hated].min()
        assert np.median(nats[~is_hated]) > -0.3
        assert nats[is_hated].max() < -1


def test_the_usual_coefficients_push_away_where_none_could_be_fitted() -> None:
    liked, disliked = np.array([1, 2, 3, 6, 7, 8]), rows_of("red")[:3]  # three red items of several kinds
    nats = Aversion(traits()).log_liked(np.arange(NUM_ITEMS), liked, disliked)
    assert np.median(nats[rows_of("red")[3:]]) < -0.8
    assert np.median(nats[rows_of("green")]) > -0.2


def test_what_is_liked_as_well_is_no_reason() -> None:
    made, disliked = traits(), rows_of("red")[:3]
    aversion, rest = Aversion(made), rows_of("red")[8:]
    without = aversion.log_liked(rest, rows_of("blue")[:6], disliked)
    with_red = aversion.log_liked(rest, np.r_[rows_of("blue")[:6], rows_of("red")[3:8]], disliked)
    assert (with_red > without).all()


def test_nats_of_some_items_are_those_among_all() -> None:
    aversion, (liked, disliked) = Aversion(traits()), people(1)[0]
    every = aversion.log_liked(np.arange(NUM_ITEMS), liked, disliked)
    np.testing.assert_allclose(aversion.log_liked(np.array([5, 3]), liked, disliked), every[[5, 3]])
    assert (every <= 0).all()


def test_the_judgment_of_an_item_does_not_tell_of_itself() -> None:
    aversion, liked, disliked = Aversion(traits()), np.array([1, 2]), np.array([0, 3])
    of_judged = aversion.log_liked(np.array([0]), liked, disliked)
    np.testing.assert_allclose(of_judged, aversion.log_liked(np.array([0]), liked, np.array([3])))


def test_dislikes_with_nothing_in_common_push_nothing_away() -> None:
    rng = np.random.default_rng(0)
    chance = [(met[:15], met[15:]) for met in (rng.choice(NUM_ITEMS, 20, replace=False) for _ in range(200))]
    made = traits()
    weights = fit_aversion(made, chance)
    assert weights is not None
    nats = Aversion(made, weights).log_liked(np.arange(NUM_ITEMS), *chance[0])
    assert np.ptp(nats) < 0.3


def test_of_too_few_dislikes_nothing_is_fitted() -> None:
    assert fit_aversion(traits(), people(3)) is None
    assert fit_aversion(traits(), []) is None


def test_no_coefficient_speaks_for_what_is_disliked() -> None:
    turned = [(disliked, liked) for liked, disliked in people()]  # of most values all are disliked
    weights = fit_aversion(traits(), turned)
    assert weights is not None
    assert min(weights.value, weights.word, weights.likeness) >= 0


def test_people_are_known_by_what_they_liked_and_disliked() -> None:
    made, some = traits(), people()
    catalog = Catalog(items=tuple(item(row, in_words=False) for row in range(NUM_ITEMS)))
    liked, disliked = (
        {f"u{user}": [f"i{row}" for row in judged[side]] for user, judged in enumerate(some)} for side in (0, 1)
    )
    assert learn_aversion(catalog, made.vectors_ND, liked, disliked) == fit_aversion(made, some)
    assert learn_aversion(catalog, made.vectors_ND, liked, {}) is None
