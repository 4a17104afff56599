"""Decides how a delimited file is written, on a sample of its lines: separator, escapes, header, where the rows begin.

Knows the habits of people and programs that write tables; deliberately knows nothing of bytes, nor of what columns mean
beyond the words that speak for a header.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from genrec.data.tables.cells import NUMBER, TEXT, Splitter, cell_kind, column_kind, is_numeric

SEPARATORS = (",", ";", "\t", "|", "::", "\x01", "^")
_NAMED_SEPARATORS = {"\t": "tab", " ": "blank", "\x01": "\\x01"}
_SEP_LINE = re.compile(r"\s*\"?sep=(.{1,2}?)\"?\s*", re.IGNORECASE)
_COMMENT = re.compile(r"\s*(?:#|//|%|--)")
_TYPED_NAME = re.compile(r"[\w .-]+:(?:token|token_seq|float|float_seq|string|int)")
_MOST_ROWS = 1000
_TAB_SUFFIXES = (".tsv", ".tab", ".inter", ".item", ".user", ".kg", ".link")
_NAME_CHARS = 60  # of a header's cell
_WORDS = """
id ids itemid userid productid articleid customerid movieid bookid userids itemids sku asin isbn isbn13 ean gtin upc
handle title name productname productdisplayname itemname description text summary plot overview category categories
genre genres tags tag brand vendor manufacturer author authors artist album price saleprice regularprice cost preis
titel bezeichnung beschreibung kategorie kategorien marke artikelnummer farbe groesse größe menge datum zeit kunde nom
prix titre categorie catégorie marque couleur nombre precio titulo título marca fecha descripcion currency color
colour weight quantity qty stock availability rating ratings score stars review reviews timestamp time date datetime
day created createdat eventtime unixreviewtime event eventtype kind type user item users items product customer
session sessionid visitorid image images imageurl url link position rank lang language city year age gender sex order
orderid invoice invoiceno stockcode invoicedate unitprice parentasin reviewerid behavior zip zipcode occupation ts
rate views likes plays
"""
_HEADER_WORDS = frozenset(_WORDS.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a delimited file is written. names: the header's cells as they stand, None where there is no header.

    num_skipped: lines before the first row, the header's included; kinds: what the cells of each column look like.
    """

    separator: str
    has_escapes: bool
    names: tuple[str, ...] | None
    num_skipped: int
    kinds: tuple[str, ...]
    notes: tuple[str, ...]


def separator_name(separator: str) -> str:
    """A separator as people call it."""
    return _NAMED_SEPARATORS.get(separator, repr(separator))


def find_dialect(
    lines: Sequence[str], *, is_whole: bool, suffix: str, has_header: bool | None, separator: str | None
) -> Dialect:
    """How a file is written. lines: its first; is_whole: they are all; suffix: of its name, which settles ties."""
    notes: list[str] = []
    first = _first_text(lines, 0)
    named = _SEP_LINE.fullmatch(lines[first]) if first < len(lines) else None
    if named:
        first = _first_text(lines, first + 1)
        if separator is None:
            separator = "\t" if named[1] in ("\\t", "\t") else named[1]
        notes.append(f"'sep={named[1]}' obeyed")
    if separator is None:
        separator = _find_separator(lines, first, is_whole=is_whole, suffix=suffix)
    has_escapes = _has_escapes(lines[first:], separator)
    rows = _sample_rows(lines, first, Splitter(separator=separator, has_escapes=has_escapes), is_whole)
    usual = _usual_width([cells for _, _, cells in rows])
    start = _skip_preamble(rows, usual, notes)
    rows = rows[start:]
    if not rows:
        return _no_rows(separator, has_escapes, len(lines), notes)
    is_header = _is_header([cells for _, _, cells in rows]) if has_header is None else has_header
    return _with_header(rows, separator, has_escapes, is_header, usual, notes)


def _no_rows(separator: str, has_escapes: bool, num_lines: int, notes: Sequence[str]) -> Dialect:
    return Dialect(
        separator=separator, has_escapes=has_escapes, names=(), num_skipped=num_lines, kinds=(), notes=tuple(notes)
    )


_Row = tuple[int, int, list[str]]  # the line it begins on, the line after it (both from 0), its cells


def _with_header(
    rows: list[_Row], separator: str, has_escapes: bool, is_header: bool, usual: int, notes: list[str]
) -> Dialect:
    names: tuple[str, ...] | None = None
    first, after, cells = rows[0]
    body = rows
    if is_header:
        body = rows[1:]
        if cells and _COMMENT.match(cells[0]) and len(cells) > 1 and cells[0].strip("#/%- \t"):
            cells = [cells[0].lstrip("#/%- \t"), *cells[1:]]
        widths = {len(row) for *_, row in body}
        if widths == {len(cells) + 1} and not all(not row[-1].strip() for *_, row in body) and _are_row_names(body):
            cells = ["", *cells]
            notes.append("the rows have one cell more than the header, which was taken for their names")
        names = tuple(cells)
    width = len(names) if names is not None else max(usual, 1)
    fitting = [row for *_, row in body if len(row) == width and row != list(names or ())] or [
        row + [""] * width for *_, row in body if row
    ]
    kinds = tuple(column_kind([row[place] for row in fitting]) for place in range(width))
    return Dialect(
        separator=separator, has_escapes=has_escapes, names=names, num_skipped=after if is_header else first,
        kinds=kinds, notes=tuple(notes),
    )  # fmt: skip


def _are_row_names(body: Sequence[_Row]) -> bool:
    """Whether the first cells name their rows: each is one word of its own, as R writes them."""
    names = [row[0] for *_, row in body]
    return len(set(names)) == len(names) and all(len(name.split()) == 1 for name in names)


def _first_text(lines: Sequence[str], start: int) -> int:
    while start < len(lines) and not lines[start].strip():
        start += 1
    return start


def _sample_rows(lines: Sequence[str], first: int, splitter: Splitter, is_whole: bool) -> list[_Row]:
    rows: list[_Row] = []
    while first < len(lines) and len(rows) < _MOST_ROWS:
        if not lines[first].strip():
            first += 1
            continue
        found = splitter.split(lines, first, is_final=is_whole)
        if found is None:
            if rows:
                break
            found = splitter.split(lines, first, is_final=True)
            assert found is not None
        cells, num_lines = found
        rows.append((first, first + num_lines, cells))
        first += num_lines
    return rows


def _usual_width(rows: Sequence[list[str]]) -> int:
    """How many cells most rows have; of equally many, the first row's, else the larger."""
    if not rows:
        return 1
    counts = Counter(len(cells) for cells in rows)
    most = max(counts.values())
    widths = [width for width, count in counts.items() if count == most]
    return len(rows[0]) if len(rows[0]) in widths else max(widths)


def _find_separator(lines: Sequence[str], first: int, *, is_whole: bool, suffix: str) -> str:
    """The separator that splits most rows alike, the first row's width counting as much as all others'."""
    best: tuple[float, int] = (0.0, 1)
    found = ","
    for separator in SEPARATORS:
        if not any(separator in line for line in lines[first : first + _MOST_ROWS]):
            continue
        rows = [cells for _, _, cells in _sample_rows(lines, first, Splitter(separator=separator), is_whole)]
        width = _usual_width(rows)
        widths = [width, *({len(rows[0])} - {width})]
        for wanted in widths:
            if wanted < 2:
                continue
            share = sum(len(cells) == wanted for cells in rows) / len(rows)
            head = max((len(cells) == wanted) / (1 + place) for place, cells in enumerate(rows[:6]))
            score = (round(share + head + 0.2 * (separator == "\t" and suffix in _TAB_SUFFIXES), 2), wanted)
            if score > best:
                best, found = score, separator
    if best[0] == 0.0 and _are_blank_numbers(lines[first : first + _MOST_ROWS]):
        return " "
    return found


def _are_blank_numbers(lines: Sequence[str]) -> bool:
    rows = [line.split(" ") for line in lines if line.strip()]
    widths = set(map(len, rows))
    return len(widths) == 1 and widths.pop() > 1 and all(is_numeric(cell) for cells in rows for cell in cells)


def _has_escapes(lines: Sequence[str], separator: str) -> bool:
    """Whether \\" stands within quoted cells, where it does not end one."""
    inner = re.compile(rf'"[^"\n]*\\"(?!\s*(?:{re.escape(separator)}|$))')
    return any('\\"' in line and inner.search(line) for line in lines[:_MOST_ROWS])


def _skip_preamble(rows: Sequence[_Row], usual: int, notes: list[str]) -> int:
    """How many rows stand above the header: comments, and titles of one cell."""
    start = 0
    while start < len(rows) - 1 and usual > 1:
        first, _, cells = rows[start]
        num_texts = sum(bool(cell.strip()) for cell in cells)
        is_comment = _COMMENT.match(cells[0]) is not None and len(cells) != usual
        is_title = (
            num_texts <= 1 and (len(cells) != usual or _is_alone(rows, start)) and len(rows[start + 1][2]) >= len(cells)
        )
        is_title = is_title and sum(len(row) == usual for *_, row in rows[start + 1 : start + 6]) > 0
        below = rows[start + 1][2]
        is_title |= len(cells) < usual == len(below) and _num_words(cells) == 0 < _num_words(below)
        is_title |= len(cells) == 2 < usual - 1 and _num_words(cells) < 2 and _is_above(rows, start, usual)
        if not (is_comment or is_title):
            break
        notes.append(f"line {first + 1} above the header was left out: {' '.join(' '.join(cells).split())[:60]!r}")
        start += 1
    if usual == 1:
        while start < len(rows) - 1 and re.match(r"\s*#\s", rows[start][2][0]):
            notes.append(f"line {rows[start][0] + 1} above the header was left out: {rows[start][2][0].strip()[:60]!r}")
            start += 1
    return start


def _is_above(rows: Sequence[_Row], start: int, usual: int) -> bool:
    """Whether rows of a name and a value, as reports begin, stand above a header and rows of the usual width."""
    rest = rows[start + 1 :]
    first = next((n for n, (*_, row) in enumerate(rest) if len(row) == usual), None)
    return first is not None and all(len(row) <= 2 for *_, row in rest[:first]) and len(rest) > first + 1


def _is_alone(rows: Sequence[_Row], start: int) -> bool:
    """Whether a row of one cell among blanks, which is no name, stands above one with many."""
    return not _num_words(rows[start][2]) and sum(bool(cell.strip()) for cell in rows[start + 1][2]) > 1


def header_word(cell: str) -> str:
    """A cell as header words are listed: item_id, Item ID and itemId are itemid."""
    return re.sub(r"[\W_]+", "", cell).casefold()


def _num_words(cells: Sequence[str]) -> int:
    return sum(header_word(cell) in _HEADER_WORDS for cell in cells)


def _is_header(rows: Sequence[list[str]]) -> bool:
    """Whether the first row names columns: by its words, else by what stands below them."""
    head = rows[0]
    below = [row for row in rows[1 : 1 + _MOST_ROWS] if row != head]  # a header may be repeated
    texts = [cell.strip() for cell in head if cell.strip()]
    if not texts or any(len(text) > _NAME_CHARS * 4 for text in texts):
        return False
    if any(_TYPED_NAME.fullmatch(text) for text in texts):
        return True
    columns = [[row[place] for row in below if place < len(row)] for place in range(len(head))]
    num_words = sum(
        header_word(cell) in _HEADER_WORDS and cell not in column for cell, column in zip(head, columns, strict=True)
    )
    if num_words > 1:
        return True
    num_for = num_against = 0
    for cell, column in zip(head, columns, strict=True):
        if not cell.strip():
            continue
        kind = column_kind(column) if any(map(str.strip, column)) else None
        if is_numeric(cell):
            num_against += kind in (NUMBER, None)
        elif kind == NUMBER:
            num_for += 1
        elif _has_shape(cell, column) or cell in column:
            num_against += 1
    num_for += num_words
    if num_for or num_against:
        return num_for > num_against
    return all(len(text) <= _NAME_CHARS for text in texts) and not any(
        cell_kind(text) == TEXT and len(text.split()) > 4 for text in texts
    )


def _has_shape(cell: str, column: Sequence[str]) -> bool:
    """Whether a cell is built as all below it are: u1 as u2 and u31."""
    shapes = {_shape(other) for other in column if other.strip()}
    return len(shapes) == 1 and any(map(str.isdigit, cell)) and _shape(cell) in shapes


def _shape(cell: str) -> str:
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", cell.strip()))
