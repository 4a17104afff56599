"""Draws one shop item as a small studio photograph, fast enough to feed training.

Knows light, shadow, backdrop and composition. Outlines come from shapes, coverings from surfaces, words from
vocabulary. Edges are smooth because outlines are drawn OVERSAMPLE times larger and averaged down; everything else is
computed at the final size.
"""

# H, W pixels of a crop, 3 = red green blue in 0..255

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from genrec.errors import InputError
from genrec.shop.outlines import Part
from genrec.shop.shapes import FLOOR, WALL_DOMAINS, build_parts
from genrec.shop.surfaces import FINISHES, Finish, light_on, pattern_field, texture_crop
from genrec.shop.vocabulary import COLORS, PATTERNS, Attributes

Pixels = NDArray[np.float32]
Paints = tuple[Sequence[float] | Pixels, Sequence[float] | Pixels]
OVERSAMPLE = 4
HORIZON = 0.36
STUDIO_WALL = (226, 221, 212)
STUDIO_FLOOR = (208, 202, 192)
BRASS = (206, 164, 84)
FIXED_PAINTS: Mapping[str, tuple[int, int, int]] = {
    "dark": (44, 40, 40),
    "light": (247, 244, 238),
    "glow": (255, 240, 196),
    "coffee": (84, 52, 34),
    "twig": (134, 112, 80),
    "bud": (196, 176, 132),
    "brass": BRASS,
}
SOLID_PAINTS = frozenset({"main", "plain"})
GRAINY_PAINTS = frozenset({"main", "plain", "deep"})
DARK = 70.0


@dataclass(frozen=True, slots=True)
class Backdrop:
    """A scene for one person: wall and floor tinted in `color`, `pattern` faint on the wall."""

    color: str
    pattern: str

    def __post_init__(self) -> None:
        if self.color not in COLORS or self.pattern not in PATTERNS:
            raise InputError(
                f"No backdrop of color {self.color!r} and pattern {self.pattern!r}. "
                f"Colors: {', '.join(COLORS)}; patterns: {', '.join(PATTERNS)}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """Where the item stands in the picture: shift and scale in unit coordinates, tilt in radians, mirrored or not."""

    dx: float
    dy: float
    scale: float
    tilt: float
    mirror: float

    @classmethod
    def sample(cls, rng: np.random.Generator, *, mirrors: bool) -> Pose:
        """A small random disturbance; letters and clocks must not be mirrored."""
        dx, dy, scale, tilt, side = rng.random(5)
        return cls(
            dx=0.06 * (dx - 0.5),
            dy=0.05 * (dy - 0.5),
            scale=0.93 + 0.1 * scale,
            tilt=np.radians(6.0) * (tilt - 0.5),
            mirror=-1.0 if mirrors and side < 0.5 else 1.0,
        )

    def place(self, points_P2: NDArray[np.float64]) -> NDArray[np.float64]:
        """Item coordinates to picture coordinates, float64 (P, 2)."""
        cos, sin = np.cos(self.tilt) * self.scale, np.sin(self.tilt) * self.scale
        x, y = points_P2[:, 0], points_P2[:, 1]
        return np.stack([x * cos - y * sin + self.dx, x * sin + y * cos + self.dy], axis=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The paints of one item, and how its material answers light."""

    color: Pixels
    accent: Pixels
    ink: Pixels
    pattern: str
    finish: Finish


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The picture under work: float32 canvas (H, W, 3) and the item's coordinates u, v at every pixel."""

    canvas: Pixels
    u: Pixels
    v: Pixels
    size_px: int


def _rgb(rgb: Sequence[float]) -> Pixels:
    return np.asarray(rgb, dtype=np.float32)


def _mix(first: Pixels, second: Pixels, share: Pixels | float) -> Pixels:
    """Blend toward the second by share, float32."""
    return np.asarray(first + (second - first) * share, dtype=np.float32)


@cache
def _grid(size_px: int) -> tuple[Pixels, Pixels]:
    """Picture coordinates x, y of pixel centers, -1..1."""
    y, x = ((np.mgrid[0:size_px, 0:size_px] + 0.5) * (2.0 / size_px) - 1.0).astype(np.float32)
    return x, y


@cache
def _parts(category: str, shape: str, mirror: float) -> tuple[Part, ...]:
    flip = np.array([mirror, 1.0])
    return tuple(
        Part(points_P2=part.points_P2 * flip, paint=part.paint, volume=part.volume, width=part.width)
        for part in build_parts(category, shape)
    )


@lru_cache(maxsize=512)
def _room(backdrop: Backdrop | None, size_px: int, on_wall: bool) -> Pixels:
    """Wall and floor without the item, float32 (size, size, 3). Treat as read-only."""
    x, y = _grid(size_px)
    wall, floor = _rgb(STUDIO_WALL), _rgb(STUDIO_FLOOR)
    room: Pixels = np.broadcast_to(wall, (size_px, size_px, 3)).astype(np.float32)
    if backdrop is not None:
        tint, cream = _rgb(COLORS[backdrop.color].rgb), _rgb((244, 240, 232))
        floor = _mix(_mix(cream, tint, 0.34), _rgb((0, 0, 0)), 0.16)
        motif = _mix(cream, tint, 0.7) if backdrop.color != "white" else _rgb((214, 206, 194))
        cover = pattern_field(backdrop.pattern, x * 0.8, y * 0.8, 2.0 / size_px)[..., None]
        room = _mix(_mix(cream, tint, 0.42), motif, cover * 0.62)
    if not on_wall:
        room = _with_floor(room, floor, y, hard=backdrop is not None)
    glow = 1.06 - 0.10 * ((x + 0.35) ** 2 + (y + 0.45) ** 2) / 2.0
    return np.clip(room * glow[..., None], 0, 255).astype(np.float32)


def _with_floor(room: Pixels, floor: Pixels, y: Pixels, *, hard: bool) -> Pixels:
    """Lay a floor: a seamless studio sweep, or (hard) a room's floor with a skirting board."""
    blend = np.clip((y - HORIZON) / (0.03 if hard else 0.5) + 0.5, 0, 1)[..., None]
    tone = (1.0 - 0.06 * np.clip(y - HORIZON, 0, 1))[..., None]
    room = room * (1 - blend) + floor * tone * blend
    if hard:
        board = (np.clip(1 - np.abs(y - HORIZON + 0.05) / 0.045, 0, 1) * 0.75)[..., None]
        room = room * (1 - board) + (0.5 * floor + 0.5 * 250) * board
    return room


@cache
def _base_color(color: str) -> Pixels:
    return _rgb(COLORS[color].rgb)


def _look(attributes: Attributes, paints: Paints | None) -> Look:
    if paints is None:
        paints = _base_color(str(attributes["color"])), _base_color(str(attributes["accent"]))
    color, accent = (np.asarray(paint, dtype=np.float32) for paint in paints)
    is_bright = float(color @ _rgb((0.3, 0.59, 0.11))) > 140
    return Look(
        color=color,
        accent=accent,
        ink=_rgb((34, 30, 34) if is_bright else (250, 248, 242)),
        pattern=str(attributes["pattern"]),
        finish=FINISHES[str(attributes["material"])],
    )


def _paint_of(part: Part, look: Look) -> Pixels:
    """The part's base color, float32 (3,)."""
    if part.paint in ("main", "plain", "halo"):
        return look.color
    if part.paint == "deep":
        return look.color * 0.62 + 6
    if part.paint == "crease":
        return look.color * 0.74
    if part.paint == "accent":
        return look.accent
    if part.paint == "trim":
        return _rgb(look.finish.trim)
    if part.paint == "ink":
        return look.ink
    if part.paint == "lace":
        return _rgb((70, 66, 66) if look.color.mean() > 190 else (246, 244, 238))
    return _rgb(FIXED_PAINTS[part.paint])


def _window(points: NDArray[np.float64], margin: float, size_px: int) -> tuple[slice, slice] | None:
    low = np.clip(np.floor(points.min(axis=0) - margin), 0, size_px).astype(int)
    high = np.clip(np.ceil(points.max(axis=0) + margin), 0, size_px).astype(int)
    if (high <= low).any():
        return None
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def _outline_mask(part: Part, points: NDArray[np.float64], window: tuple[slice, slice], pose_px: float) -> Image.Image:
    """The part's smooth coverage inside the window as an 8-bit picture."""
    rows, columns = window
    shape = ((columns.stop - columns.start) * OVERSAMPLE, (rows.stop - rows.start) * OVERSAMPLE)
    large = Image.new("L", shape, 0)
    pen = ImageDraw.Draw(large)
    local = (points - (columns.start, rows.start)) * OVERSAMPLE
    flat = local.ravel().tolist()
    if part.width is None:
        pen.polygon(flat, fill=255)
    else:
        width = max(part.width * pose_px, 0.9) * OVERSAMPLE
        pen.line(flat, fill=255, width=round(width), joint="curve")
        for x, y in (local[0], local[-1]):
            pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=255)
    return large.reduce(OVERSAMPLE)


def _rim_light(mask: Image.Image, size_px: int) -> Pixels:
    """Round the edges: light on the upper left rim, shade on the lower right, float32 (H, W) near 1."""
    padded = Image.new("L", (mask.width + 2, mask.height + 2), 0)
    padded.paste(mask, (1, 1))
    soft = np.asarray(padded.filter(ImageFilter.BoxBlur(size_px * 0.035)), dtype=np.float32) / 255
    slope = (soft[2:, 1:-1] - soft[:-2, 1:-1]) * 1.0 + (soft[1:-1, 2:] - soft[1:-1, :-2]) * 0.7
    rim = np.clip(soft[1:-1, 1:-1] * 1.7 - 0.7, -0.4, 1.0)
    lit = 1 + (np.clip(slope, -0.3, 0.3) * (size_px / 64) * 0.8 + (rim - 1) * 0.32)
    return np.asarray(lit, dtype=np.float32)


def _shade(part: Part, finish: Finish, light: Pixels, s: Pixels, t: Pixels) -> Pixels:
    """Bend the light as the material does: more contrast, bands of reflection, float32 (H, W)."""
    if part.paint not in SOLID_PAINTS:
        return light
    light = 1 + (light - 1) * np.float32(finish.contrast)
    if finish.bands and part.volume != "face":
        light = light + np.float32(finish.bands) * np.sin(s * 15 + t * 3)
    return light


def _covered(part: Part, look: Look, base: Pixels, u: Pixels, v: Pixels, size_px: int) -> Pixels:
    """The part's color with its pattern, unlit, float32 (H, W, 3) or broadcastable to it."""
    if part.paint != "main" or look.pattern == "plain":
        return base
    return _mix(base, look.accent, pattern_field(look.pattern, u, v, 2.4 / size_px)[..., None])


def _surface(part: Part, look: Look, frame: Frame, window: tuple[slice, slice], mask: Image.Image) -> Pixels:
    """The lit color of a part inside the window, float32 (H, W, 3)."""
    base, finish = _paint_of(part, look), look.finish
    low, high = part.points_P2.min(axis=0), part.points_P2.max(axis=0)
    u, v = frame.u[window], frame.v[window]
    if part.paint == "glow":
        return np.broadcast_to(base, (*u.shape, 3))
    s = (u - np.float32(low[0])) / np.float32(max(high[0] - low[0], 1e-3))
    t = (v - np.float32(low[1])) / np.float32(max(high[1] - low[1], 1e-3))
    light, shine = light_on(part.volume, s, t)
    light = _shade(part, finish, light, s, t)
    if part.paint in SOLID_PAINTS and part.volume != "paper":
        light = light * _rim_light(mask, frame.size_px)
    if part.paint in GRAINY_PAINTS and finish.grain:
        lift = np.float32(finish.grain) * np.float32(1.0 if base.mean() > DARK else 1.5)
        light = light * (1 + lift * texture_crop(finish.texture, frame.size_px, window))
    lit = _covered(part, look, base, u, v, frame.size_px) * light[..., None]
    if base.mean() < DARK:  # black things show their shape by what they reflect
        lit = lit + np.clip(light - np.float32(0.78), 0, 1)[..., None] * np.float32(62)
    if finish.gloss and part.volume not in ("flat", "paper"):
        lit = lit + (shine * np.float32(0.9 * finish.gloss))[..., None] * (255 - lit)
    return lit


def _paint_part(part: Part, look: Look, frame: Frame, pose: Pose) -> None:
    """Lay one part over the canvas in place."""
    points = (pose.place(part.points_P2) + 1.0) * (frame.size_px / 2)
    pose_px = pose.scale * frame.size_px / 2
    window = _window(points, 1.0 + (part.width or 0.0) * pose_px / 2, frame.size_px)
    if window is None:
        return
    mask = _outline_mask(part, points, window, pose_px)
    alpha = np.asarray(mask, dtype=np.float32)[..., None] / np.float32(255)
    if part.paint == "main":
        alpha = alpha * np.float32(look.finish.opacity)
    below = frame.canvas[window]
    if part.width is not None and part.paint not in SOLID_PAINTS:
        below += alpha * (_paint_of(part, look) - below)
    else:
        below += alpha * (_surface(part, look, frame, window, mask) - below)


def _cast_shadow(parts: Sequence[Part], frame: Frame, *, on_wall: bool, is_round: bool) -> None:
    """Darken floor or wall where the item keeps the light away, in place."""
    points = np.concatenate([part.points_P2 for part in parts])
    if on_wall:
        low, high = points.min(axis=0), points.max(axis=0)
        center, reach = (low + high) / 2 + (0.04, 0.07), (high - low) / 2 + 0.03
        x, y = ((frame.u - center[0]) / reach[0]) ** 2, ((frame.v - center[1]) / reach[1]) ** 2
        power = (x + y) ** 5 if is_round else x**5 + y**5
        shade = 0.36 * np.exp(-power)
    else:
        feet = points[points[:, 1] > FLOOR - 0.16]
        left, right = feet[:, 0].min(), feet[:, 0].max()
        middle, half, level = (left + right) / 2, (right - left) / 2, feet[:, 1].max()
        x, y = frame.u - np.float32(middle), frame.v - np.float32(level - 0.03)
        contact = np.exp(-((x / (half * 1.05)) ** 4) - (y / 0.055) ** 2)
        soft = np.exp(-(((x - 0.14) / (half * 1.25 + 0.08)) ** 2) - ((y - 0.0) / 0.13) ** 2)
        shade = 0.42 * contact + 0.26 * soft
    frame.canvas[...] *= (1 - np.clip(shade, 0, 0.8).astype(np.float32))[..., None]


def _frame(backdrop: Backdrop | None, size_px: int, pose: Pose, *, on_wall: bool) -> Frame:
    x, y = _grid(size_px)
    x, y = x - np.float32(pose.dx), y - np.float32(pose.dy)
    cos, sin = np.float32(np.cos(pose.tilt) / pose.scale), np.float32(np.sin(pose.tilt) / pose.scale)
    canvas = _room(backdrop, size_px, on_wall).copy()
    return Frame(canvas=canvas, u=x * cos + y * sin, v=y * cos - x * sin, size_px=size_px)


def draw_item(
    attributes: Attributes,
    *,
    size_px: int = 128,
    backdrop: Backdrop | None = None,
    paints: Paints | None = None,
    rng: np.random.Generator,
) -> Image.Image:
    """Draw an item (category, shape, color, accent, pattern, material) as an RGB picture of size_px x size_px.

    rng moves, scales and tilts the item a little. Without a backdrop the item stands in a plain studio. paints: main
    and accent color as red, green, blue in place of the named ones.
    Raises InputError for a category and shape the shop does not draw.
    """
    category, shape = str(attributes["category"]), str(attributes["shape"])
    on_wall = category in WALL_DOMAINS and shape != "alarm"
    pose = Pose.sample(rng, mirrors=category not in WALL_DOMAINS)
    parts = _parts(category, shape, pose.mirror)
    frame = _frame(backdrop, size_px, pose, on_wall=on_wall)
    frame.canvas[...] *= np.float32(1.0 + 0.03 * (rng.random() - 0.5))
    _cast_shadow(parts, frame, on_wall=on_wall, is_round=shape == "round")
    look = _look(attributes, paints)
    for part in parts:
        _paint_part(part, look, frame, pose)
    return Image.fromarray(np.clip(frame.canvas, 0, 255).astype(np.uint8))
