"""Names in a query: titles, people, brands and other values of the catalog, in part and with slips.

A name is found by its words: those of a title with and without what stands in brackets or after a colon, those of a
value of an attribute. Knows which words make up which name; deliberately knows no grammar, so whether "heat" is meant
as a title is for whoever reads the sentence: `share` tells how much of the name was said, `likeness` how well.

Axis legend: E names, V words.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from genrec.schema import Catalog, IntArray, Item
from genrec.search.postings import Postings
from genrec.search.vocabulary import Reading, Vocabulary
from genrec.search.words import Word, words_of

MAX_NAME_WORDS = 12  # a longer value is a text
_MIN_SHARE = 0.4  # of a name that must be said, by the weight of its words
_WHOLE = 0.999  # share of a name that is all of it, whatever was rounded
_MAX_CANDIDATES = 400  # names that are looked at word by word
_MAX_FOUND = 50
_BRACKETS = re.compile(r"\s*[(\[（【]([^()\[\]（）【】]*)[)\]）】]")
_BEFORE_SUBTITLE = re.compile(r"\s*(?::|：|\s[-–—|]\s)")


@dataclass(frozen=True, slots=True, kw_only=True)
class NameMatch:
    """A name that a query says, from character start to end.

    kind: title or value; attribute: None of a title; value: the name as the catalog has it; rows: the catalog rows of
    items that have it, int64; likeness: of the words that were said to the name's, 1 where they are the same; share: of
    the name that was said, by the weight of its words, 1 for all of it.
    """

    start: int
    end: int
    said: str
    kind: Literal["title", "value"]
    attribute: str | None
    value: str
    rows: IntArray
    likeness: float
    share: float
    weight: float  # of the words that were said, in nats: rare words weigh more

    @property
    def is_whole(self) -> bool:
        """Whether all of the name was said."""
        return self.share > _WHOLE


def title_forms(title: str) -> list[str]:
    """A title and the shorter names by which people call its item.

    Without what stands in brackets, which is a name of its own unless it is a number; and up to a colon or dash.
    """
    plain = _BRACKETS.sub(" ", title).strip()
    inner = [found for found in _BRACKETS.findall(title) if not found.strip().isdigit()]
    forms = [title, plain, *inner, *(_BEFORE_SUBTITLE.split(name, maxsplit=1)[0] for name in (plain, *inner))]
    return list(dict.fromkeys(form.strip() for form in forms if form.strip()))


def values_of(item: Item) -> Iterator[tuple[str, str]]:
    """The attributes of an item that are told in words, one pair for each of several values."""
    for attribute, value in item.attributes.items():
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, str) and one:
                yield attribute, one


class Names:
    """The names of a catalog, and who has them. words: of each name, first those of titles, then those of values."""

    def __init__(
        self, words: Postings, title_rows: IntArray, values: Sequence[tuple[str, str]], value_rows: Postings
    ) -> None:
        """title_rows: the item of each title; values: attribute and value; value_rows: the items that have each."""
        self.words, self.title_rows, self.values, self.value_rows = words, title_rows, tuple(values), value_rows
        self._num_items = int(title_rows.max(initial=-1)) + 1
        self._entries = words.turned(int(words.numbers_T.max(initial=-1)) + 1)
        counts_V = np.diff(self._entries.starts_K)
        self._weights_V = np.log1p(len(words) / np.maximum(counts_V, 1))
        names_T = np.repeat(np.arange(len(words)), np.diff(words.starts_K))
        self._totals_E = np.bincount(names_T, self._weights_V[words.numbers_T], minlength=len(words))
        self.known_words = frozenset(np.flatnonzero(counts_V).tolist())

    @classmethod
    def of(cls, catalog: Catalog, vocabulary: Vocabulary) -> "Names":
        """Collect the titles and values of a catalog, whose words the vocabulary holds."""
        title_rows: list[int] = []
        texts: list[str] = []
        rows: dict[tuple[str, str], list[int]] = {}
        for row, item in enumerate(catalog):
            forms = title_forms(item.title)
            title_rows += [row] * len(forms)
            texts += forms
            for pair in dict.fromkeys(values_of(item)):
                rows.setdefault(pair, []).append(row)
        words = Postings.of(_numbers(text, vocabulary) for text in (*texts, *(value for _, value in rows)))
        return cls(words, np.array(title_rows, dtype=np.int64), tuple(rows), Postings.of(rows.values()))

    def find(
        self, query: str, words: Sequence[Word], readings: Sequence[Sequence[Reading]], catalog: Catalog
    ) -> list[NameMatch]:
        """The names that a query says, the most telling first; none that is said within a longer one.

        readings: what each word of the query may mean.
        """
        likeness = [
            {reading.word: reading.likeness for reading in some if reading.word in self.known_words}
            for some in readings
        ]
        # A word weighs what its commonest reading does: a rare misspelling of it in the catalog tells no more.
        weights = [min((float(self._weights_V[word]) for word in some), default=0.0) for some in likeness]
        matches = (self._match(name, likeness, weights) for name in self._candidates(likeness))
        found = [match for match in matches if match is not None]
        longest: dict[int, _Said] = {}  # of what is told of one title or value, under whatever form of it
        for said in found:
            target = self._target(said.name)
            if target not in longest or said.evidence * said.share > longest[target].evidence * longest[target].share:
                longest[target] = said
        kept = [said for said in longest.values() if not any(said.within(other) for other in longest.values())]
        kept.sort(key=lambda said: (-said.evidence * said.share, said.name))
        return [self._told(said, query, words, catalog) for said in kept[:_MAX_FOUND]]

    def joined(self, pairs: Sequence[tuple[int, int]]) -> tuple[int, ...]:
        """The first pair of words that one name has, none where no name has any."""
        for pair in pairs:
            first, second = pair
            if self.known_words.issuperset(pair) and len(np.intersect1d(self._entries[first], self._entries[second])):
                return pair
        return ()

    def _candidates(self, likeness: Sequence[Mapping[int, float]]) -> list[int]:
        """Names that share words with the query, those first of which most is said by weight."""
        names, weights = [], []
        for some in likeness:
            parts = [
                (self._entries[word], like * self._weights_V[word])
                for word, like in sorted(some.items(), key=lambda pair: -pair[1])
            ]
            if parts:
                # Of several readings of one word a name takes the likeliest.
                which = np.concatenate([entries for entries, _ in parts])
                worth = np.concatenate([np.full(len(entries), weight) for entries, weight in parts])
                which, first = np.unique(which, return_index=True) if len(parts) > 1 else (which, slice(None))
                names.append(which)
                weights.append(worth[first])
        if not names:
            return []
        different, places = np.unique(np.concatenate(names), return_inverse=True)
        said = np.bincount(places, np.concatenate(weights))
        share = said / self._totals_E[different]
        order = np.argsort(-said * (0.5 + np.minimum(share, 1)), kind="stable")[:_MAX_CANDIDATES]
        return [int(name) for name in different[order]]

    def _match(self, name: int, likeness: Sequence[Mapping[int, float]], weights: Sequence[float]) -> "_Said | None":
        """How a query says a name: the run of words that weighs most. None where that is too little of it."""
        own = frozenset(self.words[name].tolist())
        best: _Said | None = None
        first, taken = 0, dict[int, tuple[float, float]]()
        for place, some in enumerate([*likeness, dict[int, float]()]):
            fitting = [(like, word) for word, like in some.items() if word in own and word not in taken]
            if fitting:
                like, word = max(fitting)
                taken[word] = like, weights[place]
                continue
            if taken:
                weight = sum(weight for _, weight in taken.values())
                like = sum(like * weight for like, weight in taken.values()) / weight
                share = float(sum(self._weights_V[word] for word in taken) / self._totals_E[name])
                if best is None or weight * like > best.evidence:
                    best = _Said(name, first, place, weight, like, share)
            first, taken = place + 1, {}
        return best if best is not None and best.share >= _MIN_SHARE else None

    def _target(self, name: int) -> int:
        """What a name is of: an item, or behind all items a value."""
        place = name - len(self.title_rows)
        return int(self.title_rows[name]) if place < 0 else self._num_items + place

    def _told(self, said: "_Said", query: str, words: Sequence[Word], catalog: Catalog) -> NameMatch:
        start, end = words[said.first].start, words[said.last - 1].end
        place = said.name - len(self.title_rows)
        is_title = place < 0
        row = self.title_rows[said.name] if is_title else None
        attribute, value = (None, catalog.items[row].title) if row is not None else self.values[place]
        return NameMatch(
            start=start,
            end=end,
            said=query[start:end],
            kind="title" if is_title else "value",
            attribute=attribute,
            value=value,
            rows=np.array([row], dtype=np.int64) if row is not None else self.value_rows[place],
            likeness=said.likeness,
            share=said.share,
            weight=said.weight,
        )


@dataclass(frozen=True, slots=True)
class _Said:
    """A name as words [first, last) of a query say it."""

    name: int
    first: int
    last: int
    weight: float
    likeness: float
    share: float

    @property
    def evidence(self) -> float:
        """How much of the query speaks for the name."""
        return self.weight * self.likeness

    def within(self, other: "_Said") -> bool:
        """Whether another name is said by these words and more, and as well."""
        inside = other.first <= self.first and self.last <= other.last
        is_shorter = (self.first, self.last) != (other.first, other.last)
        return inside and is_shorter and self.evidence <= other.evidence


def _numbers(text: str, vocabulary: Vocabulary) -> list[int]:
    """The different words of a name, in order; none of a text too long to be one."""
    words = list(dict.fromkeys(word.text for word in words_of(text)))
    return [vocabulary.numbers[word] for word in words] if len(words) <= MAX_NAME_WORDS else []
