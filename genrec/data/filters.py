"""Filters over item attributes: `price < 40 and color in (red, blue) and not brand = 'Oak & Ash'`.

A filter is words in, a mask over the catalog out; text is parsed by hand and never evaluated as code. Knows nothing of
tries or models.

    filter     := all ('or' all)*             all := factor ('and' factor)*
    factor     := 'not' factor | '(' filter ')' | name operator value | name ['not'] 'in' '(' value (',' value)* ')'
    operator   := = | != | < | <= | > | >= | contains
    value      := 'quoted' | "quoted" | 12.5 | bare words (quote words such as and, or, not, in)

Strings compare regardless of case. An attribute with several values (genres) matches when any of them does. An item
that lacks the attribute never matches, so `!=` and `not`, which negate, match it. Besides its attributes every item
has item_id, title and text. Comparing a text by size, or a number with words, is an error, not an empty result.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from genrec.errors import FilterError
from genrec.schema import AttributeValue, BoolArray, Catalog, Column, FloatArray, format_attribute

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "contains"]
OPERATORS: tuple[Operator, ...] = ("=", "!=", "<", "<=", ">", ">=", "contains")
FIELDS = ("item_id", "title", "text")  # every item has these, beside its attributes

_MAX_DEPTH = 40
_KEYWORDS = frozenset({"and", "or", "not", "in", "contains"})
_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}
_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<symbol>!=|<=|>=|==|[=<>(),])"""
    r"""|(?P<word>[^\s=!<>(),'"][^\s=!<>(),"]*))""",
    re.DOTALL,
)
_ORDER: dict[str, np.ufunc] = {
    "=": np.equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which items are allowed; combine with &, | and ~. `str(filter)` parses to the same filter, unless of no items."""

    node: "_Node"

    @staticmethod
    def where(attribute: str, operator: Operator, value: str | float | bool) -> "Filter":
        """One comparison, from values that need no quoting. Raises FilterError on an unknown operator."""
        if operator not in OPERATORS:
            raise FilterError(f"operator {operator!r} is unknown; choose one of {' '.join(OPERATORS)}")
        text = format_attribute(value) if isinstance(value, str | bool) else repr(float(value))
        comparison = _Comparison(attribute, "=" if operator == "!=" else operator, (text,))
        return Filter(_Not(comparison)) if operator == "!=" else Filter(comparison)

    @staticmethod
    def for_items(item_ids: Iterable[str]) -> "Filter":
        """Exactly these items, by id, case counting; ids that a catalog lacks match nothing there."""
        return Filter(_Members(frozenset(item_ids)))

    def mask(self, catalog: Catalog) -> BoolArray:
        """Which rows of the catalog match: bool (N,). Raises FilterError on an attribute that no item has."""
        return self.node.mask(catalog)

    def __and__(self, other: "Filter") -> "Filter":
        return Filter(_join("and", self.node, other.node))

    def __or__(self, other: "Filter") -> "Filter":
        return Filter(_join("or", self.node, other.node))

    def __invert__(self) -> "Filter":
        return Filter(_Not(self.node))

    def __str__(self) -> str:
        return str(self.node)


def parse_filter(text: str) -> Filter:
    """Read a filter. Raises FilterError, saying where, when the text is not one."""
    return Filter(_Parser(text).parse())


def attribute_values(catalog: Catalog) -> dict[str, tuple[str | float | bool, ...]]:
    """Every attribute with its different values: numbers ascending, others the most frequent first."""
    counts: dict[str, Counter[str | float | bool]] = {}
    for item in catalog:
        for name, value in item.attributes.items():
            counts.setdefault(name, Counter()).update(value if isinstance(value, tuple) else (value,))
    return {name: _listing(values) for name, values in sorted(counts.items())}


def _listing(counts: Counter[str | float | bool]) -> tuple[str | float | bool, ...]:
    if all(_is_number(value) for value in counts):
        return tuple(sorted(counts))
    return tuple(sorted(counts, key=lambda value: (-counts[value], str(value))))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """attribute operator any of values."""

    attribute: str
    operator: str
    values: tuple[str, ...]

    def mask(self, catalog: Catalog) -> BoolArray:
        column = _column(catalog, self.attribute)
        fits_V = np.append(self._fits(column.values), False)  # the last: of items that have none
        return fits_V[column.places_N]

    def _fits(self, present: Sequence[AttributeValue]) -> BoolArray:
        """Which of these values match."""
        if present and all(_is_number(value) for value in present):
            return self._match_numbers(np.array(present, dtype=np.float64))
        matches = self._match_truths() if all(isinstance(value, bool) for value in present) else self._match_texts()
        return np.array([*map(matches, present)], dtype=np.bool_)

    def _match_truths(self) -> Callable[[AttributeValue], bool]:
        wanted = [_TRUTHS.get(value.casefold()) for value in self.values]
        if self.operator != "=" or None in wanted:
            raise FilterError(
                f"{self} cannot be compared: {self.attribute!r} is yes or no; write {self.attribute} = yes"
            )
        return lambda value: value in wanted

    def _match_numbers(self, present_V: FloatArray) -> BoolArray:
        compare = _ORDER.get(self.operator)
        wanted = [_number(value) for value in self.values]
        if compare is None or None in wanted:
            raise FilterError(
                f"{self} cannot be compared: {self.attribute!r} is a number; write {self.attribute} < 40, or = 40"
            )
        return np.logical_or.reduce([compare(present_V, number) for number in wanted])

    def _match_texts(self) -> Callable[[AttributeValue], bool]:
        wanted = [value.casefold() for value in self.values]
        if self.operator == "=":
            return lambda value: any(text in wanted for text in _texts(value))
        if self.operator == "contains":
            return lambda value: any(part in text for text in _texts(value) for part in wanted)
        raise FilterError(
            f"{self} cannot be compared: {self.attribute!r} is text; use = != in or contains, or a number attribute"
        )

    def __str__(self) -> str:
        name, values = _quote(self.attribute), ", ".join(_quote(value) for value in self.values)
        return f"{name} {self.operator} {values}" if len(self.values) == 1 else f"{name} in ({values})"


@dataclass(frozen=True, slots=True)
class _Members:
    item_ids: frozenset[str]

    def mask(self, catalog: Catalog) -> BoolArray:
        return np.array([item.item_id in self.item_ids for item in catalog], dtype=np.bool_)

    def __str__(self) -> str:
        return f"item_id in ({', '.join(_quote(item_id) for item_id in sorted(self.item_ids))})"


@dataclass(frozen=True, slots=True)
class _Not:
    node: "_Node"

    def mask(self, catalog: Catalog) -> BoolArray:
        return ~self.node.mask(catalog)

    def __str__(self) -> str:
        return f"not ({self.node})"


@dataclass(frozen=True, slots=True)
class _Junction:
    word: Literal["and", "or"]
    nodes: tuple["_Node", ...]

    def mask(self, catalog: Catalog) -> BoolArray:
        masks = [node.mask(catalog) for node in self.nodes]
        return (np.logical_and if self.word == "and" else np.logical_or).reduce(masks)

    def __str__(self) -> str:
        return f" {self.word} ".join(f"({node})" for node in self.nodes)


_Node = _Comparison | _Members | _Not | _Junction


def _join(word: Literal["and", "or"], *nodes: _Node) -> _Node:
    """One flat junction, however many were chained."""
    flat = [
        part
        for node in nodes
        for part in (node.nodes if isinstance(node, _Junction) and node.word == word else (node,))
    ]
    return _Junction(word, tuple(flat))


def _column(catalog: Catalog, attribute: str) -> Column:
    """The attribute's values; names match regardless of case."""
    column = catalog.column(attribute)
    if column.values:
        return column
    names = {name.casefold(): name for name in (*FIELDS, *(name for item in catalog for name in item.attributes))}
    name = names.get(attribute.casefold())
    if name is None:
        raise FilterError(f"attribute {attribute!r} is unknown; the catalog has {', '.join(sorted(names.values()))}")
    column = catalog.column(name)
    if column.values or name not in FIELDS:
        return column
    return Column(tuple(getattr(item, name) for item in catalog), np.arange(len(catalog)))


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

    def parse(self) -> _Node:
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

    def _junction(self, word: Literal["and", "or"]) -> _Node:
        nodes = [self._operand(word)]
        while self._take(word):
            nodes.append(self._operand(word))
        return nodes[0] if len(nodes) == 1 else _Junction(word, tuple(nodes))

    def _operand(self, word: str) -> _Node:
        return self._junction("and") if word == "or" else self._factor()

    def _factor(self) -> _Node:
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

    def _comparison(self) -> _Node:
        attribute = self._words("an attribute's name")
        negated = self._take("not") is not None
        if self._take("in"):
            node: _Node = _Comparison(attribute, "=", self._members())
        else:
            operator = None if negated else self._take(*OPERATORS)
            if operator is None:
                raise self._error("in (...)" if negated else f"one of {' '.join(OPERATORS)} in")
            negated = operator == "!="
            node = _Comparison(attribute, "=" if negated else operator, (self._words("a value"),))
        return _Not(node) if negated else node

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
