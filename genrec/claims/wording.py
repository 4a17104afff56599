"""Wording of values, numbers and attributes: how they are said, which can be said, and the words of a text.

Knows English forms for the attributes that catalogs commonly have, and one for all others; deliberately knows no claim
and no person.
"""

import re
from collections.abc import Mapping
from functools import cache

import numpy as np

from genrec.data.filters import Operator
from genrec.schema import AttributeValue, Item

Words = tuple[str, ...]

MAX_VALUE_LENGTH = 40
_IDENTIFIER = re.compile(r"(^|_)(id|ids|no|code|sku|asin|isbn|url|link|path|image)$", re.IGNORECASE)
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
