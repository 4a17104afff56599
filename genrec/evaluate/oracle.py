"""The oracle: a recommender that knows the truth of a made world, and so the ceiling of every metric there.

Ranks by the true probabilities of the next event, which no recommender can beat on average. Real data have no oracle.

Axis legend: B cases, K positions, N items, M items of the world.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from genrec.artifacts import read_manifest
from genrec.data.readers.shop import recreate_shop
from genrec.data.splits import EvaluationCase
from genrec.errors import ShapeError
from genrec.evaluate.contract import Scores, top_rows
from genrec.generations import CATALOG, Generation
from genrec.schema import Catalog, IntArray
from genrec.shop import ShopWorld


class KnownItem(Protocol):
    """An item of a world, by its identifier."""

    @property
    def item_id(self) -> str: ...


class KnownWorld(Protocol):
    """A world whose next event has known probabilities, as genrec.shop's ShopWorld."""

    @property
    def items(self) -> Sequence[KnownItem]: ...

    def next_probabilities(self, user_id: str, history: Sequence[str], timestamp: int, /) -> npt.NDArray[np.float64]:
        """Probability of each of the world's items (M,) to be this user's next event at that time."""
        ...


class Oracle:
    """Ranks the catalog by a world's true probabilities of the next event; items it does not know come last."""

    def __init__(self, world: KnownWorld, catalog: Catalog) -> None:
        self._world, self._num_items = world, len(catalog)
        self._is_listed_M = np.array([item.item_id in catalog for item in world.items], dtype=np.bool_)
        self._rows = catalog.rows(item.item_id for item in world.items if item.item_id in catalog)

    def rank(self, cases: Sequence[EvaluationCase], exclude: Sequence[IntArray], k: int) -> IntArray:
        """The k likeliest rows per case, best first, int64 (B, K); exclude: rows that may not be named, per case.

        Raises ShapeError as `scores` does.
        """
        return top_rows(self.scores(cases), exclude, k)

    def scores(self, cases: Sequence[EvaluationCase]) -> Scores:
        """The true probability of each item to come next, float64 (B, N).

        Raises ShapeError when the world gives another number of probabilities than it has items.
        """
        scores_BN = np.zeros((len(cases), self._num_items))
        for scores_N, case in zip(scores_BN, cases, strict=True):
            chances_M = self._world.next_probabilities(case.user_id, case.history, case.timestamp)
            if chances_M.shape != self._is_listed_M.shape:
                raise ShapeError(
                    f"the world gives probabilities of shape {chances_M.shape}; "
                    f"wanted one for each of its {len(self._is_listed_M)} items"
                )
            scores_N[self._rows] = chances_M[self._is_listed_M]
        return scores_BN


def load_world(directory: Path) -> ShopWorld | None:
    """The made world behind a workspace, by its catalog's manifest; None when the data are not made.

    Raises ArtifactError when there is no catalog, or its manifest does not say which shop it is.
    """
    generation = Generation.open_newest(directory)
    manifest = read_manifest(generation.folder / CATALOG, CATALOG)
    return recreate_shop(manifest.details) if manifest.inputs.get("source") == "shop" else None
