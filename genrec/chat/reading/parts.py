"""Several things wished at once, each for itself: a mug and a wooden lamp, a comedy and a horror film.

What is said beside one thing holds for it alone; bounds and circumstances hold for all. Knows where one wish ends and
the next begins; deliberately knows nothing of what is found.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from genrec.chat.lexicon import words_of
from genrec.chat.reading.degrees import first_graded
from genrec.chat.reading.function_words import ALTERNATIVES, ARTICLES, JOINTS
from genrec.chat.reading.spans import Span
from genrec.data.filters import Predicate

if TYPE_CHECKING:
    from genrec.chat.reading.reader import _Reading

MAX_COUNT = 20  # of things that are asked for by number: three cheap bags
_BREAKS = re.compile(r"[.!?;:]")  # what stands before one is said of all that is wished after it
_BESIDE = frozenset({"kind", "value"})  # types of what is said of one thing


def counted(spans: Sequence[Span], text: str) -> list[Span]:
    """Spans in which a small number right before a thing says how many are wanted."""
    settled = list(spans)
    for place, (span, following) in enumerate(pairwise(spans)):
        is_near = not text[span.end : following.start].strip()
        is_thing = following.type == "kind" or first_graded(following.words) is not None
        is_count = span.text.isdigit() and 0 < int(span.text) <= MAX_COUNT and span.type == "number"
        if is_count and is_near and is_thing and span.role in ("min", "exact", "max"):
            settled[place] = replace(span, role="counts")
    return settled


def parts_of(reading: "_Reading") -> tuple[tuple[Predicate, ...], ...]:
    """The wishes of each thing, where several are wished that no single item can be; else none."""
    kinds = _kinds(reading)
    if len(kinds) < 2 or not ALTERNATIVES.isdisjoint(words_of(reading.text)):
        return ()
    borders = [0]
    for first, second in pairwise(kinds):
        joints = list(JOINTS.finditer(reading.text, first.end, second.start))
        if not joints:
            return ()
        borders.append(joints[-1].end())
        is_article = not ARTICLES.isdisjoint(words_of(reading.text[borders[-1] : second.start])[:1])
        if not is_article and _may_be_both(reading, first, second):
            return ()
    borders.append(len(reading.text))
    borders[0] = max((mark.end() for mark in _BREAKS.finditer(reading.text, 0, kinds[0].start)), default=0)
    shared = [span for span in reading.spans if _is_shared(span, borders, kinds, reading)]
    parts = []
    for start, end in pairwise(borders):
        own = [span for span in reading.spans if start <= span.start < end and span not in shared]
        parts.append(tuple(dict.fromkeys(reading.wishes([*own, *shared]).where)))
    return tuple(parts)


def united(parts: Sequence[Sequence[Predicate]]) -> tuple[Predicate, ...]:
    """What all parts have in common, and any of the kinds that they name."""
    common = [wish for wish in parts[0] if all(wish in part for part in parts)]
    choices: dict[str, tuple[str, ...]] = {}
    for part in parts:
        for wish in part:
            if wish.operator == "=" and wish.texts and wish not in common:
                choices[wish.attribute] = (*choices.get(wish.attribute, ()), *wish.choices)
    named_by_all = {name for name in choices if all(any(w.attribute == name for w in part) for part in parts)}
    return (
        *common,
        *(
            Predicate(attribute=name, operator="=", value=tuple(dict.fromkeys(choices[name])))
            for name in choices
            if name in named_by_all
        ),
    )


def _kinds(reading: "_Reading") -> list[Span]:
    """The spans that name a kind of thing, each another; of neighbors (a desk lamp) the last."""
    found: list[Span] = []
    for span in reading.spans:
        meant = {value.attribute for value in span.values}
        is_kind = any(reading.lexicon.labels.role(attribute) == "kind" for attribute in meant)
        if span.role != "want" or not is_kind:
            continue
        if found and not reading.text[found[-1].end : span.start].strip():
            found.pop()
        found.append(span)
    return found


def _may_be_both(reading: "_Reading", first: Span, second: Span) -> bool:
    """Whether one item can be of both kinds, as a film can be a comedy and a western."""
    names = {value.attribute for value in first.values} & {value.attribute for value in second.values}
    return any(reading.lexicon.is_multi_valued[name] for name in names)


def _is_shared(span: Span, borders: Sequence[int], kinds: Sequence[Span], reading: "_Reading") -> bool:
    """Whether a span speaks of all that is wished: said before it, or after the last where no other has its own."""
    if span.start < borders[0]:
        return True
    if span.start < kinds[0].start:
        return span.type not in _BESIDE
    if span.start <= kinds[-1].start:
        return False
    has_own = any(
        kind.end < other.start < border
        for kind, border in zip(kinds, borders[1:-1], strict=False)
        for other in reading.spans
    )
    return not has_own and not (span.type in _BESIDE and reading.language in ("fr", "es"))  # lampe en bois
