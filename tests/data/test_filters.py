import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrec.data.filters import Filter, attribute_values, parse_filter
from genrec.errors import FilterError
from genrec.schema import Catalog, Item

CATALOG = Catalog(
    items=(
        Item(
            item_id="a",
            title="Red lamp",
            attributes={"price": 10.0, "color": "Red", "brand": "Oak & Ash", "genres": ("Drama", "Comedy")},
        ),
        Item(item_id="b", title="Blue bag", attributes={"price": 50.0, "color": "light blue", "new": True}),
        Item(item_id="c", title="A cup", text="for tea and coffee", attributes={"price": 40.0, "brand": "it's"}),
    )
)


def matching(text: str) -> str:
    mask = parse_filter(text).mask(CATALOG)
    assert mask.dtype == np.bool_
    assert mask.shape == (3,)
    return "".join(item.item_id for item, allowed in zip(CATALOG, mask, strict=True) if allowed)


@pytest.mark.parametrize(
    ("text", "item_ids"),
    [
        ("price < 40", "a"),
        ("price <= 40 and price>10", "c"),
        ("price >= 40", "bc"),
        ("price = 5e1", "b"),
        ("PRICE == 50.00", "b"),
        ("price in (10, 50)", "ab"),
        ("price not in (10, 50)", "c"),
        ("color = red", "a"),
        ("color = 'RED'", "a"),
        ('color = "light blue"', "b"),
        ("color = light blue or price < 20", "ab"),
        ("color in (red, light blue)", "ab"),
        ("color contains blue", "b"),
        ("color != red", "bc"),
        ("not color = red", "bc"),
        ("not color = red and price < 45", "c"),
        ("not (color = red or price < 45)", "b"),
        ("price < 40 and color = red and not brand = 'Oak & Ash'", ""),
        ("genres = drama", "a"),
        ("genres in (horror, comedy)", "a"),
        ("genres contains omed", "a"),
        (r"brand = 'it\'s'", "c"),
        ("brand = it's", "c"),
        ("new = yes", "b"),
        ("new = false", ""),
        ("title contains LAMP", "a"),
        ("text contains 'tea and coffee'", "c"),
        ("item_id in (a, c)", "ac"),
        ("price < 20 or price > 20 and price < 45", "ac"),
        ("color = 'red' OR Not Price < 45", "ab"),
    ],
)
def test_a_filter_means_what_it_says(text: str, item_ids: str) -> None:
    assert matching(text) == item_ids
    assert matching(str(parse_filter(text))) == item_ids


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "wanted an attribute's name"),
        ("price", "wanted one of = !="),
        ("price <", "wanted a value"),
        ("price < 40 and", "wanted an attribute's name"),
        ("price < 40 color", "is a number"),
        ("price < 40) or color = red", r"has '\)' at character 11, wanted and, or"),
        ("(price < 40", "wanted a closing parenthesis"),
        ("color in red", "wanted an opening parenthesis"),
        ("color in (red", "wanted a comma or a closing parenthesis"),
        ("color in ()", "wanted a value"),
        ("color not red", r"wanted in \(...\)"),
        ("color = 'red", "open quote"),
        ("price ! 40", "stray '!'"),
        ("colour = red", "'colour' is unknown; the catalog has brand, color, genres, item_id, new, price, text, title"),
        ("color < 3", "'color' is text"),
        ("genres > drama", "'genres' is text"),
        ("price = cheap", "'price' is a number"),
        ("price < nan", "'price' is a number"),
        ("price contains 4", "'price' is a number"),
        ("new > no", "'new' is yes or no"),
        ("new = maybe", "'new' is yes or no"),
        ("(" * 10_000 + "price < 4", "nests deeper"),
        ("not " * 10_000 + "price < 4", "nests deeper"),
        ("__import__('os').system('x')", "wanted one of"),
    ],
)
def test_what_is_no_filter_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(FilterError, match=message) as caught:
        parse_filter(text).mask(CATALOG)
    assert "\n" not in str(caught.value)


def test_filters_combine_as_sets_do() -> None:
    cheap, red = parse_filter("price < 45"), Filter.where("color", "=", "Red")
    for combined, expected in (
        (cheap & red, cheap.mask(CATALOG) & red.mask(CATALOG)),
        (cheap | red, cheap.mask(CATALOG) | red.mask(CATALOG)),
        (~cheap, ~cheap.mask(CATALOG)),
    ):
        np.testing.assert_array_equal(combined.mask(CATALOG), expected)
        np.testing.assert_array_equal(parse_filter(str(combined)).mask(CATALOG), expected)


def test_long_chains_do_not_nest() -> None:
    chain = parse_filter("price < 45")
    for _ in range(200):
        chain = chain & Filter.where("color", "!=", "green")
    np.testing.assert_array_equal(parse_filter(str(chain)).mask(CATALOG), [True, False, True])


def test_items_can_be_named_and_unknown_ones_match_nothing() -> None:
    assert Filter.for_items(["c", "stranger"]).mask(CATALOG).tolist() == [False, False, True]
    assert Filter.for_items([]).mask(CATALOG).tolist() == [False, False, False]


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_can_be_a_value_and_comes_back(wanted: str, other: str) -> None:
    catalog = Catalog(items=(Item(item_id="1", attributes={"x": wanted}), Item(item_id="2", attributes={"x": other})))
    made = Filter.where("x", "=", wanted)
    expected = [True, wanted.casefold() == other.casefold()]
    assert made.mask(catalog).tolist() == expected
    assert parse_filter(str(made)).mask(catalog).tolist() == expected


@given(st.text(max_size=60))
def test_any_text_parses_or_is_refused(text: str) -> None:
    with contextlib.suppress(FilterError):
        assert parse_filter(text).mask(CATALOG).shape == (3,)


def test_attribute_values_list_what_there_is() -> None:
    assert attribute_values(CATALOG) == {
        "brand": ("Oak & Ash", "it's"),
        "color": ("Red", "light blue"),
        "genres": ("Comedy", "Drama"),
        "new": (True,),
        "price": (10.0, 40.0, 50.0),
    }


def test_the_most_frequent_value_is_listed_first() -> None:
    items = tuple(Item(item_id=str(n), attributes={"x": value}) for n, value in enumerate("abbcbc"))
    assert attribute_values(Catalog(items=items)) == {"x": ("b", "c", "a")}
