"""Reads how an item shall change: its colors by names and comparatives, all else in the words that the model knows.

"in red", "warmer", "without stripes" and a taste all become the palette and the words that a variation is drawn by.
"""

# K colors, N pixels

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import ImageColor

from genrec.schema import FloatArray
from genrec.visualize.colors import NAMED, color_shares, palette_of, to_lab
from genrec.visualize.cutout import Cutout
from genrec.visualize.taste import Taste
from genrec.visualize.vocabulary import Vocabulary

_WORD = re.compile(r"[^\W\d_]+")
_WITHOUT = re.compile(r"\b(?:without|no|not|ohne|keine?n?|sans|sin)\s+(?:any\s+|a\s+)?([^\W\d_]+)", re.IGNORECASE)
# By how much lightness, red over green, yellow over blue, and colorfulness change.
_SHIFTS: Mapping[str, tuple[float, float, float, float]] = {
    "warmer": (0, 18, 22, 1.0), "cooler": (0, -12, -30, 1.0), "colder": (0, -12, -30, 1.0),
    "darker": (-24, 0, 0, 1.0), "lighter": (20, 0, 0, 1.0), "brighter": (16, 0, 0, 1.25), "paler": (16, 0, 0, 0.6),
    "muted": (0, 0, 0, 0.45), "softer": (8, 0, 0, 0.6), "calmer": (4, 0, 0, 0.55), "bolder": (0, 0, 0, 1.6),
    "colorful": (0, 0, 0, 1.7), "vivid": (0, 0, 0, 1.6),
}  # fmt: skip
PATTERN_WORDS: Mapping[str, tuple[str, ...]] = {
    "plain": ("plain", "without a pattern", "solid color", "no pattern", "unpatterned"),
    "striped": ("striped", "with stripes", "stripes"),
    "dotted": ("dotted", "with dots", "polka dots", "dots"),
    "checked": ("checked", "checkered", "plaid", "with checks"),
    "zigzag": ("zigzag", "with zigzags", "chevron", "zigzags"),
    "floral": ("floral", "with flowers", "flowery", "flowers"),
}
_PATTERN_NOUNS = frozenset(word for found in PATTERN_WORDS.values() for phrase in found for word in phrase.split()) - {
    "with", "without", "a", "no", "solid", "color",
}  # fmt: skip
_SHADE = np.array((0.45, 1.0, 1.0), dtype=np.float32)  # what lightness counts beside hue
_APART, _MIN_ACCENT = 18.0, 0.04  # ΔE, and of the item
_SEEN = 9.0  # a smaller change of color, in ΔE, is not seen
_CONTRAST = 26.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What shall be different.

    recolors: the item's own colors with those that take their places, CIELAB (3,). is_plain: whether its own pattern
    goes; pattern: to lay over it, None for none. palette_K3: its main color and its accent as they shall be, (K, 3),
    None where a model is told the words alone; weights_K: of them. words: what a model shall do beside, such as
    materials; not_drawn: words of the request that it does not know. why_empty: where nothing would change.
    """

    palette_K3: FloatArray | None
    weights_K: FloatArray | None
    words: str
    recolors: tuple[tuple[FloatArray, FloatArray], ...] = ()
    is_plain: bool = False
    pattern: str | None = None
    not_drawn: tuple[str, ...]
    why_empty: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change."""
        return not (self.recolors or self.words or self.is_plain)


def read_change(words: str, cutout: Cutout, vocabulary: Vocabulary, taste: Taste | None, strength: float) -> Change:
    """The change that words ask for; without words, the one toward a taste, as far as its strength goes."""
    if vocabulary.is_open and words.strip():
        return Change(palette_K3=None, weights_K=None, words=words.strip(), recolors=(), not_drawn=())
    main, accent = item_colors(cutout)
    rest, denied = _without(words)
    colors, rest = _named_colors(rest)
    shifts, rest = _shifts(rest)
    pattern, rest = _pattern(rest)
    told, unknown = vocabulary.split(rest)
    target, second = main, accent
    if colors:
        target = colors[0]
        second = colors[1] if len(colors) > 1 else accent
    elif shifts:
        target = _shifted(main, shifts)
        second = None if accent is None else _shifted(accent, shifts)
    elif not words.strip() and taste is not None and len(taste.palette_K3):
        wanted = taste.palette_K3
        target = main + strength * (wanted[0] - main)
        second = wanted[1] if len(wanted) > 1 and accent is not None else accent
    recolors = [(main, target)] if _is_seen(main, target) else []
    is_plain = denied is not None or pattern is not None  # a pattern takes the place of the item's own
    if accent is not None and second is not None and not is_plain:
        second = _standing_out(target, second)
        recolors += [(accent, second)] if recolors or _is_seen(accent, second) else []
    palette = np.array([target, _standing_out(target, second)], dtype=np.float32)
    return Change(
        palette_K3=palette,
        weights_K=np.array((0.7, 0.3), dtype=np.float32),
        words=told,
        recolors=tuple(recolors),
        is_plain=is_plain,
        pattern=None if pattern == "plain" else pattern,
        not_drawn=unknown,
        why_empty="nothing of this can be changed here" if words.strip() else "nothing is known of the taste",
    )


def _pattern(words: str) -> tuple[str | None, str]:
    """The pattern that is asked for, and the words without it."""
    for pattern, phrases in PATTERN_WORDS.items():
        for phrase in sorted(phrases, key=len, reverse=True):
            shorter = re.sub(rf"\b{phrase}\b", " ", words, count=1)
            if shorter != words:
                return pattern, shorter
    return None, words


def _is_seen(before: FloatArray, after: FloatArray) -> bool:
    return float(np.linalg.norm(after - before)) >= _SEEN


def item_colors(cutout: Cutout) -> tuple[FloatArray, FloatArray | None]:
    """The item's main color and its accent, CIELAB (3,); None where it has no second color."""
    inside_N3 = to_lab(cutout.pixels_HW3[cutout.solid_HW])
    colors, weights = palette_of(inside_N3, color_shares(inside_N3), 6)
    apart = np.linalg.norm((colors - colors[0]) * _SHADE, axis=1)  # shades of the main color are no color of their own
    others = np.flatnonzero((apart > _APART) & (weights > _MIN_ACCENT))
    return colors[0], colors[others[0]] if len(others) else None


def _without(words: str) -> tuple[str, str | None]:
    """The words but for the pattern that shall be gone, and that; anything else that shall be gone stays a word."""
    for found in _WITHOUT.finditer(words):
        if found[1].casefold() in _PATTERN_NOUNS:
            return words.replace(found[0], " "), found[1]
    return words, None


def _named_colors(words: str) -> tuple[list[FloatArray], str]:
    """Colors that are named, in their order, and what is left; "light" and "dark" belong to the color after them."""
    colors, rest, tokens = [], [], _WORD.findall(words.casefold())
    place = 0
    while place < len(tokens):
        pair = " ".join(tokens[place : place + 2])
        word, length = (pair, 2) if _rgb_of(pair) is not None else (tokens[place], 1)
        rgb = _rgb_of(word)
        if rgb is None:
            rest.append(word)
        else:
            colors.append(to_lab(rgb))
        place += length
    return colors, " ".join(rest)


def _rgb_of(name: str) -> tuple[int, int, int] | None:
    if name in NAMED:
        return NAMED[name]
    known = ImageColor.colormap.get(name.replace(" ", "").replace("grey", "gray"))
    return None if not isinstance(known, str) else ImageColor.getrgb(known)[:3]


def _shifts(words: str) -> tuple[list[tuple[float, float, float, float]], str]:
    tokens = words.split()
    return [_SHIFTS[word] for word in tokens if word in _SHIFTS], " ".join(w for w in tokens if w not in _SHIFTS)


def _shifted(color: FloatArray, shifts: list[tuple[float, float, float, float]]) -> FloatArray:
    lightness, red, yellow = (float(value) for value in color)
    for more_light, more_red, more_yellow, factor in shifts:
        lightness = min(97.0, max(6.0, lightness + more_light))
        red, yellow = (red + more_red) * factor, (yellow + more_yellow) * factor
    return np.array((lightness, red, yellow), dtype=np.float32)


def _standing_out(main: FloatArray, accent: FloatArray | None) -> FloatArray:
    """The accent, or white or black, whichever can be seen on the main color."""
    if accent is not None and float(np.linalg.norm(accent - main)) >= _CONTRAST:
        return accent
    return np.array((96.0, 0.0, 2.0) if main[0] < 60 else (16.0, 0.0, 0.0), dtype=np.float32)
