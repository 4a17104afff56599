"""Looks at the first rows of a file, whatever its size.

A small file is read whole, and need not be read again. Knows nothing of what columns mean.
"""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.parquet as pq

from genrec.data.tables.opening import open_bytes, require_file
from genrec.data.tables.reading import read_table
from genrec.data.tables.table import Table
from genrec.errors import SourceError

_WHOLE_BYTES = 16 * 2**20
_HEAD_BYTES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Peek:
    """The first rows of a file. is_whole: whether they are all."""

    table: Table
    is_whole: bool


def peek_table(path: Path) -> Peek:
    """The first rows of a file, all of a small one. Raises SourceError."""
    if path.is_dir():
        return Peek(table=read_table(path), is_whole=True)
    if require_file(path).stat().st_size <= _WHOLE_BYTES:
        return Peek(table=read_table(path), is_whole=True)
    with open_bytes(path) as stream:
        head = stream.read(_HEAD_BYTES)
    if head.startswith((b"PAR1", b"ARROW1")):
        return _peek_columns(path) if head.startswith(b"PAR1") else Peek(table=read_table(path), is_whole=True)
    if head.lstrip()[:1] == b"[" or (head.lstrip()[:1] == b"{" and b"}\n" not in head):
        return Peek(table=read_table(path), is_whole=True)  # one document, which has no first rows
    with tempfile.TemporaryDirectory() as folder:
        name = path.name.removesuffix(path.suffix) if path.suffix in (".gz", ".bz2", ".xz", ".zst") else path.name
        start = Path(folder, name)
        start.write_bytes(head[: head.rfind(b"\n") + 1] or head)
        return Peek(table=replace(read_table(start), path=path), is_whole=False)


def _peek_columns(path: Path) -> Peek:
    try:
        with pq.ParquetFile(path) as file:
            batch = next(file.iter_batches(batch_size=10_000))
            names = [name for name in batch.schema.names if not name.startswith("__index")]
            columns = {name: batch.column(name) for name in names}
    except (OSError, StopIteration, ValueError) as error:
        raise SourceError(f"{path} cannot be read as Parquet ({error}); give a whole Parquet file") from error
    return Peek(table=Table.of(path, {name: column.to_pylist() for name, column in columns.items()}), is_whole=False)
