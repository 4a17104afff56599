"""Trials of a running server: people erased, slow clients, spoiled requests, kills, a long mixed load with a reload.

Each trial serves a copy of the workspace, on this machine alone.
"""

import base64
import contextlib
import http.client
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from feedback_kills import run_kills
from fuzz_requests import fuzz, smuggled
from PIL import Image
from slow_clients import run_slow_clients
from trials_disk import Row

from genrec.bench.serve import ServerProcess
from genrec.data.ingest import load_workspace_data
from genrec.generations import CURRENT, GENERATIONS

NUM_CLIENTS = 16
CALM_S = 30.0  # how long others are timed, calm and beside slow clients
REST_S = 5.0
SLICE_S = 150.0  # of a long load, until memory is read at rest
PERSON = "person-zq7-4711"
SENTENCE = "something turquoise for a zanzibar kitchen"


@contextlib.contextmanager
def copied(directory: Path) -> Iterator[Path]:
    """A copy of a workspace, without people and their pictures."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "workspace"
        root.mkdir()
        for name in (CURRENT, "genrec.toml"):
            shutil.copy(directory / name, root / name)
        shutil.copytree(directory / GENERATIONS, root / GENERATIONS)
        yield root


def ask(server: ServerProcess, method: str, path: str, body: object = None) -> tuple[int, bytes, str]:
    """One request on a connection of its own: status, content and when to try again."""
    with server.connect() as connection:
        connection.request(
            method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"}
        )
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.getheader("Retry-After", "")


# ---- people erased


def erasures(directory: Path) -> list[Row]:
    """A person who did everything is erased: with SQLite, after a kill, from a copy, and with PostgreSQL."""
    rows = [_erased(directory, killed=False), _erased(directory, killed=True), _erased_in_a_copy(directory)]
    with contextlib.ExitStack() as stack:
        postgres = _postgres(stack)
        if postgres is None:
            return [*rows, Row("erased, PostgreSQL", 0, (), "its programs are not installed")]
        url, data = postgres
        return [*rows, _erased(directory, killed=False, store=url, data=data)]


def _photo() -> str:
    buffer = io.BytesIO()
    Image.effect_noise((200, 160), 60).convert("RGB").save(buffer, "JPEG")
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _live(server: ServerProcess, item: str) -> list[str]:
    """Do everything a person can do; returns what went wrong."""
    said = [{"type": "text", "text": SENTENCE}, {"type": "image_url", "image_url": {"url": _photo()}}]
    talk = {"model": "genrec", "user": PERSON, "session": "session-zq7"}
    asked = (
        ("/v1/feedback", {"user": PERSON, "item": item, "kind": "like"}),
        ("/v1/chat/completions", {**talk, "messages": [{"role": "user", "content": SENTENCE}]}),
        ("/v1/chat/completions", {**talk, "messages": [{"role": "user", "content": said}]}),
        ("/v1/chat/completions", {**talk, "messages": [{"role": "user", "content": "show me the first one"}]}),
        ("/v1/images/generations", {"user": PERSON, "item": item, "prompt": SENTENCE, "response_format": "url"}),
    )
    answers = [(path, *ask(server, "POST", path, body)) for path, body in asked]
    return [f"{path}: {status} {content[:200]!r}" for path, status, content, _ in answers if status != 200]


def _traces(*folders: Path) -> list[str]:
    """Files that hold the person's id or words, or are pictures of theirs."""
    found = []
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and "pg_wal" not in path.parts):
            content = path.read_bytes()
            for trace in (PERSON, SENTENCE, "zanzibar", "session-zq7"):
                if trace.encode() in content:
                    found.append(f"{path.name} holds {trace!r}")
            if path.suffix in (".png", ".jpg") and GENERATIONS not in path.parts:
                found.append(f"{path.name} is there")
    return found


def _photos_elsewhere() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("genrec-photos-*"))


def _erased(directory: Path, *, killed: bool, store: str | None = None, data: Path | None = None) -> Row:
    name = "erased, PostgreSQL" if store else "erased after a kill, SQLite" if killed else "erased, SQLite"
    with copied(directory) as root:
        item = load_workspace_data(root).catalog.items[0].item_id
        relative = Path(os.path.relpath(root))  # a server is started from anywhere
        words = () if store is None else ("--store", store)
        before = _photos_elsewhere()
        wrong: list[str] = []
        with ServerProcess(relative, *words) as server:
            wrong += _live(server, item)
            kept = _traces(root, *([data] if data else []))
            if killed:
                server.kill()
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(ServerProcess(relative, *words))
            if not killed:
                wrong += _live(server, item)
            status, content, _ = ask(server, "DELETE", f"/v1/people/{PERSON}")
            wrong += [] if status == 200 else [f"erasing: {status} {content[:200]!r}"]
            if data is not None:
                time.sleep(1)
            wrong += [f"while it serves, {trace}" for trace in _traces(root, *([data] if data else []))]
            status, content, _ = ask(server, "GET", f"/v1/people/{PERSON}")
            record = json.loads(content)
            wrong += [f"it still exports {record}"] if any(record[k] for k in record if k != "person") else []
        wrong += [f"after it has ended, {trace}" for trace in _traces(root, *([data] if data else []))]
        wrong += [f"{path} is left" for path in _photos_elsewhere() - before]
        return Row(name, 1, wrong, f"{len(kept)} traces before")


def _erased_in_a_copy(directory: Path) -> Row:
    with copied(directory) as root, tempfile.TemporaryDirectory() as other:
        item = load_workspace_data(root).catalog.items[0].item_id
        with ServerProcess(root) as server:
            wrong = _live(server, item)
        own = {path for path in root.rglob("*.png") if GENERATIONS not in path.parts}
        copy = Path(other) / "copy"
        shutil.copytree(root, copy)
        with ServerProcess(copy) as server:
            status, content, _ = ask(server, "DELETE", f"/v1/people/{PERSON}")
            wrong += [] if status == 200 else [f"erasing: {status} {content[:200]!r}"]
        wrong += [f"in the copy, {trace}" for trace in _traces(copy)]
        wrong += [f"{path.name} of the first workspace is gone" for path in own if not path.is_file()]
        return Row("erased in a copy", 1, wrong, f"{len(own)} pictures of the first workspace stay")


def _postgres(stack: contextlib.ExitStack) -> tuple[str, Path] | None:
    """A PostgreSQL server of this trial alone: its address and its data folder. None where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        return None
    programs = found[-1].parent
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    folder.chmod(0o755)
    as_owner: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "postgres")
        as_owner = ["runuser", "-u", "postgres", "--"]
    data = folder / "data"
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    subprocess.run([*as_owner, programs / "initdb", "-D", data, "-U", "genrec", "-A", "trust"], **quiet)
    control = [*as_owner, programs / "pg_ctl", "-D", data, "-w"]
    options = f"-c listen_addresses='' -c unix_socket_directories={folder}"
    subprocess.run([*control, "-l", folder / "log", "-o", options, "start"], **quiet)
    stack.callback(subprocess.run, [*control, "-m", "immediate", "stop"], **quiet)
    return f"postgresql://genrec@/postgres?host={folder}", data


# ---- slow clients, spoiled requests, kills


def slow_clients(directory: Path, count: int) -> Row:
    """Others' p95 beside clients whose requests never come whole, at most twice that of calm."""
    with copied(directory) as root, ServerProcess(root) as server:
        found = run_slow_clients(server.port, count, CALM_S)
    wrong = [f"others' p95 was {found['ratio']} times that of calm"] if found["ratio"] > 2 else []
    wrong += [f"{found['errors']} of others' {found['answers']} requests failed"] if found["errors"] else []
    notes = f"p95 {found['calm_p95_ms']} ms calm, {found['held_p95_ms']} ms beside them, {found['ratio']} ×"
    return Row("half-sent requests", count, wrong, notes)


def fuzzed(directory: Path, count: int) -> Row:
    """Spoiled requests: no 5xx, and an error body of OpenAI's shape for each refusal."""
    with copied(directory) as root, ServerProcess(root) as server:
        findings = fuzz(server.port, count)
        wrong = [f"{probe.method} {probe.path} {probe.body[:80]!r}: {answer}" for probe, answer in findings.wrong]
        wrong += [f"{spelling} was read as a token" for spelling in smuggled(server.port)]
        wrong += ["the server has ended"] if server.process.poll() is not None else []
    statuses = ", ".join(f"{number} × {status}" for status, number in sorted(findings.statuses.items()))
    return Row("spoiled requests", count, wrong, statuses)


def killed_servers(directory: Path, count: int) -> Row:
    """A server killed under load: no acknowledged feedback is lost."""
    with copied(directory) as root:
        found = run_kills(root, count)
    wrong = [f"{found['lost']} of {found['acknowledged']} acknowledged events are lost"] if found["lost"] else []
    return Row("servers killed under load", count, wrong, f"{found['acknowledged']:,} acknowledged events")


# ---- a long mixed load


def mixed_load(directory: Path, minutes: float) -> Row:
    """Clients that do everything, with new items and a reload in the middle: errors, and memory before and after.

    Memory is read at rest, every few minutes and by process, so that a leak, which is a line, can be told from what is
    loaded and counted at first use, which levels off, and from what the reload adds.
    """
    with copied(directory) as root, ServerProcess(root) as server:
        data = load_workspace_data(root)
        people, items = list(data.interactions.user_bounds()), [item.item_id for item in data.catalog]
        statuses, wrong = Counter[str](), list[str]()
        half_s = minutes * 30
        _load(server, people, items, min(60.0, half_s), Counter(), [])  # what is loaded at first use is loaded
        time.sleep(REST_S)
        curve = [server.rss_mb_by_process()]
        _load_in_slices(server, people, items, half_s, statuses, wrong, curve)
        added = root.parent / "new.jsonl"
        added.write_text('{"item_id": "new-zq7", "title": "Red lamp", "text": "A red lamp"}\n')
        adding = threading.Thread(target=_add_and_reload, args=(root, added, server, wrong))
        adding.start()
        _load_in_slices(server, people, items, half_s, statuses, wrong, curve)
        adding.join()
        status, _, _ = ask(server, "GET", "/v1/items/new-zq7")
        wrong += [] if status == 200 else [f"the new item answers {status}"]
        time.sleep(REST_S)
        curve.append(server.rss_mb_by_process())
        before_mb, after_mb = sum(curve[0]), sum(curve[-1])
        grown = after_mb / before_mb - 1
        wrong += [f"memory went from {before_mb:.0f} to {after_mb:.0f} MB"] if abs(grown) > 0.05 else []
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(timeout=60)
    told = ", ".join(f"{count:,} × {name}" for name, count in sorted(statuses.items()))
    notes = f"{told}; {before_mb:.0f} → {after_mb:.0f} MB ({grown:+.1%}), {sum(statuses.values()) / minutes / 60:.0f}/s"
    notes += f"; MB by process: {', '.join('+'.join(f'{mb:.0f}' for mb in at_rest) for at_rest in curve)}"
    return Row(f"{NUM_CLIENTS} clients for {minutes:g} minutes", sum(statuses.values()), wrong, notes)


def _load_in_slices(
    server: ServerProcess, people: Sequence[str], items: Sequence[str], seconds: float, statuses: Counter[str],
    wrong: list[str], curve: list[list[float]],
) -> None:  # fmt: skip
    """`_load`, with a rest and a look at memory after each slice."""
    num_slices = max(1, round(seconds / SLICE_S))
    for _ in range(num_slices):
        _load(server, people, items, seconds / num_slices, statuses, wrong)
        time.sleep(REST_S)
        curve.append(server.rss_mb_by_process())


def _add_and_reload(root: Path, added: Path, server: ServerProcess, wrong: list[str]) -> None:
    words = [sys.executable, "-m", "genrec.cli", "add-items", str(root), str(added)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    wrong += [] if done.returncode == 0 else [f"add-items: {done.stderr[-200:]}"]
    status, content, _ = ask(server, "POST", "/v1/reload")
    wrong += [] if status == 200 else [f"reload: {status} {content[:200]!r}"]


def _load(
    server: ServerProcess, people: Sequence[str], items: Sequence[str], seconds: float, statuses: Counter[str],
    wrong: list[str],
) -> None:  # fmt: skip
    ends = time.monotonic() + seconds

    def client(number: int) -> None:
        rng = random.Random(number)
        while time.monotonic() < ends:
            name, method, path, body = _turn(rng, people, items)
            try:
                status, content, retry = ask(server, method, path, body)
            except (OSError, http.client.HTTPException) as error:
                wrong.append(f"{name}: {error!r}")
                continue
            statuses[f"{name} {status}"] += 1
            if status != 200 and not (status == 503 and retry):
                wrong.append(f"{name}: {status} {content[:200]!r}")

    threads = [threading.Thread(target=client, args=(number,)) for number in range(NUM_CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _turn(rng: random.Random, people: Sequence[str], items: Sequence[str]) -> tuple[str, str, str, object]:
    """One thing that a client does."""
    user, item = rng.choice(people), rng.choice(items)
    said = f"something {rng.choice(('red', 'blue', 'warm', 'cheap', 'striped'))} {rng.choice(('lamp', 'mug', 'bag'))}"
    talk = {"model": "genrec", "messages": [{"role": "user", "content": said}], "user": user}
    turns: tuple[Callable[[], tuple[str, str, str, object]], ...] = (
        lambda: ("recommend", "POST", "/v1/recommendations", {"user": user, "k": 10}),
        lambda: ("chat", "POST", "/v1/chat/completions", talk | {"session": f"s-{user}"}),
        lambda: ("feedback", "POST", "/v1/feedback", {"user": user, "item": item, "kind": "view"}),
        lambda: ("item", "GET", f"/v1/items/{item}", None),
        lambda: ("picture", "GET", f"/v1/items/{item}/image", None),
        lambda: ("embed", "POST", "/v1/embeddings", {"model": "genrec", "input": said}),
    )
    (turn,) = rng.choices(turns, weights=(4, 1, 4, 2, 2, 1))
    return turn()
