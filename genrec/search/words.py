"""Words of a text in any language, and where they stand in it.

A word is a run of letters and digits, in lower case and without accents. Writing without spaces (Chinese, Japanese,
Korean, Thai and their like) has no such runs: its characters stand for words, alone and in pairs. Nothing is stemmed,
which would be right in one language and wrong in the next; a catalog's own words tell which are forms of one. Knows
letters; deliberately knows no catalog.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

# Scripts that set no space between words, as ranges of a character class: Thai to Lao, Myanmar, Khmer, kana, Han and
# its extensions, Hangul, whose particles cling to words.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_UNSPACED_RUN = re.compile(f"[{_UNSPACED}]")
_ACCENTS = re.compile("[\u0300-\u036f\u0610-\u061a\u0640\u064b-\u065f\u0670]")  # of Latin, Greek, Cyrillic and Arabic
_APOSTROPHES = "'’ʼ‘"
_MAX_CHARS = 64  # of a word that are told apart


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a text: its folded form, and the characters [start, end) where it stands."""

    text: str
    start: int
    end: int


_LETTERS = re.compile(r"[^\W_]+")  # of writing whose letters stand alone and whose words stand apart


@lru_cache(1)
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """What needs more than `_LETTERS`; a word, letters with the marks that cling to them; one letter, likewise."""
    marks = "".join(chr(code) for code in range(0x300, 0x10000) if unicodedata.category(chr(code)).startswith("M"))
    letter = rf"[^\W_][{marks}]*"
    word = rf"(?:(?![{_UNSPACED}]){letter})+|(?:(?=[{_UNSPACED}]){letter})+"
    return re.compile(f"[{marks}{_UNSPACED}]"), re.compile(word), re.compile(letter)


@lru_cache(1 << 16)
def fold(text: str) -> str:
    """A word in the form by which it is found: of one case, one width and without accents."""
    if text.isascii():
        return text.lower()[:_MAX_CHARS]
    apart = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFC", _ACCENTS.sub("", apart))[:_MAX_CHARS]


def words_of(text: str) -> list[Word]:
    """The words that a query asks for: of writing without spaces the pairs of characters, one alone by itself."""
    return list(_words(text, is_asked=True))


def terms_of(text: str) -> list[str]:
    """The words by which a text is found, in order: of writing without spaces every character and every pair."""
    if text.isascii() and "'" not in text:  # nine texts of ten, at a tenth of the time
        return [term[:_MAX_CHARS] for term in _LETTERS.findall(text.lower())]
    return [word.text for word in _words(text, is_asked=False)]


def _words(text: str, *, is_asked: bool) -> Iterator[Word]:
    special, special_word, letter = _patterns()
    is_special = not text.isascii() and special.search(text) is not None
    for match in (special_word if is_special else _LETTERS).finditer(text):
        run, start, end = match.group(), match.start(), match.end()
        if is_special and _UNSPACED_RUN.match(run):
            places = [(start + found.start(), start + found.end()) for found in letter.finditer(run)]
            if len(places) == 1 or not is_asked:
                yield from (Word(fold(text[low:high]), low, high) for low, high in places)
            pairs = pairwise(places)
            yield from (Word(fold(text[low:high]), low, high) for (low, _), (_, high) in pairs)
        elif end - start > 1 or not _is_clipped(text, start, end):
            yield Word(fold(run), start, end)


def _is_clipped(text: str, start: int, end: int) -> bool:
    """Whether a single letter clings to a word by an apostrophe: the s of women's, the l of l'amour."""
    if text[start].isdigit():
        return False
    before, after = text[max(start - 1, 0) : start], text[end : end + 2]
    follows = bool(before) and before in _APOSTROPHES and start > 1 and text[start - 2].isalnum()
    return follows or (bool(after) and after[0] in _APOSTROPHES and after[1:].isalpha())
