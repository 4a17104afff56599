"""The supervisor of several workers: it tells them all to take up a newer generation.

A hangup, or the worker that was asked by POST /v1/reload, tells the supervisor; it tells every worker as soon as that
one serves. uvicorn would start all workers anew instead, one upon the other's memory. Knows signals and processes;
deliberately knows nothing of generations.
"""

import logging
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing import parent_process
from socket import socket

from uvicorn import Config
from uvicorn.supervisors.multiprocess import Multiprocess, Process

log = logging.getLogger(__name__)
RELOAD: int | None = getattr(signal, "SIGUSR1", None)  # to the supervisor, and from it to its workers; None on Windows


class Supervisor(Multiprocess):
    """uvicorn's supervisor, which hands on the word to reload."""

    def __init__(self, config: Config, sockets: list[socket], send: Callable[[int, int], None] = os.kill) -> None:
        """send: sends a signal to a process."""
        super().__init__(config, sockets)
        self._untold: list[Process] = []
        self._send = send

    def handle_hup(self) -> None:
        """Tell all workers to reload; a terminal that is closed hangs up, and is to end its server."""
        if sys.stdin and sys.stdin.isatty():
            self.should_exit.set()
        else:
            self.handle_usr1()

    def handle_usr1(self) -> None:
        """Tell all workers to reload, those that do not serve yet when they do."""
        self._untold = list(self.processes)
        self.tell()

    def keep_subprocess_alive(self) -> None:
        """Look after the workers, twice a second."""
        super().keep_subprocess_alive()
        self.tell()

    def tell(self) -> None:
        """Tell those that are untold and serve; whoever took a worker's place has loaded what is newest itself."""
        waiting = []
        for process in self._untold:
            if process not in self.processes or process.pid is None or RELOAD is None:
                continue
            if process.is_ready(timeout=1):
                self._send(process.pid, RELOAD)
            else:
                waiting.append(process)
        self._untold = waiting


def tell_supervisor() -> None:
    """From a worker: have all workers told to reload."""
    starter = parent_process()
    if starter is not None and starter.pid is not None and RELOAD is not None:
        os.kill(starter.pid, RELOAD)
