"""Reads rows, one at a time, from CSV, TSV, JSON-lines, JSON and Parquet files, gzipped or not.

Knows file formats, which line a row stands on, and how much one row and one packed file may hold: memory follows what
is taken from a file, not what it unpacks to. Deliberately knows nothing of items or events.
"""

import ast
import csv
import gzip
import io
import itertools
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genrec.data.readers.values import is_too_deep
from genrec.errors import SourceError
from genrec.runtime import ProgressMeter
from genrec.sinks import from_csv_cell

Row = Mapping[str, object]
Refuse = Callable[[Path, int, str, object], None]  # file, line, reason, content

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
_NOT_UTF8 = re.compile("[\udc80-\udcff]")  # how undecodable bytes come through surrogateescape
_BLANK = re.compile(r"[ \t\r\n]*")
_DELIMITERS = ",\t;|"
MAX_COLUMNS = 10_000  # of a table; each costs memory for every row
MAX_ROW_CHARS = 4 * 2**20  # of one line, or one object of a JSON array
MAX_WHOLE_CHARS = 256 * 2**20  # of a file that is read at once
_LITERAL_CHARS = 2**20  # of a Python literal, whose syntax tree takes much more
_CHUNK_CHARS = 2**18
MAX_RATIO = 100  # of what a packed file unpacks to, to what was read of it, once it is beyond these
_UNPACKED_FREE_BYTES, _PARQUET_FREE_BYTES = 4 * 2**20, 64 * 2**20
_START_CHARS = 4096  # in which an array opens
_ROWS_PER_BYTE, _ROWS_AT_LEAST = 64, 1_000_000  # of a Parquet file, whose encodings repeat a value for nothing
_PARQUET_BATCH = 1_000


def table_suffix(path: Path) -> str:
    """The suffix that says how to read a file, .gz aside: .csv for x.csv.gz."""
    return Path(path.name.removesuffix(".gz")).suffix.lower()


def require_file(path: Path) -> Path:
    """The path itself. Raises SourceError when it is no file, or an empty one."""
    if not path.is_file():
        raise SourceError(f"{path} is {'a folder' if path.is_dir() else 'not there'}; wanted a file to read")
    if not path.stat().st_size:
        raise SourceError(f"{path} is empty; wanted rows to read")
    return path


@contextmanager
def open_text(path: Path, *, encoding: str = "utf-8-sig") -> Iterator[TextIO]:
    """Open a text file, gzipped or not, for reading; undecodable bytes come through as lone surrogates.

    Raises SourceError when the file is missing, empty, breaks off, or unpacks to far more than it is.
    """
    require_file(path)
    try:
        with _open_bytes(path) as content:
            yield io.TextIOWrapper(content, encoding=encoding, errors="surrogateescape", newline="")
    except SourceError:
        raise
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{path} cannot be read ({error}); give a whole, readable file") from error


def _open_bytes(path: Path) -> BinaryIO:
    return cast(BinaryIO, _Unpacked(path)) if path.suffix == ".gz" else path.open("rb")


class _Unpacked(gzip.GzipFile):
    """A gzipped file that refuses to be read on where it unpacks to far more than it is."""

    def __init__(self, path: Path) -> None:
        self._path, self._num_read, self._packed = path, 0, path.open("rb")
        super().__init__(fileobj=self._packed, mode="rb")

    def read1(self, size: int = -1) -> bytes:
        """Read some bytes, which is all that a text wrapper asks for."""
        found = super().read1(size)
        self._num_read += len(found)
        if self._num_read > _UNPACKED_FREE_BYTES + MAX_RATIO * self._packed.tell():
            raise SourceError(
                f"{self._path} unpacks to {self._num_read / 2**20:,.0f} MiB after {self._packed.tell():,} bytes of it, "
                f"over {MAX_RATIO} times as much; unpack it yourself where that is meant"
            )
        return found

    def close(self) -> None:
        """Close both files."""
        super().close()
        self._packed.close()


def _lines(stream: TextIO, path: Path) -> Iterator[str]:
    """A file's lines with their endings. Raises SourceError on one that is no row of a table any more."""
    for number in itertools.count(1):
        line = stream.readline(MAX_ROW_CHARS + 1)
        if not line:
            return
        if len(line) > MAX_ROW_CHARS:
            raise SourceError(
                f"{path} line {number} has more than {MAX_ROW_CHARS:,} characters; wanted one row on a line"
            )
        yield line


def read_json(path: Path) -> object:
    """What a JSON file holds, read at once. Raises SourceError."""
    with open_text(path) as stream:
        text = stream.read(MAX_WHOLE_CHARS + 1)
    if len(text) > MAX_WHOLE_CHARS:
        raise SourceError(f"{path} has more than {MAX_WHOLE_CHARS:,} characters; wanted JSON-lines")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path} is not valid JSON ({error})") from error


def read_lines(path: Path, refuse: Refuse, *, encoding: str = "utf-8-sig") -> Iterator[tuple[int, str]]:
    """Lines that are not blank, with their numbers; lines in another encoding are refused."""
    meter = ProgressMeter(label=f"read {path.name}")
    with open_text(path, encoding=encoding) as stream:
        for number, line in enumerate(_lines(stream, path), start=1):
            text = line.rstrip("\r\n")
            if _NOT_UTF8.search(text):
                refuse(path, number, "not UTF-8 text", _visible(text))
            elif text.strip():
                yield number, text
            meter.advance()
    meter.close()


def read_rows(path: Path, refuse: Refuse) -> Iterator[tuple[int, Row]]:
    """Rows as mappings from column to value, with their line (or row) numbers; broken rows are refused.

    Raises SourceError when the file is missing, empty or of an unknown kind.
    """
    suffix = table_suffix(require_file(path))
    if suffix in (".csv", ".tsv"):
        return _read_csv(path, refuse)
    if suffix in (".jsonl", ".ndjson"):
        return _read_json_lines(path, refuse)
    if suffix == ".json":
        return _read_json_array(path, refuse) if _starts_array(path) else _read_json_lines(path, refuse)
    if suffix == ".parquet":
        return _read_parquet(path)
    raise SourceError(f"{path} is of an unknown kind; wanted {', '.join(TABLE_SUFFIXES)}, gzipped or not")


def _read_csv(path: Path, refuse: Refuse) -> Iterator[tuple[int, Row]]:
    meter = ProgressMeter(label=f"read {path.name}")
    with open_text(path) as stream:
        lines = _lines(stream, path)
        header_line = next(lines, "")
        delimiter = "\t" if table_suffix(path) == ".tsv" else max(_DELIMITERS, key=header_line.count)
        try:
            header = [name.strip() for name in next(csv.reader([header_line], delimiter=delimiter), [])]
        except csv.Error as error:
            raise SourceError(f"{path} begins with no row of column names ({error})") from error
        if len(header) > MAX_COLUMNS:
            raise _too_wide(path, len(header))
        if not any(header) or len(set(header)) != len(header):
            raise SourceError(f"{path} begins with {header_line.strip()[:80]!r}; wanted different column names")
        rows = csv.reader(lines, delimiter=delimiter)
        while True:
            try:
                cells = next(rows, None)
            except csv.Error as error:
                refuse(path, rows.line_num + 1, f"broken CSV row: {error}", "")
                continue
            if cells is None:
                break
            line = rows.line_num + 1
            if len(cells) != len(header):
                if cells:
                    refuse(path, line, f"row has {len(cells)} cells, the header {len(header)}", delimiter.join(cells))
            elif any(not cell.isascii() and _NOT_UTF8.search(cell) for cell in cells):
                refuse(path, line, "not UTF-8 text", _visible(delimiter.join(cells)))
            else:
                texts = [from_csv_cell(cell) if cell[:1] == "'" else cell for cell in cells]
                yield line, dict(zip(header, texts, strict=True))
            meter.advance()
    meter.close()


def _read_json_lines(path: Path, refuse: Refuse) -> Iterator[tuple[int, Row]]:
    for line, text in read_lines(path, refuse):
        row = parse_object(text)
        if row is None:
            refuse(path, line, "not a JSON object", text)
        else:
            yield line, row


def parse_object(text: str) -> Row | None:
    """A JSON object, or a Python literal of one as in the Amazon metadata of 2014; None when it is neither, or deep."""
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        if len(text) > _LITERAL_CHARS:
            return None
        try:
            row = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            return None
    return row if isinstance(row, dict) and not is_too_deep(row) else None


def _starts_array(path: Path) -> bool:
    with open_text(path) as stream:
        return stream.read(_START_CHARS).lstrip().startswith("[")


def _read_json_array(path: Path, refuse: Refuse) -> Iterator[tuple[int, Row]]:
    with open_text(path) as stream:
        yield from _checked_rows(_json_elements(stream, path), path, refuse)


def _json_elements(stream: TextIO, path: Path) -> Iterator[object]:
    """The elements of a JSON array, one at a time. Raises SourceError."""
    decode, text, start, is_first = json.JSONDecoder().raw_decode, stream.read(_START_CHARS).lstrip()[1:], 0, True
    while True:
        start = _BLANK.match(text, start).end()  # type: ignore[union-attr]  # blanks may be none
        if text[start : start + 1] == "]" and is_first:
            return
        try:
            element, end = decode(text, start)
            end = _BLANK.match(text, end).end()  # type: ignore[union-attr]  # as above
            if end == len(text):
                raise ValueError("the array is not closed")
            if text[end] not in ",]":
                raise ValueError(f"an element is followed by {text[end]!r}")
        except (ValueError, RecursionError) as error:
            more = stream.read(_CHUNK_CHARS) if len(text) - start <= MAX_ROW_CHARS else ""
            if not more or isinstance(error, RecursionError):
                raise SourceError(f"{path} is not valid JSON ({error}); wanted an array of objects") from error
            text, start = text[start:] + more, 0
            continue
        yield element
        if text[end] == "]":
            return
        start, is_first = end + 1, False


def _checked_rows(elements: Iterable[object], path: Path, refuse: Refuse) -> Iterator[tuple[int, Row]]:
    for number, row in enumerate(elements, start=1):
        if isinstance(row, dict) and not is_too_deep(row):
            yield number, row
        else:
            refuse(path, number, "not a JSON object", str(row))


def _read_parquet(path: Path) -> Iterator[tuple[int, Row]]:
    try:
        texts, most = _parquet_bounds(path)
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            meter = ProgressMeter(label=f"read {path.name}", total=file.metadata.num_rows)
            number, num_bytes = 0, 0
            for batch in file.iter_batches(batch_size=_PARQUET_BATCH):
                num_bytes += sum(map(_unpacked_bytes, batch.columns))
                if num_bytes > most:
                    raise _bomb(path, num_bytes)
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
                    meter.advance()
            meter.close()
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise SourceError(f"{path} cannot be read as Parquet ({reason}); give a whole Parquet file") from error


def _parquet_bounds(path: Path) -> tuple[list[str], int]:
    """The columns of texts, which are read with each value once, and how many bytes all rows may have.

    Raises SourceError where the file says itself that there are more.
    """
    size = path.stat().st_size
    most = max(_PARQUET_FREE_BYTES, MAX_RATIO * size)
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
    return int(pc.sum(pc.take(pc.binary_length(column.dictionary), column.indices)).as_py() or 0)


def _too_wide(path: Path, num_columns: int) -> SourceError:
    return SourceError(f"{path} has {num_columns:,} columns; at most {MAX_COLUMNS:,} are read, so leave some out")


def _bomb(path: Path, num_bytes: int) -> SourceError:
    return SourceError(
        f"{path} unpacks to {num_bytes / 2**20:,.0f} MiB or more, over {MAX_RATIO} times its size; write it as CSV "
        "where that is meant"
    )


def _visible(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
