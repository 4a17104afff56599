"""Shapes of every product kind: painted parts, back to front, one builder per shape.

Standing things rest on y = FLOOR. Knows which outline takes which paint; not colors, light or pixels (see drawing).
"""

# P points of an outline, 2 = (x, y)

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from genrec.errors import InputError
from genrec.shop.outlines import Part, box, ellipse, fill, lathe, line, polygon, smooth

FLOOR = 0.78
WALL_DOMAINS = frozenset({"clock", "poster"})


def _lamp_table() -> list[Part]:
    shade = np.concatenate([ellipse(0, 0.1, 0.6, 0.1, 0, 180), ellipse(0, -0.7, 0.3, 0.04, 180, 360)])
    return [
        fill(ellipse(0, FLOOR - 0.07, 0.3, 0.07), "deep", "cylinder"),
        fill(lathe((0.06, 0.1), (0.05, 0.2), (0.17, 0.42), (0.07, 0.62), (0.26, FLOOR - 0.09)), "plain", "cylinder"),
        fill(ellipse(0, 0.1, 0.6, 0.1), "glow"),
        fill(shade, "main", "cylinder"),
        line(ellipse(0, 0.1, 0.6, 0.1, 2, 178), "trim", 0.035),
    ]


def _lamp_tripod() -> list[Part]:
    shade = np.concatenate([ellipse(0, -0.05, 0.52, 0.1, 0, 180), ellipse(0, -0.68, 0.46, 0.08, 180, 360)])
    return [
        line(polygon((0, 0.0), (0.08, FLOOR - 0.1)), "trim", 0.055),
        line(polygon((0, 0.0), (-0.46, FLOOR - 0.02)), "trim", 0.06),
        line(polygon((0, 0.0), (0.46, FLOOR - 0.02)), "trim", 0.06),
        fill(ellipse(0, 0.14, 0.1, 0.06), "plain", "ball"),
        fill(ellipse(0, -0.05, 0.52, 0.1), "glow"),
        fill(shade, "main", "cylinder"),
        fill(ellipse(0, -0.68, 0.46, 0.08), "deep"),
    ]


def _lamp_desk() -> list[Part]:
    shade = polygon((-0.12, -0.62), (0.08, -0.72), (0.66, -0.14), (0.56, 0.0), (-0.08, 0.16), (-0.22, 0.06))
    return [
        fill(ellipse(-0.32, FLOOR - 0.08, 0.4, 0.09), "plain", "cylinder"),
        line(polygon((-0.32, FLOOR - 0.1), (-0.62, 0.02), (-0.06, -0.58)), "trim", 0.075),
        fill(ellipse(-0.62, 0.02, 0.08, 0.08), "accent", "ball"),
        fill(polygon((-0.2, 0.06), (0.64, -0.12), (0.62, 0.06), (-0.1, 0.22)), "glow"),
        fill(smooth(*[(x, y) for x, y in shade], steps=5), "main", "ball"),
        fill(ellipse(-0.04, -0.66, 0.12, 0.1), "deep", "ball"),
    ]


def _lamp_globe() -> list[Part]:
    return [
        fill(ellipse(0, FLOOR - 0.08, 0.3, 0.08), "trim", "cylinder"),
        fill(lathe((0.12, 0.28), (0.1, 0.4), (0.12, 0.6), (0.24, FLOOR - 0.1)), "trim", "cylinder"),
        fill(ellipse(0, -0.2, 0.56, 0.56), "main", "ball"),
        fill(box(-0.16, 0.27, 0.16, 0.37, 0.03), "deep", "cylinder"),
    ]


def _mug(body: NDArray[np.float64], rim: float, top: float, handle: NDArray[np.float64]) -> list[Part]:
    return [
        line(handle, "plain", 0.115),
        fill(body, "main", "cylinder"),
        fill(ellipse(0, top, rim, rim * 0.24), "plain"),
        fill(ellipse(0, top + 0.012, rim * 0.9, rim * 0.19), "deep"),
        fill(ellipse(0, top + 0.045, rim * 0.76, rim * 0.11), "coffee"),
    ]


def _mug_straight() -> list[Part]:
    body = lathe((0.46, -0.42), (0.46, 0.1), (0.45, FLOOR - 0.12))
    return _mug(body, 0.46, -0.42, ellipse(0.46, 0.12, 0.29, 0.32, -100, 100))


def _mug_round() -> list[Part]:
    body = lathe((0.4, -0.4), (0.52, -0.1), (0.56, 0.2), (0.46, 0.52), (0.3, FLOOR - 0.07))
    return _mug(body, 0.4, -0.4, ellipse(0.5, 0.08, 0.28, 0.27, -115, 105))


def _mug_tall() -> list[Part]:
    body = lathe((0.44, -0.72), (0.41, -0.2), (0.34, 0.4), (0.3, FLOOR - 0.07))
    return _mug(body, 0.44, -0.72, smooth((0.36, -0.4), (0.7, -0.36), (0.66, 0.02), (0.34, 0.26), closed=False))


def _chair_dining() -> list[Part]:
    back = smooth((-0.38, -0.72), (0, -0.79), (0.38, -0.72), (0.4, -0.4), (0.36, -0.16), (0, -0.1), (-0.36, -0.16),
                  (-0.4, -0.4))  # fmt: skip
    seat = smooth((-0.4, 0.1), (0, 0.07), (0.4, 0.1), (0.52, 0.27), (0.46, 0.36), (0, 0.39), (-0.46, 0.36),
                  (-0.52, 0.27))  # fmt: skip
    return [
        line(polygon((-0.33, 0.2), (-0.33, 0.66)), "trim", 0.065),
        line(polygon((0.33, 0.2), (0.33, 0.66)), "trim", 0.065),
        line(polygon((-0.3, -0.6), (-0.34, 0.2)), "trim", 0.07),
        line(polygon((0.3, -0.6), (0.34, 0.2)), "trim", 0.07),
        fill(back, "main", "puff"),
        line(polygon((-0.42, 0.3), (-0.46, FLOOR - 0.03)), "trim", 0.085),
        line(polygon((0.42, 0.3), (0.46, FLOOR - 0.03)), "trim", 0.085),
        fill(seat, "main", "puff"),
    ]


def _chair_armchair() -> list[Part]:
    back = smooth((-0.46, -0.5), (-0.28, -0.72), (0.28, -0.72), (0.46, -0.5), (0.46, 0.3), (-0.46, 0.3))
    return [
        line(polygon((-0.52, 0.55), (-0.56, FLOOR - 0.03)), "trim", 0.08),
        line(polygon((0.52, 0.55), (0.56, FLOOR - 0.03)), "trim", 0.08),
        fill(back, "main", "puff"),
        fill(box(-0.5, 0.36, 0.5, 0.64, 0.06), "main", "puff"),
        fill(box(-0.46, 0.12, 0.46, 0.38, 0.1), "main", "puff"),
        fill(box(-0.76, -0.08, -0.42, 0.66, 0.14), "plain", "puff"),
        fill(box(0.42, -0.08, 0.76, 0.66, 0.14), "plain", "puff"),
    ]


def _chair_shell() -> list[Part]:
    shell = smooth((-0.34, -0.72), (0, -0.8), (0.34, -0.72), (0.46, -0.3), (0.6, 0.04), (0.52, 0.3), (0.2, 0.4),
                   (-0.2, 0.4), (-0.52, 0.3), (-0.6, 0.04), (-0.46, -0.3))  # fmt: skip
    return [
        line(polygon((-0.16, 0.3), (-0.3, 0.66)), "trim", 0.05),
        line(polygon((0.16, 0.3), (0.3, 0.66)), "trim", 0.05),
        line(polygon((-0.24, 0.34), (-0.54, FLOOR - 0.02)), "trim", 0.06),
        line(polygon((0.24, 0.34), (0.54, FLOOR - 0.02)), "trim", 0.06),
        fill(shell, "main", "puff"),
        fill(smooth((-0.5, 0.1), (0, 0.0), (0.5, 0.1), (0.48, 0.29), (0, 0.4), (-0.48, 0.29)), "plain", "puff"),
    ]


def _bag_tote() -> list[Part]:
    body = smooth((-0.56, -0.22), (0, -0.2), (0.56, -0.22), (0.52, 0.3), (0.47, 0.72), (0, FLOOR), (-0.47, 0.72),
                  (-0.52, 0.3))  # fmt: skip
    return [
        line(ellipse(0, -0.2, 0.26, 0.52, 180, 360), "deep", 0.07),
        fill(body, "main", "puff"),
        line(ellipse(0.0, -0.16, 0.3, 0.5, 178, 362), "plain", 0.08),
        fill(ellipse(-0.3, -0.13, 0.05, 0.05), "trim", "ball"),
        fill(ellipse(0.3, -0.13, 0.05, 0.05), "trim", "ball"),
    ]


def _bag_backpack() -> list[Part]:
    body = smooth((-0.4, -0.5), (0, -0.66), (0.4, -0.5), (0.5, 0.0), (0.5, 0.64), (0.36, FLOOR), (-0.36, FLOOR),
                  (-0.5, 0.64), (-0.5, 0.0))  # fmt: skip
    return [
        line(ellipse(0, -0.6, 0.15, 0.19, 180, 360), "accent", 0.07),
        line(smooth((-0.4, -0.3), (-0.64, 0.1), (-0.6, 0.6), closed=False), "deep", 0.1),
        line(smooth((0.4, -0.3), (0.64, 0.1), (0.6, 0.6), closed=False), "deep", 0.1),
        fill(body, "main", "puff"),
        fill(box(-0.37, 0.22, 0.37, 0.68, 0.1), "plain", "puff"),
        line(polygon((-0.3, 0.33), (0.3, 0.33)), "trim", 0.035),
        line(smooth((-0.42, -0.12), (0, -0.2), (0.42, -0.12), closed=False), "trim", 0.035),
    ]


def _bag_handbag() -> list[Part]:
    body = smooth((-0.56, -0.06), (0, -0.1), (0.56, -0.06), (0.7, 0.36), (0.68, 0.7), (0, FLOOR - 0.01), (-0.68, 0.7),
                  (-0.7, 0.36))  # fmt: skip
    flap = smooth((-0.57, -0.07), (0, -0.11), (0.57, -0.07), (0.6, 0.12), (0.3, 0.3), (0, 0.34), (-0.3, 0.3),
                  (-0.6, 0.12))  # fmt: skip
    return [
        line(ellipse(0, -0.05, 0.38, 0.6, 180, 360), "plain", 0.085),
        fill(body, "main", "puff"),
        fill(flap, "plain", "puff"),
        fill(box(-0.07, 0.26, 0.07, 0.4, 0.03), "brass", "ball"),
        fill(ellipse(-0.38, -0.03, 0.055, 0.055), "brass", "ball"),
        fill(ellipse(0.38, -0.03, 0.055, 0.055), "brass", "ball"),
    ]


def _twigs(top: float) -> list[Part]:
    ends = ((-0.3, top - 0.3), (-0.04, top - 0.4), (0.26, top - 0.27))
    parts = [
        line(smooth((0, top + 0.05), (x * 0.4, (top + y) / 2), (x, y), closed=False), "twig", 0.028) for x, y in ends
    ]
    buds = [(x * s, top + (y - top) * s) for x, y in ends for s in (1.0, 0.72)]
    return parts + [fill(ellipse(x, y, 0.045, 0.06), "bud", "ball") for x, y in buds]


def _vase(body: NDArray[np.float64], rim: float, top: float) -> list[Part]:
    return [
        fill(ellipse(0, top, rim, rim * 0.24), "deep"),
        *_twigs(top),
        fill(body, "main", "cylinder"),
        line(ellipse(0, top, rim, rim * 0.24, 0, 180), "plain", 0.035),
    ]


def _vase_bottle() -> list[Part]:
    body = lathe((0.13, -0.38), (0.11, -0.14), (0.2, 0.08), (0.44, 0.34), (0.42, 0.6), (0.28, FLOOR - 0.06))
    return _vase(body, 0.13, -0.38)


def _vase_bulb() -> list[Part]:
    body = lathe((0.26, -0.38), (0.22, -0.28), (0.44, -0.06), (0.58, 0.22), (0.46, 0.52), (0.24, FLOOR - 0.05))
    return _vase(body, 0.26, -0.38)


def _vase_trumpet() -> list[Part]:
    body = lathe((0.46, -0.38), (0.32, -0.16), (0.24, 0.2), (0.28, 0.5), (0.36, FLOOR - 0.08))
    return _vase(body, 0.46, -0.38)


def _clock_face(cy: float, radius: float) -> list[Part]:
    parts = []
    for hour in range(12):
        angle = np.radians(30 * hour)
        direction = np.array([np.cos(angle), np.sin(angle)]) * radius
        inner = 0.76 if hour % 3 == 0 else 0.83
        ends = np.stack([direction * inner, direction * 0.92]) + np.array([0.0, cy])
        parts.append(line(ends, "ink", 0.06 if hour % 3 == 0 else 0.03))
    hands = (((-0.46 * radius, -0.3 * radius), 0.085), ((0.34 * radius, -0.6 * radius), 0.06))
    for (x, y), width in hands:
        parts.append(line(polygon((0, cy), (x, cy + y)), "halo", width + 0.05))
    for (x, y), width in hands:
        parts.append(line(polygon((0, cy), (x, cy + y)), "ink", width))
    return [*parts, fill(ellipse(0, cy, 0.06, 0.06), "brass", "ball")]


def _clock_round() -> list[Part]:
    return [
        fill(ellipse(0, 0, 0.72, 0.72), "trim", "ball"),
        fill(ellipse(0, 0, 0.63, 0.63), "deep"),
        fill(ellipse(0.01, 0.012, 0.61, 0.61), "main", "face"),
        *_clock_face(0.0, 0.62),
    ]


def _clock_square() -> list[Part]:
    return [
        fill(box(-0.66, -0.66, 0.66, 0.66, 0.14), "trim", "puff"),
        fill(box(-0.57, -0.57, 0.57, 0.57, 0.09), "deep"),
        fill(box(-0.555, -0.55, 0.57, 0.57, 0.09), "main", "face"),
        *_clock_face(0.0, 0.6),
    ]


def _clock_alarm() -> list[Part]:
    return [
        line(polygon((-0.3, 0.5), (-0.42, FLOOR - 0.05)), "trim", 0.1),
        line(polygon((0.3, 0.5), (0.42, FLOOR - 0.05)), "trim", 0.1),
        line(ellipse(0, -0.56, 0.16, 0.18, 180, 360), "trim", 0.055),
        fill(ellipse(-0.36, -0.47, 0.23, 0.17), "plain", "ball"),
        fill(ellipse(0.36, -0.47, 0.23, 0.17), "plain", "ball"),
        fill(ellipse(0, 0.13, 0.6, 0.6), "trim", "ball"),
        fill(ellipse(0, 0.13, 0.52, 0.52), "main", "face"),
        *_clock_face(0.13, 0.52),
    ]


def _poster_art(x: float, top: float, bottom: float) -> list[Part]:
    """The print: a sun over two hills, in tones of the main color, clear of the pattern's middle."""
    height = bottom - top
    far = smooth((-x, bottom - 0.26 * height), (-0.3 * x, bottom - 0.36 * height), (0.3 * x, bottom - 0.2 * height),
                 (x, bottom - 0.28 * height), closed=False)  # fmt: skip
    near = smooth((-x, bottom - 0.1 * height), (0, bottom - 0.18 * height), (x, bottom - 0.08 * height), closed=False)
    ground = polygon((x, bottom), (-x, bottom))
    return [
        fill(polygon((-x, top), (x, top), (x, bottom), (-x, bottom)), "main", "paper"),
        fill(ellipse(x * 0.42, top + 0.27 * height, 0.15, 0.15), "accent"),
        fill(np.concatenate([far, ground]), "plain", "paper"),
        fill(np.concatenate([near, ground]), "deep", "paper"),
    ]


def _poster_framed(x: float, y: float) -> list[Part]:
    return [
        fill(box(-x, -y, x, y, 0.015), "trim", "puff"),
        fill(box(-x + 0.06, -y + 0.06, x - 0.06, y - 0.06, 0.01), "light", "paper"),
        *_poster_art(x - 0.13, -y + 0.13, y - 0.13),
    ]


def _poster_portrait() -> list[Part]:
    return _poster_framed(0.58, 0.78)


def _poster_landscape() -> list[Part]:
    return _poster_framed(0.82, 0.6)


def _poster_scroll() -> list[Part]:
    return [
        line(polygon((-0.5, -0.6), (0, -0.82), (0.5, -0.6)), "dark", 0.02),
        fill(polygon((-0.52, -0.58), (0.52, -0.58), (0.52, 0.68), (-0.52, 0.68)), "light", "paper"),
        *_poster_art(0.47, -0.55, 0.65),
        fill(box(-0.6, -0.63, 0.6, -0.54, 0.03), "trim", "puff"),
        fill(box(-0.6, 0.64, 0.6, 0.73, 0.03), "trim", "puff"),
    ]


def _shoe_sneaker() -> list[Part]:
    upper = smooth((-0.72, -0.1), (-0.6, -0.24), (-0.3, -0.2), (-0.1, -0.34), (0.04, -0.26), (0.3, 0.06), (0.62, 0.2),
                   (0.8, 0.38), (0.78, 0.56), (-0.7, 0.56), (-0.76, 0.2))  # fmt: skip
    sole = smooth((-0.78, 0.48), (0, 0.5), (0.8, 0.46), (0.86, 0.6), (0.76, 0.7), (-0.74, 0.7), (-0.82, 0.6))
    return [
        fill(ellipse(-0.36, -0.2, 0.3, 0.1), "dark"),
        fill(upper, "main", "puff"),
        fill(smooth((0.5, 0.2), (0.72, 0.26), (0.82, 0.42), (0.8, 0.56), (0.46, 0.56)), "light", "puff"),
        fill(smooth((-0.76, -0.06), (-0.6, -0.04), (-0.56, 0.5), (-0.76, 0.5)), "accent", "puff"),
        fill(sole, "light", "puff"),
        line(polygon((-0.78, 0.63), (0.82, 0.63)), "accent", 0.035),
        *[line(polygon((x - 0.13, y + 0.12), (x + 0.07, y - 0.03)), "lace", 0.05) for x, y in
          ((0.02, -0.14), (0.14, -0.02), (0.27, 0.09))],
    ]  # fmt: skip


def _shoe_boot() -> list[Part]:
    upper = smooth((-0.56, -0.74), (-0.2, -0.78), (0.14, -0.72), (0.13, -0.3), (0.2, 0.06), (0.52, 0.2), (0.7, 0.36),
                   (0.72, 0.62), (-0.54, 0.62), (-0.56, 0.1))  # fmt: skip
    return [
        fill(upper, "main", "puff"),
        fill(
            smooth((-0.6, -0.78), (-0.2, -0.82), (0.18, -0.76), (0.18, -0.58), (-0.2, -0.62), (-0.6, -0.6)),
            "accent",
            "puff",
        ),
        fill(box(-0.6, 0.56, 0.74, 0.68, 0.05), "dark", "puff"),
        fill(box(-0.6, 0.64, -0.22, FLOOR, 0.03), "dark", "puff"),
        fill(box(0.1, 0.64, 0.74, FLOOR - 0.03, 0.04), "dark", "puff"),
        *[line(polygon((-0.02, y), (0.2, y + 0.03)), "lace", 0.045) for y in (-0.4, -0.24, -0.08)],
    ]


def _shoe_pump() -> list[Part]:
    upper = smooth((-0.62, -0.4), (-0.5, -0.42), (-0.38, -0.1), (-0.02, 0.2), (0.3, 0.28), (0.62, 0.34), (0.86, 0.58),
                   (0.8, 0.68), (0.4, 0.69), (0.14, 0.62), (-0.24, 0.32), (-0.52, 0.2), (-0.64, 0.0))  # fmt: skip
    heel = polygon((-0.64, 0.1), (-0.4, 0.22), (-0.52, 0.5), (-0.54, FLOOR - 0.03), (-0.62, FLOOR - 0.03), (-0.64, 0.4))
    inside = smooth((-0.56, -0.38), (-0.36, -0.2), (0.0, 0.1), (0.34, 0.24), (0.1, 0.3), (-0.3, 0.1))
    return [
        fill(inside, "deep"),
        fill(heel, "deep", "cylinder"),
        fill(upper, "main", "puff"),
        line(smooth((-0.5, 0.24), (-0.22, 0.36), (0.14, 0.66), (0.4, 0.715), (0.78, 0.7), closed=False), "dark", 0.04),
        fill(ellipse(0.5, 0.36, 0.1, 0.065), "accent", "ball"),
    ]


def _umbrella(canopy: NDArray[np.float64], top: float, hem: float, reach: float) -> list[Part]:
    ribs = [smooth((0, top), (x * 0.72, (top * 0.56 + hem * 0.44)), (x, hem), closed=False) for x in (-reach, reach)]
    hook = ellipse(0.11, 0.66, 0.11, 0.13, 180, 0)
    return [
        line(polygon((0, top - 0.09), (0, top + 0.1)), "trim", 0.05),
        line(np.concatenate([polygon((0, hem - 0.1), (0, 0.62)), hook]), "trim", 0.06),
        fill(canopy, "main", "ball"),
        *[line(rib, "deep", 0.022) for rib in ribs],
    ]


def _scallops(half: float, hem: float, depth: float) -> NDArray[np.float64]:
    """The canopy's lower edge, right to left, as four arcs that curve up."""
    step = half / 2
    return np.concatenate([ellipse(half - step * (i + 0.5), hem, step / 2, depth, 0, -180)[::4] for i in range(4)])


def _umbrella_dome() -> list[Part]:
    canopy = np.concatenate([ellipse(0, 0.1, 0.8, 0.76, 180, 360), _scallops(0.8, 0.1, 0.08)])
    return _umbrella(canopy, -0.66, 0.04, 0.3)


def _umbrella_bell() -> list[Part]:
    dome = smooth((-0.62, 0.24), (-0.58, -0.2), (-0.36, -0.56), (0, -0.7), (0.36, -0.56), (0.58, -0.2), (0.62, 0.24),
                  closed=False)  # fmt: skip
    return _umbrella(np.concatenate([dome, _scallops(0.62, 0.24, 0.07)]), -0.7, 0.2, 0.26)


def _umbrella_pagoda() -> list[Part]:
    roof = smooth((-0.84, 0.1), (-0.5, -0.1), (-0.22, -0.38), (0, -0.74), (0.22, -0.38), (0.5, -0.1), (0.84, 0.1),
                  closed=False)  # fmt: skip
    return _umbrella(np.concatenate([roof, _scallops(0.84, 0.1, 0.07)]), -0.72, 0.05, 0.36)


def _cushion_square() -> list[Part]:
    body = smooth((-0.7, -0.66), (-0.35, -0.57), (0, -0.55), (0.35, -0.57), (0.7, -0.66), (0.61, -0.3), (0.59, 0.05),
                  (0.62, 0.4), (0.72, FLOOR - 0.02), (0.35, 0.69), (0, 0.68), (-0.35, 0.69), (-0.72, FLOOR - 0.02),
                  (-0.62, 0.4), (-0.59, 0.05), (-0.61, -0.3))  # fmt: skip
    return [fill(body, "main", "pillow"), line(np.concatenate([body, body[:1]]), "accent", 0.03)]


def _cushion_round() -> list[Part]:
    body = ellipse(0, 0.16, 0.7, 0.6)
    rays = [ellipse(0, 0.14, 0.5, 0.42)[i] for i in range(0, 48, 6)]
    return [
        fill(body, "main", "pillow"),
        line(body, "accent", 0.035),
        *[line(polygon((x * 0.25, 0.14 + (y - 0.14) * 0.25), (x, y)), "crease", 0.02) for x, y in rays],
        fill(ellipse(0, 0.14, 0.08, 0.07), "accent", "ball"),
    ]


def _cushion_bolster() -> list[Part]:
    body = smooth((-0.66, -0.02), (0, -0.06), (0.6, -0.02), (0.72, 0.3), (0.62, 0.72), (0, FLOOR), (-0.66, 0.72),
                  (-0.74, 0.35))  # fmt: skip
    return [
        fill(body, "main", "roll"),
        fill(ellipse(0.62, 0.35, 0.17, 0.37), "plain", "ball"),
        line(ellipse(0.62, 0.35, 0.17, 0.37), "accent", 0.035),
        fill(ellipse(0.63, 0.35, 0.04, 0.06), "accent", "ball"),
        line(smooth((-0.66, -0.02), (-0.76, 0.35), (-0.66, 0.72), closed=False), "accent", 0.035),
    ]


BUILDERS: Mapping[str, Mapping[str, Callable[[], list[Part]]]] = {
    "lamp": {"table": _lamp_table, "tripod": _lamp_tripod, "desk": _lamp_desk, "globe": _lamp_globe},
    "mug": {"straight": _mug_straight, "round": _mug_round, "tall": _mug_tall},
    "chair": {"dining": _chair_dining, "armchair": _chair_armchair, "shell": _chair_shell},
    "bag": {"tote": _bag_tote, "backpack": _bag_backpack, "handbag": _bag_handbag},
    "vase": {"bottle": _vase_bottle, "bulb": _vase_bulb, "trumpet": _vase_trumpet},
    "clock": {"round": _clock_round, "square": _clock_square, "alarm": _clock_alarm},
    "poster": {"portrait": _poster_portrait, "landscape": _poster_landscape, "scroll": _poster_scroll},
    "shoe": {"sneaker": _shoe_sneaker, "boot": _shoe_boot, "pump": _shoe_pump},
    "umbrella": {"dome": _umbrella_dome, "bell": _umbrella_bell, "pagoda": _umbrella_pagoda},
    "cushion": {"square": _cushion_square, "round": _cushion_round, "bolster": _cushion_bolster},
}


def build_parts(category: str, shape: str) -> Sequence[Part]:
    """The parts of one product kind in one shape, back to front. Raises InputError if there is no such shape."""
    if shape not in BUILDERS.get(category, {}):
        raise InputError(
            f"No shape {shape!r} for {category!r}. Choose from {sorted(BUILDERS.get(category, BUILDERS))}."
        )
    return tuple(BUILDERS[category][shape]())
