"""LGMRec (Guo et al., AAAI 2024, arXiv 2312.16400): what an item is among its neighbors, and what it is on the whole.

Local: free vectors spread over the graph of people and items, and beside them each modality, mapped and spread over
the same graph. Global: hyperedges, learned for each modality, say to how much of each hidden attribute an item belongs;
free vectors are gathered into them and handed back, so that items far apart in the graph speak to each other. Contrast:
what an item, or a person, gets by the hyperedges of one modality shall tell it from others by those of another.

Ours: people are known by their histories, and so depend on hyperedges as the sum of what they chose does; a modality's
own vector is kept beside what it becomes in the graph, without which an item that nobody chose would have none;
hyperedges hand back how they differ from each other, since what all share is popularity, which new items then lack; the
weight of the global side is learned.

Axis legend: B histories, T history positions, E graded events, N items, F features of an item, K hyperedges of a
modality, S items of a batch.
"""

from collections.abc import Collection, Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from genrec.errors import ConfigError
from genrec.fusion.bridges import Bridged
from genrec.fusion.learned import LearnedFuser
from genrec.fusion.losses import contrast_of_modalities
from genrec.fusion.nets import Batch, FusionNet, Inputs, ItemTable, Pooled

_NUM_HYPEREDGES = 16  # of each modality
_HYPEREDGE_SCALE = 2.0  # of their first directions: items are rows of length one, and shall outweigh Gumbel's noise
_SHARPNESS = 5.0  # of an item's dependence on hyperedges; the paper's temperature of 0.2
_GLOBAL_WEIGHT = 0.5  # at first
_CONTRAST_WEIGHT = 0.05
_TEMPERATURE = 0.2


class LGMRec(LearnedFuser):
    """Parts: local and global, of which one must stay, and contrast, which is between globals."""

    name: ClassVar[str] = "lgmrec"
    own_bridges: ClassVar[tuple[str, ...]] = ("user-item",)
    parts: ClassVar[tuple[str, ...]] = ("local", "global", "contrast")

    def make_net(self, inputs: Inputs) -> FusionNet:
        if not (self.has("local") or self.has("global")):
            raise ConfigError(
                "fuse.without leaves out both local and global of lgmrec; keep one, for that is all it has"
            )
        reader = self.make_reader(self.config.width, has_order=inputs.events.has_order)
        return _LGMRec(inputs, reader, [part for part in self.parts if self.has(part)])

    def make_reader(self, width_in: int, *, has_order: bool) -> nn.Module:
        return Pooled(self.config.max_history, has_order=has_order)


class _LGMRec(FusionNet):
    num_hops = 2  # from items to people and back to items

    def __init__(self, inputs: Inputs, reader: nn.Module, parts: Collection[str]) -> None:
        super().__init__()
        self.reader, self.parts, self.present = reader, parts, inputs.present
        self.table = ItemTable(inputs)
        self.graph = Bridged(inputs, LGMRec.own_bridges)
        self.hyperedges = nn.ModuleDict(
            {name: nn.Linear(b.shape[1], _NUM_HYPEREDGES, bias=False) for name, b in inputs.blocks.items()}
        )
        for directions in self.hyperedges.parameters():
            nn.init.normal_(directions, std=_HYPEREDGE_SCALE)
        self.dropout = nn.Dropout(inputs.config.dropout)
        self.global_weight = nn.Parameter(torch.tensor(_GLOBAL_WEIGHT))
        self._globals: Mapping[str, torch.Tensor] = {}  # of the step that is being taken

    def tables(self) -> tuple[torch.Tensor, torch.Tensor]:
        ids_NF, content_NF = self._ids_and_content()
        items_NF = content_NF
        if "local" in self.parts:
            spread_NF = ids_NF + self.graph.mean_over_hops(torch.as_tensor(self.table.content()), num_hops=1)
            items_NF = items_NF + spread_NF * self.table.shown()
        return items_NF, items_NF

    def content_items(self) -> torch.Tensor:
        return self._ids_and_content()[1]

    def _ids_and_content(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Free vectors, spread where there is anything local, and what an item is without events of its own, (N, F)."""
        ids_NF, content_NF = self.table.free_ids(), torch.zeros(())
        if "local" in self.parts:
            ids_NF = self.graph.mean_over_hops(ids_NF, self.num_hops)
            content_NF = content_NF + self.table.content()
        if "global" in self.parts:
            content_NF = content_NF + self._global(ids_NF)
        return ids_NF, content_NF

    def _global(self, ids_NF: torch.Tensor) -> torch.Tensor:
        """What items get by the hyperedges of all modalities, (N, F)."""
        self._globals = {name: self._gathered(name, ids_NF) for name in self.table.blocks}
        return self.global_weight * F.normalize(torch.stack(list(self._globals.values())).sum(dim=0), dim=-1)

    def _gathered(self, name: str, ids_NF: torch.Tensor) -> torch.Tensor:
        """What items get by the hyperedges of a modality, (N, F), zero where they lack it."""
        dependence_NK = self._dependence(name)
        edges_KF = dependence_NK.T @ ids_NF / dependence_NK.sum(dim=0)[:, None].clamp(min=1e-6)
        edges_KF = edges_KF - edges_KF.mean(dim=0)  # what all share tells no item from another
        gathered_NF: torch.Tensor = self.dropout(dependence_NK) @ edges_KF
        return gathered_NF

    def _dependence(self, name: str) -> torch.Tensor:
        """To how much of each hyperedge items belong, (N, K), rows of sum one, zero where the modality is absent."""
        logits_NK = self.hyperedges[name](self.table.blocks[name])
        if self.training:  # Gumbel's noise tries other hyperedges
            logits_NK = logits_NK - torch.empty_like(logits_NK).exponential_().clamp(min=1e-10).log()
        return (logits_NK * _SHARPNESS).softmax(dim=1) * self.present[name][:, None]

    def extra_loss(self, batch: Batch, items_NF: torch.Tensor, states_EF: torch.Tensor) -> torch.Tensor | float:
        if not {"contrast", "global"} <= set(self.parts):
            return 0.0
        items_S = batch.targets_BT[batch.is_graded_BT].unique()
        of_items = contrast_of_modalities(
            {name: found_NF[items_S] for name, found_NF in self._globals.items()},
            {name: mask_N[items_S] for name, mask_N in self.present.items()},
            _TEMPERATURE,
        )
        people = {name: self._people(found_NF, batch.rows_BT) for name, found_NF in self._globals.items()}
        of_people = contrast_of_modalities(
            people, {name: found_BF.any(dim=1) for name, found_BF in people.items()}, _TEMPERATURE
        )
        return _CONTRAST_WEIGHT * (of_items + of_people)

    def _people(self, items_NF: torch.Tensor, rows_BT: torch.Tensor) -> torch.Tensor:
        """The sum over a history, (B, F)."""
        return F.pad(items_NF, (0, 0, 0, 1))[rows_BT].sum(dim=1)
