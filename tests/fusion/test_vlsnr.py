"""VLSNR: modalities that attend to each other, and a reading of histories for which order and recency count."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from worlds import make_world, recall

from genrec.config import FuseConfig
from genrec.fusion import make_fuser
from genrec.fusion.nets import Inputs, ItemTable
from genrec.fusion.systems.vlsnr import Coordination, TimeAware

_CONFIG = FuseConfig(
    fuser="vlsnr", width=16, epochs=30, batch_size=128, max_history=10, learning_rate=0.01, dropout=0.1
)


@pytest.fixture(scope="module")
def world():
    return make_world(seed=2, loyalty=0.95, follows=0.9)


@pytest.fixture(scope="module")
def fitted(world):
    return make_fuser(_CONFIG).fit(world.modalities, world.events)


def test_shuffled_histories_are_answered_worse(fitted, world):
    """Of the same events in another order the next one is missed more often, averaged over five orders."""
    found = recall(fitted.scores([history for history, _ in world.test]), world.test, k=1)
    shuffled = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        cases = [(rng.permutation(history), target) for history, target in world.test]
        shuffled.append(recall(fitted.scores([history for history, _ in cases]), cases, k=1))
    assert found > 1.5 * np.mean(shuffled)


def test_learning_from_shuffled_histories_is_worse(fitted, world):
    rng = np.random.default_rng(0)
    shuffled = replace(
        world.events,
        histories=[rng.permutation(history) for history in world.events.histories],
        validation=[(rng.permutation(history), target) for history, target in world.events.validation],
    )
    other = make_fuser(_CONFIG).fit(world.modalities, shuffled)
    found, missed = (recall(f.scores([h for h, _ in world.test]), world.test, k=1) for f in (fitted, other))
    assert found > 1.5 * missed


@torch.inference_mode()
@pytest.mark.parametrize(("has_attention", "has_recurrence"), [(True, True), (False, True), (True, False)])
def test_what_lies_ahead_is_not_looked_at_and_order_counts(has_attention, has_recurrence):
    torch.manual_seed(1)
    reader = TimeAware(16, _CONFIG, has_order=True, has_attention=has_attention, has_recurrence=has_recurrence).eval()
    if reader.attend is not None:
        reader.attend.bias_T.copy_(-torch.arange(10.0) / 3)  # as if learned; it begins without a preference
    x, is_real = torch.randn(3, 6, 16), torch.ones(3, 6, dtype=torch.bool)
    people = reader(x, is_real)
    turned = torch.cat([x[:, [1, 0, 2, 3]], -x[:, 4:]], dim=1)
    of_turned = reader(turned, is_real)
    assert not torch.allclose(people[:, 3], of_turned[:, 3], atol=1e-4)
    ahead = torch.cat([x[:, :4], -x[:, 4:]], dim=1)
    torch.testing.assert_close(reader(ahead, is_real)[:, :4], people[:, :4])


@torch.inference_mode()
def test_sets_are_read_in_any_order_alike():
    torch.manual_seed(1)
    reader = TimeAware(16, _CONFIG, has_order=False, has_attention=True, has_recurrence=True).eval()
    x, is_real = torch.randn(3, 6, 16), torch.ones(3, 6, dtype=torch.bool)
    turned = x[:, [3, 1, 4, 0, 2, 5]]
    torch.testing.assert_close(reader(turned, is_real)[:, -1], reader(x, is_real)[:, -1])


def test_modalities_meet_alike_with_gradients_and_without_and_what_is_absent_says_nothing():
    """Every tenth item has no picture: what it would show, given all the same, may change nothing."""
    world = make_world()
    blocks = {name: torch.from_numpy(e.vectors) for name, e in world.modalities.items()}
    present = {name: torch.from_numpy(e.present) for name, e in world.modalities.items()}
    known = torch.from_numpy(world.events.is_known_N)
    inputs = Inputs(blocks=blocks, present=present, is_known_N=known, events=world.events, config=_CONFIG)
    torch.manual_seed(4)
    items = ItemTable(inputs)
    meet = Coordination(items, inputs).eval()
    torch.nn.init.normal_(meet.attention.out_proj.weight)  # as if learned; it begins with the sum
    met = meet().detach()
    with torch.inference_mode():
        torch.testing.assert_close(meet(), met, rtol=1e-4, atol=1e-5)
        torch.nn.init.normal_(meet.kind_MF[list(blocks).index("image")])
        changed = (meet() - met).abs().amax(dim=1) > 1e-4
    assert (changed == present["image"]).all()
