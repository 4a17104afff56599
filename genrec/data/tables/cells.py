"""Splits lines into cells, as people and programs write them, and fits rows to the width of their table.

Knows quotes (doubled, escaped, stray, never closed), cells over several lines, and separators that somebody forgot to
quote; deliberately knows nothing of files, encodings and headers.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from genrec.data.tables.opening import MAX_ROW_CHARS

_QUOTE = '"'
_OPENINGS = ('"', " ", "\t")  # what a quoted cell begins with
_MOST_WASTED_CHARS = 32 * 2**20  # looked at for a closing quote that is not there, in one file; from then on by line
_DATE_OR_NUMBER = re.compile(
    r"\s*(?:[-+]?\s?[$€£¥]?\s?(?:\d[\d.,' \u00a0]*|[.,]\d+)(?:[eE][-+]?\d+)?\s?(?:%|[$€£¥]|EUR|USD|GBP)?"
    r"|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ]+[\d:.,]+)?\s?(?:UTC|GMT|Z|AM|PM|[-+]\d\d:?\d\d)?"
    r"|\d{1,2}:\d\d(?::\d\d)?)\s*",
    re.IGNORECASE,
)
_FOOTER = re.compile(
    r"\s*(?:[#=*]|--|\W*(?:grand |sub)?(?:total|sum|summe|gesamt\w*|insgesamt|suma|totaux|итого|合计)\b"
    r"|end of\b|\(?\d+ rows?\b)",
    re.IGNORECASE,
)
NUMBER, WORD, TEXT = "number", "word", "text"


def is_numeric(cell: str) -> bool:
    """Whether a cell is a number, an amount, a date or a time."""
    return _DATE_OR_NUMBER.fullmatch(cell) is not None


def cell_kind(cell: str) -> str:
    """What a cell looks like: a number (or date), one word (an id, a link), or text with blanks."""
    if is_numeric(cell):
        return NUMBER
    return TEXT if len(cell.split()) > 1 else WORD


def column_kind(cells: Sequence[str]) -> str:
    """What the cells of a column look like, blank ones aside."""
    kinds = [cell_kind(cell) for cell in cells if cell.strip()]
    if not kinds:
        return WORD
    if kinds.count(NUMBER) >= 0.9 * len(kinds):
        return NUMBER
    return TEXT if TEXT in kinds else WORD


@dataclass(slots=True, kw_only=True)
class Splitter:
    """Splits lines into cells.

    has_escapes: whether \\" is a quote within a quoted cell. num_cells: how many a row has, where that is known: a
    quote is taken for one that was never closed where each line that it would swallow is a row by itself.
    """

    separator: str
    has_escapes: bool = False
    num_cells: int | None = None
    num_unclosed: int = 0
    _num_wasted: int = 0
    _simple: "re.Pattern[str]" = field(init=False)
    _ends: "re.Pattern[str]" = field(init=False)
    _opens: "re.Pattern[str]" = field(init=False)
    _opened_before: "re.Pattern[str]" = field(init=False)

    def __post_init__(self) -> None:
        separator = re.escape(self.separator)
        simple = r'"[^"\\]*"' if self.has_escapes else r'"[^"]*"'
        self._simple = re.compile(rf"{simple}(?:{separator}|\Z)")
        blanks = "[ ]*" if self.separator == "\t" else r"[ \t]*"
        if self.separator == " ":
            blanks = ""
        self._ends = re.compile(rf"{blanks}(?:({separator})|\n|\Z)")
        self._opens = re.compile(rf'{blanks}"')
        self._opened_before = re.compile(rf"(?:\n|{separator}){blanks}\Z")

    def split(self, lines: Sequence[str], first: int, *, is_final: bool) -> tuple[list[str], int] | None:
        """The cells of the row that begins with a line, and how many lines it takes; None when it needs more of them.

        is_final: no more lines will come.
        """
        line = lines[first]
        if _QUOTE not in line:
            return line.split(self.separator), 1
        return self._split_quoted(lines, first, is_final)

    def _split_quoted(self, lines: Sequence[str], first: int, is_final: bool) -> tuple[list[str], int] | None:
        text, num_lines, place = lines[first], 1, 0
        cells: list[str] = []
        while True:
            start = text[place : place + 1]
            simple = self._simple.match(text, place) if start == _QUOTE else None
            if simple:
                cells.append(text[place + 1 : text.rindex(_QUOTE, place, simple.end())])
                place = simple.end()
                if text[place - 1] == _QUOTE:
                    return cells, num_lines
                continue
            opening = self._opens.match(text, place) if start in _OPENINGS else None
            if opening:
                found = self._quoted(lines, first, num_lines, text, opening.end(), is_final)
                if found is None:
                    return None
                if found.end is not None:
                    text, num_lines = found.text, found.num_lines
                    cells.append(self._unquoted(text[opening.end() : found.end]))
                    after = self._ends.match(text, found.end + 1)
                    assert after is not None  # what makes it the closing quote
                    if after[1] is None:
                        return cells, num_lines
                    place = after.end()
                    continue
                self.num_unclosed += 1
            end = text.find(self.separator, place)
            if end < 0:
                cells.append(text[place:])
                return cells, num_lines
            cells.append(text[place:end])
            place = end + len(self.separator)

    def _unquoted(self, cell: str) -> str:
        if self.has_escapes and "\\" in cell:
            cell = re.sub(r'\\(["\\])', r"\1", cell)
        return cell.replace('""', _QUOTE)

    def _quoted(
        self, lines: Sequence[str], first: int, num_lines: int, text: str, start: int, is_final: bool
    ) -> "_Quoted | None":
        """Where a quoted cell ends. None: in lines that are still to come."""
        open_lines, place, is_over = num_lines, start, False
        while True:
            end, place, is_over = self._closing(text, start, place)
            if end is not None:
                line_end = text.find("\n", end)
                text = text if line_end < 0 else text[:line_end]
                num_lines = text.count("\n") + 1
                if num_lines > open_lines and self.are_rows(lines[first : first + num_lines]):
                    return self._same_line(text, start, open_lines, lines, first)
                return _Quoted(text=text, num_lines=num_lines, end=end)
            next_line = first + num_lines
            is_too_long = self._num_wasted > _MOST_WASTED_CHARS or len(text) > MAX_ROW_CHARS
            if is_over or is_too_long or (next_line >= len(lines) and is_final):
                self._num_wasted += len(text) - start
                return self._same_line(text, start, open_lines, lines, first)
            if next_line >= len(lines):
                return None
            more = lines[next_line : next_line + num_lines]  # twice as many each time, so that long cells cost no more
            text = "\n".join([text, *more])
            num_lines += len(more)

    def _closing(self, text: str, start: int, place: int) -> tuple[int | None, int, bool]:
        """The closing quote; where to go on looking; whether another cell opens first, after a line break."""
        while True:
            quote = text.find(_QUOTE, place)
            if quote < 0:
                return None, len(text), False
            if self.has_escapes and _is_escaped(text, start, quote):
                place = quote + 1
            elif text.startswith(_QUOTE, quote + 1):
                place = quote + 2
            elif self._ends.match(text, quote + 1):
                return quote, quote, False
            else:
                line = text.rfind("\n", start, quote)
                if line >= 0 and self._opened_before.search(text, line, quote):
                    return None, quote, True
                place = quote + 1

    def are_rows(self, lines: Sequence[str]) -> bool:
        """Whether each of a row's lines is a row by itself, and begins as the first does."""
        starts = [line.split(self.separator) for line in lines]
        kinds = {cell_kind(cells[0]) for cells in starts}
        return len(kinds) == 1 and TEXT not in kinds and all(len(cells) == self.num_cells for cells in starts)

    def _same_line(self, text: str, start: int, num_lines: int, lines: Sequence[str], first: int) -> "_Quoted":
        """The cell where a quote closes it on its own line (after an inch sign: "12""), else no quoted cell at all."""
        end = text.find("\n", sum(len(line) + 1 for line in lines[first : first + num_lines]) - 1)
        own = text if end < 0 else text[:end]
        quote = own.find(_QUOTE, start)
        while quote >= 0:
            if quote > start and self._ends.match(own, quote + 1):
                return _Quoted(text=own, num_lines=num_lines, end=quote)
            quote = own.find(_QUOTE, quote + 1)
        return _Quoted(text=own, num_lines=num_lines, end=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quoted:
    """A quoted cell. text: the lines up to its end; end: its closing quote, None where it has none."""

    text: str
    num_lines: int
    end: int | None


def _is_escaped(text: str, start: int, quote: int) -> bool:
    place = quote
    while place > start and text[place - 1] == "\\":
        place -= 1
    return (quote - place) % 2 == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A row as wide as its table, or the reason why it is none. joined: the column that took a separator back."""

    cells: list[str] | None
    reason: str = ""
    joined: int | None = None
    num_missing: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitter:
    """Fits rows to a table. kinds: what the cells of each column look like."""

    separator: str
    kinds: tuple[str, ...]

    def fit(self, cells: list[str]) -> Fitted:
        """A row as wide as the table: what is over goes back into the text that was split, what is missing is empty."""
        num_columns = len(self.kinds)
        if len(cells) > num_columns:
            while len(cells) > num_columns and not cells[-1].strip():
                cells = cells[:-1]
            if len(cells) > num_columns:
                return self._join(cells)
        if num_columns > 1 and self._is_footer(cells):
            return Fitted(
                cells=None, reason="one cell alone, unlike others of its column; taken for a heading or footer"
            )
        num_missing = num_columns - len(cells)
        return Fitted(cells=cells + [""] * num_missing if num_missing else cells, num_missing=num_missing)

    def _is_footer(self, cells: list[str]) -> bool:
        if any(cell.strip() for cell in cells[1:]):
            return False
        kind = cell_kind(cells[0])
        is_odd = (self.kinds[0] == NUMBER and kind != NUMBER) or (self.kinds[0] == WORD and kind == TEXT)
        return is_odd or _FOOTER.match(cells[0]) is not None

    def _join(self, cells: list[str]) -> Fitted:
        num_over = len(cells) - len(self.kinds)
        best: tuple[float, int] | None = None
        for column, kind in enumerate(self.kinds):
            pieces = cells[column : column + num_over + 1]
            if not self._agrees([*cells[:column], "", *cells[column + num_over + 1 :]]):
                continue
            if kind == NUMBER:
                is_decimal = num_over == 1 and pieces[0].strip().isdigit() and pieces[1].strip().isdigit()
                score = 0.5 if is_decimal and self.separator == "," else -1.0
            else:
                score = sum(piece.startswith(" ") for piece in pieces[1:]) + (kind == TEXT) * 0.1
            if score >= 0 and (best is None or (score, column) > best):
                best = (score, column)
        if best is None:
            return Fitted(cells=None, reason=f"row has {len(cells)} cells, the header {len(self.kinds)}")
        column = best[1]
        whole = self.separator.join(cells[column : column + num_over + 1])
        return Fitted(cells=[*cells[:column], whole, *cells[column + num_over + 1 :]], joined=column)

    def _agrees(self, cells: Sequence[str]) -> bool:
        return all(
            kind != NUMBER or not cell.strip() or is_numeric(cell) for kind, cell in zip(self.kinds, cells, strict=True)
        )
