"""Questions of fact out of spans: of items (who directed it, how much is the second, which is the cheapest) and of the
whole catalog (how many, which there are). They are answered from fields and from nothing else (`chat.answers`).

Knows which attribute a question means; deliberately knows no answer.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from genrec.chat.lexicon import Lexicon, stems
from genrec.chat.reading.measures import attribute_for, attribute_near
from genrec.chat.reading.spans import POINTING, Span
from genrec.chat.requests import ChatRequest, Intent, Question
from genrec.data.filters import Predicate
from genrec.data.labels.names import meanings_of

if TYPE_CHECKING:
    from genrec.chat.reading.reader import _Reading

_MEASURED = frozenset({"price", "time", "year", "size", "length", "rating", "popularity"})
_CONDITIONS = frozenset({"max", "min", "exact", "near", "want", "avoid", "high", "low"})
_MIN_STEM = 4
# Verbs of making, in the languages that are read, as stems.
_MAKING = frozenset(
    ("by", "made", "make", "produc", "creat", "design", "publish", "built", "gemacht", "fait", "fabriqu", "hech", "hac")
)


def asked_attributes(spans: Sequence[Span], lexicon: Lexicon) -> tuple[list[str], bool]:
    """The attributes that a message asks for, and whether it asks for any, known or not."""
    found: list[str] = []
    asks = False
    for span in spans:
        if span.role != "about" or span.type in POINTING:
            continue
        linked = [link.attribute for link in span.links if link.attribute is not None]
        if span.type == "attr" or linked:
            asks = True
            named = linked[0] if linked else lexicon.attribute_of(span.words) or by_stem(span, lexicon)
            named = named or attribute_near(span.words, lexicon)
            found += [named] if named is not None else []
        elif span.type in _MEASURED:
            asks = True
            measured = attribute_for("time" if span.type == "year" else span.type, lexicon)
            found += [measured] if measured is not None else []
        elif span.type == "people":
            asks = True
            found += _people(span, lexicon)
    return list(dict.fromkeys(found)), asks


def _people(span: Span, lexicon: Lexicon) -> list[str]:
    """Who made things or who plays in them: as the words name an attribute, else the cast where there is one."""
    named = by_stem(span, lexicon)
    if named is not None:
        return [named]
    labels = lexicon.labels
    said = {meaning.say for word in span.words for meaning in meanings_of(word)}
    makes = "maker" in said or not _MAKING.isdisjoint(word for form in span.words for word in (form, *stems(form)))
    return [*(labels.makers if makes or not labels.cast else labels.cast)][:1]


def by_stem(span: Span, lexicon: Lexicon) -> str | None:
    """The attribute whose name begins as a word of the span does: director of "directed"."""
    best: tuple[int, str] | None = None
    for attribute in lexicon.values:
        for name in lexicon.labels.name(attribute).casefold().split():
            for word in span.words:
                for form in {word, *stems(word)}:
                    size = len(_common(form, name))
                    if size >= _MIN_STEM and size >= len(form) - 2 and (best is None or size > best[0]):
                        best = (size, attribute)
    return None if best is None else best[1]


def _common(first: str, second: str) -> str:
    size = next(
        (n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second))
    )
    return first[:size]


def ask_of_items(reading: "_Reading", intent: Intent) -> ChatRequest | None:
    """The message as one about items; None where it speaks of none and nothing was shown."""
    lexicon, session = reading.lexicon, reading.session
    spans = reading.spans
    about = (
        reading.pointed["about"] or reading.pointed["find"] or reading.pointed["similar"] or reading.pointed["liked"]
    )
    attributes, asks = asked_attributes(spans, lexicon)
    extremes = [span for span in spans if span.role in ("most", "least")]
    compared = [span for span in spans if span.role in ("more", "less")]
    conditions = _conditions(reading)
    if intent == "show" and not about and session.focus is None:
        return ChatRequest(text=reading.text, intent="show")
    if intent == "explain":
        asked = reading.pointed["about"] or reading.pointed["liked"] or reading.pointed["similar"]
        return ChatRequest(
            text=reading.text, intent="explain", refers_to=asked, is_advice=reading.intent == "advise",
            not_understood=tuple(reading.unclear), missing=tuple(reading.missing),
        )  # fmt: skip
    if reading.unclear and not about:
        return ChatRequest(text=reading.text, intent="recommend", not_understood=tuple(reading.unclear))
    if not about:
        is_of_list = bool(extremes) or intent == "compare" or len(conditions) > 0
        about = tuple(session.shown) if is_of_list else (() if session.focus is None else (session.focus,))
    if intent == "compare" and len(about) == 1 and session.focus not in (None, *about):
        about = (*about, session.focus)
    base = ChatRequest(
        text=reading.text, intent=intent, refers_to=about, missing=tuple(reading.missing),
        not_understood=tuple(reading.unclear), liked=reading.pointed["liked"], disliked=reading.pointed["disliked"],
    )  # fmt: skip
    if not about:
        if reading.missing or reading.unclear:
            return ChatRequest(
                text=reading.text, intent="recommend", missing=base.missing, not_understood=base.not_understood
            )
        return None
    question = _question(reading, attributes, conditions, extremes, compared, asks=asks)
    if intent == "compare" and len(about) < 2:
        base = ChatRequest(text=reading.text, intent="describe", refers_to=about)
    return replace(base, question=question)


def _question(
    reading: "_Reading",
    attributes: Sequence[str],
    conditions: Sequence[Predicate],
    extremes: Sequence[Span],
    compared: Sequence[Span],
    *,
    asks: bool,
) -> Question | None:
    types = {span.type for span in reading.spans if span.role == "about"}
    if "plot" in types or reading.intent == "describe":
        return Question(is_plot=True) if "plot" in types else None
    if "stock" in types:
        return Question(is_stock=True)
    if extremes:
        extreme = reading.wishes(extremes).extreme
        return Question(is_untold=True) if extreme is None else Question(extreme=extreme, attributes=tuple(attributes))
    if conditions:
        return Question(conditions=tuple(conditions), attributes=tuple(attributes))
    if attributes:
        return Question(attributes=tuple(attributes))
    if compared:
        measures = [
            name for name in (attribute_for(span.type, reading.lexicon) for span in compared) if name is not None
        ]
        return Question(attributes=tuple(measures)) if measures else None
    unknown = [
        span for span in reading.spans if span.role == "about" and span.type not in POINTING and span.type != "plot"
    ]
    return Question(is_untold=True) if reading.intent == "ask" and (asks or unknown) else None


def _conditions(reading: "_Reading") -> list[Predicate]:
    """What is asked whether it is so."""
    asked = [
        span
        for span in reading.spans
        if span.role == "about" and span.type in ("value", "kind", "person", "brand", "free", "audience")
    ]
    asked += [span for span in reading.spans if span.role in _CONDITIONS and span.type not in POINTING]
    spans = [replace(span, role="want" if span.role == "about" else span.role) for span in asked]
    return list(reading.wishes(spans).where)


def ask_of_catalog(reading: "_Reading") -> ChatRequest:
    """The message as a question about the whole catalog, or about what was shown."""
    lexicon, session = reading.lexicon, reading.session
    attributes, _ = asked_attributes(reading.spans, lexicon)
    named = [
        replace(span, role="want" if span.role in ("about", "with", "similar") else span.role)
        for span in reading.spans
        if (span.type not in POINTING and span.type not in _MEASURED and span.type != "attr")
        or span.role in _CONDITIONS
    ]
    wishes = reading.wishes(named)
    of_shown = bool(reading.pointed["about"])
    standing = tuple(w for w in session.constraints if w.attribute not in {one.attribute for one in wishes.where})
    is_bare = not wishes.where and not wishes.words and not wishes.avoided and reading.intent == "count"
    scope = (*(standing if of_shown or is_bare else ()), *wishes.where)
    scope = tuple(wish for wish in scope if wish.attribute not in attributes or reading.intent == "count")
    unknown = tuple(dict.fromkeys((*wishes.words, *wishes.avoided, *reading.missing)))
    if reading.intent == "count":
        question = Question(is_count=True, scope=scope, missing=unknown)
    else:
        shown = attributes or list(lexicon.text_attributes[:1])
        question = Question(attributes=tuple(shown), scope=scope, missing=unknown)
    return ChatRequest(text=reading.text, intent="browse", question=question)
