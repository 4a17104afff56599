"""A try-on painter for rooms: stands an item on the table or floor that a photo shows, or hangs it on the wall.

How large it is follows from where it is: the line where the ground meets the wall is found in the photo, things grow
from there to the front as the boards of a floor do, and each kind has its usual height. An example of how painters are
made, for the kinds of the demo's shop: no model is asked, and what it does not know it says. Knows no catalog.
"""

# H, W pixels of the photo

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from genrec.errors import InputError
from genrec.schema import FloatArray, Item
from genrec.search.words import words_of
from genrec.visualize.cutout import Cutout
from genrec.visualize.families import StepHook
from genrec.visualize.staging import Region, place_in_photo
from genrec.visualize.try_on import TryOnOrder

BoolMask = npt.NDArray[np.bool_]
_BAND = 0.03  # of a photo's height, compared above and below a line
_LEAST_STEP = 6.0  # ΔE between wall and ground, over half of the columns
_HIGHEST, _LOWEST, _FRONT = 0.35, 0.97, 0.9  # where a line may be; below the last, it is rather a table's front edge
_FAR_SCALE = 0.45  # of the scale in front: how large things are by the wall
_ROOM = 0.03  # of a photo's sides, left free at its edges
_TRIED_ROWS, _TRIED_COLUMNS, _NUM_GOOD = 9, 25, 4


@dataclass(frozen=True, slots=True)
class Kind:
    """How tall a thing usually is, and where it belongs."""

    height_m: float
    on: Literal["table", "floor", "wall"]


KINDS: Mapping[str, Kind] = {
    "lamp": Kind(0.45, "table"), "mug": Kind(0.10, "table"), "vase": Kind(0.28, "table"), "bag": Kind(0.32, "table"),
    "cushion": Kind(0.40, "floor"), "chair": Kind(0.85, "floor"), "shoe": Kind(0.14, "floor"),
    "umbrella": Kind(0.90, "floor"), "clock": Kind(0.30, "wall"), "poster": Kind(0.50, "wall"),
}  # fmt: skip
# A meter beside the wall, as a share of a photo's shorter side: tables are photographed from nearer than floors.
_METER: Mapping[str, float] = {"table": 0.8, "floor": 0.35, "wall": 0.6}


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a photo of a room says. line: the row where the ground begins, None where only a wall is seen.

    light_from: -1 for light from the left, 1 from the right. detail_HW: how much there is to see at each pixel.
    """

    line: int | None
    light_from: int
    detail_HW: FloatArray

    @property
    def vanishing(self) -> float:
        """The row at which things would have no size."""
        line, height = float(self.line or 0), len(self.detail_HW)
        return (line - _FAR_SCALE * height) / (1 - _FAR_SCALE)


def read_room(photo: Image.Image) -> Room:
    """Find the ground, the light and what is busy in a photo."""
    rgb_HW3 = np.asarray(photo.convert("RGB"), dtype=np.float32) / 255
    lab_HW3 = np.asarray(cv2.cvtColor(rgb_HW3, cv2.COLOR_RGB2LAB), dtype=np.float32)
    light_HW = np.ascontiguousarray(lab_HW3[..., 0])
    slope_HW = np.hypot(cv2.Sobel(light_HW, cv2.CV_32F, 1, 0), cv2.Sobel(light_HW, cv2.CV_32F, 0, 1))
    left, right = np.array_split(light_HW[: len(light_HW) // 2], 2, axis=1)
    return Room(
        line=_ground_line(lab_HW3),
        light_from=-1 if left.mean() >= right.mean() else 1,
        detail_HW=np.asarray(slope_HW, dtype=np.float32),
    )


def _ground_line(lab_HW3: FloatArray) -> int | None:
    """The row where most columns change their color at once and stay so; rather one behind a table's front edge."""
    height = len(lab_HW3)
    band = max(2, round(_BAND * height))
    narrow = cv2.resize(lab_HW3, (96, height), interpolation=cv2.INTER_AREA)
    sums = np.concatenate([np.zeros((1, *narrow.shape[1:]), np.float32), np.cumsum(narrow, axis=0)])
    rows = np.arange(max(band, round(_HIGHEST * height)), min(height - band, round(_LOWEST * height)))
    if not len(rows):
        return None
    above, below = (sums[rows] - sums[rows - band]) / band, (sums[rows + band] - sums[rows]) / band
    step = np.median(np.linalg.norm(above - below, axis=-1), axis=1)
    behind = np.where(rows < _FRONT * height, step, 0)
    best = behind if behind.max() >= _LEAST_STEP else step
    return int(rows[best.argmax()]) if best.max() >= _LEAST_STEP else None


def kind_of(item: Item) -> Kind:
    """What an item is, by its values, then by its title. Raises InputError where it is no kind of this list."""
    values = [value for value in item.attributes.values() if isinstance(value, str)]
    for text in (*values, item.name):
        for word in reversed(words_of(text)):  # "table lamp" is a lamp
            if (kind := KINDS.get(word.text) or KINDS.get(word.text.removesuffix("s"))) is not None:
                return kind
    raise InputError(
        f"how large {item.name!r} is, the try-on painter 'room' does not know (it knows {', '.join(KINDS)}); leave the "
        "try-on out, and say by a box where it stands"
    )


class InRoom:
    """The painter: name, license and what a `TryOn` does."""

    name, license, generates = "room", "apache-2.0", False

    def find_place(self, order: TryOnOrder) -> Image.Image:
        """The item's place with room for its shadow. Raises InputError where the photo has none."""
        kind, room = kind_of(order.item), read_room(order.photo)
        if order.cutout.why_whole is not None and kind is not KINDS["poster"]:
            raise InputError(
                f"{order.item.name!r} cannot be cut out of its picture ({order.cutout.why_whole}), and would be there "
                "with its background; choose another item"
            )
        height, width = room.detail_HW.shape
        place = find_region(order.cutout, kind, room, np.ones((height, width), bool), order.seed)
        if place is None:
            where = "wall is free" if kind.on == "wall" else "table or floor is seen"
            raise InputError(
                f"no {where} in the photo that {order.item.name!r} would fit; give another photo, or say by a box where"
            )
        left, top, wide, high = place
        beside, below = (0.12, 0.15) if kind.on == "wall" else (0.6, 0.1)
        mask = np.zeros((height, width), np.uint8)
        mask[
            max(0, top - round(0.05 * high)) : top + high + round(below * high),
            max(0, left - round(beside * high)) : left + wide + round(beside * high),
        ] = 255
        return Image.fromarray(mask)

    def paint(self, order: TryOnOrder, mask: Image.Image, on_step: StepHook) -> Image.Image:
        """The item where it fits within the mask, at the size it has there; as large as the mask where it does not."""
        kind, room = kind_of(order.item), read_room(order.photo)
        place = find_region(order.cutout, kind, room, np.asarray(mask.convert("L")) > 127, order.seed)
        placed = place_in_photo(
            order.cutout, order.photo, mask, at=place, light_from=room.light_from, is_hung=kind.on == "wall"
        )
        return placed.picture


def find_region(cutout: Cutout, kind: Kind, room: Room, allowed_HW: BoolMask, seed: int) -> Region | None:
    """A quiet place for an item at its size there, by a seed one of the best; None where there is none."""
    left, top, right, bottom = cutout.box
    ratio = (right - left) / (bottom - top)
    sums = np.asarray(cv2.integral(room.detail_HW.astype(np.float64)), dtype=np.float64)
    taken = np.asarray(cv2.integral((~allowed_HW).astype(np.float64)), dtype=np.float64)
    height, width = allowed_HW.shape
    found: list[tuple[float, Region]] = []
    for cost, bottom_row, item_height in _rows(kind, room, (width, height)):
        high = max(4, round(item_height))
        wide = max(4, round(item_height * ratio))
        y = round(bottom_row) - high
        free = round(_ROOM * width)
        if y < round(_ROOM * height) or wide > width - 2 * free:
            continue
        for x in np.unique(np.linspace(free, width - free - wide, _TRIED_COLUMNS).round().astype(int)).tolist():
            if _within(taken, (x, y, wide, high)) == 0:
                found.append((_within(sums, (x, y, wide, high)) / (wide * high) + cost, (x, y, wide, high)))
    found.sort(key=lambda one: one[0])
    good = found[:_NUM_GOOD]
    return good[int(np.random.default_rng(seed).integers(len(good)))][1] if good else None


def _rows(kind: Kind, room: Room, size: tuple[int, int]) -> Iterator[tuple[float, float, float]]:
    """Where an item's lowest row may be: what speaks against it, the row, and how tall the item is there."""
    height, meter = size[1], _METER[kind.on] * min(size)
    if kind.on == "wall":
        wall = height if room.line is None else room.line
        high = min(kind.height_m * meter, 0.8 * wall)
        for share in np.linspace(0.38, 0.55, _TRIED_ROWS).tolist():  # where its middle hangs: about the eyes' height
            if share * wall + high / 2 < 0.97 * wall:
                yield 10 * abs(share - 0.45), share * wall + high / 2, high
        return
    if room.line is None:
        return
    for depth in np.linspace(0.2, 0.9, _TRIED_ROWS).tolist():
        row = room.line + depth * (height - room.line)
        larger = (row - room.vanishing) / (room.line - room.vanishing)
        yield 10 * abs(depth - 0.5), row, kind.height_m * meter * larger


def _within(sums: npt.NDArray[np.float64], place: Region) -> float:
    x, y, wide, high = place
    return float(sums[y + high, x + wide] - sums[y, x + wide] - sums[y + high, x] + sums[y, x])
