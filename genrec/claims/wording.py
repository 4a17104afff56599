"""Wording of values, numbers and attributes: how they are said, which can be said, and the words of a text.

Knows English forms for the attributes that catalogs commonly have, and one for all others; deliberately knows no claim
and no person.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from babel.numbers import format_currency

from genrec.data.filters import Operator
from genrec.offers import Offer, Variant
from genrec.schema import AttributeValue, Item

Words = tuple[str, ...]

MAX_VALUE_LENGTH = 40
_IDENTIFIER = re.compile(r"(^|_)(id|ids|no|code|sku|asin|isbn|url|link|path|image)$", re.IGNORECASE)
_LETTER_AND_DIGIT = re.compile(r"(?<=[A-Z])\s?(?=\d)")
_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*|[.!?]")

BOUND_WORDS: Mapping[Operator, str] = {"<": "under", "<=": "at most", ">": "over", ">=": "at least"}
# How an attribute reads after "it"; {v} the value, {a} its article. Names are compared in lower case, singular.
_ATTRIBUTE_FORMS: Mapping[str, str] = {
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


def words_of(text: str) -> Words:
    """The words and numbers of a text, in lower case, without punctuation."""
    return tuple(word.casefold() for word in _WORD.findall(text.replace("’", "'")) if word not in ".!?")


def format_number(value: float) -> str:
    """A number as people write it: 35, 34.5, 0.034."""
    if float(value).is_integer():
        return str(int(value))
    return f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) >= 1 else f"{value:.3g}"


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
    form = _ATTRIBUTE_FORMS.get(name.lower(), "has the {n} {v}") if not isinstance(value, tuple) else "has the {n} {v}"
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
