"""The trie: every leaf is one item, and filters narrow it exactly."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genrec.errors import FilterError, ShapeError
from genrec.semids.trie import Narrowing, Trie


def random_codes(seed: int, num_items: int, sizes: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(seed)
    chosen = rng.choice(int(np.prod(sizes)), num_items, replace=False)
    return np.stack(np.unravel_index(chosen, sizes), axis=1)


def walk(trie: Trie, narrowing: Narrowing | None = None, request: int = 0) -> dict[tuple[int, ...], int]:
    """All legal paths of a trie, with the catalog row at their end."""
    paths: dict[tuple[int, ...], int] = {(): 0}
    batch = 1 if narrowing is None else len(narrowing.dead[0])
    for depth in range(trie.depth):
        longer = {}
        codes = torch.arange(int(trie.levels[depth + 1].code.max()) + 1.0).expand(batch, 1, -1)
        for path, node in paths.items():
            children = trie.expand(depth, torch.full((batch, 1), node), codes, narrowing, renormalize=False)
            assert children.log_prob.shape == children.node.shape
            for child, code in zip(
                children.node[request, 0].tolist(), children.log_prob[request, 0].tolist(), strict=True
            ):
                if code > -np.inf:
                    assert code == int(trie.levels[depth + 1].code[child])
                    longer[(*path, int(code))] = child
        paths = longer
    return {path: int(trie.row_of_leaf[node]) for path, node in paths.items()}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), num_items=st.integers(1, 60))
def test_its_paths_are_exactly_the_items(seed, num_items):
    codes = random_codes(seed, num_items, (4, 5, 4))
    assert walk(Trie.build(codes)) == {tuple(path): row for row, path in enumerate(codes.tolist())}


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 1000), shape=st.sampled_from([(40, (3, 4, 6)), (60, (4, 4, 4)), (30, (2, 20, 20)), (9, (9,))])
)
def test_filters_and_exclusions_leave_exactly_the_allowed_items(seed, shape):
    num_items, sizes = shape
    codes = random_codes(seed, num_items, sizes)
    rng = np.random.default_rng(seed)
    trie = Trie.build(codes)
    filters = [rng.random(num_items) < share for share in (0.3, 0.8)]
    for allowed in filters:
        allowed[rng.integers(num_items)] = True
    masks = [trie.mask(allowed) for allowed in filters]
    requests = [(None, 0.5), (0, 0.0), (1, 0.6), (0, 0.5), (None, 0.0)]
    wanted, excluded = [], []
    for which, share in requests:
        allowed = np.ones(num_items, bool) if which is None else filters[which]
        rows = rng.permutation(np.flatnonzero(rng.random(num_items) < share))
        left = np.setdiff1d(np.flatnonzero(allowed), rows)
        if not len(left):
            rows, left = rows[:0], np.flatnonzero(allowed)
        wanted.append(left.tolist())
        excluded.append(np.concatenate([rows, rows[:2]]))  # naming one twice changes nothing
    narrowing = trie.narrow([None if which is None else masks[which] for which, _ in requests], excluded)
    for request, rows in enumerate(wanted):
        assert sorted(walk(trie, narrowing, request).values()) == rows


@pytest.mark.parametrize(("num_items", "is_dense"), [(200, True), (6, False)])
def test_full_levels_are_dense_and_thin_ones_sparse(num_items, is_dense):
    trie = Trie.build(random_codes(1, num_items, (4, 8, 8)))
    assert (trie.levels[1].child is not None) == is_dense


def test_bytes_count_shared_memory_once():
    trie = Trie.build(random_codes(2, 100, (1, 100)))
    own = {t.data_ptr(): t.nbytes for level in trie.levels for t in level.tensors}
    assert trie.num_bytes == sum(own.values()) + trie.row_of_leaf.nbytes + trie.leaf_of_row.nbytes
    assert len(own) < sum(len(level.tensors) for level in trie.levels)


def test_huge_codes_sort_as_small_ones_do():
    codes = random_codes(4, 50, (4, 4, 5))
    huge = codes.astype(np.int64) * 2**28
    assert Trie.build(huge).row_of_leaf.tolist() == Trie.build(codes).row_of_leaf.tolist()


@pytest.mark.parametrize(("num_items", "level_sizes"), [(50, (4, 4, 5)), (60, (3, 30, 30))])
def test_the_probabilities_of_all_items_sum_to_one(num_items, level_sizes):
    codes = random_codes(1, num_items, level_sizes)
    trie = Trie.build(codes)
    scores = [torch.randn(1, size, generator=torch.Generator().manual_seed(size)) for size in level_sizes]
    paths = torch.from_numpy(codes).long()
    total = trie.score_paths([score.expand(num_items, -1) for score in scores], paths)
    assert total.exp().sum() == pytest.approx(1.0, abs=1e-5)
    certain = [torch.nn.functional.one_hot(paths[:, level], size) for level, size in enumerate(level_sizes)]
    shared = trie.score_paths([score.expand(num_items, -1) for score in scores], paths, shares_MK=certain)
    torch.testing.assert_close(shared, total)
    plain = trie.score_paths([score.expand(num_items, -1) for score in scores], paths, renormalize=False)
    own = sum(score[0, paths[:, level]] for level, score in enumerate(scores))
    torch.testing.assert_close(plain, own)
    children = trie.expand(
        0, torch.zeros(1, 1, dtype=torch.int64), scores[0][None], trie.narrow([None], [np.arange(20)])
    )
    everything = trie.expand(0, torch.zeros(1, 1, dtype=torch.int64), scores[0][None])
    legal = children.log_prob > -np.inf
    torch.testing.assert_close(children.log_prob[legal], everything.log_prob[legal])  # filters only remove


@pytest.mark.parametrize("spread", [1.0, 400.0])  # nats: the unlikeliest are below what sums of doubles can tell apart
def test_the_mass_of_a_node_is_that_of_all_items_below_it(spread):
    codes = random_codes(1, 60, (4, 5, 6))
    trie = Trie.build(codes)
    nats_BN = (spread * torch.rand(2, 60, generator=torch.Generator().manual_seed(0))).neg().log_softmax(dim=1)
    nats_BN[1, 7] = -torch.inf
    masses = trie.masses(nats_BN)
    for level, mass_BM in zip(trie.levels, masses, strict=True):
        for node, (first, end) in enumerate(itertools.pairwise(level.first_leaf.tolist())):
            below = nats_BN[:, trie.row_of_leaf[first:end].long()].double().logsumexp(dim=1)
            torch.testing.assert_close(mass_BM[:, node].double(), below, rtol=1e-4, atol=0.7 if spread > 1 else 1e-5)


def test_ancestors_lead_from_the_root_to_the_item():
    trie = Trie.build(random_codes(2, 40, (4, 4, 4)))
    nodes = trie.ancestors(torch.tensor([[3, -1], [39, 0]]))
    for depth in range(trie.depth):
        for parent, child in zip(nodes[depth].flatten().tolist(), nodes[depth + 1].flatten().tolist(), strict=True):
            first, end = trie.levels[depth].first_child[parent : parent + 2].tolist() if parent >= 0 else (-1, 0)
            assert first <= child < end
    assert trie.row_of_leaf[nodes[-1][1]].tolist() == [39, 0]
    assert nodes[-1][0, 1] == -1


def test_row_order_is_irrelevant():
    codes = random_codes(3, 50, (4, 4, 5))
    order = np.random.default_rng(0).permutation(50)
    shuffled = walk(Trie.build(codes[order]))
    assert {path: order[row] for path, row in shuffled.items()} == walk(Trie.build(codes))


def test_repeated_ids_are_refused():
    with pytest.raises(ShapeError, match="1 semantic IDs appear twice"):
        Trie.build(np.array([[0, 1], [0, 1], [1, 0]]))


def test_a_filter_that_leaves_nothing_is_an_error_not_everything():
    trie = Trie.build(np.array(list(itertools.product(range(2), range(2)))))
    with pytest.raises(FilterError, match="no item passes"):
        trie.mask(np.zeros(4, bool))
    with pytest.raises(FilterError, match="no item is left"):
        trie.narrow([None], [np.arange(4)])
    with pytest.raises(FilterError, match="no item is left"):
        trie.narrow([None, trie.mask(np.array([True, True, False, False]))], [np.arange(2), np.arange(2)])
