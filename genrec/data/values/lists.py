"""Columns whose cells hold several values: how they are written, and the values.

Known spellings: lists of JSON or Python, its sets and the arrays of databases ({red,tall}), of texts or of named
objects; a|b; a; b; a, b where parts recur in other rows; category paths (Deko > Vasen, Neu), of which every part is a
value, the broadest first; A/B/C where parts recur strongly. Lists of numbers (51.5, 0.0)
measure: they stay one text, unless whole numbers in them recur. Knows no names but those of columns.
"""

import ast
import csv
import json
import math
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Literal, TypeAlias

from genrec.data.tables.building import is_too_deep
from genrec.data.values.columns import Column, distinct_texts, is_absent, is_missing, printable
from genrec.data.values.markup import clean, is_code

Separator: TypeAlias = Literal["list", "|", ";", ",", "、", "path", "/"]

_LITERAL_CHARS = 2**20  # of a Python literal, whose syntax tree takes much more
_NAME_KEYS = ("name", "title", "label", "value", "text")
_MOST = 0.8  # of the cells that open with a bracket which must be lists
_RECURRING, _RECURRING_PATHS = 0.4, 0.6  # share of parts that other cells have too
_PART_CHARS, _PART_WORDS = 40, 5  # beyond it, text is prose
_LIST_NAMES = re.compile(
    r"(?:^|[^a-z])(?:tags?|genres?|categor(?:y|ies)|kategorien?|cats?|keywords?|labels?|topics?|themes?|cuisines?|"
    r"ingredients|zutaten|schlagw(?:o|ö)rter|stichw(?:o|ö)rter|features|collections?|styles|moods|colou?rs|farben|"
    r"materials|materialien|languages|countries|platforms|shelves|subjects|skills|sizes)(?:\s*[(\[].*)?$"
)
_PEOPLE_NAMES = re.compile(r"(?:^|[^a-z])(?:authors|autoren|artists|actors|cast|directors|writers|creators|stars)$")
_INITIALS = re.compile(r"[A-ZÄÖÜÉ](?:\.?[ -]?[A-ZÄÖÜÉ]){0,2}\.|[A-ZÄÖÜÉ]")
_NUMBER = re.compile(r"[+-]?\d*(?:[.,]\d+)*")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://|www\.|^/", re.IGNORECASE)
_PATH = re.compile(r"\s+[>›»→]\s+|(?<=\w)>(?=\w)")
_ENUMERATION = re.compile(r"^[^,>]+,\s[^,>]+(?:,\s[^,>]+)*\s(?:&|and|und|et|y|e)\s[^,>]+")
_NO_ARRAY = re.compile(r"[{}:;\n]")  # which objects and templates have
_QUOTED = r"""(?:'[^']*'|"[^"]*")"""
_ARRAY_OF_WORDS = re.compile(rf"\[\s*{_QUOTED}(?:\s+{_QUOTED})+\s*\]")
_BETWEEN = re.compile(r"""(?<=['"])\s+(?=['"])""")
_NO_NAME = re.compile(r"\(no [a-z ]+\)", re.IGNORECASE)  # (no genres listed)


def lists(column: Column, *, name: str = "", separator: Separator | None = None) -> list[tuple[str, ...]]:
    """The values of every cell, without doubles; () where missing. separator: as list_separator, which decides it."""
    found, texts = distinct_texts(column, as_text)
    how = separator or separator_of(found.values, texts, found.counts_V.tolist(), name)
    return found.spread_objects([split(value, how) for value in found.values], ())


def list_separator(column: Column, name: str = "") -> Separator | None:
    """How the cells of a column hold several values; None where each holds one."""
    found, texts = distinct_texts(column, as_text)
    return separator_of(found.values, texts, found.counts_V.tolist(), name)


def separator_of(
    values: Sequence[object], texts: Sequence[str], counts: Sequence[int], name: str = ""
) -> Separator | None:
    """As list_separator, of the different values, each as text and with how often it occurs."""
    if any(isinstance(value, list | tuple) for value in values):
        return None if _measures([value for value in values if isinstance(value, list | tuple)], counts) else "list"
    given = [
        (clean(text).text if "&" in text or "<" in text else text.strip(), count)
        for text, count in zip(texts, counts, strict=True)
        if not is_absent(text)
    ]
    given = [(text, count) for text, count in given if not is_code(text)]
    cells = [text for text, _ in given]
    if not cells:
        return None
    bracketed = [text for text in cells if _is_bracketed(text)]
    if bracketed and 2 * len(bracketed) >= len(cells):
        parsed = [parse_literal(text) for text in bracketed]
        good = [value for value in parsed if isinstance(value, list | tuple)]
        if len(good) >= _MOST * len(parsed) and any(good):
            return None if _measures(good, [count for text, count in given if _is_bracketed(text)]) else "list"
    if any(_ADDRESS.search(text) for text in cells[:100]):
        return "|" if _short_parts(cells, "|") and not any(_ADDRESS.search(text) for text in cells) else None
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    if any(_PATH.search(text) for text in cells) and all(len(text) < 300 and "<" not in text for text in cells):
        return "path"
    if _short_parts(cells, "|"):
        return "|"
    if _short_parts(cells, "、") and sum("、" in text for text in cells) * 3 >= len(cells):
        return "、"
    if _short_parts(cells, ";") and sum(";" in text for text in cells) * 5 >= len(cells):
        return ";"
    if _has_comma_lists(given, spaced):
        return ","
    return "/" if _recurs(given, "/", _RECURRING_PATHS, least=4) else None


def _is_bracketed(text: str) -> bool:
    if text.startswith("{") and text.endswith("}"):
        return isinstance(parse_literal(text), list)
    return (text.startswith("[") and text.endswith("]")) or (text.startswith(("('", '("')) and text.endswith(")"))


def _measures(found: Sequence[Sequence[object]], counts: Sequence[int]) -> bool:
    """Whether lists are of numbers that measure something: fractions, or whole numbers that do not recur."""
    parts = [part for cell in found for part in cell]
    if not parts or not all(isinstance(part, int | float) and not isinstance(part, bool) for part in parts):
        return False
    if any(isinstance(part, float) for part in parts):
        return True
    counted = Counter(chain.from_iterable(set(cell) for cell in found))
    return sum(count for count in counted.values() if count > 1) * 2 < len(parts) and max(counts, default=1) == 1


def _short_parts(cells: Sequence[str], sign: str) -> bool:
    """Whether cells with a sign are lists of short parts, and no prose."""
    parts = [part.strip() for text in cells if sign in text for part in text.split(sign)]
    named = sorted(len(part) for part in parts if part)
    if not named or named[len(named) // 2] > _PART_CHARS:
        return False
    return sum(len(part.split()) > _PART_WORDS for part in parts) * 5 <= len(parts)


def _has_comma_lists(given: Sequence[tuple[str, int]], name: str) -> bool:
    cells = [text for text, _ in given if "," in text]
    if not cells or not _short_parts(cells, ","):
        return False
    parts = [part.strip() for text in cells for part in text.split(",")]
    if all(_NUMBER.fullmatch(part) for part in parts):
        return False
    if not _LIST_NAMES.search(name) and any(_INITIALS.fullmatch(part) for part in parts):
        return False
    if any(not part for part in parts) and sum(not part for part in parts) * 4 > len(parts):
        return False
    if _LIST_NAMES.search(name):
        return True
    if _PEOPLE_NAMES.search(name):
        return all(" " in part for part in parts if part)
    return _recurs(given, ",", _RECURRING, least=2)


def _recurs(given: Sequence[tuple[str, int]], sign: str, share: float, *, least: int) -> bool:
    """Whether parts of cells are parts of other cells, too, and not always at the same place (Portland, OR)."""
    split_cells = [[part.strip() for part in text.split(sign)] for text, _ in given]
    several = [parts for parts in split_cells if len(parts) > 1]
    if not several or (sign == "/" and any(any(map(_NUMBER.fullmatch, parts)) for parts in several)):
        return False
    where: dict[str, Counter[int]] = {}
    for parts in split_cells:
        for place, part in enumerate(dict.fromkeys(parts)):
            where.setdefault(part.lower(), Counter())[place if len(parts) > 1 else -1] += 1
    parts = [part.lower() for cell in several for part in cell]
    recurring = [part for part in parts if sum(where[part].values()) > 1]
    if len(several) == 1 and (sign == "/" or len(recurring) < len(parts)):
        return False
    fixed = len({len(cell) for cell in several}) == 1 and all(len(where[part]) == 1 for part in recurring)
    if sign == "/" and (fixed and len({len(cell) for cell in several}) != 1):
        return False
    if len(set(recurring)) < (1 if sign == "," else 2) or len(recurring) < least:
        return False
    return len(recurring) >= share * len(parts) and not (fixed and sign == ",")


def split(value: object, how: Separator | None) -> tuple[str, ...]:
    """The values of one cell, without doubles; a cell that is no list is one value."""
    if isinstance(value, list | tuple):
        return _unique(map(part_text, value))
    if isinstance(value, Mapping):
        return _unique([part_text(value)])
    text = as_text(value).strip()
    if how != "list" and ("&" in text or "<" in text):
        text = clean(text).text
    if is_absent(text) or text in ("[]", "()", "{}", "set()") or _NO_NAME.fullmatch(text):
        return ()
    if how == "list":
        parsed = parse_literal(text) if text[:1] in "[({" else None
        return _unique(map(part_text, parsed)) if isinstance(parsed, list | tuple) else _unique([text])
    if how == "path":
        return _unique(_path_parts(text))
    return _unique(map(part_text, text.split(how))) if how is not None else _unique([part_text(text)])


def _path_parts(text: str) -> Iterable[str]:
    """The parts of category paths, the broadest first."""
    text = text.replace("\\,", "\0")
    sign = "|" if "|" in text else ";" if ";" in text else ","
    paths = [text] if sign == "," and _ENUMERATION.match(text) else text.split(sign)
    split_paths = [[part.replace("\0", ",") for part in _PATH.split(path)] for path in paths]
    return chain.from_iterable(split_paths)


def _unique(parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, (" ".join(part.split()) for part in parts))))


def part_text(part: object) -> str:
    """One value of a list as clean text: an object's name, where it has one."""
    found = clean(_raw_part(part))
    return "" if found.is_code else found.text


def _raw_part(part: object) -> str:
    if isinstance(part, Mapping):
        lowered = {str(key).lower(): value for key, value in part.items()}
        named = next((lowered[key] for key in _NAME_KEYS if not is_missing(lowered.get(key))), None)
        if named is not None and not isinstance(named, Mapping | list | tuple):
            return as_text(named)
        if len(part) == 1 and isinstance(only := next(iter(part.values())), str):
            return printable(only)
    return as_text(part)


def as_text(value: object) -> str:
    """Any cell as text: yes and no, whole numbers as such, nested values as JSON."""
    if isinstance(value, str):
        return printable(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return (
            ""
            if not math.isfinite(value)
            else str(int(value))
            if value.is_integer() and abs(value) < 1e15
            else str(value)
        )
    if isinstance(value, Mapping | list | tuple):
        try:
            return printable(json.dumps(value, ensure_ascii=False, default=str))
        except (TypeError, ValueError, RecursionError):
            return printable(value)
    return "" if isinstance(value, bytes) else printable(value)


def parse_literal(text: str) -> object:
    """What a text of JSON, of a Python literal or of a database's array holds; None where it is none, or deep.

    Sets are lists, in the order in which they are written.
    """
    if _ARRAY_OF_WORDS.fullmatch(text):  # as numpy writes them, without commas
        text = _BETWEEN.sub(", ", text)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        if len(text) > _LITERAL_CHARS:
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of escapes in others' texts
                found = ast.literal_eval(text.strip())
                if isinstance(found, set):
                    found = ast.literal_eval(f"[{text.strip()[1:-1]}]")
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            return _array(text.strip())
    return None if is_too_deep(found) else found


def _array(text: str) -> list[str] | None:
    """The values of an array as PostgreSQL writes it, {red,"very tall"}; None where a text is none."""
    inner = text[1:-1]
    if not (text.startswith("{") and text.endswith("}")) or not inner.strip() or _NO_ARRAY.search(inner):
        return None
    return [part for part in next(csv.reader([inner], escapechar="\\")) if part != "NULL"]
