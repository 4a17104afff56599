"""What was lost is counted by reason, the first of each kept whole."""

from pathlib import Path

import numpy as np

from genrec.data.losses import KEPT, Losses


def test_all_are_counted_and_the_first_of_each_reason_are_kept() -> None:
    losses = Losses()
    places = np.arange(KEPT + 500)
    losses.add_many(Path("a.csv"), range(1, 2_000), places, lambda n: f"id {n} is odd", str, kind="id is odd")
    assert losses.counts == {"id is odd": KEPT + 500}
    assert (losses.num_rows, losses.total, len(losses.refused)) == (KEPT + 500, KEPT + 500, KEPT)
    assert (losses.refused[1].line, losses.refused[1].reason) == (2, "id 1 is odd")


def test_a_cell_is_no_row_and_the_kind_is_the_reason_where_none_is_given() -> None:
    losses = Losses()
    losses.add(Path("a.csv"), 3, "no item id", "x")
    losses.add(Path("a.csv"), 3, "picture is gone", "y", is_row=False)
    assert (losses.num_rows, losses.total) == (1, 2)
    assert set(losses.counts) == {"no item id", "picture is gone"}


def test_two_losses_join() -> None:
    first, second = Losses(), Losses()
    for losses in (first, second, second):
        losses.add(Path("a.csv"), 1, "lost", "x")
    first.merge(second)
    assert (first.num_rows, first.counts["lost"], len(first.refused)) == (3, 3, 3)


def test_what_is_kept_of_a_row_is_short() -> None:
    losses = Losses()
    losses.add(Path("a.csv"), 1, "lost", "x" * 10_000)
    assert len(losses.refused[0].content) == 500


def test_words_name_the_commonest_and_count_the_kinds_that_are_left_over() -> None:
    losses = Losses()
    for number in range(5):
        for _ in range(number + 1):
            losses.add(Path("a.csv"), 1, f"reason {number}", "")
    assert losses.in_words(2) == ["5 × reason 4", "4 × reason 3", "3 more kinds of losses, in refused.csv"]
    assert len(losses.in_words()) == 5


def test_the_first_loss_of_each_kind_has_a_place() -> None:
    losses, other = Losses(), Losses()
    losses.add(Path("a/items.csv"), 3, "no id", "x, " * 100)
    losses.add(Path("a/items.csv"), 4, "no id", "y")
    other.add(Path("a/items.csv"), 0, "broken", Path("images/b.jpg"))
    other.add(Path("a/items.csv"), 9, "no id", "z")
    losses.merge(other)
    assert losses.firsts["no id"].startswith("items.csv, line 3: x, x")
    assert len(losses.firsts["no id"]) < 100
    assert losses.firsts["broken"] == "items.csv: b.jpg"
