import numpy as np
import pytest

from genrec.errors import ShapeError, UnknownUser
from genrec.schema import Column, Interactions, coded_texts, text_codes

USERS = [*"vuvuwu"]
ITEMS = [*"abcdab"]


def names_of(interactions: Interactions) -> list[tuple[str, str, int]]:
    columns = (interactions.user_ids, interactions.item_ids, interactions.timestamps)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_events_are_sorted_by_first_appearance_of_the_user_then_time() -> None:
    interactions = Interactions.sort(user_ids=USERS, item_ids=ITEMS, timestamps=[9, 8, 7, 6, 5, 6])
    assert names_of(interactions) == [
        *[("v", "c", 7), ("v", "a", 9), ("u", "d", 6), ("u", "b", 6), ("u", "b", 8), ("w", "a", 5)]
    ]
    assert interactions.feedback.tolist() == [1] * 6
    assert interactions.weights.tolist() == [1] * 6


def test_columns_of_texts_sort_as_the_texts_do() -> None:
    rng = np.random.default_rng(0)
    users = [f"u{number}" for number in rng.integers(0, 9, 200)]
    items = [f"i{number}" for number in rng.integers(0, 30, 200)]
    rest = {"timestamps": rng.integers(0, 50, 200), "feedback": rng.integers(-1, 2, 200), "weights": rng.random(200)}
    plain = Interactions.sort(user_ids=users, item_ids=items, kinds=items, **rest)
    names = tuple(sorted(set(users)))  # codes in another order than the users appear in
    coded_users = Column(names, np.array([names.index(user) for user in users]))
    coded = Interactions.sort(user_ids=coded_users, item_ids=Column.of(items), kinds=Column.of(items), **rest)
    for name in ("user_ids", "item_ids", "timestamps", "kinds", "feedback", "weights"):
        np.testing.assert_array_equal(getattr(coded, name), getattr(plain, name))
        assert getattr(coded, name).dtype == getattr(plain, name).dtype


def test_milliseconds_order_events_within_a_second_and_seconds_are_kept() -> None:
    interactions = Interactions.sort(user_ids=["u"] * 3, item_ids=[*"abc"], timestamps_ms=np.array([5_900, 5_100, -1]))
    assert names_of(interactions) == [("u", "c", -1), ("u", "b", 5), ("u", "a", 5)]


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(ShapeError, match="feedback has 1 rows, user_ids has 2"):
        Interactions.sort(user_ids=["u", "u"], item_ids=["a", "b"], feedback=[1])


def test_histories_are_of_positive_events_and_aversions_of_negative_ones() -> None:
    interactions = Interactions.sort(
        user_ids=["u", "u", "u", "v", "w"], item_ids=["a", "b", "c", "a", "b"], feedback=[1, 0, -1, -1, 1]
    )
    assert interactions.histories() == {"u": ("a",), "w": ("b",)}
    assert interactions.aversions() == {"u": ("c",), "v": ("a",)}
    assert [interactions.history(user) for user in "uv"] == [("a",), ()]
    assert [interactions.aversion(user) for user in "uw"] == [("c",), ()]
    for ask in (interactions.history, interactions.aversion):
        with pytest.raises(UnknownUser):
            ask("nobody")


def test_the_latest_judgment_of_a_user_and_an_item_counts() -> None:
    interactions = Interactions.sort(
        user_ids=["u"] * 6 + ["v"], item_ids=[*"aabbcc", "a"], feedback=[1, -1, -1, 1, 1, 0, 1]
    )
    assert interactions.histories() == {"u": ("b", "c"), "v": ("a",)}
    assert interactions.aversions() == {"u": ("a",)}


def test_the_positives_of_positive_events_are_the_same_events() -> None:
    interactions = Interactions.sort(user_ids=USERS, item_ids=ITEMS)
    assert interactions.positives() is interactions


def test_equal_texts_have_one_code_whether_they_are_one_object_or_several() -> None:
    texts = ["b", "".join(["a", "b"]), "ab", "b", "".join(["a", "b"])]
    coded = coded_texts(texts)
    assert coded.values == ("b", "ab")
    assert coded.places_N.tolist() == [0, 1, 1, 0, 1]
    assert text_codes(np.array(texts, dtype=object)[::2]).tolist() == [0, 1, 1]  # a view of every second
    assert coded_texts([]).values == ()
