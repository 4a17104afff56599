"""What a filter lets through, but for what is left out, and once for all who ask."""

from dataclasses import replace

import numpy as np
import pytest

from genrec.data.filters import parse_filter
from genrec.errors import FilterError, UnknownItem
from genrec.ranking.eligibility import Eligibility, PassingItems
from genrec.schema import Catalog, Item
from genrec.semids.trie import Mask, Trie

CATALOG = Catalog(
    items=tuple(Item(item_id=f"i{n}", title=f"item {n}", attributes={"price": 10.0 * n}) for n in range(6))
)
TRIE = Trie.build(np.array([[n // 2, n % 2, 0] for n in range(6)], dtype=np.int32))


def test_what_passes_and_is_not_left_out_is_allowed():
    found = Eligibility(PassingItems(CATALOG), TRIE).find(parse_filter("price < 40"), ["i1", "i5"])
    assert found.allowed_N.tolist() == [True, False, True, True, False, False]
    assert found.left_out.tolist() == [1, 5]
    assert found.mask is not None
    assert int(found.mask.num_before[-1]) == 4  # the filter's own, whoever asks
    everything = Eligibility(PassingItems(CATALOG), TRIE).find(None, [])
    assert everything.allowed_N.all()
    assert everything.mask is None


def test_what_is_removed_is_for_nobody():
    items = tuple(replace(item, removed=item.item_id in ("i0", "i3")) for item in CATALOG)
    eligibility = Eligibility(PassingItems(Catalog(items=items)), TRIE)
    found = eligibility.find(None, ["i0", "i5"])
    assert found.allowed_N.tolist() == [False, True, True, False, True, False]
    assert found.mask is not None
    assert int(found.mask.num_before[-1]) == 4
    assert eligibility.find(parse_filter("price < 40"), []).allowed_N.tolist() == [False, True, True] + 3 * [False]
    with pytest.raises(FilterError, match=r"0 of 6 items pass the filter .* and are not removed"):
        eligibility.find(parse_filter("price = 30"), [])


class CountingTrie:
    """A trie that counts the filters it works out."""

    def __init__(self) -> None:
        self.num_masks = 0

    def mask(self, allowed_N: np.ndarray) -> Mask:
        self.num_masks += 1
        return TRIE.mask(allowed_N)


def test_a_filter_is_worked_out_once_and_nobody_can_change_it():
    trie, passing_items = CountingTrie(), PassingItems(CATALOG)
    eligibility = Eligibility(passing_items, trie)
    first = eligibility.find(parse_filter("price < 40"), ["i1"])
    passing_items.passing(parse_filter("price < 40"))[:] = False
    again = eligibility.find(parse_filter("price < 40"), ["i2"])
    assert again.allowed_N.tolist() == [True, True, False, True, False, False]
    assert again.mask is first.mask
    assert trie.num_masks == 1


@pytest.mark.parametrize(
    ("where", "left_out", "error", "message"),
    [
        ("price < 0", [], FilterError, "0 of 6 items pass the filter"),
        (
            "price < 20",
            ["i0", "i1"],
            FilterError,
            "the 2 items that pass the filter .* are all in the history",
        ),
        (None, [f"i{n}" for n in range(6)], FilterError, "the 6 items of the catalog are all in the history or excl"),
        ("color = red", [], FilterError, "attribute 'color' is unknown"),
        (None, ["x"], UnknownItem, "'x'"),
    ],
)
def test_nothing_left_is_said_in_one_line(where, left_out, error, message):
    with pytest.raises(error, match=message):
        Eligibility(PassingItems(CATALOG), TRIE).find(None if where is None else parse_filter(where), left_out)
