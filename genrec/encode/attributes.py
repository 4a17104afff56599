"""Attributes of items (categories, brands, people, prices) as one vector each.

Every value becomes a feature by hashing (Weinberger et al., ICML 2009, arXiv 0902.2206), so there is no vocabulary to
keep, and an item that comes later is known like all others. Knows the types of attribute values; deliberately knows
nothing of what they mean.

Axis legend: N items, D features.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from genrec.schema import AttributeValue, Embeddings, Item, format_attribute

NUM_FEATURES = 512
_DIGITS = (1, 2, 3)  # significant ones that a number keeps: 37.5 is of the thirties, of 37, and 37.5


def encode_attributes(items: Sequence[Item]) -> Embeddings | None:
    """Hashed attribute values, float32 (N, NUM_FEATURES), unit rows, zero where absent; None if no item has any.

    Several values of one attribute count one by one, whatever their case. A number shares a feature with those that
    begin with the same one, two or three significant digits.
    """
    from sklearn.feature_extraction import FeatureHasher  # takes a second, and a built workspace needs it rarely
    from sklearn.preprocessing import normalize

    features = [
        [
            (feature.encode("utf-8", "surrogatepass"), weight)
            for name, value in item.attributes.items()
            for feature, weight in _weighed(name, value)
        ]
        for item in items
    ]
    if not any(features):
        return None
    sparse_ND = normalize(FeatureHasher(NUM_FEATURES, input_type="pair").transform(features))
    vectors_ND = sparse_ND.astype(np.float32).toarray()
    return Embeddings(name="attributes", vectors=vectors_ND, present=vectors_ND.any(axis=1))


def _weighed(name: str, value: AttributeValue) -> Iterator[tuple[str, float]]:
    """The features of one attribute and their weights; a number's weigh as much together as a word's alone."""
    if isinstance(value, tuple):
        yield from ((f"{name}={part.casefold()}", 1.0) for part in value)
    elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        digits, exponent = f"{value:.8e}".replace(".", "").split("e")
        for num_kept in _DIGITS:
            yield f"{name}={digits[: num_kept + (value < 0)]}e{exponent}", len(_DIGITS) ** -0.5
    else:
        yield f"{name}={format_attribute(value).casefold()}", 1.0
