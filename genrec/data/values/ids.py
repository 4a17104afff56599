"""Columns of identifiers, as texts, and which rows of known ones they name.

12, 12.0 and "12.0" are the same id where a whole column is numbers; leading zeros are kept. Knows nothing of items.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genrec.data.values.columns import (
    ABSENT_WORDS,
    NO_ODD,
    Column,
    Odd,
    distinct,
    distinct_texts,
    is_numbers,
    is_texts,
    plain,
    printable,
)
from genrec.schema import IntArray

# 12.0 and 1.2e+1, but not 12e5, which codes look like
_WHOLE = re.compile(r"[+-]?\d+(?:\.0*)?|[+-]?(?:\d+\.\d*[eE][+-]?|\d+[eE]\+)\d{1,2}")
_POWER = r"^\d+(\.\d+)?[eE]\+?\d{1,2}$"
_ROUNDED = re.compile(r"[eE]")
_SAMPLE = 1_000  # cells that show early that a column is no numbers
_EXACT = 2**53  # whole numbers beyond it, a float cannot tell apart
_UNSEEN = "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
_MOST = 0.5  # of the wanted that must be known as they are written


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """A column of identifiers. values: texts, '' where missing."""

    values: pa.ChunkedArray
    odd: Odd = NO_ODD
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """Which known identifier every wanted one is. rows: int64 (N,), -1 where unknown."""

    rows: IntArray
    notes: tuple[str, ...] = ()


def ids(column: Column) -> Ids:
    """A column of identifiers as texts."""
    column = plain(column)
    if is_texts(column):
        return _from_texts(column.cast(pa.string()) if _fits(column) else column)
    if is_numbers(column):
        return _from_numbers(column)
    return _from_objects(column)


def _fits(column: pa.ChunkedArray) -> bool:
    return pa.types.is_large_string(column.type) and column.nbytes < 2**31


def _from_numbers(column: pa.ChunkedArray) -> Ids:
    notes: tuple[str, ...] = ()
    if pa.types.is_integer(column.type):
        return Ids(values=pc.fill_null(column.cast(pa.string()), ""))
    if pa.types.is_floating(column.type):
        column = column.cast(pa.float64())
        finite = pc.if_else(pc.is_finite(column), column, pa.scalar(None, pa.float64()))
        if pc.all(pc.less(pc.abs(finite), 2.0**63)).as_py() is not False:
            try:
                values = finite.cast(pa.int64()).cast(pa.string())
            except pa.ArrowInvalid:
                values = None
            if values is not None:
                num_large = pc.sum(pc.greater(pc.abs(finite), float(_EXACT))).as_py() or 0
                if num_large:
                    notes = (f"{num_large:,} ids are floats beyond 2**53: their last digits may be lost",)
                return Ids(values=pc.fill_null(values, ""), notes=notes)
        return _from_objects(finite)
    return _from_objects(column)


def _from_texts(column: pa.ChunkedArray) -> Ids:
    texts = pc.fill_null(pc.utf8_trim_whitespace(column), "")
    masks = [pc.invert(pc.or_(pc.utf8_is_decimal(chunk), pc.equal(chunk, ""))) for chunk in texts.chunks]
    parts = [chunk.filter(mask) for chunk, mask in zip(texts.chunks, masks, strict=True)]
    others = pa.chunked_array(parts, texts.type)
    if not len(others):
        return Ids(values=texts)
    if not pc.all(pc.string_is_ascii(others)).as_py():  # marks that nobody sees, as of texts from right to left
        bare = pc.utf8_trim(others, _UNSEEN)
        if not bare.equals(others):
            return _from_texts(_place(texts, masks, pa.concat_arrays(bare.chunks)))
    if not all(map(_may_be_whole, others.slice(0, _SAMPLE).to_pylist())):
        return Ids(values=texts)
    if pc.all(pc.ends_with(others, ".0")).as_py():  # as floats are written
        digits = pc.utf8_slice_codeunits(others, 0, -2)
        if pc.all(pc.utf8_is_decimal(digits)).as_py():
            return Ids(values=_place(texts, masks, pa.concat_arrays(digits.chunks)))
    found = distinct(others)
    written, notes = _rewrite([str(value) for value in found.values], found.counts_V)
    if written is None:
        return Ids(values=texts)
    spread = pa.array(written, texts.type).take(pa.array(found.codes_N))
    return Ids(values=_place(texts, masks, spread), notes=notes)


def _may_be_whole(text: str) -> bool:
    return text.lower() in ABSENT_WORDS or _WHOLE.fullmatch(text) is not None


def _place(texts: pa.ChunkedArray, masks: Sequence[pa.Array], others: pa.Array) -> pa.ChunkedArray:
    """Texts of which some are replaced, in order. masks: of each chunk."""
    chunks, start = [], 0
    for chunk, mask in zip(texts.chunks, masks, strict=True):
        end = start + (pc.sum(mask).as_py() or 0)
        chunks.append(pc.replace_with_mask(chunk, mask, others.slice(start, end - start)))
        start = end
    return pa.chunked_array(chunks, texts.type)


def _rewrite(texts: Sequence[str], counts_V: IntArray) -> tuple[list[str] | None, tuple[str, ...]]:
    """Texts of a column whose others are whole numbers, as those; None where they are no numbers."""
    absent_V = np.array([text.lower() in ABSENT_WORDS for text in texts], dtype=np.bool_)
    if absent_V.all():
        return None, ()
    for text, absent in zip(texts, absent_V, strict=True):
        if not absent and whole(text) is None:
            return None, ()
    written = ["" if absent else str(whole(text)) for text, absent in zip(texts, absent_V, strict=True)]
    notes = []
    rounded = [text for text in texts if _ROUNDED.search(text) and text.lower() not in ABSENT_WORDS]
    if rounded:
        notes.append(
            f"ids are written as {rounded[0]}: a table program has rounded them, so different ones may have become one"
        )
    if absent_V.any():
        named = ", ".join(repr(text) for text, absent in zip(texts, absent_V, strict=True) if absent)
        notes.append(f"{int(counts_V[absent_V].sum()):,} ids among numbers say that there is none ({named})")
    return written, tuple(notes)


def whole(text: str) -> str | None:
    """A number that is whole, as digits, leading zeros kept: '12' of '12.0' and '1.2e1'; None of '12.5' and 'a'."""
    if not _WHOLE.fullmatch(text):
        return None
    if not _ROUNDED.search(text):
        return text.partition(".")[0].lstrip("+")
    number = Decimal(text)
    return f"{number:f}".partition(".")[0].lstrip("+") if number == number.to_integral_value() else None


def _from_objects(column: Column) -> Ids:
    found, texts = distinct_texts(column, _spell)
    is_odd_V = [isinstance(value, bool | list | tuple | dict | set) for value in found.values]
    texts = ["" if odd else printable(text).strip() for text, odd in zip(texts, is_odd_V, strict=True)]
    others = [text for text in texts if text and not text.isdecimal()]
    notes: tuple[str, ...] = ()
    if others:
        written, notes = _rewrite(others, np.ones(len(others), dtype=np.int64))
        if written is not None:
            renamed = dict(zip(others, written, strict=True))
            texts = [renamed.get(text, text) for text in texts]
    values = pa.chunked_array([pa.array([*texts, ""], pa.string()).take(pa.array(found.codes_N % (len(texts) + 1)))])
    return Ids(values=values, odd=found.odd(is_odd_V), notes=notes)


def _spell(value: object) -> str:
    if isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
        return str(int(value))
    return "" if isinstance(value, float) and abs(value) == float("inf") else printable(value)


class KnownIds:
    """Identifiers among which others are looked for, in the forms in which they are compared, each made once."""

    def __init__(self, names: Sequence[str] | pa.ChunkedArray) -> None:
        self.names = names.combine_chunks() if isinstance(names, pa.ChunkedArray) else pa.array(names, pa.string())

    @cached_property
    def forms(self) -> list[tuple[str, "_Form", pa.Array]]:
        """Why a form is the same id, what writes it, and the known ones in it."""
        return [(reason, form, form(self.names)) for reason, form in _forms(self.names)]


def match_ids(wanted: Column, known: Sequence[str] | KnownIds) -> Matches:
    """Find identifiers among known ones: as written, or where most are unknown so, in the form that explains most.

    Forms: without blanks, in any case, as whole numbers (12.0 is 12, 1e5 is 100000), with leading zeros restored to the
    one width that the known ones have. A form in which several known ones are the same names none of them. known: V
    texts.
    """
    known = known if isinstance(known, KnownIds) else KnownIds(known)
    wanted_N = wanted if is_texts(plain(wanted)) else ids(wanted).values
    found = distinct(wanted_N)
    texts = pa.array([str(value) for value in found.values], pa.string())
    rows_V = _rows(texts, known.names)
    if not len(texts) or np.mean(rows_V >= 0) >= _MOST:
        return Matches(rows=found.spread(rows_V, -1))
    best, notes = rows_V, tuple[str, ...]()
    for reason, form, names in known.forms:
        other_V = np.where(rows_V >= 0, rows_V, _find(form(texts), names))
        if np.count_nonzero(other_V >= 0) > np.count_nonzero(best >= 0):
            gained = int(found.counts_V[(other_V >= 0) & (rows_V < 0)].sum())
            best, notes = other_V, (f"{gained:,} of {found.num_present:,} ids are matched {reason}",)
    return Matches(rows=found.spread(best, -1), notes=notes)


def _find(wanted: pa.Array, known: pa.Array) -> IntArray:
    """The row of each wanted text among known ones, -1 where there is none or several."""
    rows_V = _rows(wanted, known)
    counted = pc.value_counts(known.filter(pc.is_in(known, value_set=wanted)))
    doubled = counted.filter(pc.greater(counted.field("counts"), 1)).field("values")
    if not len(doubled):
        return rows_V
    return np.where(pc.is_in(wanted, value_set=doubled).to_numpy(zero_copy_only=False), -1, rows_V)


def _rows(wanted: pa.Array, known: pa.Array) -> IntArray:
    """The first row of each wanted text among known ones, -1 where there is none."""
    if 4 * len(wanted) < len(known):  # only the few that are wanted are hashed
        places = np.flatnonzero(pc.is_in(known, value_set=wanted).to_numpy(zero_copy_only=False))
        if len(places) < len(known):
            return np.append(places, -1)[_rows(wanted, known.take(pa.array(places)))]
    rows = pc.fill_null(pc.index_in(wanted, value_set=known), -1)
    return np.asarray(rows.to_numpy(zero_copy_only=False), dtype=np.int64)


_Form = Callable[[pa.Array], pa.Array]


def _forms(known: pa.Array) -> Iterator[tuple[str, _Form]]:
    yield "without the blanks around them", pc.utf8_trim_whitespace
    yield "regardless of case", lambda texts: pc.utf8_lower(pc.utf8_trim_whitespace(texts))
    yield "as whole numbers (12.0 is 12)", _as_whole
    yield "as whole numbers, some with a power of ten (1e5 is 100000)", _without_powers
    widths = pc.utf8_length(known.filter(pc.utf8_is_decimal(known)))
    if len(widths) * 2 > len(known) and pc.min(widths).as_py() == pc.max(widths).as_py():
        width = pc.max(widths).as_py()
        yield f"with leading zeros restored to {width} digits", lambda texts: pc.utf8_lpad(_as_whole(texts), width, "0")
    yield "as numbers, without their leading zeros", lambda texts: _without_zeros(_as_whole(texts))


def _as_whole(texts: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(pc.utf8_trim_whitespace(texts), r"^(\d+)\.0*$", r"\1")


def _without_powers(texts: pa.Array) -> pa.Array:
    texts = _as_whole(texts)
    has_power = pc.match_substring_regex(texts, _POWER)
    if not pc.any(has_power).as_py():
        return texts
    return pc.replace_with_mask(
        texts, has_power, pa.array(map(_digits, texts.filter(has_power).to_pylist()), texts.type)
    )


def _digits(text: str) -> str:
    """A number with a power of ten, as digits where it is whole."""
    number = Decimal(text)
    return f"{number:f}".partition(".")[0] if number == number.to_integral_value() else text


def _without_zeros(texts: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(texts, r"^0+(\d+)$", r"\1")
