"""Table: what a file holds, as columns, with the place of every row, and what was odd about the file.

Knows columns and rows; deliberately knows nothing of files, nor of what a column means.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genrec.errors import SourceError
from genrec.schema import IntArray

Column: TypeAlias = pa.ChunkedArray | list[object]
"""The values of a column: Arrow's where they are of one plain type, Python's where they are nested or mixed."""

_SHOWN_CHARS = 200  # of a refused row


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """A row that could not be read. line: as in Table.lines; content: the beginning of what stands there."""

    line: int
    reason: str
    content: str


def refused_row(line: int, reason: str, content: object) -> RefusedRow:
    """A RefusedRow that shows no more than the beginning of a row."""
    text = str(content).encode("utf-8", "replace").decode() if content else ""
    return RefusedRow(line=line, reason=reason, content=text[:_SHOWN_CHARS])


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The columns of a file, all of the same length, in its order.

    path: the file, or the folder of part files. lines: the line of each row in a text file, its number in other files,
    counted from 1. notes: what was found, guessed or left out, a short sentence each. refused: rows that are not among
    the columns.
    """

    path: Path
    columns: Mapping[str, Column]
    lines: IntArray | range
    notes: tuple[str, ...] = ()
    refused: tuple[RefusedRow, ...] = ()

    def __post_init__(self) -> None:
        odd = {name: len(column) for name, column in self.columns.items() if len(column) != len(self.lines)}
        assert not odd, f"columns of another length than {len(self.lines)}: {odd}"
        object.__setattr__(self, "columns", MappingProxyType(dict(self.columns)))

    @classmethod
    def of(cls, path: Path | str, columns: Mapping[str, Sequence[object] | pa.ChunkedArray]) -> "Table":
        """A table of given values; the columns that Arrow can type become Arrow's."""
        typed = {name: column_of(values) for name, values in columns.items()}
        num_rows = len(next(iter(typed.values()), ()))
        return cls(path=Path(path), columns=typed, lines=range(1, num_rows + 1))

    def __len__(self) -> int:
        return len(self.lines)

    def cell(self, name: str, place: int) -> object:
        """One value of a column, as Python's. place: its row, from 0."""
        column = self.columns[name]
        return column[place] if isinstance(column, list) else column[place].as_py()

    def select(self, names: Collection[str]) -> "Table":
        """The table with only some of its columns, in the order of the file. Raises SourceError for an unknown one."""
        unknown = [name for name in names if name not in self.columns]
        if unknown:
            raise SourceError(
                f"{self.path} has no column {', '.join(map(repr, unknown))}; it has {', '.join(self.columns)}"
            )
        return replace(self, columns={name: column for name, column in self.columns.items() if name in names})

    def take(self, rows: Sequence[int] | npt.NDArray[np.integer]) -> "Table":
        """Some rows, by their positions from 0, in the order given."""
        places = np.asarray(rows, dtype=np.int64)
        indices = pa.array(places)
        columns = {
            name: column.take(indices) if isinstance(column, pa.ChunkedArray) else [column[row] for row in places]
            for name, column in self.columns.items()
        }
        lines = np.asarray(self.lines, dtype=np.int64)[places]
        return replace(self, columns=columns, lines=lines)

    def head(self, num_rows: int) -> "Table":
        """The first rows."""
        columns = {name: column[:num_rows] for name, column in self.columns.items()}
        return replace(self, columns=columns, lines=self.lines[:num_rows])

    def rows(self) -> Iterator[dict[str, object]]:
        """The rows as mappings from column to value: slow, for small tables."""
        names = list(self.columns)
        values = [
            column.to_pylist() if isinstance(column, pa.ChunkedArray) else column for column in self.columns.values()
        ]
        if not values:
            yield from ({} for _ in self.lines)
        for cells in zip(*values, strict=True):
            yield dict(zip(names, cells, strict=True))


_PLAIN = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
_EXACT = 2**53  # whole numbers up to here are exact as floats


def column_of(values: Sequence[object] | pa.ChunkedArray) -> Column:
    """Values as a column: Arrow's where all (None aside) are texts, truths or numbers, else a list of them."""
    if isinstance(values, pa.ChunkedArray):
        return values
    array = plain_array(values)
    return list(values) if array is None else pa.chunked_array([array])


def plain_array(values: Sequence[object]) -> pa.Array | None:
    """An Arrow array of values of one plain type, None aside; None where they are nested or mixed."""
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return pa.nulls(len(values))
    kind = kinds.pop()
    if kinds and {kind, *kinds} == {int, float}:
        kinds, kind = set(), float
        if any(type(value) is int and abs(value) > _EXACT for value in values):
            return None
    if kinds or kind not in _PLAIN:
        return None
    try:
        return pa.array(values, _PLAIN[kind], from_pandas=kind is float)  # NaN is missing
    except OverflowError:  # a whole number beyond 64 bits
        return None
    except UnicodeEncodeError:  # half a character, which JSON can spell, and no file can hold
        return pa.array([whole_text(value) for value in values], pa.string())


def whole_text(value: object) -> object:
    """Text whose halves of characters are U+FFFD; anything else as it is."""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(value, str) else value


def joined(parts: Sequence[pa.Array | list[object]]) -> Column:
    """Parts of a column, one after another, in one type that holds them all, or as a list."""
    arrays = [part for part in parts if isinstance(part, pa.Array)]
    if len(arrays) == len(parts):
        kinds = {array.type for array in arrays if not pa.types.is_null(array.type)}
        if kinds == {pa.int64(), pa.float64()} and _are_exact(arrays):
            kinds = {pa.float64()}
        if len(kinds) <= 1:
            kind = kinds.pop() if kinds else pa.null()
            return pa.chunked_array([array.cast(kind) for array in arrays], kind)
    return [value for part in parts for value in (part.to_pylist() if isinstance(part, pa.Array) else part)]


def _are_exact(arrays: Sequence[pa.Array]) -> bool:
    whole = [array.to_numpy(zero_copy_only=False) for array in arrays if pa.types.is_int64(array.type)]
    return all(bool(np.nanmax(np.abs(numbers), initial=0) <= _EXACT) for numbers in whole)


def stacked(tables: Sequence[Table]) -> Table:
    """The parts of one table, one after the other, under the path of the first."""
    if len(tables) == 1:
        return tables[0]
    names = dict.fromkeys(name for table in tables for name in table.columns)
    columns: dict[str, Column] = {}
    for name in names:
        parts = [table.columns.get(name, [None] * len(table)) for table in tables]
        chunks = [chunk for part in parts if isinstance(part, pa.ChunkedArray) for chunk in part.chunks]
        is_typed = all(isinstance(part, pa.ChunkedArray) for part in parts) and len({c.type for c in chunks}) == 1
        if is_typed:
            columns[name] = pa.chunked_array(chunks)
        else:
            columns[name] = [c for part in parts for c in (part if isinstance(part, list) else part.to_pylist())]
    lines = np.concatenate([np.asarray(table.lines, dtype=np.int64) for table in tables])
    notes = tuple(dict.fromkeys(note for table in tables for note in table.notes))
    refused = tuple(row for table in tables for row in table.refused)
    return Table(path=tables[0].path, columns=columns, lines=lines, notes=notes, refused=refused)
