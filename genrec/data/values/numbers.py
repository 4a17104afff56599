"""Columns of numbers: in any locale, with currencies, units, ranges and percent.

The column decides what an ambiguous cell means: 1,249 is settled by other cells, else by what its currency's prices
look like, else it has thousands. A cell that shows its decimal sign itself (19,99) is read by it. Knows no attributes.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genrec.data.values.columns import (
    ABSENT_WORDS,
    NO_ODD,
    Column,
    Distinct,
    Odd,
    cells_of,
    distinct,
    distinct_texts,
    has_few_values,
    is_arrow,
    is_numbers,
    is_texts,
    odd_at,
    plain,
    trimmed,
)
from genrec.data.values.numerals import Decimal, Written, normal, read
from genrec.data.values.units import SHARED_SIGNS, Around, conversion, decimal_habit
from genrec.schema import BoolArray

Floats = npt.NDArray[np.float64]

_PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_PLAIN_TOLD = r"^[+-]?(0?\.\d+|\d*\.(\d{1,2}|\d{4,})|0\d*\.\d+|\d{4,}\.\d+)$"  # whose point is no thousands sign
_PLAIN_THOUSANDS = r"^[+-]?[1-9]\d{0,2}\.\d{3}$"
_ABSENT = "free gratis kostenlos gratuit sold ausverkauft not not_available n/v none various varies infinity inf"
_ABSENT_NUMBERS = ABSENT_WORDS | frozenset(_ABSENT.split())
_MOST_ODD = 0.2  # of the present cells of a column of numbers; beyond it, words are what the column is about
_FEW = 4  # numbers among which one word is no sign of a column of words, however few they are
_NAMES = re.compile(
    r"(?:^|[^a-z])(?:price|preis|prix|prezzo|precio|preco|prijs|cena|cost|amount|betrag|total|sum|msrp|uvp|rrp|fee|weight|"
    r"gewicht|poids|peso|width|breite|height|h[oö]he|length|l[aä]nge|depth|tiefe|diameter|volume|inhalt|qty|quantity|"
    r"menge|anzahl|rating|ratings|score|stars|bewertung|note|count|num|year|jahr|age|alter|pages|seiten|discount|"
    r"rabatt|percent|prozent|episodes|minutes|duration|dauer|runtime|stock|bestand|calories|votes|likes|views|"
    r"playtime|hours|kg|cm|mm|ml|eur|usd)(?:[^a-z]|$)"
)


_LOOSE = re.compile(
    r"^\s*(?:[<>≤≥~≈]|(?:ca|circa|approx|about|around|over|under|up to|bis zu|max)\b)|\d\s*\+\s*$", re.I
)
_MONEY_NAME = re.compile(r"pri[cs]e|preis|prix|preci?o|prezzo|prijs|cena|msrp|uvp|rrp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """A column of numbers.

    values: float64 (N,), NaN where missing or odd; of ranges the lowest, whose highest is in upper (NaN elsewhere, None
    without ranges). unit: of all of them; currency: ISO 4217, where all have one, else currencies says each row's.
    """

    values: Floats
    odd: Odd = NO_ODD
    unit: str | None = None
    currency: str | None = None
    currencies: list[str | None] | None = None
    upper: Floats | None = None
    decimal: Decimal = "."
    notes: tuple[str, ...] = ()
    is_number: bool = True  # whether so few cells are odd that it is a column of numbers


def says_number(name: str) -> bool:
    """Whether a column's name says that it counts or measures."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return _NAMES.search(spaced) is not None


def numbers(column: Column, *, name: str = "", unit: str | None = None) -> Numbers:
    """A column as numbers.

    unit: what they are converted to, what measures something else being odd; None: the commonest of the column.

    It is one (`is_number`) where at most a fifth of its present cells are odd, absent words (N/A, Free) aside, or one
    alone that has no digits; and where two are numbers, or one and the name says so, or nothing else is there. A fifth
    leaves room for words among numbers, while columns of words or codes in which numbers stand by chance have more.
    """
    column = plain(column)
    if is_numbers(column):
        return _finite(column.cast(pa.float64()))
    if is_texts(column):
        texts = trimmed(column)
        try:
            if _MONEY_NAME.search(name.lower()) and _are_thousands(texts):
                return _from_distinct(*distinct_texts(texts), name, wanted=unit)
            return _finite(texts.cast(pa.float64()))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return _from_texts(texts, name, unit)
    if is_arrow(column):  # truths and times
        rows = np.flatnonzero(pc.is_valid(column).to_numpy())
        return Numbers(
            values=np.full(len(column), np.nan), odd=odd_at(rows, distinct(column).values), is_number=not len(rows)
        )
    return _from_distinct(*distinct_texts(column), name, wanted=unit)


def _are_thousands(texts: pa.ChunkedArray) -> bool:
    """Whether plain prices have three digits after each point, as 1.249 and 2.500 do: those are thousands."""
    points = pc.sum(pc.match_substring(texts, ".")).as_py() or 0
    return bool(points) and points == (pc.sum(pc.match_substring_regex(texts, _PLAIN_THOUSANDS)).as_py() or 0)


def _finite(column: pa.ChunkedArray) -> Numbers:
    values = np.array(column.to_numpy(), dtype=np.float64)
    infinite = np.isinf(values)
    is_number = bool(np.isfinite(values).any())
    if not infinite.any():
        return Numbers(values=values, is_number=is_number)
    odd = odd_at(np.flatnonzero(infinite), values[infinite])
    return Numbers(values=np.where(infinite, np.nan, values), odd=odd, is_number=is_number)


def _from_texts(texts: pa.ChunkedArray, name: str, unit: str | None) -> Numbers:
    """Plain numbers at once, what is left by its different values."""
    if has_few_values(texts):
        return _from_distinct(*distinct_texts(texts), name, wanted=unit)
    is_plain = pc.fill_null(pc.match_substring_regex(texts, _PLAIN), False)
    num_plain = pc.sum(is_plain).as_py() or 0
    if not num_plain:
        return _from_distinct(*distinct_texts(texts), name, wanted=unit)
    plains = pc.filter(texts, is_plain)
    told = pc.sum(pc.match_substring_regex(plains, _PLAIN_TOLD)).as_py() or 0
    rest = distinct(pc.if_else(is_plain, pa.scalar(None, texts.type), texts))
    others = [str(value) for value in rest.values]
    ambiguous = pc.sum(pc.match_substring_regex(plains, _PLAIN_THOUSANDS)).as_py() or 0
    if ambiguous and _settle(_votes([read(text) for text in others], rest, told))[0] == ",":
        return _from_distinct(*distinct_texts(texts), name, wanted=unit)
    values = np.array(pc.if_else(is_plain, texts, pa.scalar(None, texts.type)).cast(pa.float64()).to_numpy())
    found = _from_distinct(rest, others, name, num_plain=num_plain, told=told, wanted=unit)
    values = np.where(np.isnan(values), found.values, values)
    infinite = np.isinf(values)
    return Numbers(
        **{key: getattr(found, key) for key in Numbers.__dataclass_fields__ if key != "values"},
        values=np.where(infinite, np.nan, values),
    )


def _votes(cells: Sequence[Written | None], found: Distinct, points: int) -> Counter[str]:
    """How many cells show which decimal sign beyond doubt."""
    votes: Counter[str] = Counter({".": points})
    for cell, count in zip(cells, found.counts_V.tolist(), strict=True):
        for sign in cell.decimals if cell is not None else ():
            if sign is not None:
                votes[sign] += count
    return votes


def _settle(votes: Counter[str]) -> tuple[Decimal | None, int]:
    """The decimal sign of a column, if a cell shows it, and how many cells show the other."""
    if not votes["."] and not votes[","]:
        return None, 0
    sign: Decimal = "," if votes[","] > votes["."] else "."
    return sign, votes["." if sign == "," else ","]


def _from_distinct(
    found: Distinct, texts: Sequence[str], name: str, *, num_plain: int = 0, told: int = 0, wanted: str | None = None
) -> Numbers:
    cells = [
        None if isinstance(value, bool | list | tuple | dict) else read(text)
        for value, text in zip(found.values, texts, strict=True)
    ]
    cells = _without_strange_words(cells, found)
    decimal, notes = _decimal(cells, texts, found, told, name)
    values_V = np.array([_number(cell, decimal) for cell in cells], dtype=np.float64)
    upper_V = np.array(
        [cell.upper(decimal) if cell is not None and cell.second is not None else np.nan for cell in cells], dtype=float
    )
    with np.errstate(invalid="ignore"):
        values_V = np.where((upper_V < values_V) | ~np.isfinite(values_V), np.nan, values_V)
    upper_V = np.where(np.isnan(values_V), np.nan, upper_V)
    odd_V = np.isnan(values_V)
    unit, sizes_V, unit_notes = _unit(cells, odd_V, found, wanted)
    currency, currencies, currency_notes = _currency(cells, odd_V, found)
    loose_V = np.array([_LOOSE.search(normal(text)) is not None for text in texts], dtype=np.bool_) & ~odd_V
    if loose_V.any():
        named = ", ".join(repr(texts[place]) for place in np.flatnonzero(loose_V)[:3])
        notes += (
            f"{cells_of(int(found.counts_V[loose_V].sum()))} that are no exact numbers ({named}) are read as those",
        )
    has_upper = bool(np.isfinite(upper_V).any())
    if has_upper:
        count = int(found.counts_V[np.isfinite(upper_V)].sum())
        notes += (f"ranges in {cells_of(count)}: the lowest is taken, the highest kept",)
    return Numbers(
        values=found.spread(values_V * sizes_V, np.nan),
        odd=found.odd(odd_V),
        unit=unit,
        currency=currency,
        currencies=currencies,
        upper=found.spread(upper_V * sizes_V, np.nan) if has_upper else None,
        decimal=decimal,
        notes=(*notes, *unit_notes, *currency_notes),
        is_number=_is_number(cells, texts, found, odd_V, name, num_plain),
    )


def _number(cell: Written | None, decimal: Decimal) -> float:
    try:
        value = None if cell is None else cell.value(decimal)
    except (ValueError, OverflowError):
        value = None
    return np.nan if value is None else value


def _without_strange_words(cells: Sequence[Written | None], found: Distinct) -> list[Written | None]:
    """Cells without those whose word of no known meaning is no unit: a unit recurs with different numbers."""
    words: Counter[str] = Counter(cell.around.unknown[0].lower() for cell in cells if cell and cell.around.unknown)
    num_numbers = sum(cell is not None for cell in cells)
    unit = words.most_common(1)[0][0] if 2 * words.total() > num_numbers else None
    if unit is not None and sum(count for word, count in words.items() if _is_plural(word, unit)) < 2:
        unit = None
    kept: list[Written | None] = []
    for cell in cells:
        word = cell.around.unknown[0].lower() if cell is not None and cell.around.unknown else None
        if word is None or cell is None:
            kept.append(cell)
        else:
            kept.append(replace(cell, around=Around(unit=unit)) if unit and _is_plural(word, unit) else None)
    return kept


def _is_plural(word: str, other: str) -> bool:
    """Whether two words differ by an ending alone: page and pages, Monat and Monate."""
    short, long = sorted((word, other), key=len)
    return long.startswith(short) and len(long) - len(short) <= 2 and (long == short or len(short) >= 3)


def _decimal(
    cells: Sequence[Written | None], texts: Sequence[str], found: Distinct, told: int, name: str
) -> tuple[Decimal, tuple[str, ...]]:
    """The decimal sign of a column, and what a note says of it."""
    decimal, num_other = _settle(_votes(cells, found, told))
    doubtful = [
        (cell, text)
        for cell, text in zip(cells, texts, strict=True)
        if cell is not None and None in cell.decimals and ("," in cell.first or "." in cell.first)
    ]
    if decimal is not None:
        if not num_other:
            return decimal, ()
        other = "a point" if decimal == "," else "a comma"
        return decimal, (
            f"{cells_of(num_other)} with {other} as decimal sign among others without: each is read as it shows",
        )
    if not doubtful:
        return ".", ()
    cell, text = doubtful[0]
    sign = "," if "," in cell.first else "."
    habit = decimal_habit(cell.around.currency)
    if habit is not None and habit != sign:
        return habit, (f"{text!r} is read with thousands, as prices in {cell.around.currency} are written",)  # type: ignore[return-value]
    if sign == "." and habit is None and _MONEY_NAME.search(name.lower()):
        return ",", (f"{text!r} is read with thousands, since no price has three decimals",)
    if sign == ",":
        return ".", (f"{text!r} is read with thousands, since no cell shows whether its comma is a decimal sign",)
    return ".", ()


def _unit(
    cells: Sequence[Written | None], odd_V: BoolArray, found: Distinct, wanted: str | None
) -> tuple[str | None, Floats, tuple[str, ...]]:
    """The wanted unit, or the commonest, what every value is multiplied by to be in it, and notes."""
    sizes_V = np.ones(len(cells))
    counts: Counter[str | None] = Counter()
    units = [_unit_of(cell) for cell in cells]
    for unit, odd, count in zip(units, odd_V, found.counts_V.tolist(), strict=True):
        if not odd:
            counts[unit] += count
    named = [unit for unit, _ in counts.most_common() if unit is not None]
    if not named:
        return None, sizes_V, ()
    chosen = wanted or named[0]
    notes = []
    converted: Counter[str] = Counter()
    for place, (unit, odd) in enumerate(zip(units, odd_V, strict=True)):
        if odd or unit is None or unit == chosen:
            continue
        size = conversion(unit, chosen)
        if size is None:
            odd_V[place] = True
            sizes_V[place] = np.nan
        else:
            sizes_V[place] = size
            converted[unit] += int(found.counts_V[place])
    for unit, count in converted.items():
        notes.append(f"{cells_of(count)} in {unit} converted to {chosen}")
    if counts[None]:
        notes.append(f"{cells_of(counts[None])} without a unit taken as {chosen}")
    return chosen, sizes_V, tuple(notes)


def _unit_of(cell: Written | None) -> str | None:
    if cell is None:
        return None
    return cell.around.unit


def _currency(
    cells: Sequence[Written | None], odd_V: BoolArray, found: Distinct
) -> tuple[str | None, list[str | None] | None, tuple[str, ...]]:
    codes = [None if odd or cell is None else cell.around.currency for cell, odd in zip(cells, odd_V, strict=True)]
    signs = {cell.around.sign: cell.around.currency for cell in cells if cell is not None and cell.around.sign}
    notes = [f"{sign!r} is taken as {code}" for sign, code in sorted(signs.items()) if sign in SHARED_SIGNS]
    known = dict.fromkeys(code for code in codes if code is not None)
    if len(known) == 1:
        return next(iter(known)), None, tuple(notes)
    if not known:
        return None, None, ()
    notes.append(f"prices are in several currencies: {', '.join(known)}")
    return None, found.spread_objects(codes, None), tuple(notes)


def _is_number(
    cells: Sequence[Written | None], texts: Sequence[str], found: Distinct, odd_V: BoolArray, name: str, num_plain: int
) -> bool:
    counts_V = found.counts_V
    absent_V = np.array([text.strip().lower() in _ABSENT_NUMBERS for text in texts], dtype=np.bool_)
    strange_V = odd_V & ~absent_V
    num_numbers = num_plain + int(counts_V[~odd_V].sum())
    num_strange = int(counts_V[strange_V].sum())
    coded_V = np.array([cell is not None and cell.has_plain_join for cell in cells], dtype=np.bool_)
    if int(counts_V[coded_V & ~odd_V].sum()) * 2 > num_numbers:
        return False
    named = says_number(name) or any(cell is not None and cell.around.currency for cell in cells)
    if num_numbers < (2 if num_strange and not named else 1):
        return False
    if num_strange <= _MOST_ODD * (num_numbers + num_strange):
        return True
    is_word = not any(char.isdigit() for place in np.flatnonzero(strange_V).tolist() for char in normal(texts[place]))
    return num_strange == 1 and is_word and (named or num_numbers >= _FEW - 1)
