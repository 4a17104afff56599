"""CEASE: sets in the closed form of EASE, or the next item from the latest ones; content counts in both."""

from dataclasses import replace

import numpy as np
import pytest
from worlds import NUM_ITEMS, make_world

from genrec.config import FuseConfig
from genrec.fusion import make_fuser
from genrec.fusion.judging import ndcg, target_ranks
from genrec.fusion.systems import cease

CONFIG = FuseConfig(fuser="cease", width=16)


@pytest.fixture(scope="module")
def world():
    """People who go on to the next item of their group more often than not."""
    return make_world(follows=0.8)


def learned(world, events, **settings):
    return make_fuser(replace(CONFIG, **settings)).fit(world.modalities, events, seed=7)


def test_sets_are_read_as_ease_reads_them(world):
    fuser = learned(world, replace(world.events, has_order=False), without=("content",))
    ridge, count, decay = fuser.settings
    assert (count, decay) == (0, 0)
    chosen = np.zeros((len(world.events.histories), NUM_ITEMS))
    for row, history in zip(chosen, world.events.histories, strict=True):
        row[history] = 1
    inverse = np.linalg.inv(chosen.T @ chosen + ridge * np.eye(NUM_ITEMS))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    for history, scores in zip(world.events.histories[:9], fuser.scores(world.events.histories[:9]), strict=True):
        np.testing.assert_allclose(scores, weights[np.unique(history)].sum(axis=0), atol=1e-5)


def test_the_next_item_is_told_by_a_regression_on_the_latest_in_which_none_speaks_for_itself(world, monkeypatch):
    monkeypatch.setattr(cease, "_EVENTS_AT_ONCE", 100)  # counted in many blocks
    monkeypatch.setattr(cease, "_WINDOW", 3)
    fuser = learned(world, world.events, without=("content",))
    ridge, _, decay = fuser.settings
    assert decay in cease.DECAYS
    latest, told = [], []
    for history in world.events.histories:
        for place in range(1, len(history)):
            row = np.zeros(NUM_ITEMS)
            for back, item in enumerate(history[max(0, place - 3) : place][::-1]):
                row[item] += decay**back
            latest.append(row)
            told.append(np.eye(NUM_ITEMS)[history[place]])
    latest, told = np.array(latest), np.array(told)
    gram = latest.T @ latest + ridge * np.eye(NUM_ITEMS)
    for item in (3, 50, 101):  # a least-squares fit of each item without its own column
        others = np.arange(NUM_ITEMS) != item
        weights = np.linalg.solve(gram[np.ix_(others, others)], latest.T[others] @ told[:, item])
        history = world.events.histories[0]
        known = np.zeros(NUM_ITEMS)
        for back, row in enumerate(history[-3:][::-1]):
            known[row] += decay**back
        assert fuser.score(history)[item] == pytest.approx(known[others] @ weights, abs=1e-5)


def test_order_is_worth_something_where_one_item_leads_to_another(world):
    rng = np.random.default_rng(0)
    shuffled = replace(world.events, histories=[rng.permutation(h) for h in world.events.histories])
    as_sets = replace(world.events, has_order=False)
    found = [ndcg(target_ranks(learned(world, e).scores, world.test)) for e in (world.events, as_sets, shuffled)]
    assert found[0] > 1.05 * max(found[1:])


def test_content_finds_items_that_nobody_has_chosen(world):
    with_content, without = (learned(world, world.events, without=parts) for parts in ((), ("content",)))
    assert with_content.settings[1] > 0
    found = [ndcg(target_ranks(fuser.scores, world.cold_test)) for fuser in (with_content, without)]
    assert found[0] > 2 * found[1]
