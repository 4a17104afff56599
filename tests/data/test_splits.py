from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from genrec.config import SplitConfig
from genrec.data.splits import EvaluationCase, is_training, split_interactions
from genrec.errors import SourceError
from genrec.schema import Interactions

LEAVE_ONE_OUT = SplitConfig()
GLOBAL_TIME = SplitConfig(protocol="global-time", test_share=0.2)


def random_interactions(num_events: int) -> Interactions:
    rng = np.random.default_rng(0)
    return Interactions.sort(
        user_ids=[f"u{user}" for user in rng.integers(0, 40, num_events)],
        item_ids=[f"i{item}" for item in rng.integers(0, 20, num_events)],
        timestamps=rng.permutation(num_events),
    )


def test_leave_one_out_tests_the_last_event_and_validates_on_the_one_before() -> None:
    interactions = Interactions.sort(
        user_ids=["u", "v", "u", "u", "v", "u"],
        item_ids=["d", "x", "a", "b", "y", "c"],
        timestamps=[40, 1, 10, 20, 2, 30],
    )
    split = split_interactions(interactions, LEAVE_ONE_OUT)
    assert split.protocol == "leave-one-out"
    (validation,), (test,) = split.validation, split.test
    assert (validation.user_id, validation.history, validation.target, validation.timestamp) == (
        "u",
        ("a", "b"),
        "c",
        30,
    )
    assert (test.user_id, test.history, test.target, test.timestamp) == ("u", ("a", "b", "c"), "d", 40)
    assert split.train.histories() == {"u": ("a", "b"), "v": ("x", "y")}


def test_equal_times_are_split_in_input_order() -> None:
    interactions = Interactions.sort(user_ids=["u"] * 3, item_ids=["c", "a", "b"], timestamps=[5, 5, 5])
    assert split_interactions(interactions, LEAVE_ONE_OUT).test[0].history == ("c", "a")


def test_leave_one_out_loses_and_repeats_no_event() -> None:
    interactions = random_interactions(300)
    split = split_interactions(interactions, LEAVE_ONE_OUT)
    assert len(split.train) + len(split.validation) + len(split.test) == len(interactions)
    for case in split.test:
        assert (*case.history, case.target) == interactions.history(case.user_id)


@pytest.mark.parametrize("protocol", ["leave-one-out", "global-time", "given", "none"])
@pytest.mark.parametrize("cold_share", [0.0, 0.3])
def test_what_trains_is_the_same_without_cases(protocol: Literal["leave-one-out"], cold_share: float) -> None:
    rng = np.random.default_rng(1)
    judged = replace(
        random_interactions(300),
        feedback=rng.choice([1, 1, 0, -1], 300).astype(np.int8),
        parts=rng.integers(0, 3, 300).astype(np.int8),
    )
    config = SplitConfig(protocol=protocol, cold_share=cold_share, test_share=0.2)
    train = split_interactions(judged, config).train
    found = judged.select(is_training(judged, config))
    assert found.user_ids.tolist() == train.user_ids.tolist()
    assert found.timestamps.tolist() == train.timestamps.tolist()
    assert found.histories() == train.histories()  # nothing in it was taken back
    assert len(found) == sum(map(len, train.histories().values()))


def test_leave_one_out_trains_on_no_event_from_the_target_of_validation_on() -> None:
    interactions = Interactions.sort(
        user_ids=["u"] * 6, item_ids=[*"abcdef"], timestamps=range(6), feedback=[1, 1, -1, 1, 0, 1]
    )
    kept = is_training(interactions, LEAVE_ONE_OUT)
    assert split_interactions(interactions, LEAVE_ONE_OUT).validation[0].target == "d"
    assert kept.tolist() == [True, True, False, False, False, False]


def test_global_time_trains_before_validation_before_test() -> None:
    interactions = random_interactions(300)
    split = split_interactions(interactions, GLOBAL_TIME)
    assert split.train.timestamps.max() < min(case.timestamp for case in split.validation)
    assert max(case.timestamp for case in split.validation) < min(case.timestamp for case in split.test)
    assert len(split.train) == 180
    for case in (*split.validation, *split.test):
        history = interactions.history(case.user_id)
        assert (*case.history, case.target) == history[: len(case.history) + 1]


def test_global_time_never_cuts_between_equal_times() -> None:
    times = [1, 2, 3, 4, 5, 6, 7, 7, 7, 8]
    interactions = Interactions.sort(user_ids=["u"] * 10, item_ids=list("abcdefghij"), timestamps=times)
    split = split_interactions(interactions, GLOBAL_TIME)
    assert [case.timestamp for case in split.test] == [7, 7, 7, 8]
    assert split.train.timestamps.max() < 7


def test_a_users_first_event_is_no_case() -> None:
    interactions = Interactions.sort(user_ids=[*"uuuuv"], item_ids=[*"abcde"], timestamps=[1, 2, 3, 4, 5])
    split = split_interactions(interactions, SplitConfig(protocol="global-time", test_share=0.4))
    assert [case.user_id for case in split.test] == ["u"]


def test_no_protocol_trains_on_everything() -> None:
    interactions = random_interactions(10)
    split = split_interactions(interactions, SplitConfig(protocol="none"))
    assert split.train is interactions
    assert split.validation == split.test == ()


@pytest.mark.parametrize(
    ("interactions", "config", "message"),
    [
        (random_interactions(0), LEAVE_ONE_OUT, "no events to split"),
        (Interactions.sort(user_ids=["u", "v"], item_ids=["a", "a"]), LEAVE_ONE_OUT, "no user has 3 positive events"),
        (
            Interactions.sort(user_ids=["u"] * 4, item_ids=[*"abcd"], timestamps=[1] * 4),
            GLOBAL_TIME,
            "0 training events",
        ),
        (random_interactions(9), SplitConfig(protocol="global-time", test_share=0.7), "test_share is 0.7"),
    ],
)
def test_logs_that_cannot_be_split_are_refused(interactions: Interactions, config: SplitConfig, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        split_interactions(interactions, config)


@pytest.mark.parametrize("config", [LEAVE_ONE_OUT, GLOBAL_TIME])
def test_items_held_out_leave_training_and_validation_but_not_the_test(config: SplitConfig) -> None:
    interactions = random_interactions(800)
    whole = split_interactions(interactions, config)
    split = split_interactions(interactions, replace(config, cold_share=0.3))
    cold = set(whole.train.item_ids) - set(split.train.item_ids)
    assert 2 <= len(cold) <= 10
    assert split.test == whole.test
    assert split.validation == tuple(case for case in whole.validation if case.target not in cold)
    assert len(split.train) == sum(item not in cold for item in whole.train.item_ids)
    with pytest.raises(SourceError, match="cold_share is 1"):
        split_interactions(interactions, replace(config, cold_share=1.0))


def judged_log(*events: tuple[str, str, int], start: int = 0) -> Interactions:
    """Events of a user, an item and what it says, one after the other."""
    return Interactions.sort(
        user_ids=[user for user, _, _ in events],
        item_ids=[item for _, item, _ in events],
        feedback=[sign for _, _, sign in events],
        timestamps=[start + number for number in range(len(events))],
    )


def test_only_positive_events_train_and_are_targets_and_what_was_disliked_before_stands_beside() -> None:
    log = judged_log(
        *[("u", "a", 1), ("u", "x", -1), ("u", "b", 1), ("u", "y", 0), ("u", "c", 1), ("u", "z", -1), ("v", "x", -1)]
    )
    split = split_interactions(log, LEAVE_ONE_OUT)
    assert split.train.histories() == {"u": ("a",)}
    assert split.validation == (EvaluationCase(user_id="u", history=("a",), target="b", timestamp=2, disliked=("x",)),)
    assert split.test == (EvaluationCase(user_id="u", history=("a", "b"), target="c", timestamp=4, disliked=("x",)),)
    assert len(split_interactions(log, SplitConfig(protocol="none")).train) == 3


def test_the_latest_judgment_before_a_case_counts() -> None:
    log = judged_log(
        *[("u", "a", 1), ("u", "x", -1), ("u", "b", 1), ("u", "x", 1), ("u", "a", -1), ("u", "c", 1), ("u", "d", 1)]
    )
    split = split_interactions(log, LEAVE_ONE_OUT)
    assert [(case.history, case.target, case.disliked) for case in (*split.validation, *split.test)] == [
        (("b", "x"), "c", ("a",)),
        (("b", "x", "c"), "d", ("a",)),
    ]


def test_global_time_knows_nothing_of_judgments_after_its_cuts() -> None:
    events = [("u", item, 1) for item in "abcdefgh"] + [("u", "a", -1), ("u", "i", 1), ("u", "j", 1)]
    split = split_interactions(judged_log(*events), GLOBAL_TIME)
    assert split.train.item_ids.tolist() == list("abcdef")  # a is disliked only later
    assert [case.history[0] for case in split.validation] == ["a", "a"]
    assert [(case.history[0], case.disliked) for case in split.test] == [("b", ("a",))] * 2


def test_neutral_events_after_a_judgment_leave_it_as_it_is() -> None:
    log = judged_log(("u", "x", -1), ("u", "a", 1), ("u", "x", 0), ("u", "a", 0), ("u", "b", 1), ("u", "c", 1))
    (case,) = split_interactions(log, LEAVE_ONE_OUT).test
    assert (case.history, case.disliked) == (("a", "b"), ("x",))


def test_a_log_without_positive_events_cannot_be_split() -> None:
    with pytest.raises(SourceError, match="none of 2 events is positive, so there are none to split"):
        split_interactions(judged_log(("u", "a", -1), ("u", "b", 0)), LEAVE_ONE_OUT)


def test_what_a_case_disliked_stands_in_the_order_of_the_last_judgments_and_is_the_users_own() -> None:
    events = [("t", "z", -1), ("u", "x", -1), ("u", "y", -1), ("u", "a", 1), ("u", "x", -1), ("u", "w", -1)]
    log = judged_log(*events, ("u", "w", 1), ("u", "b", 1), ("u", "c", 1))
    (case,) = split_interactions(log, LEAVE_ONE_OUT).test
    assert (case.history, case.disliked) == (("a", "w", "b"), ("y", "x"))
