"""Lets the language model read whole items: vectors join the token that ends an item's semantic ID.

Codes are shared among items, so four tokens alone tell little of which item they name. As a vision-language model reads
a picture through a projector, the language model here reads two vectors of the sequence model: what the item is to it
(an n-gram embedding whose n-grams are semantic IDs), and its state after this item and those before, which CoLLM
(arXiv 2310.19488) gives to a language model as a user's embedding; codes that are written next get that state too.
Where a state was read, it is heard once more before the head: what the language model thinks and the state together
move its last hidden features, by a small net that starts silent.
Knows which item a run of id tokens names; items that it has no vector for, such as added ones, are read by their tokens
alone.

Axis legend: N items, C features of a vector, D features of the language model, B batch, T tokens, L levels, E items
that are read, S features of the net before the head, X tokens where a state is heard.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn
from torch.utils.hooks import RemovableHandle

from genrec.artifacts import write_file
from genrec.errors import ArtifactError
from genrec.model.lm.vocabulary import IdVocabulary
from genrec.model.sequence.files import sequence_record, sequence_weights, stored_sequence_model
from genrec.model.sequence.model import SequenceModel
from genrec.schema import IntArray

PROJECTOR_FILE = "item_reader.safetensors"
LAYOUT = 2  # of what is read and heard; models of another layout are tuned again
# Standard deviations of what is read: Adam moves all weights alike, so large inputs would drown the codes beside them.
_OF_ITEM, _OF_STATE = 0.3, 0.2
_NUM_HEARD = 512  # hidden features of the net before the head
UNREAD_SHARE = 0.1  # of the rows in training, read by their tokens alone, as other engines and new items must do


class ItemProjector(nn.Module):
    """What to add to the embeddings of tokens.

    codes_NL: int64, of the sequence model's items in its order; num_features: D; seed: of the rows left unread.
    """

    key_N: torch.Tensor
    row_N: torch.Tensor

    def __init__(
        self, sequence_model: SequenceModel, codes_NL: torch.Tensor, num_features: int, ids: IdVocabulary, seed: int = 0
    ) -> None:
        super().__init__()
        key_N = _keys(codes_NL, ids)
        order = key_N.argsort()
        self.register_buffer("key_N", key_N[order], persistent=False)
        self.register_buffer("row_N", order, persistent=False)
        # Neither of these two is to be trained with the language model, so neither is registered with torch.
        self._frozen = (sequence_model.eval(), sequence_model.item_vectors().detach())
        self._scale = _OF_ITEM / float(self._frozen[1].square().mean().sqrt().clamp(min=1e-12))
        # Not a linear layer: a LoRA on all linear layers would take it for one of the language model's.
        self.weight = nn.Parameter(torch.zeros(3 * self._frozen[1].shape[1], num_features))
        generator = torch.Generator().manual_seed(seed)
        num_read = self._frozen[1].shape[1] + num_features
        self.hearing = nn.Parameter(torch.randn(num_read, _NUM_HEARD, generator=generator) / num_read**0.5)
        self.saying = nn.Parameter(torch.zeros(_NUM_HEARD, num_features))
        self._ids = ids
        self._following: torch.Tensor | None = None
        self._last_state_BC = torch.zeros(0, self._frozen[1].shape[1])
        self._written_BT: torch.Tensor | None = None
        self._whole_BT: torch.Tensor | None = None
        self._heard: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None = None
        self._hooks: list[RemovableHandle] = []
        self._coin = torch.Generator().manual_seed(seed)

    @classmethod
    def of(
        cls, sequence_model: SequenceModel, codes_NL: IntArray, num_features: int, ids: IdVocabulary, *, seed: int = 0
    ) -> "ItemProjector":
        """codes_NL: int (N, L), of the sequence model's items, in its order."""
        device = sequence_model.is_known_N.device
        return cls(sequence_model, torch.from_numpy(codes_NL).long().to(device), num_features, ids, seed).to(device)

    @classmethod
    def load(cls, path: Path, ids: IdVocabulary, device: torch.device) -> "ItemProjector":
        """Read what `save` wrote."""
        sequence_model = stored_sequence_model(path, device)
        stored = load_file(path, device=str(device))
        reader = cls(sequence_model, stored["codes_NL"].long(), stored["weight"].shape[1], ids).to(device)
        reader.resume(path)
        return reader

    def resume(self, path: Path) -> None:
        """Take the weights, and the next coins, from what `save` wrote. Raises ArtifactError."""
        stored = load_file(path)
        if missing := self.state_dict().keys() - stored.keys():
            raise ArtifactError(
                f"{path} lacks {', '.join(sorted(missing))}: an earlier genrec wrote it; run genrec build"
            )
        self.load_state_dict({name: stored[name] for name in self.state_dict()})
        self._coin.set_state(stored["coin"])

    def save(self, path: Path) -> None:
        """Write items, the sequence model and the weights into one file."""
        sequence_model = self._frozen[0]
        codes_NL = torch.zeros(len(self.key_N), self._ids.depth, dtype=torch.int32)
        key_N = self.key_N.cpu().clone()
        for level in reversed(range(self._ids.depth)):
            codes_NL[self.row_N.cpu(), level] = (key_N % self._ids.level_sizes[level]).int()
            key_N //= self._ids.level_sizes[level]
        tensors = {"codes_NL": codes_NL, "coin": self._coin.get_state()}
        tensors |= {name: weight.cpu() for name, weight in self.state_dict().items()}
        tensors |= sequence_weights(sequence_model)
        with write_file(path) as partial:
            save_file(tensors, partial, metadata={"genrec": sequence_record(sequence_model)})

    def forward(self, tokens_BT: torch.Tensor) -> torch.Tensor | None:
        """(B, T, D), zero but where an ID ends and at codes that are written after it; None where no ID ends."""
        self._heard = None
        if (state_BC := self._following) is not None:
            has_state_B1 = state_BC.any(dim=1, keepdim=True)
            row_X, place_X = has_state_B1.expand_as(tokens_BT).nonzero(as_tuple=True)
            self._heard = row_X, place_X, state_BC[row_X]
            return (state_BC @ self.weight.chunk(3)[2])[:, None]
        num_known = 0 if self._whole_BT is None else self._whole_BT.shape[1] - tokens_BT.shape[1]
        tokens_BT = tokens_BT if self._whole_BT is None else self._whole_BT
        prompt_E, end_E, rows_E = self._ends(tokens_BT)
        sequence_model, vectors_NC = self._frozen
        self._last_state_BC = vectors_NC.new_zeros(len(tokens_BT), vectors_NC.shape[1])
        if not len(prompt_E):
            return None
        states_EC = _OF_STATE * sequence_model.states(rows_E, torch.searchsorted(prompt_E, prompt_E))
        is_last_E = end_E == tokens_BT.shape[1] - 1
        self._last_state_BC[prompt_E[is_last_E]] = states_EC[is_last_E]
        item_CD, state_CD, following_CD = self.weight.chunk(3)
        of_item_ED, of_state_ED = (vectors_NC[rows_E] * self._scale) @ item_CD, states_EC @ state_CD
        read_BTD = self.weight.new_zeros(*tokens_BT.shape, self.weight.shape[1])
        read_BTD = read_BTD.index_put((prompt_E, end_E), (of_item_ED + of_state_ED).to(read_BTD.dtype))
        if self._whole_BT is not None:
            self._heard = prompt_E[is_last_E], end_E[is_last_E] - num_known, states_EC[is_last_E]
            return read_BTD[:, num_known:]
        if self._written_BT is None:
            self._heard = prompt_E, end_E, states_EC
            return read_BTD
        following_ED = (states_EC @ following_CD).to(self.weight.dtype)
        heard = [[prompt_E], [end_E], [states_EC]]
        written_E = torch.ones_like(end_E, dtype=torch.bool)
        for step in range(1, self._ids.depth):
            place_E = (end_E + step).clamp(max=tokens_BT.shape[1] - 1)
            written_E = written_E & (place_E == end_E + step) & self._written_BT[prompt_E, place_E]
            place = (prompt_E[written_E], place_E[written_E])
            read_BTD = read_BTD.index_put(place, following_ED[written_E], accumulate=True)
            for parts, more in zip(heard, (*place, states_EC[written_E]), strict=True):
                parts.append(more)
        self._heard = torch.cat(heard[0]), torch.cat(heard[1]), torch.cat(heard[2])
        return read_BTD

    def hear(self, thought_BTD: torch.Tensor) -> torch.Tensor:
        """The language model's last hidden features, moved by the states that were read on the way in."""
        if self._heard is None:
            return thought_BTD
        row_X, place_X, states_XC = self._heard
        heard_XC = torch.cat([states_XC / _OF_STATE, thought_BTD[row_X, place_X]], dim=1)
        said_XD = F.gelu(heard_XC.to(self.hearing.dtype) @ self.hearing) @ self.saying
        return thought_BTD.index_put((row_X, place_X), said_XD.to(thought_BTD.dtype), accumulate=True)

    @property
    def last_state_BC(self) -> torch.Tensor:
        """The state after each of the prompts that were read last, float32 (B, C); zero where no item ends one."""
        return self._last_state_BC

    @contextlib.contextmanager
    def writing(self, written_BT: torch.Tensor) -> Iterator[None]:
        """Meanwhile, these tokens of the rows, bool (B, T), are codes that are written, not history."""
        self._written_BT = written_BT
        try:
            yield
        finally:
            self._written_BT = None

    @contextlib.contextmanager
    def hearing_last_alone(self, whole_BT: torch.Tensor) -> Iterator[None]:
        """Meanwhile, what is thought at the last token of each prompt is all that is asked for.

        whole_BT: the prompts from their first tokens on, of which the last are read.
        """
        self._whole_BT = whole_BT
        try:
            yield
        finally:
            self._whole_BT = None

    @contextlib.contextmanager
    def following(self, state_BC: torch.Tensor) -> Iterator[None]:
        """Meanwhile, all tokens are codes that are written after prompts with these states."""
        self._following = state_BC
        try:
            yield
        finally:
            self._following = None

    def _ends(self, tokens_BT: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Where known items end, in order: their prompts, their last tokens' places and their rows, int64 (E,) each."""
        depth = self._ids.depth
        if tokens_BT.shape[1] < depth:
            none = tokens_BT.new_zeros(0)
            return none, none, none
        codes_BTL = tokens_BT.unfold(1, depth, 1) - torch.tensor(self._ids.offsets, device=tokens_BT.device)
        sizes_L = torch.tensor(self._ids.level_sizes, device=tokens_BT.device)
        is_id_BT = ((codes_BTL >= 0) & (codes_BTL < sizes_L)).all(dim=2)
        key_BT = torch.where(is_id_BT, _keys(codes_BTL, self._ids), -1)
        place_BT = torch.searchsorted(self.key_N, key_BT).clamp(max=len(self.key_N) - 1)
        is_read_BT = self.key_N[place_BT] == key_BT
        if self.training:
            is_read_BT &= (torch.rand(len(tokens_BT), 1, generator=self._coin) >= UNREAD_SHARE).to(is_read_BT.device)
        prompt_E, start_E = is_read_BT.nonzero(as_tuple=True)
        return prompt_E, start_E + depth - 1, self.row_N[place_BT[prompt_E, start_E]]

    def attach(self, model: Any) -> None:  # Any: a transformers causal language model, maybe wrapped by peft
        """Make a model read through this from now on, and train the weights with it.

        To be done again once peft has wrapped the model: it may put embeddings of its own in the old ones' place.
        """

        def add(_: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor | None:
            read_BTD = self(inputs[0])
            return None if read_BTD is None else output + read_BTD.to(output.dtype)

        def hear(_: nn.Module, __: tuple[torch.Tensor, ...], output: Any) -> Any:  # transformers' output of a decoder
            output.last_hidden_state = self.hear(output.last_hidden_state)
            if output.hidden_states is not None:
                output.hidden_states = (*output.hidden_states[:-1], output.last_hidden_state)
            return output

        for hook in self._hooks:
            hook.remove()
        self._hooks = [
            model.get_input_embeddings().register_forward_hook(add),
            model.get_decoder().register_forward_hook(hear),
        ]
        if getattr(model, "item_reader", None) is None:
            model.add_module("item_reader", self)


def _keys(codes_XL: torch.Tensor, ids: IdVocabulary) -> torch.Tensor:
    """One number per semantic ID, its codes as digits, int64."""
    key_X = torch.zeros(codes_XL.shape[:-1], dtype=torch.int64, device=codes_XL.device)
    for level, size in enumerate(ids.level_sizes):
        key_X = key_X * size + codes_XL[..., level]
    return key_X
