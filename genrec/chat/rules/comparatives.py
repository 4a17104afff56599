"""Numbers that are not said: cheaper, newer, a bit dearer, cheap, "make that 60".

Knows what was shown and wished before, against which such words measure; numbers that are said are read in numbers.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from genrec.chat.constraints import meeting, number_of, numbers_of
from genrec.chat.lexicon import Lexicon
from genrec.chat.rules import phrases
from genrec.chat.rules.numbers import NumbersRead
from genrec.chat.session import Session
from genrec.data.filters import Operator, Predicate
from genrec.schema import Item

_CHEAP_SHARE = 1 / 3  # "cheap" is the lower third of what fits
_LIST_LENGTH = 5  # "cheaper" is cheaper than all that was shown when that leaves so many, else than the first
_BOUNDS: tuple[Operator, ...] = ("<=", "<", ">=", ">")


def read_changed_bound(text: str, session: Session, lexicon: Lexicon) -> NumbersRead:
    """For "make that 60": the bound of the price that stands, else the most that it may be."""
    match, price = phrases.MAKE_IT.search(text), lexicon.price
    if match is None or price is None:
        return NumbersRead((), text)
    standing = {wish.operator for wish in session.constraints if wish.attribute == price}
    operator = next((bound for bound in _BOUNDS if bound in standing), _BOUNDS[0])
    wish = Predicate(attribute=price, operator=operator, value=float(match[1]))
    return NumbersRead((wish,), text[: match.start()] + " " * len(match.group()) + text[match.end() :])


def read_comparatives(
    text: str,
    said: str,
    session: Session,
    lexicon: Lexicon,
    is_named: bool,
    focus: Sequence[Item],
    wishes: Sequence[Predicate],
) -> NumbersRead:
    """Cheaper and newer, as bounds by what was shown; bigger, which no catalog here tells, is admitted.

    text: what is left of the message said; focus: the items that it speaks of, by name if is_named; wishes: of this
    message, in which a number that is said counts more.
    """
    kinds = (
        (lexicon.price, phrases.CHEAPER, phrases.DEARER, ("cheaper", "more expensive")),
        (lexicon.year, phrases.OLDER, phrases.NEWER, ("older", "newer")),
    )
    found: list[Predicate] = []
    homeless: list[str] = []
    for attribute, less, more, words in kinds:
        is_less, text = _taken(less, text)
        is_more, text = _taken(more, text)
        if (not is_less and not is_more) or any(wish.attribute == attribute for wish in wishes):
            continue
        word = words[0] if is_less else words[1]
        shown = [] if is_named else [lexicon.catalog[item_id] for item_id in session.shown]
        bounds = [] if attribute is None else _beyond(attribute, "<" if is_less else ">", shown, focus)
        if bounds:
            is_slight, text = _taken(phrases.SLIGHTLY, text)
            found.append(bounds[-1] if is_slight or not _leaves_a_list(bounds[0], session, lexicon) else bounds[0])
        elif attribute is not None and attribute == lexicon.price:
            text += " cheap" if is_less else " expensive"
        elif attribute is not None or word in said:  # "my flat is too modern for that" asks for no other year
            homeless.append(word)
    homeless += [match.group() for match in phrases.SIZES.finditer(text)]
    dropped = tuple(bound.attribute for bound in found)
    return NumbersRead(tuple(found), _taken(phrases.SIZES, text)[1], tuple(homeless), dropped)


def _taken(pattern: re.Pattern[str], text: str) -> tuple[bool, str]:
    """Whether it is said, and the text without it."""
    rest, count = pattern.subn(lambda match: " " * len(match.group()), text)
    return count > 0, rest


def _beyond(
    attribute: str, operator: Literal["<", ">"], shown: Sequence[Item], focus: Sequence[Item]
) -> list[Predicate]:
    """Beyond everything shown, and beyond the item that is named or comes first; none without numbers."""
    farthest = min if operator == "<" else max
    values = [farthest(numbers) for numbers in (_numbers(shown, attribute), _numbers(focus, attribute)) if numbers]
    return [Predicate(attribute=attribute, operator=operator, value=value) for value in values]


def _leaves_a_list(bound: Predicate, session: Session, lexicon: Lexicon) -> bool:
    """Whether a few new items meet the bound and the other wishes."""
    wishes = [bound, *(wish for wish in session.constraints if wish.attribute != bound.attribute)]
    known = {*session.seen, *session.history, *session.disliked}
    catalog = lexicon.catalog
    fitting_N = meeting(wishes, catalog)
    fitting_N[catalog.rows(item_id for item_id in known if item_id in catalog)] = False
    return int(fitting_N.sum()) >= _LIST_LENGTH


def read_price_levels(
    text: str, standing: Sequence[Predicate], wishes: Sequence[Predicate], lexicon: Lexicon
) -> NumbersRead:
    """Cheap and expensive, as thirds of what meets the standing wishes over other attributes.

    wishes: of this message; where they bound the price already, nothing is added.
    """
    price = lexicon.price
    is_cheap, rest = _taken(phrases.CHEAP, text)
    is_dear, rest = _taken(phrases.DEAR, rest)
    if price is None or is_cheap == is_dear or any(wish.attribute == price for wish in wishes):
        return NumbersRead((), rest)
    fitting_N = meeting([wish for wish in standing if wish.attribute != price], lexicon.catalog)
    numbers_N = numbers_of(price, lexicon.catalog)
    numbers = numbers_N[fitting_N & ~np.isnan(numbers_N)] if fitting_N.any() else numbers_N[~np.isnan(numbers_N)]
    if not len(numbers):
        return NumbersRead((), rest)
    border = float(np.quantile(numbers, _CHEAP_SHARE if is_cheap else 1 - _CHEAP_SHARE, method="nearest"))
    return NumbersRead((Predicate(attribute=price, operator="<=" if is_cheap else ">=", value=border),), rest)


def _numbers(items: Iterable[Item], attribute: str) -> list[float]:
    return [number for item in items if (number := number_of(item, attribute)) is not None]
