"""Splits into training, validation and test: the field's protocols over one event log.

Knows when things happened; deliberately knows nothing of models or metrics.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from genrec.config import SplitConfig
from genrec.errors import SourceError
from genrec.schema import Interactions

MIN_EVENTS = 3  # leave-one-out: a user needs one event to train on, one to validate, one to test


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationCase:
    """One question with a known answer: given this history (oldest first), what came next?

    timestamp: Unix seconds of the target's event.
    """

    user_id: str
    history: tuple[str, ...]
    target: str
    timestamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The training events, and the cases that validate and test; no target's event is in train."""

    protocol: str
    train: Interactions
    validation: tuple[EvaluationCase, ...]
    test: tuple[EvaluationCase, ...]


def split_interactions(interactions: Interactions, config: SplitConfig) -> Split:
    """Split one event log by the protocol that the configuration names.

    leave-one-out: of each user with three events or more, the last tests, the one before it validates, the rest
    trains; the test history includes the validation event. Users with fewer events only train.
    global-time: the newest `test_share` of the log tests, the same share before it validates, what is older trains;
    the cuts fall between different timestamps. Each event of a window whose user has an earlier one is a case.
    none: everything trains. cold_share: of the items, leaves no event in training and no target in validation.
    Raises SourceError when a log cannot be split so.
    """
    if config.protocol == "none":
        return Split(protocol="none", train=interactions, validation=(), test=())
    if not len(interactions):
        raise SourceError(
            f"there are no events to split by {config.protocol}; ingest events, or set split.protocol=none"
        )
    if not 0 <= config.cold_share < 1:
        raise SourceError(f"split.cold_share is {config.cold_share}; wanted a share from 0 to below 1")
    by_time = config.protocol == "global-time"
    split = _split_by_time(interactions, config.test_share) if by_time else _leave_one_out(interactions)
    return _hold_items_out(split, config.cold_share) if config.cold_share else split


def _hold_items_out(split: Split, share: float) -> Split:
    """The same split without training events and validation cases of some items, chosen by a hash of their ids."""
    cold = {item_id for item_id in set(split.train.item_ids) if _share_of_hashes_below(item_id) < share}
    train = split.train.select(np.array([item_id not in cold for item_id in split.train.item_ids]))
    if not len(train):
        raise SourceError(f"split.cold_share = {share} holds every item of the training events out; lower it")
    validation = tuple(case for case in split.validation if case.target not in cold)
    return replace(split, train=train, validation=validation)


def _share_of_hashes_below(text: str) -> float:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64


def _leave_one_out(interactions: Interactions) -> Split:
    keep = np.ones(len(interactions), dtype=np.bool_)
    validation, test = [], []
    for user_id, (start, end) in interactions.user_bounds().items():
        if end - start >= MIN_EVENTS:
            validation.append(_case(interactions, user_id, start, end - 2))
            test.append(_case(interactions, user_id, start, end - 1))
            keep[end - 2 : end] = False
    if not test:
        raise SourceError(f"no user has {MIN_EVENTS} events, which leave-one-out needs; set split.protocol=none")
    train = interactions.select(keep)
    return Split(protocol="leave-one-out", train=train, validation=tuple(validation), test=tuple(test))


def _split_by_time(interactions: Interactions, test_share: float) -> Split:
    if not 0 < test_share < 0.5:
        raise SourceError(f"split.test_share is {test_share}; wanted more than 0 and less than 0.5")
    times = interactions.timestamps
    ordered = np.sort(times)
    num_test = max(1, round(test_share * len(ordered)))
    test_start = ordered[len(ordered) - num_test]
    validation_start = ordered[max(0, len(ordered) - 2 * num_test)]
    train = interactions.select(times < validation_start)
    validation = tuple(_window_cases(interactions, validation_start, test_start))
    test = tuple(_window_cases(interactions, test_start, ordered[-1] + 1))
    if not len(train) or not test:
        raise SourceError(
            f"global time leaves {len(train)} training events and {len(test)} test cases of {len(times)} events; "
            "change split.test_share, or set split.protocol=leave-one-out"
        )
    return Split(protocol="global-time", train=train, validation=validation, test=test)


def _window_cases(interactions: Interactions, first: int, stop: int) -> Iterator[EvaluationCase]:
    """A case for each event with first <= timestamp < stop that is not its user's first event."""
    for user_id, (start, end) in interactions.user_bounds().items():
        low, high = np.searchsorted(interactions.timestamps[start:end], [first, stop]) + start
        for row in range(max(int(low), start + 1), int(high)):
            yield _case(interactions, user_id, start, row)


def _case(interactions: Interactions, user_id: str, start: int, row: int) -> EvaluationCase:
    return EvaluationCase(
        user_id=user_id,
        history=tuple(interactions.item_ids[start:row]),
        target=str(interactions.item_ids[row]),
        timestamp=int(interactions.timestamps[row]),
    )
