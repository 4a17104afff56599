"""Residual k-means: every level clusters what the levels before left unexplained.

Knows nothing of items or ties.

Axis legend: N items, D features, L levels, K codes.
"""

import logging
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from genrec.config import TokenizeConfig
from genrec.errors import InputError
from genrec.fitted import Arrays
from genrec.runtime import progress
from genrec.schema import FloatArray
from genrec.semids.quantizers.contract import CodeArray, Graph, Quantizer
from genrec.semids.quantizers.kmeans import (
    CHUNK_ROWS,
    assign,
    canonical_order,
    count_distinct,
    kmeans,
    nearest,
)

log = logging.getLogger(__name__)
ROWS_PER_CODE = 256  # k-means gains nothing from more rows; larger catalogs are sampled


class RqKMeans(Quantizer):
    """Residual quantization with one k-means codebook per level, as in OneRec (arXiv 2502.18965)."""

    name: ClassVar[str] = "rq-kmeans"

    def __init__(self, config: TokenizeConfig) -> None:
        super().__init__(config)
        self._codebooks: list[FloatArray] = []

    def fit(self, vectors_ND: FloatArray, seed: int, graph: Graph | None = None) -> Self:
        vectors = self.check_training_vectors(vectors_ND)
        rng = np.random.default_rng(seed)
        residual_ND = sample_rows(vectors, ROWS_PER_CODE * self.config.num_codes, rng)
        self._codebooks = []
        for level in progress(range(self.config.num_levels), label="fit codebooks"):
            num_codes = fit_level_size(residual_ND, self.config.num_codes, level)
            centroids_KD = kmeans(residual_ND, num_codes, rng=rng)
            self._codebooks.append(centroids_KD)
            residual_ND = residual_ND - centroids_KD[assign(residual_ND, centroids_KD)[0]]
        return self

    def encode(self, vectors_ND: FloatArray) -> CodeArray:
        return encode_residuals(self.check_vectors(vectors_ND, self.num_features), self._codebooks)

    def decode(self, codes_NL: npt.NDArray[np.integer]) -> FloatArray:
        codes = self.check_codes(codes_NL)
        vectors_ND = np.zeros((len(codes), self.num_features), dtype=np.float32)
        for level, centroids_KD in enumerate(self._fitted()):
            vectors_ND += centroids_KD[codes[:, level]]
        return vectors_ND

    @property
    def level_sizes(self) -> tuple[int, ...]:
        return tuple(len(centroids_KD) for centroids_KD in self._fitted())

    @property
    def num_features(self) -> int:
        return int(self._fitted()[0].shape[1])

    def arrays(self) -> Arrays:
        return {f"codebook_{level}": centroids_KD for level, centroids_KD in enumerate(self._fitted())}

    def restore(self, arrays: Arrays) -> None:
        self._codebooks = [
            np.ascontiguousarray(arrays[f"codebook_{level}"], dtype=np.float32) for level in range(len(arrays))
        ]

    def _fitted(self) -> list[FloatArray]:
        if not self._codebooks:
            raise InputError(f"the {self.name} quantizer is not fitted yet; call fit, or load a fitted one")
        return self._codebooks


def encode_residuals(vectors_ND: FloatArray, codebooks: list[FloatArray]) -> CodeArray:
    """Greedy residual codes, int32 (N, L)."""
    codes_NL = np.empty((len(vectors_ND), len(codebooks)), dtype=np.int32)
    for start in range(0, len(vectors_ND), CHUNK_ROWS):
        residual_ND = vectors_ND[start : start + CHUNK_ROWS].copy()
        for level, centroids_KD in enumerate(codebooks):
            codes = nearest(residual_ND, centroids_KD)
            codes_NL[start : start + len(codes), level] = codes
            residual_ND -= centroids_KD[codes]
    return codes_NL


def sample_rows(vectors_ND: FloatArray, max_rows: int, rng: np.random.Generator) -> FloatArray:
    """At most `max_rows` rows in canonical order: which ones depends on content and seed, not on the row order."""
    order = canonical_order(vectors_ND)
    if len(order) > max_rows:
        order = order[np.sort(rng.choice(len(order), size=max_rows, replace=False))]
    return vectors_ND[order]


def fit_level_size(residual_ND: FloatArray, num_codes: int, level: int) -> int:
    """The number of codes that a level can fill: `num_codes`, or fewer, with a warning, for fewer distinct rows."""
    num_distinct = count_distinct(residual_ND, num_codes)
    if num_distinct < num_codes:
        log.warning(
            "level %d has %d codes, not the %d of tokenize.num_codes: there are only so many distinct vectors left",
            level,
            num_distinct,
            num_codes,
        )
    return num_distinct
