"""Ratings as people write them: ★★★★½, 4/5, 4 out of 5, A-; as numbers on the column's largest scale.

Knows signs of ratings; deliberately knows nothing of events.
"""

import re
from collections.abc import Sequence

from genrec.data.values.columns import Column, distinct_texts, is_absent
from genrec.data.values.lists import as_text

_FULL, _EMPTY, _HALF = "★⭐✭✮🌟●♥❤", "☆✩○♡", "½⯨⯪"
_STARS = re.compile(rf"[{_FULL}{_EMPTY}{_HALF}\ufe0f\s]+")
_OF = re.compile(r"(\d+(?:[.,]\d+)?)\s*(?:/|out of|of|von|sur|de|su|van|из)\s*(\d+)(?:\s*\S{1,12})?", re.IGNORECASE)
_GRADE = re.compile(r"([A-F])([+-]?)")
_POINTS = {"A": 4.0, "B": 3.0, "C": 2.0, "D": 1.0, "E": 0.0, "F": 0.0}
_STEP = {"+": 0.3, "-": -0.3, "": 0.0}


def are_grades(values: Sequence[str]) -> bool:
    """Whether most of some different cells are ratings that are no mere numbers."""
    filled = [value.strip() for value in values if value.strip() and not is_absent(value)]
    read = [_read(value) for value in filled]
    are_letters = bool(filled) and all(_GRADE.fullmatch(value) for value in filled) and len(filled) > 1
    if len(set(filled)) < 2:
        return False
    return are_letters or 2 * sum(found is not None for found in read) > len(filled) > 0


def grades(column: Column) -> Column:
    """A column of ratings with numbers in place of signs and of shares of a scale; any other as it is."""
    found, texts = distinct_texts(column, as_text)
    texts = [text.strip() for text in texts]
    if not are_grades(texts):
        return column
    if all(_GRADE.fullmatch(text) for text in texts if text and not is_absent(text)):
        numbers = [_points(text) if _GRADE.fullmatch(text) else text for text in texts]
        return found.spread_objects(numbers, "")
    read = [_read(text) for text in texts]
    scale = max((of for one in read if one is not None and (of := one[1]) is not None), default=None)
    numbers = []
    for text, one in zip(texts, read, strict=True):
        factor = 1.0 if one is None or one[1] is None or scale is None else scale / one[1]
        numbers.append(text if one is None else f"{one[0] * factor:g}")
    return found.spread_objects(numbers, "")


def _points(text: str) -> str:
    letter, sign = text[0], text[1:]
    return f"{_POINTS[letter] + _STEP[sign]:g}"


def _read(text: str) -> tuple[float, float | None] | None:
    """A rating and the most that its writing shows, None where it shows none; None for what is no such rating."""
    if _STARS.fullmatch(text) and any(sign in text for sign in _FULL + _EMPTY):
        full, half = sum(map(text.count, _FULL)), sum(map(text.count, _HALF))
        empty = sum(map(text.count, _EMPTY))
        return full + 0.5 * half, float(full + half + empty) if empty else None
    match = _OF.fullmatch(text)
    if match is None or not float(match[2]):
        return None
    value, scale = float(match[1].replace(",", ".")), float(match[2])
    return (value, scale) if value <= scale else None
