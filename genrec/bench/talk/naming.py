"""Titles and values of a catalog where they are named in a text, the longest first.

Works by the words alone, apart from the code that made the text. Knows the catalog's titles and values, and how its
labels speak them; deliberately judges nothing.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from genrec.data.filters import is_number
from genrec.data.labels import Labels
from genrec.schema import Catalog, Item

_WORD = re.compile(r"\w+")
_YEAR_AT_END = re.compile(r"\s*\(\d{4}\)$")
_ARTICLE_AT_END = re.compile(r"^(.+), (The|A|An|Der|Die|Das|Le|La|Les|Il|El|Los)(?= \(|$)")
_SENTENCE_ENDS = ".!?:“("
_NUMBER = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?(?=s\b|(?!\w))")
_DECADE, _FIRST_YEAR, _LAST_YEAR = 10, 1000, 2100
_SLACK = 0.006  # numbers are said with two decimals
_Meant = TypeVar("_Meant")
Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """One value of an attribute of text."""

    attribute: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A title or a value in a text: which items are called so, which values it can be."""

    start: int
    end: int
    said: str
    item_ids: frozenset[str]
    values: frozenset[Value]


class Naming:
    """Finds what a text names of one catalog."""

    def __init__(self, catalog: Catalog, labels: Labels, everyday: frozenset[str]) -> None:
        """everyday: words in common use; a name that is nothing else counts only where it is written with a capital."""
        self.catalog, self.labels, self.everyday = catalog, labels, everyday
        self._items: dict[Words, set[str]] = {}
        self._values: dict[Words, set[Value]] = {}
        self._is_capital: dict[Words, bool] = {}
        for item in catalog:
            moved = _ARTICLE_AT_END.sub(r"\2 \1", item.title)
            for title in {item.title, moved, _YEAR_AT_END.sub("", item.title), _YEAR_AT_END.sub("", moved)}:
                self._add(title, self._items, item.item_id)
            for value in values_of(item):
                for said in {value.text, *labels[value.attribute].words(value.text)}:
                    self._add(said, self._values, value)
        self._longest = max(map(len, (*self._items, *self._values)), default=0)

    def _add(self, said: str, index: dict[Words, set[_Meant]], named: _Meant) -> None:
        words = tuple(_WORD.findall(said))
        if words:
            key = tuple(word.casefold() for word in words)
            index.setdefault(key, set()).add(named)
            self._is_capital[key] = words[0][:1].isupper() and self._is_capital.get(key, True)

    def find(self, text: str) -> Iterator[Named]:
        """What is named, from left to right, nothing twice."""
        words = list(_WORD.finditer(text))
        folded = [word[0].casefold() for word in words]
        at = 0
        while at < len(words):
            size = next(
                (
                    n
                    for n in range(min(self._longest, len(words) - at), 0, -1)
                    if self._is_named(text, words[at : at + n], tuple(folded[at : at + n]))
                ),
                0,
            )
            if size:
                key = tuple(folded[at : at + size])
                start, end = words[at].start(), words[at + size - 1].end()
                yield Named(
                    start=start,
                    end=end,
                    said=text[start:end],
                    item_ids=frozenset(self._items.get(key, ())),
                    values=frozenset(self._values.get(key, ())),
                )
            at += max(size, 1)

    def _is_named(self, text: str, words: list[re.Match[str]], key: Words) -> bool:
        """Whether these words are a name here: the word "it" is no film, and "is" no value."""
        if key not in self._items and key not in self._values:
            return False
        is_everyday = all(word in self.everyday or len(word) < 3 for word in key)
        if not (is_everyday or self._is_capital[key]):
            return True
        before = text[: words[0].start()].rstrip()
        is_written_so = words[0][0][:1].isupper() and (len(key) > 1 or not _begins_sentence(before))
        return is_written_so and not (is_everyday and _begins_sentence(before))


def _begins_sentence(before: str) -> bool:
    return not before or before[-1] in _SENTENCE_ENDS


def values_of(item: Item) -> Iterator[Value]:
    """The texts among an item's values."""
    for name, value in item.attributes.items():
        texts = value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ()
        yield from (Value(name, text) for text in texts)


def numbers_of_item(item: Item) -> Iterator[float]:
    """Every number that can be said of an item: its values, those in its texts, the decade of a year, its offer."""
    texts = [item.title, *(value.text for value in values_of(item))]
    numbers = [float(word) for text in texts for word in re.findall(r"\d+(?:\.\d+)?", text)]
    numbers += [float(v) for v in item.attributes.values() if is_number(v)]
    if item.offer is not None and item.offer.price_upper is not None:
        numbers.append(item.offer.price_upper)
    yield from numbers
    yield from (number // _DECADE * _DECADE for number in numbers if _FIRST_YEAR <= number < _LAST_YEAR)


def numbers_in_text(text: str) -> list[str]:
    """The numbers of a text as they are written; of 1990s the year."""
    return _NUMBER.findall(text)


def numbers_in(text: str, naming: Naming) -> list[float]:
    """The numbers of a text outside the titles and values that it names."""
    for named in naming.find(text):
        text = text[: named.start] + " " * (named.end - named.start) + text[named.end :]
    return [float(said.replace(",", "")) for said in numbers_in_text(text)]


def is_among(said: str, numbers: Iterable[float]) -> bool:
    """Whether a number as it is written is one of these, rounded."""
    value = float(said.replace(",", ""))
    return any(abs(value - number) <= _SLACK for number in numbers)
