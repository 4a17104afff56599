"""The generation in service: one is served to its end, and a newer one is taken up whole.

A request is answered by the generation that was in service when it came, also where another is taken up meanwhile; what
went out of service is closed when its last request has been answered. Knows when to load and to let go; deliberately
knows nothing of how a workspace is loaded or a request answered.
"""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeAlias

from anyio import CapacityLimiter, to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from genrec.errors import GenrecError, InputError
from genrec.generations import current_number
from genrec.serve.conversations import Conversations
from genrec.serve.drawings import Drawings
from genrec.serve.engine import Engine
from genrec.serve.supervisor import RELOAD

log = logging.getLogger(__name__)
_PROBE_LIMIT_S = 2.0
Load: TypeAlias = Callable[[], Engine]
LONGEST_PAUSE_S = 60.0  # between tries to take up a generation that cannot be loaded


class InService:
    """An engine, its conversations and its drawings while requests are answered by them."""

    def __init__(self, engine: Engine, conversations: Conversations) -> None:
        self.engine, self.conversations, self.drawings = engine, conversations, Drawings(engine)
        self.num_requests = 0
        self._is_idle = asyncio.Event()

    def enter(self) -> None:
        """A request comes."""
        self.num_requests += 1
        self._is_idle.clear()

    def leave(self) -> None:
        """A request has been answered."""
        self.num_requests -= 1
        if not self.num_requests:
            self._is_idle.set()

    async def idle(self) -> None:
        """Wait until no request is in hand."""
        while self.num_requests:
            await self._is_idle.wait()


class Service:
    """What answers requests now, and how a newer generation takes its place."""

    def __init__(self, engine: Engine, load: Load | None) -> None:
        """load: makes the engine of the workspace's current generation; None where another cannot be taken up."""
        self.now = InService(engine, Conversations(engine))
        self.probes = CapacityLimiter(1)  # of the store; requests' own threads may all wait for it
        self._load = load
        self.waiting: int | None = None  # a newer generation that could not be taken up so far
        self._reloading = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def generation(self) -> int:
        """The number of the generation in service."""
        return self.now.engine.generation

    async def open(self, check_s: float | None) -> None:
        """Load what is loaded at first use, and begin to follow the workspace, every so many seconds."""
        await asyncio.to_thread(self.now.engine.open)
        if self._load is None:
            return
        if check_s is not None:
            self._spawn(self._follow(check_s))
        told_by = [] if RELOAD is None else [RELOAD]
        if not sys.stdin or not sys.stdin.isatty():  # a terminal that is closed hangs up, and is to end its server
            told_by.append(signal.SIGHUP)
        with suppress(ValueError, RuntimeError, NotImplementedError):  # not in the main thread
            for number in told_by:
                asyncio.get_running_loop().add_signal_handler(number, lambda: self._spawn(self._try_reload()))

    async def close(self) -> None:
        """Let go of the generation in service, when what is in hand is finished."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self.now.engine.close)

    async def reload(self) -> bool:
        """Take up the workspace's current generation; False where it is in service already.

        Raises InputError when it cannot be loaded; the one in service then stays.
        """
        if self._load is None:
            raise InputError("this server cannot take up another generation; start it again")
        async with self._reloading:
            number = await asyncio.to_thread(current_number, self.now.engine.workspace.directory)
            if number == self.generation:
                return False
            fresh = await asyncio.to_thread(_opened, self._load)
            before, self.now = self.now, InService(fresh, self.now.conversations.continued(fresh))
            log.info("generation %d is in service, %d goes out of it", fresh.generation, before.engine.generation)
            self._spawn(self._retire(before))
            return True

    async def _retire(self, old: InService) -> None:
        try:
            await old.idle()
        finally:
            await asyncio.shield(asyncio.to_thread(old.engine.close))
            del old
            await asyncio.to_thread(gc.collect)  # its memory is wanted back now, not when it is next looked for

    async def _follow(self, check_s: float) -> None:
        pause_s = check_s = max(check_s, 0.1)
        while True:
            await asyncio.sleep(pause_s)
            number: int | None = None
            with suppress(GenrecError, OSError):  # a broken pointer; what is in service stays
                number = await asyncio.to_thread(current_number, self.now.engine.workspace.directory)
            if number in (None, self.generation) or await self._try_reload():
                pause_s, self.waiting = check_s, None
            else:
                pause_s, self.waiting = min(2 * pause_s, max(check_s, LONGEST_PAUSE_S)), number

    async def _try_reload(self) -> bool:
        try:
            await self.reload()
        except Exception as error:  # whatever it is, what is in service goes on
            log.error("the workspace's current generation is not taken up, and is tried again: %s", error)
            return False
        return True

    def _spawn(self, job: Coroutine[Any, Any, Any]) -> None:  # Any: as asyncio has it
        task = asyncio.get_running_loop().create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _opened(load: Load) -> Engine:
    engine = load()
    try:
        engine.open()
    except BaseException:
        engine.close()
        raise
    return engine


class PinGeneration:
    """Middleware: a request is answered by the engine and the conversations that are in service when it comes."""

    def __init__(self, app: ASGIApp, *, service: Service) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        mine = self._service.now
        state = scope.setdefault("state", {})
        state["engine"], state["conversations"], state["drawings"] = mine.engine, mine.conversations, mine.drawings
        mine.enter()
        try:
            await self._app(scope, receive, send)
        finally:
            mine.leave()


async def is_ready(service: Service) -> str:
    """ "ok" when requests can be answered now, else what they wait for; told within two seconds."""
    engine = service.now.engine
    if not engine.is_open or not engine.workspace.client.is_ready:
        return "loading"
    try:
        async with asyncio.timeout(_PROBE_LIMIT_S):  # a thread that is left to itself ends later, one at a time
            is_alive = await to_thread.run_sync(engine.store.is_alive, abandon_on_cancel=True, limiter=service.probes)
    except TimeoutError:
        is_alive = False
    return "ok" if is_alive else "store unreachable"
