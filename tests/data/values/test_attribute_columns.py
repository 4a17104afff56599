import pyarrow as pa
import pytest
from columns_of import column
from hypothesis import given, settings
from hypothesis import strategies as st

from genrec.data.values import attribute, coerce, flatten, truths


@pytest.mark.parametrize(
    ("name", "cells", "kind", "values"),
    [
        ("fresh", ("true", "False", None), "truth", [True, False, None]),
        ("vegan", ("ja", "nein", "Ja"), "truth", [True, False, True]),
        ("is_open", ("1", "0"), "truth", [True, False]),
        ("inStock", ("1", "0"), "truth", [True, False]),
        ("in_stock", ("y", "n"), "truth", [True, False]),
        ("amount", ("1", "0"), "number", [1, 0]),
        ("availability", ("in stock", "out of stock"), "truth", [True, False]),
        ("grade", ("y", "x"), "text", ["y", "x"]),
        ("price", ("5", "Free", "7"), "number", [5, None, 7]),
        ("article_no", ("5", "7"), "text", ["5", "7"]),
        ("productCode", ("5", "7"), "text", ["5", "7"]),
        ("isbn", ("5", "7"), "text", ["5", "7"]),
        ("group", ("09", "10"), "text", ["09", "10"]),
        ("barcodes", ("4006381333931", "4006381333948"), "text", ["4006381333931", "4006381333948"]),
        ("num_pages", ("5", "7"), "number", [5, 7]),
        ("genres", ("a|b", "c"), "list", [("a", "b"), ("c",)]),
        ("cats", ("Drama, Love", "Drama"), "list", [("Drama", "Love"), ("Drama",)]),
        ("color", ("red", "N/A", "blue", "N/A"), "text", ["red", None, "blue", None]),
        ("size", ("S", "M", "38"), "text", ["S", "M", "38"]),
        ("made", ("2017-01-02", "2017-01-03"), "text", ["2017-01-02", "2017-01-03"]),
    ],
)
def test_a_column_has_one_type(name, cells, kind, values):
    found = attribute(name, column(*cells))
    assert (found.kind, found.values) == (kind, values)
    assert found.useless is None


def test_unit_currency_and_odd_cells_are_said():
    found = attribute("price", column("19,99 €", "Free", "5 €"))
    assert (found.currency, found.odd.examples, found.values) == ("EUR", ("Free",), [19.99, None, 5])
    assert attribute("weight", column("0.5 kg", "1 kg")).unit == "kg"
    assert attribute("price", column("5 - 7 €", "3 €")).upper == [7, None]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ((None, ""), "empty"),
        (("nan", "nan", "[]"), "empty"),
        (("same",) * 30, "same in all 30 rows"),
        (("https://a/b", "https://a/c"), "addresses"),
        (tuple(f"{number:032x}" for number in range(30)), "different key"),
        (tuple(f"{number} " + "long text " * 20 for number in range(30)), "different long text"),
    ],
)
def test_columns_that_say_nothing_are_reported(cells, reason):
    assert reason in attribute("x", column(*cells)).useless


@pytest.mark.parametrize(
    "cells", [("same",) * 5, tuple(f"name {number}" for number in range(30)), ("same",) * 30 + (None,)]
)
def test_columns_that_say_something_are_not(cells):
    assert attribute("x", column(*cells)).useless is None


def test_a_column_read_as_a_known_kind_has_odd_cells():
    weights = coerce("weight", column("500 g", "x", "1 kg"), "number", "kg")
    assert (weights.values, weights.odd.examples) == ([0.5, None, 1], ("x",))
    truth = coerce("open", column("1", "no", "maybe"), "truth")
    assert (truth.values, truth.odd.rows.tolist()) == ([True, False, None], [2])
    assert coerce("tag", column("a", "b|c"), "list").values == [("a",), ("b", "c")]
    assert coerce("code", column("12", "13"), "text").values == ["12", "13"]
    assert coerce("year", pa.chunked_array([pa.array([1999, 2000])]), "text").values == ["1999", "2000"]


def test_a_script_in_a_column_of_lists_is_odd():
    found = attribute("tags", column("red; blue", "blue; tall", "var a = 1; function b() { return a; }"))
    assert (found.kind, found.values, found.odd.rows.tolist()) == (
        "list",
        [("red", "blue"), ("blue", "tall"), None],
        [2],
    )


@pytest.mark.parametrize("cells", [("Salt &amp; pepper", "Tea &quot;x&quot;"), ("12/1/2010 8:26", "12/1/2010 9:41")])
def test_entities_and_dates_are_no_lists(cells):
    assert attribute("x", column(*cells)).kind == "text"


def test_parts_of_lists_are_clean():
    cells = [["Home &amp; Kitchen", "</span></span>", "<b>Tea</b>pots"], ["Home &amp; Kitchen"]]
    assert attribute("category", cells).values == [("Home & Kitchen", "Teapots"), ("Home & Kitchen",)]
    assert "addresses" in attribute("images", [["https://a/b.jpg"], [{"thumb": "https://c"}]]).useless


def test_one_number_alone_is_a_number():
    assert attribute("vote", [None, "1,203"]).values == [None, 1203]
    assert attribute("helpful", [0, None]).kind == "number"


def test_truths_are_read_whatever_the_name():
    assert truths(column("True", "0", "x")).values == [True, False, None]


def test_objects_become_columns_of_their_keys():
    cells = [{"brand": "x"}, None, {"brand": "y", "size": {"w": 1}}]
    assert flatten("details", cells) == {"details.brand": ["x", None, "y"], "details.size.w": [None, None, 1]}
    assert flatten("attributes", [{"color": "red"}]) == {"color": ["red"]}
    assert flatten("d", column('{"Brand": "K"}', "{}")) == {"d.Brand": ["K", None]}


def test_objects_in_objects_may_be_spelled_in_python():
    cells = [{"Parking": "{'garage': False, 'street': True}", "Alcohol": "u'none'"}, None]
    assert flatten("attributes", cells) == {
        "Parking.garage": [False, None],
        "Parking.street": [True, None],
        "Alcohol": ["none", None],
    }


def test_amounts_with_a_currency_are_prices():
    flat = flatten("price", [{"amount": 10, "currency": "EUR"}, {"amount": 3.5, "currency": "EUR"}])
    found = attribute("price", flat["price"])
    assert (found.kind, found.values, found.currency) == ("number", [10, 3.5], "EUR")


def test_other_columns_are_not_flattened():
    cells = column("a", "{b}")
    assert flatten("x", cells) == {"x": cells}


@settings(deadline=None)
@given(
    st.text(max_size=8),
    st.lists(
        st.none()
        | st.text(max_size=12)
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.binary(max_size=3)
        | st.lists(st.text(max_size=3), max_size=2)
        | st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
        max_size=6,
    ),
)
def test_any_column_becomes_attributes_of_one_kind(name, cells):
    for path, part in flatten(name, cells).items():
        found = attribute(path, part)
        again = coerce(path, part, found.kind, found.unit)
        types = {"number": float, "truth": bool, "list": tuple, "text": str}
        assert len(found.values) == len(cells)
        assert all(value is None or isinstance(value, types[found.kind]) for value in found.values)
        assert again.values == found.values
