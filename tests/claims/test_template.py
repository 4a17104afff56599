"""The sentences of the template say every claim, and nothing else."""

import numpy as np
import pytest
from claim_items import LABELS, MOVIES, RED, STRIPED, shop_items

from genrec.claims.check import check_text
from genrec.claims.claims import candidate_claims, history_claims
from genrec.claims.template import phrase
from genrec.data.filters import Predicate
from genrec.data.labels import Labels
from genrec.schema import Item


def test_phrases_are_deterministic_and_varied() -> None:
    claims = history_claims(RED, STRIPED, LABELS)
    said = [phrase(RED, claims, np.random.default_rng(seed)) for seed in range(200)]
    assert said == [phrase(RED, claims, np.random.default_rng(seed)) for seed in range(200)]
    assert len(set(said)) >= 12


@pytest.mark.parametrize("catalog", [shop_items(60), MOVIES], ids=["shop", "movies"])
@pytest.mark.parametrize("plainly", [False, True], ids=["practiced", "shown"])
def test_every_phrase_passes_the_check_and_says_every_claim(catalog: list[Item], plainly: bool) -> None:
    rng = np.random.default_rng(5)
    labels = Labels.of(catalog)
    for _ in range(300):
        item, *history = [catalog[n] for n in rng.choice(len(catalog), 5, replace=False)]
        candidates = candidate_claims(
            item,
            history,
            labels,
            num_chosen_after={history[0].item_id: int(rng.integers(1, 30))},
            similar=[history[1].item_id],
            num_people=7,
            constraints=[Predicate(attribute="price", operator="<", value=60.0)],
        )
        claims = [candidates[n] for n in rng.choice(len(candidates), 3, replace=False)]
        text = phrase(item, claims, rng, plainly=plainly)
        assert not check_text(text, item, claims), text
        for left in claims:
            others = [c for c in claims if c is not left]
            is_said = all(any(left.source_title in c.text and v in c.text for c in others) for v in left.said)
            assert is_said or check_text(text, item, others), (text, left)
