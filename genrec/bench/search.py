"""`genrec bench search`: whether a catalog's items are found by what is known of them.

Queries whose right answers are known are made of the catalog itself: titles, titles with a slip of typing, values of
attributes, rare words of texts, parts of names. No event is looked at. Words alone, meaning alone and both are compared
where the workspace has a space of meaning; deliberately takes nothing from the index to tell what is right.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from genrec.bench.measure import Row
from genrec.config import CONFIG_FILE, Config
from genrec.data.ingest import load_data
from genrec.encode.clip import ClipEncoder
from genrec.encode.stage import load_embeddings
from genrec.errors import InputError
from genrec.generations import Generation
from genrec.runtime import pick_device, progress
from genrec.schema import Catalog, Item
from genrec.search.index import SearchIndex
from genrec.search.spaces import find_meaning
from genrec.search.stage import find_search
from genrec.search.words import terms_of

NUM_QUERIES, NUM_SHOWN = 300, 10
_MAX_RARE = 10  # items that have a rare word
_LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))
Engine = Callable[[str], Sequence[int]]
Grade = Callable[[Sequence[int], frozenset[int]], float]
C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Question:
    """A query, and the rows that answer it."""

    words: str
    right: frozenset[int]


def bench_search(seed: int, *, directory: Path | None = None, num_queries: int = NUM_QUERIES) -> list[Row]:
    """One row per kind of question: its share of right answers, by words, by meaning and by both; milliseconds each."""
    if directory is None:
        raise InputError("bench search measures a workspace; give its folder: genrec bench search DIR")
    folder = Generation.open_newest(directory).folder
    data = load_data(folder)
    settings = Config.load(directory / CONFIG_FILE) if (directory / CONFIG_FILE).is_file() else Config()
    is_encoded = (folder / "embeddings").is_dir()
    embeddings = load_embeddings(folder / "embeddings") if is_encoded else data.features
    clip = partial(ClipEncoder, settings.encode.clip, pick_device(settings.device))
    meaning = find_meaning(data.catalog, embeddings, settings, clip)
    index = find_search(folder, data.catalog).with_meaning(meaning)
    return measure(data.catalog, index, seed, num_queries=num_queries)


def measure(catalog: Catalog, index: SearchIndex, seed: int, *, num_queries: int = NUM_QUERIES) -> list[Row]:
    """The rows of one catalog under one index."""
    rng = np.random.default_rng(seed)
    questions = _Questions(catalog, rng, num_queries)
    engines: dict[str, Engine] = {"words": lambda words: _rows(index.with_meaning(None), words)}
    if (meaning := index.meaning) is not None:
        engines["meaning"] = lambda words: np.argsort(-meaning.nearness(words)[0], kind="stable")[:NUM_SHOWN].tolist()
        engines["both"] = lambda words: _rows(index, words)
    rows: list[Row] = []
    for kind, measured, asked, grade in progress(questions.kinds(), label="bench search"):
        if not asked:
            continue
        row: Row = {"query": kind, "measure": measured, "queries": len(asked)}
        for name, engine in engines.items():
            start = time.perf_counter()
            row[name] = float(np.mean([grade(engine(question.words), question.right) for question in asked]))
            row[f"{name}_ms"] = (time.perf_counter() - start) * 1e3 / len(asked)
        rows.append(row)
    return rows


def _rows(index: SearchIndex, words: str) -> list[int]:
    return [found.row for found in index.search(words, NUM_SHOWN)]


def first(shown: Sequence[int], right: frozenset[int]) -> float:
    """Whether the first of the shown is right."""
    return float(len(shown) > 0 and int(shown[0]) in right)


def among(shown: Sequence[int], right: frozenset[int]) -> float:
    """Whether any of the shown is right."""
    return float(any(int(row) in right for row in shown))


def precision(shown: Sequence[int], right: frozenset[int]) -> float:
    """The share of ten shown that are right; of fewer, where fewer can be."""
    return sum(int(row) in right for row in shown) / min(NUM_SHOWN, len(right))


class _Questions:
    """Questions about one catalog whose answers are known from it."""

    def __init__(self, catalog: Catalog, rng: np.random.Generator, num_queries: int) -> None:
        self._catalog, self._rng, self._num = catalog, rng, num_queries
        self._titles: dict[str, set[int]] = {}
        self._values: dict[str, dict[str, set[int]]] = {}  # by attribute
        self._having: dict[str, set[int]] = {}  # by value, whatever the attribute
        self._texts: dict[str, set[int]] = {}  # by word, of whatever is told
        self._in_names: dict[str, set[int]] = {}
        for row, item in enumerate(catalog):
            self._add(row, item)

    def _add(self, row: int, item: Item) -> None:
        self._titles.setdefault(_plain(item.title), set()).add(row)
        told = [item.title, *(value for _, value in _told(item))]
        for word in {word for text in told for word in terms_of(text)}:
            self._in_names.setdefault(word, set()).add(row)
        for word in {*terms_of(item.text), *(word for text in told for word in terms_of(text))}:
            self._texts.setdefault(word, set()).add(row)
        for attribute, value in _told(item):
            self._values.setdefault(attribute, {}).setdefault(_plain(value), set()).add(row)
            self._having.setdefault(_plain(value), set()).add(row)

    def kinds(self) -> list[tuple[str, str, list[Question], Grade]]:
        """Every kind of question: what is asked, what is measured, the questions, and the grade of what is shown."""
        found: list[tuple[str, str, list[Question], Grade]]
        found = [("own title", "first", self.titles(), first), ("title with a slip", "first", self.slips(), first)]
        found += [
            (f"value of {attribute}", "precision@10", self.values(attribute), precision)
            for attribute, values in self._values.items()
            if not all(value.replace(" ", "").isdigit() for value in values)
        ]
        found.append(("rare word of the text", "among ten", self.rare_words(), among))
        found.append(("part of a name", "precision@10", self.parts(), precision))
        return found

    def titles(self) -> list[Question]:
        """Items by their own titles."""
        return [Question(item.title, self._titled(item)) for item in self._sample(self._catalog.items) if item.title]

    def slips(self) -> list[Question]:
        """Items by their titles with one slip in a word of four letters or more."""
        with_words = [item for item in self._catalog if any(map(_may_slip, item.title.split()))]
        return [Question(self._slipped(item.title), self._titled(item)) for item in self._sample(with_words)]

    def values(self, attribute: str) -> list[Question]:
        """Items by a value of one attribute; those that have it under another one are right, too."""
        return [
            Question(value, frozenset(self._having[value]))
            for value in self._sample(sorted(self._values[attribute]))
            if value
        ]

    def rare_words(self) -> list[Question]:
        """Items by a word that a few of them have."""
        rare = [word for word, rows in self._texts.items() if len(rows) <= _MAX_RARE and len(word) > 2]
        return [Question(word, frozenset(self._texts[word])) for word in self._sample(sorted(rare))]

    def parts(self) -> list[Question]:
        """Items by the last word of a title or value of several words that few have."""
        last = {words[-1] for item in self._catalog for _, value in _told(item) if len(words := terms_of(value)) > 1}
        fitting = [word for word in last if len(word) > 3 and not word.isdigit()]
        return [Question(word, frozenset(self._in_names[word])) for word in self._sample(sorted(fitting))]

    def _titled(self, item: Item) -> frozenset[int]:
        return frozenset(self._titles[_plain(item.title)])

    def _sample(self, choices: Sequence[C]) -> list[C]:
        places = self._rng.permutation(len(choices))[: self._num]
        return [choices[place] for place in places]

    def _slipped(self, title: str) -> str:
        words = title.split()
        place = self._rng.choice([n for n, word in enumerate(words) if _may_slip(word)])
        return " ".join([*words[:place], self._mistyped(words[place]), *words[place + 1 :]])

    def _mistyped(self, word: str) -> str:
        """A word with two letters swapped, one left out, doubled or replaced, after the first, as most slips are."""
        at = int(self._rng.integers(1, len(word) - 1))
        kind = int(self._rng.integers(4))
        if kind == 0 and word[at] != word[at + 1]:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        if kind == 1:
            return word[:at] + word[at + 1 :]
        if kind == 2:
            return word[:at] + word[at] + word[at:]
        return word[:at] + str(self._rng.choice(_LETTERS[word[at].lower() != _LETTERS])) + word[at + 1 :]


def _may_slip(word: str) -> bool:
    return len(word) >= 4 and word.isalpha()


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _told(item: Item) -> list[tuple[str, str]]:
    """The values of an item that are words."""
    pairs = [
        (attribute, one)
        for attribute, value in item.attributes.items()
        for one in (value if isinstance(value, tuple) else (value,))
    ]
    return [(attribute, one) for attribute, one in pairs if isinstance(one, str) and one.strip()]
