"""Which way words of degree point: cheapest, older, zu teuer, pas trop long, menos caro.

The reading model says that a word measures, and whether it compares; which measure it is of and which end of it follows
from the word itself, for there are few of them in each language. Knows no catalog.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Literal, NamedTuple

from genrec.chat.lexicon import words_of
from genrec.chat.reading.spans import Span
from genrec.data.labels.names import listed

Degree = Literal["extreme", "comparison", "level"]
# Words for much and for little of a measure. What stands before the bar takes the endings of English and German.
_WORDS = {
    "price": (
        "expensive pricey pric dear costly teuer teur | cher chere cheres chers couteux couteuse caro cara caros caras",
        "cheap inexpensive affordable billig gunstig preiswert | barato barata baratos baratas economico economica",
    ),
    "time": (
        "new recent late neu jung aktuell | nouveau nouvelle recente recents recentes nuevo nueva reciente recientes",
        "old early earli alt fruh | ancien ancienne anciens vieux vieille antiguo antigua viejo vieja antiguos viejas",
    ),
    "length": (
        "long lang | longue longues largo larga largos largas",
        "short kurz | court courte courts courtes corto corta cortos cortas breve",
    ),
    "size": (
        "big large tall wide gross hoch hoh breit | grand grande grands grandes",
        "small tiny tini little klein | petit petite petits petites pequeno pequena pequenos pequenas",
    ),
    "popularity": ("popular famous beliebt bekannt | populaire connu connue conocido famoso", ""),
}
_ENDING = r"(?:[gt]?e[mnrs]?|er?e?[mnrs]?|[gt]?e?ste?[mnrs]?|[gt]?er|te[mnrs]?|r|ier|iest)?"
_SUPERLATIVE, _COMPARATIVE = re.compile(r"e?st(?:e[mnrs]?)?$|tte[mnrs]?$"), re.compile(r"er(?:e[mnrs]?)?$")
_MOST = listed("most least am")
_MORE = listed("more less plus moins mas menos mehr weniger")
_ARTICLES = listed("the le la les el los las der die das")
_LESS = listed("less least moins menos weniger")
NOT = listed("no not nothing never isn't aren't nicht nichts kein keine pas rien ne nada nunca sin sans ohne without")
_TOO = listed("too zu trop demasiado")
_FAMILIES: dict[str, Degree] = {
    "most": "extreme", "least": "extreme", "more": "comparison", "less": "comparison", "high": "level", "low": "level",
}  # fmt: skip
_ROLES: dict[Degree, tuple[str, str]] = {
    "extreme": ("most", "least"),
    "comparison": ("more", "less"),
    "level": ("high", "low"),
}
_AMOUNTS = frozenset({"max", "min", "near", "exact"})
_REACH = 3  # words before one of degree that may turn it around


class Graded(NamedTuple):
    """A word of degree. is_much: whether it stands for much of its measure; base: without its ending."""

    measure: str
    is_much: bool
    base: str


@cache
def _patterns() -> tuple[tuple[str, bool, "re.Pattern[str]"], ...]:
    found = []
    for measure, ends in _WORDS.items():
        for words, is_much in zip(ends, (True, False), strict=True):
            bases, _, whole = words.partition("|")
            pattern = rf"(?:({'|'.join(bases.split()) or '(?!)'}){_ENDING}|({'|'.join(whole.split()) or '(?!)'}))"
            found.append((measure, is_much, re.compile(pattern)))
    return tuple(found)


@cache
def graded(word: str) -> Graded | None:
    """What a word, folded as words are compared, says of a measure."""
    for measure, is_much, pattern in _patterns():
        match = pattern.fullmatch(word)
        if match is not None:
            return Graded(measure, is_much, match[1] or match[2])
    return None


def first_graded(words: Sequence[str]) -> Graded | None:
    """The first word of degree among some."""
    return next((found for word in words if (found := graded(word)) is not None), None)


def with_degrees(spans: Sequence[Span], text: str) -> list[Span]:
    """Spans whose words of degree have the measure and the end of it that they name."""
    settled: list[Span] = []
    for span in spans:
        last = settled[-1] if settled else None
        if last is not None and set(last.words) <= _MOST | _MORE and not text[last.end : span.start].strip():
            measured = _settled(replace(span, text=text[last.start : span.end], start=last.start), text)
            if measured is not None:
                settled[-1] = measured
                continue
        settled.append(_settled(span, text) or span)
    return settled


def _settled(span: Span, text: str) -> Span | None:
    """A span of degree as its words have it; None of any other."""
    found = first_graded(span.words)
    is_number = any(map(str.isdigit, span.text))
    if found is None or is_number:
        return None
    if span.role == "about" and span.type in _WORDS:  # is it big? what is asked is the word's own measure
        return replace(span, type=found.measure)
    if span.role not in (*_FAMILIES, *_AMOUNTS):
        return None
    place = next(n for n, word in enumerate(span.words) if graded(word) is not None)
    before = (*words_of(text[: span.start]), *span.words[:place])[-_REACH:]
    degree = _degree(span, span.words[place], before)
    is_turned = not (_LESS | NOT | _TOO).isdisjoint(before)
    role = _ROLES[degree][0 if found.is_much != is_turned else 1]
    return replace(span, role=role, type=found.measure)


def _degree(span: Span, word: str, before: Sequence[str]) -> Degree:
    if not _MOST.isdisjoint(before) or (len(before) > 1 and before[-1] in _MORE and before[-2] in _ARTICLES):
        return "extreme"
    if span.role in _FAMILIES:
        return _FAMILIES[span.role]
    if _SUPERLATIVE.search(word):
        return "extreme"
    return "comparison" if _COMPARATIVE.search(word) or not _MORE.isdisjoint(before) else "level"
