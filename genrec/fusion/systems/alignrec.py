"""AlignRec (Liu et al., CIKM 2024, arXiv 2403.12384): content is aligned with content and with IDs, people with items.

An item has an ID side, free vectors spread over the graph of people and items, and a content side: its modalities, and
the free vectors of the items it is most like, gated by its own content. Three losses align them; `genrec prechecks`
measures what the paper would have known of each modality before.

Ours: modalities come encoded, so that contrast aligns them in place of the paper's masked encoder, together with the
rest in place of before it; its own content is part of an item, so that new items have a vector; people are known by
their histories, which leaves the contrast of content with IDs to items. The paper's penalty that keeps the likeness of
encoded content is left out, for the maps are linear.

Axis legend: E graded events, N items, F features of an item, S items of a batch.
"""

from collections.abc import Collection
from typing import ClassVar

import torch
from torch import nn

from genrec.data.arrays import unit_rows
from genrec.fusion.bridges import Bridged
from genrec.fusion.graphs import Propagation, likeness_graph
from genrec.fusion.learned import LearnedFuser
from genrec.fusion.losses import alignment, contrast_of_modalities, info_nce
from genrec.fusion.nets import Batch, FusionNet, Inputs, ItemTable, Pooled

_INTER_CONTENT, _CONTENT_ID, _USER_ITEM = "inter-content", "content-id", "user-item"
_WEIGHTS = {_INTER_CONTENT: 0.1, _CONTENT_ID: 0.3, _USER_ITEM: 0.3}
_TEMPERATURE = 0.2


class AlignRec(LearnedFuser):
    """Parts: the three alignments."""

    name: ClassVar[str] = "alignrec"
    own_bridges: ClassVar[tuple[str, ...]] = ("user-item",)
    parts: ClassVar[tuple[str, ...]] = (_INTER_CONTENT, _CONTENT_ID, _USER_ITEM)

    def make_net(self, inputs: Inputs) -> FusionNet:
        reader = self.make_reader(self.config.width, has_order=inputs.events.has_order)
        return _AlignRec(inputs, reader, [part for part in self.parts if self.has(part)])

    def make_reader(self, width_in: int, *, has_order: bool) -> nn.Module:
        return Pooled(self.config.max_history, has_order=has_order)


class _AlignRec(FusionNet):
    num_hops = 2  # from items to people and back to items

    def __init__(self, inputs: Inputs, reader: nn.Module, aligned: Collection[str]) -> None:
        super().__init__()
        self.reader, self.aligned, self.present = reader, aligned, inputs.present
        width = inputs.config.width
        self.table = ItemTable(inputs)
        self.gate = nn.Sequential(nn.Linear(width, width), nn.Sigmoid())
        self.graph = Bridged(inputs, AlignRec.own_bridges)
        joined_NP = torch.cat(list(inputs.blocks.values()), dim=1).numpy()
        self.likeness = Propagation(likeness_graph(unit_rows(joined_NP)))

    def tables(self) -> tuple[torch.Tensor, torch.Tensor]:
        items_NF = self._id_side() * self.table.shown() + self.content_items()
        return items_NF, items_NF

    def content_items(self) -> torch.Tensor:
        content_NF = torch.as_tensor(self.table.content())
        return content_NF + self.likeness(self.table.free_ids() * self.gate(content_NF))

    def _id_side(self) -> torch.Tensor:
        return self.graph.mean_over_hops(self.table.free_ids(), self.num_hops)

    def extra_loss(self, batch: Batch, items_NF: torch.Tensor, states_EF: torch.Tensor) -> torch.Tensor | float:
        targets_E = batch.targets_BT[batch.is_graded_BT]
        items_S = targets_E.unique()
        losses: dict[str, torch.Tensor] = {}
        if _INTER_CONTENT in self.aligned:
            shares = {name: self.table.of_modality(name)[items_S] for name in self.table.blocks}
            present = {name: mask_N[items_S] for name, mask_N in self.present.items()}
            losses[_INTER_CONTENT] = contrast_of_modalities(shares, present, _TEMPERATURE)
        if _CONTENT_ID in self.aligned:
            losses[_CONTENT_ID] = info_nce(self._id_side()[items_S], self.content_items()[items_S], _TEMPERATURE)
        if _USER_ITEM in self.aligned:
            losses[_USER_ITEM] = alignment(states_EF, items_NF[targets_E])
        return sum((_WEIGHTS[part] * loss for part, loss in losses.items()), start=0.0)
