"""Delimited text whose cells are quoted by apostrophes: both signs change places before it is read, and back after.

Knows the two signs alone; deliberately knows nothing of separators and rows.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from genrec.data.tables.table import Column, Table

_NOTE = "cells are quoted by apostrophes"
_SWAP = bytes.maketrans(b"'\"", b"\"'")
_NUM_LINES = 20  # that are looked at
_LINE = re.compile(rb"'(?:[^']|'')*'(?:(?P<sign>[,;\t|])'(?:[^']|'')*'(?:(?P=sign)'(?:[^']|'')*')*)?")
_OTHER = "\x1a"  # in place of one sign while the other takes its place; no text holds it


def are_quotes(head: bytes) -> bool:
    """Whether all of the first lines are cells between apostrophes."""
    lines = [line for line in head.removeprefix(b"\xef\xbb\xbf").split(b"\n")[:_NUM_LINES] if line.strip()]
    lines = lines[:-1] if len(lines) > 2 and not head.endswith(b"\n") else lines
    return len(lines) > 1 and all(_LINE.fullmatch(line.strip()) for line in lines)


def swapped(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Blocks in which quotes and apostrophes have changed places."""
    return (block.translate(_SWAP) for block in blocks)


def swapped_back(table: Table) -> Table:
    """A table of such blocks with its cells as they were."""
    columns = {name: _swapped_back(column) for name, column in table.columns.items()}
    return replace(table, columns=columns, notes=(*table.notes, _NOTE))


def _swapped_back(column: Column) -> Column:
    if isinstance(column, list) or not pa.types.is_string(column.type):
        return column
    for sign, other in (("'", _OTHER), ('"', "'"), (_OTHER, '"')):
        column = pc.replace_substring(column, sign, other)
    return column
