import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from genrec.visualize.colors import NAMED, color_name, color_shares, item_pixels, likeness, palette_of, to_lab, to_rgb

RGB = st.tuples(*[st.integers(0, 255)] * 3)


@given(RGB)
def test_colors_survive_the_way_to_lab_and_back(rgb):
    np.testing.assert_allclose(to_rgb(to_lab(rgb)).astype(int), rgb, atol=1)


def test_white_black_and_gray_have_no_hue():
    lab = to_lab(np.array([[255, 255, 255], [0, 0, 0], [128, 128, 128]], np.uint8))
    assert lab[:, 0] == pytest.approx([100, 0, 53.6], abs=0.1)
    assert np.abs(lab[:, 1:]).max() < 0.1


@pytest.mark.parametrize("name", list(NAMED))
def test_every_named_color_is_called_by_its_name(name):
    assert color_name(to_lab(NAMED[name])) == name


@given(st.lists(RGB, min_size=1, max_size=30))
def test_shares_sum_to_one_and_are_most_like_themselves(colors):
    shares = color_shares(to_lab(np.array(colors, np.uint8)))
    assert shares.sum() == pytest.approx(1, abs=1e-4)
    assert likeness(shares, shares) == pytest.approx(1, abs=1e-4)


def test_near_colors_are_more_alike_than_far_ones():
    red, orange, blue = (
        color_shares(to_lab(np.array([c], np.uint8))) for c in ((200, 40, 40), (220, 90, 40), (30, 60, 200))
    )
    assert likeness(red, orange) > likeness(red, blue) + 0.1


def test_a_plain_background_is_not_the_items_color():
    picture = Image.new("RGB", (96, 96), (226, 221, 212))
    ImageDraw.Draw(picture).ellipse((24, 24, 72, 72), fill=NAMED["blue"])
    pixels = item_pixels(picture)
    assert color_name(np.median(pixels, axis=0)) == "blue"


def test_a_picture_without_a_plain_background_is_taken_whole():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    assert len(item_pixels(Image.fromarray(noise))) == 48 * 48


def test_a_palette_holds_the_heaviest_colors_first():
    pixels = to_lab(np.array([[200, 40, 40]] * 70 + [[48, 96, 200]] * 30, np.uint8))
    colors, weights = palette_of(pixels, color_shares(pixels))
    assert [color_name(color) for color in colors] == ["red", "blue"]
    assert weights == pytest.approx([0.7, 0.3], abs=0.01)


def test_nothing_has_no_palette():
    colors, weights = palette_of(np.zeros((0, 3), np.float32), color_shares(np.zeros((0, 3), np.float32)))
    assert colors.shape == (0, 3)
    assert weights.shape == (0,)
