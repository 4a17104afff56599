"""Sessions, what a conversation remembers: said, liked, disliked, wished, shown. Plain values that survive a restart.

Knows how new wishes change old ones; deliberately knows no recommender and no language.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from genrec.artifacts import write_text
from genrec.chat.constraints import counts_of, meeting
from genrec.data.filters import Predicate
from genrec.errors import InputError
from genrec.schema import Catalog

_FORMAT = 1
_UPPER = ("<", "<=")
WORDS, AVOIDED, PHOTO, LIKENESS = BESIDE = ":words", ":avoided", ":photo", ":likeness"  # wishes over no attribute
MIN_SETTLED = 4  # so many items must agree before one value is taken to settle another


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """One line of the conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WishSnapshot:
    """What was wished at one time, so that it can be gone back to."""

    constraints: tuple[Predicate, ...]
    query: str
    refers_to: tuple[str, ...]
    relation: str | None
    photo: str | None
    avoided: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Session:
    """One person's conversation. history: item ids, oldest first, likes included; shown: the last list, in order; seen:
    everything shown since the start; focus: the item that "it" means; photo: the name of the last photo, to which the
    wanted is to be like (its file's, where nobody else keeps it); has_asked: whether the one question to a new person
    was asked; earlier: what was wished before the last change; avoided: words that no item may hold, as they were
    said."""

    user_id: str | None = None
    messages: list[ChatMessage] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    liked: list[str] = field(default_factory=list)
    disliked: list[str] = field(default_factory=list)
    constraints: list[Predicate] = field(default_factory=list)
    query: str = ""
    refers_to: list[str] = field(default_factory=list)
    relation: str | None = None
    shown: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    focus: str | None = None
    photo: str | None = None
    has_asked: bool = False
    earlier: WishSnapshot | None = None
    avoided: list[str] = field(default_factory=list)

    @property
    def photos(self) -> tuple[str, ...]:
        """The names of all photos that it speaks of, or may go back to."""
        named = (self.photo, None if self.earlier is None else self.earlier.photo)
        return tuple(dict.fromkeys(name for name in named if name is not None))

    def context(self) -> list[str]:
        """The history that the recommender sees: items spoken of come last; "like my last two" means these alone."""
        refused, named = frozenset(self.disliked), list(self.refers_to)
        past = [item_id for item_id in self.history if item_id not in refused]
        if not named:
            return past
        return named if self.relation == "like" else [*(i for i in past if i not in named), *named]

    def forget_words(self) -> None:
        """Let go of free words, wanted or not, of the items spoken of and of the photo."""
        self.query, self.refers_to, self.relation, self.photo, self.avoided = "", [], None, None, []

    def remember_wishes(self) -> None:
        """Keep the wishes as they are, to come back to them by `undo`."""
        self.earlier = WishSnapshot(
            constraints=tuple(self.constraints),
            query=self.query,
            refers_to=tuple(self.refers_to),
            relation=self.relation,
            photo=self.photo,
            avoided=tuple(self.avoided),
        )

    def undo(self) -> bool:
        """Go back to the wishes before the last change; False where none is remembered."""
        earlier, self.earlier = self.earlier, None
        if earlier is None:
            return False
        self.constraints, self.refers_to = list(earlier.constraints), list(earlier.refers_to)
        self.query, self.relation, self.photo = earlier.query, earlier.relation, earlier.photo
        self.avoided = list(earlier.avoided)
        return True

    def like(self, item_ids: Iterable[str]) -> None:
        """Likes join the history as its latest items, and end an earlier dislike."""
        for item_id in item_ids:
            self.disliked = [other for other in self.disliked if other != item_id]
            if item_id not in self.liked:
                self.liked.append(item_id)
            if item_id not in self.history:
                self.history.append(item_id)

    def dislike(self, item_ids: Iterable[str]) -> None:
        """Disliked items leave likes and never return; what was chosen before the conversation stays history."""
        for item_id in item_ids:
            if item_id in self.liked:
                self.liked.remove(item_id)
                self.history.remove(item_id)
            if item_id not in self.disliked:
                self.disliked.append(item_id)

    def wish(self, new: Sequence[Predicate], catalog: Catalog) -> list[Predicate]:
        """Add wishes; return the older ones that gave way because they say the opposite.

        A wish for the same attribute is replaced. So is one whose value settles a newly wished attribute otherwise: red
        gives way to "cool colors" where every red item is warm. Other wishes stay, even when nothing meets them all.
        """
        remaining = [old for old in self.constraints if not any(_replaces(one, old) for one in new)]
        gone = [
            old for old in remaining if any(_settles(a, b, catalog) for one in new for a, b in ((old, one), (one, old)))
        ]
        self.constraints = [*(old for old in remaining if old not in gone and old not in new), *new]
        return gone

    def take_back(self, attributes: Iterable[str]) -> list[Predicate]:
        """Forget the wishes over these attributes ("*" means all), or of these keys of `BESIDE`; return the former."""
        names = set(attributes)
        if "*" in names:
            self.forget_words()
        if WORDS in names:
            self.query = ""
        if AVOIDED in names:
            self.avoided = []
        if PHOTO in names:
            self.photo = None
        if LIKENESS in names:
            self.refers_to, self.relation = [], None
        gone = [wish for wish in self.constraints if "*" in names or wish.attribute in names]
        self.constraints = [wish for wish in self.constraints if wish not in gone]
        return gone

    def show(self, item_ids: Sequence[str]) -> None:
        """Remember a shown list; its first item becomes what "it" means."""
        self.shown = list(item_ids)
        self.seen += [item_id for item_id in item_ids if item_id not in self.seen]
        self.focus = item_ids[0] if item_ids else None

    def to_json(self) -> str:
        """The whole session as one JSON document."""
        return json.dumps({"format": _FORMAT, **asdict(self)}, indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Session":
        """Read a session back. Raises InputError when the text is not one."""
        try:
            record = json.loads(text)
            if record.pop("format") != _FORMAT:
                raise ValueError("another version")
            messages = [ChatMessage(**entry) for entry in record.pop("messages")]
            wishes = [_predicate(entry) for entry in record.pop("constraints")]
            earlier = _snapshot(record.pop("earlier", None))
            record.pop("later", None)  # of sessions of before
            return cls(messages=messages, constraints=wishes, earlier=earlier, **record)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(f"the text is not a chat session ({error}); wanted what Session.to_json wrote") from error

    def save(self, path: Path) -> None:
        """Write the session to a file, atomically."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, self.to_json())

    @classmethod
    def load(cls, path: Path) -> "Session":
        """Read a session file; a missing file is a new session. Raises InputError when it holds something else."""
        if not path.exists():
            return cls()
        try:
            return cls.from_json(path.read_text(encoding="utf-8"))
        except (InputError, UnicodeDecodeError, OSError) as error:
            raise InputError(f"{path} does not hold a chat session ({error}); name another file") from error

    def drop_unknown(self, catalog: Catalog) -> list[str]:
        """Drop items that this catalog lacks, from everywhere, and return them; a session may outlive its catalog."""
        lost = [i for i in dict.fromkeys([*self.history, *self.disliked, *self.seen]) if i not in catalog]
        self.earlier = None if lost else self.earlier
        for ids in (self.history, self.liked, self.disliked, self.shown, self.seen, self.refers_to):
            ids[:] = [item_id for item_id in ids if item_id in catalog]
        if self.focus is not None and self.focus not in catalog:
            self.focus = None
        return lost


def photo_file(name: str) -> Path | None:
    """The photo that is its own file; None where there is none any more."""
    return Path(name) if Path(name).is_file() else None


def _predicate(entry: dict[str, object]) -> Predicate:
    value = entry["value"]
    return Predicate(**{**entry, "value": tuple(value) if isinstance(value, list) else value})  # type: ignore[arg-type]


def _snapshot(entry: dict[str, Any] | None) -> WishSnapshot | None:
    if entry is None:
        return None
    wishes = tuple(_predicate(wish) for wish in entry.pop("constraints"))
    refers_to, avoided = tuple(entry.pop("refers_to")), tuple(entry.pop("avoided", ()))
    return WishSnapshot(constraints=wishes, refers_to=refers_to, avoided=avoided, **entry)


def _replaces(new: Predicate, old: Predicate) -> bool:
    """Whether a new wish takes the place of an older one over the same attribute."""
    if new.attribute != old.attribute:
        return False
    if new.operator == "=":
        return True
    if new.operator == "!=":
        return old.operator == "=" and bool(old.texts & new.texts)
    if old.operator == "=" or (new.operator in _UPPER) == (old.operator in _UPPER):
        return True
    low, high = (old.value, new.value) if new.operator in _UPPER else (new.value, old.value)
    return not (isinstance(low, float | int) and isinstance(high, float | int) and low < high)


def _settles(first: Predicate, second: Predicate, catalog: Catalog) -> bool:
    """Whether all items that meet the first wish share one value of the second's attribute, and it is the wrong one."""
    if first.operator != "=" or second.operator != "=" or not first.texts or not second.texts:
        return False
    meeting_N = meeting([first], catalog)
    values = counts_of(second.attribute, catalog, meeting_N)
    if len(values) != 1 or sum(values.values()) < MIN_SETTLED:
        return False
    return not second.holds(catalog.items[int(meeting_N.argmax())])
