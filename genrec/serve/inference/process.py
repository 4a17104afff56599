"""Models in a process of their own, and the `ModelClient` that asks them.

The threads that speak with clients would take the interpreter from the model between any two of its steps; in its own
process it keeps a core to itself. What crosses over is requests, item ids and words, many in one message.
"""

import atexit
import contextlib
import itertools
import logging
import os
import pickle
import signal
import threading
import traceback
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from genrec.config import Config
from genrec.errors import ModelEnded
from genrec.prompting import Message
from genrec.ranking.built_data import BuiltData
from genrec.ranking.client import Answer, Attribution, Case, Request
from genrec.ranking.local import LocalClient
from genrec.runtime import quiet_libraries, return_freed_memory, silence_progress
from genrec.schema import FloatArray, Recommendation
from genrec.serve.inference.threads import ThreadBudget
from genrec.serve.logs import configure_logging
from genrec.serve.offspring import end_with_starter
from genrec.workspace import Workspace

log = logging.getLogger(__name__)
_Call: TypeAlias = tuple[str, Sequence[object], Mapping[str, object]]  # a method, its arguments and options


class ModelProcess:
    """A process that loads a workspace's models and answers calls; it is started again when it ends.

    Two lines lead to it, one call at a time each: while it works on an unhurried one, it pauses for urgent ones.
    Whoever calls speaks with it directly: threads between them would have to wait for the interpreter, each in turn.
    """

    def __init__(self, directory: Path) -> None:
        self._directory, self._adapters = directory, dict[str, Path]()
        self._starting, self._is_open = threading.Lock(), True
        self._turns = {True: threading.Lock(), False: threading.Lock()}  # by whether the line is urgent
        self._start()
        atexit.register(self.close)

    def _start(self) -> None:
        context = get_context("spawn")
        (urgent, its_urgent), (unhurried, its_unhurried) = context.Pipe(), context.Pipe()
        self._lines = {True: urgent, False: unhurried}
        order = (its_urgent, its_unhurried, self._directory, dict(self._adapters))
        self._process = context.Process(target=_work, args=order)
        self._process.start()
        its_urgent.close()  # so that its end is noticed here
        its_unhurried.close()

    def __call__(
        self, method: str, *arguments: object, is_urgent: bool = True, **options: object
    ) -> Any:  # Any: what the method returns
        """What a method of `ModelClient`, or of a stream, returns there, or raises.

        Raises ModelEnded when the process ended meanwhile, or was closed.
        """
        with self._turns[is_urgent]:
            with self._starting:
                if not self._is_open:
                    raise ModelEnded("the model's process was closed")
                line = self._lines[is_urgent]
            try:
                line.send((method, arguments, options))
                answer, error = line.recv()
            except (EOFError, OSError):
                with self._starting:
                    if line is self._lines[is_urgent] and self._is_open:
                        log.error("the model's process ended; it is started again")
                        self._process.join()
                        self._start()
                raise ModelEnded("the model's process ended while it worked on this; it is started again") from None
        if error is not None:
            raise error
        return answer

    def add_adapter(self, name: str, folder: Path) -> None:
        """Offer a domain adapter, also after the process has been started again."""
        self("add_adapter", name, folder)
        self._adapters[name] = folder

    def close(self) -> None:
        """End the process, when it has answered what it works on."""
        with self._turns[True], self._turns[False], self._starting:
            self._is_open = False
            for line in self._lines.values():
                line.close()
            self._process.join()
        atexit.unregister(self.close)


class ProcessClient:
    """A `ModelClient` whose models work in a process of their own."""

    def __init__(self, directory: Path) -> None:
        """Start the process; what it cannot load is told by its first answer."""
        self._process = ModelProcess(directory)
        self._numbers = itertools.count()  # of streams; given here, so that none comes again with a new process
        self._left_streams: deque[int] = deque()  # that nobody goes on with; told when the next one is opened

    @property
    def answers_while_writing(self) -> bool:
        """True: between the steps of a text, the process answers other calls."""
        return True

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """The k best items of each request."""
        answers: list[Answer] = self._process("answer", list(requests))
        return answers

    def stream(self, request: Request) -> Iterator[Recommendation]:
        """The k best items one by one; the process answers others between any two of them."""
        number, left = next(self._numbers), [self._left_streams.popleft() for _ in range(len(self._left_streams))]
        self._process("open_stream", number, request, left)
        return self._streamed(number)

    def _streamed(self, number: int) -> Iterator[Recommendation]:
        try:
            while (item := self._process("next_of_stream", number)) is not None:
                yield item
        finally:
            self._left_streams.append(number)  # not told at once: this may run wherever a generator is collected

    def score(self, cases: Sequence[Case]) -> npt.NDArray[np.float64]:
        """Log-probability of each case's item in nats, float64 (B,)."""
        scores: npt.NDArray[np.float64] = self._process("score", list(cases))
        return scores

    def attributions(self, cases: Sequence[Case]) -> list[Attribution]:
        """Leave-one-out attribution of each case's score."""
        attributions: list[Attribution] = self._process("attributions", list(cases))
        return attributions

    def write(self, messages: Sequence[Message], *, max_new_tokens: int) -> list[str]:
        """What the language model says to each message, greedily."""
        texts: list[str] = self._process("write", list(messages), max_new_tokens=max_new_tokens, is_urgent=False)
        return texts

    def read(self, message: Message, schema: Mapping[str, object], *, max_new_tokens: int) -> object:
        """What the foundation says to a message as JSON under a schema."""
        return self._process("read", message, schema, max_new_tokens=max_new_tokens)

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """Unit vectors of texts in CLIP space, float32 (B, D)."""
        vectors: FloatArray = self._process("embed", list(texts))
        return vectors

    def add_adapter(self, name: str, folder: Path) -> None:
        """Offer a domain adapter, also after the process has been started again."""
        self._process.add_adapter(name, folder)

    def close(self) -> None:
        """End the process."""
        self._process.close()


def load_with_model_process(directory: Path | str, *, config: Config | None = None) -> Workspace:
    """A built workspace whose models load in a process of their own while its data load in this one.

    config: in place of the workspace's own. Raises ArtifactError, IdTableMismatch.
    """
    client = ProcessClient(Path(directory))
    try:
        return Workspace(BuiltData.load(directory, config=config), client)
    except BaseException:
        client.close()
        raise


# ---- in the model's process


class _Worker:
    """Answers calls by the models of one workspace: the methods of a `ModelClient`, and streams item by item."""

    def __init__(self, directory: Path, adapters: Mapping[str, Path]) -> None:
        self.client = LocalClient.load(BuiltData.load(directory))
        for name, folder in adapters.items():
            self.client.add_adapter(name, folder)
        self._streams: dict[int, Iterator[Recommendation]] = {}

    def open_stream(self, number: int, request: Request, left: Sequence[int]) -> None:
        """Begin a stream under a number, and forget those that were left."""
        for other in left:
            self._streams.pop(other, None)
        self._streams[number] = self.client.stream(request)

    def next_of_stream(self, number: int) -> Recommendation | None:
        """The next item of a stream; None at its end. Raises ModelEnded for one that another process began."""
        if number not in self._streams:
            raise ModelEnded("the model's process was started again while it streamed; ask again")
        return next(self._streams[number], None)

    def answer_call(self, call: _Call) -> tuple[object, Exception | None]:
        """What a method returns, or raises."""
        method, arguments, options = call
        try:
            return getattr(self if hasattr(self, method) else self.client, method)(*arguments, **options), None
        except Exception as error:  # whoever calls must be told, and where it was
            error.add_note(f"in the model's process:\n{traceback.format_exc()}")
            return None, error


def _work(urgent: Connection, unhurried: Connection, directory: Path, adapters: Mapping[str, Path]) -> None:
    """Load the models of a workspace, and answer calls until nobody is there to ask."""
    _begin()
    worker: _Worker | Exception
    try:
        with silence_progress():
            worker = _Worker(directory, adapters)
        worker.client.language_model.pause = partial(_answer_waiting, worker, urgent)
    except Exception as error:  # whoever calls must be told
        worker = error
    budget = ThreadBudget() if "OMP_NUM_THREADS" not in os.environ else None
    with contextlib.suppress(EOFError):
        while True:
            ready = wait([urgent, unhurried])
            if budget is not None:
                budget.take()
            _answer_next(worker, urgent if urgent in ready else unhurried)


def _answer_waiting(worker: _Worker, line: Connection) -> None:
    """Between the steps of a text: answer as if nothing else were done. Its end is noticed where calls are awaited."""
    with contextlib.suppress(EOFError), torch.inference_mode(mode=False):
        if line.poll():  # one, so that texts come to an end, however many calls there are
            _answer_next(worker, line)


def _answer_next(worker: _Worker | Exception, line: Connection) -> None:
    call: _Call = line.recv()
    answer = (None, worker) if isinstance(worker, Exception) else worker.answer_call(call)
    try:
        line.send(answer)
    except (TypeError, AttributeError, pickle.PicklingError) as error:  # nothing was sent
        line.send((None, RuntimeError(f"{call[0]}: {answer[1]!r} cannot be sent ({error})")))


def _begin() -> None:
    """Outlive signals that are meant for whoever started this process, but not its end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    end_with_starter()
    quiet_libraries()
    configure_logging()
    return_freed_memory()
    threadpool_limits(limits=1, user_api="blas")  # its idle threads would hold cores that torch's wait for
