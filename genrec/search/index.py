"""Search over one catalog: by words, by names and, where there are vectors for it, by meaning.

`SearchIndex.of(catalog)` makes one; `search` ranks items, `names` finds what a query names, `known` says which of its
words the catalog has. Deliberately knows no person: who wants what among equals is for the ranking, and no grammar:
which words of a sentence are a wish is for whoever reads it.

Axis legend: N items, V words.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from genrec.schema import BoolArray, Catalog
from genrec.search.binding import BESIDE_A_PICTURE
from genrec.search.fields import FIELDS, Fields
from genrec.search.meaning import Meaning
from genrec.search.names import NameMatch, Names, values_of
from genrec.search.postings import Postings
from genrec.search.vocabulary import Reading, Relation, Vocabulary
from genrec.search.words import Word, words_of

Scores = npt.NDArray[np.float64]
# How far a word is met where an item has it: in a name that is said whole, in title or values, in a text.
_NAMED, _STRENGTHS = 1.0, {"title": 0.9, "values": 0.9, "text": 0.75}
_WEIGHTS = {"title": 2.0, "values": 1.5, "text": 1.0}  # of BM25 in each field, among items that meet as much
# Of how far words are met, that hangs on their standing side by side; among items that meet nearly as much as any.
_PHRASE_SHARE, _PHRASED_FROM, _MAX_PHRASED = 0.2, 0.6, 3_000
_TIE_SHARE = 0.04  # of the score, that BM25 decides
_MEANING_SHARE = 0.15  # of the score, where items have some of the words


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownWord:
    """A word of a query as the catalog knows it.

    relation: exact, a form of it (singular, plural), corrected to other words, or unknown; words: those of the catalog
    that it is taken for, none where it is unknown; num_items: how many items have the commonest of them.
    """

    start: int
    end: int
    said: str
    relation: Relation
    words: tuple[str, ...]
    num_items: int


@dataclass(frozen=True, slots=True)
class Found:
    """An item that a query finds. score: 0 to 1, how much of the query it answers."""

    row: int
    score: float


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query: its words, what each may mean, and the names it says."""

    words: Sequence[Word]
    readings: Sequence[Sequence[Reading]]
    names: Sequence[NameMatch]


class SearchIndex:
    """The words and names of one catalog; for many threads."""

    def __init__(
        self,
        catalog: Catalog,
        vocabulary: Vocabulary,
        fields: Fields,
        names: Names,
        *,
        meaning: Meaning | None = None,
    ) -> None:
        """meaning: what tells nearness where words do not."""
        self.catalog, self.vocabulary, self.meaning = catalog, vocabulary, meaning
        self._fields, self._names = fields, names

    @classmethod
    def of(cls, catalog: Catalog) -> "SearchIndex":
        """Index titles, attribute values and texts."""
        vocabulary, fields = Fields.of(catalog)
        return cls(catalog, vocabulary, fields, Names.of(catalog, vocabulary))

    def stored(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:  # Any: numbers of many types; JSON
        """Arrays and texts from which `restored` makes the same index of the same catalog."""
        names = self._names
        arrays = {"counts": self.vocabulary.counts_V, "title_rows": names.title_rows}
        for name, postings in (("name_words", names.words), ("value_rows", names.value_rows)):
            arrays |= {f"{name}_starts": postings.starts_K, f"{name}_numbers": postings.numbers_T}
        for field, matrix in self._fields.matrices.items():
            parts = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
            arrays |= {f"{field}_{part}": array for part, array in parts.items()}
        return arrays, {"words": self.vocabulary.words, "values": names.values}

    @classmethod
    def restored(
        cls, catalog: Catalog, arrays: Mapping[str, npt.NDArray[Any]], texts: Mapping[str, Any]
    ) -> "SearchIndex":
        """The index that `stored` told."""
        shape = (len(catalog), len(texts["words"]))
        matrices = {
            field: sp.csc_array(tuple(arrays[f"{field}_{part}"] for part in ("data", "indices", "indptr")), shape=shape)
            for field in FIELDS
        }
        words, rows = (
            Postings(arrays[f"{name}_starts"], arrays[f"{name}_numbers"]) for name in ("name_words", "value_rows")
        )
        values = [(attribute, value) for attribute, value in texts["values"]]
        names = Names(words, arrays["title_rows"], values, rows)
        return cls(catalog, Vocabulary(texts["words"], arrays["counts"]), Fields(matrices), names)

    def with_meaning(self, meaning: Meaning | None) -> "SearchIndex":
        """The same words and names beside a space of meaning."""
        return SearchIndex(self.catalog, self.vocabulary, self._fields, self._names, meaning=meaning)

    def search(self, words: str, k: int = 10, *, among_N: BoolArray | None = None) -> list[Found]:
        """The k best items for a query, best first; fewer where fewer have anything of it.

        among_N: which items may come, bool (N,).
        """
        asked = self._asked(words)
        score_N = self._relevance(words, asked)
        if among_N is not None:
            score_N = np.where(among_N, score_N, 0)
        bm25_N = self._bm25(asked)
        score_N = np.where(score_N > 0, (1 - _TIE_SHARE) * score_N + _TIE_SHARE * bm25_N / max(bm25_N.max(), 1e-9), 0)
        k = min(k, len(score_N))
        best = np.argpartition(-score_N, k - 1)[:k]
        best = best[np.lexsort((best, -score_N[best]))]
        return [Found(int(row), float(score_N[row])) for row in best if score_N[row] > 0]

    def relevance(self, words: str) -> Scores:
        """How much of a query each item answers, float64 (N,), 0 to 1: what is equal in this, taste may order.

        All zero where nothing here is about it.
        """
        return self._relevance(words, self._asked(words))

    def _relevance(self, words: str, asked: _Asked) -> Scores:
        met_N = self._met(asked)
        if self.meaning is None or not words.strip():
            return met_N
        near_N, is_about = self.meaning.nearness(words)
        if met_N.any():
            return (1 - _MEANING_SHARE) * met_N + _MEANING_SHARE * near_N
        return near_N if is_about else met_N

    def telling(self, words: str) -> str:
        """What words beside a picture ask for: "the same, but in red" asks for red. All of them where nothing is left.

        Words of a name that says more ("in the mood for love") stay.
        """
        asked = self._asked(words)
        said = [word for word in asked.words if word.text not in BESIDE_A_PICTURE]
        named = [
            (name.start, name.end)
            for name in asked.names
            if name.is_whole and any(name.start <= word.start and word.end <= name.end for word in said)
        ]
        kept = [
            word
            for word in asked.words
            if word in said or any(start <= word.start and word.end <= end for start, end in named)
        ]
        return " ".join(words[word.start : word.end] for word in kept) if said else words

    def names(self, words: str) -> list[NameMatch]:
        """The titles and values that a query names, the most telling first."""
        return list(self._asked(words).names)

    def known(self, words: str) -> list[KnownWord]:
        """What the catalog knows of each word of a query, in order."""
        asked, told = self._asked(words), []
        for word, readings in zip(asked.words, asked.readings, strict=True):
            relation: Relation = readings[0].relation if readings else "unknown"
            meant = [reading for reading in readings if reading.relation == relation]
            told.append(
                KnownWord(
                    start=word.start,
                    end=word.end,
                    said=words[word.start : word.end],
                    relation=relation,
                    words=tuple(self.vocabulary.words[reading.word] for reading in meant),
                    num_items=max((int(self.vocabulary.counts_V[reading.word]) for reading in meant), default=0),
                )
            )
        return told

    def unknown(self, words: str) -> list[str]:
        """The words of a query that nothing here is about; none where its meaning is near to something."""
        said = list(dict.fromkeys(word.said for word in self.known(words) if word.relation == "unknown"))
        is_meant = bool(said) and self.meaning is not None and self.meaning.nearness(words)[1]
        return [] if is_meant else said

    def _asked(self, words: str) -> _Asked:
        """Read a query: slips of one word are told by the names that its other words say."""
        spelled = self._respelled(words_of(words))
        readings = [self.vocabulary.readings(word.text) for word in spelled]
        wider = [
            # A known word of some text may be a slip of a name's; a name that is said with it decides.
            some
            if any(reading.word in self._names.known_words for reading in some)
            else [*some, *self._name_slips(word)]
            for word, some in zip(spelled, readings, strict=True)
        ]
        names = self._names.find(words, spelled, wider, self.catalog)
        return _Asked(spelled, [self._decided(*pair, names) for pair in zip(spelled, readings, strict=True)], names)

    def _name_slips(self, word: Word) -> list[Reading]:
        return (
            []
            if word.text not in self.vocabulary.numbers
            else self.vocabulary.slips(word.text, among=self._names.known_words)
        )

    def _decided(self, word: Word, readings: Sequence[Reading], names: Sequence[NameMatch]) -> list[Reading]:
        """A known word as it is; a mistyped one as the most telling name has it, else as the likeliest."""
        if not readings or readings[0].relation != "corrected":
            return list(readings)
        for name in names:
            if name.start <= word.start and word.end <= name.end:
                own = {told.text for told in words_of(name.value)}
                if fitting := [reading for reading in readings if self.vocabulary.words[reading.word] in own]:
                    return fitting[:1]
        return list(readings[:1])

    def _respelled(self, words: Sequence[Word]) -> list[Word]:
        """Unknown words written as the catalog writes them: joined with the next one, or apart."""
        known, spelled, place = self.vocabulary.numbers, list[Word](), 0
        while place < len(words):
            word, after = words[place], words[place + 1] if place + 1 < len(words) else None
            if after is not None and not {word.text, after.text} <= known.keys() and word.text + after.text in known:
                spelled.append(Word(word.text + after.text, word.start, after.end))
                place += 2
                continue
            parts = [] if self.vocabulary.readings(word.text) else self._names.joined(self.vocabulary.parts(word.text))
            spelled += [
                Word(known_word, word.start, word.end) for known_word in map(self.vocabulary.words.__getitem__, parts)
            ] or [word]
            place += 1
        return spelled

    def _met(self, asked: _Asked) -> Scores:
        """How much of a query's known words each item meets, by their weight, 0 to 1."""
        met_N, total = np.zeros(len(self.catalog)), 0.0
        for word, readings in zip(asked.words, asked.readings, strict=True):
            if readings:
                weight = self._fields.weight(max(int(self.vocabulary.counts_V[reading.word]) for reading in readings))
                met_N += weight * self._strength(word, readings, asked.names)
                total += weight
        return self._with_phrases(met_N / total, asked.words) if total else met_N

    def _with_phrases(self, met_N: Scores, words: Sequence[Word]) -> Scores:
        """The same, with a part for words that stand side by side in an item as they do in the query: time travel."""
        rows = np.flatnonzero(met_N >= _PHRASED_FROM * met_N.max())
        if len(words) < 2 or not len(rows) or len(rows) > _MAX_PHRASED:
            return met_N
        pairs = [re.compile(rf"\b{re.escape(a.text)}\W+{re.escape(b.text)}") for a, b in pairwise(words)]
        phrased_N = np.zeros(len(met_N))
        for row in rows.tolist():
            item = self.catalog.items[row]
            text = f"{item.title} {item.text} {' '.join(value for _, value in values_of(item))}".casefold()
            phrased_N[row] = sum(pair.search(text) is not None for pair in pairs) / len(pairs)
        most = phrased_N.max()
        return met_N if not most else met_N * (1 - _PHRASE_SHARE * (1 - phrased_N / most))

    def _strength(self, word: Word, readings: Sequence[Reading], names: Sequence[NameMatch]) -> Scores:
        """How far each item meets one word, 0 to 1."""
        strength_N = np.zeros(len(self.catalog))
        for reading in readings:
            for field in FIELDS:
                rows, _ = self._fields.column(field, reading.word)
                strength_N[rows] = np.maximum(strength_N[rows], _STRENGTHS[field] * reading.likeness)
        for name in names:
            if name.is_whole and name.start <= word.start and word.end <= name.end:
                strength_N[name.rows] = np.maximum(strength_N[name.rows], _NAMED * name.likeness)
        return strength_N

    def _bm25(self, asked: _Asked) -> Scores:
        """BM25 of a query in all fields, by their weights."""
        bm25_N = np.zeros(len(self.catalog))
        for readings in asked.readings:
            for field in FIELDS:
                best_N = np.zeros(len(self.catalog), np.float32)
                for reading in readings:
                    rows, values = self._fields.column(field, reading.word)
                    best_N[rows] = np.maximum(best_N[rows], values * np.float32(_WEIGHTS[field] * reading.likeness))
                bm25_N += best_N
        return bm25_N
