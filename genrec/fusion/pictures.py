"""Fusers that look at pictures themselves: the regions of items' pictures, and scores that attend to them.

Where a person looks depends on the person, so scores are no products. An item's own words teach the attention weakly:
it shall lie where the tower finds what they name, which sets the thing apart from the ground that it stands on. Scores
are computed for some people at a time, and again for the gradient, so that memory stays in bound. Knows regions and who
looks at them; deliberately knows nothing of how one system attends.

Axis legend: E people, N items, R regions, P principal axes of the tower's features, F features of an item.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from genrec.config import FuseConfig
from genrec.data.arrays import unit_rows
from genrec.encode.clip import ClipEncoder
from genrec.encode.regions import Regions, encode_regions
from genrec.fusion.learned import LearnedFuser
from genrec.fusion.nets import Batch, FusionNet, Inputs, ItemTable
from genrec.fusion.whitened import whitening
from genrec.schema import FloatArray, IntArray

_MOST_ENTRIES = 2**23  # of one tensor over people, items and regions: 32 MiB
_NUM_SAMPLED = 50_000  # regions that tell the principal axes
_UNSEEN = -1e4  # the logit of what is not there; no infinity, of which some items would have nothing else
_WORDS_WEIGHT, _NUM_TOLD = 2.0, 256  # of the loss by words, and the items of a batch that it looks at
_WORDS_TEMPERATURE = 0.02  # of cosines of regions and words, which lie close together


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How one person looks at one item's picture.

    attention: float32 (R,), sums to one; nats: float32 (R,), by how much the item's log-probability falls where a
    region is not seen; crop: as of `Regions`.
    """

    attention: FloatArray
    nats: FloatArray
    crop: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """What a scorer is made from. regions_NRP: float16, unit rows; is_seen_N: bool, the items that have a picture;
    named_NR: float, as of `Regions`, for training alone; crop: likewise, NaN for None."""

    regions_NRP: torch.Tensor
    is_seen_N: torch.Tensor
    named_NR: torch.Tensor
    crop: torch.Tensor

    @classmethod
    def blank(cls, num_items: int, num_regions: int = 0, num_axes: int = 1) -> "Pictures":
        """Pictures of which nothing is known yet, or of which there are none."""
        return cls(
            regions_NRP=torch.zeros(num_items, num_regions, num_axes, dtype=torch.float16),
            is_seen_N=torch.zeros(num_items, dtype=torch.bool),
            named_NR=torch.zeros(num_items, num_regions),
            crop=torch.tensor(torch.nan),
        )

    @classmethod
    def of(cls, found: Regions, config: FuseConfig) -> "Pictures":
        """Regions on their whitened principal axes."""
        num_items, num_regions, num_features = found.vectors.shape
        seen = np.flatnonzero(found.present)
        sampled = found.vectors[seen[:: -(-len(seen) * num_regions // _NUM_SAMPLED)]].astype(np.float32)
        mean_D, axes_DP = whitening(sampled.reshape(-1, num_features), config)
        regions_NRP = np.zeros((num_items, num_regions, axes_DP.shape[1]), np.float16)
        for row in seen.tolist():  # one at a time, as all in float32 are twice as many bytes
            regions_NRP[row] = unit_rows((found.vectors[row].astype(np.float32) - mean_D) @ axes_DP)
        return cls(
            regions_NRP=torch.from_numpy(regions_NRP),
            is_seen_N=torch.from_numpy(found.present),
            named_NR=torch.from_numpy(found.named),
            crop=torch.tensor(torch.nan if found.crop is None else found.crop),
        )


class RegionScorer(nn.Module):
    """Scores people and items, the items by the regions of their pictures, too. An item without a picture has none."""

    regions_NRP: torch.Tensor
    is_seen_N1: torch.Tensor
    crop: torch.Tensor

    def __init__(self, pictures: Pictures) -> None:
        super().__init__()
        self.register_buffer("regions_NRP", pictures.regions_NRP)
        self.register_buffer("is_seen_N1", pictures.is_seen_N[:, None])
        self.register_buffer("crop", pictures.crop)

    @abstractmethod
    def attend(
        self, people_EF: torch.Tensor, items_NF: torch.Tensor, regions_NRF: torch.Tensor, is_seen_NR: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The scores (E, N), and the attention to each region (E, N, R). regions_NRF: as `see` gives them."""

    @abstractmethod
    def see(self, regions_NRP: torch.Tensor) -> torch.Tensor:
        """What attention needs of regions, whoever looks, (N, R, F)."""

    @property
    def entries_per_pair(self) -> int:
        """The numbers that a pair of a person and an item takes."""
        return max(1, self.regions_NRP.shape[1])

    def forward(self, people_EF: torch.Tensor, items_NF: torch.Tensor) -> torch.Tensor:
        """(E, N)."""
        regions_NRF = self.see(self.regions_NRP.float())
        is_seen_NR = self.is_seen_N1.expand(regions_NRF.shape[:2])

        def score(some_EF: torch.Tensor) -> torch.Tensor:
            return self.attend(some_EF, items_NF, regions_NRF, is_seen_NR)[0]

        return in_parts(score, people_EF, self.entries_per_pair * len(items_NF))

    def attention_of(self, people_EF: torch.Tensor, items_NF: torch.Tensor, rows_E: torch.Tensor) -> torch.Tensor:
        """How each person looks at one item, (E, R)."""
        regions_ERF = self.see(self.regions_NRP[rows_E].float())
        is_seen_ER = self.is_seen_N1[rows_E].expand(regions_ERF.shape[:2])
        attention_EER = self.attend(people_EF, items_NF[rows_E], regions_ERF, is_seen_ER)[1]
        return attention_EER.diagonal().T

    def look(self, person_F: torch.Tensor, items_NF: torch.Tensor, row: int) -> Look | None:
        """How a person looks at an item; None where it has no picture."""
        num_regions = self.regions_NRP.shape[1]
        if not num_regions or not bool(self.is_seen_N1[row]):
            return None
        person_1F, rows_R = person_F[None], torch.full((num_regions,), row)
        regions_RRF = self.see(self.regions_NRP[rows_R].float())
        without_R = self.attend(person_1F, items_NF[rows_R], regions_RRF, ~torch.eye(num_regions, dtype=torch.bool))[0]
        scores_N = self(person_1F, items_NF)[0]
        others = torch.cat([scores_N[:row], scores_N[row + 1 :]]).logsumexp(dim=0)
        scores = torch.cat([scores_N[[row]], without_R[0]])
        chances = scores - torch.logaddexp(others, scores)
        return Look(
            attention=self.attention_of(person_1F, items_NF, rows_R[:1])[0].numpy(),
            nats=(chances[0] - chances[1:]).numpy(),
            crop=None if bool(self.crop.isnan()) else float(self.crop),
        )


def attention_to(logits: torch.Tensor, is_seen_NR: torch.Tensor) -> torch.Tensor:
    """Softmax over the regions that are seen, (…, N, R); zero where an item has none."""
    return logits.masked_fill(~is_seen_NR, _UNSEEN).softmax(dim=-1) * is_seen_NR


def in_parts(score: Callable[[torch.Tensor], torch.Tensor], people_EF: torch.Tensor, entries: int) -> torch.Tensor:
    """A function of people's rows, of some at a time; entries: the numbers that one takes on the way.

    Where there are several parts, each is computed again for its gradient.
    """
    parts = people_EF.split(max(1, _MOST_ENTRIES // max(1, entries)))
    if len(parts) > 1 and torch.is_grad_enabled():
        return torch.cat([checkpoint(score, part, use_reentrant=False) for part in parts])
    return torch.cat([score(part) for part in parts])


class RegionNet(FusionNet):
    """Items as free vectors and content, read and scored by different ones, and a scorer that sees regions as well."""

    scorer: RegionScorer

    def __init__(self, inputs: Inputs, reader: nn.Module, scorer: RegionScorer, named_NR: torch.Tensor | None) -> None:
        """named_NR: what words teach of attention; None: nothing."""
        super().__init__()
        self.reader, self.scorer, self.named_NR = reader, scorer, named_NR
        self.scored, self.read = ItemTable(inputs), ItemTable(inputs)

    def tables(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.scored(), self.read()

    def content_items(self) -> torch.Tensor:
        return torch.as_tensor(self.scored.content())

    def extra_loss(self, batch: Batch, items_NF: torch.Tensor, states_EF: torch.Tensor) -> torch.Tensor | float:
        """A person shall look at what they chose where its words point to."""
        if self.named_NR is None:
            return 0.0
        rows_E = batch.targets_BT[batch.is_graded_BT]
        told = self.named_NR.any(dim=1)[rows_E].nonzero()[:_NUM_TOLD, 0]
        if not len(told):
            return 0.0
        attention_ER = self.scorer.attention_of(states_EF[told], items_NF, rows_E[told])
        pointed_ER = (self.named_NR[rows_E[told]] / _WORDS_TEMPERATURE).softmax(dim=1)
        return -_WORDS_WEIGHT * (pointed_ER * attention_ER.clamp(min=1e-9).log()).sum(dim=1).mean()


class LooksAtPictures(LearnedFuser):
    """A fuser whose scorer is a `RegionScorer`, taught by words as well unless that part is left out.

    It can say where a person looks.
    """

    looks_at_pictures: ClassVar[bool] = True

    @abstractmethod
    def make_region_scorer(self, pictures: Pictures) -> RegionScorer:
        """An untrained scorer over these pictures."""

    def make_net(self, inputs: Inputs) -> FusionNet:
        found = encode_regions(inputs.events.catalog.items, ClipEncoder(self.config.tower), inputs.events.cache)
        pictures = Pictures.blank(inputs.num_items) if found is None else Pictures.of(found, self.config)
        reader = self.make_reader(self.config.width, has_order=inputs.events.has_order)
        named_NR = pictures.named_NR if self.has("words") else None
        return RegionNet(inputs, reader, self.make_region_scorer(pictures), named_NR)

    def make_scorer(self, shape: Mapping[str, int]) -> nn.Module | None:
        return self.make_region_scorer(Pictures.blank(shape["items"], shape["regions"], shape["axes"]))

    def shape_of(self, net: FusionNet) -> dict[str, int]:
        assert isinstance(net.scorer, RegionScorer)
        return dict(zip(("items", "regions", "axes"), net.scorer.regions_NRP.shape, strict=True))

    @torch.inference_mode()
    def look(self, history: IntArray, row: int) -> Look | None:
        """How the person of a history (catalog rows, oldest first) looks at an item; None where it has no picture.

        Items that joined the catalog after fitting are not known: none is looked at, and none of a history is read.
        """
        assert isinstance(self._scorer, RegionScorer)
        num_items = len(self._table_NF)
        if row >= num_items:
            return None
        return self._scorer.look(self._people([history[history < num_items]])[0], self._table_NF, row)
