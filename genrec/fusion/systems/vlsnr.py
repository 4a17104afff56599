"""VLSNR: vision-linguistics coordination, time-sequence-aware (Han et al. 2022, arXiv 2210.02946).

What an item shows and says attend to each other, and what they find joins their sum, pooled by attention; a person is
read by attention over their history and a recurrence (GRU) after it, so that what lies how far back, and in which
order, counts.

The paper's towers are CLIP's; here they are those of the encode stage, and an item that events name has a free vector
beside its content. Events tell order but no dates, so time is how many events lie between: attention's scores have a
bias for it, and the recurrence lets go of what is long past. The person is what both found, added up. Where histories
are sets the recurrence is left out, as their order says nothing.

Axis legend: B histories, T history positions, N items, M modalities, F features of an item.
"""

from typing import ClassVar

import torch
from torch import nn

from genrec.config import FuseConfig
from genrec.fusion.learned import LearnedFuser
from genrec.fusion.nets import Attentive, FusionNet, Inputs, ItemTable


class VLSNR(LearnedFuser):
    """parts: coordination (modalities attend to each other, else they are added up), attention over the history, and
    recurrence. Without both of the latter a person is their latest event.
    """

    name: ClassVar[str] = "vlsnr"
    parts: ClassVar[tuple[str, ...]] = ("coordination", "attention", "recurrence")

    def make_net(self, inputs: Inputs) -> FusionNet:
        reader = self.make_reader(self.config.width, has_order=inputs.events.has_order)
        return _Net(inputs, reader, is_coordinated=self.has("coordination"))

    def make_reader(self, width_in: int, *, has_order: bool) -> nn.Module:
        return TimeAware(
            width_in,
            self.config,
            has_order=has_order,
            has_attention=self.has("attention"),
            has_recurrence=self.has("recurrence"),
        )


class _Net(FusionNet):
    def __init__(self, inputs: Inputs, reader: nn.Module, *, is_coordinated: bool) -> None:
        super().__init__()
        self.reader, self.items = reader, ItemTable(inputs)
        self.coordination = Coordination(self.items, inputs) if is_coordinated else None

    def content_items(self) -> torch.Tensor:
        if self.coordination is None:
            return torch.as_tensor(self.items.content())
        content_NF: torch.Tensor = self.coordination()
        return content_NF

    def tables(self) -> tuple[torch.Tensor, torch.Tensor]:
        items_NF = self.items.known_ids() + self.content_items()
        return items_NF, items_NF


class Coordination(nn.Module):
    """The sum of an item's modalities and of what these find in each other; what is absent is not looked at."""

    def __init__(self, items: ItemTable, inputs: Inputs, num_heads: int = 2) -> None:
        super().__init__()
        width = inputs.config.width
        self.items = items
        self.is_absent_NM = ~torch.stack([inputs.present[name] for name in items.blocks], dim=1)
        self.has_content_N1 = ~self.is_absent_NM.all(dim=1, keepdim=True)
        self.is_absent_NM = self.is_absent_NM & self.has_content_N1  # attention to nothing is no number
        self.kind_MF = nn.Parameter(torch.randn(len(items.blocks), width) * width**-0.5)
        self.attention = nn.MultiheadAttention(width, num_heads, batch_first=True)
        nn.init.zeros_(self.attention.out_proj.weight)  # begins as their sum, and learns what meeting adds to it
        self.relevance = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1, bias=False))

    def forward(self) -> torch.Tensor:
        """The items' content, (N, F), zero without any."""
        shares_NMF = torch.stack([self.items.of_modality(name) for name in self.items.blocks], dim=1)
        tokens_NMF = shares_NMF + self.kind_MF
        found_NMF, _ = self.attention(
            tokens_NMF, tokens_NMF, tokens_NMF, key_padding_mask=self.is_absent_NM, need_weights=False
        )
        relevance_NM1 = self.relevance(shares_NMF + found_NMF)
        weight_NM1 = relevance_NM1.masked_fill(self.is_absent_NM[..., None], -torch.inf).softmax(dim=1)
        return (shares_NMF.sum(dim=1) + (weight_NM1 * found_NMF).sum(dim=1)) * self.has_content_N1


class TimeAware(nn.Module):
    """Attention over a history, and a recurrence over what it found; the person is the sum of the two."""

    def __init__(
        self, width_in: int, config: FuseConfig, *, has_order: bool, has_attention: bool, has_recurrence: bool
    ) -> None:
        super().__init__()
        width = config.width
        is_recurrent = has_recurrence and (has_order or not has_attention)
        self.attend = Attentive(width_in, config, has_order=has_order, num_layers=1) if has_attention else None
        self.recur = nn.GRU(width if has_attention else width_in, width, batch_first=True) if is_recurrent else None
        self.settle = nn.Linear(width, width)

    def forward(self, x_BTI: torch.Tensor, is_real_BT: torch.Tensor) -> torch.Tensor:
        """float (B, T, F) of items, zero at padding, to people (B, T, F)."""
        state_BTF = x_BTI if self.attend is None else self.attend(x_BTI, is_real_BT)
        if self.recur is not None:
            found_BTF, _ = self.recur(state_BTF)
            state_BTF = found_BTF + (0.0 if self.attend is None else state_BTF)
        person_BTF: torch.Tensor = self.settle(state_BTF)
        return person_BTF
