"""Words of a message, as the reading model takes them: what stands where, and what each may be in the catalog.

Knows letters, digits and scripts; deliberately knows no language and no catalog.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

# What a word is before anybody understood it: of the catalog (a value, a person's name, a title, an attribute's name),
# a number by its form, or a word like any other.
Form = Literal["word", "value", "person", "title", "attribute", "number", "year", "decade", "ordinal", "mark"]
FORMS: tuple[Form, ...] = get_args(Form)
LINKED: frozenset[Form] = frozenset({"value", "person", "title", "attribute"})

# Scripts that set no spaces between words: each letter stands for itself.
_UNSPACED = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(
    rf"(?P<number>\d+(?:[.,]\d+)*)(?P<suffix>[^\W\d_]{{1,4}}\b)?"
    rf"|[{_UNSPACED}]|[^\W\d_{_UNSPACED}]+(?:['’][^\W\d_{_UNSPACED}]+)*|[^\w\s]|_"
)
_ORDINAL_SUFFIXES = frozenset({"st", "nd", "rd", "th", "er", "ere", "ère", "eme", "ème", "e", "ª", "º"})
_FIRST_YEAR, _LAST_YEAR = 1850, 2040


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word of a message, or several that name one thing of the catalog. start, end: where it stands."""

    text: str
    start: int
    end: int
    form: Form = "word"


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkWords:
    """Words of the languages that are read, whatever a catalog holds.

    common: the commonest, which say nothing anywhere; everyday: words of talk, which are no slip of a name; units: such
    of amounts that are no money; things: such for whatever a catalog holds.
    """

    common: frozenset[str] = frozenset()
    everyday: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    things: frozenset[str] = frozenset()


def split_words(text: str) -> list[Word]:
    """The words, numbers and marks of a message, in order; "90s" and "2nd" stay whole."""
    return [
        Word(text=match.group(), start=match.start(), end=match.end(), form=_form(match))
        for match in _TOKEN.finditer(text)
    ]


def _form(match: re.Match[str]) -> Form:
    number, suffix = match["number"], (match["suffix"] or "").casefold()
    if number is None:
        return "word" if match.group()[0].isalnum() else "mark"
    if suffix == "s" and number.isdigit() and len(number) in (2, 4) and number.endswith("0"):
        return "decade"
    if suffix in _ORDINAL_SUFFIXES:
        return "ordinal"
    is_year = not suffix and len(number) == 4 and number.isdigit() and _FIRST_YEAR <= int(number) <= _LAST_YEAR
    return "year" if is_year else "number"


def joined(words: Sequence[Word], text: str, form: Form) -> Word:
    """Several neighboring words as one, of the text that they stand in."""
    start, end = words[0].start, words[-1].end
    return Word(text=text[start:end], start=start, end=end, form=form)


def folded(text: str) -> str:
    """A text as it is compared: without case, accents and different apostrophes."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
