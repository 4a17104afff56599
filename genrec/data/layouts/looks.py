"""What the cells of a column look like, from a sample: the evidence beside a column's name.

Knows shapes of cells; deliberately knows no role and no language.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from genrec.data.tables import Column, Table
from genrec.data.values import numbers, times

NUM_SAMPLED = 400  # rows that are looked at, spread over the table
_ADDRESS = re.compile(r"(?:https?:)?//\S+", re.IGNORECASE)
_PICTURE = re.compile(r"\.(?:jpe?g|png|webp|gif|bmp|tiff?|avif|jfif|svg|heic)(?:[?#].*)?$", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]{2}")
_ABSENT = ("na", "n/a", "nan", "none", "null", "<na>", "\\n")  # as programs write that a cell is empty
_YEARS = (315_532_800_000, 4_102_444_800_000)  # milliseconds of 1980 and 2100, between which events lie


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Shares of the filled cells of a sample, 0 to 1, but for filled: of all; and means over the filled.

    distinct: different cells; numbers, times, addresses, pictures: that read as one; words: with letters in them;
    lists: that are lists or objects; objects: those with keys. median_chars: of the lower median. values: the different
    ones, in order of appearance; is_timed: whether times are such as events have, and no mere numbers; is_float:
    whether numbers have fractions.
    """

    filled: float = 0.0
    distinct: float = 0.0
    numbers: float = 0.0
    times: float = 0.0
    addresses: float = 0.0
    pictures: float = 0.0
    words: float = 0.0
    lists: float = 0.0
    objects: float = 0.0
    mean_chars: float = 0.0
    mean_words: float = 0.0
    median_chars: int = 0
    num_filled: int = 0
    is_timed: bool = False
    is_float: bool = False
    values: tuple[str, ...] = ()

    @property
    def is_name(self) -> bool:
        """Whether cells are such as names of things are: words, no addresses, no essays."""
        return self.words >= 0.5 and not self.is_media and self.mean_chars <= 300 and self.lists < 0.5

    @property
    def is_media(self) -> bool:
        """Whether cells are addresses or files of pictures."""
        return self.addresses >= 0.5 or (self.pictures >= 0.5 and self.mean_words < 1.5)

    @property
    def is_id(self) -> bool:
        """Whether cells are short tokens such as ids are."""
        return bool(self.num_filled) and not self.is_float and not self.is_media and self.mean_words <= 1.5


def looks_of(table: Table) -> Mapping[str, Look]:
    """The looks of all columns of a table."""
    places = np.unique(np.linspace(0, max(0, len(table) - 1), min(len(table), NUM_SAMPLED)).astype(np.int64))
    return {name: look_at(name, _cells(column, places)) for name, column in table.columns.items()}


def look_at(name: str, cells: list[object]) -> Look:
    """The look of some cells."""
    filled = [cell for cell in cells if not _is_missing(cell)]
    if not filled:
        return Look()
    texts = [_as_text(cell).strip() for cell in filled]
    sample: Column = pa.chunked_array([pa.array(texts, pa.string())])
    has_lists = [isinstance(cell, list | tuple | Mapping) for cell in filled]
    numeric = numbers(sample, name=name).values
    numeric = numeric[np.isfinite(numeric)]
    found = times(sample, name=name)
    milliseconds = found.milliseconds[found.present]
    is_timed = bool(len(milliseconds)) and bool(((milliseconds > _YEARS[0]) & (milliseconds < _YEARS[1])).mean() > 0.9)
    return Look(
        filled=len(filled) / max(1, len(cells)),
        distinct=len(set(texts)) / len(texts),
        numbers=len(numeric) / len(texts),
        times=float(found.present.mean()),
        addresses=_share(_ADDRESS.match(text) for text in texts),
        pictures=_share(_PICTURE.search(text.split(",")[0].strip()) for text in texts),
        words=_share(_LETTERS.search(text) for text in texts),
        lists=sum(has_lists) / len(texts),
        objects=sum(isinstance(cell, Mapping) for cell in filled) / len(texts),
        mean_chars=sum(map(len, texts)) / len(texts),
        mean_words=sum(len(text.split()) for text in texts) / len(texts),
        median_chars=sorted(map(len, texts))[(len(texts) - 1) // 2],
        num_filled=len(filled),
        is_timed=is_timed,
        is_float=bool(len(numeric)) and bool((numeric != np.round(numeric)).any()),
        values=tuple(dict.fromkeys(texts)),
    )


def _as_text(cell: object) -> str:
    """A cell as one text: lists of texts joined, as they are read in the end."""
    if isinstance(cell, list | tuple) and all(isinstance(inner, str) for inner in cell):
        return " ".join(cell)
    return cell if isinstance(cell, str) else str(cell)


def _share(found: Iterator[object]) -> float:
    seen = [thing is not None for thing in found]
    return sum(seen) / max(1, len(seen))


def _cells(column: Column, places: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> list[object]:
    if isinstance(column, list):
        return [column[place] for place in places]
    return list(column.take(pa.array(places)).to_pylist())


def _is_missing(cell: object) -> bool:
    if isinstance(cell, str):
        return not cell.strip() or cell.strip().lower() in _ABSENT
    return cell is None or cell in ([], {}, (), [""]) or (isinstance(cell, float) and not np.isfinite(cell))
