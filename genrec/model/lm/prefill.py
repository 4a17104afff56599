"""Prefill: the keys and values of a batch of prompts, with no part of them computed twice.

Equal prompts are computed once; what they all begin with comes from a `PrefixCache`; a prompt that begins like another,
such as a history without one of its items, goes on from where they differ. Of the last layer only what is needed of it
is computed. Knows which prompts are computed when; deliberately knows nothing of beams.

Axis legend: B prompts that are asked for, T their tokens, R prompts that are computed, G of which in one call, S places
in the cache, D features of hidden states or logits, C features of a sequence model's state.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from genrec.model.lm.forward import ForwardPass
from genrec.model.lm.item_projector import projector_of
from genrec.model.lm.prefix_cache import (
    PrefixCache,
    copy_rows,
    join_caches,
    join_rows,
    keeps_all_tokens,
    rows_of_parts,
)

CALL_TOKENS = 128  # what a call of the model costs on a CPU beside its tokens, in tokens


@dataclass(frozen=True, slots=True)
class Prefilled:
    """Prompts whose keys and values are known.

    rows: which of those asked for; cache: their keys and values; position_RS: int64, which token of its prompt each
    place in the cache holds, -1 for none; output_R1D: hidden states or logits at the last token of each; state_RC: what
    an item projector read last, None without one.
    """

    rows: tuple[int, ...]
    cache: Any  # Any: transformers' cache
    position_RS: torch.Tensor
    output_R1D: torch.Tensor
    state_RC: torch.Tensor | None


class Prefiller:
    """Prefills one batch of prompts, padded on the left."""

    def __init__(
        self,
        model: Any,
        forward: ForwardPass,
        *,
        tokens_BT: torch.Tensor,
        length_B: torch.Tensor,
        adapters: Sequence[str] | None,
        prefix: PrefixCache | None,
    ) -> None:
        """adapters: one name per prompt; prefix: what prompts may begin with, by the model without these."""
        self._model, self._forward, self._tokens_BT, self._length_B = model, forward, tokens_BT, length_B
        self._adapters = adapters
        self._can_join = keeps_all_tokens(model)
        self._prefix = prefix if adapters is None and self._can_join else None
        self._lengths: list[int] = length_B.tolist()
        rows = zip(tokens_BT.tolist(), self._lengths, strict=True)
        self._prompts = [tuple(row[len(row) - length :]) for row, length in rows]

    def run(self) -> Prefilled:
        """All prompts, in their order."""
        adapter_of = self._adapters or [""] * len(self._prompts)
        keys = zip(self._prompts, adapter_of, strict=True) if self._can_join else range(len(self._prompts))
        first_of: dict[object, int] = {}  # the row that is computed for all that are equal
        first_of_B = [first_of.setdefault(key, row) for row, key in enumerate(keys)]
        is_cut = self._can_join and self._tokens_BT.device.type == "cpu"
        known = {row: self._num_cached(row) for row in first_of.values()}
        branches = _branches({row: (adapter_of[row], *self._prompts[row]) for row in known}, known) if is_cut else {}
        parts = [
            self._prefill_from_prefix(rows, known[rows[0]])
            for count in sorted(set(known.values()))
            for rows in self._groups(
                {row: count for row in known if known[row] == count and row not in branches}, is_cut
            )
        ]
        if branches:
            trunks = _join(self._model, parts)
            shared = {row: common for row, (_, common) in branches.items()}
            grown = [self._prefill_from_trunks(rows, trunks, branches) for rows in self._groups(shared, is_cut)]
            parts = [trunks, *grown]
        place_of = {row: place for place, row in enumerate(itertools.chain.from_iterable(part.rows for part in parts))}
        return _join(self._model, parts, [place_of[row] for row in first_of_B])

    def _num_cached(self, row: int) -> int:
        prefix = self._prefix
        return len(prefix.tokens) if prefix is not None and prefix.is_prefix_of(self._prompts[row]) else 0

    def _groups(self, known: Mapping[int, int], is_cut: bool) -> list[list[int]]:
        """Rows to compute together, by how many tokens of each are known: on CPUs those with like many left."""
        rows = list(known)
        if not is_cut:
            return [rows] if rows else []
        return [
            [rows[n] for n in group] for group in groups_of_like_length([self._lengths[r] - known[r] for r in rows])
        ]

    def _prefill_from_prefix(self, rows: Sequence[int], num_known: int) -> Prefilled:
        cache = self._prefix.expand(len(rows)) if self._prefix is not None and num_known else None
        position_GS = torch.arange(num_known, device=self._length_B.device).expand(len(rows), -1)
        return self._go_on(rows, cache, position_GS, torch.full_like(self._length_B[list(rows)], num_known))

    def _prefill_from_trunks(self, rows: Sequence[int], trunks: Prefilled, branches: "Branches") -> Prefilled:
        place_of = {row: place for place, row in enumerate(trunks.rows)}
        places_G = torch.tensor([place_of[branches[row][0]] for row in rows], device=self._length_B.device)
        known_G = torch.tensor([branches[row][1] for row in rows], device=self._length_B.device)
        position_GS = trunks.position_RS[places_G]
        position_GS = position_GS.where(position_GS < known_G[:, None], -1)
        return self._go_on(rows, copy_rows(self._model, trunks.cache, places_G), position_GS, known_G)

    def _go_on(self, rows: Sequence[int], cache: Any, position_GS: torch.Tensor, known_G: torch.Tensor) -> Prefilled:
        """Compute what is left of prompts of which the cache holds the first tokens."""
        length_G = self._length_B[list(rows)]
        whole_GT = self._tokens_BT[list(rows), -int(length_G.max()) :]
        longest = int((length_G - known_G).max())
        place_GT = torch.arange(longest, device=length_G.device) - longest + length_G[:, None]
        own_GT = place_GT.where(place_GT >= known_G[:, None], -1)
        position_GS = torch.cat([position_GS, own_GT], dim=1)
        adapters = None if self._adapters is None else [self._adapters[row] for row in rows]
        with _last_token_only(self._model, whole_GT) if self._can_join else nullcontext():
            outputs, cache = self._forward(
                whole_GT[:, -longest:],
                position_GS.ge(0).long(),
                place_GT.clamp(min=0),
                1,
                cache=cache,
                adapters=adapters,
            )
        projector = projector_of(self._model)
        state_GC = None if projector is None else projector.last_state_BC
        return Prefilled(tuple(rows), cache, position_GS, outputs[:, -1:], state_GC)


Branches = Mapping[int, tuple[int, int]]  # of a row: the row that it begins like, and how many tokens they share


def _branches(prompts: Mapping[int, Sequence[object]], known: Mapping[int, int]) -> Branches:
    """Prompts that go on from others, of which they share half or more, where that saves more than a call costs.

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
        differs_RT[:, -1:] = True  # the last token must be computed, as what follows depends on it
        common_R = differs_RT.argmax(axis=1) - 1 if trunks else np.zeros(0, int)
        best = int(common_R.argmax()) if trunks else 0
        if trunks and 2 * (common_R[best] - known[row]) >= len(prompts[row]) - known[row]:
            found[row] = (trunks[best], int(common_R[best]))
        else:
            trunk_RT[len(trunks), : len(own_T)] = own_T
            trunks.append(row)
    num_saved = sum(common - known[row] for row, (_, common) in found.items())
    return found if num_saved > CALL_TOKENS else {}


def groups_of_like_length(lengths: Sequence[int]) -> list[list[int]]:
    """Prompts to compute together: the cut of the sorted ones that computes least, calls having a cost, too.

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


@contextmanager
def _last_token_only(model: Any, whole_GT: torch.Tensor) -> Iterator[None]:
    """Within: hidden states are right for the last token of each row alone.

    The last layer's keys and values are all that others need of it, so its feed-forward net, which is most of it, is
    run for the last token and added to every one. whole_GT: the rows with the tokens that are known.
    """
    layers, projector = getattr(model.get_decoder(), "layers", None), projector_of(model)
    net = None if layers is None else getattr(layers[-1], "mlp", None)
    hook = None
    if net is not None:
        hook = net.register_forward_pre_hook(lambda _, inputs: (inputs[0][:, -1:], *inputs[1:]))
    try:
        with nullcontext() if projector is None else projector.last_token_only(whole_GT):
            yield
    finally:
        if hook is not None:
            hook.remove()


def _join(model: Any, parts: Sequence[Prefilled], places: Sequence[int] | None = None) -> Prefilled:
    """One whole of all parts. places: which of their prompts, one part after the other; None for each as it comes."""
    rows = [row for part in parts for row in part.rows]
    places = range(len(rows)) if places is None else places
    if len(parts) == 1 and list(places) == list(range(len(rows))):
        return parts[0]
    place_X = torch.tensor(places, device=parts[0].position_RS.device)
    picked = rows_of_parts([len(part.rows) for part in parts], place_X)
    states = [part.state_RC for part in parts if part.state_RC is not None]
    return Prefilled(
        rows=tuple(rows[place] for place in places),
        cache=join_caches(model, [part.cache for part in parts], picked),
        position_RS=join_rows([part.position_RS for part in parts], picked, empty=-1),
        output_R1D=torch.cat([part.output_R1D for part in parts])[place_X],
        state_RC=torch.cat(states)[place_X] if states else None,
    )
