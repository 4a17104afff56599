import numpy as np
import pytest

from genrec.errors import ShapeError
from genrec.visualize.families import PALETTE_WIDTH, palette_vector

LAB = np.array([[50.0, 10.0, -20.0], [90.0, 0.0, 0.0], [20.0, 60.0, 40.0], [70.0, -30.0, 5.0], [10.0, 1.0, 2.0]])


def test_colors_stand_heaviest_first_scaled_with_their_shares():
    vector = palette_vector(LAB[:2], np.array([1.0, 3.0]))
    np.testing.assert_allclose(vector[:8], [0.9, 0, 0, 0.75, 0.5, 0.1, -0.2, 0.25], atol=1e-6)
    assert not vector[8:].any()
    assert vector.shape == (PALETTE_WIDTH,)
    assert vector.dtype == np.float32


def test_no_more_than_four_colors_are_kept_and_the_order_they_come_in_is_irrelevant():
    weights = np.array([0.1, 0.3, 0.2, 0.4, 0.05])
    vector, turned = palette_vector(LAB, weights), palette_vector(LAB[::-1], weights[::-1])
    np.testing.assert_array_equal(vector, turned)
    np.testing.assert_allclose(vector[3::4], [0.4, 0.3, 0.2, 0.1], atol=1e-6)


def test_no_palette_is_zeros_and_colors_without_weight_are_none():
    for nothing in (palette_vector(None, None), palette_vector(LAB[:0], None), palette_vector(LAB, np.zeros(5))):
        np.testing.assert_array_equal(nothing, np.zeros(PALETTE_WIDTH))
    np.testing.assert_array_equal(palette_vector(LAB[:1], None)[3], 1.0)


@pytest.mark.parametrize(("colors", "weights"), [(LAB[:2], np.ones(3)), (LAB[0], None), (np.ones((2, 4)), None)])
def test_other_shapes_are_refused(colors, weights):
    with pytest.raises(ShapeError, match=r"wanted \(K, 3\) in CIELAB"):
        palette_vector(colors, weights)
