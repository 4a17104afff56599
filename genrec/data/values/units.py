"""Words and signs around numbers: currencies, units with their sizes, and words such as "from" that say nothing more.

Currencies are babel's. Knows no columns.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain, pairwise

from babel import Locale
from babel.numbers import get_currency_precision, list_currencies

# Written signs that babel's English lacks or that several currencies share; the first of those is meant.
_SIGNS = {
    "$": "USD", "us$": "USD", "usd$": "USD", "dollar": "USD", "dollars": "USD", "€": "EUR", "euro": "EUR",
    "euros": "EUR", "£": "GBP", "¥": "JPY", "円": "JPY", "元": "CNY", "rmb": "CNY", "₹": "INR", "rs": "INR",
    "rs.": "INR", "kr": "SEK", "kr.": "DKK", "zł": "PLN", "zl": "PLN", "kč": "CZK", "ft": "HUF", "lei": "RON",
    "fr": "CHF", "fr.": "CHF", "sfr": "CHF", "sfr.": "CHF", "r$": "BRL", "₽": "RUB", "руб": "RUB", "руб.": "RUB",
    "₴": "UAH", "грн": "UAH", "₺": "TRY", "tl": "TRY", "₩": "KRW", "원": "KRW", "₫": "VND", "₪": "ILS", "฿": "THB",
    "₱": "PHP", "₦": "NGN", "rp": "IDR", "rm": "MYR", "s$": "SGD", "c$": "CAD", "a$": "AUD", "лв": "BGN", "лв.": "BGN",
    "s/": "PEN", "s/.": "PEN", "﷼": "SAR", "د.إ": "AED",
}  # fmt: skip
SHARED_SIGNS = frozenset({"kr", "kr.", "¥", "fr", "fr."})  # which a note names
_COMMON = frozenset(_SIGNS.values()) | {"NOK", "NZD", "HKD", "TWD", "MXN", "ZAR"}
# A currency's own language decides how its ambiguous prices are read.
_HABITS = {
    "EUR": "de", "USD": "en", "GBP": "en", "CHF": "de_CH", "BRL": "pt_BR", "PLN": "pl", "SEK": "sv", "DKK": "da",
    "NOK": "nb", "CZK": "cs", "HUF": "hu", "RON": "ro", "RUB": "ru", "UAH": "uk", "TRY": "tr", "VND": "vi", "IDR": "id",
    "ARS": "es_AR", "CLP": "es_CL", "COP": "es_CO", "BGN": "bg", "ISK": "is", "RSD": "sr",
}  # fmt: skip

_SIZES: Mapping[str, Mapping[str, float]] = {  # of each unit in the first one of its kind
    "mass": {"kg": 1, "g": 1e-3, "mg": 1e-6, "t": 1e3, "lb": 0.45359237, "oz": 0.028349523125},
    "length": {"m": 1, "cm": 1e-2, "mm": 1e-3, "km": 1e3, "in": 0.0254, "ft": 0.3048, "yd": 0.9144, "mi": 1609.344},
    "volume": {"l": 1, "ml": 1e-3, "cl": 1e-2, "dl": 0.1, "fl oz": 0.0295735295625, "gal": 3.785411784},
    "time": {"s": 1, "ms": 1e-3, "min": 60, "h": 3600, "d": 86400, "weeks": 604800},
    "storage": {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12},
    "power": {"W": 1, "kW": 1e3, "mW": 1e-3},
    "frequency": {"Hz": 1, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9},
    "energy": {"kJ": 1, "kcal": 4.184},
    "charge": {"mAh": 1, "Ah": 1e3},
}
_OTHER_UNITS = ("%", "V", "A", "°C", "°F", "px", "MP", "dpi", "dB", "lm", "bar", "rpm", "fps", "ct", "m²", "m³", "cm²")
_SPELLINGS = {
    "kilogram": "kg", "kilograms": "kg", "kilo": "kg", "kilos": "kg", "kgs": "kg", "gram": "g", "grams": "g",
    "gramm": "g", "gr": "g", "grs": "g", "pound": "lb", "pounds": "lb", "lbs": "lb", "ounce": "oz", "ounces": "oz",
    "metre": "m", "meter": "m", "metres": "m", "meters": "m", "centimeter": "cm", "centimeters": "cm",
    "centimetre": "cm", "centimetres": "cm", "millimeter": "mm", "millimeters": "mm", "millimetres": "mm",
    "kilometer": "km", "kilometers": "km", "inch": "in", "inches": "in", '"': "in", "″": "in", "”": "in", "zoll": "in",
    "''": "in", "foot": "ft", "feet": "ft", "′": "ft", "miles": "mi", "mile": "mi", "liter": "l", "litre": "l",
    "liters": "l", "litres": "l", "ltr": "l", "milliliter": "ml", "milliliters": "ml", "millilitres": "ml",
    "sec": "s", "secs": "s", "second": "s", "seconds": "s", "sek": "s", "sekunden": "s", "mins": "min",
    "minute": "min", "minutes": "min", "minuten": "min", "hr": "h", "hrs": "h", "hour": "h", "hours": "h", "std": "h",
    "stunden": "h", "day": "d", "days": "d", "tage": "d", "week": "weeks", "wochen": "weeks", "percent": "%",
    "prozent": "%", "pct": "%", "watt": "W", "watts": "W", "volt": "V", "volts": "V", "pixel": "px", "pixels": "px",
    "qm": "m²", "sqm": "m²", "carat": "ct", "℃": "°C",
}  # fmt: skip
# Words before or after a number that only say how exactly it is meant.
_BOUND_WORDS = (
    "from ab from: ca ca. circa approx approx. about ~ ≈ < <= > >= ≤ ≥ up to bis zu max max. à partir de "
    "dès des desde a da partire starting at only nur just now jetzt each je pro stk per pro incl. inkl. incl inkl "
    "mwst mwst. vat uvp statt als vanaf od от desde: price: preis: price preis : = plus + under over unter über avg "
    "avg. ."
)
_BOUNDS = frozenset(_BOUND_WORDS.split())
_WORD = re.compile(r"[$€£¥₹₽₴₺₩₫₪฿₱₦]|[^\s$€£¥₹₽₴₺₩₫₪฿₱₦]+(?:\$)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What stands around a number: its currency as ISO 4217, its unit, unknown words, the currency as written."""

    currency: str | None = None
    unit: str | None = None
    unknown: tuple[str, ...] = ()
    sign: str | None = None


@cache
def _currency_signs() -> Mapping[str, str]:
    """Currencies by how they are written in their languages, in lower case."""
    known = list_currencies()
    signs: dict[str, str] = {}
    for language in dict.fromkeys(("en", "fr", *_HABITS.values())):
        for code, sign in Locale.parse(language).currency_symbols.items():
            if code in known and len(sign) > 1:
                signs.setdefault(sign.replace("\xa0", "").lower(), code)
    return signs | _SIGNS


@cache
def _codes() -> frozenset[str]:
    return frozenset(list_currencies())


@cache
def _units() -> Mapping[str, str]:
    names = [name for sizes in _SIZES.values() for name in sizes] + list(_OTHER_UNITS)
    lower = {name.lower(): name for name in names if name not in ("mW", "MP")}
    return {**_SPELLINGS, **lower, **{name: name for name in names}}


@cache
def around(text: str) -> Around:
    """What the words around a number say. Words of bounds ("from", "ca.") are left out."""
    currency, sign, unit = None, None, None
    unknown: list[str] = []
    chunks = text.replace("fl. oz", "fl oz").replace("fl oz", "floz").split()
    for word in chain.from_iterable(
        [chunk] if chunk.lower() in _currency_signs() else _WORD.findall(chunk) for chunk in chunks
    ):
        bare = word.strip(".,:;()*") or word
        if word.lower() in _BOUNDS or bare.lower() in _BOUNDS:
            continue
        code = (
            bare
            if bare in _codes()
            else next(
                (_currency_signs()[key] for key in (word.lower(), bare.lower()) if key in _currency_signs()), None
            )
        )
        found = "fl oz" if bare == "floz" else _units().get(bare) or _units().get(bare.lower())
        if found and bare != "Ft" and not (code and not unit and bare == bare.upper() and len(bare) == 3):
            unit, unknown = found, unknown + ([unit] if unit else [])
        elif code:
            sign, currency = (word.lower(), code) if code != currency else (sign, currency)
        else:
            unknown.append(bare)
    return Around(currency=currency, unit=unit, unknown=tuple(unknown), sign=sign)


def currency_named(name: str) -> str | None:
    """The currency that the name of a column of prices ends with, or holds in brackets or after "in": price_eur."""
    words = re.findall(r"[^\W\d_]+|[$€£¥₹₽₴₺₩₫₪฿₱₦]", name)
    ends = {word.lower() for word in (*words[-1:], *re.findall(r"[(\[]\s*([^()\[\]\s]+)", name))}
    ends |= {other.lower() for word, other in pairwise(words) if word.lower() == "in"}
    found = {_SIGNS[end] for end in ends if end in _SIGNS and len(words) > 1}
    found |= {end.upper() for end in ends if end.upper() in _COMMON and len(words) > 1}
    return found.pop() if len(found) == 1 else None


def conversion(unit: str, to: str) -> float | None:
    """What a number in one unit is multiplied by to be in another; None where they measure different things."""
    if unit == to:
        return 1.0
    return next((sizes[unit] / sizes[to] for sizes in _SIZES.values() if unit in sizes and to in sizes), None)


@cache
def decimal_habit(currency: str | None) -> str | None:
    """The decimal sign, "." or ",", that prices in a currency are written with; None where none is known."""
    if currency is None:
        return None
    locale = Locale.parse(_HABITS.get(currency, "en"))
    return "," if locale.number_symbols["latn"]["decimal"] == "," else "."


@cache
def num_decimals(currency: str) -> int:
    """How many decimals prices in a currency have."""
    return get_currency_precision(currency)
