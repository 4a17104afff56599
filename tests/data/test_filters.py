import contextlib
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrec.data.filters import BOUNDS, OPERATORS, Operator, Predicate, all_of, parse_filter
from genrec.errors import FilterError
from genrec.offers import Offer
from genrec.schema import Catalog, Item

CATALOG = Catalog(
    items=(
        Item(
            item_id="a",
            title="Red lamp",
            attributes={"price": 10.0, "color": "Red", "brand": "Oak & Ash", "genres": ("Drama", "Comedy")},
        ),
        Item(item_id="b", title="Blue bag", attributes={"price": 50.0, "color": "light blue", "new": True}),
        Item(
            item_id="c",
            title="A cup",
            text="for tea and coffee",
            attributes={"price": 40.0, "brand": "it's"},
            offer=Offer(availability="out_of_stock"),
        ),
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
        ("new", "b"),
        ("not new", "ac"),
        ("available", "ab"),
        ("not available", "c"),
        ("available = no", "c"),
        ("Available and not New", "a"),
        ("(new) or not (available)", "bc"),
    ],
)
def test_a_filter_means_what_it_says(text: str, item_ids: str) -> None:
    assert matching(text) == item_ids
    assert matching(str(parse_filter(text))) == item_ids


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "wanted an attribute's name"),
        ("price", "'price' stands alone, and is no attribute of yes or no"),
        ("not price", "'price' stands alone, and is no attribute of yes or no"),
        ("new used", "'new used' is unknown"),
        ("price in", "wanted an opening parenthesis"),
        ("price not", r"wanted in \(...\)"),
        ("available > no", "'available' is yes or no"),
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
        (
            "colour = red",
            "'colour' is unknown; the catalog has available, brand, color, genres, item_id",
        ),
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


def test_an_attribute_of_its_own_named_available_is_what_a_filter_means() -> None:
    items = (Item(item_id="a", attributes={"available": False}), Item(item_id="b", attributes={"available": True}))
    assert parse_filter("available").mask(Catalog(items=items)).tolist() == [False, True]


def test_filters_combine_as_sets_do() -> None:
    cheap, red = parse_filter("price < 45"), Predicate(attribute="color", operator="=", value="Red")
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
        chain = chain & Predicate(attribute="color", operator="!=", value="green")
    np.testing.assert_array_equal(parse_filter(str(chain)).mask(CATALOG), [True, False, True])


def test_items_can_be_named_and_unknown_ones_match_nothing() -> None:
    for item_ids, expected in ((("c", "stranger"), [False, False, True]), ((), [False, False, False])):
        assert Predicate(attribute="item_id", operator="=", value=item_ids).mask(CATALOG).tolist() == expected


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_can_be_a_value_and_comes_back(wanted: str, other: str) -> None:
    catalog = Catalog(items=(Item(item_id="1", attributes={"x": wanted}), Item(item_id="2", attributes={"x": other})))
    made = Predicate(attribute="x", operator="=", value=wanted)
    expected = [True, wanted.casefold() == other.casefold()]
    assert made.mask(catalog).tolist() == expected
    assert parse_filter(str(made)).mask(catalog).tolist() == expected


@given(st.text(max_size=60))
def test_any_text_parses_or_is_refused(text: str) -> None:
    with contextlib.suppress(FilterError):
        assert parse_filter(text).mask(CATALOG).shape == (3,)


MIXED = Catalog(
    items=(
        Item(item_id="1", title="Lamp", attributes={"price": 40.0, "sale": True, "note": 3.0, "tags": ("Old", "big")}),
        Item(item_id="2", attributes={"price": 12.5, "sale": False, "note": "a", "tags": ()}),
        Item(item_id="3", text="x", attributes={"Size": "L"}),
    )
)


def predicate(attribute: str, operator: Operator, value: str | float | tuple[str, ...]) -> Predicate:
    return Predicate(attribute=attribute, operator=operator, value=value)


@pytest.mark.parametrize(
    ("attribute", "operator", "value", "item_ids"),
    [
        ("price", "<", 40.0, "2"),
        ("price", "<", "40", "2"),  # a number may be written as a text
        ("price", "=", ("12.5", "4e1"), "12"),
        ("price", "!=", 40.0, "23"),  # what an item lacks is not 40 either
        ("price", "<", ("13", "20"), "2"),
        ("sale", "=", "Yes", "1"),
        ("sale", "!=", "true", "23"),
        ("tags", "=", ("OLD", "new"), "1"),
        ("tags", "!=", ("OLD", "new"), "23"),
        ("tags", "contains", "ol", "1"),
        ("size", "=", "l", "3"),  # names match regardless of case
        ("title", "=", "lamp", "1"),
        ("tags", "=", (), ""),
        ("tags", "!=", (), "123"),
        ("price", "=", (), ""),
    ],
)
def test_one_item_meets_what_its_row_of_the_catalog_meets(
    attribute: str, operator: Operator, value: str | float | tuple[str, ...], item_ids: str
) -> None:
    made = predicate(attribute, operator, value)
    assert "".join(item.item_id for item, met in zip(MIXED, made.mask(MIXED), strict=True) if met) == item_ids
    assert "".join(item.item_id for item in MIXED if made.holds(item)) == item_ids
    if made.value != ():
        np.testing.assert_array_equal(parse_filter(str(made)).mask(MIXED), made.mask(MIXED))


@pytest.mark.parametrize(
    ("attribute", "operator", "value"),
    [
        ("price", "=", "cheap"),
        ("price", "<", float("nan")),
        ("price", "contains", 4.0),
        ("sale", "<", "yes"),
        ("sale", "=", 1.0),
        ("tags", "<", 3.0),
        ("tags", ">", "a"),
        ("weight", "=", 3.0),
    ],
)
def test_what_cannot_be_compared_is_an_error_over_a_catalog_and_is_not_met_by_one_item(
    attribute: str, operator: Operator, value: str | float
) -> None:
    made = predicate(attribute, operator, value)
    with pytest.raises(FilterError):
        made.mask(MIXED)
    with pytest.raises(FilterError):
        predicate(attribute, "!=", value).mask(MIXED) if operator == "=" else (~made).mask(MIXED)
    assert not any(made.holds(item) for item in MIXED)
    assert operator != "=" or all(predicate(attribute, "!=", value).holds(item) for item in MIXED)


def test_a_column_that_mixes_numbers_and_texts_is_compared_as_text_and_one_item_by_what_it_has() -> None:
    assert predicate("note", "=", "3").mask(MIXED).tolist() == [True, False, False]
    assert predicate("note", "=", 3.0).mask(MIXED).tolist() == [False, False, False]
    assert predicate("note", "=", 3.0).holds(MIXED.items[0])


def test_texts_that_meet_a_predicate_are_found_among_others() -> None:
    assert predicate("genres", "=", ("war", "COMEDY")).among(("Comedy", "Drama", "War")) == ("Comedy", "War")
    assert predicate("genres", "contains", "dra").among(("Comedy", "Drama")) == ("Drama",)


def test_filters_are_values_that_cross_processes() -> None:
    made = parse_filter("price < 40 and (color in (red, blue) or not title contains lamp)")
    assert pickle.loads(pickle.dumps(made)) == made
    assert len({made, parse_filter(str(made).replace("'40'", "40"))}) == 1


def test_an_unknown_operator_is_refused_at_once() -> None:
    with pytest.raises(FilterError, match="operator '~' is unknown; choose one of = !="):
        predicate("price", "~", 4.0)  # type: ignore[arg-type]


def test_every_operator_is_parsed_compared_and_written_back() -> None:
    for operator in OPERATORS:
        made = parse_filter(f"{'price' if operator in BOUNDS else 'title'} {operator} 40")
        assert isinstance(made, Predicate)
        assert made.operator == operator
        np.testing.assert_array_equal(parse_filter(str(made)).mask(CATALOG), made.mask(CATALOG))


def test_all_of_several_is_what_each_of_them_allows() -> None:
    parts = [parse_filter("price < 45"), parse_filter("not color = red"), predicate("title", "contains", "cup")]
    found = all_of(parts)
    assert found is not None
    np.testing.assert_array_equal(found.mask(CATALOG), np.logical_and.reduce([part.mask(CATALOG) for part in parts]))
    assert all_of(parts[:1]) is parts[0]
    assert all_of([]) is None
