"""An item cut out of its picture: which pixels are the item's, with soft edges, or that the picture is best left whole.

Alpha is taken where the picture has one. Else the border must show a plain background, its colors in CIELAB following
a smooth surface over the picture; the item is what the background does not reach. A flood from the border passes over
all that looks like the background, also through soft shadows, and a watershed settles where the two meet. What shows
background inside the item, as the handle of a mug does, is open. A bad cut-out is worse than a framed picture: where
the result is doubtful (too small, too large, scattered, weak at its edge, frayed), or the border is not plain, the
picture is one whole, rectangular object. Loads no model; what is done with the item is `staging`'s.
"""

# H height, W width, C channels, P pixels of a selection, T terms of a surface

from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from genrec.errors import InputError

Kind = Literal["item", "whole"]
Side = Literal["left", "top", "right", "bottom"]
SIDES: tuple[Side, ...] = ("left", "top", "right", "bottom")

MAX_SIDE_PX = 1024  # larger pictures are reduced first
MIN_SIDE_PX = 8  # in less there is nothing to cut out
_RING_SHARE = 0.02  # of the shorter side: how wide the border is that tells the background
_MIN_PLAIN = 0.6  # of the border that must follow one smooth surface
_MIN_AREA, _MAX_AREA = 0.04, 0.90  # of the picture, beyond which a cut-out is doubtful

_DEEPEST_SHADE = 45  # by how much lightness falls in a shadow at most

_SOFTNESS = 0.37  # a pixel in a shadow is steeper by this much of its depth at most; edges of things are steeper

_MAX_THINGS = 4  # apart from each other on the background
_MAX_MARKS = 19  # parts of other colors than the background's, as letters are
_MAX_CONTOURS = 9  # of pieces and holes
_MAX_RAGGEDNESS = 12.0  # length of the outline, by the root of the area; a disc has 3.5, a chair about 9
_DARKEST = 30  # in a darker background, shades of the item cannot be told from it

FloatArray = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutout:
    """The item's pixels and how much of each is the item.

    pixels_HW3: the picture's where alpha is 1; the item's own color, freed from the background's, where it is between.
    cut_by: sides of the picture that cut through the item, so that it cannot stand free there.
    casts_shadow: whether the picture shows its shadow on a ground below it. is_flat: an upright rectangle or the whole.
    why_whole: the reason in a few words, where a picture was left whole.
    """

    pixels_HW3: npt.NDArray[np.uint8]
    alpha_HW: FloatArray
    kind: Kind
    cut_by: frozenset[Side] = field(default_factory=frozenset)
    casts_shadow: bool = False
    is_flat: bool = False
    why_whole: str | None = None

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of what is not wholly transparent; the right and bottom ones just outside."""
        columns, rows = np.flatnonzero(self.alpha_HW.any(0)), np.flatnonzero(self.alpha_HW.any(1))
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@dataclass(frozen=True, slots=True)
class _Background:
    """The plain background: its color at each pixel, and how far its own pixels stray from that, in ΔE."""

    lab_HW3: FloatArray
    noise: float


class _Doubtful(Exception):
    """The picture is better left whole; the message says why."""


def cut_out(picture: Image.Image) -> Cutout:
    """The item of a picture with a plain background or alpha, or the whole picture. Raises InputError below 8 pixels.

    picture: any mode and size; more than 1,024 pixels a side are reduced to that. Same picture, same cut-out.
    """
    if min(picture.size) < MIN_SIDE_PX:
        width, height = picture.size
        raise InputError(
            f"a picture of {width} × {height} pixels holds no item to cut out; give at least {MIN_SIDE_PX} each way"
        )
    has_alpha = picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info
    picture = _reduced(picture.convert("RGBA" if has_alpha else "RGB"))
    pixels_HWC = np.asarray(picture)
    if has_alpha and pixels_HWC[..., 3].min() < 255:
        return _by_alpha(pixels_HWC)
    rgb_HW3 = np.ascontiguousarray(pixels_HWC[..., :3])
    try:
        return _by_background(rgb_HW3)
    except _Doubtful as doubt:
        return whole(rgb_HW3, why=str(doubt))


def whole(rgb_HW3: npt.NDArray[np.uint8], *, why: str | None = None) -> Cutout:
    """The picture as one rectangular object."""
    opaque_HW = np.ones(rgb_HW3.shape[:2], np.float32)
    return Cutout(pixels_HW3=rgb_HW3, alpha_HW=opaque_HW, kind="whole", is_flat=True, why_whole=why)


def _reduced(picture: Image.Image) -> Image.Image:
    scale = MAX_SIDE_PX / max(picture.size)
    if scale >= 1:
        return picture
    width, height = (max(MIN_SIDE_PX, round(side * scale)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


# ---- by alpha


def _by_alpha(rgba_HW4: npt.NDArray[np.uint8]) -> Cutout:
    alpha_HW = rgba_HW4[..., 3].astype(np.float32) / 255
    rgb_HW3 = np.ascontiguousarray(rgba_HW4[..., :3])
    solid_HW = alpha_HW > 0.5
    if not solid_HW.any():
        raise InputError("the picture is transparent all over; give one that shows the item")
    if solid_HW.all():
        return whole(rgb_HW3)
    cut_by = _cut_sides(solid_HW)
    if len(cut_by) == len(SIDES):  # trimmed to the item, not cut
        cut_by = frozenset()
    return Cutout(
        pixels_HW3=rgb_HW3,
        alpha_HW=alpha_HW,
        kind="item",
        cut_by=cut_by,
        is_flat=_is_rectangle(solid_HW),
    )


# ---- by a plain background


def _by_background(rgb_HW3: npt.NDArray[np.uint8]) -> Cutout:
    lab_HW3 = cv2.cvtColor(rgb_HW3.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    background = _plain_background(lab_HW3)
    behind_HW, background = _reached(lab_HW3, background)
    _doubt_scattered(lab_HW3, background, behind_HW)
    item_HW = _settled(rgb_HW3, lab_HW3, background, behind_HW)
    item_HW = _without_specks(item_HW)
    cut_by = _cut_sides(item_HW)
    _doubt(item_HW, _slope(lab_HW3), cut_by)
    _doubt_faint(lab_HW3, background, item_HW)
    behind_HW3 = cv2.cvtColor(background.lab_HW3, cv2.COLOR_LAB2RGB) * 255
    alpha_HW, pixels_HW3 = _matted(rgb_HW3, np.clip(behind_HW3, 0, 255), item_HW)
    return Cutout(
        pixels_HW3=pixels_HW3,
        alpha_HW=alpha_HW,
        kind="item",
        cut_by=cut_by,
        casts_shadow=_casts_shadow(lab_HW3, background, item_HW),
        is_flat=_is_rectangle(item_HW),
    )


def _plain_background(lab_HW3: FloatArray) -> _Background:
    """The surface that the border follows. Raises _Doubtful where it follows none."""
    ring_HW = _ring(lab_HW3.shape[:2])
    kept_HW = ring_HW.copy()
    surface_HW3 = np.broadcast_to(np.median(lab_HW3[ring_HW], axis=0), lab_HW3.shape)
    noise = 0.0
    for degree in (0, 1, 1, 2, 2):
        strays_HW = np.linalg.norm(lab_HW3 - surface_HW3, axis=-1)
        noise = float(np.median(strays_HW[kept_HW])) + 0.2
        kept_HW = ring_HW & (strays_HW < max(4.0, 3.5 * noise) if degree else strays_HW < 12)
        if kept_HW.sum() < 0.5 * _MIN_PLAIN * ring_HW.sum():
            raise _Doubtful("its border shows no plain background")
        surface_HW3 = _surface(lab_HW3, kept_HW, degree)
    strays_HW = np.linalg.norm(lab_HW3 - surface_HW3, axis=-1)
    plain = ring_HW & (strays_HW < max(4.0, 3.5 * noise))
    if noise > 4 or plain.sum() < _MIN_PLAIN * ring_HW.sum():
        raise _Doubtful("its border shows no plain background")
    if float(np.median(surface_HW3[ring_HW][:, 0])) < _DARKEST:
        raise _Doubtful("its background is too dark")
    return _Background(surface_HW3, noise)


def _ring(shape: tuple[int, ...]) -> Mask:
    width = max(2, round(_RING_SHARE * min(shape)))
    ring_HW = np.ones(shape, bool)
    ring_HW[width:-width, width:-width] = False
    return ring_HW


def _surface(lab_HW3: FloatArray, chosen_HW: Mask, degree: int) -> FloatArray:
    """A polynomial of this degree in both axes, by least squares through the chosen pixels, at every pixel."""
    height, width = chosen_HW.shape
    y_HW, x_HW = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    powers = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    terms_HWT = np.stack([x_HW**i * y_HW**j for i, j in powers], axis=-1).astype(np.float32)
    terms_PT, lab_P3 = terms_HWT[chosen_HW], lab_HW3[chosen_HW]
    gram_TT = terms_PT.T @ terms_PT + 1e-4 * len(terms_PT) * np.eye(len(powers), dtype=np.float32)
    return (terms_HWT @ np.linalg.solve(gram_TT, terms_PT.T @ lab_P3)).astype(np.float32)


def _reached(lab_HW3: FloatArray, background: _Background) -> tuple[Mask, _Background]:
    """What a flood from the border passes over, and the background's surface through all of that."""
    slope_HW = _slope(lab_HW3)
    ring_HW = _ring(slope_HW.shape)
    even = 1.6 + background.noise
    for degree in (2, 3, 3):
        strays_HW, shade_HW = _strays(lab_HW3, background)
        lit_HW = (strays_HW < _nearness(background)) & (shade_HW < _nearness(background))
        shaded_HW = (strays_HW < 1 + background.noise) & (shade_HW < _DEEPEST_SHADE)
        passable_HW = (lit_HW & (slope_HW < even)) | (shaded_HW & (slope_HW < even + _SOFTNESS * shade_HW))
        reached_HW = _flooded(passable_HW, ring_HW)
        if (reached_HW & lit_HW).sum() < 20:
            raise _Doubtful("its border shows no plain background")
        background = _Background(_surface(lab_HW3, reached_HW & lit_HW, degree), background.noise)
    for _ in range(4):  # on to the item's edge, where colors change, but no further
        reached_HW |= (cv2.dilate(reached_HW.astype(np.uint8), _CROSS) > 0) & lit_HW & (slope_HW < 2 * even + 2)
    return reached_HW, background


def _nearness(background: _Background) -> float:
    return 2.0 + 2.0 * background.noise


def _slope(lab_HW3: FloatArray) -> FloatArray:
    """How steeply colors change, in ΔE a pixel."""
    smooth_HW3 = cv2.GaussianBlur(lab_HW3, (0, 0), 0.7)
    across_HW3, down_HW3 = (cv2.Sobel(smooth_HW3, cv2.CV_32F, x, 1 - x, scale=1 / 8) for x in (1, 0))
    return np.sqrt((across_HW3**2 + down_HW3**2).sum(-1))


def _strays(lab_HW3: FloatArray, background: _Background) -> tuple[FloatArray, FloatArray]:
    """How far each pixel is from the background in the same light, and how much darker it is; both in ΔE.

    In a shadow chroma falls as lightness does; what is brighter than the background is no shadow.
    """
    behind_HW3 = background.lab_HW3
    light_HW = np.clip(lab_HW3[..., 0] / np.maximum(behind_HW3[..., 0], 1), 0, 1)
    chroma_HW2 = lab_HW3[..., 1:] - behind_HW3[..., 1:] * light_HW[..., None]
    shade_HW = behind_HW3[..., 0] - lab_HW3[..., 0]
    brighter_HW = np.maximum(-shade_HW, 0)
    return np.sqrt((chroma_HW2**2).sum(-1) + brighter_HW**2), np.maximum(shade_HW, 0)


_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
_BRUSH = np.ones((3, 3), np.uint8)


def _flooded(passable_HW: Mask, ring_HW: Mask) -> Mask:
    """What a brush of three pixels reaches from the border, so that it does not leak through cracks."""
    padded = np.pad(passable_HW.astype(np.uint8), 1, mode="edge")
    free_HW = cv2.erode(padded, _BRUSH)[1:-1, 1:-1]
    _, labels_HW = cv2.connectedComponents(free_HW, connectivity=4)
    from_ring = np.unique(labels_HW[ring_HW & (free_HW > 0)])
    swept_HW = np.isin(labels_HW, from_ring[from_ring > 0]).astype(np.uint8)
    return (cv2.dilate(swept_HW, _BRUSH) > 0) & passable_HW


def _doubt_scattered(lab_HW3: FloatArray, background: _Background, behind_HW: Mask) -> None:
    """Raises _Doubtful where many things lie on the background, as the letters of a print do."""
    strays_HW, shade_HW = _strays(lab_HW3, background)
    marked_HW = ~behind_HW & (np.hypot(strays_HW, shade_HW) > 12)
    least = max(3.0, 0.00015 * behind_HW.size)
    _, labels_HW = cv2.connectedComponents((~behind_HW).astype(np.uint8), connectivity=8)
    num_things = (np.bincount(labels_HW[marked_HW])[1:] >= least).sum()
    _, _, stats, _ = cv2.connectedComponentsWithStats(marked_HW.astype(np.uint8), connectivity=8)
    num_marks = (stats[1:, cv2.CC_STAT_AREA] >= least).sum()
    if num_things > _MAX_THINGS or num_marks > _MAX_MARKS:
        raise _Doubtful("what it shows is scattered over its background")


def _settled(rgb_HW3: npt.NDArray[np.uint8], lab_HW3: FloatArray, background: _Background, behind_HW: Mask) -> Mask:
    """The item: a watershed between what the flood reached and what surely is no background, holes opened."""
    strays_HW, shade_HW = _strays(lab_HW3, background)
    slope_HW = _slope(lab_HW3)
    near = _nearness(background)
    like_HW = (strays_HW < near) & (shade_HW < near)
    behind_HW = behind_HW | _holes(strays_HW, shade_HW, slope_HW, background, behind_HW)
    apart_HW = np.hypot(strays_HW, shade_HW)
    apart_HW[behind_HW] = 0
    inner_HW = apart_HW > 0.4 * cv2.dilate(apart_HW, np.ones((7, 7), np.uint8))  # neither blur nor a shadow beside it
    depth_HW = cv2.distanceTransform((~behind_HW).astype(np.uint8), cv2.DIST_L2, 3)
    core_HW = depth_HW > np.where(like_HW, 0.1, 0.04) * min(behind_HW.shape)
    sharp_HW = (shade_HW > 2 * near) & (slope_HW > np.maximum(6, 2 * _SOFTNESS * shade_HW))
    far_HW = inner_HW & ((strays_HW > 1.5 * near + 4) | sharp_HW | (shade_HW > _DEEPEST_SHADE)) | core_HW
    seeds_HW = np.zeros(behind_HW.shape, np.int32)
    seeds_HW[far_HW & ~behind_HW] = 1
    seeds_HW[behind_HW] = 2
    if not (seeds_HW == 1).any():
        raise _Doubtful("nothing in it differs from its background")
    cv2.watershed(np.ascontiguousarray(rgb_HW3), seeds_HW)
    between_HW = (seeds_HW == -1) & ~behind_HW  # the watershed's lines; on the side whose color they have
    item_HW = (seeds_HW == 1) | (between_HW & inner_HW & (apart_HW > near + 4))
    if (behind_HW & (shade_HW > 2 * near + 4)).sum() > 0.4 * item_HW.sum():
        raise _Doubtful("its shadows cannot be told from what it shows")
    return item_HW


def _holes(
    strays_HW: FloatArray, shade_HW: FloatArray, slope_HW: FloatArray, background: _Background, behind_HW: Mask
) -> Mask:
    """Places inside the item that show the background.

    Flat ones are told by their color alone. Narrow ones, whose color the blur of their edges changes, must lie near the
    outline as the inside of a handle does, and be few: else they are a pattern of the background's color.
    """
    size = min(behind_HW.shape)
    least = max(9.0, 0.0006 * behind_HW.size)
    flat_HW = (strays_HW < 1.0 + background.noise) & (shade_HW < 12) & (slope_HW < 1.5 + background.noise) & ~behind_HW
    near = _nearness(background)
    narrow_HW = (strays_HW < near) & (shade_HW < 2 * near) & ~behind_HW
    inward_HW = cv2.distanceTransform((~behind_HW).astype(np.uint8), cv2.DIST_L2, 3)
    flat_HW = _areas(flat_HW, least)[0]
    narrow_HW, count = _areas(narrow_HW, least, where_HW=inward_HW < 0.06 * size)
    return flat_HW | narrow_HW if count <= 4 else flat_HW


def _areas(mask_HW: Mask, least: float, where_HW: Mask | None = None) -> tuple[Mask, int]:
    """The connected parts of a mask with at least this area, those that come to some place; and how many they are."""
    _, labels_HW, stats, _ = cv2.connectedComponentsWithStats(mask_HW.astype(np.uint8), connectivity=4)
    kept = stats[:, cv2.CC_STAT_AREA] >= least
    if where_HW is not None:
        kept &= np.isin(np.arange(len(stats)), labels_HW[where_HW])
    kept[0] = False
    return kept[labels_HW], int(kept.sum())


def _without_specks(item_HW: Mask) -> Mask:
    """The item without crumbs of a few pixels. Raises _Doubtful where it lies in many pieces."""
    near_HW = cv2.dilate(item_HW.astype(np.uint8), _BRUSH, iterations=2)  # a gap of four pixels parts nothing
    count, labels_HW = cv2.connectedComponents(near_HW, connectivity=8)
    areas = np.bincount(labels_HW[item_HW], minlength=count)[1:]
    if not areas.any():
        raise _Doubtful("nothing in it differs from its background")
    large = areas >= 0.1 * areas.max()
    pieces = areas >= max(4.0, 0.0002 * item_HW.size)
    if large.sum() > 3 or (pieces & ~large).sum() > 3:
        raise _Doubtful("what it shows is scattered over its background")
    return item_HW & np.isin(labels_HW, np.flatnonzero(large) + 1)


def _doubt(item_HW: Mask, slope_HW: FloatArray, cut_by: frozenset[Side]) -> None:
    """Raises _Doubtful where a cut-out should not be trusted."""
    share = float(item_HW.mean())
    if not _MIN_AREA <= share <= _MAX_AREA:
        raise _Doubtful(f"what differs from its background takes {share:.0%} of it")
    if len(cut_by) > 1:
        raise _Doubtful("its sides cut through what it shows")
    item = item_HW.astype(np.uint8)
    contours, _ = cv2.findContours(item, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    length = sum(cv2.arcLength(contour, True) for contour in contours)
    if len(contours) > _MAX_CONTOURS or length > _MAX_RAGGEDNESS * np.sqrt(item_HW.sum()):
        raise _Doubtful("what it shows is frayed against its background")
    outline_HW = item_HW & (cv2.erode(item, _BRUSH, borderValue=1) == 0)
    steepest_HW = cv2.dilate(slope_HW, _BRUSH)
    if (steepest_HW[outline_HW] > 4).mean() < 0.79:
        raise _Doubtful("what it shows fades into its background")
    left, top, width, height = cv2.boundingRect(item)
    margins = (left, top, item.shape[1] - left - width, item.shape[0] - top - height)
    narrow = sum(margin < 0.05 * min(item.shape) for margin in margins)
    if narrow > 2 and item_HW.sum() > 0.8 * width * height:
        raise _Doubtful("it is a print with a margin")


def _doubt_faint(lab_HW3: FloatArray, background: _Background, item_HW: Mask) -> None:
    """Raises _Doubtful where the background has a faint outline, as of a white shirt around the print on it."""
    slope_HW = _slope(lab_HW3)
    usual = float(np.quantile(slope_HW[_ring(item_HW.shape) & ~item_HW], 0.98))
    _, shade_HW = _strays(lab_HW3, background)
    apart_HW = cv2.distanceTransform((~item_HW).astype(np.uint8), cv2.DIST_L2, 3) > 5
    faint_HW = apart_HW & (slope_HW > 1 + 1.5 * usual + 1.4 * _SOFTNESS * shade_HW)
    _, _, stats, _ = cv2.connectedComponentsWithStats(faint_HW.astype(np.uint8), connectivity=8)
    longest = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(initial=0)
    if longest > 0.15 * min(item_HW.shape):
        raise _Doubtful("a fainter outline surrounds what it shows")


def _cut_sides(item_HW: Mask) -> frozenset[Side]:
    """Sides where the item runs on beyond the picture: a good part of its breadth touches them."""
    breadth = {"left": item_HW.any(1).sum(), "top": item_HW.any(0).sum()}
    breadth |= {"right": breadth["left"], "bottom": breadth["top"]}
    edges = {"left": item_HW[:, 0], "top": item_HW[0], "right": item_HW[:, -1], "bottom": item_HW[-1]}
    return frozenset(side for side in SIDES if edges[side].sum() > max(1, 0.04 * breadth[side]))


def _is_rectangle(item_HW: Mask) -> bool:
    """Whether the item fills the smallest upright or slightly tilted rectangle around it."""
    points = cv2.findNonZero(item_HW.astype(np.uint8))
    (_, (width, height), angle) = cv2.minAreaRect(points)
    tilt = min(angle % 90, 90 - angle % 90)
    return bool(item_HW.sum() > 0.95 * (width + 1) * (height + 1) and tilt < 8)


def _casts_shadow(lab_HW3: FloatArray, background: _Background, item_HW: Mask) -> bool:
    """Whether the ground below the item is darker than the background elsewhere around it."""
    strays_HW, shade_HW = _strays(lab_HW3, background)
    reach = max(2, round(0.04 * min(item_HW.shape)))
    around_HW = ~item_HW & (cv2.dilate(item_HW.astype(np.uint8), _BRUSH, iterations=reach) > 0)
    around_HW &= cv2.dilate(item_HW.astype(np.uint8), _BRUSH, iterations=2) == 0
    rows = np.flatnonzero(item_HW.any(1))
    below_HW, above_HW = around_HW.copy(), around_HW.copy()
    below_HW[: rows[-1] - reach] = False
    above_HW[(rows[0] + rows[-1]) // 2 :] = False
    if below_HW.sum() < 5 or above_HW.sum() < 5:
        return False
    return bool(np.median(shade_HW[below_HW]) > np.median(shade_HW[above_HW]) + 3)


# ---- soft edges


def _matted(
    rgb_HW3: npt.NDArray[np.uint8], behind_HW3: FloatArray, item_HW: Mask
) -> tuple[FloatArray, npt.NDArray[np.uint8]]:
    """Alpha with edges of a pixel or two, and colors there freed from the background's.

    An edge pixel is a mix of the background's color, which is known, and of the item's, taken from the nearest pixel
    well inside; its share of the latter is its alpha, and what remains without the former is its color.
    """
    item = item_HW.astype(np.uint8)
    inside = cv2.erode(item, _BRUSH, iterations=1, borderValue=1)
    band_HW = (cv2.dilate(item, _BRUSH) > 0) & (inside == 0)
    nearest_HW3 = _spread(rgb_HW3.astype(np.float32), inside > 0)
    away_HW3 = nearest_HW3 - behind_HW3
    apart_HW = (away_HW3**2).sum(-1)
    share_HW = ((rgb_HW3 - behind_HW3) * away_HW3).sum(-1) / np.maximum(apart_HW, 1)
    drawn_HW = np.clip(cv2.GaussianBlur(item.astype(np.float32), (0, 0), 0.8), 0, 1)
    trust_HW = np.clip((apart_HW - 400) / 1200, 0, 1)  # where the two colors are alike, the outline decides
    soft_HW = trust_HW * np.clip(share_HW, 0, 1) + (1 - trust_HW) * drawn_HW
    soft_HW = np.minimum(soft_HW, np.where(item > 0, 1, drawn_HW * 2))
    alpha_HW = np.where(band_HW, soft_HW, item).astype(np.float32)
    alpha_HW[alpha_HW > 0.97] = 1
    alpha_HW[alpha_HW < 0.03] = 0
    mixed_HW = (alpha_HW > 0) & (alpha_HW < 1)
    share_HW1 = np.maximum(alpha_HW, 0.25)[..., None]
    own_HW3 = (rgb_HW3 - (1 - share_HW1) * behind_HW3) / share_HW1
    own_HW3 = np.clip(0.5 * own_HW3 + 0.5 * nearest_HW3, 0, 255).round().astype(np.uint8)
    return alpha_HW, np.where(mixed_HW[..., None], own_HW3, rgb_HW3)


def _spread(values_HW3: FloatArray, known_HW: Mask) -> FloatArray:
    """Each pixel's value from the nearest known one."""
    if not known_HW.any():
        return values_HW3
    unknown = (~known_HW).astype(np.uint8)
    _, labels_HW = cv2.distanceTransformWithLabels(unknown, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    of_label_L3 = np.zeros((int(labels_HW.max()) + 1, 3), np.float32)
    of_label_L3[labels_HW[known_HW]] = values_HW3[known_HW]
    return of_label_L3[labels_HW]
