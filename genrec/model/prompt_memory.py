"""What a language model keeps of prompts: keys and values that all beams of a request share.

Prompts are read once, however many beams go on from them. Equal prompts are read once for all who ask; what they all
begin with, an opening, is read once for good; and of the last layer only what is needed of it is computed. What beams
write lies after the prompt in one short sequence per request, where a mask shows each its own ancestors.

Axis legend: B batch, T prompt tokens, W beams, M of them that are thought about, K codes of a level, S tokens in the
cache, D features, V vocabulary, G prompts that are read together, X some of the prompts.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, Literal, TypeAlias

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

from genrec.model.head import Head
from genrec.model.vocabulary import IdVocabulary

_CALL_TOKENS = 128  # what a call of the model costs on a CPU beside its tokens, in tokens
Over: TypeAlias = Literal["children", "vocabulary"]


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
        opening: "Opening | None" = None,
    ) -> None:
        """opening: what prompts may begin with, by the model as it is without `adapters`."""
        self._model, self._ids, self._over = model, ids, over
        self._adapters = adapters
        self._options: dict[str, object] = {} if adapters is None else {"adapter_names": list(adapters)}
        self._length_B = mask_BT.sum(dim=1)
        self._ancestors_BWS: torch.Tensor | None = None
        self._depth = 0
        self._head = None if over == "vocabulary" else Head(model)
        self._cache: Any = None  # Any: transformers' cache
        self._reading: Callable[[], AbstractContextManager[None]] = nullcontext
        self._reader = getattr(model, "item_reader", None)
        self._last_B1D = self._read(tokens_BT, opening if adapters is None else None)

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

    def _read(self, tokens_BT: torch.Tensor, opening: "Opening | None") -> torch.Tensor:
        """What the model thinks after each prompt, (B, 1, ...)."""
        lengths, device = self._length_B.tolist(), tokens_BT.device
        length = max(lengths)
        can_join = keeps_all_tokens(self._model)
        prompts = [tuple(row[len(row) - own :]) for row, own in zip(tokens_BT.tolist(), lengths, strict=True)]
        opened = len(opening.tokens) if opening is not None else 0
        is_opened = [opening is not None and can_join and opening.begins(prompt) for prompt in prompts]
        known = [opened * is_its for is_its in is_opened]  # tokens that were read before
        adapters = self._adapters or [""] * len(prompts)
        first_of: dict[object, int] = {}  # the row that is read for all that are equal
        keys = zip(prompts, adapters, strict=True) if can_join else range(len(prompts))
        first_of_B = [first_of.setdefault(key, row) for row, key in enumerate(keys)]
        groups = _groups(list(first_of.values()), lengths, known, is_cut=can_join and device.type == "cpu")
        last, states, caches = [], [], []
        for group in groups:
            self._cache = opening.cache(len(group)) if opening is not None and is_opened[group[0]] else None
            self._options = {} if self._adapters is None else {"adapter_names": [adapters[row] for row in group]}
            with _last_alone(self._model) if can_join else nullcontext():
                last.append(self._read_group(tokens_BT[group], self._length_B[group], known[group[0]]))
            states += [] if self._reader is None else [self._reader.last_state_BC]
            caches.append((self._cache, known[group[0]]))
        place_of = {row: place for place, row in enumerate(itertools.chain.from_iterable(groups))}
        order_B = torch.tensor([place_of[row] for row in first_of_B], device=device)
        self._cache = _join(caches, order_B, length)
        known_B1, place_T = torch.tensor(known, device=device)[:, None], torch.arange(length, device=device)
        is_seen_BT = (place_T < known_B1) | (place_T >= length - self._length_B[:, None] + known_B1)
        self._prompt_seen_B1T = is_seen_BT[:, None]
        self._options = {} if self._adapters is None else {"adapter_names": list(self._adapters)}
        if self._reader is not None:
            self._reading = partial(self._reader.following, torch.cat(states)[order_B])
        return torch.cat(last)[order_B]

    def _read_group(self, tokens_GT: torch.Tensor, length_G: torch.Tensor, known: int) -> torch.Tensor:
        """Read prompts together, padded on the left, but for what the cache knows of each; (G, 1, ...)."""
        longest = int(length_G.max()) - known
        place_GT = torch.arange(longest, device=tokens_GT.device) - longest + length_G[:, None]
        mask_GT = torch.cat([place_GT.new_ones(len(place_GT), known), place_GT.ge(known).long()], dim=1)
        return self._run(tokens_GT[:, -longest:], mask_GT, place_GT.clamp(min=0), 1)[:, -1:]

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


class Opening:
    """What prompts begin with, read once: their first tokens, with their keys and values."""

    def __init__(self, model: Any, tokens: Sequence[int]) -> None:
        """The weights of the model must stay as they are from now on."""
        self.tokens = tuple(tokens)
        output = model(input_ids=torch.tensor([self.tokens], device=model.device), use_cache=True, logits_to_keep=1)
        self._model, self._layers = model, [(layer.keys, layer.values) for layer in output.past_key_values.layers]

    def begins(self, prompt: Sequence[int]) -> bool:
        """Whether a prompt begins with it, and goes on."""
        return len(prompt) > len(self.tokens) and tuple(prompt[: len(self.tokens)]) == self.tokens

    def cache(self, count: int) -> Any:
        """A cache of so many prompts that have said this."""
        cache = DynamicCache(config=self._model.config)
        for number, (keys, values) in enumerate(self._layers):
            cache.update(keys.expand(count, -1, -1, -1), values.expand(count, -1, -1, -1), number)
        return cache


def _groups(read: Sequence[int], lengths: Sequence[int], known: Sequence[int], *, is_cut: bool) -> list[list[int]]:
    """Which rows to read together: of those with as many known tokens, on CPUs those of like length."""
    groups = []
    for count in sorted({known[row] for row in read}):
        kind = [row for row in read if known[row] == count]
        cut = groups_of_like_length([lengths[row] - count for row in kind]) if is_cut else [range(len(kind))]
        groups += [[kind[number] for number in group] for group in cut]
    return groups


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


@contextmanager
def _last_alone(model: Any) -> Iterator[None]:
    """Meanwhile, what the model thinks is right for the last token of each row alone.

    The last layer's keys and values are all that others need of it, so its feed-forward net, which is most of it, is
    run for the last token and added to every one.
    """
    layers, reader = getattr(model.get_decoder(), "layers", None), getattr(model, "item_reader", None)
    net = None if layers is None else getattr(layers[-1], "mlp", None)
    hook = None
    if net is not None:
        hook = net.register_forward_pre_hook(lambda _, inputs: (inputs[0][:, -1:], *inputs[1:]))
    try:
        with nullcontext() if reader is None else reader.hearing_last_alone():
            yield
    finally:
        if hook is not None:
            hook.remove()


def _join(caches: Sequence[tuple[Any, int]], order_B: torch.Tensor, length: int) -> Any:
    """One cache of all prompts: what was known of each on the left, what was read on the right.

    caches: of some prompts each, and how many of their tokens were known; order_B: where each prompt stands in them.
    """
    joined, _ = caches[0]
    if len(caches) == 1 and torch.equal(order_B, torch.arange(len(order_B), device=order_B.device)):
        return joined
    ends = list(itertools.accumulate((cache.layers[0].keys.shape[0] for cache, _ in caches), initial=0))
    rows = [((order_B >= first) & (order_B < end)).nonzero()[:, 0] for first, end in itertools.pairwise(ends)]
    for number, layer in enumerate(joined.layers):
        for name in ("keys", "values"):
            parts = [getattr(cache.layers[number], name) for cache, _ in caches]
            whole = parts[0].new_zeros(len(order_B), parts[0].shape[1], length, parts[0].shape[3])
            for part, (_, known), row_X, first in zip(parts, caches, rows, ends, strict=False):
                own = part[order_B[row_X] - first]
                whole[row_X, :, :known] = own[:, :, :known]
                whole[row_X, :, length + known - part.shape[2] :] = own[:, :, known:]
            setattr(layer, name, whole)
    return joined
