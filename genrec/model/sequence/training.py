"""Training of sequence models.

Full cross-entropy, every prefix of every history a sample; kept is a moving average of the weights, of the epoch that
validation chose. Now and then items are shown by their content alone, so that those without events are understood too
(after DropoutNet, Volkovs et al. 2017).

Axis legend: B batch, T history positions, E events, N items.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch.optim.swa_utils import AveragedModel

from genrec.artifacts import write_file
from genrec.config import SequenceConfig
from genrec.model.sequence.model import SequenceModel, SequenceReport, pad_histories
from genrec.runtime import ProgressMeter, computes_bfloat16
from genrec.schema import FloatArray, IntArray

CHECKPOINT = "checkpoint.pt"
_POOLED_WINDOWS = 4096  # windows among which those of like length are gathered
_LEAST_REPEATS = 0.01  # of the events, from which on items are expected to come again


class _Windows:
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
) -> tuple[SequenceModel, SequenceReport]:
    """Train on every prefix of the histories; the epoch with the best validation ndcg@10 is kept.

    histories: catalog rows, oldest first; validation: pairs of a history and its next row, asked with the history
    masked. Stops early after `patience` epochs without a better one; without validation all epochs count, and the last
    is kept. work: a folder to resume from after a kill.
    """
    began = time.monotonic()
    torch.manual_seed(seed)
    if config.repeats == "auto":
        num_repeats = sum(len(history) - len(np.unique(history)) for history in histories)
        is_usual = num_repeats >= _LEAST_REPEATS * sum(map(len, histories))
        config = replace(config, repeats="expected" if is_usual else "left-out")
    content = content if config.use_content else None
    model = SequenceModel(num_items, config, 0 if content is None else content.shape[1])
    model.is_known_N = torch.from_numpy(np.bincount(np.concatenate(histories), minlength=num_items) > 0)
    model.to(device)
    optimizer = torch.optim.Adam(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    averaged = AveragedModel(model, multi_avg_fn=_moving_average(config.average_decay))
    content_NC = None if content is None else torch.from_numpy(content).to(device)  # no weight, so not averaged
    kept = averaged.module
    assert isinstance(kept, SequenceModel)
    kept.content_NC = content_NC
    if content_NC is not None:
        model.content_NC = content_NC.bfloat16() if computes_bfloat16(device) else content_NC  # read in each step
    state: dict[str, Any] = {"epoch": 0, "best": -1.0, "best_epoch": 0, "validation": [], "losses": [], "weights": {}}
    checkpoint = None if work is None else work / CHECKPOINT
    if checkpoint is not None and checkpoint.is_file():
        state = torch.load(checkpoint, weights_only=False)
        model.load_state_dict(state["model"])
        averaged.load_state_dict(state["averaged"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["rng"])
    windows = _Windows(histories, config.max_history)
    meter = ProgressMeter(label=label, total=config.epochs)
    meter.advance(state["epoch"])
    for epoch in range(state["epoch"], config.epochs):
        if epoch - state["best_epoch"] > config.patience:
            break
        order = np.random.default_rng([seed, epoch])
        state["losses"].append(_train_epoch(model, averaged, optimizer, windows, config, order))
        quality = validation_ndcg(kept, validation)
        state["validation"].append(quality)
        if quality > state["best"] or not validation:
            state |= {"best": quality, "best_epoch": epoch}
            state["weights"] = {name: weight.detach().cpu().clone() for name, weight in kept.state_dict().items()}
        state["epoch"] = epoch + 1
        if checkpoint is not None:
            state |= {"model": model.state_dict(), "averaged": averaged.state_dict()}
            state |= {"optimizer": optimizer.state_dict(), "rng": torch.get_rng_state()}
            with write_file(checkpoint) as partial:
                torch.save(state, partial)
        meter.advance()
    meter.close()
    model.load_state_dict(state["weights"] or model.state_dict())
    model.content_NC = content_NC
    model.fold_content()
    report = SequenceReport(
        best_epoch=state["best_epoch"] + 1,
        seconds=time.monotonic() - began,
        validation=tuple(state["validation"]),
        losses=tuple(state["losses"]),
    )
    return model.eval(), report


def _moving_average(decay: float) -> Any:  # Any: torch types its callback for every kind of sequence
    """An exponential moving average that forgets the first steps soon: its memory grows with the number of steps."""

    def average(kept: list[torch.Tensor], fresh: list[torch.Tensor], num_averaged: torch.Tensor) -> None:
        count = int(num_averaged)
        torch._foreach_lerp_(kept, fresh, 1 - min(decay, (1 + count) / (10 + count)))

    return average


def _train_epoch(
    model: SequenceModel,
    averaged: AveragedModel,
    optimizer: torch.optim.Optimizer,
    windows: _Windows,
    config: SequenceConfig,
    rng: np.random.Generator,
) -> float:
    """One pass over freshly cut windows, at most `max_samples` graded events; returns their mean loss in nats.

    The two products over all items are computed in bfloat16 where the processor does that natively.
    """
    model.train()
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
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        averaged.update_parameters(model)
        total += float(loss.detach()) * len(states_ED)
        count += len(states_ED)
    return total / max(count, 1)


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
