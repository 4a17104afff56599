"""Where a person looks in an item's picture: as evidence of a recommendation, and as a heat map.

Knows a fuser that looks at pictures, and its catalog; deliberately knows nothing of how it attends.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from genrec.data.images import decode_image
from genrec.encode.regions import region_box, seen_box
from genrec.errors import InputError
from genrec.fusion.contract import Fuser
from genrec.fusion.pictures import Look, LooksAtPictures
from genrec.schema import Box, Catalog, FloatArray, Item, RegionEvidence

_DARKEST = 0.25  # of its light, what no one looks at; a color would not be seen on things of that color
_BORDERS = (0.4, 0.6)  # of what lies in the middle


class Eyes:
    """What a fuser sees, asked by item ids."""

    def __init__(self, fuser: LooksAtPictures, catalog: Catalog) -> None:
        self._fuser, self._catalog = fuser, catalog

    @classmethod
    def of(cls, fuser: Fuser, catalog: Catalog) -> "Eyes | None":
        """None of a fuser that attends to no regions."""
        return cls(fuser, catalog) if isinstance(fuser, LooksAtPictures) else None

    def evidence(self, history: Sequence[str], item: Item, *, min_weight_nats: float) -> RegionEvidence | None:
        """The region that the person of a history looks at most, of those that speak for the item.

        None without a picture, without a history, or where no region does.
        """
        look = self._look(history, item)
        if look is None or item.image is None or not history:
            return None
        speaking = np.where(look.nats > min_weight_nats, look.attention, -1.0)
        best = int(speaking.argmax())
        if speaking[best] < 0.0:
            return None
        box = region_box(best, len(look.attention), decode_image(item.image).size, look.crop)
        return RegionEvidence(
            kind="region",
            source=item.item_id,
            claim=f"it shows what you look for {_place(box)} of its picture",
            weight=float(look.nats[best]),
            region=box,
        )

    def heat_map(self, history: Sequence[str], item: Item) -> Image.Image:
        """The item's picture, the brighter the more the person of a history looks there. Raises InputError."""
        look = self._look(history, item)
        if look is None or item.image is None:
            raise InputError(
                f"no picture of item {item.item_id!r} was seen when the workspace was built, so there is nothing to "
                "draw a heat map on; name an item that has one, or build again"
            )
        return heated(decode_image(item.image), look.attention, look.crop)

    def _look(self, history: Sequence[str], item: Item) -> Look | None:
        return self._fuser.look(self._catalog.rows(history), self._catalog.row(item.item_id))


def heated(picture: Image.Image, attention_R: FloatArray, crop: float | None) -> Image.Image:
    """A picture in the light of attention: the brighter, the more. What the tower does not see is as dark as can be."""
    width, height = picture.size
    seen = seen_box(picture.size, crop)
    side = round(len(attention_R) ** 0.5)
    corner = round(seen.x * width), round(seen.y * height)
    size = max(1, round(seen.w * width)), max(1, round(seen.h * height))
    share = (attention_R / max(float(attention_R.max()), 1e-9)).reshape(side, side).astype(np.float32)
    heat = Image.new("F", picture.size, 0.0)
    heat.paste(Image.fromarray(share).resize(size, Image.Resampling.BILINEAR), corner)
    light = _DARKEST + (1.0 - _DARKEST) * np.asarray(heat).clip(0.0, 1.0)[:, :, None]
    pixels = np.asarray(picture) * light
    return Image.fromarray(pixels.round().astype(np.uint8))


def _place(box: Box) -> str:
    """Where a box lies, in words."""
    x, y = box.x + box.w / 2, box.y + box.h / 2
    across = "left" if x < _BORDERS[0] else "right" if x > _BORDERS[1] else ""
    down = "upper" if y < _BORDERS[0] else "lower" if y > _BORDERS[1] else ""
    if across and down:
        return f"in the {down} {across}"
    if across:
        return f"on the {across}"
    return f"in the {down} part" if down else "in the middle"
