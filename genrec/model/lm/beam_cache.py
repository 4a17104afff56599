"""The key-value cache of a beam search: all beams of a request share their prompt's keys and values.

Prompts are computed once, however many beams go on from them. What beams write lies after the prompt in one short
sequence per request, where a mask shows each its own ancestors. Knows tokens and masks; deliberately knows nothing of
tries or of which beams are worth going on with.

Axis legend: B batch, T prompt tokens, W beams, M of them that need a forward pass, K codes of a level, S tokens in the
cache, D features of hidden states or logits.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch

from genrec.model.lm.forward import ForwardPass, NormalizeOver
from genrec.model.lm.item_projector import projector_of
from genrec.model.lm.prefill import Prefiller
from genrec.model.lm.prefix_cache import PrefixCache
from genrec.model.lm.vocabulary import IdVocabulary


class BeamCache:
    """Keys and values of the prompts and of every beam written so far, with who may see what."""

    def __init__(
        self,
        model: Any,
        tokens_BT: torch.Tensor,
        mask_BT: torch.Tensor,
        *,
        ids: IdVocabulary,
        normalize_over: NormalizeOver = "children",
        adapters: Sequence[str] | None = None,
        prefix: PrefixCache | None = None,
    ) -> None:
        """prefix: what prompts may begin with, by the model as it is without `adapters`."""
        self._dtype, self._ids = model.dtype, ids
        self._adapters = adapters
        self._length_B = mask_BT.sum(dim=1)
        self._ancestors_BWS: torch.Tensor | None = None
        self._depth = 0
        self._forward = ForwardPass(model, normalize_over)
        prefiller = Prefiller(
            model, self._forward, tokens_BT=tokens_BT, length_B=self._length_B, adapters=adapters, prefix=prefix
        )
        prefilled = prefiller.run()
        self._cache, self._last_B1D = prefilled.cache, prefilled.output_R1D
        self._prompt_seen_B1T = prefilled.position_RS.ge(0)[:, None]
        self._decoding: Callable[[], AbstractContextManager[None]] = nullcontext
        projector = projector_of(model)
        if projector is not None and prefilled.state_RC is not None:
            self._decoding = partial(projector.decoding_after, prefilled.state_RC)

    def prompt_log_probs(self) -> torch.Tensor:
        """Log-probabilities of the first level's codes, (B, 1, K)."""
        return self._log_probs(self._last_B1D, 0)

    def extend(self, code_BW: torch.Tensor, parent_BW: torch.Tensor, is_open_BW: torch.Tensor) -> torch.Tensor:
        """Write one code per beam after its parent; returns log-probabilities of the codes that follow, (B, W, K).

        is_open_BW: whether more than one item is below a beam's node. Others need no forward pass; their values are
        zero.
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
        output_BMD = self._run(token_BM, self._bias(seen_BMS), position_BM, num_open)
        log_prob_BMK = self._log_probs(output_BMD, self._depth)
        return log_prob_BWK.scatter_(1, beam_BM[..., None].expand_as(log_prob_BMK), log_prob_BMK)

    def extend_paths(
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
        output_1WD = self._run(torch.tensor([tokens], device=device), self._bias(seen_1WS), positions, len(codes))
        return places, [self._log_probs(output_1WD[0, row], depth) for row, depth in enumerate(depths)]

    def _bias(self, seen_BWS: torch.Tensor) -> torch.Tensor:
        bias = torch.zeros(seen_BWS.shape, dtype=self._dtype, device=seen_BWS.device)
        return bias.masked_fill(~seen_BWS, torch.finfo(self._dtype).min)[:, None]

    def _run(self, tokens: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, num_last: int) -> torch.Tensor:
        """Hidden states or logits at the last tokens, which join the cache."""
        with self._decoding():
            outputs, self._cache = self._forward(
                tokens, mask, positions, num_last, cache=self._cache, adapters=self._adapters
            )
        return outputs

    def _log_probs(self, outputs: torch.Tensor, level: int) -> torch.Tensor:
        return self._forward.log_probs(outputs, self._ids.offsets[level], self._ids.level_sizes[level])
