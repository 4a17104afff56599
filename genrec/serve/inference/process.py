"""A workspace whose language model and item scorer work in a process of their own.

The threads that speak with clients would take the interpreter from the model between any two of its steps; in its own
process it keeps a core to itself. What crosses over is requests, item ids and words, many in one message.
"""

import atexit
import contextlib
import logging
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Mapping, Sequence
from functools import partial
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, TypeAlias

import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from genrec.config import Config
from genrec.errors import InputError, ModelEnded
from genrec.model.lm.language import load_prompts
from genrec.prompting import Message
from genrec.ranking.recommender import Request
from genrec.runtime import pick_device, quiet_libraries, return_freed_memory, silence_progress
from genrec.schema import Embeddings, Recommendation
from genrec.serve.inference.threads import ThreadBudget
from genrec.serve.telemetry import configure_logging
from genrec.workspace import Workspace

log = logging.getLogger(__name__)
_Call: TypeAlias = tuple[str, Sequence[object], Mapping[str, object]]  # a method, its arguments and options


class ModelProcess:
    """A process that loads a workspace and answers calls; it is started again when it ends.

    Two lines lead to it, one call at a time each: while it works on a patient one, it pauses for urgent ones. Whoever
    calls speaks with it directly: threads between them would have to wait for the interpreter, each in turn.
    """

    def __init__(self, directory: Path) -> None:
        self._directory, self._adapters = directory, list[Path]()
        self._starting, self._is_open = threading.Lock(), True
        self._turns = {True: threading.Lock(), False: threading.Lock()}  # by whether the line is patient
        self._start()
        atexit.register(self.close)

    def _start(self) -> None:
        context = get_context("spawn")
        (urgent, its_urgent), (patient, its_patient) = context.Pipe(), context.Pipe()
        self._lines = {True: patient, False: urgent}
        order = (its_urgent, its_patient, self._directory, tuple(self._adapters))
        self._process = context.Process(target=_work, args=order)
        self._process.start()
        its_urgent.close()  # so that its end is noticed here
        its_patient.close()

    def __call__(
        self, method: str, *arguments: object, is_patient: bool = False, **options: object
    ) -> Any:  # Any: what the method returns
        """What a method of the workspace, such as "answer" or "model.generate_texts", returns there, or raises.

        Raises ModelEnded when the process ended meanwhile, or was closed.
        """
        with self._turns[is_patient]:
            with self._starting:
                if not self._is_open:
                    raise ModelEnded("the model's process was closed")
                line = self._lines[is_patient]
            try:
                line.send((method, arguments, options))
                answer, error = line.recv()
            except (EOFError, OSError):
                with self._starting:
                    if line is self._lines[is_patient] and self._is_open:
                        log.error("the model's process ended; it is started again")
                        self._process.join()
                        self._start()
                raise ModelEnded("the model's process ended while it worked on this; it is started again") from None
        if error is not None:
            raise error
        return answer

    def add_adapter(self, folder: Path) -> None:
        """Offer a domain adapter, also after the process has been started again."""
        self("add_adapter", folder)
        self._adapters.append(folder)

    def close(self) -> None:
        """End the process, when it has answered what it works on."""
        with self._turns[True], self._turns[False], self._starting:
            self._is_open = False
            for line in self._lines.values():
                line.close()
            self._process.join()
        atexit.unregister(self.close)


class _ModelElsewhere:
    """What is known here of the language model."""

    def __init__(self, root: Path, config: Config) -> None:
        self.prompts, self.id_space = load_prompts(root / "model")
        self.device = pick_device(config.device)
        self.process = ModelProcess(root)

    def add_adapter(self, _: str, folder: Path) -> None:
        self.process.add_adapter(folder)

    def generate_texts(self, messages: Sequence[Message], *, max_new_tokens: int) -> list[str]:
        method, order = "model.generate_texts", list(messages)
        texts: list[str] = self.process(method, order, max_new_tokens=max_new_tokens, is_patient=True)
        return texts

    def generate_json(self, message: Message, schema: Mapping[str, object], *, max_new_tokens: int) -> object:
        return self.process("model.generate_json", message, schema, max_new_tokens=max_new_tokens)


class WorkspaceApart(Workspace):
    """A workspace that answers, weighs and writes in a process of its own; what it cannot do is to stream items."""

    pauses_writing = True

    @classmethod
    def _load_models(
        cls, root: Path, config: Config, adapter: Path | None, embeddings: Mapping[str, Embeddings], lift: float | None
    ) -> Any:
        return _ModelElsewhere(root, config), None

    def answer(
        self,
        requests: Sequence[Request],
        *,
        k: int | None = None,
        exclude_history: bool | None = None,
        sequence_weight: float | None = None,
    ) -> list[list[Recommendation]]:
        """As a workspace answers."""
        options = {"k": k, "exclude_history": exclude_history, "sequence_weight": sequence_weight}
        answers: list[list[Recommendation]] = self._ask("answer", list(requests), **options)
        return answers

    def answer_each(self, requests: Sequence[Request]) -> list[list[Recommendation] | InputError]:
        """As a workspace answers each."""
        answers: list[list[Recommendation] | InputError] = self._ask("answer_each", list(requests))
        return answers

    def attributions(
        self,
        histories: Sequence[Sequence[str]],
        item_ids: Sequence[str],
        queries: Sequence[str] | None = None,
        adapter: str | None = None,
    ) -> list[dict[str, float]]:
        """As a workspace weighs histories."""
        attributions: list[dict[str, float]] = self._ask("attributions", histories, item_ids, queries, adapter)
        return attributions

    def close(self) -> None:
        """End the process."""
        self._process.close()

    @property
    def _process(self) -> ModelProcess:
        process: ModelProcess = self.model.process  # type: ignore[attr-defined]  # a _ModelElsewhere
        return process

    def _ask(self, method: str, *arguments: object, **options: Any) -> Any:
        return self._process(method, *arguments, **options)


# ---- in the model's process


def _work(urgent: Connection, patient: Connection, directory: Path, adapters: Sequence[Path]) -> None:
    """Load a workspace, and answer calls until nobody is there to ask."""
    _begin()
    workspace: Workspace | Exception
    try:
        with silence_progress():
            workspace = Workspace.load(directory)
            for adapter in adapters:
                workspace.add_adapter(adapter)
        workspace.model.pause = partial(_answer_waiting, workspace, urgent)
    except Exception as error:  # whoever calls must be told
        workspace = error
    cores = ThreadBudget() if "OMP_NUM_THREADS" not in os.environ else None
    with contextlib.suppress(EOFError):
        while True:
            ready = wait([urgent, patient])
            if cores is not None:
                cores.take()
            _answer_next(workspace, urgent if urgent in ready else patient)


def _answer_waiting(workspace: Workspace, line: Connection) -> None:
    """Between the steps of a text: answer as if nothing else were done. Its end is noticed where calls are awaited."""
    with contextlib.suppress(EOFError), torch.inference_mode(mode=False):
        if line.poll():  # one, so that texts come to an end, however many calls there are
            _answer_next(workspace, line)


def _answer_next(workspace: Workspace | Exception, line: Connection) -> None:
    call: _Call = line.recv()
    answer = _answer(workspace, call)
    try:
        line.send(answer)
    except (TypeError, AttributeError, pickle.PicklingError) as error:  # nothing was sent
        line.send((None, RuntimeError(f"{call[0]}: {answer[1]!r} cannot be sent ({error})")))


def _answer(workspace: Workspace | Exception, call: _Call) -> tuple[object, Exception | None]:
    """What a method returns, or raises."""
    if isinstance(workspace, Exception):
        return None, workspace
    method, arguments, options = call
    target: Any = workspace  # Any: whatever has the method
    for name in method.split("."):
        target = getattr(target, name)
    try:
        return target(*arguments, **options), None
    except Exception as error:  # whoever calls must be told, and where it was
        error.add_note(f"in the model's process:\n{traceback.format_exc()}")
        return None, error


def _begin() -> None:
    """Outlive signals that are meant for whoever started this process, but not its end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    starter = parent_process()
    assert starter is not None

    def end_with_starter() -> None:
        starter.join()
        os._exit(1)

    threading.Thread(target=end_with_starter, name="end with starter", daemon=True).start()
    quiet_libraries()
    configure_logging()
    return_freed_memory()
    threadpool_limits(limits=1, user_api="blas")  # its idle threads would hold cores that torch's wait for
