"""Given modalities beside a file of events: arrays of which row i is the item that events number i, as MMRec's folder.

Knows files of NumPy's; deliberately opens none whole, and none that needs pickle.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_ENDINGS = ("_feat", "_features", "_feature", "_embeddings", "_emb", "_vectors")


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenArray:
    """An array of vectors, one a row. ids: the item of each row; its values are read by whoever needs them."""

    path: Path
    ids: tuple[str, ...]
    num_features: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenArrays:
    """The arrays beside a file of events by modality, such as image; other: files that are none, with the reason."""

    arrays: Mapping[str, GivenArray]
    other: Mapping[str, str]


def given_vectors(events: Path, num_items: int) -> GivenArrays:
    """The arrays beside a file whose events number items from 0.

    num_items: how many items events number; an array has a row for each at least.
    """
    found: dict[str, GivenArray] = {}
    other: dict[str, str] = {}
    for path in sorted(events.parent.glob("*.npy")):
        try:
            values = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, OSError):
            other[path.name] = "no array of numbers"
            continue
        if values.ndim != 2 or values.dtype.kind not in "fiu":
            other[path.name] = f"an array of {values.ndim} axes of {values.dtype}; wanted a vector for each item"
        elif len(values) < num_items:
            other[path.name] = f"has {len(values):,} rows, and events number {num_items:,} items"
        else:
            ids = tuple(map(str, range(len(values))))
            found[modality(path, events)] = GivenArray(path=path, ids=ids, num_features=int(values.shape[1]))
    return GivenArrays(arrays=found, other=other)


def modality(path: Path, events: Path) -> str:
    """The name of a modality after its file: image of image_feat.npy, vggish of lfm2k_vggish.npy beside lfm2k.inter."""
    name = path.stem.removeprefix(f"{events.name.split('.')[0]}_")
    for ending in _ENDINGS:
        if name.endswith(ending) and name != ending:
            name = name.removesuffix(ending)
    return name
