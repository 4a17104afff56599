"""Samples places of the procedural world, each with the palette and the words that call for it.

Words outrank the palette; what neither says is left to chance, in neutral paints. `KNOWN_WORDS` are all words that
captions hold, which is what the scene model can draw.
"""

# K colors of a palette

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from genrec.foundation.rooms import (
    CREAM,
    FURNITURE,
    FURNITURE_MATERIALS,
    LIGHTS,
    OUTDOORS,
    PROPS,
    WALL_COLORS,
    WALL_PATTERNS,
    WALL_TEXTURES,
    Place,
    Rgb,
)
from genrec.schema import FloatArray
from genrec.shop.vocabulary import COLORS
from genrec.visualize.colors import to_lab
from genrec.visualize.families import palette_vector

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


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceCase:
    """A place and what is told of it: palette colors as (rgb, weight), the strongest first, and words."""

    place: Place
    palette: tuple[tuple[Rgb, float], ...]
    caption: str


def sample_case(rng: np.random.Generator) -> PlaceCase:
    """A place with a palette in three of four cases, and words for about half of what it holds."""
    palette = _palette(rng) if rng.random() < 0.75 else ()
    told = rng.random() > 0.15
    words: list[str] = []

    def says(share: float) -> bool:
        return bool(told and rng.random() < share)

    is_outdoors = rng.random() < 0.2
    is_hung = not is_outdoors and rng.random() < 0.22
    paints = _paints(palette, rng)
    has_cloth = pattern = texture = None
    if is_outdoors:
        ground = _pick(rng, tuple(OUTDOORS))
        material, horizon = OUTDOORS[ground], float(rng.uniform(0.5, 0.72))
        words.append(_pick(rng, OUTDOOR_WORDS[ground]))  # a place outdoors is only ever drawn when asked for
    else:
        ground, material = _pick(rng, FURNITURE), _pick(rng, FURNITURE_MATERIALS)
        horizon = float(rng.choice([1.0, rng.uniform(0.84, 0.95)])) if is_hung else float(rng.uniform(0.52, 0.74))
        has_cloth = rng.random() < 0.3
        if is_hung:
            words += [_pick(rng, HUNG_WORDS)] if told else []
        elif says(0.65):
            words.append(_surface(ground, material, rng))
        if has_cloth and not is_hung and says(0.5):
            words.append(_pick(rng, CLOTH_WORDS).format(color := _pick(rng, tuple(WALL_COLORS))))
            paints = (paints[0], WALL_COLORS[color], *paints[2:])
        kind = rng.random()
        if kind < 0.22:
            pattern = _pick(rng, tuple(WALL_PATTERNS))
        elif kind < 0.4:
            texture = _pick(rng, WALL_TEXTURES)
        color = None
        if says(0.3):
            color = _pick(rng, tuple(WALL_COLORS))
            paints = (_jitter(WALL_COLORS[color], 6, rng), *paints[1:])
        plain = None if pattern is None and texture is None else (pattern, texture)
        if plain is not None and not says(0.75):  # a pattern is only ever drawn when asked for
            pattern = texture = None
        words += _wall_words(color, pattern, texture, rng)
    light = _pick(rng, LIGHTS) if rng.random() < 0.5 else "day"
    if light != "day" or says(0.3):
        words.append(_pick(rng, LIGHT_WORDS[light]))
    props: tuple[str, ...] = ()
    if not is_outdoors:
        count = int(rng.choice([0, 1, 2], p=[0.45, 0.35, 0.2]))
        props = tuple(rng.choice(PROPS, size=count, replace=False).tolist())
        words += [_pick(rng, PROP_WORDS[prop]) for prop in props if says(0.8)]
    place = Place(
        ground=ground, material=material, horizon=horizon, paints=paints, pattern=pattern, texture=texture,
        light=light, side=int(rng.choice([-1, 1])), props=props, seed=int(rng.integers(2**32)),
        is_outdoors=is_outdoors, has_cloth=bool(has_cloth) and not is_hung,
    )  # fmt: skip
    order = rng.permutation(len(words))
    joint = ", " if rng.random() < 0.7 else " "
    return PlaceCase(place=place, palette=palette, caption=joint.join(words[n] for n in order))


def _surface(ground: str, material: str, rng: np.random.Generator) -> str:
    thing, made_of = _pick(rng, GROUND_WORDS[ground]), _pick(rng, MATERIAL_WORDS[material])
    article = "an" if made_of[0] in "aeiou" else "a"
    form = rng.random()
    if form < 0.8:
        return f"on {article} {made_of} {thing}"
    return f"on {made_of}" if form < 0.9 else f"{made_of} {thing}"


def _wall_words(color: str | None, pattern: str | None, texture: str | None, rng: np.random.Generator) -> list[str]:
    if pattern is not None:
        kind = WALL_PATTERNS[pattern] if rng.random() < 0.6 else f"{pattern} wall"
        return [f"{color} {kind}" if color else kind]
    if texture is not None:
        kind = {"wood panels": "wood panels", "tiled": "tiled wall"}.get(texture, f"{texture} wall")
        return [f"{color} {kind}" if color else f"in front of a {kind}"]
    if color is None:
        return []
    form = _pick(rng, ("in front of a {} wall", "{} wall", "in a room with {} walls", "in a {} room", "{} background"))
    return [form.format(color)]


def _palette(rng: np.random.Generator) -> tuple[tuple[Rgb, float], ...]:
    count = int(rng.integers(1, 5))
    weights = np.sort(rng.dirichlet(np.full(count, 2.0)))[::-1]
    return tuple((any_color(rng), float(weight)) for weight in weights)


def any_color(rng: np.random.Generator) -> Rgb:
    """A named color of the shop or of walls, or any color whatever, as pictures have them."""
    kind = rng.random()
    if kind < 0.35:
        return _jitter(COLORS[_pick(rng, tuple(COLORS))].rgb, 14, rng)
    if kind < 0.65:
        return _jitter(WALL_COLORS[_pick(rng, tuple(WALL_COLORS))], 14, rng)
    gray, tint = rng.uniform(15, 245), rng.normal(0, 34, 3)
    red, green, blue = np.clip(gray + tint - tint.mean(), 0, 255).astype(int).tolist()
    return red, green, blue


def _paints(palette: tuple[tuple[Rgb, float], ...], rng: np.random.Generator) -> tuple[Rgb, Rgb, Rgb, Rgb]:
    """Wall, cloth, two things; the palette's colors in turn, what it lacks from its first, or neutral ones."""
    if not palette:
        wall, cloth, one, other = _pick(rng, NEUTRAL), _pick(rng, NEUTRAL), _pick(rng, THINGS), _pick(rng, THINGS)
        return _jitter(wall, 5, rng), _jitter(cloth, 5, rng), one, other
    colors = [rgb for rgb, _ in palette]
    wall = _toward(CREAM, colors[0], WALL_SHARE)
    cloth = colors[1] if len(colors) > 1 else _toward(CREAM, colors[0], 0.5)
    return wall, cloth, colors[2 % len(colors)], colors[3 % len(colors)]


def _toward(first: Rgb, second: Rgb, share: float) -> Rgb:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _jitter(rgb: Rgb, spread: float, rng: np.random.Generator) -> Rgb:
    red, green, blue = np.clip(np.asarray(rgb) + rng.normal(0, spread, 3), 0, 255).astype(int).tolist()
    return red, green, blue


def _pick(rng: np.random.Generator, choices: Sequence[T]) -> T:
    return choices[int(rng.integers(len(choices)))]


def palette_numbers(palette: Sequence[tuple[Sequence[float], float]]) -> FloatArray:
    """A palette of (rgb, weight) as the adapter reads it, float32 (16,)."""
    colors, weights = [rgb for rgb, _ in palette], [weight for _, weight in palette]
    lab_K3 = to_lab(np.array(colors, dtype=np.float32).reshape(-1, 3))
    return palette_vector(lab_K3, np.array(weights, dtype=np.float32))


def known_words() -> list[str]:
    """Every word that a caption may hold, sorted."""
    groups = (GROUND_WORDS, MATERIAL_WORDS, OUTDOOR_WORDS, LIGHT_WORDS, PROP_WORDS)
    phrases = [phrase for group in groups for phrases in group.values() for phrase in phrases]
    phrases += [*WALL_COLORS, *WALL_PATTERNS, *WALL_PATTERNS.values(), *WALL_TEXTURES, *HUNG_WORDS, *CLOTH_WORDS]
    phrases += ["in front of a wall", "in a room with walls", "background", "next to", "beside", "and"]
    return sorted({word for phrase in phrases for word in re.findall(r"[a-z]+", phrase)})
