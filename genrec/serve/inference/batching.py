"""Batching: requests of many clients are answered in one call.

A batcher's thread takes what waits, up to a batch, and answers it in one call; while it works, more gather, so batches
grow with the load. Clients who were answered together ask again one after the other, so after batches of several the
next one waits a while for as many, longer where batches take longer; where requests come alone, none waits. Batchers of
one model take turns. Knows nothing of what a request is.
"""

import asyncio
import heapq
import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """How long a batch waits for the next of as many requests as the batch before it held.

    least_s, share, most_s: at least so long, else that share of what the last batches took, but no longer; num_pauses:
    so many times as long for all of them together.
    """

    least_s: float = 0.01
    share: float = 1 / 8
    most_s: float = 0.25
    num_pauses: int = 5

    def pause_s(self, took_s: float) -> float:
        """The longest pause between two requests, after batches that took so long."""
        return min(max(self.least_s, self.share * took_s), self.most_s)


class Overloaded(Exception):
    """More requests wait than will be answered in time."""


class PriorityLock:
    """A lock that is given to who is most urgent, and among these to who has waited longest."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[tuple[int, int]] = []  # a heap of ranks and numbers
        self._numbers = itertools.count()
        self._is_taken = False

    @property
    def num_waiting(self) -> int:
        """How many wait for it."""
        return len(self._waiting)

    @contextmanager
    def of(self, rank: int) -> Iterator[None]:
        """Wait for a turn, and hold it; rank: 0 for the most urgent."""
        mine = rank, next(self._numbers)
        with self._changed:
            heapq.heappush(self._waiting, mine)
            self._changed.wait_for(lambda: not self._is_taken and self._waiting[0] == mine)
            heapq.heappop(self._waiting)
            self._is_taken = True
        try:
            yield
        finally:
            with self._changed:
                self._is_taken = False
                self._changed.notify_all()


class Batcher(Generic[Q, A]):
    """answer: many requests in, as many answers out, or an exception in place of an answer.

    max_waiting: 0 is no limit; num_threads: how many batches are answered at once; turn: gives what is entered while a
    batch is taken and answered, where several batchers share a model.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Q]], Sequence[A | BaseException]],
        *,
        max_batch: int = 32,
        max_waiting: int = 1024,
        num_threads: int = 1,
        turn: Callable[[], AbstractContextManager[None]] = nullcontext,
        name: str = "batcher",
        pacing: Pacing | None = None,
    ) -> None:
        self.name, self._answer, self._max_batch = name, answer, max_batch
        self._turn, self._pacing = turn, pacing or Pacing()
        self._waiting: queue.Queue[tuple[Q, Future[A]] | None] = queue.Queue(max_waiting)
        self.batch_sizes: list[int] = []  # of the last batches, for metrics
        self._took_s: list[float] = []  # the last two
        self._closed = False
        self._entrance = threading.Lock()  # nobody gets in line behind the last
        self._threads = [threading.Thread(target=self._work, name=name, daemon=True) for _ in range(num_threads)]
        for thread in self._threads:
            thread.start()

    def submit(self, request: Q) -> "Future[A]":
        """Put a request in line. Raises Overloaded when the line is full or the batcher is closed."""
        future: Future[A] = Future()
        with self._entrance:
            if self._closed:
                raise Overloaded("the server is shutting down")
            try:
                self._waiting.put_nowait((request, future))
            except queue.Full:
                raise Overloaded(f"{self._waiting.maxsize} requests wait already") from None
        return future

    async def ask(self, request: Q) -> A:
        """The answer to one request, without holding the event loop."""
        return await asyncio.wrap_future(self.submit(request))

    @property
    def num_waiting(self) -> int:
        """How many requests wait for the next batch."""
        return self._waiting.qsize()

    def close(self) -> None:
        """Answer what waits, then end."""
        with self._entrance:
            was_open, self._closed = not self._closed, True
        if was_open:
            for _ in self._threads:
                self._waiting.put(None)  # each ends at one of these
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        is_open = True
        while is_open:
            taken = [self._waiting.get()]
            pause_s = self._pacing.pause_s(max(self._took_s, default=0.0))
            self._take(taken, max(self.batch_sizes[-2:], default=1), pause_s)
            with self._turn():
                self._take(taken, self._max_batch, 0.0)
                is_open = None not in taken
                batch = [entry for entry in taken if entry is not None and entry[1].set_running_or_notify_cancel()]
                if batch:
                    self._answer_batch(batch)

    def _take(self, taken: "list[tuple[Q, Future[A]] | None]", count: int, longest_pause_s: float) -> None:
        """Add what waits, until there are so many, nobody comes for a pause, or for several in all, or the end comes.

        Who has gone meanwhile does not count.
        """
        ends = time.monotonic() + self._pacing.num_pauses * longest_pause_s
        taken[:] = [entry for entry in taken if entry is None or not entry[1].cancelled()]
        while len(taken) < count and None not in taken[-1:]:
            pause_s = min(longest_pause_s, ends - time.monotonic())
            try:
                entry = self._waiting.get(timeout=pause_s) if pause_s > 0 else self._waiting.get_nowait()
            except queue.Empty:
                return
            if entry is None or not entry[1].cancelled():
                taken.append(entry)

    def _answer_batch(self, batch: list[tuple[Q, "Future[A]"]]) -> None:
        self.batch_sizes = [*self.batch_sizes[-99:], len(batch)]
        began = time.monotonic()
        try:
            answers = self._answer([request for request, _ in batch])
        except BaseException as error:  # whoever waits must be told, whatever went wrong
            answers = [error] * len(batch)
        self._took_s = [*self._took_s[-1:], time.monotonic() - began]
        for (_, future), answer in zip(batch, answers, strict=True):
            if isinstance(answer, BaseException):
                future.set_exception(answer)
            else:
                future.set_result(answer)
