"""Prompts are computed once, in part or whole, and answered as each alone."""

import numpy as np
import pytest
import torch
from lm_worlds import NUM_WORDS, make_codes, make_model
from transformers import Qwen3Config, Qwen3ForCausalLM

from genrec.model.lm.beam_search import score_items, search_beams
from genrec.model.lm.prefill import groups_of_like_length
from genrec.model.lm.prefix_cache import PrefixCache
from genrec.model.lm.vocabulary import IdVocabulary
from genrec.semids.trie import Trie


@pytest.mark.parametrize("sliding", [False, True])  # a cache that forgets cannot be joined, so all is read at once
def test_prompts_of_unequal_length_are_answered_as_each_alone(sliding):
    codes = make_codes(2, 40, (4, 4, 4))
    ids = IdVocabulary((4, 4, 4), NUM_WORDS)
    model = make_model(2, NUM_WORDS + ids.num_tokens)
    if sliding:
        options = {"use_sliding_window": True, "sliding_window": 64, "layer_types": ["sliding_attention"] * 2}
        weights = model.state_dict()
        model = Qwen3ForCausalLM(Qwen3Config(**model.config.to_dict() | options)).eval()
        model.load_state_dict(weights)
    trie = Trie.build(codes)
    rng = np.random.default_rng(2)
    prompts = [rng.integers(1, NUM_WORDS, length).tolist() for length in (50, 3, 48, 4, 5, 47, 3, 3, 20, 21)]
    assert len(groups_of_like_length([len(prompt) for prompt in prompts])) > 1

    def answer(some):
        longest = max(map(len, some))
        tokens = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in some])
        return search_beams(model, tokens_BT=tokens, mask_BT=(tokens > 0).long(), trie=trie, ids=ids, width=8)

    together = answer(prompts)
    for number, prompt in enumerate(prompts):
        alone = answer([prompt])
        assert together.row[number].tolist() == alone.row[0].tolist()
        torch.testing.assert_close(together.score_nats[number], alone.score_nats[0], rtol=1e-4, atol=1e-4)


def test_a_shared_prefix_is_computed_once():
    ids = IdVocabulary((4, 4, 4), NUM_WORDS)
    model = make_model(2, NUM_WORDS + ids.num_tokens)
    codes = make_codes(2, 40, (4, 4, 4))
    options = {"trie": Trie.build(codes), "ids": ids}
    begun = [5, 6, 7, 8, 9]
    # Of like and unlike length, twice the same, without the prefix, nothing but the prefix, and less than that.
    rest = [[3], [1, 2, 3, 4], [1, 2, 3, 4], list(range(1, 18)), [11] * 30]
    prompts = [*([*begun, *more] for more in rest), [1, 2, 3, 4], begun, [5, 6], [5, 6, 7, 1, 1, 1, 1]]
    with torch.inference_mode():
        prefix = PrefixCache(model, begun)
    num_read = []
    model.model.register_forward_pre_hook(
        lambda _, __, kwargs: num_read.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    codes_BWL = torch.tensor(codes[:3]).expand(len(prompts), -1, -1)
    longest = max(map(len, prompts))
    tokens = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts])
    everyone = list(range(len(prompts)))
    for rows in (everyone, everyone[:5], [0], [3, 3], [5, 6]):
        asked = {"tokens_BT": tokens[rows], "mask_BT": (tokens[rows] > 0).long(), **options}
        found, counts = [], []
        for known in (None, prefix):
            num_read.clear()
            beams = search_beams(model, width=8, prefix=known, **asked)
            found.append((beams.row, beams.score_nats))
            found[-1] += (score_items(model, codes_BWL=codes_BWL[rows], prefix=known, **asked),)
            counts.append(sum(num_read))
        torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-4)
        if rows != everyone:
            assert (counts[1] < counts[0]) == (max(rows) < 5)


@pytest.mark.parametrize("begun", [[], [5, 6, 7]])  # a prefix that is cached, or none
def test_prompts_that_branch_off_another_are_computed_from_there(begun):
    ids = IdVocabulary((4, 4, 4), NUM_WORDS)
    model = make_model(2, NUM_WORDS + ids.num_tokens)
    codes = make_codes(2, 40, (4, 4, 4))
    rng = np.random.default_rng(3)
    trunks = [[*begun, *rng.integers(1, NUM_WORDS, length).tolist()] for length in (70, 50, 66)]
    without = [
        trunk[:place] + trunk[place + 4 :] for trunk in trunks for place in range(len(trunk) // 2, len(trunk) - 4, 3)
    ]
    prompts = [*without, *trunks, trunks[0][:40], [*begun, 9, 9]]  # one is nothing but the beginning of another
    with torch.inference_mode():
        prefix = PrefixCache(model, begun) if begun else None
    options = {"trie": Trie.build(codes), "ids": ids, "prefix": prefix}
    codes_BWL = torch.tensor(codes[:3])[None]
    read = []
    model.model.register_forward_pre_hook(
        lambda _, __, kwargs: read.append(kwargs["input_ids"].numel()), with_kwargs=True
    )

    def score(some):
        longest = max(map(len, some))
        tokens = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in some])
        codes = codes_BWL.expand(len(some), -1, -1)
        return score_items(model, tokens_BT=tokens, mask_BT=(tokens > 0).long(), codes_BWL=codes, **options)

    together = score(prompts)
    whole = sum(len(prompt) - len(begun) for prompt in prompts)
    assert sum(read[:-2]) < 0.6 * whole  # the last two calls write codes
    for number, prompt in enumerate(prompts):
        torch.testing.assert_close(together[number], score([prompt])[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("others", [[], [[4, 4, 4, 4, 4, 4, 4]]])  # alone, and in a cache that is joined of parts
def test_equal_prompts_are_computed_once_and_answered_each_by_its_own_filter(others):
    ids = IdVocabulary((4, 4, 4), NUM_WORDS)
    model = make_model(2, NUM_WORDS + ids.num_tokens)
    trie = Trie.build(make_codes(2, 40, (4, 4, 4)))
    prompts = [[1, 2, 3], *others, [1, 2, 3], [1, 2, 3]]
    masks = [trie.mask(np.arange(40) % 3 == number % 3) for number in range(len(prompts))]
    num_read = []
    model.model.register_forward_pre_hook(
        lambda _, args, kwargs: num_read.append(len(kwargs["input_ids"])), with_kwargs=True
    )

    def answer(numbers):
        some = [prompts[number] for number in numbers]
        longest = max(map(len, some))
        tokens = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in some])
        narrowing = trie.narrow([masks[number] for number in numbers], [np.array([], int)] * len(numbers))
        return search_beams(
            model, tokens_BT=tokens, mask_BT=(tokens > 0).long(), trie=trie, ids=ids, width=8, narrowing=narrowing
        )

    together = answer(range(len(prompts)))
    assert num_read[0] == 1 + len(others)
    for number in range(len(prompts)):
        alone = answer([number])
        assert together.row[number].tolist() == alone.row[0].tolist()
        torch.testing.assert_close(together.score_nats[number], alone.score_nats[0], rtol=1e-4, atol=1e-4)


def test_prompts_are_batched_where_that_computes_least():
    rng = np.random.default_rng(0)
    for _ in range(20):
        lengths = rng.integers(1, 300, rng.integers(1, 9)).tolist()
        groups = groups_of_like_length(lengths)
        assert sorted(row for group in groups for row in group) == list(range(len(lengths)))

        def cost(parts):
            return sum(len(part) * max(part) + 128 for part in parts)

        ordered = sorted(lengths)
        cuts = [
            np.split(ordered, [i for i in range(1, len(ordered)) if mask >> (i - 1) & 1])
            for mask in range(2 ** (len(ordered) - 1))
        ]
        assert cost([[lengths[row] for row in group] for group in groups]) == min(map(cost, cuts))
