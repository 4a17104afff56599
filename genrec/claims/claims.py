"""Claims: something true of an item each, and everything that can be claimed of one for a person.

Knows item attributes of any catalog, what an item shares with a history and what it answers of stated wishes.
Deliberately knows no model, no score and no shop: what a claim is worth is decided by its caller, how values are said
by the labels of the catalog, how claims become sentences in template and the line of a card in card, whether a text
says more than its claims in check.

A further kind of claim is a name in ClaimKind with its role, a function that makes it, words included, and its line
in candidate_claims; what it weighs and how telling it is, is decided in explain, and sampling practices it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from genrec.claims.wording import BOUND_WORDS, spoken_name
from genrec.data.filters import Predicate
from genrec.data.labels import Label, Labels, format_number
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
    `attribute` is, or a count of people; of a time that is shared its decade. said: each entry of the value as the text
    has it; is_whole: whether the history item has no further entry, such as a second director. text: "it is red, like
    Oslo Lamp".
    """

    kind: ClaimKind
    source: str
    attribute: str
    value: AttributeValue
    text: str
    source_title: str = ""
    said: tuple[str, ...] = ()
    is_whole: bool = True


def history_claims(item: Item, past: Item, labels: Labels) -> list[Claim]:
    """What an item shares with one item of the history, one claim per attribute."""
    if past.item_id == item.item_id:
        return []
    claims = []
    for name, value in item.attributes.items():
        label, theirs = labels[name], past.attributes.get(name)
        common = _shared(label, value, theirs)
        if common is None or theirs is None or not (label.says(value) and label.says(theirs)):
            continue
        clause, title = clause_of(label, common), spoken_name(past)
        claims.append(
            Claim(
                kind="history",
                source=past.item_id,
                attribute=name,
                value=common,
                text=f"it {clause}, like {title}",
                source_title=title,
                said=(str(common),) if label.is_decade(common) else label.words(common),
                is_whole=not isinstance(theirs, tuple) or common == theirs,
            )
        )
    return claims


def clause_of(label: Label, value: AttributeValue) -> str:
    """What follows "it" in a claim: as the label says it; of a decade: is from the 1990s."""
    return f"is from the {value}" if label.is_decade(value) else label.clause(value)


def _shared(label: Label, mine: AttributeValue, theirs: AttributeValue | None) -> AttributeValue | None:
    if theirs is None or type(mine) is not type(theirs):
        return None
    if label.say == "time":
        decade = label.decade(mine)
        return decade if decade is not None and decade == label.decade(theirs) else None
    if isinstance(mine, tuple) and isinstance(theirs, tuple):
        common = tuple(value for value in mine if value in theirs)[:2]
        return common or None
    return mine if mine == theirs else None


def range_claims(item: Item, history: Sequence[Item], labels: Labels) -> list[Claim]:
    """Numbers of an item that lie in the usual range (10th to 90th percentile) of at least three history items."""
    claims = []
    for name, value in labels.said(item).items():
        found = [past.attributes.get(name) for past in history]
        numbers = [float(v) for v in found if isinstance(v, float | int) and not isinstance(v, bool)]
        if isinstance(value, bool) or not isinstance(value, float | int) or len(numbers) < 3:
            continue
        ordered, last = sorted(numbers), len(numbers) - 1
        low, high = ordered[-(-last // 10)], ordered[9 * last // 10]
        if low < high and low <= float(value) <= high:
            label = labels[name]
            text = f"it {label.clause(value)}, within the {format_number(low)} to {format_number(high)} usual for you"
            claims.append(
                Claim(kind="range", source=name, attribute=name, value=value, text=text, said=label.words(value))
            )
    return claims


def attribute_claims(item: Item, labels: Labels) -> list[Claim]:
    """Facts of the item itself."""
    return [
        Claim(
            kind="attribute",
            source=name,
            attribute=name,
            value=value,
            text=f"it {labels.say(name, value)}",
            said=labels[name].words(value),
        )
        for name, value in labels.said(item).items()
    ]


def neighbor_claim(past: Item, num_people: int) -> Claim:
    """So many people chose the item after this one; the caller counts them in the training events."""
    who = "1 person" if num_people == 1 else f"{num_people} people"
    return Claim(
        kind="neighbor",
        source=past.item_id,
        attribute=CO_CHOSEN,
        value=float(num_people),
        said=(str(num_people),),
        text=f"it was chosen by {who} after {spoken_name(past)}",
        source_title=spoken_name(past),
    )


def similar_claim(item: Item, past: Item) -> Claim:
    """The item is close to this one; the caller knows that it is among the nearest.

    What has no content is close by the company it is chosen in.
    """
    seen = " in looks and words" if item.image is not None and past.image is not None else ""
    seen = seen if item.has_content and past.has_content else " in what people choose it with"
    return Claim(
        kind="neighbor",
        source=past.item_id,
        attribute=SIMILAR,
        value="close",
        said=("close",),
        text=f"it is close to {spoken_name(past)}{seen}",
        source_title=spoken_name(past),
    )


def popularity_claim(num_people: int) -> Claim:
    """So many people chose the item at all."""
    who = "1 person" if num_people == 1 else f"{num_people} people"
    text = f"it was chosen by {who}"
    return Claim(
        kind="attribute",
        source=POPULARITY,
        attribute=POPULARITY,
        value=float(num_people),
        text=text,
        said=(str(num_people),),
    )


def constraint_claims(item: Item, constraints: Iterable[Predicate], labels: Labels) -> list[Claim]:
    """The stated wishes that the item meets and that can be said: it costs 35, under your 40."""
    claims = []
    for wish in constraints:
        value, label = item.attributes.get(wish.attribute), labels[wish.attribute]
        if value is None or not wish.holds(item) or wish.operator == "!=" or not label.says(value):
            continue
        if isinstance(value, tuple):
            value = wish.among(value)
        if isinstance(wish.value, float | int) and wish.operator in BOUND_WORDS:
            answer = f"{BOUND_WORDS[wish.operator]} your {format_number(wish.value)}"
        else:
            answer = "as you asked"
        claims.append(
            Claim(
                kind="constraint",
                source=wish.attribute,
                attribute=wish.attribute,
                value=value,
                text=f"it {label.clause(value)}, {answer}",
                said=label.words(value),
            )
        )
    return claims


def candidate_claims(
    item: Item,
    history: Sequence[Item],
    labels: Labels,
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
    claims = constraint_claims(item, constraints, labels)
    for entry in past.values():
        claims += history_claims(item, entry, labels)
    counts = num_chosen_after or {}
    claims += [neighbor_claim(past[i], n) for i, n in counts.items() if n > 0 and i in past]
    claims += [similar_claim(item, past[i]) for i in similar if i in past]
    claims += range_claims(item, history, labels)
    claims += attribute_claims(item, labels)
    if num_people > 0:
        claims.append(popularity_claim(num_people))
    return claims
