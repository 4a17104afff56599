"""Turns the cells of rows into identifiers, words, numbers, times and attributes.

Types are decided per column, not per cell; numbers that name rather than count (0108775, columns called …_no, …_code,
…_id) stay text. Knows nothing of files.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime

from genrec.data.readers.reading import clean_attributes
from genrec.schema import AttributeValue

_NUMBER = re.compile(r"[$€£]?\s?[+-]?(?:0|[1-9]\d*|[1-9]\d{0,2}(?:,\d{3})+|(?=\.\d))(?:\.\d+)?(?:[eE][+-]?\d+)?")
_CODE_NAME = re.compile(r"(?:^|[_ .-])(?:id|ids|no|code|number|isbn|ean|gtin)$|Id$|ID$")  # numbers that name, not count
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")  # which JSON can spell, and no file can hold
_TRUTHS = {"true": True, "false": False}
_MAX_DEPTH = 32  # of JSON
_MILLISECONDS_FROM = 10**11  # Unix times from here on are milliseconds: as seconds they lie beyond the year 5000
_UNITS = ((10**17, 10**9), (10**14, 10**6), (_MILLISECONDS_FROM, 10**3))  # nano-, micro-, milliseconds


def identifier(value: object) -> str:
    """An id as text: 12 and 12.0 are '12', None and NaN are ''; half a character becomes U+FFFD."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip()
    return text if text.isascii() else _HALF_CHARACTER.sub("\ufffd", text)


def words(value: object) -> str:
    """Text on one line; lists are joined, None is ''."""
    if isinstance(value, list | tuple):
        return " ".join(filter(None, map(words, value)))
    return " ".join(identifier(value).split())


def number(value: object) -> float | None:
    """A finite number, or None. Currency signs and thousands commas are allowed in text: '$1,299.00'."""
    if isinstance(value, str):
        value = value.strip().lstrip("$€£ ").replace(",", "")
    try:
        found = float(value)  # type: ignore[arg-type]  # whatever it is, float decides
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def unix_seconds(value: object) -> float | None:
    """A time as Unix seconds, UTC, or None.

    Takes numbers (milli-, micro- and nanoseconds are told by their size), ISO dates and times (without a zone: UTC),
    and date and datetime values.
    """
    found = number(value) if not isinstance(value, bool) else None
    if found is not None:
        return found / next((unit for start, unit in _UNITS if abs(found) >= start), 1)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
    return None


def attribute_columns(rows: Sequence[Mapping[str, object]]) -> list[dict[str, AttributeValue]]:
    """The attributes of every row, one type per column: truth, number, list of texts (a list, or a|b) or text.

    Objects are flattened once: {"details": {"brand": "x"}} becomes details.brand, except for attributes itself.
    """
    flat = [dict(_flatten(row)) for row in rows]
    names = dict.fromkeys(name for row in flat for name in row)
    kinds = {name: _column_kind(name, [row[name] for row in flat if name in row]) for name in names}
    return [clean_attributes({name: _convert(value, kinds[name]) for name, value in row.items()}) for row in flat]


def _json_object(cell: object) -> object:
    """What a cell of JSON text holds, as our own catalogs store attributes; other cells as they are."""
    if not isinstance(cell, str) or not cell.lstrip().startswith("{"):
        return cell
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        return cell
    return cell if is_too_deep(found) else found


def is_too_deep(value: object) -> bool:
    """Whether lists and mappings lie in each other deeper than any table has them."""
    layer = [value]
    for _ in range(_MAX_DEPTH):
        inner = [entry for entry in layer if isinstance(entry, list | tuple | Mapping)]
        if not inner:
            return False
        layer = [deep for entry in inner for deep in (entry.values() if isinstance(entry, Mapping) else entry)]
    return True


def _flatten(row: Mapping[str, object]) -> Iterable[tuple[str, object]]:
    for name, cell in row.items():
        value = _json_object(cell) if name == "attributes" else cell
        if isinstance(value, Mapping):
            prefix = "" if name == "attributes" else f"{name}."
            yield from ((f"{prefix}{inner}", content) for inner, content in value.items())
        elif not _is_missing(value):
            yield name, value


def _is_missing(value: object) -> bool:
    return value is None or value == "" or value == [] or (isinstance(value, float) and not math.isfinite(value))


def _column_kind(name: str, values: Sequence[object]) -> str:
    present = [value for value in values if not _is_missing(value)]
    if any(isinstance(value, list | tuple) or (isinstance(value, str) and "|" in value) for value in present):
        return "list"
    if all(
        isinstance(value, bool) or (isinstance(value, str) and value.strip().lower() in _TRUTHS) for value in present
    ):
        return "truth"
    is_number = not _CODE_NAME.search(name) and all(_is_plain_number(value) for value in present)
    return "number" if is_number else "text"


def _is_plain_number(value: object) -> bool:
    if isinstance(value, str):
        return _NUMBER.fullmatch(value.strip()) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def _convert(value: object, kind: str) -> AttributeValue | None:
    if _is_missing(value):
        return None
    if kind == "list":
        parts = value if isinstance(value, list | tuple) else str(value).split("|")
        return tuple(filter(None, (_text(part) for part in parts)))
    if kind == "truth":
        return value if isinstance(value, bool) else _TRUTHS[str(value).strip().lower()]
    return number(value) if kind == "number" else _text(value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, bytes):
        return ""
    return words(value)
