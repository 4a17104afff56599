"""Everyday typing made plain: dont is don't, pls is please, w/o is without, forty is 40.

Knows how English is typed and counted, for whoever reads messages; deliberately knows no catalog and no meaning.
"""

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
_SMALL_TEXT = """one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen"""
SMALL_NUMBERS = {word: number for number, word in enumerate(_SMALL_TEXT.split(), start=1)}
_TEENS = tuple(word for word, number in SMALL_NUMBERS.items() if number >= 10)
_TENS_TEXT = "twenty thirty forty fifty sixty seventy eighty ninety"
TENS = {**{word: 10 * number for number, word in enumerate(_TENS_TEXT.split(), start=2)}, "fourty": 40}
ORDINALS = {
    "first": 0, "1st": 0, "second": 1, "2nd": 1, "third": 2, "3rd": 2, "fourth": 3, "4th": 3, "fifth": 4, "5th": 4,
    "sixth": 5, "6th": 5, "seventh": 6, "7th": 6, "eighth": 7, "8th": 7, "ninth": 8, "9th": 8, "tenth": 9, "10th": 9,
    "top": 0, "last": -1, "bottom": -1,
}  # fmt: skip
_NOTES = {"tenner": "10 pounds", "fiver": "5 pounds"}
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


def spell_out(text: str) -> str:
    """Number words from ten on become digits: forty to 40, twenty-five to 25, two hundred to 200."""
    small, tens, teens = "|".join(SMALL_NUMBERS), "|".join(TENS), "|".join(_TEENS)
    below_hundred = rf"({tens})(?:[\s-]+({small}))?|({teens})"
    hundreds = rf"(a|{small})\s+hundred(?:(?:\s+and)?\s+(?:{below_hundred}))?"
    pattern = rf"\b(?:{hundreds}|{below_hundred})\b(?!\s+ones?\b)"

    def digits(match: re.Match[str]) -> str:
        hundred, *parts = match.groups()
        below = [part for part in parts if part]
        numbers = [{**SMALL_NUMBERS, **TENS}[part] for part in below]
        return str((100 * SMALL_NUMBERS.get(hundred, 1) if hundred else 0) + sum(numbers))

    return re.sub(pattern, digits, re.sub(r"\ba (tenner|fiver)\b", lambda note: _NOTES[note[1]], text))
