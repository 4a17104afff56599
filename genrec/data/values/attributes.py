"""Columns of attributes: which type a column has, its values, and whether it says anything.

One type a column: truth, number, list of texts, or text. Numbers that name rather than count (0108775, columns called
…_no, …_code, …_id) stay text. Knows no items.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from genrec.data.values.columns import (
    NO_ODD,
    Column,
    Distinct,
    Odd,
    distinct_texts,
    is_absent,
    is_missing,
    plain,
)
from genrec.data.values.lists import Separator, as_text, parse_literal, separator_of, split
from genrec.data.values.markup import is_code
from genrec.data.values.numbers import Floats, Numbers, numbers, says_number
from genrec.data.values.texts import texts
from genrec.data.values.times import says_time
from genrec.schema import AttributeValue

Kind: TypeAlias = Literal["number", "list", "text", "truth"]

# Numbers that name, not count.
_CODE_NAME = re.compile(
    r"(?:^|[_ .-])(?:id|ids|no|nr|code|codes|number|isbn|isbn10|isbn13|ean|gtin|upc|asin|sku|mpn|zip|postal|plz|phone|"
    r"postcode|barcode|(?:user|item|visitor|product|movie|customer|session|order|article|transaction|book|category|"
    r"parent|variant|song|track|artist|album|imdb|tmdb)id|hs_?code|artikelnummer|model)$|Id$|ID$|IDs$|Code$|isbn|[a-z]nummer$",
)
_TRUTH_NAME = re.compile(
    r"^(?:is|has|are|can|was|with|allow|allows|accepts?|offers?)(?:[_ .-]|(?=[A-Z]))|(?:^|[^a-z])(?:in_?stock|"
    r"available|availability|active|aktiv|published|veröffentlicht|enabled|visible|featured|open|sale|verified|free|new|taxable|"
    r"adult|explicit|deleted|verfügbar|vegan|organic|bio)\??$"
)
_TRUTHS = {
    **dict.fromkeys(("true", "yes", "ja", "oui", "sí", "si", "sì", "wahr", "vrai", "verdadero", "sim", "tak"), True),
    **dict.fromkeys(("false", "no", "nein", "non", "falsch", "faux", "falso", "não", "nie", "nej", "nee"), False),
}
_AVAILABLE = {
    **dict.fromkeys(("in stock", "in_stock", "instock", "available", "auf lager", "verfügbar", "en stock"), True),
    **dict.fromkeys(("out of stock", "out_of_stock", "outofstock", "sold out", "unavailable", "ausverkauft"), False),
}
_SHORT_TRUTHS = (
    _AVAILABLE
    | {"y": True, "t": True, "1": True, "1.0": True, "j": True}
    | {
        "n": False,
        "f": False,
        "0": False,
        "0.0": False,
    }
)
_UNIT_KEYS = ("currency", "currencycode", "pricecurrency", "unit", "unitcode", "uom")
_PAIR = re.compile(r"([^\W\d][\w .()/-]{0,38}?)\s*[=:]\s*(\S(?:.{0,119})?)")
_LEADING_ZERO = re.compile(r"[+-]?0\d+")
_LONG_DIGITS = re.compile(r"\d{11,}")  # EAN, UPC, ISBN-13
_ADDRESS = re.compile(r"(?:https?:)?//\S+|www\.\S+|data:\S+", re.I)
_LINKED = re.compile(r"^\{.*\"https?://", re.S)  # an object with addresses
_HASH = re.compile(r"(?:[0-9a-f]{16,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Za-z0-9+/_-]{32,}={0,2})", re.I)
_MANY_ROWS = 20
_MOST = 0.8
_LONG_CHARS = 100
_ODD_TRUTHS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """A column of attributes.

    values: N values of the kind, None where missing or odd. useless: why it says nothing of items; None where it does.
    """

    kind: Kind
    values: list[AttributeValue | None]
    odd: Odd = NO_ODD
    notes: tuple[str, ...] = ()
    unit: str | None = None
    currency: str | None = None
    useless: str | None = None
    upper: list[float | None] | None = field(default=None)  # of ranges


def attribute(name: str, column: Column) -> Attribute:
    """A column with the type that its name and cells call for."""
    column = plain(column)
    found, written = distinct_texts(column, as_text)
    if all(is_absent(text) for text in written):
        return Attribute(kind="text", values=[None] * len(found.codes_N), useless="it is empty")
    useless = _useless(found, written)
    if _are_truths(name, found, written):
        return _truths(found, written, useless)
    separator = separator_of(found.values, written, found.counts_V.tolist(), name)
    if separator != "list" and not _names(name, found, written):
        read = numbers(column, name=name)
        if read.is_number:
            return _numbers(read, useless)
    return _texts(column, useless) if separator is None else _lists(found, written, separator)


def coerce(name: str, column: Column, kind: Kind, unit: str | None = None) -> Attribute:
    """A column read as a known type; what does not fit is odd. unit: what numbers are converted to, None: as written.

    name: of the column, which lists are read by.
    """
    column = plain(column)
    found, written = distinct_texts(column, as_text)
    if all(is_absent(text) for text in written):
        return Attribute(kind=kind, values=[None] * len(found.codes_N), useless="it is empty")
    useless = None
    if kind == "truth":
        return _truths(found, written, useless)
    if kind == "number":
        return _numbers(numbers(column, name=name, unit=unit), useless)
    if kind == "list":
        separator = separator_of(found.values, written, found.counts_V.tolist(), name)
        return _lists(found, written, separator)
    return _texts(column, useless)


def truths(column: Column) -> Attribute:
    """A column of yes and no, 1 and 0, as truths."""
    found, written = distinct_texts(plain(column), as_text)
    return _truths(found, written, None)


def _are_truths(name: str, found: Distinct, written: Sequence[str]) -> bool:
    known = {**_TRUTHS, **_SHORT_TRUTHS} if _TRUTH_NAME.search(name) or _TRUTH_NAME.search(name.lower()) else _TRUTHS
    present = [
        (text.strip().lower() in known and not isinstance(value, list | tuple | Mapping), count)
        for value, text, count in zip(found.values, written, found.counts_V.tolist(), strict=True)
        if not is_absent(text)
    ]
    num_odd = sum(count for fits, count in present if not fits)
    return bool(present) and num_odd <= _ODD_TRUTHS * sum(count for _, count in present)


def _truths(found: Distinct, written: Sequence[str], useless: str | None) -> Attribute:
    known = {**_TRUTHS, **_SHORT_TRUTHS}
    values = [known.get(text.strip().lower()) for text in written]
    odd_V = [value is None and not is_absent(text) for value, text in zip(values, written, strict=True)]
    return Attribute(kind="truth", values=found.spread_objects(values, None), odd=found.odd(odd_V), useless=useless)


def _names(name: str, found: Distinct, written: Sequence[str]) -> bool:
    """Whether the numbers of a column name things: by its name, by leading zeros, or as long as article numbers."""
    if _CODE_NAME.search(name) and not re.search(r"(?:num|count|number)_?of|^num", name.lower()):
        return True
    if any(isinstance(value, str) and _LEADING_ZERO.fullmatch(value.strip()) for value in found.values):
        return True
    long = sum(_LONG_DIGITS.fullmatch(text) is not None for text in written)
    return long >= _MOST * len(written) and not says_number(name) and not says_time(name)


def _numbers(read: Numbers, useless: str | None) -> Attribute:
    values: list[AttributeValue | None] = _or_none(read.values)
    upper = None if read.upper is None else _or_none(read.upper)
    return Attribute(
        kind="number",
        values=values,
        odd=read.odd,
        notes=read.notes,
        unit=read.unit,
        currency=read.currency,
        useless=useless,
        upper=upper,
    )


def _or_none(values: Floats) -> list[Any]:  # Any: floats, which a list of wider type takes
    return [None if value != value else value for value in values.tolist()]


def _texts(column: Column, useless: str | None) -> Attribute:
    read = texts(column)
    values: list[AttributeValue | None] = [text or None for text in read.values]
    return Attribute(kind="text", values=values, odd=read.odd, notes=read.notes, useless=useless)


def _lists(found: Distinct, written: Sequence[str], separator: Separator | None) -> Attribute:
    odd_V = [isinstance(value, str) and is_code(text) for value, text in zip(found.values, written, strict=True)]
    parts = [() if odd else split(value, separator) for value, odd in zip(found.values, odd_V, strict=True)]
    useless = "it is empty" if not any(parts) else _useless_lists(parts) or _same(found)
    values = found.spread_objects([cell or None for cell in parts], None)
    return Attribute(kind="list", values=values, odd=found.odd(odd_V), useless=useless)


def _useless_lists(cells: Sequence[tuple[str, ...]]) -> str | None:
    parts = [part for cell in cells for part in cell]
    num_addresses = sum(_ADDRESS.match(part) is not None or _LINKED.search(part) is not None for part in parts)
    return "it holds addresses (URLs)" if num_addresses >= _MOST * len(parts) else None


def _same(found: Distinct) -> str | None:
    num_rows = len(found.codes_N)
    if len(found.values) == 1 and found.num_present == num_rows >= _MANY_ROWS:
        return f"it is the same in all {num_rows:,} rows"
    return None


def _useless(found: Distinct, written: Sequence[str]) -> str | None:
    same = _same(found)
    if same is not None or not all(isinstance(value, str) for value in found.values[:100]):
        return same
    num_addresses = sum(
        _ADDRESS.match(text.strip()) is not None and (" " not in text.strip() or "," in text or ";" in text)
        for text in written
    )
    if num_addresses >= _MOST * len(written):
        return "it holds addresses (URLs)"
    if len(written) < _MANY_ROWS or len(written) < 0.95 * found.num_present:
        return None
    if sum(_HASH.fullmatch(text.strip()) is not None for text in written) >= _MOST * len(written):
        return "it holds a different key in every row"
    lengths = sorted(map(len, written))
    return "it is a different long text in every row" if lengths[len(lengths) // 2] > _LONG_CHARS else None


def flatten(name: str, column: Column) -> dict[str, Column]:
    """A column of objects as one column for each of their keys, up to two levels deep; any other column as it is.

    {"details": {"brand": "x"}} becomes details.brand; keys of a column called attributes stand alone. Objects are
    mappings, or texts that spell one in JSON or Python. {"amount": 10, "currency": "EUR"} is one price.
    """
    column = plain(column)
    opened = _open(column)
    if opened is None:
        return {name: column}
    return _flatten("" if name == "attributes" else name, opened, depth=2) or {name: column}


def _pairs(written: Sequence[str]) -> list[dict[str, str]] | None:
    """Cells that list names with their values (power=500 W; weight=1.2 kg) as mappings; None where most do not, or
    their names do not recur, as those of prose do not."""
    for sign in (";", "|", "\n", ","):
        parts = [[part for part in text.split(sign) if part.strip()] for text in written]
        matches = [[_PAIR.fullmatch(part.strip()) for part in row] for row in parts]
        good = [row for row in matches if row and all(row)]
        if len(good) < max(2, _MOST * len(written)):
            continue
        found = [{m[1].strip(): m[2].strip() for m in row if m is not None} if all(row) else {} for row in matches]
        counts = Counter(key for row in found for key in row)
        num_recurring = sum(2 * count >= len(good) for count in counts.values())
        if num_recurring > 1 and sum(map(len, good)) >= 2 * len(good):
            return found
    return None


def _open(column: Column) -> list[object] | None:
    """The cells as mappings, None where missing; None where the column holds others."""
    found, written = distinct_texts(column, as_text)
    looks_V = [isinstance(value, Mapping) or _is_braced(value) for value in found.values]
    if _are_alone(found.values):  # a list of one object is that object
        return found.spread_objects([value[0] if isinstance(value, list) else None for value in found.values], None)
    if not any(looks_V) or sum(looks_V) < _MOST * len(looks_V):
        pairs = _pairs(written)
        return None if pairs is None else found.spread_objects(pairs, None)
    opened = [
        value if isinstance(value, Mapping) else parse_literal(text) if looks else value
        for value, text, looks in zip(found.values, written, looks_V, strict=True)
    ]
    if sum(isinstance(value, Mapping) for value in opened) < _MOST * len(opened):
        return None
    kept = [
        value if isinstance(value, Mapping) else {"": given} for value, given in zip(opened, found.values, strict=True)
    ]
    return found.spread_objects(kept, None)


def _is_braced(value: object) -> bool:
    return isinstance(value, str) and value.lstrip()[:1] == "{" and value.rstrip()[-1:] == "}"


def _are_alone(values: Sequence[object]) -> bool:
    """Whether all values are lists of at most one object of several keys."""
    lists = [value for value in values if isinstance(value, list)]
    filled = [value for value in lists if value]
    is_one = all(len(value) == 1 and isinstance(value[0], Mapping) and len(value[0]) > 1 for value in filled)
    return bool(filled) and len(lists) == len(values) and is_one


def _flatten(prefix: str, cells: Sequence[object], *, depth: int) -> dict[str, Column]:
    price = _prices(cells)
    if price is not None and prefix:
        return {prefix: price}
    keys = dict.fromkeys(str(key) for cell in cells if isinstance(cell, Mapping) for key in cell)
    columns: dict[str, Column] = {}
    for key in keys:
        inner: list[object] = [_entry(cell, key) for cell in cells]
        if all(map(is_missing, inner)):
            continue
        label = ".".join(filter(None, (prefix, key.strip(" :"))))
        opened = _open(inner) if depth > 1 else None
        for path, values in (
            _flatten(label, opened, depth=depth - 1) if opened is not None else {label: inner}
        ).items():
            columns.setdefault(path, values)
    return columns


def _entry(cell: object, key: str) -> object:
    """One entry of an object; Python's u'none' as the text it spells."""
    if not isinstance(cell, Mapping):
        return None
    value = cell.get(key)
    if isinstance(value, str) and re.fullmatch(r"u?(['\"]).*\1", value, re.S):
        spelled = parse_literal(value)
        return spelled if isinstance(spelled, str) else value
    return value


def _prices(cells: Sequence[object]) -> list[object] | None:
    """Amounts with their currency or unit as texts of one amount each; None where the objects are no amounts."""
    prices: list[object] = []
    for cell in cells:
        if not isinstance(cell, Mapping):
            prices.append(None)
            continue
        lowered = {str(key).lower().replace("_", ""): value for key, value in cell.items()}
        code = next((lowered[key] for key in _UNIT_KEYS if key in lowered), None)
        amount = next((lowered[key] for key in ("amount", "value", "price", "number") if key in lowered), None)
        if not isinstance(code, str) or len(lowered) > 4 or isinstance(amount, Mapping | list):
            return None
        prices.append(None if is_missing(amount) else f"{as_text(amount)} {code}")
    return prices if any(price is not None for price in prices) else None
