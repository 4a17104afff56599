"""Comparatives, which compare with what was shown: cheaper, newer, a bit dearer, cheap, "make that 60", darker.

Knows what was shown and wished before, against which such words measure, and which names of colors are dark; numbers
that are said are read in numbers.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from genrec.chat.constraints import meeting, number_of, numbers_of
from genrec.chat.lexicon import Lexicon
from genrec.chat.rules import phrases
from genrec.chat.rules.numbers import ConstraintsRead
from genrec.chat.session import Session
from genrec.data.filters import Operator, Predicate
from genrec.schema import Item

_CHEAP_SHARE = 1 / 3  # "cheap" is the lower third of what fits
_LIST_LENGTH = 5  # "cheaper" is cheaper than all that was shown when that leaves so many, else than the first
_BOUNDS: tuple[Operator, ...] = ("<=", "<", ">=", ">")
_NOT_THAN_AMOUNT = r"\b(?! than [$€£\d])"
_BEING = "(?:is|are|'s|'re|seems?|looks?|find(?: (?:them|it|these|those))?)"
_CHEAPER = phrases.any_of("""
(?:(?:not|\\w+n't) (?:so|as|that|very)|less|(?<!be\\x20)(?<!not\\x20)too) (?:expensive|pricey|costly|dear)
too much money|(?:that's|it's|is|costs?) too much
(?<!that\\x20)(?<!which\\x20)BE (?:all |both |just |really )*VERY(?: too)? (?:expensive|pricey|costly|dear|steep)
cheaper|(?:for|costs?|costing|at) less|(?:lower|smaller|better)(?: in)? price[ds]?|less money
more affordable|spend less
""".replace("BE", _BEING).replace("VERY", phrases.VERY), end=_NOT_THAN_AMOUNT)  # fmt: skip
_DEARER = phrases.any_of("""
more expensive|pricier|dearer|costlier|(?:bit )?fancier|more (?:luxurious|upscale|premium)|too cheap
higher(?: in)? price[ds]?|can (?:pay|spend|afford) (?:a (?:bit|little) |some )?more|i'll pay more|less cheap
""", end=_NOT_THAN_AMOUNT)  # fmt: skip
_SLIGHTLY = phrases.any_of("a (?:bit|little|touch)|slightly|somewhat")
_NEWER = phrases.any_of("newer|more recent|more modern|too old|not (?:so|that|as) old")
_OLDER = phrases.any_of("older|more classic|too (?:new|recent|modern)|not (?:so|that) (?:new|recent)")
# Of what no catalog here tells.
_SIZES = phrases.any_of(
    "(?:in )?size \\w+|bigger|larger|smaller|tinier|taller|wider|heavier|longer|shorter|thinner|thicker"
)
_CHEAP = phrases.any_of(r"""
(?:as )?cheap as chips|cheap(?:est|o)?|inexpensive|affordable|low[\s-]?budget|low[\s-]?cost
(?:least|not|\w+n't)(?: too| very)? (?:expensive|pricey)
(?:mustn't|shouldn't|can't|cannot|not) (?:be|cost) (?:too |that |so |very )?(?:expensive|pricey|dear|much)
(?:on a )?(?:tight|small|shoestring|student) budget
(?:only|always|just) (?:show|have|got|offer|sell)(?:ing)?(?: me)? (?:such |very |the )?(?:expensive|pricey|costly)
(?:lowest|best) price[ds]?|bargains?|(?<!my\x20)(?<!a\x20)(?<!the\x20)budget(?!'s| (?:is|of|:|\d))
""")
_DEAR = phrases.any_of(r"(?:most )?expensive|pricie?st|luxury|luxurious|high[\s-]?end|premium|upscale")
_MAKE_IT = re.compile(
    r"\b(?:make\s+(?:that|it)|rather|better|(?:rais|increas|lower|chang|bump|rais|upp|up|dropp|set)(?:e|ed|es|s|ing)?"
    r"\s+(?:it|that|(?:the|my|our)\s+(?:budget|limit|price))(?:\s+(?:up|down))?\s+to)\s+[$€£]?(\d{2,5}(?:\.\d{1,2})?)(?=\W*(?:$|[,.;!?]|please\b|instead\b|then\b))"
)
_COLOR_NAMES = frozenset({"color", "colour"})
_DARK_COLORS = frozenset(
    ["black", "brown", "navy", "charcoal", "anthracite", "maroon", "burgundy", "indigo", "dark blue", "dark green"]
)
_RATHER = "(?:(?:too|so|very|a bit|a little|bit|rather|quite|really) )?"
_DARKER = phrases.any_of(f"""
(?:much |even |slightly )?darker(?: ones?)?|{_RATHER}dark (?:colou?red|colou?rs?|shades?|tones?|hues?|ones?)
(?:too|less|(?:not|\\w+n't) (?:so|that|as|too)) (?:bright|light|pale)(?:[ -]colou?red)?
(?:something|anything) {_RATHER}dark
""")
_LIGHTER = phrases.any_of(f"""
(?:much |even |slightly )?(?:lighter|brighter)(?: ones?| colou?rs?| shades?)?(?! (?:weight|than air))
{_RATHER}(?:light|bright|pale|pastel)[ -](?:colou?red|colou?rs?|shades?|tones?|hues?)
(?:too|less|(?:not|\\w+n't) (?:so|that|as|too)) (?:dark|gloomy)|(?:something|anything) {_RATHER}bright
""")
_SHADED_THING = re.compile(r"\b(dark|bright)(?=\s+([^\W\d_]+))")


def read_changed_bound(text: str, session: Session, lexicon: Lexicon) -> ConstraintsRead:
    """For "make that 60": the bound of the price that stands, else the most that it may be."""
    match, price = _MAKE_IT.search(text), lexicon.price
    if match is None or price is None:
        return ConstraintsRead((), text)
    active = {wish.operator for wish in session.constraints if wish.attribute == price}
    operator = next((bound for bound in _BOUNDS if bound in active), _BOUNDS[0])
    wish = Predicate(attribute=price, operator=operator, value=float(match[1]))
    return ConstraintsRead((wish,), phrases.blank(text, *match.span()))


def read_comparatives(
    text: str,
    said: str,
    session: Session,
    lexicon: Lexicon,
    is_named: bool,
    focus: Sequence[Item],
    wishes: Sequence[Predicate],
) -> ConstraintsRead:
    """Cheaper and newer, as bounds by what was shown; bigger, which no catalog here tells, is admitted.

    text: what is left of the message said; focus: the items that it speaks of, by name if is_named; wishes: of this
    message, in which a number that is said counts more.
    """
    kinds = (
        (lexicon.price, _CHEAPER, _DEARER, ("cheaper", "more expensive")),
        (lexicon.year, _OLDER, _NEWER, ("older", "newer")),
    )
    found: list[Predicate] = []
    unmatched: list[str] = []
    for attribute, less, more, words in kinds:
        is_less, text = _taken(less, text)
        is_more, text = _taken(more, text)
        if (not is_less and not is_more) or any(wish.attribute == attribute for wish in wishes):
            continue
        word = words[0] if is_less else words[1]
        shown = [] if is_named else [lexicon.catalog[item_id] for item_id in session.shown]
        bounds = [] if attribute is None else _beyond(attribute, "<" if is_less else ">", shown, focus)
        if bounds:
            is_slight, text = _taken(_SLIGHTLY, text)
            found.append(bounds[-1] if is_slight or not _leaves_a_list(bounds[0], session, lexicon) else bounds[0])
        elif attribute is not None and attribute == lexicon.price:
            text += " cheap" if is_less else " expensive"
        elif attribute is not None or word in said:  # "my flat is too modern for that" asks for no other year
            unmatched.append(word)
    unmatched += [match.group() for match in _SIZES.finditer(text)]
    dropped = tuple(bound.attribute for bound in found)
    return ConstraintsRead(tuple(found), _taken(_SIZES, text)[1], tuple(unmatched), dropped)


def _taken(pattern: re.Pattern[str], text: str) -> tuple[bool, str]:
    """Whether it is said, and the text without it."""
    rest, count = pattern.subn(lambda match: " " * len(match.group()), text)
    return count > 0, rest


def _beyond(
    attribute: str, operator: Literal["<", ">"], shown: Sequence[Item], focus: Sequence[Item]
) -> list[Predicate]:
    """Beyond everything shown, and beyond the item that is named or comes first; none without numbers."""
    farthest = min if operator == "<" else max
    values = [farthest(numbers) for numbers in (_numbers(shown, attribute), _numbers(focus, attribute)) if numbers]
    return [Predicate(attribute=attribute, operator=operator, value=value) for value in values]


def _leaves_a_list(bound: Predicate, session: Session, lexicon: Lexicon) -> bool:
    """Whether a few new items meet the bound and the other wishes."""
    wishes = [bound, *(wish for wish in session.constraints if wish.attribute != bound.attribute)]
    known = {*session.seen, *session.history, *session.disliked}
    catalog = lexicon.catalog
    fitting_N = meeting(wishes, catalog)
    fitting_N[catalog.rows(item_id for item_id in known if item_id in catalog)] = False
    return int(fitting_N.sum()) >= _LIST_LENGTH


def read_price_levels(
    text: str, active: Sequence[Predicate], wishes: Sequence[Predicate], lexicon: Lexicon
) -> ConstraintsRead:
    """Cheap and expensive, as thirds of what meets the active wishes over other attributes.

    wishes: of this message; where they bound the price already, nothing is added.
    """
    price = lexicon.price
    is_cheap, rest = _taken(_CHEAP, text)
    is_dear, rest = _taken(_DEAR, rest)
    if price is None or is_cheap == is_dear or any(wish.attribute == price for wish in wishes):
        return ConstraintsRead((), rest)
    fitting_N = meeting([wish for wish in active if wish.attribute != price], lexicon.catalog)
    numbers_N = numbers_of(price, lexicon.catalog)
    numbers = numbers_N[fitting_N & ~np.isnan(numbers_N)] if fitting_N.any() else numbers_N[~np.isnan(numbers_N)]
    if not len(numbers):
        return ConstraintsRead((), rest)
    border = float(np.quantile(numbers, _CHEAP_SHARE if is_cheap else 1 - _CHEAP_SHARE, method="nearest"))
    return ConstraintsRead((Predicate(attribute=price, operator="<=" if is_cheap else ">=", value=border),), rest)


def read_shades(text: str, session: Session, lexicon: Lexicon) -> ConstraintsRead:
    """Wishes for dark colors, or against them, and the text without what says so; none where no color is dark.

    "A dark vase" is one; "dark blue" is a blue, and of a color that is wished already no other shade is known.
    """
    attribute = next((name for name in lexicon.text_attributes if name.lower() in _COLOR_NAMES), None)
    if attribute is None or _names_color(text, attribute, lexicon):
        return ConstraintsRead((), text)
    values = [value for value in lexicon.values[attribute] if isinstance(value, str)]
    dark = tuple(value for value in values if value.casefold() in _DARK_COLORS)
    darker, lighter = list(_DARKER.finditer(text)), list(_LIGHTER.finditer(text))
    for match in _SHADED_THING.finditer(text):
        if any(meant.attribute == lexicon.kind for meant in lexicon.meanings((match[2],))):
            (darker if match[1] == "dark" else lighter).append(match)
    if bool(darker) == bool(lighter) or not 0 < len(dark) < len(values):
        return ConstraintsRead((), text)
    for match in (*darker, *lighter):
        text = phrases.blank(text, *match.span())
    wished = [w for w in session.constraints if w.attribute == attribute and w.operator == "="]
    if any(wish.texts.isdisjoint(_DARK_COLORS) for wish in wished):
        return ConstraintsRead((), text, tuple(match.group().strip() for match in (*darker, *lighter)))
    if darker:
        wish = Predicate(attribute=attribute, operator="=", value=dark if dark[1:] else dark[0])
        return ConstraintsRead((wish,), text)
    return ConstraintsRead(tuple(Predicate(attribute=attribute, operator="!=", value=value) for value in dark), text)


def _names_color(text: str, attribute: str, lexicon: Lexicon) -> bool:
    meanings = (lexicon.meanings((word,)) for word in re.findall(r"[^\W\d_]+", text))
    return any(meant.attribute == attribute for found in meanings for meant in found[:1])


def _numbers(items: Iterable[Item], attribute: str) -> list[float]:
    return [number for item in items if (number := number_of(item, attribute)) is not None]
