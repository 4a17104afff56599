"""Outlines in unit coordinates: ellipses, boxes, smooth curves and turned bodies, and the painted part they become.

Coordinates: x right, y down, both about [-0.85, 0.85]. Knows geometry only; which product has which parts is in shapes.
"""

# P points of an outline, 2 = (x, y)

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pair = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One painted piece: a filled outline, or a stroke when width is given.

    points_P2: float64 (P, 2). paint: main (color and pattern), plain (color alone), deep (color in shade),
    accent, trim (depends on the material), dark, light, glow. volume: how light falls on it.
    """

    points_P2: NDArray[np.float64]
    paint: str
    volume: str = "flat"
    width: float | None = None


def ellipse(cx: float, cy: float, rx: float, ry: float, start: float = 0.0, stop: float = 360.0) -> NDArray[np.float64]:
    """Points on an ellipse from start to stop degrees, clockwise on the screen from the right. Returns (P, 2)."""
    angles = np.radians(np.linspace(start, stop, 48))
    return np.stack([cx + rx * np.cos(angles), cy + ry * np.sin(angles)], axis=1)


def box(x0: float, y0: float, x1: float, y1: float, radius: float = 0.02) -> NDArray[np.float64]:
    """A rectangle with rounded corners. Returns (P, 2)."""
    corners = [
        ellipse(x1 - radius, y1 - radius, radius, radius, 0, 90)[::6],
        ellipse(x0 + radius, y1 - radius, radius, radius, 90, 180)[::6],
        ellipse(x0 + radius, y0 + radius, radius, radius, 180, 270)[::6],
        ellipse(x1 - radius, y0 + radius, radius, radius, 270, 360)[::6],
    ]
    return np.concatenate(corners)


def polygon(*pairs: Pair) -> NDArray[np.float64]:
    """Straight-edged outline through the pairs. Returns (P, 2)."""
    return np.array(pairs, dtype=np.float64)


def smooth(*pairs: Pair, closed: bool = True, steps: int = 8) -> NDArray[np.float64]:
    """Catmull-Rom curve through the pairs. Returns (P, 2)."""
    knots = np.array(pairs, dtype=np.float64)
    ends = (knots[-1:], knots[:2]) if closed else (knots[:1], knots[-1:])
    padded = np.concatenate([ends[0], knots, ends[1]])
    t = np.linspace(0.0, 1.0, steps, endpoint=False)[:, None]
    pieces = []
    for index in range(len(padded) - 3):
        a, b, c, d = padded[index : index + 4]
        pieces.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * (b - c) + d - a) * t**3))
    return np.concatenate(pieces if closed else [*pieces, knots[-1:]])


def lathe(*profile: Pair, lip: float = 0.22) -> NDArray[np.float64]:
    """A turned body from (half width, y) pairs, top to bottom, its foot rounded like a circle seen from above."""
    right = smooth(*profile, closed=False)
    half, foot_y = profile[-1]
    foot = ellipse(0.0, foot_y, half, half * lip, 0, 180)
    left = right[::-1] * np.array([-1.0, 1.0])
    return np.concatenate([right, foot, left])


def fill(points: NDArray[np.float64], paint: str, volume: str = "flat") -> Part:
    """A filled part."""
    return Part(points_P2=points, paint=paint, volume=volume)


def line(points: NDArray[np.float64], paint: str, width: float) -> Part:
    """A stroked part with round joints and ends, `width` in unit coordinates."""
    return Part(points_P2=points, paint=paint, volume="flat", width=width)
