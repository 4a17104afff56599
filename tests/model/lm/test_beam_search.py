"""Beams over the trie: legal, and scored as transformers scores them."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import Qwen3Config, Qwen3ForCausalLM

from genrec.model.lm.beam_search import score_items, search_beams
from genrec.model.lm.best_first import stream_items
from genrec.model.lm.prefill import groups_of_like_length
from genrec.model.lm.prefix_cache import PrefixCache
from genrec.model.lm.vocabulary import IdVocabulary
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


def transformers_beams(model, prompt, trie_codes, ids, width, over):
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
        renormalize_logits=over == "children",
        length_penalty=0.0,
        do_sample=False,
        return_dict_in_generate=True,
        output_scores=True,
    )
    return out.sequences[:, len(prompt) :].tolist(), out.sequences_scores.numpy()


@pytest.mark.parametrize("over", ["children", "vocabulary"])
@pytest.mark.parametrize(
    ("seed", "num_items", "level_sizes", "width"),
    [(0, 60, (5, 6, 7), 10), (1, 40, (8, 4, 4, 2), 5), (2, 300, (16, 16, 4), 25), (3, 12, (3, 4), 2)],
)
def test_scores_equal_those_of_transformers(seed, num_items, level_sizes, width, over):
    ids = IdVocabulary(level_sizes, NUM_WORDS)
    model = make_model(seed, NUM_WORDS + ids.num_tokens)
    codes = make_codes(seed, num_items, level_sizes)
    rng = np.random.default_rng(seed)
    prompts = [rng.integers(1, NUM_WORDS, size=length).tolist() for length in (9, 4, 6)]
    longest = max(map(len, prompts))
    tokens = torch.tensor([[0] * (longest - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts])
    beams = search_beams(
        model, tokens_BT=tokens, mask_BT=mask, trie=Trie.build(codes), ids=ids, width=width, normalize_over=over
    )
    for row, prompt in enumerate(prompts):
        sequences, scores = transformers_beams(model, prompt, codes, ids, width, over)
        ours = [ids.tokens([tuple(codes[r])]) for r in beams.row[row].tolist()]
        np.testing.assert_allclose(beams.score_nats[row].numpy(), scores, atol=1e-4)
        assert ours == sequences


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


def test_a_wide_beam_ranks_all_items_by_their_exact_probability():
    level_sizes = (4, 4, 4)
    ids = IdVocabulary(level_sizes, NUM_WORDS)
    model = make_model(5, NUM_WORDS + ids.num_tokens)
    codes = make_codes(5, 30, level_sizes)
    prompt = torch.tensor([[3, 4, 5]])
    beams = search_beams(
        model,
        tokens_BT=prompt,
        mask_BT=torch.ones_like(prompt),
        trie=Trie.build(codes),
        ids=ids,
        width=30,
        normalize_over="vocabulary",
    )
    exact = []
    for item in codes:
        tokens = torch.tensor([[3, 4, 5, *ids.tokens([tuple(item)])]])
        log_probs = model(tokens).logits[0].log_softmax(-1)
        exact.append(sum(log_probs[2 + i, tokens[0, 3 + i]].item() for i in range(3)))
    assert beams.row[0].tolist() == np.argsort(exact)[::-1].tolist()


@pytest.mark.parametrize("over", ["children", "vocabulary"])
def test_items_are_scored_as_beams_that_find_them(over):
    ids = IdVocabulary((4, 4, 4), NUM_WORDS)
    model = make_model(7, NUM_WORDS + ids.num_tokens)
    codes = make_codes(7, 30, (4, 4, 4))
    prompts = torch.tensor([[0, 0, 4, 5], [7, 8, 9, 1]])
    options = {"tokens_BT": prompts, "mask_BT": (prompts > 0).long(), "ids": ids, "normalize_over": over}
    beams = search_beams(model, width=10, trie=Trie.build(codes), **options)
    found = torch.from_numpy(codes)[beams.row].long()
    scores = score_items(model, codes_BWL=found, trie=Trie.build(codes), **options)
    torch.testing.assert_close(scores, beams.score_nats, atol=1e-4, rtol=0)


def test_each_request_is_answered_by_its_own_adapter(tmp_path):
    ids = IdVocabulary((6, 6, 6), NUM_WORDS)
    trie = Trie.build(make_codes(8, 100, (6, 6, 6)))
    prompts = torch.tensor([[3, 4, 5]] * 3)
    model = get_peft_model(make_model(8, NUM_WORDS + ids.num_tokens), lora(), adapter_name="first")
    model.add_adapter("second", lora())
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.3)
    model.eval()
    options = {"trie": trie, "ids": ids, "width": 8}
    names = ["second", "__base__", "first"]
    mixed = search_beams(model, tokens_BT=prompts, mask_BT=torch.ones_like(prompts), adapters=names, **options)
    assert len({tuple(row) for row in mixed.row.tolist()}) == 3
    for number, name in enumerate(names):
        alone = model.get_base_model() if name == "__base__" else model
        with model.disable_adapter() if name == "__base__" else nullcontext():
            if name != "__base__":
                model.set_adapter(name)
            one = search_beams(alone, tokens_BT=prompts[:1], mask_BT=torch.ones(1, 3, dtype=torch.long), **options)
        torch.testing.assert_close(mixed.score_nats[number], one.score_nats[0], atol=1e-4, rtol=0)
        assert mixed.row[number].tolist() == one.row[0].tolist()


@pytest.mark.parametrize("seed", range(4))
def test_a_stream_gives_the_likeliest_items_in_order(seed):
    level_sizes = ((6, 6, 6), (16, 16, 4), (3, 4), (40,))[seed]
    num_items = (120, 300, 12, 30)[seed]
    ids = IdVocabulary(level_sizes, NUM_WORDS)
    model = make_model(seed, NUM_WORDS + ids.num_tokens)
    trie = Trie.build(make_codes(seed, num_items, level_sizes))
    prompt = torch.tensor([5, 6, 7])
    excluded = np.arange(0, num_items, 3)
    narrowing = trie.narrow([None], [excluded])
    everything = search_beams(
        model,
        tokens_BT=prompt[None],
        mask_BT=torch.ones(1, 3, dtype=torch.long),
        trie=trie,
        ids=ids,
        width=num_items,
        narrowing=narrowing,
    )
    options = {"tokens_T": prompt, "trie": trie, "ids": ids, "narrowing": narrowing}
    streamed = list(stream_items(model, k=10**6, width=3, **options))
    num_legal = num_items - len(excluded)
    assert [item.row for item in streamed] == everything.row[0, :num_legal].tolist()
    scores = [item.score_nats for item in streamed]
    np.testing.assert_allclose(scores, everything.score_nats[0, :num_legal].numpy(), atol=1e-4)
    assert all(item.rest_nats >= later - 1e-6 for item, later in zip(streamed, scores[1:], strict=False))
    few = list(stream_items(model, k=4, width=5, **options))
    assert [item.row for item in few] == [item.row for item in streamed[:4]]


def test_the_first_item_of_a_stream_comes_early():
    ids = IdVocabulary((16, 16, 16), NUM_WORDS)
    model = make_model(3, NUM_WORDS + ids.num_tokens)
    trie = Trie.build(make_codes(3, 2000, (16, 16, 16)))
    calls = []
    model.register_forward_hook(lambda *_: calls.append(1))
    stream = stream_items(model, tokens_T=torch.tensor([5, 6, 7]), trie=trie, ids=ids, k=100)
    next(stream)
    until_first = len(calls)
    assert len(list(stream)) == 99
    assert until_first <= len(calls) / 2


def lora() -> LoraConfig:
    return LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")


def test_the_parts_of_the_work_are_timed_apart():
    ids = IdVocabulary((4, 4, 4), NUM_WORDS)
    parts = []

    def watch(part):
        parts.append(part)
        return nullcontext()

    prompt = torch.tensor([[3, 4, 5]])
    search_beams(
        make_model(5, NUM_WORDS + ids.num_tokens),
        tokens_BT=prompt,
        mask_BT=torch.ones_like(prompt),
        trie=Trie.build(make_codes(5, 30, (4, 4, 4))),
        ids=ids,
        width=5,
        watch=watch,
    )
    assert parts == ["prompt", "constrain", "forward", "constrain", "forward", "constrain"]


def test_filters_narrow_the_beam_to_the_allowed_items():
    level_sizes = (6, 6, 6)
    ids = IdVocabulary(level_sizes, NUM_WORDS)
    model = make_model(6, NUM_WORDS + ids.num_tokens)
    trie = Trie.build(make_codes(6, 120, level_sizes))
    allowed = np.zeros(120, bool)
    allowed[[3, 50, 77, 80]] = True
    tokens = torch.tensor([[1, 2], [3, 4]])
    beams = search_beams(
        model,
        tokens_BT=tokens,
        mask_BT=torch.ones_like(tokens),
        trie=trie,
        ids=ids,
        width=20,
        narrowing=trie.narrow([trie.mask(allowed), None], [np.array([80, 5]), np.array([], int)]),
    )
    finite = beams.score_nats[0].isfinite()
    assert set(beams.row[0][finite].tolist()) == {3, 50, 77}
    assert beams.score_nats[1].isfinite().all()
    assert len(set(beams.row[1].tolist())) == 20


@pytest.mark.parametrize("seed", range(6))
def test_beams_wider_than_what_is_left_return_exactly_what_is_left(seed):
    level_sizes = ((3, 3, 3), (12, 4, 6))[seed % 2]
    ids = IdVocabulary(level_sizes, NUM_WORDS)
    codes = make_codes(seed, 24, level_sizes)
    model, trie = make_model(seed, NUM_WORDS + ids.num_tokens), Trie.build(codes)
    excluded = [np.arange(0, 24, 2), np.arange(3), np.zeros(0, dtype=np.int64)]
    prompts = torch.tensor([[5, 6, 7]] * 3)
    narrowing = trie.narrow([None] * 3, excluded)
    beams = search_beams(
        model, tokens_BT=prompts, mask_BT=torch.ones_like(prompts), trie=trie, ids=ids, width=40, narrowing=narrowing
    )
    for rows, scores, gone in zip(beams.row.tolist(), beams.score_nats.tolist(), excluded, strict=True):
        found = [row for row, score in zip(rows, scores, strict=True) if score > -np.inf]
        assert sorted(found) == sorted(set(range(24)) - set(gone.tolist()))
