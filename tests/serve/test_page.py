"""The page's files, the routes it adds, and what it suggests to say."""

import re
from dataclasses import replace

import pytest

from genrec.chat.conversation import Conversation
from genrec.chat.session import Session
from genrec.data.filters import Predicate
from genrec.serve.page.critique import chips, starters

FILES = ("index.html", "style.css", "icon.svg", "app.js", "api.js", "cards.js", "memory.js", "panel.js", "view.js")
SCRIPTS = [name for name in FILES if name.endswith(".js")]


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_sent_once_and_then_only_asked_for(server, name):
    first = server.http.get(f"/page/{name}")
    assert first.status_code == 200
    again = server.http.get(f"/page/{name}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    stale = server.http.get(f"/page/{name}", headers={"If-None-Match": '"other"'})
    assert stale.content == first.content


def test_the_page_names_no_other_host_and_allows_none(server):
    start = server.http.get("/")
    policy = dict(part.strip().split(" ", 1) for part in start.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src")} == {"'self'"}
    assert policy["require-trusted-types-for"] == "'script'"
    for name in FILES:
        named = set(re.findall(r"https?://[\w.-]+", server.http.get(f"/page/{name}").text))
        assert named <= {"http://www.w3.org"}, name  # the name of SVG, which nothing fetches


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_can_write_markup(server, name):
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", server.http.get(f"/page/{name}").text
    )


def test_other_files_are_not_served(server):
    for path in ("/page/site.py", "/page/..%2fsite.py", "/page/nothing.js"):
        assert server.http.get(path).status_code == 404


def test_a_conversation_shows_its_wishes_and_forgets_them(server):
    where = {"user": "page-wishes"}
    path = "/v1/sessions/page-wishes"
    fresh = server.http.get(path, params=where).json()
    assert (fresh["wishes"], fresh["history"], fresh["chips"]) == ([], [], [])
    asked = {"role": "user", "content": "something red under 60"}
    server.post("/v1/chat/completions", model="genrec", messages=[asked], session="page-wishes", user="page-wishes")
    told = server.http.get(path, params=where).json()
    assert {wish["attribute"] for wish in told["wishes"]} == {"color", "price"}
    left = server.http.delete(f"{path}/wishes", params={**where, "attribute": "color"}).json()
    assert [wish["attribute"] for wish in left["wishes"]] == ["price"]
    assert server.http.get(path, params=where).json()["wishes"] == left["wishes"]
    assert server.http.delete(f"{path}/wishes", params={**where, "attribute": "*"}).json()["wishes"] == []


def test_likes_and_refusals_are_seen_in_every_conversation_of_a_person(server):
    first, second = (item.item_id for item in server.engine.workspace.catalog.items[:2])
    server.post("/v1/feedback", user="page-taste", item=first, kind="like")
    server.post("/v1/feedback", user="page-taste", item=second, kind="dislike")
    told = server.http.get("/v1/sessions/page-taste-new", params={"user": "page-taste"}).json()
    assert [item["id"] for item in told["history"]] == [first]
    assert [item["id"] for item in told["refused"]] == [second]


def test_a_conversation_is_told_to_its_person_alone(server):
    asked = {"role": "user", "content": "something red"}
    server.post("/v1/chat/completions", model="genrec", messages=[asked], session="page-own", user="page-owner")
    for method in ("GET", "DELETE"):
        rest = "/wishes" if method == "DELETE" else ""
        answer = server.http.request(
            method, f"/v1/sessions/page-own{rest}", params={"user": "page-other", "attribute": "*"}
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "session_of_another")


def test_what_another_process_said_meanwhile_is_not_lost(server, monkeypatch):
    """Between loading and saving, another process goes on with the conversation: it is gone through again."""
    load, items = server.store.load_session, server.engine.workspace.catalog.items
    elsewhere = [items[-1].item_id]  # shown by other processes, one at a time

    def say(words):
        asked = {"role": "user", "content": words}
        return server.post(
            "/v1/chat/completions", model="genrec", messages=[asked], session="page-two", user="page-two"
        )

    def interrupted(session_id):
        found = load(session_id)
        if elsewhere:
            session = Session(user_id="page-two") if found is None else Session.from_json(found)
            session.seen.append(elsewhere.pop())
            assert server.store.save_session(session_id, "page-two", session.to_json(), after=found)
        return found

    monkeypatch.setattr(server.store, "load_session", interrupted)
    assert say("something under 60").status_code == 200
    kept = Session.from_json(load("page-two"))
    assert items[-1].item_id in kept.seen
    assert len(kept.shown) + 1 == len(kept.seen)
    elsewhere.extend(item.item_id for item in items[:20])
    answer = say("something red")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "session_contended")
    elsewhere.clear()
    assert [wish.attribute for wish in Session.from_json(load("page-two")).constraints] == ["price"]


def test_looking_at_a_conversation_does_not_begin_it(server):
    server.http.get("/v1/sessions/page-looked", params={"user": "page-first"})
    server.http.delete("/v1/sessions/page-looked/wishes", params={"user": "page-first", "attribute": "*"})
    assert server.store.load_session("page-looked") is None


# ---- what it suggests


def shown_session(server, *wishes):
    reader = server.engine.reader
    fitting = [item.item_id for item in reader.catalog if all(wish.holds(item) for wish in wishes)]
    session = Session(constraints=list(wishes))
    session.show(fitting[:5])
    return reader, session


WISHED = [
    (),
    (Predicate(attribute="color", operator="=", value="red"),),
    (
        Predicate(attribute="price", operator="<", value=40.0),
        Predicate(attribute="color", operator="!=", value="red"),
    ),
]


@pytest.mark.parametrize("wishes", WISHED)
def test_every_chip_is_understood_and_leaves_items(server, wishes):
    reader, session = shown_session(server, *wishes)
    offered = chips(reader, session)
    assert len(offered) >= 4
    assert len({chip.say for chip in offered}) == len(offered)
    for chip in offered:
        conversation = Conversation(server.engine.workspace, Session.from_json(session.to_json()))
        request = reader.read(chip.say, session)
        assert chip.attribute in {wish.attribute for wish in request.where}, chip
        conversation.session.wish(request.where, reader.catalog)
        refused = set(session.disliked)
        wanted = conversation.session.constraints
        assert any(all(w.holds(i) for w in wanted) for i in reader.catalog if i.item_id not in refused), chip


def test_chips_speak_of_what_is_not_settled(server):
    reader, session = shown_session(server, WISHED[1][0])
    assert "color" not in {chip.attribute for chip in chips(reader, session)}
    assert chips(reader, Session()) == []


def test_what_waits_for_its_turn_is_the_first_chip(server):
    reader, catalog = server.engine.workspace.rule_reader, server.engine.workspace.catalog
    session = Session(shown=[catalog.items[0].item_id], later=["a blue vase"])
    assert chips(reader, session)[0].say == "a blue vase"


def test_starters_name_what_the_catalog_holds(server):
    reader = server.engine.reader
    offered = starters(reader)
    assert len(offered) == 4
    for words in offered[:2]:
        wishes = reader.read(words, Session()).where
        assert wishes
        assert any(all(wish.holds(item) for wish in wishes) for item in reader.catalog)


def test_starters_need_no_attributes(server):
    catalog = server.engine.reader.catalog
    bare = type(catalog)(items=tuple(replace(item, attributes={}) for item in catalog.items[:3]))
    assert starters(type(server.engine.reader)(bare)) == ["Surprise me", "What can I ask?"]
