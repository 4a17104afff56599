"""The middleware around every request: an id, a line in the log, a count, a limit on its body, and an answer even when
the server fails. Knows no route and nothing of what bodies hold."""

import asyncio
import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from genrec.serve.errors import api_error_of
from genrec.serve.logs import request_id
from genrec.serve.metrics import Metrics

log = logging.getLogger(__name__)
_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
ID_HEADER = "X-Request-ID"


class RequestTelemetry:
    """Gives each request an id, times, logs and counts it, and turns an error that nobody caught into an answer."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(ID_HEADER, "")
        token = request_id.set(given if _ID.fullmatch(given) else uuid.uuid4().hex)
        start, status, is_noted = time.perf_counter(), 0, False

        def note() -> None:
            nonlocal is_noted
            if not is_noted:
                self._note(scope, status, time.perf_counter() - start)
            is_noted = True

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[ID_HEADER] = request_id.get() or ""
                headers["X-Content-Type-Options"] = "nosniff"
            elif not message.get("more_body", False):
                note()  # before the end is sent, so that who has an answer finds it counted
            await send(message)

        self._metrics.in_hand.inc()
        try:
            await self._app(scope, receive, send_named)
        except Exception as error:
            log.exception("a request failed: %s", type(error).__name__)
            if status:
                raise  # the answer has begun; the connection must end
            await api_error_of(error).response()(scope, receive, send_named)
        finally:
            self._metrics.in_hand.dec()
            note()
            request_id.reset(token)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.count(method, route, status, seconds)
        extra = {
            "method": method,
            "route": route,
            "status": status,
            "ms": round(seconds * 1e3, 1),
            "key": scope.get("state", {}).get("key_id"),
        }
        log.info("answered", extra=extra)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class BodyLimit:
    """Refuses bodies that are larger than `max_bytes`, or do not come within `limit_s` seconds."""

    def __init__(self, app: ASGIApp, *, max_bytes: int, limit_s: float) -> None:
        self._app, self._max_bytes, self._limit_s = app, max_bytes, limit_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        ends, num_bytes, is_whole = time.monotonic() + self._limit_s, 0, False
        declared = Headers(scope=scope).get("content-length", "")
        is_declared_too_large = declared.isdecimal() and int(declared[:20]) > self._max_bytes

        async def receive_some() -> Message:
            nonlocal num_bytes, is_whole
            if is_whole:
                return await receive()
            if is_declared_too_large:
                raise self._too_large()
            try:
                async with asyncio.timeout(ends - time.monotonic()):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, f"the body did not come within {self._limit_s:g} s") from None
            is_whole = not message.get("more_body", False)
            num_bytes += len(message.get("body", b""))
            if num_bytes > self._max_bytes:
                raise self._too_large()
            return message

        await self._app(scope, receive_some, send)

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"the body is larger than {self._max_bytes:,} bytes; send less")
