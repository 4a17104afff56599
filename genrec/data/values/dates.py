"""One cell as a date and time: numeric dates, written months in several languages, zones.

Knows one cell at a time; whether 03/04/2017 is in March or April is told by whoever knows the column.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from typing import ClassVar

from babel import Locale
from dateutil import parser as dateutil_parser

from genrec.data.values.numerals import normal

# Locales whose names of months and days are read.
_LOCALES = ("en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "nb", "fi", "pl", "cs", "hu", "ro", "ru", "uk", "tr")
_FILLERS = (
    "um",
    "uhr",
    "de",
    "del",
    "le",
    "kl",
    "den",
    "г",
    "klo",
    "à",
    "at",
    "on",
    "of",
    "the",
    "st",
    "nd",
    "rd",
    "th",
)
_CLOCK = re.compile(
    r"(?<![\d:.])(?P<hour>\d{1,2})(?:(?:[:hH](?P<minute>\d{2})|[.](?P<minutes>\d{2})(?=\s*(?:Uhr|[AaPp]\.?[Mm]|$)))"
    r"(?:[:.](?P<second>\d{2})(?:[.,:](?P<fraction>\d{1,9}))?)?)?(?:\s*(?P<half>[AaPp])\.?[Mm]\b\.?)?(?P<uhr>\s*Uhr)?"
    r"(?P<zone>\s*(?:(?:UTC|GMT)?\s*[+-]\d{1,2}(?::?\d{2})?(?!\d)|(?:Z|[A-Z]{2,4})\b))?"
)
_PLAIN_CLOCK = re.compile(r"([\d/.-]+)[ T](\d{1,2}:\d{2}(?::\d{2})?)")
_LOG = re.compile(r"^\[?(\d{1,2}/[A-Za-z]{3}/\d{4}):(\d{2}:\d{2}:\d{2}(?: [+-]\d{4})?)\]?$")  # of web servers
_BRACKETS = re.compile(r"\s*[(\[][^()\[\]]*[)\]]$")
_BEFORE_CLOCK = re.compile(r"(?:\s|,|(?<=\d)[Tt]|(?<=\s)-|@|\b(?:at|um|kl|à|alle|às|a las)\.?)+$", re.I)
_YEAR_FIRST = re.compile(r"(?P<year>\d{4})[-/. ](?P<month>\d{1,2})[-/. ](?P<day>\d{1,2})\.?")
_EIGHT = re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})")
_MONTH = re.compile(r"(?P<year>\d{4})[-/.](?P<month>0?[1-9]|1[0-2])|(?P<month_>0?[1-9]|1[0-2])[/.](?P<year_>\d{4})")
_DAY_OR_MONTH = re.compile(
    r"(?P<one>\d{1,2})(?P<sep>[-/.]|\.\s| )(?P<two>\d{1,2})(?:(?P=sep)|,\s?)(?P<year>\d{4}|\d{2})"
)
_COMPACT = re.compile(r"(?P<date>\d{8})T?(?:(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})?(?P<zone>Z)?)?")
_CHINESE = re.compile(r"(?P<year>\d{4})\s*[年년]\s*(?P<month>\d{1,2})\s*[月월]\s*(?P<day>\d{1,2})\s*[日일]")
_ZONES: dict[str, float] = {
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "CET": 1,
    "CEST": 2,
}
_ZONES |= {"BST": 1, "IST": 5.5, "JST": 9, "MSK": 3, "WET": 0, "EET": 2, "EEST": 3, "UTC": 0, "GMT": 0, "Z": 0}
_WORDS = re.compile(r"[^\W\d_]{3,}")
_PIVOT = 70  # two-digit years from here on are of the last century
_DEFAULTS = (datetime(2000, 1, 1), datetime(2004, 2, 2))  # what a text leaves out differs between them
_MAX_CHARS = 80
YEARS = (1800, 2200)
_DAY_MS = 86_400_000
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """A time in milliseconds since 1970, UTC where no zone is written; other: if month and day were the other way."""

    milliseconds: int
    other: int | None = None
    has_zone: bool = False
    told_day_first: bool | None = None  # what the cell shows itself, as 25/08/2017 does


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    """A date in days since 1970, with the month first; other and told_day_first as in When."""

    days: int
    other: int | None = None
    told_day_first: bool | None = None


class _Months(dateutil_parser.parserinfo):
    JUMP: ClassVar[list[str]] = [*dateutil_parser.parserinfo.JUMP, *_FILLERS]
    MONTHS: ClassVar[list[tuple[str, ...]]] = []
    WEEKDAYS: ClassVar[list[tuple[str, ...]]] = []


@cache
def _languages() -> tuple[_Months, frozenset[str]]:
    """dateutil's words with those of other languages, and all names of months."""
    months: list[dict[str, None]] = [{} for _ in range(12)]
    days: list[dict[str, None]] = [{} for _ in range(7)]
    for name in _LOCALES:
        locale = Locale.parse(name)
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, word in locale.months[context][width].items():
                    months[number - 1][word.strip(".").lower()] = None
                for number, word in locale.days[context][width].items():
                    days[number][word.strip(".").lower()] = None
    months[2]["mrz"] = months[8]["sept"] = None
    seen: set[str] = set()
    for names in months:  # a word that is a month in two languages is the earlier language's
        for word in [word for word in names if word in seen]:
            del names[word]
        seen |= set(names)
    _Months.MONTHS = [tuple(names) for names in months]
    _Months.WEEKDAYS = [tuple(word for word in names if word not in seen) for names in days]
    return _Months(), frozenset(seen)


def read(text: str) -> When | None:
    """A cell as a time, read with the month first where it does not show which it is; None where it is none."""
    text = _LOG.sub(r"\1 \2", normal(text))
    if not 6 <= len(text) <= _MAX_CHARS:
        return None
    try:
        dated, clock = _apart(text)
        day = _read_day(dated)
        at_ms, zone_ms = _read_clock(clock)
    except (ValueError, OverflowError):
        return None
    if day is None:
        return None
    moved = at_ms - (zone_ms or 0)
    return When(
        milliseconds=day.days * _DAY_MS + moved,
        other=None if day.other is None else day.other * _DAY_MS + moved,
        has_zone=zone_ms is not None,
        told_day_first=day.told_day_first,
    )


def _apart(text: str) -> tuple[str, str]:
    """The date and the clock of a cell, the latter '' where it has none."""
    plain = _PLAIN_CLOCK.fullmatch(text)
    if plain:
        return plain[1], plain[2]
    if text[-1] in ")]":
        text = _BRACKETS.sub("", text)
    compact = _COMPACT.fullmatch(text)
    if compact:
        digits, hour = compact["date"], compact["hour"]
        clock = f"{hour}:{compact['minute']}:{compact['second'] or '00'}{compact['zone'] or ''}" if hour else ""
        return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}", clock
    for found in _CLOCK.finditer(text):
        if found["minute"] or found["minutes"] or found["half"] or found["uhr"]:
            before = _BEFORE_CLOCK.sub("", text[: found.start()])
            return f"{before} {text[found.end() :].strip(' ,')}".strip(), found[0]
    return text.rstrip("Z") if text[-1:] == "Z" else text, ""


@lru_cache(maxsize=2**17)
def _read_clock(text: str) -> tuple[int, int | None]:
    """A clock as milliseconds since midnight, and how far its zone is from UTC. Raises ValueError."""
    found = _CLOCK.fullmatch(text) if text else None
    if found is None:
        if text:
            raise ValueError(text)
        return 0, None
    hour, minute, second = int(found["hour"]), int(found["minute"] or found["minutes"] or 0), int(found["second"] or 0)
    half = (found["half"] or "").lower()
    if (half and not 1 <= hour <= 12) or minute > 59 or second > 60 or hour * 3600 + minute * 60 > 86_400:
        raise ValueError(text)
    hour = hour % 12 + 12 * (half == "p") if half else hour
    fraction = int((found["fraction"] or "0").ljust(3, "0")[:3])
    return ((hour * 60 + minute) * 60 + second) * 1000 + fraction, _zone_ms((found["zone"] or "").strip())


def _zone_ms(text: str) -> int | None:
    """How far a zone is from UTC, in milliseconds; None where none is written. Raises ValueError."""
    if not text:
        return None
    found = re.fullmatch(r"(?:UTC|GMT)?\s*(?P<sign>[+-])(?P<hours>\d{1,2}):?(?P<minutes>\d{2})?", text)
    if found is None:
        if text not in _ZONES:
            raise ValueError(text)
        return int(_ZONES[text] * 3_600_000)
    distance = int(found["hours"]) * 60 + int(found["minutes"] or 0)
    if distance > 15 * 60:
        raise ValueError(text)
    return distance * (-60_000 if found["sign"] == "-" else 60_000)


@lru_cache(maxsize=2**17)
def _read_day(text: str) -> _Day | None:
    """A date without a clock. Raises ValueError."""
    for pattern in (_YEAR_FIRST, _CHINESE, _EIGHT):
        found = pattern.fullmatch(text)
        if found:
            return _Day(days=_days(int(found["year"]), int(found["month"]), int(found["day"])))
    found = _MONTH.fullmatch(text)
    if found:
        return _Day(days=_days(int(found["year"] or found["year_"]), int(found["month"] or found["month_"]), 1))
    found = _DAY_OR_MONTH.fullmatch(text)
    if found is None:
        return _worded(text)
    one, two, year = int(found["one"]), int(found["two"]), _full_year(found["year"])
    if one > 12 or two > 12:
        told = one > 12 if found["sep"].strip() not in (".", "") else None
        return _Day(days=_days(year, *((two, one) if one > 12 else (one, two))), told_day_first=told)
    if found["sep"].startswith("."):  # the day first, wherever points are used
        return _Day(days=_days(year, two, one))
    other = None if found["sep"] == " " or one == two else _days(year, two, one)
    return _Day(days=_days(year, one, two), other=other)


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970. Raises ValueError where there is no such date, or its year is none of people's lives."""
    if not YEARS[0] <= year <= YEARS[1]:
        raise ValueError(year)
    return date(year, month, day).toordinal() - _EPOCH


def _full_year(year: str) -> int:
    return int(year) if len(year) == 4 else int(year) + (1900 if int(year) >= _PIVOT else 2000)


def to_milliseconds(moment: datetime) -> int:
    """A time in milliseconds since 1970; without a zone it is UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _worded(text: str) -> _Day | None:
    """A date whose month is a word; one that gives a year, too, and the first of the month where it gives no day."""
    words, months = _languages()
    if not any(word.lower() in months for word in _WORDS.findall(text)):
        return None
    cleaned = re.sub(r"(?<=\d)(?:st|nd|rd|th|er|º|ª)\b", "", text).lower()
    one, two = (dateutil_parser.parser(words).parse(cleaned, default=start) for start in _DEFAULTS)
    if one.replace(day=1) != two.replace(day=1) or one.tzinfo is not None:
        return None  # no year, or no month
    return _Day(days=_days(one.year, one.month, one.day))
