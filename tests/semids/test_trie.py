"""The trie: every leaf is one item, and filters narrow it exactly."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genrec.errors import FilterError, ShapeError
from genrec.semids.trie import Trie


def random_codes(seed: int, num_items: int, sizes: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(seed)
    chosen = rng.choice(int(np.prod(sizes)), num_items, replace=False)
    return np.stack(np.unravel_index(chosen, sizes), axis=1)


def walk(trie: Trie, counts: torch.Tensor | None = None) -> dict[tuple[int, ...], int]:
    """All legal paths of a trie, with the catalog row at their end."""
    paths: dict[tuple[int, ...], int] = {(): 0}
    for depth in range(trie.depth):
        longer = {}
        for path, node in paths.items():
            children = trie.children(depth, torch.tensor([[node]]), counts)
            for child, code, legal in zip(
                children.node[0, 0].tolist(), children.code[0, 0].tolist(), children.legal[0, 0].tolist(), strict=True
            ):
                if legal:
                    longer[(*path, code)] = child
        paths = longer
    return {path: int(trie.leaf_row[node]) for path, node in paths.items()}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), num_items=st.integers(1, 60))
def test_its_paths_are_exactly_the_items(seed, num_items):
    codes = random_codes(seed, num_items, (4, 5, 4))
    assert walk(Trie.build(codes)) == {tuple(path): row for row, path in enumerate(codes.tolist())}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000))
def test_a_filter_leaves_exactly_the_allowed_items(seed):
    codes = random_codes(seed, 40, (3, 4, 6))
    allowed = np.random.default_rng(seed).random(40) < 0.3
    allowed[seed % 40] = True
    trie = Trie.build(codes)
    counts = trie.count_allowed(torch.from_numpy(allowed)[None])
    assert sorted(walk(trie, counts).values()) == np.flatnonzero(allowed).tolist()


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
    with pytest.raises(FilterError, match="no item is left"):
        trie.count_allowed(torch.zeros(1, 4, dtype=torch.bool))
