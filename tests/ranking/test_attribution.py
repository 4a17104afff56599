"""Leave-one-out: what is taken away, what is asked, and who is suspected."""

import numpy as np
import pytest

from genrec.ranking.attribution import leave_one_out, suspects


class Sum:
    """Nats that are known: what each item is worth to the case's target, on top of ten."""

    def __init__(self, *worths):
        self.worths, self.asked = worths, []

    def __call__(self, histories, cases):
        self.asked += zip(histories, cases, strict=True)
        return np.array([10 + sum(self.worths[n][i] for i in h) for h, n in zip(histories, cases, strict=True)])


def test_drops_are_the_score_without_each_history_item():
    score = Sum({"a": 0.5, "b": -0.25, "c": 2.0}, {}, {"a": 3.0, "b": 0.0})
    attributions = leave_one_out([("a", "b", "c", "b"), (), ("a", "b")], score)
    assert attributions == [
        {"a": 0.5, "b": -0.5, "c": 2.0},
        {},
        {"a": 3.0, "b": 0.0},
    ]  # one that comes twice goes as a whole
    assert (("a", "c"), 0) in score.asked
    assert 1 not in {case for _, case in score.asked}


def test_nothing_is_asked_about_histories_that_are_not_there():
    assert leave_one_out([(), ()], lambda *_: pytest.fail("asked")) == [{}, {}]


def test_only_the_tried_are_taken_away():
    score = Sum({"a": 0.5, "b": 1.0, "c": 2.0})
    assert leave_one_out([("a", "b", "c")], score, tried=[["c"]]) == [{"c": 2.0}]
    assert len(score.asked) == 2


def test_those_felt_most_are_suspected_in_all_cases_of_a_history():
    short, long = ("x", "y"), ("a", "b", "c", "d", "e")
    attributions = [
        {"a": 0.0, "b": 3.0, "c": 1.0, "d": -1.0, "e": 0.5},
        {"x": -2.0, "y": 0.0},
        {"a": 0.0, "b": 2.0, "c": 0.0, "d": -1.0, "e": 4.0},
    ]
    found = suspects([long, short, long], attributions)
    assert [sorted(items) for items in found] == [["b", "c", "e"], ["x", "y"], ["b", "c", "e"]]
