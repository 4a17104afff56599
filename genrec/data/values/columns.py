"""Columns of cells as they were read, their different values, and what is odd among them.

A column is Arrow's or, for nested and mixed values, a list of Python objects. What Arrow cannot convert at once is
converted once for each different value. Knows no kinds of values.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genrec.schema import BoolArray, IntArray

# pyarrow has no types of its own: a pa.ChunkedArray, or a list of objects where values are nested or mixed.
Column: TypeAlias = pa.ChunkedArray | list[object]
_NUM_EXAMPLES = 3
_EXAMPLE_CHARS = 60
_SAMPLE = 100_000
# Words that say that a value is absent, in any case.
_ABSENT = (
    "nan none null n/a na #n/a <na> nil undefined unknown unbekannt inconnu desconocido - -- --- – — ? ?? ??? \\n . "
    "tbd tba n.a. k.a. keine"
)
ABSENT_WORDS = frozenset(_ABSENT.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """What a column holds that its type cannot take: how many cells, up to three different ones, and their rows."""

    count: int
    examples: tuple[str, ...]
    rows: IntArray

    def __str__(self) -> str:
        named = ", ".join(map(repr, self.examples))
        return cells_of(self.count) + (f" ({named})" if named else "")


NO_ODD = Odd(count=0, examples=(), rows=np.zeros(0, dtype=np.int64))


@dataclass(frozen=True, slots=True, kw_only=True)
class Distinct:
    """The different values of a column, in order of appearance, and which of them every row has.

    values: V objects, none missing. codes_N: int64 (N,), -1 where a cell is missing.
    """

    values: list[object]
    codes_N: IntArray

    @property
    def counts_V(self) -> IntArray:
        """How many rows have each value."""
        return np.bincount(self.codes_N[self.codes_N >= 0], minlength=len(self.values)).astype(np.int64)

    @property
    def num_present(self) -> int:
        """How many rows have a value."""
        return int(np.count_nonzero(self.codes_N >= 0))

    def spread(self, values_V: npt.NDArray[Any], missing: object) -> npt.NDArray[Any]:  # Any: of any dtype
        """What each different value became, for every row."""
        return np.append(values_V, np.array([missing], dtype=values_V.dtype))[self.codes_N]

    def spread_objects(self, values_V: Sequence[Any], missing: Any) -> list[Any]:  # Any: as spread
        """What each different value became, as a list of one object a row."""
        table = [*values_V, missing]
        return [table[code] for code in self.codes_N.tolist()]

    def odd(self, is_odd_V: BoolArray | Sequence[bool]) -> Odd:
        """The cells of some values as odd ones."""
        odd_V = np.asarray(is_odd_V, dtype=np.bool_)
        if not odd_V.any():
            return NO_ODD
        rows = np.flatnonzero(self.spread(odd_V, False))
        return odd_at(rows, (self.values[code] for code in np.flatnonzero(odd_V)))


def odd_at(rows: IntArray, different: Iterable[object]) -> Odd:
    """Odd cells in some rows, with the first of different values."""
    examples: dict[str, None] = {}
    for value in different:
        examples.setdefault(shorten(value))
        if len(examples) == _NUM_EXAMPLES:
            break
    return Odd(count=len(rows), examples=tuple(examples), rows=rows.astype(np.int64))


def cells_of(count: int) -> str:
    """How many cells, in words of a note."""
    return f"{count:,} {'cell' if count == 1 else 'cells'}"


def shorten(value: object) -> str:
    """A cell as it is shown in a note: one line, not long."""
    text = " ".join(printable(value).split())
    return text if len(text) <= _EXAMPLE_CHARS else text[: _EXAMPLE_CHARS - 1] + "…"


def printable(value: object) -> str:
    """Any object as text that a file can hold."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def is_missing(value: object) -> bool:
    """Whether a cell says nothing: None, NaN, blanks, an empty list or mapping."""
    if value is None:
        return True
    if isinstance(value, str):
        return not value or value.isspace() or value in ("[]", "{}")
    if isinstance(value, float):
        return math.isnan(value)
    return isinstance(value, list | tuple | dict | bytes) and not value


def is_absent(text: str) -> bool:
    """Whether a text is a word that says that there is no value; "none" in small letters is one of a shop's own."""
    text = text.strip()
    return text.lower() in ABSENT_WORDS and text != "none"


def is_arrow(column: Column) -> TypeGuard[pa.ChunkedArray]:
    """Whether a column is one of Arrow's with a flat type."""
    return isinstance(column, pa.ChunkedArray) and not pa.types.is_nested(column.type)


def is_texts(column: Column) -> TypeGuard[pa.ChunkedArray]:
    """Whether a column is one of Arrow's, of texts."""
    return is_arrow(column) and (pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def is_numbers(column: Column) -> TypeGuard[pa.ChunkedArray]:
    """Whether a column is one of Arrow's, of numbers."""
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return is_arrow(column) and any(kind(column.type) for kind in kinds)


def plain(column: Column) -> Column:
    """A column without Arrow's own spellings: dictionaries and views decoded, nested and null types as objects."""
    if not isinstance(column, pa.ChunkedArray):
        if isinstance(column, pa.Array):
            return plain(pa.chunked_array([column]))
        return column if isinstance(column, list) else list(column)
    kind = column.type
    if pa.types.is_dictionary(kind):
        return plain(column.cast(kind.value_type))
    if pa.types.is_null(kind):
        return column.cast(pa.string())
    if pa.types.is_nested(kind):
        return list(column.to_pylist())
    if pa.types.is_string_view(kind):
        return column.cast(pa.large_string())
    return column


def trimmed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts without blanks around, null where nothing is left."""
    texts = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, texts.type), texts)


def distinct(column: Column) -> Distinct:
    """The different values of a column."""
    column = plain(column)
    if isinstance(column, list):
        return _distinct_objects(column)
    coded = dictionary_encoded(column)
    if not coded.num_chunks:
        return Distinct(values=[], codes_N=np.zeros(0, dtype=np.int64))
    values = _objects(coded.chunk(0).dictionary)
    codes_N = pc.fill_null(pa.chunked_array([chunk.indices for chunk in coded.chunks]), -1).to_numpy().astype(np.int64)
    present_V = np.array([not is_missing(value) for value in values], dtype=np.bool_)
    if not present_V.all():
        renumbered_V = np.where(present_V, np.cumsum(present_V) - 1, -1)
        codes_N = np.append(renumbered_V, -1)[codes_N]
        values = [value for value, present in zip(values, present_V, strict=True) if present]
    return Distinct(values=values, codes_N=codes_N)


def dictionary_encoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as codes, all chunks with one dictionary: what is encoded together shares it already."""
    coded = column.dictionary_encode()
    first = coded.chunk(0).dictionary if coded.num_chunks else None
    is_shared = all(_buffers(chunk.dictionary) == _buffers(first) for chunk in coded.chunks)
    return coded if is_shared else coded.unify_dictionaries()


def _buffers(array: pa.Array) -> list[int]:
    """Where in memory an array lies."""
    return [0 if buffer is None else buffer.address for buffer in array.buffers()]


def has_few_values(column: pa.ChunkedArray) -> bool:
    """Whether a long column repeats its values, so that its different ones are read rather than its rows."""
    head = column.slice(0, _SAMPLE)
    return len(column) > _SAMPLE and len(head.unique()) * 5 < len(head)


def distinct_texts(column: Column, write: Callable[[object], str] = printable) -> tuple[Distinct, list[str]]:
    """The different values of a column, and each as text."""
    found = distinct(column)
    return found, [value if isinstance(value, str) else write(value) for value in found.values]


def _objects(values: pa.Array) -> list[object]:
    try:
        return list(values.to_pylist())
    except UnicodeDecodeError:
        return [printable(value) for value in values.cast(pa.binary()).to_pylist()]
    except (ValueError, OverflowError):  # times beyond Python's years
        return list(values.cast(pa.string()).to_pylist())


def _distinct_objects(cells: Sequence[object]) -> Distinct:
    places: dict[object, int] = {}
    values: list[object] = []
    codes_N = np.full(len(cells), -1, dtype=np.int64)
    for row, cell in enumerate(cells):
        if is_missing(cell):
            continue
        key = cell if isinstance(cell, str) else (type(cell).__name__, repr(cell))
        code = places.setdefault(key, len(values))
        if code == len(values):
            values.append(cell)
        codes_N[row] = code
    return Distinct(values=values, codes_N=codes_N)
