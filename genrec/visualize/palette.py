"""Palettes as models of this project read them.

A palette is up to four colors with weights, the strongest first; its numbers are those in CIELAB.
"""

# K colors

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from genrec.schema import FloatArray

MAX_COLORS = 4
WHITE_XYZ = np.array((0.95047, 1.0, 1.08883))
RGB_TO_XYZ = np.array(((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.072175), (0.0193339, 0.119192, 0.9503041)))


def to_lab(rgb: NDArray[np.uint8] | Sequence[float] | FloatArray) -> FloatArray:
    """sRGB in 0..255, shape (..., 3), to CIELAB under D65, float32 (..., 3)."""
    value = np.asarray(rgb, dtype=np.float64) / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    xyz = linear @ RGB_TO_XYZ.T / WHITE_XYZ
    root = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    lightness = 116 * root[..., 1] - 16
    lab = np.stack([lightness, 500 * (root[..., 0] - root[..., 1]), 200 * (root[..., 1] - root[..., 2])], axis=-1)
    return lab.astype(np.float32)


def to_rgb(lab: FloatArray) -> NDArray[np.uint8]:
    """CIELAB to sRGB, uint8 (..., 3); colors beyond sRGB are clipped."""
    value = np.asarray(lab, dtype=np.float64)
    middle = (value[..., 0] + 16) / 116
    root = np.stack([middle + value[..., 1] / 500, middle, middle - value[..., 2] / 200], axis=-1)
    xyz = np.where(root**3 > 216 / 24389, root**3, (116 * root - 16) * 27 / 24389) * WHITE_XYZ
    linear = np.clip(xyz @ np.linalg.inv(RGB_TO_XYZ).T, 0, 1)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.clip(np.rint(srgb * 255), 0, 255).astype(np.uint8)


def palette_numbers(palette: Sequence[tuple[Sequence[float], float]]) -> FloatArray:
    """A palette of (rgb, weight) as a palette adapter reads it, float32 (16,): L, a, b over 100 and the weight of each.

    Absent colors are zeros; no palette is all zeros.
    """
    numbers = np.zeros((MAX_COLORS, 4), dtype=np.float32)
    for place, (rgb, weight) in enumerate(palette[:MAX_COLORS]):
        numbers[place, :3] = to_lab(np.asarray(rgb, dtype=np.float32)) / 100
        numbers[place, 3] = weight
    return numbers.ravel()
