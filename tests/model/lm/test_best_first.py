"""Items one by one, in the order and with the scores of beams that lose nothing."""

import numpy as np
import pytest
import torch
from lm_worlds import NUM_WORDS, make_codes, make_model

from genrec.model.lm.beam_search import search_beams
from genrec.model.lm.best_first import stream_items
from genrec.model.lm.vocabulary import IdVocabulary
from genrec.semids.trie import Trie


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
