"""Dark and bright: shades that people ask for where a catalog only names colors.

Knows which names of colors are dark; which of them a catalog has is the lexicon's.
"""

import re

from genrec.chat.lexicon import Lexicon
from genrec.chat.rules.numbers import NumbersRead
from genrec.chat.rules.phrases import said
from genrec.chat.session import Session
from genrec.data.filters import Predicate

_COLOR_NAMES = frozenset({"color", "colour"})
_DARK_COLORS = frozenset(
    ["black", "brown", "navy", "charcoal", "anthracite", "maroon", "burgundy", "indigo", "dark blue", "dark green"]
)
_VERY = "(?:(?:too|so|very|a bit|a little|bit|rather|quite|really) )?"
_DARKER = said(f"""
(?:much |even |slightly )?darker(?: ones?)?|{_VERY}dark (?:colou?red|colou?rs?|shades?|tones?|hues?|ones?)
(?:too|less|(?:not|\\w+n't) (?:so|that|as|too)) (?:bright|light|pale)(?:[ -]colou?red)?
(?:something|anything) {_VERY}dark
""")
_LIGHTER = said(f"""
(?:much |even |slightly )?(?:lighter|brighter)(?: ones?| colou?rs?| shades?)?(?! (?:weight|than air))
{_VERY}(?:light|bright|pale|pastel)[ -](?:colou?red|colou?rs?|shades?|tones?|hues?)
(?:too|less|(?:not|\\w+n't) (?:so|that|as|too)) (?:dark|gloomy)|(?:something|anything) {_VERY}bright
""")
_SHADED_THING = re.compile(r"\b(dark|bright)(?=\s+([^\W\d_]+))")


def read_shades(text: str, session: Session, lexicon: Lexicon) -> NumbersRead:
    """Wishes for dark colors, or against them, and the text without what says so; none where no color is dark.

    "A dark vase" is one; "dark blue" is a blue, and of a color that is wished already no other shade is known.
    """
    attribute = next((name for name in lexicon.text_attributes if name.lower() in _COLOR_NAMES), None)
    if attribute is None or _names_color(text, attribute, lexicon):
        return NumbersRead((), text)
    values = [value for value in lexicon.values[attribute] if isinstance(value, str)]
    dark = tuple(value for value in values if value.casefold() in _DARK_COLORS)
    darker, lighter = list(_DARKER.finditer(text)), list(_LIGHTER.finditer(text))
    for match in _SHADED_THING.finditer(text):
        if any(meant.attribute == lexicon.kind for meant in lexicon.meanings((match[2],))):
            (darker if match[1] == "dark" else lighter).append(match)
    if bool(darker) == bool(lighter) or not 0 < len(dark) < len(values):
        return NumbersRead((), text)
    for match in (*darker, *lighter):
        text = text[: match.start()] + " " * len(match.group()) + text[match.end() :]
    wished = [w for w in session.constraints if w.attribute == attribute and w.operator == "="]
    if any(wish.texts.isdisjoint(_DARK_COLORS) for wish in wished):
        return NumbersRead((), text, tuple(match.group().strip() for match in (*darker, *lighter)))
    if darker:
        return NumbersRead((Predicate(attribute=attribute, operator="=", value=dark if dark[1:] else dark[0]),), text)
    return NumbersRead(tuple(Predicate(attribute=attribute, operator="!=", value=value) for value in dark), text)


def _names_color(text: str, attribute: str, lexicon: Lexicon) -> bool:
    meanings = (lexicon.meanings((word,)) for word in re.findall(r"[^\W\d_]+", text))
    return any(meant.attribute == attribute for found in meanings for meant in found[:1])
