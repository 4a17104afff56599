"""MMGRec: attention by relations looks back alone, and its vectors give IDs that are unique, decodable and telling."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from worlds import make_world, recall

from genrec.config import FuseConfig, TokenizeConfig
from genrec.fusion import make_fuser
from genrec.fusion.systems.mmgrec import RelationAware
from genrec.semids.stage import tokenize
from genrec.semids.trie import Trie

SETTINGS = {"width": 16, "epochs": 12, "batch_size": 128, "max_history": 10, "learning_rate": 0.01, "dropout": 0.1}


@pytest.fixture(scope="module")
def world():
    return make_world()


@pytest.fixture(scope="module")
def fused(world):
    return make_fuser(FuseConfig(fuser="mmgrec", **SETTINGS)).fit(world.modalities, world.events).item_vectors()


def tokenized(world, fused, quantizer, num_codes=8):
    """The table and the report of IDs over these vectors, the graph being who was chosen with whom."""
    config = TokenizeConfig(quantizer=quantizer, num_levels=2, num_codes=num_codes, tie_order="popularity")
    pairs = sp.lil_matrix((len(fused), len(fused)))
    for history in world.events.histories:
        for earlier, later in itertools.pairwise(history):
            pairs[earlier, later] += 1
            pairs[later, earlier] += 1
    popularity = world.events.popularity_N
    return tokenize(fused, world.events.catalog, config, 7, graph=pairs.tocsr(), popularity=popularity)[1:]


def test_all_ids_are_unique_and_lead_through_the_trie_to_their_item(world, fused):
    table, _ = tokenized(world, fused, "graph-rq-vae", num_codes=4)
    assert len({tuple(codes) for codes in table.codes.tolist()}) == len(fused)
    trie = Trie.build(table.codes)
    for row, codes in enumerate(table.codes.tolist()):
        node = 0
        for level, code in enumerate(codes):
            below = trie.levels[level + 1]
            children = range(*trie.levels[level].first_child[node : node + 2].tolist())
            (node,) = [child for child in children if int(below.code[child]) == code]
        assert int(trie.row_of_leaf[node]) == row
        assert table.item_id(tuple(codes)) == f"i{row}"


def test_the_popular_come_first_among_items_of_one_path(world, fused):
    table, report = tokenized(world, fused, "graph-rq-vae", num_codes=4)
    assert report.num_colliding > 100  # 16 paths for 160 items
    popularity = world.events.popularity_N
    for path in np.unique(table.codes[:, :-1], axis=0):
        rows = np.flatnonzero((table.codes[:, :-1] == path).all(axis=1))
        by_tie = popularity[rows[np.argsort(table.codes[rows, -1])]]
        assert (np.diff(by_tie) <= 0).all()


def recall_by_path(world, table):
    """Recall@10 where an item counts by how many leading codes it shares with those of the history, popular first."""
    same_NNL = table.codes[:, None, :-1] == table.codes[None, :, :-1]
    shared_NN = np.cumprod(same_NNL, axis=2).sum(axis=2)
    popular_N = world.events.popularity_N / (1 + world.events.popularity_N.max())
    scores = np.stack([shared_NN[history].sum(axis=0) + popular_N for history, _ in world.test])
    return recall(scores, world.test)


def test_ids_tell_what_is_chosen_next_as_well_as_those_of_residual_k_means(world, fused):
    recalls, reports = {}, {}
    for quantizer in ("graph-rq-vae", "rq-kmeans"):
        table, reports[quantizer] = tokenized(world, fused, quantizer)
        recalls[quantizer] = recall_by_path(world, table)
    chance = recall(np.tile(world.events.popularity_N, (len(world.test), 1)).astype(float), world.test)
    assert min(recalls.values()) > chance + 0.2
    assert recalls["graph-rq-vae"] > recalls["rq-kmeans"] - 0.05
    assert all(report.reconstruction_error < 0.6 for report in reports.values())


def test_relations_look_at_nothing_ahead_and_padding_changes_nothing():
    torch.manual_seed(0)
    reader = RelationAware(FuseConfig(fuser="mmgrec", **SETTINGS), has_order=True).eval()
    x_BTF = torch.randn(3, 6, 16)
    states_BTF = reader(x_BTF, torch.ones(3, 6, dtype=torch.bool))
    changed_BTF = x_BTF.clone()
    changed_BTF[:, 4:] = 0.0
    torch.testing.assert_close(reader(changed_BTF, torch.ones(3, 6).bool())[:, :4], states_BTF[:, :4])
    torch.testing.assert_close(reader(x_BTF[:, :4], torch.ones(3, 4).bool()), states_BTF[:, :4])


def test_the_person_decides_how_much_relations_count():
    """With no strength it is common attention; with some, the same places are read otherwise."""
    torch.manual_seed(0)
    reader = RelationAware(FuseConfig(fuser="mmgrec", **SETTINGS), has_order=True).eval()
    plain = RelationAware(FuseConfig(fuser="mmgrec", **SETTINGS), has_order=True, with_relations=False).eval()
    weights = reader.state_dict()
    plain.load_state_dict({name: weight for name, weight in weights.items() if ".relation." not in name})
    x_BTF, is_real_BT = torch.randn(2, 5, 16), torch.ones(2, 5, dtype=torch.bool)
    assert not torch.allclose(reader(x_BTF, is_real_BT), plain(x_BTF, is_real_BT), atol=1e-3)
    for layer in reader.layers:
        torch.nn.init.zeros_(layer.strength.weight)
        torch.nn.init.zeros_(layer.strength.bias)
    torch.testing.assert_close(reader(x_BTF, is_real_BT), plain(x_BTF, is_real_BT))
