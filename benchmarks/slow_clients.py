"""Hold a server's connections with requests that never come whole, and see what others notice.

    python benchmarks/slow_clients.py DIR [--clients 2000] [--seconds 30] [--json]

`genrec serve` runs on a built workspace with a store of its own. A third of the slow clients sends half a head and
stops, a third sends a head, a third a body, one byte a second each; whoever is ended comes again a second later. Others
ask for items and recommendations meanwhile, over a new connection each time, from the same address. Their 95th
percentile is compared with that of calm.
"""

import argparse
import asyncio
import http.client
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from genrec.bench.serve import ServerProcess

HEAD = b"POST /v1/recommendations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
KINDS = (
    (HEAD, b""),
    (HEAD + b"X-Slow: ", b"x"),
    (HEAD + b"Content-Length: 100000\r\n\r\n", b" "),
)  # what is sent at once, and then each second
PATHS = ("/v1/items?limit=1", "/v1/items/none", "/health")
BODY = json.dumps({"user": "nobody", "k": 3})
_JSON = {"Content-Type": "application/json"}


async def _hold(port: int, number: int) -> None:
    at_once, each_second = KINDS[number % len(KINDS)]
    while True:
        writer: asyncio.StreamWriter | None = None
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(at_once)
            while not reader.at_eof():
                writer.write(each_second)
                await writer.drain()
                await (asyncio.sleep(1) if each_second else reader.read(1_000))
        except OSError:
            pass
        finally:
            if writer is not None:
                writer.close()
        await asyncio.sleep(1)


def _hold_all(port: int, num_clients: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    async def together() -> None:
        await asyncio.gather(*(_hold(port, number) for number in range(num_clients)))

    asyncio.run(together())


def _ask(port: int, seconds: float) -> tuple[list[float], int]:
    """The seconds of each answer, and how many did not come or were refused."""
    took_s, num_errors, ends, number = [], 0, time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        start, number = time.perf_counter(), number + 1
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            if number % 4 == 0:
                connection.request("POST", "/v1/recommendations", BODY, _JSON)
            else:
                connection.request("GET", PATHS[number % 3])
            response = connection.getresponse()
            response.read()
            num_errors += response.status >= 500
        except (OSError, http.client.HTTPException):
            num_errors += 1
        finally:
            connection.close()
        took_s.append(time.perf_counter() - start)
        time.sleep(0.01)
    return took_s, num_errors


def run_slow_clients(port: int, num_clients: int, seconds: float) -> dict[str, float]:
    """The 95th percentile of others' answers, in milliseconds, in calm and beside slow clients; errors of theirs."""
    _ask(port, min(3.0, seconds))
    calm_s, _ = _ask(port, seconds)
    with subprocess.Popen([sys.executable, __file__, "--hold", str(port), "--clients", str(num_clients)]) as holding:
        try:
            time.sleep(min(10.0, 2 * seconds))
            held_s, num_errors = _ask(port, seconds)
            if holding.poll() is not None:
                raise RuntimeError("the slow clients ended")
        finally:
            holding.kill()
    calm_ms, held_ms = (float(np.percentile(took_s, 95)) * 1e3 for took_s in (calm_s, held_s))
    return {
        "slow_clients": num_clients,
        "calm_p95_ms": round(calm_ms, 1),
        "held_p95_ms": round(held_ms, 1),
        "ratio": round(held_ms / calm_ms, 2),
        "held_max_ms": round(max(held_s) * 1e3, 1),
        "answers": len(held_s),
        "errors": num_errors,
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path, nargs="?")
    parser.add_argument("--hold", type=int, metavar="PORT", help="be the slow clients of a server, until killed")
    parser.add_argument("--clients", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.hold is not None:
        _hold_all(arguments.hold, arguments.clients)
    if arguments.directory is None:
        parser.error("DIR is wanted")
    with (
        tempfile.TemporaryDirectory() as folder,
        ServerProcess(arguments.directory, "--store", f"sqlite:///{folder}/store.db") as server,
    ):
        report = run_slow_clients(server.port, arguments.clients, arguments.seconds)
    print(json.dumps(report) if arguments.json else ", ".join(f"{name} {value}" for name, value in report.items()))


if __name__ == "__main__":
    main()
