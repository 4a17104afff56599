"""Many clients of one server share its models: they wait in lines, and are answered together.

`ModelQueues` owns a `ModelClient` and alone calls it; `QueuedClient` is the `ModelClient` of one client of the server,
which puts what it asks in line and waits for as long as its client does. Drawings, which no `ModelClient` makes, stand
in a line of their own. Knows no wire format and no store.
"""

import time
import uuid
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from genrec.config import ServeConfig
from genrec.errors import InputError, WriterBusy
from genrec.prompting import Message
from genrec.ranking.client import Answer, Attribution, Case, ModelClient, Request
from genrec.schema import FloatArray, Recommendation, Visual
from genrec.serve.inference.batching import Batcher, PriorityLock
from genrec.serve.inference.deadline import Deadline, NotBegun
from genrec.serve.inference.threads import usable_cores
from genrec.visualize import DrawingStopped, Studio, Wanted, visualize
from genrec.visualize.families import StepHook
from genrec.workspace import Workspace

Q = TypeVar("Q")
A = TypeVar("A")
K = TypeVar("K", bound=Hashable)
Asked = TypeVar("Asked", Request, Case)
MAX_SCORED = 16  # clients whose cases are scored in one call
MAX_TEXTS, MAX_TEXTS_ON_CPU = 32, 5  # in one call, for whose last text all wait; 5: those of one answer in chat
MAX_CACHED_TEXTS = 10_000
_CORES_PER_DRAWING = 4  # with fewer for each, several at once are done no sooner
TextOrder: TypeAlias = tuple[Message, int]  # what to say, in at most so many tokens
Cases: TypeAlias = Sequence[Case]  # of one client, scored together


class ModelQueues:
    """The lines in which a server's clients wait for one `ModelClient`; their threads alone call it.

    on_cpu: whether its models work on a processor, where fewer texts are written at once; max_cached_texts: texts that
    are remembered, because many clients ask for the same.
    """

    def __init__(
        self, client: ModelClient, config: ServeConfig, *, on_cpu: bool, max_cached_texts: int = MAX_CACHED_TEXTS
    ) -> None:
        self.client, self.drawing_limit_s = client, config.drawing_limit_s
        self.max_wait_for_words_s, max_waiting = config.max_wait_for_words_s, config.max_waiting
        self._max_cached_texts = max_cached_texts
        self.turns = PriorityLock()
        at_once = partial(self.turns.of, 0)
        when_there_is_time = nullcontext if client.answers_while_writing else partial(self.turns.of, 1)
        self.recommendations: Batcher[Request, list[Recommendation]] = Batcher(
            client.answer, max_batch=config.max_batch, max_waiting=max_waiting, turn=at_once, name="recommend"
        )
        # As many wait for these as there are threads that ask.
        self.attributions: Batcher[Cases, list[Attribution]] = Batcher(
            partial(_scored_together, client.attributions),
            max_batch=MAX_SCORED,
            max_waiting=0,
            turn=at_once,
            name="weigh",
        )
        self.scores: Batcher[Cases, list[float]] = Batcher(
            partial(_scored_together, lambda cases: client.score(cases).tolist()),
            max_batch=MAX_SCORED,
            max_waiting=0,
            turn=at_once,
            name="score",
        )
        self.cached_texts: dict[TextOrder, str] = {}  # only the batcher adds to it
        self.texts: Batcher[TextOrder, str] = Batcher(
            self._write,
            max_batch=MAX_TEXTS_ON_CPU if on_cpu else MAX_TEXTS,
            max_waiting=0,
            turn=when_there_is_time,
            name="write",
        )
        self.steps: Batcher[Callable[[], Recommendation | None], Recommendation | None] = Batcher(
            _call_each, max_batch=1, max_waiting=0, turn=at_once, name="stream"
        )
        self.vectors: Batcher[str, FloatArray] = Batcher(
            lambda texts: list(client.embed(texts)), max_waiting=max_waiting, name="embed"
        )
        num_at_once = config.drawings_at_once or (max(1, len(usable_cores()) // _CORES_PER_DRAWING) if on_cpu else 2)
        self.drawings: Batcher[Callable[[], Visual], Visual] = Batcher(
            _call_each, max_batch=1, max_waiting=config.max_drawings, num_threads=num_at_once, name="draw"
        )

    @property
    def batchers(self) -> "tuple[Batcher[Any, Any], ...]":  # Any: each has its own kind of request
        """All lines; what uses another is closed before it."""
        return (
            self.drawings,
            self.recommendations,
            self.attributions,
            self.scores,
            self.texts,
            self.steps,
            self.vectors,
        )

    def close(self) -> None:
        """Answer what waits, then end."""
        for batcher in self.batchers:
            batcher.close()

    def _write(self, orders: Sequence[TextOrder]) -> list[str]:
        def write_all(limit: int, orders: Sequence[TextOrder]) -> Sequence[str]:
            return self.client.write([message for message, _ in orders], max_new_tokens=limit)

        fresh = [order for order in dict.fromkeys(orders) if order not in self.cached_texts]
        self.cached_texts.update(zip(fresh, _grouped(fresh, lambda order: order[1], write_all), strict=True))
        texts = [self.cached_texts[order] for order in orders]
        while len(self.cached_texts) > self._max_cached_texts:
            self.cached_texts.pop(next(iter(self.cached_texts)))
        return texts


def _grouped(entries: Sequence[Q], key: Callable[[Q], K], answer: Callable[[K, Sequence[Q]], Sequence[A]]) -> list[A]:
    """Answer entries of one key together, each in its place."""
    answers: dict[int, A] = {}
    for value in dict.fromkeys(map(key, entries)):
        places = [place for place, entry in enumerate(entries) if key(entry) == value]
        answers.update(zip(places, answer(value, [entries[place] for place in places]), strict=True))
    return [answers[place] for place in range(len(entries))]


def _scored_together(score: Callable[[Cases], Sequence[A]], orders: Sequence[Cases]) -> list[list[A]]:
    """Score the cases of several clients in one call."""
    found = iter(score([case for cases in orders for case in cases]))
    return [list(islice(found, len(cases))) for cases in orders]


def _call_each(orders: Sequence[Callable[[], A]]) -> list[A | BaseException]:
    return [order() for order in orders]


class QueuedClient:
    """The `ModelClient` of one client of a server: what it asks waits in line. For any thread but the batchers'.

    adapter: the domain adapter that answers where a request names none.
    """

    def __init__(self, queues: ModelQueues, deadline: Deadline, *, adapter: str | None = None) -> None:
        self._queues, self._deadline, self._adapter = queues, deadline, adapter
        self._wait_s = queues.max_wait_for_words_s  # of the next try; each waits half as long as the one before

    @property
    def is_ready(self) -> bool:
        """As the client behind the queues is."""
        return self._queues.client.is_ready

    @property
    def answers_while_writing(self) -> bool:
        """As the client behind the queues does."""
        return self._queues.client.answers_while_writing

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """The k best items of each request, in a batch with other clients'."""
        if any(request.sequence_weight is not None for request in requests):
            raise InputError("sequence_weight cannot be chosen where clients share a model; leave it out")
        futures = [self._queues.recommendations.submit(self._with_adapter(request)) for request in requests]
        answers: list[Answer] = []
        try:
            for future in futures:
                try:
                    answers.append(self._deadline.wait([future])[0])
                except InputError as error:
                    answers.append(error)
        finally:
            for future in futures:
                future.cancel()
        return answers

    def stream(self, request: Request) -> Iterator[Recommendation]:
        """The k best items one by one; between any two of them, others take their turns."""
        asked = self._with_adapter(request)
        stream: list[Iterator[Recommendation]] = []

        def step() -> Recommendation | None:
            if not stream:
                stream.append(self._queues.client.stream(asked))
            return next(stream[0], None)

        first = self._step(step)
        return self._rest_of_stream(first, step)

    def _rest_of_stream(
        self, item: Recommendation | None, step: Callable[[], Recommendation | None]
    ) -> Iterator[Recommendation]:
        while item is not None:
            yield item
            item = self._step(step)

    def _step(self, step: Callable[[], Recommendation | None]) -> Recommendation | None:
        return self._deadline.wait([self._queues.steps.submit(step)])[0]

    def score(self, cases: Sequence[Case]) -> npt.NDArray[np.float64]:
        """Log-probabilities of cases in nats, float64 (B,), in a batch with other clients'."""
        order = [self._with_adapter(case) for case in cases]
        return np.array(self._deadline.wait([self._queues.scores.submit(order)])[0], dtype=np.float64)

    def attributions(self, cases: Sequence[Case]) -> list[Attribution]:
        """Leave-one-out attributions of cases, in a batch with other clients'."""
        order = [self._with_adapter(case) for case in cases]
        return self._deadline.wait([self._queues.attributions.submit(order)])[0]

    def write(self, messages: Sequence[Message], *, max_new_tokens: int) -> list[str]:
        """What the language model says, in a batch with other clients', or said before. Raises WriterBusy."""
        orders = [(message, max_new_tokens) for message in messages]
        known = {order: text for order in orders if (text := self._queues.cached_texts.get(order)) is not None}
        fresh = [order for order in dict.fromkeys(orders) if order not in known]
        futures = [self._queues.texts.submit(order) for order in fresh]
        begun_by, self._wait_s = time.monotonic() + self._wait_s, self._wait_s / 2
        try:
            written = self._deadline.wait(futures, begun_by=begun_by)
        except NotBegun as error:
            raise WriterBusy(f"the language model is busy: {error}") from None
        known |= zip(fresh, written, strict=True)
        return [known[order] for order in orders]

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """Unit vectors of texts, float32 (B, D), in a batch with other clients'."""
        vectors: list[FloatArray] = self._deadline.wait([self._queues.vectors.submit(text) for text in texts])
        return np.stack(vectors)

    def add_adapter(self, name: str, folder: Path) -> None:
        """Offer a domain adapter to all clients."""
        self._queues.client.add_adapter(name, folder)

    def close(self) -> None:
        """The queues are closed by who opened them."""

    def _with_adapter(self, order: Asked) -> Asked:
        return order if order.adapter is not None else replace(order, adapter=self._adapter)


class QueuedDrawings:
    """Draws for one client of a server: in line with others', into files of the server's own.

    is_replay: True while a conversation is gone through again, whose pictures were drawn; last: the last drawing.
    """

    def __init__(self, queues: ModelQueues, deadline: Deadline, *, folder: Path, studio: Studio) -> None:
        self._queues, self._deadline, self._folder, self._studio = queues, deadline, folder, studio
        self.is_replay = False
        self.last: Visual | None = None

    def __call__(
        self,
        recommender: Workspace,
        *,
        user: str | None,
        history: Sequence[str] | None,
        disliked: Sequence[str],
        item_id: str,
        wanted: Wanted,
        out: Path,
        on_step: StepHook | None,
    ) -> Visual:
        """Draw into a new file of the folder; `out` says nothing here."""
        path = self._folder / f"{uuid.uuid4().hex}.png"
        if self.is_replay:
            return Visual(path=path, item_id=item_id, seed=wanted.seed, models={}, prompt="", scores={}, license="")

        def watch(step: int, total: int, preview: Image.Image | None) -> bool:
            return not self._deadline.is_over and (on_step is None or on_step(step, total, preview))

        order = partial(
            visualize, recommender, user=user, history=history, disliked=disliked, item_id=item_id, wanted=wanted,
            out=path, on_step=watch, studio=self._studio,
        )  # fmt: skip
        self._deadline.extend(self._queues.drawing_limit_s)
        drawing = self._queues.drawings.submit(order)
        try:
            (self.last,) = self._deadline.wait([drawing])
        except BaseException as error:
            drawing.add_done_callback(lambda _: _remove(path))  # it may come to its end all the same
            if isinstance(error, DrawingStopped):
                self._deadline.check()
            raise
        return self.last


def _remove(path: Path) -> None:
    """Delete a drawing that nobody waits for any more, and its record."""
    for file in (path.with_suffix(".json"), path):
        file.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class ClientView:
    """A workspace as one client of a server sees it, its drawings, and how long the client waits."""

    workspace: Workspace
    drawings: QueuedDrawings
    deadline: Deadline

    @classmethod
    def of(
        cls,
        workspace: Workspace,
        queues: ModelQueues,
        deadline: Deadline,
        *,
        studio: Studio,
        visuals: Path,
        adapter: str | None,
    ) -> "ClientView":
        """studio: what draws; visuals: the folder for drawings; adapter: by which requests are answered that name
        none."""
        drawings = QueuedDrawings(queues, deadline, folder=visuals, studio=studio)
        client = QueuedClient(queues, deadline, adapter=adapter)
        return cls(workspace.through(client, draw=drawings), drawings, deadline)

    def draw(
        self,
        item_id: str,
        wanted: Wanted,
        *,
        history: Sequence[str] = (),
        disliked: Sequence[str] = (),
        on_step: StepHook | None = None,
    ) -> Visual:
        """Draw an item for whoever chose a history. Raises UnknownItem, InputError, TimeoutError, ClientGone."""
        return self.drawings(
            self.workspace, user=None, history=history, disliked=disliked, item_id=item_id, wanted=wanted,
            out=Path(),  # the server chooses where
            on_step=on_step,
        )  # fmt: skip
