"""Conversations in the made shop by its own grammar: a person with an item in mind asks, refines, judges, thinks again.

First messages and refinements are the made shop's own; what else people say is here. Every message's meaning is known.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from genrec.bench.talk.form import Kind, Person, Turn, quoted
from genrec.data.filters import Filter, all_of, parse_filter
from genrec.data.splits import EvaluationCase
from genrec.shop import ShopRequest, ShopWorld, follow_up, request, satisfies

MAX_TURNS = 4
NEW_SHARE = 0.1  # of the people, who type what they loved
_NUM_TRIES = 12

_SAID: Mapping[str, tuple[str, ...]] = {
    "greet": ("hi", "Hello!", "good morning", "hey there"),
    "history": ("I loved {} and {}", "I have {} and {}", "my favorites are {} and {}", "I recently bought {} and {}"),
    "take_back": (
        "forget the {}", "any {} is fine", "the {} doesn't matter", "I don't care about the {}", "never mind the {}",
    ),
    "more": ("more", "show me more", "what else do you have?", "others please", "next"),
    "like": ("I like the {} one", "the {} one is great", "I love the {} one"),
    "dislike": ("I don't like the {} one", "not the {} one", "I hate the {} one"),
    "compare": ("compare {} and {}", "compare number {} with number {}", "what is the difference between {} and {}?"),
    "explain": ("why the {} one?", "why did you pick the {} one?", "explain the {} one"),
    "show": ("show me the {} one", "draw the {} one", "what would the {} one look like?"),
    "thanks": ("thanks", "Thank you!", "great, thanks", "perfect"),
    "refuse": (
        "what's the weather like?", "who are you?", "when do you deliver?", "can I pay by card?", "tell me a joke",
        "what is the capital of France?", "do you ship abroad?",
    ),
}  # fmt: skip
_CHANCES = {
    "refine": 0.55, "take_back": 0.1, "more": 0.06, "like": 0.05, "dislike": 0.05, "compare": 0.05, "explain": 0.03,
    "show": 0.02, "thanks": 0.04, "refuse": 0.05,
}  # fmt: skip
_KINDS: Mapping[str, Kind] = {
    "compare": "answer", "explain": "reason", "show": "picture", "thanks": "courtesy", "refuse": "refusal",
}  # fmt: skip
_ORDINALS = ("first", "second", "third")


class GrammarScript:
    """One person of a case with its held-out item in mind."""

    def __init__(self, rng: np.random.Generator, world: ShopWorld, case: EvaluationCase) -> None:
        self.rng, self.world, self.case = rng, world, case
        self.person: Person = "new" if rng.random() < NEW_SHARE else "known"
        self.num_turns = int(rng.integers(1, MAX_TURNS + 1))
        self.has_greeted = self.person == "known" and rng.random() < 0.1
        self.meant = ShopRequest(text="", where={})
        self.spoken_of: str | None = None  # the item that "it" means, when another than the first shown

    def next_turn(self, number: int, history: Sequence[str], shown: Sequence[str]) -> Turn | None:
        """The message after `number` others, or None at the end."""
        if number == 0 and self.has_greeted:
            return Turn(say=self._pick("greet"), kinds=("courtesy",))
        if number == 0 and self.person == "new":
            return self._history()
        if number >= self.num_turns + self.has_greeted:
            return None
        if number == self.has_greeted:
            return self._first(history)
        if not shown:
            return None
        kind = str(self.rng.choice(list(_CHANCES), p=np.array(list(_CHANCES.values())) / sum(_CHANCES.values())))
        told: Mapping[str, Callable[[Sequence[str]], Turn | None]] = {
            "refine": self._refine,
            "take_back": self._take_back,
            "compare": self._compare,
        }
        if kind in told:
            return told[kind](shown) or self._refine(shown)
        return self._about_one(kind, shown) if kind in ("like", "dislike", "explain", "show") else self._aside(kind)

    def _pick(self, kind: str) -> str:
        return _SAID[kind][int(self.rng.integers(len(_SAID[kind])))]

    def _list(self, say: str, *, about: Sequence[str] = ()) -> Turn:
        return Turn(say=say, where=wished(self.meant.where), about=tuple((item_id,) for item_id in about))

    def _first(self, history: Sequence[str]) -> Turn:
        target = self.world.item(self.case.target)
        self.meant = request(self.rng, item=target.attributes, num_history=len(history))
        return self._list(self.meant.text, about=[history[offset] for offset in sorted(self.meant.refers_to)])

    def _history(self) -> Turn:
        titles = {item.item_id: item.title for item in self.world.items}
        loved = [i for i in dict.fromkeys(self.case.history) if list(titles.values()).count(titles[i]) == 1][-2:]
        if len(loved) < 2:
            return Turn(say=self._pick("greet"), kinds=("courtesy",))
        say = self._pick("history").format(*(titles[i] for i in loved))
        return replace(self._list(say), liked=tuple((item_id,) for item_id in loved))

    def _refine(self, shown: Sequence[str]) -> Turn:
        """A change that the item in mind survives, when a few tries find one."""
        before, target, spoken_of = self.meant, self.world.item(self.case.target).attributes, self.spoken_of
        for _ in range(_NUM_TRIES):
            self.meant = follow_up(self.rng, before, self.world.item(spoken_of or shown[0]).attributes)
            if satisfies(target, self.meant.where):
                break
        if self.meant.intent in ("show", "explain"):
            return _of_items(self.meant.text, self.meant.intent, spoken_of or shown[0])
        self.spoken_of = None
        return self._list(self.meant.text)

    def _take_back(self, shown: Sequence[str]) -> Turn | None:
        names = {name: name.removeprefix("not_") for name in self.meant.where}
        names |= {name: "price" for name in names if name in ("max_price", "min_price")}
        if not names:
            return None
        gone = list(names.values())[int(self.rng.integers(len(names)))]
        self.spoken_of = None
        left = {name: wish for name, wish in self.meant.where.items() if names[name] != gone}
        self.meant = replace(self.meant, where=left)
        return self._list(self._pick("take_back").format(gone))

    def _compare(self, shown: Sequence[str]) -> Turn | None:
        if len(shown) < 2:
            return None
        first, second = sorted(int(n) for n in self.rng.choice(min(len(shown), 5), 2, replace=False))
        self.spoken_of = shown[first]
        say = self._pick("compare").format(first + 1, second + 1)
        return _of_items(say, "compare", shown[first], shown[second])

    def _about_one(self, kind: str, shown: Sequence[str]) -> Turn:
        place = int(self.rng.integers(min(len(shown), len(_ORDINALS))))
        self.spoken_of = shown[place] if kind in ("explain", "show") else None
        say, item_id = self._pick(kind).format(_ORDINALS[place]), shown[place]
        if kind == "like":
            return replace(self._list(say), liked=((item_id,),))
        if kind == "dislike":
            return replace(self._list(say), disliked=((item_id,),))
        return _of_items(say, kind, item_id)

    def _aside(self, kind: str) -> Turn:
        self.spoken_of = None if kind == "more" else self.spoken_of
        if kind == "more":
            return self._list(self._pick(kind))
        return Turn(say=self._pick(kind), kinds=(_KINDS[kind],))


def _of_items(say: str, kind: str, *item_ids: str) -> Turn:
    return Turn(say=say, kinds=(_KINDS[kind],), about=tuple((item_id,) for item_id in item_ids))


def wished(where: Mapping[str, str | float]) -> Filter | None:
    """The shop's own wishes as a filter: not_color, max_price and min_price are its names of bounds."""
    return all_of(parse_filter(_condition(name, value)) for name, value in where.items())


def _condition(name: str, value: str | float) -> str:
    if name in ("max_price", "min_price"):
        return f"price {'<=' if name == 'max_price' else '>='} {value}"
    operator = "!=" if name.startswith("not_") else "="
    return f"{name.removeprefix('not_')} {operator} {quoted(str(value))}"
