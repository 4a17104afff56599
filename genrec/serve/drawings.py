"""Drawings of one request: answered from the store where an equal one was drawn, else drawn one after another, step by
step, until they are done, canceled, or nobody waits any more. Of equal ones at once, one is drawn and the others wait.

Knows the store, the line of drawings and who may cancel; knows no wire format and nothing of how is drawn.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TypeAlias

from PIL import Image

from genrec.artifacts import fingerprint
from genrec.schema import Visual
from genrec.serve.engine import Engine, IsGone, ServedModel
from genrec.serve.errors import ApiError
from genrec.serve.inference.client import ClientView
from genrec.serve.inference.deadline import ClientGone, Deadline
from genrec.serve.store import StoredVisual
from genrec.visualize import Wanted
from genrec.visualize.record import Mode

Name: TypeAlias = tuple[str | None, str]  # of a request: the key that sent it, and its id
_GLANCE_S = 0.2  # how often who waits for an equal drawing is looked after


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What one request wants drawn. num: pictures, by seeds one after another; person: whose they are, None for
    nobody's; begun: `Engine.moment` of the person when the request came."""

    item_id: str
    wanted: Wanted
    history: tuple[str, ...] = ()
    disliked: tuple[str, ...] = ()
    person: str | None = None
    begun: int | None = None
    num: int = 1


@dataclass(frozen=True, slots=True)
class Step:
    """How far the pictures of a request are, all together, and what the one that is being drawn looks like."""

    index: int
    step: int
    total: int
    preview: Image.Image | None


@dataclass(frozen=True, slots=True)
class Finished:
    """A picture that is stored. is_known: it was drawn before."""

    index: int
    visual: StoredVisual
    is_known: bool


class Drawings:
    """The drawings that an engine makes for its clients, by the ids of their requests."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._drawing: dict[Name, list[_Sitting]] = {}
        self._turns = Turns()

    def cancel(self, name: Name) -> bool:
        """End the drawings of a request before their next step; False where none are being made."""
        sittings = self._drawing.get(name, [])
        for sitting in sittings:
            sitting.cancel()
        return bool(sittings)

    async def draw(
        self, order: Order, model: ServedModel, name: Name, is_gone: IsGone
    ) -> AsyncGenerator[Step | Finished]:
        """Each step and each picture as they come; leaving the iterator ends the drawing.

        Raises ApiError 409 once it is canceled, Overloaded, ClientGone, TimeoutError, and what visualize raises.
        """
        sitting = _Sitting(self._engine, order, model, is_gone, self._key_of, self._turns)
        self._drawing.setdefault(name, []).append(sitting)
        try:
            for index in range(order.num):
                async with aclosing(sitting.picture(index)) as told:
                    async for one in told:
                        yield one
        except ClientGone:
            if not sitting.is_canceled:
                raise
            raise ApiError(
                status=409, code="canceled", message="the drawing was canceled; ask again to get it"
            ) from None
        finally:
            self._drawing[name].remove(sitting)
            if not self._drawing[name]:
                del self._drawing[name]

    def _models(self, mode: Mode, try_on: str | None) -> str:
        """What draws in a mode here, or by a try-on: settings and models, whose weights stay as they were loaded."""
        visualizer = self._engine.studio.visualizer
        modes: tuple[Mode, ...] = (
            ("scene", mode) if mode == "variation" else (mode,)
        )  # one that fails is shown in a scene
        used = [{role: asdict(model) for role, model in visualizer.models(one, try_on).items()} for one in modes]
        return fingerprint(asdict(visualizer.config), used)

    def _key_of(self, order: Order, wanted: Wanted) -> str:
        """A fingerprint of all that a picture is drawn from: equal ones are equal pictures."""
        told = {**_told(wanted), "generation": self._engine.generation, "item": order.item_id}
        models = self._models(wanted.mode, wanted.try_on)
        return hashlib.sha256(fingerprint(told, models, order.history, order.disliked).encode()).hexdigest()


class Turns:
    """The pictures that are being drawn, by whose they are and the fingerprint of what they are drawn from."""

    def __init__(self) -> None:
        self._ends: dict[tuple[str | None, str], asyncio.Future[None]] = {}

    @asynccontextmanager
    async def alone(self, person: str | None, key: str, deadline: Deadline, is_gone: IsGone) -> AsyncGenerator[None]:
        """While no equal picture is drawn: whoever comes later waits here, and may find it in the store then.

        Where the first is canceled or fails, the next one draws. Raises ClientGone, TimeoutError while it waits.
        """
        while (end := self._ends.get((person, key))) is not None:
            await asyncio.wait([end], timeout=_GLANCE_S)
            deadline.check()
            if await is_gone():
                raise ClientGone("the client has gone")
        end = self._ends[person, key] = asyncio.get_running_loop().create_future()
        try:
            yield
        finally:
            del self._ends[person, key]
            end.set_result(None)


class _Sitting:
    """One request's drawings."""

    def __init__(
        self,
        engine: Engine,
        order: Order,
        model: ServedModel,
        is_gone: IsGone,
        key_of: Callable[[Order, Wanted], str],
        turns: Turns,
    ) -> None:
        self._engine, self._order, self._model, self._is_gone, self._key_of = engine, order, model, is_gone, key_of
        self._turns = turns
        self._deadline: Deadline | None = None
        self.is_canceled = False

    def cancel(self) -> None:
        self.is_canceled = True
        if self._deadline is not None:
            self._deadline.leave()

    async def picture(self, index: int) -> AsyncGenerator[Step | Finished]:
        """One of them."""
        engine, order = self._engine, self._order
        wanted = replace(order.wanted, seed=order.wanted.seed + index)
        key = await asyncio.to_thread(self._key_of, order, wanted)
        view = engine.view(self._model)
        self._deadline = view.deadline
        if self.is_canceled:  # before there was anything to stop
            raise ClientGone("it was canceled")
        finished: Finished | None = None
        async with self._turns.alone(order.person, key, view.deadline, self._is_gone):
            known = await asyncio.to_thread(engine.store.find_answer, order.person, key)
            if known is not None:
                finished = Finished(index, known, is_known=True)
            else:
                async with aclosing(self._drawn(view, wanted, index, key)) as told:
                    async for one in told:
                        if isinstance(one, Finished):
                            finished = one
                        else:
                            yield one
        if finished is not None:  # told once others need not wait for it any more
            yield finished

    async def _drawn(self, view: ClientView, wanted: Wanted, index: int, key: str) -> AsyncGenerator[Step | Finished]:
        """One picture that was not drawn before."""
        engine, order = self._engine, self._order
        steps: asyncio.Queue[Step | None] = asyncio.Queue()
        drawing = asyncio.create_task(engine.run(self._job(view, wanted, index, steps), view.deadline, self._is_gone))
        drawing.add_done_callback(lambda _: steps.put_nowait(None))
        try:
            while (step := await steps.get()) is not None:
                yield step
            visual = await drawing
        finally:
            drawing.cancel()
            with suppress(asyncio.CancelledError, Exception):  # it was told, or nobody is left to be told
                await drawing
        keep = partial(engine.keep, visual, order.person, order.begun, answers=key)
        yield Finished(index, await asyncio.to_thread(keep), is_known=False)

    def _job(
        self, view: ClientView, wanted: Wanted, index: int, steps: "asyncio.Queue[Step | None]"
    ) -> "partial[Visual]":
        loop, num = asyncio.get_running_loop(), self._order.num

        def watch(step: int, total: int, preview: Image.Image | None) -> bool:
            told = Step(index, index * total + step, num * total, preview)
            loop.call_soon_threadsafe(steps.put_nowait, told)
            return not self.is_canceled

        order = self._order
        return partial(
            view.draw, order.item_id, wanted, history=order.history, disliked=order.disliked, on_step=watch
        )  # fmt: skip


def _told(wanted: Wanted) -> dict[str, object]:
    """What is wanted, with pictures by their pixels."""
    told = {name: getattr(wanted, name) for name in wanted.__dataclass_fields__}
    return {name: _pixels(value) if isinstance(value, Image.Image) else value for name, value in told.items()}


def _pixels(picture: Image.Image) -> str:
    return hashlib.sha256(f"{picture.mode}{picture.size}".encode() + picture.tobytes()).hexdigest()
