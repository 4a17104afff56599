"""Training of sequence models by full cross-entropy, every prefix of every history a sample.

A moving average of the weights is kept, of the epoch that validation chose. Now and then items are shown by their
content alone, so that those without events are understood too (after DropoutNet, Volkovs et al. 2017). Knows catalog
rows; deliberately knows nothing of catalogs or splits.

Axis legend: B batch, T history positions, E events, N items.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch.optim.swa_utils import AveragedModel

from genrec.checkpoints import drop, load_checkpoint, save_checkpoint
from genrec.config import SequenceConfig
from genrec.model.sequence.model import SequenceModel, SequenceReport, pad_histories
from genrec.runtime import ProgressMeter, computes_bfloat16
from genrec.schema import FloatArray, IntArray

CHECKPOINT = "checkpoint.pt"
_POOLED_WINDOWS = 4096  # windows among which those of like length are gathered
_LEAST_REPEATS = 0.01  # of the events, from which on items are expected to come again


class HistoryWindows:
    """Histories as windows of at most max_history + 1 events; every event but a window's first is graded."""

    def __init__(self, histories: Sequence[IntArray], longest: int) -> None:
        self._histories = [history for history in histories if len(history) > 1]
        self._longest = longest

    def batches(self, size: int, max_samples: int | None, rng: np.random.Generator) -> list[list[IntArray]]:
        """Freshly cut windows in a fresh order, windows of like length together.

        size: graded events in a batch, or one more window; max_samples: graded events in all, None for every one.
        """
        windows = [window for history in self._histories for window in self._cut(history, rng)]
        order = rng.permutation(len(windows))
        graded = np.array([len(window) - 1 for window in windows])
        if max_samples is not None:
            order = order[: 1 + int(np.searchsorted(graded[order].cumsum(), max_samples))]
        batches = []
        for start in range(0, len(order), _POOLED_WINDOWS):
            numbers = order[start : start + _POOLED_WINDOWS]
            numbers = numbers[np.argsort(graded[numbers], kind="stable")]
            batch_of = (graded[numbers].cumsum() - 1) // size
            bounds = np.flatnonzero(np.diff(batch_of)) + 1
            batches += [[windows[i] for i in part] for part in np.split(numbers, bounds)]
        return [batches[i] for i in rng.permutation(len(batches))]

    def _cut(self, history: IntArray, rng: np.random.Generator) -> list[IntArray]:
        """One window, or many that begin where the one before ends; where the first ends is drawn afresh."""
        last = len(history) - 1
        if last <= self._longest:
            return [history]
        ends = [*range(int(rng.integers(1, self._longest + 1)), last, self._longest), last]
        return [history[start : end + 1] for start, end in zip([0, *ends], ends, strict=False)]


def train_sequence_model(
    histories: Sequence[IntArray],
    num_items: int,
    validation: Sequence[tuple[IntArray, int]],
    config: SequenceConfig,
    *,
    content: FloatArray | None = None,
    device: torch.device,
    seed: int,
    work: Path | None = None,
    label: str = "train sequence model, epochs",
    on_epoch: Callable[[int], None] | None = None,
    make: Callable[[], SequenceModel] | None = None,
) -> tuple[SequenceModel, SequenceReport]:
    """Train on every prefix of the histories; the epoch with the best validation ndcg@10 is kept.

    histories: catalog rows, oldest first; validation: pairs of a history and its next row, asked with the history
    masked. Stops early after `patience` epochs without a better one; without validation all epochs count, and the last
    is kept. work: a folder to resume from after a kill; on_epoch: told after each epoch how many there were; make: the
    untrained model, where it is to be another one than the settings' kind.
    """
    began = time.monotonic()
    config = _with_repeats(config, histories)
    content_NC = torch.from_numpy(content).to(device) if content is not None and config.use_content else None

    def begin(checkpoint: Path | None) -> _TrainingRun:
        torch.manual_seed(seed)
        if make is not None:
            return _TrainingRun(make().to(device), None, checkpoint)
        model = SequenceModel(num_items, config, 0 if content_NC is None else content_NC.shape[1])
        model.is_known_N = torch.from_numpy(np.bincount(np.concatenate(histories), minlength=num_items) > 0)
        return _TrainingRun(model.to(device), content_NC, checkpoint)

    run = _resumed(begin, None if work is None else work / CHECKPOINT)
    windows = HistoryWindows(histories, config.max_history)
    meter = ProgressMeter(label=label, total=config.epochs)
    meter.advance(run.num_epochs)
    for epoch in range(run.num_epochs, config.epochs):
        if epoch - run.best_epoch > config.patience:
            break
        loss = run.train_epoch(windows, np.random.default_rng([seed, epoch]))
        run.record(loss, validation_ndcg(run.averaged, validation) if validation else None)
        meter.advance()
        if on_epoch is not None:
            on_epoch(run.num_epochs)
    meter.close()
    return run.best_model(), run.report(seconds=time.monotonic() - began)


def _with_repeats(config: SequenceConfig, histories: Sequence[IntArray]) -> SequenceConfig:
    """The settings with `repeats` decided: items are expected again where they came again in the histories."""
    if config.repeats != "auto":
        return config
    num_repeats = sum(len(history) - len(np.unique(history)) for history in histories)
    is_usual = num_repeats >= _LEAST_REPEATS * sum(map(len, histories))
    return replace(config, repeats="expected" if is_usual else "left-out")


def _resumed(begin: "Callable[[Path | None], _TrainingRun]", checkpoint: Path | None) -> "_TrainingRun":
    """A training where its checkpoint left it; from the beginning without one, or where it is not this training's."""
    state = None if checkpoint is None else load_checkpoint(checkpoint)
    run = begin(checkpoint)
    if checkpoint is None or state is None:
        return run
    try:
        run.resume(state)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:  # as torch raises them
        drop(checkpoint, error)
        return begin(checkpoint)
    return run


class _TrainingRun:
    """A model in training: its weights, their moving average, the optimizer and what validation said so far.

    checkpoint: the file to write after each epoch, None for none.
    """

    def __init__(self, model: SequenceModel, content_NC: torch.Tensor | None, checkpoint: Path | None) -> None:
        self._model, self._content_NC, self._checkpoint = model, content_NC, checkpoint
        config, device = model.config, model.is_known_N.device
        trained = [weight for weight in model.parameters() if weight.requires_grad]
        self._optimizer = torch.optim.Adam(
            trained, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self._averages = AveragedModel(model, multi_avg_fn=_moving_average(config.average_decay))
        self.averaged.content_NC = content_NC  # no weight, so not averaged
        if content_NC is not None:
            model.content_NC = content_NC.bfloat16() if computes_bfloat16(device) else content_NC  # read in each step
        self._state: dict[str, Any] = {
            "epoch": 0, "best": -1.0, "best_epoch": 0, "validation": [], "losses": [], "weights": {},
        }  # fmt: skip

    @property
    def averaged(self) -> SequenceModel:
        """The model of the averaged weights, which validation asks."""
        model = self._averages.module
        assert isinstance(model, SequenceModel)
        return model

    @property
    def num_epochs(self) -> int:
        """The number of epochs that were trained."""
        return int(self._state["epoch"])

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights are kept, from 0."""
        return int(self._state["best_epoch"])

    def train_epoch(self, windows: HistoryWindows, rng: np.random.Generator) -> float:
        """One pass over freshly cut windows, at most `max_samples` graded events; returns their mean loss in nats.

        The two products over all items are computed in bfloat16 where the processor does that natively.
        """
        model, config = self._model.train(), self._model.config
        device = model.is_known_N.device
        narrow = torch.autocast(device.type, torch.bfloat16, enabled=computes_bfloat16(device), cache_enabled=False)
        total, count = 0.0, 0
        for batch in windows.batches(config.batch_size, config.max_samples, rng):
            rows_BT = pad_histories(batch, model.num_items).to(device)
            is_graded_BT = rows_BT[:, 1:] != model.num_items
            with narrow:
                vectors_ND = model.item_vectors()
            states_ED = model.encode(rows_BT[:, :-1], vectors_ND)[is_graded_BT]
            with narrow:
                scores_EN = model.score(states_ED, vectors_ND)
            loss = F.cross_entropy(scores_EN.float(), rows_BT[:, 1:][is_graded_BT])
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self._optimizer.step()
            self._averages.update_parameters(model)
            total += float(loss.detach()) * len(states_ED)
            count += len(states_ED)
        return total / max(count, 1)

    def record(self, loss: float, quality: float | None) -> None:
        """End an epoch: keep its averaged weights if they are the best, and write the checkpoint.

        quality: validation ndcg@10; None without validation, where the latest epoch counts as the best.
        """
        state, epoch = self._state, self.num_epochs
        state["losses"].append(loss)
        state["validation"].append(quality or 0.0)
        if quality is None or quality > state["best"]:
            state |= {"best": quality or 0.0, "best_epoch": epoch}
            state["weights"] = {name: w.detach().cpu().clone() for name, w in self.averaged.state_dict().items()}
        state["epoch"] = epoch + 1
        if self._checkpoint is not None:
            state |= {"model": self._model.state_dict(), "averaged": self._averages.state_dict()}
            state |= {"optimizer": self._optimizer.state_dict(), "rng": torch.get_rng_state()}
            save_checkpoint(self._checkpoint, state)

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from what an epoch's checkpoint holds. Raises what torch raises over another training's."""
        if missing := self._state.keys() - state.keys():
            raise ValueError(f"it lacks {', '.join(sorted(missing))}")
        self._model.load_state_dict(state["model"])
        self._averages.load_state_dict(state["averaged"])
        self._optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["rng"])
        self._state = state

    def best_model(self) -> SequenceModel:
        """The model with the best epoch's weights, its content folded into the items. Training ends here."""
        self._model.load_state_dict(self._state["weights"] or self._model.state_dict())
        self._model.content_NC = self._content_NC
        self._model.fold_content()
        return self._model.eval()

    def report(self, seconds: float) -> SequenceReport:
        """The course of the training; seconds: of this process."""
        return SequenceReport(
            best_epoch=self.best_epoch + 1,
            seconds=seconds,
            validation=tuple(self._state["validation"]),
            losses=tuple(self._state["losses"]),
        )


def _moving_average(decay: float) -> Any:  # Any: torch types its callback for every kind of sequence
    """An exponential moving average that forgets the first steps soon: its memory grows with the number of steps."""

    def average(averages: list[torch.Tensor], fresh: list[torch.Tensor], num_averaged: torch.Tensor) -> None:
        count = int(num_averaged)
        own = [(a, w) for a, w in zip(averages, fresh, strict=True) if a.data_ptr() != w.data_ptr()]  # not shared
        averages, fresh = [a for a, _ in own], [w for _, w in own]
        if own:  # weights come in groups of one type, all of which may be shared
            torch._foreach_lerp_(averages, fresh, 1 - min(decay, (1 + count) / (10 + count)))

    return average


@torch.inference_mode()
def validation_ndcg(model: SequenceModel, cases: Sequence[tuple[IntArray, int]], batch_size: int = 512) -> float:
    """Mean ndcg@10 of the next items, histories masked; 0 without cases."""
    total = 0.0
    for start in range(0, len(cases), batch_size):
        batch = cases[start : start + batch_size]
        scores_BN = model.log_probabilities([history for history, _ in batch])
        targets_B = np.array([target for _, target in batch])
        aim_B = scores_BN[np.arange(len(batch)), targets_B].copy()
        for scores_N, (history, _) in zip(scores_BN, batch, strict=True):
            scores_N[history] = -np.inf
        better_B = (scores_BN > aim_B[:, None]).sum(axis=1)
        is_hit_B = (better_B < 10) & np.array([target not in history for history, target in batch])
        total += float((is_hit_B / np.log2(better_B + 2)).sum())
    return total / max(len(cases), 1)
