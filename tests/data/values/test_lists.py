import pyarrow as pa
import pytest
from columns_of import column
from hypothesis import given, settings
from hypothesis import strategies as st

from genrec.data.values import list_separator, lists


@pytest.mark.parametrize(
    ("cells", "name", "separator", "values"),
    [
        (("['a', 'b']", "[]"), "", "list", [("a", "b"), ()]),
        (("[\"a, b\", 'x']", "['x']"), "", "list", [("a, b", "x"), ("x",)]),
        (('["a", "b"]', None), "", "list", [("a", "b"), ()]),
        (("[{'id': 16, 'name': 'Animation'}]", "[]"), "", "list", [("Animation",), ()]),
        (('[{"label": "x"}, {"label": "y"}]', '[{"label": "x"}]'), "", "list", [("x", "y"), ("x",)]),
        (("[16, 35]", "[35]"), "", "list", [("16", "35"), ("35",)]),
        (("[51.5, 0.0]", "[1.5, 2.0]"), "", None, [("[51.5, 0.0]",), ("[1.5, 2.0]",)]),
        (("a|b", "c", "(no genres listed)"), "", "|", [("a", "b"), ("c",), ()]),
        (("a; b", "c; d; a"), "", ";", [("a", "b"), ("c", "d", "a")]),
        (
            ("Drama, Romance, School", "Drama", "Action, Drama"),
            "",
            ",",
            [("Drama", "Romance", "School"), ("Drama",), ("Action", "Drama")],
        ),
        (("{'hot', 'easy'}", "{'sweet'}"), "", "list", [("hot", "easy"), ("sweet",)]),
        (('{red,"very tall"}', "{blue}", "{}"), "", "list", [("red", "very tall"), ("blue",), ()]),
        (("{'a': 1}", "{'a': 2}"), "", None, [("{'a': 1}",), ("{'a': 2}",)]),
        (("['hot' 'easy']", "['sweet']"), "", "list", [("hot", "easy"), ("sweet",)]),
        (("Clothes,Men", "Art"), "Categories (x,y,z...)", ",", [("Clothes", "Men"), ("Art",)]),
        (("Action,Comedy", "Comedy", "Action"), "", ",", [("Action", "Comedy"), ("Comedy",), ("Action",)]),
        (("M, L, XL", "M"), "sizes", ",", [("M", "L", "XL"), ("M",)]),
        (("Home > Decor|Garden > Tools",), "", "path", [("Home", "Decor", "Garden", "Tools")]),
        (("summer, linen", "winter"), "Tags", ",", [("summer", "linen"), ("winter",)]),
        (("J. Rowl, M. Gra", "S. Mey"), "authors", ",", [("J. Rowl", "M. Gra"), ("S. Mey",)]),
        (("Coll, S.", "Gra, S."), "author", None, [("Coll, S.",), ("Gra, S.",)]),
        (("Portland, OR", "Salem, OR"), "city", None, [("Portland, OR",), ("Salem, OR",)]),
        (("It was a dark night, rain fell on the town and all slept", "Rain fell, and it was dark"), "", None, None),
        (("Küche > Tassen", "Deko > Vasen, Neu"), "", "path", [("Küche", "Tassen"), ("Deko", "Vasen", "Neu")]),
        (("Deko > Vasen, Deko > Lampen", "Neu"), "", "path", [("Deko", "Vasen", "Lampen"), ("Neu",)]),
        (("Food, Beverages & Tobacco > Tea",), "", "path", [("Food, Beverages & Tobacco", "Tea")]),
        (
            ("Men/Shoes/Boots", "Men/Shoes/Sandals", "Women/Shoes"),
            "",
            "/",
            [("Men", "Shoes", "Boots"), ("Men", "Shoes", "Sandals"), ("Women", "Shoes")],
        ),
        (("AC/DC", "Guns/Roses"), "", None, [("AC/DC",), ("Guns/Roses",)]),
        (("12/2", "n/a"), "", None, [("12/2",), ()]),
        (("https://s/1.jpg, https://s/2.jpg", "https://s/3.jpg"), "images", None, None),
        (("a", "b"), "", None, [("a",), ("b",)]),
    ],
)
def test_the_column_decides_how_lists_are_written(cells, name, separator, values):
    assert list_separator(column(*cells), name) == separator
    assert values is None or lists(column(*cells), name=name) == values


def test_lists_of_json_and_parquet_are_values():
    assert lists([["a", "b", "a"], None, [{"name": "c"}], "d"]) == [("a", "b"), (), ("c",), ("d",)]
    assert lists(pa.chunked_array([pa.array([["a"], None, ["b", None]])])) == [("a",), (), ("b",)]


@settings(deadline=None)
@given(
    st.lists(st.none() | st.text() | st.from_regex(r"[a-c ,;|/>\[\]'\"{}]{0,20}", fullmatch=True)), st.text(max_size=5)
)
def test_any_text_is_split_without_blanks_and_doubles(cells, name):
    found = lists([*cells], name=name)
    assert len(found) == len(cells)
    assert all(part == " ".join(part.split()) and part for parts in found for part in parts)
    assert all(len(set(parts)) == len(parts) for parts in found)
