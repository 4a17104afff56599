"""Beam search over the trie: the language model writes semantic IDs and never leaves the catalog.

The prompt is encoded once. All beams of a request then share its keys and values: at each level the W new tokens of a
request are one short sequence after the prompt, and a mask lets every beam see the prompt, its own ancestors and
itself, so no cache is ever copied or reordered. The head is computed for the codes of the level alone, and a code's
probability is its share among those that can follow in the trie, as it is in training: the model need not spend itself
on learning which IDs exist, and where one item alone is below a beam, its last codes are certain and need no forward
pass.
Scores equal those of transformers' `generate(num_beams, prefix_allowed_tokens_fn, renormalize_logits=True)`;
`normalize_over="vocabulary"` has them as transformers has them without the latter.

Axis legend: B batch, T prompt tokens, W beams, C children, K codes of a level, L levels.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

from genrec.model.lm.beam_cache import BeamCache
from genrec.model.lm.forward import NormalizeOver
from genrec.model.lm.prefix_cache import PrefixCache
from genrec.model.lm.vocabulary import IdVocabulary
from genrec.semids.trie import Narrowing, Trie

Watch: TypeAlias = Callable[[str], AbstractContextManager[None]]  # takes the time of a named part of the work


def unwatched(_: str) -> AbstractContextManager[None]:
    """Takes no time."""
    return nullcontext()


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
    narrowing: Narrowing | None = None,
    adapters: Sequence[str] | None = None,
    prefix: PrefixCache | None = None,
    normalize_over: NormalizeOver = "children",
    watch: Watch = unwatched,
) -> Beams:
    """The `width` most likely items that continue each prompt.

    tokens_BT, mask_BT: int64 (B, T), padded on the left; narrowing: `trie.narrow` of filters and histories; adapters:
    the name of the peft adapter that answers each request, `__base__` for none; normalize_over: what a probability is a
    share of, the codes that can follow in the trie or the whole vocabulary; watch: told of the parts `prompt`,
    `forward` and `constrain`.
    """
    with watch("prompt"):
        cache = BeamCache(
            model, tokens_BT, mask_BT, ids=ids, normalize_over=normalize_over, adapters=adapters, prefix=prefix
        )
        log_prob_BWK = cache.prompt_log_probs()
    node_BW = torch.zeros(len(tokens_BT), 1, dtype=torch.int64, device=tokens_BT.device)
    score_BW = torch.zeros(len(tokens_BT), 1, device=tokens_BT.device)
    for depth in range(trie.depth):
        with watch("constrain"):
            children = trie.expand(depth, node_BW, log_prob_BWK, narrowing, renormalize=normalize_over == "children")
            candidate_BWC = score_BW[..., None] + children.log_prob
            num_children = candidate_BWC.shape[2]
            score_BW, choice_BW = candidate_BWC.flatten(1).topk(min(width, candidate_BWC[0].numel()), dim=1)
            node_BW = children.node.flatten(1).gather(1, choice_BW).long()
        if depth + 1 < trie.depth:
            with watch("forward"):
                code_BW = trie.levels[depth + 1].code[node_BW].long()
                is_open_BW = trie.is_open(depth + 1, node_BW) & (score_BW > -torch.inf)
                is_open_BW |= normalize_over == "vocabulary"
                log_prob_BWK = cache.extend(code_BW, choice_BW // num_children, is_open_BW)
    row_BW = trie.row_of_leaf[node_BW].long()
    return Beams(row=row_BW, score_nats=score_BW)


@torch.inference_mode()
def score_items(
    model: Any,
    *,
    tokens_BT: torch.Tensor,
    mask_BT: torch.Tensor,
    codes_BWL: torch.Tensor,
    trie: Trie,
    ids: IdVocabulary,
    adapters: Sequence[str] | None = None,
    prefix: PrefixCache | None = None,
    normalize_over: NormalizeOver = "children",
) -> torch.Tensor:
    """Log-probability in nats of W given items after each prompt, as beams would have it, float32 (B, W).

    codes_BWL: int64, semantic IDs of the trie; the rest as for `search_beams`. A prompt is read once for all its items.
    """
    cache = BeamCache(
        model, tokens_BT, mask_BT, ids=ids, normalize_over=normalize_over, adapters=adapters, prefix=prefix
    )
    batch, width, depth = codes_BWL.shape
    own_BW = torch.arange(width, device=tokens_BT.device).expand(batch, -1)
    log_probs_BWK = [cache.prompt_log_probs().expand(-1, width, -1)]
    for level in range(depth - 1):
        log_probs_BWK.append(cache.extend(codes_BWL[..., level], own_BW, torch.ones_like(own_BW, dtype=torch.bool)))
    flat = [log_prob_BWK.flatten(0, 1) for log_prob_BWK in log_probs_BWK]
    return trie.score_paths(flat, codes_BWL.flatten(0, 1), renormalize=normalize_over == "children").view(batch, width)
