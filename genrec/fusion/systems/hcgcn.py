"""HCGCN: convolution over graphs of items, from the second step on inside clusters that behavior makes.

After Mu, Zhuang, Tan, Xiao and Tang, "Learning Hybrid Behavior Patterns for Multimedia Recommendation" (ACM MM 2022):
what lies several steps away belongs to another taste as often as to the same one, so higher orders stay inside a
cluster; what modalities say of an item after convolution is to agree. Ours: clusters are found before training by
spectral co-clustering (Dhillon, KDD 2001) of who chose what, instead of learned beside the vectors, so nothing has to
keep them from collapsing; an item without events joins the cluster of the items it is most like; modalities agree by
InfoNCE; people are known by their histories.

Axis legend: N items, F features, V views (free vectors, and each modality), C items of a batch.
"""

from itertools import combinations
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from genrec.fusion.bridges import Bridged
from genrec.fusion.graphs import likeness_graph, user_item_graph
from genrec.fusion.learned import LearnedFuser
from genrec.fusion.losses import info_nce
from genrec.fusion.nets import Batch, FusionNet, Inputs, ItemTable, Pooled
from genrec.schema import IntArray

_NUM_HOPS = 3
_CONTRAST_WEIGHT, _TEMPERATURE = 0.1, 0.2
_MAX_CONTRASTED = 512  # items of a step
_SEED = 0  # of k-means, which shall not follow the seed of the training


class HCGCN(LearnedFuser):
    """Free vectors and a linear map of each modality, each spread over bridges and, further, inside clusters."""

    name: ClassVar[str] = "hcgcn"
    parts: ClassVar[tuple[str, ...]] = ("clusters", "contrast")
    own_bridges: ClassVar[tuple[str, ...]] = ("co-choice", "likeness")

    def make_net(self, inputs: Inputs) -> FusionNet:
        reader = self.make_reader(self.config.width, has_order=inputs.events.has_order)
        whole = Bridged(inputs, self.own_bridges)
        inside = Bridged(inputs, self.own_bridges, behavior_clusters(inputs)) if self.has("clusters") else whole
        return _HCGCN(inputs, reader, whole, inside, _CONTRAST_WEIGHT if self.has("contrast") else 0.0)

    def make_reader(self, width_in: int, *, has_order: bool) -> nn.Module:
        return Pooled(self.config.max_history, has_order=has_order)


class _HCGCN(FusionNet):
    def __init__(
        self, inputs: Inputs, reader: nn.Module, whole: Bridged, inside: Bridged, contrast_weight: float
    ) -> None:
        super().__init__()
        self.reader, self.whole, self.inside, self.contrast_weight = reader, whole, inside, contrast_weight
        self.items = ItemTable(inputs)
        self._present_NV = torch.stack([inputs.present[name] for name in inputs.blocks], dim=1)
        self._views_NVF = torch.zeros(0)

    def tables(self) -> tuple[torch.Tensor, torch.Tensor]:
        views = [torch.as_tensor(self.items.known_ids()), *(self.items.of_modality(name) for name in self.items.blocks)]
        layer_NX = total_NX = torch.cat(views, dim=1)
        for hop in range(_NUM_HOPS):
            layer_NX = self.inside(layer_NX) if hop else self.whole(layer_NX)
            total_NX = total_NX + layer_NX
        self._views_NVF = (total_NX / (1 + _NUM_HOPS)).unflatten(1, (len(views), -1))
        items_NF = self._views_NVF.sum(dim=1)
        return items_NF, items_NF

    def content_items(self) -> torch.Tensor:
        return torch.as_tensor(self.items.content())

    def extra_loss(self, batch: Batch, items_NF: torch.Tensor, states_EF: torch.Tensor) -> torch.Tensor | float:
        """What two modalities say of an item shall be told from what they say of others."""
        if not self.contrast_weight:
            return 0.0
        rows_C = torch.unique(batch.targets_BT[batch.is_graded_BT])
        rows_C = rows_C[torch.randperm(len(rows_C))[:_MAX_CONTRASTED]]
        loss: torch.Tensor | float = 0.0
        for left, right in combinations(range(self._present_NV.shape[1]), 2):
            both_C = rows_C[self._present_NV[rows_C, left] & self._present_NV[rows_C, right]]
            if len(both_C) > 1:
                views_CVF = self._views_NVF[both_C, 1:]
                loss = loss + info_nce(views_CVF[:, left], views_CVF[:, right], _TEMPERATURE)
        return self.contrast_weight * loss


def behavior_clusters(inputs: Inputs) -> IntArray:
    """The cluster of each item, int64 (N,), -1 for one that neither behavior nor likeness places."""
    from sklearn.cluster import KMeans  # takes a second, and only fitting needs it
    from sklearn.utils.extmath import randomized_svd

    known = np.flatnonzero(inputs.is_known_N.numpy())
    num_clusters = max(1, round(np.sqrt(len(known)) / 2))
    choices_NU = user_item_graph(inputs.events.histories, inputs.num_items)[:, known].T.tocsr()
    rank = min(num_clusters + 1, *choices_NU.shape)
    axes_NR, _, _ = randomized_svd(choices_NU, n_components=rank, n_iter=6, random_state=_SEED)
    spread_NR = axes_NR / np.maximum(np.linalg.norm(axes_NR, axis=1, keepdims=True), 1e-12)
    found = KMeans(num_clusters, n_init=4, random_state=_SEED).fit(spread_NR)
    cluster_N = np.full(inputs.num_items, -1, np.int64)
    cluster_N[known] = found.labels_
    return _placed_by_likeness(inputs, cluster_N, num_clusters)


def _placed_by_likeness(inputs: Inputs, cluster_N: IntArray, num_clusters: int) -> IntArray:
    """Items without a cluster join the one that their most alike items vote for, all modalities together."""
    votes_NK = np.zeros((len(cluster_N), num_clusters), np.float32)
    belongs_NK = np.eye(num_clusters, dtype=np.float32)[cluster_N] * (cluster_N >= 0)[:, None]
    for block in inputs.blocks.values():
        votes_NK += likeness_graph(block.numpy()) @ belongs_NK
    is_placed_N = (cluster_N < 0) & votes_NK.any(axis=1)
    return np.where(is_placed_N, votes_NK.argmax(axis=1), cluster_N)
