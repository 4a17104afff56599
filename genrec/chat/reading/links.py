"""Links words of a message to the catalog: values, people, titles and names of attributes that they may mean.

Values and attributes are found by their words in any inflection, titles by their words, and names in part or with slips
by `genrec.search`. What the words say, and whether they mean the catalog's at all, is the reading model's to tell.
Deliberately knows no grammar.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from genrec.chat.constraints import meeting
from genrec.chat.lexicon import MAX_VALUES, MIN_LONG_TITLE, MIN_NAME, MIN_PART, Lexicon, SlotValue, stems, words_of
from genrec.chat.words import LINKED, Form, Word, joined, split_words
from genrec.data.filters import Predicate
from genrec.search import NameMatch, SearchIndex

_COMPARED = re.compile(r"[^\W\d_]{3}(?:est|ste[mnrs]?)$")  # a superlative, in English or German
_QUOTES = frozenset("\"“”«»„‘'")
_WHOLE, _MIN_LIKENESS = 0.99, 0.75  # of a name that is said with slips
_SURE, _MIN_PART = 0.85, 6  # a part of a name with a slip is like it, and of so many letters
_LONG, _SURE_IF_LONG = 10, 0.8  # letters in which there may be two slips
_OF_NAMES = 0.5  # of the items that hold a word, which is a name then
_NUM_PARTS = 20  # items among which one is looked for by a part of its title
_MANY_ITEMS = 30  # that hold a word, which is a common one then
_MAX_OF_PART = 12  # people whom one part of a name may mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A word, or several that are one name, with what of the catalog it may mean."""

    word: Word
    values: tuple[SlotValue, ...] = ()
    item_id: str | None = None
    attribute: str | None = None


class Linker:
    """Finds what a message may speak of in one catalog."""

    def __init__(self, lexicon: Lexicon, search: SearchIndex) -> None:
        self.lexicon, self.search = lexicon, search

    def link(self, text: str) -> list[Link]:
        """All words of a message in order; where several names begin, the longest counts."""
        words = [part for word in split_words(text) for part in self._parts(word)]
        links: list[Link] = []
        place = 0
        while place < len(words):
            size, link = self._at(text, words, place) if words[place].form != "mark" else (1, Link(word=words[place]))
            links.append(link)
            place += size
        return self._with_near_names(text, links)

    def _parts(self, word: Word) -> tuple[Word, ...]:
        """A word, or two where it is made of two and is no name itself: a Holzstuhl is of Holz."""
        said = words_of(word.text)
        is_known = word.form != "word" or len(word.text) < 2 * MIN_PART or not self._is_rare(word)
        is_known = is_known or bool(self.lexicon.meanings(said)) or said in self.lexicon.titles
        parts = self.lexicon.parts(word.text) if not is_known and self._is_unknown(word.text) else None
        if parts is None:
            return (word,)
        middle = word.start + len(parts[0])
        return replace(word, text=parts[0], end=middle), replace(word, text=parts[1], start=middle)

    def title(self, text: str) -> str | None:
        """The item whose title a text is, slips and a subtitle left out let pass."""
        exact = self.lexicon.titles.get(words_of(text))
        if exact is not None:
            return exact
        found = [match for match in self.search.names(text) if match.kind == "title" and match.share >= _WHOLE]
        whole = [
            match for match in found if match.likeness >= _MIN_LIKENESS and len(match.said) >= 0.7 * len(text.strip())
        ]
        return next((item_id for match in whole if (item_id := self._item_of(match)) is not None), None)

    def title_parts(self, text: str) -> tuple[str, ...]:
        """The items in whose titles all telling words of a text stand, the likeliest first: the bloodgood maple."""
        plain = self.lexicon.talk.common | self.lexicon.talk.things
        said = [word for word in words_of(text) if word not in plain]
        if not said:
            return ()
        items = [self.lexicon.catalog.items[hit.row] for hit in self.search.search(" ".join(said), _NUM_PARTS)]
        wanted = [set(stems(word)) for word in said]
        forms = ((item, [set(stems(word)) for word in words_of(item.title)]) for item in items if not item.removed)
        return tuple(item.item_id for item, own in forms if all(any(word & one for one in own) for word in wanted))

    def _item_of(self, match: NameMatch) -> str | None:
        """The first item of a title that is not removed."""
        items = (self.lexicon.catalog.items[row] for row in match.rows.tolist())
        return next((item.item_id for item in items if not item.removed), None)

    def values(self, text: str, *, people: bool) -> tuple[SlotValue, ...]:
        """Values whose name a text is, slips let pass; people: those of whose name it is a part, too."""
        found = [match for match in self.search.names(text) if match.kind == "value" and match.attribute is not None]
        whole = [match for match in found if match.share >= _WHOLE and match.likeness >= _MIN_LIKENESS]
        known = [m for m in whole or (found if people else []) if m.attribute in self.lexicon.text_attributes]
        if not whole:
            known = [match for match in known if self._is_person(match)]
        return tuple(SlotValue(m.attribute, m.value) for m in known[:_MAX_OF_PART] if m.attribute is not None)

    def _at(self, text: str, words: Sequence[Word], place: int) -> tuple[int, Link]:
        found = [self._value(text, words, place), self._title(text, words, place), self._attribute(text, words, place)]
        best = max((entry for entry in found if entry is not None), key=lambda entry: entry[0], default=None)
        if best is None:
            people = self._people(words[place])
            return 1, Link(word=replace(words[place], form="person") if people else words[place], values=people)
        value, title = found[0], found[1]
        if value is not None and title is not None and value[0] == title[0]:  # the model tells which is meant
            return value[0], replace(value[1], item_id=title[1].item_id)
        return best

    def _people(self, word: Word) -> tuple[SlotValue, ...]:
        """Who has this surname; a word that many items hold is one only where it is typed as a name."""
        found = self.lexicon.surnames.get(next(iter(words_of(word.text)), ""), ())
        if found and not word.text[:1].isupper():
            num_holding = max(k.num_items for k in self.search.known(word.text))
            if num_holding > _MANY_ITEMS and self._num_of(found) < _OF_NAMES * num_holding:
                return ()
        return found[:_MAX_OF_PART]

    def _num_of(self, values: Sequence[SlotValue]) -> int:
        """How many items have one of some values."""
        wishes = (Predicate(attribute=value.attribute, operator="=", value=value.value) for value in values)
        return int(np.logical_or.reduce([meeting([wish], self.lexicon.catalog) for wish in wishes]).sum())

    def _runs(self, words: Sequence[Word], place: int, longest: int) -> list[tuple[int, tuple[str, ...]]]:
        """Runs of words that begin here, longest first, none of which ends with a mark: how many, and as compared."""
        runs = []
        said: tuple[str, ...] = ()
        for size in range(1, min(2 * longest, len(words) - place) + 1):
            word = words[place + size - 1]
            if word.form == "mark":
                if word.text in ".!?;":
                    break
                continue
            said = (*said, *words_of(word.text))
            if len(said) > longest:
                break
            runs.append((size, said))
        return runs[::-1]

    def _value(self, text: str, words: Sequence[Word], place: int) -> tuple[int, Link] | None:
        for size, said in self._runs(words, place, self.lexicon.max_words):
            meanings = self.lexicon.meanings(said)
            if not meanings or (len(said) == 1 and self._is_ordinary(meanings, said[0], words[place])):
                continue
            values = {word for meant in meanings for word in words_of(meant.value)}
            if len(said) > 1 and any(_COMPARED.search(word) and word not in values for word in said):
                continue  # the shortest skirt is not of the department Shorts & Skirts
            form: Form = "person" if all(self._is_name(meant.attribute) for meant in meanings) else "value"
            return size, Link(word=joined(words[place : place + size], text, form), values=meanings)
        return None

    def _is_name(self, attribute: str) -> bool:
        return len(self.lexicon.values[attribute]) > MAX_VALUES

    def _is_ordinary(self, meanings: Sequence[SlotValue], said: str, word: Word) -> bool:
        """Whether a single word is rather one of the language than the name that somebody bears."""
        if word.form in ("number", "year", "decade", "ordinal"):
            return True
        is_typed_as_name = word.text[:1].isupper() and word.start > 0
        of_names = all(self._is_name(meant.attribute) for meant in meanings)
        is_plain = said in self.lexicon.talk.things or (said in self.lexicon.talk.everyday and not is_typed_as_name)
        return of_names and is_plain

    def _title(self, text: str, words: Sequence[Word], place: int) -> tuple[int, Link] | None:
        for size, said in self._runs(words, place, self.lexicon.max_title_words):
            item_id = self.lexicon.titles.get(said)
            if item_id is not None and self._is_title(words, place, size, said):
                return size, Link(word=joined(words[place : place + size], text, "title"), item_id=item_id)
        return None

    def _is_title(self, words: Sequence[Word], place: int, size: int, said: tuple[str, ...]) -> bool:
        """Whether words are told from ordinary ones: long, quoted, capitalized amid a message, or in no common use."""
        is_quoted = place > 0 and words[place - 1].text in _QUOTES
        is_all = size == len([word for word in words if word.form != "mark"])
        if is_quoted or is_all or len(said) >= MIN_LONG_TITLE:
            return True
        own = words[place : place + size]
        if size == 1 and not own[0].text[:1].isupper():
            return False  # the reading model tells where a plain word is meant as a title
        if place > 0 and all(word.text[:1].isupper() for word in own if word.form == "word"):
            return any(word.form == "word" for word in own)
        return any(
            len(word) >= MIN_NAME and word not in self.lexicon.talk.everyday and not word.isdigit() for word in said
        )

    def _attribute(self, text: str, words: Sequence[Word], place: int) -> tuple[int, Link] | None:
        for size, said in self._runs(words, place, 3):
            attribute = self.lexicon.attribute_of(said)
            if attribute is not None:
                return size, Link(word=joined(words[place : place + size], text, "attribute"), attribute=attribute)
        return None

    def _with_near_names(self, text: str, links: list[Link]) -> list[Link]:
        """Names with slips, and parts of people's names, among words that nothing was found for yet."""
        rare = [link.word.text for link in links if link.word.form == "word" and self._is_rare(link.word)]
        unknown = {word for word in rare if self._is_unknown(word)}  # what the catalog writes so is no slip
        if not unknown:
            return links
        for match in self.search.names(text):
            within = [n for n, link in enumerate(links) if link.word.start < match.end and match.start < link.word.end]
            own = [links[n].word for n in within]
            is_whole_title = match.kind == "title" and match.share >= _WHOLE and len(own) >= MIN_LONG_TITLE
            is_free = not any(word.form in LINKED for word in own) or is_whole_title
            is_open = within and is_free and any(word.form == "word" and word.text in unknown for word in own)
            link = self._near(match, own, text) if is_open else None
            if link is not None:
                links[within[0] : within[-1] + 1] = [link]
        return links

    def _is_unknown(self, word: str) -> bool:
        return any(known.relation in ("corrected", "unknown") for known in self.search.known(word))

    def _near(self, match: NameMatch, words: Sequence[Word], text: str) -> Link | None:
        if match.share >= _WHOLE and match.likeness >= _MIN_LIKENESS:
            if match.kind == "title":
                is_slight = len(words) == 1 and len(match.said) < _MIN_PART and match.likeness < _WHOLE
                item_id = None if is_slight else self._item_of(match)
                return None if item_id is None else Link(word=joined(words, text, "title"), item_id=item_id)
            values = self._values_of([match])
            return Link(word=joined(words, text, "value"), values=values) if values else None
        if (
            match.kind == "value"
            and match.likeness >= (_SURE if len(match.said) < _LONG else _SURE_IF_LONG)
            and len(match.said) >= _MIN_PART
            and self._is_person(match)
        ):
            values = self.values(match.said, people=True)
            return Link(word=joined(words, text, "person"), values=values) if values else None
        return None

    def _values_of(self, matches: Sequence[NameMatch]) -> tuple[SlotValue, ...]:
        known = self.lexicon.text_attributes
        return tuple(
            SlotValue(m.attribute, m.value) for m in matches if m.attribute is not None and m.attribute in known
        )

    def _is_person(self, match: NameMatch) -> bool:
        """Whether it is part of the name of somebody who makes things or plays in them."""
        return match.attribute is not None and self.lexicon.labels.role(match.attribute) in ("maker", "cast")

    def _is_rare(self, word: Word) -> bool:
        plain = self.lexicon.talk.everyday | self.lexicon.talk.things
        return len(word.text) >= MIN_NAME and not set(words_of(word.text)) <= plain
