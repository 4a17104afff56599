"""Free words, left of a message when its wishes were read: words that describe the wanted, and names of things that the
catalog does not have. Stories around the wish are neither.

Knows where a describing word stands in English; the catalog's own words are the lexicon's.
"""

from collections.abc import Sequence

from genrec.chat.lexicon import Lexicon, plural
from genrec.chat.rules.phrases import BARE_NAMES
from genrec.chat.rules.values import TAKEN, TOKEN
from genrec.chat.rules.words import AFTER_NOUNS, ARTICLES, FILLER, NEGATORS, OWNERS, PASSED_BY_NEGATION, SCORN, STANDS
from genrec.chat.spelling import SMALL_NUMBERS

# After these, a word tells what the wanted is like.
_LEADS_TEXT = """
something anything one ones for with about at in of from be very quite really more bit little rather feel feels
"""
_LEADS = frozenset(_LEADS_TEXT.split())
_PASSED = frozenset(["a", "an", "the", "some", "and", "or", ",", "my", "our", "his", "her", "their"])
_JOINING = frozenset(["and", "or", ","])
_ENDING_LIST = _JOINING | {".", "!", "?", ";", ":"}
_NEVER_FREE = FILLER | NEGATORS | SCORN | frozenset(SMALL_NUMBERS)
# A noun after these is what is asked for.
_ASKING_TEXT = """
need want after buy find get see got have sell carry stock offer there me looking search searching and or by
"""
_ASKING = frozenset(_ASKING_TEXT.split())
_DEGREES = frozenset(["too", "so", "that", "very", "really", "quite"])
_BEING = frozenset({"is", "are"})  # "which chairs are comfy?"
_LACKING = frozenset({"no", "without"})
_OWNING = frozenset({"have", "got"})


def free_words(text: str, lexicon: Lexicon, *, is_all: bool) -> str:
    """The words that describe what is wanted: beside a value, or after words such as something, for, with, very.

    is_all: nothing else of the message was understood, so that all its words count where none describes.
    """
    tokens = TOKEN.findall(text)
    free = [_is_free(token, lexicon) for token in tokens]
    described: list[str] = []
    start, described_until = 0, 0
    while start < len(tokens):
        end = start
        while end < len(tokens) and (free[end] or tokens[end] == TAKEN):
            end += 1
        if end > start:
            run = tokens[start:end]
            is_list = end == len(tokens) or tokens[end] in _ENDING_LIST  # "rustic, earthy", not "a lamp, life is dark"
            is_joined = (
                described_until > 0 and is_list and all(token in _JOINING for token in tokens[described_until:start])
            )
            if (is_joined or _describes(run, tokens[:start])) and not _is_negated(tokens[:start]):
                described += [token for token in run if token != TAKEN]
                described_until = end
        start = max(end, start + 1)
    if not described and is_all:
        described = [token for n, token in enumerate(tokens) if free[n] and not _is_negated(tokens[:n])]
    return " ".join(described)


def refused_words(text: str, lexicon: Lexicon) -> tuple[str, ...]:
    """What is turned down though no value means it: "not digital"."""
    tokens = TOKEN.findall(text)
    return tuple(token for n, token in enumerate(tokens) if _is_free(token, lexicon) and _is_negated(tokens[:n]))


def refused_things(text: str, lexicon: Lexicon) -> tuple[str, ...]:
    """Things turned down beside wishes that no word of the catalog names: the animals of "blue, with no animals"."""
    tokens = ["", "", *TOKEN.findall(text)]
    return tuple(
        word
        for before, previous, word in zip(tokens, tokens[1:], tokens[2:], strict=False)
        if (previous in _LACKING or (previous == "any" and before in _LACKING))
        and before not in _OWNING
        and word.endswith("s")
        and _is_free(word, lexicon)
        and not _is_known(word, lexicon)
    )


def _is_free(token: str, lexicon: Lexicon) -> bool:
    is_word = len(token) > 2 and token[0].isalpha() and token not in _NEVER_FREE
    return is_word and token not in lexicon.attribute_names


def _describes(run: Sequence[str], before: Sequence[str]) -> bool:
    if TAKEN in run:
        return True
    lead = next((token for token in reversed(before) if token not in _PASSED), "")
    return lead in _LEADS or (lead in _BEING and before[-2:-1] == [TAKEN])


def _is_negated(before: Sequence[str]) -> bool:
    for token in reversed(before):
        if token in NEGATORS:
            return True
        if token not in PASSED_BY_NEGATION and token not in OWNERS and token not in _DEGREES:
            return False
    return False


def missing_kinds(text: str, lexicon: Lexicon, said: str) -> tuple[str, ...]:
    """Names of things asked for that no title and no value of the catalog holds: "bowl" in "a mug and a bowl".

    Only of a catalog whose items are of several kinds, and only nouns that are asked for: "need a bowl", "any rugs?".
    text: what is left of the message when its wishes were read; said: the whole of it.
    """
    if lexicon.kind is None:
        return ()
    tokens = [""] * 4 + [*TOKEN.findall(text), "."]
    found = []
    for place in range(4, len(tokens) - 1):
        before, previous, word, after = tokens[place - 2 : place + 2]
        if {before, previous} & _OWNING and "you" not in tokens[place - 4 : place - 1]:
            continue  # "I just got a promotion"
        is_asked = (
            (previous == "no" and not before)
            or (previous in ARTICLES and (before in _ASKING or not before))
            or (previous in _ASKING and previous not in ("and", "or", "me", "there"))
        )
        if is_asked and after in AFTER_NOUNS and _is_free(word, lexicon) and not _is_known(word, lexicon):
            found.append(word)
    return tuple(dict.fromkeys(found)) or _bare_kinds(text, lexicon, said)


def _bare_kinds(text: str, lexicon: Lexicon, said: str) -> tuple[str, ...]:
    """ "Rugs, curtains?": names of things and nothing else."""
    names = TOKEN.findall(text) if BARE_NAMES.search(said) else []
    return tuple(word for word in names if _is_free(word, lexicon) and not _is_known(word, lexicon))


def _is_known(word: str, lexicon: Lexicon) -> bool:
    singular = word[:-1] if word.endswith("s") else word
    return word not in STANDS and not {word, singular, plural(word)}.isdisjoint(lexicon.words)
