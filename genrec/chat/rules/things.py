"""Several things in one message: "a red mug and a blue vase". One list has one set of wishes, so the first is looked
for, and the others wait to be asked for.

Knows how things are strung together in English; which words are kinds of things and what they are like, the lexicon.
"""

import re
from dataclasses import dataclass
from itertools import islice

from genrec.chat.constraints import counts_of, meeting
from genrec.chat.lexicon import Lexicon
from genrec.chat.rules import phrases
from genrec.chat.rules.values import ValueScanner
from genrec.chat.rules.words import AFTER_NOUNS
from genrec.data.filters import Predicate

_MAX_THINGS, _MAX_JOINTS = 4, 8
_JOINED = re.compile(
    r"(?:(?:\s*,)?\s+(?:and|plus|&|as\s+well\s+as|or)\s+(?:also\s+|then\s+|maybe\s+|perhaps\s+)*"
    r"|\s*,\s*(?=(?:an?|some|another)\s))(?P<thing>(?P<article>(?:an?|some|another)\s+)?(?P<words>[^\W\d_]+(?:[\s-]+[^\W\d_]+){0,5}))"
)
_TRAILING = re.compile(r"\s+(?:in|of|from)\s+[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class ThingsRead:
    """The message without the things that wait, and these."""

    first: str
    later: tuple[str, ...] = ()


def first_thing(text: str, lexicon: Lexicon) -> ThingsRead:
    """The message about its first thing alone, where it asks for things of several kinds that are to be unlike.

    "A lamp and a chair" can stand in one list, and so can "red mugs and vases"; "a red mug and a blue vase" cannot.
    """
    later: list[str] = []
    while len(later) < _MAX_THINGS - 1 and not phrases.NOT_SEVERAL_WISHES.search(text):
        span = next(
            filter(None, (_span(text, joined, lexicon) for joined in islice(_JOINED.finditer(text), _MAX_JOINTS))), None
        )
        if span is None:
            break
        start, thing, end = span
        later.append(text[thing:end])
        text = text[:start] + text[end:]
    return ThingsRead(text, tuple(later))


def _span(text: str, joined: re.Match[str], lexicon: Lexicon) -> tuple[int, int, int] | None:
    """Where a thing that cannot be in one list with what stands before it is joined, begins and ends."""
    size = _size_of_thing(joined["words"], lexicon)
    if not size:
        return None
    end = joined.start("words") + size
    first, other = _Thing(text[: joined.start()], lexicon), _Thing(joined["words"][:size], lexicon)
    trailing = _TRAILING.match(text, end)
    said_of_it = _Thing(trailing.group(), lexicon).like if trailing else {}
    if trailing and _are_unlike(first.like, said_of_it):
        other.like |= said_of_it
        end = trailing.end()
    if not _are_unlike(first.kinds, other.kinds) or first.is_negated or other.is_negated:
        return None
    has_own_article = joined["article"] is not None
    is_other = first.like != other.like if has_own_article else _are_unlike(first.like, other.like)
    return (joined.start(), joined.start("thing"), end) if is_other else None


def _are_unlike(first: dict[str, frozenset[str]], other: dict[str, frozenset[str]]) -> bool:
    return any(first[name].isdisjoint(values) for name, values in other.items() if name in first)


def _size_of_thing(words: str, lexicon: Lexicon) -> int:
    """How much of the words names a thing: up to the last word for a kind."""
    size = 0
    for match in re.finditer(r"[^\W\d_]+", words):
        if match.group() in AFTER_NOUNS:
            break
        if _Thing(match.group(), lexicon).kinds:
            size = match.end()
    return size


class _Thing:
    """What some words wish for by attribute: kinds of things, and what they are to be like."""

    def __init__(self, words: str, lexicon: Lexicon) -> None:
        wishes, _ = ValueScanner(lexicon, words).scan()
        self.is_negated = any(wish.operator == "!=" for wish in wishes)
        self.kinds: dict[str, frozenset[str]] = {}
        self.like: dict[str, frozenset[str]] = {}
        for wish in wishes:
            kind = _kind_of(wish, lexicon)
            if kind is None or lexicon.kind is None:
                self.like[wish.attribute] = frozenset(wish.texts)
            else:
                self.kinds |= {lexicon.kind: kind, wish.attribute: frozenset(wish.texts)}


def _kind_of(wish: Predicate, lexicon: Lexicon) -> frozenset[str] | None:
    """Which kind of thing is wished for, itself or because only one kind has the value (boots: shoe); else None."""
    if lexicon.kind is None or wish.attribute == lexicon.kind:
        return frozenset(wish.texts) if lexicon.kind else None
    found = counts_of(lexicon.kind, lexicon.catalog, meeting([wish], lexicon.catalog))
    return frozenset(str(value).casefold() for value in found) if len(found) == 1 else None
