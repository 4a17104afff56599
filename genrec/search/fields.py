"""The words of items in three fields, weighed by BM25: title, values of attributes, text.

The formula is Lucene's, worked out over whole sparse matrices: for a million items of 20 words that takes 5 s, where
bm25s takes minutes, and it gives every item's score, which tantivy and SQLite's FTS5 do not.

Axis legend: N items, V words.
"""

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from genrec.schema import AttributeValue, Catalog, FloatArray, IntArray
from genrec.search.vocabulary import Vocabulary
from genrec.search.words import terms_of

FIELDS = ("title", "values", "text")
_SATURATION, _LENGTH_SHARE = 1.5, 0.75  # k1 and b, as the literature has them


@dataclass(frozen=True, slots=True)
class Fields:
    """BM25 of each word in each field, sparse (N, V) by columns."""

    matrices: Mapping[str, sp.csc_array]

    @classmethod
    def of(cls, catalog: Catalog) -> tuple[Vocabulary, "Fields"]:
        """The words of a catalog, and where they stand."""
        numbers: dict[str, int] = {}
        counts: dict[str, sp.csr_array] = {}
        found = {name: array("q") for name in FIELDS}
        ends = {name: array("q", [0]) for name in FIELDS}
        values: dict[AttributeValue, list[int]] = {}  # most values are many items'

        def numbered(texts: Iterable[str]) -> list[int]:
            return [numbers.setdefault(term, len(numbers)) for text in texts for term in terms_of(text)]

        for item in catalog:
            found["title"].extend(numbered([item.title]))
            found["text"].extend(numbered([item.text]))
            for name, value in item.attributes.items():
                told = _told(name, value)
                if told not in values:
                    values[told] = numbered([told])
                found["values"].extend(values[told])
            for name in FIELDS:
                ends[name].append(len(found[name]))
        shape = (len(catalog), len(numbers))
        for name in FIELDS:
            places = np.frombuffer(found[name], dtype=np.int64) if found[name] else np.zeros(0, np.int64)
            counts[name] = sp.csr_array((np.ones(len(places), np.float32), places, np.array(ends[name])), shape=shape)
            counts[name].sum_duplicates()
        holding = sp.csr_array(counts["title"] + counts["values"] + counts["text"])
        num_items_V = np.bincount(holding.indices, minlength=len(numbers)).astype(np.int64)
        return Vocabulary(tuple(numbers), num_items_V), cls({name: _bm25(matrix) for name, matrix in counts.items()})

    def column(self, field: str, word: int) -> tuple[IntArray, FloatArray]:
        """The rows of items that have a word in a field, ascending, and its BM25 there."""
        matrix = self.matrices[field]
        start, end = matrix.indptr[word], matrix.indptr[word + 1]
        return matrix.indices[start:end], matrix.data[start:end]

    def weight(self, num_items: int) -> float:
        """What a word that so many items have is worth, in nats: BM25's inverse frequency."""
        total = next(iter(self.matrices.values())).shape[0]
        return float(np.log1p((total - num_items + 0.5) / (num_items + 0.5)))


def _told(name: str, value: AttributeValue) -> str:
    """A value in words: a truth by the attribute's name, a number where it is whole (a year, not a price)."""
    if isinstance(value, bool):
        return name if value else ""
    if isinstance(value, float | int):
        return f"{value:.0f}" if value == int(value) else ""
    return " · ".join(value) if isinstance(value, tuple) else value


def _bm25(counts: sp.csr_array) -> sp.csc_array:
    lengths_N = counts.sum(axis=1)
    by_word = sp.csc_array(counts)
    num_items_V = np.diff(by_word.indptr)
    weights_V = np.log1p((counts.shape[0] - num_items_V + 0.5) / (num_items_V + 0.5))
    norms_N = _SATURATION * (1 - _LENGTH_SHARE + _LENGTH_SHARE * lengths_N / max(float(lengths_N.mean()), 1e-9))
    data = np.repeat(weights_V, num_items_V) * by_word.data / (by_word.data + norms_N[by_word.indices])
    return sp.csc_array((data.astype(np.float32), by_word.indices, by_word.indptr), shape=counts.shape)
