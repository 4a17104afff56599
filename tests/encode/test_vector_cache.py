"""Cached vectors are those that were encoded, or none."""

import numpy as np
import pytest

from genrec.encode.vector_cache import VectorCache

KEYS = ["a", "b", "c"]


@pytest.fixture
def cached(tmp_path):
    """A folder with three cached vectors."""
    cache = VectorCache(tmp_path)
    cache.add(KEYS, np.eye(3, dtype=np.float32))
    cache.flush()
    return tmp_path


def test_vectors_come_back(cached):
    np.testing.assert_array_equal(VectorCache(cached).get(["c", "a"]), np.eye(3, dtype=np.float32)[[2, 0]])


@pytest.mark.parametrize(
    "change",
    [
        {"vectors": np.eye(3, dtype=np.float32)[::-1].copy()},
        {"vectors": np.full((3, 3), np.nan, np.float32)},
        {"vectors": np.eye(3, 2, dtype=np.float32)},
        {"keys": np.array(["b", "a", "c"])},
        {"seal": np.array("another")},
    ],
)
def test_vectors_that_are_not_as_they_were_written_are_dropped_with_a_warning(cached, caplog, change):
    (file,) = cached.glob("*.npz")
    with np.load(file, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    np.savez(file, **(arrays | change))
    assert len(VectorCache(cached)) == 0
    assert "computed again" in caplog.text
