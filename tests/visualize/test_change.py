from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from genrec.visualize.change import item_colors, read_change
from genrec.visualize.colors import color_name, to_lab
from genrec.visualize.cutout import whole
from genrec.visualize.taste import Taste
from genrec.visualize.vocabulary import Vocabulary

WORDS = Vocabulary(
    frozenset(["striped", "with", "stripes", "dots", "plain", "leather", "without", "a", "pattern", "in"])
)
GREEN = whole(np.asarray(Image.new("RGB", (32, 32), (62, 148, 76))))


def taste_of(*rgb, values=()):
    palette = to_lab(np.array(rgb, np.float32))
    weights = np.full(len(rgb), 1 / len(rgb), np.float32)
    return Taste(palette_K3=palette, weights_K=weights, shares_A=np.zeros(1, np.float32), values=values, shaped_by=())


def read(words, taste=None, strength=1.0, cutout=GREEN):
    return read_change(words, cutout, WORDS, taste, strength)


@pytest.mark.parametrize(
    ("words", "color"),
    [
        ("in red", "red"),
        ("navy please", "navy"),
        ("make it sky blue", "sky blue"),
        ("Teal", "teal"),
        ("lavender", "lavender"),
    ],
)
def test_a_named_color_becomes_the_main_one(words, color):
    assert color_name(read(words).palette_K3[0]) == color


def test_two_named_colors_are_main_and_accent():
    change = read("white with red dots")
    assert [color_name(color) for color in change.palette_K3] == ["white", "red"]
    assert (change.pattern, change.words) == ("dotted", "")


@pytest.mark.parametrize(
    ("word", "axis", "sign"), [("warmer", 2, 1), ("cooler", 2, -1), ("darker", 0, -1), ("lighter", 0, 1)]
)
def test_comparatives_move_the_items_own_color(word, axis, sign):
    before, after = item_colors(GREEN)[0], read(word).palette_K3[0]
    assert sign * (after[axis] - before[axis]) > 5


def striped():
    pixels = np.full((32, 32, 3), (62, 148, 76), np.uint8)
    pixels[:, ::4] = (245, 245, 240)
    return whole(pixels)


@pytest.mark.parametrize("words", ["without stripes", "without any pattern", "plain", "no pattern"])
def test_a_pattern_goes_where_it_is_turned_down(words):
    change = read(words, cutout=striped())
    assert (change.pattern, change.is_plain, change.recolors) == (None, True, ())


@pytest.mark.parametrize(
    ("words", "pattern"), [("striped", "striped"), ("with polka dots", "dotted"), ("in plaid", "checked")]
)
def test_a_pattern_is_told_by_its_words(words, pattern):
    change = read(words)
    assert (change.pattern, change.words, change.not_drawn) == (pattern, "", ())
    assert np.linalg.norm(change.palette_K3[0] - change.palette_K3[1]) > 20


def test_no_words_move_toward_the_taste_as_far_as_its_strength_goes():
    taste = taste_of((206, 44, 44), (250, 249, 246), values=("striped", "unheard"))
    own, red = item_colors(GREEN)[0], taste.palette_K3[0]
    far, near = read("", taste, 1.0), read("", taste, 0.25)
    np.testing.assert_allclose(far.palette_K3[0], red, atol=1e-3)
    assert np.linalg.norm(near.palette_K3[0] - own) < np.linalg.norm(far.palette_K3[0] - own)


def test_what_is_no_pattern_cannot_be_left_out_and_is_told():
    change = read("in red without a handle", cutout=striped())
    assert (change.is_plain, change.not_drawn) == (False, ("handle",))


def test_an_item_that_is_half_transparent_has_colors():
    glass = replace(GREEN, alpha_HW=np.full((32, 32), 0.5, np.float32))
    assert color_name(item_colors(glass)[0]) == "green"


def test_what_the_model_does_not_know_is_told():
    change = read("in red with a unicorn")
    assert change.not_drawn == ("unicorn",)
    assert color_name(change.palette_K3[0]) == "red"


@pytest.mark.parametrize(("words", "why"), [("unicorns", "nothing of this"), ("", "nothing is known of the taste")])
def test_where_nothing_changes_the_reason_is_told(words, why):
    change = read(words)
    assert change.is_empty
    assert why in change.why_empty


def test_an_accent_always_stands_out():
    change = read("green with dots")
    assert np.linalg.norm(change.palette_K3[0] - change.palette_K3[1]) > 20


def test_a_model_of_any_words_reads_them_as_they_are():
    change = read_change("in red, made of lego", GREEN, Vocabulary(), None, 1.0)
    assert (change.words, change.palette_K3, change.not_drawn) == ("in red, made of lego", None, ())
