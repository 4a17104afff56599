"""Runtime: device, dtype, seeds, threads, progress, and which folder a foundation name means.

Knows nothing of any model's architecture.
"""

import contextlib
import ctypes
import gc
import logging
import os
import random
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sized
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from genrec.errors import InputError
from genrec.sinks import visible

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)
T = TypeVar("T")

FOUNDATION_DIR = Path(__file__).parent / "foundation"
TINY_PREFIX = "genrec-tiny-"
SECONDS_BETWEEN_LINES = 15.0  # of progress in a log
TOLD_EVERY_S = 0.1  # of progress, to the hooks
_MODEL_LIBRARIES = ("transformers", "diffusers", "peft", "torch", "bitsandbytes", "huggingface_hub", "accelerate")
_BAR_SWITCHES = ("transformers.utils.logging", "diffusers.utils.logging")
_M_ARENA_MAX, _NUM_ARENAS = -8, 2  # glibc's own number of it, from malloc.h
_LOOK_EVERY_S, _TRIM_EVERY_S = 0.5, 5.0  # a trim takes up to 60 ms under load, and gives back 100 MB of five seconds
_LITTLE_S = 0.05  # of work between two looks, by which a process still rests
_quiet = threading.RLock()  # what libraries say is settled for all threads at once
_last_printed: dict[str, float] = {}  # label: seconds into its work

ProgressHook = Callable[[str, int, int, float], None]  # label, done, total (0: unknown), seconds so far
_hooks: list[ProgressHook] = []


def foundation_path(name_or_path: str) -> str:
    """What to hand to `from_pretrained`: a shipped folder for genrec-tiny-*, else the name or path itself.

    Raises InputError when a shipped model is named that this installation does not hold.
    """
    if not name_or_path.startswith(TINY_PREFIX):
        return name_or_path
    folder = FOUNDATION_DIR / name_or_path
    if not folder.is_dir():
        have = ", ".join(sorted(p.name for p in FOUNDATION_DIR.glob(f"{TINY_PREFIX}*"))) or "none"
        raise InputError(
            f"foundation model {name_or_path!r} is not in this installation (it holds: {have}); run make foundation"
        )
    return str(folder)


def shown_name(name_or_path: str) -> str:
    """A model's name as others may see it: of one that is named by its place on this machine, the last part alone."""
    path = Path(name_or_path)
    is_place = path.is_absolute() or name_or_path[:1] in (".", "~") or (len(path.parts) > 1 and path.exists())
    return (Path(os.path.abspath(path.expanduser())).name or "a folder") if is_place else name_or_path


def quiet_libraries() -> None:
    """Keep the model libraries' own bars, hints and warnings off the terminal; for programs, not for libraries."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
    for name in _MODEL_LIBRARIES:
        warnings.filterwarnings("ignore", module=rf"{name}(\..*)?")
        logging.getLogger(name).setLevel(logging.ERROR)
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Meanwhile, keep the bars, hints and warnings of the model libraries off the terminal; one thread at a time."""
    with _quiet, warnings.catch_warnings():
        loggers = {name: logging.getLogger(name) for name in _MODEL_LIBRARIES}
        levels = {name: logger.level for name, logger in loggers.items()}
        speakers = [sys.modules[name] for name in _BAR_SWITCHES if name in sys.modules]
        speakers = [speaker for speaker in speakers if speaker.is_progress_bar_enabled()]
        try:
            for name, logger in loggers.items():
                warnings.filterwarnings("ignore", module=rf"{name}(\..*)?")
                logger.setLevel(logging.ERROR)
            for speaker in speakers:
                speaker.disable_progress_bar()
            yield
        finally:
            for name, level in levels.items():
                loggers[name].setLevel(level)
            for speaker in speakers:
                speaker.enable_progress_bar()


def return_freed_memory() -> None:
    """Give freed memory back, now and then and when work rests: batches of ever new shapes leave holes in glibc's heap.

    Does nothing where the C library is another one.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is None or not hasattr(libc, "malloc_trim"):
        return
    libc.mallopt(_M_ARENA_MAX, _NUM_ARENAS)

    def trim() -> None:
        trimmed_at, trimmed_s, seen_s = time.monotonic(), 0.0, time.process_time()
        while True:
            time.sleep(_LOOK_EVERY_S)
            worked_s = time.process_time()
            rests, seen_s = worked_s - seen_s < _LITTLE_S, worked_s
            is_due = rests or time.monotonic() - trimmed_at >= _TRIM_EVERY_S
            if is_due and worked_s - trimmed_s >= _LITTLE_S:
                libc.malloc_trim(0)
                trimmed_at, trimmed_s = time.monotonic(), time.process_time()

    threading.Thread(target=trim, name="trim", daemon=True).start()


def pick_device(name: str = "auto") -> "torch.device":
    """The torch device for a setting: auto takes CUDA, then Apple's MPS, then the CPU. Raises InputError."""
    import torch

    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"device {name!r} is unknown; wanted auto, cpu, cuda, cuda:0 or mps") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InputError(f"device {name!r} was asked for but torch sees no CUDA device; use device = 'auto' or 'cpu'")
    return device


def computes_bfloat16(device: "torch.device") -> bool:
    """True when the device multiplies bfloat16 matrices natively, so that autocast saves time."""
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return device.type == "cpu" and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch; for stages that call libraries which take no generator."""
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


@contextlib.contextmanager
def report_progress_to(hook: ProgressHook) -> Iterator[None]:
    """Send progress of everything inside to a hook, called with (label, done, total, seconds)."""
    _hooks.append(hook)
    try:
        yield
    finally:
        _hooks.remove(hook)


@contextlib.contextmanager
def silence_progress() -> Iterator[None]:
    """Tell no hook of the progress inside; for servers, whose stderr is a log."""
    hooks, _hooks[:] = list(_hooks), []
    try:
        yield
    finally:
        _hooks[:] = hooks


def progress(iterable: Iterable[T], *, label: str, total: int | None = None, step: int = 1) -> Iterator[T]:
    """Pass an iterable through and tell the hooks how far it is; `step` is how many units one element stands for."""
    num_total = total if total is not None else (len(iterable) * step if isinstance(iterable, Sized) else 0)
    meter = ProgressMeter(label=label, total=num_total)
    for element in iterable:
        yield element
        meter.advance(step)
    meter.close()


@contextlib.contextmanager
def many_objects() -> Iterator[None]:
    """Make millions of objects that stay, without Python's search for garbage among them again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class ProgressMeter:
    """Counts units of work and tells the hooks of it, not more often than `TOLD_EVERY_S`."""

    def __init__(self, *, label: str, total: int = 0) -> None:
        self.label, self.total, self.done = label, total, 0
        self._start = time.monotonic()
        self._last_told = 0.0
        self._last_done = -1

    def advance(self, num_units: int = 1) -> None:
        """Count units as done."""
        self.done += num_units
        now = time.monotonic()
        if now - self._last_told >= TOLD_EVERY_S:
            self._last_told = now
            self._tell(now)

    def close(self) -> None:
        """Tell the final count."""
        if self.total and self.done > self.total:
            self.done = self.total
        if self._last_done != self.done:
            self._tell(time.monotonic())

    def _tell(self, now: float) -> None:
        self._last_done = self.done
        for hook in _hooks:
            hook(self.label, self.done, self.total, now - self._start)


def format_rate(label: str, done: int, total: int, seconds: float) -> str:
    """A progress line for people: encode images 1,240/3,200 · 310.0/s · 0:06 left; of slow work, 28.4 s each."""
    rate = done / seconds if seconds > 0 else 0.0
    counts = f"{done:,}/{total:,}" if total else f"{done:,}"
    left = ""
    if total and rate > 0:
        remaining = int((total - done) / rate)
        left = f" · {remaining // 60}:{remaining % 60:02d} left"
    pace = f"{1 / rate:,.1f} s each" if 0 < rate < 1 else f"{rate:,.1f}/s"
    return f"{label} {counts} · {pace}{left}"


def print_progress(label: str, done: int, total: int, seconds: float) -> None:
    """A hook that writes to stderr: one line rewritten on a terminal, else lines every few seconds and at the end."""
    line = visible(format_rate(label, done, total, seconds))
    finished = bool(total) and done >= total
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[2K" + line + ("\n" if finished else ""))
    elif finished or seconds - _last_printed.get(label, 0.0) >= SECONDS_BETWEEN_LINES:
        sys.stderr.write(line + "\n")
        _last_printed[label] = 0.0 if finished else seconds
    sys.stderr.flush()


def peak_memory_mb() -> float:
    """The largest resident memory of this process so far, in MiB."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024 if sys.platform != "darwin" else peak / 2**20
