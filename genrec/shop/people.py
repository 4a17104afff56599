"""The shop's people: what each one likes, what they usually pay, and when part of that changes.

Knows tastes as tables over words. How tastes become choices: choice.
"""

# B people; tables are indexed by the word's place in vocabulary

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from genrec.shop.vocabulary import BRANDS, COLORS, PATTERNS, STYLES

FloatTable = NDArray[np.float64]
OPENING_DAY_S = 1_704_067_200  # 2024-01-01 00:00 UTC
DAY_S = 86_400
PERIOD_DAYS = 547
NEW_ITEM_DAYS = 30
RELEASE_S = OPENING_DAY_S + (PERIOD_DAYS - NEW_ITEM_DAYS) * DAY_S
CLOSING_S = OPENING_DAY_S + PERIOD_DAYS * DAY_S
DRIFTING_PARTS: tuple[str, ...] = ("color", "style", "pattern")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Taste:
    """Liking of every color, style, pattern and brand (0: indifferent); price_level in spreads (0: middling)."""

    color: FloatTable
    style: FloatTable
    pattern: FloatTable
    brand: FloatTable
    price_level: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Person:
    """One person: the taste before and after drift_s (unix seconds, UTC), the moment it changes."""

    user_id: str
    early: Taste
    late: Taste
    drift_s: int

    def taste_at(self, timestamp: int) -> Taste:
        """The taste in force at a moment."""
        return self.early if timestamp < self.drift_s else self.late


def _favorites(rng: np.random.Generator, num_words: int, strengths: Sequence[float]) -> FloatTable:
    """A table with a few liked words, the rest faintly above or below zero."""
    table = rng.normal(0.0, 0.15, num_words)
    liked = rng.choice(num_words, size=len(strengths), replace=False)
    table[liked] += np.array(strengths)
    return table


def sample_taste(rng: np.random.Generator) -> Taste:
    """Draw one taste: three liked colors, one or two styles, two patterns, two brands."""
    return Taste(
        color=_favorites(rng, len(COLORS), (1.0, 0.85, 0.6)),
        style=_favorites(rng, len(STYLES), (1.0, 0.35)),
        pattern=_favorites(rng, len(PATTERNS), (1.0, 0.55)),
        brand=_favorites(rng, len(BRANDS), (1.0, 0.6)),
        price_level=float(rng.normal(0.0, 0.9)),
    )


def sample_people(rng: np.random.Generator, num_people: int) -> tuple[Person, ...]:
    """Draw people whose color, style or pattern taste changes once, in the middle of the period."""
    people = []
    for number in range(num_people):
        early, other = sample_taste(rng), sample_taste(rng)
        part = DRIFTING_PARTS[int(rng.integers(len(DRIFTING_PARTS)))]
        late = replace(early, **{part: getattr(other, part)})
        drift_s = int(rng.uniform(OPENING_DAY_S + 120 * DAY_S, RELEASE_S - 60 * DAY_S))
        people.append(Person(user_id=f"user-{number:05d}", early=early, late=late, drift_s=drift_s))
    return tuple(people)
