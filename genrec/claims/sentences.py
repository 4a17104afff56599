"""Whether a text reads as whole sentences, whatever it says: what a model garbles or breaks off never shows.

It looks at marks, capitals and repetition alone; deliberately knows no words of any language.
"""

import re
from collections.abc import Iterable
from itertools import pairwise

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)]*\s+")
_WHOLE = re.compile(r"[\"'“‘(]?[^\W_a-z].*[^\s.,;:!?\-][.!?][\"'”’)]*", re.DOTALL)
_GARBLED = re.compile(r"[.,;:!?]\s*[.,;:]|[!?]{2}|\s[.,;:!?](\s|$)|[\n\r\t|<>{}\\#*_=~]|(\b\w+\b)(\W+\2\b){2}")
_PAIRS = (("(", ")"), ("[", "]"), ("“", "”"))


def reads_whole(text: str, titles: Iterable[str] = ()) -> bool:
    """Whether every sentence of one paragraph begins with a capital, a number or a quote and ends with one mark.

    No marks stand side by side or alone, no word comes three times in a row, no sentence twice, and brackets close.
    An abbreviation's stop before a small letter counts as no end. titles: names, which may hold any marks.
    """
    text = text.strip()
    for title in sorted(filter(None, titles), key=len, reverse=True):
        text = text.replace(title, "X")
    sentences = _joined(_SENTENCE_END.split(text))
    return (
        all(_WHOLE.fullmatch(sentence) for sentence in sentences)
        and len({sentence.lower() for sentence in sentences}) == len(sentences)
        and _GARBLED.search(_without_stops(text)) is None
        and all(text.count(opening) == text.count(closing) for opening, closing in _PAIRS)
    )


def _joined(parts: list[str]) -> list[str]:
    """Sentences, put together again where a stop within one was taken for its end."""
    found = parts[:1]
    for before, part in pairwise(parts):
        if part[:1].islower() and before[-1:] == ".":
            found[-1] += f" {part}"
        else:
            found.append(part)
    return found


def _without_stops(text: str) -> str:
    """Stops of abbreviations before a comma, as in "by Acme Co., with", taken away."""
    return re.sub(r"(?<=\w)\.(?=[,;:])", "", text)
