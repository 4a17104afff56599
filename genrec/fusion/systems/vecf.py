"""VECF (Chen et al., SIGIR 2019): fashion recommended with visual explanations, by whose eyes a picture is seen.

A person attends to the regions of an item's picture, and the item is scored by what they see there. Reviews teach the
attention in the paper, as they are generated word by word; here the item's own words do, by where the image tower finds
what they name. Ours: people are known by their histories, an item is its free vector and its content beside what is
seen, attention is a product, and all is trained by the cross-entropy over all items.

Axis legend: E people, N items, R regions, P principal axes, F features of an item.
"""

from typing import ClassVar

import torch
from torch import nn

from genrec.fusion.nets import Pooled
from genrec.fusion.pictures import LooksAtPictures, Pictures, RegionScorer, attention_to


class VECF(LooksAtPictures):
    """See the module. Without attention all regions count alike; without words, choices alone teach it."""

    name: ClassVar[str] = "vecf"
    parts: ClassVar[tuple[str, ...]] = ("attention", "words")

    def make_reader(self, width_in: int, *, has_order: bool) -> nn.Module:
        return Pooled(self.config.max_history, has_order=has_order)

    def make_region_scorer(self, pictures: Pictures) -> RegionScorer:
        return _Eyes(pictures, self.config.width, attends=self.has("attention"))


class _Eyes(RegionScorer):
    """The product of person and item, and that of the person with what they see of the picture."""

    def __init__(self, pictures: Pictures, width: int, *, attends: bool) -> None:
        super().__init__(pictures)
        self.width, self.attends = width, attends
        self.maps = nn.Linear(pictures.regions_NRP.shape[2], 2 * width, bias=False)  # to find it by, and what is seen
        self.seek = nn.Linear(width, width)

    def see(self, regions_NRP: torch.Tensor) -> torch.Tensor:
        mapped_NRF: torch.Tensor = self.maps(regions_NRP)
        return mapped_NRF

    def attend(
        self, people_EF: torch.Tensor, items_NF: torch.Tensor, regions_NRF: torch.Tensor, is_seen_NR: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        keys_NRF, seen_NRF = regions_NRF.split(self.width, dim=2)
        logits_ENR = torch.einsum("ef,nrf->enr", self.seek(people_EF) * float(self.attends), keys_NRF)
        attention_ENR = attention_to(logits_ENR, is_seen_NR)
        values_ENR = torch.einsum("ef,nrf->enr", people_EF, seen_NRF)
        return people_EF @ items_NF.T + (attention_ENR * values_ENR).sum(dim=2), attention_ENR
