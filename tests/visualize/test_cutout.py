import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_pictures import made
from PIL import Image

from genrec.errors import InputError
from genrec.visualize.cutout import MAX_SIDE_PX, Cutout, cut_out


def overlap(cutout: Cutout, truth_HW: np.ndarray) -> float:
    """Intersection over union of the item found and the item drawn."""
    found, drawn = cutout.alpha_HW > 0.5, truth_HW > 0.5
    return float((found & drawn).sum() / (found | drawn).sum())


@pytest.mark.parametrize("shape", ["disc", "mug", "chair", "trousers", "board"])
@pytest.mark.parametrize("size", [(128, 128), (128, 192), (300, 260)])
def test_the_item_is_found_and_its_holes_are_open(shape: str, size: tuple[int, int]) -> None:
    drawn = made(shape, size=size)
    cutout = cut_out(drawn.picture)
    assert cutout.kind == "item"
    assert overlap(cutout, drawn.truth_HW) > 0.96


@pytest.mark.parametrize("behind", [(255, 255, 255), (200, 205, 215), (120, 150, 120)])
def test_the_background_may_be_of_any_plain_color(behind: tuple[int, int, int]) -> None:
    drawn = made("mug", behind=behind)
    assert overlap(cut_out(drawn.picture), drawn.truth_HW) > 0.96


def test_a_shadow_on_the_ground_is_no_part_of_the_item_but_told() -> None:
    drawn = made("mug", color=(40, 80, 170), shadow=True)
    cutout = cut_out(drawn.picture)
    assert overlap(cutout, drawn.truth_HW) > 0.94
    assert cutout.casts_shadow
    assert not cut_out(made("mug", color=(40, 80, 170)).picture).casts_shadow


@pytest.mark.parametrize("quality", [60, 75, 90])
@pytest.mark.parametrize("color", [(40, 80, 170), (200, 30, 30), (20, 20, 20), (240, 200, 60)])
def test_compression_does_not_change_what_the_item_is(color: tuple[int, int, int], quality: int) -> None:
    drawn = made("mug", size=(192, 192), color=color)
    stored = io.BytesIO()
    drawn.picture.save(stored, "JPEG", quality=quality)
    with Image.open(stored) as picture:
        assert overlap(cut_out(picture), drawn.truth_HW) > 0.93


@settings(max_examples=60, deadline=None)
@given(
    shape=st.sampled_from(["disc", "mug", "chair", "trousers", "board"]),
    color=st.tuples(*[st.integers(0, 255)] * 3),
    behind=st.tuples(*[st.integers(110, 255)] * 3),
    width=st.integers(64, 220),
    height=st.integers(64, 220),
    seed=st.integers(0, 99),
)
def test_where_alpha_is_one_the_pixels_are_the_pictures(
    shape: str, color: tuple[int, int, int], behind: tuple[int, int, int], width: int, height: int, seed: int
) -> None:
    drawn = made(shape, size=(width, height), color=color, behind=behind, seed=seed)
    cutout = cut_out(drawn.picture)
    solid_HW = cutout.alpha_HW == 1
    assert np.array_equal(cutout.pixels_HW3[solid_HW], np.asarray(drawn.picture)[solid_HW])
    assert cutout.alpha_HW.min() >= 0
    assert cutout.alpha_HW.max() == 1
    assert (cutout.why_whole is None) == (cutout.kind == "item")
    if cutout.kind == "item" and _distance(color, behind) > 90:  # a clear item is cut out right or not at all
        assert overlap(cutout, drawn.truth_HW) > 0.85  # legs are four pixels wide in the smallest


def _distance(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    return float(np.linalg.norm(np.subtract(one, other)))


def test_edges_are_soft_and_free_from_the_backgrounds_color() -> None:
    drawn = made("disc", size=(160, 160), color=(20, 40, 160), behind=(245, 235, 120), falloff=0)
    cutout = cut_out(drawn.picture)
    mixed_HW = (cutout.alpha_HW > 0.05) & (cutout.alpha_HW < 1)
    assert 0.3 < mixed_HW.sum() / (np.pi * 0.55 * 160) < 3  # a ring of a pixel or two
    off_P = np.abs(cutout.pixels_HW3[mixed_HW].astype(float) - drawn.item_HW3[mixed_HW]).max(-1)
    before_P = np.abs(np.asarray(drawn.picture)[mixed_HW].astype(float) - drawn.item_HW3[mixed_HW]).max(-1)
    assert np.median(off_P) < 12 < np.median(before_P)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ("letters", "scattered"),
        ("speck", "takes 1%"),
        ("bar", "plain|cut"),
    ],
)
def test_what_cannot_be_trusted_is_left_whole_with_the_reason(shape: str, said: str) -> None:
    picture = made(shape).picture
    cutout = cut_out(picture)
    assert cutout.kind == "whole"
    assert cutout.is_flat
    assert np.array_equal(cutout.pixels_HW3, np.asarray(picture))
    assert (cutout.alpha_HW == 1).all()
    assert any(word in (cutout.why_whole or "") for word in said.split("|")), cutout.why_whole


def test_no_plain_border_no_cut_out() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (96, 96, 3)).astype(np.uint8)
    assert cut_out(Image.fromarray(noise)).why_whole == "its border shows no plain background"


def test_a_print_on_a_shirt_of_the_backgrounds_color_is_not_taken_for_the_item() -> None:
    shirt = made("board", size=(160, 160), color=(255, 254, 252), behind=(246, 245, 243), falloff=0.02, noise=0.5)
    pixels = np.asarray(shirt.picture).copy()
    pixels[66:96, 64:96] = (30, 60, 40)
    cutout = cut_out(Image.fromarray(pixels))
    assert cutout.kind == "whole" or overlap(cutout, shirt.truth_HW) > 0.9


@pytest.mark.parametrize("level", [0, 12, 128, 255])
def test_a_picture_of_one_color_is_whole(level: int) -> None:
    assert cut_out(Image.new("RGB", (80, 60), (level,) * 3)).kind == "whole"


def test_alpha_is_taken_as_it_is() -> None:
    drawn = made("mug")
    rgba = drawn.picture.convert("RGBA")
    rgba.putalpha(Image.fromarray((drawn.truth_HW * 255).astype(np.uint8)))
    cutout = cut_out(rgba)
    assert cutout.kind == "item"
    assert np.allclose(cutout.alpha_HW, drawn.truth_HW, atol=1 / 255)
    assert np.array_equal(cutout.pixels_HW3, np.asarray(drawn.picture))


def test_alpha_that_hides_nothing_is_no_alpha() -> None:
    drawn = made("mug")
    assert np.array_equal(cut_out(drawn.picture.convert("RGBA")).alpha_HW, cut_out(drawn.picture).alpha_HW)


def test_sides_that_cut_through_the_item_are_told() -> None:
    assert cut_out(made("trousers").picture).cut_by == {"bottom"}
    assert cut_out(made("mug").picture).cut_by == frozenset()


def test_a_picture_trimmed_to_its_item_is_not_cut() -> None:
    drawn = made("disc")
    rgba = drawn.picture.convert("RGBA")
    rgba.putalpha(Image.fromarray((drawn.truth_HW * 255).astype(np.uint8)))
    assert cut_out(rgba.crop(rgba.getbbox())).cut_by == frozenset()


def test_a_rectangle_is_flat_and_a_mug_is_not() -> None:
    assert cut_out(made("board").picture).is_flat
    assert not cut_out(made("mug").picture).is_flat


def test_large_pictures_are_reduced_first() -> None:
    drawn = made("disc", size=(1500, 750))
    cutout = cut_out(drawn.picture)
    assert cutout.alpha_HW.shape == (MAX_SIDE_PX // 2, MAX_SIDE_PX)
    assert cutout.kind == "item"


@pytest.mark.parametrize("mode", ["L", "LA", "P", "CMYK", "1", "RGBX"])
def test_any_mode_is_read(mode: str) -> None:
    cutout = cut_out(made("mug").picture.convert(mode))
    assert cutout.pixels_HW3.shape == (128, 128, 3)


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (Image.new("RGB", (4, 90)), "a picture of 4 × 90 pixels holds no item to cut out; give at least 8 each way"),
        (Image.new("RGBA", (40, 40)), "the picture is transparent all over; give one that shows the item"),
    ],
)
def test_pictures_without_an_item_are_refused_with_one_line(picture: Image.Image, said: str) -> None:
    with pytest.raises(InputError, match=f"^{said}$"):
        cut_out(picture)


def test_the_same_picture_gives_the_same_cut_out() -> None:
    picture = made("chair").picture
    one, other = cut_out(picture), cut_out(picture.copy())
    assert np.array_equal(one.alpha_HW, other.alpha_HW)
    assert np.array_equal(one.pixels_HW3, other.pixels_HW3)
