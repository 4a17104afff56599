"""Foundation language models as they are loaded, by name or folder, whole or quantized to four bits.

Knows transformers and bitsandbytes; deliberately knows nothing of what the model is tuned for.
"""

import os
from typing import Any

import torch
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from genrec.pretrained import load_weights
from genrec.runtime import quietly


@quietly()
def load_causal_lm(name_or_path: str, *, dtype: str, four_bit: bool, device: torch.device) -> Any:
    """A transformers causal language model on a device; four_bit quantizes its linear layers by bitsandbytes NF4."""
    if device.type == "cpu":  # whose attention shares keys and values among heads, under a mask too, without copies
        os.environ.setdefault("TRANSFORMERS_SDPA_FORCE_GQA", "1")
    options: dict[str, Any] = {"dtype": getattr(torch, dtype)}
    if four_bit:
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=getattr(torch, dtype)
        )
        options["device_map"] = {"": device}
    model = load_weights(AutoModelForCausalLM, name_or_path, **options)
    if not four_bit:
        return model.to(device)
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            # bitsandbytes 0.50 repacks weights at inference on CPUs, and fails where a width is no multiple of 64.
            module.support_avx512bf16_for_cpu = False
    return model
