"""Tiny random language models, and catalogs of random semantic IDs."""

import numpy as np
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

NUM_WORDS = 20


def make_model(seed: int, num_tokens: int) -> Qwen3ForCausalLM:
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=num_tokens,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=128,
        initializer_range=0.4,
        pad_token_id=0,
        eos_token_id=None,
        bos_token_id=None,
    )
    return Qwen3ForCausalLM(config).eval()


def make_codes(seed: int, num_items: int, level_sizes: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(seed)
    total = int(np.prod(level_sizes))
    return np.stack(np.unravel_index(rng.choice(total, num_items, replace=False), level_sizes), axis=1)
