"""Cells of tables that are brought into shape: finds columns, reads cells, builds the tables that shapes return.

Knows columns and rows; deliberately knows no layout.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from genrec.data.layouts.names import plain
from genrec.data.tables import Column, RefusedRow, Table
from genrec.data.tables.table import refused_row
from genrec.schema import IntArray

Cells = Sequence[object]


def column_called(table: Table, *names: str) -> str | None:
    """The first column that has one of these names, as `plain` writes them."""
    by_plain: dict[str, str] = {}
    for name in table.columns:
        by_plain.setdefault(plain(name), name)
    return next((by_plain[name] for name in names if name in by_plain), None)


def cells(table: Table, name: str | None) -> list[object]:
    """The cells of a column; None for all where there is no such column."""
    if name is None:
        return [None] * len(table)
    column = table.columns[name]
    return column if isinstance(column, list) else list(column.to_pylist())


def texts(table: Table, name: str | None) -> list[str]:
    """The cells of a column as texts without blanks around, '' where there is nothing; whole numbers without .0."""
    return [text(cell) for cell in cells(table, name)]


def text(cell: object) -> str:
    """A cell as text without blanks around, '' for None and for lists and objects."""
    if isinstance(cell, str):
        return cell.strip()
    if cell is None or isinstance(cell, list | tuple | Mapping) or cell != cell:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def is_blank(cell: object) -> bool:
    """Whether a cell says nothing."""
    if isinstance(cell, str):
        return not cell or cell.isspace()
    return cell is None or cell != cell or (isinstance(cell, list | tuple | Mapping) and not cell)


def mappings(cell: object) -> list[Mapping[str, object]]:
    """The objects of a cell that holds a list of them, or one."""
    if isinstance(cell, Mapping):
        return [cell]
    return [entry for entry in cell if isinstance(entry, Mapping)] if isinstance(cell, list | tuple) else []


def rebuilt(
    table: Table,
    columns: Mapping[str, Cells | Column],
    lines: Sequence[int] | IntArray | range | None = None,
    refused: Iterable[RefusedRow] = (),
) -> Table:
    """A table of the same file with other columns. lines: where every row stands, None where they are the table's."""
    typed = Table.of(table.path, columns).columns
    kept = table.lines if lines is None else np.asarray(lines, dtype=np.int64)
    return replace(table, columns=typed, lines=kept, refused=(*table.refused, *refused))


def without_rows(table: Table, is_refused: Sequence[bool], reason: str, shown: str | None) -> Table:
    """A table without some rows, which are refused for a reason. shown: the column that is shown of them."""
    places = np.flatnonzero(np.asarray(is_refused, dtype=np.bool_))
    if not len(places):
        return table
    said = texts(table.take(places), shown)
    refused = [refused_row(int(table.lines[row]), reason, what) for row, what in zip(places, said, strict=True)]
    kept = table.take(np.flatnonzero(~np.asarray(is_refused, dtype=np.bool_)))
    return replace(kept, refused=(*table.refused, *refused))


def renamed(table: Table, names: Mapping[str, str]) -> Table:
    """A table whose columns have other names; those that are not named keep theirs."""
    return replace(table, columns={names.get(name, name): column for name, column in table.columns.items()})


def converted(table: Table, name: str | None, convert: Callable[[str], object]) -> Table:
    """A table with one column's texts converted, once for each different text; None where there is nothing."""
    if name is None:
        return table
    column = table.columns[name]
    if isinstance(column, pa.ChunkedArray) and not pa.types.is_nested(column.type):
        coded = column.combine_chunks().dictionary_encode()
        found = [convert(text(cell)) if text(cell) else None for cell in coded.dictionary.to_pylist()]
        places = coded.indices.fill_null(-1).to_pylist()
        values = [None if place < 0 else found[place] for place in places]
    else:
        values = [convert(text(cell)) if text(cell) else None for cell in cells(table, name)]
    return with_columns(table, {name: values})


def with_columns(table: Table, columns: Mapping[str, Cells | Column]) -> Table:
    """A table with further, or other, columns."""
    return replace(table, columns={**table.columns, **Table.of(table.path, columns).columns})


def without_columns(table: Table, names: Iterable[str | None]) -> Table:
    """A table without some columns."""
    dropped = set(names)
    return replace(table, columns={name: column for name, column in table.columns.items() if name not in dropped})
