"""Graphs that fusers work over: people and items, items by likeness, by being chosen together, by what they share.

All are sparse, of float32, and normalized so that a product with them keeps the size of vectors. Knows rows and
vectors; deliberately knows nothing of what is done with a graph.

Axis legend: U people, N items, D features, A values of attributes.
"""

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
import torch

from genrec.schema import FloatArray, IntArray

Matrix: TypeAlias = Any  # scipy's sparse matrices carry no types

_BLOCK = 2048  # rows that are compared with all at once
_MOST_COMMON = 0.2  # a value that more of the items share connects nothing


def user_item_graph(histories: Sequence[IntArray], num_items: int) -> Matrix:
    """Who chose what, (U, N): a one for each pair, divided by the root of both degrees (LightGCN, He et al. 2020)."""
    return _both_ways(choices(histories, num_items))


def bipartite(graph_UN: Matrix) -> Matrix:
    """A graph of people and items as one over both, (U + N, U + N), people first."""
    return sp.bmat([[None, graph_UN], [graph_UN.T, None]], format="csr", dtype=np.float32)


def co_choice_graph(histories: Sequence[IntArray], num_items: int, num_neighbors: int = 20) -> Matrix:
    """Items that the same people chose, (N, N): cosine over people, the nearest of each kept."""
    return _together(choices(histories, num_items), num_neighbors)


def like_minded_graph(histories: Sequence[IntArray], num_items: int, num_neighbors: int = 20) -> Matrix:
    """People who chose the same items, (U, U): cosine over items, the nearest of each kept; nobody is their own."""
    return _together(choices(histories, num_items).T, num_neighbors)


def likeness_graph(vectors_ND: FloatArray, num_neighbors: int = 10) -> Matrix:
    """The most alike items by cosine, (N, N); vectors_ND: unit rows; items with a row of zeros have no neighbor."""
    num_items, rows, columns, values = len(vectors_ND), [], [], []
    width = min(num_neighbors, num_items - 1)
    for start in range(0, num_items if width else 0, _BLOCK):
        cosine_BN = vectors_ND[start : start + _BLOCK] @ vectors_ND.T
        cosine_BN[np.arange(len(cosine_BN)), np.arange(start, start + len(cosine_BN))] = -np.inf
        nearest_BK = np.argpartition(-cosine_BN, width - 1, axis=1)[:, :width]
        rows.append(np.repeat(np.arange(start, start + len(cosine_BN)), width))
        columns.append(nearest_BK.ravel())
        values.append(np.take_along_axis(cosine_BN, nearest_BK, axis=1).ravel())
    if not rows:
        return sp.csr_matrix((num_items, num_items), dtype=np.float32)
    weights = np.maximum(np.concatenate(values), 0.0).astype(np.float32)
    found = sp.csr_matrix((weights, (np.concatenate(rows), np.concatenate(columns))), shape=(num_items, num_items))
    found.eliminate_zeros()
    return _both_ways(found)


def knowledge_graph(attributes: Sequence[Mapping[str, object]]) -> Matrix:
    """Items and the values of their attributes, (N, A), each pair of an attribute and its value a node.

    Values that one item alone has, or that a fifth of all or more share, connect nothing and are left out, as are
    numbers.
    """
    values = [
        {
            (name, str(part).casefold())
            for name, value in given.items()
            for part in (value if isinstance(value, tuple | list) else (value,))
            if isinstance(part, str)
        }
        for given in attributes
    ]
    counts = Counter(pair for pairs in values for pair in pairs)
    most = max(2, int(_MOST_COMMON * len(values)))
    kept = sorted(pair for pair, count in counts.items() if 1 < count <= most)
    node_of = {pair: number for number, pair in enumerate(kept)}
    edges = [(row, node_of[pair]) for row, pairs in enumerate(values) for pair in sorted(pairs) if pair in node_of]
    rows, columns = zip(*edges, strict=True) if edges else ((), ())
    shape = (len(values), len(node_of))
    return _both_ways(sp.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=shape))


def joined(graph_NA: Matrix) -> Matrix:
    """Items that share a node of another kind, (N, N): two steps over such a graph, an item's own left out."""
    shared = (graph_NA @ graph_NA.T).tocsr()
    shared.setdiag(0.0)
    shared.eliminate_zeros()
    return shared.astype(np.float32)


def within_groups(graph_NN: Matrix, group_N: IntArray) -> Matrix:
    """The edges of a graph of items that stay in one group, (N, N), normalized again; group_N: -1 for none."""
    edges = graph_NN.tocoo()
    kept = (group_N[edges.row] == group_N[edges.col]) & (group_N[edges.row] >= 0)
    inside = sp.csr_matrix((edges.data[kept], (edges.row[kept], edges.col[kept])), shape=graph_NN.shape)
    return _both_ways(inside)


def split_by_group(graph_NA: Matrix, group_N: IntArray) -> Matrix:
    """Each node a of another kind as one node per group of items, (N, A'), so that it joins items of one group alone.

    A person of several tastes becomes several people. group_N: -1 for none. Nodes that no item is left at go.
    """
    edges = graph_NA.tocoo()
    kept = group_N[edges.row] >= 0
    rows, columns = edges.row[kept], edges.col[kept].astype(np.int64)
    nodes, node_of = np.unique(columns * (int(group_N.max(initial=-1)) + 1) + group_N[rows], return_inverse=True)
    shape = (graph_NA.shape[0], len(nodes))
    return _both_ways(sp.csr_matrix((np.ones(len(rows), np.float32), (rows, node_of)), shape=shape))


def as_tensor(graph: Matrix) -> torch.Tensor:
    """A graph as torch multiplies it, in compressed sparse rows."""
    rows = graph.tocsr()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            torch.from_numpy(rows.indptr.astype(np.int64)),
            torch.from_numpy(rows.indices.astype(np.int64)),
            torch.from_numpy(rows.data.astype(np.float32)),
            size=rows.shape,
            check_invariants=True,
        )


class _Product(torch.autograd.Function):
    """graph @ x with the transposed graph kept for the gradient, since torch sorts it anew at each step."""

    @staticmethod
    def forward(ctx: Any, forth: torch.Tensor, back: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        ctx.back = back
        return forth @ x

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[None, None, torch.Tensor]:
        return None, None, ctx.back @ gradients[0].contiguous()


class Propagation:
    """A graph that vectors are spread over, with gradients."""

    def __init__(self, graph: Matrix) -> None:
        self._forth, self._back = as_tensor(graph), as_tensor(graph.T.tocsr())

    def __deepcopy__(self, _memo: object) -> "Propagation":
        return self  # never changed, and torch copies no sparse rows

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """graph (X, Y) @ x (Y, F)."""
        spread: torch.Tensor = _Product.apply(self._forth, self._back, x)
        return spread

    def back(self, x: torch.Tensor) -> torch.Tensor:
        """The transposed graph (Y, X) @ x (X, F)."""
        spread: torch.Tensor = _Product.apply(self._back, self._forth, x)
        return spread


def choices(histories: Sequence[IntArray], num_items: int) -> Matrix:
    """Who chose what, (U, N), a one for each pair."""
    people = np.repeat(np.arange(len(histories)), [len(history) for history in histories])
    rows = np.concatenate([*histories, np.zeros(0, np.int64)])
    choices = sp.csr_matrix((np.ones(len(rows), np.float32), (people, rows)), shape=(len(histories), num_items))
    choices.data[:] = 1.0  # a repeated event says no more than the first
    return choices


def _together(choices_XY: Matrix, num_neighbors: int) -> Matrix:
    """Cosine of the columns, (Y, Y), none with itself, the nearest of each kept."""
    lengths_Y = np.sqrt(np.maximum(np.asarray(choices_XY.sum(axis=0)).ravel(), 1.0))
    scaled = choices_XY @ sp.diags(1.0 / lengths_Y)
    together = (scaled.T @ scaled).tocsr()
    together.setdiag(0.0)
    together.eliminate_zeros()
    return _both_ways(_nearest(together, num_neighbors))


def _nearest(graph_NN: Matrix, size: int) -> Matrix:
    """The largest entries of each row alone."""
    kept = graph_NN.tolil()
    for row, (columns, values) in enumerate(zip(kept.rows, kept.data, strict=True)):
        if len(values) > size:
            best = np.argpartition(-np.asarray(values), size - 1)[:size]
            kept.rows[row], kept.data[row] = [columns[i] for i in sorted(best)], [values[i] for i in sorted(best)]
    return kept.tocsr()


def _both_ways(graph: Matrix) -> Matrix:
    """Each entry divided by the root of its row's sum and of its column's."""
    graph = graph.tocsr().astype(np.float32)
    scales = [
        1.0 / np.sqrt(np.where(sums > 0, sums, 1.0))
        for sums in (np.asarray(graph.sum(axis=1)).ravel(), np.asarray(graph.sum(axis=0)).ravel())
    ]
    return (sp.diags(scales[0]) @ graph @ sp.diags(scales[1])).tocsr().astype(np.float32)
