"""The words of one catalog, and which of them a typed word may mean: itself, its forms, slips, parts.

Knows words and how often they occur; deliberately knows no item and no grammar.

Axis legend: V words.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from rapidfuzz import process
from rapidfuzz.distance import OSA, JaroWinkler

from genrec.schema import IntArray

Relation = Literal["exact", "form", "corrected", "unknown"]
_MIN_STEM = 4  # letters that forms of one word share at least
_ENDINGS = ("s", "es", "n", "en", "d", "ed")  # of plurals and participles, in languages that make them by an ending
_FORM_LIKENESS = 0.9
_LETTERS_A_SLIP = 4  # a word of so many letters may hold one slip, of twice as many two
_MAX_SLIPS = 2
_MAX_READINGS = 8
_PART_LIKENESS = 0.8  # of a word that was not typed to its end
_MAX_UNTYPED = 5  # letters of it


@dataclass(frozen=True, slots=True)
class Reading:
    """A word of the catalog that a typed one may mean. likeness: 1 for itself, less for what differs."""

    word: int
    likeness: float
    relation: Relation


class Vocabulary:
    """The words of a catalog by number. counts_V: in how many items each occurs."""

    def __init__(self, words: Sequence[str], counts_V: IntArray) -> None:
        self.words, self.counts_V = tuple(words), counts_V
        self.numbers: Mapping[str, int] = {word: number for number, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def number(self, word: str) -> int | None:
        """The number of a word of the catalog, None of others."""
        return self.numbers.get(word)

    def readings(self, word: str) -> list[Reading]:
        """What a folded word may mean here, likeliest first; itself and its forms where it is known, else slips."""
        known = self.numbers.get(word)
        exact = [] if known is None else [Reading(known, 1.0, "exact")]
        forms = [Reading(self.numbers[form], _FORM_LIKENESS, "form") for form in _forms(word) if form in self.numbers]
        return exact + forms or self.slips(word)

    def slips(self, word: str, *, among: frozenset[int] | None = None) -> list[Reading]:
        """Words that differ from this one by slips of typing, or begin with it, the likeliest first.

        A word of four letters may hold one slip, one of eight two; a wrong first letter is rare, and counts twice.
        """
        allowed = min(len(word) // _LETTERS_A_SLIP, _MAX_SLIPS)
        if not allowed or not word.isalpha():
            return []
        found: dict[int, float] = {}
        for first, by_length in self._initials.items():
            edits = allowed if first == word[0] else allowed - 1
            for length in range(len(word) - edits, len(word) + edits + 1) if edits else ():
                near = process.extract(
                    word, by_length.get(length, ()), scorer=OSA.distance, score_cutoff=edits, limit=None
                )
                found |= {self.numbers[other]: edit + (first != word[0]) for other, edit, _ in near}
        kept = {number: edit for number, edit in found.items() if among is None or number in among}
        slips = [
            Reading(number, 1 - self._distance(word, number, edit) / (len(word) + 1), "corrected")
            for number, edit in sorted(kept.items(), key=lambda pair: self._order(word, *pair))
        ]
        return (slips + self._begun(word, among))[:_MAX_READINGS]

    def parts(self, word: str) -> list[tuple[int, int]]:
        """Pairs of words of the catalog that make up this one when written together."""
        pairs = [(self.numbers.get(word[:cut]), self.numbers.get(word[cut:])) for cut in range(1, len(word))]
        return [(first, second) for first, second in pairs if first is not None and second is not None]

    def _distance(self, word: str, number: int, edits: float) -> float:
        """Slips, of which two letters in the wrong order are half a one."""
        return edits - 0.5 * (edits == 1 and sorted(self.words[number]) == sorted(word))

    def _order(self, word: str, number: int, edits: float) -> tuple[float, float, int]:
        likeness = JaroWinkler.similarity(word, self.words[number])
        return self._distance(word, number, edits), -likeness, -int(self.counts_V[number])

    def _begun(self, word: str, among: frozenset[int] | None) -> list[Reading]:
        """Words that begin with this one, common ones first."""
        low, high = bisect_left(self._sorted, word), bisect_left(self._sorted, word + "\U0010ffff")
        numbers = [self.numbers[other] for other in self._sorted[low : min(high, low + 1000)]]
        fitting = [
            number
            for number in numbers
            if 0 < len(self.words[number]) - len(word) <= _MAX_UNTYPED and (among is None or number in among)
        ]
        fitting.sort(key=lambda number: -int(self.counts_V[number]))
        return [Reading(number, _PART_LIKENESS, "corrected") for number in fitting[:_MAX_READINGS]]

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self.words)

    @cached_property
    def _initials(self) -> dict[str, dict[int, list[str]]]:
        """The words of letters alone, by their first letter and their length."""
        places: dict[str, dict[int, list[str]]] = {}
        for word in self.words:
            if word.isalpha():
                places.setdefault(word[0], {}).setdefault(len(word), []).append(word)
        return places


def _forms(word: str) -> list[str]:
    """What a word may look like in the singular or plural, wherever that is told by an ending."""
    if not word.isalpha():
        return []
    longer = [word + ending for ending in _ENDINGS if len(word) >= _MIN_STEM]
    shorter = [
        word.removesuffix(ending)
        for ending in _ENDINGS
        if word.endswith(ending) and len(word) - len(ending) >= _MIN_STEM
    ]
    if word.endswith("y") and len(word) > _MIN_STEM:
        longer.append(word[:-1] + "ies")
    if word.endswith("ies") and len(word) - 3 >= _MIN_STEM:
        shorter.append(word[:-3] + "y")
    return shorter + longer
