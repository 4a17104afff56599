"""UVCAN (Liu et al., WWW 2019), co-attention of users and micro-videos: each is seen in the light of the other.

A person is several interests, an item is its own vector and the regions of its picture; how like they are in pairs says
which interest an item asks for, and which of its regions this person looks at. Ours: the regions of a picture in place
of the frames of a video; interests are read from histories by one query each; one step of attention both ways at once
(Lu et al., NIPS 2016) in place of a stack; the item's own words teach the attention, too, by where the image tower
finds what they name; and all is trained by the cross-entropy over all items.

Axis legend: B histories, T history positions, E people, N items, R regions, K interests, V an item's own vector and its
regions, P principal axes, F features of an item, G of a person: those of all interests.
"""

from typing import ClassVar

import torch
from torch import nn

from genrec.fusion.nets import causal_weights
from genrec.fusion.pictures import LooksAtPictures, Pictures, RegionScorer, attention_to

_NUM_INTERESTS = 3


class UVCAN(LooksAtPictures):
    """See the module. Without a side's attention all of it counts alike; without words, choices alone teach it."""

    name: ClassVar[str] = "uvcan"
    parts: ClassVar[tuple[str, ...]] = ("item-attention", "user-attention", "words")

    def make_reader(self, width_in: int, *, has_order: bool) -> nn.Module:
        return _Interests(width_in, self.config.max_history, has_order=has_order)

    def make_region_scorer(self, pictures: Pictures) -> RegionScorer:
        return _CoAttention(
            pictures, self.config.width, to_items=self.has("item-attention"), to_people=self.has("user-attention")
        )


class _Interests(nn.Module):
    """What was chosen, pooled by several queries; where order counts, weights by how far back it lies are learned."""

    def __init__(self, width: int, max_history: int, *, has_order: bool) -> None:
        super().__init__()
        self.queries = nn.Linear(width, _NUM_INTERESTS, bias=False)
        self.log_weight_T = nn.Parameter(torch.zeros(max_history), requires_grad=has_order)
        self.power = nn.Parameter(torch.zeros(()))

    def forward(self, x_BTF: torch.Tensor, is_real_BT: torch.Tensor) -> torch.Tensor:
        """float (B, T, F) of items, zero at padding, to as many people (B, T, G)."""
        weights_TT = causal_weights(self.log_weight_T, x_BTF.shape[1])
        asked_BTK = self.queries(x_BTF).clamp(-10, 10).exp() * is_real_BT[:, :, None]
        sums_BTKF = weights_TT @ (asked_BTK[..., None] * x_BTF[:, :, None]).flatten(2)
        totals_BTK1 = (weights_TT @ asked_BTK).clamp(min=1e-6)[..., None]
        read_BTKF = sums_BTKF.unflatten(2, (_NUM_INTERESTS, -1)) / totals_BTK1 ** self.power.sigmoid()
        return read_BTKF.flatten(2)


class _CoAttention(RegionScorer):
    def __init__(self, pictures: Pictures, width: int, *, to_items: bool, to_people: bool) -> None:
        super().__init__(pictures)
        self.width, self.to_items, self.to_people = width, to_items, to_people
        self.map = nn.Linear(pictures.regions_NRP.shape[2], width, bias=False)
        self.affinity = nn.Linear(width, width, bias=False)
        nn.init.eye_(self.affinity.weight)

    @property
    def entries_per_pair(self) -> int:
        return _NUM_INTERESTS * (1 + self.regions_NRP.shape[1])

    def see(self, regions_NRP: torch.Tensor) -> torch.Tensor:
        mapped_NRF: torch.Tensor = self.map(regions_NRP)
        return mapped_NRF

    def attend(
        self, people_EF: torch.Tensor, items_NF: torch.Tensor, regions_NRF: torch.Tensor, is_seen_NR: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        people_EKF = people_EF.unflatten(1, (_NUM_INTERESTS, self.width))
        items_NVF = torch.cat([items_NF[:, None], regions_NRF], dim=1)
        is_there_NV = torch.cat([torch.ones(len(items_NF), 1, dtype=torch.bool), is_seen_NR], dim=1)
        products_EKNV = torch.einsum("ekf,nvf->eknv", people_EKF, items_NVF)
        likeness_EKNV = torch.einsum("ekf,nvf->eknv", self.affinity(people_EKF), items_NVF)
        likeness_EKNV = likeness_EKNV * self.width**-0.5
        to_item_ENV = likeness_EKNV.amax(dim=1) * float(self.to_items)
        to_person_EKN = likeness_EKNV.masked_fill(~is_there_NV, -torch.inf).amax(dim=3) * float(self.to_people)
        attention_ENV = attention_to(to_item_ENV, is_there_NV)
        seen_EKN = (products_EKNV * attention_ENV[:, None]).sum(dim=3)
        scores_EN = (seen_EKN * to_person_EKN.softmax(dim=1)).sum(dim=1)
        of_regions_ENR = attention_ENV[:, :, 1:]
        return scores_EN, of_regions_ENR / of_regions_ENR.sum(dim=2, keepdim=True).clamp(min=1e-9)
