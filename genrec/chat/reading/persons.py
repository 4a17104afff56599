"""For whom something is: my dad, a girl of three, me (female); as what shops call those they sell to.

Knows words for persons in the languages that are read; which of them a catalog sorts its items by follows from its own
values. Knows no item.
"""

import re
from collections.abc import Iterable

from genrec.chat.lexicon import Lexicon, SlotValue, words_of
from genrec.data.labels.names import listed

_WORDS = {
    "men": "dad daddy father husband boyfriend brother grandpa grandad granddad grandfather uncle guy man bloke "
    "gentleman male stepdad fiance groom vater papa ehemann bruder opa grossvater onkel mannlich pere mari copain "
    "frere papi oncle mec homme masculin padre marido novio hermano abuelo tio hombre",
    "women": "mum mom mother wife girlfriend sister grandma gran granny nan grandmother aunt auntie lady woman female "
    "stepmum fiancee bride mutter mama ehefrau freundin schwester oma grossmutter tante weiblich mere femme copine "
    "soeur mamie feminin madre esposa novia hermana abuela tia mujer",
    "boys": "son nephew grandson boy sohn neffe enkel junge fils neveu garcon hijo sobrino nieto nino",
    "girls": "daughter niece granddaughter girl tochter nichte enkelin madchen fille niece hija sobrina nieta nina",
    "children": "child children kid kids toddler son daughter nephew niece grandchild grandson granddaughter boy girl "
    "kind kinder sohn tochter neffe nichte enkel enkelin junge madchen enfant enfants fils fille hijo hija hijos ninos",
    "baby": "baby babies newborn infant saugling neugeborenes neugeborene bebe nouveau-ne recien",
}  # fmt: skip
_OF_CLASS = {name: listed(words) for name, words in _WORDS.items()}
_CALLED = {"men": ("male",), "women": ("female",), "children": ("kids",), "boys": (), "girls": (), "baby": ()}
_INTRODUCED = re.compile(
    r"\b(?:for|für|pour|para|i'?m an?|i am an?|ich bin (?:eine?)?|je suis une?|soy una?)\s+(?P<who>[^,;.!?()]{1,40})"
    r"|\((?P<aside>[^()]{1,20})\)",
    re.IGNORECASE,
)
_MOST_WORDS = 5  # from the word that introduces a person to the one that names them


def persons_of(text: str) -> list[str]:
    """Those for whom a message asks, by what shops call them: men, women, boys, girls, children, baby."""
    said: list[str] = []
    for match in _INTRODUCED.finditer(text):
        words = words_of(match["who"] or match["aside"])[:_MOST_WORDS]
        named = next((word for word in words if any(word in known for known in _OF_CLASS.values())), None)
        said += [name for name, known in _OF_CLASS.items() if named in known]
    return list(dict.fromkeys(said))


def values_for(persons: Iterable[str], lexicon: Lexicon) -> SlotValue | None:
    """The value by which a catalog sorts what is for some persons, the nearest first; None where it does not."""
    for name in persons:
        for word in (name, *_CALLED[name]):
            meant = [value for value in lexicon.meanings((word,)) if lexicon.labels.role(value.attribute) != "cast"]
            if meant:
                return meant[0]
    return None
