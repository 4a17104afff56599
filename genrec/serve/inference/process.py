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
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from genrec.config import Config
from genrec.errors import InputError, ModelEnded
from genrec.generations import Generation
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
RETRY_S = 5.0  # until a process that could not load is tried again
_Call: TypeAlias = tuple[str, Sequence[object], Mapping[str, object]]  # a method, its arguments and options


class ModelProcess:
    """A process that loads the models of a generation and answers calls; it is started again when it ends.

    Two lines lead to it, one call at a time each: while it works on an unhurried one, it pauses for urgent ones.
    Whoever calls speaks with it directly: threads between them would have to wait for the interpreter, each in turn.
    """

    def __init__(self, generation: Generation) -> None:
        self._generation, self._adapters = generation, dict[str, Path]()
        self._state, self._is_open = threading.Condition(), True
        self._turns = {True: threading.Lock(), False: threading.Lock()}  # by whether the line is urgent
        self._lines: dict[bool, Connection] | None = None  # while it can answer
        self._failure: Exception | None = None  # why it could not load
        self._has_answered = False
        self._keeper = threading.Thread(target=self._keep_running, name="keep the model's process", daemon=True)
        self._keeper.start()
        atexit.register(self.close)

    @property
    def is_ready(self) -> bool:
        """Whether it has loaded, and runs."""
        return self._lines is not None

    def _keep_running(self) -> None:
        """Start the process, and start it again whenever it ends, until it is closed."""
        while self._is_open:
            process, lines = None, dict[bool, Connection]()
            try:
                process, lines = self._start()
                failure = lines[True].recv()
            except Exception as error:  # whatever it is, whoever waits must be told
                failure = ModelEnded(f"the model's process ended while it loaded ({type(error).__name__})")
            with self._state:
                self._lines, self._failure = (lines if failure is None else None), failure
                self._has_answered |= failure is None
                self._state.notify_all()
                if failure is not None or not self._is_open:
                    self._hang_up(lines)
            if process is not None:
                process.join()
            with self._state:
                self._lines = None
                if self._is_open and failure is None:
                    log.error("the model's process ended; it is started again")
                elif self._is_open:
                    log.error("the model's process cannot load (%s); it is tried again in %g s", failure, RETRY_S)
                    self._state.wait_for(lambda: not self._is_open, RETRY_S)
                    self._failure = None if self._has_answered else failure

    def _start(self) -> tuple[BaseProcess, dict[bool, Connection]]:
        context = get_context("spawn")
        (urgent, its_urgent), (unhurried, its_unhurried) = context.Pipe(), context.Pipe()
        order = (its_urgent, its_unhurried, self._generation.root, self._generation.number, dict(self._adapters))
        process = context.Process(target=_work, args=order)
        process.start()
        its_urgent.close()  # so that its end is noticed here
        its_unhurried.close()
        return process, {True: urgent, False: unhurried}

    def _hang_up(self, lines: Mapping[bool, Connection]) -> None:
        for line in lines.values():
            line.close()

    def __call__(
        self, method: str, *arguments: object, is_urgent: bool = True, **options: object
    ) -> Any:  # Any: what the method returns
        """What a method of `ModelClient`, or of a stream, returns there, or raises.

        Waits while the process loads. Raises ModelEnded when it ended meanwhile, cannot load again, or was closed, and
        what kept it from loading the first time.
        """
        with self._turns[is_urgent]:
            lines = self._loaded()
            line = lines[is_urgent]
            try:
                line.send((method, arguments, options))
                answer, error = line.recv()
            except (EOFError, OSError):
                with self._state:
                    if self._lines is lines:
                        self._lines = None
                raise ModelEnded("the model's process ended while it worked on this; it is started again") from None
        if error is not None:
            raise error
        return answer

    def _loaded(self) -> dict[bool, Connection]:
        with self._state:
            self._state.wait_for(lambda: self._lines or self._failure or not self._is_open)
            if not self._is_open:
                raise ModelEnded("the model's process was closed")
            if self._lines is not None:
                return self._lines
            assert self._failure is not None
            if not self._has_answered:
                raise self._failure
            raise ModelEnded(f"the model cannot be loaded again ({self._failure}); it is tried every {RETRY_S:g} s")

    def add_adapter(self, name: str, folder: Path) -> None:
        """Offer a domain adapter, also after the process has been started again."""
        self("add_adapter", name, folder)
        self._adapters[name] = folder

    def close(self) -> None:
        """End the process, when it has answered what it works on."""
        with self._state:
            self._is_open = False
            self._state.notify_all()
        with self._turns[True], self._turns[False], self._state:
            if self._lines is not None:
                self._hang_up(self._lines)
        self._keeper.join()
        atexit.unregister(self.close)


class ProcessClient:
    """A `ModelClient` whose models work in a process of their own."""

    def __init__(self, generation: Generation) -> None:
        """Start the process; what it cannot load is told by its first answer."""
        self._process = ModelProcess(generation)
        self._numbers = itertools.count()  # of streams; given here, so that none comes again with a new process
        self._left_streams: deque[int] = deque()  # that nobody goes on with; told when the next one is opened

    @property
    def is_ready(self) -> bool:
        """Whether the process has loaded, and runs."""
        return self._process.is_ready

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
    generation = Generation.open(directory)
    client = ProcessClient(generation)
    try:
        return Workspace(BuiltData.of(generation, config=config), client)
    except BaseException:
        client.close()
        raise


# ---- in the model's process


class _Worker:
    """Answers calls by the models of one workspace: the methods of a `ModelClient`, and streams item by item."""

    def __init__(self, generation: Generation, adapters: Mapping[str, Path]) -> None:
        self.client = LocalClient.load(BuiltData.of(generation))
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


def _work(urgent: Connection, unhurried: Connection, root: Path, number: int, adapters: Mapping[str, Path]) -> None:
    """Load the models of a generation, tell that they are loaded, and answer calls until nobody is there to ask."""
    _begin()
    with contextlib.suppress(EOFError, OSError):  # whoever asked has gone
        try:
            with silence_progress():
                worker = _Worker(Generation.open(root, number), adapters)
            worker.client.language_model.pause = partial(_answer_waiting, worker, urgent)
        except Exception as error:  # whoever waits must be told
            urgent.send(error if isinstance(error, InputError) else ModelEnded(f"{type(error).__name__}: {error}"))
            return
        urgent.send(None)
        budget = ThreadBudget() if "OMP_NUM_THREADS" not in os.environ else None
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


def _answer_next(worker: _Worker, line: Connection) -> None:
    call: _Call = line.recv()
    answer = worker.answer_call(call)
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
