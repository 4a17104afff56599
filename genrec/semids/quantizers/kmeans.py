"""K-means for codebooks: seeded, chunked, without dead codes, and the same for every order of the rows.

Knows nothing of levels or residuals.

Axis legend: N rows, D features, K codes, C candidates.
"""

import hashlib
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from genrec.schema import FloatArray, IntArray

Rows: TypeAlias = npt.NDArray[np.floating[Any]]  # float32 where many are encoded, float64 where codebooks are fitted
CHUNK_ROWS = 8192
NUM_STARTS = 4
START_ROWS_PER_CODE = 32


def canonical_order(vectors_ND: FloatArray) -> IntArray:
    """Row numbers, int64 (N,), sorted by a hash of each row: the same sequence of rows however they came.

    Rows are rounded for it, lest the last bit of one number, which depends on the processor, decides where it stands.
    """
    hashes_2N = np.empty((2, len(vectors_ND)), np.uint64)
    for start in range(0, len(vectors_ND), CHUNK_ROWS):
        exact = np.ascontiguousarray(vectors_ND[start : start + CHUNK_ROWS])
        for hashes_N, rows in zip(hashes_2N, (exact, np.round(exact, 2) + 0.0), strict=True):  # -0.0 becomes 0.0
            hashed = [int.from_bytes(hashlib.blake2b(row, digest_size=8).digest()) for row in rows]
            hashes_N[start : start + len(rows)] = hashed
    return np.lexsort(hashes_2N)  # the last of both decides first


def count_distinct(vectors_ND: FloatArray, limit: int) -> int:
    """The number of rows that differ by more than rounding, counted up to `limit`."""
    seen: set[bytes] = set()
    for row in np.round(vectors_ND, 5) + 0.0:  # + 0.0 turns -0.0 into 0.0
        seen.add(row.tobytes())
        if len(seen) >= limit:
            break
    return len(seen)


def nearest(vectors_ND: Rows, centroids_KD: Rows) -> npt.NDArray[np.int32]:
    """The nearest centroid of each row, int32 (N,)."""
    scores_NK = vectors_ND @ centroids_KD.T
    scores_NK -= 0.5 * np.einsum("kd,kd->k", centroids_KD, centroids_KD)
    return scores_NK.argmax(axis=1).astype(np.int32)


def assign(vectors_ND: Rows, centroids_KD: Rows) -> tuple[npt.NDArray[np.int32], Rows]:
    """The nearest centroid of each row, int32 (N,), and its squared distance, (N,) of the vectors' type."""
    codes = np.empty(len(vectors_ND), dtype=np.int32)
    distances = np.empty(len(vectors_ND), dtype=vectors_ND.dtype)
    for start in range(0, len(vectors_ND), CHUNK_ROWS):
        chunk = vectors_ND[start : start + CHUNK_ROWS]
        best = nearest(chunk, centroids_KD)
        codes[start : start + len(chunk)] = best
        offsets = chunk - centroids_KD[best]
        distances[start : start + len(chunk)] = np.einsum("nd,nd->n", offsets, offsets)
    return codes, distances


def kmeans(vectors_ND: FloatArray, num_codes: int, *, rng: np.random.Generator, num_iterations: int = 40) -> FloatArray:
    """Centroids float32 (K, D) by k-means++ and Lloyd's iterations; dead codes move to the worst-served rows.

    Computes in float64, since a draw that falls on the other side of a rounding leads to other codes altogether.

    vectors_ND: float32 (N, D) in canonical order, with at least K distinct rows. The best of several starts is
    refined: in many dimensions a single start often ends with one code at the center that holds most rows. Runs on
    one thread, so that sums are taken in one order and the result is the same on every run.
    """
    with threadpool_limits(limits=1):
        return _best_of_starts(vectors_ND.astype(np.float64), num_codes, rng, num_iterations).astype(np.float32)


def _best_of_starts(vectors_ND: Rows, num_codes: int, rng: np.random.Generator, num_iterations: int) -> Rows:
    few_ND = vectors_ND
    if len(vectors_ND) > START_ROWS_PER_CODE * num_codes:
        few_ND = vectors_ND[np.sort(rng.choice(len(vectors_ND), START_ROWS_PER_CODE * num_codes, replace=False))]
    starts = [lloyd(few_ND, _seed_centroids(few_ND, num_codes, rng), num_iterations) for _ in range(NUM_STARTS)]
    best_KD = min(starts, key=lambda centroids_KD: float(assign(few_ND, centroids_KD)[1].sum()))
    return best_KD if few_ND is vectors_ND else lloyd(vectors_ND, best_KD, num_iterations)


def lloyd(vectors_ND: Rows, centroids_KD: Rows, num_iterations: int) -> Rows:
    """Centroids (K, D) moved to the means of their rows until no row changes; dead ones to the worst-served rows."""
    before = np.full(len(vectors_ND), -1, dtype=np.int32)
    for _ in range(num_iterations):
        codes, distances = assign(vectors_ND, centroids_KD)
        if np.array_equal(codes, before):
            break
        before = codes
        centroids_KD = _move_centroids(vectors_ND, codes, distances, centroids_KD)
    return centroids_KD


def _seed_centroids(vectors_ND: Rows, num_codes: int, rng: np.random.Generator) -> Rows:
    """Greedy k-means++ (Arthur and Vassilvitskii, SODA 2007): of some rows drawn in proportion to their squared
    distance from the centroids so far, the one that lowers the sum of these distances most is next."""
    num_drawn = 2 + int(np.log(num_codes))
    norms_N = np.einsum("nd,nd->n", vectors_ND, vectors_ND)
    chosen = [int(rng.integers(len(vectors_ND)))]
    nearest_N = _squared_distances(vectors_ND, norms_N, chosen)[0]
    while len(chosen) < num_codes:
        nearest_N[chosen] = 0.0
        mass_N = np.cumsum(nearest_N, dtype=np.float64)
        drawn = np.searchsorted(mass_N, rng.random(num_drawn) * mass_N[-1], side="right")
        drawn = np.minimum(drawn, len(vectors_ND) - 1)
        after_CN = np.minimum(nearest_N, _squared_distances(vectors_ND, norms_N, drawn.tolist()))
        best = int(after_CN.sum(axis=1).argmin())
        chosen.append(int(drawn[best]))
        nearest_N = after_CN[best]
    return vectors_ND[chosen].copy()


def _squared_distances(vectors_ND: Rows, norms_N: Rows, rows: list[int]) -> Rows:
    """Squared distances of every row to some rows, (C, N)."""
    products_CN = vectors_ND[rows] @ vectors_ND.T
    return np.maximum(norms_N + norms_N[rows][:, None] - 2.0 * products_CN, 0.0)


def _move_centroids(vectors_ND: Rows, codes: npt.NDArray[np.int32], distances: Rows, centroids_KD: Rows) -> Rows:
    num_codes = len(centroids_KD)
    counts = np.bincount(codes, minlength=num_codes)
    ones = np.ones(len(codes))
    members = sparse.csr_matrix((ones, (codes, np.arange(len(codes)))), shape=(num_codes, len(codes)))
    moved = (members @ vectors_ND) / np.maximum(counts, 1)[:, None]
    dead = np.flatnonzero(counts == 0)
    moved[dead] = vectors_ND[farthest_rows(vectors_ND, distances, len(dead))]
    return np.asarray(moved, vectors_ND.dtype)


def farthest_rows(vectors_ND: Rows, distances: Rows, num_rows: int) -> IntArray:
    """The rows farthest from their centroids, farthest first, no two of them equal."""
    rows: list[int] = []
    seen: set[bytes] = set()
    for row in np.argsort(-distances, kind="stable"):
        if len(rows) == num_rows:
            break
        content = vectors_ND[row].tobytes()
        if content not in seen:
            seen.add(content)
            rows.append(int(row))
    return np.array(rows, dtype=np.int64)
