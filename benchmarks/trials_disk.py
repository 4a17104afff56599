"""Trials of workspaces on disk: kills, commands at the same time, files that are not as they were written.

Commands run in forks of this process, which has loaded the libraries and computed nothing: a trial takes a second or
two. A small shop is made and built once; each trial has a copy of its own.
"""

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")

import torch

from genrec import cli
from genrec.artifacts import fingerprint_file
from genrec.generations import CURRENT, GENERATIONS, INVENTORY, LEASE, Generation
from genrec.runtime import progress, quiet_libraries
from genrec.workspace import load

SIZES = ("--num-items", "64", "--num-people", "80", "--seed", "3")
SETTINGS = ("tokenize.num_codes=16", "tune.epochs=0.5", "tune.checkpoints_per_run=2", "sequence.epochs=1")
NUM_HISTORIES = 30
MAX_KILL_S = 120.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code, negative for a signal, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def is_our_fault(self) -> bool:
        """Whether it ended in another way than done, refused in one line, or killed."""
        return self.code not in (0, 2, -signal.SIGKILL) or "our fault" in self.err or "Traceback" in self.err


@dataclass(frozen=True, slots=True)
class Row:
    """What a set of trials gave. wrong: a line for each that did not end as it should."""

    trial: str
    count: int
    wrong: Sequence[str]
    notes: str = ""


class Fork:
    """A job in a fork of this process, which is killed before its `kill_at`-th rename, or after `kill_s` seconds."""

    def __init__(self, job: Callable[[], None], *, kill_at: int | None = None, kill_s: float | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._paths = [Path(self._folder.name) / name for name in ("out", "err")]
        self._process = os.fork()
        if not self._process:
            self._run(job, kill_at)
        self._timer = None
        if kill_s is not None:
            self._timer = threading.Timer(kill_s, self._kill)
            self._timer.start()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGKILL)

    def _run(self, job: Callable[[], None], kill_at: int | None) -> None:
        code = 1
        try:
            for number, path in enumerate(self._paths, 1):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            if kill_at is not None:
                _kill_at_rename(kill_at)
            job()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        except BaseException as error:
            print(f"Traceback: {type(error).__name__}: {error}", file=sys.stderr)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def wait(self) -> Ended:
        """Wait for its end."""
        _, status = os.waitpid(self._process, 0)
        if self._timer is not None:
            self._timer.cancel()
        out, err = (path.read_text(errors="replace").strip() if path.exists() else "" for path in self._paths)
        self._folder.cleanup()
        return Ended(os.waitstatus_to_exitcode(status), out, err)


def _kill_at_rename(limit: int) -> None:
    count = 0

    def watch(event: str, _arguments: object) -> None:
        nonlocal count
        if event == "os.rename":
            count += 1
            if count == limit:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


def command(*words: object) -> Callable[[], None]:
    """A command of genrec as a job."""

    def run() -> None:
        torch.set_num_threads(1)
        sys.argv = ["genrec", *map(str, words)]
        cli.main()

    return run


def answer(directory: Path) -> Ended:
    """What a workspace answers: a digest of recommendations, titles, pictures and whether all is whole."""

    def run() -> None:
        torch.set_num_threads(1)
        quiet_libraries()
        recommender = load(directory)
        histories = list(recommender.interactions.histories().values())[:NUM_HISTORIES]
        found = recommender.recommend_batch(histories, k=5)
        digest = hashlib.sha256(repr([list(entries) for entries in found]).encode())
        for entry in found[0]:
            item = recommender.catalog[entry.item_id]
            digest.update(repr((item.title, item.text, sorted(item.attributes.items()))).encode())
            digest.update(item.image.read_bytes() if item.image is not None and item.image.is_file() else b"gone")
        digest.update(repr([item.item_id for item in recommender.catalog]).encode())
        print(digest.hexdigest())

    def told() -> None:
        try:
            run()
        except ValueError as error:
            if not type(error).__module__.startswith("genrec."):
                raise
            print(" ".join(str(error).split()), file=sys.stderr)
            sys.exit(2)

    return Fork(told).wait()


def recommit(root: Path) -> None:
    """Make a workspace's current generation whole as it stands, as whoever hands on a forged one could."""
    folder = Generation.open_newest(root).folder
    names = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {INVENTORY, LEASE}
    files = {name: [(folder / name).stat().st_size, fingerprint_file(folder / name)] for name in sorted(names)}
    (folder / INVENTORY).write_text(json.dumps({"format": 1, "number": int(folder.name), "files": files}))
    pointer = {"format": 1, "generation": int(folder.name), "inventory": fingerprint_file(folder / INVENTORY)}
    (root / CURRENT).write_text(json.dumps(pointer))


def leftovers(directory: Path) -> list[str]:
    """What a workspace holds that no whole and quiet one does."""
    allowed = {CURRENT, GENERATIONS, "genrec.toml", ".write.lock", ".cache", "adapters", "visuals"}
    found = [path.name for path in directory.iterdir() if path.name not in allowed]
    found += [str(p.relative_to(directory)) for p in directory.rglob("*.partial*")]
    return found if len(list((directory / GENERATIONS).iterdir())) == 1 else [*found, "more than one generation"]


@dataclass(frozen=True, slots=True)
class World:
    """What trials start from: a workspace that is built, one that is ingested, new items and a new domain's data."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> "World":
        """Make all that in a folder."""
        settings = [word for setting in SETTINGS for word in ("--set", setting)]
        held_out = ("--num-items", "64", "--num-people", "60", "--domains", "held-out")
        for words in (
            ("ingest", "shop", "--out", folder / "ingested", *SIZES),
            ("ingest", "shop", "--out", folder / "built", *SIZES),
            ("build", folder / "built", *settings),
            ("ingest", "shop", "--out", folder / "domain", *held_out),
        ):
            ended = Fork(command(*words)).wait()
            if ended.code:
                raise SystemExit(f"genrec {' '.join(map(str, words))} failed: {ended.err}")
        rows = [{"item_id": f"new-{n}", "title": f"Red lamp {n}", "text": "A red lamp"} for n in range(5)]
        (folder / "new.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return cls(folder)

    def commands(self, root: Path) -> dict[str, tuple[Path, tuple[object, ...]]]:
        """The commands that write, by name: what each starts from, and its words over a copy of that."""
        settings = [word for setting in SETTINGS for word in ("--set", setting)]
        built = self.folder / "built"
        return {
            "ingest": (built, ("ingest", "shop", "--out", root, *SIZES[:-1], "4")),
            "build": (self.folder / "ingested", ("build", root, *settings)),
            "add-items": (built, ("add-items", root, self.folder / "new.jsonl")),
            "adapt": (built, ("adapt", root, self.folder / "domain", "--name", "held", "--epochs", "0.2")),
            "visualize": (built, ("visualize", root, "--item", "lamp-0000", "-o", root / "visuals" / "one.png")),
        }

    @contextlib.contextmanager
    def copy(self, of: Path) -> Iterator[Path]:
        """A copy, removed in the end."""
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "workspace"
            shutil.copytree(of, root)
            yield root


def kills(world: World, num_random: int, rng: random.Random) -> Iterator[Row]:
    """Each command killed at each of its renames, then at random moments: answers are those before or after."""
    calm_s, after = dict[str, float](), dict[str, str]()
    for name, (start, _) in world.commands(Path()).items():
        with world.copy(start) as root:
            began = time.monotonic()
            Fork(command(*world.commands(root)[name][1])).wait()
            calm_s[name], after[name] = time.monotonic() - began, _state(root)
        wrong, number = [], 1
        while True:
            died, complaint = _killed(world, name, after[name], kill_at=number)
            wrong += [f"rename {number}: {complaint}"] if complaint else []
            if not died:
                break
            number += 1
        yield Row(f"{name} killed at each rename", number - 1, wrong, f"calm {calm_s[name]:.1f} s")
    wrong, num_died, names = [], 0, list(calm_s)
    for _ in progress(range(num_random), label="random kills", total=num_random):
        name = rng.choice(names)
        died, complaint = _killed(world, name, after[name], kill_s=rng.uniform(0.05, calm_s[name]))
        num_died += died
        wrong += [f"{name}: {complaint}"] if complaint else []
    yield Row("commands killed at random", num_random, wrong, f"{num_died} died")


def _state(root: Path) -> str:
    """What a workspace answers, or that it is not built; after an ingest, with the newest data."""
    ended = answer(root)
    newest = Generation.open_newest(root)
    data = hashlib.sha256((newest.folder / "interactions.parquet").read_bytes()).hexdigest()
    return f"{ended.out or 'not built' if ended.code in (0, 2) else ended.err} {data}"


def _killed(world: World, name: str, after: str, **when: float) -> tuple[bool, str]:
    """Whether a command died, and what was wrong afterwards."""
    start, _ = world.commands(Path())[name]
    with world.copy(start) as root:
        before = _state(root)
        words = world.commands(root)[name][1]
        first = Fork(command(*words), **when).wait()
        if first.is_our_fault:
            return first.code == -signal.SIGKILL, f"it ended with {first.code}: {first.err[-300:]}"
        between = _state(root)
        if between not in (before, after):
            return True, f"neither before nor after: {between[:300]}"
        again = Fork(command(*words)).wait()
        if again.code:
            return True, f"the retry ended with {again.code}: {again.err[-300:]}"
        if _state(root) != after:
            return True, "the retry gave other answers"
        draft = name == "ingest"
        left = [] if draft else leftovers(root)
        return first.code == -signal.SIGKILL, f"left over: {left}" if left else ""


def pairs(world: World, count: int, rng: random.Random) -> Row:
    """Two commands at once on one workspace: each is done or refused in one line; in the end all is whole."""
    wrong, ends = [], Counter[str]()
    readers = {"recommend": ("recommend", None, "--user", "user-00003"), "info": ("info", None)}
    for _ in progress(range(count), label="pairs", total=count):
        with world.copy(world.folder / "built") as root:
            writers = {name: words for name, (_, words) in world.commands(root).items()}
            writers["build"] = ("build", root, "--set", f"explain.repeated_source=0.{rng.randrange(1, 9)}")
            asked = {**writers, **{n: (w[0], root, *w[2:]) for n, w in readers.items()}}
            names = [rng.choice(list(writers)), rng.choice(list(asked))]
            forks = [Fork(command(*asked[name])) for name in names]
            ended = [fork.wait() for fork in forks]
            for name, end in zip(names, ended, strict=True):
                ends["done" if end.code == 0 else "refused" if end.code == 2 else "failed"] += 1
                if end.is_our_fault or (name in readers and end.code):
                    wrong.append(f"{names}: {name} ended with {end.code}: {end.err[-300:]}")
            whole = Fork(command("check", root)).wait()
            retried = [Fork(command(*asked[name])).wait() for name in names if name not in ("add-items", "ingest")]
            for end in (whole, answer(root), *retried):
                if end.code and "waits to be built" not in end.err:
                    wrong.append(f"{names}: afterwards {end.code}: {(end.out + end.err)[-300:]}")
    return Row("pairs of commands at once", count, wrong, ", ".join(f"{n} {c}" for n, c in ends.items()))


def _flip(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(content))
    return content[:place] + bytes([content[place] ^ (1 << rng.randrange(8))]) + content[place + 1 :]


def _replace_span(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(content))
    return content[:place] + rng.randbytes(rng.randrange(1, 64)) + content[place + 64 :]


SPOILERS: dict[str, Callable[[bytes, random.Random], bytes | None]] = {
    "flipped": _flip,
    "replaced": _replace_span,
    "cut": lambda content, rng: content[: rng.randrange(len(content))],
    "emptied": lambda _content, _rng: b"",
    "longer": lambda content, rng: content + rng.randbytes(10),
    "random": lambda content, rng: rng.randbytes(min(len(content), 4096)),
    "deep": lambda _content, _rng: b"[" * 200_000,
    "removed": lambda _content, _rng: None,
}


def spoil(root: Path, rng: random.Random, *, generation: bool = False) -> str:
    """Spoil one file of a workspace, each stage as likely as another; returns what was done."""
    folder = Generation.open_newest(root).folder
    places = [path for path in folder.iterdir() if path.name != LEASE]
    places += [] if generation else [root / CURRENT, root / "genrec.toml"]
    place = rng.choice(sorted(places))
    files = sorted(path for path in place.rglob("*") if path.is_file() and path.stat().st_size) or [place]
    path, (kind, change) = rng.choice(files), rng.choice(list(SPOILERS.items()))
    content = change(path.read_bytes(), rng)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    return f"{path.relative_to(root)} {kind}"


def corruptions(world: World, count: int, rng: random.Random) -> Row:
    """A spoiled file: equal answers or one line; whole again after `genrec build`, after an ingest where it says."""
    wrong, kinds = [], Counter[str]()
    calm = answer(world.folder / "built").out
    for _ in progress(range(count), label="corruptions", total=count):
        with world.copy(world.folder / "built") as root:
            what = spoil(root, rng)
            ended = answer(root)
            kinds["told" if ended.code == 2 else "equal answers" if ended.out == calm else "silent"] += 1
            if ended.is_our_fault or (ended.code == 0 and ended.out != calm):
                wrong.append(f"{what}: {ended.code} {ended.err[-300:]}")
                continue
            if ended.code == 2 and "genrec ingest" in ended.err:
                Fork(command("ingest", "shop", "--out", root, *SIZES)).wait()
            made = Fork(command("build", root)).wait()
            if made.code == 2 and "genrec.toml" in made.err:
                continue  # a person's file, which it says is broken
            healed = answer(root)
            if made.code or healed.code or (healed.out != calm and "genrec.toml" not in what):
                wrong.append(f"{what}: not made whole: {made.err[-200:]} {healed.err[-200:]}")
    return Row("spoiled files", count, wrong, ", ".join(f"{name} {number}" for name, number in kinds.items()))


def forgeries(world: World, count: int, rng: random.Random) -> Row:
    """Spoiled files that the inventory calls whole, as in a workspace from elsewhere: answers, or one line."""
    wrong, kinds = [], Counter[str]()
    for _ in progress(range(count), label="forged files", total=count):
        with world.copy(world.folder / "built") as root:
            what = spoil(root, rng, generation=True)
            with contextlib.suppress(Exception):
                recommit(root)
            ended = answer(root)
            kinds["told" if ended.code == 2 else "answered" if ended.code == 0 else "failed"] += 1
            if ended.is_our_fault:
                wrong.append(f"{what}: {ended.code} {ended.err[-300:]}")
    return Row("fuzzed workspace files", count, wrong, ", ".join(f"{name} {number}" for name, number in kinds.items()))
