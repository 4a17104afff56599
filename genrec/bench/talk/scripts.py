"""Scripts written by hand: read from TOML, and filled in with titles and with what was shown before.

The form of the files is told atop each of them.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from genrec.bench.talk.meaning import ScriptedTurn, Wish, Wishes
from genrec.schema import Catalog

_ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"]
HAND_WRITTEN = tuple(f"hand_{ordinal}" for ordinal in _ORDINALS)
_LETTERS = "ABC"
_REFERENCE = re.compile(r"(@|-)(\d+)\.(\w+)")
_PLACEHOLDER = re.compile(r"\{([A-C])(~?)\}")
_STEP = {"max_price": -0.01, "min_price": 0.01}  # "cheaper than that" leaves that one out


class Unanswerable(Exception):
    """A message speaks of an item in a place where nothing was shown."""


class Script(Protocol):
    """One conversation as it unfolds."""

    @property
    def person(self) -> Literal["known", "new"]: ...

    def next_turn(self, number: int, history: Sequence[str], shown: Sequence[str]) -> ScriptedTurn | None:
        """The message after `number` others, or None at the end. Raises Unanswerable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HandScript:
    """A conversation of a file. items: the ids that stand for A, B and C."""

    person: Literal["known", "new"]
    turns: tuple[Mapping[str, Any], ...]  # Any: TOML tables
    items: tuple[str, ...]
    catalog: Catalog
    slips: int  # the seed of the slips of the keyboard

    @property
    def first_wishes(self) -> Wishes:
        """The wishes of the first message that states any that hold by themselves."""
        for entry in self.turns:
            wishes = _wishes(entry)
            if wishes and not any(isinstance(wish, str) and _REFERENCE.fullmatch(wish) for wish in wishes.values()):
                return wishes
        return {}

    def next_turn(self, number: int, history: Sequence[str], shown: Sequence[str]) -> ScriptedTurn | None:
        """The message after `number` others, or None at the end. Raises Unanswerable."""
        if number >= len(self.turns):
            return None
        entry = self.turns[number]
        photo = entry.get("photo")
        return ScriptedTurn(
            say=_PLACEHOLDER.sub(self._title, entry["say"]),
            intent=entry.get("intent", "recommend"),
            wishes={name: self._resolve(name, wish, history, shown) for name, wish in _wishes(entry).items()},
            about=tuple(self._item(place, history, shown) for place in entry.get("about", ())),
            photo=None if photo is None else self._item(photo, history, shown),
        )

    def _title(self, match: re.Match[str]) -> str:
        title = self.catalog[self.items[_LETTERS.index(match[1])]].title
        return _slip(title, self.slips) if match[2] else title

    def _item(self, place: int | str, history: Sequence[str], shown: Sequence[str]) -> str:
        if isinstance(place, str):
            return self.items[_LETTERS.index(place)]
        items, index = (history, place) if place < 0 else (shown, place - 1)
        if not -len(items) <= index < len(items):
            raise Unanswerable(f"place {place} of {len(items)}")
        return items[index]

    def _resolve(self, name: str, wish: Wish, history: Sequence[str], shown: Sequence[str]) -> Wish:
        match = _REFERENCE.fullmatch(wish) if isinstance(wish, str) else None
        if match is None:
            return wish
        place = int(match[2]) if match[1] == "@" else -int(match[2])
        found = self.catalog[self._item(place, history, shown)].attributes[match[3]]
        if isinstance(found, float | int):
            return round(float(found) + _STEP[name], 2)
        return str(found)


def _wishes(entry: Mapping[str, Any]) -> dict[str, Wish]:  # Any: a TOML table
    named = {name: value for name, value in entry.items() if name not in ("say", "intent", "about", "photo")}
    return {
        name: tuple(value) if isinstance(value, list) else value if isinstance(value, str) else float(value)
        for name, value in named.items()
    }


def _slip(text: str, seed: int) -> str:
    """Two neighboring letters inside one longer word change places."""
    rng = np.random.default_rng(seed)
    words = text.split()
    place = int(rng.choice([n for n, word in enumerate(words) if len(word) >= 5]))
    at = int(rng.integers(1, len(words[place]) - 2))
    word = words[place]
    words[place] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)


def read_scripts(name: str, catalog: Catalog, seed: int) -> list[HandScript]:
    """The conversations of one file beside this module, with items drawn for A, B and C."""
    text = (Path(__file__).parent / f"{name}.toml").read_text(encoding="utf-8")
    rng = np.random.default_rng(seed)
    titles = [item.title for item in catalog]
    named = [item.item_id for item in catalog if titles.count(item.title) == 1 and item.image is not None]
    return [
        HandScript(
            person=entry.get("person", "known"),
            turns=tuple(entry["turns"]),
            items=tuple(str(item_id) for item_id in rng.choice(named, len(_LETTERS), replace=False)),
            catalog=catalog,
            slips=seed,
        )
        for entry in tomllib.loads(text)["conversation"]
    ]
