"""A mixture of two expectations is a probability, and says what either says alone at the ends."""

import numpy as np
import pytest

from genrec.model.mixing import mix_expectations, mixed, stream_mixture
from genrec.model.streaming import StreamedItem


def test_the_mixture_adds_up_and_joins_the_likeliest_of_both():
    generated = np.array([0.5, 0.3, 0.2])
    expected = np.array([0.05, 0.05, 0.1, 0.2, 0.6])
    rows, nats = mix_expectations(np.array([0, 1, 2]), np.log(generated), np.log(expected), 0.25)
    assert sorted(rows.tolist()) == [0, 1, 2, 3, 4]
    mixed = dict(zip(rows.tolist(), np.exp(nats), strict=True))
    np.testing.assert_allclose(mixed[0], 0.75 * 0.5 + 0.25 * 0.05)
    np.testing.assert_allclose(mixed[4], 0.25 * 0.6)
    np.testing.assert_allclose(sum(mixed.values()), 1.0)


def test_the_ends_are_either_alone():
    beams, expected = np.log([0.6, 0.4]), np.log([0.1, 0.2, 0.7])
    rows, nats = mix_expectations(np.array([2, 0]), beams, expected, 0.0)
    assert rows.tolist() == [2, 0]
    np.testing.assert_array_equal(nats, beams)
    rows, nats = mix_expectations(np.array([2, 0]), beams, expected, 1.0)
    np.testing.assert_allclose(nats, expected[rows])


def test_what_is_not_allowed_and_beams_that_ended_stay_away():
    beams = np.array([-1.0, -np.inf, -np.inf])
    expected = np.array([-0.5, -np.inf, -1.5])
    rows, nats = mix_expectations(np.array([2, 7, 7]), beams, expected, 0.5)
    assert sorted(rows.tolist()) == [0, 2]
    assert np.isfinite(nats).all()


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.9, 1.0])
def test_a_streamed_mixture_comes_in_order_and_no_later_than_it_must(weight):
    rng = np.random.default_rng(int(weight * 10))
    generated, expected = np.log(rng.dirichlet(np.full(12, 0.3))), np.log(rng.dirichlet(np.full(12, 0.3)))
    expected[[3, 7]] = -np.inf  # may not be named, and the language model does not
    order = [row for row in np.argsort(-generated) if row not in (3, 7)]
    asked = []

    def items():
        for place, row in enumerate(order):
            asked.append(row)
            rest = generated[order[place + 1]] if place + 1 < len(order) else -np.inf
            yield StreamedItem(int(row), float(generated[row]), float(rest))

    both = [mixed(generated[row], expected[row], weight) for row in order]
    stream = stream_mixture(items(), expected, weight)
    first = next(stream)
    if weight == 1.0:
        assert not asked
        return
    num_asked = len(asked)
    found = [first, *stream]
    assert [row for row, _ in found] == [order[i] for i in np.argsort(-np.array(both), kind="stable")]
    np.testing.assert_allclose([score for _, score in found], sorted(both, reverse=True))
    unseen = [row for row in order if row not in asked[: num_asked - 1]]
    bound = mixed(generated[order[num_asked - 1]], max(expected[row] for row in unseen), weight)
    assert num_asked <= 1 or first[1] <= bound + 1e-9  # one item earlier it could still have been overtaken
