"""The procedural world's places: walls, tables, shelves, grounds and their light, as pictures with captions.

genrec-tiny-scene learns from them. A place follows a palette (wall, then cloth and things) unless words name another
color. Knows paint, light and words; knows nothing of items and of models.
"""

# H, W pixels, 3 = red green blue in 0..255, K colors of a palette

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from genrec.shop.surfaces import pattern_field
from genrec.visualize.colors import NAMED

Rgb = tuple[int, int, int]
Pixels = NDArray[np.float32]
CREAM: Rgb = (240, 235, 226)
SCALE = 2  # drawn so many times larger and averaged down

_NOT_OF_WALLS = {"sky blue", "charcoal", "silver", "rust"}
WALL_COLORS: Mapping[str, Rgb] = {name: rgb for name, rgb in NAMED.items() if name not in _NOT_OF_WALLS}
WALL_PATTERNS: Mapping[str, str] = {
    "striped": "striped wallpaper", "dotted": "dotted wallpaper", "checked": "checked wallpaper",
    "floral": "floral wallpaper", "zigzag": "zigzag wallpaper",
}  # fmt: skip
WALL_TEXTURES = ("brick", "tiled", "wood panels", "concrete")


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a surface is made of: its paint, how its grain is drawn and how strongly."""

    rgb: Rgb
    grain: str
    depth: float


MATERIALS: Mapping[str, Material] = {
    "walnut": Material(rgb=(98, 64, 42), grain="wood", depth=0.24),
    "oak": Material(rgb=(186, 142, 94), grain="wood", depth=0.2),
    "pine": Material(rgb=(224, 190, 140), grain="wood", depth=0.16),
    "white": Material(rgb=(240, 238, 234), grain="none", depth=0.0),
    "black": Material(rgb=(44, 44, 48), grain="none", depth=0.0),
    "marble": Material(rgb=(236, 234, 232), grain="veins", depth=0.26),
    "concrete": Material(rgb=(158, 156, 152), grain="speckle", depth=0.14),
    "stone": Material(rgb=(132, 126, 118), grain="speckle", depth=0.3),
    "metal": Material(rgb=(176, 182, 190), grain="brushed", depth=0.1),
    "glass": Material(rgb=(206, 222, 226), grain="none", depth=0.0),
    "linen": Material(rgb=(226, 214, 192), grain="weave", depth=0.12),
    "velvet": Material(rgb=(120, 40, 60), grain="weave", depth=0.08),
    "grass": Material(rgb=(92, 146, 62), grain="blades", depth=0.4),
    "sand": Material(rgb=(226, 200, 152), grain="ripples", depth=0.16),
    "snow": Material(rgb=(238, 242, 250), grain="ripples", depth=0.06),
    "earth": Material(rgb=(110, 82, 58), grain="speckle", depth=0.3),
}
FURNITURE = ("table", "desk", "shelf", "sideboard", "windowsill", "plinth", "floor")
FURNITURE_MATERIALS = ("walnut", "oak", "pine", "white", "black", "marble", "concrete", "metal", "glass")
OUTDOORS: Mapping[str, str] = {
    "meadow": "grass", "garden": "grass", "beach": "sand", "mountains": "stone", "snow": "snow", "forest": "earth",
    "city": "concrete", "desert": "sand",
}  # fmt: skip
LIGHTS = ("day", "morning", "evening", "night", "candlelight")
PROPS = ("plant", "books", "lamp", "window", "curtain", "flowers", "candle", "picture", "cushions", "fairy lights")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One place. Words name what is told of it; what is None there was left to chance.

    ground: furniture or a place outdoors; horizon: where the ground begins, as a share of the height from the top, 1
    for a wall alone; side: -1 where light comes from the left, 1 from the right; paints: wall, cloth, two for things;
    ground_paint: the ground's, in place of its material's.
    """

    ground: str
    material: str
    horizon: float
    paints: tuple[Rgb, Rgb, Rgb, Rgb]
    pattern: str | None
    texture: str | None
    light: str
    side: int
    props: tuple[str, ...]
    seed: int
    is_outdoors: bool = False
    ground_paint: Rgb | None = None
    has_cloth: bool = False


# ---- arrays


def _mix(first: Sequence[float] | Pixels, second: Sequence[float] | Pixels, share: float | Pixels) -> Pixels:
    a, b = np.asarray(first, dtype=np.float32), np.asarray(second, dtype=np.float32)
    return np.asarray(a + (b - a) * share, dtype=np.float32)


def _noise(size: int, cells: int, rng: np.random.Generator, stretch: float = 1.0) -> Pixels:
    """Smooth noise about -1..1, float32 (size, size); stretch > 1 draws it out sideways."""
    grid = rng.normal(0, 1, (max(2, round(cells * stretch)), max(2, cells))).astype(np.float32)
    picture = Image.fromarray(grid).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(picture, dtype=np.float32)


def _blur(canvas: Pixels, radius: float) -> Pixels:
    picture = Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(radius)), dtype=np.float32)


def _grain(kind: str, size: int, rng: np.random.Generator) -> Pixels:
    """A surface's grain about -1..1, float32 (size, size), seen from above at a slant."""
    y, x = (np.mgrid[0:size, 0:size] / size).astype(np.float32)
    if kind == "wood":
        warp = _noise(size, 4, rng, 2.0) * 0.12
        return np.asarray(0.6 * np.sin((y + warp) * rng.uniform(50, 90)) + 0.5 * _noise(size, 10, rng, 9.0), np.float32)
    if kind == "veins":
        line = np.abs(_noise(size, 5, rng) + 0.5 * _noise(size, 11, rng))
        return np.asarray(-np.exp(-((line / 0.12) ** 2)) + 0.25 * _noise(size, 7, rng), np.float32)
    if kind == "speckle":
        return np.asarray(0.6 * _noise(size, 40, rng) + 0.6 * _noise(size, 9, rng), np.float32)
    if kind == "brushed":
        return _noise(size, 8, rng, 16.0)
    if kind == "weave":
        return np.asarray(np.sin(x * 300) * np.sin(y * 300) * 0.6 + 0.5 * _noise(size, 6, rng), np.float32)
    if kind == "blades":
        return np.asarray(0.7 * _noise(size, 64, rng, 0.5) + 0.5 * _noise(size, 12, rng), np.float32)
    if kind == "ripples":
        return np.asarray(np.sin(y * 30 + _noise(size, 5, rng) * 2.5) * 0.7 + 0.3 * _noise(size, 40, rng), np.float32)
    return np.zeros((size, size), np.float32)


# ---- parts


def _wall(place: Place, size: int, rng: np.random.Generator) -> Pixels:
    y, x = (np.mgrid[0:size, 0:size] / size).astype(np.float32)
    paint = np.asarray(place.paints[0], np.float32)
    wall: Pixels = np.broadcast_to(paint, (size, size, 3)).astype(np.float32)
    is_dark = float(paint.mean()) < 110
    if place.pattern is not None:
        motif = _mix(paint, (255, 255, 255) if is_dark else (90, 80, 76), 0.3)
        scale = 2.6
        cover = pattern_field(place.pattern, x * scale, y * scale, scale * 2 / size)[..., None]
        wall = _mix(wall, motif, cover)
    if place.texture == "brick":
        row = np.floor(y * 16)
        across = np.abs(((x * 7 + (row % 2) * 0.5) % 1) - 0.5) > 0.46
        joint = (np.abs((y * 16 % 1) - 0.5) > 0.42) | across
        tone = rng.normal(0, 0.06, (17, 9))[row.astype(int), np.floor(x * 7 + (row % 2) * 0.5).astype(int)]
        wall = wall * (1 + tone[..., None].astype(np.float32))
        wall = _mix(wall, _mix(paint, CREAM, 0.6), joint[..., None].astype(np.float32) * 0.8)
    elif place.texture == "tiled":
        joint = (np.abs((x * 9 % 1) - 0.5) > 0.46) | (np.abs((y * 9 % 1) - 0.5) > 0.46)
        wall = _mix(wall, _mix(paint, (255, 255, 255), 0.6), joint[..., None].astype(np.float32) * 0.9)
    elif place.texture == "wood panels":
        joint = np.abs((x * 6 % 1) - 0.5) > 0.47
        wall = wall * (1 + 0.09 * _grain("wood", size, rng).T[..., None])
        wall = wall * (1 - 0.35 * joint[..., None].astype(np.float32))
    elif place.texture == "concrete":
        wall = wall * (1 + 0.07 * _noise(size, 6, rng)[..., None] + 0.03 * _noise(size, 40, rng)[..., None])
    return np.asarray(wall, np.float32)


def _sky(place: Place, size: int, rng: np.random.Generator) -> Pixels:
    """What lies behind the ground outdoors."""
    y = (np.mgrid[0:size, 0:size][0] / size).astype(np.float32)[..., None]
    top, low = {
        "day": ((112, 168, 226), (206, 226, 240)),
        "morning": ((150, 186, 226), (250, 228, 206)),
        "evening": ((92, 84, 142), (248, 158, 92)),
        "night": ((14, 18, 44), (44, 52, 92)),
        "candlelight": ((30, 24, 44), (120, 74, 60)),
    }[place.light]
    sky = _mix(top, low, np.clip(y / max(place.horizon, 0.2), 0, 1))
    picture = Image.fromarray(np.clip(sky, 0, 255).astype(np.uint8).repeat(1, axis=1)).resize((size, size))
    pen, line = ImageDraw.Draw(picture), place.horizon * size
    dim = {"night": 0.3, "candlelight": 0.35, "evening": 0.7}.get(place.light, 1.0)

    def tone(rgb: Rgb) -> Rgb:
        return (int(rgb[0] * dim), int(rgb[1] * dim), int(rgb[2] * dim))

    if place.ground in ("meadow", "garden", "forest"):
        for _ in range(46 if place.ground == "forest" else 26):
            x, radius = rng.uniform(-0.1, 1.1) * size, rng.uniform(0.05, 0.16) * size
            base = line - rng.uniform(0, 0.5 if place.ground == "forest" else 0.16) * size
            green = tone((int(rng.integers(30, 90)), int(rng.integers(84, 150)), int(rng.integers(36, 76))))
            pen.ellipse((x - radius, base - radius, x + radius, base + radius), fill=green)
        if place.ground == "forest":
            for _ in range(7):
                x, wide = rng.uniform(0, 1) * size, rng.uniform(0.015, 0.04) * size
                pen.rectangle((x, 0, x + wide, line), fill=tone((84, 62, 46)))
        if place.ground == "garden":
            for _ in range(30):
                x, radius = rng.uniform(0, 1) * size, rng.uniform(0.008, 0.02) * size
                base = line - rng.uniform(0, 0.2) * size
                pen.ellipse((x - radius, base - radius, x + radius, base + radius), fill=tone(place.paints[2]))
    elif place.ground == "beach":
        pen.rectangle((0, line - 0.16 * size, size, line), fill=tone((52, 128, 168)))
        for _ in range(6):
            y_px = line - rng.uniform(0, 0.15) * size
            pen.line((0, y_px, size, y_px + rng.uniform(-2, 2)), fill=tone((140, 196, 214)), width=2)
    elif place.ground in ("mountains", "snow", "desert"):
        for layer in range(3):
            rgb = {"desert": (206, 150, 100), "snow": (190, 204, 224)}.get(place.ground, (108, 120, 140))
            shade = tone(tuple(int(c * (1.0 - 0.14 * layer)) for c in rgb))  # type: ignore[arg-type]
            peaks = np.linspace(-0.1, 1.1, 8) * size
            heights = line - rng.uniform(0.06, 0.4 - 0.1 * layer, 8) * size
            outline = [*zip(peaks.tolist(), heights.tolist(), strict=True), (1.1 * size, line), (-0.1 * size, line)]
            pen.polygon(outline, fill=shade)
    elif place.ground == "city":
        for _ in range(12):
            x, wide, high = rng.uniform(-0.1, 1) * size, rng.uniform(0.07, 0.18) * size, rng.uniform(0.1, 0.5) * size
            gray = int(rng.integers(70, 170))
            pen.rectangle((x, line - high, x + wide, line), fill=tone((gray, gray, gray + 8)))
            for _ in range(6):
                wx, wy = x + rng.uniform(0.1, 0.8) * wide, line - rng.uniform(0.1, 0.9) * high
                pen.rectangle((wx, wy, wx + 4, wy + 6), fill=(250, 214, 130) if dim < 1 else (200, 214, 226))
    return np.asarray(picture, np.float32)


def _plant(pen: ImageDraw.ImageDraw, x: float, base: float, size: int, rgb: Rgb, rng: np.random.Generator) -> None:
    high, pot = rng.uniform(0.22, 0.36) * size, 0.055 * size
    for _ in range(16):
        lean, length = rng.normal(0, 0.55), high * rng.uniform(0.6, 1.1)
        tip = (x + np.sin(lean) * length, base - pot - np.cos(lean) * length)
        mid = ((x + tip[0]) / 2 + rng.normal(0, 0.012) * size, (base - pot + tip[1]) / 2)
        wide = 0.022 * size
        green = (int(rng.integers(34, 84)), int(rng.integers(96, 150)), int(rng.integers(50, 90)))
        pen.polygon([(x, base - pot), (mid[0] - wide, mid[1]), tip, (mid[0] + wide, mid[1])], fill=green)
    pen.polygon(
        [(x - pot, base - 1.8 * pot), (x + pot, base - 1.8 * pot), (x + 0.75 * pot, base), (x - 0.75 * pot, base)],
        fill=rgb,
    )


def _flowers(pen: ImageDraw.ImageDraw, x: float, base: float, size: int, rgb: Rgb, rng: np.random.Generator) -> None:
    high = 0.2 * size
    for _ in range(9):
        tip = (x + rng.normal(0, 0.05) * size, base - high * rng.uniform(0.8, 1.4))
        pen.line((x, base - 0.08 * size, *tip), fill=(70, 120, 66), width=2)
        radius = rng.uniform(0.016, 0.03) * size
        pen.ellipse((tip[0] - radius, tip[1] - radius, tip[0] + radius, tip[1] + radius), fill=rgb)
    pen.rounded_rectangle((x - 0.035 * size, base - 0.12 * size, x + 0.035 * size, base), 6, fill=(226, 226, 222))


def _books(pen: ImageDraw.ImageDraw, x: float, base: float, size: int, rgb: Rgb, rng: np.random.Generator) -> None:
    left = x - 0.08 * size
    for number in range(5):
        wide, high = rng.uniform(0.022, 0.042) * size, rng.uniform(0.13, 0.2) * size
        shade = rng.uniform(0.6, 1.2)
        color = rgb if number % 2 == 0 else (206, 190, 164)
        fill = tuple(int(min(255, c * shade)) for c in color)
        pen.rectangle((left, base - high, left + wide - 1, base), fill=fill)
        left += wide


def _lamp(pen: ImageDraw.ImageDraw, x: float, base: float, size: int, rgb: Rgb, _: np.random.Generator) -> None:
    pen.line((x, base, x, base - 0.2 * size), fill=(70, 60, 52), width=4)
    pen.ellipse((x - 0.05 * size, base - 0.014 * size, x + 0.05 * size, base + 0.006 * size), fill=(70, 60, 52))
    top, low = base - 0.36 * size, base - 0.2 * size
    pen.polygon(
        [(x - 0.05 * size, top), (x + 0.05 * size, top), (x + 0.1 * size, low), (x - 0.1 * size, low)],
        fill=(255, 232, 176),
    )


def _candle(pen: ImageDraw.ImageDraw, x: float, base: float, size: int, rgb: Rgb, _: np.random.Generator) -> None:
    for shift, high in ((-0.035, 0.1), (0.03, 0.15)):
        left = x + shift * size
        pen.rectangle((left - 0.016 * size, base - high * size, left + 0.016 * size, base), fill=(244, 236, 214))
        flame = base - high * size - 0.03 * size
        pen.ellipse((left - 0.009 * size, flame, left + 0.009 * size, flame + 0.03 * size), fill=(255, 214, 110))


def _window(pen: ImageDraw.ImageDraw, x: float, base: float, size: int, rgb: Rgb, rng: np.random.Generator) -> None:
    wide, top, low = 0.15 * size, rng.uniform(0.02, 0.08) * size, min(base - 0.06 * size, 0.5 * size)
    pen.rectangle((x - wide, top, x + wide, low), fill=(250, 250, 246))
    pen.rectangle((x - wide + 6, top + 6, x + wide - 6, low - 6), fill=(206, 228, 246))
    pen.line((x, top, x, low), fill=(250, 250, 246), width=6)
    pen.line((x - wide, (top + low) / 2, x + wide, (top + low) / 2), fill=(250, 250, 246), width=6)


def _curtain(pen: ImageDraw.ImageDraw, x: float, base: float, size: int, rgb: Rgb, rng: np.random.Generator) -> None:
    left = x - 0.1 * size
    for number in range(8):
        shade = 1.0 if number % 2 else 0.84
        fill = tuple(int(c * shade) for c in rgb)
        pen.rectangle((left + number * 0.026 * size, 0, left + (number + 1) * 0.026 * size, base), fill=fill)


def _picture(pen: ImageDraw.ImageDraw, x: float, base: float, size: int, rgb: Rgb, rng: np.random.Generator) -> None:
    wide, high, top = rng.uniform(0.07, 0.11) * size, rng.uniform(0.09, 0.14) * size, rng.uniform(0.08, 0.16) * size
    pen.rectangle((x - wide, top, x + wide, top + 2 * high), fill=(250, 248, 244), outline=(60, 52, 46), width=5)
    pen.ellipse((x - 0.5 * wide, top + 0.5 * high, x + 0.5 * wide, top + 1.4 * high), fill=rgb)


def _cushions(pen: ImageDraw.ImageDraw, x: float, base: float, size: int, rgb: Rgb, rng: np.random.Generator) -> None:
    for shift, shade in ((-0.06, 0.85), (0.05, 1.0)):
        fill = tuple(int(c * shade) for c in rgb)
        left = x + shift * size
        pen.rounded_rectangle(
            (left - 0.09 * size, base - 0.15 * size, left + 0.09 * size, base), 0.05 * size, fill=fill
        )


def _fairy_lights(
    pen: ImageDraw.ImageDraw, x: float, base: float, size: int, rgb: Rgb, rng: np.random.Generator
) -> None:
    for _ in range(26):
        cx, cy, radius = rng.uniform(0, 1) * size, rng.uniform(0.02, 0.55) * size, rng.uniform(0.008, 0.03) * size
        pen.ellipse((cx - radius, cy - radius, cx + radius, cy + radius), fill=(255, 226, 150))


Draw = Callable[[ImageDraw.ImageDraw, float, float, int, Rgb, np.random.Generator], None]
DRAWN: Mapping[str, Draw] = {
    "plant": _plant, "flowers": _flowers, "books": _books, "lamp": _lamp, "candle": _candle, "window": _window,
    "curtain": _curtain, "picture": _picture, "cushions": _cushions, "fairy lights": _fairy_lights,
}  # fmt: skip


def _ground(place: Place, size: int, rng: np.random.Generator) -> Pixels:
    """The ground as if it filled the picture, nearer parts larger, float32 (size, size, 3)."""
    material = MATERIALS[place.material]
    paint = np.asarray(place.ground_paint or material.rgb, np.float32)
    grain = _grain(material.grain, size, rng)
    if place.ground == "floor" and material.grain == "wood":
        x = (np.mgrid[0:size, 0:size][1] / size - 0.5) / np.linspace(0.45, 1.0, size)[:, None]
        grain = grain * 0.6 - 1.6 * (np.abs((x * 7 % 1) - 0.5) > 0.47)
    ground = np.broadcast_to(paint, (size, size, 3)) * (1 + material.depth * grain[..., None])
    if place.has_cloth:
        cloth = np.asarray(place.paints[1], np.float32)
        weave = 1 + 0.05 * _grain("weave", size, rng)[..., None]
        y, x = (np.mgrid[0:size, 0:size] / size).astype(np.float32)
        edge = np.clip((0.42 - np.abs(x - 0.5 + 0.02 * np.sin(y * 9))) * 60 + 0.5, 0, 1)[..., None]
        ground = _mix(ground, cloth * weave, edge)
    return np.asarray(ground, np.float32)


def _lit(canvas: Pixels, place: Place, size: int, rng: np.random.Generator) -> Pixels:
    """The place in its light: brightness, color, the side it comes from, glows."""
    y, x = (np.mgrid[0:size, 0:size] / size).astype(np.float32)
    toward = x if place.side > 0 else 1 - x
    if place.light == "day":
        return np.asarray(canvas * (0.94 + 0.12 * toward - 0.06 * y)[..., None], np.float32)
    if place.light == "morning":
        bright = 0.9 + 0.16 * toward
        if not place.is_outdoors:  # the window's light lies across the wall
            slant = toward - 0.55 * y
            pane = (np.abs(slant - 0.28) < 0.2) & (np.abs((slant - 0.08) % 0.2 - 0.1) > 0.012) & (y > 0.1)
            glow = np.asarray(
                Image.fromarray((pane * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(size / 40))
            )
            bright = bright + 0.2 * glow.astype(np.float32) / 255
        return np.asarray(canvas * bright[..., None] * np.array((1.03, 1.0, 0.94), np.float32), np.float32)
    if place.light == "evening":
        bright = 0.58 + 0.42 * toward
        return np.asarray(canvas * bright[..., None] * np.array((1.12, 0.9, 0.68), np.float32), np.float32)
    center, warm = ((0.78 if place.side > 0 else 0.22), 0.32), np.array((1.2, 0.92, 0.6), np.float32)
    near = np.exp(-(((x - center[0]) / 0.42) ** 2) - ((y - center[1]) / 0.42) ** 2)[..., None]
    if place.light == "night":
        cool = canvas * np.array((0.26, 0.3, 0.46), np.float32)
        return np.asarray(cool + (canvas * warm * 0.55 * near if not place.is_outdoors else 0), np.float32)
    return np.asarray(canvas * (0.22 + 0.75 * near) * warm, np.float32)


def draw_place(place: Place, size_px: int = 128) -> NDArray[np.uint8]:
    """The place as a picture, uint8 (size_px, size_px, 3)."""
    rng, size = np.random.default_rng(place.seed), size_px * SCALE
    behind = _sky(place, size, rng) if place.is_outdoors else _wall(place, size, rng)
    line = place.horizon * size
    if not place.is_outdoors:
        picture = Image.fromarray(np.clip(behind, 0, 255).astype(np.uint8))
        pen = ImageDraw.Draw(picture)
        spots = [0.14, 0.86, 0.3, 0.7] if rng.random() < 0.5 else [0.86, 0.14, 0.7, 0.3]
        for number, prop in enumerate(place.props):
            x = (spots[number % 4] + rng.normal(0, 0.03)) * size
            DRAWN[prop](
                pen, x, min(line, size) - rng.uniform(-0.05, 0.01) * size, size, place.paints[2 + number % 2], rng
            )
        behind = np.asarray(picture, np.float32)
    behind = _blur(behind, size * rng.uniform(0.006, 0.014))
    if place.horizon < 1:
        start = round(line)
        ground = Image.fromarray(np.clip(_ground(place, size, rng), 0, 255).astype(np.uint8))
        flat = np.asarray(ground.resize((size, size - start), Image.Resampling.BILINEAR), np.float32)
        far = np.clip(np.linspace(1.1, 0.0, size - start), 0, 1)[:, None, None].astype(np.float32)
        flat = _mix(flat, _blur(flat, size * 0.012), far) * (1.04 - 0.1 * far)
        behind[start:] = flat
        if place.ground in ("shelf", "plinth", "windowsill"):  # its front edge is seen
            edge = round(size * 0.94)
            behind[edge:] *= 0.72
        if not place.is_outdoors:
            behind[max(0, start - 2) : start] *= 0.86
    lit = _lit(behind, place, size, rng) * (1 + 0.012 * rng.normal(size=(size, size, 1))).astype(np.float32)
    small = Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8)).reduce(SCALE)
    return np.asarray(small)
