"""The parts of items' pictures, as the image tower sees them: a grid of regions, each a vector.

In float16 and of few regions, since a catalog has as many times more of them. Knows which picture stands for an item,
and where in it a region lies; deliberately knows nothing of who looks at it.

Axis legend: N items, R regions, D features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genrec.encode.clip import ClipEncoder
from genrec.encode.vector_cache import VectorCache, encode_through, file_keys, text_keys
from genrec.schema import BoolArray, Box, FloatArray, HalfArray, Item

GRID = 4  # regions on a side: more tell little more of where a thing stands, and cost their square


@dataclass(frozen=True, slots=True, kw_only=True)
class Regions:
    """What the tower sees in each item's picture.

    vectors: float16 (N, R, D), unit rows, row by row of the grid, zero where an item has no picture; present: bool
    (N,); named: float32 (N, R), how alike each region is to the item's own words, by cosine, zero without words; crop:
    how much of pictures the tower sees, as `ClipEncoder.crop` tells.
    """

    vectors: HalfArray
    present: BoolArray
    named: FloatArray
    crop: float | None


def encode_regions(items: Sequence[Item], clip: ClipEncoder, cache: Path | None, *, grid: int = GRID) -> Regions | None:
    """The regions of each item's main picture; None where no item has a picture.

    cache: a workspace's folder of vectors computed before. Raises SourceError for a broken picture.
    """
    present = np.array([item.image is not None for item in items], dtype=np.bool_)
    pictures = [item.image for item in items if item.image is not None]
    if not pictures:
        return None
    folder = None if cache is None else cache / f"regions-{grid}-{clip.fingerprint}"
    found = encode_through(
        VectorCache(folder, np.float16),
        file_keys(pictures),
        pictures,
        lambda some: clip.encode_regions(some, grid),
        batch_size=clip.batch_size,
        label="regions of images",
    )
    vectors = np.zeros((len(items), *found.shape[1:]), np.float16)
    vectors[present] = found
    return Regions(vectors=vectors, present=present, named=_named(items, vectors, clip, cache), crop=clip.crop)


def _named(items: Sequence[Item], vectors_NRD: HalfArray, clip: ClipEncoder, cache: Path | None) -> FloatArray:
    """The cosine of each region and its item's words, float32 (N, R)."""
    named_NR = np.zeros(vectors_NRD.shape[:2], np.float32)
    rows = [row for row, item in enumerate(items) if item.image is not None and item.words]
    if not rows:
        return named_NR
    words = [items[row].words for row in rows]
    folder = None if cache is None else cache / f"text-{clip.fingerprint}"  # as the embeddings are kept
    words_D = encode_through(
        VectorCache(folder), text_keys(words), words, clip.encode_texts, batch_size=clip.batch_size, label="texts"
    )
    for row, vector_D in zip(rows, words_D, strict=True):
        named_NR[row] = vectors_NRD[row].astype(np.float32) @ vector_D
    return named_NR


def region_box(number: int, num_regions: int, size: tuple[int, int], crop: float | None) -> Box:
    """Where a region lies in a picture of so many pixels (width, height)."""
    side = round(num_regions**0.5)
    row, column = divmod(number, side)
    seen = seen_box(size, crop)
    w, h = seen.w / side, seen.h / side
    return Box(x=seen.x + column * w, y=seen.y + row * h, w=w, h=h)


def seen_box(size: tuple[int, int], crop: float | None) -> Box:
    """The part of a picture of so many pixels (width, height) that the tower sees."""
    if crop is None:
        return Box(x=0.0, y=0.0, w=1.0, h=1.0)
    square = crop * min(size)
    w, h = square / size[0], square / size[1]
    return Box(x=(1.0 - w) / 2, y=(1.0 - h) / 2, w=w, h=h)
