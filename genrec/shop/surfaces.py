"""Surfaces of bodies: patterns in unit coordinates and the look of materials under one soft light.

Knows coverage fields and shading as arrays. Does not know outlines (see shapes) or composition (see drawing).
"""

# H, W pixels of a crop; u right and v down are unit coordinates of the item, s and t run 0..1 across a part

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """How a material answers light: gloss of highlights, contrast of shading, grain, opacity, color of its trim."""

    gloss: float
    contrast: float
    grain: float
    texture: str
    trim: tuple[int, int, int]
    opacity: float = 1.0
    bands: float = 0.0


FINISHES: Mapping[str, Finish] = {
    "wood": Finish(gloss=0.10, contrast=0.9, grain=0.14, texture="grain", trim=(186, 132, 80)),
    "metal": Finish(gloss=0.55, contrast=1.25, grain=0.03, texture="brushed", trim=(172, 178, 188), bands=0.10),
    "ceramic": Finish(gloss=0.70, contrast=1.0, grain=0.0, texture="none", trim=(232, 222, 206)),
    "glass": Finish(gloss=0.95, contrast=0.7, grain=0.0, texture="none", trim=(196, 214, 218), opacity=0.88),
    "fabric": Finish(gloss=0.0, contrast=0.8, grain=0.07, texture="weave", trim=(206, 182, 148)),
    "leather": Finish(gloss=0.28, contrast=1.1, grain=0.06, texture="speckle", trim=(92, 60, 40)),
    "paper": Finish(gloss=0.0, contrast=0.45, grain=0.03, texture="speckle", trim=(70, 62, 58)),
    "plastic": Finish(gloss=0.5, contrast=0.85, grain=0.0, texture="none", trim=(240, 238, 232)),
    "wool": Finish(gloss=0.0, contrast=0.9, grain=0.22, texture="knit", trim=(226, 212, 186)),
}


def _step(field: Field, softness: float) -> Field:
    """0 below zero, 1 above, a ramp `softness` wide between."""
    return np.clip(field / np.float32(softness) + np.float32(0.5), 0, 1)


def _wave(x: Field, period: float) -> Field:
    """A triangle wave 0..1..0 of the given period, times half the period (so slopes are 1)."""
    return np.abs((x / np.float32(period)) % np.float32(1) - np.float32(0.5)) * np.float32(period)


def _striped(u: Field, v: Field, pixel: float) -> Field:
    return _step(np.float32(0.052) - _wave(v * np.float32(0.94) + u * np.float32(0.34), 0.25), pixel)


def _dotted(u: Field, v: Field, pixel: float) -> Field:
    period = np.float32(0.27)
    p, q = (u + v) * np.float32(0.7071), (u - v) * np.float32(0.7071)
    x = p - np.round(p / period) * period
    y = q - np.round(q / period) * period
    return _step(np.float32(0.082) - np.sqrt(x * x + y * y), pixel)


def _checked(u: Field, v: Field, pixel: float) -> Field:
    across = _step(np.float32(0.06) - _wave(u + np.float32(0.075), 0.3), pixel)
    down = _step(np.float32(0.06) - _wave(v + np.float32(0.075), 0.3), pixel)
    return np.maximum(across * down, np.float32(0.42) * np.maximum(across, down))


def _zigzag(u: Field, v: Field, pixel: float) -> Field:
    return _step(np.float32(0.043) - _wave(v + np.float32(1.15) * _wave(u, 0.3), 0.27), pixel * 1.4)


def _floral(u: Field, v: Field, pixel: float) -> Field:
    period = np.float32(0.46)
    row = np.round(v / (period * np.float32(0.8)))
    y = v - row * (period * np.float32(0.8))
    shifted = u + (row % 2) * (period * np.float32(0.5))
    x = shifted - np.round(shifted / period) * period
    radius = np.sqrt(x * x + y * y)
    petals = np.float32(0.13) + np.float32(0.042) * np.cos(5 * np.arctan2(y, x) + np.float32(1.57))
    return _step(petals - radius, pixel) * (1 - _step(np.float32(0.042) - radius, pixel))


def _plain(u: Field, v: Field, pixel: float) -> Field:
    return np.zeros_like(u)


PATTERN_FIELDS = {
    "plain": _plain,
    "striped": _striped,
    "dotted": _dotted,
    "checked": _checked,
    "zigzag": _zigzag,
    "floral": _floral,
}


def pattern_field(pattern: str, u: Field, v: Field, pixel: float) -> Field:
    """Coverage of the accent color, float32 (H, W) in 0..1; `pixel` is the width of one pixel in unit coordinates."""
    return PATTERN_FIELDS[pattern](u, v, pixel)


@cache
def _texture(kind: str, size: int) -> Field:
    """A fixed tile of surface grain, float32 (size, size), about -1..1."""
    rng = np.random.default_rng(11)
    noise = rng.normal(0.0, 0.5, (size, size)).astype(np.float32)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) * (128.0 / size)
    if kind == "weave":
        return noise * 0.5 + np.sin(x * 1.6) * np.sin(y * 1.6)
    if kind == "knit":
        return noise * 0.9 + np.sin(x * 1.25) * 0.45
    if kind == "grain":
        wobble = np.sin(y * 0.05) * 3.0 + np.sin(y * 0.021 + 1.0) * 5.0
        return np.sin((x + wobble) * 0.62) * 0.7 + np.sin((x + wobble) * 1.7) * 0.35 + noise * 0.3
    if kind == "brushed":
        return np.repeat(noise[:, :1], size, axis=1) * 1.2
    return noise


def texture_crop(kind: str, size: int, window: tuple[slice, slice]) -> Field:
    """The part of a grain tile under a crop, float32 (H, W)."""
    return _texture(kind, size)[window]


def _cylinder(s: Field, t: Field) -> tuple[Field, Field]:
    light = np.float32(1.10) - np.float32(1.15) * (s - np.float32(0.34)) ** 2
    return light - np.float32(0.05) * t, np.exp(-(((s - np.float32(0.24)) / np.float32(0.055)) ** 2))


def _ball(s: Field, t: Field) -> tuple[Field, Field]:
    away = (s - np.float32(0.35)) ** 2 + (t - np.float32(0.3)) ** 2
    near = (s - np.float32(0.3)) ** 2 + (t - np.float32(0.24)) ** 2
    return np.float32(1.12) - np.float32(0.85) * away, np.exp(near / np.float32(-0.009))


def _puff(s: Field, t: Field) -> tuple[Field, Field]:
    light = np.float32(1.07) - np.float32(0.2) * t - np.float32(0.12) * s
    return light, np.exp(-(((s + np.float32(0.6) * t - np.float32(0.42)) / np.float32(0.1)) ** 2)) * np.float32(0.45)


def _flat(s: Field, t: Field) -> tuple[Field, Field]:
    return np.float32(1.03) - np.float32(0.07) * t, np.zeros_like(s)


def _face(s: Field, t: Field) -> tuple[Field, Field]:
    sheen = np.clip(1 - np.abs(s + t - np.float32(0.55)) * 9, 0, 1) * np.float32(0.18)
    return np.float32(0.97) + np.float32(0.08) * (s + t - 1), sheen


def _pillow(s: Field, t: Field) -> tuple[Field, Field]:
    away = (s - np.float32(0.42)) ** 2 + (t - np.float32(0.38)) ** 2
    return np.float32(1.12) - np.float32(0.7) * away, np.exp(away / np.float32(-0.02)) * np.float32(0.4)


def _roll(s: Field, t: Field) -> tuple[Field, Field]:
    light, spec = _cylinder(t, s)
    return light, spec * np.float32(0.5)


VOLUMES = {
    "cylinder": _cylinder,
    "ball": _ball,
    "puff": _puff,
    "flat": _flat,
    "paper": _flat,
    "face": _face,
    "pillow": _pillow,
    "roll": _roll,
}


def light_on(volume: str, s: Field, t: Field) -> tuple[Field, Field]:
    """Diffuse light (about 0.6..1.15) and highlight (0..1) over a part, both float32 (H, W)."""
    return VOLUMES[volume](s, t)
