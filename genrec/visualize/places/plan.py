"""Plans a place from a request and a palette: what stands where, in which paints and light, what was not understood.

A small scene model begins from the plan's draft and paints on it. What is named is placed exactly; what is not follows
the palette, else chance. Knows phrases and paints; knows no model.
"""

# K colors of a palette

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from genrec.search.binding import NAMING_NOTHING
from genrec.search.words import fold
from genrec.visualize.places.rooms import (
    MATERIALS,
    OUTDOORS,
    WALL_COLORS,
    WALL_PATTERNS,
    Place,
    Rgb,
    draw_place,
)
from genrec.visualize.places.words import (
    GROUND_WORDS,
    LIGHT_WORDS,
    MATERIAL_WORDS,
    OUTDOOR_WORDS,
    PROP_WORDS,
    paints_of,
    pick,
)
from genrec.visualize.vocabulary import word_forms

_WORD = re.compile(r"[^\W\d_]+")
_MAX_WORDS = 3  # of a phrase
_ON_WALLS = frozenset(["wall", "walls", "room", "wallpaper", "background", "backdrop", "paint", "painted"])
_CLOTHS = frozenset(["tablecloth", "cloth", "rug", "fabric", "linen", "carpet", "blanket", "runner"])
_GROUNDS, _WOODS, _PROPS = (
    ("table", "sideboard", "shelf", "desk"),
    ("oak", "walnut", "pine", "white"),
    ("plant", "books", "window", "lamp"),
)
_LONGEST_REQUEST = 300  # words that are read


@dataclass(slots=True)
class _Named:
    """What a request names, by kind; each kind keeps its first."""

    found: dict[str, str] = field(default_factory=dict)
    props: list[str] = field(default_factory=list)
    colors: dict[str, Rgb] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A place, the caption that calls for it, and the words of the request that name nothing in it."""

    place: Place
    caption: str
    unknown: tuple[str, ...]

    def draft(self, size_px: int) -> NDArray[np.uint8]:
        """The place as it is planned, uint8 (size_px, size_px, 3)."""
        return draw_place(self.place, size_px)


def plan_place(
    request: str, *, palette: Sequence[tuple[Rgb, float]] = (), values: Sequence[str] = (), is_hung: bool, seed: int
) -> Plan:
    """The place that a request and a taste call for. values: of the taste, of which patterns are papered on the wall.

    is_hung: whether the item hangs on the wall. Same request, taste and seed, same place.
    """
    rng, named = np.random.default_rng(seed), _read(request)
    found = named.found
    wall, cloth, one, other = paints_of(tuple(palette), rng)
    wall, cloth = named.colors.get("wall", wall), named.colors.get("cloth", cloth)
    is_outdoors = "outdoors" in found
    light = found.get("light") or ("morning" if rng.random() < 0.3 else "day")
    pattern = found.get("pattern") or next((value for value in values if value in WALL_PATTERNS), None)
    if is_outdoors:
        ground = found["outdoors"]
        material, horizon = OUTDOORS[ground], float(rng.uniform(0.52, 0.66))
    else:
        ground = found.get("ground") or pick(rng, _GROUNDS)
        material = found.get("material") or pick(rng, _WOODS)
        names_ground = "ground" in found or "material" in found
        horizon = (0.88 if names_ground else 1.0) if is_hung else float(rng.uniform(0.56, 0.68))
    props = named.props or ([pick(rng, _PROPS)] if rng.random() < 0.5 else [])
    place = Place(
        ground=ground, material=material, horizon=horizon, paints=(wall, cloth, one, other), pattern=pattern,
        texture=found.get("texture") if pattern is None else None, light=light, side=int(rng.choice([-1, 1])),
        props=tuple(props[:4]), seed=seed, is_outdoors=is_outdoors, ground_paint=named.colors.get("ground"),
        has_cloth="cloth" in named.colors or (not is_hung and bool(palette)),
    )  # fmt: skip
    return Plan(
        place=place, caption=_caption(place, found, is_hung=is_hung), unknown=tuple(dict.fromkeys(named.unknown))
    )


def _caption(place: Place, found: Mapping[str, str], *, is_hung: bool) -> str:
    """The place in the words that the scene model learned from."""
    words = []
    if place.is_outdoors:
        words.append(OUTDOOR_WORDS[place.ground][0])
    elif is_hung:
        words.append("hung on a wall")
    else:
        words.append(f"on a {MATERIAL_WORDS[place.material][0]} {GROUND_WORDS[place.ground][0]}")
    words.append(LIGHT_WORDS[place.light][0])
    if not place.is_outdoors:
        words += [WALL_PATTERNS[place.pattern]] if place.pattern else [f"{place.texture} wall"] if place.texture else []
        words += [PROP_WORDS[prop][0] for prop in place.props[:1]]  # more do not fit into what the model reads
    return ", ".join(words)


@cache
def _phrases() -> Mapping[tuple[str, ...], tuple[str, str]]:
    """What phrases name, without the words that only bind: (kind, value) by words."""
    groups = {
        "outdoors": OUTDOOR_WORDS,
        "ground": GROUND_WORDS,
        "material": MATERIAL_WORDS,
        "light": LIGHT_WORDS,
        "prop": PROP_WORDS,
    }
    known: dict[tuple[str, ...], tuple[str, str]] = {}
    for kind, group in groups.items():
        for value, phrases in group.items():
            for phrase in phrases:
                words = tuple(word for word in phrase.split() if fold(word) not in NAMING_NOTHING)
                known.setdefault(words, (kind, value))
    for pattern in WALL_PATTERNS:
        known[(pattern,)] = ("pattern", pattern)
    known |= {
        ("stripes",): ("pattern", "striped"),
        ("dots",): ("pattern", "dotted"),
        ("checks",): ("pattern", "checked"),
    }
    known |= {("brick",): ("texture", "brick"), ("bricks",): ("texture", "brick"), ("tiles",): ("texture", "tiled")}
    return known | {("tiled",): ("texture", "tiled"), ("wood", "panels"): ("texture", "wood panels")}


def _read(request: str) -> _Named:
    """What the words name, left to right; a color belongs to the next thing that can have one, else to the wall."""
    words = [word for word in _WORD.findall(request.casefold())[:_LONGEST_REQUEST] if fold(word) not in NAMING_NOTHING]
    named, pending, place = _Named(), None, 0
    while place < len(words):
        word = words[place]
        length, meant = _meant(words[place:])
        if word in WALL_COLORS and (meant is None or meant[0] == "material"):
            pending, length = word, 1
        elif word in _ON_WALLS:
            if pending is not None:
                named.colors.setdefault("wall", WALL_COLORS[pending])
            pending, length = None, 1
        elif word in _CLOTHS:
            named.colors.setdefault("cloth", WALL_COLORS[pending or "cream"])
            pending, length = None, 1
        elif meant is None:
            named.unknown.append(word)
            length = 1
        else:
            kind, value = meant
            if kind == "prop":
                named.props.append(value)
            elif kind == "material" and place + length < len(words) and words[place + length] in _ON_WALLS:
                named.found.setdefault("texture", value if value == "concrete" else "wood panels")
            else:
                named.found.setdefault(kind, value)
            if kind == "ground" and pending is not None:
                _paint_ground(named, pending)
                pending = None
        place += length
    if pending is not None:
        named.colors.setdefault("wall", WALL_COLORS[pending])
    return named


def _paint_ground(named: _Named, color: str) -> None:
    if color in MATERIALS:
        named.found.setdefault("material", color)
    else:
        named.colors.setdefault("ground", WALL_COLORS[color])


def _meant(words: Sequence[str]) -> tuple[int, tuple[str, str] | None]:
    """How many words from the first on name something, and what; the longest phrase counts."""
    known = _phrases()
    for length in range(min(_MAX_WORDS, len(words)), 0, -1):
        for last in word_forms(words[length - 1]):
            if (meant := known.get((*words[: length - 1], last))) is not None:
                return length, meant
    return 1, None
