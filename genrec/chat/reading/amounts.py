"""Amounts and places in a list as people write them: 40, $1.5k, thirty, the 90s, two hours, the second, the last two.

Words for numbers are read by text2num, in the language of the message. Knows no attribute and no list.
"""

import re
from dataclasses import dataclass

from text_to_num import alpha2digit

from genrec.chat.words import folded

SPOKEN = ("en", "de", "fr", "es")  # languages whose words for numbers are read
_NUMBER = re.compile(r"(?P<number>\d+(?:[.,'’ ]\d{3})*(?:[.,]\d{1,2})?|\d+[.,]\d+)(?P<rest>[^\W\d_]*)")
_DECADE = re.compile(r"(?<!\d)(?P<century>\d\d)?(?P<decade>\d0)(?:'?s\b|er[nr]?\b|er\s|\b)")
_ORDINAL = re.compile(r"(?<!\d)(\d{1,3})\s?(?:st|nd|rd|th|\.|er|[eè]re|i?[eè]me|e|ᵉʳ|ers|ères|ª|º|ᵒˢ|ᵃˢ|ᵉ)(?!\w)")
_HALF = re.compile(r"\b(?:and a half|half|halbe?n?|einhalb|et demie?|demie?|y medi[oa]|medi[oa])\b", re.IGNORECASE)
_ONE = re.compile(r"\b(?:an?|one|eine?[rn]?|une?|una?)\s+[^\W\d_]{3,}", re.IGNORECASE)  # an hour, une heure
_TENS = "twent thirt fort fift sixt sevent eight ninet zwanzig dreissig vierzig fünfzig sechzig siebzig achtzig neunzig"
_DECADE_WORDS = {ten: 20 + 10 * (n % 8) for n, ten in enumerate(_TENS.split())}
_DECADE_WORD = re.compile(
    rf"\b(?:({'|'.join(_TENS.split()[:8])})ies|({'|'.join(_TENS.split()[8:])})er\w*)\b", re.IGNORECASE
)
# The end of a list, and two of a thing, in the languages that are read.
_LAST = re.compile(r"\b(?:last|latest|final|bottom|letzte\w*|derni[eè]re?s?|[uú]ltim[oa]s?)\b", re.IGNORECASE)
_TWO = re.compile(r"\b(?:both|couple|pair|beiden?|deux|dos|paar)\b", re.IGNORECASE)
_SECOND = re.compile(r"\b(?:segund[oa]s?|seconde?s?)\b", re.IGNORECASE)  # text2num takes them for a time
_THIS_CENTURY = 30  # decades before it are of this one: the 20s
_THOUSANDS = frozenset({"k", "tsd"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """A number, or the span that it stands for (the 90s), and the words beside it, such as its unit."""

    low: float
    high: float
    words: tuple[str, ...] = ()

    @property
    def is_span(self) -> bool:
        """Whether it stands for several numbers."""
        return self.low != self.high


def names_decade(text: str) -> bool:
    """Whether a text names a decade in words: the fifties, die Siebziger."""
    return _DECADE_WORD.search(text) is not None


def digits(text: str, language: str) -> str:
    """A text whose words for numbers are digits."""
    return str(alpha2digit(text, language, threshold=0)) if language in SPOKEN else text


def read_amounts(text: str, language: str, *, is_year: bool = False) -> list[Amount]:
    """All amounts of a text. is_year: 90s are 1990 to 1999."""
    if is_year and (named := _DECADE_WORD.search(text)):
        first = 1900.0 + _DECADE_WORDS[(named[1] or named[2]).casefold()]
        return [Amount(low=first, high=first + 9)]
    said = digits(text, language)
    if is_year and (decade := _DECADE.search(said)):
        century = decade["century"] or ("20" if int(decade["decade"]) < _THIS_CENTURY else "19")
        first = float(f"{century}{decade['decade']}")
        is_decade = decade.group().strip("0123456789 ") != "" or decade["century"] is None
        if is_decade and len(re.findall(r"\d+", said)) == 1:
            return [Amount(low=first, high=first + 9)]
    words = tuple(folded(word) for word in re.findall(r"[^\W\d_]+|[€$£¥%]", said))
    found = []
    for match in _NUMBER.finditer(said):
        number = _number(match["number"])
        if match["rest"].casefold() in _THOUSANDS:
            number *= 1000
        if _HALF.search(said):
            number += 0.5
        found.append(Amount(low=number, high=number, words=words))
    if not found and (_HALF.search(said) or _ONE.search(said)):
        number = 0.5 if _HALF.search(said) else 1.0
        found.append(Amount(low=number, high=number, words=words))
    return found


def _number(text: str) -> float:
    """1,500 and 1.500 are thousands; 19,99 and 4.5 are not."""
    plain = re.sub(r"['’ ]", "", text)
    whole = re.fullmatch(r"(\d{1,3}(?:[.,]\d{3})+)([.,]\d{1,2})?", plain)
    if whole is not None:
        end = (whole[2] or "").replace(",", ".")
        return float(re.sub(r"[.,]", "", whole[1]) + end)
    return float(plain.replace(",", "."))


def names_place(text: str, language: str) -> bool:
    """Whether a text says a place in a list, not merely that one is spoken of: the second, number 3, the last."""
    said = digits(text, language)
    is_some = any(int(match["number"]) > 1 for match in _NUMBER.finditer(said) if match["number"].isdigit())
    return is_some or any(pattern.search(said) for pattern in (_ORDINAL, _SECOND, _LAST, _TWO)) or text.strip() == "1"


def read_places(text: str, language: str, length: int) -> list[int]:
    """Places in a list of so many, from 0, that a text speaks of: the second, number 3, the first two, the last."""
    said = digits(text, language)
    numbers = [int(match["number"]) for match in _NUMBER.finditer(said) if match["number"].isdigit()]
    ordinals = [int(number) for number in _ORDINAL.findall(said)] + [2] * len(_SECOND.findall(said))
    cardinals = list(numbers)
    for ordinal in ordinals:
        if ordinal in cardinals:
            cardinals.remove(ordinal)
    cardinals += [2] if _TWO.search(said) and not cardinals else []
    some = next((number for number in cardinals if number > 1), 1)
    if _LAST.search(said):
        return list(range(max(0, length - some), length))
    if ordinals == [1] and some > 1:
        return list(range(min(some, length)))
    places = [number - 1 for number in (ordinals or cardinals)]
    return [place for place in places if 0 <= place < length]


def read_count(text: str, language: str) -> int | None:
    """How many are spoken of: three, the last two (2), my last one (1); None where no number is said."""
    said = digits(text, language)
    numbers = [int(match["number"]) for match in _NUMBER.finditer(said) if match["number"].isdigit()]
    if numbers:
        return max(numbers)
    return 2 if _TWO.search(said) else None
