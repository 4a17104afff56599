"""Product quantization: the vector is turned and cut into blocks, and each level codes a block of its own.

The codes of an item do not build on each other, as in RPG (arXiv 2506.05781); the blocks share the variance evenly by
the eigenvalue allocation of OPQ (Ge et al., CVPR 2013, section 3.2). Knows nothing of items or ties.

Axis legend: N items, D features, L levels, K codes, P features of a block.
"""

from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from genrec.config import TokenizeConfig
from genrec.errors import InputError
from genrec.fitted import Arrays
from genrec.runtime import progress
from genrec.schema import FloatArray
from genrec.semids.quantizers.contract import CodeArray, Graph, Quantizer
from genrec.semids.quantizers.kmeans import CHUNK_ROWS, kmeans, nearest
from genrec.semids.quantizers.rq_kmeans import ROWS_PER_CODE, fit_level_size, sample_rows


class PqKMeans(Quantizer):
    """One k-means codebook per block of the turned vectors."""

    name: ClassVar[str] = "pq-kmeans"

    def __init__(self, config: TokenizeConfig) -> None:
        super().__init__(config)
        self._codebooks: list[FloatArray] = []  # (K, P) each
        self._mean_D: FloatArray = np.zeros(0, np.float32)
        self._axes: list[FloatArray] = []  # (D, P) each, together a rotation

    def fit(self, vectors_ND: FloatArray, seed: int, graph: Graph | None = None) -> Self:
        vectors = self.check_training_vectors(vectors_ND)
        if vectors.shape[1] < self.config.num_levels:
            raise InputError(
                f"pq-kmeans cuts vectors of {vectors.shape[1]} features into {self.config.num_levels} blocks; "
                "lower tokenize.num_levels"
            )
        rng = np.random.default_rng(seed)
        sample_ND = sample_rows(vectors, ROWS_PER_CODE * self.config.num_codes, rng)
        self._mean_D = sample_ND.mean(axis=0, dtype=np.float64).astype(np.float32)
        centered_ND: FloatArray = sample_ND - self._mean_D
        self._axes, self._codebooks = _even_blocks(centered_ND, self.config.num_levels), []
        for level, axes_DP in enumerate(progress(self._axes, label="fit codebooks")):
            block_NP: FloatArray = centered_ND @ axes_DP
            num_codes = fit_level_size(block_NP, self.config.num_codes, level)
            self._codebooks.append(kmeans(block_NP, num_codes, rng=rng))
        return self

    def encode(self, vectors_ND: FloatArray) -> CodeArray:
        self._fitted()
        vectors = self.check_vectors(vectors_ND, self.num_features)
        codes_NL = np.empty((len(vectors), len(self._codebooks)), dtype=np.int32)
        for start in range(0, len(vectors), CHUNK_ROWS):
            centered: FloatArray = vectors[start : start + CHUNK_ROWS] - self._mean_D
            for level, (axes_DP, centroids_KP) in enumerate(zip(self._axes, self._codebooks, strict=True)):
                codes_NL[start : start + len(centered), level] = nearest(centered @ axes_DP, centroids_KP)
        return codes_NL

    def decode(self, codes_NL: npt.NDArray[np.integer]) -> FloatArray:
        codes = self.check_codes(codes_NL)
        vectors_ND = np.tile(self._mean_D, (len(codes), 1))
        for level, (axes_DP, centroids_KP) in enumerate(zip(self._axes, self._codebooks, strict=True)):
            vectors_ND += centroids_KP[codes[:, level]] @ axes_DP.T
        return vectors_ND

    @property
    def level_sizes(self) -> tuple[int, ...]:
        return tuple(len(centroids_KP) for centroids_KP in self._fitted())

    @property
    def num_features(self) -> int:
        self._fitted()
        return len(self._mean_D)

    def arrays(self) -> Arrays:
        arrays: Arrays = {f"codebook_{level}": c for level, c in enumerate(self._fitted())}
        return arrays | {f"axes_{level}": a for level, a in enumerate(self._axes)} | {"mean": self._mean_D}

    def restore(self, arrays: Arrays) -> None:
        num_levels = sum(key.startswith("codebook_") for key in arrays)
        self._mean_D = np.asarray(arrays["mean"], dtype=np.float32)
        self._axes = [np.array(arrays[f"axes_{level}"], dtype=np.float32) for level in range(num_levels)]
        self._codebooks = [np.array(arrays[f"codebook_{level}"], dtype=np.float32) for level in range(num_levels)]

    def _fitted(self) -> list[FloatArray]:
        if not self._codebooks:
            raise InputError(f"the {self.name} quantizer is not fitted yet; call fit, or load a fitted one")
        return self._codebooks


def _even_blocks(centered_ND: FloatArray, num_blocks: int) -> list[FloatArray]:
    """Principal axes dealt to blocks, each next one to the block with the least product of variances that has room."""
    variances_D, axes_DD = np.linalg.eigh(centered_ND.T.astype(np.float64) @ centered_ND / len(centered_ND))
    axes_DD *= np.sign(axes_DD[np.abs(axes_DD).argmax(axis=0), np.arange(len(axes_DD))])
    room = -(-len(variances_D) // num_blocks)
    blocks: list[list[int]] = [[] for _ in range(num_blocks)]
    weight = np.zeros(num_blocks)
    for axis in np.argsort(-variances_D, kind="stable"):
        left = _most_needed(blocks, room, len(variances_D))
        block = min(left, key=lambda number: (weight[number], number))
        blocks[block].append(int(axis))
        weight[block] += np.log(max(variances_D[axis], 1e-12) / max(variances_D.max(), 1e-12)) + 30
    return [np.ascontiguousarray(axes_DD[:, block], dtype=np.float32) for block in blocks]


def _most_needed(blocks: list[list[int]], room: int, num_axes: int) -> list[int]:
    """Blocks that may take the next axis: those with room, and only empty ones once there are no axes to spare."""
    num_left = num_axes - sum(map(len, blocks))
    empty = [number for number, block in enumerate(blocks) if not block]
    return empty if num_left <= len(empty) else [n for n, block in enumerate(blocks) if len(block) < room]
