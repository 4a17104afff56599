"""Errors as OpenAI's clients know them: a status, and {"error": {"message", "type", "param", "code"}}.

Knows the status and code of every exception, and how each status is documented; deliberately knows no routes.
"""

import http
from dataclasses import dataclass, field
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from genrec.errors import (
    ArtifactError,
    InputError,
    ModelEnded,
    PersonErased,
    SourceError,
    StoreError,
    UnknownItem,
    UnknownUser,
)
from genrec.serve.inference.batching import Overloaded
from genrec.serve.inference.deadline import ClientGone


class ErrorDetail(BaseModel):
    """One error; code is for programs, message for people."""

    message: str
    type: str
    param: str | None
    code: str


class ErrorAnswer(BaseModel):
    """OpenAI's error body."""

    error: ErrorDetail


_DESCRIPTIONS = {
    400: "Something in the request cannot be used.",
    401: "No valid key.",
    403: "The key lacks the scope, or the session is another's.",
    404: "There is no such thing.",
    408: "The body took too long to come.",
    409: "The session changed again and again or was erased meanwhile, or the workspace cannot be taken up.",
    413: "The body is too large.",
    415: "The body is not JSON, or packed.",
    429: "The key's budget of requests is used up.",
    500: "The server failed.",
    503: "Too many requests wait, or a part of the server cannot be reached.",
    504: "The answer took too long.",
}
ERROR_RESPONSES: dict[int | str, dict[str, Any]] = {  # Any: OpenAPI
    status: {"model": ErrorAnswer, "description": description} for status, description in _DESCRIPTIONS.items()
}


@dataclass(kw_only=True, eq=False)  # not frozen: Python sets the traceback of what passes through a context manager
class ApiError(Exception):
    """An error that ends a request. code: for programs; message: for people; param: the field at fault."""

    status: int
    code: str
    message: str
    kind: str = "invalid_request_error"
    param: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message

    @property
    def body(self) -> dict[str, object]:
        """The JSON that clients read."""
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}

    def response(self) -> JSONResponse:
        """The answer over HTTP."""
        return JSONResponse(self.body, status_code=self.status, headers=self.headers)


def api_error_of(error: Exception) -> ApiError:
    """The error that clients read for an exception; a fault of the server's own tells no details."""
    match error:
        case ApiError():
            return error
        case RequestValidationError():
            return _invalid_request(error)
        case UnknownItem() | UnknownUser():
            return ApiError(status=404, code="not_found", message=str(error))
        case StoreError():
            message = "the server cannot reach or write its store now; try again soon"
            return ApiError(
                status=503, code="store_unusable", message=message, kind="server_error", headers={"Retry-After": "5"}
            )
        case SourceError() | ArtifactError():  # a file of the workspace; what it says of places is for the log
            pass
        case PersonErased():
            return ApiError(status=409, code="person_erased", message=str(error), param="user")
        case InputError():
            return ApiError(status=400, code="invalid_value", message=str(error))
        case Overloaded():
            return ApiError(
                status=503, code="overloaded", message=f"{error}; try again soon", kind="server_error",
                headers={"Retry-After": "1"},
            )  # fmt: skip
        case ModelEnded():
            return ApiError(
                status=503, code="model_ended", message=str(error), kind="server_error", headers={"Retry-After": "10"}
            )
        case ClientGone():
            return ApiError(status=503, code="client_left", message=str(error), kind="server_error")
        case TimeoutError():
            return ApiError(status=504, code="timeout", message="the answer took too long", kind="server_error")
        case HTTPException():
            code = http.HTTPStatus(error.status_code).name.lower()
            return ApiError(
                status=error.status_code, code=code, message=str(error.detail), headers=dict(error.headers or {})
            )
    return ApiError(status=500, code="internal_error", message="the server failed; it was logged", kind="server_error")


def _invalid_request(error: RequestValidationError) -> ApiError:
    first = error.errors()[0]
    place = [str(part) for part in first["loc"] if part not in ("body", "query", "path")]
    where = ".".join(place) or None
    message = f"{where or 'the request'}: {first['msg']}"
    return ApiError(status=400, code="invalid_value", message=message, param=where)
