"""Splits into training, validation and test: the field's protocols over the positive events of one log.

Neutral and negative events are never trained on and are no one's target; what a person disliked before a case stands
beside its history. Knows when things happened; deliberately knows nothing of models or metrics.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from genrec.config import SplitConfig
from genrec.errors import SourceError
from genrec.schema import NEGATIVE, POSITIVE, TEST, TRAIN, VALIDATION, IntArray, Interactions

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
    if config.protocol == "none":
        return Split(protocol="none", train=interactions.positives(), validation=(), test=())
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
        split = _split_by_time(interactions, config.test_share)
    elif config.protocol == "given":
        split = _split_as_given(interactions)
    else:
        split = _leave_one_out(interactions)
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
    log = _Log.of(interactions)
    keep = np.ones(len(interactions), dtype=np.bool_)
    validation, test = [], []
    for user_id, (start, end) in log.likes.user_bounds().items():
        if end - start >= MIN_EVENTS:
            validation.append(log.case(user_id, start, end - 2))
            test.append(log.case(user_id, start, end - 1))
            keep[log.rows[end - 2] : log.bounds[user_id][1]] = False
    if not test:
        raise SourceError(
            f"no user has {MIN_EVENTS} positive events, which leave-one-out needs; build with --set split.protocol=none"
        )
    train = interactions.select(keep).positives()
    return Split(protocol="leave-one-out", train=train, validation=tuple(validation), test=tuple(test))


def _split_by_time(interactions: Interactions, test_share: float) -> Split:
    if not interactions.has_times:
        raise SourceError("the events have no times, so they cannot be split by time; set split.protocol=leave-one-out")
    if not 0 < test_share < 0.5:
        raise SourceError(f"split.test_share is {test_share}; wanted more than 0 and less than 0.5")
    times = interactions.timestamps
    ordered = np.sort(times[interactions.feedback == POSITIVE])
    num_test = max(1, round(test_share * len(ordered)))
    test_start = ordered[len(ordered) - num_test]
    validation_start = ordered[max(0, len(ordered) - 2 * num_test)]
    train = interactions.select(times < validation_start).positives()
    log = _Log.of(interactions)
    validation = tuple(_window_cases(log, validation_start, test_start))
    test = tuple(_window_cases(log, test_start, ordered[-1] + 1))
    if not len(train) or not test:
        raise SourceError(
            f"global time leaves {len(train)} training events and {len(test)} test cases of {len(ordered)} events; "
            "change split.test_share, or set split.protocol=leave-one-out"
        )
    return Split(protocol="global-time", train=train, validation=validation, test=test)


def _split_as_given(interactions: Interactions) -> Split:
    parts = interactions.parts
    if parts is None:
        raise SourceError("the source gives no split of its own; set split.protocol=leave-one-out")
    train = interactions.select(parts == TRAIN).positives()
    log = _Log.of(interactions)
    cases: dict[int, list[EvaluationCase]] = {VALIDATION: [], TEST: []}
    assert log.likes.parts is not None
    for user_id, (start, end) in log.likes.user_bounds().items():
        labels = log.likes.parts[start:end]
        for part, found in cases.items():
            history = tuple(log.likes.item_ids[start:end][labels < part])
            targets = np.flatnonzero(labels == part) if history else ()
            found += [replace(log.case(user_id, start, start + int(row)), history=history) for row in targets]
    if not len(train) or not cases[TEST]:
        raise SourceError(
            f"the given split has {len(train)} training events and {len(cases[TEST])} test cases of users who have "
            "others; set split.protocol=leave-one-out"
        )
    return Split(protocol="given", train=train, validation=tuple(cases[VALIDATION]), test=tuple(cases[TEST]))


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
