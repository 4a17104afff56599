"""Who holds connections without sending whole requests is ended; whoever sends them always gets in."""

import asyncio
import json
import pickle
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest
from serve_worlds import listening

from genrec.config import ServeConfig
from genrec.serve.connections import MAX_HEAD_BYTES, RESERVED_FILES, ConnectionLimits, Connections, counted_address

PATIENT = ConnectionLimits(head_s=60, body_s=60, idle_s=60, per_address=None, total=10_000)
WHOLE = b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n"
HALF = b"GET /quick HTTP/1.1\r\nHos"
BODY = b"POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"


class App:
    """Answers at once; /held when told to, /early before it reads the body, /large with 64 MB."""

    def __init__(self):
        self.told, self.headers, self.body = threading.Event(), [], b""

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        if scope["path"] != "/early":
            self.body = b""
            while (message := await receive()).get("more_body"):
                self.body += message["body"]
            self.body += message.get("body", b"")
            if message["type"] == "http.disconnect":
                return
        while scope["path"] == "/held" and not self.told.is_set():
            await asyncio.sleep(0.01)
        self.headers = list(scope["headers"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1_000 if scope["path"] == "/large" else 0):
            await send({"type": "http.response.body", "body": b"x" * 2**16, "more_body": True})
        await send({"type": "http.response.body", "body": b"done"})


class World:
    """A server with such limits, and sockets to it."""

    def __init__(self, port, app, connections, stack):
        self.port, self.app, self.connections, self._stack = port, app, connections, stack

    def open(self, sent=b"", source="127.0.0.1"):
        opened = socket.create_connection(("127.0.0.1", self.port), timeout=30, source_address=(source, 0))
        self._stack.enter_context(opened)
        opened.sendall(sent)
        return opened

    def wait_until(self, is_so):
        ends = time.monotonic() + 30
        while not is_so():
            assert time.monotonic() < ends
            time.sleep(0.01)

    def wait_for(self, number):
        self.wait_until(lambda: self.connections.num_open == number)


@contextmanager
def world(**limits):
    app, connections = App(), Connections(replace(PATIENT, **limits))
    with ExitStack() as stack:
        url = stack.enter_context(listening(app, connections))
        yield World(int(url.rpartition(":")[2]), app, connections, stack)
        app.told.set()


def ended(opened):
    """What came until the server ended the connection."""
    received = b""
    while True:
        try:
            part = opened.recv(2**16)
        except ConnectionResetError:
            return received
        if not part:
            return received
        received += part


def dribble(opened, byte=b"x"):
    """Send a byte now and then until it is refused, from a thread."""

    def send():
        try:
            while True:
                opened.sendall(byte)
                time.sleep(0.05)
        except OSError:
            pass

    threading.Thread(target=send, daemon=True).start()


def status(answer):
    return int(answer.split()[1])


def error(answer):
    return json.loads(answer.partition(b"\r\n\r\n")[2])["error"]


@pytest.mark.parametrize("is_dribbling", [True, False])
def test_a_head_that_does_not_come_whole_is_ended_with_408(is_dribbling):
    with world(head_s=0.5) as server:
        slow = server.open(HALF)
        if is_dribbling:
            dribble(slow)
        answer = ended(slow)
        assert (status(answer), error(answer)["code"]) == (408, "request_timeout")
        server.wait_for(0)


def test_a_connection_on_which_nothing_comes_is_closed_without_a_word():
    with world(head_s=0.5) as server:
        assert ended(server.open()) == b""


def test_the_next_request_of_a_connection_has_the_same_time():
    with world(head_s=0.5) as server:
        slow = server.open(WHOLE)
        assert slow.recv(1_000).startswith(b"HTTP/1.1 200")
        slow.sendall(HALF)
        dribble(slow)
        assert b"HTTP/1.1 408" in ended(slow)


@pytest.mark.parametrize("sent", [b"", b"\r\n"])
def test_a_connection_between_two_requests_is_closed_even_when_empty_lines_come(sent):
    with world(idle_s=0.5) as server:
        idle = server.open(WHOLE)
        if sent:
            dribble(idle, sent)
        assert ended(idle).endswith(b"done\r\n0\r\n\r\n")


def test_a_body_that_does_not_come_is_ended():
    with world(body_s=0.2) as server:
        slow = server.open(BODY)
        dribble(slow)
        assert ended(slow) == b""


def test_a_body_that_nobody_reads_any_more_is_ended():
    with world(idle_s=0.5) as server:
        slow = server.open(BODY.replace(b"quick", b"early"))
        dribble(slow)
        assert ended(slow).startswith(b"HTTP/1.1 200")


def test_an_answer_that_is_not_taken_is_ended():
    with world(body_s=0.5) as server:
        server.open(WHOLE.replace(b"quick", b"large"))
        server.wait_for(1)
        server.wait_for(0)


def test_a_head_without_end_is_refused():
    with world() as server:
        large = server.open(HALF)
        dribble(large, b"x" * 2**16)
        server.wait_for(0)
        head = server.open(b"GET /quick HTTP/1.1\r\nHost: x\r\nA: " + b"x" * MAX_HEAD_BYTES)
        answer = ended(head)
        assert (status(answer), error(answer)["code"]) == (431, "head_too_large")


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket", b"TLS/1.3, foo"])
@pytest.mark.parametrize(
    "framing", [b"Content-Length: 5\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"]
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_request_to_speak_another_protocol_is_a_plain_one(protocol, framing, size):
    head = b"POST /quick?a=%%20b HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: %b\r\n" % protocol
    with world() as server:
        opened = server.open()
        for _ in range(2):  # the connection stays, and so does what it does
            sent = head + framing
            for start in range(0, len(sent), size):
                opened.sendall(sent[start : start + size])
            assert opened.recv(1_000).startswith(b"HTTP/1.1 200")
            assert server.app.body == b"hello"
            assert b"upgrade" not in dict(server.app.headers)
        opened.sendall((head + framing) * 2 + WHOLE)  # one upon the other
        received = b""
        while received.count(b"HTTP/1.1 200") < 3:
            received += opened.recv(1_000)
        server.wait_until(lambda: server.app.body == b"")


def test_headers_after_the_body_are_dropped():
    with world() as server:
        head = b"POST /quick HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert server.open(head + b"1\r\nx\r\n0\r\nAuthorization: y\r\n\r\n").recv(1_000).startswith(b"HTTP/1.1 200")
        assert [name for name, _ in server.app.headers] == [b"host", b"transfer-encoding"]


@pytest.mark.parametrize("held", [HALF, BODY, b""])
@pytest.mark.parametrize("limit", ["per_address", "total"])
def test_whoever_sends_whole_requests_gets_in_however_many_half_sent_ones_there_are(limit, held, caplog):
    with world(**{limit: 10}) as server:
        half = [server.open(held) for _ in range(50)]
        for _ in range(20):
            assert server.open(WHOLE).recv(1_000).startswith(b"HTTP/1.1 200")
        assert server.connections.num_open <= 10
        assert all(ended(each) == b"" for each in half[:40])
        server.wait_until(lambda: "connections were ended or refused for want of room" in caplog.text)


def test_those_that_wait_the_longest_make_room_first_and_idle_ones_after_them():
    with world(per_address=3) as server:
        idle = server.open(WHOLE)
        idle.recv(1_000)
        first, second = server.open(HALF), server.open(HALF)
        server.wait_for(3)
        server.open(HALF)
        assert ended(first) == b""
        second.sendall(b"t: x\r\n\r\n")
        assert second.recv(1_000).startswith(b"HTTP/1.1 200")
        idle.sendall(WHOLE)
        assert idle.recv(1_000).startswith(b"HTTP/1.1 200")


def test_what_is_being_answered_never_makes_room_and_one_too_many_is_told_503():
    with world(per_address=2) as server:
        held = [server.open(WHOLE.replace(b"quick", b"held")) for _ in range(2)]
        server.wait_until(lambda: server.connections.num_open == 2)
        time.sleep(0.2)  # until both have been read
        answer = ended(server.open())
        assert (status(answer), error(answer)["code"]) == (503, "too_many_connections")
        assert b"retry-after: 1\r\n" in answer
        other = server.open(WHOLE, source="127.0.0.2")
        assert other.recv(1_000).startswith(b"HTTP/1.1 200")
        server.app.told.set()
        assert all(each.recv(1_000).startswith(b"HTTP/1.1 200") for each in held)


def test_each_address_has_connections_of_its_own():
    with world(per_address=2) as server:
        kept = [server.open(HALF, source=f"127.0.0.{number}") for number in (1, 2, 3) for _ in range(2)]
        server.wait_for(6)
        for each in kept:
            each.sendall(b"t: x\r\n\r\n")
            assert each.recv(1_000).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("rest", [HALF, BODY])
def test_pipelined_requests_are_answered_in_turn(rest):
    with world(per_address=1) as server:
        piped = server.open(WHOLE.replace(b"quick", b"held") + WHOLE + rest)
        time.sleep(0.2)
        assert status(ended(server.open())) == 503  # the first is owed an answer
        server.app.told.set()
        answers = b""
        while answers.count(b"done") < 2:
            answers += piped.recv(1_000)
        server.wait_for(1)
        assert server.open(WHOLE).recv(1_000).startswith(b"HTTP/1.1 200")  # now the half-sent third makes room
        assert ended(piped) == b""


def test_who_asks_for_websockets_is_counted_like_others():
    with world() as server:
        asked = server.open(WHOLE[:-2] + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert asked.recv(1_000).startswith(b"HTTP/1.1 200")
        assert server.connections.num_open == 1
        asked.close()
        server.wait_for(0)


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_a_household_counts_as_one_address(host, counted):
    assert counted_address(host) == counted


def test_limits_follow_settings_and_leave_files_for_other_things(caplog):
    config = ServeConfig(header_limit_s=1, time_limit_s=2, idle_limit_s=3, connections_per_address=None)
    expected = ConnectionLimits(head_s=1, body_s=2, idle_s=3, per_address=None, total=config.max_connections)
    assert ConnectionLimits.of(config, None) == ConnectionLimits.of(config, 20_000) == expected
    assert caplog.text == ""
    assert ConnectionLimits.of(config, 1024).total == 1024 - RESERVED_FILES
    assert "1024 open files allow; 768 are taken" in caplog.text
    assert ConnectionLimits.of(config, 100).total == 50


def test_the_limit_of_open_files_is_raised_as_far_as_it_goes():
    code = (
        "import resource; hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1];"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (300, min(hard, 900)));"
        "from genrec.serve.connections import raised_file_limit;"
        "print(raised_file_limit(), resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "900 (900, 900)\n"


def test_connections_reach_workers_with_their_limits():
    assert pickle.loads(pickle.dumps(Connections(PATIENT))).limits == PATIENT
