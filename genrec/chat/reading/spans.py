"""Spans of a message: neighboring words of which one thing is said, with what of the catalog they may mean.

Knows how words are joined; deliberately knows no catalog.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from genrec.chat.lexicon import SlotValue, words_of
from genrec.chat.reading.function_words import is_excess
from genrec.chat.reading.links import Link
from genrec.chat.reading.tagger import NONE, Tagged
from genrec.chat.words import LINKED

POINTING = frozenset({"title", "place", "this", "these", "history"})  # types that point at items
_WISHED = ("want", "avoid")
_SURE, _REFUSED = 0.5, 0.66  # a name of which nothing is said for sure is wanted, unless it is rather turned down
_WISHING = frozenset({"recommend", "more", "surprise"})  # intents that wish
_JOINTS = frozenset(("or", "and", "nor", "oder", "und", "noch", "ou", "et", "ni", "o", "y", "e", "u"))
_INNER_MARKS = frozenset("-/'’&.+*")  # they may stand within a name


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Words with one role and type. links: those of the words; text: as it was typed; share: how sure its role is."""

    role: str
    type: str
    text: str
    start: int
    end: int
    links: tuple[Link, ...]
    share: float = 1.0

    @property
    def values(self) -> tuple[SlotValue, ...]:
        """What values of the catalog it may mean."""
        return tuple(dict.fromkeys(value for link in self.links for value in link.values))

    @property
    def words(self) -> tuple[str, ...]:
        """Its words as they are compared."""
        return words_of(self.text)


def spans_of(text: str, links: Sequence[Link], tagged: Tagged) -> list[Span]:
    """The spans of a message in order; what the catalog holds is one by itself."""
    found: list[Span] = []
    for link, role, kind, share, refused in zip(
        links, tagged.roles, tagged.types, tagged.shares, tagged.refused, strict=True
    ):
        word = link.word
        if word.form in ("value", "person") and share < _SURE and tagged.intent in _WISHING:
            role = role if refused > _REFUSED and role != NONE else "want"
            role = "avoid" if is_excess(words_of(text[: word.start])) else role
            kind = "value" if kind == NONE else kind
        if role == NONE or word.form == "mark":
            continue
        kind = "title" if link.item_id is not None and word.form == "title" and kind in POINTING else kind
        kind = "value" if link.values and link.item_id is None and kind in POINTING else kind
        span = Span(role=role, type=kind, text=word.text, start=word.start, end=word.end, links=(link,), share=share)
        if found and _continues(found[-1], span, text):
            last = found.pop()
            span = Span(
                role=role, type=kind, text=text[last.start : word.end], start=last.start, end=word.end,
                links=(*last.links, link),
            )  # fmt: skip
        found.append(span)
    return coordinated(found, text)


def coordinated(spans: Sequence[Span], text: str) -> list[Span]:
    """Names in one list are wanted or refused together, as most is known of them: no mugs, vases or bags."""
    settled, start = list(spans), 0
    for end in range(1, len(spans) + 1):
        if end < len(spans) and _is_listed(spans[end - 1], spans[end], text):
            continue
        group = spans[start:end]
        between = {word for a, b in pairwise(group) for word in words_of(text[a.end : b.start])}
        if len(group) > 1 and between & _JOINTS:
            votes = {role: sum(span.share for span in group if span.role == role) for role in _WISHED}
            best = max(votes, key=votes.__getitem__)
            settled[start:end] = [replace(span, role=best) for span in group]
        start = end
    return settled


def _is_listed(first: Span, second: Span, text: str) -> bool:
    """Whether nothing but a comma or a joining word stands between two names."""
    between = text[first.end : second.start]
    is_joined = set(words_of(between)) <= _JOINTS and not set(between) & set(".!?;:")
    return first.role in _WISHED and second.role in _WISHED and is_joined and between.strip() != ""


def _continues(last: Span, span: Span, text: str) -> bool:
    """Whether a word goes on what was said before it; two names of the catalog are two things."""
    if (last.role, last.type) != (span.role, span.type):
        return False
    between = text[last.end : span.start]
    is_near = not between.strip() or (len(between) == 1 and between in _INNER_MARKS)
    is_linked = [any(link.word.form in LINKED for link in entry.links) for entry in (last, span)]
    return is_near and not any(is_linked)
