"""The projector through which the language model reads whole items: vectors are added to tokens of semantic IDs.

Codes are shared among items, so four tokens alone tell little of which item they name. As a vision-language model reads
a picture through a projector, the language model here reads two vectors of the sequence model where an ID ends: the
item's own (an n-gram embedding whose n-grams are semantic IDs), and the state after this item and those before, which
CoLLM (arXiv 2310.19488) gives to a language model as a user's embedding; codes that are decoded next get that state
too. Where a state was added, it is fused once more before the head (late fusion): a small net, zero at first, moves the
last hidden state by itself and the sequence model's state.
Knows which item a run of id tokens names; items that it has no vector for, such as added ones, are read by their tokens
alone.

Axis legend: N items, C features of a vector, D features of the language model, B batch, T tokens, L levels, E items
that are read, S features of the net before the head, X tokens where a state is fused.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
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
LAYOUT = 2  # of the weights; models of another layout are tuned again
# Standard deviations of the inputs: Adam moves all weights alike, so large inputs would drown the codes beside them.
_ITEM_SCALE, _STATE_SCALE = 0.3, 0.2
_NUM_HIDDEN = 512  # features of the net before the head
DROP_SHARE = 0.1  # of the rows in training, read by their tokens alone, as other engines and new items must be
_MODULE = "item_reader"  # the projector's name within the language model, and so in its checkpoints


@dataclass(frozen=True, slots=True)
class _Mode:
    """What is known of the tokens beside themselves: see the projector's context managers."""

    is_target_BT: torch.Tensor | None = None
    whole_BT: torch.Tensor | None = None
    prompt_state_BC: torch.Tensor | None = None


class ItemProjector(nn.Module):
    """Adds item vectors to token embeddings, and states to the last hidden states.

    codes_NL: int64, of the sequence model's items in its order; num_features: D; seed: of the weights, and of the rows
    that are dropped in training.
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
        self._scale = _ITEM_SCALE / float(self._frozen[1].square().mean().sqrt().clamp(min=1e-12))
        # Not a linear layer: a LoRA on all linear layers would take it for one of the language model's.
        self.weight = nn.Parameter(torch.zeros(3 * self._frozen[1].shape[1], num_features))
        generator = torch.Generator().manual_seed(seed)
        num_inputs = self._frozen[1].shape[1] + num_features
        # The two layers of the net before the head; these names stand in files.
        self.hearing = nn.Parameter(torch.randn(num_inputs, _NUM_HIDDEN, generator=generator) / num_inputs**0.5)
        self.saying = nn.Parameter(torch.zeros(_NUM_HIDDEN, num_features))
        self._ids = ids
        self._mode = _Mode()
        self._last_state_BC = torch.zeros(0, self._frozen[1].shape[1])
        self._states_to_fuse: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None = None
        self._hooks: list[RemovableHandle] = []
        self._drop_rng = torch.Generator().manual_seed(seed)

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
        projector = cls(sequence_model, stored["codes_NL"].long(), stored["weight"].shape[1], ids).to(device)
        projector.resume(path)
        return projector

    def resume(self, path: Path) -> None:
        """Take the weights, and the random state of dropping, from what `save` wrote. Raises ArtifactError."""
        stored = load_file(path)
        if missing := self.state_dict().keys() - stored.keys():
            raise ArtifactError(
                f"{path} lacks {', '.join(sorted(missing))}: an earlier genrec wrote it; run genrec build"
            )
        self.load_state_dict({name: stored[name] for name in self.state_dict()})
        self._drop_rng.set_state(stored["coin"])

    def save(self, path: Path) -> None:
        """Write items, the sequence model and the weights into one file."""
        sequence_model = self._frozen[0]
        codes_NL = torch.zeros(len(self.key_N), self._ids.depth, dtype=torch.int32)
        key_N = self.key_N.cpu().clone()
        for level in reversed(range(self._ids.depth)):
            codes_NL[self.row_N.cpu(), level] = (key_N % self._ids.level_sizes[level]).int()
            key_N //= self._ids.level_sizes[level]
        tensors = {"codes_NL": codes_NL, "coin": self._drop_rng.get_state()}
        tensors |= {name: weight.cpu() for name, weight in self.state_dict().items()}
        tensors |= sequence_weights(sequence_model)
        with write_file(path) as partial:
            save_file(tensors, partial, metadata={"genrec": sequence_record(sequence_model)})

    def forward(self, tokens_BT: torch.Tensor) -> torch.Tensor | None:
        """Vectors to add to embeddings, (B, T, D), zero but where an ID ends and at codes that are decoded after it.

        None where no ID ends.
        """
        self._states_to_fuse, mode = None, self._mode
        if (state_BC := mode.prompt_state_BC) is not None:
            has_state_B1 = state_BC.any(dim=1, keepdim=True)
            row_X, place_X = has_state_B1.expand_as(tokens_BT).nonzero(as_tuple=True)
            self._states_to_fuse = row_X, place_X, state_BC[row_X]
            return (state_BC @ self.weight.chunk(3)[2])[:, None]
        num_known = 0 if mode.whole_BT is None else mode.whole_BT.shape[1] - tokens_BT.shape[1]
        tokens_BT = tokens_BT if mode.whole_BT is None else mode.whole_BT
        prompt_E, end_E, rows_E = self._ends(tokens_BT)
        sequence_model, vectors_NC = self._frozen
        self._last_state_BC = vectors_NC.new_zeros(len(tokens_BT), vectors_NC.shape[1])
        if not len(prompt_E):
            return None
        states_EC = _STATE_SCALE * sequence_model.states(rows_E, torch.searchsorted(prompt_E, prompt_E))
        is_last_E = end_E == tokens_BT.shape[1] - 1
        self._last_state_BC[prompt_E[is_last_E]] = states_EC[is_last_E]
        item_CD, state_CD, decoding_CD = self.weight.chunk(3)
        from_item_ED, from_state_ED = (vectors_NC[rows_E] * self._scale) @ item_CD, states_EC @ state_CD
        added_BTD = self.weight.new_zeros(*tokens_BT.shape, self.weight.shape[1])
        added_BTD = added_BTD.index_put((prompt_E, end_E), (from_item_ED + from_state_ED).to(added_BTD.dtype))
        if mode.whole_BT is not None:
            self._states_to_fuse = prompt_E[is_last_E], end_E[is_last_E] - num_known, states_EC[is_last_E]
            return added_BTD[:, num_known:]
        if mode.is_target_BT is None:
            self._states_to_fuse = prompt_E, end_E, states_EC
            return added_BTD
        decoding_ED = (states_EC @ decoding_CD).to(self.weight.dtype)
        to_fuse = [[prompt_E], [end_E], [states_EC]]
        is_target_E = torch.ones_like(end_E, dtype=torch.bool)
        for step in range(1, self._ids.depth):
            place_E = (end_E + step).clamp(max=tokens_BT.shape[1] - 1)
            is_target_E = is_target_E & (place_E == end_E + step) & mode.is_target_BT[prompt_E, place_E]
            place = (prompt_E[is_target_E], place_E[is_target_E])
            added_BTD = added_BTD.index_put(place, decoding_ED[is_target_E], accumulate=True)
            for parts, more in zip(to_fuse, (*place, states_EC[is_target_E]), strict=True):
                parts.append(more)
        self._states_to_fuse = torch.cat(to_fuse[0]), torch.cat(to_fuse[1]), torch.cat(to_fuse[2])
        return added_BTD

    def fuse_states(self, hidden_BTD: torch.Tensor) -> torch.Tensor:
        """The language model's last hidden states, moved by the states that were added on the way in."""
        if self._states_to_fuse is None:
            return hidden_BTD
        row_X, place_X, states_XC = self._states_to_fuse
        inputs_XC = torch.cat([states_XC / _STATE_SCALE, hidden_BTD[row_X, place_X]], dim=1)
        moved_XD = F.gelu(inputs_XC.to(self.hearing.dtype) @ self.hearing) @ self.saying
        return hidden_BTD.index_put((row_X, place_X), moved_XD.to(hidden_BTD.dtype), accumulate=True)

    @property
    def last_state_BC(self) -> torch.Tensor:
        """The state at the end of each of the last prompts, float32 (B, C); zero where no item ends one."""
        return self._last_state_BC

    def marking_targets(self, is_target_BT: torch.Tensor) -> AbstractContextManager[None]:
        """Within: these tokens of the rows, bool (B, T), are codes to be predicted, not history."""
        return self._in_mode(is_target_BT=is_target_BT)

    def last_token_only(self, whole_BT: torch.Tensor) -> AbstractContextManager[None]:
        """Within: of the hidden states, those of each prompt's last token alone are asked for.

        whole_BT: the prompts from their first tokens on, of which the last are the input.
        """
        return self._in_mode(whole_BT=whole_BT)

    def decoding_after(self, state_BC: torch.Tensor) -> AbstractContextManager[None]:
        """Within: all tokens are codes that are decoded after prompts with these states."""
        return self._in_mode(prompt_state_BC=state_BC)

    @contextmanager
    def _in_mode(self, **change: torch.Tensor) -> Iterator[None]:
        before = self._mode
        self._mode = replace(before, **change)
        try:
            yield
        finally:
            self._mode = before

    def _ends(self, tokens_BT: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The ends of known items, in order: prompts, places of the last tokens, catalog rows, int64 (E,) each."""
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
            is_read_BT &= (torch.rand(len(tokens_BT), 1, generator=self._drop_rng) >= DROP_SHARE).to(is_read_BT.device)
        prompt_E, start_E = is_read_BT.nonzero(as_tuple=True)
        return prompt_E, start_E + depth - 1, self.row_N[place_BT[prompt_E, start_E]]

    def attach(self, model: Any) -> None:  # Any: a transformers causal language model, maybe wrapped by peft
        """Hook this into a model, whose parameters then include the projector's.

        To be done again once peft has wrapped the model: it may put embeddings of its own in the old ones' place.
        """

        def add(_: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor | None:
            added_BTD = self(inputs[0])
            return None if added_BTD is None else output + added_BTD.to(output.dtype)

        def fuse(_: nn.Module, __: tuple[torch.Tensor, ...], output: Any) -> Any:  # transformers' output of a decoder
            output.last_hidden_state = self.fuse_states(output.last_hidden_state)
            if output.hidden_states is not None:
                output.hidden_states = (*output.hidden_states[:-1], output.last_hidden_state)
            return output

        for hook in self._hooks:
            hook.remove()
        self._hooks = [
            model.get_input_embeddings().register_forward_hook(add),
            model.get_decoder().register_forward_hook(fuse),
        ]
        if projector_of(model) is None:
            model.add_module(_MODULE, self)


def projector_of(model: Any) -> ItemProjector | None:
    """The projector that is attached to a model, None without one."""
    projector: ItemProjector | None = getattr(model, _MODULE, None)
    return projector


def without_projector(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A model's weights by name, without those of its projector, which other engines do not know."""
    return {name: weight for name, weight in weights.items() if not name.startswith(f"{_MODULE}.")}


def _keys(codes_XL: torch.Tensor, ids: IdVocabulary) -> torch.Tensor:
    """One number per semantic ID, its codes as digits, int64."""
    key_X = torch.zeros(codes_XL.shape[:-1], dtype=torch.int64, device=codes_XL.device)
    for level, size in enumerate(ids.level_sizes):
        key_X = key_X * size + codes_XL[..., level]
    return key_X
