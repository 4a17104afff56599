"""Reads sequence files: one person a line, 'person item item …', oldest first, as the field's benchmarks have them.

Knows how a line is cut; deliberately knows neither times nor items.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa

from genrec.data.tables import Table
from genrec.data.tables.opening import open_bytes, table_suffix
from genrec.data.tables.table import RefusedRow, refused_row

NOTE = "a line for each person: the person, then items, oldest first"
_SUFFIXES = (".txt", ".dat", ".seq", "")
_MOST_CHARS = 64  # of an id
_OTHER_SIGNS = b'\t,;|"'
_LEAST_COLUMNS = 3


def is_sequences(path: Path, head: bytes) -> bool:
    """Whether a file holds sequences, by its beginning: ids with blanks between, lines of different lengths."""
    if table_suffix(path) not in _SUFFIXES or any(sign in head for sign in _OTHER_SIGNS):
        return False
    lines = [line.split() for line in head.split(b"\n")[:200] if line.strip()]
    lines = lines if len(lines) < 2 or head.endswith(b"\n") else lines[:-1]
    ids = [word for line in lines for word in line]
    if not ids or 2 * sum(len(line) > 1 for line in lines) < len(lines) or max(map(len, lines)) < _LEAST_COLUMNS:
        return False
    is_short = max(map(len, ids)) <= _MOST_CHARS
    return (
        is_short and len(set(map(len, lines))) > 1 and sum(any(48 <= c <= 57 for c in w) for w in ids) >= 0.9 * len(ids)
    )


def read_sequences(path: Path) -> Table:
    """The events of a sequence file: user_id and item_id in the order of the file, with the line of each."""
    with open_bytes(path) as stream:
        pieces = []
        while piece := stream.read(2**22):
            pieces.append(piece)
    users, items, lines = list[str](), list[str](), list[int]()
    refused: list[RefusedRow] = []
    for number, line in enumerate(b"".join(pieces).decode("utf-8", "replace").split("\n"), start=1):
        user, *chosen = line.split() or [""]
        if not chosen:
            if user:
                refused.append(refused_row(number, "a person without items", line))
            continue
        users += [user] * len(chosen)
        items += chosen
        lines += [number] * len(chosen)
    columns = {"user_id": pa.chunked_array([pa.array(users)]), "item_id": pa.chunked_array([pa.array(items)])}
    return Table(path=path, columns=columns, lines=np.array(lines, np.int64), notes=(NOTE,), refused=tuple(refused))
