"""Plain, varied language about items: titles, descriptions, captions and reasons, from small grammars.

Knows phrasing. What is said is always true of the attributes or causes given; which of it is said is random.
Requests, with their structured truth, are in requests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from genrec.errors import InputError
from genrec.shop.vocabulary import Attributes

NOUNS: Mapping[tuple[str, str], str] = {
    ("lamp", "table"): "table lamp",
    ("lamp", "tripod"): "tripod lamp",
    ("lamp", "desk"): "desk lamp",
    ("lamp", "globe"): "globe lamp",
    ("mug", "straight"): "straight mug",
    ("mug", "round"): "round mug",
    ("mug", "tall"): "tall mug",
    ("chair", "dining"): "dining chair",
    ("chair", "armchair"): "armchair",
    ("chair", "shell"): "shell chair",
    ("bag", "tote"): "tote bag",
    ("bag", "backpack"): "backpack",
    ("bag", "handbag"): "handbag",
    ("vase", "bottle"): "bottle vase",
    ("vase", "bulb"): "bulb vase",
    ("vase", "trumpet"): "trumpet vase",
    ("clock", "round"): "round clock",
    ("clock", "square"): "square clock",
    ("clock", "alarm"): "alarm clock",
    ("poster", "portrait"): "portrait poster",
    ("poster", "landscape"): "landscape poster",
    ("poster", "scroll"): "scroll poster",
    ("shoe", "sneaker"): "sneaker shoe",
    ("shoe", "boot"): "boot shoe",
    ("shoe", "pump"): "pump shoe",
    ("umbrella", "dome"): "dome umbrella",
    ("umbrella", "bell"): "bell umbrella",
    ("umbrella", "pagoda"): "pagoda umbrella",
    ("cushion", "square"): "square cushion",
    ("cushion", "round"): "round cushion",
    ("cushion", "bolster"): "bolster cushion",
}
PLURALS: Mapping[str, str] = {"shoe": "shoes"}
PATTERN_NOUNS: Mapping[str, str] = {
    "striped": "stripes",
    "dotted": "dots",
    "checked": "checks",
    "zigzag": "zigzags",
    "floral": "flowers",
}
MATERIAL_ADJECTIVES: Mapping[str, str] = {"wood": "wooden", "wool": "woolen"}
USES: Mapping[str, tuple[str, ...]] = {
    "lamp": ("gives a soft light for reading", "warms up a quiet corner", "lights a desk or a bedside"),
    "mug": ("holds a big morning coffee", "feels good in the hand", "keeps tea company all day"),
    "chair": ("is comfortable for long evenings", "fits around any table", "invites you to sit down"),
    "bag": ("carries a whole day with ease", "has room for books and lunch", "goes from work to weekend"),
    "vase": ("shows off a few stems", "looks good even when empty", "stands well on a shelf"),
    "clock": ("tells the time without fuss", "is easy to read from afar", "keeps good time, quietly"),
    "poster": ("fills an empty wall", "brings a room together", "looks well above a sofa"),
    "shoe": ("is made for long walks", "is easy to wear all day", "gets noticed on the street"),
    "umbrella": ("keeps off heavy rain", "opens wide in one move", "brightens a gray day"),
    "cushion": ("softens any seat", "makes a sofa complete", "is good to lean on"),
}
STYLE_WORDS: Mapping[str, tuple[str, ...]] = {
    "minimal": ("pared back and calm", "with nothing too much", "clean in every line"),
    "retro": ("straight out of the seventies", "with a wink to old times", "like a flea-market find"),
    "playful": ("made to raise a smile", "cheerful and a little silly", "full of fun"),
    "rustic": ("honest and homely", "at home in a cottage", "with a country feel"),
    "elegant": ("refined and graceful", "for dressed-up days", "quietly luxurious"),
}
CAPTION_FIELDS: tuple[str, ...] = ("color", "pattern", "material", "style", "category")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One true reason for a choice.

    kind: color, style, pattern, brand, price, goes_with, same_color, harmony, same_brand or popular. value: the word
    or price it is about. source: the history item it comes from, None for a general taste. weight: its share of the
    utility, in nats.
    """

    kind: str
    value: str | float
    source: str | None
    weight: float


def pick(rng: np.random.Generator, choices: Sequence[str]) -> str:
    """One of the choices, all equally likely."""
    return choices[int(rng.integers(len(choices)))]


def with_article(phrase: str) -> str:
    """The phrase after 'a' or 'an'."""
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def plural(category: str) -> str:
    """The plural of a category."""
    return "vases" if category == "vase" else f"{category}s"


def capitalize(sentence: str) -> str:
    """Upper-case the first letter and leave the rest."""
    return sentence[:1].upper() + sentence[1:]


def noun_of(attributes: Attributes) -> str:
    """What the item is called by its shape: table lamp, backpack, alarm clock."""
    return NOUNS[str(attributes["category"]), str(attributes["shape"])].removesuffix(" shoe")


def short_name(attributes: Attributes) -> str:
    """A fixed short name without article: red striped table lamp."""
    pattern = "" if attributes["pattern"] == "plain" else f"{attributes['pattern']} "
    return f"{attributes['color']} {pattern}{noun_of(attributes)}"


def _material(attributes: Attributes) -> str:
    material = str(attributes["material"])
    return MATERIAL_ADJECTIVES.get(material, material)


def _adorned(attributes: Attributes, rng: np.random.Generator) -> str:
    """The pattern as a phrase: in plain red, red with white stripes, striped in red and white."""
    color, accent, pattern = (str(attributes[name]) for name in ("color", "accent", "pattern"))
    if pattern == "plain":
        return pick(rng, (f"plain {color}", f"{color}, without a pattern", f"{color} all over", f"one plain {color}"))
    marks = PATTERN_NOUNS[pattern]
    return pick(
        rng,
        (
            f"{color} with {accent} {marks}",
            f"{color} and {pattern} in {accent}",
            f"{pattern}, {accent} on {color}",
            f"{color} with {marks} in {accent}",
        ),
    )


def title(attributes: Attributes, rng: np.random.Generator) -> str:
    """A shop title, such as 'Norrvik Red Striped Table Lamp' or 'Wooden table lamp, red and striped, by Norrvik'."""
    color, pattern, brand = (str(attributes[name]) for name in ("color", "pattern", "brand"))
    noun, material = NOUNS[str(attributes["category"]), str(attributes["shape"])], _material(attributes)
    words = pick(
        rng, (f"{color} {pattern} {noun}", f"{color} {pattern} {material} {noun}", f"{color} {material} {noun}")
    )
    return pick(
        rng,
        (
            f"{brand} {words.title()}",
            f"{brand} {words}",
            f"{capitalize(words)} by {brand}",
            f"{capitalize(material)} {noun}, {color} and {pattern}, by {brand}",
            f"{capitalize(noun)} in {color}, {pattern}, {brand}",
        ),
    )


def description(attributes: Attributes, rng: np.random.Generator) -> str:
    """Two or three sentences that name the kind and color, and most of pattern, material, style and brand."""
    category, color, style, brand = (str(attributes[name]) for name in ("category", "color", "style", "brand"))
    noun, material, look = noun_of(attributes), _material(attributes), _adorned(attributes, rng)
    first = pick(
        rng,
        (
            f"{with_article(style)} {noun} made of {attributes['material']}, {look}.",
            f"this {material} {noun} is {look}.",
            f"{with_article(material)} {noun} in {look}, by {brand}.",
            f"{brand} made this {style} {noun} in {look}.",
            f"meet {with_article(color)} {category}, {pick(rng, STYLE_WORDS[style])}: {look}, in {material}.",
            f"{look}: {with_article(f'{style} {noun}')} from {brand}.",
        ),
    )
    use = pick(rng, USES[category])
    second = pick(rng, (f"it {use}.", f"the {category} {use}.", f"{brand} says it {use}.", f"a {category} that {use}."))
    third = pick(
        rng,
        (
            "",
            f"the look is {style}, {pick(rng, STYLE_WORDS[style])}.",
            f"made of {attributes['material']}, and easy to clean.",
            f"a favorite for anyone who likes {style} things in {color}.",
            f"{capitalize(style)} from every side, as {brand} likes it.",
        ),
    )
    return " ".join(capitalize(sentence) for sentence in (first, second, third) if sentence)


def _random_fields(rng: np.random.Generator) -> tuple[str, ...]:
    chances = (0.75, 0.6, 0.3, 0.2, 0.85)
    chosen = tuple(field for field, chance in zip(CAPTION_FIELDS, chances, strict=True) if rng.random() < chance)
    return chosen or ("category",)


def caption(attributes: Attributes, rng: np.random.Generator, fields: Sequence[str] | None = None) -> str:
    """A short caption that says exactly the fields asked for (random ones when None).

    fields: any of color, pattern, material, style, shape, category, accent. An accent is said with its pattern
    (red with white stripes); a plain item has no accent to speak of. Raises InputError for another field.
    """
    fields = _random_fields(rng) if fields is None else tuple(fields)
    unknown = sorted(set(fields) - {*CAPTION_FIELDS, "shape", "accent"})
    if unknown or not fields:
        raise InputError(
            f"Captions cannot say {unknown or 'nothing'}. Choose from {', '.join(CAPTION_FIELDS)}, shape, accent."
        )
    says_accent = "accent" in fields and attributes["pattern"] != "plain"
    adjectives = [str(attributes[field]) for field in ("style", "color") if field in fields]
    if "pattern" in fields and not says_accent:
        adjectives.insert(int(rng.integers(len(adjectives) + 1)), str(attributes["pattern"]))
    if "material" in fields:
        adjectives.append(_material(attributes))
    tail = f" with {attributes['accent']} {PATTERN_NOUNS[str(attributes['pattern'])]}" if says_accent else ""
    return _caption_around(attributes, rng, fields, adjectives) + tail


def _caption_around(
    attributes: Attributes, rng: np.random.Generator, fields: Sequence[str], adjectives: Sequence[str]
) -> str:
    if "shape" in fields:
        noun = NOUNS[str(attributes["category"]), str(attributes["shape"])]
    elif "category" in fields:
        noun = str(attributes["category"])
    else:
        words = " and ".join(adjectives) or "nice"
        return pick(rng, ("something {}", "{}", "a photo of something {}", "a thing that is {}")).format(words)
    named = with_article(" ".join([*adjectives, noun]))
    return pick(rng, ("{}", "a photo of {}", "a picture of {}", "{} in a studio", "{}")).format(named)


_CAUSE_PHRASES: Mapping[str, tuple[str, ...]] = {
    "color": ("you often choose {value}", "{value} is a color you like", "it is {value}, one of your colors"),
    "style": ("you like {value} things", "its {value} look suits you", "you lean to the {value} style"),
    "pattern": ("you like {value} things", "it is {value}, as you like it", "{value} designs are your thing"),
    "brand": ("you like what {value} makes", "it is from {value}, a brand you like", "{value} is one of your brands"),
    "price": ("its price is close to what you usually pay", "it is within your usual price range",
              "the price fits what you tend to spend"),
    "goes_with": ("it goes with {source}", "it is a good match for {source}", "people like to pair it with {source}"),
    "same_color": ("it is {value} like {source}", "it shares its {value} with {source}",
                   "it has the same {value} as {source}"),
    "harmony": ("its {value} goes well with the color of {source}", "{value} sits nicely beside {source}",
                "its color, {value}, flatters {source}"),
    "same_brand": ("it is from {value}, like {source}", "it has the same brand as {source}, {value}",
                   "{value} also made {source}"),
    "popular": ("many people choose it", "it is popular right now", "it is a favorite of many"),
}  # fmt: skip
_POPULAR_WITH = ("it is popular with people who chose {source}", "people who chose {source} often take it too")


def _cause_phrase(cause: Cause, rng: np.random.Generator, names: Mapping[str, str]) -> str:
    if cause.kind not in _CAUSE_PHRASES:
        raise InputError(f"No words for a cause of kind {cause.kind!r}. Choose from {', '.join(_CAUSE_PHRASES)}.")
    is_sourced_taste = cause.source is not None and cause.kind in ("style", "pattern")
    if is_sourced_taste:
        return f"it is {cause.value} like your {names.get(str(cause.source), 'last choice')}"
    phrases = _POPULAR_WITH if cause.kind == "popular" and cause.source is not None else _CAUSE_PHRASES[cause.kind]
    source = f"your {names.get(cause.source, 'last choice')}" if cause.source is not None else "your last choice"
    return pick(rng, phrases).format(value=cause.value, source=source)


def reason(causes: Sequence[Cause], rng: np.random.Generator, names: Mapping[str, str] | None = None) -> str:
    """Say why in one or two plain sentences, strongest cause first, at most three causes.

    names: item id to a short name ('red striped mug'); a source without a name is called 'your last choice'.
    Raises InputError if there is no cause to name.
    """
    if not causes:
        raise InputError("There is no cause to put into words. Pass at least one Cause.")
    phrases = [_cause_phrase(cause, rng, names or {}) for cause in causes[:3]]
    opening = pick(rng, ("", "", "Chosen because ", "We picked this because ", "For you because ", "Why this one: "))
    sentence = opening + phrases[0]
    if len(phrases) > 1:
        sentence += pick(rng, (", and ", "; ", ", and also ")) + phrases[1]
    sentences = [capitalize(sentence) + "."]
    if len(phrases) > 2:
        sentences.append(capitalize(pick(rng, ("besides, ", "also, ", "what is more, ", "")) + phrases[2]) + ".")
    return " ".join(sentences)
