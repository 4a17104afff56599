"""Columns of times, as milliseconds since 1970, UTC: Unix times, ISO, and dates as people write them.

The column decides the unit of Unix times and which of day and month comes first; cells of mixed spellings are read one
by one. Sub-second order is kept to the millisecond. Knows no events.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genrec.data.values import dates
from genrec.data.values.columns import (
    ABSENT_WORDS,
    NO_ODD,
    Column,
    Distinct,
    Odd,
    distinct,
    distinct_texts,
    is_arrow,
    is_numbers,
    is_texts,
    odd_at,
    plain,
    shorten,
    trimmed,
)
from genrec.data.values.numeric_times import DAY_MS, Numeric, read_numbers
from genrec.schema import BoolArray, IntArray

_NUMERIC = r"^[+-]?\d+(\.\d*)?([eE][+]?\d+)?$"
_NAMES = re.compile(
    r"(?:^|[^a-z])(?:date|datum|datetime|fecha|data|day|tag|when|at|on|time|zeit|created|updated|modified|purchased|"
    r"ordered|dat|t|ts|timestamp|month|monat|year|jahr|zeitpunkt|heure|jour)(?:[^a-z]|$)|(?:date|time|datum)$"
)
_FIRST_MS, _LAST_MS = (dates.to_milliseconds(datetime(year, 1, 1)) for year in dates.YEARS)
_ORDERED_ROWS = 4  # from here on, order in the file says which of day and month comes first


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """A column of times.

    milliseconds: int64 (N,), since 1970, 0 where not present. ambiguous: a question in one line, where nothing shows
    whether day or month comes first; the month was then taken first.
    """

    milliseconds: IntArray
    present: BoolArray
    odd: Odd = NO_ODD
    notes: tuple[str, ...] = ()
    ambiguous: str | None = None
    has_time_of_day: bool = False


def says_time(name: str) -> bool:
    """Whether a column's name says that it holds times."""
    return _NAMES.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()) is not None


def times(column: Column, *, name: str = "", day_first: bool | None = None) -> Times:
    """A column as times. day_first settles what 03/04/2017 is; None lets the column decide."""
    column = plain(column)
    return _sane(_read(column, name, day_first), column)


def _sane(found: Times, column: Column) -> Times:
    """Times without those of years that no event has, such as 0001 and 9999."""
    is_strange = found.present & ((found.milliseconds < _FIRST_MS) | (found.milliseconds > _LAST_MS))
    rows = np.flatnonzero(is_strange)
    if not len(rows):
        return found
    examples = [*found.odd.examples, *(shorten(_cell(column, row)) for row in rows[:20].tolist())]
    odd = odd_at(np.union1d(found.odd.rows, rows), examples)
    return _result(found.milliseconds, found.present & ~is_strange, odd, found.notes, found.ambiguous)


def _cell(column: Column, row: int) -> object:
    return column[row].as_py() if isinstance(column, pa.ChunkedArray) else column[row]


def _read(column: Column, name: str, day_first: bool | None) -> Times:
    if is_arrow(column) and (pa.types.is_temporal(column.type) and not pa.types.is_duration(column.type)):
        return _from_temporal(column)
    if is_numbers(column):
        return _from_numbers(column, name)
    if is_texts(column):
        return _from_texts(trimmed(column), name, day_first)
    if is_arrow(column):
        rows = np.flatnonzero(pc.is_valid(column).to_numpy())
        return _result(
            np.zeros(len(column), np.int64), np.zeros(len(column), bool), odd_at(rows, distinct(column).values)
        )
    return _from_objects(column, name, day_first)


def _result(
    milliseconds: IntArray,
    present: BoolArray,
    odd: Odd = NO_ODD,
    notes: Sequence[str] = (),
    ambiguous: str | None = None,
) -> Times:
    milliseconds = np.where(present, milliseconds, 0)
    return Times(
        milliseconds=milliseconds,
        present=present,
        odd=odd,
        notes=tuple(notes),
        ambiguous=ambiguous,
        has_time_of_day=bool((milliseconds % DAY_MS).any()),
    )


def _from_temporal(column: pa.ChunkedArray) -> Times:
    if pa.types.is_time(column.type):
        rows = np.flatnonzero(pc.is_valid(column).to_numpy())
        return _result(
            np.zeros(len(column), np.int64), np.zeros(len(column), bool), odd_at(rows, column[:3].to_pylist())
        )
    zone = getattr(column.type, "tz", None)
    stamps = pc.cast(column, pa.timestamp("ms", tz=zone), safe=False)
    present = pc.is_valid(stamps).to_numpy()
    milliseconds = pc.fill_null(stamps.cast(pa.int64()), 0).to_numpy()
    return _result(milliseconds, present)


def _from_numbers(column: pa.ChunkedArray, name: str) -> Times:
    if pa.types.is_integer(column.type) and not pa.types.is_unsigned_integer(column.type):
        present = pc.is_valid(column).to_numpy()
        return _of_numbers(pc.fill_null(column.cast(pa.int64()), 0).to_numpy(), present, name)
    values = np.array(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    present = np.isfinite(values)
    found = _of_numbers(np.where(present, values, 0), present, name)
    infinite = np.isinf(values)
    return found if not infinite.any() else replace(found, odd=odd_at(np.flatnonzero(infinite), values[infinite]))


def _of_numbers(values: Numeric, present: BoolArray, name: str) -> Times:
    """Numbers as times. values: (N,), finite where present."""
    found = read_numbers(values[present], name=name, says_date=says_time(name))
    milliseconds, known = np.zeros(len(values), np.int64), np.zeros(len(values), np.bool_)
    milliseconds[present], known[present] = found.milliseconds, found.known
    rows = np.flatnonzero(present & ~known)
    odd = odd_at(rows, values[rows[:20]].tolist()) if len(rows) else NO_ODD
    return _result(milliseconds, known, odd, found.notes)


def _from_texts(texts: pa.ChunkedArray, name: str, day_first: bool | None) -> Times:
    present = pc.is_valid(texts).to_numpy()
    if not present.any():
        return _result(np.zeros(len(texts), np.int64), present)
    first = str(texts[int(np.argmax(present))].as_py())
    quick = _quick(texts, first, name)
    if quick is not None:
        return quick
    is_number = pc.fill_null(pc.match_substring_regex(texts, _NUMERIC), False)
    milliseconds, known = np.zeros(len(texts), np.int64), np.zeros(len(texts), bool)
    notes: list[str] = []
    if pc.any(is_number).as_py():
        sub = _from_numbers(_to_numbers(pc.if_else(is_number, texts, pa.scalar(None, texts.type))), name)
        milliseconds, known, notes = sub.milliseconds, sub.present, list(sub.notes)
    rest = pc.if_else(is_number, pa.scalar(None, texts.type), texts)
    iso, has_zone = _from_iso(rest)
    milliseconds, known = np.where(iso.present, iso.milliseconds, milliseconds), known | iso.present
    rest = pc.if_else(pa.chunked_array([pa.array(known)]), pa.scalar(None, texts.type), rest)
    found, written = distinct_texts(rest)
    worded = _from_words(found, written, day_first)
    known_all = known | worded.present
    zone_note = any("no zone" in note for note in worded.notes) or (iso.present.any() and not has_zone)
    notes += [note for note in worded.notes if "no zone" not in note]
    return _result(
        np.where(worded.present, worded.milliseconds, milliseconds),
        known_all,
        worded.odd,
        [*notes, *([_NO_ZONE] if zone_note else [])],
        worded.ambiguous,
    )


_NO_ZONE = "no zone is written: times are read as UTC"
_ISO_DATE = r"\d{4}-\d{2}-\d{2}"
_ISO = rf"^{_ISO_DATE}([ T]\d{{2}}:\d{{2}}(:\d{{2}}(\.\d{{1,9}})?)?)?$"
_ISO_ZONE = rf"^{_ISO_DATE}[ T]\d{{2}}:\d{{2}}(:\d{{2}}(\.\d{{1,9}})?)?( ?(Z|UTC|GMT)| ?[+-]\d{{2}}:?\d{{2}})$"


def _quick(texts: pa.ChunkedArray, first: str, name: str) -> Times | None:
    """A column that Arrow casts whole, being all numbers, or all ISO times of one spelling; else None."""
    try:
        if re.fullmatch(_NUMERIC, first):
            return _from_numbers(_to_numbers(texts), name)
        if re.fullmatch(_ISO, first):
            return replace(_cast(texts), notes=(_NO_ZONE,) if len(first) > 10 else ())
        if first.endswith((" UTC", " GMT")) and pc.all(pc.ends_with(texts, first[-4:])).as_py():
            return _cast(pc.utf8_slice_codeunits(texts, 0, -4))
        if re.fullmatch(_ISO_ZONE, first):
            if first[19:20] == " ":
                texts = pc.replace_substring(pc.replace_substring(texts, " +", "+"), " -", "-")
            return _cast(texts, zone="UTC")
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    return None


def _to_numbers(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        return texts.cast(pa.int64())
    except pa.ArrowInvalid:
        return texts.cast(pa.float64())


def _cast(texts: pa.ChunkedArray, zone: str | None = None) -> Times:
    """ISO texts as times. Raises ArrowInvalid."""
    try:
        stamps = texts.cast(pa.timestamp("ms", tz=zone))
    except pa.ArrowInvalid:
        stamps = texts.cast(pa.timestamp("ns", tz=zone))
    return _from_temporal(stamps)


def _from_iso(texts: pa.ChunkedArray) -> tuple[Times, bool]:
    """What is written as ISO, with or without a zone; whether all of it has one. Other cells are not present."""
    milliseconds, known = np.zeros(len(texts), np.int64), np.zeros(len(texts), bool)
    nothing = pa.scalar(None, texts.type)
    has_zone = True
    for pattern, zone in ((_ISO, None), (_ISO_ZONE, "UTC")):
        part = pc.if_else(pc.fill_null(pc.match_substring_regex(texts, pattern), False), texts, nothing)
        if part.null_count == len(part):
            continue
        if zone is not None:
            part = pc.replace_substring_regex(part, r" ?(Z|UTC|GMT)$", "Z")
            part = pc.replace_substring_regex(part, r" ([+-])", r"\1")
        try:
            found = _cast(part, zone)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            continue
        has_zone &= zone is not None
        milliseconds, known = np.where(found.present, found.milliseconds, milliseconds), known | found.present
    return _result(milliseconds, known), has_zone


def _from_objects(cells: list[object], name: str, day_first: bool | None) -> Times:
    given = [cell for cell in cells if cell is not None and cell != ""]
    if given and all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in given):
        numbers = [cell if isinstance(cell, int | float) else None for cell in cells]
        try:
            return _from_numbers(pa.chunked_array([pa.array(numbers, pa.int64())]), name)
        except (pa.ArrowInvalid, OverflowError, TypeError):
            return _from_numbers(pa.chunked_array([pa.array(list(map(_float, numbers)), pa.float64())]), name)
    moments = [_moment(cell) for cell in cells]
    texts = [_as_text(cell) if moment is None else None for cell, moment in zip(cells, moments, strict=True)]
    found = _from_texts(trimmed(pa.chunked_array([pa.array(texts, pa.string())])), name, day_first)
    is_moment = np.array([moment is not None for moment in moments], dtype=np.bool_)
    milliseconds = np.where(
        is_moment, np.array([moment or 0 for moment in moments], dtype=np.int64), found.milliseconds
    )
    return _result(milliseconds, found.present | is_moment, found.odd, found.notes, found.ambiguous)


def _float(value: float | None) -> float | None:
    try:
        return None if value is None else float(value)
    except OverflowError:
        return None


def _moment(cell: object) -> int | None:
    if isinstance(cell, datetime):
        return dates.to_milliseconds(cell)
    if isinstance(cell, date):
        return dates.to_milliseconds(datetime(cell.year, cell.month, cell.day))
    return None


def _as_text(cell: object) -> str | None:
    if cell is None or (isinstance(cell, float) and cell != cell):
        return None
    return cell.encode("utf-8", "replace").decode() if isinstance(cell, str) else shorten(cell)


def _from_words(found: Distinct, texts: Sequence[str], day_first: bool | None) -> Times:
    """Dates as people write them, by their different values."""
    cells = [dates.read(text) for text in texts]
    odd_V = np.array(
        [cell is None and text.lower() not in ABSENT_WORDS for cell, text in zip(cells, texts, strict=True)]
    )
    month_V = np.array([0 if cell is None else cell.milliseconds for cell in cells], dtype=np.int64)
    day_V = np.array(
        [0 if cell is None else cell.milliseconds if cell.other is None else cell.other for cell in cells],
        dtype=np.int64,
    )
    notes: list[str] = []
    ambiguous = None
    if any(cell is not None and cell.other is not None for cell in cells) and day_first is None:
        example = next(
            text for cell, text in zip(cells, texts, strict=True) if cell is not None and cell.other is not None
        )
        day_first, reason = _decide(cells, found, month_V, day_V)
        if day_first is None:
            ambiguous = (
                f"is the month or the day first in {example!r}? nothing in the column shows it: say --day-first or "
                "--month-first"
            )
        else:
            notes.append(f"{example!r} is read with the {'day' if day_first else 'month'} first, {reason}")
    present_V = np.array([cell is not None for cell in cells], dtype=np.bool_)
    if any(cell is not None and not cell.has_zone and cell.milliseconds % DAY_MS for cell in cells):
        notes.append(_NO_ZONE)
    milliseconds = found.spread(day_V if day_first else month_V, 0)
    return _result(milliseconds, found.spread(present_V, False), found.odd(odd_V), notes, ambiguous)


def _decide(
    cells: Sequence[dates.When | None], found: Distinct, month_V: IntArray, day_V: IntArray
) -> tuple[bool | None, str]:
    """Whether the day is first, with the reason: by cells that show it, else by which reading is in order."""
    told = [cell.told_day_first for cell in cells if cell is not None and cell.told_day_first is not None]
    if told:
        num_day = sum(told)
        if num_day in (0, len(told)):
            return told[0], "as other cells show"
        return num_day * 2 > len(told), f"as most cells show ({max(num_day, len(told) - num_day)} of {len(told)})"
    rows = found.codes_N[found.codes_N >= 0]
    if len(rows) >= _ORDERED_ROWS:
        by_month, by_day = (
            bool((np.diff(values[rows]) >= 0).all()) or bool((np.diff(values[rows]) <= 0).all())
            for values in (month_V, day_V)
        )
        if by_month != by_day:
            return by_day, "since the file is then in order"
    return None, ""
