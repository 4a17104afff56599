"""Every error reaches clients in OpenAI's form, and a fault of the server's own shows no details."""

import json
from contextlib import contextmanager

import pytest
from starlette.exceptions import HTTPException

from genrec.errors import ArtifactError, FilterError, ModelEnded, SourceError, UnknownItem, UnknownUser
from genrec.serve.errors import ApiError, api_error_of
from genrec.serve.inference.batching import Overloaded
from genrec.serve.inference.deadline import ClientGone


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (UnknownItem("item 'x' is not in the catalog"), 404, "not_found"),
        (UnknownUser("user 'x' has no events"), 404, "not_found"),
        (FilterError("no item is left"), 400, "invalid_value"),
        (ArtifactError("/home/ann/ws/model is broken"), 500, "internal_error"),
        (SourceError("image /home/ann/x.png cannot be decoded"), 500, "internal_error"),
        (Overloaded("9 wait"), 503, "overloaded"),
        (ModelEnded("started again"), 503, "model_ended"),
        (ClientGone("gone"), 503, "client_left"),
        (TimeoutError(), 504, "timeout"),
        (HTTPException(405), 405, "method_not_allowed"),
        (HTTPException(413, "too large"), 413, "request_entity_too_large"),
        (ZeroDivisionError("secret of ann"), 500, "internal_error"),
        (ApiError(status=418, code="teapot", message="short and stout"), 418, "teapot"),
    ],
)
def test_errors_become_statuses_and_codes(error: Exception, status: int, code: str) -> None:
    api_error = api_error_of(error)
    assert (api_error.status, api_error.code) == (status, code)
    response = api_error.response()
    detail = json.loads(response.body)["error"]
    assert detail.keys() == {"message", "type", "param", "code"}
    assert detail["code"] == code
    assert "ann" not in detail["message"]


def test_an_overloaded_server_says_when_to_come_back() -> None:
    assert api_error_of(Overloaded("9 wait")).response().headers["Retry-After"] == "1"


def test_an_error_passes_through_context_managers() -> None:
    @contextmanager
    def block():
        yield

    with pytest.raises(ApiError), block():
        raise ApiError(status=400, code="x", message="y")
