"""Engine: recommends, explains, draws, talks and embeds for many clients at once, whatever the wire format.

The event loop never computes: requests to the model wait in its batchers, and what takes several of them (explanations,
conversations, drawings) runs on a bounded number of threads, each with the deadline of its client.
"""

import asyncio
import json
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from genrec.config import ServeConfig
from genrec.errors import GenrecError, IdTableMismatch, InputError, PersonErased
from genrec.model.lm.adapters import CARD_FILE, list_adapters
from genrec.model.lm.language import load_prompts
from genrec.ranking.client import Request
from genrec.runtime import pick_device, shown_name
from genrec.schema import FloatArray, Recommendation, Visual
from genrec.serve.errors import ApiError
from genrec.serve.inference.batching import Overloaded
from genrec.serve.inference.client import ClientView, ModelQueues
from genrec.serve.inference.deadline import ClientGone, Deadline
from genrec.serve.profiles import Profiles
from genrec.serve.store import Store, StoredVisual, UnfinishedDrawings
from genrec.visualize import Studio, studio_of
from genrec.workspace import Workspace

log = logging.getLogger(__name__)
A = TypeVar("A")
IsGone = Callable[[], Awaitable[bool]]
BASE_MODEL = "genrec"
_OF_NOBODY = 10  # times as many drawings are stored for all whom nobody knows as for one person
_GLANCE_S = 0.5  # how often a client that waits is looked after


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """A name that clients choose. adapter: what the workspace calls it, None for the workspace itself."""

    name: str
    adapter: str | None
    created: int
    about: str


class Engine:
    """One loaded workspace and one store, for all clients of a process."""

    def __init__(
        self, workspace: Workspace, store: Store, config: ServeConfig, *, studio: Studio | None = None
    ) -> None:
        """studio: what draws, the workspace's own unless given."""
        self._unfinished = UnfinishedDrawings(workspace.directory)
        self.workspace, self.store, self.config = workspace, store, config
        self.models = {model.name: model for model in _served_models(workspace)}
        on_cpu = pick_device(workspace.config.device).type == "cpu"
        self.queues = ModelQueues(workspace.client, config, on_cpu=on_cpu)
        self.profiles = Profiles(workspace.catalog, workspace.interactions, store)
        self.studio = studio or studio_of(workspace)
        self.reader = workspace.reader  # now, so that all views have it
        self.num_jobs = 0
        self.is_open = False
        self._threads = ThreadPoolExecutor(config.num_threads, thread_name_prefix="job")
        self._prompts, _ = load_prompts(workspace.data.folder / "model")
        self._counting = threading.Lock()

    @property
    def generation(self) -> int:
        """The number of the generation that is served."""
        return self.workspace.data.generation.number

    def open(self) -> None:
        """Load what is loaded at first use, so that the first client does not wait for it; once is enough."""
        if not self.is_open:
            self._warm_up()
            self._threads.submit(self._prepare_to_draw)  # nobody but who wants a picture waits for it
        self.is_open = True

    def _warm_up(self) -> None:
        """Load and count now what would be loaded and counted at first use."""
        workspace = self.workspace
        workspace.knowledge.prepare()
        workspace.clip.count_tokens(["warm up"])
        workspace.client.embed(["warm up"])
        workspace.search.known("warm up")
        first = Request(history=(workspace.catalog.items[0].item_id,), query="warm up", k=1)
        if len(workspace.catalog) > 1:
            workspace.answer([first])

    def _prepare_to_draw(self) -> None:
        """Load what paints places, and measure what the catalog looks like; where that fails, drawing tells why."""
        visualizer, tastes = self.studio.visualizer, self.studio.tastes
        try:
            log.debug("%s paints; the tower knows the catalog %.2f", visualizer.scenes, visualizer.guard.knowledge)
            log.debug("the catalog shows %d colors", (tastes.catalog_shares_A > 0).sum())
        except GenrecError as error:
            log.warning("nothing can be drawn: %s", error)

    def close(self) -> None:
        """Finish what is in hand, and end the models; the store stays open."""
        self.is_open = False
        self._threads.shutdown()
        self.queues.close()
        self._unfinished.close()
        self.workspace.close()

    def model(self, name: str) -> ServedModel:
        """A served model. Raises ApiError 404."""
        if name not in self.models:
            message = f"model {name!r} is not served here; there are: {', '.join(self.models)}"
            raise ApiError(status=404, code="model_not_found", message=message, param="model")
        return self.models[name]

    async def recommend(self, request: Request) -> list[Recommendation]:
        """The best items, found in a batch with other clients' requests."""
        async with asyncio.timeout(self.config.time_limit_s):
            return await self.queues.recommendations.ask(request)

    async def embed(self, texts: Sequence[str]) -> list[FloatArray]:
        """Unit vectors of texts in CLIP space."""
        async with asyncio.timeout(self.config.time_limit_s):
            return list(await asyncio.gather(*(self.queues.vectors.ask(text) for text in texts)))

    def vector_of(self, item_id: str) -> FloatArray:
        """The unit vector of an item in CLIP space, by its picture, else its words. Raises UnknownItem, InputError."""
        row = self.workspace.catalog.row(item_id)
        for name in ("image", "text"):
            modality = self.workspace.embeddings.get(name)
            if modality is not None and modality.present[row]:
                return np.asarray(modality.vectors[row], dtype=np.float32)
        raise InputError(f"item {item_id!r} has neither a picture nor words that were encoded; ask for another")

    def view(self, model: ServedModel) -> ClientView:
        """The workspace as one client sees it."""
        deadline = Deadline(self.config.time_limit_s)
        visuals = self._unfinished.folder
        return ClientView.of(
            self.workspace, self.queues, deadline, studio=self.studio, visuals=visuals, adapter=model.adapter
        )

    async def run(self, job: Callable[[], A], deadline: Deadline, is_gone: IsGone | None = None) -> A:
        """Run a job on a thread; its client is taken to have gone when `is_gone` says so or this is cancelled.

        Raises Overloaded when too many jobs wait, ClientGone when nobody waits any more, and whatever the job raises.
        """
        if self.num_jobs >= self.config.max_waiting:
            raise Overloaded(f"{self.num_jobs} jobs wait already")
        if is_gone is not None and await is_gone():  # since the job before, of the same client
            raise ClientGone("the client has gone")
        self.num_jobs += 1
        try:
            running = asyncio.get_running_loop().run_in_executor(self._threads, job)
            running.add_done_callback(lambda done: done.cancelled() or done.exception())  # when nobody asks any more
            while True:
                done, _ = await asyncio.wait([running], timeout=_GLANCE_S)
                if done:
                    return await running
                if is_gone is not None and await is_gone():
                    deadline.leave()
        except BaseException:
            deadline.leave()
            raise
        finally:
            self.num_jobs -= 1

    def moment(self, person: str | None) -> int | None:
        """When something of a person begins: to be stored only where the person was not erased since."""
        return None if person is None else self.store.moment(person)

    def keep(
        self, visual: Visual, person: str | None, begun: int | None, *, answers: str | None = None
    ) -> StoredVisual:
        """Remember a drawing with its whole record, in place of the person's oldest where they have many.

        begun: `moment` of the person when the drawing began; answers: by what an equal request finds it. The store
        names it before it leaves the folder of unfinished ones, and holds it while it does, so that none is left which
        nobody erases. Raises PersonErased.
        """
        record = json.loads(visual.path.with_suffix(".json").read_text(encoding="utf-8"))
        path = self._unfinished.finished(visual.path)
        try:
            stored = self.store.add_visual(
                person=person, item_id=visual.item_id, path=path, record=record, told=_told(visual), answers=answers,
                begun=begun,
            )  # fmt: skip
            if not self.store.place_visual(stored, lambda: self._unfinished.move(visual.path)):
                raise PersonErased("the drawing was erased before it was answered; draw again")
        except BaseException:
            self.discard(visual)
            raise
        if (most := self.config.max_stored_drawings) is not None:
            self.store.drop_visuals(stored, beyond=most if person is not None else most * _OF_NOBODY)
        return stored

    def discard(self, visual: Visual) -> None:
        """Delete a drawing that nobody is shown and no store names."""
        self._unfinished.discard(visual.path)

    def count_tokens(self, texts: Sequence[str]) -> int:
        """How many tokens the texts are to the language model."""
        with self._counting:
            return sum(len(self._prompts.encode_text(text)) for text in texts)


def _told(visual: Visual) -> dict[str, object]:
    """What the person is told of a drawing beside its record."""
    names = ("mode", "note", "words_not_drawn", "taste", "colors", "shaped_by")
    return {name: list(value) if isinstance(value := getattr(visual, name), tuple) else value for name in names}


def _served_models(workspace: Workspace) -> list[ServedModel]:
    """The workspace itself, and every adapter that fits it."""
    made = int((workspace.data.folder / "genrec.toml").stat().st_mtime)
    about = f"{shown_name(workspace.config.tune.base)}, tuned on this catalog"
    models = [ServedModel(name=BASE_MODEL, adapter=None, created=made, about=about)]
    for folder, card in list_adapters(workspace.data.folder).items():
        try:
            name = workspace.add_adapter(folder)
        except IdTableMismatch as error:  # as most shipped ones
            log.info("adapter %s is not served: %s", card.name, error)
            continue
        except InputError as error:
            log.warning("adapter %s is not served: %s", card.name, error)
            continue
        created = int((folder / CARD_FILE).stat().st_mtime)
        models.append(ServedModel(name=card.name, adapter=name, created=created, about=card.data))
    return models
