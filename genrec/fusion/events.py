"""What fusers may learn of behavior: who chose what in training, and the cases that say when to stop.

Axis legend: U people, N items, T events of one history.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genrec.data.splits import Split
from genrec.errors import ShapeError
from genrec.schema import BoolArray, Catalog, IntArray


@dataclass(frozen=True)
class Events:
    """Training histories, and validation cases, over the rows of a catalog.

    histories: catalog rows of each person, oldest first, int64 (T,) each; validation: pairs of a history and a row that
    followed it; has_order: False where the order of a history says nothing, as in random splits; people_weights: how
    often each person is drawn in training, float64 (U,), None for all alike; cache: the folder of what was
    computed of the catalog's content before, None for none.
    """

    catalog: Catalog
    histories: Sequence[IntArray]
    validation: Sequence[tuple[IntArray, int]] = ()
    has_order: bool = True
    people_weights: npt.NDArray[np.float64] | None = None
    cache: Path | None = None

    @classmethod
    def of(cls, catalog: Catalog, split: Split, *, has_order: bool = True, cache: Path | None = None) -> "Events":
        """The training events and the validation cases of a split; its test cases are not looked at."""
        return cls(
            catalog=catalog,
            histories=[catalog.rows(history) for history in split.train.histories().values()],
            validation=[(catalog.rows(case.history), catalog.row(case.target)) for case in split.validation],
            has_order=has_order and split.train.has_times,
            cache=cache,
        )

    def check(self, num_items: int) -> None:
        """Raise ShapeError unless the catalog has so many items."""
        if len(self.catalog) != num_items:
            raise ShapeError(
                f"{num_items} rows of embeddings, {len(self.catalog)} items in the catalog; wanted one each"
            )

    @cached_property
    def popularity_N(self) -> IntArray:
        """The number of training events of each item, int64 (N,)."""
        rows = np.concatenate([*self.histories, np.zeros(0, np.int64)])
        return np.bincount(rows, minlength=len(self.catalog)).astype(np.int64)

    @property
    def is_known_N(self) -> BoolArray:
        """The items that a training event names, bool (N,)."""
        known_N: BoolArray = self.popularity_N > 0
        return known_N

    def attributes(self) -> Sequence[Mapping[str, object]]:
        """The attributes of each item, in catalog order."""
        return [item.attributes for item in self.catalog]
