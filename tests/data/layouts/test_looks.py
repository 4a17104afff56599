"""What cells look like, whatever their column is called."""

import pytest

from genrec.data.layouts.looks import NUM_SAMPLED, Look, look_at, looks_of
from genrec.data.tables import Table


def look(*cells: object) -> Look:
    return look_at("c", list(cells))


def test_shares_are_of_the_filled_cells_and_filled_is_of_all() -> None:
    found = look("12", "an old", "", None, "NA", float("nan"), "null", [])
    assert (found.filled, found.numbers, found.words, found.num_filled) == (2 / 8, 0.5, 0.5, 2)
    assert found.values == ("12", "an old")


def test_nothing_at_all_has_the_look_of_nothing() -> None:
    assert look("", None, "NULL") == Look()
    assert not look("", None).is_id


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        (("A-01", "A-02"), "is_id"),
        ((12, 13), "is_id"),
        (("https://x.org/a.jpg", "//x.org/b"), "is_media"),
        (("a.png", "b/c.JPG"), "is_media"),
        (("Red lamp", "Blue vase"), "is_name"),
        ((1600000000, 1600000001), "is_timed"),
        (("2023-01-05", "2023-01-06 10:00"), "is_timed"),
        (("19.99", "5"), "is_float"),
    ],
)
def test_cells_show_what_they_are(cells: tuple[object, ...], what: str) -> None:
    assert getattr(look(*cells), what)


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        (("19.99", "5"), "is_id"),
        (("https://x.org/a.jpg",), "is_id"),
        (("two words here", "and more of them"), "is_id"),
        (("x" * 400,), "is_name"),
        ((1, 2, 3), "is_timed"),
        (("A tall lamp, see a.png",), "is_media"),
    ],
)
def test_cells_do_not_look_like_what_they_are_not(cells: tuple[object, ...], what: str) -> None:
    assert not getattr(look(*cells), what)


def test_lists_and_objects_are_told_apart() -> None:
    found = look(["a", "b"], {"k": 1}, "x", "y")
    assert (found.lists, found.objects) == (0.5, 0.25)


def test_a_long_table_is_looked_at_in_rows_from_all_over_it(tmp_path) -> None:
    rows = 10 * NUM_SAMPLED
    table = Table.of(tmp_path / "x.csv", {"half": ["a"] * (rows // 2) + [""] * (rows // 2), "n": list(range(rows))})
    found = looks_of(table)
    assert found["half"].filled == pytest.approx(0.5, abs=0.01)
    assert len(found["n"].values) == NUM_SAMPLED
