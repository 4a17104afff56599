"""NOVA: non-invasive self-attention (Liu et al., AAAI 2021, arXiv 2103.03578).

What items look like and say decides where attention looks, as part of queries and keys; what it finds there, the
values, are the free vectors of items alone, which no layer mixes with anything else.

Ours: each modality joins by a gate of its own (the paper's best fusion is of gates), so that a modality that an item
lacks changes nothing; how far back an item lies is a bias of attention's scores in the place of position vectors; and
items are scored by their free vector plus their content, else none without events could be found. An item that no event
names has no value: in a history it only steers.

Axis legend: B histories, T history positions, N items, S streams (the free vectors, and one of each modality), F
features of an item.
"""

from typing import ClassVar

import torch
from torch import nn

from genrec.config import FuseConfig
from genrec.fusion.learned import LearnedFuser
from genrec.fusion.nets import AttentionLayer, FusionNet, Inputs, ItemTable, causal_bias

_NUM_LAYERS = 2


class NOVA(LearnedFuser):
    """parts: side-information, without which it is plain self-attention over free vectors; non-invasive, without which
    values hold what queries and keys do.
    """

    name: ClassVar[str] = "nova"
    parts: ClassVar[tuple[str, ...]] = ("side-information", "non-invasive")

    def make_net(self, inputs: Inputs) -> FusionNet:
        num_streams = 1 + len(inputs.blocks) * self.has("side-information")
        return _Net(
            inputs, self.make_reader(num_streams * self.config.width, has_order=inputs.events.has_order), num_streams
        )

    def make_reader(self, width_in: int, *, has_order: bool) -> nn.Module:
        return NonInvasive(width_in, self.config, has_order=has_order, is_invasive=not self.has("non-invasive"))


class _Net(FusionNet):
    def __init__(self, inputs: Inputs, reader: nn.Module, num_streams: int) -> None:
        super().__init__()
        self.reader, self.items, self.num_streams = reader, ItemTable(inputs), num_streams

    def tables(self) -> tuple[torch.Tensor, torch.Tensor]:
        ids_NF = torch.as_tensor(self.items.known_ids())
        sides = [self.items.of_modality(name) for name in self.items.blocks]
        return ids_NF + sum(sides), torch.cat([ids_NF, *sides][: self.num_streams], dim=1)

    def content_items(self) -> torch.Tensor:
        return torch.as_tensor(self.items.content())


class NonInvasive(nn.Module):
    """Self-attention over a history whose values are of the first stream alone.

    is_invasive: let values hold the other streams, too, as the paper's foil does.
    """

    def __init__(self, width_in: int, config: FuseConfig, *, has_order: bool, is_invasive: bool = False) -> None:
        super().__init__()
        self.width, self.is_invasive = config.width, is_invasive
        num_sides = width_in // config.width - 1
        self.layers = nn.ModuleList([AttentionLayer(config) for _ in range(_NUM_LAYERS)])
        self.gates = nn.ModuleList([nn.Linear(2 * self.width, self.width) for _ in range(num_sides)])
        self.norm = nn.LayerNorm(self.width)
        self.dropout = nn.Dropout(config.dropout)
        self.bias_T = nn.Parameter(torch.zeros(config.max_history), requires_grad=has_order)

    def forward(self, x_BTI: torch.Tensor, is_real_BT: torch.Tensor) -> torch.Tensor:
        """float (B, T, S * F) of items, zero at padding, to people (B, T, F)."""
        value_BTF, *sides = x_BTI.split(self.width, dim=-1)
        bias_TT = causal_bias(self.bias_T, x_BTI.shape[1])
        value_BTF = self.dropout(self.norm(value_BTF))
        if self.is_invasive:
            value_BTF = self.joined(value_BTF, sides)
        for layer in self.layers:
            looks_BTF = self.joined(value_BTF, sides)
            value_BTF = layer(value_BTF, looks_BTF, looks_BTF, value_BTF, bias_TT)
        return value_BTF

    def joined(self, value_BTF: torch.Tensor, sides: list[torch.Tensor]) -> torch.Tensor:
        """A state with what is known beside it, by which attention looks, (B, T, F)."""
        gated = (
            gate(torch.cat([value_BTF, side], dim=-1)).sigmoid() * side
            for gate, side in zip(self.gates, sides, strict=True)
        )
        return value_BTF + torch.as_tensor(sum(gated, start=torch.zeros(())))
