"""Checkpoints of a tuning: which is validated, kept, resumed from after a kill, or dropped as another's.

Knows the Trainer's folders and what lies beside them; deliberately knows nothing of what is trained, or how.
"""

import logging
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from transformers import TrainerCallback
from transformers.trainer_utils import get_last_checkpoint

from genrec.checkpoints import drop, is_sealed, load_checkpoint, save_checkpoint, seal_folder
from genrec.model.lm.item_projector import PROJECTOR_FILE
from genrec.model.lm.language import LanguageModel
from genrec.runtime import ProgressMeter

log = logging.getLogger(__name__)

CHECKPOINTS, RECORD = "checkpoints", "validation.pt"  # the Trainer's own, and how each fared


class Validate(Protocol):
    """The share of validation cases that a model answers well; asked at every checkpoint."""

    @property
    def num_cases(self) -> int: ...

    def __call__(self, language_model: LanguageModel) -> float: ...


class CheckpointSelection(TrainerCallback):
    """Validates every checkpoint and keeps the trained weights of the best; reports progress and the time limit."""

    def __init__(
        self,
        language_model: LanguageModel,
        validate: Validate,
        work: Path,
        max_minutes: float | None,
        validation: Mapping[int, float],
    ) -> None:
        """validation: at the checkpoints of a run that is resumed."""
        self._language_model, self._validate, self._work = language_model, validate, work
        self._max_minutes = max_minutes
        self._deadline = None if max_minutes is None else time.monotonic() + max_minutes * 60
        self.validation = dict(validation)
        self._meter: ProgressMeter | None = None

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self._meter is None:
            self._meter = ProgressMeter(label="tune steps", total=state.max_steps)
        self._meter.done = state.global_step - 1
        self._meter.advance()
        late = self._deadline is not None and time.monotonic() > self._deadline
        if state.global_step % args.save_steps == 0 or state.global_step == state.max_steps:
            self._validate_step(state.global_step)
            if late and state.global_step < state.max_steps:
                log.warning(
                    "tune.max_minutes = %g ended the tuning after step %d of %d; how far it comes depends on the "
                    "machine, so equal seeds may differ",
                    *(self._max_minutes, state.global_step, state.max_steps),
                )
                control.should_training_stop = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Seal a checkpoint; a kill may leave half of one."""
        checkpoint = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        if self._language_model.item_projector is not None:
            self._language_model.item_projector.save(checkpoint / PROJECTOR_FILE)  # peft saves nothing but its own
        seal_folder(checkpoint)

    def _validate_step(self, step: int) -> None:
        model = self._language_model.model
        model.eval()
        score = self._validate(self._language_model)
        model.train()
        self.validation = {at: value for at, value in self.validation.items() if at < step} | {step: score}
        best = weights_file(self._work, self.best_step())
        if self.best_step() == step:
            save_checkpoint(best, trained_weights(model))
        save_checkpoint(self._work / RECORD, {"validation": self.validation})
        for path in self._work.glob(weights_file(self._work, "*").name):
            if path != best:  # which the record named until now
                path.unlink()

    def best_step(self) -> int:
        return latest_good_step(self.validation, self._validate.num_cases)


def weights_file(work: Path, step: int | str) -> Path:
    """Where the trained weights of a checkpoint are kept while it is the best."""
    return work / f"best-{step}.pt"


def latest_good_step(validation: Mapping[int, float], num_cases: int) -> int:
    """The latest step whose share of the cases is less than a standard error below the best one's.

    This is the one-standard-error rule (Breiman et al. 1984): learning rates fall towards the end, and a few hundred
    cases tell an earlier checkpoint from the last by chance.
    """
    best = max(validation.values())
    error = (best * (1 - best) / num_cases) ** 0.5 if num_cases else 0.0
    return max(step for step, share in validation.items() if share >= best - error)


def trained_weights(model: Any) -> dict[str, torch.Tensor]:
    """The weights that training may change, by name, contiguous copies on the CPU."""
    return {
        name: parameter.detach().cpu().contiguous().clone()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }


def last_checkpoint(work: Path, num_cases: int) -> tuple[str | None, dict[int, float]]:
    """The Trainer's checkpoint to resume from, None to begin anew, and how those up to it fared in validation.

    What a kill left half written is removed, and so is everything where it does not belong together.
    """
    folder = work / CHECKPOINTS
    for checkpoint in folder.glob("checkpoint-*"):
        if not is_sealed(checkpoint):
            shutil.rmtree(checkpoint)
    last = get_last_checkpoint(str(folder)) if folder.is_dir() else None
    record = (load_checkpoint(work / RECORD) or {}) if last is not None else {}
    validation = dict(record.get("validation", {}))
    if last is not None and load_checkpoint(weights_file(work, _kept_step(validation, num_cases))) is None:
        drop(folder, "its best weights, or how they fared, are lost")
        shutil.rmtree(folder)
        return None, {}
    return last, validation


def _kept_step(validation: Mapping[int, float], num_cases: int) -> int | str:
    return latest_good_step(validation, num_cases) if validation else "none"
