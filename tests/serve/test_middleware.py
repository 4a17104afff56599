"""What stands around every route, without any route."""

import asyncio

import pytest
from starlette.responses import PlainTextResponse

from genrec.serve.middleware import BodyLimit, HostGuard, QuotedPath


async def read_all(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await PlainTextResponse(scope["path"])(scope, receive, send)


def ask(app, *, method="GET", path="/", raw_path=None, headers=(), body=(b"",)):
    """The status and body that an application answers."""
    parts, sent = list(body), []

    async def receive():
        part = parts.pop(0)
        if callable(part):
            await part()
            part = b""
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": (raw_path or path).encode(),
        "headers": headers,
    }

    async def answer():
        await app(scope, receive, send)
        return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)

    return answer()


def status(app, *headers, method="GET"):
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return asyncio.run(ask(app, method=method, headers=encoded))[0]


OWN = HostGuard(read_all, allowed={"localhost", "[::1]", "shop.example"}, is_open=True)
ANY = HostGuard(read_all, allowed=None, is_open=False)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "[::1]", "[::1]:80", "shop.example", "shop.example.:1"]
)
def test_own_names_are_taken_with_any_port(host):
    assert status(OWN, ("host", host)) == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "shop.example.evil", "xshop.example", "localhost@evil", "", "localhost:80:80", "localhost/x",
     "127.0.0.1", "[::1", "localhost, evil", "lo\u00e7al", "localhost:999999", "http://localhost"],
)  # fmt: skip
def test_foreign_hosts_and_what_is_no_host_are_refused(host):
    assert status(OWN, ("host", host)) == 400


def test_there_must_be_one_host():
    assert status(OWN) == status(ANY) == 400
    assert status(OWN, ("host", "localhost"), ("host", "localhost")) == 400


def test_any_host_is_taken_where_none_is_named_if_it_is_one():
    assert status(ANY, ("host", "whatever.example:90")) == 200
    assert status(ANY, ("host", "a)](http://evil")) == 400


@pytest.mark.parametrize(
    ("header", "is_taken"),
    [
        (("origin", "http://localhost:8000"), True),
        (("origin", "https://LOCALHOST:8000"), True),  # behind what speaks TLS
        (("origin", "http://localhost:3000"), False),
        (("origin", "http://evil.example"), False),
        (("origin", "null"), False),
        (("origin", ""), False),
        (("origin", "http://[::1"), False),
        (("origin", "http://[zz]"), False),
        (("origin", "http://localhost:8000]"), False),
        (("sec-fetch-site", "same-origin"), True),
        (("sec-fetch-site", "none"), True),
        (("sec-fetch-site", "cross-site"), False),
        (("sec-fetch-site", "same-site"), False),
    ],
)
def test_on_an_open_server_pages_of_other_sites_read_but_do_not_change(header, is_taken):
    host = ("host", "localhost:8000")
    for method in ("POST", "DELETE", "PUT", "PATCH"):
        assert status(OWN, host, header, method=method) == (200 if is_taken else 403)
        assert status(ANY, host, header, method=method) == 200  # a key is what they lack there
    assert status(OWN, host, header) == 200


def test_quoted_slashes_stay_quoted_and_other_paths_as_they_are():
    app = QuotedPath(read_all)
    assert asyncio.run(ask(app, path="/items/a/b", raw_path="/items/a%2Fb")) == (200, b"/items/a%2Fb")
    assert asyncio.run(ask(app, path="/items/a", raw_path="/items/a?x=%2F")) == (200, b"/items/a")
    assert asyncio.run(ask(app, path="/items/a", raw_path="/items/a")) == (200, b"/items/a")


def test_many_large_bodies_do_not_take_the_memory_and_small_ones_are_always_read():
    from starlette.exceptions import HTTPException

    app = BodyLimit(read_all, max_bytes=1_000_000, limit_s=60)

    async def all_together():
        done = asyncio.Event()
        large = [asyncio.create_task(ask(app, body=(b"x" * 999_000, done.wait))) for _ in range(20)]
        await asyncio.sleep(0.05)
        small = await ask(app, body=(b"x" * 60_000, b""))
        done.set()
        answers = await asyncio.gather(*large, return_exceptions=True)
        return small, answers, await ask(app, body=(b"x" * 999_000, b""))

    small, answers, after = asyncio.run(all_together())
    assert small[0] == after[0] == 200
    refused = [answer for answer in answers if isinstance(answer, HTTPException)]
    assert {(error.status_code, error.headers["Retry-After"]) for error in refused} == {(503, "1")}
    assert len(answers) - len(refused) == 17  # 16 of the largest size, of which small parts do not count
