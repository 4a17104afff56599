"""Peers that learn people's vectors find people's tastes, and say when they do not know someone."""

import logging
import sys

import numpy as np
import pytest

from genrec.data.splits import EvaluationCase
from genrec.errors import InputError
from genrec.evaluate.contract import TrainingData, top_rows
from genrec.evaluate.factor_peers import BPR, MF, VBPR, LightGCN
from genrec.schema import Catalog, Interactions, Item

ALL = (MF, BPR, VBPR, LightGCN)
_NUM_ITEMS, _NUM_PEOPLE = 24, 60


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """Two tastes of twelve items each; everyone has chosen seven of theirs, and the eighth is asked."""
    rng = np.random.default_rng(0)
    catalog = Catalog(items=tuple(Item(item_id=f"i{n:02d}", title="t") for n in range(_NUM_ITEMS)))
    events, cases = [], []
    for person in range(_NUM_PEOPLE):
        *chosen, target = (f"i{2 * n + person % 2:02d}" for n in rng.permutation(12)[:8])
        events += [(f"u{person}", item) for item in chosen]
        cases.append(EvaluationCase(user_id=f"u{person}", history=tuple(chosen), target=target, timestamp=0))
    train = Interactions.sort(user_ids=[user for user, _ in events], item_ids=[item for _, item in events])
    content = np.eye(2, dtype=np.float32)[np.arange(_NUM_ITEMS) % 2]
    return TrainingData(train, catalog, cases, None, {"words": content})


@pytest.mark.parametrize("kind", ALL)
def test_it_ranks_for_the_person_and_whatever_history_is_given(kind, data):
    peer = kind(8).fit(data)
    nothing = [np.zeros(0, np.int64)] * 20
    lists = top_rows(peer.scores_for([f"u{n}" for n in range(20)], nothing), nothing, 10)
    of_their_taste = np.mean(lists % 2 == np.arange(20)[:, None] % 2)
    assert of_their_taste > 0.9  # chance is half
    other = [np.array([1, 3, 5])] * 20
    np.testing.assert_array_equal(peer.scores_for(["u0", "u1"], nothing[:2]), peer.scores_for(["u0", "u1"], other[:2]))


@pytest.mark.parametrize("kind", ALL)
def test_people_without_a_training_event_are_counted_and_get_what_is_liked_on_average(kind, data, caplog):
    peer = kind(8).fit(data)
    history = [np.array([0, 2])] * 3
    with caplog.at_level(logging.WARNING):
        scores = peer.scores_for(["u3", "stranger", "other"], history)
    assert "2 of these 3 cases are of people without a training event" in caplog.text
    np.testing.assert_allclose(scores[1], scores[2])
    people = [f"u{n}" for n in range(_NUM_PEOPLE)]
    mean = peer.scores_for(people, history * (_NUM_PEOPLE // 3)).mean(axis=0)
    np.testing.assert_allclose(scores[1], mean, atol=1e-4)


@pytest.mark.parametrize("kind", ALL)
def test_the_same_data_give_the_same_scores(kind, data):
    first, again = (kind(8).fit(data).scores_for(["u5"], [np.zeros(0, np.int64)]) for _ in range(2))
    np.testing.assert_allclose(first, again, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ALL)
def test_without_validation_it_learns_to_the_end(kind, data):
    peer = kind(8)
    peer.max_rounds = min(peer.max_rounds, 3)
    peer.fit(TrainingData(data.train, data.catalog, (), None, data.content))
    assert peer.num_rounds == peer.max_rounds


def test_vbpr_knows_items_that_nobody_has_chosen(data):
    catalog = Catalog(items=(*data.catalog.items, Item(item_id="new0", title="t"), Item(item_id="new1", title="t")))
    content = np.concatenate([data.content["words"], np.eye(2, dtype=np.float32)])
    peer = VBPR(8).fit(TrainingData(data.train, catalog, data.validation, None, {"words": content}))
    scores = peer.scores_for(["u0", "u1"], [np.zeros(0, np.int64)] * 2)
    assert scores[0, -2] - scores[0, -1] > scores[1, -2] - scores[1, -1]  # even items are to u0's taste, odd to u1's


def test_vbpr_without_content_says_what_is_missing(data):
    with pytest.raises(InputError, match="peer 'vbpr' wants vectors of the items' content, found none"):
        VBPR(8).fit(TrainingData(data.train, data.catalog, data.validation))


@pytest.mark.parametrize("kind", [BPR, VBPR])
def test_a_missing_cornac_is_named_with_what_to_install(kind, data, monkeypatch):
    monkeypatch.setitem(sys.modules, "cornac.models", None)
    with pytest.raises(InputError, match=rf"peer '{kind.name}' comes from Cornac, which is not installed; pip install"):
        kind(8).fit(data)
