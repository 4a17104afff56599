"""K-means for codebooks: seeded, chunked, without dead codes, and the same for every order of the rows.

Knows nothing of levels or residuals.

Axis legend: N rows, D features, K codes.
"""

import hashlib

import numpy as np
import numpy.typing as npt
from scipy import sparse

from genrec.schema import FloatArray, IntArray

CHUNK_ROWS = 8192


def canonical_order(vectors_ND: FloatArray) -> IntArray:
    """Row numbers, int64 (N,), sorted by a hash of each row's bytes: the same sequence of rows however they came."""
    rows = np.ascontiguousarray(vectors_ND)
    keys = [hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in rows]
    return np.array(sorted(range(len(rows)), key=keys.__getitem__), dtype=np.int64)


def count_distinct(vectors_ND: FloatArray, limit: int) -> int:
    """How many rows differ by more than rounding, counted up to `limit`."""
    seen: set[bytes] = set()
    for row in np.round(vectors_ND, 5) + 0.0:  # + 0.0 turns -0.0 into 0.0
        seen.add(row.tobytes())
        if len(seen) >= limit:
            break
    return len(seen)


def assign(vectors_ND: FloatArray, centroids_KD: FloatArray) -> tuple[npt.NDArray[np.int32], FloatArray]:
    """The nearest centroid of each row, int32 (N,), and its squared distance, float32 (N,)."""
    half_norms_K = 0.5 * np.einsum("kd,kd->k", centroids_KD, centroids_KD)
    codes = np.empty(len(vectors_ND), dtype=np.int32)
    distances = np.empty(len(vectors_ND), dtype=np.float32)
    for start in range(0, len(vectors_ND), CHUNK_ROWS):
        chunk = vectors_ND[start : start + CHUNK_ROWS]
        scores = chunk @ centroids_KD.T - half_norms_K
        best = scores.argmax(axis=1)
        codes[start : start + len(chunk)] = best
        offsets = chunk - centroids_KD[best]
        distances[start : start + len(chunk)] = np.einsum("nd,nd->n", offsets, offsets)
    return codes, distances


def kmeans(vectors_ND: FloatArray, num_codes: int, *, rng: np.random.Generator, num_iterations: int = 40) -> FloatArray:
    """Centroids float32 (K, D) by k-means++ and Lloyd's iterations; dead codes move to the worst-served rows.

    vectors_ND: float32 (N, D) in canonical order, with at least K distinct rows.
    """
    centroids_KD = _seed_centroids(vectors_ND, num_codes, rng)
    before = np.full(len(vectors_ND), -1, dtype=np.int32)
    for _ in range(num_iterations):
        codes, distances = assign(vectors_ND, centroids_KD)
        if np.array_equal(codes, before):
            break
        before = codes
        centroids_KD = _move_centroids(vectors_ND, codes, distances, centroids_KD)
    return centroids_KD


def _seed_centroids(vectors_ND: FloatArray, num_codes: int, rng: np.random.Generator) -> FloatArray:
    """k-means++: each next centroid is a row drawn in proportion to its squared distance from those chosen."""
    chosen = [int(rng.integers(len(vectors_ND)))]
    nearest_N = _squared_distances(vectors_ND, vectors_ND[chosen[0]])
    while len(chosen) < num_codes:
        nearest_N[chosen[-1]] = 0.0
        mass_N = np.cumsum(nearest_N, dtype=np.float64)
        row = min(int(np.searchsorted(mass_N, rng.random() * mass_N[-1], side="right")), len(vectors_ND) - 1)
        chosen.append(row)
        np.minimum(nearest_N, _squared_distances(vectors_ND, vectors_ND[row]), out=nearest_N)
    return vectors_ND[chosen].copy()


def _squared_distances(vectors_ND: FloatArray, center_D: FloatArray) -> FloatArray:
    offsets = vectors_ND - center_D
    return np.einsum("nd,nd->n", offsets, offsets)


def _move_centroids(
    vectors_ND: FloatArray, codes: npt.NDArray[np.int32], distances: FloatArray, centroids_KD: FloatArray
) -> FloatArray:
    num_codes = len(centroids_KD)
    counts = np.bincount(codes, minlength=num_codes)
    ones = np.ones(len(codes))
    members = sparse.csr_matrix((ones, (codes, np.arange(len(codes)))), shape=(num_codes, len(codes)))
    moved = (members @ vectors_ND) / np.maximum(counts, 1)[:, None]
    dead = np.flatnonzero(counts == 0)
    moved[dead] = vectors_ND[farthest_rows(vectors_ND, distances, len(dead))]
    return moved.astype(np.float32)


def farthest_rows(vectors_ND: FloatArray, distances: FloatArray, num_rows: int) -> IntArray:
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
