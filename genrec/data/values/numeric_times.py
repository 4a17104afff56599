"""Numbers that are times: Unix times in four units, dates written as one number, years, and days of table programs.

The whole column decides, where its numbers are of one size; else each is read by its own size. Knows no texts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from genrec.schema import BoolArray, IntArray

Numeric: TypeAlias = npt.NDArray[np.float64] | IntArray

DAY_MS = 86_400_000
_UNITS = ((1e17, 1e6, "nanoseconds"), (1e14, 1e3, "microseconds"), (1e11, 1.0, "milliseconds"))
_SECONDS = (0.0, 1e-3, "seconds")  # from where on, how many in a millisecond, name
_UNIX_FROM = 1e8  # smaller numbers in a mixed column may be dates of eight digits; as Unix times they lie before 1974
_SMALL = 1e7  # Unix times below lie in the first months of 1970
_YEARS = (1800, 2100)
_UNIX_MOST_MS = 8_000_000_000_000  # the year 2223
_EXCEL_DAYS = (20_000, 80_000)  # 1954 to 2119
_UNIX_DAYS = (7_305, 23_741)  # 1990 to 2034, as days since 1970
_EXCEL_EPOCH_DAYS = 25_569  # of 1970
_FORMS = ((8, "20190131"), (10, "2019013123"), (12, "201901312359"), (14, "20190131235959"))
_DAY_NAMES = re.compile(r"date|day|dat(?:um|a)|fecha|dia|tag|jour|giorno|dzien|дата")
_UNIX_NAMES = re.compile(r"timestamp|unix|epoch|(?:^|_)ts$")
_SAMPLE = 1_000  # numbers that show early that a column is no dates
_MIXED = 50  # how many times as large as the smallest number the largest is in a column of several spellings


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericTimes:
    """Numbers as times. milliseconds: int64 (N,), since 1970. known: those that could be read."""

    milliseconds: IntArray
    known: BoolArray
    notes: tuple[str, ...] = ()


def read_numbers(values: Numeric, *, name: str, says_date: bool) -> NumericTimes:
    """Numbers as times. values: (N,), finite. says_date: whether the column's name calls it a date."""
    says_unix = _UNIX_NAMES.search(name.lower()) is not None
    everything = np.ones(len(values), np.bool_)
    if not len(values):
        return NumericTimes(milliseconds=np.zeros(0, np.int64), known=everything)
    low, high = float(values.min()), float(values.max())
    is_whole = values.dtype.kind == "i" or not (values % 1).any()
    if is_whole and high < 1e15 and low > 0:
        found = _all_dates(values.astype(np.int64), says_unix=says_unix)
        if found is not None:
            return NumericTimes(milliseconds=found[0], known=everything, notes=(found[1],))
    if is_whole and says_date and not says_unix and low >= 10**5 and high < 10**8:
        written = _other_dates(values.astype(np.int64), name)
        if written is not None:
            return NumericTimes(milliseconds=written[0], known=everything, notes=(written[1],))
    if low > 1000 and high > _MIXED * low:
        return _one_by_one(values)
    if (
        is_whole
        and _DAY_NAMES.search(name.lower())
        and not says_unix
        and _UNIX_DAYS[0] <= low
        and high <= _UNIX_DAYS[1]
    ):
        note = f"numbers such as {values[0]:g} are read as days since 1970"
        milliseconds = values.astype(np.int64) * DAY_MS
        return NumericTimes(milliseconds=milliseconds, known=everything, notes=(note,))
    if says_date and not says_unix and _EXCEL_DAYS[0] <= low and high <= _EXCEL_DAYS[1]:
        note = f"numbers such as {values[0]:g} are read as days of a table program"
        return NumericTimes(milliseconds=_from_days(values), known=everything, notes=(note,))
    return _unix(values)


def _all_dates(values: IntArray, *, says_unix: bool) -> tuple[IntArray, str] | None:
    """Years, or dates in one number, where all of them are such, with a note."""
    low, high = int(values.min()), int(values.max())
    if _YEARS[0] <= low and high <= _YEARS[1] and not says_unix:
        return _from_years(values), "numbers are read as years"
    if low >= 180_001 and high <= 210_012 and not says_unix:
        found, is_date = _from_digits(values * 100 + 1, 8)
        return (found, "numbers are read as months, written as 201901") if is_date.all() else None
    for digits, form in _FORMS:
        if 10 ** (digits - 1) <= low and high < 10**digits:
            if not _from_digits(values[:_SAMPLE], digits)[1].all():
                return None
            found, is_date = _from_digits(values, digits)
            return (found, f"numbers are read as dates, written as {form}") if is_date.all() else None
    return None


def _other_dates(values: IntArray, name: str) -> tuple[IntArray, str] | None:
    """Dates in one number that do not begin with a year of four digits, where all of them are such, with a note."""
    rest, years = np.divmod(values, 10_000)
    firsts, seconds = np.divmod(rest, 100)
    for days, months, form in ((firsts, seconds, "31012019"), (seconds, firsts, "01312019")):
        found, is_date = _from_digits(years * 10_000 + months * 100 + days, 8)
        if is_date.all() and values.min() >= 10**6:
            return found, f"numbers are read as dates, written as {form}"
    if values.max() < 10**6 and _DAY_NAMES.search(name.lower()):
        found, is_date = _from_digits(values + 20_000_000, 8)
        if is_date.all():
            return found, "numbers are read as dates, written as 190131 (the year, the month, the day)"
    return None


def _unix(values: Numeric) -> NumericTimes:
    """Unix times in the unit that most are in, others by their size."""
    sizes = np.abs(values)
    typical = float(np.median(sizes[sizes > 0])) if (sizes > 0).any() else 0.0
    _, per_ms, unit = next((row for row in _UNITS if typical >= row[0]), _SECONDS)
    milliseconds = _scaled(values, per_ms)
    notes = [] if unit == "seconds" else [f"Unix times are in {unit}"]
    strange: BoolArray = np.abs(milliseconds.astype(np.float64)) > _UNIX_MOST_MS
    if strange.any():
        again = _by_size(values)
        fits = strange & (np.abs(again) <= _UNIX_MOST_MS)
        milliseconds, strange = np.where(fits, again, milliseconds), strange & ~fits
        notes.append("some Unix times are in another unit than most: each is read by its size")
    if typical >= _UNIX_FROM:
        strange = strange | (values == 0) | (values == -1)  # how a missing time is written
    if 0 < typical < _SMALL:
        notes.append("times are small numbers, read as seconds: only their order is likely to mean something")
    return NumericTimes(milliseconds=milliseconds, known=~strange, notes=tuple(notes))


def _by_size(values: Numeric) -> IntArray:
    """Unix times, each in the unit of its own size."""
    milliseconds = _scaled(values, _SECONDS[1])
    for start, per_ms, _ in reversed(_UNITS):
        milliseconds = np.where(np.abs(values) >= start, _scaled(values, per_ms), milliseconds)
    return milliseconds


def _one_by_one(values: Numeric) -> NumericTimes:
    """Numbers of several spellings, each by its size. values: above 0."""
    milliseconds, known = _by_size(values), np.asarray(values >= _UNIX_FROM)
    is_whole = np.asarray(values % 1 == 0)
    for part, found in _spelled(values, is_whole):
        milliseconds, known = np.where(part, found, milliseconds), known | part
    note = "times are numbers of several spellings (Unix, 20190131, days of a table program): each is read by its size"
    return NumericTimes(milliseconds=milliseconds, known=known, notes=(note,))


def _spelled(values: Numeric, is_whole: BoolArray) -> Iterator[tuple[BoolArray, IntArray]]:
    """Which numbers are dates, days or years, and as what time."""
    for digits in (8, 12, 14):  # ten digits are Unix seconds
        part = is_whole & (values >= 10 ** (digits - 1)) & (values < 10**digits)
        found, is_date = _from_digits(np.where(part, values, 10 ** (digits - 1)).astype(np.int64), digits)
        yield part & is_date, found
    days = np.asarray((values >= _EXCEL_DAYS[0]) & (values <= _EXCEL_DAYS[1]))
    yield days, _from_days(np.where(days, values, 0))
    years = is_whole & (values >= _YEARS[0]) & (values <= _YEARS[1])
    yield years, _from_years(np.where(years, values, 1970).astype(np.int64))


def _scaled(values: Numeric, per_ms: float) -> IntArray:
    if values.dtype.kind == "i" and per_ms >= 1:
        return (values // int(per_ms)).astype(np.int64)
    if values.dtype.kind == "i":
        most = np.iinfo(np.int64).max // 1000
        return (np.clip(values, -most, most) * 1000).astype(np.int64)
    with np.errstate(over="ignore"):
        return np.round(np.clip(values / per_ms, -9e18, 9e18)).astype(np.int64)


def _from_days(values: Numeric) -> IntArray:
    return np.round((values - _EXCEL_EPOCH_DAYS) * 86_400).astype(np.int64) * 1000


def _from_years(years: IntArray) -> IntArray:
    return (years - 1970).astype("M8[Y]").astype("M8[ms]").astype(np.int64)


def _from_digits(values: IntArray, digits: int) -> tuple[IntArray, BoolArray]:
    """Dates and times written as one number of so many digits, and which of them are any."""
    clock, days, is_date = np.zeros_like(values), values, np.ones(len(values), np.bool_)
    for size, most, unit_ms in ((14, 60, 1_000), (12, 60, 60_000), (10, 24, 3_600_000)):
        if digits >= size:
            days, part = np.divmod(days, 100)
            is_date &= part < most
            clock += part * unit_ms
    years, rest = np.divmod(days, 10_000)
    months, in_month = np.divmod(rest, 100)
    is_date &= (years >= _YEARS[0]) & (years <= _YEARS[1]) & (months >= 1) & (months <= 12)
    first = np.where(is_date, (years - 1970) * 12 + months - 1, 0).astype("M8[M]")
    length = ((first + 1).astype("M8[D]") - first.astype("M8[D]")).astype(np.int64)
    is_date &= (in_month >= 1) & (in_month <= length)
    return (first.astype("M8[D]").astype(np.int64) + in_month - 1) * DAY_MS + clock, is_date
