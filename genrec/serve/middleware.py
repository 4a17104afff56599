"""The middleware around every request: an id, a line in the log, a count, a look at whom it is meant for, a limit on
its body, and an answer even when the server fails. Knows no route and nothing of what bodies hold."""

import asyncio
import logging
import re
import time
import uuid
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from genrec.serve.errors import ApiError, api_error_of
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


class QuotedPath:
    """Routes see the path as it was sent, so that a quoted slash is a part of an id; they unquote what they take."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] == "http" and b"%" in scope.get("raw_path", b""):
            scope["path"] = scope["raw_path"].partition(b"?")[0].decode("latin-1")
        await self._app(scope, receive, send)


_HOST = re.compile(r"([\w.-]{1,253}|\[[0-9a-f:.]{2,45}\])(:\d{1,5})?", re.ASCII | re.IGNORECASE)
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class HostGuard:
    """Refuses requests for other hosts, as browsers send them where a foreign name was pointed at this machine, and, on
    a server that asks for no key, what a page of another site would change by its reader's browser."""

    def __init__(self, app: ASGIApp, *, allowed: Collection[str] | None, is_open: bool) -> None:
        """allowed: names and addresses without ports, in lower case; None for any. is_open: no key is asked for."""
        self._app, self._allowed, self._is_open = app, allowed, is_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (self._app if refusal is None else refusal.response())(scope, receive, send)

    def _refusal(self, scope: Scope) -> ApiError | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        found = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if found is None:
            message = "one Host header with a name or an address is wanted"
            return ApiError(status=400, code="invalid_host", message=message)
        if self._allowed is not None and found[1].lower().rstrip(".") not in self._allowed:
            message = f"this server is not {found[1]}; whoever runs it may name it in serve.allowed_hosts"
            return ApiError(status=400, code="invalid_host", message=message)
        if self._is_open and scope["method"] not in _READING and _is_from_elsewhere(headers, hosts[0]):
            message = "a page of another site must not change anything here; ask from a program, or with a key"
            return ApiError(status=403, code="cross_site", message=message)
        return None


def _is_from_elsewhere(headers: Headers, host: str) -> bool:
    """Whether a browser says that a page of another site asks; programs say nothing of the kind."""
    try:
        is_foreign = any(urlsplit(origin).netloc.lower() != host.lower() for origin in headers.getlist("origin"))
    except ValueError:  # no origin that a browser would send
        is_foreign = True
    return is_foreign or headers.get("sec-fetch-site", "none").lower() not in ("same-origin", "none")


_SMALL_BODY = 64 * 2**10
_MAX_LARGE_BODIES = 16  # of the largest size; small ones are always taken


class BodyLimit:
    """Refuses bodies that are larger than `max_bytes`, packed, or do not come within `limit_s` seconds.

    What is large counts against what all requests in hand may hold together, so that many do not take the memory.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, limit_s: float) -> None:
        self._app, self._max_bytes, self._limit_s = app, max_bytes, limit_s
        self._num_held = 0  # bytes of large bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        ends, num_bytes, is_whole = time.monotonic() + self._limit_s, 0, False
        headers = Headers(scope=scope)
        declared, coding = headers.get("content-length", ""), headers.get("content-encoding", "identity")
        is_declared_too_large = declared.isdecimal() and int(declared[:20]) > self._max_bytes

        async def receive_some() -> Message:
            nonlocal num_bytes, is_whole
            if is_whole:
                return await receive()
            if coding.strip().lower() != "identity":
                raise HTTPException(415, "bodies are read as they are; send it without Content-Encoding")
            if is_declared_too_large:
                raise self._too_large()
            try:
                async with asyncio.timeout(ends - time.monotonic()):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, f"the body did not come within {self._limit_s:g} s") from None
            is_whole = not message.get("more_body", False)
            before, num_bytes = num_bytes, num_bytes + len(message.get("body", b""))
            if num_bytes > self._max_bytes:
                raise self._too_large()
            self._num_held += _large(num_bytes) - _large(before)
            if _large(num_bytes) and self._num_held > _MAX_LARGE_BODIES * self._max_bytes:
                raise HTTPException(503, "too many large bodies are in hand; try again soon", {"Retry-After": "1"})
            return message

        try:
            await self._app(scope, receive_some, send)
        finally:
            self._num_held -= _large(num_bytes)

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"the body is larger than {self._max_bytes:,} bytes; send less")


def _large(num_bytes: int) -> int:
    """The bytes of a body beyond what is small."""
    return max(0, num_bytes - _SMALL_BODY)
