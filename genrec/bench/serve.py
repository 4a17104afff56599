"""`genrec bench serve`: a server in a process of its own, asked by several clients at once over HTTP.

The shop is built with hardly any training, which changes what is recommended but not how long it takes. Clients are
threads of this process: what they cost is part of what is measured. Knows the server by its command and its routes.
"""

import contextlib
import http.client
import json
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from genrec.bench.measure import Row
from genrec.data.ingest import ingest, load_workspace_data
from genrec.data.labels import Labels
from genrec.errors import StageFailed
from genrec.pipeline import build
from genrec.runtime import progress

NUM_ITEMS, NUM_PEOPLE = 880, 600
SETTINGS = ("tune.epochs=0.2", "tune.checkpoints_per_run=1", "sequence.epochs=1", "recommend.sequence_weight=0.5")
CLIENTS = (1, 16, 32)
COMPARED_CLIENTS = 16  # at which batches stand beside one request at a time
START_LIMIT_S = 300.0
WARM_UP_S = 10.0  # of the same load, before anything is measured
REST_S = 3.0  # before memory is read, which under load goes up and down by 50 MB within a second


class ServerProcess:
    """`genrec serve` as a process: started, waited for, asked, ended."""

    def __init__(self, directory: Path, *words: str) -> None:
        """words: further options of the command. Raises StageFailed when the server does not come up."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        command = [sys.executable, "-m", "genrec.cli", "serve", str(directory), "--port", str(self.port), *words]
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the process
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=self._log)
        ends = time.monotonic() + START_LIMIT_S
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > ends:
                self.kill()
                raise StageFailed(f"the server did not come up: {' '.join(self.log_lines()[-3:])}")
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        try:
            with self.connect() as connection:
                connection.request("GET", "/ready")
                return connection.getresponse().status == 200
        except OSError:
            return False

    def connect(self) -> "contextlib.closing[http.client.HTTPConnection]":
        """A new connection, closed at the end of a `with`."""
        return contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=300))

    @property
    def rss_mb(self) -> float:
        """Resident memory in MiB, of its processes together."""
        return sum(self.rss_mb_by_process())

    def rss_mb_by_process(self) -> list[float]:
        """Resident memory in MiB: of the server's own process, then of those that it started, the oldest first."""
        own = psutil.Process(self.process.pid)
        started = sorted(own.children(recursive=True), key=lambda process: process.create_time())
        return [process.memory_info().rss / 2**20 for process in (own, *started)]

    def log_lines(self) -> list[str]:
        """The lines that it wrote to stderr."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace").splitlines()

    def kill(self) -> None:
        """End it at once, as by kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=START_LIMIT_S)

    def __enter__(self) -> "ServerProcess":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()
        self._log.close()


@dataclass(slots=True)
class _Tally:
    """The clients' view: seconds to the first items and to the end of each answer."""

    first_s: list[float] = field(default_factory=list)
    whole_s: list[float] = field(default_factory=list)
    num_errors: int = 0


@dataclass(frozen=True, slots=True)
class _Public:
    """The people of a workspace, and what they may ask for."""

    people: Sequence[str]
    sayings: Sequence[str]

    @classmethod
    def of(cls, shop: Path) -> "_Public":
        """The known people of a workspace; for each item, two of its words, every other time below a number."""
        data = load_workspace_data(shop)
        labels, sayings = Labels.of(data.catalog), []
        for number, item in enumerate(data.catalog):
            values = labels.said(item)
            texts = [value for value in values.values() if isinstance(value, str)]
            words = [texts[(number + step) % len(texts)] for step in range(min(2, len(texts)))] or [item.title]
            numbers = [value for value in values.values() if isinstance(value, float) and value > 0]
            bound = f" under {1.2 * numbers[0]:.0f}" if numbers and number % 2 else ""
            sayings.append(f"something {' '.join(words)}{bound}")
        return cls(list(data.interactions.user_bounds()), sayings)


ClientTurn = Callable[[http.client.HTTPConnection, random.Random, _Public], float]


def _recommend(connection: http.client.HTTPConnection, rng: random.Random, public: _Public) -> float:
    """Ask for ten items for somebody; returns when they came."""
    _post(connection, "/v1/recommendations", {"user": rng.choice(public.people), "k": 10})
    answer = json.loads(connection.getresponse().read())
    if len(answer.get("recommendations", ())) != 10:
        raise ValueError(f"not ten items: {answer}")
    return time.perf_counter()


def _chat(connection: http.client.HTTPConnection, rng: random.Random, public: _Public) -> float:
    """Say something, half of the time as someone known, and read the answer as it streams; returns when items came."""
    said = [{"role": "user", "content": rng.choice(public.sayings)}]
    person = {"user": rng.choice(public.people)} if rng.random() < 0.5 else {}
    _post(connection, "/v1/chat/completions", {"model": "genrec", "stream": True, "messages": said, **person})
    first, last, response = 0.0, b"", connection.getresponse()
    for line in iter(response.readline, b""):
        if not first and b'"item_id"' in line:
            first = time.perf_counter()
        last = line.strip() or last
    if not first or last != b"data: [DONE]":
        raise ValueError(f"no items, or no end: {last!r}")
    return first


KINDS: dict[str, ClientTurn] = {"recommend": _recommend, "chat": _chat}


def _post(connection: http.client.HTTPConnection, path: str, body: dict[str, object]) -> None:
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})


def bench_serve(
    seed: int, *, directory: Path | None = None, seconds: float = 20.0, clients: Sequence[int] = CLIENTS
) -> list[Row]:
    """One row per kind of turn and number of clients, and with 16 clients one with a request at a time beside them.

    directory: a built workspace in place of a small shop. ratio: requests per second against one at a time.
    """
    with tempfile.TemporaryDirectory() as folder:
        shop = directory or _small_shop(Path(folder) / "shop", seed)
        public = _Public.of(shop)
        store = ("--store", f"sqlite:///{folder}/store.db")
        rows = []
        with ServerProcess(shop, *store) as server:
            cases = [(kind, count) for kind in KINDS for count in clients]
            for kind, count in progress(cases, label="bench serve"):
                rows.append(_measure(server, kind, count, seconds, public, seed))
        if COMPARED_CLIENTS in clients:
            with ServerProcess(shop, *store, "--set", "serve.max_batch=1") as server:
                alone = _measure(server, "recommend", COMPARED_CLIENTS, seconds, public, seed)
            for row in rows:
                is_compared = row["kind"] == "recommend" and row["clients"] == COMPARED_CLIENTS
                row["ratio"] = float(row["requests_per_s"]) / float(alone["requests_per_s"]) if is_compared else ""
            rows.append({**alone, "kind": "recommend, one at a time", "ratio": 1.0})
    return rows


def _small_shop(directory: Path, seed: int) -> Path:
    ingest("shop", None, directory, seed=seed, num_items=NUM_ITEMS, num_people=NUM_PEOPLE)
    build(directory, settings=SETTINGS)
    return directory


def _measure(server: ServerProcess, kind: str, num_clients: int, seconds: float, public: _Public, seed: int) -> Row:
    _ask_together(server, kind, [_Tally() for _ in range(num_clients)], min(seconds, WARM_UP_S), public, seed)
    tallies = [_Tally() for _ in range(num_clients)]
    time.sleep(REST_S)
    rss_mb_start, start = server.rss_mb, time.monotonic()
    _ask_together(server, kind, tallies, seconds, public, seed)
    took_s = time.monotonic() - start
    time.sleep(REST_S)
    first = np.concatenate([tally.first_s for tally in tallies]) * 1e3
    whole = np.concatenate([tally.whole_s for tally in tallies]) * 1e3
    return {
        "kind": kind,
        "clients": num_clients,
        "seconds": took_s,
        "requests": len(whole),
        "errors": sum(tally.num_errors for tally in tallies),
        "p50_ms": float(np.percentile(whole, 50)),
        "p95_ms": float(np.percentile(whole, 95)),
        "first_ms": float(np.percentile(first, 50)),
        "first_p95_ms": float(np.percentile(first, 95)),
        "requests_per_s": len(whole) / took_s,
        "rss_mb_start": rss_mb_start,
        "rss_mb_end": server.rss_mb,
    }


def _ask_together(
    server: ServerProcess, kind: str, tallies: Sequence[_Tally], seconds: float, public: _Public, seed: int
) -> None:
    ends = time.monotonic() + seconds
    threads = [
        threading.Thread(target=_ask, args=(server, KINDS[kind], tally, random.Random(seed + number), public, ends))
        for number, tally in enumerate(tallies)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _ask(
    server: ServerProcess, turn: ClientTurn, tally: _Tally, rng: random.Random, public: _Public, ends: float
) -> None:
    """Ask one thing after the other until the time is over; an answer at least is waited for."""
    with server.connect() as connection:
        while True:
            start = time.perf_counter()
            try:
                first = turn(connection, rng, public)
                tally.first_s.append(first - start)
                tally.whole_s.append(time.perf_counter() - start)
            except (OSError, ValueError, http.client.HTTPException):
                tally.num_errors += 1
                connection.close()
            if time.monotonic() > ends:
                return
