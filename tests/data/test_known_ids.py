import numpy as np
import pyarrow as pa

from genrec.data.values import KnownIds, match_ids


def column(*texts: str) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(texts, pa.string())])


def test_few_ids_are_found_among_many_as_they_are_among_few() -> None:
    names = [f"{number:05}" for number in range(300)] + ["Ab", "aB", "00007"]
    known = KnownIds(names)
    assert match_ids(column("00299", "Ab", "none", "00007"), known).rows.tolist() == [299, 300, -1, 7]
    some = [names[number] for number in range(0, 300, 60)]
    assert match_ids(column(*some), KnownIds(some * 50)).rows.tolist() == [0, 1, 2, 3, 4]  # all of the known are wanted


def test_known_ids_are_compared_in_each_form_though_asked_again_and_again() -> None:
    known = KnownIds([f"{number:05}" for number in range(300)])
    for _ in range(2):
        found = match_ids(column("7.0", "12", "x"), known)
        assert found.rows.tolist() == [7, 12, -1]
        assert "leading zeros" in found.notes[0]


def test_a_form_that_several_known_ids_share_names_none() -> None:
    known = KnownIds(["Ab", "aB", "cd", *(f"x{number}" for number in range(60))])
    assert match_ids(column("ab", "CD"), known).rows.tolist() == [-1, 2]
    assert np.all(match_ids(column("zz"), known).rows == -1)
