"""Connections: how many an address may hold, and how long the server waits for what a client owes it.

uvicorn bounds neither the time nor the size of a request's head, nor the connections of one address, so that requests
that never come whole could take every file of the process. Here each connection is in one of four phases. Where room is
wanted, the one that owes the longest makes it: whoever sends whole requests always gets in. All this happens before
any key is looked up. Knows sockets and times; deliberately knows nothing of what is asked.
"""

import asyncio
import ipaddress
import json
import logging
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from genrec.config import ServeConfig
from genrec.serve.errors import ApiError

log = logging.getLogger(__name__)
MAX_HEAD_BYTES = 64 * 2**10
RESERVED_FILES = 256  # for the store, pictures, pipes and connections that are just refused
_GRACE_S = 2.0  # in which a route says itself that a body did not come
_LOOK_EVERY_S = 0.5
_TELL_EVERY_S = 10.0


class Phase(Enum):
    """Who owes what. HEAD, BODY: the client, the rest of a request; ANSWER: the server; IDLE: nobody anything."""

    HEAD = "head"
    BODY = "body"
    ANSWER = "answer"
    IDLE = "idle"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """Seconds that a client has for each phase, and how many connections an address and all may hold.

    body_s: also for taking an answer; per_address: None for no limit.
    """

    head_s: float
    body_s: float
    idle_s: float
    per_address: int | None
    total: int

    @classmethod
    def of(cls, config: ServeConfig, num_files: int | None) -> "ConnectionLimits":
        """num_files: how many files the process may open; connections leave a reserve. None where nobody knows."""
        total = config.max_connections
        if num_files is not None and total > num_files - RESERVED_FILES:
            total = max(num_files - RESERVED_FILES, num_files // 2)
            log.warning(
                "serve.max_connections = %d is more than %d open files allow; %d are taken (see ulimit -n)",
                config.max_connections, num_files, total,
            )  # fmt: skip
        return cls(
            head_s=config.header_limit_s,
            body_s=config.time_limit_s,
            idle_s=config.idle_limit_s,
            per_address=config.connections_per_address,
            total=total,
        )


def raised_file_limit() -> int | None:
    """How many files this process and those it starts may open, raised as far as the system lets; None if unknown."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2**16 if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
        except (ValueError, OSError) as error:
            log.warning("the limit of %d open files cannot be raised (%s)", soft, error)
    return None if soft == resource.RLIM_INFINITY else soft


@dataclass(slots=True)
class _Group:
    """The connections of one address, or all; those that could make room, the longest first."""

    members: set["Connection"] = field(default_factory=set)
    owing: "OrderedDict[Connection, None]" = field(default_factory=OrderedDict)
    idle: "OrderedDict[Connection, None]" = field(default_factory=OrderedDict)

    def note(self, connection: "Connection", phase: Phase | None) -> None:
        """Take over a phase; None for a connection that has ended."""
        if phase in (Phase.HEAD, Phase.BODY):
            self.owing[connection] = None  # from head to body, it keeps its place
        else:
            self.owing.pop(connection, None)
        self.idle.pop(connection, None)
        if phase is Phase.IDLE:
            self.idle[connection] = None
        if phase is None:
            self.members.discard(connection)
        else:
            self.members.add(connection)

    def next_to_go(self) -> "Connection | None":
        """The one that owes a request the longest, else the one that rests the longest."""
        return next(iter(self.owing), None) or next(iter(self.idle), None)


class Connections:
    """The connections of a process, which it makes, counts and ends; stands for uvicorn's protocol class."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self._all, self._by_address = _Group(), dict[str, _Group]()
        self._is_looking = False
        self._num_without_room, self._told = 0, -_TELL_EVERY_S

    def __call__(self, **given: Any) -> "Connection":  # Any: uvicorn's own
        """A new connection, as uvicorn asks for it."""
        return Connection(self, **given)

    @property
    def num_open(self) -> int:
        """How many are open."""
        return len(self._all.members)

    def admit(self, connection: "Connection") -> bool:
        """Count a connection; False where there is no room and nobody else could make some."""
        own = self._by_address.get(connection.address, _Group())
        for group, most in ((own, self.limits.per_address), (self._all, self.limits.total)):
            if most is None or len(group.members) < most:
                continue
            self._num_without_room += 1
            if not self._make_room(group):
                return False
        self.note(connection, Phase.HEAD)
        if not self._is_looking:
            self._is_looking = True
            connection.loop.call_later(_LOOK_EVERY_S, self._look, connection.loop)
        return True

    def _make_room(self, group: _Group) -> bool:
        leaving = group.next_to_go()
        if leaving is not None:
            self.note(leaving, None)
            leaving.transport.abort()
        return leaving is not None

    def note(self, connection: "Connection", phase: Phase | None) -> None:
        """Take over the phase of a connection; None when it has ended."""
        group = self._by_address.setdefault(connection.address, _Group())
        for each in (self._all, group):
            each.note(connection, phase)
        if not group.members:
            del self._by_address[connection.address]

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """End what took too long, and look again as long as there is a connection."""
        now = loop.time()
        if self._num_without_room and now - self._told >= _TELL_EVERY_S:
            log.warning(
                "%d connections were ended or refused for want of room; see serve.connections_per_address and "
                "serve.max_connections",
                self._num_without_room,
            )
            self._num_without_room, self._told = 0, now
        for connection in list(self._all.members):
            connection.end_if_over(now)
        self._is_looking = bool(self._all.members)
        if self._is_looking:
            loop.call_later(_LOOK_EVERY_S, self._look, loop)


class PlainParser:
    """httptools' parser, for which a request to speak another protocol is a plain one, as RFC 9110 has it (7.8).

    Theirs takes what follows such a head, its body too, for that protocol; so the request is read by another parser, by
    its head without the Upgrade. CONNECT, which asks for no place of this server, stays what it is.
    """

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._parser = self._renewed()

    def _renewed(self) -> Any:  # Any: httptools has no types
        parser = httptools.HttpRequestParser(self._connection)
        with suppress(AttributeError):  # httptools before 0.6.3; as uvicorn asks for it
            parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    @property
    def is_at_upgrade(self) -> bool:
        """Whether the request that is being read will be read again, as a plain one."""
        return bool(self._parser.should_upgrade()) and self._parser.get_method() != b"CONNECT"

    def feed_data(self, data: bytes) -> None:
        """Read on. Raises httptools' errors."""
        while data:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                if not self.is_at_upgrade:
                    raise
                data = self._plain_head() + data[upgrade.args[0] :]
                self._parser = self._renewed()
            else:
                return

    def _plain_head(self) -> bytes:
        version = self._parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self._parser.get_method(), self._connection.url, version)]
        lines += [b"%b: %b" % header for header in self._connection.headers if header[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def should_upgrade(self) -> bool:
        """Never: nothing else is spoken here."""
        return False

    def __getattr__(self, name: str) -> Any:  # Any: as above
        return getattr(self._parser, name)


class Connection(HttpToolsProtocol):
    """uvicorn's protocol for one connection, which tells its phase and can be ended."""

    def __init__(self, connections: Connections, **given: Any) -> None:  # Any: uvicorn's own
        super().__init__(**given)
        self.ws_protocol_class = None  # nothing here speaks WebSocket, and its protocol would not be counted
        self.address = ""
        self._plain = PlainParser(self)
        self.parser = self._plain  # type: ignore[assignment]  # it stands for theirs
        self._connections, self._phase, self._since = connections, Phase.HEAD, self.loop.time()
        self._reading: Phase | None = None  # HEAD or BODY, within a request
        self._num_owed = self._num_bytes = 0  # answers; bytes of the request that is being read
        self._stuck_since: float | None = None  # when the client stopped taking the answer

    # ---- as the connection goes on

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Take the connection in, or refuse it."""
        super().connection_made(transport)
        self.address = counted_address("" if self.client is None else self.client[0])
        if not self._connections.admit(self):
            self._refuse(503, "too_many_connections", "too many connections are open; close some, or try again soon")

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._connections.note(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; a head without end is refused."""
        self._num_bytes += len(data)
        super().data_received(data)
        if self._reading is Phase.HEAD and self._num_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(431, "head_too_large", f"the request's head is larger than {MAX_HEAD_BYTES:,} bytes")

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._enter(Phase.HEAD)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header of the head; those after the body are dropped, for the request has been judged by then."""
        if self._reading is Phase.HEAD:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole."""
        if self._plain.is_at_upgrade:  # it comes again, without
            return
        super().on_headers_complete()
        self._num_owed += 1
        self._enter(Phase.BODY)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._plain.is_at_upgrade:
            return
        super().on_message_complete()
        self._num_bytes = 0
        self._enter(None)

    def on_response_complete(self) -> None:
        """An answer is written, maybe before the whole body was read."""
        self._num_owed -= 1
        super().on_response_complete()
        self._enter(self._reading)

    def pause_writing(self) -> None:
        """The client does not take its answer."""
        self._stuck_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client takes its answer again."""
        self._stuck_since = None
        super().resume_writing()

    def _enter(self, reading: Phase | None) -> None:
        self._reading = reading
        if self._num_owed == 0:
            phase = Phase.HEAD if reading is Phase.HEAD else Phase.IDLE
        else:
            phase = Phase.BODY if self._num_owed == 1 and reading is Phase.BODY else Phase.ANSWER
        if phase is not self._phase and not self.transport.is_closing():
            self._phase, self._since = phase, self.loop.time()
            self._connections.note(self, phase)

    # ---- its end

    def end_if_over(self, now: float) -> None:
        """End what waits for its client for too long. now: seconds of the loop's clock."""
        limits, waited_s = self._connections.limits, now - self._since
        if self.transport.is_closing() or self._stuck_since is not None:  # what is written is not taken
            self._stuck_since = self._stuck_since or now
            if now - self._stuck_since > limits.body_s:
                self.transport.abort()
        elif self._phase is Phase.HEAD and waited_s > limits.head_s:
            if self._num_bytes:
                self._refuse(408, "request_timeout", f"the request's head did not come within {limits.head_s:g} s")
            else:
                self.transport.close()
        elif self._phase is Phase.BODY and waited_s > limits.body_s + _GRACE_S:
            self.transport.abort()
        elif self._phase is Phase.IDLE and waited_s > limits.idle_s:
            self.transport.close()

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Say why, and close."""
        content = json.dumps(ApiError(status=status, code=code, message=message).body).encode()
        head = f"content-type: application/json\r\ncontent-length: {len(content)}\r\nconnection: close\r\n"
        retry = "retry-after: 1\r\n" if status == 503 else ""
        self.transport.write(STATUS_LINE[status] + f"{head}{retry}\r\n".encode() + content)
        self.transport.close()


def counted_address(host: str) -> str:
    """Whom a connection counts for: an IPv4 address, or the network of an IPv6 address, as one household has it."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:  # none, as of a socket file
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    return str(address.ipv4_mapped or ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
