"""Readers: one source layout in, items and events out.

A reader is a function from a path and options to a Reading; READERS names those that people can pick, and the options
that each of them takes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from genrec.data.readers.amazon import read_amazon
from genrec.data.readers.files import read_files
from genrec.data.readers.movielens import read_movielens
from genrec.data.readers.reading import Reading, ReadOptions, Refusal
from genrec.data.readers.shop import read_shop, recreate_shop


@dataclass(frozen=True, slots=True)
class SourceReader:
    """How to read one kind of source. options: the names of the ReadOptions that have an effect on it."""

    read: Callable[[Path | None, ReadOptions], Reading]
    options: frozenset[str]


READERS: dict[str, SourceReader] = {
    "shop": SourceReader(read_shop, frozenset({"seed", "domains", "num_items", "num_people"})),
    "movielens": SourceReader(read_movielens, frozenset({"images"})),
    "amazon": SourceReader(read_amazon, frozenset({"items", "events", "images"})),
    "files": SourceReader(read_files, frozenset({"columns", "items", "events", "images"})),
}

__all__ = ["READERS", "ReadOptions", "Reading", "Refusal", "SourceReader", "recreate_shop"]
