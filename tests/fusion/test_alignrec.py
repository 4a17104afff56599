"""AlignRec: fused is better than side by side, and each alignment brings together what it names."""

from functools import cache

import numpy as np
import pytest
from worlds import make_world

from genrec.config import FuseConfig
from genrec.data.arrays import unit_rows
from genrec.fusion import make_fuser
from genrec.fusion.judging import recall, target_ranks

SETTINGS = {"width": 16, "epochs": 20, "batch_size": 128, "max_history": 10, "learning_rate": 0.01, "dropout": 0.1}
SEEDS = range(5)


@cache
def few_people(seed):
    """A hundred people and noisy content, where neither events nor content say enough alone."""
    return make_world(seed, noise=1.0, num_people=100)


@cache
def fitted(name, seed, without=()):
    world = few_people(seed)
    fuser = make_fuser(FuseConfig(fuser=name, without=without, **SETTINGS))
    return fuser.fit(world.modalities, world.events, seed=seed)


def validated(name):
    """Validation recall@10 by seed."""
    cases = [few_people(seed).events.validation for seed in SEEDS]
    return np.array([recall(target_ranks(fitted(name, seed).scores, cases[seed])) for seed in SEEDS])


def test_fused_is_better_than_side_by_side():
    """Both of content alone, and of content side by side under the same reader and training (vbpr)."""
    fused = validated("alignrec")
    assert (fused > validated("concat")).all()
    assert fused.mean() > validated("vbpr").mean() + 0.05
    assert (fused > validated("vbpr")).sum() >= 4


def of_content_alone(fuser, world):
    return fuser.transform(world.without("text")), fuser.transform(world.without("image"))


def content_and_all(fuser, world):
    return fuser.transform(world.modalities), fuser.item_vectors()


def people_and_what_followed(fuser, world):
    pairs = [(history[:-1], history[-1]) for history in world.events.histories]
    people = unit_rows(np.stack([fuser.user_vector(history) for history, _ in pairs]))
    return people, fuser.item_vectors()[[target for _, target in pairs]]


@pytest.mark.parametrize(
    ("part", "sides"),
    [
        ("inter-content", of_content_alone),
        ("content-id", content_and_all),
        ("user-item", people_and_what_followed),
    ],
)
def test_each_alignment_brings_its_two_sides_together(part, sides):
    """Nearer than without it, by cosine, in the mean over seeds."""

    def nearness(without):
        found = []
        for seed in SEEDS:
            left, right = sides(fitted("alignrec", seed, without), few_people(seed))
            has_both = left.any(axis=1) & right.any(axis=1)
            found.append(np.einsum("nf,nf->n", left, right)[has_both].mean())
        return np.mean(found)

    assert nearness(()) > nearness((part,)) + 0.01
