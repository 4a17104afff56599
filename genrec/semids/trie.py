"""The trie of all semantic IDs, as integer arrays that a batched tensor program can walk.

Items are sorted by their codes, so that the items under any node are one contiguous range of leaves: a filter over
items narrows the trie by a running count of allowed leaves, without touching the trie itself. Children are compressed
sparse rows. Knows nothing of language models, tokens or scores.

Axis legend: N items, L levels, M nodes of one level, B batch, W beams, C children.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from genrec.errors import FilterError, ShapeError


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Nodes of one depth. first_child: int64 (M + 1,), children of node m are rows first_child[m]:first_child[m + 1]
    of the next level; leaf_start: int64 (M + 1,), likewise for leaves; code: int64 (M,), the code that leads here."""

    first_child: torch.Tensor
    leaf_start: torch.Tensor
    code: torch.Tensor
    max_children: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Children:
    """The children of a batch of nodes, padded to the widest. node, code: int64 (B, W, C); legal: bool (B, W, C)."""

    node: torch.Tensor
    code: torch.Tensor
    legal: torch.Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Trie:
    """Immutable. leaf_row: int64 (N,), the catalog row of every leaf; levels[0] is the root, levels[L] the leaves."""

    levels: tuple[Level, ...]
    leaf_row: torch.Tensor

    @classmethod
    def build(cls, codes_NL: npt.NDArray[np.integer], device: torch.device | str = "cpu") -> "Trie":
        """Build from the codes of all items, tie-breaker included; every row must be different.

        codes_NL: integers (N, L). Raises ShapeError when rows repeat or the table is empty.
        """
        if codes_NL.ndim != 2 or not codes_NL.size:
            raise ShapeError(f"codes have shape {codes_NL.shape}; wanted (N, L) with at least one item and one level")
        num_items, num_levels = codes_NL.shape
        order = np.lexsort(codes_NL.T[::-1])
        sorted_NL = codes_NL[order].astype(np.int64)
        # A leaf starts a new node at depth d when any of its first d codes differ from the leaf before it.
        differs = np.vstack([np.ones((1, num_levels), bool), sorted_NL[1:] != sorted_NL[:-1]])
        starts_NL = np.logical_or.accumulate(differs, axis=1)
        if not starts_NL[:, -1].all():
            raise ShapeError(f"{int((~starts_NL[:, -1]).sum())} semantic IDs appear twice; break ties before building")
        leaf_starts = [np.zeros(1, np.int64)] + [np.flatnonzero(starts_NL[:, d]) for d in range(num_levels)]
        levels = []
        for depth, starts in enumerate(leaf_starts):
            below = leaf_starts[min(depth + 1, num_levels)]
            first_child = np.r_[np.searchsorted(below, starts), len(below)]
            code = sorted_NL[starts, depth - 1] if depth else np.zeros(1, np.int64)
            levels.append(
                Level(
                    first_child=torch.from_numpy(first_child).to(device),
                    leaf_start=torch.from_numpy(np.r_[starts, num_items]).to(device),
                    code=torch.from_numpy(code).to(device),
                    max_children=int(np.diff(first_child).max()),
                )
            )
        return cls(levels=tuple(levels), leaf_row=torch.from_numpy(order).to(device))

    @property
    def depth(self) -> int:
        """How many codes lead from the root to an item."""
        return len(self.levels) - 1

    def __len__(self) -> int:
        return len(self.leaf_row)

    @property
    def num_bytes(self) -> int:
        """Memory of all arrays."""
        tensors = [t for level in self.levels for t in (level.first_child, level.leaf_start, level.code)]
        return sum(t.numel() * t.element_size() for t in [*tensors, self.leaf_row])

    def to(self, device: torch.device | str) -> "Trie":
        """The same trie on another device."""
        levels = tuple(
            Level(
                first_child=level.first_child.to(device),
                leaf_start=level.leaf_start.to(device),
                code=level.code.to(device),
                max_children=level.max_children,
            )
            for level in self.levels
        )
        return Trie(levels=levels, leaf_row=self.leaf_row.to(device))

    def count_allowed(self, allowed_BN: torch.Tensor) -> torch.Tensor:
        """Running counts of allowed leaves: int32 (B, N + 1), what `children` narrows by.

        allowed_BN: bool (B, N) over catalog rows. Raises FilterError when a request allows nothing.
        """
        counts = allowed_BN[:, self.leaf_row].cumsum(dim=1, dtype=torch.int32)
        if bool((counts[:, -1] == 0).any()):
            raise FilterError("no item is left after the filters and the history; loosen --where or allow seen items")
        return torch.nn.functional.pad(counts, (1, 0))

    def children(self, depth: int, node_BW: torch.Tensor, counts_BN: torch.Tensor | None = None) -> Children:
        """The children of every node of a beam at one depth.

        node_BW: int64 (B, W), nodes of `levels[depth]`; counts_BN: what `count_allowed` returned, or None.
        """
        level, below = self.levels[depth], self.levels[depth + 1]
        start_BW = level.first_child[node_BW]
        num_BW = level.first_child[node_BW + 1] - start_BW
        offset_C = torch.arange(int(num_BW.max()), device=node_BW.device)
        legal = offset_C < num_BW[..., None]
        node = torch.where(legal, start_BW[..., None] + offset_C, 0)
        if counts_BN is not None:
            batch = torch.arange(len(node_BW), device=node_BW.device)[:, None, None]
            inside = counts_BN[batch, below.leaf_start[node + 1]] - counts_BN[batch, below.leaf_start[node]]
            legal = legal & (inside > 0)
        return Children(node=node, code=below.code[node], legal=legal)
