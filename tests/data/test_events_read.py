"""Tables of events as columns: an event is lost once, and odd numbers leave the others as they are."""

import numpy as np

from genrec.data.layouts.roles import find_event_roles
from genrec.data.losses import Losses
from genrec.data.readers.events import read_events
from genrec.data.tables import Table

ROLES = {"user_id": ("user",), "item_id": ("item",), "timestamp": ("time",), "rating": ("stars",)}
KNOWN = {"a": 0, "b": 1}


def events(**columns: list[str]) -> Table:
    return Table.of("events.csv", {"user": ["u", "v", "u"], "item": ["a", "b", "a"], **columns})


def test_an_event_of_several_faults_is_one_loss_by_the_first_of_them() -> None:
    table = events(user=["u", "", "u"], item=["a", "?", "?"], time=["1500000000", "soon", "soon"])
    losses = Losses()
    read = read_events(table, {**ROLES, "rating": ()}, KNOWN, losses)
    assert read.columns.items.tolist() == [0]
    assert losses.num_rows == 2
    assert dict(losses.counts) == {"event has no user id": 1, "event names an unknown item": 1}


def test_numbers_beyond_32_bits_are_left_out_with_a_note() -> None:
    table = events(time=["1500000000"] * 3, stars=["4", "1e300", "5"])
    read = read_events(table, ROLES, KNOWN, Losses())
    assert read.columns.ratings is not None
    assert np.nan_to_num(read.columns.ratings, nan=-1).tolist() == [4, -1, 5]
    assert any("1 numbers beyond 32 bits are left out" in note for note in read.notes)


def test_numbers_with_units_in_a_column_without_a_name_are_read_as_numbers() -> None:
    numbers = ["5"] * 20 + ["4 kg"]
    columns = {"column_1": [f"u{n % 5}" for n in range(21)], "column_2": ["a", "b", "a"] * 7, "column_3": numbers}
    found, _ = find_event_roles(Table.of("events.csv", columns), {}, {})
    assert found.roles["rating"] == ("column_3",)
