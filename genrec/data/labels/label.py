"""How one attribute is spoken: its values in words, what follows "it", and the same in short.

Knows the grammar of a few English forms (articles, lists, lower case) and names of languages and countries; of values
in other languages nothing is inflected. Deliberately knows no catalog: what an attribute is was decided before
(`looks`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from babel import Locale
from babel.core import get_global

from genrec.data.labels.names import Say, listed, plural, singular
from genrec.schema import AttributeValue

MAX_VALUE_LENGTH = 40
_YEAR = re.compile(r"(?<!\d)(1[0-9]{3}|20[0-9]{2})(?!\d)")
_DECADE = re.compile(r"[12][0-9]{2}0s")
_NO_TASTE: frozenset[Say] = frozenset({"silent", "about", "score"})
# What words of a form become where the form stands behind a noun: "a film with Al Pacino", "a dish taking 20 minutes".
_SHORT_VERBS = {
    "is": "", "has": "with", "stars": "with", "costs": "at", "comes": "", "runs": "running", "takes": "taking",
    "serves": "serving", "sleeps": "sleeping", "allows": "allowing", "accepts": "accepting", "offers": "offering",
    "pays": "paying",
}  # fmt: skip
# Nouns that are counted ("a thriller") where values of their kind mostly are not (rock, horror, science fiction) …
_COUNTED = listed(
    """adventure animal anthology archive ballad biography cable cartoon classic comedy comic documentary drama drive
    epic essay fable fabric fairytale festival game guide journal magazine manual medal memoir miniseries movie
    mural musical mystery novel novella olive opera parody pedal play podcast poem portal puzzle romance saga satire
    series show simulation sitcom song story symphony table tale textbook tragedy vegetable western"""
)
# … and those that are not, where they mostly are.
_UNCOUNTED = listed(
    """accessories action animation anime art baby baking bath beauty bedding beer camping care climbing clothing
    coffee cooking cosmetics crime cycling decor denim electronics equipment fantasy fiction fishing food footwear
    fragrance fruit furniture gaming gardening gear hardware health home horror jewellery jewelry kitchen knitting
    lighting lingerie luggage makeup meat media merchandise music noir outdoor outerwear pasta poultry running
    sci-fi science seafood sewing skincare software stationery swimming swimwear tea technology training tv war
    wildlife wine writing"""
)
# Nouns of which one thing is a pair.
_PAIRS = listed(
    """boots earrings flats glasses gloves goggles headphones heels jeans leggings loafers mittens pants pyjamas sandals
    scissors shoes shorts slippers sneakers socks stockings sunglasses tights trainers trousers underpants"""
)
_UNRATED = frozenset(("unrated", "nr", "not rated", "n/a"))
_SAYS_NOTHING = listed(
    "unknown undefined none null nan other others misc miscellaneous various general uncategorized uncategorised"
)
_PEOPLES = listed(
    """african american asian australian austrian belgian brazilian cajun canadian caribbean christmas cuban european
    indian lebanese mediterranean mexican moroccan nordic peruvian scandinavian swiss halloween easter"""
)
_ALSO_COMMON = listed("jersey turkey china guinea chad jordan niger world")  # names of countries that are words, too
_MASS_ENDS = ("wear", "ware", "ness", "ism", "punk", "metal", "jazz", "pop", "rock")
_SOUNDS_LIKE_VOWEL = re.compile(r"[aeiouäöåéèáíóú]|hour|honest|heir|8|11(?!\d)|18(?!\d)", re.IGNORECASE)
_SOUNDS_LIKE_CONSONANT = re.compile(r"uni(?![nm])|us[ea]|eu|one\b|once|uku|util", re.IGNORECASE)
_ADJECTIVE_ENDS = ("ic", "al", "ive", "ous", "ful", "ish", "able", "ible", "less")
_OF_ONE = re.compile(r"(?<![\d.,])1 ([a-z]+)")
_LINKS = re.compile(r"\s+(?:of|for|with|in|from|to|and|without|by)\s+|\s*[&,(/+]\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """How one attribute is spoken.

    say: its role; form: what follows "it", with {value} and its article {a}, empty where the role says it; name: the
    attribute in words; link: what leads to another item with the same value ("by the director of"). is_english: whether
    English words may stand around its values as if they were English, too. lowers: whether its values begin
    with a capital letter for show alone. is_list: whether items have several values of it. rank: of labels with one
    role the lowest is the surest.
    """

    attribute: str
    say: Say
    name: str
    form: str = ""
    link: str = ""
    unit: str | None = None
    is_english: bool = True
    lowers: bool = False
    is_list: bool = False
    rank: int = 0

    @property
    def is_taste(self) -> bool:
        """Whether sharing a value of it tells anything of a taste."""
        return self.say not in _NO_TASTE

    def says(self, value: AttributeValue) -> bool:
        """Whether a value can be part of a reason: short, no address, not a plain no."""
        if self.say in ("silent", "about") or value is False:
            return False
        if isinstance(value, bool):
            return True
        if isinstance(value, float | int):
            return value == value and abs(value) != float("inf")
        values = value if isinstance(value, tuple) else (value,)
        return bool(values) and all(_is_sayable(entry) for entry in values)

    def words(self, value: AttributeValue) -> tuple[str, ...]:
        """Each entry of a value as it is spoken: drama for "Drama", German for "de", 1995 for 1995.0."""
        if isinstance(value, bool):
            return (self.truth,)
        if isinstance(value, tuple):
            return tuple(map(self._word, value))
        if isinstance(value, str):
            return (self._word(value),)
        return (format_number(float(value)),)

    def _word(self, text: str) -> str:
        text = " ".join(text.split())
        if self.say == "time" and (year := _YEAR.search(text)) is not None:
            return year[1]
        if self.say == "kind" and ">" in text:
            text = text.rpartition(">")[2].strip() or text
        if self.say == "property" and self.form in ("is in {value}", "is from {value}") and len(text) <= 5:
            return _named(text)
        text = lowered(text) if self.lowers else text
        return one_of(text) if self.say == "kind" and self.is_english else text

    def clause(self, value: AttributeValue) -> str:
        """What follows "it": is a thriller · is red · is made of wood · is from 1995 · has the tags cozy and warm."""
        words = self.words(value)
        said = enumerated(words)
        if isinstance(value, bool):
            return _truth_clause(self.truth)
        if not self.is_english and self.say in ("kind", "adjective", "property", "group", "value"):
            return f"has the {self.name} {enumerated([f'“{word}”' for word in words])}"
        if self.say == "rating" and said.casefold() in _UNRATED:
            return "is unrated"
        if self.say == "kind" and not self.form and not stand_alone(words, is_loose=self.is_loose):
            return f"has the {self.name_of(len(words))} {said}"
        if self.form:
            clause = self.form.format(value=said, a=article(said), name=self.name)
            return _OF_ONE.sub(lambda match: f"1 {singular(match[1])}", clause) if self.say == "number" else clause
        match self.say:
            case "kind":
                return f"is {kind_phrase(words, is_loose=self.is_loose)}"
            case "adjective":
                return f"is {said}"
            case "number":
                return f"has {article(self.name)} {self.name} of {said}{f' {self.unit}' if self.unit else ''}"
        if self.is_list:
            return f"has the {self.name_of(len(words))} {said}"
        return f"has the {self.name} “{said}”"

    def name_of(self, count: int) -> str:
        """The attribute in words, of one value or of several: genre, genres; of a name in another language as it is."""
        one = singular(self.name) if self.is_english else self.name
        return one if count == 1 or not self.is_english else self.name if self.name != one else plural(one)

    @property
    def is_loose(self) -> bool:
        """Whether its values are kinds such as genres, of which most are not counted: rock, horror."""
        return self.is_list or self.name.endswith(("genre", "genres"))

    def short(self, value: AttributeValue) -> str:
        """The clause as it stands behind a noun: red · made of wood · with a striped pattern · from 1995."""
        return short_of(self.clause(value))

    def decade(self, value: AttributeValue | None) -> str | None:
        """The decade of a time: 1990s; None where the attribute is none, or the value tells none."""
        if self.say != "time" or value is None or isinstance(value, bool | tuple):
            return None
        year = _YEAR.search(value if isinstance(value, str) else format_number(float(value)))
        return None if year is None else f"{year[1][:3]}0s"

    def is_decade(self, value: AttributeValue) -> bool:
        """Whether a value is a decade, as `decade` gives it."""
        return self.say == "time" and isinstance(value, str) and _DECADE.fullmatch(value) is not None

    @property
    def truth(self) -> str:
        """A yes-or-no attribute in words, without the verb that only makes it a question: vegan, has wifi."""
        return self.name.removeprefix("is ").removeprefix("are ")


def short_of(clause: str) -> str:
    """What follows "it", as it stands behind a noun: made of wood · with a striped pattern · running 90 minutes."""
    verb, _, rest = clause.partition(" ")
    short = _SHORT_VERBS.get(verb)
    if clause.startswith("was "):
        return rest
    return f"that {clause}" if short is None else f"{short} {rest}".strip()


def _is_sayable(text: str) -> bool:
    text = text.strip()
    says_nothing = text.casefold() in _SAYS_NOTHING or text.casefold().startswith(("other ", "sonstige"))
    is_short = 0 < len(text) <= MAX_VALUE_LENGTH
    return is_short and not says_nothing and "://" not in text and any(sign.isalnum() for sign in text)


def _truth_clause(truth: str) -> str:
    first = truth.partition(" ")[0]
    if first in ("has", "allows", "accepts", "offers"):
        return truth
    if first == "can":
        return truth
    if first == "with":
        return f"comes {truth}"
    return f"is {truth}"


def kind_phrase(words: Sequence[str], *, is_loose: bool = False, before: Sequence[str] = ()) -> str:
    """Kinds as one noun phrase: a lamp · horror · a crime drama · a comedy and a romance · a red 1990s thriller.

    is_loose: kinds such as genres, of which most are not counted. before: what stands in front of the nouns.
    """
    adjectives = [word for word in words if word.endswith(("'s", "’s"))]
    nouns = [word for word in words if word not in adjectives] or adjectives
    adjectives = [] if nouns == adjectives else adjectives
    counted = [word for word in nouns if is_counted(word, is_loose=is_loose)]
    mass = [word for word in nouns if word not in counted]
    front = [*before, *adjectives]
    if len(nouns) > 1 and len(counted) == 1 and all(_is_plain(word) for word in mass):
        return with_article(" ".join([*front, *mass, counted[0]]))  # a crime drama
    if not front:
        return enumerated([with_article(word) if word in counted else word for word in nouns])
    pair, noun = ("pair of ", nouns[0].removeprefix("pair of ")) if nouns[0].startswith("pair of ") else ("", nouns[0])
    said = enumerated([pair + " ".join([*front, noun]), *nouns[1:]])
    return with_article(said) if nouns[0] in counted else said


def _is_plain(word: str) -> bool:
    """Whether a kind can stand before another as if it were an adjective: crime, sci-fi, not science & nature."""
    return _LINKS.search(word) is None and len(word.split()) <= 2


def stand_alone(kinds: Sequence[str], *, is_loose: bool = True) -> bool:
    """Whether kinds make a noun phrase: a crime drama, children's animation; not action and crime, not TV."""
    nouns = [kind for kind in kinds if not kind.endswith(("'s", "’s"))]
    if any(is_counted(kind, is_loose=is_loose) for kind in nouns):
        return True
    return 1 <= len(nouns) < len(kinds) or not (is_loose or any(kind.isupper() for kind in nouns))


def is_counted(kind: str, *, is_loose: bool = False) -> bool:
    """Whether one says "a" before a kind: a lamp, a thriller; not horror, not knitwear, not home & garden.

    is_loose: kinds such as genres, of which most are not counted.
    """
    head = _LINKS.split(kind)[0].rpartition(" ")[2]
    last = head.casefold()
    if not last or not last[-1:].isalpha() or (head.isupper() and len(head) > 1) or last in _UNCOUNTED:
        return False
    if last in _COUNTED or last.endswith("er") or kind.startswith("pair of "):
        return True
    return not (is_loose or _is_plural(last) or last.endswith((*_MASS_ENDS, *_ADJECTIVE_ENDS)))


def one_of(kind: str) -> str:
    """What one thing of a kind is called: a book of Books, a pair of trousers of Trousers; mass nouns stay."""
    head = kind.rpartition(" ")[2]
    last = head.casefold()
    if _LINKS.search(kind) or not _is_plural(last) or last in _UNCOUNTED or head.isupper():
        return kind
    return f"pair of {kind}" if last in _PAIRS else singular(kind)


def _is_plural(word: str) -> bool:
    return len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "'s", "’s"))


def lowered(text: str) -> str:
    """Words in lower case, but abbreviations and names of languages, peoples and countries: sci-fi, T-shirt, French."""
    return re.sub(r"[^\W\d_]+(?:['’][^\W\d_]+)*", lambda match: _lowered_word(match[0]), text)


def _lowered_word(word: str) -> str:
    is_title = len(word) > 1 and word[:1].isupper() and word[1:].islower()
    return word.lower() if is_title and word.casefold() not in _proper_names() else word


@cache
def _proper_names() -> frozenset[str]:
    """Words for languages, peoples and countries, in lower case."""
    locale = Locale("en")
    names = {name.casefold() for name in (*locale.languages.values(), *locale.territories.values()) if " " not in name}
    return frozenset(names | _PEOPLES - _ALSO_COMMON)


def _named(code: str) -> str:
    """The language or country that a code stands for; other texts as they are: English of eng, en and en-US."""
    known, plain = _names_of_codes(), code.casefold()
    language = re.split(r"[-_]", plain)[0]
    return known.get(plain) or known.get(get_global("language_aliases").get(language, language), code)


@cache
def _names_of_codes() -> dict[str, str]:
    """The languages and countries that codes stand for, in English: German of de, the United States of us."""
    locale = Locale("en")
    countries = {
        code.casefold(): f"the {name}" if name.startswith("United ") or name.endswith("Islands") else name
        for code, name in locale.territories.items()
        if len(code) == 2
    }
    return countries | {code.casefold(): name for code, name in locale.languages.items() if len(code) in (2, 3)}


def enumerated(words: Sequence[str]) -> str:
    """Words as a list: red · red and blue · red, blue and green."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def article(words: str) -> str:
    """The indefinite article before words: by their first letter, but for those that sound otherwise."""
    first = re.split(r"[\s-]", words, maxsplit=1)[0]
    if len(first) > 1 and re.fullmatch(r"[A-Z0-9&]*[A-Z][A-Z0-9&]*", first):  # spelled letter by letter
        return "an" if first[0] in "AEFHILMNORSX8" else "a"
    return "an" if _SOUNDS_LIKE_VOWEL.match(words) and not _SOUNDS_LIKE_CONSONANT.match(words) else "a"


def with_article(words: str) -> str:
    """Words with their indefinite article in front."""
    return f"{article(words)} {words}"


def format_number(value: float) -> str:
    """A number as people write it: 35, 34.5, 0.034."""
    if float(value).is_integer():
        return str(int(value))
    return f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) >= 1 else f"{value:.3g}"
