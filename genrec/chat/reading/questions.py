"""Questions of fact out of spans: of items (who directed it, how much is the second, which is the cheapest) and of the
whole catalog (how many, which there are). They are answered from fields and from nothing else (`chat.answers`).

Knows which attribute a question means; deliberately knows no answer.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from genrec.chat.constraints import extremes_of, meeting
from genrec.chat.lexicon import Lexicon, said_otherwise, stems, words_of
from genrec.chat.reading.degrees import first_graded
from genrec.chat.reading.function_words import (
    COUNTING,
    LEAST,
    MOST,
    OWN_COUNT,
    asks_seller,
    is_denied,
    means_all,
    stock_words,
)
from genrec.chat.reading.measures import attribute_for, attribute_near
from genrec.chat.reading.spans import POINTING, Span
from genrec.chat.requests import ChatRequest, Extreme, Intent, Question
from genrec.data.filters import Predicate
from genrec.data.labels.names import meanings_of

if TYPE_CHECKING:
    from genrec.chat.reading.reader import _Reading

_MEASURED = frozenset({"price", "time", "year", "size", "length", "rating", "popularity"})
_CONDITIONS = frozenset({"max", "min", "exact", "near", "want", "avoid", "high", "low"})
_MIN_STEM = 4
# Verbs of making, in the languages that are read, as stems.
# Verbs whose forms are far from the names of those who do it.
_IRREGULAR = {
    "wrote": "writer", "written": "writer", "writes": "writer", "sang": "singer", "sung": "singer", "drew": "artist",
    "drawn": "artist", "schrieb": "writer", "geschrieben": "writer", "ecrit": "writer", "escribio": "writer",
    "escrito": "writer",
}  # fmt: skip
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
            named = linked[0] if linked else lexicon.attribute_of(span.words) or by_stem(span.words, lexicon)
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
    named = by_stem(span.words, lexicon)
    if named is not None:
        return [named]
    labels = lexicon.labels
    forms = {word for form in span.words for word in (form, *stems(form))}
    named = next((by_stem((_IRREGULAR[word],), lexicon) for word in sorted(forms) if word in _IRREGULAR), None)
    if named is not None or not _IRREGULAR.keys().isdisjoint(forms):
        return [] if named is None else [named]  # who wrote a film is not who directed it
    said = {meaning.say for word in span.words for meaning in meanings_of(word)}
    makes = "maker" in said or not _MAKING.isdisjoint(forms)
    return [*(labels.makers if makes or not labels.cast else labels.cast)][:1]


def by_stem(words: Sequence[str], lexicon: Lexicon) -> str | None:
    """The attribute whose name begins as one of some words does: director of "directed"."""
    best: tuple[int, str] | None = None
    said = dict.fromkeys(form for word in words for form in (word, *(other[0] for other in said_otherwise((word,)))))
    for attribute in sorted(lexicon.values, key=lambda name: lexicon.labels.role(name) == "silent"):
        for name in lexicon.labels.name(attribute).casefold().split():
            for word in said:
                for form in {word, *stems(word)}:
                    size = len(_common(form, name))
                    if size >= _MIN_STEM and size >= len(form) - 2 and (best is None or size > best[0]):
                        best = (size, attribute)
    return None if best is None else best[1]


def by_form(text: str, lexicon: Lexicon) -> str | None:
    """The attribute of which a text says what stands before its values: made of, directed by, runs on."""
    said, best = f" {' '.join(words_of(text))} ", ("", "")
    for attribute in lexicon.values:
        form = lexicon.labels[attribute].form.partition("{")[0]
        verb, _, words = form.strip().partition(" ")
        words = words if verb in ("is", "has", "comes") else f"{verb} {words}"
        if len(words.split()) > 1 and f" {words} " in said and len(words) > len(best[0]):
            best = (words, attribute)
    return best[1] or None


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
    about = tuple(dict.fromkeys((*about, *reading.pointed["than"]))) if intent == "compare" else about
    extremes = [span for span in spans if span.role in ("most", "least")]
    compared = [span for span in spans if span.role in ("more", "less")]
    conditions = _conditions(reading)
    if not (attributes or conditions or extremes) and (formed := by_form(reading.text, lexicon)) is not None:
        attributes = [formed]
    if intent == "show" and not about and session.focus is None:
        return ChatRequest(text=reading.text, intent="show")
    if intent == "explain":
        asked = reading.pointed["about"] or reading.pointed["liked"] or reading.pointed["similar"]
        return ChatRequest(
            text=reading.text, intent="explain", refers_to=asked, is_advice=reading.intent == "advise",
            not_understood=tuple(reading.unclear), missing=tuple(reading.missing),
        )  # fmt: skip
    if intent == "compare" and len(extremes) > 1 and not about:
        about = _compared_extremes(reading, extremes)
        extremes, conditions = [], []
    if reading.unclear and not about:
        return ChatRequest(text=reading.text, intent="recommend", not_understood=tuple(reading.unclear))
    if not about:
        is_of_list = bool(extremes) or intent == "compare" or len(conditions) > 0
        about = tuple(session.shown) if is_of_list else (() if session.focus is None else (session.focus,))
    if intent == "compare" and len(about) == 1 and session.focus not in (None, *about):
        about = (*about, session.focus)
    base = ChatRequest(
        text=reading.text, intent=intent, refers_to=about, missing=tuple(reading.missing),
        not_understood=(*reading.unclear, *reading.unheard_of()),
        liked=reading.pointed["liked"], disliked=reading.pointed["disliked"],
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
    said = set(words_of(reading.text)) & (LEAST | MOST)
    if len(attributes) == 1 and said and attributes[0] in reading.lexicon.numeric:  # which costs least?
        return Question(extreme=Extreme(attribute=attributes[0], is_most=bool(said & MOST)))
    if attributes:
        return Question(attributes=tuple(attributes))
    if compared:
        measures = [
            name for name in (attribute_for(span.type, reading.lexicon) for span in compared) if name is not None
        ]
        return Question(attributes=tuple(measures)) if measures else None
    if reading.intent == "ask" and stock_words(reading.text):
        return Question(is_stock=True)
    unknown = [
        span for span in reading.spans if span.role == "about" and span.type not in POINTING and span.type != "plot"
    ]
    words = tuple(span.text for span in unknown if span.type in ("value", "free", "kind", "audience"))
    return Question(is_untold=True, words=words) if reading.intent == "ask" and (asks or unknown) else None


def _compared_extremes(reading: "_Reading", extremes: Sequence[Span]) -> tuple[str, ...]:
    """The cheapest and the dearest of what is spoken of, or of what stands."""
    lexicon = reading.lexicon
    scope = meeting((*reading.session.constraints, *_conditions(reading)), lexicon.catalog)
    items = [lexicon.catalog.items[row] for row in np.flatnonzero(scope)]
    asked = (reading.wishes([span]).extreme for span in extremes)
    best = (extremes_of(extreme, items) for extreme in asked if extreme is not None)
    return tuple(dict.fromkeys(found[0].item_id for found in best if found))


def ask_for_mean(reading: "_Reading") -> ChatRequest:
    """The average of a number: of the items spoken of, else of what meets the scope."""
    lexicon = reading.lexicon
    attributes, _ = asked_attributes(reading.spans, lexicon)
    degree = first_graded(words_of(reading.text))
    if not attributes and degree is not None:
        attributes = [name for name in (attribute_for(degree.measure, lexicon),) if name is not None]
    if not attributes and (named := by_stem(words_of(reading.text), lexicon)) is not None:
        attributes = [named]
    numbers = tuple(name for name in attributes if name in lexicon.numeric)
    question = Question(attributes=numbers, is_mean=True) if numbers else Question(is_untold=True)
    about = reading.pointed["about"]
    if about:
        return ChatRequest(text=reading.text, intent="describe", refers_to=about, question=question)
    named_spans = [
        replace(span, role="want" if span.role in ("about", "with", "similar") else span.role)
        for span in reading.spans
        if span.type in ("kind", "value", "person", "brand") and span.role not in ("most", "least")
    ]
    where = reading.wishes(named_spans).where
    scope = tuple(where) or tuple(reading.session.constraints)
    return ChatRequest(text=reading.text, intent="browse", question=replace(question, scope=scope))


def _conditions(reading: "_Reading") -> list[Predicate]:
    """What is asked whether it is so."""
    asked = [
        span
        for span in reading.spans
        if span.role == "about" and span.type in ("value", "kind", "person", "brand", "free", "audience")
    ]
    asked += [span for span in reading.spans if span.role in _CONDITIONS and span.type not in POINTING]
    found: list[Predicate] = []
    for span in asked:
        where = reading.wishes([replace(span, role="want" if span.role == "about" else span.role)]).where
        found += [wish for wish in where if _can_be_denied(span, wish, reading.lexicon)]
    return list(dict.fromkeys(found))


def _can_be_denied(span: Span, wish: Predicate, lexicon: Lexicon) -> bool:
    """Whether a no would be true: no department tells what a thing has, nor its kind whether it has pockets."""
    role = lexicon.labels.role(wish.attribute)
    return span.type == "audience" or (role != "group" and (role != "kind" or span.type == "kind"))


def ask_of_catalog(reading: "_Reading") -> ChatRequest:
    """The message as a question about the catalog, about what of it meets the wishes, or about what was shown."""
    lexicon, session, is_count = reading.lexicon, reading.session, reading.intent == "count"
    attributes, asks = asked_attributes(reading.spans, lexicon)
    if is_count and OWN_COUNT.search(reading.text):
        return ChatRequest(text=reading.text, intent="browse", question=Question(is_untold=True))
    stock = stock_words(reading.text) if is_count else []
    named = [
        replace(span, role=_role_in_scope(span, reading.text))
        for span in reading.spans
        if (span.type not in (*POINTING, *_MEASURED, "attr", "stock") or span.role in _CONDITIONS)
        and not any(start < span.end and span.start < end for start, end in stock)
    ]
    wishes = reading.wishes(named)
    wishes.where += [reading.person] if reading.person is not None else []
    is_stock = bool(stock) or any(span.type == "stock" for span in reading.spans)
    used = {*(COUNTING if is_count else ()), *(w for start, end in stock for w in words_of(reading.text[start:end]))}
    unheard, unheard_of = (
        [said for said in words if not set(words_of(said)) <= used] for words in (reading.missing, reading.unheard_of())
    )
    if not is_stock and not set(attributes) <= {*lexicon.numeric, *(wish.attribute for wish in wishes.where)}:
        is_count = False  # what is counted are the values of an attribute
    unknown = tuple(dict.fromkeys((*wishes.words, *wishes.avoided, *unheard)))
    about = reading.pointed["about"]
    if about:
        of_shown = _of_shown(reading, attributes, wishes.where, unknown, is_stock=is_stock)
        if of_shown is not None:
            return ChatRequest(text=reading.text, intent="describe", refers_to=about, question=of_shown)
    standing = tuple(w for w in session.constraints if w.attribute not in {one.attribute for one in wishes.where})
    is_bare = not wishes.where and not wishes.words and not wishes.avoided and is_count
    means_whole = means_all(reading.text)
    is_begun = means_whole or _names_kind(wishes.where, lexicon) or (not is_count and asks_seller(reading.text))
    goes_on = about or not is_begun
    scope = (*(standing if goes_on else ()), *wishes.where)
    scope = tuple(wish for wish in scope if wish.attribute not in attributes or is_count)
    measured = [span for span in reading.spans if span.role == "about" and span.type == "price"]
    if is_count and is_stock:
        question = Question(is_count=True, is_stock=True, scope=scope, missing=unknown)
    elif measured and is_count:  # how much is a jacket
        question = (
            Question(attributes=tuple(attributes), scope=scope) if attributes else Question(scope=scope, is_untold=True)
        )
    elif is_count:
        unknown = unknown or _uncounted(reading, is_bare=is_bare)
        if not scope and not means_whole and session.query:  # what is wished in free words alone
            unknown = (*unknown, session.query)
        question = Question(is_count=True, scope=scope, missing=unknown)
    else:
        is_untold = not attributes and (asks or bool(unheard_of))
        shown = attributes or list(lexicon.text_attributes[:1])
        question = Question(attributes=tuple(shown), scope=scope, missing=unknown, is_untold=is_untold)
    return ChatRequest(
        text=reading.text,
        intent="browse",
        question=question,
        not_understood=tuple(said for said in unheard_of if said not in question.missing),
    )


def _names_kind(wishes: Sequence[Predicate], lexicon: Lexicon) -> bool:
    """Whether wishes say what kind of thing they are of, which ends what was wished of another."""
    return any(lexicon.labels.role(wish.attribute) == "kind" for wish in wishes)


def _uncounted(reading: "_Reading", *, is_bare: bool) -> tuple[str, ...]:
    """Words that say what is counted, and name nothing here; what stands behind a name may be said of what it names."""
    plain, left_over = reading.lexicon.talk.common | reading.lexicon.talk.things | COUNTING, reading.left_over()
    first = min((link.word.start for link in reading.links if link.word.form in ("value", "person")), default=0)
    words = [
        link.word.text
        for link, kind in zip(reading.links, reading.tagged.types, strict=True)
        if link.word.form == "word"
        and (is_bare or kind in ("attr", "people") or (link.word.start < first and link.word.text in left_over))
    ]
    return tuple(dict.fromkeys(text for text in words if not {w.removeprefix("d'") for w in words_of(text)} <= plain))


def _role_in_scope(span: Span, text: str) -> str:
    """What is said of a name in a question about many: wanted, unless it is denied (without blue, not blue)."""
    if span.role not in ("about", "with", "similar"):
        return span.role
    return "avoid" if is_denied(words_of(text[: span.start])) else "want"


def _of_shown(
    reading: "_Reading",
    attributes: Sequence[str],
    where: Sequence[Predicate],
    unknown: Sequence[str],
    *,
    is_stock: bool,
) -> Question | None:
    """What is asked of the items that are spoken of; None where it is asked of all that meets the wishes."""
    if is_stock:
        return Question(is_stock=True)
    if unknown:
        return Question(is_untold=True, words=tuple(unknown))
    if where and reading.intent == "count":
        return Question(conditions=tuple(where))
    if attributes and not where:
        return Question(attributes=tuple(attributes))
    others = [span for span in reading.spans if span.role == "about" and span.type not in POINTING]
    if reading.intent != "count" or where:
        return None
    if others:
        return Question(is_untold=True)
    return None if reading.session.constraints else Question(is_stock=True)
