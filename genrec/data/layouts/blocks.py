"""Reads files of blocks: a line 'item:' before the lines of those who judged it, 'person,rating,date', as the Netflix
Prize has them.

Knows how blocks are cut; deliberately knows nothing of items. Works on whole columns: there may be a hundred million
lines.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genrec.data.tables import Table
from genrec.data.tables.opening import Bytes, open_bytes, table_suffix
from genrec.data.tables.table import RefusedRow, refused_row
from genrec.schema import IntArray

NOTE = "blocks: a line for each item, then a line for each of its events"
_SUFFIXES = (".txt", ".csv", ".dat", ".data", "")
_HEAD = re.compile(rb"[^\s,:;\t]{1,64}:[ \t]*\r?")
_ROW = re.compile(rb"[^\s,:]{1,64}(?:,[^,\r\n]{1,40}){1,2}\r?")
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{9,}|\d{1,2}[./]\d{1,2}[./]\d{4}")
_PIECE_BYTES = 2**25
_NUM_LOOKED_AT = 10_000  # lines


def is_blocks(path: Path, head: bytes) -> bool:
    """Whether a file holds blocks of events, by its beginning: lines that end with a colon before rows of cells."""
    if table_suffix(path) not in _SUFFIXES:
        return False
    lines = [line for line in head.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip()]
    lines = lines if len(lines) < 2 or head.endswith(b"\n") else lines[:-1]
    if len(lines) < 2 or not _HEAD.fullmatch(lines[0]):
        return False
    return all(_HEAD.fullmatch(line) or _ROW.fullmatch(line) for line in lines) and any(map(_ROW.fullmatch, lines))


def read_blocks(path: Path, *, piece_bytes: int = _PIECE_BYTES) -> Table:
    """The events of a file of blocks: item_id and user_id, and what stands behind: date, rating, or both."""
    parts, lines, refused = list[pa.Table](), list[IntArray](), list[RefusedRow]()
    key, number, names = "", 1, tuple[str, ...]()
    with open_bytes(path) as stream:
        for said in _pieces(stream, piece_bytes):
            rows = _lines(said)
            names = names or _names(rows)
            table, places, key = _events(rows, key, names, number, refused)
            parts += [table] if names else []
            lines.append(places)
            number += len(rows)
    joined = pa.concat_tables(parts)
    columns = {name: joined[name] for name in joined.column_names}
    return Table(path=path, columns=columns, lines=np.concatenate(lines), notes=(NOTE,), refused=tuple(refused))


def _pieces(stream: Bytes, num_bytes: int) -> Iterator[bytes]:
    """A stream in pieces that end with a line."""
    rest = b""
    while piece := stream.read(num_bytes):
        cut = piece.rfind(b"\n") + 1
        if cut:
            yield rest + piece[:cut]
            rest = b""
        rest += piece[cut:]
    if rest:
        yield rest


def _lines(said: bytes) -> pa.Array:
    """Text as its lines."""
    text = said.decode("utf-8", "replace").removeprefix("\ufeff").removesuffix("\n")
    return pc.utf8_trim_whitespace(pc.list_flatten(pc.split_pattern(pa.array([text]), "\n")))


def _names(rows: pa.Array) -> tuple[str, ...]:
    """What the cells of a row are called, by what the first row holds; nothing where there is none."""
    first = next((row for row in rows.slice(0, _NUM_LOOKED_AT).to_pylist() if "," in row), None)
    if first is None:
        return ()
    _, *more = first.split(",")
    return ("user_id", *("date" if _DATE.match(cell.strip()) else "rating" for cell in more))


def _events(
    rows: pa.Array, key: str, names: tuple[str, ...], first: int, refused: list[RefusedRow]
) -> tuple[pa.Table, IntArray, str]:
    """The events of some lines, where each stands, and the item of the last block. key: the item that goes on."""
    is_head = np.asarray(pc.ends_with(rows, ":").to_numpy(zero_copy_only=False), np.bool_)
    heads = [row[:-1].rstrip() for row in rows.filter(pa.array(is_head)).to_pylist()]
    block_of = np.cumsum(is_head)
    cells = pc.split_pattern(rows, ",")
    width = pc.list_value_length(cells).to_numpy(zero_copy_only=False)
    is_event = ~is_head & (width == len(names))
    is_lost = ~is_head & ~is_event & np.asarray(pc.not_equal(rows, "").to_numpy(zero_copy_only=False), np.bool_)
    for place in np.flatnonzero(is_lost).tolist():
        reason = f"{width[place]} cells where {len(names)} were wanted"
        refused.append(refused_row(first + place, reason, rows[place].as_py()))
    flat = pc.list_flatten(cells.filter(pa.array(is_event)))
    count = int(is_event.sum())
    keys = pa.array([key, *heads])
    columns = {"item_id": keys.take(pa.array(block_of[is_event]))}
    for place, name in enumerate(names):
        taken = np.arange(count) * len(names) + place
        columns[name] = pc.utf8_trim_whitespace(flat.take(pa.array(taken)))
    return pa.table(columns), first + np.flatnonzero(is_event), heads[-1] if heads else key
