"""Columns of events in, feedback and strengths out: what the rules read and what they say.

Axis legend: E events.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from genrec.schema import NEGATIVE, NEUTRAL, POSITIVE, Column, FeedbackArray, FloatArray, IntArray

EVERY = "every event positive"
Floats = npt.NDArray[np.float64]
DETAILS = "feedback"  # of a catalog's manifest: what `Judged.details` says
_MOST_FACTOR = 2.0  # by which an event may be stronger, or weaker, than the person's mean
_MAX_NAMED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class EventColumns:
    """Columns of events (E,), in the order of their file.

    users, items: int64 codes, equal for equal ones; times_ms: int64 Unix milliseconds; kinds: texts; ratings,
    quantities, amounts: float32, NaN where one is missing. amounts: plays, watch time, counts. others: further columns,
    by name, of which conditions may speak. feedback and weights: of events that came judged, int8 and float32.
    """

    users: IntArray
    items: IntArray
    times_ms: IntArray | None = None
    kinds: Column | None = None
    ratings: FloatArray | None = None
    quantities: FloatArray | None = None
    amounts: FloatArray | None = None
    others: Mapping[str, Column] = field(default_factory=dict)
    feedback: FeedbackArray | None = None
    weights: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.users)

    def column(self, attribute: str) -> Column:
        """One column as a filter reads it; without values where there is none of this name."""
        if attribute in self.others:
            return self.others[attribute]
        if attribute == "kind" and self.kinds is not None:
            return self.kinds
        numbers = {"rating": self.ratings, "quantity": self.quantities, "amount": self.amounts}.get(attribute)
        return Column((), np.full(len(self), -1)) if numbers is None else column_of(numbers)

    def column_names(self) -> Iterator[str]:
        """The names of which conditions may speak."""
        named = {"rating": self.ratings, "kind": self.kinds, "quantity": self.quantities, "amount": self.amounts}
        yield from (name for name, column in named.items() if column is not None)
        yield from self.others


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What events say. feedback: int8 (E,), +1, 0 or -1; weights: float32 (E,), above 0; scheme: the rule in words;
    notes: what a person should know of how it was applied."""

    feedback: FeedbackArray
    weights: FloatArray
    scheme: str
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """The number of positive, neutral and negative events."""
        signs = {"positive": POSITIVE, "neutral": NEUTRAL, "negative": NEGATIVE}
        return {name: int((self.feedback == sign).sum()) for name, sign in signs.items()}

    def details(self) -> dict[str, object]:
        """Scheme and counts as JSON values, for the manifest of a catalog, under the key `DETAILS`."""
        return {"scheme": self.scheme, **self.counts}


def scheme_of(details: Mapping[str, object]) -> str:
    """The scheme that the details of a catalog's manifest name; in one without, every event is positive."""
    feedback = details.get(DETAILS)
    return str(feedback["scheme"]) if isinstance(feedback, Mapping) and "scheme" in feedback else EVERY


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one rule says: feedback int8 (E,), and the factor of its strength, float32 (E,)."""

    feedback: FeedbackArray
    weights: FloatArray
    words: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def judged(self) -> Judged:
        """What this rule says, as the last word."""
        return Judged(
            feedback=self.feedback,
            weights=ordinary(self.weights, self.feedback),
            scheme="; ".join(self.words) or f"{EVERY}, for nothing tells them apart",
            notes=self.notes,
        )


def means_of_users(numbers: FloatArray, users: IntArray) -> FloatArray:
    """The mean of each event's user (E,), over the numbers that are there; NaN where a user has none."""
    is_there = ~np.isnan(numbers)
    sums = np.bincount(users, np.where(is_there, numbers, 0))
    counts = np.bincount(users, is_there)
    with np.errstate(invalid="ignore"):
        means: FloatArray = (sums / counts).astype(np.float32)
    return means[users]


def factor_of(powers: FloatArray) -> FloatArray:
    """A strength by which an event counts more or less than the person's mean: powers of `_MOST_FACTOR`, bounded."""
    return (_MOST_FACTOR ** np.clip(powers, -1, 1)).astype(np.float32)


def ordinary(weights: FloatArray, feedback: FeedbackArray) -> FloatArray:
    """Strengths with 1 for all positive events where they have the same."""
    positive = weights[feedback == POSITIVE]
    if len(positive) and positive.min() == positive.max():
        weights = np.where(feedback == POSITIVE, 1, weights)
    return weights.astype(np.float32)


def column_of(numbers: FloatArray | Floats) -> Column:
    """Numbers as a column, without those that are missing; 0.1 in 32 bits is written as 0.1."""
    is_there = np.isfinite(numbers)
    values, places = np.unique(numbers[is_there], return_inverse=True)
    places_E = np.full(len(numbers), -1, dtype=np.int64)
    places_E[is_there] = places
    return Column(tuple(float(f"{value:.7g}") for value in values.tolist()), places_E)


def listed(names: Iterable[str]) -> str:
    """The first of several names, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - _MAX_NAMED} more" if len(every) > _MAX_NAMED else ""
    return ", ".join(every[:_MAX_NAMED]) + more
