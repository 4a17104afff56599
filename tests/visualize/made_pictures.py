"""Pictures whose item is known: things drawn on plain backgrounds, with soft edges, light that falls off and noise."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

SCALE = 4  # drawn larger and reduced, for soft edges


@dataclass(frozen=True, slots=True)
class Made:
    picture: Image.Image
    truth_HW: npt.NDArray[np.float32]  # alpha of the item
    item_HW3: npt.NDArray[np.uint8]  # its pure color
    behind_HW3: npt.NDArray[np.uint8]


def made(
    shape: str = "disc",
    *,
    size: tuple[int, int] = (128, 128),
    color: tuple[int, int, int] = (170, 40, 50),
    behind: tuple[int, int, int] = (236, 233, 226),
    falloff: float = 0.1,
    noise: float = 1.0,
    shadow: bool = False,
    seed: int = 0,
) -> Made:
    """One thing, drawn by hand, before a plain background."""
    width, height = size
    large = Image.new("L", (width * SCALE, height * SCALE), 0)
    _SHAPES[shape](ImageDraw.Draw(large), width * SCALE, height * SCALE)
    truth_HW = np.asarray(large.resize(size, Image.Resampling.BOX), np.float32) / 255
    rows_H1, columns_1W = np.linspace(0, 1, height)[:, None], np.linspace(0, 1, width)[None]
    light_HW = 1 - falloff * (0.7 * rows_H1 + 0.3 * columns_1W)
    if shadow:
        light_HW = light_HW * (1 - 0.5 * _shadow_of(truth_HW))
    behind_HW3 = np.array(behind) * light_HW[..., None]
    item_HW3 = np.array(color) * (1 - 0.15 * columns_1W[..., None]) * np.ones((height, 1, 1))
    mixed_HW3 = truth_HW[..., None] * item_HW3 + (1 - truth_HW[..., None]) * behind_HW3
    mixed_HW3 = mixed_HW3 + np.random.default_rng(seed).normal(0, noise, mixed_HW3.shape)
    return Made(_image(mixed_HW3), truth_HW, _pixels(item_HW3), _pixels(behind_HW3))


def _shadow_of(truth_HW: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Dark where the thing meets the ground, as photographs of standing things show it."""
    foot = int(np.flatnonzero(truth_HW.any(1))[-1])
    columns = np.flatnonzero(truth_HW[foot - 4 : foot + 1].any(0))
    shade = Image.new("L", truth_HW.shape[::-1], 0)
    ImageDraw.Draw(shade).ellipse((columns[0] - 4, foot - 3, columns[-1] + 4, foot + 5), fill=255)
    return np.asarray(shade.filter(ImageFilter.GaussianBlur(3)), np.float32) / 255


def _pixels(values_HW3: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    return np.clip(np.rint(values_HW3), 0, 255).astype(np.uint8)


def _image(values_HW3: npt.NDArray[np.float64]) -> Image.Image:
    return Image.fromarray(_pixels(values_HW3))


# ---- what is drawn, by name


def _disc(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    draw.ellipse((0.2 * width, 0.25 * height, 0.75 * width, 0.8 * height), fill=255)


def _mug(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    draw.rectangle((0.22 * width, 0.3 * height, 0.6 * width, 0.8 * height), fill=255)
    draw.ellipse((0.48 * width, 0.36 * height, 0.82 * width, 0.72 * height), fill=255)
    draw.ellipse((0.54 * width, 0.43 * height, 0.76 * width, 0.65 * height), fill=0)
    draw.rectangle((0.22 * width, 0.3 * height, 0.6 * width, 0.8 * height), fill=255)


def _chair(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    draw.rectangle((0.3 * width, 0.15 * height, 0.36 * width, 0.85 * height), fill=255)
    draw.rectangle((0.3 * width, 0.5 * height, 0.7 * width, 0.58 * height), fill=255)
    draw.rectangle((0.3 * width, 0.15 * height, 0.7 * width, 0.3 * height), fill=255)
    draw.rectangle((0.64 * width, 0.15 * height, 0.7 * width, 0.85 * height), fill=255)


def _trousers(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """They run on below the picture."""
    draw.rectangle((0.32 * width, 0.15 * height, 0.68 * width, 0.4 * height), fill=255)
    draw.rectangle((0.32 * width, 0.15 * height, 0.47 * width, height), fill=255)
    draw.rectangle((0.53 * width, 0.15 * height, 0.68 * width, height), fill=255)


def _board(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    draw.rectangle((0.25 * width, 0.3 * height, 0.75 * width, 0.7 * height), fill=255)


def _letters(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    for row in range(4):
        for column in range(6):
            x, y = (0.12 + 0.13 * column) * width, (0.15 + 0.18 * row) * height
            draw.rectangle((x, y, x + 0.07 * width, y + 0.1 * height), fill=255)


def _speck(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    draw.ellipse((0.45 * width, 0.45 * height, 0.58 * width, 0.58 * height), fill=255)


def _bar(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """It runs from side to side."""
    draw.rectangle((0, 0.3 * height, width, 0.75 * height), fill=255)


_SHAPES = {
    "disc": _disc,
    "mug": _mug,
    "chair": _chair,
    "trousers": _trousers,
    "board": _board,
    "letters": _letters,
    "speck": _speck,
    "bar": _bar,
}
