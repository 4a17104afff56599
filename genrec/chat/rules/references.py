"""References to the items that a message speaks of: my last two, the second one, like 3, that one, or a title.

Knows the words for place, recency and judgement; deliberately knows no attribute.
"""

import itertools
import re
from dataclasses import dataclass
from typing import Literal

from genrec.chat.lexicon import Lexicon
from genrec.chat.rules.phrases import (
    COMPARE,
    DISLIKE,
    DISLIKE_FIRST,
    DISLIKED_TITLE,
    JUDGED_NUMBERS,
    LIKE,
    LIKE_FIRST,
    LIKED_TITLE,
    LOVED,
    OWNED,
    REGRETTED,
    TITLE_ASKED,
    TITLE_FEEDBACK,
    TITLE_RELATION,
    blank,
)
from genrec.chat.session import Session
from genrec.chat.spelling import ORDINALS
from genrec.claims.wording import words_of

_COUNTS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "couple": 2,
    "couple of": 2,
    "few": 3,
    "1": 1,
    "2": 2,
    "3": 3,
    "4": 4,
    "5": 5,
}
_RECENT = r"(?:last|latest|most\s+recent|recent|previous)"
_COUNT = r"(one|two|three|four|five|couple\s+of|couple|few|[1-5])"
_THINGS = r"(?:ones?|picks?|purchases?|items?|things?|choices?|orders?|movies?|films?|books?|buys?|favou?rites?)"
_CHOSE = r"(?:got|chose|bought|picked|liked|watched|saw|read|ordered|purchased|had|took|loved)"
_HISTORY_FORMS = (
    re.compile(rf"\bmy\s+{_RECENT}\s+{_COUNT}\b(?:\s+{_THINGS})?"),
    re.compile(rf"\bmy\s+{_COUNT}\s+{_RECENT}(?:\s+{_THINGS})?"),
    re.compile(rf"\b(?:the\s+)?{_RECENT}\s+{_COUNT}(?:\s+{_THINGS})?\s+(?:that\s+)?i\s+{_CHOSE}"),
    re.compile(rf"\b(?:the\s+)?{_RECENT}()\s+{_THINGS}\s+(?:that\s+)?i\s+{_CHOSE}"),
    re.compile(rf"\bwhat()\s+i\s+(?:just\s+)?{_CHOSE}\s+(?:last|most\s+recently|before|lately)"),
    re.compile(rf"\bmy\s+{_RECENT}()\s+\w+"),
)
_ORDINAL = "|".join(sorted(ORDINALS, key=len, reverse=True))
_PLACE = re.compile(
    rf"(?<!ones\s)(?<!pensive\s)(?<!est\s)\b(?:the\s+|that\s+)?({_ORDINAL})(?:\s+(?:one|item|option|choice|pick|pair|suggestion|result|picture))?\b"
    r"(?!\s+(?:two|three|few|time|night|week|month|year|summer|winter|thoughts?|hand|floor|colou?rs?|of\s+all))"
)
_PLACE_OF_ONE = re.compile(rf"\bthe\s+(?:{_ORDINAL})\s+one\b|\bnumber\s+\d{{1,2}}\b")
_FIRST_FEW = re.compile(r"\b(?:the\s+)?(?:first|top)\s+(two|three|four|few|[2-5])\b(?:\s+(?:ones?|items?))?")
_COMPARED = re.compile(
    r"\b(\d{1,2})\s*(?:,|&|/|\band\b|\bwith\b|\bto\b|\bor\b|\bvs\b\.?|\bversus\b)\s*(?:number\s+|no\.?\s+|#)?(\d{1,2})\b"
)
_NUMBERED = re.compile(
    r"(?:#|\bn(?:o|r|um)\.?\s+|\bitem\s+|\boption\s+|\bwhat\s+(?=\d+\s+(?:would|will|could|looks?)\b))(\d{1,2})\b"
    r"|\bnumber\s+(\d{1,2}|one|two|three|four|five)\b|^\W*(\d{1,2})(?=\s+(?:is|looks)\b)"
)
_IT = re.compile(
    r"\b(?:that|this)\s+one\b"
    r"|^\W*(?:it|that|this)(?='s|\s+(?:is|looks|one)\b)(?!(?:'s|\s+is)\s+(?:not\s+)?(?:for|my|our|his|her|a\s+(?:gift|present))\b)"
    r"|\b(?:have|got|get|make|sell)\s+(?:it|that|this)(?=\s+(?:also\s+)?in\b)"
    r"|\b(?:like|with|love|hate|draw|take|keep|save|want|about|than)\s+(?:it|that|this)\b"
    r"|(?:^|[.!]|\b(?:but|and|though))\W*(?:is|does|has|was)\s+(?:it|this|that)\b"
    r"(?!\s+(?:possible|ok|okay|all|your|the|true)\b)"
    r"|\b(?:how|what|who|when|where|which)\b[^.?!]{0,25}?\b(?:is|does|did|was|makes?|made)\s+(?:it|this|that)\b"
    r"(?!\s+(?:possible|ok|okay|all|your|the|true)\b)"
    r"|\b(?:plays?|acts?|stars?|starring|is)\s+in\s+(?:it|that|this)\b"
    r"|\b(?:what|who)(?:'s|\s+is)\s+its\b|\bsure\s+(?:it|this|that)\b|^\W*so\s+(?:it|this)\b"
)
_ALL = re.compile(
    r"\b(?:(?:all|any|some|each|both|which|what|how\s+many)(?:\s+ones?)?\s+of\s+(?:them|these|those|it|the\s+\w+)"
    r"|none\s+of\s+(?:them|these|those|it)(?!\s+(?:in|by|with|from|made|that)\b)"
    r"|all\s+(?:these|those)|the\s+remaining(?:\s+(?:ones|items))?|the\s+rest\b|(?<!of )(?:these|those)"
    r"|(?:are|do|have|were)\s+they|them\s+all|they\s+all|both(?!\s+in\b))\b"
)
_VALUED = re.compile(r"\b(?:the|that)\s+((?:[^\W\d_]+\s+){1,3}?)one\b")


@dataclass(frozen=True, slots=True)
class Reference:
    """Items a message names, the text without the naming words, and how: history, shown, it or title.

    unmet: naming words that name nothing, such as "my last two" of a person without a history.
    """

    item_ids: tuple[str, ...]
    rest: str
    kind: Literal["history", "shown", "it", "title"]
    unresolved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TitlesRead:
    """Items named by title. is_feedback tells "I loved A" from "something like A"; disliked: those of "I hated C";
    unknown: quoted titles that no item has."""

    item_ids: tuple[str, ...]
    rest: str
    is_feedback: bool
    unknown: tuple[str, ...] = ()
    disliked: tuple[str, ...] = ()


def read_history_reference(text: str, session: Session) -> Reference | None:
    """My last two, the last thing I got; None when nothing such is said."""
    for form in _HISTORY_FORMS:
        match = form.search(text)
        if match is not None:
            count = _COUNTS.get(" ".join(match[1].split()), 1)
            unresolved = () if session.history else (" ".join(match.group().split()),)
            return Reference(tuple(session.history[-count:]), blank(text, *match.span()), "history", unresolved)
    return None


def read_compared(text: str, session: Session) -> Reference | None:
    """Compare 1 and 3; None when no two shown items are named by numbers."""
    compared = _COMPARED.search(text) if COMPARE.search(text) else None
    if compared is None:
        return None
    places = [int(number) - 1 for number in compared.groups()]
    ids = tuple(dict.fromkeys(session.shown[place] for place in places if 0 <= place < len(session.shown)))
    return Reference(ids, blank(text, *compared.span()), "shown") if len(ids) > 1 else None


def read_shown_reference(text: str, session: Session, lexicon: Lexicon, *, has_photo: bool = False) -> Reference | None:
    """The second one, #2, like 3, the red one, these, that one; None when nothing such is said.

    has_photo: a photo came with the message, so that "this" and "it" mean the photo.
    """
    shown = session.shown
    if not shown:
        unresolved = _PLACE_OF_ONE.search(text)
        if unresolved is not None:
            return Reference((), blank(text, *unresolved.span()), "shown", (unresolved.group(),))
        return None if has_photo else _it(text, session, lexicon)
    few = _FIRST_FEW.search(text)
    if few is not None:
        return Reference(tuple(shown[: _COUNTS[few[1]]]), blank(text, *few.span()), "shown")
    judged = JUDGED_NUMBERS.match(text)
    if judged is not None:
        named = judged[1] or judged[2]
        ids = tuple(shown[int(n) - 1] for n in re.findall(r"\d+", named) if 0 < int(n) <= len(shown))
        return Reference(ids, text.replace(named, " " * len(named), 1), "shown") if ids else None
    places, rest = [], text
    for match in [*_PLACE.finditer(text), *_NUMBERED.finditer(text)]:
        said = next(filter(None, match.groups()))
        place = ORDINALS[said] if said in ORDINALS else (_COUNTS.get(said) or int(said)) - 1
        if -len(shown) <= place < len(shown):
            places.append(place)
            rest = blank(rest, *match.span())
    if places:
        return Reference(tuple(dict.fromkeys(shown[place] for place in places)), rest, "shown")
    valued = _valued(text, shown, lexicon)
    if valued is not None:
        return valued
    everything = None if has_photo else _ALL.search(text)
    if everything is not None and _no_attribute_follows(text, everything, lexicon):
        return Reference(tuple(shown), blank(text, *everything.span()), "shown")
    return None if has_photo else _it(text, session, lexicon)


def _it(text: str, session: Session, lexicon: Lexicon) -> Reference | None:
    """It, this, that one: the item in focus, or what was liked last where that is regretted."""
    it = _IT.search(text)
    if it is None or OWNED.search(text[: it.start()]) or not _no_attribute_follows(text, it, lexicon):
        return None
    is_regretted = bool(session.liked) and REGRETTED.search(text) is not None
    meant = session.liked[-1] if is_regretted else session.focus
    return None if meant is None else Reference((meant,), blank(text, *it.span()), "it")


def _valued(text: str, shown: list[str], lexicon: Lexicon) -> Reference | None:
    """The red one: the shown items that have these values."""
    match = _VALUED.search(text)
    if match is None:
        return None
    wanted = [lexicon.meanings((word,)) for word in words_of(match[1])]
    if not wanted or not all(wanted):
        return None
    ids = [i for i in shown if all(any(_has(lexicon, i, v.attribute, v.value) for v in values) for values in wanted)]
    return Reference(tuple(ids), blank(text, *match.span()), "shown") if ids else None


def _has(lexicon: Lexicon, item_id: str, attribute: str, value: str) -> bool:
    found = lexicon.catalog[item_id].attributes.get(attribute)
    return value in found if isinstance(found, tuple) else found == value


def _no_attribute_follows(text: str, match: re.Match[str], lexicon: Lexicon) -> bool:
    """Whether "that" stands alone; "that brand" speaks of a value."""
    return re.match(rf"\s+(?:{lexicon.attribute_pattern})\b", text[match.end() :]) is None


MAX_CUES, MAX_CHUNKS = 8, 24  # of one message, after and among which titles are looked for
_WORDS = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")
_CHUNKS = re.compile(r"\s*(?:,|;|&|\band\b|\bas\s+well\s+as\b|\bbut\b|\.(?:\s|$)|!|\?)\s*")


def read_titles(said: str, text: str, lexicon: Lexicon) -> TitlesRead:
    """Titles after "I loved" or "like", exact or a few letters off; quoted ones anywhere. After "I hated", until a
    judgement follows, they are disliked."""
    turn_down = DISLIKED_TITLE.search(text)
    if turn_down is not None:
        head, cue, tail = text[: turn_down.start()], turn_down.group(), text[turn_down.end() :]
        again = LIKED_TITLE.search(tail)
        tail, more = (tail[: again.start()], tail[again.end() :]) if again else (tail, "")
        hated = _titles_after(tail, 0, lexicon)
        if hated is not None:
            before = _titles_liked(said, head + " " * len(cue), lexicon)
            after = _titles_after(more, 0, lexicon) or ((), more)
            liked = tuple(dict.fromkeys((*before.item_ids, *after[0])))
            refused = tuple(item_id for item_id in hated[0] if item_id not in liked)
            rest = " ".join((before.rest, hated[1], after[1]))
            return TitlesRead(liked, rest, before.is_feedback or bool(after[0]), before.unknown, refused)
    return _titles_liked(said, text, lexicon)


def _titles_liked(said: str, text: str, lexicon: Lexicon) -> TitlesRead:
    for cue, is_feedback in ((TITLE_FEEDBACK, True), (TITLE_RELATION, False)):
        for match in itertools.islice(cue.finditer(text), MAX_CUES):
            found = _titles_after(text, match.end(), lexicon)
            if found is not None:
                ids, rest = found
                return TitlesRead(ids, rest, is_feedback)
    asked = TITLE_ASKED.search(text)
    named = None if asked is None else lexicon.title_at(text[asked.end() :])
    if asked is not None and named is not None:
        return TitlesRead((named[0],), text[: asked.end()] + named[1], False)
    long_ids, left = _long_titles(text, lexicon)
    if long_ids:
        return TitlesRead(long_ids, left, LOVED.search(left) is not None)
    quoted_ids: list[str] = []
    unknown: list[str] = []
    rest = text
    for quoted in re.finditer(r"[\"“«]([^\"”»]{2,80})[\"”»]", text):
        quoted_id = lexicon.find_title(quoted[1])
        if quoted_id is None:
            unknown.append(quoted[1])
        else:
            quoted_ids.append(quoted_id)
            rest = blank(rest, *quoted.span())
    is_feedback = TITLE_FEEDBACK.search(said) is not None
    return TitlesRead(tuple(dict.fromkeys(quoted_ids)), rest, is_feedback, tuple(unknown))


def _long_titles(text: str, lexicon: Lexicon) -> tuple[tuple[str, ...], str]:
    """Titles of three words or more, each word right or a slip away, and the text without them."""
    spans = [(m.start(), m.end()) for m in _WORDS.finditer(text)]
    found = lexicon.long_titles_in([text[a:b] for a, b in spans])
    for first, last, _ in found:
        begin, end = spans[first][0], spans[last - 1][1]
        text = blank(text, begin, end)
    return tuple(dict.fromkeys(item_id for _, _, item_id in found)), text


def _titles_after(text: str, start: int, lexicon: Lexicon) -> tuple[tuple[str, ...], str] | None:
    """Titles in the words after a cue: long ones first, then exact runs, then chunks that are nearly titles."""
    long_ids, tail = _long_titles(text[start:], lexicon)
    ids = list(long_ids)
    spans = [(m.start(), m.end()) for m in _WORDS.finditer(tail)]
    words = [tail[a:b] for a, b in spans]
    rest = tail
    for first, last, item_id in lexicon.titles_in(words):
        is_short = last - first == 1 and (lexicon.meanings((words[first],)) or len(words[first]) < 4)
        if is_short and len(words) > 1:
            continue
        ids.append(item_id)
        begin, end = spans[first][0], spans[last - 1][1]
        rest = blank(rest, begin, end)
    for chunk in itertools.islice(dict.fromkeys(_CHUNKS.split(rest)), MAX_CHUNKS):
        clean = chunk.strip(" '\"“”")
        if len(clean) >= 5 and not all(lexicon.meanings((word,)) for word in words_of(clean)):
            near_id = lexicon.find_title(clean)
            if near_id is not None:
                ids.append(near_id)
                rest = rest.replace(clean, " " * len(clean), 1)
    return (tuple(dict.fromkeys(ids)), text[:start] + rest) if ids else None


def read_feedback(said: str, reference: Reference | None, session: Session) -> Literal["like", "dislike"] | None:
    """How the message judges the items it refers to; None when it judges nothing that was shown or named."""
    if reference is None or reference.kind == "history":
        return None
    if reference.kind == "title":  # liked ones are history, whether shown or not
        return "dislike" if DISLIKE.search(said) or DISLIKE_FIRST.search(said) else None
    if not session.shown:
        return None
    if DISLIKE.search(said) or "👎" in said:
        return "dislike"
    return "like" if LIKE.search(said) or LIKE_FIRST.search(said) or "👍" in said else None
