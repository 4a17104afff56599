"""Reads JSON as columns: lines, arrays, envelopes, ids to objects, pandas' layouts, Python literals.

Knows where the rows are in a document, and reads lines and arrays a piece at a time; deliberately knows nothing of what
a column means. What lies nested in a row stays as it is.
"""

import ast
import codecs
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import orjson

from genrec.data.tables.building import ColumnBuilder, is_too_deep
from genrec.data.tables.encodings import Encoding, find_encoding, utf8_blocks, utf8_pieces
from genrec.data.tables.envelopes import Located, locate
from genrec.data.tables.opening import MAX_ROW_CHARS, table_suffix
from genrec.data.tables.table import RefusedRow, Table, refused_row, whole_text
from genrec.errors import SourceError
from genrec.runtime import ProgressMeter

MAX_WHOLE_CHARS = 256 * 2**20  # of a document that is read at once
CHUNK_CHARS = 2**18
_LITERAL_CHARS = 2**20  # of a Python literal, whose syntax tree takes much more
_HEAD_BYTES = 2**16
_SNIFFED_LINES = 20
_LINE_SUFFIXES = (".jsonl", ".ndjson")
_LITERAL_ARRAY = re.compile(rb"\s*\[\s*[{(]\s*'")
_BLANK = re.compile(r"[ \t\r\n]*")
_BETWEEN = re.compile(r"[ \t\r\n,]*")
_PUNCTUATION = frozenset(("[", "]", ",", "],", "];", "[]"))
_UNREADABLE = object()


def looks_like_json(head: bytes) -> bool:
    """Whether a file of no telling name begins as JSON does."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return re.match(rb"\[\s*[\[{]|\{\s*[\"'}]", start) is not None


def read_documents(path: Path, *, at: str | None = None) -> Table:
    """The table of a JSON file; at: where its rows are, as "products" or "data.items". Raises SourceError."""
    encoding = find_encoding(path)
    head = b""
    for piece in utf8_pieces(path, encoding):
        head += piece
        if len(head) >= _HEAD_BYTES:
            break
    reader = _Reader(path=path, encoding=encoding)
    start = head.lstrip()[:1]
    if not start:
        raise SourceError(f"{path} holds nothing but blanks; wanted rows to read")
    if at is None and _is_line_wise(head[:_HEAD_BYTES], table_suffix(path), is_whole=len(head) < _HEAD_BYTES):
        reader.read_lines()
    elif at is None and start == b"[" and not _LITERAL_ARRAY.match(head):
        reader.read_array()
    elif start in (b"{", b"["):
        reader.read_document(at)
    else:
        raise SourceError(f"{path} is not valid JSON (it begins with {head[:20].decode('utf-8', 'replace')!r})")
    return reader.table()


def _is_line_wise(head: bytes, suffix: str, *, is_whole: bool) -> bool:
    """Whether each line is an object by itself, also within the brackets of an array."""
    lines = head.decode("utf-8", "replace").split("\n")
    texts = [text for line in (lines if is_whole else lines[:-1]) if (text := line.strip()) not in _PUNCTUATION | {""}]
    is_named = suffix in _LINE_SUFFIXES
    if not texts:  # one line, longer than the head
        return is_named and not head.lstrip().startswith(b"[")
    first = parse(texts[0])
    if len(texts) == 1:
        return is_named and not _holds_rows(first)
    if isinstance(first, dict) or (isinstance(first, list) and not _holds_rows(first)):
        return True
    start = texts[0].removeprefix("[").lstrip()
    if not start.startswith(("{", "[")) or re.search(r"(?<![\]}]),$|[\[{]$", start):
        return False  # an object over several lines
    found = [isinstance(parse_line(text), dict | list) for text in texts[:_SNIFFED_LINES]]
    return 2 * sum(found) >= len(found)


def _holds_rows(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(entry, dict | list) for entry in value)


def parse_line(text: str) -> object:
    """What a line holds, also one of an array, or with a comma at its end; None when it is broken or deep."""
    found = parse(text)
    if found is not _UNREADABLE and (isinstance(found, dict) or not text.startswith("[{")):
        return found
    inner = text.strip(" \t,;")
    opened, closed = inner.removeprefix("["), inner.removesuffix("]")
    for candidate in (inner, opened, closed, opened.removesuffix("]")):
        again = parse(candidate) if candidate and candidate != text else None
        if isinstance(again, dict | list):
            return again
    return None if found is _UNREADABLE else found


def parse(text: str) -> object:
    """A JSON value, or a Python literal as in the Amazon metadata of 2014; _UNREADABLE when it is neither."""
    try:
        return orjson.loads(text)
    except ValueError:
        pass
    try:
        found = json.loads(text, parse_constant=_missing)
    except (ValueError, RecursionError):
        if len(text) > _LITERAL_CHARS or not text.lstrip().startswith(("{", "[")):
            return _UNREADABLE
        try:
            found = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            return _UNREADABLE
        if isinstance(found, tuple):  # an object and a comma
            return _UNREADABLE
    return _plain(found)


def _missing(_: str) -> None:
    """NaN and Infinity are no values."""


def _plain(value: object, depth: int = 0) -> object:
    """A value with texts that a file can hold, and keys that are texts."""
    if isinstance(value, str):
        return whole_text(value)
    if depth > 100:
        return value
    if isinstance(value, dict):
        return {str(whole_text(str(key))): _plain(entry, depth + 1) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(entry, depth + 1) for entry in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value) if isinstance(value, complex) or value is Ellipsis else value


@dataclass(slots=True, kw_only=True)
class _Reader:
    """One file as it is read."""

    path: Path
    encoding: Encoding
    lines: list[int] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    names: tuple[str, ...] | None = None  # of rows that are lists
    builder: ColumnBuilder = field(init=False)

    def __post_init__(self) -> None:
        self.builder = ColumnBuilder(self.path)

    def read_lines(self) -> None:
        """Read a file of one object a line."""
        meter, number = ProgressMeter(label=f"read {self.path.name}"), 0
        blocks = utf8_blocks(self.path, self.encoding, block_bytes=2**20, max_line_bytes=4 * MAX_ROW_CHARS)
        for block in blocks:
            for raw in block.split(b"\n")[:-1]:
                number += 1
                text = raw.decode("utf-8", "replace").strip()
                if raw == b"\xff" or len(text) > MAX_ROW_CHARS:
                    self._refuse(number, f"more than {MAX_ROW_CHARS:,} characters on a line", "")
                elif text and text not in _PUNCTUATION:
                    self._add(number, parse_line(text), text)
                meter.advance()
        meter.close()

    def read_array(self) -> None:
        """Read an array, an element at a time. Raises SourceError when it is broken."""
        meter = ProgressMeter(label=f"read {self.path.name}")
        for number, element in enumerate(self._elements(), start=1):
            self._add(number, _plain(element) if _has_half(element) else element, element)
            meter.advance()
        meter.close()

    def _elements(self) -> Iterator[object]:
        texts = _texts(utf8_pieces(self.path, self.encoding, piece_bytes=CHUNK_CHARS))
        text = next((text for text in texts if text.strip()), "")
        yield from elements(text.lstrip()[1:], texts, self.path, closing="]")

    def read_document(self, at: str | None) -> None:
        """Read a document at once, and the rows that it envelops. Raises SourceError."""
        text = self._whole()
        document = parse(text)
        if document is _UNREADABLE:
            try:
                rows = list(elements(text, iter(()), self.path, closing=""))
            except SourceError as error:
                raise SourceError(f"{self.path} is not valid JSON ({_why_broken(text)})") from error
            document = rows
        located = locate(document, self.path, at)
        self._add_located(located)

    def _whole(self) -> str:
        parts, num_bytes = [], 0
        for piece in utf8_pieces(self.path, self.encoding):
            num_bytes += len(piece)
            if num_bytes > MAX_WHOLE_CHARS:
                raise SourceError(f"{self.path} has more than {MAX_WHOLE_CHARS:,} characters; wanted JSON-lines")
            parts.append(piece)
        return b"".join(parts).decode("utf-8", "replace")

    def _add_located(self, located: Located) -> None:
        self.notes += located.notes
        for number, row in enumerate(located.rows, start=1):
            self._add(number, row, row)

    def _add(self, number: int, row: object, content: object) -> None:
        if isinstance(row, list):
            row = self._named(row)
            if row is None:
                return
        if not isinstance(row, dict) or row is None:
            self._refuse(number, "not a JSON object", _shown(content))
        elif any(isinstance(value, dict | list) for value in row.values()) and is_too_deep(row):
            self._refuse(number, "lists and objects lie too deep in each other", _shown(content))
        else:
            self.builder.add(row)
            self.lines.append(number)

    def _named(self, cells: list[object]) -> object:
        """A row that is a list, with names for its cells; None where it is itself the names, which come first."""
        if any(isinstance(cell, dict | list) for cell in cells) or not cells:
            return cells
        if self.names is None:
            if all(isinstance(cell, str) and cell.strip() for cell in cells) and len(set(map(str, cells))) == len(
                cells
            ):
                self.names = tuple(map(str, cells))
                self.notes.append("the first row, a list of texts, was taken for the names of columns")
                return None
            self.names = tuple(f"column_{place}" for place in range(1, len(cells) + 1))
            self.notes.append(f"the rows are lists without names; the columns are column_1 to column_{len(cells)}")
        return dict(zip(self.names, cells, strict=True)) if len(cells) == len(self.names) else cells

    def _refuse(self, line: int, reason: str, content: str) -> None:
        self.refused.append(refused_row(line, reason, content))

    def table(self) -> Table:
        """What was read."""
        columns = self.builder.columns()
        num_rows = len(self.lines)
        is_plain = bool(num_rows) and self.lines[-1] - self.lines[0] == num_rows - 1
        lines = range(self.lines[0], self.lines[-1] + 1) if is_plain else np.array(self.lines, dtype=np.int64)
        return Table(
            path=self.path,
            columns=columns,
            lines=lines,
            notes=(*self.encoding.notes, *self.notes),
            refused=tuple(self.refused),
        )


def _texts(pieces: Iterable[bytes]) -> Iterator[str]:
    """Pieces of UTF-8, which may end within a character, as text."""
    return codecs.iterdecode(pieces, "utf-8", "replace")


def elements(text: str, more: Iterator[str], path: Path, *, closing: str) -> Iterator[object]:
    """The elements of an array from its bracket on, or values one after another. Raises SourceError."""
    decode = json.JSONDecoder(parse_constant=_missing).raw_decode
    start, is_first = 0, True
    blank = _BLANK if closing else _BETWEEN
    while True:
        start = cast("re.Match[str]", blank.match(text, start)).end()
        if closing and text[start : start + 1] == closing and is_first:
            return
        if not closing and start == len(text):
            return
        try:
            element, end = decode(text, start)
            end = cast("re.Match[str]", _BLANK.match(text, end)).end()
            if closing:
                if end == len(text):
                    raise ValueError("the array is not closed")
                if text[end] not in ",]":
                    raise ValueError(f"an element is followed by {text[end]!r}")
        except (ValueError, RecursionError) as error:
            piece = next(more, "") if len(text) - start <= MAX_ROW_CHARS else ""
            if not piece or isinstance(error, RecursionError):
                raise SourceError(f"{path} is not valid JSON ({error}); wanted an array of objects") from error
            text, start = text[start:] + piece, 0
            continue
        yield element
        is_first = False
        if not closing:
            start = end
            continue
        if text[end] == "]":
            return
        start = end + 1


def _has_half(element: object) -> bool:
    try:
        json.dumps(element, ensure_ascii=False).encode()
    except (UnicodeEncodeError, ValueError, RecursionError):
        return True
    return False


def _shown(content: object) -> str:
    if isinstance(content, str):
        return content
    try:
        return json.dumps(content, ensure_ascii=False)
    except (ValueError, RecursionError, TypeError):
        return ""


def _why_broken(text: str) -> str:
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        return " ".join(str(error).split())
    return "no table"
