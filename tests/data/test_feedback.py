import numpy as np
import pytest

from genrec.data.feedback import EventColumns, judge, scheme_of
from genrec.data.feedback.kinds import meaning_of
from genrec.errors import FilterError, SourceError
from genrec.schema import Column


def columns(*, users=None, items=None, kinds=None, others=None, **numbers) -> EventColumns:
    """Events of one person with different items, but for what is given; None is missing."""
    given = {name: np.array(column, dtype=np.float32) for name, column in numbers.items()}  # None becomes NaN
    num_events = len(kinds or next(iter(given.values())))
    return EventColumns(
        users=np.array(users if users is not None else [0] * num_events),
        items=np.array(items if items is not None else range(num_events)),
        kinds=None if kinds is None else Column.of(kinds),
        others={name: Column.of(column) for name, column in (others or {}).items()},
        **given,
    )


def signs(events: EventColumns, *conditions: str) -> list[int]:
    return judge(events, *conditions).feedback.tolist()


@pytest.mark.parametrize(
    ("ratings", "expected", "scale"),
    [
        ([1, 2, 3, 4, 5], [-1, -1, 0, 1, 1], "1 to 5"),
        ([0.5, 2, 2.5, 3.5, 4, 5], [-1, -1, 0, 0, 1, 1], "0.5 to 5"),
        ([1, 4, 5, 7, 8, 10], [-1, -1, 0, 0, 1, 1], "1 to 10"),
        ([0, 3, 4, 6.5, 7, 10], [-1, -1, 0, 0, 1, 1], "0 to 10"),
        ([0, 34, 50, 70, 100], [-1, -1, 0, 1, 1], "0 to 100"),
        ([0, 1, 1], [-1, 1, 1], "0 to 1"),
        ([-1, 0, 1], [-1, 0, 1], "-1 to 1"),
        ([2, 4], [-1, 1], "1 to 5"),
        ([-10, 0.5, 9.5], [-1, 0, 1], "-10 to 10"),
    ],
)
def test_ratings_are_judged_on_the_scale_that_they_lie_on(ratings, expected, scale) -> None:
    judged = judge(columns(ratings=ratings))
    assert judged.feedback.tolist() == expected
    assert f"on a scale of {scale})" in judged.scheme


def test_many_ratings_of_which_none_is_high_lie_on_a_shorter_scale() -> None:
    assert signs(columns(ratings=[1, 2, 3])) == [-1, -1, 0]
    assert signs(columns(ratings=[1, 2, 3] * 20)) == [-1, 0, 1] * 20


def test_a_rating_of_one_value_tells_nothing() -> None:
    judged = judge(columns(ratings=[1, 1, 1]))
    assert judged.feedback.tolist() == [1, 1, 1]
    assert judged.notes == ("every rating is 1, which tells nothing of taste",)
    assert signs(columns(ratings=[1, 1, 1], kinds=["like", "dislike", "like"])) == [1, -1, 1]


def test_missing_ratings_are_positive_and_counted() -> None:
    judged = judge(columns(ratings=[1, None, 5]))
    assert judged.feedback.tolist() == [-1, 1, 1]
    assert judged.notes == ("1 events have no rating",)


@pytest.mark.parametrize("ratings", [[-1, 1, 7, 10], [0, 0, 3, 10]])
def test_a_rating_apart_from_the_scale_is_none(ratings) -> None:
    judged = judge(columns(ratings=ratings))
    assert judged.feedback.tolist()[0] == 1
    assert any("lies apart" in note for note in judged.notes)


def test_the_strength_of_a_rating_is_relative_to_the_own_mean() -> None:
    judged = judge(columns(users=[0, 0, 1, 1, 1], ratings=[5, 5, 5, 1, 1]))
    generous, strict = judged.weights[0], judged.weights[2]
    assert generous == 1 < strict <= 2
    assert judged.weights[3] > 1  # as surely disliked as it lies below the mean
    assert (judged.weights > 0).all()


def test_counts_are_amounts_and_never_negative() -> None:
    judged = judge(columns(ratings=[1, 2, 1, 3, 200]))
    assert judged.feedback.tolist() == [1] * 5
    assert judged.weights[0] < 1 < judged.weights[4]
    assert signs(columns(amounts=[0, 3, None])) == [0, 1, 1]
    assert signs(columns(ratings=[1, 1, 2, 1, 37])) == [1] * 5  # plays, though below 100


@pytest.mark.parametrize(
    ("kinds", "sign"),
    [
        (("purchase", "Buy", "transaction", "order_completed", "orders", "add_to_cart", "addtocart", "addToCart"), 1),
        (("Product Added", "carts", "fav", "like", "LIKED", "view", "pv", "product_view", "view_item", "clicks"), 1),
        (("dislike", "disliked", "hide", "skip", "skipped", "thumbs_down", "thumbsDown", "not interested"), -1),
        (("unsubscribe", "downvote", "Downvoted"), -1),
        (("impression", "impressions", "remove_from_cart", "Product Removed", "removed from wishlist"), 0),
        (("return", "returned", "refund", "Order Refunded"), 0),
    ],
)
def test_kinds_are_known_in_many_spellings(kinds, sign) -> None:
    assert signs(columns(kinds=list(kinds))) == [sign] * len(kinds)
    assert judge(columns(kinds=list(kinds))).notes == () or sign == 0


def test_a_purchase_says_more_than_a_cart_more_than_a_like_more_than_a_view() -> None:
    weights = judge(columns(kinds=["purchase", "cart", "like", "view"])).weights
    assert weights.tolist() == sorted(weights, reverse=True)
    assert len(set(weights)) == 4
    assert weights[3] == 1


def test_where_all_events_are_of_one_kind_it_is_ordinary() -> None:
    judged = judge(columns(kinds=["purchase", "purchase"]))
    assert judged.weights.tolist() == [1, 1]
    assert judged.scheme == "every event positive, for nothing tells them apart"


def test_unknown_kinds_are_positive_and_named() -> None:
    judged = judge(columns(kinds=["view", "fondle"]))
    assert judged.feedback.tolist() == [1, 1]
    assert judged.notes == ("kinds of unknown meaning count as positive: fondle",)
    assert meaning_of("did not buy") is None


def test_a_rating_judges_and_the_kind_gives_strength() -> None:
    judged = judge(columns(ratings=[1, 5, 5, None], kinds=["purchase", "purchase", "view", "dislike"]))
    assert judged.feedback.tolist() == [-1, 1, 1, -1]
    assert judged.weights[1] > judged.weights[2]


def test_a_purchase_wholly_returned_is_neutral_and_so_is_the_return() -> None:
    events = columns(users=[0, 0, 0, 0, 1], items=[7, 8, 7, 8, 7], quantities=[2, 3, -2, -1, 1])
    judged = judge(events)
    assert judged.feedback.tolist() == [0, 1, 0, 0, 1]
    assert "returns cancel purchases" in judged.scheme
    assert judged.notes == ("2 returns, which leave nothing of 1 purchases, are neutral like them",)


def test_a_return_kind_cancels_the_purchase_but_not_the_view() -> None:
    events = columns(items=[7, 7, 7, 8], kinds=["view", "purchase", "refund", "purchase"])
    assert signs(events) == [1, 0, 0, 1]


def test_conditions_decide_before_the_rules() -> None:
    events = columns(ratings=[1, 2, 3, 4, 5])
    assert signs(events, "rating >= 3") == [-1, -1, 1, 1, 1]
    assert signs(events, "rating >= 5") == [-1, -1, 0, 0, 1]
    assert signs(events, "rating >= 4", "rating <= 1") == [-1, 0, 0, 1, 1]
    assert judge(events, negative="rating <= 1").feedback.tolist() == [-1, 0, 0, 1, 1]
    assert judge(events, "rating >= 4", "rating <= 1").scheme == (
        "positive where rating >= 4; negative where rating <= 1; else neutral"
    )


def test_conditions_speak_of_any_column() -> None:
    events = columns(kinds=["view", "purchase"], others={"Channel": ["web", "store"], "price": [3.0, None]})
    assert signs(events, "kind = purchase") == [0, 1]
    assert signs(events, "channel = web and price < 4") == [1, 0]
    with pytest.raises(FilterError, match="attribute 'stars' is unknown; the events have Channel, kind, price"):
        judge(events, "stars > 3")


def test_an_event_that_meets_both_conditions_is_neutral_and_counted() -> None:
    judged = judge(columns(ratings=[1, 3, 5]), "rating >= 3", "rating <= 3")
    assert judged.feedback.tolist() == [-1, 0, 1]
    assert judged.notes == ("1 events meet both conditions and count as neutral",)


def test_a_condition_that_no_event_meets_is_refused_with_what_there_is() -> None:
    with pytest.raises(SourceError, match="none of 2 events is positive by 'rating > 5'; rating goes from 1 to 5"):
        judge(columns(ratings=[1, 5]), "rating > 5")


def test_by_all_every_event_is_positive_with_strength_1() -> None:
    judged = judge(columns(ratings=[1, 5], kinds=["dislike", "purchase"], quantities=[-1, 1]), "all")
    assert judged.feedback.tolist() == [1, 1]
    assert judged.weights.tolist() == [1, 1]
    assert judged.scheme == "every event positive"
    with pytest.raises(SourceError, match="leave one condition out"):
        judge(columns(ratings=[1]), "all", "rating < 2")


def test_events_that_came_judged_stay_as_they_are() -> None:
    given = {"feedback": np.array([1, -1], np.int8), "weights": np.array([2, 1], np.float32)}
    events = EventColumns(users=np.zeros(2, int), items=np.arange(2), **given)
    judged = judge(events)
    assert (judged.feedback.tolist(), judged.weights.tolist()) == ([1, -1], [2, 1])


def test_details_name_the_scheme_and_the_counts() -> None:
    judged = judge(columns(ratings=[1, 3, 5, 5]))
    details = judged.details()
    assert details == {"scheme": judged.scheme, "positive": 2, "neutral": 1, "negative": 1}
    assert scheme_of({"feedback": details}) == judged.scheme
    assert scheme_of({}) == "every event positive"


def test_no_events_are_no_error() -> None:
    assert signs(EventColumns(users=np.zeros(0, int), items=np.zeros(0, int), ratings=np.zeros(0, np.float32))) == []
