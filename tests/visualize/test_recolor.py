import numpy as np
import pytest
from PIL import Image

from genrec.shop.drawing import draw_item
from genrec.shop.vocabulary import sample_attributes
from genrec.visualize.change import item_colors
from genrec.visualize.colors import NAMED, color_name, color_shares, palette_of, to_lab
from genrec.visualize.cutout import cut_out, whole
from genrec.visualize.recolor import patterned, recolored, without_pattern

RED, NAVY, WHITE = (to_lab(NAMED[name]) for name in ("red", "navy", "white"))


def shaded(rgb):
    """A ball of one color, dark below."""
    shade = np.linspace(1.1, 0.55, 48)[:, None, None]
    return whole(np.clip(np.broadcast_to(np.array(rgb), (48, 48, 3)) * shade, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("before", ["green", "brown", "purple", "gray", "beige"])
@pytest.mark.parametrize("after", ["red", "navy", "yellow", "white", "black"])
def test_an_item_takes_another_color_and_keeps_its_shading(before, after):
    item = shaded(NAMED[before])
    main, _ = item_colors(item)
    pixels = recolored(item, [(main, to_lab(NAMED[after]))])
    middle = to_lab(pixels[15:25].reshape(-1, 3)).mean(axis=0)
    assert np.linalg.norm((middle - to_lab(NAMED[after])) * (0.5, 1, 1)) < 16
    light = to_lab(pixels)[..., 0].mean(axis=1)
    assert (np.diff(light) < 1.0).all()  # still darker toward the bottom


def test_colors_that_are_not_named_stay():
    pixels = np.full((40, 40, 3), NAMED["green"], np.uint8)
    pixels[:, 25:] = NAMED["orange"]
    main, accent = to_lab(NAMED["green"]), to_lab(NAMED["orange"])
    changed = recolored(whole(pixels), [(main, NAVY)])
    assert color_name(to_lab(changed[5, 5])) == "navy"
    assert np.abs(changed[5, 35].astype(int) - NAMED["orange"]).max() <= 6
    both = recolored(whole(pixels), [(main, NAVY), (accent, WHITE)])
    assert color_name(to_lab(both[5, 35])) == "white"


@pytest.mark.parametrize("pattern", ["striped", "dotted", "checked", "zigzag", "floral"])
def test_a_pattern_lies_on_what_has_the_main_color_alone(pattern):
    pixels = np.full((80, 80, 3), NAMED["green"], np.uint8)
    pixels[60:] = NAMED["orange"]
    marked = patterned(whole(pixels), pattern, to_lab(NAMED["green"]), WHITE)
    colors, weights = palette_of(to_lab(marked[:60].reshape(-1, 3)), color_shares(to_lab(marked[:60].reshape(-1, 3))))
    light = sorted(float(color[0]) for color in colors[:2])  # where it covers in part, as checks do, a lighter green
    assert light[0] == pytest.approx(to_lab(NAMED["green"])[0], abs=12)
    assert light[1] > light[0] + 8
    assert 0.08 < weights[1] < 0.6
    assert np.abs(marked[64:].astype(int) - NAMED["orange"]).max() <= 8


def test_the_made_worlds_items_take_any_color():
    rng = np.random.default_rng(0)
    for _ in range(20):
        item = cut_out(draw_item(sample_attributes(rng) | {"pattern": "plain", "color": "green"}, rng=rng))
        if item.kind == "item":
            main, _ = item_colors(item)
            pixels = Image.fromarray(recolored(item, [(main, RED)]))
            shown = to_lab(np.asarray(pixels)[item.alpha_HW > 0.9])
            assert np.quantile(np.linalg.norm((shown - RED) * (0.5, 1, 1), axis=1), 0.25) < 26


@pytest.mark.parametrize("pattern", ["striped", "dotted", "zigzag", "floral"])
def test_a_pattern_goes_and_other_parts_stay(pattern):
    pixels = np.full((90, 90, 3), NAMED["green"], np.uint8)
    marked = patterned(whole(pixels), pattern, to_lab(NAMED["green"]), WHITE)
    marked[70:] = NAMED["orange"]
    plain = without_pattern(whole(marked), to_lab(NAMED["green"]))
    assert (np.abs(plain[4:66, 4:86].astype(int) - NAMED["green"]).max(axis=-1) < 40).mean() > 0.93
    assert (plain[74:] == NAMED["orange"]).all()
