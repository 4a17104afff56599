"""A pool of judges weighs each by its share, exactly, whoever of them proposed an item."""

from dataclasses import replace

import numpy as np
import pytest

from genrec.model.lm.best_first import StreamedItem
from genrec.ranking.mixing import Shares, best_share, likeliest, lowered, pool, stream_pool
from genrec.ranking.pool_cases import PoolCollector


def test_shares_of_all_judges_sum_to_one_whatever_is_chosen():
    for item_scorer in (0.0, 0.3, 1.0):
        for head_share in (0.0, 0.4, 1.0):
            shares = Shares.of(item_scorer, head_share)
            assert shares.codes + shares.item_head + shares.item_scorer == pytest.approx(1.0)
            assert shares.guide == pytest.approx(1 - shares.codes)


def test_a_judge_without_a_share_counts_nothing_even_where_it_rules_an_item_out():
    nats = pool((0.0, np.array([-np.inf, 0.0])), (0.5, np.array([-2.0, -4.0])))
    np.testing.assert_array_equal(nats, [-1.0, -2.0])


@pytest.mark.parametrize("codes", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("num_scored", [0, 5])
def test_a_streamed_pool_comes_in_order_and_no_later_than_it_must(codes, num_scored):
    rng = np.random.default_rng(int(codes * 10))
    generated, judged = np.log(rng.dirichlet(np.full(12, 0.3))), (1 - codes) * np.log(rng.dirichlet(np.full(12, 0.3)))
    judged[[3, 7]] = -np.inf  # may not be named, and the language model does not
    order = [row for row in np.argsort(-generated) if row not in (3, 7)]
    scored = {int(row): float(generated[row]) for row in likeliest(judged, num_scored)} if num_scored else {}
    asked = []

    def items():
        for place, row in enumerate(order):
            asked.append(row)
            rest = generated[order[place + 1]] if place + 1 < len(order) else -np.inf
            yield StreamedItem(int(row), float(generated[row]), float(rest))

    both = {int(row): codes * generated[row] + judged[row] for row in order}
    stream = stream_pool(items(), judged, codes, scored)
    first = next(stream)
    if codes == 0.0:
        assert not asked
        return
    num_asked = len(asked)
    found = [first, *stream]
    assert [row for row, _ in found] == sorted(both, key=lambda row: -both[row])
    np.testing.assert_allclose([score for _, score in found], sorted(both.values(), reverse=True))
    unseen = [row for row in order if row not in asked[: num_asked - 1] and row not in scored]
    if num_asked > 1 and unseen:  # one item earlier it could still have been overtaken
        assert first[1] <= codes * generated[order[num_asked - 1]] + max(judged[row] for row in unseen) + 1e-9


class Pool:
    """Stands for an item scorer over 60 items, of which the last 6 are cold and scored low."""

    num_items = 60
    is_cold_N = np.arange(60) >= 54
    head = None

    def log_probabilities(self, histories):
        chance = [np.random.default_rng(history.tolist()).normal(size=60) for history in histories]
        nats = np.array(chance) - 2 * self.is_cold_N
        return nats - np.log(np.exp(nats).sum(axis=1, keepdims=True))

    def cold_nats(self, histories):
        return np.array([np.random.default_rng(history[::-1].tolist()).random(6) for history in histories])


class Head:
    """Stands for an item head, which judges otherwise."""

    def log_probabilities(self, histories):
        return Pool().log_probabilities([history[::-1] for history in histories])


def answered(item_scorer=None, num_cases=200):
    """Cases with exact nats of all judges, as beams of a writer that knows every item would give them."""
    rng = np.random.default_rng(0)
    histories = [rng.permutation(60)[:5] for _ in range(num_cases)]
    targets = np.array([rng.choice(np.setdiff1d(np.arange(60), history)) for history in histories])
    codes_BN = np.log(rng.dirichlet(np.ones(60), num_cases))
    collector = PoolCollector(item_scorer or Pool())
    judged = collector.judge(histories, histories)
    rows_BW = np.where(judged.likely_BC >= 0, judged.likely_BC, 0)
    codes_BW = np.where(judged.likely_BC >= 0, np.take_along_axis(codes_BN, rows_BW, axis=1), -np.inf)
    collector.add(judged, targets, rows_BW, codes_BW)
    return collector.cases(), histories, targets, codes_BN


@pytest.mark.parametrize(("weight", "cold_bonus", "head_share"), [(0.3, 0.0, 0.4), (0.8, 1.2, 0.0), (1.0, 2.0, 0.0)])
def test_cases_are_pooled_as_answers_are(weight, cold_bonus, head_share):
    scorer = Pool()
    scorer.head = Head()
    found, histories, targets, codes_BN = answered(scorer)
    found = replace(found, head_share=head_share)
    shares = Shares.of(weight, head_share)
    gains, num_cold = [], 0
    for number, (history, target) in enumerate(zip(histories, targets, strict=True)):
        expected_N = Pool().log_probabilities([history])[0]
        head_N = Head().log_probabilities([history])[0]
        pooled_N = pool((shares.codes, codes_BN[number]), (shares.item_head, head_N), (shares.item_scorer, expected_N))
        pooled_N[54:] += Pool().cold_nats([history])[0] + cold_bonus
        pooled_N[history] = -np.inf
        rows = found.rows_BM[number]
        np.testing.assert_allclose(
            found.nats(weight, cold_bonus)[number][rows >= 0], pooled_N[rows[rows >= 0]], rtol=1e-9
        )
        best = np.argsort(-pooled_N)[:10]
        gains.append(sum(1 / np.log2(place + 2) for place, row in enumerate(best) if row == target))
        num_cold += int((best >= 54).sum())
    assert found.ndcg(weight, cold_bonus) == pytest.approx(np.mean(gains))
    assert found.exposure(weight, cold_bonus) == pytest.approx(num_cold / (10 * len(histories)) / 0.1)


def test_the_head_share_is_that_with_which_the_language_model_alone_does_best():
    found, *_ = answered()
    right = np.where(found.rows_BM == found.target_B[:, None], 0.0, -5.0)
    found = replace(found, head_BM=np.where(found.rows_BM >= 0, right, -np.inf))
    assert found.with_best_head_share([0.0, 0.5, 0.9]).head_share == 0.9
    dear = replace(found, cold_BM=9.0 * found.is_cold_BM)  # which would speak against every share but 0
    assert dear.with_best_head_share([0.0, 0.5, 0.9]).head_share == 0.9
    assert (dear.with_best_head_share([0.0, 0.5, 0.9]).cold_BM == dear.cold_BM).all()
    assert replace(found, head_BM=-right).with_best_head_share([0.0, 0.5, 0.9]).head_share == 0.0


@pytest.mark.parametrize("weight", [0.5, 1.0])
def test_cold_items_are_shown_as_often_as_wished(weight):
    found, *_ = answered()
    assert found.exposure(weight, -2.0) < 0.5
    cold_bonuses = [found.least_cold_bonus(weight, exposure) for exposure in (0.5, 1.0, 3.0)]
    assert cold_bonuses == sorted(cold_bonuses)
    for cold_bonus, exposure in zip(cold_bonuses, (0.5, 1.0, 3.0), strict=True):
        assert found.exposure(weight, cold_bonus) == pytest.approx(exposure, rel=0.1)
    assert found.least_cold_bonus(weight, 0.0) < 0.02
    assert found.least_cold_bonus(0.0, 1.0) is None  # codes alone know nothing of what is cold


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
