"""The seam to the models: all that anyone asks of them, wherever they work.

`ModelClient` is asked by recommenders, explanations, conversations and the server; requests, item ids and words cross
it, and no tensors do. It is met by `genrec.ranking.local.LocalClient`, whose models are in this process, and on a
server by a client that waits in line with others, and by one whose models work in a process of their own. Deliberately
knows nothing of how any of them answers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from genrec.data.filters import Filter
from genrec.data.images import Picture
from genrec.errors import InputError
from genrec.prompting import Message
from genrec.schema import FloatArray, Recommendation


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request for items. history: item ids, oldest first; query: plain words; image: a photo; where: a filter.

    like, unlike: item ids that the wanted resembles or not; they are no history and may come back unless excluded;
    exclude: item ids that must not come back; disliked: item ids that the person judged negatively, which do not come
    back either and push what is like them away; adapter: the name that `Recommender.add_adapter` gave a domain adapter,
    None for the workspace itself; k, exclude_history: None for the configured ones; sequence_weight: another share of
    the item scorer than the mixture's, 0 to 1.
    """

    history: tuple[str, ...] = ()
    query: str = ""
    image: Picture | None = None
    like: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    where: Filter | None = None
    exclude: tuple[str, ...] = ()
    disliked: tuple[str, ...] = ()
    adapter: str | None = None
    k: int | None = None
    exclude_history: bool | None = None
    sequence_weight: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One item to be scored after a history (item ids, oldest first) and words; adapter: as in `Request`."""

    history: tuple[str, ...]
    item_id: str
    query: str = ""
    adapter: str | None = None


Answer: TypeAlias = list[Recommendation] | InputError  # one request's items, best first, or why there are none
Attribution: TypeAlias = dict[str, float]  # nats by which a case's score falls without each item of its history


class ModelClient(Protocol):
    """Models of one built workspace. Every call may come from any thread but the one of an event loop."""

    @property
    def is_ready(self) -> bool:
        """Whether an answer would come now, and not after its models have been loaded again."""

    @property
    def answers_while_writing(self) -> bool:
        """Whether other calls are answered before a `write` in hand ends."""

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """The k best items of each request; one that cannot be answered gets its error, and others are answered."""

    def stream(self, request: Request) -> Iterator[Recommendation]:
        """The k best items of a history and a filter one by one, each as soon as no other can overtake it.

        Raises UnknownItem, FilterError, and InputError on a request for more than that.
        """

    def score(self, cases: Sequence[Case]) -> npt.NDArray[np.float64]:
        """Log-probability of each case's item in nats, float64 (B,). Raises UnknownItem."""

    def attributions(self, cases: Sequence[Case]) -> list[Attribution]:
        """Leave-one-out attribution of each case's score. Raises UnknownItem."""

    def write(self, messages: Sequence[Message], *, max_new_tokens: int) -> list[str]:
        """What the language model says to each message, greedily. Raises WriterBusy where words would take too long."""

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """Unit vectors of texts in the space of the catalog's pictures and words, float32 (B, D)."""

    def add_adapter(self, name: str, folder: Path) -> None:
        """Offer a domain adapter under a name by which requests choose it. Raises InputError."""

    def close(self) -> None:
        """End what works for this client elsewhere."""
