"""Recommender: what to recommend for users, histories, words, photos and filters.

Knows a built workspace's data and asks its models through a `ModelClient`; every way to ask ends in a `Request` that
`answer` takes. Deliberately knows nothing of where the models are or how they rank.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from genrec.artifacts import fingerprint_folder
from genrec.config import Config
from genrec.data.filters import Filter, parse_filter
from genrec.data.images import Picture
from genrec.encode.clip import ClipEncoder
from genrec.errors import USER_AND_HISTORY, InputError
from genrec.model.lm.adapters import fitting_adapter
from genrec.ranking.built_data import BuiltData
from genrec.ranking.client import Attribution, Case, ModelClient, Request
from genrec.ranking.local import LocalClient
from genrec.schema import BoolArray, Catalog, Embeddings, FloatArray, Interactions, Recommendation
from genrec.search.index import SearchIndex
from genrec.semids.table import SemanticIdTable

log = logging.getLogger(__name__)


class Recommender:
    """A built workspace and whoever answers for its models."""

    def __init__(self, data: BuiltData, client: ModelClient) -> None:
        self.data, self.client = data, client

    @classmethod
    def load(cls, directory: Path | str, *, adapter: str | Path | None = None) -> Self:
        """Load a built workspace into this process; `adapter` is the name or folder of a domain adapter to answer with.

        Raises ArtifactError when a stage is missing, unfinished or of another version, IdTableMismatch when parts do
        not belong together.
        """
        data = BuiltData.load(directory)
        folder = None if adapter is None else fitting_adapter(data.folder, adapter)
        return cls(data, LocalClient.load(data, adapter=folder))

    @property
    def directory(self) -> Path:
        """The workspace's folder."""
        return self.data.directory

    @property
    def config(self) -> Config:
        """The workspace's settings."""
        return self.data.config

    @property
    def catalog(self) -> Catalog:
        """The items."""
        return self.data.catalog

    @property
    def interactions(self) -> Interactions:
        """All events."""
        return self.data.interactions

    @property
    def embeddings(self) -> Mapping[str, Embeddings]:
        """Vectors of each modality."""
        return self.data.embeddings

    @property
    def vectors(self) -> FloatArray:
        """Fused item vectors, float32 (N, D), unit rows."""
        return self.data.vectors

    @property
    def table(self) -> SemanticIdTable:
        """Items and their semantic IDs."""
        return self.data.table

    @property
    def clip(self) -> ClipEncoder:
        """The CLIP model that encoded the catalog, loaded when first needed."""
        return self.data.clip

    @property
    def search(self) -> SearchIndex:
        """The catalog's words and names: what a query names, and which of its words are known."""
        return self.data.search

    @property
    def shares(self) -> Mapping[str, float]:
        """Who has how much to say of what is recommended, summing to one; empty where the models are elsewhere."""
        return self.client.hybrid.told_shares if isinstance(self.client, LocalClient) else {}

    @property
    def feedback_scheme(self) -> str:
        """By which events are positive, as ingest said."""
        return self.data.feedback_scheme

    def passing(self, where: Filter | None) -> BoolArray:
        """Which catalog rows pass a filter, bool (N,). Raises FilterError when a value cannot be compared."""
        return self.data.passing(where)

    def add_adapter(self, adapter: str | Path) -> str:
        """Offer a domain adapter beside what is loaded; returns the name by which requests choose it.

        The name is made of what the folder holds, so any name on a card will do and two adapters never mix. Raises
        ArtifactError, IdTableMismatch, InputError.
        """
        folder = fitting_adapter(self.data.folder, adapter)
        name = f"adapter-{fingerprint_folder(folder)}"
        self.client.add_adapter(name, folder)
        return name

    def history_of(self, user_id: str) -> tuple[str, ...]:
        """All items of one known user, oldest first. Raises UnknownUser."""
        return self.data.history_of(user_id)

    def aversion_of(self, user_id: str) -> tuple[str, ...]:
        """All items that one known user judged negatively at last. Raises UnknownUser."""
        return self.data.aversion_of(user_id)

    def known_history(self, history: Sequence[str]) -> tuple[str, ...]:
        """The items of a history that the catalog has; the others are named in a warning.

        Raises UnknownItem when a history is given and none of it is known.
        """
        known, unknown = self.data.split_history(history)
        if unknown:
            count = (len(unknown), len(history), list(unknown[:5]))
            log.warning("%d of %d history items are unknown and left out: %s", *count)
        return known

    def chosen_history(self, user: str | None, history: Sequence[str] | None) -> tuple[str, ...]:
        """A user's events, or the history as given; empty where neither is. Raises UnknownUser, InputError on both."""
        if user is not None and history is not None:
            raise InputError(USER_AND_HISTORY)
        return self.history_of(user) if user is not None else tuple(history or ())

    def chosen_aversion(self, user: str | None, disliked: Sequence[str] | None) -> tuple[str, ...]:
        """The dislikes as given, else a user's own, else none. Raises UnknownUser."""
        if disliked is not None:
            return tuple(disliked)
        return tuple(item_id for item_id in self.aversion_of(user) if item_id in self.catalog) if user else ()

    def answer(self, requests: Sequence[Request]) -> list[list[Recommendation]]:
        """The k best items of each request; fewer only where fewer may be recommended.

        Raises UnknownItem, FilterError or InputError for the first request that cannot be answered.
        """
        answers = []
        for found in self.client.answer(requests):
            if isinstance(found, InputError):
                raise found
            answers.append(found)
        return answers

    def recommend(
        self,
        *,
        user: str | None = None,
        history: Sequence[str] | None = None,
        query: str = "",
        image: Picture | None = None,
        like: Sequence[str] = (),
        unlike: Sequence[str] = (),
        where: str | Filter | None = None,
        k: int | None = None,
        exclude_history: bool | None = None,
        exclude: Sequence[str] = (),
        disliked: Sequence[str] | None = None,
        adapter: str | None = None,
    ) -> list[Recommendation]:
        """The k best items for a user or a history; fewer only when fewer items pass the filters.

        where: a filter such as "price < 40 and color = red"; like, unlike: item ids that the wanted resembles or not;
        exclude: item ids that must not come back; disliked: those that the person judged negatively, None for a user's
        own, which do not come back and push what is like them away: `aversion_weight` times the log-probability that an
        item is liked is added. adapter: a name or folder of a domain adapter that answers in place
        of what is loaded. score_nats is a log-linear pool: the log-probabilities by the language model's codes and item
        head and by the item scorer, each times its share, which sorts items and need not sum to a probability; cold
        items gain a bonus, or, where the codes answer alone, have at least what they inherit from known neighbors. What
        meets the words of a query comes before what does not: `match_weight` nats times how
        much of them it meets are added; for a photo or items named, `query_weight` nats per standard deviation of
        likeness to them.
        Raises UnknownUser, UnknownItem, FilterError.
        """
        if query.strip() and not self.search.vocabulary.words:
            log.warning("no item has any word, so there is nothing to search for %r; the history alone counts", query)
        request = Request(
            history=self.known_history(self.chosen_history(user, history)),
            query=query,
            image=image,
            like=tuple(like),
            unlike=tuple(unlike),
            where=_filter_of(where),
            exclude=tuple(exclude),
            disliked=self.chosen_aversion(user, disliked),
            adapter=None if adapter is None else self.add_adapter(adapter),
            k=k,
            exclude_history=exclude_history,
        )
        return self.answer([request])[0]

    def recommend_batch(
        self,
        histories: Sequence[Sequence[str]],
        *,
        k: int | None = None,
        exclude_history: bool | None = None,
        queries: Sequence[str] | None = None,
        where: str | Filter | None = None,
        disliked: Sequence[Sequence[str]] | None = None,
        sequence_weight: float | None = None,
    ) -> list[list[Recommendation]]:
        """`recommend` for many histories at once.

        disliked: with each history; sequence_weight: another share of the item scorer, 0 to 1.
        """
        condition = _filter_of(where)
        requests = [
            Request(
                history=self.known_history(history),
                query=query,
                where=condition,
                k=k,
                exclude_history=exclude_history,
                disliked=tuple(averse),
                sequence_weight=sequence_weight,
            )
            for history, query, averse in zip(
                histories, _words_of(queries, histories), disliked or [()] * len(histories), strict=True
            )
        ]
        return self.answer(requests)

    def stream(
        self,
        *,
        user: str | None = None,
        history: Sequence[str] | None = None,
        where: str | Filter | None = None,
        k: int | None = None,
        exclude: Sequence[str] = (),
        disliked: Sequence[str] | None = None,
    ) -> Iterator[Recommendation]:
        """The k best items one by one, each as soon as no other can overtake it; the history is left out.

        Scores are those of `recommend` with a beam that never loses an item; items without events score by themselves
        and inherit nothing. Raises UnknownUser, UnknownItem, FilterError.
        """
        asked = self.known_history(self.chosen_history(user, history))
        request = Request(
            history=asked,
            where=_filter_of(where),
            exclude=tuple(exclude),
            disliked=self.chosen_aversion(user, disliked),
            k=k,
            exclude_history=True,
        )
        return self.client.stream(request)

    def score(
        self,
        histories: Sequence[Sequence[str]],
        item_ids: Sequence[str],
        queries: Sequence[str] | None = None,
        adapter: str | None = None,
    ) -> npt.NDArray[np.float64]:
        """Log-probability in nats of each item after its history (and words), float64 (B,); adapter: as in requests."""
        return self.client.score(_cases(histories, item_ids, queries, adapter))

    def attributions(
        self,
        histories: Sequence[Sequence[str]],
        item_ids: Sequence[str],
        queries: Sequence[str] | None = None,
        adapter: str | None = None,
    ) -> list[Attribution]:
        """Per case, by how many nats `score` falls without each item of the history: leave-one-out attribution."""
        return self.client.attributions(_cases(histories, item_ids, queries, adapter))


def _filter_of(where: str | Filter | None) -> Filter | None:
    return parse_filter(where) if isinstance(where, str) else where


def _words_of(queries: Sequence[str] | None, histories: Sequence[Sequence[str]]) -> Sequence[str]:
    return [""] * len(histories) if queries is None else queries


def _cases(
    histories: Sequence[Sequence[str]], item_ids: Sequence[str], queries: Sequence[str] | None, adapter: str | None
) -> list[Case]:
    return [
        Case(history=tuple(history), item_id=item_id, query=query, adapter=adapter)
        for history, item_id, query in zip(histories, item_ids, _words_of(queries, histories), strict=True)
    ]
