"""Beam search over the trie: the language model writes semantic IDs and never leaves the catalog.

The prompt is encoded once. All beams of a request then share its keys and values: at each level the W new tokens of a
request are one short sequence after the prompt, and a mask lets every beam see the prompt, its own ancestors and
itself, so no cache is ever copied or reordered. The head is computed for the codes of the level alone, and a code's
probability is its share among those that can follow in the trie, as it is in training: the model need not spend itself
on learning which IDs exist, and where one item alone is below a beam, its last codes are certain without a thought.
Scores equal those of transformers' `generate(num_beams, prefix_allowed_tokens_fn, renormalize_logits=True)`;
`over="vocabulary"` has them as transformers has them without the latter.

Axis legend: B batch, T prompt tokens, W beams, M of them that are thought about, C children, K codes of a level, S
tokens in the cache, D features, V vocabulary.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

import torch
import torch.nn.functional as F
from transformers.cache_utils import DynamicCache, DynamicLayer

from genrec.model.vocabulary import IdVocabulary
from genrec.semids.trie import Narrowing, Trie

_CALL_TOKENS = 128  # what a call of the model costs on a CPU beside its tokens, in tokens
Over = Literal["children", "vocabulary"]
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
    over: Over = "children",
    watch: Watch = unwatched,
) -> Beams:
    """The `width` most likely items that continue each prompt.

    tokens_BT, mask_BT: int64 (B, T), padded on the left; narrowing: `trie.narrow` of filters and histories; adapters:
    the name of the peft adapter that answers each request, `__base__` for none; over: what a probability is a share
    of, the codes that can follow in the trie or the whole vocabulary; watch: told of the parts `prompt`, `forward` and
    `constrain`.
    """
    with watch("prompt"):
        memory = PromptMemory(model, tokens_BT, mask_BT, ids=ids, over=over, adapters=adapters)
        log_prob_BWK = memory.prompt_log_probs()
    node_BW = torch.zeros(len(tokens_BT), 1, dtype=torch.int64, device=tokens_BT.device)
    score_BW = torch.zeros(len(tokens_BT), 1, device=tokens_BT.device)
    for depth in range(trie.depth):
        with watch("constrain"):
            children = trie.expand(depth, node_BW, log_prob_BWK, narrowing, renormalize=over == "children")
            candidate_BWC = score_BW[..., None] + children.log_prob
            num_children = candidate_BWC.shape[2]
            score_BW, choice_BW = candidate_BWC.flatten(1).topk(min(width, candidate_BWC[0].numel()), dim=1)
            node_BW = children.node.flatten(1).gather(1, choice_BW).long()
        if depth + 1 < trie.depth:
            with watch("forward"):
                code_BW = trie.levels[depth + 1].code[node_BW].long()
                is_open_BW = trie.is_open(depth + 1, node_BW) & (score_BW > -torch.inf)
                is_open_BW |= over == "vocabulary"
                log_prob_BWK = memory.extend(code_BW, choice_BW // num_children, is_open_BW)
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
    over: Over = "children",
) -> torch.Tensor:
    """Log-probability in nats of W given items after each prompt, as beams would have it, float32 (B, W).

    codes_BWL: int64, semantic IDs of the trie; the rest as for `search_beams`. A prompt is read once for all its items.
    """
    memory = PromptMemory(model, tokens_BT, mask_BT, ids=ids, over=over, adapters=adapters)
    batch, width, depth = codes_BWL.shape
    own_BW = torch.arange(width, device=tokens_BT.device).expand(batch, -1)
    log_probs_BWK = [memory.prompt_log_probs().expand(-1, width, -1)]
    for level in range(depth - 1):
        log_probs_BWK.append(memory.extend(codes_BWL[..., level], own_BW, torch.ones_like(own_BW, dtype=torch.bool)))
    flat = [log_prob_BWK.flatten(0, 1) for log_prob_BWK in log_probs_BWK]
    return trie.score_paths(flat, codes_BWL.flatten(0, 1), renormalize=over == "children").view(batch, width)


class PromptMemory:
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
    ) -> None:
        self._model, self._ids, self._over = model, ids, over
        self._adapters = adapters
        self._options: dict[str, object] = {} if adapters is None else {"adapter_names": list(adapters)}
        self._length_B = mask_BT.sum(dim=1)
        self._prompt_seen_B1T = mask_BT[:, None, :].bool()
        self._ancestors_BWS: torch.Tensor | None = None
        self._depth = 0
        self._head = None if over == "vocabulary" else Head(model)
        self._cache: Any = None  # Any: transformers' cache
        self._reading: Callable[[], AbstractContextManager[None]] = nullcontext
        self._reader = getattr(model, "item_reader", None)
        positions_BT = (mask_BT.cumsum(dim=1) - 1).clamp(min=0)
        self._last_B1D = self._read(tokens_BT, mask_BT, positions_BT)

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

    def _read(self, tokens_BT: torch.Tensor, mask_BT: torch.Tensor, positions_BT: torch.Tensor) -> torch.Tensor:
        """What the model thinks after each prompt, (B, 1, ...). Equal prompts are read once; on CPUs, where a call
        costs little beside its tokens, prompts of like length are read together, so that little is computed for
        padding. Their keys and values are joined."""
        lengths = self._length_B.tolist()
        first_of_B = list(range(len(lengths)))  # the row that is read for each
        can_join = keeps_all_tokens(self._model)
        if can_join:
            adapters = self._adapters or [""] * len(lengths)
            seen: dict[object, int] = {}
            prompts = zip(map(tuple, tokens_BT.tolist()), lengths, adapters, strict=True)
            first_of_B = [seen.setdefault(prompt, row) for row, prompt in enumerate(prompts)]
        read = list(dict.fromkeys(first_of_B))
        groups = [read]
        if can_join and self._model.device.type == "cpu":
            groups = [[read[n] for n in group] for group in groups_of_like_length([lengths[row] for row in read])]
        last: list[torch.Tensor] = []
        states: list[torch.Tensor] = []
        caches: list[Any] = []
        for group in groups:
            rows, longest = torch.tensor(group, device=tokens_BT.device), max(lengths[row] for row in group)
            if self._adapters is not None:
                self._options = {"adapter_names": [self._adapters[row] for row in group]}
            self._cache = None
            tokens, mask, positions = (x[rows, -longest:] for x in (tokens_BT, mask_BT, positions_BT))
            last.append(self._run(tokens, mask, positions, 1)[:, -1:])
            states += [] if self._reader is None else [self._reader.last_state_BC]
            caches.append(self._cache)
        place_of = {row: place for place, row in enumerate(row for group in groups for row in group)}
        order = torch.tensor([place_of[row] for row in first_of_B], device=tokens_BT.device)
        self._cache = _join(caches, order, tokens_BT.shape[1])
        self._options = {} if self._adapters is None else {"adapter_names": list(self._adapters)}
        if self._reader is not None:
            self._reading = partial(self._reader.following, torch.cat(states)[order])
        return torch.cat(last)[order]

    def _bias(self, seen_BWS: torch.Tensor) -> torch.Tensor:
        dtype = self._model.dtype
        bias = torch.zeros(seen_BWS.shape, dtype=dtype, device=seen_BWS.device)
        return bias.masked_fill(~seen_BWS, torch.finfo(dtype).min)[:, None]

    def _run(self, tokens: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, num_kept: int) -> torch.Tensor:
        """What the model thinks at the last tokens: hidden states, or scores of the whole vocabulary."""
        options = self._options
        if self._over == "children":  # the head is left to us
            none = torch.zeros(0, dtype=torch.int64, device=tokens.device)
            options = options | {"output_hidden_states": True, "logits_to_keep": none}
        else:
            options = options | {"logits_to_keep": num_kept}
        with self._reading():
            output = self._model(
                input_ids=tokens,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=self._cache,
                use_cache=True,
                **options,
            )
        self._cache = output.past_key_values
        thought: torch.Tensor = output.hidden_states[-1] if self._over == "children" else output.logits
        return thought

    def _log_probs(self, thought: torch.Tensor, level: int) -> torch.Tensor:
        first, size = self._ids.offsets[level], self._ids.level_sizes[level]
        if self._head is None:
            return thought.float().log_softmax(dim=-1)[..., first : first + size]
        return self._head(thought, first, first + size).float().log_softmax(dim=-1)


def groups_of_like_length(lengths: Sequence[int]) -> list[list[int]]:
    """Which prompts to read together: the cut of the sorted ones that computes least, calls having a cost, too.

    Rows of a group stand in their order.
    """
    order = sorted(range(len(lengths)), key=lambda row: lengths[row])
    least, begins = [0], [0]  # of the first n prompts: the tokens computed, and where the last group begins
    for end in range(1, len(order) + 1):
        longest = lengths[order[end - 1]]
        cost, begin = min((least[begin] + (end - begin) * longest + _CALL_TOKENS, begin) for begin in range(end))
        least.append(cost)
        begins.append(begin)
    groups, end = [], len(order)
    while end:
        groups.append(sorted(order[begins[end] : end]))
        end = begins[end]
    return groups[::-1]


def keeps_all_tokens(model: Any) -> bool:
    """Whether a model's cache is the keys and values of every token, which can be joined, parted and hidden."""
    return all(type(layer) is DynamicLayer for layer in DynamicCache(config=model.config).layers)


def _join(caches: Sequence[Any], order: torch.Tensor, length: int) -> Any:
    """One cache of all prompts, padded on the left; order: where each prompt stands among those of the caches."""
    joined = caches[0]
    if len(caches) == 1 and torch.equal(order, torch.arange(len(order), device=order.device)):
        return joined
    for number, layer in enumerate(joined.layers):
        for name in ("keys", "values"):
            parts = [getattr(cache.layers[number], name) for cache in caches]
            setattr(layer, name, torch.cat([F.pad(x, (0, 0, length - x.shape[2], 0)) for x in parts])[order])
    return joined


class Head:
    """The rows of a language model's head, some at a time; gradients flow through it."""

    def __init__(self, model: Any) -> None:
        layer = model.get_output_embeddings()
        trained = getattr(layer, "token_adapter", None)  # peft's trainable rows, while they are trained
        self._weight_VD = layer.weight if trained is None else trained.get_merged_weights(trained.active_adapters)
        self._bias_V = getattr(layer, "bias", None)
        config = model.config.get_text_config()
        self._cap = getattr(config, "final_logit_softcapping", None)  # Gemma
        self._divisor = getattr(config, "logits_scaling", None) or 1.0  # Granite
        self._factor = getattr(config, "logit_scale", None) or 1.0  # Cohere

    def __call__(self, hidden: torch.Tensor, first: int = 0, last: int | None = None) -> torch.Tensor:
        """Logits of the tokens from first to last, the last exclusive, (..., last - first)."""
        bias = None if self._bias_V is None else self._bias_V[first:last]
        logits = F.linear(hidden, self._weight_VD[first:last], bias) * (self._factor / self._divisor)
        return logits if not self._cap else torch.tanh(logits / self._cap) * self._cap
