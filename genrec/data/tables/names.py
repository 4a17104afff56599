"""Names the columns of a table, and leaves out those that its writer never meant.

Knows headers as programs write them (pandas' index, cells that trail, names twice); deliberately knows nothing of
roles.
"""

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genrec.sinks import from_csv_cell

_UNNAMED = re.compile(r"unnamed_\d+|Unnamed: \d+(?:_level_\d+|\.\d+)?|__index_level_\d+__")
_NAMES_ITSELF = re.compile(r"(?:^|[_ .-])(?:id|sku|asin|isbn|handle|code|key)(?:$|:)|Id$|ID$", re.IGNORECASE)


def name_columns(cells: Sequence[str] | None, num_columns: int) -> tuple[list[str], list[str]]:
    """The names of columns, all different, after the cells of a header; and notes. None: there is no header."""
    if cells is None:
        return [f"column_{place}" for place in range(1, num_columns + 1)], [
            f"no header was found; the columns are column_1 to column_{num_columns}"
        ]
    names: list[str] = []
    notes = []
    taken = {clean_name(cell) for cell in cells}
    for place, cell in enumerate(cells, start=1):
        name = clean_name(cell) or f"unnamed_{place}"
        if name in names:
            again = next(f"{name}.{n}" for n in range(2, len(cells) + 2) if f"{name}.{n}" not in taken)
            taken.add(again)
            notes.append(f"the header has {name!r} twice; the later one is {again!r}")
            name = again
        names.append(name)
    return names, notes


def clean_name(cell: str) -> str:
    """A name on one line, without surrounding blanks, quotes that close nothing, and byte order marks."""
    return " ".join(cell.replace("\ufeff", "").replace("\u200b", "").split())


def finish_columns(
    columns: dict[str, pa.ChunkedArray], *, has_header: bool
) -> tuple[dict[str, pa.ChunkedArray], list[str]]:
    """The columns that hold something meant: nameless ones that are empty, or only count the rows, are left out."""
    notes = []
    kept = {}
    for place, (name, column) in enumerate(columns.items()):
        if has_header and _UNNAMED.fullmatch(name):
            if is_blank(column):
                notes.append(f"column {place + 1} has neither name nor values; it was left out")
                continue
            if place == 0 and is_index(column, others=list(columns)[1:]):
                notes.append("the first column has no name and only counts the rows; it was left out")
                continue
        kept[name] = without_apostrophes(column)
    return (kept, notes) if kept else (columns, [])


def is_blank(column: pa.ChunkedArray) -> bool:
    """Whether no cell holds anything."""
    return not pc.any(pc.greater(pc.binary_length(column), 0)).as_py()


def is_index(column: pa.ChunkedArray, *, others: Sequence[str]) -> bool:
    """Whether a column counts rows: 0, 1, 2 …, or in leaps where another column names them."""
    if not len(column) or not pc.all(pc.match_substring_regex(column, r"^\s*\d{1,15}(\.0)?\s*$")).as_py():
        return False
    numbers = pc.cast(pc.cast(pc.utf8_trim_whitespace(column), pa.float64()), pa.int64()).to_numpy()
    steps = np.diff(numbers)
    if np.all(steps == 1) and numbers[0] in (0, 1):
        return True
    return any(map(_NAMES_ITSELF.search, others)) and len(np.unique(numbers)) == len(numbers)


def without_apostrophes(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts without the apostrophe that keeps spreadsheets from taking them for formulas."""
    if not pc.any(pc.starts_with(column, "'")).as_py():
        return column
    chunks = [
        pa.array(list(map(from_csv_cell, chunk.to_pylist())), pa.string())
        if pc.any(pc.starts_with(chunk, "'")).as_py()
        else chunk
        for chunk in column.chunks
    ]
    return pa.chunked_array(chunks, pa.string())
