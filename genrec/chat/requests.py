"""Chat requests: what one message of a conversation asks for, as the reader fills it in.

Knows names alone; how words become a request is in `chat.reading`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from genrec.data.filters import Predicate

Intent = Literal[
    "recommend", "show", "explain", "compare", "describe", "browse", "like", "dislike", "history", "greet", "thanks",
    "help", "recall", "reset", "other", "unread",
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
    Both is_count and is_stock: how many are left. is_mean: which average they have. words: whether the texts of items
    tell this. is_untold: it asks what no attribute tells. is_plot: what it is about; is_stock: whether it can be had.
    """

    scope: tuple[Predicate, ...] = ()
    attributes: tuple[str, ...] = ()
    conditions: tuple[Predicate, ...] = ()
    extreme: Extreme | None = None
    is_count: bool = False
    missing: tuple[str, ...] = ()
    is_untold: bool = False
    is_plot: bool = False
    is_stock: bool = False
    is_mean: bool = False
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One message, understood.

    where: wishes this message adds. dropped: attributes whose wishes it takes back, "*" for all. query: free words that
    no attribute covers. image: a photo that came with it. refers_to: item ids it names, by place, by recency or by
    title, and relation how the wanted items relate to them. liked, disliked: item ids it judges. extreme: the cheapest
    come first. limit: how many are asked for. question: what it asks to know. not_understood: wishes that this catalog
    cannot express, such as a price where items have none. missing: words of which no item has anything. refused: free
    words that it turns down; dropped_words: such that count no more. found: item ids that are asked for by title, which
    come first. repeats: items that were shown and are wanted once more. parts: wishes of several things, each of which
    is wanted for itself. is_further: its free words join those that were searched for before. is_undo: what was wished
    last is taken back. is_advice: which of the shown items to take. is_open: whatever comes is welcome, so nothing is
    asked back.
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
    extreme: Extreme | None = None
    limit: int | None = None
    question: Question | None = None
    not_understood: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    dropped_words: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    repeats: tuple[str, ...] = ()
    parts: tuple[tuple[Predicate, ...], ...] = ()
    is_further: bool = False
    is_advice: bool = False
    is_undo: bool = False
    is_open: bool = False

    @property
    def has_wishes(self) -> bool:
        """Whether it adds wishes or takes some back."""
        return bool(self.where or self.dropped)
