"""Chat requests: what one message of a conversation asks for, as the rules and the language model both fill it in.

Knows names alone; how words become a request is in rules and model_reader.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from genrec.data.filters import Predicate

Intent = Literal[
    "recommend", "show", "explain", "compare", "describe", "browse", "like", "dislike", "history", "greet", "thanks",
    "help", "recall", "reset", "other",
]  # fmt: skip
INTENTS: tuple[Intent, ...] = get_args(Intent)
Relation = Literal["like", "goes_with"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extreme:
    """The least or the most of a number: the cheapest, the newest."""

    attribute: str
    is_most: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a message asks to know of the items it speaks of, or of the whole catalog.

    scope: of the catalog, only what meets these. attributes: which values they have. conditions: whether these hold.
    extreme: which has the least or the most. is_count: how many there are. missing: words for things that no item has.
    is_untold: it asks what no attribute tells.
    """

    scope: tuple[Predicate, ...] = ()
    attributes: tuple[str, ...] = ()
    conditions: tuple[Predicate, ...] = ()
    extreme: Extreme | None = None
    is_count: bool = False
    missing: tuple[str, ...] = ()
    is_untold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One message, understood.

    where: wishes this message adds. dropped: attributes whose wishes it takes back, "*" for all. query: free words that
    no attribute covers. image: a photo that came with it. refers_to: item ids it names, by place, by recency or by
    title, and relation how the wanted items relate to them. liked, disliked: item ids it judges. is_new: the person
    says that they are new here. extreme: the cheapest come first. limit: how many are asked for. question: what it asks
    to know. not_understood: wishes that this catalog cannot express, such as a price where items have none. missing:
    words for things that no item has. later: other things it asks for, which one list cannot hold with the first.
    refused: free words that it turns down. is_undo: what was wished last is taken back. is_advice: which of the shown
    items to take. is_open: whatever comes is welcome, so nothing is asked back.
    """

    text: str
    intent: Intent
    where: tuple[Predicate, ...] = ()
    dropped: tuple[str, ...] = ()
    query: str = ""
    image: Path | None = None
    refers_to: tuple[str, ...] = ()
    relation: Relation | None = None
    liked: tuple[str, ...] = ()
    disliked: tuple[str, ...] = ()
    repeats: bool = False
    is_new: bool = False
    extreme: Extreme | None = None
    limit: int | None = None
    question: Question | None = None
    not_understood: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    is_advice: bool = False
    is_undo: bool = False
    is_open: bool = False

    @property
    def has_wishes(self) -> bool:
        """Whether it adds wishes or takes some back."""
        return bool(self.where or self.dropped)
