"""Which item a few words speak of, and what else they say: "a red lamp | on an oak table, evening".

What follows a word of place is a place, unless a title says it ("Cat on a Hot Tin Roof"); what follows another word
that binds belongs to the item where the item has it ("a dress with stripes"). Knows no grammar beyond these words, and
deliberately takes nothing for the item that merely shares an adjective with what is asked for.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from genrec.data.labels import Labels
from genrec.schema import BoolArray, Item
from genrec.search.binding import BINDING_WORDS, IDLE, PLACE_WORDS
from genrec.search.index import SearchIndex
from genrec.search.names import values_of
from genrec.search.words import words_of

_MOST_OF_A_TITLE = 0.6  # by the weight of its words, said by somebody who means it


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The item that is spoken of, by its catalog row, and the other words as they were said."""

    row: int
    rest: str


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch of the text. opens: what it begins with; place, binding, or nothing that binds it to what is before."""

    start: int
    end: int
    opens: str


def find_subject(index: SearchIndex, labels: Labels, text: str, *, among_N: BoolArray | None = None) -> Subject | None:
    """The item that a text speaks of; None where nothing in the catalog is what it names.

    among_N: which items may be spoken of, bool (N,).
    """
    parts = _parts(text)
    runs = list(_runs(parts, index, text))
    for start, end in sorted(runs, key=lambda run: (-(run[1] - run[0]), run[0])):  # the most that one item has
        row = _having_all(index, text, parts[start:end], among_N)
        if row is not None:
            return Subject(row=row, rest=_rest(text, parts, start, end, None))
    for start, end in sorted(runs, key=lambda run: (run[1] - run[0], run[0])):
        said = text[parts[start].start : parts[end - 1].end]
        row = _named(index, labels, said, among_N)
        if row is not None:
            return Subject(row=row, rest=_rest(text, parts, start, end, _words_of_item(index.catalog.items[row])))
    return None


def _parts(text: str) -> list[_Part]:
    """The text, cut at its punctuation and before each word of place or binding."""
    cuts = {0: "", **{match.end(): "" for match in re.finditer(r"[,;:.!?\n]+", text)}}
    after = ""
    for word in words_of(text):
        if word.text in PLACE_WORDS | BINDING_WORDS and after not in PLACE_WORDS | BINDING_WORDS:
            cuts[word.start] = "place" if word.text in PLACE_WORDS else "binding"
        elif word.text in PLACE_WORDS:  # "with me in | on"; the last of several tells what follows
            cuts[max(cuts)] = "place"
        after = word.text
    starts = sorted(cuts)
    parts = [_Part(low, high, cuts[low]) for low, high in zip(starts, [*starts[1:], len(text)], strict=True)]
    return [part for part in parts if words_of(text[part.start : part.end])]


def _runs(parts: list[_Part], index: SearchIndex, text: str) -> Iterator[tuple[int, int]]:
    """Parts, from one to before another, that may name an item: none begins as a place, or goes over into one."""
    named = [(name.start, name.end) for name in index.names(text) if name.kind == "title" and name.is_whole]
    has_opener = any(not part.opens for part in parts)
    for start, part in enumerate(parts):
        if part.opens and has_opener:
            continue
        for end in range(start + 1, len(parts) + 1):
            inner = parts[start + 1 : end]
            if all(
                one.opens == "binding" or any(low < one.start and one.end <= high + 2 for low, high in named)
                for one in inner
            ):
                yield start, end


def _content(text: str) -> list[str]:
    return [word.text for word in words_of(text) if word.text not in IDLE]


def _having_all(index: SearchIndex, text: str, parts: list[_Part], among_N: BoolArray | None) -> int | None:
    """The item that has all that is said; what binds further words to it must stand in its title or values."""
    said = text[parts[0].start : parts[-1].end]
    wanted = _content(said)
    found = index.search(said, 5, among_N=among_N) if wanted else []
    for one in found:
        own = _words_of_item(index.catalog.items[one.row])
        spelled = _spelled(index, said)
        if all(spelled.get(word, frozenset((word,))) & own for word in wanted):
            return one.row
    return None


def _named(index: SearchIndex, labels: Labels, said: str, among_N: BoolArray | None) -> int | None:
    """The best item of a kind, maker or title that is named, or of what the words mean where the catalog has none."""
    adjectives = {*labels.having("adjective", "property"), *labels.measures, *labels.silent}
    rows = [
        name.rows
        for name in index.names(said)
        if (name.kind == "title" and name.share >= _MOST_OF_A_TITLE)
        or (name.kind == "value" and name.is_whole and name.attribute not in adjectives)
    ]
    if rows:
        may_N = np.zeros(len(index.catalog), dtype=bool)
        may_N[np.concatenate(rows)] = True
        found = index.search(said, 1, among_N=may_N if among_N is None else may_N & among_N)
        return found[0].row if found else None
    is_meant = any(word.relation == "unknown" for word in index.known(said)) and not index.unknown(said)
    found = index.search(said, 1, among_N=among_N) if is_meant and _content(said) else []
    return found[0].row if found else None


def _spelled(index: SearchIndex, said: str) -> dict[str, frozenset[str]]:
    """What the catalog takes each word for: its own spelling of it, and its forms."""
    spelled: dict[str, frozenset[str]] = {}
    for known in index.known(said):
        for word in words_of(known.said):
            spelled[word.text] = frozenset((word.text, *known.words))
    return spelled


def _words_of_item(item: Item) -> frozenset[str]:
    told = " ".join([item.title, *(value for _, value in values_of(item))])
    return frozenset(word.text for word in words_of(told))


def _rest(text: str, parts: list[_Part], start: int, end: int, own: frozenset[str] | None) -> str:
    """All other parts, and of the item's what it does not have; own: the words that it has, None for all."""
    said = text[parts[start].start : parts[end - 1].end]
    left = [] if own is None else [
        said[word.start : word.end] for word in words_of(said) if word.text not in IDLE and word.text not in own
    ]  # fmt: skip
    others = [text[part.start : part.end].strip(" ,;:.!?\n") for part in (*parts[:start], *parts[end:])]
    return ", ".join(filter(None, [" ".join(left), _joined(others)]))


def _joined(parts: list[str]) -> str:
    """Parts as they were said one after another; those with a word of place go on, others stand apart."""
    text = ""
    for part in parts:
        first = words_of(part)[0].text
        text += (" " if first in PLACE_WORDS | BINDING_WORDS else ", ") + part if text else part
    return text
