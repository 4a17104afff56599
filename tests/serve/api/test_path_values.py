"""Values in paths are read as they were quoted, by every route that has any."""

from typing import Any
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute

from genrec.serve.api import openai_routes, session_routes, shop_routes
from genrec.serve.api.schemas import Quoted
from genrec.serve.page import site

ROUTES = [
    route
    for module in (openai_routes, session_routes, shop_routes, site)
    for route in module.router.routes
    if isinstance(route, APIRoute) and route.param_convertors
]


def test_every_value_in_a_path_is_unquoted():
    def metadata(field: Any) -> list[Any]:  # Any: FastAPI's own
        return list(field.field_info.metadata)

    values = [(route.path, sorted(route.methods), field) for route in ROUTES for field in route.dependant.path_params]
    assert len(values) >= len(ROUTES) >= 10
    unread = [(path, methods) for path, methods, field in values if Quoted not in metadata(field)]
    assert unread == []


@pytest.mark.parametrize("session", ["s 1", "anna@example.com", "ü", "a/b", "50%", "%2F", "a?b#c"])
def test_a_conversation_of_any_name_is_seen_and_erased_by_it(server, session):
    asked = {"role": "user", "content": "something red"}
    answer = server.post("/v1/chat/completions", model="genrec", messages=[asked], session=session)
    assert answer.status_code == 200
    path = f"/v1/sessions/{quote(session, safe='')}"
    assert server.http.get(path).json()["session"] == session
    assert server.http.delete(f"{path}/wishes", params={"attribute": "color"}).json()["wishes"] == []
    assert server.http.delete(path).json() == {"session": session, "erased": True}
    assert server.store.load_session(session) is None
