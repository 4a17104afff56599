"""Requests of the shop's people in a chat, in plain language, with the structured truth of every message.

Knows how constraints are said and how a second turn changes the first. vocabulary.satisfies says whether
an item meets them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from genrec.shop.talk import MATERIAL_ADJECTIVES, capitalize, pick, plural, with_article
from genrec.shop.vocabulary import BRANDS, COLORS, PATTERNS, SEEN_DOMAINS, Attributes, sample_attributes

Where = Mapping[str, str | float]
NICE_PRICES: tuple[int, ...] = (
    8,
    10,
    12,
    15,
    18,
    20,
    25,
    30,
    35,
    40,
    50,
    60,
    75,
    80,
    100,
    120,
    150,
    180,
    200,
    250,
    300,
)
LIKE_PHRASES: Mapping[int, tuple[str, ...]] = {
    1: (
        "like my last one",
        "similar to the last thing I got",
        "like what I chose last",
        "in the spirit of my last pick",
    ),
    2: ("like my last two", "similar to the last two things I chose", "like my two latest picks"),
    3: ("like my last three", "similar to the last three things I chose", "like my three latest picks"),
}
MATCH_PHRASES: tuple[str, ...] = (
    "that goes with my last one",
    "to go with the last thing I got",
    "that matches what I chose last",
    "to pair with my last pick",
)
OPENINGS: tuple[str, ...] = (
    "", "", "", "I am looking for ", "I would like ", "can you find me ", "I want ", "please find ", "do you have ",
    "I need ", "looking for ", "got ", "could you suggest ", "recommend me ",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopRequest:
    """One chat message and what it means.

    where: every constraint in force after this message (see vocabulary.satisfies). refers_to: offsets into the
    history it names, -1 the latest. relation: like or goes_with for those, else None. intent: recommend, refine, show
    or explain. change: the constraints this message alone added or replaced. drops: the ones it took away.
    """

    text: str
    where: Where
    refers_to: tuple[int, ...] = ()
    relation: str | None = None
    intent: str = "recommend"
    change: Where = field(default_factory=dict)
    drops: tuple[str, ...] = ()


def _ceiling(price: float) -> float:
    return float(next((nice for nice in NICE_PRICES if nice >= price), round(price + 50)))


def _floor(price: float) -> float:
    return float(next((nice for nice in reversed(NICE_PRICES) if nice <= price), 1))


def _other(rng: np.random.Generator, words: Sequence[str], word: str) -> str:
    return pick(rng, [other for other in words if other != word])


def _sample_where(rng: np.random.Generator, item: Attributes, *, with_category: bool) -> dict[str, str | float]:
    """Constraints that `item` meets, one to four of them."""
    chances = {"color": 0.5, "pattern": 0.3, "material": 0.15, "style": 0.2, "brand": 0.12, "warmth": 0.15}
    where = {name: item[name] for name, chance in chances.items() if rng.random() < chance}
    if "color" in where:
        where.pop("warmth", None)
    elif rng.random() < 0.15:
        where["not_color"] = _other(rng, tuple(COLORS), str(item["color"]))
    if "brand" not in where and rng.random() < 0.12:
        where["not_brand"] = _other(rng, tuple(BRANDS), str(item["brand"]))
    if rng.random() < 0.4:
        where["max_price"] = _ceiling(float(item["price"]))
    if rng.random() < 0.08 and float(item["price"]) > NICE_PRICES[0]:
        where["min_price"] = _floor(float(item["price"]))
    if with_category:
        where["category"] = item["category"]
    return where


def _clauses(rng: np.random.Generator, where: Where) -> str:
    """The constraints that follow the noun, in a random order."""
    low, high = where.get("min_price"), where.get("max_price")
    said = []
    if low is not None and high is not None:
        said.append(
            pick(rng, ("between {} and {}", "from {} to {}", "priced {} to {}")).format(f"{low:g}", f"{high:g}")
        )
    elif high is not None:
        said.append(
            pick(rng, ("under {}", "for less than {}", "below {}", "up to {}", "at most {}")).format(f"{high:g}")
        )
    elif low is not None:
        said.append(pick(rng, ("over {}", "above {}", "from {} up", "for at least {}")).format(f"{low:g}"))
    if "brand" in where:
        said.append(pick(rng, ("by {}", "from {}", "made by {}")).format(where["brand"]))
    if "not_brand" in where:
        said.append(pick(rng, ("not by {}", "not from {}", "but no {}", "anything but {}")).format(where["not_brand"]))
    if "not_color" in where:
        said.append(pick(rng, ("not {}", "but not {}", "anything but {}", "without {}")).format(where["not_color"]))
    if "warmth" in where:
        said.append(pick(rng, ("in {} colors", "in {} tones", "with a {} color")).format(where["warmth"]))
    order = rng.permutation(len(said))
    return ", ".join(said[index] for index in order)


def _noun_phrase(rng: np.random.Generator, where: Where, *, tail: str) -> str:
    material = str(where.get("material", ""))
    adjectives = [str(where[name]) for name in ("style", "color", "pattern") if name in where]
    if material:
        adjectives.append(MATERIAL_ADJECTIVES.get(material, material))
    if "category" not in where:
        head = " ".join(
            ["something", ", ".join(adjectives[:-1]), "and" if len(adjectives) > 1 else "", *adjectives[-1:]]
        )
        return " ".join([*head.split(), *tail.split()])
    noun = str(where["category"])
    if rng.random() < 0.25:
        phrase = " ".join([*adjectives, plural(noun)])
    else:
        phrase = with_article(" ".join([*adjectives, noun]))
    return f"{phrase} {tail}".strip()


def request(
    rng: np.random.Generator,
    *,
    item: Attributes | None = None,
    num_history: int = 0,
    domains: Sequence[str] = SEEN_DOMAINS,
) -> ShopRequest:
    """Draw one chat request that `item` (a random look when None) satisfies.

    With num_history > 0 some requests speak of the person's latest items (refers_to never reaches further back).
    """
    item = sample_attributes(rng, domains) if item is None else item
    refers_to: tuple[int, ...] = ()
    relation, tail = None, ""
    if num_history > 0 and rng.random() < 0.4:
        reach = int(rng.integers(1, min(3, num_history) + 1))
        relation = "goes_with" if rng.random() < 0.35 else "like"
        refers_to = tuple(range(-1, -reach - 1, -1)) if relation == "like" else (-1,)
        tail = pick(rng, LIKE_PHRASES[reach] if relation == "like" else MATCH_PHRASES)
    where = _sample_where(rng, item, with_category=rng.random() < (0.3 if refers_to else 0.8))
    if not where and not refers_to:
        where = {"category": item["category"]}
    return _spoken(rng, ShopRequest(text="", where=where, change=where, refers_to=refers_to, relation=relation), tail)


def _spoken(rng: np.random.Generator, meant: ShopRequest, tail: str) -> ShopRequest:
    """Put a request into words."""
    phrase, clauses = _noun_phrase(rng, meant.where, tail=tail), _clauses(rng, meant.where)
    opening = pick(rng, OPENINGS)
    joint = pick(rng, (", ", " ")) if tail or "," in clauses else " "
    text = opening + phrase + (joint + clauses if clauses else "")
    is_question = opening.startswith(("can", "do", "could", "got"))
    ending = "?" if is_question else pick(rng, ("", "", ".", ", please", " please"))
    text = capitalize(text) if rng.random() < 0.6 else text
    return replace(meant, text=text + ending)


_TURNS: Mapping[str, tuple[str, ...]] = {
    "cheaper": ("cheaper", "something cheaper", "a cheaper one, please", "do you have it for less?", "too expensive"),
    "dearer": ("something more expensive", "a bit fancier, I can pay more", "show me pricier ones"),
    "not_brand": ("not that brand", "another brand, please", "anything but that brand", "a different brand"),
    "not_color": ("not that color", "another color, please", "a different color", "anything but that color"),
    "color": (
        "in {value} instead",
        "the same in {value}",
        "make it {value}",
        "{value} please",
        "do you have it in {value}?",
    ),
    "pattern": ("{value} instead", "make it {value}", "I would rather have it {value}", "rather {value}"),
    "warm": ("warmer", "something warmer", "in warmer colors", "a warmer one"),
    "cool": ("cooler", "in cooler colors", "something cooler in color"),
    "show": ("show me", "show me what it looks like", "can I see it?", "draw it for me", "let me see that one"),
    "explain": ("why?", "why this one?", "why do you think I would like it?", "how come?"),
}


def _turn_change(turn: str, value: str, shown: Attributes) -> tuple[Where, tuple[str, ...]]:
    """What a follow-up adds, and what it takes away."""
    price = float(shown["price"])
    changes: dict[str, tuple[Where, tuple[str, ...]]] = {
        "cheaper": ({"max_price": round(price - 0.01, 2)}, ("min_price",)),
        "dearer": ({"min_price": round(price + 0.01, 2)}, ("max_price",)),
        "not_brand": ({"not_brand": shown["brand"]}, ("brand",)),
        "not_color": ({"not_color": shown["color"]}, ("color",)),
        "color": ({"color": value}, ("not_color", "warmth")),
        "pattern": ({"pattern": value}, ()),
        "warm": ({"warmth": "warm"}, ("color",)),
        "cool": ({"warmth": "cool"}, ("color",)),
    }
    return changes.get(turn, ({}, ()))


def follow_up(rng: np.random.Generator, before: ShopRequest, shown: Attributes, turn: str | None = None) -> ShopRequest:
    """Draw the next message after `shown` was offered for `before`; where is the truth of the two turns together.

    turn: cheaper, dearer, not_brand, not_color, color, pattern, warm, cool, show or explain; random when None.
    """
    turns = [name for name in _TURNS if name not in ("warm", "cool") or shown["warmth"] != name]
    turn = pick(rng, turns) if turn is None else turn
    words = tuple(COLORS) if turn == "color" else PATTERNS
    value = _other(rng, words, str(shown.get(turn, "")))
    change, drops = _turn_change(turn, value, shown)
    kept = {name: limit for name, limit in before.where.items() if name not in drops}
    text = pick(rng, _TURNS[turn]).format(value=value)
    return ShopRequest(
        text=capitalize(text) if rng.random() < 0.5 else text,
        where={**kept, **change},
        refers_to=before.refers_to,
        relation=before.relation,
        intent=turn if turn in ("show", "explain") else "refine",
        change=change,
        drops=tuple(name for name in drops if name in before.where),
    )
