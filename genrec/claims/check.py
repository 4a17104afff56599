"""Whether a text about an item says no more than its claims do.

A text is read as what the template could have said: sentences that open with one of its frames and go on with clauses,
each of which is one of the claims, or what follows from it. So every value, number, likeness, count and title stands in
a claim that was gathered, and the words between them only bind; what says anything else, whoever wrote it, is not read
to its end. Deliberately knows no model, no catalog and no grammar but that of claims.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from genrec.claims.claims import ROLES, SIMILAR, Claim
from genrec.claims.template import FOLLOWING, LIKENESS, OF_HISTORY, OPENINGS
from genrec.claims.wording import spoken_name, words_of
from genrec.schema import Item

NO_CLAIM = "(no claim is said)"
_ANSWER = "as you asked"
_JOINT = re.compile(r"(?P<last>,? and|(?P<plain>,))(?: it)?(?: also)? ")
# What no whole text holds: dots without end, other marks said twice, signs that stand for what was lost.
_GARBLED = re.compile(r"(…|\.{2,}|[!?,;:]{2,}|\ufffd|(?<=\s)[.,;:!?](?=\s|$))")


def check_text(text: str, item: Item, claims: Sequence[Claim]) -> str:
    """What of a text no claim backs: all from where the claims leave off; empty where they back all of it.

    Each claim is said once at most and one at least. A likeness, and that something was asked for, is not said behind
    a value of which it is not claimed: "it is red and costs 20, like A" may be heard of both.
    """
    text = " ".join(text.replace("’", "'").split())
    return _Parse(text, item, claims).left_over() if text else NO_CLAIM


@dataclass(frozen=True, slots=True)
class _Clause:
    """One way to say a claim. claim: its place; spreads: whether its end may be heard of what stands before it, too;
    is_bare: whether it may be heard so."""

    claim: int
    text: str
    spreads: bool
    is_bare: bool


class _Parse:
    """One text while it is read; `reach` is as far as any reading of it came."""

    def __init__(self, text: str, item: Item, claims: Sequence[Claim]) -> None:
        self.text, self.reach = text, 0
        self.clauses = [clause for place, claim in enumerate(claims) for clause in _clauses(place, claim)]
        is_related = any(ROLES[claim.kind] == "relation" for claim in claims)
        titles = dict.fromkeys(filter(None, (item.title, spoken_name(item))))
        openings = [frame for frame in OPENINGS if is_related or frame not in OF_HISTORY]
        self.openings, self.followings = ([*_frames(some, titles)] for some in (openings, (*openings, *FOLLOWING)))

    def left_over(self) -> str:
        """What of the text is no claim."""
        return "" if self._sentence(0, frozenset()) else self.text[self.reach :] or NO_CLAIM

    def _sentence(self, start: int, said: frozenset[int]) -> bool:
        """Whether sentences from here on say nothing but claims that are not said yet."""
        self.reach = max(self.reach, start)
        if start == len(self.text):
            return bool(said)
        frames = self.followings if said else self.openings
        places = (start + len(frame) for frame in frames if self.text.startswith(frame, start))
        return any(self._clause(place, said, is_open=True, was_bare=False) for place in places)

    def _clause(self, start: int, said: frozenset[int], *, is_open: bool, was_bare: bool) -> bool:
        """is_open: whether the sentence may end behind this clause; was_bare: whether the one before it is."""
        for clause in self.clauses:
            if clause.claim in said or (clause.spreads and was_bare) or not self.text.startswith(clause.text, start):
                continue
            end, now_said = start + len(clause.text), said | {clause.claim}
            self.reach = max(self.reach, end)
            if is_open and any(self._sentence(after, now_said) for after in self._ends(end)):
                return True
            joint = _JOINT.match(self.text, end)
            if joint is not None and self._clause(
                joint.end(), now_said, is_open=joint["plain"] is None, was_bare=clause.is_bare
            ):
                return True
        return False

    def _ends(self, end: int) -> Iterator[int]:
        """Where the next sentence may begin, if one may end here; the stop of a title may be that of its sentence."""
        for stop in (".", "!", "") if self.text[end - 1] in ".!?" else (".", "!"):
            after = end + len(stop)
            if self.text.startswith(stop, end) and (after == len(self.text) or self.text[after] == " "):
                yield min(after + 1, len(self.text))


def _frames(frames: Sequence[str], titles: Sequence[str] | dict[str, None]) -> Iterator[str]:
    """What stands before the clauses of a sentence: We picked it because it."""
    for frame in frames:
        opening = frame.partition("{c}")[0]
        for title in titles if "{t}" in opening else [""]:
            said = opening.replace("{t}", title)
            yield from dict.fromkeys((said, said[:1].upper() + said[1:]))


def _clauses(place: int, claim: Claim) -> Iterator[_Clause]:
    """What follows "it": a claim in all its words, or in fewer where that says less, not more."""
    said = claim.text.removeprefix("it ")
    if claim.kind == "history":
        alone = said.removesuffix(f", like {claim.source_title}")
        for likeness in LIKENESS:
            yield _Clause(place, alone + likeness.format(t=claim.source_title), spreads=True, is_bare=False)
        yield _Clause(place, alone, spreads=False, is_bare=True)
        return
    yield _Clause(place, said, spreads=said.endswith(_ANSWER), is_bare=claim.kind == "attribute")
    if claim.kind in ("constraint", "range"):
        yield _Clause(place, said.rpartition(", ")[0], spreads=False, is_bare=True)
    if claim.attribute == SIMILAR:
        yield _Clause(place, f"is close to {claim.source_title}", spreads=False, is_bare=False)


def is_garbled(text: str, titles: Sequence[str] = ()) -> bool:
    """Whether a text is none that a person would write: no letters, marks without end, a word twice in a row."""
    bare = text
    for title in sorted(filter(None, titles), key=len, reverse=True):
        bare = re.sub(rf"(?<!\w){re.escape(title)}(?!\w)", "x", bare, flags=re.IGNORECASE)
    words = words_of(bare)
    is_doubled = any(first == second for first, second in pairwise(words))
    return is_doubled or not any(map(str.isalpha, bare)) or _GARBLED.search(bare) is not None
