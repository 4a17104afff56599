"""Around every request: keys, limits, ids, logs, metrics, documentation; and the loop that stays free."""

import gzip
import io
import json
import logging
import re
import socket
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial

import pytest
from plain_studio import PlainPainter, plain_studio
from serve_worlds import PATIENT, data_url, encoded, serving

from genrec.serve import app as app_module
from genrec.serve.logs import JsonLines
from genrec.serve.store import Store

SMALL = replace(PATIENT, max_body_bytes=20_000, max_picture_pixels=1_000, time_limit_s=60)


@pytest.fixture(scope="module")
def guarded(shop, tmp_path_factory):
    """A server that asks for keys and takes little."""
    with serving(shop, tmp_path_factory.mktemp("guarded"), SMALL, is_open=False) as running:
        yield running


def bearer(server, *scopes, rate=0):
    _, secret = server.store.create_key("test", scopes, rate_per_minute=rate)
    return {"Authorization": f"Bearer {secret}"}


def wait_until(is_so, limit_s=120.0):
    ends = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.01)


OPEN = {
    "/health",
    "/ready",
    *(f"/v1/items/{{item_id}}/{kind}" for kind in ("image", "video", "audio")),
    "/v1/visuals/{visual_id}",
    "/v1/visuals/{visual_id}/record",
}


def operations(server):
    """The method, path and scope of every documented operation; the scope is None where it needs no key."""
    paths = server.http.get("/openapi.json").json()["paths"]
    return [
        (method.upper(), path, operation["x-scope"] if "security" in operation else None)
        for path, by_method in paths.items()
        for method, operation in by_method.items()
    ]


def test_every_route_asks_for_its_scope_before_it_reads_the_body(guarded):
    other = {"": None, "chat": "recommend"}
    asking = [operation for operation in operations(guarded) if operation[2] is not None]
    assert len(asking) >= 14
    for method, template, scope in asking:
        path = re.sub(r"\{(\w+)\}", r"\1", template)
        answer = guarded.http.request(method, path, content=b"{ no json")
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key"), path
        if scope:
            wrong = bearer(guarded, other.get(scope, "chat"))
            assert guarded.http.request(method, path, headers=wrong).status_code == 403, path
        right = bearer(guarded, scope or "chat")
        answer = guarded.http.request(method, path, headers=right)
        assert answer.status_code in ((409, 415) if method == "POST" else (200, 400, 404)), path


def test_only_these_routes_need_no_key(guarded):
    assert {path for _, path, scope in operations(guarded) if scope is None} == OPEN
    assert ("GET", "/metrics", "admin") in operations(guarded)


def test_a_spent_rate_is_429_with_the_time_to_wait(guarded):
    headers = bearer(guarded, "recommend", rate=2)
    answers = [guarded.http.get("/v1/models", headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["retry-after"]) >= 1
    assert answers[2].json()["error"]["type"] == "rate_limit_error"


def test_large_bodies_are_refused_whether_announced_or_not(guarded):
    headers = bearer(guarded, "recommend") | {"content-type": "application/json"}
    announced = guarded.http.post("/v1/recommendations", headers=headers, content=b"x" * 20_001)
    streamed = guarded.http.post("/v1/recommendations", headers=headers, content=iter([b"x" * 9_000] * 3))
    for answer in (announced, streamed):
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_entity_too_large")


KINDS = {
    415: ("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json", "text/json",
          "application/jsonx", "application/json, text/plain"),
    400: ("application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"),
}  # fmt: skip


def test_every_body_must_be_said_to_be_json(server):
    paths = [path for method, path, _ in operations(server) if method == "POST" and path != "/v1/reload"]
    assert len(paths) >= 5  # a reload has no body
    for path in paths:
        for status, kinds in KINDS.items():
            for kind in kinds:
                answer = server.http.post(path, content=b"[]", headers={"content-type": kind})
                assert answer.status_code == status, (path, kind)
                assert answer.json()["error"]["message"].count("\n") == 0


def test_packed_bodies_are_refused(server):
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = server.http.post("/v1/recommendations", content=gzip.compress(b"{}" + b" " * 10_000_000), headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_media_type")
    assert "without Content-Encoding" in answer.json()["error"]["message"]


@pytest.mark.parametrize("body", [b"[" * 2_000_000, b'{"a":' * 1_000_000, b"[" * 90_000 + b"]" * 90_000])
def test_deep_bodies_are_refused_in_one_line(server, body):
    answer = server.http.post("/v1/recommendations", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].count("\n") == 0


def test_a_server_is_reached_under_its_own_names_alone(server, guarded):
    assert server.http.get("/v1/models", headers={"Host": "evil.example"}).json()["error"]["code"] == "invalid_host"
    for host in ("localhost", "localhost:1234", "[::1]:8000", "127.0.0.1"):
        assert server.http.get("/v1/models", headers={"Host": host}).status_code == 200
    assert guarded.http.get("/health", headers={"Host": "shop.example"}).status_code == 200


def test_pages_of_other_sites_change_nothing_on_an_open_server(server, guarded, shop):
    event, foreign = {"user": "u", "item": shop.catalog.items[0].item_id, "kind": "view"}, {"Origin": "http://evil"}
    refused = server.http.post("/v1/feedback", json=event, headers=foreign)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "cross_site")
    assert server.http.delete("/v1/people/u", headers=foreign).status_code == 403
    own = {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}
    assert server.http.post("/v1/feedback", json=event, headers=own).status_code == 200
    keyed = foreign | bearer(guarded, "feedback")
    assert guarded.http.post("/v1/feedback", json=event, headers=keyed).status_code == 200


def test_large_pictures_are_refused(guarded):
    body = {"image": data_url(encoded((40, 40)))}
    answer = guarded.http.post("/v1/recommendations", headers=bearer(guarded, "recommend"), json=body)
    assert "40 × 40 pixels; at most 1,000" in answer.json()["error"]["message"]


def test_a_body_that_does_not_come_ends_in_408(shop, tmp_path):
    with serving(shop, tmp_path, replace(SMALL, time_limit_s=0.5)) as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=60) as slow:
            head = b"POST /v1/recommendations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            slow.sendall(head + b"Content-Length: 100\r\n\r\n{")
            assert slow.recv(1000).startswith(b"HTTP/1.1 408")


def test_request_ids_are_kept_or_made(server):
    assert server.http.get("/health", headers={"X-Request-ID": "my-id.1"}).headers["x-request-id"] == "my-id.1"
    for bad in ("a b", "x" * 65, "a\tb"):
        made = server.http.get("/health", headers={"X-Request-ID": bad}).headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{32}", made)


def test_logs_are_json_lines_without_personal_text(server, shop):
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    handler.addFilter(lambda record: not record.name.startswith("http"))  # the client's own
    root = logging.getLogger()
    level, item = root.level, shop.catalog.items[0].item_id
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        said = [{"role": "user", "content": "I am Zebediah and love a mauvish lamp"}]
        server.post("/v1/chat/completions", model="genrec", user="zebediah-1", messages=said)
        server.post("/v1/recommendations", history=["zebediah-bought", item], query="mauvish", k=2)
        server.post("/v1/recommendations", where="mauvish < 3")
        server.post("/v1/feedback", user="zebediah-1", item=item, kind="like")
        server.http.get("/v1/people/zebediah-1", headers={"X-Request-ID": "seen"})
        server.http.get("/v1/items", params={"where": "title = mauvish"})
        server.http.get("/zebediah-1/mauvish")
        server.http.delete("/v1/people/zebediah-1")
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
    parsed = [json.loads(line) for line in written.getvalue().splitlines()]
    answered = [line for line in parsed if line["message"] == "answered"]
    assert len(answered) == 8
    assert {"route": "/v1/people/{person:path}", "request_id": "seen", "status": 200}.items() <= answered[4].items()
    assert not re.search("zebediah|mauvish", written.getvalue(), re.IGNORECASE)


def test_metrics_count_requests_by_route(server):
    def count():
        found = re.search(
            r'genrec_requests_total\{method="GET",route="/v1/items/\{item_id:path\}",status="404"\} (\d+)',
            server.http.get("/metrics").text,
        )
        return int(found[1]) if found else 0

    before = count()
    server.http.get("/v1/items/some-one")
    server.http.get("/v1/items/another-one")
    assert count() == before + 2
    text = server.http.get("/metrics").text
    assert "some-one" not in text
    assert 'genrec_waiting{batcher="recommend"} 0.0' in text
    assert 'genrec_request_seconds_bucket{le="0.3",route="/v1/items/{item_id:path}"}' in text


def test_two_servers_in_one_process_keep_their_own_metrics(server, guarded):
    server.http.get("/v1/items/counted-here")
    admin = bearer(guarded, "admin")
    assert "some-one" not in guarded.http.get("/metrics", headers=admin).text


def test_documentation_asks_no_other_host(server):
    page = server.http.get("/docs")
    assert page.status_code == 200
    assert "POST /v1/chat/completions" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not re.search(r"""(src|href)=['"]?(https?:)?//|<script""", page.text)


def lose_store(server, folder):
    """Make the server's database unreachable."""
    server.store.close()
    for file in folder.glob("store.db*"):
        file.unlink()
    (folder / "store.db").mkdir()


def test_ready_means_the_store_answers(shop, tmp_path):
    with serving(shop, tmp_path) as server:
        generation = shop.data.generation.number
        assert server.http.get("/ready").json() == {"status": "ok", "generation": generation, "waiting": None}
        assert server.http.get("/health").json() == {"status": "ok"}
        lose_store(server, tmp_path)
        answer = server.http.get("/ready")
        assert (answer.status_code, answer.json()["status"]) == (503, "store unreachable")


def test_a_store_that_is_lost_is_503_with_the_time_to_wait(shop, tmp_path, caplog):
    with serving(shop, tmp_path) as server:
        item = shop.catalog.items[0].item_id
        lose_store(server, tmp_path)
        said = [{"role": "user", "content": "a lamp"}]
        for answer in (
            server.post("/v1/recommendations", user="u"),
            server.post("/v1/feedback", user="u", item=item, kind="like"),
            server.post("/v1/chat/completions", model="genrec", session="s", messages=said),
            server.http.get("/v1/people/u"),
            server.http.delete("/v1/people/u"),
            server.http.get("/v1/visuals/some-one"),
        ):
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store_unusable")
            assert int(answer.headers["retry-after"]) >= 1
            assert str(tmp_path) not in answer.text
        assert server.http.get("/ready").status_code == 503
        assert server.post("/v1/recommendations", k=1).status_code == 200  # which needs no store
    told = [record.getMessage() for record in caplog.records if "cannot be used" in record.getMessage()]
    assert len(told) == 6
    assert all(str(tmp_path) in message and "\n" not in message for message in told)


class FaultyStore(Store):
    """A store with a fault of ours."""

    def latest_feedback(self, person):
        raise RuntimeError(f"what {person} did")


def test_a_failure_of_ours_is_told_without_details_and_logged(shop, tmp_path, caplog):
    with serving(shop, tmp_path, store_type=FaultyStore) as server:
        answer = server.post("/v1/recommendations", user="u")
    assert answer.status_code == 500
    assert answer.json()["error"] == {
        "message": "the server failed; it was logged", "type": "server_error", "param": None, "code": "internal_error"
    }  # fmt: skip
    assert "RuntimeError" in caplog.text


def test_the_loop_stays_free_while_pictures_are_drawn_and_reasons_found(shop, tmp_path):
    studio = plain_studio(shop, PlainPainter(pause_s=0.1))
    with serving(shop, tmp_path, studio=studio) as server:
        item = shop.catalog.items[0].item_id
        slow = [
            threading.Thread(
                target=server.post, args=("/v1/images/generations",), kwargs={"item": item, "n": 4, "seed": 1}
            ),
            threading.Thread(
                target=server.post, args=("/v1/recommendations",), kwargs={"user": "user-00003", "explain": True}
            ),
        ]
        for thread in slow:
            thread.start()
        waits, start = [], time.perf_counter()
        while any(thread.is_alive() for thread in slow):
            asked = time.perf_counter()
            server.http.get("/health")
            waits.append(time.perf_counter() - asked)
        took_s = time.perf_counter() - start
    assert len(waits) > 10
    assert max(waits) < took_s / 3


def test_a_drawing_is_stopped_when_its_client_hangs_up(server, shop):
    item = shop.catalog.items[0].item_id
    body = json.dumps({"item": item, "n": 4, "user": "hung-up"}).encode()
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as caller:
        head = "POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        caller.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        wait_until(lambda: server.engine.num_jobs > 0)
    wait_until(lambda: server.engine.num_jobs == 0)
    assert len(server.store.export_person("hung-up")["visuals"]) < 4


def test_more_than_can_wait_is_refused_with_503(shop, tmp_path):
    with serving(shop, tmp_path, replace(PATIENT, max_waiting=1, max_batch=1)) as server:
        answers: list[int] = []

        def ask():
            answers.append(server.post("/v1/recommendations", k=1).status_code)

        with server.engine.queues.turns.of(0):  # the model is busy
            threads = [threading.Thread(target=ask) for _ in range(5)]
            for thread in threads:
                thread.start()
            # One waits, and one more where the first was taken before all had come.
            wait_until(lambda: len(answers) >= 3)
        for thread in threads:
            thread.join()
    assert sorted(answers) in ([200, 200, 503, 503, 503], [200, 503, 503, 503, 503])


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("{ws}/generations/3/model/config.json is broken", "generations/3/model/config.json is broken"),
        ("{ws} is not there", "the workspace is not there"),
        ("model '/home/ann/models/small' cannot be loaded", "model 'small' cannot be loaded"),
        ("'../../tmp/x' (No such file: '/tmp/x/a.json') and/or org/name; see https://a.b/c", None),
    ],
)
def test_a_message_of_the_server_names_no_folder_of_its_machine(tmp_path, message, shown):
    wanted = shown or "'x' (No such file: 'a.json') and/or org/name; see https://a.b/c"
    assert app_module._without_places(message.format(ws=tmp_path / "my shop"), tmp_path / "my shop") == wanted


class ErasedAtOnce(Store):
    """A store whose people are erased as soon as something of theirs begins."""

    def moment(self, person):
        begun = super().moment(person)
        self.erase_person(person)
        return begun


class ErasedWhileKept(Store):
    """A store whose people are erased between a drawing's row and its files."""

    def add_visual(self, **given):
        stored = super().add_visual(**given)
        self.erase_person(given["person"])
        return stored


@pytest.mark.parametrize("store_type", [ErasedAtOnce, ErasedWhileKept])
def test_a_drawing_whose_person_is_erased_meanwhile_leaves_neither_row_nor_file(shop, tmp_path, store_type):
    before = set((shop.directory / "visuals").rglob("*.*"))
    item = shop.catalog.items[0].item_id
    with serving(shop, tmp_path, store_type=store_type) as server:
        said = [{"role": "user", "content": "a red lamp"}, {"role": "user", "content": "show me the first"}]
        for answer in (
            server.post("/v1/images/generations", item=item, user="leaver", seed=1),
            server.post("/v1/chat/completions", model="genrec", messages=said, user="leaver"),
        ):
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "person_erased")
        left = [path for path in (shop.directory / "visuals").rglob("*.*") if path.suffix in (".png", ".json")]
        assert set(left) <= before
        assert server.store.export_person("leaver")["visuals"] == []


def test_a_chat_whose_person_is_erased_meanwhile_is_not_stored(shop, tmp_path):
    with serving(shop, tmp_path, store_type=ErasedAtOnce) as server:
        said = [{"role": "user", "content": "a red lamp"}]
        for session in ({}, {"session": "s"}):
            answer = server.post("/v1/chat/completions", model="genrec", messages=said, user="leaver", **session)
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "person_erased")
        assert server.store.load_session("s") is None


def test_readiness_is_told_in_time_while_another_holds_the_store_and_feedback_waits_no_longer_than_it_may(
    shop, tmp_path
):
    item = shop.catalog.items[0].item_id
    with (
        serving(shop, tmp_path, replace(PATIENT, time_limit_s=3)) as server,
        closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other,
        ThreadPoolExecutor(50) as clients,
    ):
        other.execute("BEGIN IMMEDIATE")
        start = time.monotonic()
        send = partial(server.post, "/v1/feedback", user="u", item=item, kind="like")
        waiting = [clients.submit(send) for _ in range(50)]  # more than there are threads
        time.sleep(0.5)
        answer = server.http.get("/ready")
        assert (answer.status_code, answer.json()["status"]) == (503, "store unreachable")
        assert time.monotonic() - start < 3.5
        assert {sent.result().status_code for sent in waiting} == {504}
        assert time.monotonic() - start < 10
        other.execute("ROLLBACK")
        assert send().status_code == 200


def test_a_store_that_is_moved_away_takes_no_feedback(shop, tmp_path):
    item = shop.catalog.items[0].item_id
    with serving(shop, tmp_path) as server:
        assert server.post("/v1/feedback", user="u", item=item, kind="like").status_code == 200
        (tmp_path / "store.db").rename(tmp_path / "kept.db")
        assert server.http.get("/ready").status_code == 503
        assert server.post("/v1/feedback", user="u", item=item, kind="like").status_code == 503
        assert not (tmp_path / "store.db").exists()
