"""MMGRec: items from content and collaboration over the graph of choices, histories read by their relations.

After Liu, Wei, Song, Guan, Li and Nie, "MMGRec: Multimodal Generative Recommendation with Transformer Model" (arXiv
2404.16555). This is what it makes of items and of histories; its semantic IDs are `tokenize.quantizer=graph-rq-vae`
over these vectors, its popularity token `tokenize.tie_order=popularity`, and what generates them is the language model.
In attention a second relation of each two items stands beside the common one, weighed by the person. Ours: vectors are
learned with the ranking, not before; a person is the mean of their history so far, since people have no vectors of
their own; where order counts a bias says how far back an item lies.

Axis legend: B histories, T history positions, N items, F features, H heads, D features of a head.
"""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from genrec.config import FuseConfig
from genrec.fusion.bridges import Bridged
from genrec.fusion.learned import LearnedFuser
from genrec.fusion.nets import FusionNet, Inputs, ItemTable, causal_bias

_NUM_HOPS, _NUM_LAYERS, _NUM_HEADS = 2, 2, 2


class MMGRec(LearnedFuser):
    """Free vectors and a linear map of each modality, spread over people and items; relation-aware attention."""

    name: ClassVar[str] = "mmgrec"
    parts: ClassVar[tuple[str, ...]] = ("graph", "relations")
    own_bridges: ClassVar[tuple[str, ...]] = ("user-item",)

    def make_net(self, inputs: Inputs) -> FusionNet:
        reader = self.make_reader(self.config.width, has_order=inputs.events.has_order)
        return _MMGRec(inputs, reader, Bridged(inputs, self.own_bridges) if self.has("graph") else None)

    def make_reader(self, width_in: int, *, has_order: bool) -> nn.Module:
        return RelationAware(self.config, has_order=has_order, with_relations=self.has("relations"))


class _MMGRec(FusionNet):
    def __init__(self, inputs: Inputs, reader: nn.Module, bridged: Bridged | None) -> None:
        super().__init__()
        self.reader, self.bridged = reader, bridged
        self.items = ItemTable(inputs)

    def tables(self) -> tuple[torch.Tensor, torch.Tensor]:
        items_NF = self.items()  # steps are linear, so the sum of modalities is spread as each of them would be
        if self.bridged is not None:
            items_NF = self.bridged.mean_over_hops(items_NF, _NUM_HOPS)
        return items_NF, items_NF

    def content_items(self) -> torch.Tensor:
        return torch.as_tensor(self.items.content())


class RelationAware(nn.Module):
    """Causal self-attention over a history in which the person says how much a second relation of its items counts."""

    def __init__(self, config: FuseConfig, *, has_order: bool, with_relations: bool = True) -> None:
        super().__init__()
        self.layers = nn.ModuleList([_Layer(config, with_relations=with_relations) for _ in range(_NUM_LAYERS)])
        self.bias_T = nn.Parameter(torch.zeros(config.max_history), requires_grad=has_order)
        self.norm = nn.LayerNorm(config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x_BTF: torch.Tensor, is_real_BT: torch.Tensor) -> torch.Tensor:
        """float (B, T, F) of items, zero at padding, to people (B, T, F)."""
        length = x_BTF.shape[1]
        x_BTF = self.dropout(self.norm(x_BTF))
        person_BTF = x_BTF.cumsum(dim=1) / torch.arange(1, length + 1)[:, None]
        bias_TT = causal_bias(self.bias_T, length)
        for layer in self.layers:
            x_BTF = layer(x_BTF, person_BTF, bias_TT)
        return x_BTF


class _Layer(nn.Module):
    """query and key of the relation are shared by all heads, as in the paper."""

    def __init__(self, config: FuseConfig, *, with_relations: bool) -> None:
        super().__init__()
        width, self.width_D = config.width, config.width // _NUM_HEADS
        self.item = nn.Linear(width, 3 * width)
        self.relation = nn.Linear(width, 3 * self.width_D, bias=False) if with_relations else None
        self.strength = nn.Linear(width, 1)
        self.out = nn.Linear(width, width)
        self.wider = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x_BTF: torch.Tensor, person_BTF: torch.Tensor, bias_TT: torch.Tensor) -> torch.Tensor:
        query, key, value = (_heads(part) for part in self.item(x_BTF).chunk(3, dim=-1))  # (B, H, T, D) each
        scale = self.width_D**-0.5
        if self.relation is None:
            found_BHTD = F.scaled_dot_product_attention(query, key, value, attn_mask=bias_TT, scale=scale)
        else:
            strength_B1T1 = self.strength(person_BTF)[:, None]
            to, of, brought = (part[:, None].expand_as(query) for part in self.relation(x_BTF).chunk(3, dim=-1))
            both = F.scaled_dot_product_attention(
                torch.cat([query, strength_B1T1 * to], dim=-1),
                torch.cat([key, of], dim=-1),
                torch.cat([value, brought], dim=-1),
                attn_mask=bias_TT,
                scale=scale,
            )
            found_BHTD = both[..., : self.width_D] + strength_B1T1 * both[..., self.width_D :]
        found_BTF = self.out(found_BHTD.transpose(1, 2).flatten(2))
        x_BTF = self.norms[0](x_BTF + self.dropout(found_BTF))
        state_BTF: torch.Tensor = self.norms[1](x_BTF + self.dropout(self.wider(x_BTF)))
        return state_BTF


def _heads(x_BTF: torch.Tensor) -> torch.Tensor:
    return x_BTF.unflatten(-1, (_NUM_HEADS, -1)).transpose(1, 2)
