import numpy as np
import pytest

from genrec.errors import ShapeError
from genrec.visualize import taste_vector


def unit_rows(shape, seed=0):
    rows = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def test_the_taste_of_one_picture_is_that_picture():
    history = unit_rows((1, 6))
    np.testing.assert_allclose(taste_vector(history, unit_rows(6, seed=1), 0.1), history[0], atol=1e-6)


def test_a_low_temperature_listens_to_the_likest_picture():
    history, item = unit_rows((5, 6)), unit_rows(6, seed=1)
    likest = history[np.argmax(history @ item)]
    assert taste_vector(history, item, 1e-3) @ likest > 0.999
    assert taste_vector(history, item, 10.0) @ likest < 0.95


def test_a_high_temperature_is_the_plain_centroid():
    history, item = unit_rows((5, 6)), unit_rows(6, seed=1)
    centroid = history.mean(axis=0) / np.linalg.norm(history.mean(axis=0))
    np.testing.assert_allclose(taste_vector(history, item, 1e6), centroid, atol=1e-4)


def test_taste_is_a_unit_vector_whatever_the_order_of_the_history():
    history, item = unit_rows((7, 6)), unit_rows(6, seed=1)
    taste = taste_vector(history, item, 0.1)
    assert np.linalg.norm(taste) == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(taste, taste_vector(history[::-1], item, 0.1), atol=1e-6)


@pytest.mark.parametrize("history", [np.zeros((0, 6), np.float32), np.ones((2, 5), np.float32)])
def test_an_empty_or_foreign_history_is_refused(history):
    with pytest.raises(ShapeError, match="encode history and item with the same model"):
        taste_vector(history, unit_rows(6), 0.1)
