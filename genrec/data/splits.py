"""Splits into training, validation and test: the field's protocols over the positive events of one log.

Neutral and negative events are never trained on and are no one's target; what a person disliked before a case stands
beside its history. Knows when things happened; deliberately knows nothing of models or metrics.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from genrec.config import SplitConfig
from genrec.errors import SourceError
from genrec.schema import (
    NEGATIVE,
    POSITIVE,
    TEST,
    TRAIN,
    VALIDATION,
    BoolArray,
    IntArray,
    Interactions,
    PartArray,
    coded_texts,
)

MIN_EVENTS = 3  # leave-one-out: a user needs one event to train on, one to validate, one to test


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationCase:
    """One question with a known answer: given this history (oldest first), what came next?

    timestamp: Unix seconds of the target's event; disliked: items whose latest judgment before it was negative.
    """

    user_id: str
    history: tuple[str, ...]
    target: str
    timestamp: int
    disliked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The training events, all positive, and the cases that validate and test; no target's event is in train."""

    protocol: str
    train: Interactions
    validation: tuple[EvaluationCase, ...]
    test: tuple[EvaluationCase, ...]


def split_interactions(interactions: Interactions, config: SplitConfig) -> Split:
    """Split the positive events of one log by the protocol that the configuration names.

    An event whose item the user judged negatively later leaves training and histories, from that time on.
    leave-one-out: of each user with three events or more, the last tests, the one before it validates, the rest
    trains; the test history includes the validation event. Users with fewer events only train.
    global-time: the newest `test_share` of the log tests, the same share before it validates, what is older trains;
    the cuts fall between different timestamps. Each event of a window whose user has an earlier one is a case.
    given: the source's own split, such as MMRec's x_label; each event of a later part is a case, whose history is what
    its user has in earlier parts. none: everything trains. cold_share: of the items, leaves no event in training and no
    target in validation. Raises SourceError when a log cannot be split so.
    """
    train = interactions.select(is_training(interactions, config))
    if config.protocol == "none":
        return Split(protocol="none", train=train, validation=(), test=())
    if config.protocol == "global-time":
        validation, test = _cases_by_time(interactions, config.test_share, len(train))
    elif config.protocol == "given":
        validation, test = _cases_as_given(interactions, len(train))
    else:
        validation, test = _cases_left_out(interactions)
    if config.cold_share:
        validation = [case for case in validation if not _is_held_out(case.target, config.cold_share)]
    return Split(protocol=config.protocol, train=train, validation=tuple(validation), test=tuple(test))


def is_training(interactions: Interactions, config: SplitConfig) -> BoolArray:
    """Which events train, bool (E,): the training part of `split_interactions`, found without a case.

    Raises SourceError when a log cannot be split so; whether there is anything to test on is not asked.
    """
    if config.protocol == "none":
        return interactions.are_positive()
    if not (interactions.feedback == POSITIVE).any():
        found = (
            f"none of {len(interactions)} events is positive, so there are none" if len(interactions) else "no events"
        )
        raise SourceError(
            f"{'there are ' if not len(interactions) else ''}{found} to split by {config.protocol}; "
            "ingest some, or build with --set split.protocol=none"
        )
    if not 0 <= config.cold_share < 1:
        raise SourceError(f"split.cold_share is {config.cold_share}; wanted a share from 0 to below 1")
    if config.protocol == "global-time":
        among = interactions.timestamps < _time_cuts(interactions, config.test_share)[0]
    elif config.protocol == "given":
        among = _given_parts(interactions) == TRAIN
    else:
        among = _before_last_two(interactions)
    found_E = interactions.are_positive(among)
    return _without_held_out(found_E, interactions, config.cold_share) if config.cold_share else found_E


def _without_held_out(is_training_E: BoolArray, interactions: Interactions, share: float) -> BoolArray:
    """Which events train when items that are chosen by a hash of their ids do not."""
    coded = coded_texts(interactions.item_ids)
    held_out_V = np.array([_is_held_out(str(item_id), share) for item_id in coded.values])
    kept_E: BoolArray = is_training_E & ~held_out_V[coded.places_N]
    if not kept_E.any():
        raise SourceError(f"split.cold_share = {share} holds every item of the training events out; lower it")
    return kept_E


def _is_held_out(item_id: str, share: float) -> bool:
    return _share_of_hashes_below(item_id) < share


def _share_of_hashes_below(text: str) -> float:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64


_Cases: TypeAlias = tuple[list[EvaluationCase], list[EvaluationCase]]  # that validate, that test


def _before_last_two(interactions: Interactions) -> BoolArray:
    """Which events come before the last two positive ones of their user, where that has three or more."""
    starts = interactions.user_starts()
    is_positive = interactions.feedback == POSITIVE
    num_likes = np.add.reduceat(is_positive, starts, dtype=np.int64)
    has_cases = num_likes >= MIN_EVENTS
    if not has_cases.any():
        raise SourceError(
            f"no user has {MIN_EVENTS} positive events, which leave-one-out needs; build with --set split.protocol=none"
        )
    ends = np.r_[starts[1:], len(interactions)]
    stops = ends.copy()  # the first row of a user that does not train
    stops[has_cases] = np.flatnonzero(is_positive)[np.cumsum(num_likes)[has_cases] - 2]
    before: BoolArray = np.arange(len(interactions)) < np.repeat(stops, ends - starts)
    return before


def _cases_left_out(interactions: Interactions) -> _Cases:
    log = _Log.of(interactions)
    validation, test = [], []
    for user_id, (start, end) in log.likes.user_bounds().items():
        if end - start >= MIN_EVENTS:
            validation.append(log.case(user_id, start, end - 2))
            test.append(log.case(user_id, start, end - 1))
    return validation, test


def _time_cuts(interactions: Interactions, test_share: float) -> tuple[int, int, int]:
    """When validation begins, when test does, and when the log has ended."""
    if not interactions.has_times:
        raise SourceError("the events have no times, so they cannot be split by time; set split.protocol=leave-one-out")
    if not 0 < test_share < 0.5:
        raise SourceError(f"split.test_share is {test_share}; wanted more than 0 and less than 0.5")
    ordered = np.sort(interactions.timestamps[interactions.feedback == POSITIVE])
    num_test = max(1, round(test_share * len(ordered)))
    validation_start = ordered[max(0, len(ordered) - 2 * num_test)]
    return int(validation_start), int(ordered[len(ordered) - num_test]), int(ordered[-1]) + 1


def _cases_by_time(interactions: Interactions, test_share: float, num_train: int) -> _Cases:
    validation_start, test_start, stop = _time_cuts(interactions, test_share)
    log = _Log.of(interactions)
    validation = list(_window_cases(log, validation_start, test_start))
    test = list(_window_cases(log, test_start, stop))
    if not num_train or not test:
        raise SourceError(
            f"global time leaves {num_train} training events and {len(test)} test cases of {len(log.likes)} events; "
            "change split.test_share, or set split.protocol=leave-one-out"
        )
    return validation, test


def _given_parts(interactions: Interactions) -> PartArray:
    if interactions.parts is None:
        raise SourceError("the source gives no split of its own; set split.protocol=leave-one-out")
    return interactions.parts


def _cases_as_given(interactions: Interactions, num_train: int) -> _Cases:
    log = _Log.of(interactions)
    cases: dict[int, list[EvaluationCase]] = {VALIDATION: [], TEST: []}
    parts = _given_parts(log.likes)
    for user_id, (start, end) in log.likes.user_bounds().items():
        labels = parts[start:end]
        for part, found in cases.items():
            history = tuple(log.likes.item_ids[start:end][labels < part])
            targets = np.flatnonzero(labels == part) if history else ()
            found += [replace(log.case(user_id, start, start + int(row)), history=history) for row in targets]
    if not num_train or not cases[TEST]:
        raise SourceError(
            f"the given split has {num_train} training events and {len(cases[TEST])} test cases of users who have "
            "others; set split.protocol=leave-one-out"
        )
    return cases[VALIDATION], cases[TEST]


def _window_cases(log: "_Log", first: int, stop: int) -> Iterator[EvaluationCase]:
    """A case for each positive event with first <= timestamp < stop that is not its user's first one."""
    for user_id, (start, end) in log.likes.user_bounds().items():
        low, high = np.searchsorted(log.likes.timestamps[start:end], [first, stop]) + start
        for row in range(max(int(low), start + 1), int(high)):
            yield log.case(user_id, start, row)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Log:
    """A log's positive events, their rows in the whole log, the rows of all that judge where any is negative, and the
    first row of each user and the row after the last."""

    events: Interactions
    likes: Interactions
    rows: IntArray
    judged: IntArray
    bounds: Mapping[str, tuple[int, int]]

    @classmethod
    def of(cls, events: Interactions) -> "_Log":
        rows, has_negatives = np.flatnonzero(events.feedback == POSITIVE), (events.feedback == NEGATIVE).any()
        likes = events if len(rows) == len(events) else events.select(rows)
        judged = np.flatnonzero(events.feedback) if has_negatives else np.zeros(0, np.int64)
        return cls(events=events, likes=likes, rows=rows, judged=judged, bounds=events.user_bounds())

    def case(self, user_id: str, start: int, row: int) -> EvaluationCase:
        """The case of one positive event, start being its user's first."""
        disliked = self._disliked(user_id, int(self.rows[row])) if len(self.judged) else ()
        history, hated = tuple(self.likes.item_ids[start:row].tolist()), frozenset(disliked)
        return EvaluationCase(
            user_id=user_id,
            history=tuple(item_id for item_id in history if item_id not in hated) if hated else history,
            target=str(self.likes.item_ids[row]),
            timestamp=int(self.likes.timestamps[row]),
            disliked=disliked,
        )

    def _disliked(self, user_id: str, row: int) -> tuple[str, ...]:
        """What the user had judged negatively at last before a row of the whole log."""
        first, end = np.searchsorted(self.judged, (self.bounds[user_id][0], row))
        judged = self.judged[first:end]
        signs = self.events.feedback[judged].tolist()
        if NEGATIVE not in signs:
            return ()
        item_ids = self.events.item_ids[judged].tolist()
        latest = dict(zip(item_ids, signs, strict=True))
        by_judgment = [*dict.fromkeys(reversed(item_ids))][::-1]  # by the last one of each item
        return tuple(item_id for item_id in by_judgment if latest[item_id] == NEGATIVE)
