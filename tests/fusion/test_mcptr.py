"""MCPTR: a pretrained start beats a random one, and each part of pretraining teaches what it is there for."""

import numpy as np
import torch
from worlds import make_world, recall

from genrec.config import FuseConfig
from genrec.fusion import make_fuser
from genrec.fusion.graphs import like_minded_graph
from genrec.fusion.nets import Batch, Inputs
from genrec.fusion.systems.mcptr import MCPTR

SETTINGS = {"width": 16, "batch_size": 128, "max_history": 10, "learning_rate": 0.01, "dropout": 0.1}


def found(world, seed, **settings):
    config = FuseConfig(fuser="mcptr", **SETTINGS, **settings)
    fuser = make_fuser(config).fit(world.modalities, world.events, seed=seed)
    return recall(fuser.scores([history for history, _ in world.test]), world.test)


def test_a_pretrained_start_beats_a_random_one():
    """Of short tunings each seed's is better, by a good deal on the mean."""
    gains = []
    for seed in range(3):
        world = make_world(seed)
        gains.append(found(world, seed, epochs=2) - found(world, seed, epochs=2, without=("pretraining",)))
    assert min(gains) > 0.0
    assert np.mean(gains) > 0.05


def test_like_minded_people_share_choices():
    histories = [np.array([0, 1, 2]), np.array([1, 2, 3]), np.array([4]), np.array([5, 5])]
    graph = like_minded_graph(histories, 6).toarray()
    assert {tuple(pair) for pair in np.argwhere(graph).tolist()} == {(0, 1), (1, 0)}
    assert like_minded_graph(histories, 6, num_neighbors=1).shape == (4, 4)


def learned_net(world, num_steps, without=()):
    """The net after some steps of pretraining alone, with its last loss and its first."""
    config = FuseConfig(fuser="mcptr", without=without, **SETTINGS)
    events = world.events
    blocks = {name: torch.from_numpy(e.vectors) for name, e in world.modalities.items()}
    present = {name: torch.from_numpy(e.present) for name, e in world.modalities.items()}
    is_known_N = torch.from_numpy(events.is_known_N)
    torch.manual_seed(0)
    net = MCPTR(config).make_net(Inputs(blocks, present, is_known_N, events, config))
    rows_BT = torch.stack([torch.from_numpy(h[:3]) for h in events.histories if len(h) >= 3])
    batch = Batch(rows_BT=rows_BT[:, :-1], targets_BT=rows_BT[:, 1:], is_graded_BT=torch.ones(len(rows_BT), 2).bool())
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(num_steps):
        optimizer.zero_grad()
        net.pretraining_loss(batch).backward()
        optimizer.step()
    return net.eval()


def agreement(net, known_N):
    """How often the picture's view of an item is nearest to the words' view of the same, among known items."""
    views_NVF = torch.nn.functional.normalize(net.views()[known_N], dim=-1)
    nearest_N = (views_NVF[:, 1] @ views_NVF[:, 2].T).argmax(dim=1)
    return float((nearest_N == torch.arange(len(nearest_N))).float().mean())


def test_contrast_makes_pictures_and_words_find_each_other():
    world = make_world(overlap=1.0)
    pictured_N = torch.from_numpy(world.events.is_known_N & world.modalities["image"].present)
    apart = learned_net(world, 40, without=("image-text",))
    together = learned_net(world, 40, without=("people",))
    assert agreement(together, pictured_N) > agreement(apart, pictured_N) + 0.15


def test_a_view_of_zeros_gets_no_attention():
    world = make_world()
    net = learned_net(world, 0)
    told_N = torch.from_numpy(world.events.is_known_N & world.modalities["image"].present)
    views_NVF = net.views().detach()[told_N]
    views_NVF[:, 2] = 0.0
    two_NF = net.weighed(views_NVF, net.importance_VF)
    torch.testing.assert_close(two_NF, views_NVF.shape[1] * views_NVF[:, :2].mean(dim=1))


def test_without_what_it_learns_by_nothing_is_pretrained():
    world = make_world()
    assert learned_net(world, 0).is_pretrained
    assert not learned_net(world, 0, without=("pretraining",)).is_pretrained
    assert not learned_net(world, 0, without=("people", "image-text")).is_pretrained
