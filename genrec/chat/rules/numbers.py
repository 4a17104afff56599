"""Prices, years and other numbers in words: under 40, between 20 and thirty, from the 90s.

Knows how people bound a number; which attribute a number is about is decided by the attributes that the catalog has.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from genrec.chat.lexicon import Lexicon
from genrec.chat.spelling import TENS, spell_out
from genrec.data.filters import Operator, Predicate

_DECADES = {(word[:-1] + "ies"): number for word, number in TENS.items()}
AROUND_SHARE = 0.2  # "around 40" means 40 give or take a fifth

_COINS = r"(?:[$€£]|dollars?|euros?|bucks?|eur|usd|pounds?|quid)"
_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d{1,2})?"
_MONEY = re.compile(rf"[$€£]|\b(?:{_COINS}|price[ds]?|costs?|costing|budget|spend|pay)\b")
_YEAR = r"(1[89]\d\d|20\d\d)"


def _pattern(form: str) -> str:
    """A regular expression from words: spaces match any space, N an amount of money, Y a year, ~ anything between."""
    number = rf"({_DIGITS})(?!\d|(?:st|nd|rd|th)\b)"
    amount = rf"(?:(?:about|around|like|roughly|maybe)\s+)?(?:[$€£]\s*)?{number}(?:\s*{_COINS}(?!\w))?"
    spaced = form.replace(" ~ ", r"\s*(?:and|to|-|–|till|until)\s*").replace(" ", r"\s+")
    return r"(?<!\w)" + spaced.replace("N", amount).replace("Y", _YEAR)


# Forms bind their amounts to operators, the most specific first.
_NOT = r"(?:not|no|never|nothing|\w+n't|cannot)"
_AND_SO = r"(?: (?:want|like|need|have|to|it|that|them|this|be|costs?|spend|pay|go|going|priced|really))*"
_EXACTLY = r"(?<!around\x20)(?<!about\x20)(?<!roughly\x20)(?!around|about|roughly)"  # "around 70 each" is no bound
_BOUNDS: tuple[tuple[str, tuple[Operator, ...]], ...] = (
    (r"(?:between|from|priced) N ~ N", (">=", "<=")),
    (r"N\s*(?:-|–|to)\s*N(?!\w)", (">=", "<=")),
    (rf"{_NOT}{_AND_SO} (?:more|over|above|greater|higher|costlier|exceed)(?: than)? N", ("<=",)),
    (rf"{_NOT}{_AND_SO} (?:less|under|below|lower|cheaper)(?: than)? N", (">=",)),
    (r"(?:under|below|beneath|less th[ae]n|cheaper than|lower than|smaller than)(?: the)? N", ("<",)),
    (r"<\s*N", ("<",)),
    (r"(?:up to|at(?: the)? most|max(?:imum|imal)?(?: of)?|within|not exceeding|until|upto):?\s*N", ("<=",)),
    (r"(?:<=|≤)\s*N", ("<=",)),
    (r"(?:stretch|go|go up|go as high as|manage|afford)(?: up)? to N", ("<=",)),
    (r"(?:not|\w+n't|cannot) (?:stretch|go)(?: any further)? (?:past|beyond|over|above) N", ("<=",)),
    (r"(?:budget|limit)(?: is| of|'s)?:? N", ("<=",)),
    (r"N (?:(?:is|'s) )?(?:my |the |a )?(?:absolute )?(?:limit|budget|max(?:imum)?|ceiling)(?!\w)", ("<=",)),
    (r"(?:i|we) (?:can|could) (?:do|spend|go|pay|afford|manage)(?: only| just| up to)? N(?: to spend)?", ("<=",)),
    (r"(?:i have|spend(?:ing)?|pay(?:ing)?)(?: only| just| up to)? N(?: to spend)?", ("<=",)),
    (r"(?:what|anything) (?:would|can|could|will|does) N (?:get|buy)", ("<=",)),
    (rf"{_EXACTLY}N (?:each|apiece|a piece|per (?:item|piece))(?!\w)", ("<=",)),
    (r"N (?:or (?:less|under|below|cheaper)|max(?:imum)?|tops|at(?: the)? most)(?!\w)", ("<=",)),
    (r"(?:at(?: the)? least|min(?:imum)?(?: of)?|starting (?:at|from)) N", (">=",)),
    (r"(?:>=|≥)\s*N", (">=",)),
    (r"from N (?:up|upwards?|on|onwards?)(?!\w)", (">=",)),
    (r"N (?:or (?:more|above|over|up)|and (?:up|above)|upwards?|at(?: the)? least)(?!\w)", (">=",)),
    (r"N\s*\+", (">=",)),
    (r"(?:over|above|more than|pricier than|dearer than|higher than|beyond) N", (">",)),
    (r">\s*N", (">",)),
)
_AROUND = r"(?:around|about|roughly|approximately|approx\.?|circa|some|near(?:ly)?|close to|say,?) N"
_AROUND_SIGN = r"~\s*N"
_AROUND_ISH = r"N\s*-?\s*ish(?!\w)"
_FOR_MONEY = rf"(?:for )?(?=[$€£]|\d[\d.,]*\s*{_COINS})N"
_NOT_MONEY = rf"not (?=[$€£]|\d[\d.,]*\s*{_COINS})N"
_FOR_BARE = r"for N(?=\s*(?:$|[,.;!?]|please\b|max))"
_DECADE = re.compile(r"(?:the\s+|early\s+|late\s+|mid\s+|'|’)*\b(?:(1[89]|20)?(\d)0\s*'?s)\b")
_YEAR_BOUNDS: tuple[tuple[str, tuple[Operator, ...]], ...] = (
    (r"(?:between|from) Y ~ Y", (">=", "<=")),
    (r"Y\s*(?:-|–|to)\s*Y", (">=", "<=")),
    (rf"(?:{_NOT}{_AND_SO} (?:(?:from|made) )?before|{_NOT}{_AND_SO} (?:older|earlier) than|since) Y", (">=",)),
    (rf"{_NOT}{_AND_SO} (?:(?:from|made) )?(?:after|newer than|later than) Y", ("<=",)),
    (r"(?:from )?Y or (?:later|newer)", (">=",)),
    (r"from Y on\w*", (">=",)),
    (r"(?:until|till|up to|not after|not newer than|not later than) Y", ("<=",)),
    (r"(?:from )?Y or (?:earlier|older)", ("<=",)),
    (r"(?:after|newer than|later than|past|more recent than|over|above) Y", (">",)),
    (r"(?:post[\s-]*|>\s*)Y", (">",)),
    (r"(?:before|older than|earlier than|prior to|under|below) Y", ("<",)),
    (r"(?:pre[\s-]*|<\s*)Y", ("<",)),
    (r"(?:(?:from|in|of|year|made in|released in) (?:the year )?)?Y\b", ("=",)),
)


@dataclass(frozen=True, slots=True)
class ConstraintsRead:
    """What was read: the wishes, the text with their words blanked out, and bounds that no attribute can take.

    dropped: attributes whose older bounds end.
    """

    constraints: tuple[Predicate, ...]
    rest: str
    unmatched: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


def read_numbers(text: str, lexicon: Lexicon) -> ConstraintsRead:
    """Read the bounds of a message in lower case; years first where the catalog has years."""
    reader = _NumberScanner(spell_out(text), lexicon)
    if lexicon.year is not None:
        reader.read_years(lexicon.year)
    reader.read_amounts()
    return ConstraintsRead(_tightest(reader.constraints), reader.text, tuple(reader.unmatched))


def _tightest(bounds: list[Predicate]) -> tuple[Predicate, ...]:
    """One bound a side: of "not 200, like max 90", the 90."""
    tightest: dict[tuple[str, str], Predicate] = {}
    for bound in bounds:
        side = (bound.attribute, bound.operator[0])
        old = tightest.get(side)
        is_tighter = old is None or (float(bound.value) < float(old.value)) == (bound.operator[0] == "<")  # type: ignore[arg-type]
        tightest[side] = bound if old is None or is_tighter else old
    return tuple(tightest.values())


class _NumberScanner:
    """One message, blanked out as it is understood."""

    def __init__(self, text: str, lexicon: Lexicon) -> None:
        self.text, self.lexicon = text, lexicon
        self.constraints: list[Predicate] = []
        self.unmatched: list[str] = []
        names = [n for n, attribute in lexicon.attribute_names.items() if attribute in lexicon.numeric]
        joined = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)) or r"(?!x)x"
        self.name_near = re.compile(rf"\b({joined})\b")

    def _each(self, pattern: str | re.Pattern[str], take: Callable[[re.Match[str]], bool]) -> None:
        """Hand each match to `take`, and blank out those that it takes."""

        def blank(match: re.Match[str]) -> str:
            return " " * len(match.group()) if take(match) else match.group()

        self.text = re.sub(pattern, blank, self.text)

    def read_years(self, attribute: str) -> None:
        """Decades and years, where a number of four digits cannot be money."""

        def take_decade(match: re.Match[str]) -> bool:
            century, digit = match.groups()
            first = int(century or ("20" if digit in "012" else "19")) * 100 + int(digit) * 10
            self._add(attribute, ">=", first)
            self._add(attribute, "<=", first + 9)
            return True

        for word, number in _DECADES.items():
            self.text = re.sub(rf"\b{word}\b", f"{number}s", self.text)
        self._each(_DECADE, take_decade)
        for form, operators in _YEAR_BOUNDS:

            def take(match: re.Match[str], operators: tuple[Operator, ...] = operators) -> bool:
                years = [int(year) for year in match.groups() if year]
                if len(years) != len(operators) or self._is_money(match):
                    return False
                for operator, year in zip(operators, years, strict=True):
                    self._add(attribute, operator, year)
                return True

            self._each(_pattern(form), take)

    def read_amounts(self) -> None:
        """Bounded amounts, amounts "around", and plain amounts of money."""
        for form, operators in _BOUNDS:

            def take(match: re.Match[str], operators: tuple[Operator, ...] = operators) -> bool:
                return self._bind(match, operators, [_number(amount) for amount in match.groups()])

            self._each(_pattern(form), take)
        self._each(_pattern(_NOT_MONEY), lambda match: self._bind(match, ("<",), [_number(match[1])]))
        for form in (_AROUND, _AROUND_SIGN, _AROUND_ISH):
            self._each(_pattern(form), self._bind_around)
        for form in (_FOR_MONEY, _FOR_BARE):
            self._each(_pattern(form), lambda match: self._bind(match, ("<=",), [_number(match[1])]))

    def _bind_around(self, match: re.Match[str]) -> bool:
        middle = _number(match[1])
        low, high = middle * (1 - AROUND_SHARE), middle * (1 + AROUND_SHARE)
        return self._bind(match, (">=", "<="), [round(low, 2), round(high, 2)])

    def _bind(self, match: re.Match[str], operators: tuple[Operator, ...], amounts: list[float]) -> bool:
        attribute = self._attribute_of(match)
        if attribute is None:
            self.unmatched.append(" ".join(match.group().split()))
            return True
        if len(amounts) == 2 and amounts[0] > amounts[1]:
            amounts = amounts[::-1]
        for operator, amount in zip(operators, amounts, strict=True):
            self._add(attribute, operator, amount)
        return True

    def _attribute_of(self, match: re.Match[str]) -> str | None:
        """The numeric attribute a bound is about: one named just before or after it, else the price, else the only."""
        before, after = self.text[: match.start()][-25:], self.text[match.end() :][:18]
        named = [*self.name_near.findall(before)[-1:], *self.name_near.findall(after)[:1]]
        if named and not _MONEY.search(match.group()):
            return self.lexicon.attribute_names[named[0]]
        if self.lexicon.price is not None:
            return self.lexicon.price
        others = [name for name in self.lexicon.numeric if name != self.lexicon.year]
        return others[0] if len(others) == 1 and not _MONEY.search(match.group()) else None

    def _is_money(self, match: re.Match[str]) -> bool:
        around = self.text[max(0, match.start() - 12) : match.end() + 10]
        return self.lexicon.price is not None and bool(_MONEY.search(around))

    def _add(self, attribute: str, operator: Operator, value: float) -> None:
        self.constraints.append(Predicate(attribute=attribute, operator=operator, value=float(value)))


def _number(text: str) -> float:
    """1,200 and 1,200.50 and 34,50 as people write them."""
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", text):
        return float(text.replace(",", ""))
    return float(text.replace(",", "."))
