"""LGMRec: local, global and both, and where the gain lies by how much is known of a person."""

from functools import cache

import numpy as np
import pytest
from worlds import NUM_ITEMS, make_world

from genrec.config import FuseConfig
from genrec.errors import ConfigError
from genrec.fusion import make_fuser
from genrec.fusion.judging import gain_by_activity, recall, target_ranks

SETTINGS = {"width": 16, "epochs": 20, "batch_size": 128, "max_history": 10, "learning_rate": 0.01, "dropout": 0.1}
SEEDS = range(3)


@cache
def uneven_people(seed):
    """Some have one training event, others ten; few of all."""
    return make_world(seed, noise=0.7, num_people=120, lengths=(3, 12))


@cache
def fitted(seed, name="lgmrec", without=()):
    world = uneven_people(seed)
    fuser = make_fuser(FuseConfig(fuser=name, without=without, **SETTINGS))
    return fuser.fit(world.modalities, world.events, seed=seed)


def mean_recall(cases_of, **which):
    return np.mean(
        [recall(target_ranks(fitted(seed, **which).scores, cases_of(uneven_people(seed)))) for seed in SEEDS]
    )


@pytest.mark.parametrize("left_out", ["local", "global"])
def test_either_side_alone_finds_more_than_chance_and_what_nobody_chose_too(left_out):
    assert mean_recall(lambda world: world.test, without=(left_out,)) > 2 * 10 / NUM_ITEMS
    if left_out == "local":
        assert mean_recall(lambda world: world.cold_test, without=(left_out,)) > 1.5 * 10 / NUM_ITEMS


def test_what_an_item_is_on_the_whole_is_not_what_it_is():
    """Global alone knows kinds of items; only the local side tells items of one kind apart."""
    both = mean_recall(lambda world: world.test)
    assert both > mean_recall(lambda world: world.test, without=("local",)) + 0.1


def test_people_of_few_events_gain_most():
    """Over free vectors alone under the same reader (mf)."""
    gains = {"few": [], "many": []}
    for seed in SEEDS:
        test = uneven_people(seed).test
        found = gain_by_activity(fitted(seed).scores, fitted(seed, name="mf").scores, test, num_groups=3)
        by_group = [ours - theirs for ours, theirs in found.values()]
        gains["few"].append(by_group[0])
        gains["many"].append(by_group[-1])
    assert np.mean(gains["few"]) > np.mean(gains["many"]) > -0.05
    assert np.mean(gains["few"]) > 0.1


def test_one_side_must_stay():
    config = FuseConfig(fuser="lgmrec", without=("local", "global"), **SETTINGS)
    with pytest.raises(ConfigError, match="keep one"):
        make_fuser(config).fit(uneven_people(0).modalities, uneven_people(0).events)
