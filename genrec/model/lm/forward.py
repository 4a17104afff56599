"""One forward pass of a causal language model, with no more of its head than is asked for.

Knows how a transformers model, maybe wrapped by peft, is called and what its head is made of; deliberately knows
nothing of prompts, items or beams.

Axis legend: G rows of a call, T tokens, D features of hidden states, V tokens of the vocabulary.
"""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import torch
import torch.nn.functional as F

NormalizeOver: TypeAlias = Literal["children", "vocabulary"]


class LmHead:
    """The rows of a language model's head, some at a time; gradients flow through it.

    Some rows are multiplied in single precision, whatever the weights are in: bfloat16 keeps three digits of a logit,
    and codes that lie closer together would tie. All of them are multiplied in the precision of the weights, since a
    copy of a whole head takes longer than the product.
    """

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
        weight_VD, bias_V = self._weight_VD[first:last], None if self._bias_V is None else self._bias_V[first:last]
        if last is not None:
            weight_VD, bias_V = weight_VD.float(), None if bias_V is None else bias_V.float()
        logits = F.linear(hidden.to(weight_VD.dtype), weight_VD, bias_V) * (self._factor / self._divisor)
        return logits if not self._cap else torch.tanh(logits / self._cap) * self._cap


class ForwardPass:
    """Calls of one model over growing caches.

    normalize_over: what the probability of a token is a share of. With "vocabulary" a call returns logits; with
    "children" it returns hidden states, as only some rows of the head are needed of them.
    """

    def __init__(self, model: Any, normalize_over: NormalizeOver) -> None:
        self._model = model
        self._head = None if normalize_over == "vocabulary" else LmHead(model)

    def __call__(
        self,
        tokens_GT: torch.Tensor,
        mask: torch.Tensor,
        position_GT: torch.Tensor,
        num_last: int,
        *,
        cache: Any,  # Any: transformers' cache
        adapters: Sequence[str] | None,
    ) -> tuple[torch.Tensor, Any]:
        """Hidden states (G, T, D) or logits of the last tokens (G, num_last, V), and the cache with all tokens.

        mask: as transformers takes it; adapters: peft's names, one per row, None for the model as it is.
        """
        options: dict[str, object] = {} if adapters is None else {"adapter_names": list(adapters)}
        if self._head is not None:
            none = torch.zeros(0, dtype=torch.int64, device=tokens_GT.device)
            options |= {"output_hidden_states": True, "logits_to_keep": none}
        else:
            options |= {"logits_to_keep": num_last}
        output = self._model(
            input_ids=tokens_GT,
            attention_mask=mask,
            position_ids=position_GT,
            past_key_values=cache,
            use_cache=True,
            **options,
        )
        outputs: torch.Tensor = output.logits if self._head is None else output.hidden_states[-1]
        return outputs, output.past_key_values

    def log_probs(self, outputs: torch.Tensor, first: int, size: int) -> torch.Tensor:
        """Log-probabilities in nats of `size` tokens from `first` on, (..., size), from what a call returned.

        They are normalized over these tokens, or over the whole vocabulary.
        """
        if self._head is None:
            return outputs.float().log_softmax(dim=-1)[..., first : first + size]
        return self._head(outputs, first, first + size).float().log_softmax(dim=-1)
