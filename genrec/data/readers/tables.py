"""Reads rows, one at a time, from CSV, TSV, JSON-lines, JSON and Parquet files, gzipped or not.

Knows file formats and which line a row stands on; deliberately knows nothing of items or events.
"""

import ast
import csv
import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from genrec.errors import SourceError
from genrec.runtime import ProgressMeter

Row = Mapping[str, object]
Refuse = Callable[[Path, int, str, object], None]  # file, line, reason, content

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
_NOT_UTF8 = re.compile("[\udc80-\udcff]")  # how undecodable bytes come through surrogateescape
_DELIMITERS = ",\t;|"


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

    Raises SourceError when the file is missing, empty, or breaks off.
    """
    require_file(path)
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding=encoding, errors="surrogateescape", newline="") as stream:
            yield cast(TextIO, stream)
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{path} cannot be read ({error}); give a whole, readable file") from error


def read_lines(path: Path, refuse: Refuse, *, encoding: str = "utf-8-sig") -> Iterator[tuple[int, str]]:
    """Lines that are not blank, with their numbers; lines in another encoding are refused."""
    meter = ProgressMeter(label=f"read {path.name}")
    with open_text(path, encoding=encoding) as stream:
        for number, line in enumerate(stream, start=1):
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
        header_line = stream.readline()
        delimiter = "\t" if table_suffix(path) == ".tsv" else max(_DELIMITERS, key=header_line.count)
        header = [name.strip() for name in next(csv.reader([header_line], delimiter=delimiter), [])]
        if not any(header) or len(set(header)) != len(header):
            raise SourceError(f"{path} begins with {header_line.strip()[:80]!r}; wanted different column names")
        rows = csv.reader(stream, delimiter=delimiter)
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
                yield line, dict(zip(header, cells, strict=True))
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
    """A JSON object, or a Python literal of one as in the Amazon metadata of 2014; None when it is neither."""
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        try:
            row = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            return None
    return row if isinstance(row, dict) else None


def _starts_array(path: Path) -> bool:
    with open_text(path) as stream:
        return stream.read(4096).lstrip().startswith("[")


def _read_json_array(path: Path, refuse: Refuse) -> Iterator[tuple[int, Row]]:
    with open_text(path) as stream:
        try:
            rows = json.load(stream)
        except ValueError as error:
            raise SourceError(f"{path} is not valid JSON ({error}); wanted an array of objects") from error
    for number, row in enumerate(rows, start=1):
        if isinstance(row, dict):
            yield number, row
        else:
            refuse(path, number, "not a JSON object", str(row))


def _read_parquet(path: Path) -> Iterator[tuple[int, Row]]:
    try:
        with pq.ParquetFile(path) as file:
            meter = ProgressMeter(label=f"read {path.name}", total=file.metadata.num_rows)
            number = 0
            for batch in file.iter_batches(batch_size=10_000):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
                    meter.advance()
            meter.close()
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise SourceError(f"{path} cannot be read as Parquet ({reason}); give a whole Parquet file") from error


def _visible(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
