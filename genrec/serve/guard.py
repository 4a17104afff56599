"""Routes that look at the key before they read the body, and answers that say what may go wrong."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from genrec.serve.access import Access
from genrec.serve.api.schemas import ErrorAnswer

SECURITY_SCHEME = "key"
_TOLD = {
    400: "Something in the request cannot be used.",
    401: "No valid key.",
    403: "The key lacks the scope, or the session is another's.",
    404: "There is no such thing.",
    408: "The body took too long to come.",
    409: "The session changed again and again while this was answered.",
    413: "The body is too large.",
    429: "The key's budget of requests is used up.",
    500: "The server failed.",
    503: "Too many requests wait.",
    504: "The answer took too long.",
}
ERRORS: dict[int | str, dict[str, Any]] = {  # Any: OpenAPI
    status: {"model": ErrorAnswer, "description": told} for status, told in _TOLD.items()
}


def needs(scope: str) -> dict[str, Any]:  # Any: OpenAPI
    """For `openapi_extra`: the scope that a key must have. Any valid key will do for an empty scope."""
    return {"x-scope": scope, "security": [{SECURITY_SCHEME: []}]}


class GuardedRoute(APIRoute):
    """A route that reads a body only for those who may send it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:  # Any: as FastAPI has it
        """As FastAPI's, after the check."""
        answer = super().get_route_handler()
        scope = (self.openapi_extra or {}).get("x-scope")

        async def guarded(request: Request) -> Response:
            if scope is not None:
                access: Access = request.app.state.access
                given = request.headers.get("authorization")
                if not access.is_open_to(given):
                    key = await run_in_threadpool(access.check, given, scope)
                    request.state.key_id = None if key is None else key.key_id
            return await answer(request)

        return guarded
