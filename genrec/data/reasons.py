"""Claims about why an item suits a person, how they are said, and whether a text says more than they do.

Knows only item attributes of any catalog: what a value says in words, which values an item shares with a history, and
which mentions in a text no claim backs. Deliberately knows no model, no score and no shop: what a claim is worth is
decided by its caller.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from genrec.schema import AttributeValue, Catalog, Item

ClaimKind = Literal["history", "range", "attribute", "neighbor", "constraint"]
Operator = Literal["=", "!=", "<", "<=", ">", ">="]

MAX_VALUE_LENGTH = 40
CO_CHOSEN, SIMILAR, POPULARITY = "co-chosen", "similar", "popularity"  # attributes of claims that no catalog states
NO_CLAIM = "(no claim is said)"
_IDENTIFIER = re.compile(r"(^|_)(id|ids|no|code|sku|asin|isbn|url|link|path|image)$", re.IGNORECASE)

# How an attribute reads after "it"; {v} the value, {a} its article. Names are compared in lower case, singular.
_PREDICATES: Mapping[str, str] = {
    **dict.fromkeys(("color", "colour", "main color", "main colour"), "is {v}"),
    **dict.fromkeys(("category", "kind", "type", "product type", "department"), "is {a} {v}"),
    **dict.fromkeys(("brand", "maker", "author", "artist", "manufacturer", "label", "writer"), "is by {v}"),
    **dict.fromkeys(("pattern", "style", "shape", "accent", "finish", "look"), "has {a} {v} {n}"),
    **dict.fromkeys(("price", "cost"), "costs {v}"),
    **dict.fromkeys(("year", "release year"), "is from {v}"),
    "material": "is made of {v}",
    "warmth": "has {a} {v} tone",
    "director": "is directed by {v}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One thing that is true of an item, in words and as checkable truth.

    kind: history (shared with a history item), range (a number usual for the history), attribute (a fact of the item),
    neighbor (from other people's events or from likeness), constraint (answers what was asked). source: the history or
    neighbor item's id, or the attribute's name; source_title: that item's title, empty for attributes. value: what
    `attribute` is, or a count of people. text: "it is red, like Oslo Lamp".
    """

    kind: ClaimKind
    source: str
    attribute: str
    value: AttributeValue
    text: str
    source_title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """One stated wish over an attribute: price < 40, color = red, brand != Halden; several texts mean any of them."""

    attribute: str
    operator: Operator
    value: str | float | tuple[str, ...]

    def holds(self, item: Item) -> bool:
        """Whether an item meets the wish; an item without the attribute meets only !=."""
        found = item.attributes.get(self.attribute)
        if found is None or isinstance(found, bool):
            return self.operator == "!="
        if isinstance(found, float | int) and isinstance(self.value, float | int):
            return _compare(float(found), self.operator, float(self.value))
        values = found if isinstance(found, tuple) else (str(found),)
        has = bool(self.texts & {value.casefold() for value in values})
        return has == (self.operator == "=")

    @property
    def texts(self) -> frozenset[str]:
        """The wanted texts in lower case; empty for a number."""
        if isinstance(self.value, float | int):
            return frozenset()
        return frozenset(v.casefold() for v in (self.value if isinstance(self.value, tuple) else (self.value,)))


def _compare(found: float, operator: Operator, wanted: float) -> bool:
    match operator:
        case "<":
            return found < wanted
        case "<=":
            return found <= wanted
        case ">":
            return found > wanted
        case ">=":
            return found >= wanted
        case "=":
            return found == wanted
    return found != wanted


def format_number(value: float) -> str:
    """A number as people write it: 35, 34.5, 0.034."""
    if float(value).is_integer():
        return str(int(value))
    return f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) >= 1 else f"{value:.3g}"


def say_value(value: AttributeValue) -> str:
    """A value in words: red, 34.5, Comedy and Drama."""
    if isinstance(value, tuple):
        return value[0] if len(value) == 1 else f"{', '.join(value[:-1])} and {value[-1]}"
    return value if isinstance(value, str) else format_number(float(value))


def say_attribute(attribute: str, value: AttributeValue) -> str:
    """What follows "it": is red · is made of wood · costs 35 · has the genres Comedy and Drama."""
    name = attribute.replace("_", " ").strip()
    if isinstance(value, bool):
        return f"is {name.removeprefix('is ')}"
    if isinstance(value, tuple) and len(value) == 1 and name.endswith("s"):
        name = name[:-1]
    said = say_value(value)
    form = _PREDICATES.get(name.lower(), "has the {n} {v}") if not isinstance(value, tuple) else "has the {n} {v}"
    return form.format(v=said, n=name, a="an" if said[:1].lower() in "aeiou" else "a")


def is_sayable(attribute: str, value: AttributeValue) -> bool:
    """Whether a value can be part of a reason: short, no identifier, no address, not a plain no."""
    if _IDENTIFIER.search(attribute) or value is False:
        return False
    if isinstance(value, float | int):
        return bool(np.isfinite(value))
    values = value if isinstance(value, tuple) else (value,)
    return bool(values) and all(0 < len(v.strip()) <= MAX_VALUE_LENGTH and "://" not in v for v in values)


def sayable_attributes(item: Item) -> dict[str, AttributeValue]:
    """The attributes of an item that reasons may speak of."""
    return {name: value for name, value in item.attributes.items() if is_sayable(name, value)}


def history_claims(item: Item, past: Item) -> list[Claim]:
    """What an item shares with one item of the history, one claim per attribute; none when that item has no title."""
    claims = []
    theirs = sayable_attributes(past)
    for name, value in sayable_attributes(item).items():
        common = _shared(value, theirs.get(name))
        if common is not None and past.title and past.item_id != item.item_id:
            text = f"it {say_attribute(name, common)}, like {past.title}"
            claims.append(
                Claim(
                    kind="history",
                    source=past.item_id,
                    attribute=name,
                    value=common,
                    text=text,
                    source_title=past.title,
                )
            )
    return claims


def _shared(mine: AttributeValue, theirs: AttributeValue | None) -> AttributeValue | None:
    if theirs is None or type(mine) is not type(theirs):
        return None
    if isinstance(mine, tuple) and isinstance(theirs, tuple):
        common = tuple(value for value in mine if value in theirs)[:2]
        return common or None
    return mine if mine == theirs else None


def range_claims(item: Item, history: Sequence[Item]) -> list[Claim]:
    """Numbers of an item that lie in the usual range (10th to 90th percentile) of at least three history items."""
    claims = []
    for name, value in sayable_attributes(item).items():
        found = [past.attributes.get(name) for past in history]
        numbers = [float(v) for v in found if isinstance(v, float | int) and not isinstance(v, bool)]
        if isinstance(value, bool) or not isinstance(value, float | int) or len(numbers) < 3:
            continue
        low, high = np.quantile(numbers, 0.1, method="higher"), np.quantile(numbers, 0.9, method="lower")
        if low < high and low <= float(value) <= high:
            span = f"{format_number(float(low))} to {format_number(float(high))}"
            text = f"it {say_attribute(name, value)}, within the {span} usual for you"
            claims.append(Claim(kind="range", source=name, attribute=name, value=value, text=text))
    return claims


def attribute_claims(item: Item) -> list[Claim]:
    """Facts of the item itself."""
    return [
        Claim(kind="attribute", source=name, attribute=name, value=value, text=f"it {say_attribute(name, value)}")
        for name, value in sayable_attributes(item).items()
    ]


def neighbor_claim(past: Item, num_people: int) -> Claim:
    """So many people chose the item after this one; the caller counts them in the training events."""
    who = "1 person" if num_people == 1 else f"{num_people} people"
    return Claim(
        kind="neighbor",
        source=past.item_id,
        attribute=CO_CHOSEN,
        value=float(num_people),
        text=f"it was chosen by {who} after {past.title}",
        source_title=past.title,
    )


def similar_claim(past: Item) -> Claim:
    """The item is close to this one in pictures and words; the caller knows that it is among the nearest."""
    return Claim(
        kind="neighbor",
        source=past.item_id,
        attribute=SIMILAR,
        value="close",
        text=f"it is close to {past.title} in looks and words",
        source_title=past.title,
    )


def popularity_claim(num_people: int) -> Claim:
    """So many people chose the item at all."""
    who = "1 person" if num_people == 1 else f"{num_people} people"
    text = f"it was chosen by {who}"
    return Claim(kind="attribute", source=POPULARITY, attribute=POPULARITY, value=float(num_people), text=text)


def constraint_claims(item: Item, constraints: Iterable[Constraint]) -> list[Claim]:
    """The stated wishes that the item meets and that can be said: it costs 35, under your 40."""
    claims = []
    for wish in constraints:
        value = item.attributes.get(wish.attribute)
        if value is None or not wish.holds(item) or wish.operator == "!=" or not is_sayable(wish.attribute, value):
            continue
        if isinstance(value, tuple):
            value = tuple(v for v in value if v.casefold() in wish.texts)
        said = say_attribute(wish.attribute, value)
        if not isinstance(wish.value, float | int) or wish.operator == "=":
            text = f"it {said}, as you asked"
        else:
            text = f"it {said}, {_BOUND_WORDS[wish.operator]} your {format_number(wish.value)}"
        claims.append(Claim(kind="constraint", source=wish.attribute, attribute=wish.attribute, value=value, text=text))
    return claims


_BOUND_WORDS: Mapping[str, str] = {"<": "under", "<=": "at most", ">": "over", ">=": "at least"}


def candidate_claims(
    item: Item,
    history: Sequence[Item],
    *,
    num_chosen_after: Mapping[str, int] | None = None,
    similar: Iterable[str] = (),
    num_people: int = 0,
    constraints: Iterable[Constraint] = (),
) -> list[Claim]:
    """Everything true that could be said for an item, unranked: the caller weighs and picks.

    history: known items, oldest first. num_chosen_after: per history item id, how many people chose `item` after it.
    similar: ids of history items that are among the item's nearest. num_people: how many chose the item at all.
    """
    past = {entry.item_id: entry for entry in history}
    claims = constraint_claims(item, constraints)
    for entry in past.values():
        claims += history_claims(item, entry)
    counts = num_chosen_after or {}
    claims += [neighbor_claim(past[i], n) for i, n in counts.items() if n > 0 and i in past and past[i].title]
    claims += [similar_claim(past[i]) for i in similar if i in past and past[i].title]
    claims += range_claims(item, history)
    claims += attribute_claims(item)
    if num_people > 0:
        claims.append(popularity_claim(num_people))
    return claims


# ---- saying it: the first sentence opens with a frame and holds the claims about other items, the rest follows

_OPENINGS: tuple[str, ...] = (
    "It {c}.",
    "This one {c}.",
    "{t} {c}.",
    "We picked it because it {c}.",
    "You may like it because it {c}.",
    "{t} suits you: it {c}.",
    "A good match for you, since it {c}.",
    "Here is why: it {c}.",
    "It fits you, as it {c}.",
    "Chosen for you because it {c}.",
    "This goes with what you chose: it {c}.",
    "Why this? It {c}.",
    "{t} could be for you, since it {c}.",
    "We think of you here: it {c}.",
)
_LIKENESS: tuple[str, ...] = (", like {t}", ", just like {t}", ", the same as {t}", ", as with {t}")
_FOLLOWING: tuple[str, ...] = ("Also, it {c}.", "It {c}.", "And it {c}.", "On top of that, it {c}.", "It also {c}.")


def phrase(item: Item, claims: Sequence[Claim], rng: np.random.Generator) -> str:
    """Say exactly these claims about an item in one or two sentences, in one of many ways; equal seeds, equal words.

    Claims that speak of other items come first; facts of the item alone follow in their own sentence. Raises
    ValueError without a claim.
    """
    if not claims:
        raise ValueError("phrase was given no claim; gather at least one, such as an attribute fact")
    related = [claim for claim in claims if claim.source_title]
    facts = [claim for claim in claims if not claim.source_title]
    opening = _OPENINGS[int(rng.integers(len(_OPENINGS) if item.title else 1))]
    first = related or facts
    likeness = _LIKENESS[int(rng.integers(len(_LIKENESS)))]
    sentence = opening.format(c=_join([_clause(claim, likeness) for claim in first], rng), t=item.title)
    if not related or not facts:
        return sentence
    following = _FOLLOWING[int(rng.integers(len(_FOLLOWING)))]
    return f"{sentence} {following.format(c=_join([_clause(claim, likeness) for claim in facts], rng))}"


def _clause(claim: Claim, likeness: str) -> str:
    if claim.kind == "history":
        return say_attribute(claim.attribute, claim.value) + likeness.format(t=claim.source_title)
    return claim.text.removeprefix("it ")


def _join(clauses: Sequence[str], rng: np.random.Generator) -> str:
    link = ("and it ", "and ")[int(rng.integers(2))]
    if len(clauses) == 1:
        return clauses[0]
    comma = ", " if any("," in clause for clause in clauses) or len(clauses) > 2 else " "
    return f"{', '.join(clauses[:-1])}{comma}{link}{clauses[-1]}"


# ---- checking it

# Words that say nothing about an item; every other word of a text must come from a claim or from the item's title.
# "not", "no" and "never" are left out on purpose: they would turn a claim around.
_PLAIN_TEXT = """
a about after again all along already also an and another are as at be because been before both bought but by
can choice choose chose chosen could earlier enjoy enjoyed find fit fits fitting for from goes good great had
has have here history how i if in is it it's item its just kind know known like liked likes made many match
matches may might more of on once one other our out past people perfect person pick picked picks please
recommend recommended same seem seems share shared shares should since so some something suggest suggested
suit suits taste tastes than that that's the their them then there these they thing think this those to
together too top us very was we we've well were what when where which while who why will with within worth
would you you'll you've your yours
"""
_PLAIN_WORDS = frozenset(_PLAIN_TEXT.split())
_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*|[.!?]")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
Words = tuple[str, ...]


def words_of(text: str) -> Words:
    """The words and numbers of a text, in lower case, without punctuation."""
    return tuple(word.casefold() for word in _WORD.findall(text.replace("’", "'")) if word not in ".!?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """What a catalog's items are called and what their attributes can be: the mentions that must be backed.

    values: attribute values as lower-case words; titles: item titles as words, two words at least.
    """

    values: frozenset[Words]
    titles: frozenset[Words]
    max_words: int

    @classmethod
    def of(cls, catalog: Catalog | Iterable[Item]) -> "Vocabulary":
        """Collect the sayable values and the titles of items."""
        values: set[Words] = set()
        titles: set[Words] = set()
        for item in catalog:
            titles.add(words_of(item.title))
            for value in sayable_attributes(item).values():
                for entry in value if isinstance(value, tuple) else (value,):
                    if isinstance(entry, str):
                        values.add(words_of(entry))
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
    Nothing may be said more often than it is claimed.
    """
    titles = sorted({claim.source_title for claim in claims if claim.source_title} - {item.title}, key=len)[::-1]
    backed_words = {word for claim in claims for word in words_of(_untitled(claim))}
    values = {words for claim in claims for words in _value_words(claim)}
    unsupported: list[str] = []
    said: Counter[Words] = Counter()
    for sentence in _sentences(text, item.title, titles):
        mentions: list[_Mention] = []
        for part in sentence:
            if isinstance(part, _Mention):
                mentions.append(part)
                continue
            found, wrong = _read_words(part, values, backed_words, vocabulary)
            mentions += found
            unsupported += wrong
        said.update(mention.words for mention in mentions if not mention.source_title)
        unsupported += _misattributed(mentions, claims)
    claimed = Counter(words for claim in claims for words in _sayings(claim))
    unsupported += [f"{' '.join(words)} (again)" for words, count in said.items() if count > max(claimed[words], 1)]
    if not any(words in said for claim in claims for words in _value_words(claim)):
        unsupported.append(NO_CLAIM)
    return tuple(dict.fromkeys(unsupported))


def _value_words(claim: Claim) -> list[Words]:
    values = claim.value if isinstance(claim.value, tuple) else (claim.value,)
    if isinstance(claim.value, bool):
        return [words_of(say_attribute(claim.attribute, True).removeprefix("is "))]
    return [words_of(value if isinstance(value, str) else format_number(float(value))) for value in values]


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
    text: str, values: set[Words], backed_words: set[str], vocabulary: Vocabulary
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
            elif word not in _PLAIN_WORDS:
                wrong.append(word)
        position += size
    return mentions, wrong


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
