"""Gives an item other colors and patterns, pixel by pixel: its shape, parts, shading and highlights stay as they are.

Every pixel leans to the item's own colors that it is near to, and moves as they do. A pattern is laid flat over what
has the main color. Knows colors; knows no model and no words.
"""

# K colors of the item, H, W pixels

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from genrec.schema import FloatArray
from genrec.shop.surfaces import pattern_field
from genrec.visualize.colors import color_shares, palette_of, to_lab, to_rgb
from genrec.visualize.cutout import Cutout

_PATTERN_SCALE = 1.5  # of the made world's units, over the longer side of an item
_SPREAD = 11.0  # ΔE, within which a pixel is of a color
_SHADE = 0.45  # what lightness counts in that, because shading is of one color
_NEAR_MAIN = 20.0  # ΔE, within which a pixel has the main color
_PATTERN_REACH = 0.16  # of an item, that the motifs of a pattern are wide at most
_WHITE = np.array((98.0, 0.0, 1.0), dtype=np.float32)  # highlights
_STAYS_PLAIN = 14.0  # ΔE, to a highlight: an item of that color has none apart from itself


def recolored(cutout: Cutout, changes: Sequence[tuple[FloatArray, FloatArray]]) -> NDArray[np.uint8]:
    """The item's pixels, uint8 (H, W, 3), with colors replaced. changes: (own, new) in CIELAB (3,).

    Colors of the item that no change names stay.
    """
    lab_HW3 = to_lab(cutout.pixels_HW3)
    inside_N3 = lab_HW3[cutout.solid_HW]
    own, new = [old for old, _ in changes], [fresh for _, fresh in changes]
    others, _ = palette_of(inside_N3, color_shares(inside_N3), 5)
    for other in [*others, _WHITE]:
        if all(np.linalg.norm((other - color) * (_SHADE, 1, 1)) > _STAYS_PLAIN for color in own):
            own.append(other)
            new.append(other)
    own_K3, new_K3 = np.array(own, dtype=np.float32), np.array(new, dtype=np.float32)
    scale = np.array((_SHADE, 1.0, 1.0), dtype=np.float32)
    apart_HWK = (((lab_HW3[..., None, :] - own_K3) * scale) ** 2).sum(axis=-1)
    share_HWK = np.exp(-(apart_HWK - apart_HWK.min(axis=-1, keepdims=True)) / (2 * _SPREAD**2))
    share_HWK /= share_HWK.sum(axis=-1, keepdims=True)
    # Shading is a factor of lightness, so that dark folds of a light thing stay folds when it turns dark.
    factor_K = (new_K3[:, 0] + 4) / (own_K3[:, 0] + 4)
    lightness = (lab_HW3[..., 0] * (share_HWK * factor_K).sum(axis=-1)).clip(0, 100)
    shift_HW2 = share_HWK @ (new_K3[:, 1:] - own_K3[:, 1:])
    shade_HW1 = np.clip(lab_HW3[..., :1] / np.maximum((share_HWK @ own_K3[:, :1]), 1.0), 0.4, 1.25)
    changed = np.concatenate([lightness[..., None], lab_HW3[..., 1:] + shift_HW2 * shade_HW1], axis=-1)
    return to_rgb(changed.astype(np.float32))


def patterned(cutout: Cutout, pattern: str, main: FloatArray, accent: FloatArray) -> NDArray[np.uint8]:
    """The item's pixels, uint8 (H, W, 3), with a pattern of the accent on what has the main color, CIELAB (3,).

    pattern: one of those that the made world has, "striped" and so on, or "plain", which changes nothing.
    """
    left, top, right, bottom = cutout.box
    height, width = cutout.alpha_HW.shape
    y_HW, x_HW = np.mgrid[0:height, 0:width].astype(np.float32)
    scale = _PATTERN_SCALE / max(right - left, bottom - top)  # as large on an item of any size
    u_HW, v_HW = (x_HW - (left + right) / 2) * scale, (y_HW - (top + bottom) / 2) * scale
    cover_HW1 = pattern_field(pattern, u_HW, v_HW, scale)[..., None]
    marked_HW3 = recolored(cutout, [(main, accent)]).astype(np.float32)
    mixed_HW3 = cutout.pixels_HW3 + cover_HW1 * (marked_HW3 - cutout.pixels_HW3)
    return np.clip(np.rint(mixed_HW3), 0, 255).astype(np.uint8)


def without_pattern(cutout: Cutout, main: FloatArray) -> NDArray[np.uint8]:
    """The item's pixels, uint8 (H, W, 3), with what lies within its main color, CIELAB (3,), filled from around it.

    Parts of other colors that the main one does not enclose, as legs and soles are, stay.
    """
    lab_HW3 = to_lab(cutout.pixels_HW3)
    inside_HW = cutout.solid_HW
    is_main_HW = inside_HW & (np.linalg.norm((lab_HW3 - main) * (_SHADE, 1, 1), axis=-1) < _NEAR_MAIN)
    left, top, right, bottom = cutout.box
    reach = max(3, round(_PATTERN_REACH * max(right - left, bottom - top)) | 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    enclosed_HW = cv2.morphologyEx(is_main_HW.astype(np.uint8), cv2.MORPH_CLOSE, disc) > 0
    motif_HW = (enclosed_HW & inside_HW & ~is_main_HW).astype(np.uint8)
    rim_HW = cv2.dilate(motif_HW, np.ones((3, 3), np.uint8)) * inside_HW.astype(np.uint8)
    filled = cv2.inpaint(np.ascontiguousarray(cutout.pixels_HW3), rim_HW, 3, cv2.INPAINT_TELEA)
    return np.asarray(filled, dtype=np.uint8)
