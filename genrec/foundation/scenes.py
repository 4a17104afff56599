"""Pictures of the procedural world for training: every item in the plain studio and in rooms of random tastes.

Knows how training items are sampled and drawn (the held-out domains never are). Knows nothing of models.
"""

# N items, R rooms per item, H, W pixels, 3 = red green blue

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from genrec.artifacts import write_file
from genrec.runtime import progress
from genrec.shop.drawing import Backdrop, draw_item
from genrec.shop.vocabulary import COLORS, DOMAINS, PATTERNS, SEEN_DOMAINS, accents_for, sample_attributes

SIZE_PX = 64
SHOP_SIZE_PX = 128  # pictures are drawn at the shop's size and scaled down, as the image processor does
Attributes = dict[str, str | float]
Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenes:
    """Items and their pictures.

    studio: uint8 (N, H, W, 3), the item alone; rooms: uint8 (N, R, H, W, 3), the same item and pose before a backdrop;
    backdrops: N x R. leans[n] is false where the look was drawn at random and says nothing of the style.
    """

    items: tuple[Attributes, ...]
    leans: npt.NDArray[np.bool_]
    backdrops: tuple[tuple[Backdrop, ...], ...]
    studio: Picture
    rooms: Picture

    def __len__(self) -> int:
        return len(self.items)


def draw_scenes(*, num_items: int, num_rooms: int, seed: int, domains: Sequence[str] = SEEN_DOMAINS) -> Scenes:
    """Draw items, half as the shop stocks them and half with every look equally likely."""
    rng = np.random.default_rng(seed)
    items: list[Attributes] = []
    backdrops: list[tuple[Backdrop, ...]] = []
    studio = np.empty((num_items, SIZE_PX, SIZE_PX, 3), dtype=np.uint8)
    rooms = np.empty((num_items, num_rooms, SIZE_PX, SIZE_PX, 3), dtype=np.uint8)
    leans = rng.random(num_items) < 0.5
    for row in progress(range(num_items), label="draw scenes"):
        attributes = sample_attributes(rng, domains)
        if not leans[row]:
            attributes = _any_look(rng, attributes)
        walls = tuple(Backdrop(_pick(rng, tuple(COLORS)), _pick(rng, PATTERNS)) for _ in range(num_rooms))
        pose_seed = int(rng.integers(2**32))
        studio[row] = picture_of(attributes, None, pose_seed)
        for room, wall in enumerate(walls):
            rooms[row, room] = picture_of(attributes, wall, pose_seed)
        items.append(attributes)
        backdrops.append(walls)
    return Scenes(items=tuple(items), leans=leans, backdrops=tuple(backdrops), studio=studio, rooms=rooms)


def picture_of(attributes: Attributes, backdrop: Backdrop | None, pose_seed: int) -> Picture:
    """One item as uint8 (H, W, 3) at the models' size."""
    large = draw_item(attributes, size_px=SHOP_SIZE_PX, backdrop=backdrop, rng=np.random.default_rng(pose_seed))
    return np.asarray(large.resize((SIZE_PX, SIZE_PX), Image.Resampling.BICUBIC))


def _pick(rng: np.random.Generator, words: Sequence[str]) -> str:
    return words[int(rng.integers(len(words)))]


def _any_look(rng: np.random.Generator, attributes: Attributes) -> Attributes:
    domain, color = DOMAINS[str(attributes["category"])], _pick(rng, tuple(COLORS))
    return attributes | {
        "shape": _pick(rng, domain.shapes),
        "color": color,
        "accent": _pick(rng, accents_for(color)),
        "pattern": _pick(rng, PATTERNS),
        "material": _pick(rng, domain.materials),
        "warmth": COLORS[color].warmth,
    }


def cached_scenes(folder: Path | None, *, num_items: int, num_rooms: int, seed: int) -> Scenes:
    """Scenes kept in a folder between runs, or drawn anew when there is no folder."""
    if folder is None:
        return draw_scenes(num_items=num_items, num_rooms=num_rooms, seed=seed)
    path = folder / f"scenes-{num_items}-{num_rooms}-{seed}.npz"
    if not path.is_file():
        _save(draw_scenes(num_items=num_items, num_rooms=num_rooms, seed=seed), path)
    return _load(path)


def _save(scenes: Scenes, path: Path) -> None:
    names = np.array([[f"{b.color} {b.pattern}" for b in walls] for walls in scenes.backdrops])
    words: dict[str, Any] = {name: np.array([item[name] for item in scenes.items]) for name in scenes.items[0]}
    columns: dict[str, Any] = {
        "studio": scenes.studio,
        "rooms": scenes.rooms,
        "leans": scenes.leans,
    }  # Any: numpy's stub
    with write_file(path) as partial:
        np.savez(partial, **columns, **words, backdrops=names)


def _load(path: Path) -> Scenes:
    with np.load(path, allow_pickle=False) as stored:
        columns = {name: stored[name] for name in stored.files}
    studio, rooms, leans, names = (columns.pop(name) for name in ("studio", "rooms", "leans", "backdrops"))
    items = tuple({name: column[row].item() for name, column in columns.items()} for row in range(len(studio)))
    backdrops = tuple(tuple(Backdrop(*name.split()) for name in walls) for walls in names.tolist())
    return Scenes(items=items, leans=leans, backdrops=backdrops, studio=studio, rooms=rooms)
