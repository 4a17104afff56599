"""Drawings of one request: answered from the store where an equal one was drawn, else drawn one after another, step by
step, until they are done, canceled, or nobody waits any more.

Knows the store, the line of drawings and who may cancel; knows no wire format and nothing of how is drawn.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
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
        sitting = _Sitting(self._engine, order, model, is_gone, self._key_of)
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

    def _models(self, mode: Mode) -> str:
        """What draws in a mode here: settings and models, whose weights stay as they were loaded."""
        visualizer = self._engine.studio.visualizer
        modes: tuple[Mode, ...] = (
            ("scene", mode) if mode == "variation" else (mode,)
        )  # one that fails is shown in a scene
        used = [{role: asdict(model) for role, model in visualizer.models(one).items()} for one in modes]
        return fingerprint(asdict(visualizer.config), used)

    def _key_of(self, order: Order, wanted: Wanted) -> str:
        """A fingerprint of all that a picture is drawn from: equal ones are equal pictures."""
        told = {**_told(wanted), "generation": self._engine.generation, "item": order.item_id}
        models = self._models(wanted.mode)
        return hashlib.sha256(fingerprint(told, models, order.history, order.disliked).encode()).hexdigest()


class _Sitting:
    """One request's drawings."""

    def __init__(
        self,
        engine: Engine,
        order: Order,
        model: ServedModel,
        is_gone: IsGone,
        key_of: Callable[[Order, Wanted], str],
    ) -> None:
        self._engine, self._order, self._model, self._is_gone, self._key_of = engine, order, model, is_gone, key_of
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
        known = await asyncio.to_thread(engine.store.find_answer, order.person, key)
        if known is not None:
            yield Finished(index, known, is_known=True)
            return
        view = engine.view(self._model)
        self._deadline = view.deadline
        if self.is_canceled:  # before there was anything to stop
            raise ClientGone("it was canceled")
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
