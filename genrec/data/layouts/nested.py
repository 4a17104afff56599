"""Brings tables of nested cells, as JSON has them, into columns of plain ones.

Knows objects and lists of them; deliberately knows no role.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from genrec.data.tables import Column, Table
from genrec.data.values import flatten
from genrec.data.values.lists import parse_literal

_NUM_LOOKED_AT = 200
_OPENING = ("[", "(", "{")
_SEPARATORS = re.compile(r"[\s,;|]+")


def has_nested(table: Table) -> bool:
    """Whether a table has a column of objects, or of lists of them."""
    return any(_objects(column) or _object_lists(column) for column in table.columns.values())


def opened(table: Table) -> Table:
    """The table with a column for each key of its objects: {"job": {"id": 1}} becomes job.id."""
    if not any(_objects(column) for column in table.columns.values()):
        return table
    columns: dict[str, Column] = {}
    for name, column in table.columns.items():
        inner = flatten(name, column) if _objects(column) else {name: column}
        for key, cells in inner.items():
            columns[key if key not in columns else f"{name}.{key}"] = cells
    return replace(table, columns=columns)


def unrolled(table: Table, name: str) -> Table:
    """The table with a row for each element of a column of lists, what stands beside it repeated; rows without stay."""
    lists = [cell if isinstance(cell, list | tuple) and cell else [None] for cell in table.columns[name]]
    places = np.repeat(np.arange(len(table)), [len(cell) for cell in lists])
    beside = table.select([other for other in table.columns if other != name]).take(places)
    elements: list[object] = [element for cell in lists for element in cell]
    return opened(replace(beside, columns={**beside.columns, name: elements}))


def with_lists(table: Table, name: str) -> Table:
    """The table with the cells of a column as lists of what they name: lists, JSON's in a text, or words between
    separators."""
    column = table.columns[name]
    cells = column if isinstance(column, list) else column.to_pylist()
    return replace(table, columns={**table.columns, name: [_parts(cell) for cell in cells]})


def _parts(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    parsed = parse_literal(cell) if cell[:1] in _OPENING else None
    return parsed if isinstance(parsed, list | tuple) else [part for part in _SEPARATORS.split(cell) if part]


def object_lists(table: Table) -> list[str]:
    """The columns of lists of objects."""
    return [name for name, column in table.columns.items() if _object_lists(column)]


def _objects(column: Column) -> bool:
    return isinstance(column, list) and any(isinstance(cell, Mapping) for cell in column[:_NUM_LOOKED_AT])


def _object_lists(column: Column) -> bool:
    if not isinstance(column, list):
        return False
    filled = [cell for cell in column[:_NUM_LOOKED_AT] if isinstance(cell, list | tuple) and cell]
    return bool(filled) and all(isinstance(inner, Mapping) for cell in filled for inner in cell)
