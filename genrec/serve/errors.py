"""Errors as OpenAI's clients know them: a status, and {"error": {"message", "type", "param", "code"}}."""

import http
from dataclasses import dataclass, field

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from genrec.errors import InputError, ModelEnded, UnknownItem, UnknownUser
from genrec.serve.inference.batching import Overloaded
from genrec.serve.inference.deadline import ClientGone


@dataclass(kw_only=True, eq=False)  # not frozen: Python sets the traceback of what passes through a context manager
class ApiError(Exception):
    """Something that ends a request. code: what a program reads; message: what a person reads."""

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
        """What clients read."""
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}

    def response(self) -> JSONResponse:
        """As it goes over the wire."""
        return JSONResponse(self.body, status_code=self.status, headers=self.headers)


def api_error_of(error: Exception) -> ApiError:
    """What to tell of an exception; what is our own fault is told without details."""
    match error:
        case ApiError():
            return error
        case RequestValidationError():
            return _of_validation(error)
        case UnknownItem() | UnknownUser():
            return ApiError(status=404, code="not_found", message=str(error))
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


def _of_validation(error: RequestValidationError) -> ApiError:
    first = error.errors()[0]
    place = [str(part) for part in first["loc"] if part not in ("body", "query", "path")]
    where = ".".join(place) or None
    message = f"{where or 'the request'}: {first['msg']}"
    return ApiError(status=400, code="invalid_value", message=message, param=where)
