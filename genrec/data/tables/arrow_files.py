"""Reads Parquet and Arrow (Feather) files, and folders of part files, as columns of their own types.

Knows the containers and how much they may unpack to; deliberately knows nothing of what the columns mean.
"""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genrec.data.tables.opening import MAX_COLUMNS, MAX_RATIO, require_file
from genrec.data.tables.table import Table
from genrec.errors import SourceError
from genrec.runtime import ProgressMeter

_FREE_BYTES = 64 * 2**20
_ROWS_PER_BYTE, _ROWS_AT_LEAST = 64, 1_000_000  # of a Parquet file, whose encodings repeat a value for nothing
_ROWS_AT_ONCE = 65_536
_TEXTS = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())


def read_parquet(path: Path, *, columns: Collection[str] | None = None) -> Table:
    """The table of a Parquet file. Raises SourceError when it is broken, too wide, or a bomb."""
    require_file(path)
    with _readable(path, "Parquet"):
        texts, most = _bounds(path)
        parts: list[list[pa.Array]] = []
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            fields = [field for field in file.schema_arrow if columns is None or field.name in columns]
            meter, num_bytes = ProgressMeter(label=f"read {path.name}", total=file.metadata.num_rows), 0
            for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=[field.name for field in fields]):
                num_bytes += sum(map(_unpacked_bytes, batch.columns))
                if num_bytes > most:
                    raise _bomb(path, num_bytes)
                parts.append([_plain(batch.column(field.name)) for field in fields])
                meter.advance(batch.num_rows)
            meter.close()
    found = {
        field.name: pa.chunked_array([part[place] for part in parts], None if parts else _plain_type(field.type))
        for place, field in enumerate(fields)
    }
    return _finished(path, found, columns)


def read_arrow(path: Path, *, columns: Collection[str] | None = None) -> Table:
    """The table of an Arrow or Feather file. Raises SourceError when it is broken, too wide, or a bomb."""
    most = max(_FREE_BYTES, MAX_RATIO * require_file(path).stat().st_size)
    num_bytes, batches = 0, []
    with _readable(path, "Arrow"), pa.OSFile(str(path)) as source, pa.ipc.open_file(source) as file:
        if len(file.schema) > MAX_COLUMNS:
            raise _too_wide(path, len(file.schema))
        for place in range(file.num_record_batches):
            batch = file.get_batch(place)
            num_bytes += sum(map(_unpacked_bytes, batch.columns))
            if num_bytes > most:
                raise _bomb(path, num_bytes)
            batches.append([_plain(column) for column in batch.columns])
        fields = list(file.schema)
    found = {
        field.name: pa.chunked_array([batch[place] for batch in batches], None if batches else _plain_type(field.type))
        for place, field in enumerate(fields)
    }
    return _finished(path, found, columns)


@contextmanager
def _readable(path: Path, kind: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, KeyError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise SourceError(f"{path} cannot be read as {kind} ({reason}); give a whole {kind} file") from error


def _finished(path: Path, columns: dict[str, pa.ChunkedArray], wanted: Collection[str] | None) -> Table:
    num_rows = len(next(iter(columns.values()), ()))
    kept, notes = {}, []
    for place, (name, column) in enumerate(columns.items()):
        if is_left_out(name, column, is_first=place == 0):
            notes.append(f"{name!r} is pandas' index; it was left out")
        else:
            kept[name] = column
    table = Table(path=path, columns=kept, lines=range(1, num_rows + 1), notes=tuple(notes))
    return table if wanted is None else table.select(wanted)


def is_left_out(name: str, column: pa.ChunkedArray, *, is_first: bool) -> bool:
    """Whether a column is pandas' index, which counts rows."""
    if re.fullmatch(r"__index_level_\d+__", name):
        return pa.types.is_integer(column.type)
    return is_first and re.fullmatch(r"|Unnamed: 0", name) is not None and pa.types.is_integer(column.type)


def _plain(array: pa.Array) -> pa.Array:
    """An array whose rows have their own values, in a type that every function takes."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array.cast(_plain_type(array.type))


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    return pa.string() if kind in (pa.string_view(), pa.large_string()) else kind


def _bounds(path: Path) -> tuple[list[str], int]:
    """The columns of texts, which are read with each value once, and how many bytes all rows may have.

    Raises SourceError where the file says itself that there are more.
    """
    size = path.stat().st_size
    most = max(_FREE_BYTES, MAX_RATIO * size)
    with pq.ParquetFile(path) as file:
        declared = sum(file.metadata.row_group(n).total_byte_size for n in range(file.metadata.num_row_groups))
        num_rows, num_columns = file.metadata.num_rows, file.metadata.num_columns
        texts = [column.path for column in file.schema if column.physical_type == "BYTE_ARRAY"]
    if num_columns > MAX_COLUMNS:
        raise _too_wide(path, num_columns)
    if declared > most or num_rows > max(_ROWS_AT_LEAST, _ROWS_PER_BYTE * size):
        raise _bomb(path, declared)
    return texts, most


def _unpacked_bytes(column: pa.Array) -> int:
    """The bytes of a column once every row has its own value."""
    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    if column.dictionary.type not in _TEXTS:
        return int(column.dictionary.nbytes) + 8 * len(column)
    return int(pc.sum(pc.take(pc.binary_length(column.dictionary), column.indices)).as_py() or 0)


def _too_wide(path: Path, num_columns: int) -> SourceError:
    return SourceError(f"{path} has {num_columns:,} columns; at most {MAX_COLUMNS:,} are read, so leave some out")


def _bomb(path: Path, num_bytes: int) -> SourceError:
    return SourceError(
        f"{path} unpacks to {num_bytes / 2**20:,.0f} MiB or more, over {MAX_RATIO} times its size; write it as CSV "
        "where that is meant"
    )
