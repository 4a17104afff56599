"""Ids are found as others spell them, and never where two items could be meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrec.data.id_matching import IdMatcher


@pytest.mark.parametrize(
    ("item_id", "name"),
    [("12", "12.0"), ("12", "0012"), ("0108775015", "108775015"), ("108775015.0", "0108775015"), ("B00x", "b00X"),
     ("0", "000"), ("-7", "-07"), ("ÄB", "äb"), ("x 1", " X 1 ")],
)  # fmt: skip
def test_one_id_is_found_in_its_other_spellings(item_id: str, name: str) -> None:
    assert IdMatcher([item_id, "other"]).find(name) == item_id


@pytest.mark.parametrize("name", ["", "12.5", "13", "1 2", "12a", "٣"])
def test_other_names_are_no_item(name: str) -> None:
    assert IdMatcher(["12", "3"]).find(name) is None


def test_the_exact_spelling_wins_and_where_two_are_meant_none_is() -> None:
    matcher = IdMatcher(["12", "012", "a", "A"])
    assert matcher.find("012") == "012"
    assert matcher.find("12") == "12"
    assert matcher.find("0012") is None
    assert matcher.find("A") == "A"


@given(st.sets(st.text(max_size=6)))
def test_every_item_finds_itself(item_ids: set[str]) -> None:
    matcher = IdMatcher(item_ids)
    assert all(matcher.find(item_id) == item_id for item_id in item_ids)
