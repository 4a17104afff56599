"""Access, who may ask and how often: Bearer keys with scopes, a rate limit per key, and routes that check both first,
then that a body is JSON.

Knows keys and scopes; deliberately knows nothing of what a route does.
"""

import re
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from genrec.serve.errors import ApiError
from genrec.serve.store import Key, Store

SECURITY_SCHEME = "key"


class RateLimiter:
    """A token bucket per key, which fills evenly and holds a minute's worth of requests.

    num_sharing: the number of processes that serve the same keys; each allows its part of the rate.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, num_sharing: int = 1) -> None:
        self._clock, self._num_sharing = clock, num_sharing
        self._left: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, key_id: str, rate_per_minute: int) -> float:
        """Take one request from a key's bucket; returns 0, or the seconds to wait when nothing is left."""
        if not rate_per_minute:
            return 0.0
        with self._lock:
            now, rate = self._clock(), rate_per_minute / self._num_sharing
            full = max(1.0, rate)
            left, at = self._left.get(key_id, (full, now))
            left = min(full, left + (now - at) * rate / 60)
            if left < 1:
                self._left[key_id] = (left, now)
                return (1 - left) * 60 / rate
            self._left[key_id] = (left - 1, now)
            return 0.0


class Access:
    """The check of an Authorization header: it gives a key, or raises what is wrong with it."""

    def __init__(self, store: Store, *, is_open: bool, num_sharing: int = 1) -> None:
        """is_open: anyone may do anything without a key; for a server that only its own machine reaches."""
        self._store, self._is_open = store, is_open
        self._rates = RateLimiter(num_sharing=num_sharing)

    def is_open_to(self, authorization: str | None) -> bool:
        """Whether no key is asked for, and none was given."""
        return authorization is None and self._is_open

    def check(self, authorization: str | None, scope: str) -> Key | None:
        """The key that may do this, any key for an empty scope; None where none is needed.

        Raises ApiError 401, 403 or 429.
        """
        if self.is_open_to(authorization):
            return None
        scheme, _, secret = (authorization or "").partition(" ")
        key = self._store.find_key(secret.strip()) if scheme.lower() == "bearer" and secret.strip() else None
        if key is None:
            if self._is_open:
                return None  # clients send a key because they must send something
            raise ApiError(
                status=401,
                code="invalid_api_key",
                message="no valid key was given; send Authorization: Bearer with a key of genrec keys create",
                headers={"WWW-Authenticate": "Bearer"},
            )
        if scope and scope not in key.scopes and "admin" not in key.scopes:
            raise ApiError(
                status=403,
                code="insufficient_scope",
                message=f"key {key.key_id} has the scopes {', '.join(key.scopes)}; this needs {scope}",
            )
        wait_s = self._rates.take(key.key_id, key.rate_per_minute)
        if wait_s:
            raise ApiError(
                status=429,
                code="rate_limit_exceeded",
                message=f"key {key.key_id} may ask {key.rate_per_minute} times a minute; wait {wait_s:.0f} s",
                kind="rate_limit_error",
                headers={"Retry-After": str(max(1, round(wait_s)))},
            )
        return key


def needs(scope: str) -> dict[str, Any]:  # Any: OpenAPI
    """The `openapi_extra` of a route whose key must have this scope; any valid key will do for an empty scope."""
    return {"x-scope": scope, "security": [{SECURITY_SCHEME: []}]}


_JSON = re.compile(r"application/([\w.-]+\+)?json\s*(;.*)?", re.ASCII | re.IGNORECASE)


class GuardedRoute(APIRoute):
    """A route that checks the key, and whether the body is said to be JSON, before it reads the body.

    Pages of other sites can have a browser send bodies of other kinds without asking first.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:  # Any: as FastAPI has it
        """FastAPI's handler behind the check; a route without `needs` is open to all."""
        answer = super().get_route_handler()
        scope, has_body = (self.openapi_extra or {}).get("x-scope"), self.body_field is not None

        async def guarded(request: Request) -> Response:
            if scope is not None:
                access: Access = request.app.state.access
                given = request.headers.get("authorization")
                if not access.is_open_to(given):
                    key = await run_in_threadpool(access.check, given, scope)
                    request.state.key_id = None if key is None else key.key_id
            if has_body and not _JSON.fullmatch(request.headers.get("content-type", "")):
                message = "the body must be JSON; send it with Content-Type: application/json"
                raise ApiError(status=415, code="unsupported_media_type", message=message)
            return await answer(request)

        return guarded
