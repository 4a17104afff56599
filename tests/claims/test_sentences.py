"""What reads as whole sentences, and what never shows."""

import numpy as np
import pytest
from claim_items import MOVIES, shop_items

from genrec.claims.claims import candidate_claims
from genrec.claims.sentences import reads_whole
from genrec.claims.template import phrase
from genrec.data.labels import Labels

WHOLE = [
    "It is red, like Red mug.",
    "Popsy poster suits you: it is made of paper, the same as A, by B, and is close to C in looks and words.",
    "This goes with what you chose: it has the genre War. On top of that, it is from 1978.",
    "It costs 20.50, under 30!",
    "12 people chose it next (after Fargo).",
    "Élan is by Acme Co., with a lamp by the same maker.",
    "It is by St. james, like the other.",
    "这个 Ein Rock, der dir steht.",
]
GARBLED = [
    "",
    "It has the genres Drama and War, like Apocalypse Now",
    "It is red\nIt is close to a mug.",
    "- is red, like Lund lamp.",
    "it is red.",
    "It is red....",
    "It is red …....",
    "It is red,. and blue.",
    "It is , red.",
    "It is red. It is red.",
    "It is red red red.",
    "It is red (like the mug.",
    "It is **red**.",
    "<|im_start|>It is red.",
    "It is a film noir, a style of the 19",
    "Why? Why?? It is red.",
]


@pytest.mark.parametrize("text", WHOLE)
def test_whole_sentences_pass(text):
    assert reads_whole(text)


@pytest.mark.parametrize("text", GARBLED)
def test_what_is_garbled_or_broken_off_does_not(text):
    assert not reads_whole(text)


def test_titles_may_hold_any_marks():
    text = "It is like Who's there?!... (part two."
    assert not reads_whole(text)
    assert reads_whole(text + ".", ["Who's there?!... (part two."])


@pytest.mark.parametrize("catalog", [shop_items(60), MOVIES], ids=["shop", "movies"])
def test_every_phrase_of_the_template_reads_whole(catalog):
    rng = np.random.default_rng(5)
    for _ in range(200):
        item, *history = [catalog[n] for n in rng.choice(len(catalog), 4, replace=False)]
        chosen_after, similar = {history[0].item_id: 3}, [history[1].item_id]
        found = candidate_claims(
            item,
            history,
            Labels.of(catalog),
            num_chosen_after=chosen_after,
            similar=similar,
            num_people=7,
            constraints=[],
        )
        claims = [found[n] for n in rng.choice(len(found), min(3, len(found)), replace=False)]
        text = phrase(item, claims, rng)
        assert reads_whole(text, [item.title, *(claim.source_title for claim in claims)]), text
