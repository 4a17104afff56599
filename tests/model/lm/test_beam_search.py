"""Beams over the trie: legal, and scored as transformers scores them."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from lm_worlds import NUM_WORDS, make_codes, make_model
from peft import LoraConfig, get_peft_model

from genrec.model.lm.beam_search import Guide, score_items, search_beams
from genrec.model.lm.vocabulary import IdVocabulary
from genrec.semids.trie import Trie


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


def a_small_world(seed=7, num_items=60, level_sizes=(4, 5, 6)):
    ids = IdVocabulary(level_sizes, NUM_WORDS)
    model = make_model(seed, NUM_WORDS + ids.num_tokens)
    trie = Trie.build(make_codes(seed, num_items, level_sizes))
    tokens = torch.tensor([[3, 4, 5, 6], [9, 8, 7, 2]])
    asked = {"tokens_BT": tokens, "mask_BT": torch.ones_like(tokens), "trie": trie, "ids": ids}
    return model, asked, trie


def test_items_that_are_to_be_scored_are_scored_exactly_beside_the_beams():
    model, asked, trie = a_small_world()
    every = search_beams(model, width=60, **asked)
    exact = torch.full((2, 60), -torch.inf).scatter(1, every.row, every.score_nats)
    also = torch.stack([every.row[0, -8:], torch.cat([every.row[1, -3:], torch.full((5,), -1)])])  # the least likely
    found = search_beams(model, width=4, also_BC=also, **asked)
    for number in range(2):
        rows = found.row[number][found.score_nats[number] > -torch.inf]
        assert set(also[number][also[number] >= 0].tolist()) <= set(rows.tolist())
        assert len(set(rows.tolist())) == len(rows)
        scores = found.score_nats[number][found.score_nats[number] > -torch.inf]
        torch.testing.assert_close(scores, exact[number, rows], atol=1e-4, rtol=0)
    legal = trie.narrow([None, None], [np.array([int(also[0, 0])]), np.zeros(0, np.int64)])
    narrowed = search_beams(model, width=4, also_BC=also, narrowing=legal, **asked)
    assert int(also[0, 0]) not in narrowed.row[0][narrowed.score_nats[0] > -torch.inf].tolist()


@pytest.mark.parametrize("share", [0.6, 0.8])
def test_guided_beams_find_the_best_of_the_product_of_both(share):
    model, asked, trie = a_small_world()
    every = search_beams(model, width=60, **asked)
    exact = torch.full((2, 60), -torch.inf).scatter(1, every.row, every.score_nats)
    judged = (4 * torch.randn(2, 60, generator=torch.Generator().manual_seed(1))).log_softmax(dim=1)
    guide = Guide(masses=trie.masses(judged), share_B=torch.full((2,), share))
    product = (1 - share) * exact + share * judged
    wide = search_beams(model, width=60, guide=guide, **asked)
    assert wide.row.tolist() == product.argsort(dim=1, descending=True).tolist()
    torch.testing.assert_close(wide.score_nats, exact.gather(1, wide.row), atol=1e-4, rtol=0)
    narrow, blind = search_beams(model, width=6, guide=guide, **asked), search_beams(model, width=6, **asked)
    best = product.topk(3, dim=1).indices
    num_found = [
        sum(len(set(best[n].tolist()) & set(rows.row[n].tolist())) for n in range(2)) for rows in (narrow, blind)
    ]
    assert num_found[0] > num_found[1]  # at the same width


def test_a_guide_of_one_request_leaves_the_other_alone():
    model, asked, trie = a_small_world()
    judged = (4 * torch.randn(2, 60, generator=torch.Generator().manual_seed(1))).log_softmax(dim=1)
    guide = Guide(masses=trie.masses(judged), share_B=torch.tensor([0.6, 0.0]))
    guided, alone = search_beams(model, width=6, guide=guide, **asked), search_beams(model, width=6, **asked)
    assert guided.row[1].tolist() == alone.row[1].tolist()
    assert guided.row[0].tolist() != alone.row[0].tolist()
