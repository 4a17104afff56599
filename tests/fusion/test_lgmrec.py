"""LGMRec: local, global and both, and where the gain lies by how much is known of a person."""

from functools import cache

import numpy as np
from worlds import make_world

from genrec.config import FuseConfig
from genrec.fusion import make_fuser
from genrec.fusion.judging import recall, target_ranks

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
