"""Claims: something true of an item each, and everything that can be claimed of one for a person.

Knows item attributes of any catalog, what an item shares with a history and what it answers of stated wishes.
Deliberately knows no model, no score and no shop: what a claim is worth is decided by its caller, how values are said
in wording, how claims become sentences in template, whether a text says more than its claims in check.

A further kind of claim is a name in ClaimKind with its role, a function that makes it, words included, and its line
in candidate_claims; what it weighs and how telling it is, is decided in explain, and sampling practices it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from genrec.claims.wording import BOUND_WORDS, format_number, is_sayable, say_attribute, say_value, sayable_attributes
from genrec.data.filters import Predicate
from genrec.schema import AttributeValue, Item

ClaimKind = Literal["history", "range", "attribute", "neighbor", "constraint"]
ClaimRole = Literal["answer", "relation", "fact"]  # to a stated wish, to the history, of the item alone
ROLES: Mapping[ClaimKind, ClaimRole] = {
    "constraint": "answer",
    "history": "relation",
    "neighbor": "relation",
    "range": "relation",
    "attribute": "fact",
}

CO_CHOSEN, SIMILAR, POPULARITY = "co-chosen", "similar", "popularity"  # attributes of claims that no catalog states


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
