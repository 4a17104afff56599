"""A column is encoded with one dictionary, however it is cut."""

import pyarrow as pa
import pytest

from genrec.data.values import dictionary_encoded


@pytest.mark.parametrize(
    "chunks",
    [[], [["a", "b"]], [["a"], ["b", "a", None]], [[""], ["", None]], [[None], [None]]],
    ids=["none", "one", "two", "empty texts", "nothing"],
)
def test_chunks_share_one_dictionary_and_keep_their_values(chunks: list[list[str | None]]) -> None:
    column = pa.chunked_array([pa.array(chunk, pa.string()) for chunk in chunks], pa.string())
    coded = dictionary_encoded(column)
    assert [value for chunk in chunks for value in chunk] == coded.cast(pa.string()).to_pylist()
    assert all(chunk.dictionary.equals(coded.chunk(0).dictionary) for chunk in coded.chunks)
