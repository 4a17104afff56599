"""One loaded workspace, as many clients at once may use it.

What needs the language model is batched across clients: recommendations, what explanations rest on, texts. Drawings
stand in a line of their own. Each client holds a view, a workspace with the same parts that puts what it needs in line
and waits, for as long as its client does. Knows no wire format and no store.
"""

import itertools
import time
import uuid
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar

from genrec.config import ServeConfig
from genrec.errors import InputError, WriterBusy
from genrec.explain import evidence_index
from genrec.prompting import Message
from genrec.ranking.recommender import Request
from genrec.schema import FloatArray, Recommendation, Visual
from genrec.serve.inference.batching import Batcher, PriorityLock
from genrec.serve.inference.deadline import Deadline, NotBegun
from genrec.visualize import DrawingStopped, visualize
from genrec.workspace import Workspace

Q = TypeVar("Q")
A = TypeVar("A")
MAX_WEIGHED = 16  # clients whose histories are weighed in one call
MAX_TEXTS, MAX_TEXTS_ON_CPU = 32, 5  # in one call, for whose last text all wait; 5: those of one answer in chat
MAX_WRITTEN = 10_000  # texts that are remembered
Order: TypeAlias = tuple[Message, int]  # what to say, in at most so many tokens


class Case(NamedTuple):
    """What one client wants weighed: items, each after a history and words."""

    histories: Sequence[Sequence[str]]
    item_ids: Sequence[str]
    queries: Sequence[str]
    adapter: str | None


class _Reading(NamedTuple):
    """A message to be understood under a JSON schema."""

    message: Message
    schema: Mapping[str, object]
    max_new_tokens: int


class SharedWorkspace:
    """Owns a workspace; only its batchers use the model."""

    def __init__(self, workspace: Workspace, config: ServeConfig) -> None:
        self.workspace, self.drawing_limit_s = workspace, config.drawing_limit_s
        self.max_wait_for_words_s, max_waiting = config.max_wait_for_words_s, config.max_waiting
        turns = PriorityLock()
        at_once = partial(turns.of, 0)
        when_there_is_time = nullcontext if workspace.pauses_writing else partial(turns.of, 1)
        self.recommendations: Batcher[Request, list[Recommendation]] = Batcher(
            workspace.answer_each,
            max_batch=config.max_batch,
            max_waiting=max_waiting,
            turn=at_once,
            name="recommend",
        )
        # As many wait for these two as there are threads that ask.
        self.attributions: Batcher[Case, list[dict[str, float]]] = Batcher(
            self._weigh, max_batch=MAX_WEIGHED, max_waiting=0, turn=at_once, name="weigh"
        )
        self.written: dict[Order, str] = {}  # what many ask is written once; only the batcher adds to it
        max_texts = MAX_TEXTS_ON_CPU if workspace.model.device.type == "cpu" else MAX_TEXTS
        self.texts: Batcher[Order, str] = Batcher(
            self._write, max_batch=max_texts, max_waiting=0, turn=when_there_is_time, name="write"
        )
        self.readings: Batcher[_Reading, object] = Batcher(
            self._read, max_batch=1, max_waiting=0, turn=at_once, name="read"
        )
        self.vectors: Batcher[str, FloatArray] = Batcher(
            lambda texts: list(workspace.clip.encode_texts(texts)), max_waiting=max_waiting, name="embed"
        )
        self.drawings: Batcher[Callable[[], Visual], Visual] = Batcher(
            _draw, max_batch=1, max_waiting=config.max_drawings, name="draw"
        )

    @property
    def batchers(self) -> "tuple[Batcher[Any, Any], ...]":  # Any: each has its own kind of request
        """All lines in which clients wait; what uses another is closed before it."""
        return (self.drawings, self.recommendations, self.attributions, self.texts, self.readings, self.vectors)

    def warm_up(self) -> None:
        """Load and count now what would be loaded and counted at first use."""
        workspace = self.workspace
        workspace.clip.encode_texts(["warm up"])
        evidence_index(workspace)
        request = Request(history=tuple(item.item_id for item in workspace.catalog.items[:1]))
        if len(workspace.catalog) > 1:
            workspace.answer([request], k=1)

    def close(self) -> None:
        """Answer what waits, then end."""
        for batcher in self.batchers:
            batcher.close()

    def _weigh(self, cases: Sequence[Case]) -> list[list[dict[str, float]]]:
        def weigh_all(adapter: str | None, cases: Sequence[Case]) -> Sequence[list[dict[str, float]]]:
            histories = [history for case in cases for history in case.histories]
            item_ids = [item_id for case in cases for item_id in case.item_ids]
            queries = [query for case in cases for query in case.queries]
            attributions = iter(self.workspace.attributions(histories, item_ids, queries, adapter))
            return [list(itertools.islice(attributions, len(case.item_ids))) for case in cases]

        return _grouped(cases, lambda case: case.adapter, weigh_all)

    def _write(self, orders: Sequence[Order]) -> list[str]:
        def write_all(limit: int, orders: Sequence[Order]) -> Sequence[str]:
            return self.workspace.model.generate_texts([message for message, _ in orders], max_new_tokens=limit)

        fresh = [order for order in dict.fromkeys(orders) if order not in self.written]
        self.written.update(zip(fresh, _grouped(fresh, lambda order: order[1], write_all), strict=True))
        texts = [self.written[order] for order in orders]
        while len(self.written) > MAX_WRITTEN:
            self.written.pop(next(iter(self.written)))
        return texts

    def _read(self, orders: Sequence[_Reading]) -> list[object]:
        generate = self.workspace.model.generate_json
        return [generate(order.message, order.schema, max_new_tokens=order.max_new_tokens) for order in orders]


K = TypeVar("K", bound=Hashable)


def _grouped(entries: Sequence[Q], key: Callable[[Q], K], answer: Callable[[K, Sequence[Q]], Sequence[A]]) -> list[A]:
    """Answer entries of one key together, each in its place."""
    answers: dict[int, A] = {}
    for value in dict.fromkeys(map(key, entries)):
        places = [place for place, entry in enumerate(entries) if key(entry) == value]
        answers.update(zip(places, answer(value, [entries[place] for place in places]), strict=True))
    return [answers[place] for place in range(len(entries))]


def _draw(orders: Sequence[Callable[[], Visual]]) -> list[Visual | BaseException]:
    return [order() for order in orders]


class WorkspaceView(Workspace):
    """A workspace for one client: what needs the model is put in line. For any thread but the batchers'.

    adapter: by which it answers; visuals: the folder for drawings. draws:
    False while a conversation is gone through again, whose pictures were drawn; drawn: the last drawing.
    """

    def __init__(
        self, shared: SharedWorkspace, deadline: Deadline, *, visuals: Path, adapter: str | None = None
    ) -> None:
        vars(self).update(vars(shared.workspace))
        self.model = _QueuedWriter(shared, deadline)  # type: ignore[assignment]  # all that a view's user asks of it
        self.draws = True
        self.drawn: Visual | None = None
        self._shared, self._deadline, self._visuals, self._adapter = shared, deadline, visuals, adapter

    # Views equal their workspace and each other, so that what is counted once for it, as evidence, is theirs too.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Workspace) and other.catalog is self.catalog

    def __hash__(self) -> int:
        return hash(self._shared.workspace)

    def answer(
        self,
        requests: Sequence[Request],
        *,
        k: int | None = None,
        exclude_history: bool | None = None,
        sequence_weight: float | None = None,
    ) -> list[list[Recommendation]]:
        """As the workspace answers, in a batch with other clients."""
        if sequence_weight is not None:
            raise InputError("sequence_weight cannot be chosen where clients share a model; leave it out")
        filled = [self._filled(request, k, exclude_history) for request in requests]
        asked = [replace(request, adapter=request.adapter or self._adapter) for request in filled]
        return self._deadline.wait([self._shared.recommendations.submit(request) for request in asked])

    def attributions(
        self,
        histories: Sequence[Sequence[str]],
        item_ids: Sequence[str],
        queries: Sequence[str] | None = None,
        adapter: str | None = None,
    ) -> list[dict[str, float]]:
        """As the workspace weighs histories, in batches with other clients."""
        case = Case(histories, item_ids, queries or [""] * len(histories), adapter or self._adapter)
        return self._deadline.wait([self._shared.attributions.submit(case)])[0]

    def visualize(
        self,
        *,
        item: str,
        out: Path | str = "",
        user: str | None = None,
        history: Sequence[str] | None = None,
        scene: str | None = None,
        photo: Path | None = None,
        seed: int = 0,
    ) -> Visual:
        """Draw into a new file of the server's own; `out` says nothing here."""
        path = self._visuals / f"{uuid.uuid4().hex}.png"
        if not self.draws:
            return Visual(path=path, item_id=item, seed=seed, models={}, prompt="", scores={}, license="")
        order = partial(
            visualize, self._shared.workspace, user=user, history=history, item_id=item, scene=scene, photo=photo,
            seed=seed, out=path, should_stop=lambda: self._deadline.is_over,
        )  # fmt: skip
        self._deadline.extend(self._shared.drawing_limit_s)
        try:
            (self.drawn,) = self._deadline.wait([self._shared.drawings.submit(order)])
        except DrawingStopped:
            self._deadline.check()
            raise
        return self.drawn


class _QueuedWriter:
    """What explanations and conversations ask of a language model."""

    def __init__(self, shared: SharedWorkspace, deadline: Deadline) -> None:
        self._shared, self._deadline = shared, deadline
        self._wait_s = shared.max_wait_for_words_s  # of the next try; each waits half as long as the one before

    def generate_texts(self, messages: Sequence[Message], *, max_new_tokens: int) -> list[str]:
        """As the language model writes, in a batch with other clients, or wrote before. Raises WriterBusy."""
        orders = [(message, max_new_tokens) for message in messages]
        known = {order: text for order in orders if (text := self._shared.written.get(order)) is not None}
        fresh = [order for order in dict.fromkeys(orders) if order not in known]
        futures = [self._shared.texts.submit(order) for order in fresh]
        begun_by, self._wait_s = time.monotonic() + self._wait_s, self._wait_s / 2
        try:
            written = self._deadline.wait(futures, begun_by=begun_by)
        except NotBegun as error:
            raise WriterBusy(f"the language model is busy: {error}") from None
        known |= zip(fresh, written, strict=True)
        return [known[order] for order in orders]

    def generate_json(self, message: Message, schema: Mapping[str, object], *, max_new_tokens: int) -> object:
        """As the language model answers under a schema, in line with other clients."""
        (answer,) = self._deadline.wait([self._shared.readings.submit(_Reading(message, schema, max_new_tokens))])
        return answer
