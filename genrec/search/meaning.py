"""What a query means, as nearness of items in a space of vectors, where words alone do not tell.

A space counts where the catalog itself shows that it serves: enough of its items must be found by their own titles. A
query is about something here where it comes nearer to an item than nonsense does. Knows vectors and who encodes words
into their space; deliberately knows nothing of words and names.

Axis legend: N items, D features.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genrec.schema import BoolArray, Catalog, Embeddings, FloatArray

Encode = Callable[[Sequence[str]], FloatArray]
_NUM_TITLES, _NUM_NONSENSE = 100, 50  # that are tried
_AMONG = 10  # items, among which a title's own must be
_LEAST_FOUND = 0.5  # of the titles, for a space to count
_NONSENSE_QUANTILE = 0.9
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Space:
    """A space of item vectors that served when it was tried.

    vectors_ND: unit rows; present_N: which items have one; found_share: of titles whose items are among the ten
    nearest; nonsense: the cosine to its nearest item that nonsense hardly exceeds.
    """

    vectors_ND: FloatArray
    present_N: BoolArray
    encode: Encode
    found_share: float
    nonsense: float

    @classmethod
    def tried(cls, embeddings: Embeddings, encode: Encode, catalog: Catalog, seed: int = 0) -> "Space | None":
        """A space, tried on the catalog's own titles; None where it does not serve.

        encode: words to unit vectors of the same width.
        """
        rng = np.random.default_rng(seed)
        rows = np.flatnonzero(embeddings.present & np.array([bool(item.title) for item in catalog]))
        if not len(rows):
            return None
        titled = rng.permutation(rows)[:_NUM_TITLES]
        titles = [catalog.items[row].title for row in titled]
        asked = encode(titles)
        if asked.shape[1] != embeddings.vectors.shape[1]:
            return None
        found = 0
        for row, vector in zip(titled, asked, strict=True):
            cosine_N = np.where(embeddings.present, embeddings.vectors @ vector, -np.inf)
            found += int((cosine_N > cosine_N[row]).sum() < _AMONG)
        share = found / len(titled)
        if share < _LEAST_FOUND:
            return None
        nonsense = encode(["".join(rng.choice(list(_LETTERS), rng.integers(5, 12))) for _ in range(_NUM_NONSENSE)])
        nearest = (embeddings.vectors[rows] @ nonsense.T).max(axis=0)
        limit = float(np.quantile(nearest, _NONSENSE_QUANTILE))
        return cls(embeddings.vectors, embeddings.present, encode, share, limit)

    def nearness(self, words: str) -> tuple[npt.NDArray[np.float64], bool]:
        """How near each item is, 1 for the nearest and 0 for what is no nearer than most; and whether any is."""
        cosine_N = (self.vectors_ND @ self.encode([words])[0]).astype(np.float64)
        seen = cosine_N[self.present_N]
        middle, best = float(seen.mean()), float(seen.max())
        near_N = np.clip((cosine_N - middle) / max(best - middle, 1e-9), 0, 1)
        return np.where(self.present_N, near_N, 0.0), best > self.nonsense


@dataclass(frozen=True, slots=True)
class Meaning:
    """The spaces of a catalog that serve, one at least: each has as much to say as it found of the titles."""

    spaces: tuple[Space, ...]

    def nearness(self, words: str) -> tuple[npt.NDArray[np.float64], bool]:
        """How near each item is, 0 to 1; and whether the words are about anything here."""
        told = [space.nearness(words) for space in self.spaces]
        shares = [space.found_share for space in self.spaces]
        return np.average([near_N for near_N, _ in told], axis=0, weights=shares), any(is_about for _, is_about in told)
