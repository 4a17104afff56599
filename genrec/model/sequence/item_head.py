"""The item head: the language model scores whole items, each read as one token, under a LoRA of its own.

A foundation language model reads a history as the vectors of its items in place of words (one token an item, as in
CoVE, arXiv 2506.19993); its last hidden state is mapped back to the space of items and multiplied with all of them,
beside the codes that the model also writes (an item's vector beside its semantic ID, as in LIGER, arXiv 2411.18814, and
COBRA, arXiv 2503.02453). The space is the sequence model's, whose item vectors stay as they are: so the head learns in
few epochs, knows items without events by their content as that model does, and states of both can be averaged. What is
trained and stored is the LoRA and two maps.

Axis legend: B batch, T history positions, N items, D features of items.
"""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from genrec.artifacts import write_file
from genrec.config import Config, SequenceConfig
from genrec.errors import ArtifactError
from genrec.model.causal_lm import load_causal_lm
from genrec.model.sequence.files import find_sequence_model
from genrec.model.sequence.layers import Dropout
from genrec.model.sequence.model import SequenceModel
from genrec.runtime import quietly
from genrec.schema import Embeddings, IntArray

ITEM_HEAD_FILE = "item_head.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backbone:
    """The foundation of an item head, and the size of the LoRA upon it. name: a hub name, a folder or a shipped one."""

    name: str
    dtype: str = "float32"
    four_bit: bool = False
    rank: int = 32
    alpha: int = 64

    @classmethod
    def of(cls, config: Config) -> "Backbone":
        """The foundation that is tuned to write IDs, too."""
        tune, head = config.tune, config.item_head
        four_bit = tune.method == "qlora"
        return cls(name=tune.base, dtype=tune.dtype, four_bit=four_bit, rank=head.rank, alpha=head.alpha)

    def load(self, device: torch.device) -> Any:  # Any: a transformers decoder that peft has wrapped
        """The decoder with a fresh LoRA on all its linear layers, and without words, of which none are read."""
        with quietly():  # its own libraries say on import what they lack
            from peft import LoraConfig, get_peft_model
        model = load_causal_lm(self.name, dtype=self.dtype, four_bit=self.four_bit, device=device)
        decoder = model.get_decoder()
        decoder.set_input_embeddings(nn.Identity())
        lora = LoraConfig(r=self.rank, lora_alpha=self.alpha, target_modules="all-linear")
        with quietly():
            return get_peft_model(decoder, lora)


class ItemHead(SequenceModel):
    """A sequence model over the items of another, whose layers are those of a language model.

    config: the other's, with what is different in training.
    """

    def __init__(self, items: SequenceModel, config: SequenceConfig, backbone: Backbone) -> None:
        nn.Module.__init__(self)
        self._others = (items,)  # neither trained nor stored with the head, so not registered with torch
        self.config, self.backbone = config, backbone
        vectors_ND = items.item_vectors()
        self.decoder = backbone.load(vectors_ND.device)
        width, num_hidden = vectors_ND.shape[1], self.decoder.config.get_text_config().hidden_size
        self.norm, self.dropout = nn.LayerNorm(width), Dropout(config.dropout)
        self.into, self.out = nn.Linear(width, num_hidden), nn.Linear(num_hidden, width)
        self.state_norm, self.state_dropout = nn.LayerNorm(width), Dropout(config.dropout)
        nn.init.normal_(self.into.weight, std=0.02)
        nn.init.normal_(self.out.weight, std=num_hidden**-0.5)
        for layer in (self.into, self.out):
            nn.init.zeros_(layer.bias)
        self.to(vectors_ND.device)
        self.register_state_dict_post_hook(_leave_foundation_out)
        self.register_load_state_dict_post_hook(_expect_no_foundation)

    @property
    def _items(self) -> SequenceModel:
        return self._others[0]

    @property
    def num_items(self) -> int:  # type: ignore[override]  # of the other model, not its own
        return self._items.num_items

    @property
    def is_known_N(self) -> torch.Tensor:  # type: ignore[override]
        return self._items.is_known_N

    @property
    def content_map(self) -> nn.Linear | None:  # type: ignore[override]
        return self._items.content_map

    def item_vectors(self) -> torch.Tensor:
        """The items' vectors, float32 (N, D): the sequence model's, which the head does not change."""
        return self._items.item_vectors().detach()

    def fold_content(self) -> None:
        """Nothing to do: the items have their content."""

    def without(self, rows_M: IntArray, content_MC: torch.Tensor) -> "ItemHead":
        """The head over items of which these are known by their content alone."""
        return self.over(self._items.without(rows_M, content_MC))

    def over(self, items: SequenceModel) -> "ItemHead":
        """The same head over other items of the same space."""
        other = type(self).__new__(type(self))
        other.__dict__ |= self.__dict__ | {"_others": (items,)}
        return other

    def encode(
        self, rows_BT: torch.Tensor, item_vectors_ND: torch.Tensor, *, last_B: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The state after each item, float32 (B, T, D), or (B, D) of the places last_B alone; rows_BT: padded by N."""
        padded_ND = torch.cat([item_vectors_ND, item_vectors_ND.new_zeros(1, item_vectors_ND.shape[1])])
        x_BTD = self.into(self.dropout(self.norm(F.embedding(rows_BT, padded_ND).float())))
        dtype = getattr(torch, self.backbone.dtype)
        hidden = self.decoder(inputs_embeds=x_BTD.to(dtype), use_cache=False).last_hidden_state
        if last_B is not None:
            hidden = hidden[torch.arange(len(last_B), device=last_B.device), last_B]
        states: torch.Tensor = self.state_norm(self.out(self.state_dropout(hidden.float())))
        return states

    def fold(self) -> "ItemHead":
        """Merge the LoRA into the weights, which answers the same in less time; only where they are in float32."""
        if self.backbone.dtype == "float32" and not self.backbone.four_bit:
            self.decoder.merge_adapter()
        return self

    def save(self, path: Path) -> None:
        """Write what was trained, and of which foundation."""
        record = json.dumps({"backbone": asdict(self.backbone)})
        weights = {name: weight.detach().cpu().contiguous() for name, weight in self.state_dict().items()}
        with write_file(path) as partial:
            save_file(weights, partial, metadata={"genrec": record})

    @classmethod
    def load(cls, path: Path, items: SequenceModel) -> "ItemHead":
        """Read what `save` wrote, over the items it was trained on and those admitted since. Raises ArtifactError."""
        try:
            with safe_open(path, framework="pt") as stored:
                backbone = Backbone(**json.loads(stored.metadata()["genrec"])["backbone"])
            head = cls(items, items.config, backbone)
            head.load_state_dict(load_file(path))
        except (KeyError, TypeError, RuntimeError, ValueError) as error:  # as torch and safetensors raise them
            reason = " ".join(str(error).split())[:200]
            raise ArtifactError(f"{path} is no item head of this model ({reason}); run genrec build") from error
        return head.to(items.is_known_N.device).eval().fold()

    def __deepcopy__(self, memo: dict[int, Any]) -> "ItemHead":
        """A copy that shares the items and the foundation's weights, which nobody changes."""
        memo |= {id(weight): weight for weight in self.decoder.parameters() if not weight.requires_grad}
        memo[id(self._others)] = self._others
        other = type(self).__new__(type(self))
        memo[id(self)] = other
        for name, value in self.__dict__.items():
            other.__dict__[name] = deepcopy(value, memo)
        return other


class HeadedModel(SequenceModel):
    """A sequence model and an item head over its items as one, their states averaged: a log-linear pool of both.

    share: of the head, 0 to 1.
    """

    def __init__(self, items: SequenceModel, head: ItemHead, share: float) -> None:
        nn.Module.__init__(self)
        self.items_of, self.head, self.share = items, head, share
        self.config = items.config

    @property
    def num_items(self) -> int:  # type: ignore[override]  # of the members, not its own
        return self.items_of.num_items

    @property
    def is_known_N(self) -> torch.Tensor:  # type: ignore[override]
        return self.items_of.is_known_N

    @property
    def content_map(self) -> nn.Linear | None:  # type: ignore[override]
        return self.items_of.content_map

    def item_vectors(self) -> torch.Tensor:
        """The vectors that both know items by, float32 (N, D)."""
        return self.items_of.item_vectors()

    def without(self, rows_M: IntArray, content_MC: torch.Tensor) -> "HeadedModel":
        """The same, knowing these items by their content alone."""
        items = self.items_of.without(rows_M, content_MC)
        return HeadedModel(items, self.head.over(items), self.share)

    def encode(
        self, rows_BT: torch.Tensor, item_vectors_ND: torch.Tensor, *, last_B: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The mean of both states, the head's counting `share`; as in both."""
        states = self.items_of.encode(rows_BT, item_vectors_ND, last_B=last_B)
        if not self.share:
            return states
        return torch.lerp(states, self.head.encode(rows_BT, item_vectors_ND, last_B=last_B), self.share)


def find_headed_model(
    root: Path, device: torch.device, embeddings: Mapping[str, Embeddings] | None = None
) -> SequenceModel | None:
    """The sequence model of a built workspace with its item head, the latter without a share yet; without it, as it is.

    None where the workspace does without a sequence model; embeddings: as for `find_sequence_model`.
    """
    items = find_sequence_model(root / "sequence", device, embeddings)
    path = root / "item_head" / ITEM_HEAD_FILE
    if items is None or not path.is_file():
        return items
    return HeadedModel(items, ItemHead.load(path, items), 0.0).eval()


def item_head_settings(items: SequenceModel, config: Config) -> SequenceConfig:
    """How the head over these items is trained."""
    head = config.item_head
    return replace(
        items.config,
        epochs=head.epochs,
        patience=head.patience,
        batch_size=head.batch_size,
        max_samples=head.max_samples,
        learning_rate=head.learning_rate,
    )


def head_of(model: SequenceModel) -> ItemHead | None:
    """The item head of a model, None where there is none."""
    return model.head if isinstance(model, HeadedModel) else None


def without_head(model: SequenceModel) -> SequenceModel:
    """The model without its item head."""
    return model.items_of if isinstance(model, HeadedModel) else model


def with_head_share(model: SequenceModel, share: float) -> SequenceModel:
    """The model with a share of its item head in the scores, 0 to 1; itself where it has none."""
    return HeadedModel(model.items_of, model.head, share) if isinstance(model, HeadedModel) else model


def _leave_foundation_out(head: nn.Module, weights: dict[str, Any], prefix: str, _: Mapping[str, Any]) -> None:
    for name in [name for name in weights if name.startswith(prefix) and _is_of_foundation(name)]:
        del weights[name]


def _expect_no_foundation(_: nn.Module, keys: Any) -> None:  # Any: torch's missing and unexpected names
    keys.missing_keys[:] = [name for name in keys.missing_keys if not _is_of_foundation(name)]


def _is_of_foundation(name: str) -> bool:
    return "decoder." in name and "lora_" not in name
