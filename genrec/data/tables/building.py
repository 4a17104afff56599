"""Builds columns from rows that are mappings, some rows at a time.

Knows how values of a column go together; deliberately knows nothing of files.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from genrec.data.tables.opening import MAX_COLUMNS
from genrec.data.tables.table import Column, joined, plain_array
from genrec.errors import SourceError

ROWS_AT_ONCE = 20_000
MAX_DEPTH = 32  # of lists and mappings in each other


def is_too_deep(value: object) -> bool:
    """Whether lists and mappings lie in each other deeper than any table has them."""
    layer = [value]
    for _ in range(MAX_DEPTH):
        inner = [entry for entry in layer if isinstance(entry, list | tuple | Mapping)]
        if not inner:
            return False
        layer = [deep for entry in inner for deep in (entry.values() if isinstance(entry, Mapping) else entry)]
    return True


class ColumnBuilder:
    """Columns that grow by rows; a row without a column has None there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parts: dict[str, list[pa.Array | list[object]]] = {}
        self._waiting: list[Mapping[str, object]] = []
        self._num_built = 0

    def __len__(self) -> int:
        return self._num_built + len(self._waiting)

    def add(self, row: Mapping[str, object]) -> None:
        """Add a row. Raises SourceError when there are too many columns."""
        self._waiting.append(row)
        if len(self._waiting) >= ROWS_AT_ONCE:
            self._build(self._waiting)
            self._waiting = []

    def _build(self, rows: Sequence[Mapping[str, object]]) -> None:
        for name in dict.fromkeys(name for row in rows for name in row):
            if name not in self._parts:
                self._parts[name] = [pa.nulls(self._num_built)] if self._num_built else []
        if len(self._parts) > MAX_COLUMNS:
            raise SourceError(
                f"{self._path} has {len(self._parts):,} columns; at most {MAX_COLUMNS:,} are read, so leave some out"
            )
        for name, parts in self._parts.items():
            values = [row.get(name) for row in rows]
            array = plain_array(values)
            parts.append(values if array is None else array)
        self._num_built += len(rows)

    def columns(self) -> dict[str, Column]:
        """The columns, in the order in which they first came."""
        if self._waiting:
            self._build(self._waiting)
            self._waiting = []
        return {name: joined(parts) for name, parts in self._parts.items()}
