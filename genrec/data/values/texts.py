"""Columns of text for people: one line a cell, without markup, mojibake or code, and not too long.

Knows no titles or descriptions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from genrec.data.values.columns import NO_ODD, Column, Odd, cells_of, distinct
from genrec.data.values.lists import as_text, parse_literal, part_text
from genrec.data.values.markup import Cleaned, clean, cut

# Words that programs write where there is no text; "Unknown" may be a title.
_NO_TEXT = frozenset(
    ("nan", "none", "null", "n/a", "#n/a", "<na>", "nil", "undefined", "-", "--", "---", "–", "—", "\\n")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """A column of text. values: N texts of one line, '' where missing or odd.

    odd: scripts and styles where text was wanted. cut: longer than the limit. mended: mojibake that was repaired.
    """

    values: list[str]
    odd: Odd = NO_ODD
    cut: Odd = NO_ODD
    mended: Odd = NO_ODD
    notes: tuple[str, ...] = ()


def texts(column: Column, *, limit_chars: int = 20_000) -> Texts:
    """A column as text of one line a cell.

    "None", "N/A", "-" and their like are missing where one recurs beside other texts: twice or more among at least
    three rows; alone, such a word is a title. Lists are joined.
    """
    found = distinct(column)
    cells = [_clean(value, limit_chars) for value in found.values]
    absent_V = np.zeros(len(cells), dtype=np.bool_)
    is_word_V = np.array([cell.text.lower() in _NO_TEXT and cell.text != "none" for cell in cells], dtype=np.bool_)
    counts_V = found.counts_V
    if is_word_V.any() and not is_word_V.all():
        absent_V = is_word_V & (counts_V >= 2)
        absent_V |= np.array([cell.text in ("\\N", "<NA>", "#N/A") for cell in cells], dtype=np.bool_)
    values = ["" if absent or cell.is_code else cell.text for cell, absent in zip(cells, absent_V, strict=True)]
    notes = []
    num_absent = int(counts_V[absent_V].sum())
    if num_absent:
        named = ", ".join(repr(cells[place].text) for place in np.flatnonzero(absent_V)[:3])
        notes.append(f"{cells_of(num_absent)} that say that there is no text ({named})")
    num_markup = int(counts_V[np.array([cell.had_markup for cell in cells], dtype=np.bool_)].sum()) if cells else 0
    if num_markup:
        notes.append(f"{cells_of(num_markup)} with markup or entities, turned to text")
    mended = found.odd([cell.is_mended for cell in cells])
    if mended.count:
        notes.append(f"{cells_of(mended.count)} in a wrong encoding, mended")
    too_long = found.odd([cell.is_cut for cell in cells])
    if too_long.count:
        notes.append(f"{cells_of(too_long.count)} cut at {limit_chars:,} characters")
    odd = found.odd([cell.is_code for cell in cells])
    if odd.count:
        notes.append(f"{cells_of(odd.count)} of scripts or styles instead of text, left out")
    return Texts(values=found.spread_objects(values, ""), odd=odd, cut=too_long, mended=mended, notes=tuple(notes))


def clean_text(value: object, *, limit_chars: int = 20_000) -> str:
    """One cell as text, as in `texts`; '' where it is code."""
    cell = _clean(value, limit_chars)
    return "" if cell.is_code else cell.text


def _clean(value: object, limit_chars: int) -> Cleaned:
    if isinstance(value, str):
        text = value
        if text[:1] in "[{" and text[-1:] in "]}" and len(text) > 4 and text[1] in "'\"{[":
            parsed = parse_literal(text)
            if isinstance(parsed, list | tuple | Mapping):
                return _clean(parsed, limit_chars)
        return clean(text, limit_chars)
    if isinstance(value, Mapping):
        parts: Sequence[object] = [f"{key}: {part_text(entry)}" for key, entry in value.items() if entry is not None]
        return _joined([clean(str(part), limit_chars) for part in parts], ", ", limit_chars)
    if isinstance(value, list | tuple):
        return _joined([clean(part_text(part), limit_chars) for part in value], " ", limit_chars)
    return clean(as_text(value), limit_chars)


def _joined(cells: Sequence[Cleaned], sign: str, limit_chars: int) -> Cleaned:
    kept = [cell for cell in cells if cell.text and not cell.is_code]
    text, is_cut = cut(sign.join(cell.text for cell in kept), limit_chars)
    return Cleaned(
        text=text,
        is_mended=any(cell.is_mended for cell in kept),
        is_code=bool(cells) and not kept and any(cell.is_code for cell in cells),
        is_cut=is_cut or any(cell.is_cut for cell in kept),
        had_markup=any(cell.had_markup for cell in kept),
    )
