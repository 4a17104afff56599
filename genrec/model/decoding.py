"""Beam search over the trie: the language model writes semantic IDs and never leaves the catalog.

The prompt is encoded once. All beams of a request then share its keys and values: at each level the W new tokens of a
request are one short sequence after the prompt, and a mask lets every beam see the prompt, its own ancestors and
itself, so no cache is ever copied or reordered. Scores are plain log-probabilities over the whole vocabulary, masked
afterwards and not renormalized, as transformers' `generate(num_beams, prefix_allowed_tokens_fn)` has them.

Axis legend: B batch, T prompt tokens, W beams, C children, S tokens in the cache, V vocabulary.
"""

from dataclasses import dataclass
from typing import Any

import torch

from genrec.model.vocabulary import IdVocabulary
from genrec.semids.trie import Trie


@dataclass(frozen=True, slots=True, kw_only=True)
class Beams:
    """Finished beams, best first.

    row: int64 (B, W) catalog rows; score_nats: float32 (B, W), -inf where no item is left.
    """

    row: torch.Tensor
    score_nats: torch.Tensor


@torch.inference_mode()
def search_beams(
    model: Any,  # Any: a transformers causal language model, maybe wrapped by peft
    *,
    tokens_BT: torch.Tensor,
    mask_BT: torch.Tensor,
    trie: Trie,
    ids: IdVocabulary,
    width: int,
    counts_BN: torch.Tensor | None = None,
) -> Beams:
    """The `width` most likely items that continue each prompt.

    tokens_BT, mask_BT: int64 (B, T), padded on the left; counts_BN: `trie.count_allowed` of the filters, or None.
    """
    memory = _PromptMemory(model, tokens_BT, mask_BT)
    log_probs_BWV = memory.log_probs
    batch_size = len(tokens_BT)
    node_BW = torch.zeros(batch_size, 1, dtype=torch.int64, device=tokens_BT.device)
    score_BW = torch.zeros(batch_size, 1, device=tokens_BT.device)
    for depth in range(trie.depth):
        children = trie.children(depth, node_BW, counts_BN)
        token_BWC = children.code + ids.offsets[depth]
        log_prob_BWC = log_probs_BWV.flatten(0, 1).gather(1, token_BWC.flatten(0, 1)).view(token_BWC.shape)
        candidate_BWC = (score_BW[..., None] + log_prob_BWC).masked_fill(~children.legal, -torch.inf)
        num_children = candidate_BWC.shape[2]
        score_BW, choice_BW = candidate_BWC.flatten(1).topk(min(width, candidate_BWC[0].numel()), dim=1)
        parent_BW = choice_BW // num_children
        node_BW = children.node.flatten(1).gather(1, choice_BW)
        if depth + 1 < trie.depth:
            log_probs_BWV = memory.extend(token_BWC.flatten(1).gather(1, choice_BW), parent_BW)
    row_BW = trie.leaf_row[trie.levels[-1].leaf_start[node_BW]]
    return Beams(row=row_BW, score_nats=score_BW)


class _PromptMemory:
    """Keys and values of the prompts and of every beam written so far, with who may see what."""

    def __init__(self, model: Any, tokens_BT: torch.Tensor, mask_BT: torch.Tensor) -> None:
        self._model = model
        self._length_B = mask_BT.sum(dim=1)
        positions_BT = (mask_BT.cumsum(dim=1) - 1).clamp(min=0)
        output = model(
            input_ids=tokens_BT, attention_mask=mask_BT, position_ids=positions_BT, use_cache=True, logits_to_keep=1
        )
        self._cache = output.past_key_values
        self._prompt_seen_B1T = mask_BT[:, None, :].bool()
        self._ancestors_BWS: torch.Tensor | None = None
        self._num_steps = 0
        self.log_probs = output.logits[:, -1:].float().log_softmax(dim=-1)

    def extend(self, token_BW: torch.Tensor, parent_BW: torch.Tensor) -> torch.Tensor:
        """Write one token per beam after its parent; returns log-probabilities of what comes next, (B, W, V)."""
        batch_size, width = token_BW.shape
        own = torch.eye(width, dtype=torch.bool, device=token_BW.device).expand(batch_size, -1, -1)
        if self._ancestors_BWS is None:
            self._ancestors_BWS = own
        else:
            inherited = self._ancestors_BWS.gather(1, parent_BW[..., None].expand(-1, -1, self._ancestors_BWS.shape[2]))
            self._ancestors_BWS = torch.cat([inherited, own], dim=2)
        seen = torch.cat([self._prompt_seen_B1T.expand(-1, width, -1), self._ancestors_BWS], dim=2)
        dtype = self._model.dtype
        bias = torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill(~seen, torch.finfo(dtype).min)
        position_BW = (self._length_B + self._num_steps)[:, None].expand(-1, width)
        output = self._model(
            input_ids=token_BW,
            attention_mask=bias[:, None],
            position_ids=position_BW,
            past_key_values=self._cache,
            use_cache=True,
        )
        self._num_steps += 1
        return output.logits.float().log_softmax(dim=-1)
