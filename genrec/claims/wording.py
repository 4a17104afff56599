"""Wording of values, prices and titles, and the words of a text.

How attributes are spoken is said by the labels of the catalog (`genrec.data.labels`); deliberately knows no claim and
no person.
"""

import re
from collections.abc import Mapping, Sequence

from babel.numbers import format_currency

from genrec.data.filters import Operator
from genrec.data.labels import enumerated, format_number
from genrec.offers import Offer, Variant
from genrec.schema import AttributeValue, Item

Words = tuple[str, ...]

_LETTER_AND_DIGIT = re.compile(r"(?<=[A-Z])\s?(?=\d)")
_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*|[.!?]")

BOUND_WORDS: Mapping[Operator, str] = {"<": "under", "<=": "at most", ">": "over", ">=": "at least"}
_ARTICLE_AT_END = re.compile(r"^(.+), (The|A|An|Der|Die|Das|Le|La|Les|L'|Il|El|Los)(?= \(|$)")


def words_of(text: str) -> Words:
    """The words and numbers of a text, in lower case, without punctuation."""
    return tuple(word.casefold() for word in _WORD.findall(text.replace("’", "'")) if word not in ".!?")


def spoken_title(title: str) -> str:
    """A title with its article in front, where lists put it last: The Usual Suspects (1995)."""
    return _ARTICLE_AT_END.sub(lambda match: f"{match[2]}{'' if match[2][-1] == chr(39) else ' '}{match[1]}", title)


def spoken_name(item: Item) -> str:
    """What an item is called in a sentence: its title, else that it is the item of its id."""
    return spoken_title(item.title) if item.title else f"item {item.item_id}"


def format_price(price: float, currency: str | None = None, upper: float | None = None) -> str:
    """A price, or a range of them, with its currency as English writes it: 35, €34.50, CHF 12.00–30.00."""
    said = [format_number(price) if currency is None else _with_currency(price, currency)]
    if upper is not None and upper > price:
        said.append(format_number(upper) if currency is None else _with_currency(upper, currency))
    return "–".join(said)


def _with_currency(amount: float, currency: str) -> str:
    return _LETTER_AND_DIGIT.sub(" ", format_currency(amount, currency, locale="en"))  # CHF 12.00


def say_sale(item: Item, price: float | None) -> str:
    """The price and whether the item is sold out, in words: €34.50, sold out; empty where nothing is known."""
    offer = item.offer or Offer()
    said = [] if price is None else [format_price(price, offer.currency, offer.price_upper)]
    ahead = {"preorder": "pre-order", "backorder": "back-order"}.get(offer.availability or "")
    if not item.available:
        said.append("removed" if item.removed else "sold out")
    return ", ".join([*said, ahead] if ahead is not None else said)


def say_variants(variants: Sequence[Variant]) -> str:
    """What there is to choose among variants: size S, M, L; color red, blue. Sold-out ones are left out."""
    values: dict[str, list[str]] = {}
    for variant in variants:
        if variant.available:
            for name, value in variant.attributes.items():
                values.setdefault(name, []).append(value)
    return "; ".join(f"{name} {', '.join(dict.fromkeys(found))}" for name, found in values.items())


def say_value(value: AttributeValue) -> str:
    """A value in words: red, 34.5, Comedy and Drama."""
    if isinstance(value, tuple):
        return enumerated(value)
    return value if isinstance(value, str) else format_number(float(value))
