"""What learned fusers are made of: a net that gives items their vectors, and a reader that makes people of histories.

Axis legend: B histories, T history positions, S events looked at, E graded events, N items, P principal axes of a
modality, I features as which a history's items are read, F features of an item, M modalities, H heads of
attention, D features of a head.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from genrec.config import FuseConfig
from genrec.errors import ConfigError
from genrec.fusion.events import Events
from genrec.runtime import computes_bfloat16


@dataclass(frozen=True)
class Inputs:
    """What a net is made from. Items are rows of the catalog.

    blocks: float32 (N, P) per modality, whitened unit rows, zero where absent; present: bool (N,) per modality;
    is_known_N: bool, the items that training events name.
    """

    blocks: Mapping[str, torch.Tensor]
    present: Mapping[str, torch.Tensor]
    is_known_N: torch.Tensor
    events: Events
    config: FuseConfig

    @property
    def num_items(self) -> int:
        """N."""
        return len(self.is_known_N)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Histories in training, int64 (B, T), padded on the right by N; what follows each place; which are graded."""

    rows_BT: torch.Tensor
    targets_BT: torch.Tensor
    is_graded_BT: torch.Tensor


class FusionNet(nn.Module):
    """Trained by `training`: items that follow a history shall score high by the reader's state after it."""

    reader: nn.Module  # (B, T, I) and bool (B, T) to (B, T, F): the person after each event, none looking ahead
    scorer: nn.Module | None  # (E, F) and (N, F) to (E, N); None: the product
    reads_content = True  # False: an item's vector comes of events alone
    is_pretrained = False  # True: by its `pretraining_loss`, before items are ranked

    def __init__(self) -> None:
        super().__init__()
        self.scorer = None  # an attribute of the class would hide a module that is set later

    def tables(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The items' vectors (N, F), and as what a history's items are read (N, I); often the same."""
        raise NotImplementedError

    def content_items(self) -> torch.Tensor:
        """The items' vectors (N, F) as they were if no event named any; what new items are known by."""
        return self.tables()[0]

    def pretraining_loss(self, batch: Batch) -> torch.Tensor:
        """What a pretrained net learns by, before it is trained."""
        raise NotImplementedError

    def extra_loss(self, batch: Batch, items_NF: torch.Tensor, states_EF: torch.Tensor) -> torch.Tensor | float:
        """What else is to be small, besides the cross-entropy of what followed. states_EF: of the graded places."""
        return 0.0

    def loss(
        self, states_EF: torch.Tensor, items_NF: torch.Tensor, targets_E: torch.Tensor, unknown_N: torch.Tensor
    ) -> torch.Tensor:
        """The cross-entropy of what followed, over the items that training events name: none is taught to be unwanted.

        targets_E: rows that followed; unknown_N: bool, the items that no training event names.
        """
        with torch.autocast("cpu", torch.bfloat16, enabled=computes_bfloat16(torch.device("cpu"))):
            scores_EN = self.score(states_EF, items_NF)
        return F.cross_entropy(scores_EN.float().masked_fill(unknown_N, -torch.inf), targets_E)

    def score(self, states_EF: torch.Tensor, items_NF: torch.Tensor) -> torch.Tensor:
        """How well items suit people, (E, N)."""
        if self.scorer is None:
            return states_EF @ items_NF.T
        scores_EN: torch.Tensor = self.scorer(states_EF, items_NF)
        return scores_EN


class ItemTable(nn.Module):
    """An item is a free vector plus a linear map of each modality; without events it is its content alone.

    In training some items are shown by their content alone, after DropoutNet (Volkovs et al., NIPS 2017).
    with_ids, with_content: whether there are free vectors, and maps.
    """

    def __init__(self, inputs: Inputs, width: int | None = None, *, with_ids: bool = True, with_content: bool = True):
        super().__init__()
        width = width or inputs.config.width
        self.blocks = inputs.blocks if with_content else {}
        self.is_known_N1 = inputs.is_known_N[:, None]
        self.content_alone_share = inputs.config.content_alone_share if with_content else 0.0
        self.ids = nn.Parameter(torch.randn(inputs.num_items, width) * width**-0.5) if with_ids else None
        self.maps = nn.ModuleDict({name: nn.Linear(b.shape[1], width, bias=False) for name, b in self.blocks.items()})
        self.dropout = nn.Dropout(inputs.config.dropout)

    def of_modality(self, name: str) -> torch.Tensor:
        """The share of one modality, (N, F), zero where an item lacks it."""
        mapped_NF: torch.Tensor = self.maps[name](self.blocks[name])
        return mapped_NF

    def content(self) -> torch.Tensor | float:
        """The sum of all modalities' shares, (N, F); 0 without any."""
        return sum((self.of_modality(name) for name in self.blocks), start=0.0)

    def known_ids(self) -> torch.Tensor | float:
        """The free vectors, (N, F), zero for items that no event names, and in training for some others; 0 without."""
        return 0.0 if self.ids is None else self.dropout(self.ids) * self.shown()

    def shown(self) -> torch.Tensor:
        """Which items have what events tell of them, bool (N, 1): those that any names; in training some do without."""
        if not (self.training and self.content_alone_share):
            return self.is_known_N1
        return self.is_known_N1 & (torch.rand(self.is_known_N1.shape) >= self.content_alone_share)

    def free_ids(self) -> torch.Tensor:
        """The free vectors of all items that events name, (N, F), for what takes them to other items."""
        assert self.ids is not None
        found_NF: torch.Tensor = self.dropout(self.ids) * self.is_known_N1
        return found_NF

    def forward(self) -> torch.Tensor:
        """The items, (N, F)."""
        return torch.as_tensor(self.known_ids() + self.content())


class Pooled(nn.Module):
    """A person is the weighted sum of what they chose; where order counts, weights by how far back it lies are learned.

    The sum is divided by a learned power of the weights' sum, between sum and mean.
    """

    def __init__(self, max_history: int, *, has_order: bool) -> None:
        super().__init__()
        self.log_weight_T = nn.Parameter(torch.zeros(max_history), requires_grad=has_order)
        self.power = nn.Parameter(torch.zeros(()))

    def forward(self, x_BTI: torch.Tensor, is_real_BT: torch.Tensor) -> torch.Tensor:
        """float (B, T, I) of items, zero at padding, to as many people."""
        weights_TT = causal_weights(self.log_weight_T, x_BTI.shape[1])
        return weights_TT @ x_BTI / weights_TT.sum(dim=1, keepdim=True) ** self.power.sigmoid()


class Attentive(nn.Module):
    """Causal self-attention over a history, with a learned bias for how far back an item lies, where order counts."""

    def __init__(
        self,
        width_in: int,
        config: FuseConfig,
        *,
        has_order: bool,
        num_layers: int = 2,
        num_heads: int = 2,
        feed_forward: int | None = None,
    ) -> None:
        super().__init__()
        width = config.width
        self.take_in = nn.Linear(width_in, width) if width_in != width else nn.Identity()
        self.layers = nn.ModuleList([AttentionLayer(config, num_heads, feed_forward) for _ in range(num_layers)])
        self.bias_T = nn.Parameter(torch.zeros(config.max_history), requires_grad=has_order)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x_BTI: torch.Tensor, is_real_BT: torch.Tensor) -> torch.Tensor:
        """float (B, T, I) of items, zero at padding, to people (B, T, F)."""
        states_BTF: torch.Tensor = self.dropout(self.norm(self.take_in(x_BTI)))
        bias_TT = causal_bias(self.bias_T, x_BTI.shape[1])
        for layer in self.layers:
            states_BTF = layer(states_BTF, states_BTF, states_BTF, states_BTF, bias_TT)
        return states_BTF


def causal_weights(log_weight_T: torch.Tensor, length: int) -> torch.Tensor:
    """How much each earlier event counts at each, (T, T): by the weight of each distance back, 0 ahead."""
    lag_TT = torch.arange(length)[:, None] - torch.arange(length)
    return log_weight_T[lag_TT.clamp(min=0)].exp() * (lag_TT >= 0)


def causal_bias(bias_T: torch.Tensor, length: int) -> torch.Tensor:
    """What is added to attention's scores, (T, T): the bias of each distance back, -inf ahead."""
    lag_TT = torch.arange(length)[:, None] - torch.arange(length)
    return bias_T[lag_TT.clamp(min=0)].masked_fill(lag_TT < 0, -torch.inf)


class AttentionLayer(nn.Module):
    """One layer of attention whose query, key and value may each be something else; what it adds to is given.

    Without torch's own layers: where no gradient is wanted those take a bias of scores for a mask, and see nothing.
    """

    def __init__(self, config: FuseConfig, num_heads: int = 2, feed_forward: int | None = None) -> None:
        super().__init__()
        width, wide = config.width, feed_forward or 4 * config.width
        if width % num_heads:
            raise ConfigError(f"fuse.width = {width}; attention wants a multiple of its {num_heads} heads")
        self.num_heads, self.dropped_share = num_heads, config.dropout
        self.query, self.key, self.value, self.found = (nn.Linear(width, width) for _ in range(4))
        self.widen, self.narrow = nn.Linear(width, wide), nn.Linear(wide, width)
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        x_BTF: torch.Tensor,
        query_BTF: torch.Tensor,
        key_BSF: torch.Tensor,
        value_BSF: torch.Tensor,
        bias_TS: torch.Tensor,
    ) -> torch.Tensor:
        """x and what its queries find among the S keys' values, (B, T, F). bias_TS: added to attention's scores."""
        found_BHTD = nn.functional.scaled_dot_product_attention(
            self._by_head(self.query(query_BTF)),
            self._by_head(self.key(key_BSF)),
            self._by_head(self.value(value_BSF)),
            attn_mask=bias_TS,
            dropout_p=self.dropped_share if self.training else 0.0,
        )
        x_BTF = self.norms[0](x_BTF + self.dropout(self.found(found_BHTD.transpose(1, 2).flatten(2))))
        wide_BTF = self.dropout(nn.functional.gelu(self.widen(x_BTF)))
        state_BTF: torch.Tensor = self.norms[1](x_BTF + self.dropout(self.narrow(wide_BTF)))
        return state_BTF

    def _by_head(self, x_BTF: torch.Tensor) -> torch.Tensor:
        return x_BTF.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
