"""What a language model keeps of prompts: keys and values that all beams of a request share.

Prompts are read once, however many beams go on from them. What beams write lies after the prompt in one short sequence
per request, where a mask shows each its own ancestors.

Axis legend: B batch, T prompt tokens, W beams, M of them that are thought about, K codes of a level, S tokens in the
cache, D features, G rows of a call.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Literal, TypeAlias

import torch

from genrec.model.lm.head import Head
from genrec.model.lm.prefill import Prefiller, PrefixCache
from genrec.model.lm.vocabulary import IdVocabulary

Over: TypeAlias = Literal["children", "vocabulary"]


class BeamCache:
    """Keys and values of the prompts and of every beam written so far, with who may see what."""

    def __init__(
        self,
        model: Any,
        tokens_BT: torch.Tensor,
        mask_BT: torch.Tensor,
        *,
        ids: IdVocabulary,
        over: Over = "children",
        adapters: Sequence[str] | None = None,
        prefix: "PrefixCache | None" = None,
    ) -> None:
        """opening: what prompts may begin with, by the model as it is without `adapters`."""
        self._model, self._ids, self._over = model, ids, over
        self._adapters = adapters
        self._length_B = mask_BT.sum(dim=1)
        self._ancestors_BWS: torch.Tensor | None = None
        self._depth = 0
        self._head = None if over == "vocabulary" else Head(model)
        reader = Prefiller(
            model, self._call, tokens_BT=tokens_BT, length_B=self._length_B, adapters=adapters, prefix=prefix
        )
        read = reader.read()
        self._cache, self._last_B1D = read.cache, read.thought_R1D
        self._prompt_seen_B1T = read.number_RS.ge(0)[:, None]
        self._reading: Callable[[], AbstractContextManager[None]] = nullcontext
        if read.state_RC is not None:
            self._reading = partial(model.item_reader.following, read.state_RC)

    def prompt_log_probs(self) -> torch.Tensor:
        """Log-probabilities of the first level's codes, (B, 1, K)."""
        return self._log_probs(self._last_B1D, 0)

    def extend(self, code_BW: torch.Tensor, parent_BW: torch.Tensor, is_open_BW: torch.Tensor) -> torch.Tensor:
        """Write one code per beam after its parent; returns log-probabilities of the codes that follow, (B, W, K).

        is_open_BW: whether more than one item is below a beam's node. Others need no thought: their values are zero.
        """
        num_beams, device = code_BW.shape[1], code_BW.device
        ancestors_BWS = self._ancestors_BWS
        if ancestors_BWS is None:
            ancestors_BWS = torch.zeros(*code_BW.shape, 0, dtype=torch.bool, device=device)
        else:
            ancestors_BWS = ancestors_BWS.gather(1, parent_BW[..., None].expand(-1, -1, ancestors_BWS.shape[2]))
        num_open = int(is_open_BW.sum(dim=1).max())
        beam_BM = is_open_BW.byte().argsort(dim=1, descending=True, stable=True)[:, :num_open]
        own_BWM = beam_BM[:, None, :] == torch.arange(num_beams, device=device)[:, None]
        self._ancestors_BWS = torch.cat([ancestors_BWS, own_BWM], dim=2)
        token_BM = (code_BW + self._ids.offsets[self._depth]).gather(1, beam_BM)
        position_BM = (self._length_B + self._depth)[:, None].expand_as(token_BM)
        self._depth += 1
        log_prob_BWK = torch.zeros(*code_BW.shape, self._ids.level_sizes[self._depth], device=device)
        if not num_open:
            return log_prob_BWK
        seen_BMS = self._ancestors_BWS.gather(1, beam_BM[..., None].expand(-1, -1, self._ancestors_BWS.shape[2]))
        seen_BMS = torch.cat([self._prompt_seen_B1T.expand(-1, num_open, -1), seen_BMS], dim=2)
        thought_BMD = self._run(token_BM, self._bias(seen_BMS), position_BM, num_open)
        log_prob_BMK = self._log_probs(thought_BMD, self._depth)
        return log_prob_BWK.scatter_(1, beam_BM[..., None].expand_as(log_prob_BMK), log_prob_BMK)

    def write(
        self, depths: Sequence[int], codes: Sequence[int], parents: Sequence[int]
    ) -> tuple[list[int], list[torch.Tensor]]:
        """Write one code for each of some paths of a single prompt, whatever their depths.

        depths: how many codes each path has with this one; parents: the place of the code before, -1 for the first.
        Returns the places of the new codes and the log-probabilities of the codes that follow each, (K,).
        """
        device = self._length_B.device
        before = 0 if self._ancestors_BWS is None else self._ancestors_BWS.shape[2]
        places = list(range(before, before + len(codes)))
        seen_SS = torch.eye(before + len(codes), dtype=torch.bool, device=device)
        if self._ancestors_BWS is not None:
            seen_SS[:before, :before] = self._ancestors_BWS[0]
        for place, parent in zip(places, parents, strict=True):
            if parent >= 0:
                seen_SS[place] |= seen_SS[parent]
        self._ancestors_BWS = seen_SS[None]
        seen_1WS = torch.cat([self._prompt_seen_B1T.expand(-1, len(codes), -1), seen_SS[None, before:]], dim=2)
        tokens = [code + self._ids.offsets[depth - 1] for depth, code in zip(depths, codes, strict=True)]
        positions = self._length_B[:, None] + torch.tensor([[depth - 1 for depth in depths]], device=device)
        thought_1WD = self._run(torch.tensor([tokens], device=device), self._bias(seen_1WS), positions, len(codes))
        return places, [self._log_probs(thought_1WD[0, row], depth) for row, depth in enumerate(depths)]

    def _bias(self, seen_BWS: torch.Tensor) -> torch.Tensor:
        dtype = self._model.dtype
        bias = torch.zeros(seen_BWS.shape, dtype=dtype, device=seen_BWS.device)
        return bias.masked_fill(~seen_BWS, torch.finfo(dtype).min)[:, None]

    def _run(self, tokens: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, num_kept: int) -> torch.Tensor:
        """What the model thinks at the last tokens: hidden states, or scores of the whole vocabulary."""
        with self._reading():
            thought, self._cache = self._call(
                tokens, mask, positions, num_kept, cache=self._cache, adapters=self._adapters
            )
        return thought

    def _call(
        self,
        tokens_GT: torch.Tensor,
        mask: torch.Tensor,
        position_GT: torch.Tensor,
        num_kept: int,
        *,
        cache: Any,
        adapters: Sequence[str] | None,
    ) -> tuple[torch.Tensor, Any]:
        options: dict[str, object] = {} if adapters is None else {"adapter_names": list(adapters)}
        if self._over == "children":  # the head is left to us
            none = torch.zeros(0, dtype=torch.int64, device=tokens_GT.device)
            options |= {"output_hidden_states": True, "logits_to_keep": none}
        else:
            options |= {"logits_to_keep": num_kept}
        output = self._model(
            input_ids=tokens_GT,
            attention_mask=mask,
            position_ids=position_GT,
            past_key_values=cache,
            use_cache=True,
            **options,
        )
        thought: torch.Tensor = output.hidden_states[-1] if self._over == "children" else output.logits
        return thought, output.past_key_values

    def _log_probs(self, thought: torch.Tensor, level: int) -> torch.Tensor:
        first, size = self._ids.offsets[level], self._ids.level_sizes[level]
        if self._head is None:
            return thought.float().log_softmax(dim=-1)[..., first : first + size]
        return self._head(thought, first, first + size).float().log_softmax(dim=-1)
