"""The plain background of a product picture: its colors everywhere, also behind the item, and how far it reaches.

The border tells it: where most of it follows one smooth surface in CIELAB (a polynomial of low degree, so light may
fall off), that is the background. A flood from the border then passes over all that looks like it, lit or in shadow:
in a shadow chroma falls as lightness does, and the edge is soft. What the item is, this module does not know.
"""

# H height, W width, P pixels of a selection, D powers of one axis

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[Any]  # float32; OpenCV's stubs return arrays of no certain type
Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

DEEPEST_SHADE = 50  # by how much lightness falls in a shadow at most
SOFTNESS = 0.37  # a pixel in a shadow is steeper by this much of its depth at most; edges of things are steeper
_RING_SHARE = 0.02  # of the shorter side: how wide the border is that tells the background
_MIN_PLAIN = 0.6  # of the border that must follow one smooth surface
_MAX_NOISE = 4.0
_DARKEST = 30  # in a darker background, shades of the item cannot be told from it
_MAX_SAMPLES = 4000  # pixels that a surface is fitted to

BRUSH = np.ones((3, 3), np.uint8)
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


class Doubtful(Exception):
    """The picture is better left whole; the message says why."""


@dataclass(frozen=True, slots=True)
class View:
    """A picture as it is read here: its pixels, their color in CIELAB, and how steeply that changes, in ΔE a pixel."""

    rgb_HW3: Pixels
    lab_HW3: FloatArray
    slope_HW: FloatArray

    @classmethod
    def of(cls, rgb_HW3: Pixels) -> "View":
        lab_HW3 = cv2.cvtColor(rgb_HW3.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        return cls(rgb_HW3, lab_HW3, _slope(lab_HW3))

    @property
    def shape(self) -> tuple[int, int]:
        return self.lab_HW3.shape[:2]

    def with_sharp_chroma(self) -> "View":
        """As if JPEG had not let chroma bleed: brought back to where lightness has its edges (He, guided filter)."""
        light_HW, chroma_HW2 = self.lab_HW3[..., 0], self.lab_HW3[..., 1:]

        def mean(values: FloatArray) -> FloatArray:
            return cv2.boxFilter(values, -1, (15, 15))

        light_mean_HW, chroma_mean_HW2 = mean(light_HW), mean(chroma_HW2)
        spread_HW = mean(light_HW**2) - light_mean_HW**2
        joint_HW2 = mean(light_HW[..., None] * chroma_HW2) - light_mean_HW[..., None] * chroma_mean_HW2
        factor_HW2 = joint_HW2 / (spread_HW + 4)[..., None]
        offset_HW2 = chroma_mean_HW2 - factor_HW2 * light_mean_HW[..., None]
        sharp_HW2 = mean(factor_HW2) * light_HW[..., None] + mean(offset_HW2)
        return View(self.rgb_HW3, np.dstack([light_HW, sharp_HW2]), _slope(np.dstack([light_HW, sharp_HW2])))


@dataclass(frozen=True, slots=True)
class Background:
    """What lies behind, pixel by pixel, how the picture differs from it, and where it is seen.

    tint_HW: how far each pixel's chroma is from that of the background in the same light; shade_HW, brighter_HW: by how
    much it is darker or lighter, at least 0. noise: how far the background's own pixels stray, usual_tint and
    usual_slope: what nearly all of them have at most. All in ΔE.
    """

    lab_HW3: FloatArray
    tint_HW: FloatArray
    shade_HW: FloatArray
    brighter_HW: FloatArray
    noise: float
    usual_tint: float
    usual_slope: float
    seen_HW: Mask

    @property
    def near(self) -> float:
        """Within which a pixel may be the background's, in ΔE."""
        return 2.0 + 2.0 * self.noise

    @property
    def like_HW(self) -> Mask:
        """Pixels of the background's color, lit as it is."""
        light_HW = np.maximum(self.shade_HW, self.brighter_HW)
        return (light_HW < self.near) & (self.tint_HW < 1 + 1.5 * self.usual_tint)

    @property
    def tinted_HW(self) -> Mask:
        """Pixels of another chroma than the background's, in any light, and not by a neighbor's bleeding into them."""
        nearby = np.ones((11, 11), np.uint8)
        bleeding_HW = np.maximum(0.3 * cv2.dilate(self.tint_HW, nearby), 0.08 * cv2.dilate(self.apart_HW, nearby))
        return self.tint_HW > np.maximum(1.6 + 3 * self.usual_tint, bleeding_HW)

    @property
    def apart_HW(self) -> FloatArray:
        """How far each pixel is from the background, in any light."""
        return np.sqrt(self.tint_HW**2 + self.shade_HW**2 + self.brighter_HW**2)


def find_background(view: View) -> Background:
    """The plain background of a picture, where a flood from the border sees it. Raises Doubtful where none is plain."""
    surface_HW3, noise = _plain_surface(view)
    ring_HW = ring(view.shape)
    usual_tint = 1 + 1.5 * noise
    for degree in (2, 3, None):
        found = _seen(view, surface_HW3, noise, usual_tint, ring_HW)
        if degree is not None:
            lit_HW = found.seen_HW & found.like_HW
            surface_HW3 = _surface(view.lab_HW3, lit_HW, degree)
            usual_tint = max(0.2, float(np.quantile(found.tint_HW[lit_HW], 0.97)))  # with what compression bleeds
    seen_HW = found.seen_HW
    blurred_HW = found.like_HW & ~stands_out(found)
    for _ in range(4):  # on through the blur of the item's edge
        seen_HW |= (cv2.dilate(seen_HW.astype(np.uint8), _CROSS) > 0) & blurred_HW
    return found


def _seen(view: View, surface_HW3: FloatArray, noise: float, usual_tint: float, ring_HW: Mask) -> Background:
    """What a flood from the border passes over, given the background's surface and what its tint usually is."""
    tint_HW, shade_HW, brighter_HW = _differences(view.lab_HW3, surface_HW3)
    plain_HW = ring_HW & (tint_HW + shade_HW + brighter_HW < 2 + 2 * noise)
    if plain_HW.sum() < 20:
        raise Doubtful("its border shows no plain background")
    usual_slope = float(np.quantile(view.slope_HW[plain_HW], 0.97))
    found = Background(
        surface_HW3, tint_HW, shade_HW, brighter_HW, noise, usual_tint, usual_slope, np.zeros(view.shape, bool)
    )
    even = min(0.9 + 1.5 * usual_slope, 1.6 + noise)
    in_shade_HW = (tint_HW < 0.6 + 1.5 * usual_tint) & (brighter_HW < 1 + noise) & (shade_HW < DEEPEST_SHADE)
    passable_HW = found.like_HW & (view.slope_HW < even)
    passable_HW |= in_shade_HW & (view.slope_HW < even + SOFTNESS * shade_HW)
    found.seen_HW[:] = _flooded(passable_HW, ring_HW)
    if (found.seen_HW & found.like_HW).sum() < 20:
        raise Doubtful("its border shows no plain background")
    return found


def stands_out(background: Background) -> Mask:
    """Pixels that differ from the background about as much as any nearby: neither an edge's blur nor a shadow by it."""
    apart_HW = background.apart_HW
    return apart_HW > 0.4 * cv2.dilate(apart_HW, np.ones((7, 7), np.uint8))


def ring(shape: tuple[int, int]) -> Mask:
    """The border of a picture."""
    width = max(2, round(_RING_SHARE * min(shape)))
    ring_HW = np.ones(shape, bool)
    ring_HW[width:-width, width:-width] = False
    return ring_HW


def squared(values_HWC: FloatArray) -> FloatArray:
    return np.einsum("hwc,hwc->hw", values_HWC, values_HWC)


def _slope(lab_HW3: FloatArray) -> FloatArray:
    smooth_HW3 = cv2.GaussianBlur(lab_HW3, (0, 0), 0.7)
    across_HW3, down_HW3 = (cv2.Sobel(smooth_HW3, cv2.CV_32F, x, 1 - x, scale=1 / 8) for x in (1, 0))
    return np.sqrt(squared(across_HW3) + squared(down_HW3))


def _plain_surface(view: View) -> tuple[FloatArray, float]:
    """The surface that the border follows, and how far it strays from that."""
    lab_HW3, ring_HW = view.lab_HW3, ring(view.shape)
    middle_3 = np.median(lab_HW3[ring_HW], axis=0)
    if middle_3[0] < _DARKEST:
        raise Doubtful("its background is too dark")
    kept_HW = ring_HW & (squared(lab_HW3 - middle_3) < 12**2)
    for degree in (1, 1, 2, 2):
        if kept_HW.sum() < 0.5 * _MIN_PLAIN * ring_HW.sum():
            raise Doubtful("its border shows no plain background")
        surface_HW3 = _surface(lab_HW3, kept_HW, degree)
        strays_HW = np.sqrt(squared(lab_HW3 - surface_HW3))
        noise = float(np.median(strays_HW[kept_HW])) + 0.2
        kept_HW = ring_HW & (strays_HW < max(4.0, 3.5 * noise))
    if noise > _MAX_NOISE or kept_HW.sum() < _MIN_PLAIN * ring_HW.sum():
        raise Doubtful("its border shows no plain background")
    return surface_HW3, noise


def _surface(lab_HW3: FloatArray, chosen_HW: Mask, degree: int) -> FloatArray:
    """A polynomial of this degree in both axes, by least squares through the chosen pixels, at every pixel."""
    height, width = chosen_HW.shape
    y_HD, x_WD = (np.vander(np.linspace(-1, 1, n), degree + 1, increasing=True) for n in (height, width))
    rows_P, columns_P = np.nonzero(chosen_HW)
    every = -(-len(rows_P) // _MAX_SAMPLES)
    rows_P, columns_P = rows_P[::every], columns_P[::every]
    powers = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    terms_PT = np.stack([y_HD[rows_P, i] * x_WD[columns_P, j] for i, j in powers], axis=1)
    gram_TT = terms_PT.T @ terms_PT + 1e-4 * len(terms_PT) * np.eye(len(powers))
    factors_T3 = np.linalg.solve(gram_TT, terms_PT.T @ lab_HW3[rows_P, columns_P])
    factors_DD3 = np.zeros((degree + 1, degree + 1, 3))
    for (i, j), factor_3 in zip(powers, factors_T3, strict=True):
        factors_DD3[i, j] = factor_3
    planes = [y_HD @ factors_DD3[..., channel] @ x_WD.T for channel in range(3)]
    return np.stack(planes, axis=-1).astype(np.float32)


def _differences(lab_HW3: FloatArray, behind_HW3: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Tint, shade and excess of light of each pixel against the background; in a shadow chroma falls as lightness."""
    darker_HW = behind_HW3[..., 0] - lab_HW3[..., 0]
    light_HW = np.clip(lab_HW3[..., 0] / np.maximum(behind_HW3[..., 0], 1), 0, 1)
    chroma_HW2 = lab_HW3[..., 1:] - behind_HW3[..., 1:] * light_HW[..., None]
    return np.sqrt(squared(chroma_HW2)), np.maximum(darker_HW, 0), np.maximum(-darker_HW, 0)


def _flooded(passable_HW: Mask, ring_HW: Mask) -> Mask:
    """What a brush of three pixels reaches from the border, so that it does not leak through cracks."""
    padded = np.pad(passable_HW.astype(np.uint8), 1, mode="edge")
    free_HW = cv2.erode(padded, BRUSH)[1:-1, 1:-1]
    count, labels_HW = cv2.connectedComponents(free_HW, connectivity=4)
    swept = np.zeros(count, np.uint8)
    swept[labels_HW[ring_HW]] = 1
    swept[0] = 0
    return (cv2.dilate(swept[labels_HW], BRUSH) > 0) & passable_HW
