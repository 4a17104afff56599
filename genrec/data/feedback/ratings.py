"""What ratings and amounts say: the scale that ratings are found to lie on, and each person's own mean.

Axis legend: E events, V different values.
"""

from dataclasses import dataclass

import numpy as np

from genrec.data.feedback.columns import Part, factor_of, means_of_users
from genrec.schema import NEUTRAL, POSITIVE, FeedbackArray, FloatArray, IntArray

UPPER, LOWER = 0.7, 0.34  # shares of a scale's way up, from which ratings are positive, up to which negative
_TOPS = (1.0, 5.0, 10.0, 20.0, 100.0)  # of scales
_CLOSE = 1e-5  # of rounding in 32 bits
_ENOUGH = 50  # ratings of which one would reach a scale's upper part
_RARE_ZEROS = 0.1  # the share of ratings from which a 0 below a scale of whole numbers is taken for none


@dataclass(frozen=True, slots=True)
class Scale:
    """The ends of a scale of ratings."""

    low: float
    high: float

    @classmethod
    def of(cls, values: FloatArray, num_ratings: int) -> "Scale | None":
        """The scale that different ratings (V,), ascending, lie on; None where a single one tells nothing.

        Of many ratings, some lie in the upper part, or the scale is shorter than the usual ones.
        """
        if len(values) < 2:
            return None
        low, high = float(values[0]), float(values[-1])
        if low < 0:
            end = max(-low, high)
            return cls(-end, end)
        top = next((top for top in _TOPS if high <= top), high)
        bottom = 0.0 if low < 0.5 or top == 1 else min(1.0, low)
        usual = cls(bottom, top)
        return cls(bottom, high) if high < usual.bounds[0] and num_ratings >= _ENOUGH else usual

    @property
    def bounds(self) -> tuple[float, float]:
        """From which rating on they are positive, and up to which negative."""
        width = self.high - self.low
        return self.low + UPPER * width, self.low + LOWER * width


def rating_part(ratings: FloatArray, users: IntArray) -> Part:
    """Judged by ratings; weights are NaN where there is no rating."""
    values, counts = np.unique(ratings[np.isfinite(ratings)], return_counts=True)
    apart = _values_apart(values, counts)
    ratings = np.where(np.isfinite(ratings) & ~np.isin(ratings, apart), ratings, np.nan).astype(np.float32)
    values = values[~np.isin(values, apart)]
    is_rated = ~np.isnan(ratings)
    notes = [f"a rating of {value:g} lies apart from the others and is taken for none" for value in apart]
    if num_unrated := len(ratings) - int(is_rated.sum()):
        notes.append(f"{num_unrated:,} events have no rating")
    scale = Scale.of(values, int(is_rated.sum()))
    if scale is None:
        notes += [f"every rating is {values[0]:g}, which tells nothing of taste"] if len(values) else []
        nothing = np.full(len(ratings), np.nan, np.float32)
        return Part(feedback=np.ones(len(ratings), np.int8), weights=nothing, notes=tuple(notes))
    upper, lower = scale.bounds
    feedback = (ratings >= upper - _CLOSE).astype(np.int8) - (ratings <= lower + _CLOSE).astype(np.int8)
    above = (ratings - means_of_users(ratings, users)) * feedback / ((scale.high - scale.low) / 2)
    return Part(
        feedback=feedback,
        weights=factor_of(np.where(is_rated, above, np.nan)),
        words=(_rating_words(values, scale, feedback[is_rated]),),
        notes=tuple(notes),
    )


def _rating_words(values: FloatArray, scale: Scale, feedback: FeedbackArray) -> str:
    upper, lower = scale.bounds
    ups, downs = values[values >= upper - _CLOSE], values[values <= lower + _CLOSE]
    words = [f"ratings of {ups[0]:g} and more positive"] if len(ups) else ["no rating positive"]
    words += [f"of {downs[-1]:g} and less negative"] if len(downs) else []
    words += ["between neutral"] if (feedback == NEUTRAL).any() and len(downs) else []
    return f"{', '.join(words)} (on a scale of {scale.low:g} to {scale.high:g})"


def _values_apart(values: FloatArray, counts: IntArray) -> FloatArray:
    """Ratings that stand for none: -1 below a scale of more than thumbs, and a common 0 below whole ones from 1 on."""
    apart = np.zeros(0, np.float32)
    if len(values) > 2 and values[0] == -1 and values[-1] > 1:
        apart, values, counts = values[:1], values[1:], counts[1:]
    is_whole = bool((values == np.round(values)).all())
    is_common = len(values) > 2 and values[0] == 0 and counts[0] > _RARE_ZEROS * counts.sum()
    if is_common and is_whole and 5 <= values[-1] <= 10 and values[1] >= 1:
        apart = np.append(apart, values[:1])
    return apart


def are_counts(ratings: FloatArray) -> bool:
    """Whether numbers have no upper end, as ratings have."""
    finite = ratings[np.isfinite(ratings)]
    if not len(finite) or finite.min() < 0:
        return False
    top = float(finite.max())
    is_whole = bool((finite == np.round(finite)).all())
    return top > _TOPS[-1] or (is_whole and top > _TOPS[-2] and float(np.median(finite)) < top / 5)


def amount_part(amounts: FloatArray, users: IntArray) -> Part:
    """Positive where above 0 or missing, by strengths relative to the person's own mean of logarithms."""
    logs = np.log2(1 + np.clip(np.where(np.isfinite(amounts), amounts, np.nan), 0, None))
    factors = factor_of(np.where(np.isnan(logs), 0, logs - means_of_users(logs, users)))
    return Part(
        feedback=np.where(amounts <= 0, NEUTRAL, POSITIVE).astype(np.int8),
        weights=factors,
        words=("amounts above 0 positive, the stronger the further above the person's own mean",),
    )
