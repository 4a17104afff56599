"""The attribute space of the demo shop: what an item can look like, be made of, cost, and who makes it.

Knows the words, their colors and how they go together (styles prefer patterns, materials, shapes, colors).
Does not know how things are drawn, talked about, or chosen by people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from genrec.errors import FilterError, InputError

Attributes: TypeAlias = Mapping[str, str | float]

SEEN_DOMAINS: tuple[str, ...] = ("lamp", "mug", "chair", "bag", "vase", "clock", "poster", "shoe")
HELD_OUT_DOMAINS: tuple[str, ...] = ("umbrella", "cushion")
ALL_DOMAINS: tuple[str, ...] = SEEN_DOMAINS + HELD_OUT_DOMAINS

PATTERNS: tuple[str, ...] = ("plain", "striped", "dotted", "checked", "zigzag", "floral")
STYLES: tuple[str, ...] = ("minimal", "retro", "playful", "rustic", "elegant")
WARMTHS: tuple[str, ...] = ("warm", "cool", "neutral")


@dataclass(frozen=True, slots=True, kw_only=True)
class Color:
    """A named color: rgb in 0..255 and whether it feels warm, cool or neutral."""

    name: str
    rgb: tuple[int, int, int]
    warmth: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A kind of product: its shapes, what it can be made of, and a middling price in currency units."""

    name: str
    shapes: tuple[str, ...]
    materials: tuple[str, ...]
    base_price: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """A maker: the style it stands for, a price tier (1 = cheap, 3 = dear) and the domains it sells in."""

    name: str
    style: str
    tier: int
    domains: tuple[str, ...]


def _color(name: str, rgb: tuple[int, int, int], warmth: str) -> Color:
    return Color(name=name, rgb=rgb, warmth=warmth)


COLORS: Mapping[str, Color] = {
    color.name: color
    for color in (
        _color("red", (212, 40, 44), "warm"),
        _color("orange", (242, 128, 28), "warm"),
        _color("yellow", (248, 206, 48), "warm"),
        _color("green", (58, 152, 70), "cool"),
        _color("teal", (36, 172, 170), "cool"),
        _color("blue", (42, 92, 208), "cool"),
        _color("purple", (128, 62, 178), "cool"),
        _color("pink", (246, 140, 182), "warm"),
        _color("brown", (124, 76, 44), "warm"),
        _color("black", (38, 38, 44), "neutral"),
        _color("white", (250, 249, 246), "neutral"),
        _color("gray", (136, 140, 148), "neutral"),
    )
}


def _domain(name: str, shapes: str, materials: str, base_price: float) -> Domain:
    return Domain(name=name, shapes=tuple(shapes.split()), materials=tuple(materials.split()), base_price=base_price)


DOMAINS: Mapping[str, Domain] = {
    domain.name: domain
    for domain in (
        _domain("lamp", "table tripod desk globe", "metal fabric glass wood", 58.0),
        _domain("mug", "straight round tall", "ceramic glass metal", 15.0),
        _domain("chair", "dining armchair shell", "wood metal fabric leather", 105.0),
        _domain("bag", "tote backpack handbag", "leather fabric wool", 66.0),
        _domain("vase", "bottle bulb trumpet", "ceramic glass metal", 34.0),
        _domain("clock", "round square alarm", "wood metal plastic", 42.0),
        _domain("poster", "portrait landscape scroll", "paper fabric metal", 24.0),
        _domain("shoe", "sneaker boot pump", "leather fabric wool", 78.0),
        _domain("umbrella", "dome bell pagoda", "fabric plastic paper", 32.0),
        _domain("cushion", "square round bolster", "fabric leather wool", 27.0),
    )
}

MATERIALS: tuple[str, ...] = ("wood", "metal", "ceramic", "glass", "fabric", "leather", "paper", "plastic", "wool")


def _brand(name: str, style: str, tier: int, domains: str) -> Brand:
    return Brand(name=name, style=style, tier=tier, domains=tuple(domains.split()))


BRANDS: Mapping[str, Brand] = {
    brand.name: brand
    for brand in (
        _brand("Norrvik", "minimal", 1, "lamp chair clock poster vase cushion"),
        _brand("Plainfold", "minimal", 2, "bag shoe mug poster umbrella"),
        _brand("Halden", "minimal", 3, "lamp chair vase clock bag cushion"),
        _brand("Dialtone", "retro", 1, "clock lamp poster mug umbrella"),
        _brand("Kodavox", "retro", 2, "clock chair lamp shoe bag"),
        _brand("Sunset Motel", "retro", 2, "poster mug shoe vase cushion umbrella"),
        _brand("Popsy", "playful", 1, "mug bag poster shoe umbrella cushion"),
        _brand("Jolly Fox", "playful", 1, "lamp clock mug chair bag cushion"),
        _brand("Zaza", "playful", 2, "vase shoe bag poster lamp umbrella"),
        _brand("Oak & Fable", "rustic", 2, "chair vase clock mug cushion"),
        _brand("Tillerman", "rustic", 1, "bag shoe mug lamp umbrella"),
        _brand("Hearthside", "rustic", 3, "chair lamp vase poster bag cushion"),
        _brand("Marlowe", "elegant", 3, "lamp bag shoe clock umbrella"),
        _brand("Belcourt", "elegant", 2, "vase mug chair poster shoe clock cushion"),
    )
}

# Unnamed words weigh 1; the look of a style is what it leans to.
STYLE_LEANINGS: Mapping[str, Mapping[str, float]] = {
    "minimal": {"plain": 7, "striped": 1.5, "floral": 0.2, "dotted": 0.7, "zigzag": 0.4, "white": 3, "gray": 3,
                "black": 2.5, "metal": 2, "glass": 2, "teal": 1.4, "tripod": 3, "straight": 3, "shell": 3, "tote": 3,
                "trumpet": 2, "square": 3, "portrait": 2, "sneaker": 2},
    "retro": {"plain": 0.8, "zigzag": 6, "checked": 2.5, "floral": 0.6, "orange": 3.5, "yellow": 2, "brown": 2,
              "teal": 2.5, "plastic": 2.5, "desk": 3, "globe": 2, "alarm": 3, "landscape": 2, "round": 2},
    "playful": {"plain": 0.5, "dotted": 6, "striped": 3, "pink": 3, "yellow": 2.5, "red": 2, "purple": 2, "blue": 1.6,
                "green": 1.4, "plastic": 2, "fabric": 1.5, "backpack": 3, "round": 2, "globe": 2, "alarm": 2},
    "rustic": {"plain": 1.5, "checked": 6, "striped": 1.4, "zigzag": 0.5, "brown": 4, "green": 2.5, "red": 1.8,
               "wood": 4, "wool": 3, "ceramic": 1.6, "boot": 4, "bulb": 3, "dining": 3, "scroll": 3, "table": 2},
    "elegant": {"plain": 2, "floral": 5, "striped": 1.6, "checked": 0.5, "dotted": 0.5, "black": 3, "purple": 2.5,
                "white": 2, "blue": 2, "glass": 2, "leather": 3, "pump": 4, "handbag": 4, "bottle": 3, "table": 3,
                "armchair": 2},
}  # fmt: skip

MATERIAL_PRICE: Mapping[str, float] = {
    "wood": 1.05, "metal": 1.0, "ceramic": 1.0, "glass": 1.1, "fabric": 0.85, "leather": 1.4,
    "paper": 0.8, "plastic": 0.7, "wool": 1.1,
}  # fmt: skip
TIER_PRICE: Mapping[int, float] = {1: 0.7, 2: 1.0, 3: 1.5}
PRICE_SPREAD = 0.24
BRAND_KEEPS_STYLE = 0.75
MIN_ACCENT_DISTANCE = 130.0


def color_distance(first: str, second: str) -> float:
    """Distance of two named colors as the eye sees it (luma-weighted RGB, 0 to about 500)."""
    a, b = np.array(COLORS[first].rgb, float), np.array(COLORS[second].rgb, float)
    return float(np.sqrt((np.array([1.2, 1.8, 1.0]) * (a - b) ** 2).sum()))


@cache
def accents_for(color: str) -> tuple[str, ...]:
    """Colors that stand out clearly on `color`."""
    return tuple(name for name in COLORS if color_distance(color, name) >= MIN_ACCENT_DISTANCE)


@cache
def brands_of(category: str) -> tuple[str, ...]:
    """Names of the brands that sell this category."""
    return tuple(brand.name for brand in BRANDS.values() if category in brand.domains)


@cache
def _leaning_probabilities(words: tuple[str, ...], style: str) -> NDArray[np.float64]:
    weights = np.array([STYLE_LEANINGS[style].get(word, 1.0) for word in words], dtype=np.float64)
    return weights / weights.sum()


def _lean(rng: np.random.Generator, words: tuple[str, ...], style: str) -> str:
    return words[int(rng.choice(len(words), p=_leaning_probabilities(words, style)))]


def _pick(rng: np.random.Generator, words: Sequence[str]) -> str:
    return words[int(rng.integers(len(words)))]


def _sample_accent(rng: np.random.Generator, color: str, style: str) -> str:
    """Half of the accents are plain black or white (they read best), the rest lean to the style."""
    choices = accents_for(color)
    calm = tuple(name for name in ("white", "black") if name in choices)
    if calm and rng.random() < 0.5:
        return max(calm, key=lambda name: color_distance(color, name)) if rng.random() < 0.7 else _pick(rng, calm)
    return _lean(rng, choices, style)


def _sample_price(rng: np.random.Generator, category: str, material: str, tier: int) -> float:
    middle = DOMAINS[category].base_price * MATERIAL_PRICE[material] * TIER_PRICE[tier]
    return round(max(4.0, float(middle * np.exp(rng.normal(0.0, PRICE_SPREAD)))), 2)


def sample_attributes(rng: np.random.Generator, domains: Sequence[str] = SEEN_DOMAINS) -> dict[str, str | float]:
    """Draw one consistent item look.

    Returns category, shape, color, accent, pattern, material, style, brand, price, warmth.
    Raises InputError for a domain the shop does not know.
    """
    unknown = sorted(set(domains) - set(ALL_DOMAINS))
    if unknown or not domains:
        raise InputError(f"Unknown domains {unknown or '(none given)'}. Choose from {', '.join(ALL_DOMAINS)}.")
    domain = DOMAINS[_pick(rng, domains)]
    brand = BRANDS[_pick(rng, brands_of(domain.name))]
    style = brand.style if rng.random() < BRAND_KEEPS_STYLE else _pick(rng, STYLES)
    color = _lean(rng, tuple(COLORS), style)
    material = _lean(rng, domain.materials, style)
    return {
        "category": domain.name,
        "shape": _lean(rng, domain.shapes, style),
        "color": color,
        "accent": _sample_accent(rng, color, style),
        "pattern": _lean(rng, PATTERNS, style),
        "material": material,
        "style": style,
        "brand": brand.name,
        "price": _sample_price(rng, domain.name, material, brand.tier),
        "warmth": COLORS[color].warmth,
    }


EQUAL_FIELDS: tuple[str, ...] = (
    "category",
    "shape",
    "color",
    "accent",
    "pattern",
    "material",
    "style",
    "brand",
    "warmth",
)


def satisfies(attributes: Attributes, where: Mapping[str, str | float]) -> bool:
    """Say whether an item meets every constraint: a field's value, not_<field>, min_price and max_price (inclusive).

    Raises FilterError for a constraint the shop does not know.
    """
    return all(_meets(attributes, name, value) for name, value in where.items())


def _meets(attributes: Attributes, name: str, value: str | float) -> bool:
    if name == "max_price":
        return float(attributes["price"]) <= float(value)
    if name == "min_price":
        return float(attributes["price"]) >= float(value)
    field = name.removeprefix("not_")
    if field not in EQUAL_FIELDS:
        raise FilterError(
            f"No constraint named {name!r}. "
            f"Use {', '.join(EQUAL_FIELDS)}, any of them after not_, min_price or max_price."
        )
    return (attributes[field] == value) != name.startswith("not_")
