"""What an attribute's values look like, and the label that name and values call for together.

A name speaks first (`names`), values must not contradict it, and they speak alone where the name says nothing: codes,
links and long texts are not said, numbers by their size and unit, all else as a plain value. Knows columns;
deliberately knows no person and no claim.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from genrec.data.labels.label import Label
from genrec.data.labels.names import UNKNOWN_RANK, Meaning, Say, listed, meanings_of, spoken_name
from genrec.schema import AttributeValue

_MOST = 0.8
_LONG_CHARS = 60
_MANY = 1_000  # a number of things that is usually above this counts people or events, not parts of an item
_SAMPLE = 2_000  # values that are looked at
_YEARS = (1000, 2200)
_AGE_RATINGS = listed(
    """g pg pg-13 pg13 r nc-17 nc17 nr unrated x m/pg gp m tv-y tv-y7 tv-g tv-pg tv-14 tv-ma approved passed e e10+ t ao
    u ua 12a 15 18 fsk0 fsk6 fsk12 fsk16 fsk18 0+ 3+ 6+ 7+ 12+ 16+ 18+ everyone teen mature"""
)
_LETTER_RATINGS = frozenset({"pg", "pg-13", "pg13", "nc-17", "tv-pg", "tv-ma", "e10+", "12a", "12+", "16+", "18+"})
_UNIT_WORDS = {
    "min": "minutes", "h": "hours", "s": "seconds", "d": "days", "kcal": "calories", "weeks": "weeks"
}  # fmt: skip
_UNITS_IN_NAMES = listed("kg g mg lb oz cm mm km ft ml cl min mb gb kw kcal")
# Words that only one language writes so, by which the language of texts is told.
_ENGLISH_WORDS = listed("the and of with for is from this that are your by an to")
_OTHER_WORDS = listed(
    """der die das und mit für von ein eine ist im den auf aus le la les et avec pour des une est dans du el los las
    con para una del y il lo gli per di che het een en van voor met na og med til som för på av och w z na dla jest
    i com um uma não e"""
)
_LATIN = re.compile(r"[a-zà-öø-ÿ]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of an attribute. texts: its different texts, the commonest first; numbers: of its items."""

    kind: Say | str
    num_items: int
    texts: Sequence[str]
    counts: Sequence[int]
    numbers: Sequence[float]
    is_list: bool
    num_titled: int = 0  # items whose title it repeats

    @classmethod
    def of(cls, values: Iterable[tuple[AttributeValue, str]]) -> "Look":
        """Look at the values of items, each with the item's title."""
        texts, numbers, kinds = Counter[str](), list[float](), Counter[str]()
        num_items = num_titled = 0
        for value, title in values:
            num_items += 1
            if isinstance(value, bool):
                kinds["truth"] += 1
            elif isinstance(value, float | int):
                kinds["number"] += 1
                numbers.append(float(value))
            else:
                kinds["list" if isinstance(value, tuple) else "text"] += 1
                texts.update(value if isinstance(value, tuple) else (value,))
                num_titled += value == title
        kind = kinds.most_common(1)[0][0] if kinds else "text"
        ordered = texts.most_common(_SAMPLE)
        return cls(
            kind=kind,
            num_items=num_items,
            texts=[text for text, _ in ordered],
            counts=[count for _, count in ordered],
            numbers=numbers,
            is_list=kinds["list"] > 0,
            num_titled=num_titled,
        )

    @property
    def is_text(self) -> bool:
        """Whether its values are texts, one or several an item."""
        return self.kind in ("text", "list")

    def share(self, holds: "re.Pattern[str]") -> float:
        """The share of different texts that a pattern matches whole."""
        return sum(holds.fullmatch(text.strip()) is not None for text in self.texts) / max(1, len(self.texts))


_LINK = re.compile(r"(?:https?:)?//\S+|www\.\S+|\S+\.(?:jpe?g|png|gif|webp|svg|mp4|mp3|html?)|data:\S+", re.IGNORECASE)
_CODE = re.compile(r"[-+]?\d[\d._/-]*|[A-Z]{0,4}[-_]?\d{3,}[\w-]*|[0-9a-f]{12,}|[0-9a-f-]{32,}|[A-Za-z]|-?\d+")
_DATED = re.compile(r".*(?<!\d)(?:1[0-9]{3}|20[0-9]{2})(?!\d).*", re.DOTALL)
_CAPITAL = re.compile(r"[^\W\d_a-zß-ÿ].*", re.DOTALL)


def label_of(attribute: str, look: Look, *, unit: str | None = None, is_english: bool = True) -> Label:
    """The label that an attribute's name and values call for. is_english: the language of the catalog's texts."""
    meaning = next((meaning for meaning in meanings_of(attribute) if _fits(meaning, look)), None)
    unit = unit or _unit_in(attribute)
    say = meaning.say if meaning is not None else _by_looks(attribute, look, unit)
    if say in ("rating", "score") and look.is_text:
        say = "rating" if say == "rating" or _are_age_ratings(look) else "value"
    name = _without_unit(spoken_name(attribute))
    form = "" if meaning is None or meaning.say != say else meaning.form
    if say == "rating":
        form = form or "is rated {value}"
    if say == "number":
        form, unit = _of_number(form, name, unit)
    speaks_english = is_english and (meaning is None or meaning.is_english)
    return Label(
        attribute=attribute,
        say=say,
        name=name,
        form=form,
        link="" if meaning is None else meaning.link,
        unit=unit if say in ("number", "price") else None,
        is_english=speaks_english,
        lowers=speaks_english and _lowers(say, form, look),
        is_list=look.is_list,
        rank=UNKNOWN_RANK if meaning is None else meaning.rank,
    )


def _fits(meaning: Meaning, look: Look) -> bool:
    """Whether values do not contradict what a name says; none never do."""
    if not look.num_items:
        return True
    match meaning.say:
        case "price" | "number":
            return look.kind == "number"
        case "score":
            return look.kind == "number" or (look.is_text and _are_age_ratings(look))
        case "time":
            return _are_years(look.numbers) if look.kind == "number" else look.share(_DATED) >= _MOST
        case "kind" | "adjective" | "maker" | "cast":
            return look.is_text and not _is_long(look) and not _are_codes(look)
        case "property" | "group":
            return look.is_text and not _is_long(look) and (not _are_codes(look) or "size" in meaning.form)
        case "rating":
            return look.is_text or (look.kind == "number" and max(look.numbers, default=0) <= 21)
        case "about":
            return look.is_text and (_is_long(look) or look.num_items < 3)
        case "silent":
            return look.kind != "truth"
    return True


def _by_looks(attribute: str, look: Look, unit: str | None) -> Say:
    """What values say alone, where the name says nothing."""
    if look.kind == "truth":
        return "truth"
    if look.kind == "number":
        name = spoken_name(attribute)
        usual = float(np.median(np.abs(look.numbers))) if look.numbers else 0.0
        counts = _is_whole(look.numbers) and usual > _MANY and unit is None
        is_said = unit is not None or _names_things(name)
        return "silent" if counts or not is_said else "number"
    if look.share(_LINK) >= _MOST:
        return "silent"
    if _are_age_ratings(look):
        return "rating"
    if _are_codes(look):
        return "silent"
    if look.num_titled >= _MOST * max(1, look.num_items):
        return "silent"
    return "about" if _is_long(look) else "value"


def _names_things(name: str) -> bool:
    """Whether a name is a plural, of which an item can have so many: episodes, doors, ports."""
    last = name.rpartition(" ")[2].lower()
    return len(last) > 3 and last.endswith("s") and not last.endswith(("ss", "us", "is"))


def _of_number(form: str, name: str, unit: str | None) -> tuple[str, str | None]:
    """How a number is said, and the unit that is not in its form already."""
    word = _UNIT_WORDS.get(unit or "", unit)
    if form and word and "minutes" in form and word != "minutes":
        return form.replace("minutes", word), None
    if form:
        return form, None
    if unit is None:
        return f"has {{value}} {name.lower()}", None
    return form, word


def _is_long(look: Look) -> bool:
    lengths = [len(text) for text in look.texts]
    return bool(lengths) and float(np.median(lengths)) > _LONG_CHARS


def _are_codes(look: Look) -> bool:
    return bool(look.texts) and look.share(_CODE) >= _MOST


def _are_age_ratings(look: Look) -> bool:
    texts = {text.strip().casefold() for text in look.texts}
    known = texts & _AGE_RATINGS
    return bool(texts & _LETTER_RATINGS) and len(known) >= _MOST * len(texts) and len(texts) <= 20


def _are_years(numbers: Sequence[float]) -> bool:
    return bool(numbers) and sum(_YEARS[0] <= n <= _YEARS[1] for n in numbers) >= _MOST * len(numbers)


def _is_whole(numbers: Sequence[float]) -> bool:
    return all(float(number).is_integer() for number in numbers)


def _lowers(say: Say, form: str, look: Look) -> bool:
    """Whether values begin with capital letters for show, being common words: Dress, Dark Blue, but not Al Pacino."""
    is_common = say in ("kind", "adjective") or form.startswith(("is made", "has {a}", "is {value}", "is for"))
    return is_common and look.share(_CAPITAL) >= _MOST


def _unit_in(attribute: str) -> str | None:
    """The unit that a name ends with: cm of height_cm."""
    words = spoken_name(attribute).split()
    return words[-1] if len(words) > 1 and words[-1] in _UNITS_IN_NAMES else None


def _without_unit(name: str) -> str:
    words = name.split()
    return " ".join(words[:-1]) if len(words) > 1 and words[-1] in _UNITS_IN_NAMES else name


def is_english_text(texts: Iterable[str]) -> bool | None:
    """Whether texts are English rather than another language; None where they do not tell."""
    english = others = latin = letters = 0
    for text in texts:
        letters += sum(map(str.isalpha, text))
        words = [word.casefold() for word in _LATIN.findall(text)]
        latin += sum(map(len, words))
        english += sum(word in _ENGLISH_WORDS for word in words)
        others += sum(word in _OTHER_WORDS for word in words)
    if letters and latin < 0.5 * letters:
        return False
    return None if english + others < 3 else english >= others
