"""TGH: a graph of item transitions joined with item content, of which nothing is trained.

After "An Embarrassingly Simple Graph Heuristic Reveals Shortcut-Solvable Benchmarks for Sequential Recommendation"
(arXiv 2605.07125) and its code, in their two ways: TGH-1 looks around the last item, TGH-2 around the last two. Knows
counts of what followed what, and cosines; deliberately knows nothing of fused vectors, which a model has learned.

What is theirs: the graph of consecutive training events; rings of items that are exactly so many steps away; the order
within a ring, cosine of content to the item it is about, in the first ring with log(1 + count) over the largest of the
item's, weighed by a half; how many of ten items each ring gives. What is ours: those shares go on beyond ten items, and
a ring that is too small leaves its places to what comes next; what no ring holds follows by cosine, then by popularity
(theirs draws it at random); an item stands where its best ring puts it; and validation chooses the way, and which of
the items' vectors are read, for theirs are of one large language model.

Axis legend: B cases, N items, D features, E entries of a ring.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self, TypeAlias

import numpy as np

from genrec.errors import InputError
from genrec.evaluate.contract import (
    Peer,
    Scores,
    TrainingData,
    joined_content,
    popularity_of,
    products,
    validation_ndcg,
)
from genrec.schema import FloatArray, IntArray

Sparse: TypeAlias = Any  # scipy's sparse matrices carry no types

_EDGE_WEIGHT = 0.5
_UNREACHED = 2.0  # by so much cosines are lowered, below all that a ring can give


@dataclass(frozen=True, slots=True)
class Ring:
    """Items exactly `steps` transitions after the one `back` from the end; `places` of every ten or so are theirs."""

    back: int
    steps: int
    places: int


WAYS: Mapping[str, tuple[Ring, ...]] = {
    "TGH-1": (Ring(1, 1, 7), Ring(1, 2, 2), Ring(1, 3, 1)),
    "TGH-2": (Ring(1, 1, 5), Ring(1, 2, 1), Ring(2, 1, 3), Ring(2, 2, 1)),
}


class TransitionGraph(Peer):
    """TGH-1 or TGH-2, as validation chooses by ndcg@10. way, read: once fitted, which one, and by which vectors."""

    def fit(self, data: TrainingData) -> Self:
        if not data.content:
            raise InputError(
                "peer 'tgh' wants vectors of the items' content, found none; "
                "build the workspace, or leave this peer out"
            )
        histories = [data.catalog.rows(history) for history in data.train.histories().values()]
        popularity_N = popularity_of(data.train, data.catalog)
        self._tie_break_N = 1e-9 * popularity_N / max(1, int(popularity_N.max()))
        self._counts = transitions(histories, len(data.catalog))
        choices = {name: joined_content({name: vectors}) for name, vectors in data.content.items()}
        if len(choices) > 1:
            choices["all"] = joined_content(data.content)
        self.way = "TGH-1"
        self.read = self._best([(self.way, read) for read in choices], choices, data)[1]
        self.way = self._best([(way, self.read) for way in WAYS], choices, data)[0]
        self._vectors_ND = choices[self.read]
        return self

    def _best(
        self, settings: Sequence[tuple[str, str]], choices: Mapping[str, FloatArray], data: TrainingData
    ) -> tuple[str, str]:
        """The first of the best by validation."""
        if len(settings) == 1:
            return settings[0]
        return max(settings, key=lambda each: validation_ndcg(partial(self._scores, each[0], choices[each[1]]), data))

    def scores(self, histories: Sequence[IntArray]) -> Scores:
        return self._scores(self.way, self._vectors_ND, histories)

    def _scores(self, way: str, vectors_ND: FloatArray, histories: Sequence[IntArray]) -> Scores:
        """1 / (1 + place) of each item, in turns of all rings; below zero what no ring holds, by cosine."""
        rings = WAYS[way]
        sources = {ring.back: _from_the_end(histories, ring.back) for ring in rings}
        cosines = {back: _cosines(vectors_ND, rows) for back, rows in sources.items()}
        scores_BN = cosines[1] + self._tie_break_N - _UNREACHED
        for number, ring in enumerate(rings):
            counts = _rows_of(self._counts, sources[ring.back])
            reached = _ring(self._counts, counts, sources[ring.back], ring.steps)
            rows_E, columns_E = reached.nonzero()
            likeness_E = cosines[ring.back][rows_E, columns_E] + self._tie_break_N[columns_E]
            if ring.steps == 1:
                likeness_E += _EDGE_WEIGHT * _picked(_strengths(counts), rows_E, columns_E)
            rank_E = _ranks_within(rows_E, likeness_E, columns_E)
            turn_E, within_E = np.divmod(rank_E, ring.places)
            places_E = turn_E * len(rings) + number + within_E / ring.places
            scores_BN[rows_E, columns_E] = np.maximum(scores_BN[rows_E, columns_E], 1.0 / (1.0 + places_E))
        return scores_BN


def transitions(histories: Sequence[IntArray], num_items: int) -> Sparse:
    """How often each item directly followed another, sparse (N, N), from row to column; itself left out."""
    import scipy.sparse as sp

    none = np.zeros(0, dtype=np.int64)
    before = np.concatenate([none, *(history[:-1] for history in histories)])
    after = np.concatenate([none, *(history[1:] for history in histories)])
    moved = before != after
    counts = sp.csr_matrix((np.ones(int(moved.sum())), (before[moved], after[moved])), shape=(num_items, num_items))
    counts.sum_duplicates()
    return counts


def _from_the_end(histories: Sequence[IntArray], back: int) -> IntArray:
    """The row that stands so far from the end of each history, -1 where it is shorter, int64 (B,)."""
    return np.array([rows[-back] if len(rows) >= back else -1 for rows in histories], dtype=np.int64)


def _rows_of(matrix: Sparse, rows_B: IntArray) -> Sparse:
    """Those rows of a matrix, empty where a row is -1."""
    import scipy.sparse as sp

    known = np.flatnonzero(rows_B >= 0)
    chosen = sp.csr_matrix((np.ones(len(known)), (known, rows_B[known])), shape=(len(rows_B), matrix.shape[0]))
    return (chosen @ matrix).tocsr()


def _cosines(vectors_ND: FloatArray, rows_B: IntArray) -> Scores:
    found = products(vectors_ND[np.maximum(rows_B, 0)], vectors_ND)
    found[rows_B < 0] = 0.0
    return found


def _ring(counts: Sparse, first: Sparse, sources_B: IntArray, steps: int) -> Sparse:
    """What is exactly `steps` transitions from each source and no nearer, sparse bool (B, N)."""
    import scipy.sparse as sp

    known = np.flatnonzero(sources_B >= 0)
    itself = sp.csr_matrix((np.ones(len(known)), (known, sources_B[known])), shape=first.shape)
    ring, nearer = first.astype(bool), (first + itself).astype(bool)
    for _ in range(steps - 1):
        reached = (ring @ counts).astype(bool)
        ring = (reached > nearer).tocsr()
        nearer = (nearer + ring).tocsr()
    return ring


def _strengths(counts: Sparse) -> Sparse:
    """log(1 + count) over the largest of its row, sparse (B, N)."""
    import scipy.sparse as sp

    strengths = counts.log1p()
    largest_B = strengths.max(axis=1).toarray().ravel()
    return (sp.diags(1.0 / np.where(largest_B > 0, largest_B, 1.0)) @ strengths).tocsr()


def _picked(matrix: Sparse, rows_E: IntArray, columns_E: IntArray) -> Scores:
    """Single entries, float64 (E,)."""
    return np.asarray(matrix[rows_E, columns_E], dtype=np.float64).ravel() if len(rows_E) else np.zeros(0)


def _ranks_within(rows_E: IntArray, likeness_E: Scores, columns_E: IntArray) -> IntArray:
    """The rank of each entry among those of its row, 0 is the most like; equal ones go by column."""
    order_E = np.lexsort((columns_E, -likeness_E, rows_E))
    sorted_rows_E = rows_E[order_E]
    ranks_E = np.empty(len(order_E), dtype=np.int64)
    ranks_E[order_E] = np.arange(len(order_E)) - np.searchsorted(sorted_rows_E, sorted_rows_E)
    return ranks_E
