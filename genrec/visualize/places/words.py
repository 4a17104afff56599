"""The words of places: what names a ground, a material, a light, a thing, and what a palette paints.

The scene model learns from captions made of them, and `plan` reads requests by them. Knows phrases and paints; draws
nothing.
"""

# K colors of a palette

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from genrec.visualize.places.rooms import CREAM, WALL_COLORS, WALL_PATTERNS, WALL_TEXTURES, Rgb

T = TypeVar("T")
NEUTRAL: Sequence[Rgb] = ((240, 235, 226), (248, 247, 244), (214, 208, 198), (190, 192, 194), (226, 214, 192))
THINGS: Sequence[Rgb] = ((186, 142, 94), (200, 102, 70), (158, 176, 142), (206, 166, 72), (90, 110, 140), (70, 66, 64))
WALL_SHARE = 0.85  # of the palette's first color in the wall's paint, the rest is cream

GROUND_WORDS: Mapping[str, Sequence[str]] = {
    "table": ("table", "tabletop", "dining table", "kitchen table", "coffee table"),
    "desk": ("desk", "writing desk", "office desk", "workbench"),
    "shelf": ("shelf", "bookshelf", "shelves"),
    "sideboard": ("sideboard", "dresser", "cabinet", "nightstand", "counter"),
    "windowsill": ("windowsill", "window sill", "ledge"),
    "plinth": ("plinth", "pedestal", "podium", "stage"),
    "floor": ("floor", "floorboards"),
}
MATERIAL_WORDS: Mapping[str, Sequence[str]] = {
    "walnut": ("walnut", "dark wood", "dark wooden", "mahogany"),
    "oak": ("oak", "wooden", "wood", "teak"),
    "pine": ("pine", "light wood", "birch", "bamboo"),
    "white": ("white", "white lacquer"),
    "black": ("black", "black lacquer"),
    "marble": ("marble",),
    "concrete": ("concrete", "cement"),
    "metal": ("metal", "steel", "aluminium"),
    "glass": ("glass",),
}
OUTDOOR_WORDS: Mapping[str, Sequence[str]] = {
    "meadow": ("in a meadow", "on grass", "on a lawn", "in a field", "outdoors on grass", "in a park"),
    "garden": ("in a garden", "in the garden", "among flowers outdoors"),
    "beach": ("on a beach", "at the beach", "by the sea", "at the ocean", "on the sand by the sea"),
    "mountains": ("in the mountains", "on a rock", "on stones", "in the hills", "on a mountain"),
    "snow": ("in the snow", "in winter", "on snow"),
    "forest": ("in a forest", "in the woods", "among trees"),
    "city": ("in the city", "in a street", "on a pavement", "downtown"),
    "desert": ("in a desert", "in the desert", "on a dune"),
}
HUNG_WORDS = ("on a wall", "on the wall", "hung on a wall", "hanging on the wall")
LIGHT_WORDS: Mapping[str, Sequence[str]] = {
    "day": ("in daylight", "by day", "at noon", "bright light", "bright", "in the afternoon", "studio light"),
    "morning": ("in the morning", "morning light", "in the sun", "sunny", "at sunrise", "sunlight", "dawn"),
    "evening": ("in the evening", "evening", "evening light", "at sunset", "golden hour", "at dusk", "sunset"),
    "night": ("at night", "night", "dark", "in the dark", "midnight", "moonlight"),
    "candlelight": ("by candlelight", "candlelight", "cozy", "cosy", "lamp light", "warm light", "romantic", "moody"),
}
PROP_WORDS: Mapping[str, Sequence[str]] = {
    "plant": ("with a plant", "with plants", "beside a plant", "houseplant", "with leaves"),
    "books": ("with books", "beside books", "next to some books", "a stack of books"),
    "lamp": ("with a lamp", "beside a lamp", "next to a lamp"),
    "window": ("by a window", "near a window", "with a window", "by the window"),
    "curtain": ("with curtains", "with a curtain", "beside a curtain"),
    "flowers": ("with flowers", "beside flowers", "with a bouquet", "with roses"),
    "candle": ("with candles", "with a candle", "beside a candle"),
    "picture": ("with a picture", "with a painting", "with framed pictures"),
    "cushions": ("with cushions", "with pillows", "beside a cushion"),
    "fairy lights": ("with fairy lights", "with christmas lights", "with string lights", "bokeh", "festive"),
}
CLOTH_WORDS = ("on a {} tablecloth", "with a {} cloth", "on {} fabric", "on a {} rug", "on {} linen")


def paints_of(palette: tuple[tuple[Rgb, float], ...], rng: np.random.Generator) -> tuple[Rgb, Rgb, Rgb, Rgb]:
    """Wall, cloth, two things; the palette's colors in turn, what it lacks from its first, or neutral ones."""
    if not palette:
        wall, cloth, one, other = pick(rng, NEUTRAL), pick(rng, NEUTRAL), pick(rng, THINGS), pick(rng, THINGS)
        return jitter(wall, 5, rng), jitter(cloth, 5, rng), one, other
    colors = [rgb for rgb, _ in palette]
    wall = toward(CREAM, colors[0], WALL_SHARE)
    cloth = colors[1] if len(colors) > 1 else toward(CREAM, colors[0], 0.5)
    return wall, cloth, colors[2 % len(colors)], colors[3 % len(colors)]


def toward(first: Rgb, second: Rgb, share: float) -> Rgb:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def jitter(rgb: Rgb, spread: float, rng: np.random.Generator) -> Rgb:
    red, green, blue = np.clip(np.asarray(rgb) + rng.normal(0, spread, 3), 0, 255).astype(int).tolist()
    return red, green, blue


def pick(rng: np.random.Generator, choices: Sequence[T]) -> T:
    return choices[int(rng.integers(len(choices)))]


def known_words() -> list[str]:
    """Every word that a caption may hold, sorted."""
    groups = (GROUND_WORDS, MATERIAL_WORDS, OUTDOOR_WORDS, LIGHT_WORDS, PROP_WORDS)
    phrases = [phrase for group in groups for phrases in group.values() for phrase in phrases]
    phrases += [*WALL_COLORS, *WALL_PATTERNS, *WALL_PATTERNS.values(), *WALL_TEXTURES, *HUNG_WORDS, *CLOTH_WORDS]
    phrases += ["in front of a wall", "in a room with walls", "background", "next to", "beside", "and"]
    return sorted({word for phrase in phrases for word in re.findall(r"[a-z]+", phrase)})
