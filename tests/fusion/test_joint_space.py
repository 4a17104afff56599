"""A joint space of given vectors finds partners that it was not fitted on, and says what it cannot use."""

import numpy as np
import pytest

from genrec.data.arrays import unit_rows
from genrec.errors import InputError, ShapeError
from genrec.fusion.joint_space import fit_joint_space, recall_of_pairs


@pytest.fixture(scope="module")
def sides():
    """Two views of 500 hidden causes, each mostly of noise that the other does not show."""
    rng = np.random.default_rng(0)
    causes = rng.normal(size=(500, 6))
    left, right = (
        causes @ rng.normal(size=(6, width)) + rng.normal(size=(500, 8)) @ rng.normal(size=(8, width)) + 1
        for width in (24, 32)
    )
    return unit_rows(left), unit_rows(right)


def test_partners_are_found_that_it_was_not_fitted_on(sides):
    left, right = sides
    space = fit_joint_space(left[:400], right[:400], num_features=8)
    begun = fit_joint_space(left[:400], right[:400], num_features=8, epochs=0)
    found = recall_of_pairs(space.of_left(left[400:]), space.of_right(right[400:]))
    assert found > 0.5  # a tenth is chance
    assert space.recall >= begun.recall
    assert space.of_left(left).shape == space.of_right(right).shape == (500, 8)
    np.testing.assert_allclose(np.linalg.norm(space.of_left(left), axis=1), 1, rtol=1e-5)


def test_strangers_are_found_by_chance_alone(sides):
    left, right = sides
    strangers = np.random.default_rng(1).permutation(right[:400])
    space = fit_joint_space(left[:400], strangers, num_features=8)
    assert recall_of_pairs(space.of_left(left[400:]), space.of_right(right[400:])) < 0.25


def test_it_repeats_and_does_not_depend_on_later_rows(sides):
    left, right = sides
    one, two = (fit_joint_space(left[:200], right[:200], epochs=2, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.left_LP, two.left_LP)
    np.testing.assert_array_equal(one.right_RP, two.right_RP)


def test_what_cannot_be_pairs_is_refused(sides):
    left, right = sides
    with pytest.raises(ShapeError, match="400 vectors on the left, 399 on the right"):
        fit_joint_space(left[:400], right[:399])
    with pytest.raises(InputError, match=r"60 pairs are too few .* wanted 100 or more"):
        fit_joint_space(left[:60], right[:60])


def test_equal_vectors_find_nothing():
    same = np.ones((40, 3), np.float32)
    assert recall_of_pairs(same, same) == 0
    assert recall_of_pairs(np.eye(40, dtype=np.float32), np.eye(40, dtype=np.float32)) == 1
