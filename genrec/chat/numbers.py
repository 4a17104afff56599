"""Prices, years and other numbers in words: under 40, between 20 and thirty, from the 90s.

Knows how people bound a number; which attribute a number is about is decided by the attributes that the catalog has.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from genrec.chat.lexicon import Lexicon
from genrec.data.reasons import Constraint, Operator

_UNITS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
]
_TENS = {
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fourty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
}
_SMALL = {word: number for number, word in enumerate([*_UNITS, "seventeen", "eighteen", "nineteen"])}
_DECADES = {
    "twenties": 20,
    "thirties": 30,
    "forties": 40,
    "fifties": 50,
    "sixties": 60,
    "seventies": 70,
    "eighties": 80,
    "nineties": 90,
}
AROUND_SHARE = 0.2  # "around 40" means 40 give or take a fifth

_AMOUNT = r"(?:[$€£]\s*)?(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d{1,2})?)(?!\d)(?:\s*(?:[$€£]|dollars?|euros?|bucks?|eur|usd|pounds?|quid)(?!\w))?"
_MONEY = re.compile(
    r"[$€£]|\b(?:dollars?|euros?|bucks?|eur|usd|pounds?|quid|price[ds]?|costs?|costing|budget|spend|pay)\b"
)
_MIN_YEAR, _MAX_YEAR = 1850, 2100
# Each pattern binds its amounts to operators, the most specific first.
_BOUNDS: tuple[tuple[str, tuple[Operator, ...]], ...] = (
    (rf"(?:between|from|priced)\s+{_AMOUNT}\s*(?:and|to|-|–|till|until)\s*{_AMOUNT}", (">=", "<=")),
    (rf"{_AMOUNT}\s*(?:-|–|to)\s*{_AMOUNT}(?!\w)", (">=", "<=")),
    (rf"(?:no|not|nothing|never)\s+(?:more|over|above|greater|higher|costlier)(?:\s+than)?\s+{_AMOUNT}", ("<=",)),
    (rf"(?:no|not|nothing|never)\s+(?:less|under|below|lower|cheaper)(?:\s+than)?\s+{_AMOUNT}", (">=",)),
    (rf"(?:under|below|beneath|less\s+th[ae]n|cheaper\s+than|lower\s+than|smaller\s+than|<)\s*(?!=)(?:the\s+)?{_AMOUNT}", ("<",)),
    (rf"(?:<=|≤|up\s+to|at\s+(?:the\s+)?most|max(?:imum|imal)?(?:\s+of)?|within|not\s+exceeding|until|upto)\s*:?\s*{_AMOUNT}", ("<=",)),
    (rf"(?:budget|limit)\s*(?:is|of|:)?\s*(?:about\s+)?{_AMOUNT}", ("<=",)),
    (rf"(?:i\s+have|i\s+can\s+spend|spend(?:ing)?|pay(?:ing)?)\s+(?:only\s+|just\s+|up\s+to\s+)?{_AMOUNT}(?:\s+to\s+spend)?", ("<=",)),
    (rf"{_AMOUNT}\s*(?:or\s+(?:less|under|below|cheaper)|max(?:imum)?|tops|at\s+(?:the\s+)?most)(?!\w)", ("<=",)),
    (rf"(?:>=|≥|at\s+(?:the\s+)?least|min(?:imum)?(?:\s+of)?|starting\s+(?:at|from)|no\s+less\s+than)\s*{_AMOUNT}", (">=",)),
    (rf"from\s+{_AMOUNT}\s+(?:up|upwards?|on|onwards?)(?!\w)", (">=",)),
    (rf"{_AMOUNT}\s*(?:or\s+(?:more|above|over|up)|and\s+(?:up|above)|\+|upwards?|at\s+(?:the\s+)?least)", (">=",)),
    (rf"(?:over|above|more\s+than|pricier\s+than|dearer\s+than|higher\s+than|beyond|>)\s*{_AMOUNT}", (">",)),
)  # fmt: skip
_AROUND = re.compile(
    rf"(?:around|about|roughly|approximately|approx\.?|circa|some|~|near(?:ly)?|close\s+to)\s*{_AMOUNT}"
)
_BARE_MONEY = re.compile(
    rf"(?:for\s+)?(?=[$€£]|\d[\d.,]*\s*(?:[$€£]|dollars?|euros?|bucks?|eur|usd|pounds?|quid)){_AMOUNT}|\bfor\s+{_AMOUNT}(?=\s*(?:$|[,.;!?]|please\b|max))"
)
_YEAR = r"(1[89]\d\d|20\d\d)"
_DECADE = re.compile(r"(?:the\s+|early\s+|late\s+|mid\s+|'|’)*\b(?:(1[89]|20)?(\d)0\s*'?s)\b")
_YEAR_BOUNDS: tuple[tuple[str, tuple[Operator, ...]], ...] = (
    (rf"(?:between|from)\s+{_YEAR}\s*(?:and|to|-|–|until)\s*{_YEAR}", (">=", "<=")),
    (rf"{_YEAR}\s*(?:-|–|to)\s*{_YEAR}", (">=", "<=")),
    (rf"(?:not\s+(?:before|older\s+than)|since|{_YEAR}\s+or\s+(?:later|newer)|from\s+{_YEAR}\s+on\w*)\s*{_YEAR}?", (">=",)),
    (rf"(?:after|post|newer\s+than|later\s+than|past|more\s+recent\s+than|over|above|>)[\s-]+{_YEAR}", (">",)),
    (rf"(?:before|older\s+than|earlier\s+than|prior\s+to|pre|under|below|<)[\s-]*{_YEAR}", ("<",)),
    (rf"(?:until|till|up\s+to|not\s+(?:after|newer\s+than|later\s+than)|{_YEAR}\s+or\s+(?:earlier|older))\s*{_YEAR}?", ("<=",)),
    (rf"(?:from|in|of|year|made\s+in|released\s+in)?\s*(?:the\s+year\s+)?\b{_YEAR}\b", ("=",)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NumbersRead:
    """What was read: the wishes, the text with their words blanked out, and bounds that no attribute can take."""

    constraints: tuple[Constraint, ...]
    rest: str
    homeless: tuple[str, ...]


def spell_out(text: str) -> str:
    """Number words from ten on become digits: forty to 40, twenty-five to 25; two hundred to 200."""
    small = "|".join(word for word, number in _SMALL.items() if number)
    tens = "|".join(_TENS)
    pattern = rf"\b(?:(?:(a|{small})\s+hundred)(?:\s+and)?|({tens})(?:[\s-]+({small}))?|({'|'.join(list(_SMALL)[10:])}))\b(?!\s+(?:one|ones)\b)"

    def digits(match: re.Match[str]) -> str:
        hundreds, ten, unit, teen = match.groups()
        if hundreds:
            return str(100 * (1 if hundreds == "a" else _SMALL[hundreds]))
        return str(_SMALL[teen] if teen else _TENS[ten] + (_SMALL[unit] if unit and _SMALL[unit] < 10 else 0))

    return re.sub(pattern, digits, text)


def read_numbers(text: str, lexicon: Lexicon) -> NumbersRead:
    """Read the bounds of a message in lower case; years first where the catalog has years."""
    reader = _NumberReader(spell_out(text), lexicon)
    if lexicon.year is not None:
        reader.read_years(lexicon.year)
    reader.read_amounts()
    return NumbersRead(tuple(reader.constraints), reader.text, tuple(reader.homeless))


class _NumberReader:
    """One message, blanked out as it is understood."""

    def __init__(self, text: str, lexicon: Lexicon) -> None:
        self.text, self.lexicon = text, lexicon
        self.constraints: list[Constraint] = []
        self.homeless: list[str] = []
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
        for pattern, operators in _YEAR_BOUNDS:

            def take(match: re.Match[str], operators: tuple[Operator, ...] = operators) -> bool:
                years = [int(year) for year in match.groups() if year]
                if len(years) != len(operators) or self._is_money(match):
                    return False
                for operator, year in zip(operators, years, strict=True):
                    self._add(attribute, operator, year)
                return True

            self._each(pattern, take)

    def read_amounts(self) -> None:
        """Bounded amounts, amounts "around", and plain amounts of money."""
        for pattern, operators in _BOUNDS:

            def take(match: re.Match[str], operators: tuple[Operator, ...] = operators) -> bool:
                return self._bind(match, operators, [_number(amount) for amount in match.groups()])

            self._each(rf"(?<!\w){pattern}", take)
        self._each(_AROUND, lambda match: self._bind_around(match))
        self._each(_BARE_MONEY, lambda match: self._bind(match, ("<=",), [_number(match[1] or match[2])]))

    def _bind_around(self, match: re.Match[str]) -> bool:
        middle = _number(match[1])
        low, high = middle * (1 - AROUND_SHARE), middle * (1 + AROUND_SHARE)
        return self._bind(match, (">=", "<="), [round(low, 2), round(high, 2)])

    def _bind(self, match: re.Match[str], operators: tuple[Operator, ...], amounts: list[float]) -> bool:
        attribute = self._attribute_of(match)
        if attribute is None:
            self.homeless.append(" ".join(match.group().split()))
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
        self.constraints.append(Constraint(attribute=attribute, operator=operator, value=float(value)))


def _number(text: str) -> float:
    """1,200 and 1,200.50 and 34,50 as people write them."""
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", text):
        return float(text.replace(",", ""))
    return float(text.replace(",", "."))
