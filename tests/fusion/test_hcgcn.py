"""HCGCN: clusters follow what people choose together, and modalities that are contrasted serve new items better."""

import numpy as np
import torch
from worlds import NUM_COLD, NUM_ITEMS, make_world

from genrec.config import FuseConfig
from genrec.fusion import make_fuser
from genrec.fusion.nets import Inputs
from genrec.fusion.systems.hcgcn import behavior_clusters

SETTINGS = {"width": 16, "epochs": 20, "batch_size": 128, "max_history": 10, "learning_rate": 0.01, "dropout": 0.1}


def inputs_of(world, **blocks):
    given = blocks or {name: torch.from_numpy(e.vectors) for name, e in world.modalities.items()}
    return Inputs(
        blocks=given,
        present={name: block.any(dim=1) for name, block in given.items()},
        is_known_N=torch.from_numpy(world.events.is_known_N),
        events=world.events,
        config=FuseConfig(),
    )


def test_clusters_hold_what_the_same_people_choose():
    """Chance puts two items of one taste into the same of some six clusters once in six times."""
    world = make_world()
    cluster_N = behavior_clusters(inputs_of(world))
    same_taste = world.group_N[:, None] == world.group_N
    known = world.events.is_known_N
    together = cluster_N[:, None] == cluster_N
    assert len(np.unique(cluster_N[known])) == round(np.sqrt(known.sum()) / 2)
    assert together[known][:, known][same_taste[known][:, known]].mean() > 0.8
    assert together[known][:, known][~same_taste[known][:, known]].mean() < 0.3


def test_items_without_events_join_the_cluster_of_those_they_are_like():
    world = make_world()
    cluster_N = behavior_clusters(inputs_of(world))
    cold = np.flatnonzero(~world.events.is_known_N)
    own = [np.bincount(cluster_N[(world.group_N == world.group_N[row]) & world.events.is_known_N]) for row in cold]
    assert np.mean([cluster_N[row] == counts.argmax() for row, counts in zip(cold, own, strict=True)]) > 0.6
    alike_none = behavior_clusters(inputs_of(world, text=torch.zeros(NUM_ITEMS, 4)))
    assert (alike_none[cold] == -1).all()
    assert (alike_none[world.events.is_known_N] >= 0).all()


def test_clusters_do_not_follow_the_global_random_state():
    inputs = inputs_of(make_world())
    first = behavior_clusters(inputs)
    np.random.seed(5)
    torch.manual_seed(5)
    np.testing.assert_array_equal(behavior_clusters(inputs), first)


def cold_hits(world, seed, **settings):
    """The share of people whose next new item, of another's choosing, is among the best three of all new ones."""
    fuser = make_fuser(FuseConfig(fuser="hcgcn", bridges=("co-choice",), **SETTINGS, **settings))
    scores = fuser.fit(world.modalities, world.events, seed=seed).scores([history for history, _ in world.cold_test])
    ranked = np.argsort(-scores[:, -NUM_COLD:])[:, :3] + NUM_ITEMS - NUM_COLD
    return np.mean([target in row for row, (_, target) in zip(ranked, world.cold_test, strict=True)])


def test_contrast_of_modalities_serves_new_items():
    """Pictures and words tell the same, with much noise; over the graph of choices alone, new items have only these."""
    with_contrast, without = [], []
    for seed in range(3):
        world = make_world(seed, noise=1.5, loyalty=0.6, overlap=1.0)
        with_contrast.append(cold_hits(world, seed))
        without.append(cold_hits(world, seed, without=("contrast",)))
    assert np.mean(with_contrast) > np.mean(without) + 0.02


def test_clusters_confine_other_bridges_too():
    world = make_world()
    settings = {"fuser": "hcgcn", "bridges": ("user-item",), **SETTINGS, "epochs": 2}
    confined = make_fuser(FuseConfig(**settings)).fit(world.modalities, world.events)
    whole = make_fuser(FuseConfig(without=("clusters",), **settings)).fit(world.modalities, world.events)
    assert not np.allclose(confined.item_vectors(), whole.item_vectors(), atol=1e-3)
