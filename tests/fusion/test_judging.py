"""Ranks of what followed, and cases apart by how much is known of a person."""

import numpy as np

from genrec.fusion.judging import by_activity, gain_by_activity, ndcg, recall, target_ranks


def cases_of(*lengths, target=9):
    return [(np.arange(length), target) for length in lengths]


def test_ranks_leave_out_the_history_and_put_equals_in_the_middle():
    scores = np.array([[9.0, 8.0, 5.0, 3.0, 3.0]])
    cases = [(np.array([0, 1]), 2), (np.array([0]), 2), (np.array([0]), 4), (np.array([4]), 4)]
    ranks = target_ranks(lambda histories: np.repeat(scores, len(histories), axis=0), cases)
    assert ranks.tolist() == [1.0, 2.0, 3.5, np.inf]
    assert recall(ranks, 2) == 0.5
    assert ndcg(ranks, 2) == (1 + 1 / np.log2(3)) / 4


def test_what_tells_nothing_finds_nothing():
    ranks = target_ranks(lambda histories: np.zeros((len(histories), 100)), cases_of(1, 2, 3))
    assert recall(ranks, 10) == 0.0
    assert recall(ranks[:0]) == 0.0


def test_groups_hold_every_case_once_and_the_sparsest_come_first():
    cases = cases_of(8, 1, 2, 2, 3, 1, 5, 8)
    groups = by_activity(cases, num_groups=4)
    assert list(groups) == ["1", "2", "3-5", "8"]
    assert sorted(np.concatenate(list(groups.values())).tolist()) == list(range(8))
    assert groups["3-5"].tolist() == [4, 6]
    assert list(by_activity(cases_of(4, 4, 4))) == ["4"]
    assert by_activity([]) == {}


def test_gains_are_of_the_same_cases():
    def knows_sparse(histories):
        found = np.zeros((len(histories), 40))
        found[:, 9] = [1.0 if len(history) < 3 else -1.0 for history in histories]
        return found

    gains = gain_by_activity(knows_sparse, lambda h: np.zeros((len(h), 40)), cases_of(1, 2, 5, 6), num_groups=2)
    assert gains == {"1-2": (1.0, 0.0), "5-6": (0.0, 0.0)}
