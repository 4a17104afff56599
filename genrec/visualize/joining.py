"""Joins what was painted with what stays: the item's own pixels, a photo's, a draft's detail.

Knows pixels and masks; knows no item and no taste.
"""

import cv2
import numpy as np
from PIL import Image

from genrec.visualize.cutout import Cutout
from genrec.visualize.families import DrawingOrder, ScenePainter, StepHook
from genrec.visualize.staging import Region

_DETAIL = 0.022  # of a picture's side: what is smaller is detail


def with_detail(painted: Image.Image, draft: Image.Image) -> Image.Image:
    """What was painted, at the draft's size and with its detail, which a small model's codec does not carry."""
    planned = np.asarray(draft.convert("RGB"), dtype=np.float32)
    large = np.asarray(painted.convert("RGB").resize(draft.size, Image.Resampling.BICUBIC), dtype=np.float32)
    sigma = _DETAIL * draft.width
    smooth, plain = (cv2.GaussianBlur(pixels, (0, 0), sigma) for pixels in (large, planned))
    return Image.fromarray(np.clip(np.rint(smooth + planned - plain), 0, 255).astype(np.uint8))


def within(cutout: Cutout, picture: Image.Image, changed: Image.Image) -> Image.Image:
    """The changed item on the picture's own ground: nothing outside its outline changes."""
    size = (cutout.alpha_HW.shape[1], cutout.alpha_HW.shape[0])
    alpha = Image.fromarray(np.rint(cutout.alpha_HW * 255).astype(np.uint8))
    base = picture.resize(size, Image.Resampling.LANCZOS) if picture.size != size else picture.copy()
    base.paste(changed.resize(size, Image.Resampling.BICUBIC), (0, 0), alpha)
    return base


def repainted(
    painter: ScenePainter,
    picture: Image.Image,
    mask: Image.Image,
    ring: tuple[int, int, int, int],
    order: DrawingOrder,
    watch: StepHook,
) -> Image.Image:
    """The picture with what its mask shows painted anew, looked at from near; all else stays as it is."""
    side = min(max(ring[2] - ring[0], ring[3] - ring[1]) * 3 // 2, *picture.size)
    left = min(max((ring[0] + ring[2] - side) // 2, 0), picture.width - side)
    top = min(max((ring[1] + ring[3] - side) // 2, 0), picture.height - side)
    box = (left, top, left + side, top + side)
    near, near_mask = picture.crop(box), mask.crop(box)
    if near_mask.getbbox() is None:
        return picture
    painted = painter.paint(near, near_mask, order, watch).resize(near.size, Image.Resampling.BICUBIC)
    # Where the ring meets the photo and the item it fades, and what it paints has the photo's own light.
    soft = np.asarray(near_mask, dtype=np.float32) / 255 * 0.5
    mixed = (
        np.asarray(near, dtype=np.float32) * (1 - soft[..., None])
        + np.asarray(painted, dtype=np.float32) * soft[..., None]
    )
    whole = picture.copy()
    whole.paste(Image.fromarray(np.rint(mixed).astype(np.uint8)), (left, top), near_mask)
    return whole


def usual_place(photo: Image.Image) -> Region:
    width, height = round(photo.width * 0.45), round(photo.height * 0.5)
    return (photo.width - width) // 2, round(photo.height * 0.94) - height, width, height
