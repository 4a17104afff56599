"""Judges events: conditions first, then ratings, kinds, amounts and returns together.

Axis legend: E events.
"""

import numpy as np

from genrec.data.feedback.columns import EVERY, EventColumns, Judged, Part, listed, ordinary
from genrec.data.feedback.kinds import kind_part, with_returns_cancelled
from genrec.data.feedback.ratings import amount_part, are_counts, rating_part
from genrec.data.filters import Filter, parse_filter
from genrec.errors import SourceError
from genrec.schema import NEGATIVE, POSITIVE, BoolArray

ALL = "all"  # the condition by which every event is positive


def judge(events: EventColumns, positive: str | None = None, negative: str | None = None) -> Judged:
    """What each event says, by these conditions or the usual rules; see the module.

    Raises FilterError for a condition that cannot be read or names no column, SourceError for conditions that leave no
    event positive.
    """
    if positive is not None and positive.strip().casefold() == ALL:
        if negative is not None:
            raise SourceError(f"every event is positive, so none is by {negative!r}; leave one condition out")
        num_events = len(events)
        return Judged(
            feedback=np.ones(num_events, np.int8),
            weights=np.ones(num_events, np.float32),
            scheme=EVERY,
        )
    if positive is None and negative is None and events.feedback is not None:
        given = np.ones(len(events), np.float32) if events.weights is None else events.weights
        weights = np.where(np.isfinite(given) & (given > 0), given, 1).astype(np.float32)
        return Judged(feedback=events.feedback, weights=weights, scheme="as the events came judged")
    usual = _usual(events)
    if positive is None and negative is None:
        return usual.judged()
    return _by_conditions(events, usual, positive, negative)


def _by_conditions(events: EventColumns, usual: Part, positive: str | None, negative: str | None) -> Judged:
    is_positive = usual.feedback == POSITIVE if positive is None else _mask(positive, events)
    is_negative = usual.feedback == NEGATIVE if negative is None else _mask(negative, events)
    if positive is None:
        is_positive &= ~is_negative
    elif negative is None:
        is_negative &= ~is_positive
    is_both = is_positive & is_negative
    feedback = is_positive.astype(np.int8) - is_negative.astype(np.int8)
    if len(events) and not (feedback == POSITIVE).any():
        raise SourceError(
            f"none of {len(events):,} events is positive by {positive or negative!r}; "
            f"{_spoken_of(events)}; choose a condition that some meet"
        )
    words = [f"positive where {positive}"] if positive is not None else []
    words += [f"negative where {negative}"] if negative is not None else []
    words.append("else neutral" if positive and negative else f"else {'; '.join(usual.words) or 'neutral'}")
    if positive is not None and negative is None:
        words[-1] = f"else negative or neutral by: {'; '.join(usual.words)}" if usual.words else "else neutral"
    notes = [note for note in usual.notes if positive is None or negative is None]
    notes += [f"{int(is_both.sum()):,} events meet both conditions and count as neutral"] if is_both.any() else []
    weights = np.where(np.isfinite(usual.weights), usual.weights, 1).astype(np.float32)
    return Judged(feedback=feedback, weights=ordinary(weights, feedback), scheme="; ".join(words), notes=tuple(notes))


def _mask(condition: str, events: EventColumns) -> BoolArray:
    condition_filter: Filter = parse_filter(condition)
    return condition_filter.mask(events)


def _spoken_of(events: EventColumns) -> str:
    """What the events hold, for a message."""
    found = []
    for name in events.column_names():
        values = events.column(name).values
        numbers = [value for value in values if isinstance(value, float)]
        if numbers:
            found.append(f"{name} goes from {min(numbers):g} to {max(numbers):g}")
        elif values:
            found.append(f"{name} is {listed(str(value) for value in values)}")
    return "; ".join(found) or "they have no column of which a condition could speak"


def _usual(events: EventColumns) -> Part:
    """What the rules say without conditions: returns over ratings over kinds and amounts."""
    parts = [kind_part(events.kinds)] if events.kinds is not None else []
    ratings, amounts = events.ratings, events.amounts
    if ratings is not None and amounts is None and are_counts(ratings):
        ratings, amounts = None, ratings
    parts += [amount_part(amounts, events.users)] if amounts is not None else []
    joined = _joined(parts, len(events))
    if ratings is not None:
        rated = rating_part(ratings, events.users)
        has_rating = ~np.isnan(rated.weights)
        joined = Part(
            feedback=np.where(has_rating, rated.feedback, joined.feedback),
            weights=np.where(has_rating & (events.kinds is None), rated.weights, joined.weights).astype(np.float32),
            words=(*rated.words, *joined.words),
            notes=(*rated.notes, *joined.notes),
        )
    return with_returns_cancelled(events, joined)


def _joined(parts: list[Part], num_events: int) -> Part:
    """Kinds and amounts together: neutral or negative where one says so, strengths multiplied."""
    feedback, weights = np.ones(num_events, np.int8), np.ones(num_events, np.float32)
    for part in parts:
        feedback = np.minimum(feedback, part.feedback)
        weights = weights * part.weights
    return Part(
        feedback=feedback,
        weights=weights,
        words=tuple(words for part in parts for words in part.words),
        notes=tuple(note for part in parts for note in part.notes),
    )
