"""`genrec bench search`: its questions and their grades."""

import numpy as np
import pytest

from genrec.bench import bench
from genrec.bench.search import among, first, measure, precision
from genrec.errors import InputError
from genrec.schema import Catalog, Item
from genrec.search import SearchIndex


@pytest.fixture(scope="module")
def catalog():
    colors, kinds = ("red", "blue", "green"), ("chair", "table", "lantern", "curtain")
    return Catalog(
        items=tuple(
            Item(
                item_id=f"{n}",
                title=f"{color} {kind} number {n}",
                text=f"made of w{n}ord{chr(97 + n % 26)}",
                attributes={"color": color, "kind": kind, "maker": f"Anna Maker{chr(97 + n % 5)}"},
            )
            for n, (color, kind) in enumerate([(color, kind) for color in colors for kind in kinds for _ in range(4)])
        )
    )


def test_everything_is_found_where_everything_can_be(catalog):
    rows = measure(catalog, SearchIndex.of(catalog), 3, num_queries=20)
    shares = {row["query"]: row["words"] for row in rows}
    assert set(shares) == {
        *("own title", "title with a slip", "rare word of the text", "part of a name"),
        *("value of color", "value of kind", "value of maker"),
    }
    assert min(shares.values()) > 0.95


def test_an_index_of_other_items_finds_little(catalog):
    strangers = Catalog(items=tuple(Item(item_id=item.item_id, title=item.title[::-1]) for item in catalog))
    rows = measure(catalog, SearchIndex.of(strangers), 3, num_queries=20)
    assert max(row["words"] for row in rows) < 0.5


def test_grades_are_shares_of_what_can_be_right():
    right = frozenset({1, 2})
    assert (first([1, 9], right), first([9, 1], right), first([], right)) == (1, 0, 0)
    assert (among([9, 2], right), among([9], right)) == (1, 0)
    assert precision([1, 9, 8], right) == 0.5
    assert precision(list(range(10)), frozenset(range(5, 30))) == 0.5


def test_a_workspace_is_wanted():
    with pytest.raises(InputError, match="bench search DIR"):
        bench("search")


def test_the_shop_is_searched(shop_directory):
    document = bench("search", directory=shop_directory, num_queries=10)
    titles = next(row for row in document["rows"] if row["query"] == "own title")
    assert titles["words"] == 1
    assert np.isfinite(titles["words_ms"])
