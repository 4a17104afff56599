"""The words by which people name what a catalog holds: values, attributes, titles, people.

Knows inflection of the languages that messages are read in, and the catalog's own values and words; deliberately knows
no domain, no intent and no session. Anything it returns exists in the catalog.

Words are compared without case and accents, then by their stems, so that Lampen, lamps and a lamp are one; last by what
else one thing is called in any of the languages (same_words.txt), so that wooden, Holz and bois are the catalog's wood.
"""

import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from typing import Any

import snowballstemmer

from genrec.chat.constraints import attribute_values
from genrec.chat.words import TalkWords, folded, split_words
from genrec.claims.wording import Words
from genrec.data.filters import is_number
from genrec.data.labels import Labels, Say
from genrec.data.words import OtherWords
from genrec.schema import Catalog

SPOKEN = ("en", "de", "fr", "es")  # languages that messages are read in, and their stemmers
_STEMMED = ("english", "german", "french", "spanish")
# Roles of attributes in the order in which a bare value most likely means one of theirs.
_LIKELY: tuple[Say, ...] = (
    "kind", "adjective", "property", "maker", "cast", "rating", "value", "time", "truth", "group",
)  # fmt: skip
MIN_LONG_TITLE = 3  # words from which a title is told from ordinary words wherever it stands
MAX_VALUES = 300  # an attribute with more values holds names
_MIN_STEM, _STEM_SHARE = 5, 0.6  # letters in which a word and one made of it agree, and of the longer
_NEAR_SHARE = 0.5  # of the longer of two words that have a stem in common, in which they must agree
_MAX_HELD = 80  # values of an attribute that says how things are
MIN_PART = 4  # letters of each of two words that are written as one
MIN_NAME = 4  # letters of a part of a name that stands for all of it

_YEAR_AT_END = re.compile(r"\s*\(\d{4}\)\s*$")
_ARTICLE_AT_END = re.compile(r"^(.*), (The|A|An|Le|La|Les|Der|Die|Das|El|Los|Las)$", re.IGNORECASE)
_ARTICLE_IN_FRONT = re.compile(r"^(The|A|An) ", re.IGNORECASE)
_POSSESSIVE = re.compile(r"'s$|'$")


@dataclass(frozen=True, slots=True)
class SlotValue:
    """One value of one attribute of the catalog: what words can mean."""

    attribute: str
    value: str


def words_of(text: str) -> Words:
    """The words and numbers of a text as they are compared, without marks and possessives."""
    return tuple(_POSSESSIVE.sub("", folded(word.text)) for word in split_words(text) if word.form != "mark")


@lru_cache(maxsize=100_000)
def stems(word: str) -> tuple[str, ...]:
    """The stems of a word in each language that messages are read in."""
    return tuple(stemmer.stemWord(word) for stemmer in _stemmers())


@lru_cache(maxsize=1)
def _stemmers() -> list[Any]:  # Any: stemmers, which have no types
    return [snowballstemmer.stemmer(language) for language in _STEMMED]


def _keys(words: Words) -> set[Words]:
    """How words are found again when they are inflected: their stems by language, so that none meets another's."""
    by_word = [stems(word) for word in words]
    return {(_STEMMED[n], *(found[n] for found in by_word)) for n in range(len(_STEMMED))}


@cache
def _same_words() -> tuple[Mapping[str, tuple[Words, ...]], ...]:
    """Words for one thing by language, for many things."""
    text = (files("genrec.chat") / "same_words.txt").read_text(encoding="utf-8")
    lines = (line.split("|") for line in text.splitlines() if not line.startswith("#"))
    columns = ([tuple(filter(None, map(words_of, part.split(",")))) for part in line] for line in lines)
    return tuple(dict(zip(SPOKEN, line, strict=True)) for line in columns)


@cache
def _same_words_by_form(language: str | None) -> Mapping[Words, tuple[int, ...]]:
    """Of each word and its stems, the things that it is a word for, in one language or in any."""
    found: dict[Words, list[int]] = defaultdict(list)
    for number, columns in enumerate(_same_words()):
        forms = [words for name, column in columns.items() if language in (name, None) for words in column]
        for key in dict.fromkeys(key for words in forms for key in (words, *sorted(_keys(words)))):
            found[key].append(number)
    return {key: tuple(numbers) for key, numbers in found.items()}


def said_otherwise(words: Words, language: str | None = None, into: Sequence[str] = SPOKEN) -> tuple[Words, ...]:
    """What else the thing is called that these words name, in one language or in any that is read. into: languages of
    the other words."""
    by_form = _same_words_by_form(language)
    numbers = by_form.get(words) or next((by_form[key] for key in sorted(_keys(words)) if key in by_form), ())
    others = (other for n in numbers for name in into for other in _same_words()[n][name])
    return tuple(dict.fromkeys(other for other in others if other != words))


class Lexicon:
    """Finds a catalog's values, attributes and titles in words."""

    def __init__(
        self,
        catalog: Catalog,
        *,
        labels: Labels | None = None,
        others: OtherWords | None = None,
        talk: TalkWords | None = None,
    ) -> None:
        """labels: made of the catalog where none are given; others: other words for what it holds; talk: words of the
        languages that are read.
        """
        self.catalog, self.talk = catalog, talk or TalkWords()
        self._plain = self.talk.everyday | self.talk.things
        self.labels = labels or Labels.of(catalog)
        self.others = others or OtherWords()
        self.values = attribute_values(catalog)
        self.is_multi_valued = {
            name: any(isinstance(item.attributes.get(name), tuple) for item in catalog) for name in self.values
        }
        self.numeric = tuple(
            name for name, values in self.values.items() if values and all(is_number(value) for value in values)
        )
        self.price = _first([self.labels.price], self.numeric)
        self.year = _first([self.labels.time], self.numeric)
        self.maker = _first(self.labels.makers, self.values)
        self.kind = _first(self.labels.kinds, self.text_attributes)
        self._sorts: dict[Words, SlotValue] = {}
        self._exact, self._stemmed = self._collect_forms()
        self._others = self._collect_others()
        self.max_words = max(map(len, (*self._exact, *self._others)), default=1)

    def prepare(self) -> None:
        """Sort out titles and names now, which takes a second for 100 thousand, not when the first message comes."""
        _ = self.max_title_words, self.attribute_names, self.surnames

    def _collect_forms(self) -> tuple[dict[Words, list[SlotValue]], dict[Words, list[tuple[Words, SlotValue]]]]:
        """Values by their words, and by the stems of these, with the words."""
        sorts = _by_meant(self.others.sorts)
        synonyms = _by_meant(self.others.values)
        exact: dict[Words, list[SlotValue]] = defaultdict(list)
        stemmed: dict[Words, list[tuple[Words, SlotValue]]] = defaultdict(list)
        for attribute in self.text_attributes:
            for value in self.values[attribute]:
                if not isinstance(value, str) or not self.labels.says(attribute, value):
                    continue
                meant, said = SlotValue(attribute, value), words_of(value)
                others = [*synonyms.get(folded(value), ()), *sorts.get(folded(value), ())]
                self._sorts.update(dict.fromkeys(sorts.get(folded(value), ()), meant))
                if "/" in value and self.labels.role(attribute) != "maker":  # either of two names
                    others += map(words_of, value.split("/"))
                for words in dict.fromkeys(filter(None, (said, *others))):
                    exact[words].append(meant)
                    for key in _keys(words):
                        if (words, meant) not in stemmed[key]:
                            stemmed[key].append((words, meant))
        return exact, stemmed

    @cached_property
    def language(self) -> str:
        """The language of which most of the catalog's values are words; English where none is."""
        counts = {name: sum(words in self._exact for words in _same_words_by_form(name)) for name in SPOKEN}
        return max(SPOKEN, key=counts.__getitem__)

    def _collect_others(self) -> dict[Words, tuple[SlotValue, ...]]:
        """What the catalog's values are called otherwise, and the stems of that."""
        found: dict[Words, list[SlotValue]] = defaultdict(list)
        for words, meanings in self._exact.items():
            for other in said_otherwise(words):
                if len(other) == 1 and other[0] in self.talk.common:
                    continue  # "or" is gold in French, and joins words in English
                for key in (other, *_keys(other)):
                    found[key] += [meant for meant in meanings if meant not in found[key]]
        return {words: tuple(meanings) for words, meanings in found.items()}

    @cached_property
    def text_attributes(self) -> list[str]:
        """Attributes with texts, those first that a bare value most likely means."""
        place = {say: number for number, say in enumerate(_LIKELY)}
        names = [name for name in self.values if name not in self.numeric and self.labels.role(name) in place]
        return sorted(names, key=lambda name: (place[self.labels.role(name)], self.labels[name].rank, name))

    def meanings(self, words: Words) -> tuple[SlotValue, ...]:
        """The values these words can mean, the likeliest attribute first; inflected ones where none is so called."""
        is_short = len(words) == 1 and (words[0] in self._plain or len(words[0]) < MIN_NAME)
        keys = [] if is_short else sorted(_keys(words))
        inflected = ([m for form, m in self._stemmed.get(key, ()) if _are_near(words, form)] for key in keys)
        others = (self._others[form] for form in (words, *keys) if form in self._others)
        found = [*([self._exact[words]] if words in self._exact else []), *filter(None, inflected), *others]
        apart = ([meant for meant in meanings if not self._is_group(meant)] for meanings in found)
        return tuple(next(filter(None, apart), found[0] if found else ()))

    def _is_group(self, meant: SlotValue) -> bool:
        """Whether it is a department or the like, which is meant only where nothing nearer to the item is."""
        return self.labels.role(meant.attribute) == "group"

    def meanings_in(self, language: str, words: Words) -> tuple[SlotValue, ...]:
        """The values that these words mean in one language, where another language means others by them: robe, Rock."""
        if words not in self._exact or language == self.language:
            return ()
        lines = (_same_words()[number] for number in _same_words_by_form(language).get(words, ()))
        foreign = ([c for name, c in line.items() if name != language] for line in lines)
        apart = (columns for columns in foreign if not any(words in column for column in columns))
        found = (m for columns in apart for column in columns for word in column for m in self._exact.get(word, ()))
        return tuple(dict.fromkeys(found))

    def parts(self, word: str) -> tuple[str, str] | None:
        """The two words of which one is joined, the second a kind: Holz and stuhl; None of any other."""
        for size in range(MIN_PART, len(word) - MIN_PART + 1):
            meanings = self.meanings(words_of(word[size:]))
            if any(self.labels.role(meant.attribute) == "kind" for meant in meanings):
                return word[:size], word[size:]
        return None

    def derived(self, word: str) -> tuple[SlotValue, ...]:
        """The kinds whose one word goes on as this one does: romance of romantic, animation of animated."""
        found = []
        for words, meanings in self._exact.items():
            size = _num_common(word, words[0])
            if len(words) == 1 and size >= _MIN_STEM and size >= _STEM_SHARE * max(len(word), len(words[0])):
                found += [meant for meant in meanings if self.labels.role(meant.attribute) == "kind"]
        return tuple(found) if len(set(found)) == 1 else ()

    def sorts_of(self, meant: SlotValue) -> tuple[str, ...]:
        """The values of its attribute that are sorts of a value, by their names: dark blue of blue."""
        own = words_of(meant.value)
        named = ((value, words_of(value)) for value in self.values[meant.attribute] if isinstance(value, str))
        return tuple(value for value, words in named if len(words) > len(own) and words[-len(own) :] == own)

    def holding(self, words: Words) -> tuple[SlotValue, ...]:
        """The values of one attribute that hold a word beside others: "bee-friendly" of bees, all shades of "shade".

        A word that ends a value is what the value is a sort of, so there must be several sorts; one that stands before
        is said of one value alone, or it is not known which is meant.
        """
        said = [word for word in words if word not in self._plain]
        if len(said) != 1:
            return ()
        found = [held for key in dict.fromkeys((said[0], *stems(said[0]))) for held in self._held.get(key, ())]
        names = dict.fromkeys(meant.attribute for meant, _ in found)
        first = next((name for name in self.text_attributes if name in names), None)
        own = dict.fromkeys(held for held in found if held[0].attribute == first)
        ends = {is_end for _, is_end in own}
        is_told = (ends == {True} and len(own) > 1) or (ends == {False} and len(own) == 1)
        return tuple(meant for meant, _ in own) if is_told else ()

    @cached_property
    def _held(self) -> dict[str, tuple[tuple[SlotValue, bool], ...]]:
        """Words within values of several words, and their stems, of attributes that say how things are; whether the
        word is what such a value is a sort of: the last, and no part of "good in pots"."""
        found: dict[str, list[tuple[SlotValue, bool]]] = defaultdict(list)
        for attribute in self.text_attributes:
            role = self.labels.role(attribute)
            if role not in ("property", "value", "adjective") or len(self.values[attribute]) > _MAX_HELD:
                continue
            for value in self.values[attribute]:
                words = words_of(value) if isinstance(value, str) else ()
                is_name = sum(part[:1].isupper() for part in str(value).split()) > 1
                if len(words) < 2 or is_name:
                    continue
                is_joined = words[-2] in self.talk.common
                for place, word in enumerate(words):
                    is_end = place == len(words) - 1 and not is_joined
                    if word not in self._plain and (is_end or role != "adjective"):
                        for key in {word, *stems(word)}:
                            found[key].append((SlotValue(attribute, str(value)), is_end))
        return {key: tuple(dict.fromkeys(values)) for key, values in found.items()}

    @cached_property
    def surnames(self) -> dict[str, tuple[SlotValue, ...]]:
        """The last words of names of several words, of those who make things or play in them."""
        found: dict[str, list[SlotValue]] = defaultdict(list)
        for attribute in (*self.labels.makers, *self.labels.cast):
            for value in self.values.get(attribute, ()):
                words = words_of(value) if isinstance(value, str) else ()
                if len(words) > 1 and len(words[-1]) >= MIN_NAME and words[-1] not in self._plain:
                    found[words[-1]].append(SlotValue(attribute, str(value)))
        return {word: tuple(values) for word, values in found.items()}

    def is_sort(self, words: Words) -> bool:
        """Whether these words are one sort of the value that they mean: burgundy is red, but not any red."""
        return words in self._sorts

    @cached_property
    def attribute_names(self) -> dict[Words, str]:
        """Words for attributes, and their stems, to the attribute they mean."""
        names: dict[Words, str] = {}
        synonyms = _by_meant(self.others.attributes)
        for attribute in sorted(self.values, key=lambda name: self.labels.role(name) == "silent"):
            said = words_of(self.labels.name(attribute))
            others = synonyms.get(folded(attribute), ())
            for words in filter(None, (said, *others)):
                names.setdefault(words, attribute)
        for words, attribute in list(names.items()):
            for key in _keys(words):
                names.setdefault(key, attribute)
        return names

    @cached_property
    def truths(self) -> frozenset[str]:
        """Attributes of yes or no, or of 1 and 0."""
        return frozenset(name for name, values in self.values.items() if values and set(values) <= {0, 1})

    @cached_property
    def ranges(self) -> dict[str, tuple[str, str]]:
        """Attributes that are the two ends of one range (min players, max players), by either of them."""
        ends: dict[Words, dict[str, str]] = defaultdict(dict)
        for name in self.numeric:
            words = words_of(name.replace("_", " "))
            for end in set(words) & {"min", "max", "minimum", "maximum"}:
                ends[tuple(word for word in words if word != end)][end[:3]] = name
        pairs = [(found["min"], found["max"]) for found in ends.values() if len(found) == len(("min", "max"))]
        return {name: pair for pair in pairs for name in pair}

    def attribute_of(self, words: Words) -> str | None:
        """The attribute that these words name."""
        found = self.attribute_names.get(words)
        return found or next((self.attribute_names[key] for key in _keys(words) if key in self.attribute_names), None)

    @cached_property
    def titles(self) -> dict[Words, str]:
        """Titles as words, without a trailing year and with "The" in front, to item ids; the first of equal titles.

        Removed items are found by no title.
        """
        found: dict[Words, str] = {}
        for item in (item for item in self.catalog if not item.removed):
            for words in title_forms(item.title):
                found.setdefault(words, item.item_id)
        return found

    @cached_property
    def max_title_words(self) -> int:
        """Words of the longest title."""
        return max((len(words) for words in self.titles), default=1)


def _num_common(first: str, second: str) -> int:
    """How many letters two words begin with alike."""
    return next(
        (n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second))
    )


def _are_near(words: Words, others: Words) -> bool:
    """Whether words that have stems in common are forms of one another: legs are no leggings."""
    pairs = zip(words, others, strict=False)
    return all(_num_common(a, b) >= _NEAR_SHARE * max(len(a), len(b)) for a, b in pairs)


def _by_meant(table: Mapping[str, Sequence[str]]) -> dict[str, tuple[Words, ...]]:
    return {folded(meant): tuple(filter(None, map(words_of, words))) for meant, words in table.items()}


def _first(wanted: Iterable[str | None], known: Container[str]) -> str | None:
    return next((name for name in wanted if name is not None and name in known), None)


def title_forms(title: str) -> Iterator[Words]:
    """How a title is typed: as it is, without "(1995)", with ", The" moved to the front, without its article."""
    bare = _YEAR_AT_END.sub("", title)
    moved = _ARTICLE_AT_END.sub(r"\2 \1", bare)
    headless = _ARTICLE_IN_FRONT.sub("", moved)
    forms = dict.fromkeys((title, bare, moved, headless if len(headless) > 3 else moved))
    yield from dict.fromkeys(words for words in map(words_of, forms) if words)
