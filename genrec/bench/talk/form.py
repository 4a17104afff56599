"""The form of a conversation with known answers: what is said, and what must be so of each reply.

Read from TOML (`example.toml` beside this module tells the form), and filled in with what was shown before. Knows any
catalog by its items and its filters; deliberately knows nothing of how messages are read or answered.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import numpy as np

from genrec.data.filters import FIELDS, Filter, parse_filter
from genrec.data.labels import format_number
from genrec.errors import FilterError, InputError
from genrec.schema import Catalog

Kind = Literal[
    "any", "list", "nothing", "answer", "reason", "picture", "question", "refusal", "unread", "courtesy", "help",
    "recall", "reset",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
Person = Literal["known", "new"]
Ids = tuple[str, ...]  # of one item, or of several with one title, any of which is meant
LETTERS = "ABC"

EXAMPLE = Path(__file__).parent / "example.toml"
_TEXTS = ("first", "shows", "lacks", "says", "never_says", "kind")
_PLACES = ("about", "liked", "disliked")
_OF_LISTS = ("where", "low", "high", "first", "shows", "lacks", "liked", "disliked")
_KEYS = frozenset({*_TEXTS, *_PLACES, *_OF_LISTS, "say", "photo", "task"})
_FIELD = re.compile(r"(?<![\w@])(@|-)(\d+)\.(?:'([^']+)'|([^\W\d]\w*))")
_PLACEHOLDER = re.compile(r"\{([A-C])(~?)\}")
_YEAR_AT_END = re.compile(r"\s*\(\d{4}\)$")
_MIN_SLIPPED = 5  # letters of a word in which a slip of the keyboard is made


class Unanswerable(Exception):
    """A message speaks of an item in a place where nothing was shown, or of what that item does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message, and what must be so of its reply.

    where: every shown item passes it; low, high: numbers of which the shown lie in the lower or upper half of what
    passes it. first: what the shown are in order; shows: what some of them is; lacks: what none of them is. says,
    never_says: texts of the reply. kinds: what the reply may be. about: items that the reply speaks of; liked,
    disliked: items that count so afterwards. photo: the item whose picture comes with it. task: what it asks of a
    reader, by which results can be told apart.
    """

    say: str
    kinds: tuple[Kind, ...] = ("list",)
    where: Filter | None = None
    low: str | None = None
    high: str | None = None
    first: tuple[Filter, ...] = ()
    shows: tuple[Filter, ...] = ()
    lacks: tuple[Filter, ...] = ()
    says: tuple[str, ...] = ()
    never_says: tuple[str, ...] = ()
    about: tuple[Ids, ...] | None = None
    liked: tuple[Ids, ...] = ()
    disliked: tuple[Ids, ...] = ()
    photo: str | None = None
    task: str = ""


class Script(Protocol):
    """One conversation as it unfolds."""

    @property
    def person(self) -> Person:
        """Whether a person of the data talks, with their history, or a new one."""
        ...

    def next_turn(self, number: int, history: Sequence[str], shown: Sequence[str]) -> Turn | None:
        """The message after `number` others, or None at the end. Raises Unanswerable."""
        ...


class Titles:
    """The items of a catalog by their titles, regardless of case and of a year at the end."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.attributes = frozenset(name.casefold() for name in (*FIELDS, *catalog.column_names()))
        self._ids: dict[str, list[str]] = {}
        for item in catalog:
            for form in dict.fromkeys((item.title, _YEAR_AT_END.sub("", item.title))):
                self._ids.setdefault(form.casefold(), []).append(item.item_id)

    def ids(self, title: str) -> tuple[str, ...]:
        """The ids of the items of this title; none where there is none."""
        return tuple(self._ids.get(title.strip().casefold(), ())) if title.strip() else ()

    def draw(self, rng: np.random.Generator) -> dict[str, str]:
        """Items for the letters A, B and C: each with a title of its own, and pictures where there are enough."""
        sole = [item for item in self.catalog if len(self.ids(item.title)) == 1 and _slip_places(item.title)]
        pictured = [item for item in sole if item.image is not None]
        items = pictured if len(pictured) >= len(LETTERS) else sole
        if len(items) < len(LETTERS):
            return {}
        chosen = rng.choice([item.item_id for item in items], len(LETTERS), replace=False)
        return dict(zip(LETTERS, map(str, chosen), strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What places stand for at one moment: 2 the second shown, -1 the latest of the history, A one that was drawn.

    Titles stand for the items of that title.
    """

    titles: Titles
    history: Sequence[str] = ()
    shown: Sequence[str] = ()
    drawn: Mapping[str, str] = field(default_factory=dict)

    def ids(self, place: int | str) -> Ids:
        """The ids of a place; several where several items have a title. Raises Unanswerable, InputError."""
        if isinstance(place, str):
            return (self.drawn[place],) if place in self.drawn else self._titled(place)
        items, index = (self.history, place) if place < 0 else (self.shown, place - 1)
        if not -len(items) <= index < len(items):
            raise Unanswerable(f"place {place} of {len(items)}")
        return (items[index],)

    def _titled(self, title: str) -> tuple[str, ...]:
        found = self.titles.ids(title)
        if not found:
            raise InputError(f"no item is called {title!r}; wanted a title, a place such as 2, or A to C")
        return found

    def _values(self, match: re.Match[str]) -> list[str]:
        item = self.titles.catalog[self.ids(int(match[2]) if match[1] == "@" else -int(match[2]))[0]]
        name = match[3] or match[4]
        value = item.title if name == "title" else item.attributes.get(name)
        if value is None or value == "":
            raise Unanswerable(f"{item.title} has no {name}")
        values = value if isinstance(value, tuple) else (value,)
        return [entry if isinstance(entry, str) else format_number(float(entry)) for entry in values]

    def texts(self, text: str) -> list[str]:
        """A text with fields of items put in; one text a value where it is nothing but a field. Raises Unanswerable."""
        whole = _FIELD.fullmatch(text)
        return self._values(whole) if whole else [_FIELD.sub(lambda match: " and ".join(self._values(match)), text)]

    def where(self, text: str) -> Filter:
        """A filter with fields of items put in. Raises Unanswerable, InputError."""
        try:
            return parse_filter(_FIELD.sub(lambda match: ", ".join(map(quoted, self._values(match))), text))
        except FilterError as error:
            raise InputError(f"{text!r} is no filter here ({error})") from error

    def condition(self, text: str) -> Filter:
        """What a title or a filter asks of an item. Raises Unanswerable, InputError."""
        found = (self.drawn[text],) if text in self.drawn else self.titles.ids(text)
        if found:
            return parse_filter(f"item_id in ({', '.join(map(quoted, found))})")
        try:
            where = self.where(text)
        except InputError as error:
            raise InputError(f"{text!r} is no title of the catalog and no filter ({error})") from error
        strange = [name for name in where.attributes() if name.casefold() not in self.titles.attributes]
        if strange:
            raise InputError(f"{text!r} is no title of the catalog and no filter (no attribute {strange[0]!r})")
        return where


def quoted(text: str) -> str:
    """A text as a filter writes it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenScript:
    """A conversation of a file. drawn: the ids that stand for A, B and C."""

    person: Person
    turns: tuple[Mapping[str, Any], ...]  # Any: TOML tables
    titles: Titles
    drawn: Mapping[str, str]
    slips: int  # the seed of the slips of the keyboard

    @property
    def first_where(self) -> Filter | None:
        """The first wishes that hold by themselves."""
        for entry in self.turns:
            if entry.get("where") and not _FIELD.search(entry["where"]):
                return Places(titles=self.titles).where(entry["where"])
        return None

    def next_turn(self, number: int, history: Sequence[str], shown: Sequence[str]) -> Turn | None:
        """The message after `number` others, or None at the end. Raises Unanswerable, InputError."""
        if number >= len(self.turns):
            return None
        entry = self.turns[number]
        places = Places(titles=self.titles, history=history, shown=shown, drawn=self.drawn)
        photo, about = entry.get("photo"), entry.get("about")
        return Turn(
            say="".join(places.texts(_PLACEHOLDER.sub(self._title, entry["say"]))),
            kinds=_kinds(entry),
            where=places.where(entry["where"]) if entry.get("where") else None,
            low=entry.get("low"),
            high=entry.get("high"),
            first=tuple(map(places.condition, _listed(entry.get("first")))),
            shows=tuple(map(places.condition, _listed(entry.get("shows")))),
            lacks=tuple(map(places.condition, _listed(entry.get("lacks")))),
            says=tuple(text for said in _listed(entry.get("says")) for text in places.texts(said)),
            never_says=tuple(text for said in _listed(entry.get("never_says")) for text in places.texts(said)),
            about=None if about is None else tuple(map(places.ids, about)),
            liked=tuple(map(places.ids, entry.get("liked", ()))),
            disliked=tuple(map(places.ids, entry.get("disliked", ()))),
            photo=None if photo is None else places.ids(photo)[0],
            task=entry.get("task", ""),
        )

    def _title(self, match: re.Match[str]) -> str:
        if match[1] not in self.drawn:
            raise Unanswerable("the catalog has no three items with titles of their own")
        title = self.titles.catalog[self.drawn[match[1]]].title
        return _slip(title, self.slips) if match[2] else title


def _listed(value: str | Sequence[str] | None) -> Sequence[str]:
    return () if value is None else (value,) if isinstance(value, str) else value


def _kinds(entry: Mapping[str, Any]) -> tuple[Kind, ...]:  # Any: a TOML table
    """What the reply may be; where nothing is written, a list, but anything where only its texts are told."""
    if "kind" in entry:
        return tuple(_listed(entry["kind"]))  # type: ignore[arg-type]
    is_list = any(name in entry for name in _OF_LISTS) or not entry.keys() & {"says", "never_says", "about"}
    return ("list",) if is_list else ("any",)


def _slip_places(title: str) -> list[int]:
    return [n for n, word in enumerate(title.split()) if len(word) >= _MIN_SLIPPED and word.isalpha()]


def _slip(text: str, seed: int) -> str:
    """Two neighboring letters inside one longer word change places."""
    rng = np.random.default_rng(seed)
    words = text.split()
    place = int(rng.choice(_slip_places(text)))
    at = int(rng.integers(1, len(words[place]) - 2))
    word = words[place]
    words[place] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)


def read_scripts(path: Path, catalog: Catalog, seed: int) -> list[WrittenScript]:
    """The conversations of one file, with items drawn for A, B and C. Raises InputError saying what is wrong where."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path} cannot be read as conversations ({error}); the form is told in {EXAMPLE}") from error
    conversations = document.get("conversation")
    if not isinstance(conversations, list) or not conversations:
        raise InputError(f"{path} holds no [[conversation]]; the form is told in {EXAMPLE}")
    return scripts_of(document, catalog, seed, source=str(path))


def scripts_of(document: Mapping[str, Any], catalog: Catalog, seed: int, *, source: str) -> list[WrittenScript]:
    """The conversations of a document that is read already. Raises InputError saying what is wrong where."""
    rng, titles = np.random.default_rng(seed), Titles(catalog)
    scripts = []
    for number, entry in enumerate(document["conversation"], 1):
        where = f"{source}, conversation {number}"
        person = entry.get("person", document.get("person", "new"))
        if person not in get_args(Person):
            raise InputError(f"{where}: person is {person!r}; wanted known or new")
        if not entry.get("turns"):
            raise InputError(f"{where} has no turns; the form is told in {EXAMPLE}")
        for place, turn in enumerate(entry["turns"], 1):
            _check(turn, f"{where}, turn {place}")
        scripts.append(
            WrittenScript(person=person, turns=tuple(entry["turns"]), titles=titles, drawn=titles.draw(rng), slips=seed)
        )
    return scripts


def _check(turn: Mapping[str, Any], where: str) -> None:  # Any: a TOML table
    if not isinstance(turn.get("say"), str):
        raise InputError(f"{where} lacks `say`, a text")
    for name, value in turn.items():
        if name not in _KEYS:
            raise InputError(f"{where} has {name!r}; wanted one of {', '.join(sorted(_KEYS))}")
        is_list = isinstance(value, list)
        entries = value if is_list else [value]
        if name in _TEXTS and not all(isinstance(entry, str) for entry in entries) and name not in _PLACES:
            raise InputError(f"{where}: {name} is {value!r}; wanted a text, or a list of texts")
        if name in _PLACES and not (is_list and all(isinstance(entry, str | int) for entry in entries)):
            raise InputError(f"{where}: {name} is {value!r}; wanted a list of places and titles")
        if name in ("where", "low", "high", "task") and not isinstance(value, str):
            raise InputError(f"{where}: {name} is {value!r}; wanted a text")
    strangers = [kind for kind in _listed(turn.get("kind")) if kind not in KINDS]
    if strangers:
        raise InputError(f"{where}: kind is {strangers[0]!r}; wanted one of {', '.join(KINDS)}")
