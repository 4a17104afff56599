"""Readers: one source layout in, items and events out.

A reader is a function from a path and options to a Reading; READERS names those that people can pick, and the options
that each of them takes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from genrec.data.layouts.known import AMAZON, MOVIELENS
from genrec.data.readers.files import read_files, read_new_items, read_rows_of_items
from genrec.data.readers.reading import Reading, ReadOptions, SourceReport
from genrec.data.readers.shop import read_shop, recreate_shop


@dataclass(frozen=True, slots=True)
class SourceReader:
    """How to read one kind of source. options: the names of the ReadOptions that have an effect on it; is_mapped:
    whether a mapping.toml says how.
    """

    read: Callable[[Path | None, ReadOptions], Reading]
    options: frozenset[str]
    is_mapped: bool = True


_TABLES = frozenset({"columns", "items", "events", "images", "positive", "negative", "day_first", "fetch"})


def _among(*layouts: str) -> Callable[[Path | None, ReadOptions], Reading]:
    return partial(read_files, among=layouts)


READERS: dict[str, SourceReader] = {
    "shop": SourceReader(read_shop, frozenset({"seed", "domains", "num_items", "num_people"}), is_mapped=False),
    "movielens": SourceReader(_among(*MOVIELENS), _TABLES),
    "amazon": SourceReader(_among(*AMAZON), _TABLES),
    "files": SourceReader(read_files, _TABLES),
}

__all__ = [
    "READERS",
    "ReadOptions",
    "Reading",
    "SourceReader",
    "SourceReport",
    "read_new_items",
    "read_rows_of_items",
    "recreate_shop",
]
