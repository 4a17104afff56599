"""A mixture of two distributions is one, and says what either says alone at the ends."""

import numpy as np
import pytest

from genrec.model.lm.best_first import StreamedItem
from genrec.ranking.mixing import MixtureCases, best_share, lowered, mix_expectations, mixed, stream_mixture


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


class Pool:
    """Stands for an item scorer over 60 items, of which the last 6 are cold and scored low."""

    num_items = 60
    is_cold_N = np.arange(60) >= 54

    def __init__(self, cold_bonus=0.0):
        self.cold_bonus = cold_bonus

    def with_cold_bonus(self, cold_bonus):
        return Pool(cold_bonus)

    def log_probabilities(self, histories):
        chance = [np.random.default_rng(history.tolist()).normal(size=60) for history in histories]
        nats = np.array(chance) - 2 * self.is_cold_N + self.cold_bonus * self.is_cold_N
        return nats - np.log(np.exp(nats).sum(axis=1, keepdims=True))


def answered(num_cases=200):
    rng = np.random.default_rng(0)
    cases = []
    for _ in range(num_cases):
        history = rng.permutation(60)[:5]
        beams = np.setdiff1d(rng.permutation(54)[:12], history)[:6]
        nats = np.log(rng.dirichlet(np.ones(7)))[:6]
        target = int(rng.choice(np.setdiff1d(np.arange(60), history)))
        cases.append((history, target, beams, nats))
    return cases


@pytest.mark.parametrize(("weight", "cold_bonus"), [(0.3, 0.0), (0.8, 1.2), (1.0, 2.0)])
def test_cases_are_mixed_as_answers_are(weight, cold_bonus):
    cases = answered()
    found = MixtureCases.find(cases, Pool())
    nats_BM = found.nats(weight, cold_bonus)
    gains, num_cold = [], 0
    for number, (history, target, beams, nats_W) in enumerate(cases):
        expected_N = Pool(cold_bonus).log_probabilities([history])[0]
        expected_N[history] = -np.inf
        rows, nats = mix_expectations(beams, nats_W, expected_N, weight)
        mixed_N = np.full(60, -np.inf)
        mixed_N[rows] = nats
        of_case = found.rows_BM[number] >= 0
        np.testing.assert_allclose(nats_BM[number][of_case], mixed_N[found.rows_BM[number][of_case]], rtol=1e-9)
        best = np.argsort(-mixed_N)[:10]
        gains.append(sum(1 / np.log2(place + 2) for place, row in enumerate(best) if row == target))
        num_cold += int((best >= 54).sum())
    assert found.ndcg(weight, cold_bonus) == pytest.approx(np.mean(gains))
    assert found.exposure(weight, cold_bonus) == pytest.approx(num_cold / (10 * len(cases)) / 0.1)


@pytest.mark.parametrize("weight", [0.5, 1.0])
def test_cold_items_are_shown_as_often_as_wished(weight):
    found = MixtureCases.find(answered(), Pool())
    assert found.exposure(weight, 0.0) < 0.5
    cold_bonuses = [found.least_cold_bonus(weight, exposure) for exposure in (0.5, 1.0, 3.0)]
    assert cold_bonuses == sorted(cold_bonuses)
    for cold_bonus, exposure in zip(cold_bonuses, (0.5, 1.0, 3.0), strict=True):
        assert found.exposure(weight, cold_bonus) == pytest.approx(exposure, rel=0.1)
    assert found.least_cold_bonus(weight, 0.0) < 0.02


def test_where_beams_leave_no_room_no_bonus_suffices():
    assert MixtureCases.find(answered(), Pool()).least_cold_bonus(0.1, 9.0) is None


def test_a_share_is_judged_with_its_neighbors_and_the_least_of_equal_ones_is_taken():
    assert best_share({0.0: 0.1, 0.1: 0.5, 0.2: 0.1, 0.8: 0.3, 0.9: 0.4, 1.0: 0.3}) == 0.9
    assert best_share({0.0: 0.2, 0.5: 0.2, 1.0: 0.2}) == 0.0


def test_lowered_items_come_in_their_new_order_as_soon_as_none_can_overtake_them():
    asked, nats = [], {0: -1.0, 1: -2.0, 2: -3.0, 3: -3.5, 4: -9.0}
    lower = {0: -2.5, 1: 0.0, 2: -5.0, 3: 0.0, 4: 0.0}

    def found():
        for row, score in nats.items():
            asked.append(row)
            yield row, score

    stream = lowered(found(), lower.__getitem__)
    assert next(stream) == (1, -2.0)
    assert asked == [0, 1, 2]  # the third may have been as likely
    assert list(stream) == [(0, -3.5), (3, -3.5), (2, -8.0), (4, -9.0)]
