"""Reads a file of any kind as a table, by what stands in it, and a folder of part files as one.

Knows which kind of file goes to which reader; deliberately knows nothing of how they read it.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from genrec.data.tables.arrow_files import read_arrow, read_parquet
from genrec.data.tables.delimited import read_delimited
from genrec.data.tables.documents import looks_like_json, read_documents
from genrec.data.tables.opening import is_table_name, open_bytes, table_suffix
from genrec.data.tables.table import Column, Table, joined
from genrec.errors import SourceError

_HEAD_BYTES = 4096
_JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")


def read_table(
    path: Path,
    *,
    columns: Collection[str] | None = None,
    has_header: bool | None = None,
    separator: str | None = None,
    at: str | None = None,
) -> Table:
    """The table that a file holds, or a folder of part files of one kind.

    columns: only these, None all. has_header, separator: of delimited text, None to decide by what stands in it.
    at: where the rows of a JSON document are, as "playlists" or "data.items"; None is the longest list of objects.
    Raises SourceError when the file is missing, empty, broken, no table, or made to exhaust memory.
    """
    path = Path(path)
    if path.is_dir():
        return _read_parts(path, columns, has_header, separator)
    head = _head(path)
    if head.startswith(b"PAR1"):
        return read_parquet(path, columns=columns)
    if head.startswith(b"ARROW1"):
        return read_arrow(path, columns=columns)
    suffix = table_suffix(path)
    if suffix in (".parquet", ".feather", ".arrow"):
        raise SourceError(f"{path} is no {suffix[1:]} file, whatever its name says; give a whole file of that kind")
    if suffix in _JSON_SUFFIXES or at is not None or looks_like_json(head):
        table = read_documents(path, at=at)
        return table if columns is None else table.select(columns)
    return read_delimited(path, columns=columns, has_header=has_header, separator=separator)


def _head(path: Path) -> bytes:
    with open_bytes(path) as stream:
        return stream.read(_HEAD_BYTES)


def _read_parts(folder: Path, columns: Collection[str] | None, has_header: bool | None, separator: str | None) -> Table:
    """The part files of a folder as one table, in the order of their names; folders named key=value give a column."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not _is_aside(path, folder))
    parts = [path for path in files if is_table_name(path)]
    kinds = {table_suffix(path) for path in parts}
    if not parts or len(kinds) > 1:
        raise SourceError(f"{folder} is a folder, and not one of part files of one kind; give the file to read")
    tables = [_with_keys(read_table(path, has_header=has_header, separator=separator), folder) for path in parts]
    table = _stacked(folder, tables)
    return table if columns is None else table.select(columns)


def _is_aside(path: Path, folder: Path) -> bool:
    return any(part.startswith(("_", ".")) for part in path.relative_to(folder).parts)


def _with_keys(table: Table, folder: Path) -> Table:
    keys = dict(part.split("=", 1) for part in table.path.parent.relative_to(folder).parts if "=" in part)
    columns: dict[str, Column] = dict(table.columns)
    for name, value in keys.items():
        columns.setdefault(name, pa.chunked_array([pa.repeat(pa.scalar(value), len(table))], pa.string()))
    return replace(table, columns=columns)


def _stacked(folder: Path, tables: Sequence[Table]) -> Table:
    """Tables below each other: lines count on over all of them."""
    names = dict.fromkeys(name for table in tables for name in table.columns)
    columns = {name: _stack([(table.columns.get(name), len(table)) for table in tables]) for name in names}
    notes = [f"{len(tables)} part files were read"]
    lacking = [name for name in names if any(name not in table.columns for table in tables)]
    if lacking:
        notes.append(f"not all part files have {', '.join(map(repr, lacking))}; it is empty in the others")
    notes += dict.fromkeys(f"{table.path.name}: {note}" for table in tables for note in table.notes)
    refused = tuple(
        replace(row, reason=f"{table.path.name}: {row.reason}") for table in tables for row in table.refused
    )
    num_rows = sum(map(len, tables))
    return Table(path=folder, columns=columns, lines=range(1, num_rows + 1), notes=tuple(notes), refused=refused)


def _stack(columns: Sequence[tuple[Column | None, int]]) -> Column:
    parts: list[pa.Array | list[object]] = []
    for column, num_rows in columns:
        if column is None:
            parts.append(pa.nulls(num_rows))
        elif isinstance(column, list):
            parts.append(column)
        else:
            parts += column.chunks
    return joined(parts)
