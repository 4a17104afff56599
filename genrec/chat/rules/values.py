"""Finds attribute values in words, wanted and unwanted: "a red lamp, no stripes", "not red or blue".

Knows negation, coordination and second thoughts; which words mean which value is the lexicon's.
"""

import re
from dataclasses import dataclass, replace
from typing import Literal

from genrec.chat.lexicon import Lexicon, SlotValue
from genrec.chat.rules.phrases import CORRECTIONS, LOATHING_PAIRS, NEGATING_PAIRS, SCORNING
from genrec.chat.rules.words import (
    AFTER_NOUNS,
    ARTICLES,
    FILLER,
    LOATHED,
    NEGATORS,
    OWNERS,
    PASSED_BY_NEGATION,
    PLACES,
    SCORN,
    STANDS,
)
from genrec.data.filters import Predicate

_SECOND_THOUGHT = "↺"
TAKEN = "◆"  # stands in the rest for each value that was found
TOKEN = re.compile(rf"[^\W_]+(?:'[^\W_]+)*|[,;:.!?{_SECOND_THOUGHT}{TAKEN}]")
_ENDS = frozenset(".;:!?")
_LISTING = _ENDS | {",", "and", "or", "nor"}


@dataclass(frozen=True, slots=True)
class _Mention:
    """A value in the text; link: the word that ties it to the one before."""

    meant: SlotValue
    is_negated: bool
    link: str


class ValueScanner:
    """Finds attribute values in words from left to right, and which of them are unwanted."""

    def __init__(self, lexicon: Lexicon, text: str) -> None:
        self.lexicon = lexicon
        text = lexicon.spaced_name.sub(lambda match: lexicon.attribute_names[match.group()].lower(), text)
        turned_down = SCORNING.sub(" awful ", NEGATING_PAIRS.sub(" not ", LOATHING_PAIRS.sub(" hate ", text)))
        marked = CORRECTIONS.sub(f" {_SECOND_THOUGHT} ", turned_down)
        self.tokens = TOKEN.findall(marked)
        self.is_negated, self.negated_attribute, self.link = False, "", ""
        self.is_loathed = False  # as all of a list is that is said to be hated
        self.was_negated = False  # at the end of the sentence before
        self.owned_reach = 0  # words for which "my" still counts: "my red chair", "my bedside table" are no wishes
        self.sentence_start = 0
        self.found: list[_Mention] = []
        self.rest: list[str] = []
        self.owned: list[str] = []  # the words of what is no wish

    def scan(self) -> tuple[list[Predicate], str]:
        """The wishes, and the words that were none."""
        position = 0
        while position < len(self.tokens):
            size, meanings = self._match(position)
            if meanings and self._is_stand(position):
                size, meanings = 1, ()
            if meanings and self.owned_reach:
                self.owned += self.tokens[position : position + size]
                self.owned_reach = 1
            elif meanings:
                self._take(self._choose(meanings, position, size), [*self.tokens, "."][position + size])
                self.rest += [TAKEN, *self._hyponym_words(position, size)]
            else:
                self._pass(self.tokens[position])
            position += max(size, 1)
        return self._constraints(), " ".join(self.rest)

    def _match(self, position: int) -> tuple[int, tuple[SlotValue, ...]]:
        for size in range(min(self.lexicon.max_words, len(self.tokens) - position), 0, -1):
            words = tuple(self.tokens[position : position + size])
            if size == 1 and words[0] in FILLER | NEGATORS:
                continue
            meanings = self.lexicon.meanings(words) or (self.lexicon.meanings(("".join(words),)) if size == 2 else ())
            if meanings:
                return size, meanings
        word = self.tokens[position]
        corrected = None if word in FILLER else self.lexicon.corrected(word)
        return 1, self.lexicon.meanings((corrected,)) if corrected else ()

    def _hyponym_words(self, position: int, size: int) -> list[str]:
        """Of "ankle boots", which are boots, the ankle: words that go on describing what is wanted."""
        said = self.tokens[position : position + size]
        if not self.lexicon.is_hyponym(tuple(said)):
            return []
        return [word for word in said if size == 1 or not self.lexicon.meanings((word,))]

    def _is_stand(self, position: int) -> bool:
        """Whether it is the thing itself that is said: "a table for two", but not "a table lamp" or "a table one"."""
        before, word, after = (["", *self.tokens, "."])[position : position + 3]
        is_noun = before in ARTICLES and (after in AFTER_NOUNS or after == self.tokens[-1] == word)
        kind = self.lexicon.kind
        names_kind = any(m.attribute == kind for token in self.tokens for m in self.lexicon.meanings((token,)))
        return word in STANDS and is_noun and not names_kind

    def _choose(self, meanings: tuple[SlotValue, ...], position: int, size: int) -> SlotValue:
        """The attribute named beside the value, else the likeliest."""
        beside = self.tokens[max(0, position - 2) : position] + self.tokens[position + size : position + size + 1]
        named = {self.lexicon.attribute_names[word] for word in beside if word in self.lexicon.attribute_names}
        before = self.tokens[max(0, position - 1) : position]
        if before == ["with"]:  # "red with black on it": of two things that can be black, the one that is not said yet
            taken = {mention.meant.attribute for mention in self.found[self.sentence_start :]}
            if meanings[0].attribute in taken:
                meanings = tuple(m for m in meanings if m.attribute not in taken) or meanings
        if self.is_negated and self.found and self.found[-1].meant.attribute in {m.attribute for m in meanings}:
            return next(m for m in meanings if m.attribute == self.found[-1].meant.attribute)  # blue accents, not red
        for cue, is_cast in (("by", False), ("with", True), ("starring", True)):
            meant = self.lexicon.of_maker(meanings, is_cast=is_cast) if cue in before else None
            if meant is not None:
                return meant
        return next((meaning for meaning in meanings if meaning.attribute in named), meanings[0])

    def _take(self, meant: SlotValue, after: str) -> None:
        """Note a value; after: the word behind it, which tells a list from "I hate red, metal lamps please"."""
        if self.is_negated and self.negated_attribute:
            same = meant.attribute == self.negated_attribute
            is_listed = self.is_loathed and (self.link == "and" or after in _LISTING)
            self.is_negated = self.link in ("or", "nor") or ((same or is_listed) and self.link in ("and", ","))
        self.found.append(_Mention(meant, self.is_negated, self.link))
        self.negated_attribute, self.link = meant.attribute if self.is_negated else "", ""
        self.was_negated = False

    def _pass(self, word: str) -> None:
        if word == _SECOND_THOUGHT:
            self.found.append(_Mention(SlotValue("", ""), False, ""))
        is_plain = word in FILLER or not word.isalpha()
        before, last = ["", "", *self.rest][-2:]
        is_place = word == "the" and last in PLACES and before != "looking"
        is_owned = word in OWNERS and not (word == "their" and self._has_maker)  # "by Norrvik, I collect their vases"
        self.owned_reach = 2 if is_owned or is_place else 0 if is_plain else max(self.owned_reach - 1, 0)
        if word in SCORN and len(self.found) > self.sentence_start and not self.is_negated:
            self.found[-1] = replace(self.found[-1], is_negated=True)
        is_list_broken = self.link and word in PASSED_BY_NEGATION and word not in ARTICLES  # "and want a lamp"
        self.is_loathed = self.is_loathed and not is_list_broken
        if word == "," and not self.negated_attribute:  # "don't like them, vases instead"
            self.is_negated = False
        if word in NEGATORS:
            self.is_negated, self.negated_attribute, self.link = True, "", "and"
            self.is_loathed = word in LOATHED
        elif word in ("or", "nor", "and", ","):
            if self.was_negated and word in ("or", "nor"):
                self.is_negated = True
            self.link = word if self.link in ("", ",") else self.link
        elif word in _ENDS or (word not in PASSED_BY_NEGATION and word not in self.lexicon.attribute_names):
            self.was_negated = word in _ENDS and self.is_negated
            self.is_negated, self.negated_attribute, self.link = False, "", ""
        if word in _ENDS:
            self.sentence_start = len(self.found)
        self.rest.append(word)

    @property
    def _has_maker(self) -> bool:
        return any(mention.meant.attribute == self.lexicon.maker for mention in self.found if mention.meant.attribute)

    def _lasting(self) -> list[_Mention]:
        """What is left after second thoughts: "purple, no wait, pink" is pink."""
        places = [place for place, mention in enumerate(self.found) if not mention.meant.attribute]
        if not places:
            return self.found
        before, after = self.found[: places[-1]], self.found[places[-1] + 1 :]
        rethought = {mention.meant.attribute for mention in after}
        return [m for m in before if m.meant.attribute and m.meant.attribute not in rethought] + after

    def _constraints(self) -> list[Predicate]:
        """Wishes over one attribute join: any of them where they exclude each other, all of them for several values."""
        wanted: list[Predicate] = []
        mentions = self._lasting()
        unwanted = {mention.meant for mention in mentions if mention.is_negated}
        for mention in mentions:
            if not mention.is_negated and mention.meant in unwanted:
                continue
            self._join(wanted, mention)
        return wanted

    def _join(self, wanted: list[Predicate], mention: _Mention) -> None:
        meant, is_multi_valued = mention.meant, self.lexicon.is_multi_valued[mention.meant.attribute]
        operator: Literal["=", "!="] = "!=" if mention.is_negated else "="
        earlier = next((w for w in wanted if w.attribute == meant.attribute and w.operator == operator == "="), None)
        is_any = mention.link == "or" or not is_multi_valued
        if earlier is not None and is_any and (wanted[-1] is earlier or not is_multi_valued):
            wanted[wanted.index(earlier)] = united(earlier, meant.value)
        else:
            wanted.append(Predicate(attribute=meant.attribute, operator=operator, value=meant.value))


def united(wish: Predicate, *values: str) -> Predicate:
    """A wish that these values meet, too."""
    joined = tuple(dict.fromkeys((*wish.choices, *values)))
    return replace(wish, value=joined if len(joined) > 1 else joined[0])
