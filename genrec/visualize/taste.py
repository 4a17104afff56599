"""What a person's history says of how pictures should look for them: colors, words, and the items that say it.

A color or a word counts as taste where the history shows more of it than the catalog does; what was disliked is taken
away. Items like the one that is drawn, and newer ones, count more. Knows pictures and attributes; knows no model.
"""

# H items of the history, K colors, A places of colors, N pixels, D features

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from genrec.data.images import decode_image
from genrec.errors import SourceError
from genrec.schema import Catalog, FloatArray
from genrec.visualize.colors import color_name, color_shares, item_pixels, num_places, palette_of, to_rgb

MAX_HISTORY = 24  # newest items that are looked at
MAX_SHAPERS = 4  # items that are named as having shaped a picture
_LIFT = 0.75  # what it counts that a color is rarer in the catalog
_FORGETTING = 0.94  # what an item counts, against the one chosen after it
_DISLIKE = 0.7  # of what is disliked that is taken away
_SAMPLE = 300  # items that tell what the catalog looks like
_MIN_SHARE, _MIN_LIFT, _MAX_VALUES = 0.34, 1.6, 60  # for a value to be a taste
_MAX_WORDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Taste:
    """How pictures should look for one person.

    palette_K3: CIELAB, the heaviest first; weights_K: in sum 1; shares_A: of places of colors, to compare pictures
    with. values: attribute values that the history holds more often than the catalog. shaped_by: items that weigh most,
    with their weights in sum 1.
    """

    palette_K3: FloatArray
    weights_K: FloatArray
    shares_A: FloatArray
    values: tuple[str, ...]
    shaped_by: tuple[tuple[str, float], ...]

    @property
    def color_names(self) -> tuple[str, ...]:
        """What its colors are called, each once."""
        return tuple(dict.fromkeys(color_name(color) for color in self.palette_K3))

    @property
    def hex_colors(self) -> tuple[str, ...]:
        """Its colors as #rrggbb."""
        return tuple("#{:02x}{:02x}{:02x}".format(*rgb) for rgb in to_rgb(self.palette_K3).tolist())

    @property
    def words(self) -> str:
        """The taste as a phrase: "terracotta and cream tones, striped"; empty where nothing is known."""
        names = self.color_names[:2]
        tones = [f"{' and '.join(names)} tones"] if names else []
        return ", ".join([*tones, *self.values])


class Tastes:
    """Reads tastes from the histories of one catalog's people."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._colors_of = lru_cache(maxsize=4096)(_picture_colors)

    @cached_property
    def catalog_shares_A(self) -> FloatArray:
        """The colors that the catalog shows, by a sample spread over it."""
        with_picture = [item.image for item in self._catalog.items if item.image is not None]
        step = max(1, len(with_picture) // _SAMPLE)
        shares = [color_shares(pixels) for path in with_picture[::step] if len(pixels := self._colors_of(path))]
        return cast(FloatArray, np.mean(shares, axis=0)) if shares else np.zeros(num_places(), dtype=np.float32)

    @cached_property
    def _counts(self) -> Mapping[str, Counter[str]]:
        """How often each value occurs, by attribute; attributes of too many values, as titles are, say nothing."""
        counts: dict[str, Counter[str]] = {}
        for item in self._catalog.items:
            for name, value in _values(item.attributes):
                counts.setdefault(name, Counter())[value] += 1
        return {name: count for name, count in counts.items() if 2 <= len(count) <= _MAX_VALUES}

    def shares_of(self, rows: Sequence[int]) -> FloatArray:
        """The colors of some items together, each alike, (A,)."""
        return self._shares(np.asarray(rows, dtype=np.int64), np.ones(len(rows)))[0]

    def read(
        self,
        rows: npt.NDArray[np.int64],
        *,
        vectors_HD: FloatArray | None = None,
        item_D: FloatArray | None = None,
        temperature: float = 0.1,
        disliked: npt.NDArray[np.int64] | None = None,
    ) -> Taste | None:
        """The taste of whoever chose these catalog rows, the newest last; None where nothing is known of it.

        vectors_HD, item_D: unit vectors of the rows' pictures and the item's, zeros for none, where likeness to the
        item shall count.
        """
        rows = rows[-MAX_HISTORY:]
        if not len(rows):
            return None
        weights = _FORGETTING ** np.arange(len(rows))[::-1]
        if vectors_HD is not None and item_D is not None:
            likeness = vectors_HD[-MAX_HISTORY:] @ item_D / max(temperature, 1e-6)
            weights = weights * np.exp(np.clip(likeness - likeness.max(), -4.0, 0.0))
        weights = weights / weights.sum()
        shares_A, pixels_N3 = self._shares(rows, weights)
        if disliked is not None and len(disliked):
            shares_A = np.maximum(shares_A - _DISLIKE * self.shares_of(disliked.tolist()), 0.0)
        lift_A = shares_A / (self.catalog_shares_A + 1e-3)
        palette, found = palette_of(pixels_N3, (shares_A * lift_A**_LIFT).astype(np.float32))
        values = self._liked_values(rows, weights, disliked)
        if not len(palette) and not values:
            return None
        order = np.argsort(-weights, kind="stable")[:MAX_SHAPERS]
        told = weights[order] / weights[order].sum()
        items = self._catalog.items
        shaped_by = tuple((items[rows[place]].item_id, float(share)) for place, share in zip(order, told, strict=True))
        return Taste(palette_K3=palette, weights_K=found, shares_A=shares_A, values=values, shaped_by=shaped_by)

    def _shares(self, rows: npt.NDArray[np.int64], weights: npt.NDArray[np.float64]) -> tuple[FloatArray, FloatArray]:
        shares_A, shown = np.zeros(num_places(), dtype=np.float32), []
        for row, weight in zip(rows, weights, strict=True):
            path = self._catalog.items[row].image
            pixels = self._colors_of(path) if path is not None else np.zeros((0, 3), dtype=np.float32)
            shares_A = shares_A + np.float32(weight) * color_shares(pixels)
            shown.append(pixels)
        return shares_A / max(float(shares_A.sum()), 1e-9), np.concatenate(shown)

    def _liked_values(
        self,
        rows: npt.NDArray[np.int64],
        weights: npt.NDArray[np.float64],
        disliked: npt.NDArray[np.int64] | None,
    ) -> tuple[str, ...]:
        held: dict[tuple[str, str], list[float]] = {}
        for row, weight in zip(rows, weights, strict=True):
            for name, value in _values(self._catalog.items[row].attributes):
                if name in self._counts:
                    held.setdefault((name, value), []).append(float(weight))
        averse = {
            entry
            for row in ([] if disliked is None else disliked)
            for entry in _values(self._catalog.items[row].attributes)
        }
        scored = []
        for (name, value), shares in held.items():
            usual = self._counts[name][value] / len(self._catalog)
            if len(shares) >= 2 and sum(shares) >= _MIN_SHARE and sum(shares) >= _MIN_LIFT * usual:
                scored.append((sum(shares) / usual**0.5, value, (name, value) in averse))
        liked = [value for _, value, is_averse in sorted(scored, reverse=True) if not is_averse]
        return tuple(dict.fromkeys(liked))[:_MAX_WORDS]


def _values(attributes: Mapping[str, object]) -> list[tuple[str, str]]:
    found = []
    for name, value in attributes.items():
        for entry in value if isinstance(value, tuple | list) else (value,):
            if isinstance(entry, str):
                found.append((name, entry))
    return found


def _picture_colors(path: Path) -> FloatArray:
    """The colors of a picture's item; none where it cannot be read."""
    try:
        return item_pixels(decode_image(path))
    except SourceError:
        return np.zeros((0, 3), dtype=np.float32)
