"""A mixture of two expectations is a probability, and says what either says alone at the ends."""

import numpy as np

from genrec.model.mixing import mix_expectations


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
