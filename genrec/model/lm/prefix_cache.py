"""Keys and values of a prefix that prompts share, and how caches are made, copied and joined.

Knows transformers' caches; deliberately knows nothing of which prompts are computed when.

Axis legend: G rows of a cache, R rows of a part, S places in it, X rows of the parts joined.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer


class PrefixCache:
    """Keys and values of the first tokens of prompts, computed once."""

    def __init__(self, model: Any, tokens: Sequence[int]) -> None:
        """The weights of the model must stay as they are from now on."""
        self.tokens = tuple(tokens)
        output = model(input_ids=torch.tensor([self.tokens], device=model.device), use_cache=True, logits_to_keep=1)
        self._model, self._layers = model, [(layer.keys, layer.values) for layer in output.past_key_values.layers]

    def is_prefix_of(self, prompt: Sequence[int]) -> bool:
        """Whether a prompt begins with these tokens, and goes on."""
        return len(prompt) > len(self.tokens) and tuple(prompt[: len(self.tokens)]) == self.tokens

    def expand(self, num_prompts: int) -> Any:
        """A cache of so many prompts that hold these tokens so far."""
        return make_cache(
            self._model,
            [(k.expand(num_prompts, -1, -1, -1), v.expand(num_prompts, -1, -1, -1)) for k, v in self._layers],
        )


def keeps_all_tokens(model: Any) -> bool:
    """Whether a model's cache is the keys and values of every token, which can be joined, split and masked."""
    return all(type(layer) is DynamicLayer for layer in DynamicCache(config=model.config).layers)


def make_cache(model: Any, layers: Sequence[tuple[torch.Tensor, ...]]) -> Any:  # Any: transformers' cache
    """A cache that holds these keys and values, one pair per layer."""
    cache = DynamicCache(config=model.config)
    for number, (keys, values) in enumerate(layers):
        cache.update(keys, values, number)
    return cache


def copy_rows(model: Any, cache: Any, rows_G: torch.Tensor) -> Any:
    """A cache of some rows of another, int64 (G,); one may come several times."""
    return make_cache(model, [(layer.keys[rows_G], layer.values[rows_G]) for layer in cache.layers])


Picked = Sequence[tuple[torch.Tensor, torch.Tensor]]  # of each part: rows of the whole that are its, and which of its


def rows_of_parts(sizes: Sequence[int], place_X: torch.Tensor) -> Picked:
    """The rows of a whole by the parts they come from. place_X: int64, rows of all parts, one part after the other."""
    bounds = itertools.pairwise(itertools.accumulate(sizes, initial=0))
    return [
        (own_X, place_X[own_X] - first)
        for first, end in bounds
        for own_X in [((place_X >= first) & (place_X < end)).nonzero()[:, 0]]
    ]


def join_rows(parts: Sequence[torch.Tensor], picked: Picked, empty: float) -> torch.Tensor:
    """Picked rows of (R, S) or (R, heads, S, features) of each part, padded on the right by `empty`."""
    axis = min(2, parts[0].dim() - 1)
    shape = list(parts[0].shape)
    shape[0], shape[axis] = sum(len(own_X) for own_X, _ in picked), max(part.shape[axis] for part in parts)
    whole = parts[0].new_full(shape, empty)
    for part, (own_X, rows) in zip(parts, picked, strict=True):
        whole.narrow(axis, 0, part.shape[axis])[own_X] = part[rows]
    return whole


def join_caches(model: Any, caches: Sequence[Any], picked: Picked) -> Any:
    """One cache of picked rows of others."""
    layers = zip(*(cache.layers for cache in caches), strict=True)
    return make_cache(
        model,
        [
            tuple(join_rows([getattr(layer, name) for layer in parts], picked, 0.0) for name in ("keys", "values"))
            for parts in layers
        ],
    )
