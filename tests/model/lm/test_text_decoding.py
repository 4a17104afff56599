"""Speculative decoding writes what greedy decoding writes, in fewer calls of the model."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

from genrec.model.lm.text_decoding import NgramIndex, decode_greedily
from genrec.model.lm.vocabulary import IdVocabulary

NUM_WORDS = 12
IDS = IdVocabulary((4, 4), NUM_WORDS)
SIZES = {
    "vocab_size": NUM_WORDS + 8, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "initializer_range": 0.4,
    "pad_token_id": 0, "eos_token_id": None, "bos_token_id": None,
}  # fmt: skip
MODELS = {"qwen": (Qwen3Config, Qwen3ForCausalLM), "llama": (LlamaConfig, LlamaForCausalLM)}


def make_model(kind: str, seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    config, model = MODELS[kind]
    return model(config(**SIZES)).eval()


def padded(prompts: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    longest = max(map(len, prompts), default=1)
    tokens = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts])
    return tokens, torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])


def write(
    model: torch.nn.Module,
    prompts: list[list[int]],
    end: int,
    max_new_tokens: int = 30,
    ngrams: NgramIndex | None = None,
    pause: Callable[[], None] = lambda: None,
) -> list[list[int]]:
    tokens, mask = padded(prompts)
    return decode_greedily(
        model,
        prompts,
        tokens_BT=tokens,
        mask_BT=mask,
        ids=IDS,
        end=end,
        max_new_tokens=max_new_tokens,
        ngrams=ngrams or NgramIndex(),
        pause=pause,
    )


def greedy(model: torch.nn.Module, prompt: list[int], end: int, max_new_tokens: int = 30) -> list[int]:
    """One token at a time, without a cache."""
    said: list[int] = []
    while len(said) < max_new_tokens and end not in said:
        logits = model(input_ids=torch.tensor([[*prompt, *said]])).logits[0, -1].detach()
        logits[NUM_WORDS : NUM_WORDS + IDS.num_tokens] = -torch.inf
        said.append(int(logits.argmax()))
    return said


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("seed", range(4))
def test_it_is_what_one_token_at_a_time_gives(kind, seed):
    model, rng = make_model(kind, seed), np.random.default_rng(seed)
    prompts = [rng.integers(1, NUM_WORDS, size=size).tolist() for size in (9, 3, 14, 1)]
    lengths = set()
    for end in range(1, NUM_WORDS, 3):
        written = write(model, prompts, end=end)
        assert written == [greedy(model, prompt, end) for prompt in prompts]
        assert write(model, prompts, end=end, max_new_tokens=5) == [said[:5] for said in written]
        lengths |= {len(said) for said in written}
    assert len(lengths) > 2  # some end before others


def test_others_may_use_the_model_between_its_steps():
    model, prompts = make_model("qwen", 0), [[5, 6, 7], [8, 9]]
    written = write(model, prompts, end=3)
    aside = []
    assert write(model, prompts, end=3, pause=lambda: aside.append(write(model, prompts[:1], end=3))) == written
    assert len(aside) > 2
    assert all(said == written[:1] for said in aside)


def test_what_goes_on_as_before_is_written_in_fewer_calls():
    model = make_model("qwen", 1)
    prompt = [5, 6, 7, 8]
    said = greedy(model, prompt, 3, max_new_tokens=60)  # a small model soon repeats itself
    calls = [1]  # and one more after each pause
    assert write(model, [prompt], end=3, max_new_tokens=60, pause=lambda: calls.append(1)) == [said]
    assert len(said) == 60
    assert len(calls) < 40  # of 60


def test_what_was_said_lately_is_said_again_in_fewer_calls():
    model, prompts = make_model("qwen", 2), [[5, 6, 7, 8], [9, 1, 11]]
    expected = [greedy(model, prompt, 3) for prompt in prompts]
    ngrams, pauses = NgramIndex(), ([], [])
    for between in pauses:
        assert write(model, prompts, end=3, ngrams=ngrams, pause=lambda seen=between: seen.append(1)) == expected
    assert 0 < len(pauses[1]) < len(pauses[0])
    other = [[2, 2, 10], [9, 1, 11, 5]]  # words that were said after others never change what these say
    assert write(model, other, end=3, ngrams=ngrams) == [greedy(model, prompt, 3) for prompt in other]


def test_nothing_is_asked_for_nothing():
    assert write(None, [], end=3) == []
