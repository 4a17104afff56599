"""Where a cut-out item stands on a canvas, its shadow and frame, and how it joins a background.

The item is laid on a square canvas at its own pixels, neither scaled nor touched: where its alpha is 1, a composed
picture holds them exactly. Round it lies what makes the place believable: a contact shadow and one cast away from the
light, by which the background is darkened; a frame for whole pictures. How it stands follows from the cut-out alone
unless it is told; what kind of thing the item is, and what the background shows, this module does not know.
In a person's photo the item is scaled into a region, and nothing outside of that changes.
"""

# H height, W width, S side of the canvas

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from genrec.errors import InputError
from genrec.visualize.background import FloatArray, Pixels
from genrec.visualize.cutout import Cutout

Pose = Literal["stand", "hang", "lie", "lean"]
Region = tuple[int, int, int, int]  # left, top, width, height, in pixels

MIN_CANVAS_PX = 256
NEUTRAL = (127, 127, 127)
_FRAMES = ((38, 34, 32), (112, 78, 50), (190, 160, 120), (236, 234, 230), (150, 152, 156))  # ebony, walnut, oak …
_MAT = (244, 242, 236)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A canvas with the item on it, ready for a background.

    pixels_SS3, alpha_SS: the item with its frame, if any, at the item's own scale. item_SS: the item's alpha alone.
    light_SS: by which the background is multiplied, 1 where no shadow falls. ground_px: the row that the item stands
    on, None where it hangs, or lies and is seen from above.
    """

    pixels_SS3: Pixels
    alpha_SS: FloatArray
    item_SS: FloatArray
    light_SS: FloatArray
    pose: Pose
    ground_px: int | None
    is_framed: bool = False

    @property
    def size_px(self) -> int:
        return len(self.alpha_SS)

    def on_neutral(self, size_px: int | None = None) -> Image.Image:
        """The item on neutral gray, for a model that paints around it."""
        gray = Image.new("RGB", (self.size_px, self.size_px), NEUTRAL)
        picture = _over(np.asarray(gray), self.pixels_SS3, self.alpha_SS, None)
        return _sized(Image.fromarray(picture), size_px or self.size_px)

    def mask(self, size_px: int | None = None) -> Image.Image:
        """White where a model should paint, black where the item or its frame is."""
        size_px = size_px or self.size_px
        shares = cv2.resize(self.alpha_SS, (size_px, size_px), interpolation=cv2.INTER_AREA)
        return Image.fromarray(np.where(shares < 0.5, 255, 0).astype(np.uint8))


def stage(
    cutout: Cutout,
    *,
    seed: int,
    pose: Pose | None = None,
    shadow: float = 1.0,
    frame: bool = True,
    min_size_px: int = MIN_CANVAS_PX,
) -> Stage:
    """Lay an item on a canvas; the same cut-out, settings and seed give the same stage.

    pose: how it stands; by default as the cut-out suggests. shadow: its strength, 0 for none. frame: whether whole
    pictures that hang are framed. min_size_px: of the canvas, larger where the item's own pixels ask for it.
    Raises InputError for a shadow outside of 0 to 2 or a canvas below 64 pixels.
    """
    if not 0 <= shadow <= 2:
        raise InputError(f"a shadow of strength {shadow:g} cannot be cast; give one from 0 to 2")
    if min_size_px < 64:
        raise InputError(f"a canvas of {min_size_px} pixels is too small to stage an item; give at least 64")
    draw = np.random.default_rng(seed)
    pose = pose or _pose_of(cutout, draw)
    left, top, right, bottom = cutout.box
    pixels_HW3, item_HW = cutout.pixels_HW3[top:bottom, left:right], cutout.alpha_HW[top:bottom, left:right]
    alpha_HW = item_HW
    is_framed = frame and cutout.kind == "whole" and pose == "hang"
    if is_framed:
        pixels_HW3, alpha_HW, item_HW = _framed(pixels_HW3, draw)
    height, width = alpha_HW.shape
    side = max(min_size_px, round(height / draw.uniform(0.54, 0.66)), round(width / 0.78))
    x, y = _place(cutout, pose, (width, height), side, draw)
    alpha_SS, on_item_SS = _laid(alpha_HW, x, y, side), _laid(item_HW, x, y, side)
    light_from = -1 if draw.random() < 0.5 else 1
    shade_SS = _SHADES[pose](alpha_SS, y + height, height, light_from)
    return Stage(
        pixels_SS3=_laid(pixels_HW3, x, y, side),
        alpha_SS=alpha_SS,
        item_SS=on_item_SS,
        light_SS=np.clip(1 - shadow * shade_SS, 0, 1).astype(np.float32),
        pose=pose,
        ground_px=y + height if pose in ("stand", "lean") else None,
        is_framed=is_framed,
    )


def compose(staged: Stage, background: Image.Image) -> Image.Image:
    """The item before a background of any size, in its shadow; where the item's alpha is 1, its pixels exactly."""
    behind_SS3 = np.asarray(_sized(background.convert("RGB"), staged.size_px))
    return Image.fromarray(_over(behind_SS3, staged.pixels_SS3, staged.alpha_SS, staged.light_SS))


def _over(behind_HW3: Pixels, pixels_HW3: Pixels, alpha_HW: FloatArray, light_HW: FloatArray | None) -> Pixels:
    alpha_HW1 = alpha_HW[..., None]
    lit_HW3 = behind_HW3.astype(np.float32)
    if light_HW is not None:
        lit_HW3 = lit_HW3 * light_HW[..., None]
    mixed_HW3 = alpha_HW1 * pixels_HW3 + (1 - alpha_HW1) * lit_HW3
    return np.clip(np.rint(mixed_HW3), 0, 255).astype(np.uint8)


def _sized(picture: Image.Image, size_px: int) -> Image.Image:
    if picture.size == (size_px, size_px):
        return picture
    return picture.resize((size_px, size_px), Image.Resampling.BICUBIC)


# ---- how it stands


def _pose_of(cutout: Cutout, draw: np.random.Generator) -> Pose:
    """Prints hang or, as covers do, lean; what was shown on a ground stands; what was seen from above lies or hangs."""
    height, width = cutout.alpha_HW.shape
    if cutout.kind == "whole":
        is_cover = 1.2 <= height / width <= 1.7
        return "lean" if is_cover and draw.random() < 0.5 else "hang"
    if cutout.is_flat or "top" in cutout.cut_by:
        return "hang"
    if cutout.casts_shadow or "bottom" in cutout.cut_by:
        return "stand"
    return "lie" if draw.random() < 0.5 else "hang"


def _place(cutout: Cutout, pose: Pose, size: tuple[int, int], side: int, draw: np.random.Generator) -> tuple[int, int]:
    """Left and top on the canvas; sides that cut the item lie on the canvas' edge, so that it does not float."""
    width, height = size
    x = round((side - width) / 2 + draw.uniform(-0.07, 0.07) * side)
    if pose in ("stand", "lean"):
        y = round(draw.uniform(0.80, 0.88) * side) - height
    else:
        y = round((side - height) * (0.5 if pose == "lie" else draw.uniform(0.36, 0.46)))
    x, y = min(max(x, 0), side - width), min(max(y, 0), side - height)
    x = 0 if "left" in cutout.cut_by else side - width if "right" in cutout.cut_by else x
    y = 0 if "top" in cutout.cut_by else side - height if "bottom" in cutout.cut_by else y
    return x, y


def _laid(values: FloatArray, x: int, y: int, side: int) -> FloatArray:
    canvas = np.zeros((side, side, *values.shape[2:]), values.dtype)
    canvas[y : y + values.shape[0], x : x + values.shape[1]] = values
    return canvas


def _framed(pixels_HW3: Pixels, draw: np.random.Generator) -> tuple[Pixels, FloatArray, FloatArray]:
    """A whole picture in a thin frame, with a mat or without: pixels, alpha of all of it, alpha of the picture."""
    height, width = pixels_HW3.shape[:2]
    frame = max(2, round(0.022 * min(height, width)))
    mat = round(draw.uniform(0.06, 0.1) * min(height, width)) if draw.random() < 0.5 else 0
    edge = frame + mat
    full = np.empty((height + 2 * edge, width + 2 * edge, 3), np.uint8)
    color = np.array(_FRAMES[draw.integers(len(_FRAMES))])
    full[:] = color
    full[:1], full[:, :1] = np.minimum(color + 28, 255), np.minimum(color + 28, 255)  # light on its upper edges
    full[frame : full.shape[0] - frame, frame : full.shape[1] - frame] = _MAT
    full[edge : edge + height, edge : edge + width] = pixels_HW3
    item = np.zeros(full.shape[:2], np.float32)
    item[edge : edge + height, edge : edge + width] = 1
    return full, np.ones_like(item), item


# ---- shadows: how much of the light they take, from 0 to 1


def _shade_on_ground(alpha_HW: FloatArray, ground: int, height: int, light_from: int) -> FloatArray:
    """What stands: dark where it meets the ground, and a soft shadow along the ground away from the light."""
    return np.maximum(_contact(alpha_HW, ground, height), 0.45 * _cast(alpha_HW, ground, height, light_from))


def _contact(alpha_HW: FloatArray, ground: int, height: int) -> FloatArray:
    """The item's lowest part pressed flat around the ground, close to it and a little wider."""
    reach = max(3, round(0.09 * height))
    feet_HW = alpha_HW.copy()
    feet_HW[: max(0, ground - reach)] = 0
    flat = np.array([[1, 0, 0], [0, 0.35, 0.65 * ground + 0.012 * height]], np.float32)  # rows by the ground stay there
    pressed_HW = cv2.warpAffine(feet_HW, flat, alpha_HW.shape[::-1], flags=cv2.INTER_LINEAR)
    near_HW = _blurred(pressed_HW, 0.012 * height + 0.6)
    return 0.62 * near_HW + 0.25 * _blurred(pressed_HW, 0.035 * height + 1)


def _cast(alpha_HW: FloatArray, ground: int, height: int, light_from: int) -> FloatArray:
    """The outline laid along the ground, fainter and softer with the distance from the feet."""
    slant, flatness = -0.55 * light_from, 0.16
    lay = np.array([[1, -slant, slant * ground], [0, flatness, (1 - flatness) * ground + 0.01 * height]], np.float32)
    laid_HW = cv2.warpAffine(alpha_HW, lay, alpha_HW.shape[::-1], flags=cv2.INTER_LINEAR)
    distance_H1 = np.clip((ground - np.arange(len(alpha_HW))) / max(1.0, flatness * height), 0, 1)[:, None]
    distance_H1 = distance_H1.astype(np.float32)
    close_HW, wide_HW = _blurred(laid_HW, 0.015 * height + 0.8), _blurred(laid_HW, 0.05 * height + 1.5)
    return ((1 - distance_H1) * close_HW + distance_H1 * wide_HW) * (1 - 0.6 * distance_H1)


def _shade_on_wall(alpha_HW: FloatArray, ground: int, height: int, light_from: int) -> FloatArray:
    """What hangs: its outline on the wall behind, a little lower and away from the light."""
    away = max(1.5, 0.022 * height)
    drop_HW = _blurred(_moved(alpha_HW, -light_from * away, 1.3 * away), 0.02 * height + 1)
    return 0.42 * drop_HW + 0.2 * _blurred(alpha_HW, 0.008 * height + 0.8)


def _shade_from_above(alpha_HW: FloatArray, ground: int, height: int, light_from: int) -> FloatArray:
    """What lies and is seen from above: close around its outline."""
    away = max(1.0, 0.01 * height)
    drop_HW = _blurred(_moved(alpha_HW, -light_from * away, away), 0.012 * height + 0.8)
    return 0.45 * drop_HW + 0.15 * _blurred(alpha_HW, 0.03 * height + 1)


_SHADES = {
    "stand": _shade_on_ground,
    "lean": _shade_on_ground,
    "hang": _shade_on_wall,
    "lie": _shade_from_above,
}


def _blurred(values_HW: FloatArray, sigma: float) -> FloatArray:
    return cv2.GaussianBlur(values_HW, (0, 0), sigma)


def _moved(values_HW: FloatArray, right: float, down: float) -> FloatArray:
    return cv2.warpAffine(values_HW, np.array([[1, 0, right], [0, 1, down]], np.float32), values_HW.shape[::-1])


# ---- in a person's photo


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A photo with the item in it, and the ring around the item (white) that a model may paint anew."""

    picture: Image.Image
    mask: Image.Image


def place_in_photo(
    cutout: Cutout,
    photo: Image.Image,
    where: Region | Image.Image,
    *,
    at: Region | None = None,
    shadow: float = 1.0,
    light_from: int = -1,
    is_hung: bool = False,
) -> Placed:
    """Put the item into a photo, as large as the region takes, its feet at the region's bottom.

    where: left, top, width and height of a box, or a mask of the photo's size, white where the item may be. Pixels
    outside are those of the photo. at: exactly where the item is, rather than as large as fits. light_from: -1 for
    light from the left, 1 from the right. is_hung: its shadow falls on a wall behind it. Raises InputError for a box
    that is not inside the photo, a mask of another size, or one without white.
    """
    region_HW = region_of(where, photo)
    left, top, right, bottom = cutout.box
    alpha_HW = cutout.alpha_HW[top:bottom, left:right]
    pixels_HW3 = cutout.pixels_HW3[top:bottom, left:right]
    x, y, width, height = _fitted(alpha_HW, region_HW) if at is None else at
    alpha_hw, pixels_hw3 = _scaled(pixels_HW3, alpha_HW, width, height)
    on_photo_HW = np.zeros(region_HW.shape, np.float32)
    on_photo_HW[y : y + height, x : x + width] = alpha_hw
    on_photo_HW *= region_HW
    laid_HW3 = np.zeros((*region_HW.shape, 3), np.uint8)
    laid_HW3[y : y + height, x : x + width] = pixels_hw3
    if is_hung:
        shade_HW = _shade_on_wall(on_photo_HW, y + height, height, light_from)
    else:
        contact_HW = _contact(on_photo_HW, y + height, height)
        shade_HW = np.maximum(contact_HW, 0.3 * _cast(on_photo_HW, y + height, height, light_from))
    light_HW = (1 - shadow * shade_HW * region_HW).clip(0, 1).astype(np.float32)
    photo_HW3 = np.asarray(photo.convert("RGB"))
    mixed_HW3 = _over(photo_HW3, laid_HW3, on_photo_HW, light_HW)
    mixed_HW3[~region_HW] = photo_HW3[~region_HW]
    return Placed(picture=Image.fromarray(mixed_HW3), mask=_ring_around(on_photo_HW, region_HW, height))


def region_of(where: Region | Image.Image, photo: Image.Image) -> npt.NDArray[np.bool_]:
    """Where a box or a mask lets a photo change, bool (H, W). Raises InputError where it does not fit the photo."""
    return _box_region(where, photo) if isinstance(where, tuple) else _mask_region(where, photo)


def _box_region(box: Region, photo: Image.Image) -> npt.NDArray[np.bool_]:
    left, top, width, height = box
    if width < 4 or height < 4 or left < 0 or top < 0 or left + width > photo.width or top + height > photo.height:
        raise InputError(
            f"the box {left},{top},{width},{height} does not lie in the photo of {photo.width} × {photo.height} "
            "pixels; give left, top, width and height inside it, at least 4 pixels each way"
        )
    region_HW = np.zeros((photo.height, photo.width), bool)
    region_HW[top : top + height, left : left + width] = True
    return region_HW


def _mask_region(mask: Image.Image, photo: Image.Image) -> npt.NDArray[np.bool_]:
    if mask.size != photo.size:
        raise InputError(
            f"the mask has {mask.width} × {mask.height} pixels, the photo {photo.width} × {photo.height}; "
            "give a mask of the photo's size"
        )
    region_HW = np.asarray(mask.convert("L")) > 127
    if region_HW.sum() < 16:
        raise InputError("the mask is black nearly all over; paint white where the item may be")
    return region_HW


def _fitted(alpha_HW: FloatArray, region_HW: npt.NDArray[np.bool_]) -> Region:
    """The largest place in a region, as low as may be and amidst it, where nearly all of the item lies inside."""
    left, top, width, height = cv2.boundingRect(region_HW.astype(np.uint8))
    largest = min(width / alpha_HW.shape[1], height / alpha_HW.shape[0])
    for scale in largest * np.linspace(1, 0.25, 16):
        w, h = (
            min(max(1, round(scale * length)), most)
            for length, most in zip(alpha_HW.shape[::-1], (width, height), strict=True)
        )
        shape_hw = cv2.resize(alpha_HW, (w, h), interpolation=cv2.INTER_AREA)
        for y in np.unique(np.linspace(top + height - h, top, 12).round().astype(int))[::-1]:
            columns = np.flatnonzero(region_HW[y : y + h].sum(0) > 0.5 * region_HW[y : y + h].sum(0).max())
            x = round(min(max((columns[0] + columns[-1] + 1 - w) / 2, left), left + width - w))
            if (shape_hw * region_HW[y : y + h, x : x + w]).sum() >= 0.985 * shape_hw.sum():
                return x, int(y), w, h
    raise InputError("the mask has no place for the item: too narrow or in pieces; paint one white area for it")


def _scaled(pixels_HW3: Pixels, alpha_HW: FloatArray, width: int, height: int) -> tuple[FloatArray, Pixels]:
    """Alpha and colors at another size; colors are weighed by alpha, so that none of what is clear mixes in."""
    way = cv2.INTER_AREA if height < len(alpha_HW) else cv2.INTER_CUBIC
    alpha_hw = np.clip(cv2.resize(alpha_HW, (width, height), interpolation=way), 0, 1)
    weighed_hw3 = cv2.resize(pixels_HW3 * alpha_HW[..., None], (width, height), interpolation=way)
    colors_hw3 = np.clip(np.rint(weighed_hw3 / np.maximum(alpha_hw, 1e-3)[..., None]), 0, 255)
    return alpha_hw, colors_hw3.astype(np.uint8)


def _ring_around(alpha_HW: FloatArray, region_HW: npt.NDArray[np.bool_], height: int) -> Image.Image:
    reach = max(3, round(0.06 * height))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    near_HW = cv2.dilate((alpha_HW > 0).astype(np.uint8), disc) > 0
    return Image.fromarray(np.where(near_HW & (alpha_HW < 0.9) & region_HW, 255, 0).astype(np.uint8))
