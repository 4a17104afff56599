"""Everyday typing made plain: dont is don't, pls is please, w/o is without. Knows no catalog and no meaning."""

import re

_PLAIN_TEXT = """
dont=don't doesnt=doesn't didnt=didn't isnt=isn't arent=aren't wasnt=wasn't wont=won't wouldnt=wouldn't cant=can't
couldnt=couldn't shouldnt=shouldn't mustnt=mustn't neednt=needn't havent=haven't hasnt=hasn't aint=isn't im=i'm ive=i've
id=i'd thats=that's whats=what's hows=how's theres=there's youre=you're theyre=they're shes=she's hes=he's
u=you ur=your uve=you've youve=you've pls=please plz=please pleas=please thx=thanks tnx=thanks ty=thanks cheers=thanks
smth=something sth=something sumthing=something somthing=something smthing=something somethin=something
anythin=anything nothin=nothing gimme=give_me lemme=let_me wanna=want_to gonna=going_to gotta=have_to
bc=because cuz=because cos=because tho=though abt=about upto=up_to idk=i_do_not_know nvm=never_mind fave=favorite
w/o=without w/out=without w/=with xmas=christmas bday=birthday prolly=probably def=definitely
kinda=kind_of sorta=sort_of teh=the cheep=cheap anymore=any_more
"""
_PLAIN = dict(entry.split("=") for entry in _PLAIN_TEXT.split())
_SHORTHAND = re.compile(rf"(?<![\w'/])(?:{'|'.join(sorted(map(re.escape, _PLAIN), key=len, reverse=True))})(?![\w'/])")
# Words of asking, often typed with two letters in the wrong order, the long ones with a letter left out or doubled.
_LONG = """
around possible second between without expensive something anything similar recommend picture different another because
looking material pattern number
"""
_SHORT = "third please colour really little thanks should would could cheaper under show can want which"


def _swapped(word: str) -> set[str]:
    return {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)} - {word}


def _miscounted(word: str) -> set[str]:
    left_out = {word[:i] + word[i + 1 :] for i in range(1, len(word))}
    return left_out | {word[:i] + word[i] + word[i:] for i in range(len(word))}


_MISTYPED = {slip: word for word in (*_LONG.split(), *_SHORT.split()) for slip in _swapped(word)} | {
    slip: word for word in _LONG.split() for slip in _miscounted(word)
}
_WORD = re.compile(r"[a-z]+")
_FOR = re.compile(r"\b4(?=\s+(?:a|an|my|me|the|her|him|our|under|less|below|around)\b)")
_THAN = re.compile(r"\b(cheaper|pricier|dearer|newer|older|lower|higher|rather|other|less|more) then\b")
_WITH = re.compile(r"(?<!\w)w/(?=\s?\w)(?!o\b|out\b)")


def spell_plainly(text: str) -> str:
    """A message in lower case, with straight quotes, single spaces and without shorthand."""
    straight = text.replace("’", "'").replace("‘", "'").casefold()
    said = _THAN.sub(r"\1 than", _WITH.sub("with ", _FOR.sub("for", straight)))
    said = _WORD.sub(lambda match: _MISTYPED.get(match.group(), match.group()), said)
    plain = _SHORTHAND.sub(lambda match: _PLAIN[match.group()].replace("_", " "), said)
    return re.sub(r"\s+", " ", plain).strip()
