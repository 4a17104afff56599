"""MCPTR: items and people learn from graphs of co-choice and from each other's modalities, then ranking is tuned.

After Liu, Ma, Schubert, Ouyang and Xiong, "Multi-Modal Contrastive Pre-training for Recommendation" (ICMR 2022). Within
a modality an item takes from the items it is chosen with, then attention weighs its modalities. In pretraining a person
who is known by those who chose alike shall score what they chose themselves, and pictures and words of an item shall
find each other; tuning starts from there. Ours: people have no reviews here, so they are what they chose; the paper's
binary cross-entropy is one over all known items; what is tuned are the same vectors, with a reader of histories.

Axis legend: U people, P people of a step, N items, F features, V views (behavior, then each modality), C items of a
step.
"""

from itertools import combinations
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from genrec.fusion.bridges import Bridged
from genrec.fusion.graphs import Propagation, like_minded_graph, user_item_graph
from genrec.fusion.learned import LearnedFuser
from genrec.fusion.losses import info_nce
from genrec.fusion.nets import Batch, FusionNet, Inputs, ItemTable, Pooled

_CONTRAST_WEIGHT, _TEMPERATURE = 0.1, 0.2
_MAX_PEOPLE, _MAX_CONTRASTED = 1024, 512  # of a step


class MCPTR(LearnedFuser):
    """Free vectors and a linear map of each modality, spread over co-choice and weighed by attention; pretrained."""

    name: ClassVar[str] = "mcptr"
    parts: ClassVar[tuple[str, ...]] = ("pretraining", "people", "image-text")
    own_bridges: ClassVar[tuple[str, ...]] = ("co-choice",)

    def make_net(self, inputs: Inputs) -> FusionNet:
        reader = self.make_reader(self.config.width, has_order=inputs.events.has_order)
        net = _MCPTR(inputs, reader, Bridged(inputs, self.own_bridges))
        net.by_people, net.by_contrast = self.has("people"), self.has("image-text")
        net.is_pretrained = self.has("pretraining") and (net.by_people or net.by_contrast)
        return net

    def make_reader(self, width_in: int, *, has_order: bool) -> nn.Module:
        return Pooled(self.config.max_history, has_order=has_order)


class _MCPTR(FusionNet):
    by_people = by_contrast = True  # what pretraining learns by

    def __init__(self, inputs: Inputs, reader: nn.Module, bridged: Bridged) -> None:
        super().__init__()
        self.reader, self.bridged = reader, bridged
        self.items = ItemTable(inputs)
        self.attention = nn.Sequential(nn.Linear(inputs.config.width, inputs.config.width), nn.Tanh())
        self.importance_VF = nn.Parameter(torch.zeros(1 + len(inputs.blocks), inputs.config.width))
        self._present_NV = torch.stack([inputs.present[name] for name in inputs.blocks], dim=1)
        self._unknown_N = ~inputs.is_known_N
        self._histories = [torch.from_numpy(np.asarray(h)) for h in inputs.events.histories]
        self._chosen_UN = Propagation(user_item_graph(inputs.events.histories, inputs.num_items))
        self._alike_UU = Propagation(like_minded_graph(inputs.events.histories, inputs.num_items))

    def views(self) -> torch.Tensor:
        """What each modality says of an item and of those it is chosen with, (N, V, F)."""
        own = [torch.as_tensor(self.items.known_ids()), *(self.items.of_modality(name) for name in self.items.blocks)]
        own_NX = torch.cat(own, dim=1)
        return ((own_NX + self.bridged(own_NX)) / 2).unflatten(1, (len(own), -1))

    def weighed(self, views_NVF: torch.Tensor, importance_VF: torch.Tensor) -> torch.Tensor:
        """The sum of the views, (N, F), by attention; a view of zeros says nothing and gets none."""
        score_NV = (self.attention(views_NVF) * importance_VF).sum(dim=-1)
        score_NV = score_NV.masked_fill(~views_NVF.detach().any(dim=-1), -1e9)
        return (score_NV.softmax(dim=1)[..., None] * views_NVF).sum(dim=1) * views_NVF.shape[1]

    def tables(self) -> tuple[torch.Tensor, torch.Tensor]:
        items_NF = self.weighed(self.views(), self.importance_VF)
        return items_NF, items_NF

    def content_items(self) -> torch.Tensor:
        content = [self.items.of_modality(name) for name in self.items.blocks]
        return self.weighed(torch.stack(content, dim=1), self.importance_VF[1:])

    def pretraining_loss(self, batch: Batch) -> torch.Tensor:
        views_NVF = self.views()
        loss = torch.zeros(())
        if self.by_people:
            loss = loss + self._loss_by_people(self.weighed(views_NVF, self.importance_VF))
        if self.by_contrast:
            rows_C = torch.unique(batch.targets_BT[batch.is_graded_BT])
            loss = loss + _CONTRAST_WEIGHT * self._contrast(views_NVF, rows_C)
        return loss

    def _loss_by_people(self, items_NF: torch.Tensor) -> torch.Tensor:
        """Some people, known by what those chose who chose alike, shall score one of their own choices."""
        people_UF = self._alike_UU(self._chosen_UN(items_NF))
        some_P = torch.randperm(len(self._histories))[:_MAX_PEOPLE]
        some_P = some_P[people_UF.detach()[some_P].any(dim=1)]
        chosen = [self._histories[person] for person in some_P.tolist()]
        wanted_P = torch.stack([rows[torch.randint(len(rows), ())] for rows in chosen]) if chosen else some_P
        scores_PN = (people_UF[some_P] @ items_NF.T).masked_fill(self._unknown_N, -torch.inf)
        return F.cross_entropy(scores_PN, wanted_P) if chosen else torch.zeros(())

    def _contrast(self, views_NVF: torch.Tensor, rows_C: torch.Tensor) -> torch.Tensor:
        """What two modalities say of an item shall be told from what they say of others."""
        rows_C = rows_C[torch.randperm(len(rows_C))[:_MAX_CONTRASTED]]
        loss = torch.zeros(())
        for left, right in combinations(range(self._present_NV.shape[1]), 2):
            both_C = rows_C[self._present_NV[rows_C, left] & self._present_NV[rows_C, right]]
            if len(both_C) > 1:
                loss = loss + info_nce(views_NVF[both_C, 1 + left], views_NVF[both_C, 1 + right], _TEMPERATURE)
        return loss
