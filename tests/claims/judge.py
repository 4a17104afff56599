"""A second opinion on texts about an item, built apart from the check: it reads no claims but the facts themselves.

It looks for values, numbers, titles and words of likeness in each stretch of a text and asks the items whether that is
so. What it finds untrue, is; a text that says nothing at all is none of its business.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from genrec.claims.wording import spoken_name
from genrec.data.filters import Predicate
from genrec.data.labels import Labels
from genrec.schema import Item

_DENIALS = re.compile(
    r"\b(?:not|no|never|nor|without|more|less|than|better|best|only|same|all|every|always|most(?!ly))\b"
)
_LIKENESS = re.compile(r"\b(?:like|as with|close to|similar to|after)\b")
_BOUNDS = {"under": "<", "at most": "<=", "over": ">", "at least": ">="}
_SPLIT = re.compile(r"(?:,? and|,)(?= it\b| also\b| is\b| has\b| was\b| costs\b| stars\b| runs\b)|: | because | since ")
_VERB = re.compile(r"\b(?:is|has|was|costs|stars|runs)\b")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is so. after: how many chose the item after each of the history; near: whose neighbor it is."""

    item: Item
    history: Sequence[Item]
    labels: Labels
    values: frozenset[str]  # of the whole catalog, as they are spoken
    after: Mapping[str, int] = field(default_factory=dict)
    near: frozenset[str] = frozenset()
    num_people: int = 0
    wishes: Sequence[Predicate] = ()


def spoken_values(items: Iterable[Item], labels: Labels) -> frozenset[str]:
    """Every text that an attribute of some items can be said as."""
    return frozenset(
        word.casefold()
        for item in items
        for name, value in item.attributes.items()
        if labels[name].says(value) and not isinstance(value, float | int)
        for word in (*labels[name].words(value), *(value if isinstance(value, tuple) else (str(value),)))
    )


def untruths(text: str, facts: Facts) -> list[str]:
    """Stretches of a text that are not so."""
    others = {spoken_name(past): past for past in facts.history}
    titles = sorted([*others, spoken_name(facts.item), facts.item.title or ""], key=len, reverse=True)
    named: list[str] = []
    for title in (title for title in titles if title):
        while title in text:
            named.append(title)
            text = text.replace(title, f"«{chr(945 + len(named) - 1)}»", 1)
    found = []
    for sentence in re.split(r"(?<=[^\d\s])[.!?](?:\s|$)|(?<=\d)[.!?](?:\s|$)", text):
        loose: list[str] = []  # values that what follows may be heard of, too
        for part in filter(
            None,
            (
                part.strip(" ,")
                for part in _SPLIT.split(re.sub("You may like it|What is more,|Why this|Here is why", "", sentence))
            ),
        ):
            spoken_of = next((named[ord(mark) - 945] for mark in re.findall("«(.)»", part)[-1:]), None)
            if (
                _VERB.search(part) is None
                and not _LIKENESS.search(part)
                and spoken_of in (None, spoken_name(facts.item))
            ):
                found += [part] if re.search(r"\d", part) or _DENIALS.search(part) else []
                continue
            if not _is_true(part, others.get(spoken_of or ""), loose, facts):
                found.append(part)
    return found


def _own(item: Item, labels: Labels) -> set[str]:
    words = set(spoken_values([item], labels))
    return words | {labels[name].decade(value) or "" for name, value in item.attributes.items()}


def _is_true(part: str, past: Item | None, loose: list[str], facts: Facts) -> bool:
    if _DENIALS.search(re.sub("at most your", "your", part)) or (_LIKENESS.search(part) and past is None):
        return False
    if past is not None and not re.search(r"(?:like|as with|close to|after) «.»", part):
        return False
    if "chosen by" in part:
        count = facts.num_people if past is None else facts.after.get(past.item_id, 0)
        return re.findall(r"\d+", part) == [str(count)] and count > 0
    if "close to" in part:
        return past is not None and past.item_id in facts.near
    bare = re.sub("«.»", "", part)
    said = [value for value in facts.values if re.search(rf"(?<!\w){re.escape(value)}(?!\w)", bare.casefold())]
    said = [value for value in said if not any(value != other and value in other for other in said)]
    said += re.findall(r"\d{4}s", part)
    bound = re.search(r"(under|at most|over|at least) your ([\d.,]+\d|\d)", bare)
    span = re.search(r"within the ([\d.,]+) to ([\d.,]+) usual for you", bare)
    end = next((match.start() for match in (bound, span) if match is not None), len(bare))
    numbers = re.findall(r"\d+(?:[.,]\d+)*(?![\d]*s\b)", bare[:end])
    own_numbers = {
        said
        for name, value in facts.item.attributes.items()
        if isinstance(value, float | int)
        for said in facts.labels[name].words(value)
    }
    if not said and not numbers:
        return False
    if any(number not in own_numbers and not any(number in value for value in said) for number in numbers):
        return False
    if bound is not None and not any(
        w.operator == _BOUNDS[bound[1]] and f"{w.value:g}" == bound[2].replace(",", "") and w.holds(facts.item)
        for w in facts.wishes
    ):
        return False
    if span is not None and not all(float(span[1]) <= float(n.replace(",", "")) <= float(span[2]) for n in numbers):
        return False
    asked = {text.casefold() for wish in facts.wishes for text in wish.texts}
    asked |= {w.casefold() for wish in facts.wishes for c in wish.texts for w in facts.labels[wish.attribute].words(c)}
    is_answer, heard = "as you asked" in bare, [*loose, *said]
    loose[:] = [*loose, *said, *numbers] if past is None and not is_answer and bound is None and span is None else []
    if is_answer and any(value.casefold() not in asked for value in heard):
        return False
    if not set(map(str.casefold, said)) <= set(map(str.casefold, _own(facts.item, facts.labels))):
        return False
    return past is None or set(map(str.casefold, heard)) <= set(map(str.casefold, _own(past, facts.labels)))
