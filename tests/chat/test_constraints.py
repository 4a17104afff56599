"""What meets constraints, and what a catalog's columns hold, is the same whether looked at at once or item by item."""

from dataclasses import replace

import numpy as np
from chat_worlds import MOVIES, shop_catalog

from genrec.chat.constraints import attribute_values, counts_of, extremes_of, meeting, number_of, numbers_of
from genrec.chat.requests import Extreme
from genrec.data.filters import Predicate
from genrec.schema import Catalog, Item

CATALOG = shop_catalog()


def test_what_meets_all_wishes_is_what_meets_each_of_them() -> None:
    wishes = [
        Predicate(attribute="color", operator="=", value=("red", "blue")),
        Predicate(attribute="brand", operator="!=", value=("Oak & Fable", "Zaza")),
        Predicate(attribute="price", operator="<=", value=60.0),
    ]
    meeting_N = meeting(wishes, CATALOG)
    assert meeting_N.any()
    assert meeting_N.tolist() == [all(wish.holds(item) for wish in wishes) for item in CATALOG]
    assert meeting([], CATALOG).all()


def test_nothing_removed_meets_a_wish() -> None:
    items = tuple(replace(item, removed=row % 2 == 0) for row, item in enumerate(CATALOG))
    for wishes in ([], [Predicate(attribute="price", operator="<=", value=60.0)]):
        wanted = [fits and row % 2 == 1 for row, fits in enumerate(meeting(wishes, CATALOG))]
        assert meeting(wishes, Catalog(items=items)).tolist() == wanted


def test_nothing_meets_a_wish_that_cannot_be_compared() -> None:
    for attribute in ("weight", "brand"):
        assert not meeting([Predicate(attribute=attribute, operator="<", value=3.0)], CATALOG).any()


def test_columns_say_what_items_say() -> None:
    np.testing.assert_array_equal(numbers_of("year", MOVIES), [number_of(item, "year") for item in MOVIES])
    assert np.isnan(numbers_of("director", MOVIES)).all()
    recent_N = meeting([Predicate(attribute="year", operator=">", value=1995.0)], MOVIES)
    rated = [item.attributes["rated"] for item, is_recent in zip(MOVIES, recent_N, strict=True) if is_recent]
    assert counts_of("rated", MOVIES, recent_N) == {value: rated.count(value) for value in set(rated)}
    assert counts_of("nothing", MOVIES, recent_N) == {None: int(recent_N.sum())}


def test_the_least_and_the_most_are_all_that_are_equal() -> None:
    years = {item.title: number_of(item, "year") for item in MOVIES}
    oldest = extremes_of(Extreme(attribute="year", is_most=False), MOVIES.items)
    assert [item.title for item in oldest] == [title for title in years if years[title] == 1944]
    of_1995 = [item for item in MOVIES if years[item.title] == 1995]
    assert extremes_of(Extreme(attribute="year", is_most=True), of_1995) == of_1995
    assert extremes_of(Extreme(attribute="price", is_most=True), MOVIES.items) == []


def test_attribute_values_list_what_there_is() -> None:
    items = (
        Item(item_id="a", attributes={"price": 10.0, "color": "Red", "genres": ("Drama", "Comedy")}),
        Item(item_id="b", attributes={"price": 50.0, "color": "light blue", "new": True}),
        Item(item_id="c", attributes={"price": 40.0}),
    )
    assert attribute_values(Catalog(items=items)) == {
        "color": ("Red", "light blue"),
        "genres": ("Comedy", "Drama"),
        "new": (True,),
        "price": (10.0, 40.0, 50.0),
    }


def test_the_most_frequent_value_is_listed_first() -> None:
    items = tuple(Item(item_id=str(n), attributes={"x": value}) for n, value in enumerate("abbcbc"))
    assert attribute_values(Catalog(items=items)) == {"x": ("b", "c", "a")}
