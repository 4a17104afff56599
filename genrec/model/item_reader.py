"""Lets the language model read whole items: a vector joins the token that ends an item's semantic ID.

Codes are shared among items, so four tokens alone tell little of which item they name. As a vision-language model reads
a picture through a projector, the language model here reads the vector that the sequence model has for the item (an
n-gram embedding whose n-grams are semantic IDs). Knows which item a run of id tokens names; items it has no vector for,
such as added ones, are read by their tokens alone.

Axis legend: N items, C features of a vector, D features of the language model, B batch, T tokens, L levels.
"""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from genrec.artifacts import write_file
from genrec.model.vocabulary import IdVocabulary
from genrec.schema import FloatArray, IntArray

READER_FILE = "item_reader.safetensors"
UNREAD_SHARE = 0.1  # of the rows in training, read by their tokens alone, as other engines and new items must do


class ItemReader(nn.Module):
    """What to add to the embeddings of tokens. key_N: int64, ascending, one per item; vectors_NC: float32."""

    key_N: torch.Tensor
    vectors_NC: torch.Tensor

    def __init__(self, key_N: torch.Tensor, vectors_NC: torch.Tensor, num_features: int, ids: IdVocabulary) -> None:
        super().__init__()
        self.register_buffer("key_N", key_N, persistent=False)
        self.register_buffer("vectors_NC", vectors_NC, persistent=False)
        # Not a linear layer: a LoRA on all linear layers would take it for one of the language model's.
        self.weight = nn.Parameter(torch.zeros(vectors_NC.shape[1], num_features))
        self._ids = ids

    @classmethod
    def of(cls, codes_NL: IntArray, vectors_NC: FloatArray, num_features: int, ids: IdVocabulary) -> "ItemReader":
        """codes_NL: int (N, L), of all items that have a vector; vectors_NC: float32 (N, C), any scale."""
        vectors = torch.from_numpy(vectors_NC).float()
        key_N = _keys(torch.from_numpy(codes_NL).long(), ids)
        order = key_N.argsort()
        return cls(key_N[order], (vectors / vectors.square().mean().sqrt().clamp(min=1e-12))[order], num_features, ids)

    @classmethod
    def load(cls, path: Path, ids: IdVocabulary) -> "ItemReader":
        """Read what `save` wrote."""
        stored = load_file(path)
        reader = cls(stored["key_N"], stored["vectors_NC"], stored["weight"].shape[1], ids)
        reader.load_state_dict({"weight": stored["weight"]})
        return reader

    def save(self, path: Path) -> None:
        """Write items, vectors and weight into one file."""
        tensors = {"key_N": self.key_N, "vectors_NC": self.vectors_NC, "weight": self.weight.detach()}
        with write_file(path) as partial:
            save_file({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, partial)

    def forward(self, tokens_BT: torch.Tensor) -> torch.Tensor | None:
        """(B, T, D), zero but where an ID ends; None where none can."""
        depth = self._ids.depth
        if tokens_BT.shape[1] < depth:
            return None
        codes_BTL = tokens_BT.unfold(1, depth, 1) - torch.tensor(self._ids.offsets, device=tokens_BT.device)
        sizes_L = torch.tensor(self._ids.level_sizes, device=tokens_BT.device)
        is_id_BT = ((codes_BTL >= 0) & (codes_BTL < sizes_L)).all(dim=2)
        key_BT = torch.where(is_id_BT, _keys(codes_BTL, self._ids), -1)
        place_BT = torch.searchsorted(self.key_N, key_BT).clamp(max=len(self.key_N) - 1)
        is_known_BT = self.key_N[place_BT] == key_BT
        if self.training:
            is_known_BT &= torch.rand(len(tokens_BT), 1, device=tokens_BT.device) >= UNREAD_SHARE
        read_BTD = (self.vectors_NC[place_BT] * is_known_BT[..., None]) @ self.weight
        return nn.functional.pad(read_BTD, (0, 0, depth - 1, 0))

    def attach(self, model: Any) -> None:  # Any: a transformers causal language model, maybe wrapped by peft
        """Make a model read through this from now on, and train the weight with it."""

        def add(_: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor | None:
            read_BTD = self(inputs[0])
            return None if read_BTD is None else output + read_BTD.to(output.dtype)

        model.get_input_embeddings().register_forward_hook(add)
        model.add_module("item_reader", self)


def _keys(codes_XL: torch.Tensor, ids: IdVocabulary) -> torch.Tensor:
    """One number per semantic ID, its codes as digits, int64."""
    key_X = torch.zeros(codes_XL.shape[:-1], dtype=torch.int64, device=codes_XL.device)
    for level, size in enumerate(ids.level_sizes):
        key_X = key_X * size + codes_XL[..., level]
    return key_X
