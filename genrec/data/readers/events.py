"""Tables of events become columns of codes, times and what tells how an event was meant.

Knows roles and typed columns; deliberately judges nothing (`genrec.data.feedback` does) and keeps no Python object for
an event: there may be tens of millions.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genrec.data.feedback import EventColumns, column_of
from genrec.data.layouts.layout import Roles
from genrec.data.losses import Losses
from genrec.data.tables import Column, Table
from genrec.data.values import Odd, dictionary_encoded, ids, match_ids, numbers, times
from genrec.data.values.grades import grades
from genrec.schema import Column as Coded
from genrec.schema import FloatArray, IntArray, PartArray, why_no_id

_NOBODY = ("NA", "N/A", "NaN", "nan", "NULL", "null", "None", "<NA>", "\\N")  # as programs write that nobody is known
_TIMES_MS = (-(2**40) * 1000, 2**40 * 1000)
_LEAST_USABLE = 0.05  # of the events of a table; where less can be used, it is the wrong table or the wrong column


@dataclass(slots=True, kw_only=True)
class EventsRead:
    """Events of one source in file order. users: their ids by code; parts: the labels of a given split, None where
    there is none; ambiguous: a question about dates that nothing settles.
    """

    columns: EventColumns
    users: list[str]
    parts: PartArray | None = None
    notes: list[str] = field(default_factory=list)
    ambiguous: str | None = None
    num_rows: int = 0


def read_events(
    table: Table,
    roles: Roles,
    known: Mapping[str, int],
    losses: Losses,
    *,
    no_rating: Collection[float] = (),
    others: Collection[str] = (),
    day_first: bool | None = None,
) -> EventsRead:
    """Read a table's events by the roles of its columns.

    known: every id that events may name, to the row of its item; no_rating: numbers that stand for an absent rating;
    others: further columns to keep, for conditions. Events of unknown items, without a user or at no readable time are
    refused.
    """
    reader = _Reader(table, roles, losses)
    user_codes, users = reader.users()
    rows_E = reader.items(known)
    times_ms, is_timed = reader.times(day_first)
    keep = (user_codes >= 0) & (rows_E >= 0) & is_timed
    kept = np.flatnonzero(keep)
    ratings = reader.numbers("rating", kept, missing=no_rating)
    amounts, signs = reader.numbers("amount", kept), reader.numbers("feedback", kept)
    is_judged = signs is not None and bool(np.isin(signs, (-1, 0, 1)).all())
    return EventsRead(
        columns=EventColumns(
            users=user_codes[kept],
            items=rows_E[kept],
            times_ms=None if times_ms is None else times_ms[kept],
            kinds=reader.coded("kind", kept),
            ratings=ratings,
            quantities=reader.numbers("quantity", kept),
            amounts=amounts,
            feedback=signs.astype(np.int8) if signs is not None and is_judged else None,
            weights=amounts if is_judged else None,
            others={name: reader.other(name, kept) for name in others if name in table.columns and name not in roles},
        ),
        users=users,
        parts=reader.parts(kept),
        notes=reader.notes,
        ambiguous=reader.ambiguous,
        num_rows=len(table),
    )


def too_few(read: EventsRead) -> bool:
    """Whether almost nothing of a table could be used."""
    return read.num_rows > 0 and len(read.columns.users) < max(1, _LEAST_USABLE * read.num_rows)


class _Reader:
    """One table of events, read column by column."""

    def __init__(self, table: Table, roles: Roles, losses: Losses) -> None:
        self._table, self._roles, self._losses = table, roles, losses
        self._is_refused = np.zeros(len(table), np.bool_)
        self.notes: list[str] = []
        self.ambiguous: str | None = None

    def users(self) -> tuple[IntArray, list[str]]:
        """The code of each event's user, -1 where there is none that can be used, and the users' ids by code."""
        codes, dictionary = _codes(ids(self._column("user_id")).values)
        names = [name or "" for name in dictionary.to_pylist()]
        for code, name in enumerate(names):
            name = "" if name in _NOBODY else name
            why = why_no_id(name)
            if why is not None:
                places = np.flatnonzero(codes == code)
                reason = "event has no user id" if not name else f"event's user id {why}"
                self._refuse(places, reason, kind=reason)
                codes[places] = -1
        return codes, names

    def items(self, known: Mapping[str, int]) -> IntArray:
        """The row of each event's item, -1 where the items lack it."""
        codes, texts = _codes(ids(self._column("item_id")).values)
        found = match_ids(pa.chunked_array([texts]), list(known))
        self.notes += found.notes
        rows_of_known = np.fromiter(known.values(), dtype=np.int64, count=len(known))
        row_of_code = np.where(found.rows >= 0, rows_of_known[found.rows], -1)
        rows = np.where(codes >= 0, row_of_code[codes], -1) if len(row_of_code) else np.full(len(codes), -1)
        lost = np.flatnonzero(rows < 0)
        self._refuse(
            lost,
            lambda place: (
                f"event names the unknown item {texts[int(codes[place])].as_py()!r}"
                if codes[place] >= 0 and texts[int(codes[place])].as_py()
                else "event names no item"
            ),
            kind="event names an unknown item",
        )
        return rows

    def times(self, day_first: bool | None) -> tuple[IntArray | None, "np.ndarray[tuple[int], np.dtype[np.bool_]]"]:
        """Milliseconds since 1970 of each event, and whether it has a time; None where the table has no times."""
        name = next(iter(self._roles.get("timestamp", ())), None)
        if name is None:
            return None, np.ones(len(self._table), np.bool_)
        found = times(self._table.columns[name], name=name, day_first=day_first)
        self.notes += [f"{name}: {note}" for note in found.notes]
        self.ambiguous = found.ambiguous
        usable = found.present & (found.milliseconds > _TIMES_MS[0]) & (found.milliseconds < _TIMES_MS[1])
        self._refuse(np.flatnonzero(~usable), "event has no readable time", kind="event has no readable time")
        return found.milliseconds, usable

    def numbers(self, role: str, kept: IntArray, missing: Collection[float] = ()) -> FloatArray | None:
        """The numbers of a role, float32, NaN where there is none; None where the table has no such column."""
        name = next(iter(self._roles.get(role, ())), None)
        if name is None:
            return None
        column = _truths_as_numbers(self._table.columns[name])
        column = grades(column) if role == "rating" else column
        found = numbers(column, name=name)
        self.notes += [f"{name}: {note}" for note in found.notes]
        self._count(found.odd, f"{role} {name!r} is not a number")
        values = found.values
        for absent in missing:
            values = np.where(values == absent, np.nan, values)
        is_large = np.abs(values) > np.finfo(np.float32).max
        if is_large.any():
            self.notes.append(f"{name}: {int(is_large.sum()):,} numbers beyond 32 bits are left out")
            values = np.where(is_large, np.nan, values)
        return values[kept].astype(np.float32)

    def coded(self, role: str, kept: IntArray) -> Coded | None:
        """The texts of a role as codes; None where the table has no such column."""
        name = next(iter(self._roles.get(role, ())), None)
        return None if name is None else _coded(self._table.columns[name], kept)

    def other(self, name: str, kept: IntArray) -> Coded:
        """The different cells of any column, as numbers where it is one of numbers."""
        found = numbers(self._table.columns[name], name=name)
        return column_of(found.values[kept]) if found.is_number else _coded(self._table.columns[name], kept)

    def parts(self, kept: IntArray) -> PartArray | None:
        """Labels of a given split: 0 trains, 1 validates, 2 tests."""
        name = next(iter(self._roles.get("part", ())), None)
        if name is None:
            return None
        named = {"train": 0, "valid": 1, "validation": 1, "val": 1, "dev": 1, "test": 2}
        coded = _coded(self._table.columns[name], kept)
        named |= {str(part): part for part in (0, 1, 2)}
        labels = [named.get(str(value).lower(), 0) for value in coded.values]
        return np.array(labels, dtype=np.int8)[coded.places_N]

    def _column(self, role: str) -> Column:
        return self._table.columns[self._roles[role][0]]

    def _refuse(self, places: IntArray, reason: Callable[[int], str] | str, *, kind: str) -> None:
        """Count events as lost, by the first reason of each."""
        places = places[~self._is_refused[places]]
        self._is_refused[places] = True
        self._losses.add_many(self._table.path, self._table.lines, places, reason, self._content, kind=kind)

    def _count(self, odd: Odd, kind: str) -> None:
        if odd.count:
            said = f"{kind} ({', '.join(map(repr, odd.examples[:3]))})"
            self._losses.add_many(
                self._table.path,
                self._table.lines,
                odd.rows,
                f"{said}; the event stays without it",
                self._content,
                kind=f"cell: {said}",
                is_row=False,
            )

    def _content(self, place: int) -> str:
        names = [name for role in ("user_id", "item_id", "timestamp") for name in self._roles.get(role, ())]
        return " ".join(str(self._table.cell(name, place)) for name in names)


def _truths_as_numbers(column: Column) -> Column:
    """A column of truths as 1 and 0; any other as it is."""
    if isinstance(column, list):
        return [float(cell) if isinstance(cell, bool) else cell for cell in column]
    if pa.types.is_boolean(column.type):
        return column.cast(pa.int8())
    if pa.types.is_string(column.type):
        low = pc.utf8_lower(column)
        is_truth = pc.is_in(low, pa.array(["true", "false"]))
        if pc.all(pc.or_kleene(is_truth, pc.or_(pc.is_null(column), pc.equal(column, "")))).as_py():
            return pc.if_else(pc.equal(low, "true"), "1", pc.if_else(pc.equal(low, "false"), "0", ""))
    return column


def _codes(texts: pa.ChunkedArray) -> tuple[IntArray, pa.Array]:
    """The code of each text, -1 where it is missing, and the different texts by code."""
    coded = dictionary_encoded(texts)
    dictionary = coded.chunk(0).dictionary if coded.num_chunks else pa.array([], texts.type)
    indices = [chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) for chunk in coded.chunks]
    return np.concatenate([*indices, np.zeros(0, np.int32)]).astype(np.int64), dictionary


def _coded(column: Column, kept: IntArray) -> Coded:
    """Cells as different texts and their places; what is missing is ''."""
    texts = ids(column).values.fill_null("")
    if len(kept) < len(texts):
        texts = texts.take(pa.array(kept))
    places, dictionary = _codes(texts)
    return Coded(tuple(dictionary.to_pylist()), places)
