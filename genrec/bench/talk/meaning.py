"""Meanings of scripted messages, known before any reader: wishes over the made shop, and the slots they fill.

Knows the shop's attributes and how a script writes wishes down; deliberately knows nothing of how messages are read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from genrec.data.filters import Predicate
from genrec.shop.vocabulary import Attributes, satisfies

Wish = str | float | tuple[str, ...]
Wishes = Mapping[str, Wish]
Slot = tuple[str, str | float | frozenset[str]]

AROUND_PRICE, PRICE_LEVEL = "around_price", "price_level"
AROUND_SHARE = 0.25  # "around 40" is met by what costs a quarter less or more
PRICE_SLACK = 0.02  # bounds this near are equal: under 40 and at most 39.99


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedTurn:
    """One message and what it means. wishes: all in force after it; about: ids of the items it speaks of; photo: the
    item whose picture comes with it."""

    say: str
    intent: str = "recommend"
    wishes: Wishes
    about: tuple[str, ...] = ()
    photo: str | None = None


def meets(look: Attributes, wishes: Wishes, looks: Sequence[Attributes]) -> bool:
    """Whether an item meets all wishes; looks: all items, for what counts as cheap among them."""
    return all(_meets_one(look, name, wish, wishes, looks) for name, wish in wishes.items())


def _meets_one(look: Attributes, name: str, wish: Wish, wishes: Wishes, looks: Sequence[Attributes]) -> bool:
    if isinstance(wish, tuple):
        found = [satisfies(look, {name: value}) for value in wish]
        return all(found) if name.startswith("not_") else any(found)
    if name == AROUND_PRICE:
        return abs(float(look["price"]) - float(wish)) <= AROUND_SHARE * float(wish)
    if name == PRICE_LEVEL:
        others = {other: value for other, value in wishes.items() if other != PRICE_LEVEL}
        middle = _middle_price(others, looks)
        return float(look["price"]) <= middle if wish == "low" else float(look["price"]) >= middle
    return satisfies(look, {name: wish})


def _middle_price(wishes: Wishes, looks: Sequence[Attributes]) -> float:
    fitting = [float(look["price"]) for look in looks if meets(look, wishes, looks)]
    return float(np.median(fitting)) if fitting else 0.0


def wanted_slots(turn: ScriptedTurn) -> list[Slot]:
    """The slots of a message: its intent, what it speaks of, and every wish in force."""
    slots: list[Slot] = [("intent", turn.intent), *(("about", item_id) for item_id in turn.about)]
    for name, wish in turn.wishes.items():
        if isinstance(wish, tuple):
            slots += [(name, value) for value in wish] if name.startswith("not_") else [(name, frozenset(wish))]
        else:
            slots.append((name, wish))
    return slots


def understood_slots(intent: str, about: Iterable[str], wishes: Iterable[Predicate]) -> list[Slot]:
    """The same of what a reader understood."""
    slots: list[Slot] = [("intent", intent), *(("about", item_id) for item_id in dict.fromkeys(about))]
    for wish in wishes:
        if isinstance(wish.value, float | int):
            name = {"<": "max_", "<=": "max_", ">": "min_", ">=": "min_"}.get(wish.operator, "")
            slots.append((f"{name}{wish.attribute}", float(wish.value)))
        elif wish.operator == "!=":
            values = wish.value if isinstance(wish.value, tuple) else (wish.value,)
            slots += [(f"not_{wish.attribute}", value) for value in values]
        else:
            slots.append((wish.attribute, frozenset(wish.value) if isinstance(wish.value, tuple) else wish.value))
    return slots


def count_matches(wanted: Sequence[Slot], understood: Sequence[Slot], middle_price: float) -> tuple[int, int]:
    """How many wanted slots were understood, and how many understood ones that took.

    "Around 40" takes a bound on each side of it, "cheap" one upper bound in the lower half of the prices.
    """
    left, hits, used = list(understood), 0, 0
    for name, value in wanted:
        taken = _takers(name, value, left, middle_price)
        for slot in taken:
            left.remove(slot)
        hits, used = hits + bool(taken), used + len(taken)
    return hits, used


def _takers(name: str, value: str | float | frozenset[str], left: Sequence[Slot], middle_price: float) -> list[Slot]:
    bounds = {slot[0]: slot for slot in left if isinstance(slot[1], float)}
    low, high = bounds.get("min_price"), bounds.get("max_price")
    if name == AROUND_PRICE:
        middle = float(value)  # type: ignore[arg-type]
        if low is None or high is None:
            return []
        is_near = 0.7 * middle <= float(low[1]) <= middle <= float(high[1]) <= 1.3 * middle  # type: ignore[arg-type]
        return [low, high] if is_near else []
    if name == PRICE_LEVEL:
        bound = high if value == "low" else low
        if bound is None:
            return []
        is_right = (float(bound[1]) <= middle_price) == (value == "low")  # type: ignore[arg-type]
        return [bound] if is_right else []
    return next(([slot] for slot in left if slot[0] == name and _equal(slot[1], value)), [])


def _equal(first: str | float | frozenset[str], second: str | float | frozenset[str]) -> bool:
    if isinstance(first, float | int) and isinstance(second, float | int):
        return abs(first - second) <= PRICE_SLACK
    return first == second


def middle_price(turn: ScriptedTurn, looks: Sequence[Attributes]) -> float:
    """The middle price of what meets the wishes of a message, its own price level left out."""
    return _middle_price({name: wish for name, wish in turn.wishes.items() if name != PRICE_LEVEL}, looks)
