"""Metrics against values worked out by hand, and against ranx."""

import math

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from genrec.errors import ShapeError
from genrec.evaluate import metrics

RANKS = np.array([1.0, 3.0, 7.0, 12.0, np.inf])


def test_ranks_are_one_based_and_infinite_when_the_target_is_missing() -> None:
    lists = np.array([[4, 2, 9], [4, 2, 9], [4, 2, metrics.NO_ITEM]])
    ranks = metrics.ranks_of_targets(lists, np.array([4, 9, 7]))
    assert ranks.tolist() == [1.0, 3.0, math.inf]


def test_empty_lists_hit_nothing() -> None:
    assert metrics.ranks_of_targets(np.zeros((2, 0), dtype=np.int64), np.array([0, 1])).tolist() == [math.inf] * 2


def test_targets_that_do_not_match_the_lists_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"lists have shape \(2, 3\), targets \(3,\)"):
        metrics.ranks_of_targets(np.zeros((2, 3), dtype=np.int64), np.zeros(3, dtype=np.int64))


def test_recall_ndcg_and_mrr_equal_values_worked_out_by_hand() -> None:
    figures = metrics.summarize(RANKS)
    assert figures["recall@5"] == pytest.approx(2 / 5)
    assert figures["recall@10"] == pytest.approx(3 / 5)
    assert figures["recall@20"] == pytest.approx(4 / 5)
    assert figures["ndcg@5"] == pytest.approx((1 + 1 / 2) / 5)  # log2(2) = 1, log2(4) = 2
    assert figures["ndcg@10"] == pytest.approx((1 + 1 / 2 + 1 / 3) / 5)  # log2(8) = 3
    assert figures["ndcg@20"] == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / math.log2(13)) / 5)
    assert figures["mrr@20"] == pytest.approx((1 + 1 / 3 + 1 / 7 + 1 / 12) / 5)


def test_no_case_has_no_figures() -> None:
    nothing = np.zeros(0)
    assert metrics.summarize(nothing) == {}
    assert metrics.intervals(nothing) == {}
    assert metrics.expected_of_random(np.zeros(0, dtype=bool), np.zeros(0, dtype=np.int64)) == {}


def random_lists() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return np.stack([rng.permutation(60)[:20] for _ in range(200)]), rng.integers(0, 60, 200)


def test_ndcg_agrees_with_scikit_learn() -> None:
    lists, targets = random_lists()
    relevance, scores = np.zeros((200, 60)), np.zeros((200, 60))
    relevance[np.arange(200), targets] = 1.0
    np.put_along_axis(scores, lists, np.arange(20.0, 0.0, -1.0)[None, :].repeat(200, axis=0), axis=1)
    ours = metrics.summarize(metrics.ranks_of_targets(lists, targets))
    for k in (5, 10, 20):
        assert ours[f"ndcg@{k}"] == pytest.approx(ndcg_score(relevance, scores, k=k, ignore_ties=True))


@pytest.mark.slow
def test_figures_agree_with_ranx(monkeypatch: pytest.MonkeyPatch) -> None:
    import numba  # by which ranx would compile for a minute what runs for a moment: a setting of the peer, not of ours

    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)
    import ranx

    lists, targets = random_lists()
    qrels = ranx.Qrels({f"u{u}": {f"i{t}": 1} for u, t in enumerate(targets)})
    run = ranx.Run({f"u{u}": {f"i{i}": float(20 - r) for r, i in enumerate(row)} for u, row in enumerate(lists)})
    names = ["recall@5", "recall@10", "recall@20", "ndcg@5", "ndcg@10", "ndcg@20", "mrr@20"]
    theirs = ranx.evaluate(qrels, run, names)
    ours = metrics.summarize(metrics.ranks_of_targets(lists, targets))
    assert {name: ours[name] for name in names} == pytest.approx(dict(theirs))


def test_wilson_interval_of_three_in_five_is_the_textbook_one() -> None:
    interval = metrics.intervals(RANKS)["recall@10"]
    assert (interval.low, interval.high) == pytest.approx((0.2307, 0.8824), abs=1e-4)


def test_zero_hits_leave_room_for_doubt() -> None:
    interval = metrics.intervals(np.full(50, np.inf))["recall@10"]
    assert interval.low == pytest.approx(0.0)
    assert 0.05 < interval.high < 0.10


def test_intervals_hold_the_true_mean_about_95_times_in_a_hundred() -> None:
    rng = np.random.default_rng(0)
    truth = metrics.summarize(np.arange(1.0, 31.0))["ndcg@10"]  # ranks uniform on 1 … 30
    held = 0
    for _ in range(400):
        interval = metrics.intervals(rng.integers(1, 31, 300).astype(float))["ndcg@10"]
        held += interval.low <= truth <= interval.high
    assert 0.92 <= held / 400 <= 0.98


def test_expectation_of_random_equals_the_average_of_many_random_rankings() -> None:
    num_legal, rng = 15, np.random.default_rng(1)
    ranks = np.array([rng.permutation(num_legal)[0] + 1.0 for _ in range(40_000)])
    expected = metrics.expected_of_random(np.array([True]), np.array([num_legal]))
    assert expected["recall@20"] == pytest.approx(1.0)  # only 15 items are legal
    assert expected == pytest.approx(metrics.summarize(ranks), abs=0.01)


def test_random_never_finds_what_it_may_not_name() -> None:
    assert set(metrics.expected_of_random(np.array([False]), np.array([15])).values()) == {0.0}


def test_coverage_and_gini_of_known_exposure() -> None:
    lists = np.array([[0, 1], [0, metrics.NO_ITEM], [0, 2]])
    shown = metrics.exposure(lists, 4)
    assert shown.tolist() == [3, 1, 1, 0]
    assert metrics.coverage(shown) == 0.75
    assert metrics.gini(shown) == pytest.approx(0.45)  # 0, 1, 1, 3 weighed by -3, -1, 1, 3, over 4 items · 5 events
    assert metrics.gini(np.array([5, 5, 5, 5])) == 0.0
    assert metrics.gini(np.array([0, 0, 0, 8])) == pytest.approx(0.75)
    assert metrics.gini(np.zeros(4, dtype=np.int64)) == 0.0


def test_popularity_lift_compares_what_is_shown_with_what_was_chosen() -> None:
    popularity = np.array([10, 2, 4, 6])
    histories = [np.array([1, 2]), np.array([2, 3]), np.zeros(0, dtype=np.int64)]  # means 3 and 5
    lists = np.array([[0, 3], [0, metrics.NO_ITEM], [0, 1]])  # means 8 and 10; the third has no history
    assert metrics.popularity_lift(lists, histories, popularity) == pytest.approx(18 / 8 - 1)
    assert metrics.popularity_lift(lists[2:], histories[2:], popularity) == 0.0


def test_paired_p_value_tells_a_difference_from_noise() -> None:
    rng = np.random.default_rng(5)
    base = rng.random(300)
    assert metrics.paired_p_value(base, base) == 1.0
    assert metrics.paired_p_value(base + 0.1 + 0.1 * rng.random(300), base) < 1e-6
    assert metrics.paired_p_value(base + rng.normal(size=300), base) > 0.01
    assert metrics.paired_p_value(np.array([1.0]), np.array([0.0])) == 1.0


def test_share_of_a_zero_ceiling_is_left_out() -> None:
    assert metrics.share_of({"recall@10": 0.2, "ndcg@10": 0.1}, {"recall@10": 0.8, "ndcg@10": 0.0}) == {
        "recall@10": 0.25
    }
