"""The head of a language model, a few rows at a time."""

from typing import Any

import torch
import torch.nn.functional as F


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
