"""Whether a text about an item says more than its claims do.

Every mention (a number, an attribute value, a title, a word of substance) must be backed, in its place and with its
source. It works by words alone, whoever wrote the text; deliberately knows no model and no grammar but that of claims.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from genrec.claims.claims import Claim
from genrec.claims.wording import Words, spoken_title, words_of
from genrec.data.labels import Labels
from genrec.schema import Catalog, Item

NO_CLAIM = "(no claim is said)"

# Words that say nothing about an item; every other word of a text must come from a claim or from the item's title.
# "not", "no" and "never" are left out on purpose: they would turn a claim around.
_PLAIN_TEXT = """
a about after again all along already also an and another are as be because been before both bought but by
can choice choose chose chosen could earlier enjoy enjoyed find fit fits fitting for from goes good great had
has have here history how i if in is it it's item its just kind know known like liked likes made many match
matches may might more of on once one other our out past people perfect person pick picked picks please
recommend recommended same seem seems share shared shares should since so some something suggest suggested
suit suits taste tastes than that that's the their them then there these they thing think this those to
together too top us very was we we've well were what when where which while who why will with within worth
would you you'll you've your yours
"""
_PLAIN_WORDS = frozenset(_PLAIN_TEXT.split())
_OF_THE_PAST = {"bought", "chose", "earlier", "enjoyed", "history", "liked", "past"}  # not said to who has none
_STRAY_MARK = re.compile(r"[,;:(]\s*[,;:.!?)]|[,;:(]\s*$")
# A word that must be followed by another, before a mark: "as it is a mug, as you, and", "it costs 20, A, and".
_DANGLING = re.compile(
    r"\b((?:an?|the|as|as you|and|or|is|has|was|were|are|be|been|of|with|by|your|at|under|over|because|since|costs"
    r"|made)\s*(?:[,;:!?]|\.(?!\d)|$)|also\s*(?:[.!?](?!\d)|$))",
    re.IGNORECASE,
)
# What opens a likeness, and must be followed by the title it is a likeness to; not "you may like it".
_TITLE = "\x00"  # stands for a title
_OPEN_LIKENESS = re.compile(
    r"((?:\b(?:just|much|exactly) like|\bthe same as|\bas with|\bas in|\bclose to|\bsimilar to|\bafter"
    r"|(?<=[,;:]) ?like|\b(?:is|are|looks|feels) like)\b)(?!\s*\x00|\s+all\b)",
    re.IGNORECASE,
)
# "We picked it is red": a clause that nothing joins to the words before it.
_UNJOINED = re.compile(
    r"(?<![.,:;!?\x00])\s((?!(?:because|since|as|and|that|also|so|but|for|where)\b)\w+ it (?:also )?"
    r"(?:is|has|was|costs|stars))\b",
    re.IGNORECASE,
)
# What no whole text holds: dots without end, other marks said twice, signs that stand for what was lost.
_GARBLED = re.compile(r"(…|\.{2,}|[!?,;:]{2,}|\ufffd|(?<=\s)[.,;:!?](?=\s|$))")
_ENDS = re.compile(r"[.!?]$")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """What a catalog's items are called and what their attributes can be: the mentions that must be backed.

    values: attribute values as lower-case words; titles: item titles as words, two words at least.
    """

    values: frozenset[Words]
    titles: frozenset[Words]
    max_words: int

    @classmethod
    def of(cls, catalog: Catalog | Iterable[Item], labels: Labels | None = None) -> "Vocabulary":
        """Collect the values that can be said, as they are and as they are spoken, and the titles of items."""
        items = tuple(catalog)
        known = Labels.of(items) if labels is None else labels
        values: set[Words] = set()
        titles: set[Words] = set()
        for item in items:
            titles |= {words_of(item.title), words_of(spoken_title(item.title))}
            for name, value in known.said(item).items():
                if isinstance(value, str | tuple):
                    spoken = known[name].words(value)
                    values.update(map(words_of, (*spoken, *(value if isinstance(value, tuple) else (value,)))))
        titles = {words for words in titles if len(words) > 1}
        values = {words for words in values if words and not (len(words) == 1 and words[0] in _PLAIN_WORDS)}
        longest = max((len(words) for words in values | titles), default=1)
        return cls(values=frozenset(values), titles=frozenset(titles), max_words=longest)


@dataclass(frozen=True, slots=True)
class _Mention:
    """Something a text speaks of: the id of a related item, or words of a value, or a number."""

    source_title: str
    words: Words


def check_text(text: str, item: Item, claims: Sequence[Claim], vocabulary: Vocabulary) -> tuple[str, ...]:
    """The mentions in a text that no claim backs; empty when everything said is claimed, and something is said.

    Every number, attribute value, title and word of substance must come from a claim or from the item's title, and
    each related item must be named with values of its own claims, so "red like A" is not passed for "red like B".
    Where no claim speaks of another item, nothing is said of what the person chose before. Marks that end nothing, as
    in "it costs 20,), and is red", are not passed either, nor words that begin what never follows: "as you, and", "it
    is red, the same as it"; nor what is garbled or breaks off.
    Words of substance stand where their claim has them, so "a red accent" is not passed for a red item with a black
    accent, and nothing is said more often than it is claimed.
    """
    own = item.title
    titles = sorted({claim.source_title for claim in claims if claim.source_title} - {own}, key=len)[::-1]
    if spoken_title(own) in text and spoken_title(own) not in titles:
        own = spoken_title(own)
    backed_words = {word for claim in claims for word in words_of(_untitled(claim))}
    values = {words for claim in claims for words in _value_words(claim)}
    places = _places(claims)
    plain_words = _PLAIN_WORDS if titles else _PLAIN_WORDS - _OF_THE_PAST
    unsupported = _stray_marks(text, own, titles) + open_likenesses(text, [own, *titles])
    said: Counter[Words] = Counter()
    for sentence in _sentences(text, own, titles):
        mentions: list[_Mention] = []
        for part in sentence:
            if isinstance(part, _Mention):
                mentions.append(part)
                continue
            found, wrong = _read_words(part, values, backed_words, plain_words, vocabulary)
            mentions += found
            unsupported += wrong or _out_of_place(part, places)
        said.update(mention.words for mention in mentions if not mention.source_title)
        unsupported += _misattributed(mentions, claims)
    claimed = Counter(words for claim in claims for words in _sayings(claim))
    unsupported += [f"{' '.join(words)} (again)" for words, count in said.items() if count > max(claimed[words], 1)]
    if not any(words in said for claim in claims for words in _value_words(claim)):
        unsupported.append(NO_CLAIM)
    return tuple(dict.fromkeys(unsupported))


def _stray_marks(text: str, own_title: str, titles: Sequence[str]) -> list[str]:
    text = _without_titles(text, [own_title, *titles], "x").strip()
    broken_off = [] if not text or _ENDS.search(text) else [text.rpartition(" ")[2] or text]
    found = [*_STRAY_MARK.findall(text), *_DANGLING.findall(text), *_UNJOINED.findall(text), *_GARBLED.findall(text)]
    return [mark.strip() for mark in found] + broken_off


def open_likenesses(text: str, titles: Sequence[str]) -> list[str]:
    """Words of a text that open a likeness with no title behind them: the same as it."""
    return [found.strip() for found in _OPEN_LIKENESS.findall(_without_titles(text, titles, _TITLE))]


def is_garbled(text: str, titles: Sequence[str] = ()) -> bool:
    """Whether a text is none that a person would write: no letters, marks without end, a word twice in a row."""
    bare = _without_titles(text, titles, "x")
    words = words_of(bare)
    is_doubled = any(first == second for first, second in pairwise(words))
    return is_doubled or not any(map(str.isalpha, bare)) or _GARBLED.search(bare) is not None


def _without_titles(text: str, titles: Sequence[str], mark: str) -> str:
    for title in sorted(titles, key=len, reverse=True):
        text = _title_pattern(title).sub(lambda _: mark, text) if title else text
    return text


def _value_words(claim: Claim) -> list[Words]:
    return [words_of(said) for said in claim.said]


def _sayings(claim: Claim) -> list[Words]:
    """The values and numbers that a claim says, each as often as its own words do."""
    values = _value_words(claim)
    numbers = [(word,) for word in words_of(_untitled(claim)) if _NUMBER.fullmatch(word) and (word,) not in values]
    return values + numbers


def _untitled(claim: Claim) -> str:
    return claim.text.replace(claim.source_title, " ") if claim.source_title else claim.text


@lru_cache(maxsize=4096)
def _title_pattern(title: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(title)}(?!\w)", re.IGNORECASE)


def _sentences(text: str, own_title: str, titles: Sequence[str]) -> list[list[_Mention | str]]:
    """Split a text into sentences of plain stretches and mentions of backed titles; full stops inside titles do not end
    a sentence, and the item's own title vanishes."""
    parts: list[_Mention | str] = [text]
    for title in sorted([own_title, *titles], key=len, reverse=True):
        if title:
            parts = [piece for part in parts for piece in _cut(part, title, own_title)]
    sentences: list[list[_Mention | str]] = [[]]
    for part in parts:
        if isinstance(part, _Mention):
            sentences[-1].append(part)
            continue
        first, *rest = re.split(r"(?<!\d)[.!?]|[.!?](?!\d)", part)
        sentences[-1].append(first)
        sentences += [[piece] for piece in rest]
    return sentences


def _cut(part: _Mention | str, title: str, own_title: str) -> list[_Mention | str]:
    if isinstance(part, _Mention):
        return [part]
    pieces = _title_pattern(title).split(part)
    cut: list[_Mention | str] = [pieces[0]]
    for piece in pieces[1:]:
        cut += [piece] if title == own_title else [_Mention(title, ()), piece]
    return cut


def _read_words(
    text: str, values: set[Words], backed_words: set[str], plain_words: frozenset[str], vocabulary: Vocabulary
) -> tuple[list[_Mention], list[str]]:
    """The value and number mentions of a stretch of text, and what in it nothing backs."""
    words = words_of(text)
    longest = max([vocabulary.max_words, *(len(value) for value in values)])
    mentions: list[_Mention] = []
    wrong: list[str] = []
    position = 0
    while position < len(words):
        for size in range(min(longest, len(words) - position), 0, -1):
            words_here = words[position : position + size]
            if words_here in values:
                mentions.append(_Mention("", words_here))
                break
            if words_here in vocabulary.titles or (
                words_here in vocabulary.values and not (size == 1 and words_here[0] in backed_words)
            ):
                wrong.append(" ".join(words_here))
                break
        else:
            size, word = 1, words[position]
            if word in backed_words:
                mentions += [_Mention("", (word,))] if _NUMBER.fullmatch(word) else []
            elif word not in plain_words:
                wrong.append(word)
        position += size
    return mentions, wrong


def _places(claims: Sequence[Claim]) -> dict[str, set[Words]]:
    """The words of substance of all claims, with the two words before each, fewer at the beginning.

    Of "as you asked" it is three, so that it stands with what was asked.
    """
    places: dict[str, set[Words]] = {}
    for claim in claims:
        words = words_of(_untitled(claim).removeprefix("it "))
        for position, word in enumerate(words):
            num_before = 3 if words[:position][-2:] == ("as", "you") else 2
            places.setdefault(word, set()).add(words[max(0, position - num_before) : position])
    return places


def _out_of_place(text: str, places: Mapping[str, set[Words]]) -> list[str]:
    """Words of a stretch of text that follow other words than in any claim, and words said twice in a row."""
    words = words_of(text)
    wrong = []
    for position, word in enumerate(words):
        before = words[max(0, position - 3) : position]
        known = [place[max(0, len(place) - len(before)) :] for place in places.get(word, ())]
        is_doubled = before[-1:] == (word,)
        if is_doubled or (known and word not in _PLAIN_WORDS and not any(_ends_with(before, end) for end in known)):
            wrong.append(" ".join((*before[-2:], word)))
    return wrong


def _ends_with(words: Words, end: Words) -> bool:
    return words[len(words) - len(end) :] == end


def _misattributed(mentions: Sequence[_Mention], claims: Sequence[Claim]) -> list[str]:
    """Related titles of one sentence that stand with values which are not claimed of them.

    A sentence names values before their title ("red, like A") or after it ("like A, it is red"), one way throughout.
    """
    if not any(mention.source_title for mention in mentions):
        return []
    forward, backward = _unpaired(mentions, claims), _unpaired(list(reversed(mentions)), claims)
    return min(forward, backward, key=len)


def _unpaired(mentions: Sequence[_Mention], claims: Sequence[Claim]) -> list[str]:
    wrong: list[str] = []
    waiting: list[Words] = []
    for mention in mentions:
        if not mention.source_title:
            waiting.append(mention.words)
            continue
        theirs = {words for c in claims if c.source_title == mention.source_title for words in _value_words(c)}
        if not waiting or any(words not in theirs for words in waiting):
            wrong.append(mention.source_title)
        waiting = []
    return wrong
