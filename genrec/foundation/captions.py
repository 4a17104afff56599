"""Training texts about pictures, each with exactly what it claims, so that every true pair counts as a match.

Knows how to say things about an item and its room, and which facts a text commits to. Knows nothing of models.
"""

# B pictures, T texts, F fact fields; a fact is the index of a value in VALUES, -1 in claims means nothing is said

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genrec.schema import Item
from genrec.shop.drawing import Backdrop
from genrec.shop.requests import request
from genrec.shop.talk import (
    MATERIAL_ADJECTIVES,
    PATTERN_NOUNS,
    STYLE_WORDS,
    caption,
    description,
    noun_of,
    pick,
    plural,
    title,
    with_article,
)
from genrec.shop.vocabulary import (
    BRANDS,
    COLORS,
    DOMAINS,
    MATERIALS,
    PATTERNS,
    SEEN_DOMAINS,
    STYLES,
    WARMTHS,
)

Attributes = dict[str, str | float]
Facts = npt.NDArray[np.int64]
NO_WALL = "studio"
VALUES: Mapping[str, tuple[str, ...]] = {
    "category": SEEN_DOMAINS,
    "shape": tuple(f"{domain} {shape}" for domain in SEEN_DOMAINS for shape in DOMAINS[domain].shapes),
    "color": tuple(COLORS),
    "accent": tuple(COLORS),
    "pattern": PATTERNS,
    "material": MATERIALS,
    "style": STYLES,
    "warmth": WARMTHS,
    "wall_color": (NO_WALL, *COLORS),
    "wall_pattern": (NO_WALL, *PATTERNS),
}
FIELDS: tuple[str, ...] = tuple(VALUES)
TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "category": ("a photo of {}", "{}", "a picture of {}", "show me {}"),
    "color": ("something {}", "a {} thing", "{}", "a {} item", "in {}"),
    "pattern": ("a {} thing", "something {}", "{}", "a {} item", "with a {} pattern"),
    "material": ("something made of {}", "{}", "a {} thing", "made of {}"),
    "style": ("something {}", "a {} style", "{}", "{} things"),
    "warmth": ("something in {} colors", "in {} tones", "{} colors"),
    "wall_color": ("in a room with {} walls", "in a {} room", "in front of a {} wall", "a room in {}"),
    "wall_pattern": ("in front of {} wallpaper", "in a room with {} walls", "{} wallpaper behind"),
}
PROMPT_FIELDS = ("category", "color", "pattern", "material", "style", "warmth")


@dataclass(frozen=True, slots=True)
class Said:
    """A text and its claims: field to value, only what the text commits to."""

    text: str
    claims: Mapping[str, str]


def facts_of(attributes: Attributes, backdrop: Backdrop | None) -> dict[str, str]:
    """Everything a picture shows, by field."""
    facts = {name: str(attributes[name]) for name in FIELDS if name in attributes}
    facts["shape"] = f"{attributes['category']} {attributes['shape']}"
    facts["wall_color"] = NO_WALL if backdrop is None else backdrop.color
    facts["wall_pattern"] = NO_WALL if backdrop is None else backdrop.pattern
    return facts


def encode_facts(rows: Sequence[Mapping[str, str]]) -> Facts:
    """Facts or claims as int64 (rows, F); -1 where a field is not said."""
    return np.array([[VALUES[f].index(row[f]) if f in row else -1 for f in FIELDS] for row in rows], dtype=np.int64)


def matches(claims_TF: Facts, facts_BF: Facts) -> npt.NDArray[np.bool_]:
    """Whether text t is true of picture b, bool (T, B)."""
    agrees = (claims_TF[:, None] == facts_BF[None]) | (claims_TF[:, None] < 0)
    return agrees.all(axis=2)


def prompt_for(field: str, value: str, rng: np.random.Generator) -> str:
    """A short prompt that says one thing: a photo of a lamp, something red."""
    template = pick(rng, TEMPLATES[field])
    if field == "category":
        phrase = plural(value) if rng.random() < 0.2 else value if template == "{}" else with_article(value)
    elif field == "material" and "made of" not in template:
        phrase = MATERIAL_ADJECTIVES.get(value, value)
    else:
        phrase = value
    return template.format(phrase).replace("a elegant", "an elegant").replace("a orange", "an orange")


def prompt_bank(rng: np.random.Generator) -> list[Said]:
    """One prompt for every value of the plain fields."""
    return [Said(prompt_for(field, value, rng), {field: value}) for field in PROMPT_FIELDS for value in VALUES[field]]


def short_text(
    attributes: Attributes, backdrop: Backdrop | None, rng: np.random.Generator, *, says_style: bool
) -> Said:
    """A caption or request about one picture."""
    if says_style and rng.random() < 0.15:
        asked = request(rng, item=attributes)
        return Said(asked.text, {name: str(value) for name, value in asked.where.items() if name in VALUES})
    said = _caption(attributes, rng, says_style=says_style)
    if backdrop is None:
        return said
    return _with_room(said, backdrop, rng) if rng.random() < 0.5 else said


def _caption(attributes: Attributes, rng: np.random.Generator, *, says_style: bool) -> Said:
    chances = {"color": 0.7, "pattern": 0.6, "material": 0.3, "category": 0.5, "shape": 0.35, "accent": 0.3}
    if says_style:
        chances["style"] = 0.2
    fields = [name for name, chance in chances.items() if rng.random() < chance] or ["category"]
    text = caption(attributes, rng, fields).removesuffix(" in a studio")
    facts = facts_of(attributes, None)
    says_accent = "accent" in fields and attributes["pattern"] != "plain"
    fields = [name for name in fields if name != "accent"] + (["accent", "pattern"] if says_accent else [])
    if "shape" in fields:
        fields.append("category")
    return Said(text, {name: facts[name] for name in fields})


def room_words(backdrop: Backdrop, rng: np.random.Generator) -> Said:
    """The room alone: in front of a blue dotted wall."""
    color, pattern = backdrop.color, backdrop.pattern
    chance = rng.random()
    if chance < 0.3:
        return Said(prompt_for("wall_color", color, rng), {"wall_color": color})
    if chance < 0.45:
        return Said(prompt_for("wall_pattern", pattern, rng), {"wall_pattern": pattern})
    template = pick(rng, ("in front of a {} wall", "in a room with {} walls", "on {} wallpaper", "in a {} room"))
    return Said(
        template.format(f"{color} {pattern}").replace("a orange", "an orange"),
        {"wall_color": color, "wall_pattern": pattern},
    )


def _with_room(said: Said, backdrop: Backdrop, rng: np.random.Generator) -> Said:
    room = room_words(backdrop, rng)
    if rng.random() < 0.25:
        return room
    return Said(f"{said.text} {room.text}", {**said.claims, **room.claims})


def long_text(attributes: Attributes, rng: np.random.Generator) -> Said:
    """A shop title, a description, or all of an item's words, as the catalog holds them."""
    facts, chance = facts_of(attributes, None), rng.random()
    known = {name: value for name, value in facts.items() if not name.startswith("wall")}
    if chance < 0.35:
        text = title(attributes, rng)
    elif chance < 0.65:
        text = description(attributes, rng)
    else:
        item = Item(item_id="", title=title(attributes, rng), text=description(attributes, rng), attributes=attributes)
        return Said(item.words, known)
    return Said(text, {name: value for name, value in known.items() if _is_said(name, attributes, text.lower())})


def _is_said(field: str, attributes: Attributes, text: str) -> bool:
    words = set(text.replace(",", " ").replace(".", " ").replace(":", " ").split())
    value = str(attributes[field])
    if field in ("category", "color"):
        return True
    if field == "shape":
        return noun_of(attributes) in text
    if field == "pattern":
        plain = ("plain", "without a pattern", "all over")
        said = plain if value == "plain" else (value, PATTERN_NOUNS[value])
        return any(phrase in text for phrase in said)
    if field == "accent":
        return attributes["pattern"] != "plain" and value in words
    if field == "material":
        return value in words or MATERIAL_ADJECTIVES.get(value, value) in words
    if field == "style":
        return value in words or any(phrase in text for phrase in STYLE_WORDS[value])
    return False


def corpus(items: Sequence[Attributes], seed: int) -> list[str]:
    """Texts for the tokenizer: every kind of sentence the models will read."""
    rng = np.random.default_rng(seed)
    texts = [said.text for _ in range(40) for said in prompt_bank(rng)]
    for attributes in items:
        wall = Backdrop(pick(rng, tuple(COLORS)), pick(rng, PATTERNS))
        texts += [short_text(attributes, wall, rng, says_style=True).text, long_text(attributes, rng).text]
    return texts + list(BRANDS) * 20
