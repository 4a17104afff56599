"""Which words a model draws, and what of a request it does not know.

A small model lists its words in `known_words.txt` beside its weights; any
other model is taken to know every word. Knows no grammar: words that only bind are not looked at.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from genrec.errors import InputError
from genrec.hub import find_model
from genrec.search.binding import NAMING_NOTHING
from genrec.search.words import fold

WORDS_FILE = "known_words.txt"
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words that a model draws; None for any."""

    words: frozenset[str] | None = None

    @property
    def is_open(self) -> bool:
        """Whether the model is taken to know every word."""
        return self.words is None

    def split(self, text: str) -> tuple[str, tuple[str, ...]]:
        """What of a request the model is told, and the words that it does not know, in their order."""
        if self.words is None:
            return text.strip(), ()
        parts, unknown = [], []
        for part in re.split(r"[,;.!?\n]+", text):
            kept = []
            for word in _WORD.findall(part.casefold()):
                found = self._known(word)
                if found is not None:
                    kept.append(found)
                elif fold(word) not in NAMING_NOTHING:
                    unknown.append(word)
            while kept and fold(kept[-1]) in NAMING_NOTHING:
                kept.pop()
            if any(fold(word) not in NAMING_NOTHING for word in kept):
                parts.append(" ".join(kept))
        return ", ".join(parts), tuple(dict.fromkeys(unknown))

    def _known(self, word: str) -> str | None:
        """The word, or another form of it, as the model knows it."""
        assert self.words is not None
        return next((form for form in word_forms(word) if form in self.words), None)


def word_forms(word: str) -> tuple[str, ...]:
    """The word as it is, and in its other number as English has it."""
    return word, word.removesuffix("s"), word.removesuffix("es"), f"{word}s", word.removesuffix("y") + "ies"


@lru_cache(maxsize=8)
def vocabulary_of(model: str | None) -> Vocabulary:
    """The words of a model by its name; all words where it lists none, or is not here; none of no model."""
    if model is None:
        return Vocabulary(frozenset())
    folder = find_model(model)
    path = None if folder is None else Path(folder) / WORDS_FILE
    if path is None or not path.is_file():
        return Vocabulary()
    try:
        return Vocabulary(frozenset(path.read_text(encoding="utf-8").casefold().split()))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the words of model {model!r} cannot be read ({error}); set another model") from error
