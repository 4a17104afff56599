"""For which age a message asks, and which content ratings of a catalog are meant for it.

Ratings are those of the boards (ages.toml beside the labels), or numbers. What is unrated is left out where a child is
spoken of. Knows no message beyond the words for whom.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from genrec.chat.reading.amounts import read_amounts

CHILD = 8  # where no age is said
_MAX_AGE = 21
_NUMBER = re.compile(r"\d{1,2}")


@cache
def _ages() -> Mapping[str, int]:
    text = (files("genrec.data.labels") / "ages.toml").read_text(encoding="utf-8")
    return {str(name): int(age) for name, age in tomllib.loads(text)["ages"].items()}


def age_of(said: str, language: str) -> int:
    """The age of whom a message speaks of, in years; that of a child where it names none."""
    amounts = [amount.low for amount in read_amounts(said, language) if 0 < amount.low <= _MAX_AGE]
    return int(min(amounts)) if amounts else CHILD


def age_for(rating: str) -> int | None:
    """From which age a rating is; None of one that says none."""
    said = " ".join(rating.casefold().split())
    if said in _ages():
        return _ages()[said]
    number = _NUMBER.search(said)
    return int(number.group()) if number is not None else None


def suited(ratings: tuple[str, ...], age: int) -> tuple[str, ...]:
    """Those of some ratings that are meant for this age."""
    return tuple(rating for rating in ratings if (needed := age_for(rating)) is not None and needed <= age)
