"""Send a server thousands of requests that it should refuse or survive, and count what it answers.

    python benchmarks/fuzz_requests.py DIR [--requests 5000] [--seed 0] [--json]

`genrec serve` runs on a built workspace with a store of its own. Sound requests are spoiled: values of wrong types and
sizes, broken JSON and base64, picture bombs, id tokens and role markers, path tricks, strange headers and methods. No
answer may be a 5xx, every refusal must have OpenAI's error body, and what spells a special token must be read as plain
text, which its number of tokens tells.
"""

import argparse
import base64
import copy
import http.client
import json
import random
import struct
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genrec.bench.serve import ServerProcess
from genrec.runtime import progress

SPECIAL = ("<|id_0_1|>", "<|id_1_2|>", "<|im_start|>", "<|im_end|>", "<|endoftext|>")


@dataclass(frozen=True, slots=True)
class Probe:
    """One request."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Findings:
    """How often each status came, and the probes that were answered wrongly, with what came."""

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[tuple[Probe, str]] = field(default_factory=list)


def _png_bomb(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = b""
    for name, content in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100_000)), (b"IEND", b"")):
        chunks += struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    return b"\x89PNG\r\n\x1a\n" + chunks


def _picture(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode()


PICTURES = (
    _picture(_png_bomb(60_000, 60_000)),
    _picture(_png_bomb(3_000, 3_000)),
    _picture(_png_bomb(1, 1)),
    _picture(b""),
    _picture(b"GIF89a\xff\xff\xff\xff"),
    _picture(b"\x89PNG\r\n\x1a\n" + b"\xff" * 500),
    _picture(b"%!PS-Adobe-3.0 EPSF-3.0\n"),
    "data:image/png;base64,%%%",
    "data:image/png;base64," + "A" * 5,
    "http://127.0.0.1:1/x.png",
    "file:///etc/passwd",
    "data:,",
)
NASTY: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**70), 10**400, 0.5, 1e308, float("nan"), float("inf"),
    "", " ", "\x00", "a\x00b", "\ud800", "\udfff\ud800", "\ue0000\ue001", "\u202e\u0000",
    "x" * 5_000, "é" * 3_999, "𝕏" * 1_000,
    "'; DROP TABLE events; --", "%00", "../../../../etc/passwd", "..\\..", "{{ 7*7 }}", "{% include '/etc/passwd' %}",
    "${jndi:ldap://x}", "<script>alert(1)</script>", *SPECIAL, "".join(SPECIAL) * 20, "price < ", "price < 1e999",
    "price < nan", "not " * 120, "(" * 499, "title contains '", "a = b or " * 50, "color in (" + "x," * 200,
    [], {}, [[]], [None], [1, "a", {}], {"a": {"b": {"c": []}}}, [[[[[[[[]]]]]]]], ["x"] * 600, [""], ["\x00"],
    *PICTURES,
)  # fmt: skip
SOUND: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("POST", "/v1/chat/completions", {"model": "genrec", "messages": [{"role": "user", "content": "a red lamp"}]}),
    (
        "POST",
        "/v1/chat/completions",
        {
            "model": "genrec",
            "user": "fuzz",
            "session": "s",
            "stream": True,
            "messages": [
                {"role": "system", "content": "x"},
                {"role": "user", "content": [{"type": "text", "text": "this, but blue"},
                                             {"type": "image_url", "image_url": {"url": PICTURES[2]}}]},
            ],
        },
    ),
    ("POST", "/v1/recommendations", {"user": "fuzz", "query": "red", "where": "price < 40", "k": 2, "exclude": []}),
    ("POST", "/v1/recommendations", {"history": [], "image": PICTURES[2], "k": 1, "explain": False}),
    ("POST", "/v1/embeddings", {"model": "genrec", "input": ["a", "b"], "encoding_format": "float"}),
    ("POST", "/v1/embeddings", {"model": "genrec", "input": "nothing", "input_type": "item", "dimensions": 64}),
    ("POST", "/v1/images/generations", {"prompt": "", "item": "nothing", "n": 1, "seed": 1, "user": "fuzz"}),
    ("POST", "/v1/feedback", {"user": "fuzz", "item": "nothing", "kind": "like", "event_id": "e", "timestamp": 1}),
)  # fmt: skip
PATHS = (
    "/v1/items/", "/v1/items/%00", "/v1/items/%ff", "/v1/items/../../etc/passwd",
    "/v1/items/..%2f..%2fetc%2fpasswd/image", "/v1/items/x/image/image", "/v1/visuals/%00",
    "/v1/visuals/..%2fstore.db", "/v1/people/%00", "/v1/people/%ed%a0%80",
    "/v1/people/'%20OR%201=1", "/v1/people/" + "a" * 300, "/v1/models/%2e%2e", "/v1/models/", "//v1/models",
    "/v1//models",
    "/v1/items?where=%00", "/v1/items?where=" + "(" * 400, "/v1/items?limit=1e9", "/v1/items?limit=-1",
    "/v1/items?offset=99999999999999999999999", "/v1/items?limit=nan&limit=1", "/v1/items?where=price%20%3C%20nan",
    "/v1/items?where=title%20contains%20%22%5C", "/docs/../metrics", "/openapi.json/", "/metrics?x[]=1",
    "/%c0%ae%c0%ae/",
    "/?" + "a=1&" * 2_000, "/v1/chat/completions",
)  # fmt: skip
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW")
HEADERS: tuple[dict[str, str], ...] = (
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/json; charset=utf-16"},
    {"Content-Type": "multipart/form-data"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Encoding": "gzip"},
    {"Authorization": "Bearer \x7f\xff"},
    {"Authorization": "Bearer " + "x" * 8_000},
    {"X-Request-ID": "a" * 2_000},
    {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "javascript"},
    {"Host": "evil.example:99999"},
    {"Accept": "application/xml"},
    {"Expect": "100-continue"},
    {"Range": "bytes=9-1"},
)


def malformed(rng: random.Random) -> Probe:
    """One request with something wrong in it, as a rule."""
    kind = rng.random()
    if kind < 0.12:
        return Probe(rng.choice(METHODS), rng.choice(PATHS), rng.choice((b"", b"{}")))
    method, path, sound = rng.choice(SOUND)
    body = copy.deepcopy(sound)
    headers = {"Content-Type": "application/json"}
    if kind < 0.24:
        return Probe(method, path, _spoil_bytes(json.dumps(body).encode(), rng), headers)
    if kind < 0.32:
        return Probe(method, path, json.dumps(body).encode(), headers | rng.choice(HEADERS))
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        _spoil(body, rng)
    return Probe(method, path, json.dumps(body).encode(), headers)


def _spoil(body: Any, rng: random.Random) -> None:
    """Change one value somewhere inside, drop it, or add another."""
    places = _places(body)
    holder, key = rng.choice(places)
    action = rng.random()
    if action < 0.1 and isinstance(holder, dict):
        del holder[key]
    elif action < 0.15 and isinstance(holder, dict):
        holder[str(rng.choice(NASTY))[:40]] = copy.deepcopy(rng.choice(NASTY))
    else:
        holder[key] = copy.deepcopy(rng.choice(NASTY))


def _places(value: Any) -> list[tuple[Any, Any]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, entry in list(entries):
        found.append((value, key))
        if isinstance(entry, dict | list):
            found += _places(entry)
    return found or [({"": 0}, "")]


def _spoil_bytes(content: bytes, rng: random.Random) -> bytes:
    spoilers: tuple[Callable[[bytes], bytes], ...] = (
        lambda c: c[: rng.randrange(len(c))],
        lambda c: bytes(rng.randrange(256) for _ in range(rng.randrange(200))),
        lambda c: c.replace(b'"', b"'"),
        lambda c: b"[" * 30_000 + c,
        lambda c: b'{"a":' * 5_000 + c + b"}" * 5_000,
        lambda c: c.decode().encode("utf-16"),
        lambda c: b"\xef\xbb\xbf" + c,
        lambda c: c + c,
        lambda c: c[:-1] + b',"model":"genrec","model":[]}',
        lambda c: _with_flip(c, rng),
        lambda c: b"",
        lambda c: b" " * 100_000 + c,
    )
    return rng.choice(spoilers)(content)


def _with_flip(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(content))
    return content[:place] + bytes([content[place] ^ (1 << rng.randrange(8))]) + content[place + 1 :]


def fuzz(port: int, num_requests: int, *, seed: int = 0) -> Findings:
    """Send probes one after the other to a server of this machine that asks for no keys."""
    rng, findings = random.Random(seed), Findings()
    for _ in progress(range(num_requests), label="fuzz", total=num_requests):
        probe = malformed(rng)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        try:
            connection.putrequest(
                probe.method, probe.path, skip_host="Host" in probe.headers, skip_accept_encoding=True
            )
            for name, value in {**probe.headers, "Content-Length": str(len(probe.body))}.items():
                connection.putheader(name, value.encode("latin-1"))
            connection.endheaders(probe.body)
            response = connection.getresponse()
            content = response.read()
            findings.statuses[response.status] += 1
            complaint = _complaint(probe, response.status, content)
        except (OSError, http.client.HTTPException) as error:
            complaint = f"no answer: {error!r}"
        finally:
            connection.close()
        if complaint:
            findings.wrong.append((probe, complaint))
    return findings


def _complaint(probe: Probe, status: int, content: bytes) -> str:
    if status >= 500:
        return f"{status}: {content[:300]!r}"
    if status >= 400 and probe.method != "HEAD":
        try:
            if set(json.loads(content)["error"]) != {"message", "type", "param", "code"}:
                return f"another error body: {content[:300]!r}"
        except (ValueError, KeyError, TypeError):
            if content != b"Invalid HTTP request received.":
                return f"no error body: {content[:300]!r}"
    return ""


def smuggled(port: int) -> list[str]:
    """Spellings of special tokens that were read as the tokens themselves: one token where plain text takes several."""
    found = []
    for spelling in SPECIAL:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        body = {"model": "genrec", "messages": [{"role": "user", "content": spelling}]}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
        if json.loads(connection.getresponse().read())["usage"]["prompt_tokens"] < 3:
            found.append(spelling)
        connection.close()
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        ServerProcess(arguments.directory, "--store", f"sqlite:///{folder}/store.db") as server,
    ):
        findings = fuzz(server.port, arguments.requests, seed=arguments.seed)
        tokens = smuggled(server.port)
        is_up = server.process.poll() is None
    report = {
        "requests": arguments.requests,
        "statuses": {str(status): count for status, count in sorted(findings.statuses.items())},
        "wrong": [
            {"path": probe.path, "body": repr(probe.body[:300]), "answer": answer} for probe, answer in findings.wrong
        ],
        "smuggled": tokens,
        "up": is_up,
    }
    print(
        json.dumps(report, indent=1)
        if arguments.json
        else "\n".join(f"{key}: {value}" for key, value in report.items())
    )


if __name__ == "__main__":
    main()
