"""The words by which people name what a catalog holds: values, attributes, titles.

Knows plain English inflection (lamps, wooden, stripes) and the catalog's own values; deliberately knows no shop, no
intent and no session. Anything it returns exists in the catalog.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from rapidfuzz import fuzz, process

from genrec.chat.constraints import attribute_values
from genrec.chat.synonyms import HYPONYMS, NAME_SYNONYMS, VALUE_SYNONYMS
from genrec.claims.wording import Words, is_sayable, words_of
from genrec.data.filters import Predicate, is_number
from genrec.schema import Catalog

Places = tuple[tuple[int, str], ...]  # words and where they stand

# Attributes that a bare value most likely means when several attributes share it.
_FIRST_NAMES = (
    "category",
    "type",
    "kind",
    "genre",
    "genres",
    "color",
    "colour",
    "pattern",
    "material",
    "style",
    "brand",
)
KIND_NAMES = frozenset({"category", "categories", "type", "kind", "product_type", "product type"})
PRICE_NAMES = ("price", "cost")
YEAR_NAMES = ("year", "release year", "release_year", "released")
MAKER_NAMES = frozenset({"brand", "maker", "director", "directors", "author", "authors", "artist", "artists", "writer"})
CAST_NAMES = frozenset({"actor", "actors", "cast", "star", "stars"})
MIN_LONG_TITLE = 3  # words from which a title is told from ordinary words wherever it stands
MIN_LIKENESS = 84  # percent of the letters of a mistyped title
MIN_COMMON = 4  # letters from which one word may be a title where a title is asked for
MAX_AFTER_TITLE = 3  # words that follow a title which is asked for
MAX_VALUES = 300  # an attribute with more values holds names: single words of them are too common to mean it
# Everyday words that must never be corrected into a value.
_NEVER_CORRECTED_TEXT = """
able about above after again agree along always anything around back bake based before being below between bought brand
brands bring budget category cheap cheaper chips choice choose chose color colors could dark darker dollars doubt early
eight every everything expensive fair fancy first forget fourth gives going great hello house instead items kinda lace
lack later latest least light lighter limit little lock looking looks loved lower makes match matches mate maybe meal
means money movie movies nothing other others pain plan please pops prefer price prices quite rather really reset right
second seems seven shape shapes share should show shown shows similar since some someone something sorry start still
style styles suggest than thank thanks that their them there these thing things think third this those three times
today under until used using want wants watch ways what when where which while will with without would wrong year years
yellowish your
"""
_NEVER_CORRECTED = frozenset(_NEVER_CORRECTED_TEXT.split())


_YEAR_AT_END = re.compile(r"\s*\(\d{4}\)\s*$")
_ARTICLE_AT_END = re.compile(r"^(.*), (The|A|An)$", re.IGNORECASE)
_ARTICLE_IN_FRONT = re.compile(r"^(The|A|An) ", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SlotValue:
    """One value of one attribute of the catalog: what words can mean."""

    attribute: str
    value: str


def plural(word: str) -> str:
    """The regular English plural."""
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"


def inflections(words: Words) -> set[Words]:
    """Ways to say a value: the last word in the plural or singular, striped as stripe and stripes, warm as warmer."""
    *head, last = words
    forms = {last, plural(last)}
    if last.endswith("s") and len(last) > 3:
        forms.add(last[:-1])
    if last.endswith("ed") and len(last) > 4:
        stem = last[:-2]
        stem = stem[:-1] if stem[-1:] == stem[-2:-1] else stem
        forms |= {stem, stem + "s", stem + "e", stem + "es"}
    if len(last) > 2 and not last.endswith("s"):
        forms |= {last + "er", last + "r" if last.endswith("e") else last + last[-1] + "er"}
    return {(*head, form) for form in forms}


class Lexicon:
    """Finds a catalog's values, attributes and titles in words."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.values = attribute_values(catalog)
        self.is_multi_valued = {
            name: any(isinstance(item.attributes.get(name), tuple) for item in catalog) for name in self.values
        }
        self.numeric = tuple(
            name for name, values in self.values.items() if values and all(is_number(value) for value in values)
        )
        self.price = next((name for name in self.numeric if name.lower() in PRICE_NAMES), None)
        self.year = next((name for name in self.numeric if name.lower() in YEAR_NAMES), None)
        self.maker = next((name for name in self.values if name.lower() in MAKER_NAMES), None)
        self.kind = next((name for name in self.values if name.lower() in KIND_NAMES), None)
        self._forms = self._collect_forms()
        self._hyponyms = self._collect_hyponyms()
        self.max_words = max(map(len, (*self._forms, *self._hyponyms)), default=1)

    def prepare(self) -> None:
        """Sort out titles now, which takes a second for 100 thousand, not when the first message comes."""
        _ = self.words, self.max_title_words, self._titles_by_beginning, self._joined_titles

    def _collect_forms(self) -> dict[Words, tuple[SlotValue, ...]]:
        exact: dict[Words, list[SlotValue]] = defaultdict(list)
        inflected: dict[Words, list[SlotValue]] = defaultdict(list)
        for attribute in self.text_attributes:
            for value in self.values[attribute]:
                if not isinstance(value, str) or not is_sayable(attribute, value) or not words_of(value):
                    continue
                if len(self.values[attribute]) > MAX_VALUES and len(words_of(value)) < 2:
                    continue
                meant = SlotValue(attribute, value)
                exact[words_of(value)].append(meant)
                for words in inflections(words_of(value)) | _synonyms(VALUE_SYNONYMS, value):
                    inflected[words].append(meant)
        return {words: tuple(exact.get(words, inflected.get(words, ()))) for words in {*exact, *inflected}}

    def _collect_hyponyms(self) -> dict[Words, tuple[SlotValue, ...]]:
        """Words for one sort of a value (burgundy of red) that the catalog itself has no value for."""
        found: dict[Words, list[SlotValue]] = defaultdict(list)
        for attribute in self.text_attributes:
            for value in self.values[attribute]:
                if isinstance(value, str) and is_sayable(attribute, value):
                    for words in _synonyms(HYPONYMS, value) - self._forms.keys():
                        found[words].append(SlotValue(attribute, value))
        return {words: tuple(values) for words, values in found.items()}

    @cached_property
    def text_attributes(self) -> list[str]:
        """Attributes with texts, those first that a bare value most likely means."""
        names = [name for name in self.values if name not in self.numeric]
        order = {name: place for place, name in enumerate(_FIRST_NAMES)}
        return sorted(names, key=lambda name: order.get(name.lower(), len(order)))

    def of_maker(self, meanings: Sequence[SlotValue], *, is_cast: bool) -> SlotValue | None:
        """The meaning that "by" (a maker) or "with" (a cast) asks for, if one does."""
        wanted = CAST_NAMES if is_cast else MAKER_NAMES
        return next((meaning for meaning in meanings if meaning.attribute.lower() in wanted), None)

    def meanings(self, words: Words) -> tuple[SlotValue, ...]:
        """The values these words can mean, the likeliest attribute first."""
        return self._forms.get(words) or self._hyponyms.get(words, ())

    def is_hyponym(self, words: Words) -> bool:
        """Whether these words are one sort of the value that they mean: burgundy is red, but not any red."""
        return words in self._hyponyms

    def still_meant(self, query: str, before: Sequence[Predicate], after: Sequence[Predicate]) -> str:
        """Free words without those whose value is no longer wished: "burgundy" where red gave way to blue."""
        gone = _wanted_values(before) - _wanted_values(after)
        return " ".join(word for word in query.split() if gone.isdisjoint(self._hyponyms.get((word,), ())))

    def corrected(self, word: str) -> str | None:
        """A known one-word form that is one slip of the keyboard away, when there is just one.

        Of words of four letters, only swapped letters and a lost one are slips: the others are too often other words.
        """
        if len(word) < 4 or word in _NEVER_CORRECTED or (word,) in self._forms:
            return None
        near = [form for form in self._words_by_first.get(word[0], ()) if _is_one_slip(word, form)]
        near = [form for form in near if len(form) >= 5 or sorted(form) == sorted(word)]
        if len(word) == 4:
            near = [form for form in near if len(form) == 5 or sorted(form) == sorted(word)]
        meant = {self._forms[(form,)] for form in near}
        return near[0] if len(meant) == 1 else None

    @cached_property
    def _words_by_first(self) -> dict[str, list[str]]:
        grouped: dict[str, list[str]] = defaultdict(list)
        for words in self._forms:
            if len(words) == 1:
                grouped[words[0][0]].append(words[0])
        return grouped

    @cached_property
    def attribute_names(self) -> dict[str, str]:
        """Words for attributes, in lower case and in both numbers, to the attribute they mean."""
        names: dict[str, str] = {}
        for attribute in self.values:
            said = attribute.replace("_", " ").lower()
            singular = said[:-1] if said.endswith("s") and len(said) > 3 else said
            for word in (said, singular, *NAME_SYNONYMS.get(singular, ())):
                names.setdefault(word, attribute)
                names.setdefault(plural(word), attribute)
        own = {name.replace("_", " ").lower(): name for name in self.values}
        return {**names, **own}

    @cached_property
    def attribute_pattern(self) -> str:
        """A regular expression that matches any word for an attribute."""
        return "|".join(re.escape(name) for name in sorted(self.attribute_names, key=len, reverse=True)) or r"(?!x)x"

    @cached_property
    def spaced_name(self) -> re.Pattern[str]:
        """Words for an attribute that are several, such as "second color" for accent."""
        names = [name for name, attribute in self.attribute_names.items() if " " in name and name != attribute.lower()]
        return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(names, key=len, reverse=True))) or '(?!x)x'})\b")

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
    def words(self) -> frozenset[str]:
        """All words of titles and of values, and those that mean values."""
        return frozenset(word for words in (*self.titles, *self._forms, *self._hyponyms) for word in words)

    @cached_property
    def max_title_words(self) -> int:
        """Words of the longest title."""
        return max((len(words) for words in self.titles), default=1)

    def find_title(self, text: str) -> str | None:
        """The item whose title is this text, give or take a few letters; None when no title is near enough."""
        words = words_of(text)
        if not words:
            return None
        if words in self.titles:
            return self.titles[words]
        joined = " ".join(words)
        if len(joined) < 4:
            return None
        near = process.extractOne(joined, self._joined_titles, scorer=fuzz.ratio, score_cutoff=MIN_LIKENESS)
        return self.titles[self._title_words[near[2]]] if near is not None else None

    @cached_property
    def _title_words(self) -> list[Words]:
        return list(self.titles)

    @cached_property
    def _joined_titles(self) -> list[str]:
        return [" ".join(words) for words in self._title_words]

    def title_at(self, text: str) -> tuple[str, str] | None:
        """The item whose title a text begins with, and what follows; none where more than a few words do."""
        spans = [(match.start(), match.end()) for match in re.finditer(r"[^\W_]+(?:'[^\W_]+)*", text)]
        words = [text[a:b] for a, b in spans]
        found = self.titles_in(words[: self.max_title_words])
        if not found or found[0][0] != 0:
            return None
        _, end, item_id = found[0]
        is_common = end == 1 and (self.meanings((words[0],)) or len(words[0]) < MIN_COMMON)
        return None if is_common or len(words) - end > MAX_AFTER_TITLE else (item_id, text[spans[end - 1][1] :])

    def titles_in(self, words: Sequence[str], *, min_words: int = 1) -> list[tuple[int, int, str]]:
        """Exact titles inside a run of words, longest first from the left: (start, end, item id)."""
        found, start = [], 0
        while start < len(words):
            for size in range(min(self.max_title_words, len(words) - start), min_words - 1, -1):
                item_id = self.titles.get(tuple(words[start : start + size]))
                if item_id is not None:
                    found.append((start, start + size, item_id))
                    start += size - 1
                    break
            start += 1
        return found

    @cached_property
    def _titles_by_beginning(self) -> dict[Places, list[Words]]:
        """Long titles by which of their first words must be there: all but the slips that are let pass."""
        grouped: dict[Places, list[Words]] = defaultdict(list)
        for title in self.titles:
            if len(title) >= MIN_LONG_TITLE:
                for places in _beginnings(title, max(1, MIN_LONG_TITLE - _num_slips(title))):
                    grouped[places].append(title)
        return grouped

    def long_titles_in(self, words: Sequence[str]) -> list[tuple[int, int, str]]:
        """Titles of some words inside a run of words, each word equal or one slip away: (start, end, item id).

        From the left, the likest first where several fit.
        """
        found, start = [], 0
        while start < len(words):
            ahead = [word.casefold() for word in words[start : start + self.max_title_words]]
            beginnings = [places for size in range(1, MIN_LONG_TITLE) for places in _beginnings(ahead, size)]
            near = {title for places in beginnings for title in self._titles_by_beginning.get(places, ())}
            slips = {title: count for title in near if (count := _count_slips(title, ahead)) is not None}
            if slips:
                best = min(slips, key=lambda title: (slips[title] / len(title), -len(title), title))
                found.append((start, start + len(best), self.titles[best]))
                start += len(best)
            else:
                start += 1
        return found


def _beginnings(words: Sequence[str], size: int) -> Iterable[Places]:
    """All choices of so many of the first words, each with its place."""
    return combinations(enumerate(words[:MIN_LONG_TITLE]), size)


def _num_slips(title: Words) -> int:
    """How many words of a title may be a slip away."""
    return max(1, len(title) // 4)


def _count_slips(title: Words, words: Sequence[str]) -> int | None:
    """How many of the first words are a slip away from a title; None when it is another title."""
    if len(words) < len(title):
        return None
    wrong = [(mine, theirs) for mine, theirs in zip(title, words, strict=False) if mine != theirs]
    is_near = len(wrong) <= _num_slips(title) and all(_is_one_slip(mine, theirs) for mine, theirs in wrong)
    return len(wrong) if is_near else None


def _wanted_values(wishes: Iterable[Predicate]) -> set[SlotValue]:
    return {SlotValue(wish.attribute, value) for wish in wishes if wish.operator == "=" for value in wish.choices}


def _synonyms(table: Mapping[str, Words], value: str) -> set[Words]:
    """Other words for a value, each in both numbers."""
    said = {words_of(entry) for entry in table.get(value.casefold(), ())}
    return said | {(*head, plural(last)) for *head, last in said}


def title_forms(title: str) -> Iterable[Words]:
    """How a title is typed: as it is, without "(1995)", with ", The" moved to the front, without its article."""
    bare = _YEAR_AT_END.sub("", title)
    moved = _ARTICLE_AT_END.sub(r"\2 \1", bare)
    headless = _ARTICLE_IN_FRONT.sub("", moved)
    forms = dict.fromkeys((title, bare, moved, headless if len(headless) > 3 else moved))
    return [words for words in dict.fromkeys(map(words_of, forms)) if words]


def _is_one_slip(first: str, second: str) -> bool:
    """Whether two words differ by one letter too many, too few, wrong, or by two neighbors swapped."""
    if abs(len(first) - len(second)) > 1 or first == second:
        return False
    start = next(
        (i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second))
    )
    rest_first, rest_second = first[start:], second[start:]
    return (
        rest_first[1:] == rest_second[1:]
        or rest_first[1:] == rest_second
        or rest_first == rest_second[1:]
        or (rest_first[:2] == rest_second[:2][::-1] and rest_first[2:] == rest_second[2:])
    )
