"""The state of a conversation is shown to its person alone, who may change it."""

from serve_worlds import scopes_of

from genrec.serve.api import session_routes


def test_a_conversation_shows_its_wishes_and_forgets_them(server):
    where = {"user": "page-wishes"}
    path = "/v1/sessions/page-wishes"
    fresh = server.http.get(path, params=where).json()
    assert (fresh["wishes"], fresh["history"], fresh["chips"]) == ([], [], [])
    asked = {"role": "user", "content": "something red under 60"}
    server.post("/v1/chat/completions", model="genrec", messages=[asked], session="page-wishes", user="page-wishes")
    state = server.http.get(path, params=where).json()
    assert {wish["attribute"] for wish in state["wishes"]} == {"color", "price"}
    left = server.http.delete(f"{path}/wishes", params={**where, "attribute": "color"}).json()
    assert [wish["attribute"] for wish in left["wishes"]] == ["price"]
    assert server.http.get(path, params=where).json()["wishes"] == left["wishes"]
    assert server.http.delete(f"{path}/wishes", params={**where, "attribute": "*"}).json()["wishes"] == []


def test_likes_and_refusals_are_seen_in_every_conversation_of_a_person(server):
    first, second = (item.item_id for item in server.engine.workspace.catalog.items[:2])
    server.post("/v1/feedback", user="page-likes", item=first, kind="like")
    server.post("/v1/feedback", user="page-likes", item=second, kind="dislike")
    state = server.http.get("/v1/sessions/page-likes-new", params={"user": "page-likes"}).json()
    assert [item["id"] for item in state["history"]] == [first]
    assert [item["id"] for item in state["refused"]] == [second]


def test_a_conversation_is_shown_to_its_person_alone(server):
    asked = {"role": "user", "content": "something red"}
    server.post("/v1/chat/completions", model="genrec", messages=[asked], session="page-own", user="page-owner")
    for method in ("GET", "DELETE"):
        rest = "/wishes" if method == "DELETE" else ""
        answer = server.http.request(
            method, f"/v1/sessions/page-own{rest}", params={"user": "page-other", "attribute": "*"}
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "session_of_another")


def test_looking_at_a_conversation_does_not_begin_it(server):
    server.http.get("/v1/sessions/page-looked", params={"user": "page-first"})
    server.http.delete("/v1/sessions/page-looked/wishes", params={"user": "page-first", "attribute": "*"})
    assert server.store.load_session("page-looked") is None


def test_each_route_needs_its_scope():
    assert scopes_of(session_routes.router) == {
        ("GET", "/v1/sessions/{session}"): "chat",
        ("DELETE", "/v1/sessions/{session}"): "chat",
        ("DELETE", "/v1/sessions/{session}/wishes"): "chat",
    }
