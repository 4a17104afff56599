"""Workspace: a built workspace in one hand. It recommends, explains, draws and talks.

Knows which rooms answer what; deliberately knows nothing of how they do.
"""

import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

from PIL import Image

from genrec.artifacts import write_file
from genrec.chat.conversation import Conversation
from genrec.chat.lexicon import Lexicon
from genrec.chat.reading.reader import Reader
from genrec.chat.reading.tagger import reading_model
from genrec.data.labels import Labels
from genrec.data.words import WORDS_FILE, load_words
from genrec.errors import InputError
from genrec.explain import EvidenceIndex, explain, visible_history
from genrec.fusion.eyes import Eyes
from genrec.ranking.built_data import BuiltData
from genrec.ranking.client import ModelClient
from genrec.ranking.recommender import Recommender
from genrec.schema import Explanation, Visual
from genrec.visualize import Wanted, visualize, wanted_of
from genrec.visualize.families import StepHook

log = logging.getLogger(__name__)


class Draw(Protocol):
    """Draws an item for a person, as `genrec.visualize.visualize` does."""

    def __call__(
        self,
        recommender: "Workspace",
        *,
        user: str | None,
        history: Sequence[str] | None,
        disliked: Sequence[str],
        item_id: str,
        wanted: Wanted,
        out: Path,
        on_step: StepHook | None,
    ) -> Visual: ...


class CatalogKnowledge:
    """What is counted over a workspace's data once, at first use, for all who ask through it."""

    def __init__(self, data: BuiltData) -> None:
        self._data = data

    @cached_property
    def evidence(self) -> EvidenceIndex:
        """Evidence for explanations, counted over the training events alone."""
        data = self._data
        eyes = None if data.looking_fuser is None else Eyes.of(data.looking_fuser, data.catalog)
        return EvidenceIndex.of(data.catalog, data.interactions, data.vectors, data.config.split, data.labels, eyes)

    @cached_property
    def reader(self) -> Reader:
        """The reader of chat messages about this catalog."""
        model = reading_model(self._data.config)
        words = Lexicon(
            self._data.catalog,
            labels=self._data.labels,
            others=load_words(self._data.directory / WORDS_FILE),
            talk=model.words,
        )
        return Reader(words, self._data.search, model)

    def prepare(self) -> None:
        """Count now what would be counted at first use."""
        self.reader.lexicon.prepare()
        log.debug("evidence is counted over %d people", self.evidence.num_users)


class Workspace(Recommender):
    """What `genrec.load` returns."""

    def __init__(
        self,
        data: BuiltData,
        client: ModelClient,
        *,
        draw: Draw = visualize,
        knowledge: CatalogKnowledge | None = None,
    ) -> None:
        """draw: who draws; knowledge: another workspace's over the same data."""
        super().__init__(data, client)
        self._draw = draw
        self.knowledge = knowledge or CatalogKnowledge(data)

    def through(self, client: ModelClient, *, draw: Draw = visualize) -> "Workspace":
        """The same workspace as another client of its models sees it."""
        return Workspace(self.data, client, draw=draw, knowledge=self.knowledge)

    @property
    def evidence(self) -> EvidenceIndex:
        """What explanations rest on; counted at first use."""
        return self.knowledge.evidence

    @property
    def labels(self) -> Labels:
        """How the catalog's attributes are spoken, and which of them has which role."""
        return self.data.labels

    @property
    def reader(self) -> Reader:
        """What reads messages about this catalog; its words are collected at first use."""
        return self.knowledge.reader

    def explain(
        self, *, item: str, user: str | None = None, history: Sequence[str] | None = None, query: str = ""
    ) -> Explanation:
        """Why this item suits this person, every claim backed by evidence. Raises UnknownUser, UnknownItem."""
        return explain(self, user=user, history=history, item_id=self.catalog.item_id(item), query=query)

    def heat_map(
        self, *, item: str, out: Path | str, user: str | None = None, history: Sequence[str] | None = None
    ) -> Path:
        """Write the item's picture, the brighter the more this person looks there, as a PNG.

        Raises UnknownUser, UnknownItem, and InputError where the fuser looks at no regions, or the item has no picture.
        """
        eyes = self.evidence.eyes
        if eyes is None:
            raise InputError(
                f"this workspace's fuser is {self.config.fuse.fuser}, which looks at no regions of pictures; build "
                "with --set fuse.fuser=vecf or uvcan"
            )
        past = visible_history(self.chosen_history(user, history), self)
        picture = eyes.heat_map(past, self.catalog[self.catalog.item_id(item)])
        with write_file(Path(out)) as partial, partial.open("wb") as stream:
            picture.save(stream, format="PNG")
        return Path(out)

    def visualize(
        self,
        *,
        item: str,
        out: Path | str,
        user: str | None = None,
        history: Sequence[str] | None = None,
        disliked: Sequence[str] = (),
        scene: str | None = None,
        change: str | None = None,
        photo: Path | Image.Image | None = None,
        box: tuple[int, int, int, int] | None = None,
        mask: Path | Image.Image | None = None,
        try_on: str | None = None,
        strength: float | None = None,
        seed: int = 0,
        on_step: StepHook | None = None,
    ) -> Visual:
        """Show this item to this person in a PNG, with a record inside and beside it.

        In a scene for them (the default; scene: where, in words), changed (change: how, in words, or empty for their
        taste), or in their photo at a box (left, top, width, height) or a mask; try_on: the installed painter that
        puts it on something there. strength: of the taste, 0 to 1. on_step is called after each step with how many are
        done, of how many, and a small preview; False stops the drawing.
        Raises UnknownUser, UnknownItem, InputError.
        """
        wanted = wanted_of(
            scene=scene, change=change, photo=photo, box=box, mask=mask, try_on=try_on, strength=strength, seed=seed
        )  # fmt: skip
        return self._draw(
            self,
            user=user,
            history=history,
            disliked=tuple(self.catalog.item_id(other) for other in disliked),
            item_id=self.catalog.item_id(item),
            wanted=wanted,
            out=Path(out),
            on_step=on_step,
        )

    def chat(self) -> Conversation:
        """A new conversation; `.say(text)` answers."""
        return Conversation(self)

    def close(self) -> None:
        """End what works for its models elsewhere, if anything does, and let go of its generation's files."""
        self.client.close()
        self.data.generation.release()


def load(directory: Path | str, *, adapter: str | Path | None = None) -> Workspace:
    """Load a built workspace; `adapter` names a domain adapter. Raises ArtifactError, IdTableMismatch."""
    return Workspace.load(directory, adapter=adapter)
