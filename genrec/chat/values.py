"""Finds attribute values in words, wanted and unwanted: "a red lamp, no stripes", "not red or blue".

Knows negation and coordination; which words mean which value is the lexicon's.
"""

import re
from typing import Literal

from genrec.chat.lexicon import Lexicon, Value
from genrec.chat.phrases import FILLER, NEGATING_PAIRS, NEGATORS, PASSED_BY_NEGATION
from genrec.data.reasons import Constraint

TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[,;.!?]")


class ValueScanner:
    """Finds attribute values in words from left to right, and which of them are unwanted."""

    def __init__(self, lexicon: Lexicon, text: str) -> None:
        self.lexicon = lexicon
        marked = NEGATING_PAIRS.sub(lambda match: " not ", text)
        self.tokens = TOKEN.findall(marked)
        self.is_negated, self.negated_attribute, self.link = False, "", ""
        self.found: list[tuple[Value, bool, str]] = []  # value, negated, the word that links it to the one before
        self.rest: list[str] = []

    def scan(self) -> tuple[list[Constraint], str]:
        """The wishes, and the words that were none."""
        position = 0
        while position < len(self.tokens):
            size, meanings = self._match(position)
            if meanings:
                self._take(self._choose(meanings, position, size))
            else:
                self._pass(self.tokens[position])
            position += max(size, 1)
        return self._constraints(), " ".join(self.rest)

    def _match(self, position: int) -> tuple[int, tuple[Value, ...]]:
        for size in range(min(self.lexicon.max_words, len(self.tokens) - position), 0, -1):
            words = tuple(self.tokens[position : position + size])
            if size == 1 and words[0] in FILLER | NEGATORS:
                continue
            meanings = self.lexicon.meanings(words)
            if meanings:
                return size, meanings
        word = self.tokens[position]
        corrected = None if word in FILLER else self.lexicon.corrected(word)
        return 1, self.lexicon.meanings((corrected,)) if corrected else ()

    def _choose(self, meanings: tuple[Value, ...], position: int, size: int) -> Value:
        """The attribute named beside the value, else the likeliest."""
        beside = self.tokens[max(0, position - 2) : position] + self.tokens[position + size : position + size + 1]
        named = {self.lexicon.attribute_names[word] for word in beside if word in self.lexicon.attribute_names}
        before = self.tokens[max(0, position - 1) : position]
        for cue, is_cast in (("by", False), ("with", True), ("starring", True)):
            meant = self.lexicon.of_maker(meanings, is_cast=is_cast) if cue in before else None
            if meant is not None:
                return meant
        return next((meaning for meaning in meanings if meaning.attribute in named), meanings[0])

    def _take(self, meant: Value) -> None:
        if self.is_negated and self.negated_attribute:
            same = meant.attribute == self.negated_attribute
            self.is_negated = self.link in ("or", "nor") or (same and self.link in ("and", ","))
        self.found.append((meant, self.is_negated, self.link))
        self.negated_attribute, self.link = meant.attribute if self.is_negated else "", ""

    def _pass(self, word: str) -> None:
        if word in NEGATORS:
            self.is_negated, self.negated_attribute, self.link = True, "", "and"
        elif word in ("or", "nor", "and", ","):
            self.link = word if self.link in ("", ",") else self.link
        elif word not in PASSED_BY_NEGATION and word not in self.lexicon.attribute_names:
            self.is_negated, self.negated_attribute, self.link = False, "", ""
        self.rest.append(word)

    def _constraints(self) -> list[Constraint]:
        """Wishes over one attribute join: any of them where they exclude each other, all of them for several values."""
        wanted: list[Constraint] = []
        for meant, is_negated, link in self.found:
            last = wanted[-1] if wanted else None
            operator: Literal["=", "!="] = "!=" if is_negated else "="
            earlier = next(
                (w for w in wanted if w.attribute == meant.attribute and w.operator == operator == "="), None
            )
            is_any = link == "or" or not self.lexicon.is_multiple[meant.attribute]
            if earlier is not None and is_any and (last is earlier or not self.lexicon.is_multiple[meant.attribute]):
                value = earlier.value if isinstance(earlier.value, tuple) else (str(earlier.value),)
                joined = tuple(dict.fromkeys((*value, meant.value)))
                place = wanted.index(earlier)
                wanted[place] = Constraint(
                    attribute=meant.attribute, operator="=", value=joined if len(joined) > 1 else joined[0]
                )
            else:
                wanted.append(Constraint(attribute=meant.attribute, operator=operator, value=meant.value))
        return wanted
