"""Colors of pictures and of tastes: what a picture shows in few colors, and how colors are called.

Colors are CIELAB under D65. A color's place is the nearest of fixed anchors over the whole solid, so that any two
pictures can be compared by how much of each place they show. Knows pixels and names; knows no item and no model.
"""

# K colors, N pixels, A anchors

from collections.abc import Mapping
from functools import cache
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial import cKDTree

from genrec.schema import FloatArray

_SPACING = 17.0  # between anchors, in ΔE
_SMALL_PX = 48  # pictures are looked at in this size
_PLAIN_SPREAD, _PLAIN_SHARE = 9.0, 0.72  # how near the border's colors lie together where a background is plain
NAMED: Mapping[str, tuple[int, int, int]] = {
    "red": (196, 48, 46), "orange": (236, 132, 44), "yellow": (244, 206, 74), "green": (72, 146, 82),
    "teal": (42, 150, 150), "blue": (58, 100, 190), "purple": (122, 74, 168), "pink": (240, 156, 184),
    "brown": (126, 84, 54), "black": (40, 40, 46), "white": (248, 247, 244), "gray": (142, 146, 152),
    "beige": (222, 204, 174), "cream": (244, 234, 208), "navy": (34, 46, 92), "terracotta": (200, 102, 70),
    "sage": (158, 176, 142), "mint": (168, 222, 196), "olive": (122, 124, 60), "burgundy": (112, 30, 48),
    "lavender": (188, 172, 222), "turquoise": (72, 196, 200), "gold": (206, 166, 72), "peach": (250, 196, 160),
    "sky blue": (146, 196, 232), "charcoal": (70, 72, 78), "silver": (198, 202, 206), "rust": (156, 72, 40),
}  # fmt: skip


def to_lab(rgb: NDArray[np.uint8] | FloatArray | tuple[float, ...]) -> FloatArray:
    """sRGB in 0..255, shape (..., 3), to CIELAB, float32 (..., 3)."""
    pixels = (np.asarray(rgb, dtype=np.float32) / 255).astype(np.float32)
    if not pixels.size:
        return pixels
    return cast(FloatArray, cv2.cvtColor(pixels.reshape(1, -1, 3), cv2.COLOR_RGB2LAB).reshape(pixels.shape))


def to_rgb(lab: FloatArray) -> NDArray[np.uint8]:
    """CIELAB to sRGB, uint8 (..., 3); colors beyond sRGB are clipped."""
    pixels = np.asarray(lab, dtype=np.float32)
    if not pixels.size:
        return pixels.astype(np.uint8)
    rgb = cv2.cvtColor(pixels.reshape(1, -1, 3), cv2.COLOR_LAB2RGB).reshape(pixels.shape)
    return np.clip(np.rint(rgb * 255), 0, 255).astype(np.uint8)


@cache
def _anchors() -> "cKDTree[None]":
    """Places of colors: a lattice over all that sRGB can show."""
    steps = np.linspace(0, 255, 18)
    solid = to_lab(np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3).astype(np.float32))
    cells = np.unique(np.round(solid / _SPACING), axis=0)
    return cKDTree(cells * _SPACING)


def num_places() -> int:
    """How many places of colors there are."""
    return int(_anchors().n)


def color_shares(lab_N3: FloatArray, weights_N: FloatArray | None = None) -> FloatArray:
    """How much of each place the pixels show, float32 (A,), in sum 1; zeros for no pixels."""
    places = _anchors().query(lab_N3.reshape(-1, 3))[1] if lab_N3.size else np.zeros(0, dtype=np.int64)
    counts = np.bincount(places, weights_N, minlength=num_places()).astype(np.float32)
    return cast(FloatArray, counts / max(float(counts.sum()), 1e-9))


def likeness(first_A: FloatArray, second_A: FloatArray) -> float:
    """How alike two distributions of colors are, 0 to 1: places near each other count in part (Bhattacharyya)."""
    return float(np.sqrt(_spread(first_A) * _spread(second_A)).sum())


@cache
def _nearness() -> FloatArray:
    points = _anchors().data
    apart = np.linalg.norm(points[:, None] - points[None], axis=-1)
    near = np.exp(-((apart / _SPACING) ** 2) / 2)
    return cast(FloatArray, (near / near.sum(axis=1, keepdims=True)).astype(np.float32))


def _spread(shares_A: FloatArray) -> FloatArray:
    return shares_A @ _nearness()


def item_pixels(picture: Image.Image) -> FloatArray:
    """The colors of a picture's item, CIELAB (N, 3): without a plain background, where it has one; never none.

    Quick and rough, for counting colors: `cutout` finds the item's outline.
    """
    small = picture.convert("RGB").resize((_SMALL_PX, _SMALL_PX), Image.Resampling.BOX)
    lab = to_lab(np.asarray(small))
    border = np.concatenate([lab[:2].reshape(-1, 3), lab[:, :2].reshape(-1, 3), lab[:, -2:].reshape(-1, 3)])
    middle = np.median(border, axis=0)
    if (np.linalg.norm(border - middle, axis=1) < _PLAIN_SPREAD).mean() < _PLAIN_SHARE:
        return cast(FloatArray, lab.reshape(-1, 3))
    bottom = np.median(lab[-2:].reshape(-1, 3), axis=0)  # a studio's floor may be of another shade
    apart = np.minimum(np.linalg.norm(lab - middle, axis=-1), np.linalg.norm(lab - bottom, axis=-1))
    kept = lab[apart > _PLAIN_SPREAD * 1.4]
    return cast(FloatArray, kept if len(kept) >= 24 else lab.reshape(-1, 3))


def palette_of(lab_N3: FloatArray, weights_A: FloatArray, num_colors: int = 4) -> tuple[FloatArray, FloatArray]:
    """The heaviest places' own colors, CIELAB (K, 3), and their weights (K,), in sum 1; near ones are taken together.

    weights_A: of the places; lab_N3: pixels that show how the colors of a place look here.
    """
    places = _anchors().query(lab_N3)[1] if len(lab_N3) else np.zeros(0, dtype=np.int64)
    left = weights_A.astype(np.float64)
    colors: list[FloatArray] = []
    weights: list[float] = []
    points = _anchors().data
    while len(colors) < num_colors and left.max() > 0.04 * max(weights_A.sum(), 1e-9):
        best = int(left.argmax())
        near = np.linalg.norm(points - points[best], axis=1) < 1.5 * _SPACING
        shown = lab_N3[near[places]] if len(places) else lab_N3
        colors.append(np.median(shown, axis=0) if len(shown) else points[best])
        weights.append(float(left[near].sum()))
        left[near] = 0.0
    if not colors:
        return np.zeros((0, 3), dtype=np.float32), np.zeros(0, dtype=np.float32)
    order = np.argsort(-np.array(weights), kind="stable")
    found = np.array(weights)[order]
    return np.array(colors, dtype=np.float32)[order], (found / found.sum()).astype(np.float32)


def color_name(lab_3: FloatArray) -> str:
    """What a color is called: the nearest of some thirty names."""
    names = list(NAMED)
    values = to_lab(np.array(list(NAMED.values()), dtype=np.float32))
    return names[int(np.linalg.norm(values - lab_3, axis=1).argmin())]
