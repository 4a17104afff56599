"""An item cut out of its picture: which pixels are the item's, with soft edges, or that the picture is best left whole.

Alpha is taken where the picture has one. Else the item is what a plain background does not reach: a watershed settles
where the two meet, holes that show the background, as in the handle of a mug, are open, and edges are freed from the
background's color. A bad cut-out is worse than a framed picture: where the result is doubtful (too small, too large,
scattered, weak at its edge, frayed), or the border is not plain, the picture is one whole, rectangular object. Loads
no model; where the background is, `background` finds, and what is done with the item is `staging`'s.
"""

# H height, W width, C channels

from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np
from PIL import Image

from genrec.errors import InputError
from genrec.visualize.background import (
    BRUSH,
    DEEPEST_SHADE,
    SOFTNESS,
    Background,
    Doubtful,
    FloatArray,
    Mask,
    Pixels,
    View,
    find_background,
    squared,
    stands_out,
)  # fmt: skip

Kind = Literal["item", "whole"]
Side = Literal["left", "top", "right", "bottom"]
SIDES: tuple[Side, ...] = ("left", "top", "right", "bottom")

MAX_SIDE_PX = 1024  # larger pictures are reduced first
MIN_SIDE_PX = 8  # in less there is nothing to cut out
_MIN_AREA, _MAX_AREA = 0.04, 0.90  # of the picture, beyond which a cut-out is doubtful
_MAX_THINGS = 4  # apart from each other on the background
_MAX_MARKS = 19  # parts of other colors than the background's, as letters are
_MAX_CONTOURS = 9  # of pieces and holes
_MAX_NICKS = 16  # in the outline, as where stripes of the background's color are taken for it
_MAX_RAGGEDNESS = 12.0  # length of the outline, by the root of the area; a disc has 3.5, a chair about 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutout:
    """The item's pixels and how much of each is the item.

    pixels_HW3: the picture's where alpha is 1; the item's own color, freed from the background's, where it is between.
    cut_by: sides of the picture that cut through the item, so that it cannot stand free there.
    casts_shadow: whether the picture shows its shadow on a ground below it. is_flat: an upright rectangle or the whole.
    why_whole: the reason in a few words, where a picture was left whole.
    """

    pixels_HW3: Pixels
    alpha_HW: FloatArray
    kind: Kind
    cut_by: frozenset[Side] = field(default_factory=frozenset)
    casts_shadow: bool = False
    is_flat: bool = False
    why_whole: str | None = None

    @property
    def solid_HW(self) -> Mask:
        """Where it is the item nearly as much as anywhere: all of a glass may be half transparent."""
        found: Mask = self.alpha_HW > 0.9 * self.alpha_HW.max()
        return found

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of what is not wholly transparent; the right and bottom ones just outside."""
        columns, rows = np.flatnonzero(self.alpha_HW.any(0)), np.flatnonzero(self.alpha_HW.any(1))
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


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
    view = View.of(rgb_HW3)
    try:
        return _by_background(view)
    except Doubtful:
        pass
    try:  # once more without what compression did to the colors
        return _by_background(view.with_sharp_chroma())
    except Doubtful as doubt:
        return whole(rgb_HW3, why=str(doubt))


def whole(rgb_HW3: Pixels, *, why: str | None = None) -> Cutout:
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


def _by_alpha(rgba_HW4: Pixels) -> Cutout:
    alpha_HW = rgba_HW4[..., 3].astype(np.float32) / 255
    rgb_HW3 = np.ascontiguousarray(rgba_HW4[..., :3])
    solid_HW = alpha_HW > 0.5
    if not solid_HW.any():
        raise InputError("the picture is transparent all over; give one that shows the item")
    if solid_HW.all():
        return whole(rgb_HW3)
    shown_HW = alpha_HW > 0
    trimmed = shown_HW[0].any() and shown_HW[-1].any() and shown_HW[:, 0].any() and shown_HW[:, -1].any()
    cut_by = frozenset() if trimmed else _cut_sides(solid_HW)  # a picture trimmed to the item does not cut it
    return Cutout(
        pixels_HW3=rgb_HW3,
        alpha_HW=alpha_HW,
        kind="item",
        cut_by=cut_by,
        is_flat=_is_rectangle(solid_HW),
    )


# ---- by a plain background


def _by_background(view: View) -> Cutout:
    background = find_background(view)
    _doubt_scattered(background)
    item_HW = _without_specks(_settled(view, background))
    cut_by = _cut_sides(item_HW)
    _doubt_shape(item_HW, cut_by)
    _doubt_outline(item_HW, view, background)
    alpha_HW, pixels_HW3 = _matted(view.rgb_HW3, background, item_HW)
    return Cutout(
        pixels_HW3=pixels_HW3,
        alpha_HW=alpha_HW,
        kind="item",
        cut_by=cut_by,
        casts_shadow=_casts_shadow(background, item_HW),
        is_flat=_is_rectangle(item_HW),
    )


def _settled(view: View, background: Background) -> Mask:
    """The item: a watershed between what shows the background and what surely does not."""
    shade_HW, brighter_HW, near = background.shade_HW, background.brighter_HW, background.near
    behind_HW = background.seen_HW | _holes(view, background)
    depth_HW = cv2.distanceTransform((~behind_HW).astype(np.uint8), cv2.DIST_L2, 3)
    core_HW = depth_HW > np.where(background.like_HW, 0.1, 0.04) * min(view.shape)
    sharp_HW = (shade_HW > 2 * near) & (view.slope_HW > np.maximum(6, 2 * SOFTNESS * shade_HW))
    inner_HW = stands_out(background)
    far_HW = inner_HW & ((brighter_HW > 1.5 * near + 3) | sharp_HW | (shade_HW > DEEPEST_SHADE + 12))
    far_HW |= core_HW | background.tinted_HW
    seeds_HW = np.zeros(view.shape, np.int32)
    seeds_HW[far_HW] = 1
    seeds_HW[behind_HW] = 2
    cv2.watershed(view.rgb_HW3, seeds_HW)
    between_HW = (seeds_HW == -1) & ~behind_HW  # the watershed's lines; on the side whose color they have
    item_HW = (seeds_HW == 1) | (between_HW & inner_HW & (background.apart_HW > near + 4))
    if not item_HW.any():
        raise Doubtful("nothing in it differs from its background")
    if (behind_HW & (shade_HW > 2 * near + 4)).sum() > 0.4 * item_HW.sum():
        raise Doubtful("its shadows cannot be told from what it shows")
    return item_HW


def _holes(view: View, background: Background) -> Mask:
    """Places inside the item that show the background.

    Flat ones are told by their color alone. Narrow ones, whose color the blur of their edges changes, must lie near the
    outline as the inside of a handle does, and be few: else they are a pattern of the background's color.
    """
    shade_HW, noise, near = background.shade_HW, background.noise, background.near
    same_HW = (background.brighter_HW < near) & (background.tint_HW < 1 + 1.5 * background.usual_tint)
    unseen_HW = ~background.seen_HW
    least = max(9.0, 0.0006 * unseen_HW.size)
    flat_HW = unseen_HW & same_HW & (shade_HW < 12) & (view.slope_HW < 1.5 + noise)
    narrow_HW = unseen_HW & same_HW & (shade_HW < 2 * near)
    inward_HW = cv2.distanceTransform(unseen_HW.astype(np.uint8), cv2.DIST_L2, 3)
    flat_HW, _ = _areas(flat_HW, least, np.ones_like(flat_HW))
    narrow_HW, num_narrow = _areas(narrow_HW, least, inward_HW < 0.06 * min(view.shape))
    return flat_HW | narrow_HW if num_narrow <= 4 else flat_HW


def _areas(mask_HW: Mask, least: float, where_HW: Mask) -> tuple[Mask, int]:
    """The connected parts of a mask with at least this area that come to some place; and how many they are."""
    _, labels_HW, stats, _ = cv2.connectedComponentsWithStats(mask_HW.astype(np.uint8), connectivity=4)
    kept = np.zeros(len(stats), bool)
    kept[labels_HW[where_HW]] = True
    kept &= stats[:, cv2.CC_STAT_AREA] >= least
    kept[0] = False
    return kept[labels_HW], int(kept.sum())


def _without_specks(item_HW: Mask) -> Mask:
    """The item without crumbs of a few pixels. Raises Doubtful where it lies in many pieces."""
    near_HW = cv2.dilate(item_HW.astype(np.uint8), BRUSH, iterations=2)  # a gap of four pixels parts nothing
    count, labels_HW = cv2.connectedComponents(near_HW, connectivity=8)
    areas = np.bincount(labels_HW[item_HW], minlength=count)
    large = areas >= 0.1 * areas.max()
    pieces = areas >= max(4.0, 0.0002 * item_HW.size)
    if large.sum() > 3 or (pieces & ~large).sum() > 3:
        raise Doubtful("what it shows is scattered over its background")
    return item_HW & large[labels_HW]


def _cut_sides(item_HW: Mask) -> frozenset[Side]:
    """Sides where the item runs on beyond the picture: a good part of its breadth touches them."""
    breadth = {"left": item_HW.any(1).sum(), "top": item_HW.any(0).sum()}
    breadth |= {"right": breadth["left"], "bottom": breadth["top"]}
    edges = {"left": item_HW[:, 0], "top": item_HW[0], "right": item_HW[:, -1], "bottom": item_HW[-1]}
    return frozenset(side for side in SIDES if edges[side].sum() > max(1, 0.04 * breadth[side]))


def _is_rectangle(item_HW: Mask) -> bool:
    """Whether the item fills the smallest upright or slightly tilted rectangle around it."""
    _, (width, height), angle = cv2.minAreaRect(cv2.findNonZero(item_HW.astype(np.uint8)))
    tilt = min(angle % 90, 90 - angle % 90)
    return bool(item_HW.sum() > 0.95 * (width + 1) * (height + 1) and tilt < 8)


def _casts_shadow(background: Background, item_HW: Mask) -> bool:
    """Whether the ground below the item is darker than the background around its upper half."""
    item = item_HW.astype(np.uint8)
    reach = max(3, round(0.04 * min(item_HW.shape)))
    around_HW = (cv2.dilate(item, BRUSH, iterations=reach) > 0) & (cv2.dilate(item, BRUSH, iterations=2) == 0)
    rows = np.flatnonzero(item_HW.any(1))
    middle, foot = (rows[0] + rows[-1]) // 2, rows[-1] - reach
    above_P, below_P = background.shade_HW[:middle][around_HW[:middle]], background.shade_HW[foot:][around_HW[foot:]]
    if min(len(above_P), len(below_P)) < 5:
        return False
    return bool(np.median(below_P) > np.median(above_P) + 3 and np.quantile(above_P, 0.75) < 6)


# ---- doubts


def _doubt_scattered(background: Background) -> None:
    """Raises Doubtful where many things lie on the background, as the letters of a print do."""
    unseen_HW = ~background.seen_HW
    marked_HW = unseen_HW & (background.apart_HW > 12)
    least = max(3.0, 0.00015 * unseen_HW.size)
    _, labels_HW = cv2.connectedComponents(unseen_HW.astype(np.uint8), connectivity=8)
    num_things = (np.bincount(labels_HW[marked_HW])[1:] >= least).sum()
    _, num_marks = _areas(marked_HW, least, marked_HW)
    if num_things > _MAX_THINGS or num_marks > _MAX_MARKS:
        raise Doubtful("what it shows is scattered over its background")


def _doubt_shape(item_HW: Mask, cut_by: frozenset[Side]) -> None:
    """Raises Doubtful where the item's size, place or outline is no thing's."""
    item, area = item_HW.astype(np.uint8), int(item_HW.sum())
    if not _MIN_AREA <= area / item.size <= _MAX_AREA:
        raise Doubtful(f"what differs from its background takes {area / item.size:.0%} of it")
    if len(cut_by) > 1:
        raise Doubtful("its sides cut through what it shows")
    contours, _ = cv2.findContours(item, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    length = sum(cv2.arcLength(contour, True) for contour in contours)
    if len(contours) > _MAX_CONTOURS or length > _MAX_RAGGEDNESS * np.sqrt(area):
        raise Doubtful("what it shows is frayed against its background")
    wide = cv2.copyMakeBorder(item, 8, 8, 8, 8, cv2.BORDER_CONSTANT)
    nicks = cv2.morphologyEx(wide, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8)) > wide
    if _areas(nicks, 3, nicks)[1] > _MAX_NICKS:
        raise Doubtful("what it shows is frayed against its background")
    left, top, width, height = cv2.boundingRect(item)
    margins = (left, top, item.shape[1] - left - width, item.shape[0] - top - height)
    if sum(margin < 0.05 * min(item.shape) for margin in margins) > 2 and area > 0.8 * width * height:
        raise Doubtful("it is a print with a margin")


def _doubt_outline(item_HW: Mask, view: View, background: Background) -> None:
    """Raises Doubtful where the outline is weak, or a fainter one surrounds it, as a white shirt does its print."""
    outline_HW = item_HW & (cv2.erode(item_HW.astype(np.uint8), BRUSH, borderValue=1) == 0)
    steepest_HW = cv2.dilate(view.slope_HW, BRUSH)
    if (steepest_HW[outline_HW] > 4).mean() < 0.79:
        raise Doubtful("what it shows fades into its background")
    apart_HW = cv2.distanceTransform((~item_HW).astype(np.uint8), cv2.DIST_L2, 3) > 5
    steep_HW = view.slope_HW > 1 + 1.5 * background.usual_slope + 1.4 * SOFTNESS * background.shade_HW
    _, _, stats, _ = cv2.connectedComponentsWithStats((apart_HW & steep_HW).astype(np.uint8), connectivity=8)
    longest = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(initial=0)
    if longest > 0.15 * min(item_HW.shape):
        raise Doubtful("a fainter outline surrounds what it shows")


# ---- soft edges


def _matted(rgb_HW3: Pixels, background: Background, item_HW: Mask) -> tuple[FloatArray, Pixels]:
    """Alpha with edges of a pixel or two, and colors there freed from the background's.

    An edge pixel is a mix of the background's color, which is known, and of the item's, taken from the nearest pixel
    well inside; its share of the latter is its alpha, and what remains without the former is its color.
    """
    behind_HW3 = np.clip(cv2.cvtColor(background.lab_HW3, cv2.COLOR_LAB2RGB) * 255, 0, 255)
    item = item_HW.astype(np.uint8)
    inside = cv2.erode(item, BRUSH, iterations=1, borderValue=1)
    band_HW = (cv2.dilate(item, BRUSH) > 0) & (inside == 0)
    nearest_HW3 = _spread(rgb_HW3.astype(np.float32), inside > 0)
    away_HW3 = nearest_HW3 - behind_HW3
    apart_HW = squared(away_HW3)
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
