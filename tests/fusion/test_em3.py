"""EM3 is trained end to end: the ranking loss changes how pictures are seen, and items gain by it."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from drawn import draw_world

from genrec.config import FuseConfig
from genrec.encode.clip import ClipEncoder
from genrec.encode.tuned_tower import TunedTower, lora_weights, lower_states
from genrec.fusion import load_fuser, make_fuser
from genrec.fusion.nets import Inputs
from genrec.fusion.training import train_net

SETTINGS = {"width": 16, "batch_size": 128, "max_history": 10, "learning_rate": 0.005, "dropout": 0.1}
NUM_COLD = 60


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return draw_world(tmp_path_factory.mktemp("drawn"), num_people=80)


def net_of(world, **settings):
    fuser = make_fuser(FuseConfig(fuser="em3", **SETTINGS | settings))
    image = world.modalities["image"]
    inputs = Inputs(
        blocks={"image": torch.from_numpy(image.vectors)},
        present={"image": torch.from_numpy(image.present)},
        is_known_N=torch.from_numpy(world.events.is_known_N),
        events=world.events,
        config=fuser.config,
    )
    torch.manual_seed(7)
    return fuser.make_net(inputs)


def test_the_tower_begins_as_it_came(world):
    clip, pictures = ClipEncoder("genrec-tiny-clip", "cpu"), [item.image for item in world.events.catalog][:5]
    seen = TunedTower(clip)(lower_states(clip, pictures).states_NSH)
    np.testing.assert_allclose(seen.detach().numpy(), clip.encode_images(pictures), atol=2e-3)  # states are halves


def test_the_ranking_loss_reaches_the_lora_of_the_tower_and_nothing_else_of_it(world):
    net = net_of(world).train()
    items, _ = net.tables()
    F.cross_entropy(torch.randn(9, items.shape[1]) @ items.T, torch.arange(9)).backward()
    learning = lora_weights(net.seen.tower)
    assert all("lora_" in name for name in learning)
    gained = [name for name, weight in learning.items() if weight.grad is not None and weight.grad.abs().sum() > 0]
    assert {name.split("lora_")[1][0] for name in gained} == {"B"}  # the other side of it begins at zero
    others = [weight for name, weight in net.seen.tower.named_parameters() if name not in learning]
    assert others
    assert all(weight.grad is None for weight in others)


def test_training_changes_the_lora_and_what_is_seen_but_not_the_tower(world):
    net = net_of(world, epochs=2)
    before = {name: weight.detach().clone() for name, weight in net.seen.tower.named_parameters()}
    seen_before = net.eval().seen().clone()
    train_net(net, world.events, FuseConfig(fuser="em3", **SETTINGS | {"epochs": 2}), seed=7)
    for name, weight in net.seen.tower.named_parameters():
        assert ("lora_" in name) == (not torch.equal(weight, before[name])), name
    assert (net.seen().detach() - seen_before).abs().max() > 0.01


def test_without_lora_the_tower_stays(world):
    net = net_of(world, without=("lora",), epochs=1)
    seen_before = net.eval().seen().clone()
    train_net(net, world.events, FuseConfig(fuser="em3", **SETTINGS | {"epochs": 1}), seed=7)
    torch.testing.assert_close(net.seen(), seen_before)


def test_what_is_loaded_answers_as_what_was_saved_and_holds_no_tower(world, tmp_path):
    fuser = make_fuser(FuseConfig(fuser="em3", **SETTINGS | {"epochs": 1})).fit(world.modalities, world.events)
    fuser.save(tmp_path)
    histories = [history for history, _ in world.test[:7]]
    np.testing.assert_allclose(load_fuser(tmp_path).scores(histories), fuser.scores(histories), atol=1e-5)
    assert not any("tower" in name for name in fuser.arrays())


@pytest.mark.slow
def test_pictures_seen_for_the_ranking_are_worth_more_than_frozen_ones(tmp_path):
    """Cold items on cluttered grounds are known by their pictures alone; the five best of them that a person gets."""
    world = draw_world(tmp_path, num_items=320, num_people=600, num_cold=NUM_COLD)
    images = {"image": world.modalities["image"]}
    first = len(world.events.catalog) - NUM_COLD

    def own_share(*without):
        config = FuseConfig(fuser="em3", content_alone_share=0.5, epochs=25, without=without, **SETTINGS)
        fuser = make_fuser(config).fit(images, world.events)
        scores = fuser.scores([history for history, _ in world.cold_test])[:, first:]
        best = np.argsort(-scores, axis=1)[:, :5] + first
        own = [np.isin(row, rows).mean() for row, (_, rows) in zip(best, world.cold_test, strict=True)]
        return float(np.mean(own)), fuser.report

    (tuned, report), (frozen, frozen_report) = own_share(), own_share("lora")
    assert tuned > frozen + 0.05
    assert max(report.validation) > max(frozen_report.validation)
    assert report.seconds_per_epoch > frozen_report.seconds_per_epoch  # what it costs
