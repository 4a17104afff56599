"""Claims as sentences without a model: exactly the claims given, in one of many ways.

The first sentence opens with a frame and holds the claims about other items; facts of the item alone follow in their
own. The language model is tuned on these sentences, in many ways so that it learns to say the claims and not the
frames; the plain ones among them are said where its own do not pass the check, which reads these frames and no others.
"""

from collections.abc import Sequence

import numpy as np

from genrec.claims.claims import ROLES, Claim
from genrec.claims.wording import spoken_name
from genrec.schema import Item

_FREE_OPENINGS: tuple[str, ...] = (
    "It {c}.",
    "This one {c}.",
    "{t} {c}.",
    "We picked it because it {c}.",
    "You may like it because it {c}.",
    "{t} suits you: it {c}.",
    "A good match for you, since it {c}.",
    "Here is why: it {c}.",
    "It fits you, as it {c}.",
    "Chosen for you because it {c}.",
    "Why this? It {c}.",
    "{t} could be for you, since it {c}.",
    "We think of you here: it {c}.",
)
OF_HISTORY = ("This goes with what you chose: it {c}.",)  # where the claims speak of that
OPENINGS = (*_FREE_OPENINGS, *OF_HISTORY)
_PLAIN_OPENINGS: tuple[str, ...] = (
    "It {c}.",
    "You may like it because it {c}.",
    "We picked it because it {c}.",
    "A good match for you, since it {c}.",
    "{t} {c}.",
)
_PLAIN_FOLLOWING = ("Also, it {c}.", "What is more, it {c}.")
_PLAIN_LIKENESS = (", like {t}", ", just like {t}")
# "The same as" is none of them: what shares a color with another is not the same.
LIKENESS: tuple[str, ...] = (*_PLAIN_LIKENESS, ", as with {t}")
FOLLOWING: tuple[str, ...] = (*_PLAIN_FOLLOWING, "It {c}.", "And it {c}.", "On top of that, it {c}.", "It also {c}.")


def phrase(item: Item, claims: Sequence[Claim], rng: np.random.Generator, *, plainly: bool = False) -> str:
    """Say exactly these claims about an item in one or two sentences, in one of many ways; equal seeds, equal words.

    Claims that speak of other items come first; facts of the item alone follow in their own sentence, what was asked
    for before the others, so that no fact is heard as asked for, too. plainly: in the words that people would choose,
    for show. Raises ValueError without a claim.
    """
    if not claims:
        raise ValueError("phrase was given no claim; gather at least one, such as an attribute fact")
    related = [claim for claim in claims if claim.source_title]
    facts = sorted((c for c in claims if not c.source_title), key=lambda claim: ROLES[claim.kind] != "answer")
    openings = _PLAIN_OPENINGS if plainly else OPENINGS if related else _FREE_OPENINGS
    likenesses = _PLAIN_LIKENESS if plainly else LIKENESS
    opening = openings[int(rng.integers(len(openings) if item.title else 1))]
    first = related or facts
    likeness = likenesses[int(rng.integers(len(likenesses)))]
    clauses = _join([_clause(claim, likeness) for claim in first], rng)
    sentence = opening.format(c=clauses, t=spoken_name(item))
    if plainly:
        sentence = sentence[0].upper() + sentence[1:]
    if not related or not facts:
        return sentence
    followings = _PLAIN_FOLLOWING if plainly else FOLLOWING
    following = followings[int(rng.integers(len(followings)))]
    return f"{sentence} {following.format(c=_join([_clause(claim, likeness) for claim in facts], rng))}"


def _clause(claim: Claim, likeness: str) -> str:
    said = claim.text.removeprefix("it ")
    if claim.kind == "history":
        return said.removesuffix(f", like {claim.source_title}") + likeness.format(t=claim.source_title)
    return said


def _join(clauses: Sequence[str], rng: np.random.Generator) -> str:
    link = ("and it ", "and ")[int(rng.integers(2))]
    if len(clauses) == 1:
        return clauses[0]
    comma = ", " if any("," in clause for clause in clauses) or len(clauses) > 2 else " "
    return f"{', '.join(clauses[:-1])}{comma}{link}{clauses[-1]}"
