"""Samples places of the made world, each with the palette and the words that call for it, for the scene model to learn.

Words outrank the palette; what neither says is left to chance, in neutral paints.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genrec.schema import FloatArray
from genrec.shop.vocabulary import COLORS
from genrec.visualize.colors import to_lab
from genrec.visualize.families import palette_vector
from genrec.visualize.places.rooms import (
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
from genrec.visualize.places.words import (
    CLOTH_WORDS,
    GROUND_WORDS,
    HUNG_WORDS,
    LIGHT_WORDS,
    MATERIAL_WORDS,
    OUTDOOR_WORDS,
    PROP_WORDS,
    jitter,
    paints_of,
    pick,
)


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
    paints = paints_of(palette, rng)
    has_cloth = False
    pattern: str | None = None
    texture: str | None = None
    if is_outdoors:
        ground = pick(rng, tuple(OUTDOORS))
        material, horizon = OUTDOORS[ground], float(rng.uniform(0.5, 0.72))
        words.append(pick(rng, OUTDOOR_WORDS[ground]))  # a place outdoors is only ever drawn when asked for
    else:
        ground, material = pick(rng, FURNITURE), pick(rng, FURNITURE_MATERIALS)
        horizon = float(rng.choice([1.0, rng.uniform(0.84, 0.95)])) if is_hung else float(rng.uniform(0.52, 0.74))
        has_cloth = rng.random() < 0.3
        if is_hung:
            words += [pick(rng, HUNG_WORDS)] if told else []
        elif says(0.65):
            words.append(_surface(ground, material, rng))
        if has_cloth and not is_hung and says(0.5):
            words.append(pick(rng, CLOTH_WORDS).format(color := pick(rng, tuple(WALL_COLORS))))
            paints = (paints[0], WALL_COLORS[color], *paints[2:])
        kind = rng.random()
        if kind < 0.22:
            pattern = pick(rng, tuple(WALL_PATTERNS))
        elif kind < 0.4:
            texture = pick(rng, WALL_TEXTURES)
        wall: str | None = None
        if says(0.3):
            wall = pick(rng, tuple(WALL_COLORS))
            paints = (jitter(WALL_COLORS[wall], 6, rng), *paints[1:])
        plain = None if pattern is None and texture is None else (pattern, texture)
        if plain is not None and not says(0.75):  # a pattern is only ever drawn when asked for
            pattern = texture = None
        words += _wall_words(wall, pattern, texture, rng)
    light = pick(rng, LIGHTS) if rng.random() < 0.5 else "day"
    if light != "day" or says(0.3):
        words.append(pick(rng, LIGHT_WORDS[light]))
    props: tuple[str, ...] = ()
    if not is_outdoors:
        count = int(rng.choice([0, 1, 2], p=[0.45, 0.35, 0.2]))
        props = tuple(rng.choice(PROPS, size=count, replace=False).tolist())
        words += [pick(rng, PROP_WORDS[prop]) for prop in props if says(0.8)]
    place = Place(
        ground=ground, material=material, horizon=horizon, paints=paints, pattern=pattern, texture=texture,
        light=light, side=int(rng.choice([-1, 1])), props=props, seed=int(rng.integers(2**32)),
        is_outdoors=is_outdoors, has_cloth=bool(has_cloth) and not is_hung,
    )  # fmt: skip
    order = rng.permutation(len(words))
    joint = ", " if rng.random() < 0.7 else " "
    return PlaceCase(place=place, palette=palette, caption=joint.join(words[n] for n in order))


def _surface(ground: str, material: str, rng: np.random.Generator) -> str:
    thing, made_of = pick(rng, GROUND_WORDS[ground]), pick(rng, MATERIAL_WORDS[material])
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
    form = pick(rng, ("in front of a {} wall", "{} wall", "in a room with {} walls", "in a {} room", "{} background"))
    return [form.format(color)]


def _palette(rng: np.random.Generator) -> tuple[tuple[Rgb, float], ...]:
    count = int(rng.integers(1, 5))
    weights = np.sort(rng.dirichlet(np.full(count, 2.0)))[::-1]
    return tuple((any_color(rng), float(weight)) for weight in weights)


def any_color(rng: np.random.Generator) -> Rgb:
    """A named color of the shop or of walls, or any color whatever, as pictures have them."""
    kind = rng.random()
    if kind < 0.35:
        return jitter(COLORS[pick(rng, tuple(COLORS))].rgb, 14, rng)
    if kind < 0.65:
        return jitter(WALL_COLORS[pick(rng, tuple(WALL_COLORS))], 14, rng)
    gray, tint = rng.uniform(15, 245), rng.normal(0, 34, 3)
    red, green, blue = np.clip(gray + tint - tint.mean(), 0, 255).astype(int).tolist()
    return red, green, blue


def palette_numbers(palette: Sequence[tuple[Sequence[float], float]]) -> FloatArray:
    """A palette of (rgb, weight) as the adapter reads it, float32 (16,)."""
    colors, weights = [rgb for rgb, _ in palette], [weight for _, weight in palette]
    lab_K3 = to_lab(np.array(colors, dtype=np.float32).reshape(-1, 3))
    return palette_vector(lab_K3, np.array(weights, dtype=np.float32))
