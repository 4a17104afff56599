"""Worlds whose items have pictures: those of `worlds` drawn, and one of things that stand on a cluttered ground."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from worlds import World

from genrec.encode.clip import ClipEncoder
from genrec.fusion import Events
from genrec.schema import Catalog, Embeddings, Item
from genrec.shop import Backdrop, draw_item, sample_attributes

CATEGORIES = ("chair", "mug", "bag", "shoe")
COLORS = ("red", "blue")
NUM_ITEMS, NUM_PEOPLE = 160, 240
_THING_PX = 88


def with_pictures(world: World, folder: Path) -> World:
    """The same world, where items that have an image vector have a picture of their look, too."""
    items = []
    for row, item in enumerate(world.events.catalog):
        if world.modalities["image"].present[row]:
            path = folder / f"{item.item_id}.png"
            look = _look(np.random.default_rng(row), CATEGORIES[int(str(item.attributes["look"])[-1])])
            draw_item(look, size_px=64, rng=np.random.default_rng(row)).save(path)
            item = replace(item, image=path)
        items.append(item)
    return replace(world, events=replace(world.events, catalog=Catalog(items=tuple(items)), cache=folder))


@dataclass(frozen=True)
class DrawnWorld:
    """modalities: vectors of pictures and titles by the shipped tower; cold_test: a history, and the cold items of its
    kind; is_thing_NHW: the pixels of each item's own."""

    modalities: dict[str, Embeddings]
    events: Events
    test: list[tuple[np.ndarray, int]]
    cold_test: list[tuple[np.ndarray, np.ndarray]]
    is_thing_NHW: np.ndarray


def draw_world(
    folder: Path, *, seed: int = 0, num_items: int = NUM_ITEMS, num_people: int = NUM_PEOPLE, num_cold: int = 0
) -> DrawnWorld:
    """People who keep to one category in one color; titles tell the category and its shape. The last items are cold."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(len(CATEGORIES), size=num_items), rng.integers(len(COLORS), size=num_items)
    group_N = kinds[0] * len(COLORS) + kinds[1]
    items, masks = [], []
    for row, (category, color) in enumerate(zip(*kinds, strict=True)):
        look = _look(rng, CATEGORIES[category]) | {"color": COLORS[color], "pattern": "plain"}
        picture, is_thing = draw_on_clutter(look, rng)
        path = folder / f"i{row}.png"
        picture.save(path)
        items.append(Item(item_id=f"i{row}", title=f"{look['shape']} {CATEGORIES[category]}", image=path))
        masks.append(is_thing)
    histories, cold_test, warm_N = [], [], np.arange(num_items) < num_items - num_cold
    for _ in range(num_people):
        is_own_N = group_N == rng.choice(group_N)
        own = np.flatnonzero(is_own_N & warm_N)
        histories.append(rng.choice(own, size=min(6, len(own)), replace=False))
        cold_test.append((histories[-1], np.flatnonzero(is_own_N & ~warm_N)))
    events = Events(
        Catalog(items=tuple(items)),
        [h[:-2] for h in histories],
        [(h[:-2], int(h[-2])) for h in histories],
        cache=folder,
    )
    clip, everyone = ClipEncoder("genrec-tiny-clip", "cpu"), np.ones(num_items, bool)
    vectors = {"image": clip.encode_images([item.image for item in items])}
    vectors["text"] = clip.encode_texts([item.title for item in items])
    return DrawnWorld(
        {name: Embeddings(name=name, vectors=v, present=everyone) for name, v in vectors.items()},
        events,
        [(h[:-1], int(h[-1])) for h in histories],
        cold_test,
        np.stack(masks),
    )


def draw_on_clutter(look: dict, rng: np.random.Generator) -> tuple[Image.Image, np.ndarray]:
    """A thing somewhere on a ground of colored shapes, and its pixels, bool (128, 128)."""
    ground = Image.new("RGB", (128, 128), _dull(rng))
    pen = ImageDraw.Draw(ground)
    for _ in range(50):
        (x, y), (w, h) = rng.integers(-20, 128, size=2).tolist(), rng.integers(6, 36, size=2).tolist()
        draw = (pen.rectangle, pen.ellipse)[int(rng.integers(2))]
        draw((x, y, x + w, y + h), fill=_dull(rng))
    thing, is_thing = _draw(look, _THING_PX, int(rng.integers(2**31)))
    left, top = rng.integers(0, 129 - _THING_PX, size=2).tolist()
    ground.paste(thing, (left, top), Image.fromarray(is_thing.astype(np.uint8) * 255))
    whole = np.zeros((128, 128), bool)
    whole[top : top + _THING_PX, left : left + _THING_PX] = is_thing
    return ground, whole


def _dull(rng: np.random.Generator) -> tuple[int, int, int]:
    """A color that is no one's own: clutter is of all kinds, and gray beside what is for sale."""
    return tuple((rng.integers(40, 230) + rng.integers(-30, 31, size=3)).clip(0, 255).tolist())


def _draw(look: dict, size_px: int, seed: int) -> tuple[Image.Image, np.ndarray]:
    """A thing in the studio; its pixels are those that stay when the ground changes its color."""
    grounds = [
        draw_item(look, size_px=size_px, backdrop=Backdrop(color, "plain"), rng=np.random.default_rng(seed))
        for color in ("teal", "orange")
    ]
    first, other = (np.asarray(picture, dtype=np.int64) for picture in grounds)
    return draw_item(look, size_px=size_px, rng=np.random.default_rng(seed)), np.abs(first - other).max(axis=2) <= 3


def _look(rng: np.random.Generator, category: str) -> dict:
    while (look := sample_attributes(rng, (category,)))["material"] == "glass":
        pass  # its pixels would be the ground's, too
    return look
