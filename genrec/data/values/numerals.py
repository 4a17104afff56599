"""One cell as a number: its numerals, which of . and , are its decimals, and what stands around it.

Knows one cell at a time; which decimal sign an ambiguous one has is told by whoever knows the column.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, TypeAlias

from genrec.data.values.units import Around, around

Decimal: TypeAlias = Literal[".", ","]

_NUMERAL = r"(?:\d{1,3}(?: \d{3})+(?!\d)(?:[.,]\d+)?|\d+(?:'\d{3})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,]\d+)*|[.,]\d+)"
_END = r"(?:[.,](?:-{1,2}|(?![.,\d])))?"  # 12,- and 12.
_CELL = re.compile(
    rf"(?P<pre>[^\d]*?)(?P<first>{_NUMERAL})(?P<end>{_END})(?P<power>[eE][+-]?\d+)?"
    rf"(?P<mid>[^\d]*?)(?:(?P<second>{_NUMERAL}){_END}(?P<post>[^\d]*))?"
)
_RANGE = re.compile(r"(?P<one>.*?)(?P<join>\s*[-~/]\s*|\s+(?:to|bis|à|a|till|hasta)\s+)(?P<other>.*)")
_OUT_OF = re.compile(r"\s*(?:/|out of|of|von|sur|de)\s*")
_SCALES = ("5", "10", "20", "100")
_BLANKS = re.compile(r"[\s\u00a0\u2000-\u200b\u202f\u205f\u2060\u3000]+")
_TIMES = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "Mio": 1e6, "Mrd": 1e9}
_TIMES_WORD = re.compile(r"(?P<times>k|K|M|B|Mio|Mrd)\.?(?![\w³²])")
_SPELLED = str.maketrans(
    {
        **dict.fromkeys("−‒–—﹣－‐‑⁃", "-"),
        **dict.fromkeys("’‘`´ʼ٬＇", "'"),
        "½": ".5",
        "¼": ".25",
        "¾": ".75",
        "٫": ".",
        "．": ".",
        "，": ",",
        "＄": "$",
        "％": "%",
        "٪": "%",
        "￥": "¥",
        "￡": "£",
        "€": "€",
        **dict.fromkeys("\u200e\u200f\u061c\u202a\u202b\u202c\u2066\u2067\u2069\ufeff"),
    }
)
_MAX_CHARS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A cell that is a number: numerals as written (the second of a range), their sign, and what is around them."""

    first: str
    second: str | None
    negative: bool
    power: str
    times: float
    around: Around
    has_plain_join: bool = False  # a range written as 3-5, which codes look like

    @property
    def decimals(self) -> tuple[Decimal | None, ...]:
        """What each numeral says of the decimal sign."""
        return tuple(told_decimal(part) for part in (self.first, self.second) if part is not None)

    def value(self, decimal: Decimal) -> float | None:
        """The number, or the lowest of a range; None where its groups are none."""
        found = to_float(self.first, decimal, self.power)
        return None if found is None else (-found if self.negative else found) * self.times

    def upper(self, decimal: Decimal) -> float | None:
        """The highest of a range."""
        found = None if self.second is None else to_float(self.second, decimal)
        return None if found is None else found * self.times


def normal(text: str) -> str:
    """A cell with one spelling of digits, minus signs, blanks and apostrophes."""
    if not text.isascii():
        text = text.translate(_SPELLED)
        if not text.isascii():
            text = "".join(_digit(char) for char in text)
    return _BLANKS.sub(" ", text).strip()


def _digit(char: str) -> str:
    return str(unicodedata.decimal(char)) if char >= "\u0660" and unicodedata.category(char) == "Nd" else char


def read(text: str) -> Written | None:
    """A cell as a number, or a range of two; None where it is neither."""
    text = normal(text)
    found = _CELL.fullmatch(text) if len(text) <= _MAX_CHARS else None
    if found is None:
        return None
    pre, mid, post = found["pre"], found["mid"], found["post"] or ""
    if found["end"].startswith((".", ",")) and "-" in found["end"]:
        first = found["first"] + found["end"][0] + "00"
    else:
        first = found["first"]
    if found["second"] is None:
        return _single(pre, first, found["power"] or "", mid)
    if _OUT_OF.fullmatch(mid) and found["second"] in _SCALES and not pre.strip():
        unit = post.strip()
        if unit and not unit.isalpha():
            return None
        known = Around(unit=f"/ {found['second']}")
        return Written(first=first, second=None, negative=False, power="", times=1, around=known)
    joined = _RANGE.fullmatch(mid)
    if joined is None or "/" in joined["join"] or found["power"] or _is_code(first) or _is_code(found["second"]):
        return None
    one, times = _times(joined["one"])
    other, other_times = _times(post)
    known = around(f"{pre} {one} {joined['other']} {other}".strip())
    if known.unknown and not _is_unit(known):
        return None
    return Written(
        first=first,
        second=found["second"],
        negative=pre.strip(" $€£").startswith("-"),
        power="",
        times=max(times, other_times),
        around=known,
        has_plain_join=joined["join"] in "-~"
        and not (known.currency or known.unit)
        and first.isdigit()
        and found["second"].isdigit(),
    )


def _single(pre: str, first: str, power: str, mid: str) -> Written | None:
    negative = False
    if pre.strip().startswith("(") and mid.rstrip().endswith(")"):
        negative, pre, mid = True, pre.strip()[1:], mid.rstrip()[:-1]
    if "-" in pre:
        left, _, right = pre.partition("-")
        if (
            "-" in right
            or negative
            or (right.strip() and around(right).unknown)
            or (left.strip() and (around(left).unknown or not around(left).currency))
        ):
            return None
        negative, pre = True, f"{left} {right}"
    elif mid.startswith("-") or mid.rstrip().endswith("-"):
        if negative or mid.count("-") > 1:
            return None
        negative, mid = True, mid.replace("-", " ")
    pre = pre.replace("+", " ")
    mid, times = _times(mid)
    before, after = around(pre.strip()), around(mid.strip())
    if before.unknown or before.unit or (before.currency and after.currency and before.currency != after.currency):
        return None
    if after.unknown and not _is_unit(after):
        return None
    known = Around(
        currency=before.currency or after.currency,
        unit=after.unit,
        unknown=after.unknown,
        sign=before.sign or after.sign,
    )
    return Written(first=first, second=None, negative=negative, power=power, times=times, around=known)


def _is_unit(known: Around) -> bool:
    """Whether words of no known meaning may be a unit: one word of letters."""
    return len(known.unknown) == 1 and known.unit is None and known.unknown[0].replace(".", "").isalpha()


def _times(mid: str) -> tuple[str, float]:
    """What is left of the words after a number, and what a directly attached K or M multiplies it by."""
    found = _TIMES_WORD.match(mid) or (
        _TIMES_WORD.match(mid.lstrip()) if mid.lstrip().startswith(("Mio", "Mrd")) else None
    )
    if found is None:
        return mid, 1
    return mid.lstrip()[found.end() :], _TIMES[found["times"]]


def _is_code(numeral: str) -> bool:
    return len(numeral) > 1 and numeral.startswith("0") and numeral.isdigit()


def told_decimal(numeral: str) -> Decimal | None:
    """Which decimal sign a numeral shows beyond doubt; None where it is whole, or 1,234 and the like."""
    points, commas = numeral.count("."), numeral.count(",")
    if points and commas:
        last: Decimal = "." if numeral.rindex(".") > numeral.rindex(",") else ","
        return last if numeral.count(last) == 1 else None
    if not points and not commas:
        return None
    sign: Decimal = "." if points else ","
    other: Decimal = "," if points else "."
    if points + commas > 1:
        return other
    whole, _, rest = numeral.partition(sign)
    if len(rest) != 3 or not whole or whole.startswith("0") or len(whole.replace(" ", "").replace("'", "")) > 3:
        return sign
    return sign if " " in whole or "'" in whole else None


def to_float(numeral: str, decimal: Decimal, power: str = "") -> float | None:
    """A numeral as a number; None where its thousands are no groups. What it shows itself goes before `decimal`."""
    sign = told_decimal(numeral) or decimal
    whole, _, rest = numeral.replace(" ", "").replace("'", "").partition(sign)
    other = "," if sign == "." else "."
    if other in rest or sign in rest or (other in whole and not _is_grouped(whole, other)):
        return None
    return float(f"{whole.replace(other, '') or '0'}.{rest or '0'}{power}")


def _is_grouped(whole: str, sign: str) -> bool:
    """Whether thousands stand in groups: 1,234,567 or, in India, 12,34,567."""
    first, *groups = whole.split(sign)
    middle = {len(group) for group in groups[:-1]}
    return 0 < len(first) <= 3 and len(groups[-1]) == 3 and len(middle) <= 1 and middle <= {2, 3}
