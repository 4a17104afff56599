"""Opens the files of a table as bytes: plain, or packed as gz, bz2, xz, zst or a zip of one file.

Knows what kind of file it is, by its first bytes, and how much a packed one may unpack to: memory follows what is taken
from a file, not what it unpacks to. Deliberately knows nothing of text, rows and columns.
"""

import bz2
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol, cast

import pyarrow as pa

from genrec.errors import SourceError

MAX_COLUMNS = 10_000  # of a table; each costs memory for every row
MAX_ROW_CHARS = 4 * 2**20  # of one row
MAX_RATIO = 100  # of what a packed file unpacks to, to what was read of it, once it is beyond these
UNPACKED_FREE_BYTES = 4 * 2**20
PACKINGS = (".gz", ".bz2", ".xz", ".zst", ".zip")
TABLE_SUFFIXES = (
    ".csv", ".tsv", ".txt", ".tab", ".psv", ".dat", ".inter", ".item", ".user", ".json", ".jsonl", ".ndjson",
    ".parquet", ".feather", ".arrow",
)  # fmt: skip
_BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError, RuntimeError)
_START_BYTES = 1024
_AS_CSV = "save it as CSV (UTF-8)"
_FOREIGN: tuple[tuple[bytes, str, str], ...] = (
    (
        b"SQLite format 3",
        "an SQLite database",
        "write its table as CSV: sqlite3 -header -csv FILE 'select * from TABLE'",
    ),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Office file", _AS_CSV),
    (b"\x89HDF", "an HDF5 file", "write its table as Parquet or CSV"),
    (b"%PDF", "a PDF", "give the table as CSV"),
    (b"\x80\x02", "a Python pickle, which is never opened", "write it as Parquet or CSV"),
    (b"\x80\x03", "a Python pickle, which is never opened", "write it as Parquet or CSV"),
    (b"\x80\x04", "a Python pickle, which is never opened", "write it as Parquet or CSV"),
    (b"\x80\x05", "a Python pickle, which is never opened", "write it as Parquet or CSV"),
    (b"\x93NUMPY", "a NumPy array", "give the table as CSV, and vectors as a modality"),
    (b"Obj\x01", "an Avro file", "write it as Parquet or CSV"),
    (b"ORC", "an ORC file", "write it as Parquet or CSV"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it"),
    (b"Rar!", "a RAR archive", "unpack it"),
    (b"\xff\xd8\xff", "a picture", "give the table as CSV"),
    (b"\x89PNG", "a picture", "give the table as CSV"),
    (b"RDX", "an R workspace", "write it as CSV: write.csv(TABLE, 'FILE.csv', row.names = FALSE)"),
)
_DUMP = re.compile(rb"^(?:create table|insert into)\s", re.MULTILINE)  # among the first lines of a database's dump
_DUMP_STARTS = (b"--", b"/*", b"create ", b"insert ", b"set ", b"begin", b"pragma ", b"drop ", b"start ", b"use ")
_OFFICE = {"[Content_Types].xml": "an Excel or Office file", "mimetype": "an OpenDocument file"}
_MARKUP = {
    b"<?xml": "XML",
    b"<!doctype html": "an HTML page",
    b"<html": "an HTML page",
    b"<rss": "XML",
    b"<feed": "XML",
}


def table_suffix(path: Path) -> str:
    """The suffix that speaks of what is in a file, packing aside: .csv for x.csv.gz."""
    suffix = path.suffix.lower()
    return Path(path.stem).suffix.lower() if suffix in PACKINGS else suffix


def is_table_name(path: Path) -> bool:
    """Whether a file's name says that it is a table."""
    return table_suffix(path) in TABLE_SUFFIXES


def require_file(path: Path) -> Path:
    """The path itself. Raises SourceError when it is no file, or an empty one."""
    if not path.is_file():
        raise SourceError(f"{path} is {'a folder' if path.is_dir() else 'not there'}; wanted a file to read")
    if not path.stat().st_size:
        raise SourceError(f"{path} is empty; wanted rows to read")
    return path


class Bytes(Protocol):
    """What is read from, a piece at a time."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, none at the end."""


@contextmanager
def open_bytes(path: Path, *, is_markup: bool = False) -> Iterator[Bytes]:
    """Open a file, packed or not. Raises SourceError when it is missing, empty, no table, breaks off, or is a bomb.

    is_markup: whether XML and HTML are wanted, too.
    """
    require_file(path)
    try:
        with path.open("rb") as file:
            start = file.read(_START_BYTES)
            file.seek(0)
            unpacked = _unpacked(path, start, file)
            if unpacked is None:
                _refuse_foreign(path, start, is_markup=is_markup)
                yield file
            else:
                yield _Bounded(path, unpacked, file, is_markup=is_markup)
    except _BROKEN as error:
        raise SourceError(f"{path} cannot be read ({_line(error)}); give a whole, readable file") from error
    except pa.ArrowException as error:
        raise SourceError(f"{path} cannot be read ({_line(error)}); give a whole, readable file") from error


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _unpacked(path: Path, start: bytes, file: IO[bytes]) -> Bytes | None:
    """What unpacks a file, by its first bytes; None where it is not packed."""
    if start.startswith(b"\x1f\x8b"):
        return cast(Bytes, gzip.GzipFile(fileobj=file, mode="rb"))
    if start.startswith(b"BZh"):
        return cast(Bytes, bz2.BZ2File(file))
    if start.startswith(b"\xfd7zXZ"):
        return cast(Bytes, lzma.LZMAFile(file))
    if start.startswith(b"\x28\xb5\x2f\xfd"):
        return cast(Bytes, pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd"))
    if start.startswith(b"PK\x03\x04"):
        return _only_member(path, file)
    return None


def _only_member(path: Path, file: IO[bytes]) -> Bytes:
    archive = zipfile.ZipFile(file)
    names = [entry.filename for entry in archive.infolist() if not entry.is_dir() and not _is_hidden(entry.filename)]
    for sign, kind in _OFFICE.items():
        if sign in archive.namelist():
            raise SourceError(f"{path} is {kind}; {_AS_CSV}")
    if len(names) != 1:
        raise SourceError(f"{path} holds {len(names)} files; wanted one table, so unpack it and give the folder")
    return cast(Bytes, archive.open(names[0]))


def _is_hidden(name: str) -> bool:
    return name.startswith("__MACOSX/") or Path(name).name.startswith(".")


def _refuse_foreign(path: Path, start: bytes, *, is_markup: bool = False) -> None:
    """Raise SourceError for a file of a known kind that is no table, and no markup where that is wanted."""
    for magic, kind, advice in _FOREIGN:
        if start.startswith(magic):
            raise SourceError(f"{path} is {kind}; {advice}")
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(_DUMP_STARTS) and _DUMP.search(text):
        raise SourceError(
            f"{path} is a dump of a database (SQL); write each of its tables as CSV, and give their folder"
        )
    for opening, kind in _MARKUP.items():
        if text.startswith(opening) and not is_markup:
            raise SourceError(f"{path} is {kind}, no table; {_AS_CSV}")


class _Bounded(io.RawIOBase):
    """A packed file that refuses to be read on where it unpacks to far more than it is."""

    def __init__(self, path: Path, unpacked: Bytes, packed: IO[bytes], *, is_markup: bool = False) -> None:
        super().__init__()
        self._is_markup = is_markup
        self._path, self._unpacked, self._packed, self._num_read = path, unpacked, packed, 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most 256 KiB at a time. Raises SourceError for a bomb."""
        size = min(size, 2**18) if size >= 0 else 2**18
        found = self._unpacked.read(size)
        if not self._num_read and found:
            _refuse_foreign(self._path, found[:_START_BYTES], is_markup=self._is_markup)
        self._num_read += len(found)
        if self._num_read > UNPACKED_FREE_BYTES + MAX_RATIO * self._packed.tell():
            raise SourceError(
                f"{self._path} unpacks to {self._num_read / 2**20:,.0f} MiB after {self._packed.tell():,} bytes of it, "
                f"over {MAX_RATIO} times as much; unpack it yourself where that is meant"
            )
        return found
