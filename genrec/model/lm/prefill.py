"""Reads prompts, and no part of them twice.

Equal prompts are read once for all who ask; what they all begin with, an opening, is read once for good; one that
begins like another, such as a history without one of its items, goes on from where they part. Of the last layer only
what is needed of it is computed. Knows how a model is called; deliberately knows nothing of beams.

Axis legend: B prompts that are asked for, T their tokens, R prompts that are read, G of which are read together, S
places in the cache, D features or scores, C features of a state.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

CALL_TOKENS = 128  # what a call of the model costs on a CPU beside its tokens, in tokens


@dataclass(frozen=True, slots=True)
class Read:
    """Prompts that were read.

    rows: which of those asked for; cache: their keys and values; number_RS: int64, which token of its prompt each place
    in the cache holds, -1 for none; thought_R1D: what the model thinks after each; state_RC: what an item reader read
    last, None without one.
    """

    rows: tuple[int, ...]
    cache: Any  # Any: transformers' cache
    number_RS: torch.Tensor
    thought_R1D: torch.Tensor
    state_RC: torch.Tensor | None


class Call(Protocol):
    """One call of the model: what it thinks at the last tokens, (G, num_kept, D), and the cache with these tokens."""

    def __call__(
        self,
        tokens_GT: torch.Tensor,
        mask: torch.Tensor,
        position_GT: torch.Tensor,
        num_kept: int,
        *,
        cache: Any,
        adapters: Sequence[str] | None,
    ) -> tuple[torch.Tensor, Any]: ...


class PrefixCache:
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
        return _cache_of(
            self._model, [(k.expand(count, -1, -1, -1), v.expand(count, -1, -1, -1)) for k, v in self._layers]
        )


class Prefiller:
    """Reads one batch of prompts, padded on the left."""

    def __init__(
        self,
        model: Any,
        call: Call,
        *,
        tokens_BT: torch.Tensor,
        length_B: torch.Tensor,
        adapters: Sequence[str] | None,
        prefix: PrefixCache | None,
    ) -> None:
        """adapters: one name per prompt; opening: what prompts may begin with, by the model without these."""
        self._model, self._call, self._tokens_BT, self._length_B = model, call, tokens_BT, length_B
        self._adapters = adapters
        self._can_join = keeps_all_tokens(model)
        self._prefix = prefix if adapters is None and self._can_join else None
        self._lengths: list[int] = length_B.tolist()
        rows = zip(tokens_BT.tolist(), self._lengths, strict=True)
        self._prompts = [tuple(row[len(row) - length :]) for row, length in rows]

    def read(self) -> Read:
        """All prompts, in their order."""
        whose = self._adapters or [""] * len(self._prompts)
        keys = zip(self._prompts, whose, strict=True) if self._can_join else range(len(self._prompts))
        first_of: dict[object, int] = {}  # the row that is read for all that are equal
        first_of_B = [first_of.setdefault(key, row) for row, key in enumerate(keys)]
        is_cut = self._can_join and self._tokens_BT.device.type == "cpu"
        known = {row: self._num_opened(row) for row in first_of.values()}
        branches = _branches({row: (whose[row], *self._prompts[row]) for row in known}, known) if is_cut else {}
        parts = [
            self._read_from_prefix(rows, known[rows[0]])
            for count in sorted(set(known.values()))
            for rows in self._cut({row: count for row in known if known[row] == count and row not in branches}, is_cut)
        ]
        if branches:
            trunks = _join(self._model, parts)
            shared = {row: common for row, (_, common) in branches.items()}
            grown = [self._read_from_trunks(rows, trunks, branches) for rows in self._cut(shared, is_cut)]
            parts = [trunks, *grown]
        place_of = {row: place for place, row in enumerate(itertools.chain.from_iterable(part.rows for part in parts))}
        return _join(self._model, parts, [place_of[row] for row in first_of_B])

    def _num_opened(self, row: int) -> int:
        is_opened = self._prefix is not None and self._prefix.begins(self._prompts[row])
        return len(self._prefix.tokens) if is_opened and self._prefix is not None else 0

    def _cut(self, known: Mapping[int, int], is_cut: bool) -> list[list[int]]:
        """Which rows to read together, by how many tokens of each are known: on CPUs those with like many left."""
        rows = list(known)
        if not is_cut:
            return [rows] if rows else []
        return [
            [rows[n] for n in group] for group in groups_of_like_length([self._lengths[r] - known[r] for r in rows])
        ]

    def _read_from_prefix(self, rows: Sequence[int], num_known: int) -> Read:
        cache = self._prefix.cache(len(rows)) if self._prefix is not None and num_known else None
        number_GS = torch.arange(num_known, device=self._length_B.device).expand(len(rows), -1)
        return self._read_on(rows, cache, number_GS, torch.full_like(self._length_B[list(rows)], num_known))

    def _read_from_trunks(self, rows: Sequence[int], trunks: Read, branches: "Branches") -> Read:
        place_of = {row: place for place, row in enumerate(trunks.rows)}
        places_G = torch.tensor([place_of[branches[row][0]] for row in rows], device=self._length_B.device)
        known_G = torch.tensor([branches[row][1] for row in rows], device=self._length_B.device)
        number_GS = trunks.number_RS[places_G]
        layers = [(layer.keys[places_G], layer.values[places_G]) for layer in trunks.cache.layers]
        number_GS = number_GS.where(number_GS < known_G[:, None], -1)
        return self._read_on(rows, _cache_of(self._model, layers), number_GS, known_G)

    def _read_on(self, rows: Sequence[int], cache: Any, number_GS: torch.Tensor, known_G: torch.Tensor) -> Read:
        """Read what is left of prompts of which the cache knows the first tokens."""
        length_G = self._length_B[list(rows)]
        whole_GT = self._tokens_BT[list(rows), -int(length_G.max()) :]
        longest = int((length_G - known_G).max())
        place_GT = torch.arange(longest, device=length_G.device) - longest + length_G[:, None]
        own_GT = place_GT.where(place_GT >= known_G[:, None], -1)
        number_GS = torch.cat([number_GS, own_GT], dim=1)
        adapters = None if self._adapters is None else [self._adapters[row] for row in rows]
        with _last_alone(self._model, whole_GT) if self._can_join else nullcontext():
            thought, cache = self._call(
                whole_GT[:, -longest:],
                number_GS.ge(0).long(),
                place_GT.clamp(min=0),
                1,
                cache=cache,
                adapters=adapters,
            )
        item_reader = getattr(self._model, "item_reader", None)
        state_GC = None if item_reader is None else item_reader.last_state_BC
        return Read(tuple(rows), cache, number_GS, thought[:, -1:], state_GC)


Branches = Mapping[int, tuple[int, int]]  # for a row, the row that it begins like, and how many tokens they share


def _branches(prompts: Mapping[int, Sequence[object]], known: Mapping[int, int]) -> Branches:
    """Which prompts go on from others, of which they share half or more, where that spares more than a call costs.

    prompts: rows, each a first word that all that is shared must have in common, then the tokens; known: tokens of each
    that are known anyhow.
    """
    order = sorted(prompts, key=lambda row: -len(prompts[row]))
    found: dict[int, tuple[int, int]] = {}
    codes: dict[object, int] = {}
    longest = len(prompts[order[0]]) if order else 0
    trunk_RT, trunks = np.full((len(order), longest), -1), list[int]()
    for row in order:
        own_T = np.array([codes.setdefault(token, len(codes)) for token in prompts[row]])
        differs_RT = trunk_RT[: len(trunks), : len(own_T)] != own_T
        differs_RT[:, -1:] = True  # the last token must be read, to know what is thought after it
        common_R = differs_RT.argmax(axis=1) - 1 if trunks else np.zeros(0, int)
        best = int(common_R.argmax()) if trunks else 0
        if trunks and 2 * (common_R[best] - known[row]) >= len(prompts[row]) - known[row]:
            found[row] = (trunks[best], int(common_R[best]))
        else:
            trunk_RT[len(trunks), : len(own_T)] = own_T
            trunks.append(row)
    spared = sum(common - known[row] for row, (_, common) in found.items())
    return found if spared > CALL_TOKENS else {}


def groups_of_like_length(lengths: Sequence[int]) -> list[list[int]]:
    """Which prompts to read together: the cut of the sorted ones that computes least, calls having a cost, too.

    Rows of a group stand in their order.
    """
    order = sorted(range(len(lengths)), key=lambda row: lengths[row])
    least, begins = [0], [0]  # of the first n prompts: the tokens computed, and where the last group begins
    for end in range(1, len(order) + 1):
        longest = lengths[order[end - 1]]
        cost, begin = min((least[begin] + (end - begin) * longest + CALL_TOKENS, begin) for begin in range(end))
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
def _last_alone(model: Any, whole_GT: torch.Tensor) -> Iterator[None]:
    """Meanwhile, what the model thinks is right for the last token of each row alone.

    The last layer's keys and values are all that others need of it, so its feed-forward net, which is most of it, is
    run for the last token and added to every one. whole_GT: the rows with the tokens that are known.
    """
    layers, item_reader = getattr(model.get_decoder(), "layers", None), getattr(model, "item_reader", None)
    net = None if layers is None else getattr(layers[-1], "mlp", None)
    hook = None
    if net is not None:
        hook = net.register_forward_pre_hook(lambda _, inputs: (inputs[0][:, -1:], *inputs[1:]))
    try:
        with nullcontext() if item_reader is None else item_reader.hearing_last_alone(whole_GT):
            yield
    finally:
        if hook is not None:
            hook.remove()


def _join(model: Any, parts: Sequence[Read], places: Sequence[int] | None = None) -> Read:
    """One of all parts. places: which of their prompts, one part after the other; None for each as it comes."""
    rows = [row for part in parts for row in part.rows]
    places = range(len(rows)) if places is None else places
    if len(parts) == 1 and list(places) == list(range(len(rows))):
        return parts[0]
    place_X = torch.tensor(places, device=parts[0].number_RS.device)
    ends = itertools.accumulate((len(part.rows) for part in parts), initial=0)
    own = [((place_X >= first) & (place_X < end)).nonzero()[:, 0] for first, end in itertools.pairwise(ends)]
    firsts = list(itertools.accumulate((len(part.rows) for part in parts[:-1]), initial=0))
    width = max(part.number_RS.shape[1] for part in parts)

    def joined(pieces: Sequence[torch.Tensor], empty: float) -> torch.Tensor:
        """pieces: (R, S) or (R, heads, S, features) of each part."""
        axis = min(2, pieces[0].dim() - 1)
        shape = list(pieces[0].shape)
        shape[0], shape[axis] = len(place_X), width
        whole = pieces[0].new_full(shape, empty)
        for piece, own_X, first in zip(pieces, own, firsts, strict=True):
            whole.narrow(axis, 0, piece.shape[axis])[own_X] = piece[place_X[own_X] - first]
        return whole

    layers = [
        tuple(joined([getattr(layer, name) for layer in layers], 0.0) for name in ("keys", "values"))
        for layers in zip(*(part.cache.layers for part in parts), strict=True)
    ]
    states = [part.state_RC for part in parts if part.state_RC is not None]
    return Read(
        rows=tuple(rows[place] for place in places),
        cache=_cache_of(model, layers),
        number_RS=joined([part.number_RS for part in parts], -1),
        thought_R1D=torch.cat([part.thought_R1D for part in parts])[place_X],
        state_RC=torch.cat(states)[place_X] if states else None,
    )


def _cache_of(model: Any, layers: Sequence[tuple[torch.Tensor, ...]]) -> Any:
    """A cache that holds these keys and values."""
    cache = DynamicCache(config=model.config)
    for number, (keys, values) in enumerate(layers):
        cache.update(keys, values, number)
    return cache
