"""Keys and values of a prefix that prompts share, and the caches that are made of them.

Knows transformers' caches; deliberately knows nothing of which prompts are computed when.

Axis legend: G rows of a cache.
"""

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
