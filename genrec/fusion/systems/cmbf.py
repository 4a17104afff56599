"""CMBF: cross-modal-based fusion (Chen et al., Sensors 2021, 21(16) 5275).

A history is read once in each modality: self-attention within a modality, then attention from each modality to the
others, and what all found is mapped to the person.

The paper attends over the features of one item; here items have one vector of each modality, so attention is over the
items of a history, which is where one modality may say where to look in another. The free vectors of items are a
stream like the modalities. Ours is also the foil: the streams side by side, read by a plain self-attention with as
many parameters, which the paper's comparison does not keep equal.

Axis legend: B histories, T history positions, N items, S streams (the free vectors, and one of each modality), F
features of an item.
"""

from typing import ClassVar

import torch
from torch import nn

from genrec.config import FuseConfig
from genrec.fusion.learned import LearnedFuser
from genrec.fusion.nets import AttentionLayer, Attentive, FusionNet, Inputs, ItemTable, causal_bias


class CMBF(LearnedFuser):
    """parts: attention within a modality, and from each to the others; without both it is concatenation."""

    name: ClassVar[str] = "cmbf"
    parts: ClassVar[tuple[str, ...]] = ("single-modal", "cross-modal")

    def make_net(self, inputs: Inputs) -> FusionNet:
        width_in = (1 + len(inputs.blocks)) * self.config.width
        return _Net(inputs, self.make_reader(width_in, has_order=inputs.events.has_order))

    def make_reader(self, width_in: int, *, has_order: bool) -> nn.Module:
        kinds = [part for part in self.parts if self.has(part)]
        if kinds:
            return CrossModal(width_in, self.config, kinds, has_order=has_order)
        # Each of two layers of the same width as many parameters as a layer of every stream.
        num_streams = width_in // self.config.width
        wide = (6 * num_streams - 2) * self.config.width
        return Attentive(width_in, self.config, has_order=has_order, feed_forward=wide)


class _Net(FusionNet):
    def __init__(self, inputs: Inputs, reader: nn.Module) -> None:
        super().__init__()
        self.reader, self.items = reader, ItemTable(inputs)

    def tables(self) -> tuple[torch.Tensor, torch.Tensor]:
        streams = [torch.as_tensor(self.items.known_ids()), *map(self.items.of_modality, self.items.blocks)]
        return torch.stack(streams).sum(dim=0), torch.cat(streams, dim=1)

    def content_items(self) -> torch.Tensor:
        return torch.as_tensor(self.items.content())


class CrossModal(nn.Module):
    """Streams of a history that attend to themselves, to each other, or first the one and then the other."""

    def __init__(self, width_in: int, config: FuseConfig, kinds: list[str], *, has_order: bool) -> None:
        super().__init__()
        self.width, self.kinds = config.width, kinds
        num_streams = width_in // config.width
        self.layers = nn.ModuleDict(
            {kind: nn.ModuleList([AttentionLayer(config) for _ in range(num_streams)]) for kind in kinds}
        )
        self.norms = nn.ModuleList([nn.LayerNorm(config.width) for _ in range(num_streams)])
        self.join = nn.Linear(width_in, config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.bias_T = nn.Parameter(torch.zeros(config.max_history), requires_grad=has_order)

    def forward(self, x_BTI: torch.Tensor, is_real_BT: torch.Tensor) -> torch.Tensor:
        """float (B, T, S * F) of items, zero at padding, to people (B, T, F)."""
        bias_TT = causal_bias(self.bias_T, x_BTI.shape[1])
        parts = x_BTI.split(self.width, dim=-1)
        streams = [self.dropout(norm(x_BTF)) for norm, x_BTF in zip(self.norms, parts, strict=True)]
        for kind in self.kinds:
            read = [self._read_by(kind, number, streams) for number in range(len(streams))]
            bias_TS = bias_TT.repeat(1, read[0].shape[1] // bias_TT.shape[0])
            streams = [
                layer(x_BTF, x_BTF, read_BSF, read_BSF, bias_TS)
                for layer, x_BTF, read_BSF in zip(self.layers[kind].children(), streams, read, strict=True)
            ]
        person_BTF: torch.Tensor = self.join(torch.cat(streams, dim=-1))
        return person_BTF

    @staticmethod
    def _read_by(kind: str, number: int, streams: list[torch.Tensor]) -> torch.Tensor:
        """What a stream attends to, one stream after the other along the positions; alone, a stream has but itself."""
        others = [x_BTF for other, x_BTF in enumerate(streams) if other != number]
        return torch.cat(others, dim=1) if kind == "cross-modal" and others else streams[number]
