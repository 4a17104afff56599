"""Claims about why an item suits a person, and how they are said.

Knows only item attributes of any catalog: what a value says in words and which values an item shares with a history.
Deliberately knows no model, no score and no shop: what a claim is worth is decided by its caller; whether a text says
more than its claims is decided in reason_check.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np

from genrec.data.filters import Predicate
from genrec.schema import AttributeValue, Item

ClaimKind = Literal["history", "range", "attribute", "neighbor", "constraint"]

MAX_VALUE_LENGTH = 40
CO_CHOSEN, SIMILAR, POPULARITY = "co-chosen", "similar", "popularity"  # attributes of claims that no catalog states
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
    if _is_identifier(attribute) or value is False:
        return False
    if isinstance(value, float | int):
        return bool(np.isfinite(value))
    values = value if isinstance(value, tuple) else (value,)
    return bool(values) and all(0 < len(v.strip()) <= MAX_VALUE_LENGTH and "://" not in v for v in values)


@cache
def _is_identifier(attribute: str) -> bool:
    return _IDENTIFIER.search(attribute) is not None


def sayable_attributes(item: Item) -> dict[str, AttributeValue]:
    """The attributes of an item that reasons may speak of."""
    return {name: value for name, value in item.attributes.items() if is_sayable(name, value)}


def history_claims(item: Item, past: Item) -> list[Claim]:
    """What an item shares with one item of the history, one claim per attribute; none when that item has no title."""
    if not past.title or past.item_id == item.item_id:
        return []
    claims = []
    for name, value in item.attributes.items():
        common = _shared(value, past.attributes.get(name))
        if common is not None and is_sayable(name, value) and is_sayable(name, past.attributes[name]):
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


def merge_by_source(claims: Iterable[Claim]) -> list[Claim]:
    """Claims with those about one history item said as one, which names it once, at the place of the first.

    "it is green, like A", "it has a retro style, like A" become "it is green and has a retro style, like A". Only texts
    are merged; numbers and flags stay claims of their own.
    """
    groups: dict[object, list[Claim]] = {}
    for number, claim in enumerate(claims):
        is_text = not isinstance(claim.value, float | int)
        groups.setdefault(claim.source if claim.kind == "history" and is_text else number, []).append(claim)
    return [_merged(group) for group in groups.values()]


def _merged(group: Sequence[Claim]) -> Claim:
    first = group[0]
    if len(group) == 1:
        return first
    said: list[str] = []
    verb = ""
    for claim in group:
        clause = say_attribute(claim.attribute, claim.value)
        said.append(clause.removeprefix(f"{verb} ") if verb else clause)
        verb = clause.split(" ", 1)[0]
    values = [value for claim in group for value in (claim.value if isinstance(claim.value, tuple) else (claim.value,))]
    return replace(first, value=tuple(map(str, values)), text=f"it {say_value(tuple(said))}, like {first.source_title}")


def range_claims(item: Item, history: Sequence[Item]) -> list[Claim]:
    """Numbers of an item that lie in the usual range (10th to 90th percentile) of at least three history items."""
    claims = []
    for name, value in sayable_attributes(item).items():
        found = [past.attributes.get(name) for past in history]
        numbers = [float(v) for v in found if isinstance(v, float | int) and not isinstance(v, bool)]
        if isinstance(value, bool) or not isinstance(value, float | int) or len(numbers) < 3:
            continue
        ordered, last = sorted(numbers), len(numbers) - 1
        low, high = ordered[-(-last // 10)], ordered[9 * last // 10]
        if low < high and low <= float(value) <= high:
            span = f"{format_number(low)} to {format_number(high)}"
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


def constraint_claims(item: Item, constraints: Iterable[Predicate]) -> list[Claim]:
    """The stated wishes that the item meets and that can be said: it costs 35, under your 40."""
    claims = []
    for wish in constraints:
        value = item.attributes.get(wish.attribute)
        if value is None or not wish.holds(item) or wish.operator == "!=" or not is_sayable(wish.attribute, value):
            continue
        if isinstance(value, tuple):
            value = wish.among(value)
        said = say_attribute(wish.attribute, value)
        if isinstance(wish.value, float | int) and wish.operator in BOUND_WORDS:
            text = f"it {said}, {BOUND_WORDS[wish.operator]} your {format_number(wish.value)}"
        else:
            text = f"it {said}, as you asked"
        claims.append(Claim(kind="constraint", source=wish.attribute, attribute=wish.attribute, value=value, text=text))
    return claims


BOUND_WORDS: Mapping[str, str] = {"<": "under", "<=": "at most", ">": "over", ">=": "at least"}


def candidate_claims(
    item: Item,
    history: Sequence[Item],
    *,
    num_chosen_after: Mapping[str, int] | None = None,
    similar: Iterable[str] = (),
    num_people: int = 0,
    constraints: Iterable[Predicate] = (),
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
    "Why this? It {c}.",
    "{t} could be for you, since it {c}.",
    "We think of you here: it {c}.",
)
_RELATED_OPENINGS = (*_OPENINGS, "This goes with what you chose: it {c}.")  # where the claims speak of that
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
    openings = _RELATED_OPENINGS if related else _OPENINGS
    opening = openings[int(rng.integers(len(openings) if item.title else 1))]
    first = related or facts
    likeness = _LIKENESS[int(rng.integers(len(_LIKENESS)))]
    sentence = opening.format(c=_join([_clause(claim, likeness) for claim in first], rng), t=item.title)
    if not related or not facts:
        return sentence
    following = _FOLLOWING[int(rng.integers(len(_FOLLOWING)))]
    return f"{sentence} {following.format(c=_join([_clause(claim, likeness) for claim in facts], rng))}"


def _clause(claim: Claim, likeness: str) -> str:
    said = claim.text.removeprefix("it ")
    if claim.kind == "history":
        return said.removesuffix(f", like {claim.source_title}") + likeness.format(t=claim.source_title)
    return said


def _join(clauses: Sequence[str], rng: np.random.Generator) -> str:
    link = ("and it ", "and ")[int(rng.integers(2))]
    if len(clauses) == 1:
        return clauses[0]
    comma = ", " if any("," in clause for clause in clauses) or len(clauses) > 2 else " "
    return f"{', '.join(clauses[:-1])}{comma}{link}{clauses[-1]}"
