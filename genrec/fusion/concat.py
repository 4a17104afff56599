"""The plain fuser: weighted unit vectors side by side.

The simplest baseline: no statistics are learned, absent modalities stay zero, the result is as wide as all together.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from genrec.data.arrays import unit_rows
from genrec.fitted import Arrays
from genrec.fusion.contract import Fuser
from genrec.schema import Embeddings, FloatArray


class Concat(Fuser):
    """Weighted concatenation, F = the sum of all widths; num_features has no effect."""

    name: ClassVar[str] = "concat"

    def _fit(self, embeddings: Mapping[str, Embeddings]) -> None:
        pass  # the widths, which the contract keeps, are all there is to know

    def _transform(self, embeddings: Mapping[str, Embeddings]) -> FloatArray:
        num_items = len(next(iter(embeddings.values())).vectors)
        parts = []
        for name in self.modalities:
            part = np.zeros((num_items, self.widths[name]), dtype=np.float32)
            if name in embeddings:
                rows = embeddings[name].present
                part[rows] = self.weight_of(name) * unit_rows(embeddings[name].vectors[rows])
            parts.append(part)
        return np.concatenate(parts, axis=1)

    def arrays(self) -> Arrays:
        return {"widths": np.array([self.widths[name] for name in self.modalities], dtype=np.int64)}

    def restore(self, arrays: Arrays) -> None:
        if arrays["widths"].tolist() != [self.widths[name] for name in self.modalities]:
            raise ValueError("the widths of fuser.json are of another fuser")
