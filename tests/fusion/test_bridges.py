"""Each bridge joins the items it should, a graph fuser takes any of them, and a wrong name is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from worlds import make_world, recall

from genrec.config import FuseConfig
from genrec.errors import ConfigError
from genrec.fusion import FUSERS, Events, make_fuser
from genrec.fusion.bridges import BRIDGES, Bridged
from genrec.fusion.nets import Inputs
from genrec.schema import Catalog, Item

NUM_ITEMS = 8
SETTINGS = {"width": 16, "epochs": 5, "batch_size": 128, "max_history": 10, "learning_rate": 0.01, "dropout": 0.1}
GRAPH_FUSERS = sorted(name for name, kind in FUSERS.items() if kind.own_bridges)


def make_inputs(bridges=()):
    """Items 0, 1, 2 are chosen by one person, 2, 3 by another; 4 looks like 5; 6 and 7 are of one maker."""
    makers = ["a", "b", "c", "d", "e", "f", "same", "same"]
    items = tuple(Item(item_id=f"i{n}", title=f"Item {n}", attributes={"maker": m}) for n, m in enumerate(makers))
    events = Events(Catalog(items=items), [np.array([0, 1, 2]), np.array([3, 2])])
    looks_NP = np.zeros((NUM_ITEMS, 3), np.float32)
    looks_NP[4], looks_NP[5] = [1.0, 0.0, 0.0], [0.8, 0.6, 0.0]
    looks_NP[6] = [0.0, 0.0, 1.0]
    words_NP = np.zeros((NUM_ITEMS, 2), np.float32)
    words_NP[0], words_NP[6] = [0.0, 1.0], [0.6, 0.8]
    blocks = {"image": torch.from_numpy(looks_NP), "text": torch.from_numpy(words_NP)}
    return Inputs(
        blocks=blocks,
        present={name: block.any(dim=1) for name, block in blocks.items()},
        is_known_N=torch.from_numpy(events.is_known_N),
        events=events,
        config=FuseConfig(fuser="lightgcn", bridges=bridges, width=4),
    )


def reached_from(bridged, row):
    """The other items that something comes to from this one."""
    from_one_NF = torch.zeros(NUM_ITEMS, 1)
    from_one_NF[row] = 1.0
    return set(torch.nonzero(bridged(from_one_NF)[:, 0]).flatten().tolist()) - {row}


@pytest.mark.parametrize(
    ("name", "joined"),
    [
        ("user-item", {0: {1, 2}, 2: {0, 1, 3}, 4: set(), 6: set()}),
        ("co-choice", {0: {1, 2}, 2: {0, 1, 3}, 4: set(), 6: set()}),
        ("likeness", {0: {6}, 1: set(), 4: {5}, 5: {4}, 6: {0}}),
        ("knowledge", {0: set(), 4: set(), 6: {7}, 7: {6}}),
    ],
)
def test_each_bridge_joins_what_it_should(name, joined):
    bridged = Bridged(make_inputs((name,)), ("user-item",))
    assert {row: reached_from(bridged, row) for row in joined} == joined


def test_bridges_of_the_settings_take_the_place_of_a_fusers_own():
    assert reached_from(Bridged(make_inputs(), ("likeness",)), 4) == {5}
    assert reached_from(Bridged(make_inputs(("knowledge",)), ("likeness",)), 4) == set()
    both = Bridged(make_inputs(("user-item", "likeness")), ("knowledge",))
    assert (reached_from(both, 0), reached_from(both, 4), reached_from(both, 7)) == ({1, 2, 6}, {5}, set())


def test_an_item_takes_the_mean_of_the_bridges_that_reach_it():
    inputs = make_inputs(("likeness", "knowledge"))  # one graph by looks, one by words, one by makers
    ones_NF = torch.ones(NUM_ITEMS, 1)
    alone = [Bridged(make_inputs((name,)), ())(ones_NF) for name in ("likeness", "knowledge")]
    bridged = Bridged(inputs, ())
    torch.testing.assert_close(bridged(ones_NF)[[4, 7]], torch.stack([alone[0][4], alone[1][7]]))
    torch.testing.assert_close(bridged(ones_NF)[6], (alone[0][6] + alone[1][6]) / 2)
    bridged.log_share_G.data = torch.tensor([0.0, 0.0, 5.0])
    torch.testing.assert_close(bridged(ones_NF)[6], alone[1][6], atol=0.02, rtol=0.0)


def test_shares_of_bridges_are_learned():
    bridged = Bridged(make_inputs(("user-item", "co-choice")), ())
    bridged.mean_over_hops(torch.rand(NUM_ITEMS, 4), 2).square().sum().backward()
    assert bridged.log_share_G.grad.abs().min() > 0


@pytest.mark.parametrize("name", sorted(BRIDGES))
def test_within_groups_no_step_leaves_its_group(name):
    group_N = np.array([0, 0, 1, 1, 2, 2, 0, 0])
    bridged = Bridged(make_inputs((name,)), (), group_N)
    for row in range(NUM_ITEMS):
        whole = reached_from(Bridged(make_inputs((name,)), ()), row)
        assert reached_from(bridged, row) == {other for other in whole if group_N[other] == group_N[row]}


def test_what_is_of_no_group_is_not_reached():
    bridged = Bridged(make_inputs(("user-item", "co-choice")), (), np.array([-1, 0, 0, -1, 0, 0, 0, 0]))
    assert reached_from(bridged, 0) == set()
    assert reached_from(bridged, 2) == {1}


@pytest.fixture(scope="module")
def world():
    """The usual one, with an attribute of the catalog that tells what people keep to."""
    made = make_world()
    items = [
        replace(item, attributes={"kind": f"kind {group}"})
        for item, group in zip(made.events.catalog, made.group_N, strict=True)
    ]
    return replace(made, events=replace(made.events, catalog=Catalog(items=tuple(items))))


@pytest.mark.parametrize("name", GRAPH_FUSERS)
def test_a_graph_fuser_takes_any_bridge(name, world):
    def fitted(bridges):
        return make_fuser(FuseConfig(fuser=name, bridges=bridges, **SETTINGS)).fit(world.modalities, world.events)

    own_NF = fitted(()).item_vectors()
    for bridges in [(bridge,) for bridge in BRIDGES] + [tuple(BRIDGES)]:
        fuser = fitted(bridges)
        is_own = bridges == FUSERS[name].own_bridges
        assert np.allclose(fuser.item_vectors(), own_NF, atol=1e-3) == is_own, bridges
        assert recall(fuser.scores([history for history, _ in world.test]), world.test) > 0.2, bridges


def test_a_wrong_name_and_a_bridge_for_a_fuser_without_graph_are_refused():
    with pytest.raises(ConfigError, match=r"^fuse.bridges names 'glue', which is no bridge; choose from user-item"):
        make_fuser(FuseConfig(fuser="lightgcn", bridges=("user-item", "glue")))
    with pytest.raises(ConfigError, match=r"^fuse.bridges = likeness, but the fuser mf works over no graph; leave it"):
        make_fuser(FuseConfig(fuser="mf", bridges=("likeness",)))
