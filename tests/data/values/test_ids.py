import pyarrow as pa
import pytest
from columns_of import column
from hypothesis import given
from hypothesis import strategies as st

from genrec.data.values import ids, match_ids


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("12.0", "13", "1.2e+1", "1.2e1"), ["12", "13", "12", "12"]),
        (("12.0", "B00X"), ["12.0", "B00X"]),
        (("0108775015", "0110065001"), ["0108775015", "0110065001"]),
        ((" 12 ", None, ""), ["12", "", ""]),
        (("1.5", "2.0"), ["1.5", "2.0"]),
        (("12", "nan", "13.0"), ["12", "", "13"]),
        (("12e5", "13"), ["12e5", "13"]),
        (("nan", "bob"), ["nan", "bob"]),
    ],
)
def test_ids_are_texts_and_whole_numbers_one_spelling(cells, expected):
    assert ids(column(*cells)).values.to_pylist() == expected


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (pa.array([12.0, None, 7.0]), ["12", "", "7"]),
        (pa.array([2**60 + 1, None]), [str(2**60 + 1), ""]),
        (pa.array([2**64 - 1], pa.uint64()), [str(2**64 - 1)]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array([None, None]), ["", ""]),
    ],
)
def test_ids_of_parquet_are_exact(cells, expected):
    assert ids(pa.chunked_array([cells])).values.to_pylist() == expected


def test_truths_and_lists_are_no_ids():
    found = ids([12, 12.0, True, "x", None, ["y"]])
    assert found.values.to_pylist() == ["12", "12", "", "x", "", ""]
    assert (found.odd.count, found.odd.rows.tolist()) == (2, [2, 5])


def test_numbers_that_a_table_program_rounded_are_noted():
    assert "rounded" in ids(column("9.78043902348e+12", "12")).notes[0]


@given(st.lists(st.text() | st.integers() | st.floats() | st.none()))
def test_ids_of_ids_are_the_same(cells):
    once = ids(cells).values
    assert len(once) == len(cells)
    assert ids(once).values.to_pylist() == once.to_pylist()


@pytest.mark.parametrize(
    ("wanted", "known", "rows", "note"),
    [
        (["a", "b", "x"], ["b", "a"], [1, 0, -1], None),
        (["12.0", "B1", "13.0"], ["12", "13", "B1"], [0, 2, 1], "as whole numbers"),
        (["108775015", "110065001"], ["0108775015", "0110065001"], [0, 1], "leading zeros restored to 10 digits"),
        (["B00X", "B00Y"], ["b00x", "b00y"], [0, 1], "regardless of case"),
        (["a", "c"], [" a", "b ", "c "], [0, 2], "without the blanks"),
        (["007", "08"], ["7", "8", "10"], [0, 1], "without their leading zeros"),
        (["x", "y"], ["a", "b"], [-1, -1], None),
    ],
)
def test_ids_match_in_the_form_that_explains_most(wanted, known, rows, note):
    found = match_ids(column(*wanted), known)
    assert found.rows.tolist() == rows
    assert [note in said for said in found.notes] == ([True] if note else [])


def test_where_most_match_as_written_no_other_form_is_tried():
    assert match_ids(column("a", "b", "C"), ["a", "b", "c"]).rows.tolist() == [0, 1, -1]


def test_a_form_in_which_known_ids_are_the_same_names_none_of_them():
    assert match_ids(column("X", "Y"), ["x", "x ", "y"]).rows.tolist() == [-1, 2]


def test_ids_with_a_power_of_ten_are_the_whole_numbers_they_stand_for() -> None:
    found = match_ids(column("1e5", "2E+05", "3"), ["100000", "200000", "3", "4"])
    assert found.rows.tolist() == [0, 1, 2]
    assert "power of ten" in found.notes[0]
    assert match_ids(column("1e5"), ["1e5", "100000"]).rows.tolist() == [0]
