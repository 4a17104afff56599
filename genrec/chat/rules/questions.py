"""Questions, messages that ask for facts: of shown items (is it wooden, how much is the second, which is the cheapest)
or of the whole catalog (what do you sell, how many clocks, are all your lamps under 50).

Knows how people ask; the values and numbers they ask about were read before, and answers are in answers.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from genrec.chat.lexicon import CAST_NAMES, MAKER_NAMES, Lexicon
from genrec.chat.requests import ChatRequest, Extreme, Question
from genrec.chat.rules.phrases import BARE_NAMES, any_of
from genrec.chat.rules.references import Reference
from genrec.chat.rules.values import ValueScanner
from genrec.chat.session import Session
from genrec.claims.wording import words_of
from genrec.data.filters import Predicate

_LEAST_MONEY = (
    "cheapest|costs? (?:the )?least|least (?:expensive|pricey|costly)|most affordable"
    "|(?:at the )?(?:lowest|smallest|best) (?:price|cost)"
)
_MOST_MONEY = (
    "costs? (?:the )?most|most (?:expensive|costly)|dearest|priciest|costliest|(?:at the )?highest (?:price|cost)"
)
_SORTED = "(?:sort|order|rank)(?:ed)?[^.?!]{0,20} (?:price|cost)"
_EXTREMES = (
    ("price", False, any_of(_LEAST_MONEY)),
    ("price", True, any_of(_MOST_MONEY)),
    ("year", True, any_of("newest|most recent|latest (?=one\\b)")),
    ("year", False, any_of("oldest|earliest")),
    ("price", True, any_of(rf"{_SORTED}[^.?!]{{0,12}} (?:desc\w*|highest|down)")),
    ("price", False, any_of(_SORTED)),
)
_WHICH = any_of(
    "which(?: (?:one|ones))?(?: here)?(?: of (?:them|these|those|the \\w+|all))?"
    "|what(?:'s| is)(?: the one)?|who(?:'s| is)"
)
_ASKS_WHICH = re.compile(rf"^\W*(?:(?:and|so|but|ok|great|cool|nice|hmm)\W+)*(?:{_WHICH.pattern})")

_INVERSIONS = "is|are|does|do|has|have|was|were|can|will"
_SHOWN = (
    r"it|this|that|they|these|those|them|the\s+\w+\s+one|number\s+\d+|number\s+\w+|#\d+|both"
    r"|the\s+remaining(?:\s+(?:ones|items))?|the\s+(?:rest|others)"
    r"|(?:any|all|some|none|both|each|one)\s+of\s+(?:them|these|those)|all\s+(?:these|those)"
    r"|(?:the|that)\s+(?:first|second|third|fourth|fifth|last|[1-5](?:st|nd|rd|th))"
)
_OFFERED = (  # "does it come in blue" is a wish, and so is "do they make chairs"
    r"(?!\s+(?:one\s+|all\s+)?(?:also\s+|even\s+)?(?:(?:come\s+|available\s+)?in|make|produce|sell|stock|offer|carry)\b)"
)
_ASKS_WHETHER = re.compile(
    rf"(?:^\W*|[.,!;]\s+|^[^?]*\b(?:but|and|though|so|ok|sure|sure\s+that|true\s+that)\W+)(?:{_INVERSIONS})\s+"
    rf"(?:{_SHOWN})\b{_OFFERED}"
)
_STATES = re.compile(
    rf"(?:^\W*|\b(?:so|sure|true|but|and|then|that)\W+)(?:{_SHOWN})\s+(?:all\s+)?(?:is|are|costs?|has|have|comes?|was)\b"
    r"|^\W*(?:so\W+)?(?:it|that|this|they)'(?:s|re)\b"
)
_ASKS_WHICH_IS_MORE = re.compile(
    r"^\W*(?:and\W+)?(?:which|what)(?:\s+one)?(?:\s+of\s+\w+)?\s+(?:is|costs|has)\s+(?:the\s+)?(?:\w+er|more|less)\b"
)
_ASKS_TO_CONFIRM = any_of("are you sure|is it true|(?:is|isn't) that (?:true|so|right|correct)|really")
_TAG = re.compile(
    r"\W(?:right|correct|true|yes|no|really|huh|(?:is|are|does|do|isn't|aren't|doesn't|don't)\s+(?:it|they|you))\s*\?\s*$"
)
_ASKS_WHICH_ARE = re.compile(
    r"^\W*(?:(?:and|so|but|ok)\W+)*(?:which|what|how\s+many)(?:\s+ones?)?\s+of\s+(?:these|those|them|the\s+\w+)\s+"
    r"(?:is|are|has|have|costs?|comes?)\b"
)
_INVERTED = re.compile(  # a question without its mark
    rf"\b(?:is|are|does|was)\s+(?:it|this\s+one|that\s+one|they|these)\b|^\W*(?:is|are|does|was)\s+(?:{_SHOWN})\b"
)

_ASKS_PRICE = any_of("""
how much (?:is|are|does|do|would|will|was|for|it|they|costs?)|how (?:expensive|pricey|dear|cheap) (?:is|are)
what (?:does|do|would|will) [^.?!]{1,40} cost|what(?:'s| is| are)? (?:the |its |their )?(?:price|cost)s?|price of
how much
""")
_ASKS_SPAN = any_of(r"""
price range|range of (?:the )?prices|average (?:price|cost)|usual price
how (?:much|expensive|pricey|dear|cheap) (?:is|are|does|do)|what (?:does|do|would) [^.?!]{1,40} cost
what are (?:the |your )?(?:prices|costs) (?:of|for)
""")
_ASKS_MEASURE = any_of(rf"how [^\W\d_]+ (?:is|are|was|were) (?:{_SHOWN}|the)", end=r"(?=\W|$)")
_ASKS_OF_USE = any_of(
    r"""
(?:can|could|should) (?:i|we|one|she|he|they) (?:wash|clean|fill|drink|hang|wear|fold|paint|charge|use|repair|dry)
would (?:it|this|that|they|these|those|the \w+(?: one)?) (?:last|survive|hold|break|work|suit)
""",
    start=r"^\W*(?:(?:and|but|so|ok)\W+)*",
)
_ASKS_MAKER = any_of(
    "who (?:makes|made|produces?d?|manufactures?d?|sells|is it by|directed|wrote)"
    "|who(?:'s| is) the (?:maker|brand|director)"
)
_ASKS_CAST = any_of("who (?:plays|acts|stars|is starring|is in it)|who(?:'s| is) in (?:it|that)")
_ASKS_MATERIAL = re.compile(r"\bwhat(?:'s|\s+is|\s+are)?\b[^.?!]*\bmade\s+(?:of|from|out\s+of)\b")
_ASKS_YEAR = any_of("how (?:old|new|recent) (?:is|are)|when (?:was|did|is) (?:it|that|this)|what year|from when")

_YOU_OFFER = (
    r"(?:do\s+(?:you|they)\s+(?:have|sell|carry|stock|offer|do|make)|have\s+you(?:\s+got)?|are\s+(?:there|available"
    r"|in\s+stock|on\s+offer|possible|sold)|is\s+(?:there|available)|can\s+(?:i|we|you)\s+(?:get|have|choose|buy|find"
    r"|pick|offer)|you\s+(?:have|sell|carry|stock|offer|(?:'ve\s+)?got)|(?:does|do)\s+(?:it|that|this|they|these|those"
    r"|(?:the\s+)?\w+(?:\s+\w+)?)\s+(?:also\s+)?come|(?:do|does)\s+your\s+\w+\s+come|exist|in\s+(?:your|this|the)\s+(?:shop|store|catalog(?:ue)?|range))"
)
_ASKS_KINDS = re.compile(
    r"^\W*(?:(?:and|so|but|ok|hi|hello|hey|well)\W+)*(?:what|which)\s+(?:(?:sorts?|kinds?|types?)\s+of\s+)?"
    r"(?:(?:things?|items?|products?|stuff|goods|all)\s+)?"
    r"(?:(?:do|can|could|is|are|have)\s+(?:you|i|we|they|there|one)(?:\s+guys)?"
    r"(?:\s+(?:actually|even|all))?(?:\s+(?:sell|have|offer|carry|stock|got|buy|get|find|do))?)"
    r"(?:\s+(?:here|to\s+offer|in\s+(?:your|this|the)\s+(?:shop|store|catalog(?:ue)?|range)))*\W*$"
    r"|\bwhat(?:'s|\s+is)(?:\s+there)?\s+(?:in|at)\s+(?:your|the|this)\s+(?:shop|store|catalog(?:ue)?|assortment|range)\b"
    r"|\bwhat\s+(?:sort|kind)s?\s+of\s+(?:shop|store|place)\b"
)
_ASKS_NUMBER = re.compile(r"\bhow\s+many\b")
_OF_PEOPLE = any_of("how many (?:people|persons|customers|others|buyers|users|stars|reviews|times)")
_ALL_OF_KIND = re.compile(
    r"\b(?:all|every|each)(?:\s+of)?(?:\s+(?:your|the|their))?\s+((?:[^\W\d_]+\s+){0,2}?[^\W\d_]+)\s+"
    r"(?:is|are|cost|costs|has|have|under|over|below|above|in|made|come)\b"
)
_COMPARES_MONEY = (  # "is Norrvik cheaper than Halden?", "do lamps cost more than clocks?"
    (False, re.compile(r"^\W*(?:is|are|do|does)\b[^.?!]*\b(?:cheaper|less\s+expensive|costs?\s+less)\s+than\b")),
    (True, re.compile(r"^\W*(?:is|are|do|does)\b[^.?!]*\b(?:more\s+expensive|pricier|dearer|costs?\s+more)\s+than\b")),
)
_ASKS_OFFER = re.compile(
    r"\b(?:(?:do|don't|does|doesn't)\s+(?:you|they|this\s+shop|your\s+shop)\s+(?:\w+\s+)?(?:sell|have|carry|stock|offer)"
    r"|^\W*no|^\W*(?:and\s+|got\s+|have\s+)?any|you\s+(?:(?:do|don't|do\s+not|also)\s+)?(?:sell|have|carry|stock|offer)|have\s+you\s+(?:got|any)"
    r"|(?:is|are|isn't|aren't)\s+there)\b"
)
_OF_THE_SHOP = any_of("you (?:have|sell|carry|stock|offer|'ve got)|your|of all|in the (?:shop|store|catalog(?:ue)?)")
_OF_ALL = any_of(
    "(?:items?|things?|products?|articles?)|altogether|in total|overall|the (?:shop|store|catalog(?:ue)?|range)"
)
NUM_COMPARED = 2
_ANAPHORA = any_of("it|that|this|they|these|those|them")


def read_extreme(text: str, lexicon: Lexicon) -> Extreme | None:
    """The cheapest, the most expensive, the newest, where the catalog has such a number."""
    return next(iter(read_extremes(text, lexicon)), None)


def read_extremes(text: str, lexicon: Lexicon) -> list[Extreme]:
    """All that are spoken of: the cheapest and the most expensive."""
    numbers = {"price": lexicon.price, "year": lexicon.year}
    spoken = [(numbers[kind], is_most) for kind, is_most, pattern in _EXTREMES if pattern.search(text)]
    found = (Extreme(attribute=name, is_most=is_most) for name, is_most in spoken if name is not None)
    return list(dict.fromkeys(found))


def read_item_question(
    base: ChatRequest, words: str, *, reference: Reference | None, session: Session, lexicon: Lexicon
) -> ChatRequest | None:
    """The request as a question about shown or named items; None when it is none."""
    ids = base.refers_to
    is_of_items = bool(ids) and reference is not None and reference.kind != "history"
    is_whether = _ASKS_WHETHER.search(words) and re.search(r"\bthan\b", words)
    if is_of_items and len(ids) == NUM_COMPARED and (is_whether or _ASKS_WHICH_IS_MORE.search(words)):
        named = {lexicon.attribute_names[word] for word in words_of(words) if word in lexicon.attribute_names}
        asked = base.dropped or tuple(name for name in lexicon.values if name in named)
        question = Question(attributes=asked) if asked else None  # is the second cheaper than the third?
        return replace(base, intent="compare", where=(), dropped=(), query="", question=question)
    if base.dropped and base.extreme is None:
        return None
    if base.extreme is not None and _asks_which(base, words, session):
        about = ids if is_of_items and len(ids) > 1 else tuple(session.shown)
        question = Question(extreme=base.extreme, attributes=_asked_attributes(words, lexicon))
        return replace(base, intent="describe", refers_to=about, where=(), dropped=(), query="", question=question)
    if not is_of_items:
        return None
    conditions = _asked_conditions(base.where, words, lexicon) if asks_whether(words) else ()
    if conditions:
        return replace(base, intent="describe", where=(), query="", question=Question(conditions=conditions))
    attributes = _asked_attributes(words, lexicon)
    if attributes and not re.search(_YOU_OFFER, words):
        return replace(base, intent="describe", query="", question=Question(attributes=attributes))
    is_asked = _ASKS_WHETHER.search(words) and (words.endswith("?") or _INVERTED.search(words))
    is_of_use = not base.where and any(form.search(words) for form in (_ASKS_OF_USE, _OF_PEOPLE))
    if is_asked or is_of_use or _ASKS_MEASURE.search(words):
        return replace(base, intent="describe", where=(), query="", question=Question(is_untold=True))
    return None


def _asks_which(base: ChatRequest, words: str, session: Session) -> bool:
    """Whether it asks which of the shown items is the cheapest, not for the cheapest of the shop."""
    is_of_shop = _OF_THE_SHOP.search(words) is not None
    is_wish = any(wish.texts for wish in base.where)
    return bool(session.shown) and not is_of_shop and not is_wish and _ASKS_WHICH.search(words) is not None


def _asked_conditions(wishes: Sequence[Predicate], words: str, lexicon: Lexicon) -> tuple[Predicate, ...]:
    """What the asking sentence says, which is not wished: without the clock of "a nice clock. Is it wooden?"."""
    asking = re.split(r"[.!?]\s", words.rstrip(" .!?"))[-1]
    said_there = {wish.attribute for wish in ValueScanner(lexicon, asking).scan()[0]}
    return tuple(wish for wish in wishes if not wish.texts or wish.attribute in said_there)


def asks_whether(words: str) -> bool:
    """Whether it asks if what it says of items is so, rather than for items of which it is."""
    is_asked = words.rstrip(" !.").endswith("?")
    if _ASKS_WHETHER.search(words) and (is_asked or _INVERTED.search(words)):
        return True
    if _ASKS_WHICH_ARE.search(words):
        return True
    return is_asked and bool(_STATES.search(words)) and bool(_TAG.search(words) or _ASKS_TO_CONFIRM.search(words))


def _asked_attributes(words: str, lexicon: Lexicon) -> tuple[str, ...]:
    """The attributes whose values are asked for."""
    found = []
    if lexicon.price is not None and _ASKS_PRICE.search(words):
        found.append(lexicon.price)
    if lexicon.year is not None and _ASKS_YEAR.search(words):
        found.append(lexicon.year)
    by_name = {name.lower(): name for name in lexicon.values}
    kinds = ((_ASKS_MAKER, MAKER_NAMES), (_ASKS_CAST, CAST_NAMES), (_ASKS_MATERIAL, frozenset({"material"})))
    for pattern, kind in kinds:
        if pattern.search(words):
            found += [by_name[name] for name in sorted(kind) if name in by_name]
    named = re.finditer(
        rf"\b(?:(?:what|which)(?:'s|\s+is|\s+are)?(?:\s+(?:the|its|their))?|whats\s+(?:the|its|their)"
        rf"|(?:tell|give)\s+me\s+(?:the|its|their)|has\s+(?:what|which))\s+(?:exact\s+)?({lexicon.attribute_pattern})\b",
        words,
    )
    found += [lexicon.attribute_names[match[1]] for match in named]
    return tuple(dict.fromkeys(found))


def read_catalog_question(base: ChatRequest, words: str, *, session: Session, lexicon: Lexicon) -> ChatRequest | None:
    """The request as a question about the whole catalog; None when it is none."""
    question = _catalog_question(base, words, session, lexicon)
    if question is None:
        return None
    return replace(base, intent="browse", where=(), dropped=(), query="", refers_to=(), question=question)


def _catalog_question(base: ChatRequest, words: str, session: Session, lexicon: Lexicon) -> Question | None:
    texts = tuple(lexicon.text_attributes)
    active = tuple(session.constraints) if _ANAPHORA.search(words) else ()
    if base.image is not None or base.liked:
        return None
    if _ASKS_KINDS.search(words) and texts and not base.has_wishes:
        return Question(attributes=texts[:1])
    ranked = _ranked_attribute(base, words, lexicon)
    if ranked is not None:
        extreme, name = ranked
        return Question(extreme=extreme, attributes=(name,), scope=tuple(wish for wish in base.where if wish.texts))
    asked = _listed_attributes(words, lexicon)
    if asked:
        own = tuple(wish for wish in base.where if wish.attribute not in asked)
        others = tuple(wish for wish in active if wish.attribute not in asked)
        return Question(attributes=asked, scope=_scope(others, own))
    is_priced = any(wish.attribute == lexicon.price or wish.operator != "=" for wish in base.where)
    if lexicon.price is not None and _ASKS_SPAN.search(words) and not is_priced and base.extreme is None:
        return Question(attributes=(lexicon.price,), scope=_scope(active, base.where))
    if _ASKS_NUMBER.search(words) and not _OF_PEOPLE.search(words):
        if not base.where and not base.missing and not _OF_ALL.search(words):
            active = tuple(session.constraints)
        if base.missing and not base.where:
            return None
        return Question(is_count=True, scope=_scope(active, base.where))
    is_asked = "?" in words
    every = _ALL_OF_KIND.search(words) if is_asked else None
    if every is not None:
        meant = {meaning.value.casefold() for word in words_of(every[1]) for meaning in lexicon.meanings((word,))}
        scope = tuple(wish for wish in base.where if wish.texts and wish.texts <= meant)
        conditions = tuple(wish for wish in base.where if wish not in scope)
        return Question(scope=scope, conditions=conditions) if scope and conditions else None
    if re.search(rf"{_ASKS_OFFER.pattern}[^.!?]*\?", words) or BARE_NAMES.search(words):
        is_doubted = bool(_TAG.search(words) or _ASKS_TO_CONFIRM.search(words))
        if base.where and is_doubted:
            return Question(is_count=True, scope=tuple(replace(w, operator="=") if w.texts else w for w in base.where))
        if base.missing and not base.has_wishes:
            return Question(attributes=texts[:1], missing=base.missing)
    return None


def _scope(active: Sequence[Predicate], own: Sequence[Predicate]) -> tuple[Predicate, ...]:
    """What a message says of the things it asks about, and what stands of other attributes."""
    return (*(wish for wish in active if wish.attribute not in {one.attribute for one in own}), *own)


def _ranked_attribute(base: ChatRequest, words: str, lexicon: Lexicon) -> tuple[Extreme, str] | None:
    """By which number the values of which attribute are compared: which brand is the cheapest, is one dearer."""
    texts = frozenset(lexicon.text_attributes)
    which = re.search(rf"\b(?:which|what)(?:'s|\s+is)?(?:\s+(?:the|your))?\s+({lexicon.attribute_pattern})\b", words)
    if which is not None and base.extreme is not None and lexicon.attribute_names[which[1]] in texts:
        return base.extreme, lexicon.attribute_names[which[1]]
    named = [wish for wish in base.where if wish.operator == "=" and len(wish.choices) > 1]
    if lexicon.price is None or len(named) != 1 or base.refers_to:
        return None
    found = (Extreme(attribute=lexicon.price, is_most=most) for most, form in _COMPARES_MONEY if form.search(words))
    return next(((extreme, named[0].attribute) for extreme in found), None)


def _listed_attributes(words: str, lexicon: Lexicon) -> tuple[str, ...]:
    """The attributes all of whose values are asked for: which brands do you have, what colors does it come in."""
    names = lexicon.attribute_pattern
    match = re.search(
        rf"\b(?:what|which)(?:\s+(?:are|is)(?:\s+(?:the|your|all))+)?(?:\s+(?:other|different|all|kinds?\s+of|sorts?\s+of))*"
        rf"\s+({names})\b(?:\W+(?:and|or)\s+({names})\b)?[^.?!]*\b{_YOU_OFFER}",
        words,
    ) or re.search(
        rf"^\W*(?:(?:and|so|ok|please)\W+)*(?:(?:what|which)|what\s+are\s+your|(?:please\s+)?(?:list|name|tell\s+me)"
        rf"(?:\s+all)?(?:\s+(?:the|your))?)\s+({names})()\W*(?:please|there\s+are|you\s+have)?\W*$",
        words,
    )
    if match is None:
        return ()
    return tuple(dict.fromkeys(lexicon.attribute_names[name] for name in match.groups() if name))
