"""What was shown before and is asked for once more: the blue one again, the first one you showed.

Knows what was shown in a session; deliberately knows no search.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from genrec.chat.lexicon import words_of
from genrec.chat.reading.amounts import read_places
from genrec.chat.reading.function_words import asks_why, says_again, speaks_of_shown
from genrec.chat.requests import ChatRequest
from genrec.data.filters import Predicate

if TYPE_CHECKING:
    from genrec.chat.reading.reader import _Reading

_NAMING = frozenset({"kind", "value", "person", "brand"})
_SPEAKING = frozenset({"want", "also", "about", "similar", "liked", "disliked", "find"})
_ASKING = frozenset({"ask", "describe", "compare"})
MAX_REPEATED = 5


def repeat(reading: "_Reading") -> ChatRequest | None:
    """The items of an earlier list that are wanted again; None where a message wants none of them.

    A question about them (what was the first one you showed?) goes on with these as what it is about.
    """
    if reading.pointed["find"] or reading.pointed["similar"] or reading.intent == "surprise":
        return None  # a title says which, and what surprises is new
    is_again, is_shown = says_again(reading.text), speaks_of_shown(reading.text)
    has_place = any(span.type == "place" for span in reading.spans)
    if not (is_again or (is_shown and has_place) or _counts_among_some(reading)) or not reading.session.seen:
        return None
    where = _named(reading)
    found = _meant(reading, where, of_all=is_shown)
    if not found:
        return None
    if not is_again:
        reading.pointed["about"] = found
        reading.spans = [span for span in reading.spans if span.role != "about" or span.type not in _NAMING]
        if reading.intent == "explain" and not asks_why(reading.text):
            reading.intent = "describe"
        return None
    return ChatRequest(text=reading.text, intent="recommend", where=where, repeats=found[:MAX_REPEATED])


def _counts_among_some(reading: "_Reading") -> bool:
    """Whether a place is one among things that are named: the second mug, the first red one.

    A value behind a place that is said out (is the first one red?), or alone behind one (is the second red?), is what
    is asked of it.
    """
    spans = [span for span in reading.spans if span.role in _SPEAKING]
    things = reading.lexicon.talk.things
    for place, (first, named) in enumerate(pairwise(spans), 1):
        is_behind = first.type == "place" and named.type in _NAMING and first.end + 1 >= named.start
        if not is_behind or not things.isdisjoint(first.words[-1:]):
            continue
        run = [named]
        run += [b for a, b in pairwise(spans[place:]) if b.type in _NAMING and run[-1] is a and a.end + 1 >= b.start]
        has_noun = any(span.type == "kind" for span in run) or not things.isdisjoint(
            words_of(reading.text[run[-1].end :])[:1]
        )
        if has_noun or reading.intent not in _ASKING:
            return True
    return False


def _named(reading: "_Reading") -> tuple[Predicate, ...]:
    named = [span for span in reading.spans if span.role in _SPEAKING and span.type in _NAMING]
    return tuple(reading.wishes([replace(span, role="want") for span in named]).where)


def _meant(reading: "_Reading", where: Sequence[Predicate], *, of_all: bool) -> tuple[str, ...]:
    """Items by their place among what was shown, or all of it that meets what is said of them.

    A place that the last list has not is one among all that was shown.
    """
    session, catalog = reading.session, reading.lexicon.catalog
    seen = [i for i in session.seen if i not in session.disliked]
    pool = seen if of_all or where else list(session.shown)
    pool = [i for i in pool if all(wish.holds(catalog[i]) for wish in where)]
    latest = [i for i in pool if i in session.shown]
    if where and latest and not of_all:
        pool = latest
    said = [span for span in reading.spans if span.type == "place"]
    if not said:
        return tuple(pool)
    for shown in (pool, *([] if where else [seen])):
        places = [place for span in said for place in read_places(span.text, reading.language, len(shown))]
        if places:
            return tuple(shown[place] for place in places)
    return ()
