"""Beams over the trie: legal, and scored as transformers scores them."""

import numpy as np
import pytest
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from genrec.model.decoding import search_beams
from genrec.model.vocabulary import IdVocabulary
from genrec.semids.trie import Trie

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


def transformers_beams(model, prompt, trie_codes, ids, width):
    """The reference: transformers' own beam search with a prefix function."""
    legal: dict[tuple[int, ...], list[int]] = {}
    for codes in trie_codes:
        tokens = ids.tokens([tuple(int(c) for c in codes)])
        for depth in range(len(tokens)):
            legal.setdefault(tuple(tokens[:depth]), []).append(tokens[depth])

    def allowed(_, tokens):
        return sorted(set(legal[tuple(tokens[len(prompt) :].tolist())]))

    out = model.generate(
        torch.tensor([prompt]),
        attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
        num_beams=width,
        num_return_sequences=width,
        max_new_tokens=ids.depth,
        prefix_allowed_tokens_fn=allowed,
        length_penalty=0.0,
        do_sample=False,
        return_dict_in_generate=True,
        output_scores=True,
    )
    return out.sequences[:, len(prompt) :].tolist(), out.sequences_scores.numpy()


@pytest.mark.parametrize(
    ("seed", "num_items", "level_sizes", "width"),
    [(0, 60, (5, 6, 7), 10), (1, 40, (8, 4, 4, 2), 5), (2, 300, (16, 16, 4), 25), (3, 12, (3, 4), 2)],
)
def test_scores_equal_those_of_transformers(seed, num_items, level_sizes, width):
    ids = IdVocabulary(level_sizes, NUM_WORDS)
    model = make_model(seed, NUM_WORDS + ids.num_tokens)
    codes = make_codes(seed, num_items, level_sizes)
    rng = np.random.default_rng(seed)
    prompts = [rng.integers(1, NUM_WORDS, size=length).tolist() for length in (9, 4, 6)]
    longest = max(map(len, prompts))
    tokens = torch.tensor([[0] * (longest - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts])
    beams = search_beams(model, tokens_BT=tokens, mask_BT=mask, trie=Trie.build(codes), ids=ids, width=width)
    for row, prompt in enumerate(prompts):
        sequences, scores = transformers_beams(model, prompt, codes, ids, width)
        ours = [ids.tokens([tuple(codes[r])]) for r in beams.row[row].tolist()]
        np.testing.assert_allclose(beams.score_nats[row].numpy(), scores, atol=1e-4)
        assert ours == sequences


def test_a_wide_beam_ranks_all_items_by_their_exact_probability():
    level_sizes = (4, 4, 4)
    ids = IdVocabulary(level_sizes, NUM_WORDS)
    model = make_model(5, NUM_WORDS + ids.num_tokens)
    codes = make_codes(5, 30, level_sizes)
    prompt = torch.tensor([[3, 4, 5]])
    beams = search_beams(
        model, tokens_BT=prompt, mask_BT=torch.ones_like(prompt), trie=Trie.build(codes), ids=ids, width=30
    )
    exact = []
    for item in codes:
        tokens = torch.tensor([[3, 4, 5, *ids.tokens([tuple(item)])]])
        log_probs = model(tokens).logits[0].log_softmax(-1)
        exact.append(sum(log_probs[2 + i, tokens[0, 3 + i]].item() for i in range(3)))
    assert beams.row[0].tolist() == np.argsort(exact)[::-1].tolist()


def test_filters_narrow_the_beam_to_the_allowed_items():
    level_sizes = (6, 6, 6)
    ids = IdVocabulary(level_sizes, NUM_WORDS)
    model = make_model(6, NUM_WORDS + ids.num_tokens)
    trie = Trie.build(make_codes(6, 120, level_sizes))
    allowed = torch.zeros(2, 120, dtype=torch.bool)
    allowed[0, [3, 50, 77]] = True
    allowed[1] = True
    tokens = torch.tensor([[1, 2], [3, 4]])
    beams = search_beams(
        model,
        tokens_BT=tokens,
        mask_BT=torch.ones_like(tokens),
        trie=trie,
        ids=ids,
        width=20,
        counts_BN=trie.count_allowed(allowed),
    )
    finite = beams.score_nats[0].isfinite()
    assert set(beams.row[0][finite].tolist()) == {3, 50, 77}
    assert beams.score_nats[1].isfinite().all()
    assert len(set(beams.row[1].tolist())) == 20
