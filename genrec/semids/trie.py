"""The trie of all semantic IDs, as integer arrays that a batched tensor program can walk.

Items are sorted by their codes, so that the items under any node are one contiguous range of leaves. Children are
compressed sparse rows; where most codes have a child, as on the first levels of a large catalog, a dense table of
children stands beside them and no code needs to be looked up (after STATIC, arXiv 2602.22647). A filter over items is
worked out once, per level; items that one request may not see are a handful of dead nodes. So the work of a step does
not grow with the catalog. Knows nothing of language models, tokens or scores beyond passing them through.

Axis legend: N items, L levels, M nodes of one level, K codes of one level, B batch, W beams, C children, X dead nodes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from genrec.errors import FilterError, ShapeError
from genrec.schema import BoolArray, IntArray

MAX_DENSE_CELLS = 2**22
MIN_DENSE_SHARE = 0.25  # of the cells that hold a child; below, sparse rows are the smaller step


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Nodes of one depth.

    first_child: int32 (M + 1,), children of node m are rows first_child[m]:first_child[m + 1] of the next level, none
    at the leaves; first_leaf: int32 (M + 1,), likewise for leaves; code: (M,), the code that leads here, in the
    smallest type that holds it; child: int32 (M, K), the child by its code, -1 where there is none, or None.
    """

    first_child: torch.Tensor
    first_leaf: torch.Tensor
    code: torch.Tensor
    child: torch.Tensor | None

    @property
    def tensors(self) -> tuple[torch.Tensor, ...]:
        """Everything it holds; the same memory may come twice."""
        parts = (self.first_child, self.first_leaf, self.code)
        return parts if self.child is None else (*parts, self.child)


@dataclass(frozen=True, slots=True, kw_only=True)
class Children:
    """The children of a batch of beams. node: int32 (B, W, C); log_prob: float32 (B, W, C), -inf where not legal."""

    node: torch.Tensor
    log_prob: torch.Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """A filter over the items, worked out for every node.

    alive: per level, bool (M,), whether an allowed item is below; num_before: int32 (N + 1,), allowed leaves before.
    """

    alive: tuple[torch.Tensor, ...]
    num_before: torch.Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """The part of the trie that each request of a batch may see. masks: each with its requests, bool (B,).

    dead: per level, int64 (B, X) nodes under which nothing is left to a request, -1 where it has fewer; dead_parent:
    their parents, -1 likewise.
    """

    masks: tuple[tuple[Mask, torch.Tensor], ...]
    dead: tuple[torch.Tensor, ...]
    dead_parent: tuple[torch.Tensor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trie:
    """Immutable. levels[0] is the root, levels[L] the leaves.

    row_of_leaf: int32 (N,), the catalog row of every leaf; leaf_of_row: the other way.
    """

    levels: tuple[Level, ...]
    row_of_leaf: torch.Tensor
    leaf_of_row: torch.Tensor

    @classmethod
    def build(cls, codes_NL: npt.NDArray[np.integer], device: torch.device | str = "cpu") -> "Trie":
        """Build from the codes of all items, tie-breaker included; every row must be different.

        codes_NL: integers (N, L). Raises ShapeError when rows repeat or the table is empty.
        """
        if codes_NL.ndim != 2 or not codes_NL.size:
            raise ShapeError(f"codes have shape {codes_NL.shape}; wanted (N, L) with at least one item and one level")
        num_items, num_levels = codes_NL.shape
        order = _sorted_order(codes_NL)
        # A leaf starts a new node at depth d when any of its first d codes differ from the leaf before it.
        starts_N = np.zeros(num_items, bool)
        starts_N[0] = True
        first_leaves = [np.zeros(1, np.int32)]
        for level in range(num_levels):
            column_N = codes_NL[order, level]
            starts_N[1:] |= column_N[1:] != column_N[:-1]
            first_leaves.append(np.flatnonzero(starts_N).astype(np.int32))
        if not starts_N.all():
            raise ShapeError(f"{int((~starts_N).sum())} semantic IDs appear twice; break ties before building")
        levels = []
        for depth, first_leaf in enumerate(first_leaves):
            code = codes_NL[order[first_leaf], depth - 1] if depth else np.zeros(1, np.int64)
            below = first_leaves[depth + 1] if depth < num_levels else None
            codes_below = None if below is None else codes_NL[order[below], depth]
            levels.append(_level(first_leaf, code, below, codes_below, num_items))
        leaf_of_row = np.empty(num_items, np.int32)
        leaf_of_row[order] = np.arange(num_items, dtype=np.int32)
        trie = cls(
            levels=tuple(levels),
            row_of_leaf=torch.from_numpy(order.astype(np.int32)),
            leaf_of_row=torch.from_numpy(leaf_of_row),
        )
        return trie.to(device)

    @property
    def depth(self) -> int:
        """The number of codes that lead from the root to an item."""
        return len(self.levels) - 1

    def __len__(self) -> int:
        return len(self.row_of_leaf)

    @property
    def num_bytes(self) -> int:
        """Memory of all arrays."""
        tensors = [*(t for level in self.levels for t in level.tensors), self.row_of_leaf, self.leaf_of_row]
        return sum({t.data_ptr(): t.numel() * t.element_size() for t in tensors}.values())

    def to(self, device: torch.device | str) -> "Trie":
        """The same trie on another device."""
        levels = tuple(
            Level(
                first_child=level.first_child.to(device),
                first_leaf=level.first_leaf.to(device),
                code=level.code.to(device),
                child=None if level.child is None else level.child.to(device),
            )
            for level in self.levels
        )
        return Trie(levels=levels, row_of_leaf=self.row_of_leaf.to(device), leaf_of_row=self.leaf_of_row.to(device))

    def mask(self, allowed_N: BoolArray) -> Mask:
        """Work a filter out: bool (N,) over catalog rows. Worth keeping, its cost grows with the catalog.

        Raises FilterError when nothing is allowed.
        """
        if not allowed_N.any():
            raise FilterError("no item passes the filter; loosen it")
        allowed = torch.from_numpy(allowed_N).to(self.row_of_leaf.device)[self.row_of_leaf]
        num_before = torch.nn.functional.pad(allowed.cumsum(dim=0, dtype=torch.int32), (1, 0))
        alive = tuple(num_before[level.first_leaf].diff() > 0 for level in self.levels)
        return Mask(alive=alive, num_before=num_before)

    def narrow(self, masks: Sequence[Mask | None], excluded: Sequence[IntArray]) -> Narrowing:
        """The part that each request may see: items under its mask (all without one) but for its excluded catalog rows.

        Raises FilterError when nothing is left to a request.
        """
        device = self.row_of_leaf.device
        distinct = {id(mask): mask for mask in masks if mask is not None}
        whose = [(m, torch.tensor([mask is m for mask in masks], device=device)) for m in distinct.values()]
        request_E, leaf_E = self._excluded_leaves(excluded, whose)
        left_B = torch.full((len(masks),), len(self), device=device)
        for mask, is_its_B in whose:
            left_B[is_its_B] = mask.num_before[-1].long()
        if bool((left_B <= torch.bincount(request_E, minlength=len(masks))).any()):
            raise FilterError(
                "no item is left: all that may be recommended are in the history or excluded; allow items of the "
                "history to come back (--seen), or exclude fewer"
            )
        dead, parents = [], []
        for depth, level in enumerate(self.levels):
            node_E = torch.searchsorted(level.first_leaf, leaf_E.int(), right=True) - 1
            num_nodes = len(level.code)
            pair_X, num_X = torch.unique(request_E * num_nodes + node_E, return_counts=True)
            request_X, node_X = pair_X // num_nodes, pair_X % num_nodes
            start_X, stop_X = level.first_leaf[node_X], level.first_leaf[node_X + 1]
            left_X = stop_X - start_X
            for mask, is_its_B in whose:
                left_X = torch.where(is_its_B[request_X], mask.num_before[stop_X] - mask.num_before[start_X], left_X)
            is_dead_X = num_X >= left_X
            request_X, node_X = request_X[is_dead_X], node_X[is_dead_X]
            above = self.levels[max(depth - 1, 0)].first_child
            parent_X = torch.searchsorted(above, node_X.int(), right=True) - 1
            dead.append(_ragged(request_X, node_X, len(masks)))
            parents.append(_ragged(request_X, parent_X, len(masks)))
        return Narrowing(masks=tuple(whose), dead=tuple(dead), dead_parent=tuple(parents))

    def _excluded_leaves(
        self, excluded: Sequence[IntArray], masks: Sequence[tuple[Mask, torch.Tensor]]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Pairs of a request and a leaf it may not see though its mask allows it, int64 (E,) each, no pair twice."""
        device = self.row_of_leaf.device
        distinct = [np.unique(part).astype(np.int64) for part in excluded]
        rows = np.concatenate([np.zeros(0, np.int64), *distinct])
        counts = [len(part) for part in distinct]
        request_E = torch.from_numpy(np.repeat(np.arange(len(counts)), counts)).to(device)
        leaf_E = self.leaf_of_row[torch.from_numpy(rows).to(device)].long()
        counts_E = torch.ones_like(leaf_E, dtype=torch.bool)
        for mask, is_its_B in masks:
            counts_E &= ~is_its_B[request_E] | mask.alive[-1][leaf_E]
        return request_E[counts_E], leaf_E[counts_E]

    def expand(
        self,
        depth: int,
        node_BW: torch.Tensor,
        log_prob_BWK: torch.Tensor,
        narrowing: Narrowing | None = None,
        *,
        renormalize: bool = True,
    ) -> Children:
        """The legal children of every beam with the log-probabilities of their codes, padded to the widest.

        node_BW: int (B, W), nodes of `levels[depth]`; log_prob_BWK: float (B, W, K), of all codes of the next level;
        renormalize: make the probabilities of a node's children sum to one, whatever the narrowing.
        """
        level, below = self.levels[depth], self.levels[depth + 1]
        if level.child is not None:
            found = level.child[node_BW]
            log_prob, legal, node = log_prob_BWK[..., : found.shape[2]], found >= 0, found.clamp(min=0)
        else:
            start_BW = level.first_child[node_BW]
            num_BW = level.first_child[node_BW + 1] - start_BW
            offset_C = torch.arange(int(num_BW.max()), device=node_BW.device, dtype=torch.int32)
            legal = offset_C < num_BW[..., None]
            node = torch.where(legal, start_BW[..., None] + offset_C, 0)
            log_prob = log_prob_BWK.gather(2, below.code[node].long())
        if renormalize:
            log_prob = log_prob - log_prob.masked_fill(~legal, -torch.inf).logsumexp(dim=-1, keepdim=True)
        if narrowing is not None:
            for mask, is_its_B in narrowing.masks:
                legal = torch.where(is_its_B[:, None, None], legal & mask.alive[depth + 1][node], legal)
            self._mask_dead(depth, node_BW, legal, narrowing)
        return Children(node=node, log_prob=log_prob.masked_fill(~legal, -torch.inf))

    def masses(self, log_prob_BN: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The log-probability of every node, that of all items below it: per level, float32 (B, M).

        log_prob_BN: nats of the items by catalog rows, -inf for what is not to be found.
        """
        leaf_BN = log_prob_BN[:, self.row_of_leaf.long()].double()
        before_BN = torch.nn.functional.pad(leaf_BN.exp().cumsum(dim=1), (1, 0))
        inner = [before_BN[:, level.first_leaf.long()].diff(dim=1).log() for level in self.levels[:-1]]
        # What is less likely than sums of doubles can tell apart is found still: by its likeliest item.
        for depth in reversed(range(len(inner))):
            below_BM = leaf_BN if depth + 1 == self.depth else inner[depth + 1]
            first_M = self.levels[depth].first_child[:-1].long()
            least_BM = torch.full_like(inner[depth], -torch.inf)
            parent_C = torch.repeat_interleave(
                torch.arange(len(first_M), device=first_M.device), self.levels[depth].first_child.diff().long()
            )
            least_BM.scatter_reduce_(1, parent_C.expand(len(below_BM), -1), below_BM, "amax")
            inner[depth] = torch.maximum(inner[depth], least_BM)
        return tuple(mass_BM.float() for mass_BM in (*inner, leaf_BN))

    def ancestors(self, rows_BC: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The nodes of every level above given items, int64 (B, C) each; rows_BC: catalog rows, -1 for none."""
        leaf_BC = self.leaf_of_row[rows_BC.clamp(min=0)].int()
        nodes = [torch.searchsorted(level.first_leaf, leaf_BC, right=True) - 1 for level in self.levels]
        return tuple(node_BC.masked_fill(rows_BC < 0, -1) for node_BC in nodes)

    def is_open(self, depth: int, node_BW: torch.Tensor) -> torch.Tensor:
        """Whether more than one item is below each of these nodes of `levels[depth]`, bool (B, W)."""
        first_leaf = self.levels[depth].first_leaf
        return first_leaf[node_BW + 1] - first_leaf[node_BW] > 1

    def score_paths(
        self,
        log_prob_MK: Sequence[torch.Tensor],
        codes_ML: torch.Tensor,
        *,
        shares_MK: Sequence[torch.Tensor] | None = None,
        renormalize: bool = True,
    ) -> torch.Tensor:
        """The log-probability of whole items, float (M,), as beams that walk to them have it.

        log_prob_MK: per level, (M, K), of all codes; codes_ML: int64 (M, L), of items of this trie; shares_MK: like
        log_prob_MK, how much each code counts along the path; its own codes alone unless given.
        """
        node_M1 = torch.zeros(len(codes_ML), 1, dtype=torch.int64, device=codes_ML.device)
        total_M = log_prob_MK[0].new_zeros(len(codes_ML))
        for depth, of_codes_MK in enumerate(log_prob_MK):
            children = self.expand(depth, node_M1, of_codes_MK[:, None], renormalize=renormalize)
            node_MC, log_prob_MC = children.node[:, 0].long(), children.log_prob[:, 0]
            code_MC, is_legal_MC = self.levels[depth + 1].code[node_MC].long(), log_prob_MC > -torch.inf
            place_M1 = ((code_MC == codes_ML[:, depth, None]) & is_legal_MC).int().argmax(dim=1, keepdim=True)
            if shares_MK is None:
                total_M = total_M + log_prob_MC.gather(1, place_M1)[:, 0]
            else:
                share_MC = shares_MK[depth].gather(1, code_MC) * is_legal_MC
                total_M = total_M + (share_MC * log_prob_MC.masked_fill(~is_legal_MC, 0)).sum(dim=1)
            node_M1 = node_MC.gather(1, place_M1)
        return total_M

    def _mask_dead(self, depth: int, node_BW: torch.Tensor, legal_BWC: torch.Tensor, narrowing: Narrowing) -> None:
        """Mark the dead children of the beams as not legal, in place."""
        level, below = self.levels[depth], self.levels[depth + 1]
        dead_BX, parent_BX = narrowing.dead[depth + 1], narrowing.dead_parent[depth + 1]
        request, beam, which = (parent_BX[:, None, :] == node_BW[..., None]).nonzero(as_tuple=True)
        node = dead_BX[request, which]
        column = (
            below.code[node].long() if level.child is not None else node - level.first_child[parent_BX[request, which]]
        )
        legal_BWC[request, beam, column] = False


def _sorted_order(codes_NL: npt.NDArray[np.integer]) -> IntArray:
    """The order that sorts rows by their codes, the first code first, int64 (N,)."""
    sizes = [int(size) + 1 for size in codes_NL.max(axis=0)]
    if np.prod(sizes, dtype=np.float64) < 2**62 and codes_NL.min() >= 0:
        key_N = np.zeros(len(codes_NL), np.int64)
        for level, size in enumerate(sizes):
            key_N = key_N * size + codes_NL[:, level]
        return np.argsort(key_N)
    return np.lexsort(codes_NL.T[::-1])


def _level(
    first_leaf: npt.NDArray[np.int32],
    code: npt.NDArray[np.integer],
    below: npt.NDArray[np.int32] | None,
    codes_below: npt.NDArray[np.integer] | None,
    num_items: int,
) -> Level:
    """One level; below: first leaves of the next level's nodes and codes_below their codes, None at the leaves."""
    closed = np.append(first_leaf, np.int32(num_items))
    shared = torch.from_numpy(closed)
    if below is None or codes_below is None:  # a leaf's first leaf is itself
        return Level(first_child=shared[:0], first_leaf=shared, code=_small(code), child=None)
    if len(below) == num_items:
        first_child = shared
    else:
        first_child = torch.from_numpy(np.searchsorted(below, closed).astype(np.int32))
    num_codes = int(codes_below.max()) + 1
    child = None
    if MIN_DENSE_SHARE * len(first_leaf) * num_codes <= len(below) and len(first_leaf) * num_codes <= MAX_DENSE_CELLS:
        table = np.full((len(first_leaf), num_codes), -1, np.int32)
        parent = np.repeat(np.arange(len(first_leaf)), np.diff(first_child.numpy()))
        table[parent, codes_below] = np.arange(len(below), dtype=np.int32)
        child = torch.from_numpy(table)
    return Level(first_child=first_child, first_leaf=shared, code=_small(code), child=child)


def _small(codes: npt.NDArray[np.integer]) -> torch.Tensor:
    """Codes in the smallest integer type that holds them."""
    largest = int(codes.max())
    small = np.uint8 if largest < 256 else np.int16 if largest < 2**15 else np.int32
    return torch.from_numpy(codes.astype(small))


def _ragged(request_X: torch.Tensor, values_X: torch.Tensor, batch_size: int) -> torch.Tensor:
    """Values of each request side by side, int64 (B, longest), -1 where a request has fewer; requests ascend."""
    count_B = torch.bincount(request_X, minlength=batch_size)
    table = torch.full((batch_size, int(count_B.max()) if len(request_X) else 0), -1, device=values_X.device)
    place_X = torch.arange(len(request_X), device=values_X.device) - (count_B.cumsum(0) - count_B)[request_X]
    table[request_X, place_X] = values_X.long()
    return table
