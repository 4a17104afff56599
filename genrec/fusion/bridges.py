"""Bridges: the graphs that a fuser may spread the items' vectors over, chosen by name in `fuse.bridges`.

    user-item   items that the same people chose, by way of these people
    co-choice   items that the same people chose, the nearest alone and directly
    likeness    the items that are most alike, in each modality apart
    knowledge   items that share the value of an attribute, by way of that value

A step over any of them leads from items to items, so that a graph fuser takes any: several are weighed against each
other by learned shares. Knows what a step is; deliberately knows nothing of how many a fuser takes, nor of what else
it does with the items.

Axis legend: N items, F features, A nodes of another kind (people, values of attributes).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from genrec.errors import ConfigError
from genrec.fusion.graphs import (
    Matrix,
    Propagation,
    co_choice_graph,
    knowledge_graph,
    likeness_graph,
    split_by_group,
    user_item_graph,
    within_groups,
)
from genrec.fusion.nets import Inputs
from genrec.schema import IntArray


@dataclass(frozen=True)
class _Edges:
    """graph: (N, N), or (N, A) where items meet by way of other nodes."""

    graph: Matrix
    by_way_of_nodes: bool

    def within(self, group_N: IntArray) -> "_Edges":
        """Without what joins items of different groups."""
        confine = split_by_group if self.by_way_of_nodes else within_groups
        return _Edges(confine(self.graph, group_N), self.by_way_of_nodes)

    def step(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """(N, F) to (N, F)."""
        spread = Propagation(self.graph)
        return (lambda x_NF: spread(spread.back(x_NF))) if self.by_way_of_nodes else spread

    @property
    def reached_N(self) -> torch.Tensor:
        """The items that have an edge, bool (N,)."""
        return torch.from_numpy(np.asarray(self.graph.sum(axis=1)).ravel() > 0)


def _people(inputs: Inputs) -> list[_Edges]:
    return [_Edges(user_item_graph(inputs.events.histories, inputs.num_items).T.tocsr(), by_way_of_nodes=True)]


def _co_choice(inputs: Inputs) -> list[_Edges]:
    return [_Edges(co_choice_graph(inputs.events.histories, inputs.num_items), by_way_of_nodes=False)]


def _likeness(inputs: Inputs) -> list[_Edges]:
    return [_Edges(likeness_graph(block.numpy()), by_way_of_nodes=False) for block in inputs.blocks.values()]


def _knowledge(inputs: Inputs) -> list[_Edges]:
    return [_Edges(knowledge_graph(inputs.events.attributes()), by_way_of_nodes=True)]


BRIDGES: dict[str, Callable[[Inputs], list[_Edges]]] = {
    "user-item": _people,
    "co-choice": _co_choice,
    "likeness": _likeness,
    "knowledge": _knowledge,
}


def check_bridges(names: Sequence[str], fuser: str, own: Sequence[str]) -> None:
    """Raise ConfigError where `fuse.bridges` names what is no bridge, or the fuser takes none."""
    for name in names:
        if name not in BRIDGES:
            raise ConfigError(f"fuse.bridges names {name!r}, which is no bridge; choose from {', '.join(BRIDGES)}")
    if names and not own:
        raise ConfigError(
            f"fuse.bridges = {', '.join(names)}, but the fuser {fuser} works over no graph; leave it empty, or "
            "choose a graph fuser, such as lightgcn"
        )


class Bridged(nn.Module):
    """One step over the bridges of the settings, or over a fuser's own, (N, F) to (N, F).

    An item takes the mean of what its bridges bring, by learned shares; one that a bridge does not reach is left to the
    others, and gets zeros where none does. group_N: groups that no step shall leave, -1 for none.
    """

    def __init__(self, inputs: Inputs, own: Sequence[str], group_N: IntArray | None = None) -> None:
        super().__init__()
        names = inputs.config.bridges or own
        edges = [found for name in dict.fromkeys(names) for found in BRIDGES[name](inputs)]
        if group_N is not None:
            edges = [found.within(group_N) for found in edges]
        self._steps = [found.step() for found in edges]
        self._reached_NG = torch.stack([found.reached_N for found in edges], dim=1)
        self.log_share_G = nn.Parameter(torch.zeros(len(edges)))

    def forward(self, x_NF: torch.Tensor) -> torch.Tensor:
        """What comes to each item from its neighbors."""
        share_NG = self.log_share_G.exp() * self._reached_NG
        share_NG = share_NG / share_NG.sum(dim=1, keepdim=True).clamp(min=1e-12)
        spread_NF = torch.zeros_like(x_NF)
        for number, step in enumerate(self._steps):
            spread_NF = spread_NF + share_NG[:, number : number + 1] * step(x_NF)
        return spread_NF

    def mean_over_hops(self, x_NF: torch.Tensor, num_hops: int) -> torch.Tensor:
        """The mean of the vectors after 0, 1 … num_hops steps (LightGCN, He et al. 2020)."""
        total_NF = x_NF
        for _ in range(num_hops):
            x_NF = self(x_NF)
            total_NF = total_NF + x_NF
        return total_NF / (1 + num_hops)
