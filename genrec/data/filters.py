"""Filters over item attributes: `price < 40 and color in (red, blue) and not brand = 'Oak & Ash'`.

The one language for conditions, whoever states them: a command line, a shopper's words, a claim, a critique. A
Predicate compares one attribute; filters join into a tree with &, | and ~. Text is parsed by hand and never evaluated
as code. Knows nothing of tries, models or talk.

    filter     := all ('or' all)*             all := factor ('and' factor)*
    factor     := 'not' factor | '(' filter ')' | comparison
    comparison := name | name operator value | name ['not'] 'in' '(' value (',' value)* ')'
    operator   := = | != | < | <= | > | >= | contains
    value      := 'quoted' | "quoted" | 12.5 | bare words (quote words such as and, or, not, in)

Strings compare regardless of case. An attribute with several values (genres) matches when any of them does. An item
that lacks the attribute never matches, so `!=` and `not`, which negate, match it. A name alone wants a yes of an
attribute of yes or no: `available and not used`. Besides its attributes every item has item_id, title, text and
`available`, which leaves out what is known to be sold out and keeps what nothing is known of. Names match regardless of
case where no attribute has the very name. How values compare is decided by what the items have: all numbers, all yes or
no, else texts. Comparing a text by size, or a number with words, is an error over a catalog, not an empty result.
Whatever else has rows and `Columns` is filtered alike, such as events (`genrec.data.feedback`).

An operator is added here alone: its name in Operator and in the grammar above, and what it compares in _COMPARISONS.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeGuard, cast, get_args

import numpy as np

from genrec.errors import FilterError
from genrec.schema import AttributeValue, BoolArray, Catalog, Column, FloatArray, Item, format_attribute

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "contains"]
OPERATORS: tuple[Operator, ...] = get_args(Operator)
BOUNDS: tuple[Operator, ...] = ("<", "<=", ">", ">=")  # these compare numbers by size
FIELDS = ("item_id", "title", "text", "available")  # every item has these, beside its attributes

_MAX_DEPTH = 40
_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class _Comparison:
    """What an operator compares; None where it cannot.

    numbers: the found ones, float (V,), with one wanted number. texts: a found one with those wanted, in lower case.
    """

    numbers: Callable[[FloatArray, float], BoolArray] | None = None
    texts: Callable[[str, frozenset[str]], bool] | None = None


_COMPARISONS: Mapping[Operator, _Comparison] = {  # != is = turned around
    "=": _Comparison(np.equal, lambda text, wanted: text in wanted),
    "<": _Comparison(np.less),
    "<=": _Comparison(np.less_equal),
    ">": _Comparison(np.greater),
    ">=": _Comparison(np.greater_equal),
    "contains": _Comparison(texts=lambda text, wanted: any(part in text for part in wanted)),
}


class Columns(Protocol):
    """What can be filtered: rows with named columns, such as a catalog's items with their attributes."""

    def __len__(self) -> int: ...
    def column(self, attribute: str, /) -> Column:
        """The column of this very name, without values where there is none."""

    def column_names(self) -> Iterable[str]: ...


class Filter(ABC):
    """Which items are allowed; combine with &, | and ~. `str(filter)` parses to the same, unless a list is empty."""

    __slots__ = ()

    @abstractmethod
    def mask(self, catalog: Columns) -> BoolArray:
        """Which rows of the catalog match: bool (N,).

        Raises FilterError on an attribute that no item has, and on values that cannot be compared.
        """

    @abstractmethod
    def attributes(self) -> tuple[str, ...]:
        """The names of the attributes it speaks of."""

    def __and__(self, other: "Filter") -> "Filter":
        return _join("and", self, other)

    def __or__(self, other: "Filter") -> "Filter":
        return _join("or", self, other)

    def __invert__(self) -> "Filter":
        return _Not(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicate(Filter):
    """One condition over an attribute: price < 40, color = red, brand != Halden.

    Several texts mean any of them, with != none of them. A number may be written as a text, and yes or no must be.
    Raises FilterError on an unknown operator.
    """

    attribute: str
    operator: Operator
    value: str | float | tuple[str, ...]

    def __post_init__(self) -> None:
        if self.operator not in OPERATORS:
            raise FilterError(f"operator {self.operator!r} is unknown; choose one of {' '.join(OPERATORS)}")

    @property
    def choices(self) -> tuple[str, ...]:
        """The wanted texts; empty for a number."""
        if isinstance(self.value, float | int):
            return ()
        return self.value if isinstance(self.value, tuple) else (self.value,)

    @property
    def texts(self) -> frozenset[str]:
        """The wanted texts in lower case; empty for a number."""
        return frozenset(value.casefold() for value in self.choices)

    def mask(self, catalog: Columns) -> BoolArray:
        if self.operator == "!=":
            return ~self._turned.mask(catalog)
        column = _column(catalog, self.attribute)
        fits_V = np.append(self._fits(column.values), False)  # the last: of items that have none
        return fits_V[column.places_N]

    def attributes(self) -> tuple[str, ...]:
        """The one that it compares."""
        return (self.attribute,)

    def holds(self, item: Item) -> bool:
        """Whether one item meets it, as a catalog of its own; what it lacks or cannot be compared meets only !=."""
        try:
            return bool(self.mask(Catalog(items=(item,)))[0])
        except FilterError:
            return self.operator == "!="

    def among(self, values: Iterable[str]) -> tuple[str, ...]:
        """Those of several texts that meet it. Raises FilterError when texts cannot be compared so."""
        accepts = self._match_texts()
        return tuple(value for value in values if accepts(value))

    @property
    def _turned(self) -> "Predicate":
        return replace(self, operator="=")

    @property
    def _wanted(self) -> tuple[str, ...]:
        """What is wanted, as written."""
        return self.choices if not isinstance(self.value, float | int) else (repr(float(self.value)),)

    def _fits(self, present: Sequence[AttributeValue]) -> BoolArray:
        """Which of these values match."""
        if present and all(is_number(value) for value in present):
            return self._match_numbers(np.array(present, dtype=np.float64))
        matches = self._match_truths() if all(isinstance(value, bool) for value in present) else self._match_texts()
        return np.array([*map(matches, present)], dtype=np.bool_)

    def _match_truths(self) -> Callable[[AttributeValue], bool]:
        wanted = [_TRUTHS.get(value.casefold()) for value in self._wanted]
        if self.operator != "=" or None in wanted:
            raise FilterError(
                f"{self} cannot be compared: {self.attribute!r} is yes or no; write {self.attribute} = yes"
            )
        return lambda value: value in wanted

    def _match_numbers(self, present_V: FloatArray) -> BoolArray:
        compare = _COMPARISONS[self.operator].numbers
        wanted = [number for value in self._wanted if (number := _number(value)) is not None]
        if compare is None or len(wanted) < len(self._wanted):
            raise FilterError(
                f"{self} cannot be compared: {self.attribute!r} is a number; write {self.attribute} < 40, or = 40"
            )
        fits_V = np.zeros(len(present_V), dtype=np.bool_)
        for number in wanted:
            fits_V |= compare(present_V, number)
        return fits_V

    def _match_texts(self) -> Callable[[AttributeValue], bool]:
        compare, wanted = _COMPARISONS[self.operator].texts, frozenset(value.casefold() for value in self._wanted)
        if compare is None:
            words = " ".join(name for name, its in _COMPARISONS.items() if its.texts and name != "=")
            raise FilterError(
                f"{self} cannot be compared: {self.attribute!r} is text; use = != in or {words}, or a number attribute"
            )
        return lambda value: any(compare(text, wanted) for text in _texts(value))

    def __str__(self) -> str:
        if self.operator == "!=":
            return f"not ({self._turned})"
        name, values = _quote(self.attribute), [_quote(value) for value in self._wanted]
        if self.operator == "=" and len(values) != 1:
            return f"{name} in ({', '.join(values)})"
        return " or ".join(f"{name} {self.operator} {value}" for value in values)


@dataclass(frozen=True, slots=True)
class _Truth(Filter):
    """An attribute of yes or no that is yes."""

    attribute: str

    def mask(self, catalog: Columns) -> BoolArray:
        if not all(isinstance(value, bool) for value in _column(catalog, self.attribute).values):
            raise FilterError(
                f"{self.attribute!r} stands alone, and is no attribute of yes or no; compare it, such as "
                f"{self.attribute} = red"
            )
        return Predicate(attribute=self.attribute, operator="=", value="yes").mask(catalog)

    def attributes(self) -> tuple[str, ...]:
        return (self.attribute,)

    def __str__(self) -> str:
        return _quote(self.attribute)


@dataclass(frozen=True, slots=True)
class _Not(Filter):
    negated: Filter

    def mask(self, catalog: Columns) -> BoolArray:
        return ~self.negated.mask(catalog)

    def attributes(self) -> tuple[str, ...]:
        return self.negated.attributes()

    def __str__(self) -> str:
        return f"not ({self.negated})"


@dataclass(frozen=True, slots=True)
class _Junction(Filter):
    word: Literal["and", "or"]
    parts: tuple[Filter, ...]

    def mask(self, catalog: Columns) -> BoolArray:
        masks = [part.mask(catalog) for part in self.parts]
        return (np.logical_and if self.word == "and" else np.logical_or).reduce(masks)

    def attributes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for part in self.parts for name in part.attributes()))

    def __str__(self) -> str:
        return f" {self.word} ".join(f"({part})" for part in self.parts)


def _join(word: Literal["and", "or"], *filters: Filter) -> Filter:
    """One flat junction, however many were chained."""
    flat = [p for one in filters for p in (one.parts if isinstance(one, _Junction) and one.word == word else (one,))]
    return _Junction(word, tuple(flat))


def all_of(filters: Iterable[Filter]) -> Filter | None:
    """What every one of these filters allows, as one; None without filters."""
    parts = tuple(filters)
    return _join("and", *parts) if len(parts) > 1 else next(iter(parts), None)


def is_number(value: object) -> TypeGuard[float]:
    """Whether an attribute's value is a number; yes and no are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _column(catalog: Columns, attribute: str) -> Column:
    """The attribute's values; names match regardless of case."""
    column = catalog.column(attribute)
    if column.values:
        return column
    fields = FIELDS if isinstance(catalog, Catalog) else ()
    names = {name.casefold(): name for name in (*fields, *catalog.column_names())}
    name = names.get(attribute.casefold())
    if name is None:
        rows = "the catalog has" if isinstance(catalog, Catalog) else "the events have"
        raise FilterError(f"attribute {attribute!r} is unknown; {rows} {', '.join(sorted(names.values()))}")
    column = catalog.column(name)
    if column.values or name not in fields or not isinstance(catalog, Catalog):
        return column
    return Column.of(getattr(item, name) for item in catalog)


def _texts(value: AttributeValue) -> Iterable[str]:
    return (text.casefold() for text in (value if isinstance(value, tuple) else (format_attribute(value),)))


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def _quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


_SYMBOLS = ("==", *(name for name in OPERATORS if not name.isalpha()), "(", ")", ",")
_MARKS = re.escape("".join(sorted(set("".join(_SYMBOLS)))))
_KEYWORDS = frozenset({"and", "or", "not", "in", *(name for name in OPERATORS if name.isalpha())})
_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
    rf"""|(?P<symbol>{"|".join(map(re.escape, sorted(_SYMBOLS, key=len, reverse=True)))})"""
    rf"""|(?P<word>[^\s{_MARKS}'"][^\s{_MARKS}"]*))""",
    re.DOTALL,
)


def parse_filter(text: str) -> Filter:
    """Read a filter. Raises FilterError, saying where, when the text is not one."""
    return _Parser(text).parse()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Literal["quoted", "symbol", "word", "end"]
    text: str
    position: int

    @property
    def keyword(self) -> str | None:
        """The keyword or symbol this token is, else None; quoted text is never one."""
        if self.kind == "symbol":
            return "=" if self.text == "==" else self.text
        word = self.text.casefold()
        return word if self.kind == "word" and word in _KEYWORDS else None


def _tokenize(text: str) -> list[_Token]:
    tokens, position = [], 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise FilterError(
                f"filter {text!r} has an open quote or stray {text[position:].strip()[0]!r}; close or quote it"
            )
        if match["quoted"]:
            tokens.append(
                _Token("quoted", re.sub(r"\\(.)", r"\1", match["quoted"][1:-1], flags=re.DOTALL), match.start())
            )
        else:
            tokens.append(_Token("symbol" if match["symbol"] else "word", match.group().strip(), match.start()))
        position = match.end()
    return [*tokens, _Token("end", "the end", len(text))]


class _Parser:
    """Recursive descent over the tokens of one filter."""

    def __init__(self, text: str) -> None:
        self.text, self.tokens, self.at, self.depth = text, _tokenize(text), 0, 0

    def parse(self) -> Filter:
        node = self._junction("or")
        if self._here.kind != "end":
            raise self._error("and, or, or the end")
        return node

    @property
    def _here(self) -> _Token:
        return self.tokens[self.at]

    def _take(self, *keywords: str) -> str | None:
        """Step over the current token when it is one of these keywords or symbols, and say which."""
        keyword = self._here.keyword
        if keyword not in keywords:
            return None
        self.at += 1
        return keyword

    def _junction(self, word: Literal["and", "or"]) -> Filter:
        nodes = [self._operand(word)]
        while self._take(word):
            nodes.append(self._operand(word))
        return nodes[0] if len(nodes) == 1 else _Junction(word, tuple(nodes))

    def _operand(self, word: str) -> Filter:
        return self._junction("and") if word == "or" else self._factor()

    def _factor(self) -> Filter:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise FilterError(f"the filter nests deeper than {_MAX_DEPTH} levels; write it flatter")
        try:
            if self._take("not"):
                return _Not(self._factor())
            if not self._take("("):
                return self._comparison()
            node = self._junction("or")
            if not self._take(")"):
                raise self._error("a closing parenthesis")
            return node
        finally:
            self.depth -= 1

    def _comparison(self) -> Filter:
        attribute = self._words("an attribute's name")
        negated = self._take("not") is not None
        if self._take("in"):
            return Predicate(attribute=attribute, operator="!=" if negated else "=", value=self._members())
        name = None if negated else self._take(*OPERATORS)
        if name is None and not negated and (self._here.kind == "end" or self._here.keyword in ("and", "or", ")")):
            return _Truth(attribute)
        if name is None:
            raise self._error("in (...)" if negated else f"one of {' '.join(OPERATORS)} in")
        return Predicate(attribute=attribute, operator=cast(Operator, name), value=self._words("a value"))

    def _members(self) -> tuple[str, ...]:
        if not self._take("("):
            raise self._error("an opening parenthesis")
        values = [self._words("a value")]
        while self._take(","):
            values.append(self._words("a value"))
        if not self._take(")"):
            raise self._error("a comma or a closing parenthesis")
        return tuple(values)

    def _words(self, wanted: str) -> str:
        """One quoted text, or bare words up to the next keyword or symbol, as one text."""
        if self._here.kind == "quoted":
            self.at += 1
            return self.tokens[self.at - 1].text
        words = []
        while self._here.kind == "word" and self._here.keyword is None:
            words.append(self._here.text)
            self.at += 1
        if not words:
            raise self._error(wanted)
        return " ".join(words)

    def _error(self, wanted: str) -> FilterError:
        here = self._here
        return FilterError(f"filter {self.text!r} has {here.text!r} at character {here.position + 1}, wanted {wanted}")
