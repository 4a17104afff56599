"""Pre-checks, on worlds whose modalities are known to be worth something, nothing, or the same as each other."""

from dataclasses import replace

import numpy as np
import pytest
from worlds import NUM_ITEMS, make_world

from genrec.config import FuseConfig
from genrec.errors import InputError
from genrec.fusion.prechecks import ALL, prechecks
from genrec.schema import Embeddings


@pytest.fixture(scope="module")
def world():
    return make_world()


@pytest.fixture(scope="module")
def report(world):
    noise = np.random.default_rng(5).normal(size=(NUM_ITEMS, 12)).astype(np.float32)
    text = world.modalities["text"]
    twin = Embeddings(name="twin", vectors=text.vectors[:, ::-1] * 2, present=text.present)
    noisy = Embeddings(name="noise", vectors=noise, present=np.ones(NUM_ITEMS, bool))
    return prechecks(world.modalities | {"noise": noisy, "twin": twin}, world.events, FuseConfig())


def by_name(report):
    return {row.modality: row for row in report.rows}


def test_what_tells_tastes_is_worth_more_than_noise(report):
    rows = by_name(report)
    for name in ("image", "text"):
        assert rows[name].recall > rows["noise"].recall + 0.1
        assert rows[name].likeness.order > 0.65
        assert rows[name].likeness.shared > rows["noise"].likeness.shared + 0.1
    assert abs(rows["noise"].likeness.order - 0.5) < 0.05
    assert rows["noise"].recall < 0.15
    assert report.chance_recall == 10 / NUM_ITEMS
    assert report.num_cases == 300


def test_two_that_tell_different_things_are_worth_more_together(world):
    rows = by_name(prechecks(world.modalities, world.events, FuseConfig()))
    assert rows[ALL].recall > max(rows["image"].recall, rows["text"].recall) + 0.2
    assert rows["image"].recall_without == rows["text"].recall
    assert rows[ALL].recall_without is None


def test_what_another_says_too_is_predicted_and_not_missed(report):
    rows = by_name(report)
    assert rows["text"].prediction.order > 0.95
    assert rows["text"].prediction.cosine > 0.7
    assert abs(rows["image"].prediction.order - 0.5) < 0.15
    assert rows["text"].recall_without > rows["image"].recall_without + 0.1


def test_items_without_a_modality_are_not_counted_as_like(report):
    rows = by_name(report)
    assert rows["image"].num_items == NUM_ITEMS * 9 // 10
    assert rows[ALL].num_items == NUM_ITEMS


def test_test_cases_and_seeds_are_fixed(world):
    first, again = (prechecks(world.modalities, world.events, FuseConfig(), seed=3) for _ in range(2))
    assert first == again


def test_a_single_modality_has_no_others(world):
    (row,) = prechecks(world.without("image"), world.events, FuseConfig()).rows
    assert (row.modality, row.recall_without, row.prediction) == ("text", None, None)


def test_what_cannot_be_measured_is_refused(world):
    with pytest.raises(InputError, match="found no content"):
        prechecks({"image": Embeddings.absent("image", NUM_ITEMS, 4)}, world.events, FuseConfig())
    with pytest.raises(InputError, match="no validation case"):
        prechecks(world.modalities, replace(world.events, validation=()), FuseConfig())
