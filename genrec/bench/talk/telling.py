"""Draws things of a catalog and puts them into words, for conversations that are made from it.

Kinds, qualities, people, numbers and titles are the catalog's own, told apart by its labels; how people put it is in
wordings.toml, by language. Knows no task and nothing of the reader.

Axis legend: N catalog rows.
"""

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genrec.bench.talk.form import Titles, quoted
from genrec.bench.talk.naming import Value, values_of
from genrec.chat.constraints import numbers_of
from genrec.data.filters import parse_filter
from genrec.data.labels import Labels
from genrec.data.labels.label import is_counted
from genrec.schema import BoolArray, Catalog

_WORDINGS = Path(__file__).parent / "wordings.toml"
LANGUAGES = ("en", "de", "fr", "es")
MIN_ITEMS = 6  # of a kind that is asked for
MAX_KINDS = 200  # of the most frequent


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number that things are asked by. word: price, time or measure, as the wordings name it."""

    attribute: str
    word: str
    name: str


class Material:
    """What one catalog has to be spoken of."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog, self.labels, self.titles = catalog, Labels.of(catalog), Titles(catalog)
        self.wordings = tomllib.loads(_WORDINGS.read_text(encoding="utf-8"))
        counts = Counter(value for item in catalog if not item.removed for value in set(values_of(item)))
        self.counts = {value: n for value, n in counts.items() if self.labels.says(value.attribute, value.text)}
        sayings = Counter(value.text.casefold() for value in self.counts)
        self.ambiguous = {said for said, n in sayings.items() if n > 1}
        self.kinds = [v for v in self._having("kind") if self.counts[v] >= MIN_ITEMS][:MAX_KINDS]
        self.numbers = list(self._numbers())

    def _having(self, *says: Any) -> list[Value]:
        """The values of attributes with these roles, of the surest attribute first, the most frequent first."""
        names = self.labels.having(*says)
        found = [value for value in self.counts if value.attribute in names]
        return sorted(found, key=lambda value: (names.index(value.attribute), -self.counts[value], value.text))

    def _numbers(self) -> Iterator[Number]:
        """The price, the year and what else is measured, each known of many items."""
        named = {"price": self.labels.price, "time": self.labels.time}
        named |= {name: name for name in self.labels.measures}
        for word, attribute in named.items():
            if attribute is not None and (~np.isnan(self.numbers_of(attribute))).sum() >= MIN_ITEMS:
                kind = word if word in ("price", "time") else "measure"
                yield Number(attribute=attribute, word=kind, name=self.labels.name(attribute))

    @cached_property
    def qualities(self) -> list[Value]:
        """What things of a kind differ in; further kinds where things have several."""
        kinds = [value for value in self.kinds if self.labels[value.attribute].is_list]
        return [*self._having("adjective", "property", "value"), *kinds]

    @cached_property
    def people(self) -> list[Value]:
        """Who things are by, and who plays in them."""
        return self._having("maker", "cast")

    def numbers_of(self, attribute: str) -> npt.NDArray[np.float64]:
        """The number of this name of each item, NaN where it has none or is removed."""
        numbers_N = numbers_of(attribute, self.catalog).copy()
        numbers_N[self.catalog.removed_rows] = np.nan
        return numbers_N

    def passing(self, where: str) -> BoolArray:
        """Which items pass a filter and may be shown, bool (N,)."""
        passing_N = parse_filter(where).mask(self.catalog).copy()
        passing_N[self.catalog.removed_rows] = False
        return passing_N


class Telling:
    """One conversation while it is made: draws things of the catalog and puts them into words."""

    def __init__(self, material: Material, language: str, rng: np.random.Generator) -> None:
        self.material, self.language, self.rng = material, language, rng
        self.wordings: Mapping[str, Sequence[str]] = material.wordings[language]
        self.labels = material.labels

    def pick(self, found: Sequence[Any]) -> Any:  # Any: of whatever there is
        """One of some things."""
        return found[int(self.rng.integers(len(found)))]

    def say(self, task: str, **slots: str) -> str | None:
        """A wording of a task, filled in; None where the language has none, or not what it needs."""
        fitting = [text for text in self.wordings.get(task, ()) if all(part in slots for part in _slots_of(text))]
        return self.pick(fitting).format(**slots) if fitting else None

    def kind(self) -> Value | None:
        """A kind of thing, of the surest attribute more often than of others."""
        return self.pick(self.material.kinds) if self.material.kinds else None

    def things(self, kind: Value) -> str:
        """A kind as people call many of them."""
        if self.language != "en":
            return kind.text
        word = self.labels[kind.attribute].words(kind.text)[0].removeprefix("pair of ")
        is_list = self.labels[kind.attribute].is_list
        is_word = word.replace(" ", "").isalpha() and is_counted(word, is_loose=is_list)
        return _plural(word) if is_word and word == word.lower() else word

    def quality(self, kind: Value) -> Value | None:
        """What some, and not all, things of a kind are."""
        rows_N = self.material.passing(where_of(kind))
        value = self.pick(self.material.qualities) if self.material.qualities else None
        if value is None or value == kind or len(value.text) < 3 or value.text.casefold() in kind.text.casefold():
            return None
        is_ambiguous = value.text.casefold() in self.material.ambiguous
        is_bare = self.language != "en" or self.labels.role(value.attribute) in ("adjective", "kind")
        both = int((rows_N & self.material.passing(where_of(value))).sum())
        return None if (is_ambiguous and is_bare) or not 0 < both < int(rows_N.sum()) else value

    def phrase(self, value: Value) -> str:
        """A value as English says it behind a noun."""
        label = self.labels[value.attribute]
        return label.words(value.text)[0] if label.say == "kind" else label.short(value.text)

    def value_slots(self, value: Value) -> dict[str, str]:
        """A value in both ways; bare only where it means nothing else."""
        bare = {} if value.text.casefold() in self.material.ambiguous else {"value": value.text}
        return bare | {"phrase": self.phrase(value)}

    def title(self) -> tuple[str, str] | None:
        """An item with a title of its own, and that title as people say it."""
        row = int(self.rng.integers(len(self.material.catalog)))
        item = self.material.catalog.items[row]
        if item.removed or len(self.material.titles.ids(item.title)) != 1 or len(item.title.split()) < 2:
            return None
        return item.item_id, item.title

    def number(self, *words: str) -> Number | None:
        """A number of one of these sorts."""
        found = [number for number in self.material.numbers if number.word in words]
        return self.pick(found) if found else None

    def place(self) -> tuple[int, str]:
        """A place of the first three, as a number and in words."""
        at = int(self.rng.integers(len(self.wordings["places"])))
        return at + 1, self.wordings["places"][at]


def where_of(value: Value, operator: str = "=") -> str:
    """What has a value, as a filter."""
    return f"{quoted(value.attribute)} {operator} {quoted(value.text)}"


def _slots_of(text: str) -> list[str]:
    return [part.partition("}")[0] for part in text.split("{")[1:]]


def _plural(word: str) -> str:
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word if word.endswith("s") else word + "es"
    return word[:-1] + "ies" if word.endswith("y") and word[-2:-1] not in "aeiou" else word + "s"
