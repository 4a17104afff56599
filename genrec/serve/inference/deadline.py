"""Deadlines: how long each client waits for its answer, and whether it still does.

Whatever works for one client on a thread asks its deadline between two steps. Knows nothing of what is asked.
"""

import math
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TypeVar

from genrec.errors import GenrecError

A = TypeVar("A")
_GLANCE_S = 0.5  # how often a thread that waits looks whether its client does too


class ClientGone(GenrecError):
    """The client does not wait for the answer any more."""


class NotBegun(GenrecError):
    """The work did not begin in time."""


class Deadline:
    """The time by which one client wants its answer; it ends early when the client goes."""

    def __init__(self, limit_s: float) -> None:
        self._ends, self._left = time.monotonic() + limit_s, threading.Event()

    def leave(self) -> None:
        """The client has gone."""
        self._left.set()

    def extend(self, limit_s: float) -> None:
        """Wait this long from now on, if that is longer."""
        self._ends = max(self._ends, time.monotonic() + limit_s)

    @property
    def is_over(self) -> bool:
        """Whether nobody waits any more."""
        return self._left.is_set() or time.monotonic() > self._ends

    def check(self) -> None:
        """Raises ClientGone or TimeoutError when nobody waits any more."""
        if self._left.is_set():
            raise ClientGone("the client has gone")
        if time.monotonic() > self._ends:
            raise TimeoutError("the answer took too long")

    def wait(self, futures: Sequence["Future[A]"], *, begun_by: float = math.inf) -> list[A]:
        """What the futures give. Raises ClientGone or TimeoutError, and then cancels what has not begun.

        begun_by: a time of `time.monotonic`. Raises NotBegun when one has not begun by then.
        """
        try:
            return [self._wait_for(future, begun_by) for future in futures]
        finally:
            for future in futures:
                future.cancel()

    def _wait_for(self, future: "Future[A]", begun_by: float) -> A:
        while True:
            self.check()
            left_s = begun_by - time.monotonic()
            if left_s <= 0 and future.cancel():
                raise NotBegun("too much else was asked for before")
            try:
                return future.result(timeout=min(_GLANCE_S, left_s) if left_s > 0 else _GLANCE_S)
            except TimeoutError:
                if future.done():
                    raise
