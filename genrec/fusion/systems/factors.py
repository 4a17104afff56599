"""Factor models: MF, VBPR and LightGCN, by which the others are measured.

Unlike the papers', they know people by their histories, so that new people need no training, and all are trained by the
cross-entropy that every fuser here is trained by, which serves them better than the papers' pairs.

Axis legend: N items, I features as which a history's items are read, F features of an item.
"""

from typing import ClassVar

import torch
from torch import nn

from genrec.fusion.bridges import Bridged
from genrec.fusion.learned import LearnedFuser
from genrec.fusion.nets import FusionNet, Inputs, ItemTable, Pooled


class MF(LearnedFuser):
    """Matrix factorization: free vectors of items alone, and people as the weighted sum of what they chose.

    SVD++'s implicit half (Koren, KDD 2008), read by other vectors than are scored.
    """

    name: ClassVar[str] = "mf"

    def make_net(self, inputs: Inputs) -> FusionNet:
        return _Factors(inputs, self.make_reader(self.config.width, has_order=inputs.events.has_order), content=False)

    def make_reader(self, width_in: int, *, has_order: bool) -> nn.Module:
        return Pooled(self.config.max_history, has_order=has_order)


class VBPR(MF):
    """VBPR (He and McAuley, AAAI 2016): free vectors, and beside them a linear map of what items look like or say."""

    name: ClassVar[str] = "vbpr"

    def make_net(self, inputs: Inputs) -> FusionNet:
        return _Factors(inputs, self.make_reader(self.config.width, has_order=inputs.events.has_order), content=True)


class _Factors(FusionNet):
    def __init__(self, inputs: Inputs, reader: nn.Module, *, content: bool) -> None:
        super().__init__()
        self.reader, self.reads_content = reader, content
        self.scored = ItemTable(inputs, with_content=content)
        self.read = ItemTable(inputs, with_content=content)

    def tables(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.scored(), self.read()

    def content_items(self) -> torch.Tensor:
        return torch.as_tensor(self.scored.content())


class LightGCN(MF):
    """LightGCN (He et al., SIGIR 2020): free vectors, spread over the graph of people and items without a weight.

    A person has no free vector: the graph gives them the mean of what they chose. Other bridges take its place.
    """

    name: ClassVar[str] = "lightgcn"
    own_bridges: ClassVar[tuple[str, ...]] = ("user-item",)

    def make_net(self, inputs: Inputs) -> FusionNet:
        reader = self.make_reader(self.config.width, has_order=inputs.events.has_order)
        return _LightGCN(inputs, reader, Bridged(inputs, self.own_bridges))


class _LightGCN(FusionNet):
    reads_content = False
    num_hops = 2  # from items to people and back to items

    def __init__(self, inputs: Inputs, reader: nn.Module, bridged: Bridged) -> None:
        super().__init__()
        self.reader, self.bridged = reader, bridged
        self.ids = ItemTable(inputs, with_content=False)

    def tables(self) -> tuple[torch.Tensor, torch.Tensor]:
        items_NF = self.bridged.mean_over_hops(self.ids(), self.num_hops)
        return items_NF, items_NF
