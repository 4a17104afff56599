"""Memory-saving training: the same losses with fewer passes over memory, which take most of the time on a processor.

Knows models by their layers alone; deliberately knows nothing of items, examples or of the loop that trains.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from peft.tuners.lora import Linear as LoraLinear
from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

FLOAT32_ATTENTION = "sdpa_in_float32"
_MAX_MERGED_WIDTH = 512  # features up to which one product with a summed weight costs less than two and their sum


@contextlib.contextmanager
def saving_memory(model: Any, *, half_precision: bool) -> Iterator[None]:  # Any: a transformers model, maybe of peft
    """Within, on a processor: narrow layers add their LoRA to the weight, and attention is computed in float32.

    half_precision: whether the rest is computed in bfloat16, in which torch's attention goes back five times slower.
    """
    with contextlib.ExitStack() as changes:
        if next(model.parameters()).device.type == "cpu":
            changes.enter_context(_merged_lora(model))
            if half_precision:
                changes.enter_context(_attention_in_float32(model))
        yield


@contextlib.contextmanager
def _merged_lora(model: Any) -> Iterator[None]:
    layers = [layer for layer in model.modules() if type(layer) is LoraLinear and _can_merge(layer)]
    for layer in layers:
        layer.forward = _MergedForward(layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward  # that of the class again


def _can_merge(layer: LoraLinear) -> bool:
    """Whether a layer is narrow, in single precision, and has one LoRA of two matrices, without dropout.

    A sum with narrower weights would lose what is small beside them, as a LoRA is.
    """
    names = layer.active_adapters
    return (
        len(names) == 1
        and not layer.merged
        and not layer.fan_in_fan_out
        and not layer.lora_variant
        and not layer.lora_bias[names[0]]
        and isinstance(layer.lora_dropout[names[0]], nn.Identity)
        and layer.base_layer.weight.dtype == torch.float32
        and min(layer.in_features, layer.out_features) <= _MAX_MERGED_WIDTH
    )


class _MergedForward:
    """The forward pass of one layer: x (W + s B A)ᵀ in place of x Wᵀ + s (x Aᵀ) Bᵀ."""

    def __init__(self, layer: LoraLinear) -> None:
        self._layer, self._name = layer, layer.active_adapters[0]

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        layer, name = self._layer, self._name
        update = layer.lora_B[name].weight @ layer.lora_A[name].weight
        return F.linear(x, layer.base_layer.weight + layer.scaling[name] * update, layer.base_layer.bias)


@contextlib.contextmanager
def _attention_in_float32(model: Any) -> Iterator[None]:
    usual = model.config._attn_implementation
    model.set_attn_implementation(FLOAT32_ATTENTION)
    try:
        yield
    finally:
        model.set_attn_implementation(usual)


def _attend_in_float32(module: Any, query: Any, key: Any, value: Any, mask: Any, **options: Any) -> Any:
    if mask is not None and mask.is_floating_point():  # what is added, made in the model's own precision
        mask = mask.float()
    with torch.autocast(query.device.type, enabled=False):
        return sdpa_attention_forward(module, query.float(), key.float(), value.float(), mask, **options)


AttentionInterface.register(FLOAT32_ATTENTION, _attend_in_float32)
AttentionMaskInterface.register(FLOAT32_ATTENTION, sdpa_mask)
