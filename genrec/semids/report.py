"""The quality of semantic IDs, in figures.

Axis legend: N items, D features, L levels, K codes.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genrec.artifacts import write_text
from genrec.errors import ArtifactError, ShapeError
from genrec.schema import FloatArray
from genrec.semids.quantizers import Quantizer
from genrec.semids.table import SemanticIdTable


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenReport:
    """Figures of one tokenization.

    level_sizes, codes_used, perplexity: per quantizer level; perplexity is exp of the entropy of code use, at most the
    level's size. num_paths: distinct code paths before ties are broken. num_colliding: items that share theirs.
    largest_tie: the most items on one path. num_tie_codes: how many a path can hold. reconstruction_error: mean
    squared distance of a vector from its decoded codes, divided by the mean squared distance from the mean vector
    (0 is exact, 1 is no better than the mean).
    """

    quantizer: str
    num_items: int
    level_sizes: tuple[int, ...]
    codes_used: tuple[int, ...]
    perplexity: tuple[float, ...]
    num_paths: int
    num_colliding: int
    largest_tie: int
    num_tie_codes: int
    reconstruction_error: float

    @property
    def collision_share(self) -> float:
        """The share of items that are not alone on their code path."""
        return self.num_colliding / self.num_items

    def save(self, path: Path) -> None:
        """Write as JSON, with the collision share beside the fields."""
        write_text(path, json.dumps(asdict(self) | {"collision_share": self.collision_share}, indent=1))

    @classmethod
    def load(cls, path: Path) -> "TokenReport":
        """Read what save wrote. Raises ArtifactError."""
        try:
            record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))  # Any: JSON
            del record["collision_share"]
            return cls(**record | {key: tuple(value) for key, value in record.items() if isinstance(value, list)})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ArtifactError(f"{path} is not a token report ({error}); run genrec build again") from error


def make_report(vectors_ND: FloatArray, quantizer: Quantizer, table: SemanticIdTable) -> TokenReport:
    """The figures of a table made from these vectors by this quantizer. Raises ShapeError on other row counts."""
    if len(vectors_ND) != len(table):
        raise ShapeError(f"{len(vectors_ND)} vectors for a table of {len(table)} items; wanted one per item")
    codes_NL = table.codes[:, :-1]
    ties = np.unique(codes_NL, axis=0, return_counts=True)[1]
    return TokenReport(
        quantizer=quantizer.name,
        num_items=len(table),
        level_sizes=quantizer.level_sizes,
        codes_used=tuple(len(np.unique(codes_NL[:, level])) for level in range(codes_NL.shape[1])),
        perplexity=tuple(perplexity(codes_NL[:, level]) for level in range(codes_NL.shape[1])),
        num_paths=len(ties),
        num_colliding=int(ties[ties > 1].sum()),
        largest_tie=int(ties.max()),
        num_tie_codes=table.level_sizes[-1],
        reconstruction_error=_reconstruction_error(vectors_ND, quantizer.decode(codes_NL)),
    )


def perplexity(codes_N: npt.NDArray[np.integer]) -> float:
    """The effective number of codes: e to the entropy of their shares."""
    shares = np.unique(codes_N, return_counts=True)[1] / len(codes_N)
    return float(np.exp(-(shares * np.log(shares)).sum()))


def _reconstruction_error(vectors_ND: FloatArray, decoded_ND: FloatArray) -> float:
    spread = float(np.square(vectors_ND - vectors_ND.mean(axis=0)).sum())
    error = float(np.square(vectors_ND - decoded_ND).sum())
    return error / spread if spread > 0 else 0.0
