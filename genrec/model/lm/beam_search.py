"""Beam search over the trie: the language model writes semantic IDs and never leaves the catalog.

The prompt is encoded once. All beams of a request then share its keys and values: at each level the W new tokens of a
request are one short sequence after the prompt, and a mask lets every beam see the prompt, its own ancestors and
itself, so no cache is ever copied or reordered. The head is computed for the codes of the level alone, and a code's
probability is its share among those that can follow in the trie, as it is in training: the model need not spend itself
on learning which IDs exist, and where one item alone is below a beam, its last codes are certain and need no forward
pass.
A guide may say which of the beams are worth going on with: another judge of the items, whose probability of all items
below a node counts beside the code's (a product of experts while decoding). And given items can be kept among the
beams, whatever others there are, so that all of them are scored exactly in the same pass, shared prefixes once.
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

_FIRST = 1e6  # nats by which what is kept comes before all else

Watch: TypeAlias = Callable[[str], AbstractContextManager[None]]  # takes the time of a named part of the work


def unwatched(_: str) -> AbstractContextManager[None]:
    """Takes no time."""
    return nullcontext()


@dataclass(frozen=True, slots=True, kw_only=True)
class Beams:
    """Finished beams, the most worthwhile first: without a guide, the likeliest.

    row: int64 (B, W) catalog rows; score_nats: float32 (B, W), by the language model, -inf where no item is left.
    """

    row: torch.Tensor
    score_nats: torch.Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """What counts beside the codes' probabilities while beams are chosen: a worth is a weighted sum of both, in nats.

    masses: `trie.masses` of another judge's log-probabilities, per level (B, M); share_B: its weight in the worth, 0 to
    1, the codes having the rest.
    """

    masses: tuple[torch.Tensor, ...]
    share_B: torch.Tensor

    def worth(self, depth: int, node_BWC: torch.Tensor, log_prob_BWC: torch.Tensor) -> torch.Tensor:
        """The worth of nodes of a level with these log-probabilities by their codes, (B, W, C)."""
        mass_BWC = self.masses[depth].gather(1, node_BWC.flatten(1).long()).view_as(log_prob_BWC)
        share_B11 = self.share_B[:, None, None].to(log_prob_BWC.dtype)
        return torch.where(share_B11 > 0, (1 - share_B11) * log_prob_BWC + share_B11 * mass_BWC, log_prob_BWC)


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
    guide: Guide | None = None,
    also_BC: torch.Tensor | None = None,
    watch: Watch = unwatched,
) -> Beams:
    """The `width` most worthwhile items that continue each prompt, the most likely ones without a guide.

    tokens_BT, mask_BT: int64 (B, T), padded on the left; narrowing: `trie.narrow` of filters and histories; adapters:
    the name of the peft adapter that answers each request, `__base__` for none; normalize_over: what a probability is a
    share of, the codes that can follow in the trie or the whole vocabulary; also_BC: int64, catalog rows that are among
    the answers, too, as far as the narrowing allows, -1 for none; watch: told of the parts `prompt`,
    `forward` and `constrain`.
    """
    with watch("prompt"):
        cache = BeamCache(
            model, tokens_BT, mask_BT, ids=ids, normalize_over=normalize_over, adapters=adapters, prefix=prefix
        )
        log_prob_BWK = cache.prompt_log_probs()
    node_BW = torch.zeros(len(tokens_BT), 1, dtype=torch.int64, device=tokens_BT.device)
    score_BW = torch.zeros(len(tokens_BT), 1, device=tokens_BT.device)
    kept = None if also_BC is None else trie.ancestors(also_BC)
    num_kept = 0 if also_BC is None else also_BC.shape[1]
    for depth in range(trie.depth):
        with watch("constrain"):
            children = trie.expand(depth, node_BW, log_prob_BWK, narrowing, renormalize=normalize_over == "children")
            candidate_BWC = score_BW[..., None] + children.log_prob
            num_children = candidate_BWC.shape[2]
            worth_BWC = candidate_BWC
            if guide is not None:
                worth_BWC = guide.worth(depth + 1, children.node, candidate_BWC)
            if kept is not None:
                worth_BWC = _keeping(worth_BWC, children.node, kept[depth + 1], len(trie.levels[depth + 1].code))
            num_going_on = min(width + num_kept, candidate_BWC[0].numel())
            _, choice_BW = worth_BWC.flatten(1).topk(num_going_on, dim=1)
            score_BW = candidate_BWC.flatten(1).gather(1, choice_BW)
            node_BW = children.node.flatten(1).gather(1, choice_BW).long()
        if depth + 1 < trie.depth:
            with watch("forward"):
                code_BW = trie.levels[depth + 1].code[node_BW].long()
                is_open_BW = trie.is_open(depth + 1, node_BW) & (score_BW > -torch.inf)
                is_open_BW |= normalize_over == "vocabulary"
                log_prob_BWK = cache.extend(code_BW, choice_BW // num_children, is_open_BW)
    row_BW = trie.row_of_leaf[node_BW].long()
    return Beams(row=row_BW, score_nats=score_BW)


def _keeping(worth_BWC: torch.Tensor, node_BWC: torch.Tensor, kept_BC: torch.Tensor, num_nodes: int) -> torch.Tensor:
    """Worths in which the nodes that are to be kept come before all others."""
    is_kept_BM = torch.zeros(len(kept_BC), num_nodes + 1, dtype=torch.bool, device=kept_BC.device)
    is_kept_BM.scatter_(1, torch.where(kept_BC < 0, num_nodes, kept_BC), True)
    is_kept_BWC = is_kept_BM[:, :-1].gather(1, node_BWC.flatten(1).long()).view_as(worth_BWC)
    return worth_BWC + _FIRST * is_kept_BWC


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
