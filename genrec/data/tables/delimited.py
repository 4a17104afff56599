"""Reads delimited text (CSV, TSV, .dat, RecBole's atomic files) as columns.

The encoding and the dialect are decided by genrec.data.tables.encodings and .dialect. The body is read in blocks of
lines: by pyarrow where every line of a block is a row by itself (quotes open and close cells on it, as many cells as
names), by Python's csv where strict rows go over several lines, else by genrec.data.tables.cells, a cell at a time; all
three give the same columns.

Measured on 5 million events of 4 columns (137 MB), as texts: pyarrow 0.9 s and 302 MB, polars 1.1 s and 499 MB, duckdb
1.6 s and 437 MB for the whole file; here, in blocks by pyarrow, 2.0 s and 370 MB. 25 million (683 MB) take 7.2 s of
processor time and 1.3 GB.
"""

import csv
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from genrec.data.tables.apostrophes import are_quotes, swapped, swapped_back
from genrec.data.tables.cells import Fitter, Splitter
from genrec.data.tables.dialect import Dialect, find_dialect, separator_name
from genrec.data.tables.encodings import find_encoding, utf8_blocks
from genrec.data.tables.names import finish_columns, name_columns
from genrec.data.tables.opening import MAX_COLUMNS, MAX_ROW_CHARS, table_suffix
from genrec.data.tables.table import RefusedRow, Table, refused_row
from genrec.errors import SourceError
from genrec.runtime import ProgressMeter
from genrec.schema import IntArray

BLOCK_BYTES = 2**21
_SAMPLE_CHARS = 2**18  # on which the dialect is decided
_TOO_LONG = "\ufffe"  # in place of a line that is too long; no text holds it
_SMALL_BYTES = 2**16  # of what is read cell by cell where only some rows of a block need it
_UNIT = b"\x1f"  # in place of a separator of several characters


def read_delimited(
    path: Path,
    *,
    columns: Collection[str] | None = None,
    has_header: bool | None = None,
    separator: str | None = None,
    is_fast: bool = True,
) -> Table:
    """The table of a delimited file; is_fast: whether pyarrow may read what it can. Raises SourceError."""
    encoding = find_encoding(path)
    blocks = utf8_blocks(path, encoding, block_bytes=BLOCK_BYTES, max_line_bytes=MAX_ROW_CHARS)
    head, is_whole = _take_sample(blocks)
    has_apostrophes = are_quotes(head)
    if has_apostrophes:
        head, blocks = next(swapped(iter([head]))), swapped(blocks)
    lines = _lines(head)[: None if is_whole else -1] if head else []
    sample = _limited(lines)
    dialect = find_dialect(
        sample,
        is_whole=is_whole and len(sample) == len(lines),
        suffix=table_suffix(path),
        has_header=has_header,
        separator=separator,
    )
    if _TOO_LONG in lines[: dialect.num_skipped]:
        raise SourceError(f"{path} begins with a line of more than {MAX_ROW_CHARS:,} characters; wanted column names")
    if len(dialect.kinds) > MAX_COLUMNS:
        raise SourceError(
            f"{path} has {len(dialect.kinds):,} columns; at most {MAX_COLUMNS:,} are read, so leave some out"
        )
    if not dialect.kinds:
        raise SourceError(f"{path} holds no row; wanted a line of column names and rows below it")
    body = _Body(path=path, dialect=dialect, is_fast=is_fast)
    body.read(_after_lines(head, dialect.num_skipped, blocks))
    table = body.table((*encoding.notes, *dialect.notes), columns)
    return swapped_back(table) if has_apostrophes else table


def _take_sample(blocks: Iterator[bytes]) -> tuple[bytes, bool]:
    """The first block or more, and whether it is all of the file."""
    head = b""
    for block in blocks:
        head += block
        if len(head) >= _SAMPLE_CHARS:
            return head, False
    return head, True


def _lines(block: bytes) -> list[str]:
    """The lines of a block; a line too long is marked."""
    if b"\xff" in block:
        block = block.replace(b"\xff", _TOO_LONG.encode())
    lines = block.decode("utf-8", "replace").split("\n")
    return lines[:-1]


def _limited(lines: Sequence[str]) -> list[str]:
    taken: list[str] = []
    num_chars = 0
    for line in lines:
        if taken and num_chars + len(line) > _SAMPLE_CHARS:
            break
        taken.append(line)
        num_chars += len(line) + 1
    return taken


def _after_lines(head: bytes, num_lines: int, blocks: Iterator[bytes]) -> Iterator[bytes]:
    place = 0
    for _ in range(num_lines):
        place = head.index(b"\n", place) + 1
    if place < len(head):
        yield head[place:]
    yield from blocks


@dataclass(slots=True)
class _Batch:
    """Rows of a block, and their lines."""

    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def add(self, cells: list[str], line: int) -> None:
        self.rows.append(cells)
        self.lines.append(line)

    def arrays(self) -> tuple[list[pa.Array], IntArray]:
        """The columns, and the lines."""
        columns = [pa.array(cells, pa.string()) for cells in zip(*self.rows, strict=True)]
        return columns, np.array(self.lines, dtype=np.int64)


@dataclass(slots=True, kw_only=True)
class _Body:
    """The rows below the header, as they are read."""

    path: Path
    dialect: Dialect
    is_fast: bool
    splitter: Splitter = field(init=False)
    fitter: Fitter = field(init=False)
    batches: list[list[pa.Array]] = field(default_factory=list)  # of each block, the arrays of its columns
    lines: list[range | IntArray] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)
    joined: Counter[int] = field(default_factory=Counter)
    num_short: int = 0
    num_blank: int = 0
    num_headers: int = 0

    def __post_init__(self) -> None:
        dialect = self.dialect
        self.splitter = Splitter(
            separator=dialect.separator, has_escapes=dialect.has_escapes, num_cells=len(dialect.kinds)
        )
        self.fitter = Fitter(separator=dialect.separator, kinds=dialect.kinds)

    def read(self, blocks: Iterator[bytes]) -> None:
        """Read all blocks."""
        meter = ProgressMeter(label=f"read {self.path.name}")
        rest, line = b"", self.dialect.num_skipped + 1
        for block in blocks:
            line, rest = self._block(rest + block if rest else block, line)
            meter.advance(self._num_last())
        if rest:
            self._careful(rest, line, is_final=True)
            meter.advance(self._num_last())
        meter.close()

    def _block(self, block: bytes, line: int, *, is_small: bool = False) -> tuple[int, bytes]:
        """Read a block: the line that comes next, and what belongs to a row that goes on in the next block.

        is_small: it is not to be read in smaller ones.
        """
        quotes = find_quotes(block, self.dialect.separator.encode()) if b'"' in block else None
        if self.is_fast and not (quotes is not None and self.dialect.has_escapes and b"\\" in block):
            if quotes is None or (quotes.are_strict and quotes.row_ends is None):
                arrays = self._strict(block, has_quotes=quotes is not None)
                if arrays is not None:
                    num_rows = len(arrays[0])
                    self._add(arrays, range(line, line + num_rows))
                    return line + num_rows, b""
            elif quotes.are_strict and self._well_formed(block, line, quotes):
                return line + block.count(b"\n", 0, quotes.end), block[quotes.end :]
            if len(block) > _SMALL_BYTES and not is_small:
                rest, place = b"", 0
                while place < len(block):
                    end = block.find(b"\n", place + _SMALL_BYTES + len(rest)) + 1 or len(block)
                    line, rest = self._block(rest + block[place:end], line, is_small=True)
                    place = end
                return line, rest
        num_lines, rest = self._careful(block, line, is_final=False)
        return line + num_lines, rest

    def _num_last(self) -> int:
        return len(self.lines[-1]) if self.lines else 0

    def _add(self, arrays: list[pa.Array], lines: range | IntArray) -> None:
        if len(lines):
            self.batches.append(arrays)
            self.lines.append(lines)

    def _strict(self, block: bytes, *, has_quotes: bool) -> list[pa.Array] | None:
        """The columns of a block whose lines are all rows by themselves; None where one is not."""
        separator = self.dialect.separator.encode()
        num_columns = len(self.dialect.kinds)
        if num_columns < 2 or b"\xff" in block or b"\n\n" in block or block.startswith(b"\n"):
            return None
        if len(separator) > 1:
            if _UNIT in block or has_quotes:
                return None
            block, separator = block.replace(separator, _UNIT), _UNIT
        arrays = _parse(block, separator.decode(), num_columns, has_quotes=has_quotes)
        return None if arrays is None or _has_lonely_cells(arrays) else arrays

    def _well_formed(self, block: bytes, line: int, quotes: "Quotes") -> bool:
        """Read a block of strict rows, some over several lines; False where a quote may never have been closed."""
        assert quotes.row_ends is not None
        if len(self.dialect.separator) > 1 or b"\xff" in block:
            return False
        starts = [0, *(end + 1 for end in quotes.row_ends.tolist())]
        texts = [block[start : end - 1].decode("utf-8", "replace") for start, end in pairwise(starts)]
        try:
            found = list(csv.reader(texts, delimiter=self.dialect.separator))
        except csv.Error:  # a cell that is too long for it
            return False
        many = [text.split("\n") for text in texts if "\n" in text]
        if len(found) != len(texts) or any(map(self.splitter.are_rows, many)):
            return False
        batch = _Batch()
        for text, cells in zip(texts, found, strict=True):
            self._fit(cells, line, batch)
            line += text.count("\n") + 1
        self._add(*batch.arrays())
        return True

    def _careful(self, block: bytes, line: int, *, is_final: bool) -> tuple[int, bytes]:
        """Read a block row by row: how many lines it took, and what belongs to a row that goes on in the next block."""
        lines = _lines(block)
        batch, first = _Batch(), 0
        while first < len(lines):
            if lines[first] == _TOO_LONG:
                self._refuse(line + first, f"more than {MAX_ROW_CHARS:,} characters on a line", "")
                first += 1
                continue
            found = self.splitter.split(lines, first, is_final=is_final)
            if found is None:
                break
            self._fit(found[0], line + first, batch)
            first += found[1]
        self._add(*batch.arrays())
        rest = "\n".join([*lines[first:], ""]).replace(_TOO_LONG, "\udcff").encode("utf-8", "surrogateescape")
        return first, rest

    def _fit(self, cells: list[str], line: int, batch: "_Batch") -> None:
        if len(cells) == len(self.dialect.kinds) and cells[-1] and (len(cells) > 1 or cells[0].strip()):
            batch.add(cells, line)
            return
        if not any(map(str.strip, cells)):
            self.num_blank += 1
            return
        fitted = self.fitter.fit(cells)
        if fitted.cells is None:
            self._refuse(line, fitted.reason, self.dialect.separator.join(cells))
            return
        if fitted.joined is not None:
            self.joined[fitted.joined] += 1
        self.num_short += fitted.num_missing > 0
        batch.add(fitted.cells, line)

    def _refuse(self, line: int, reason: str, content: str) -> None:
        self.refused.append(refused_row(line, reason, content))

    def table(self, notes: Sequence[str], wanted: Collection[str] | None) -> Table:
        """What was read."""
        names, name_notes = name_columns(self.dialect.names, len(self.dialect.kinds))
        columns = {
            name: pa.chunked_array([batch[place] for batch in self.batches], pa.string())
            for place, name in enumerate(names)
        }
        self.batches.clear()
        lines = _joined_lines(self.lines)
        columns, lines = self._without_headers(columns, lines)
        columns, finish_notes = finish_columns(columns, has_header=self.dialect.names is not None)
        table = Table(
            path=self.path,
            columns=columns,
            lines=lines,
            notes=(*notes, *name_notes, *finish_notes, *self._row_notes(names)),
            refused=tuple(self.refused),
        )
        return table if wanted is None else table.select(wanted)

    def _without_headers(
        self, columns: dict[str, pa.ChunkedArray], lines: range | IntArray
    ) -> tuple[dict[str, pa.ChunkedArray], range | IntArray]:
        """The rows that do not repeat the header, as tables that were joined do."""
        repeats = None
        for column, name in zip(columns.values(), self.dialect.names or (), strict=False):
            is_name = pc.equal(column, name)
            repeats = is_name if repeats is None else pc.and_(repeats, is_name)
            if not pc.any(repeats).as_py():
                return columns, lines
        if repeats is None or not any(map(str.strip, self.dialect.names or ())):
            return columns, lines
        kept = np.flatnonzero(~repeats.to_numpy(zero_copy_only=False))
        self.num_headers = len(lines) - len(kept)
        return {name: column.take(kept) for name, column in columns.items()}, np.asarray(lines, np.int64)[kept]

    def _row_notes(self, names: Sequence[str]) -> Iterator[str]:
        for place, count in sorted(self.joined.items()):
            yield (
                f"{_rows(count)} had more cells than the header (a {separator_name(self.dialect.separator)} without "
                f"quotes); what is over went to {names[place]!r}"
            )
        if self.num_short:
            yield f"{_rows(self.num_short)} had fewer cells than the header; the missing ones are empty"
        if self.num_blank:
            yield f"{_rows(self.num_blank)} were blank"
        if self.num_headers:
            yield f"{_rows(self.num_headers)} repeated the header, and were left out"
        if self.splitter.num_unclosed:
            yield f"{self.splitter.num_unclosed:,} quotes were never closed, and stand in their cells as they are"


def _rows(count: int) -> str:
    return f"{count:,} row{'s' * (count != 1)}"


def _joined_lines(parts: Sequence[range | IntArray]) -> range | IntArray:
    if not parts:
        return range(0)
    numbers = [part for part in parts if len(part)]
    first, num_rows = int(numbers[0][0]), sum(map(len, numbers))
    place = first
    for part in numbers:
        if int(part[0]) != place or int(part[-1]) != place + len(part) - 1:
            return np.concatenate([np.asarray(part, dtype=np.int64) for part in numbers])
        place += len(part)
    return range(first, first + num_rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotes:
    """How quotes stand in a block of lines.

    are_strict: each opens or closes a cell, or is doubled within one; the last cell may go on after the block.
    row_ends: the line breaks that end rows, None where all of them do. end: where the last whole row ends.
    """

    are_strict: bool
    row_ends: IntArray | None
    end: int


def find_quotes(block: bytes, separator: bytes) -> Quotes:
    """How quotes stand in a block of lines that begins with a row."""
    text = np.frombuffer(block, dtype=np.uint8)
    quotes = np.flatnonzero(text == ord('"'))
    opening, closing = quotes[::2], quotes[1::2]
    follows = np.zeros(len(opening), dtype=bool)
    follows[1:] = opening[1:] == closing[: len(opening) - 1] + 1  # a doubled quote: closed and opened again
    before = text[np.maximum(opening - 1, 0)]
    starts = (before == separator[-1]) | (before == ord("\n")) | (opening == 0)
    after = text[np.minimum(closing + 1, len(text) - 1)]
    reopens = np.append(follows[1:], False)[: len(closing)]
    ends = (after == separator[0]) | (after == ord("\n")) | reopens
    if not (np.all(starts | follows) and np.all(ends)):
        return Quotes(are_strict=False, row_ends=None, end=0)
    breaks = np.flatnonzero(text == ord("\n"))
    row_ends = breaks[np.searchsorted(quotes, breaks) % 2 == 0]
    end = int(row_ends[-1]) + 1 if len(row_ends) else 0
    return Quotes(are_strict=True, row_ends=None if len(row_ends) == len(breaks) else row_ends, end=end)


def _parse(block: bytes, separator: str, num_columns: int, *, has_quotes: bool) -> list[pa.Array] | None:
    names = list(map(str, range(num_columns)))
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(block),
            read_options=arrow_csv.ReadOptions(column_names=names, use_threads=False, block_size=len(block) + 1),
            parse_options=arrow_csv.ParseOptions(
                delimiter=separator, quote_char='"' if has_quotes else False, ignore_empty_lines=False
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:  # a line of another width
        return None
    return [column.combine_chunks() for column in table.columns]


def _has_lonely_cells(arrays: Sequence[pa.Array]) -> bool:
    """Whether a row has nothing but its first cell, or not even that."""
    lonely = None
    for array in arrays[1:]:
        is_blank = pc.equal(pc.binary_length(pc.utf8_trim_whitespace(array)), 0)
        lonely = is_blank if lonely is None else pc.and_(lonely, is_blank)
        if not pc.any(lonely).as_py():
            return False
    return True
