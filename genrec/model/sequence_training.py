"""Training of sequence models, and what a trained one teaches.

Full cross-entropy, every prefix of every history a sample; kept is a moving average of the weights, of the epoch that
validation chose. Now and then items are shown by their content alone, so that those without events are understood too
(after DropoutNet, Volkovs et al. 2017).

Axis legend: B batch, T history positions, E events, N items, K likely items.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch.optim.swa_utils import AveragedModel

from genrec.artifacts import write_file
from genrec.config import SequenceConfig
from genrec.model.sequence import SequenceModel, SequenceReport
from genrec.runtime import ProgressMeter, progress
from genrec.schema import FloatArray, IntArray

CHECKPOINT = "checkpoint.pt"
_POOLED_BATCHES = 20  # batches among which samples of like length are gathered


@dataclass(frozen=True, slots=True)
class _Samples:
    """Every prefix of every history that has a next item, as places in one long array of rows."""

    events: IntArray
    starts: IntArray
    ends: IntArray

    @classmethod
    def of(cls, histories: Sequence[IntArray]) -> "_Samples":
        events = np.concatenate([*histories, np.zeros(0, dtype=np.int64)])
        offsets = np.r_[0, np.cumsum([len(history) for history in histories])]
        starts = np.repeat(offsets[:-1], np.diff(offsets))
        ends = np.arange(len(events))
        keep = ends > starts
        return cls(events, starts[keep], ends[keep])

    def __len__(self) -> int:
        return len(self.ends)

    def batches(self, size: int, max_samples: int, rng: np.random.Generator) -> list[IntArray]:
        """A fresh order of the samples in batches of like length, at most max_samples of them (0: all)."""
        order = rng.permutation(len(self))[: max_samples or None]
        pool = size * _POOLED_BATCHES
        batches = []
        for start in range(0, len(order), pool):
            numbers = order[start : start + pool]
            numbers = numbers[np.argsort(self.ends[numbers] - self.starts[numbers], kind="stable")]
            batches += [numbers[i : i + size] for i in range(0, len(numbers), size)]
        return [batches[i] for i in rng.permutation(len(batches))]

    def batch(self, numbers: IntArray, pad: int, longest: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Histories int64 (B, T), padded on the left, and the next items int64 (B,)."""
        ends = self.ends[numbers]
        length = min(longest, int((ends - self.starts[numbers]).max()))
        places_BT = ends[:, None] + np.arange(-length, 0)
        inside_BT = places_BT >= self.starts[numbers][:, None]
        rows_BT = np.where(inside_BT, self.events[np.maximum(places_BT, 0)], pad)
        return torch.from_numpy(rows_BT), torch.from_numpy(self.events[ends])


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
    """Train on the histories' prefixes; the epoch with the best validation ndcg@10 is kept.

    histories: catalog rows, oldest first; validation: pairs of a history and its next row, asked with the history
    masked. Stops early after `patience` epochs without a better one. work: a folder to resume from after a kill.
    """
    began = time.monotonic()
    torch.manual_seed(seed)
    content = content if config.use_content else None
    model = SequenceModel(num_items, config, 0 if content is None else content.shape[1])
    model.is_known_N = torch.from_numpy(np.bincount(np.concatenate(histories), minlength=num_items) > 0)
    model.to(device)
    if content is not None:
        model.content_NC = torch.from_numpy(content).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    averaged = AveragedModel(model, multi_avg_fn=_moving_average(config.average_decay))
    state: dict[str, Any] = {"epoch": 0, "best": -1.0, "best_epoch": 0, "validation": [], "losses": [], "weights": {}}
    checkpoint = None if work is None else work / CHECKPOINT
    if checkpoint is not None and checkpoint.is_file():
        state = torch.load(checkpoint, weights_only=False)
        model.load_state_dict(state["model"])
        averaged.load_state_dict(state["averaged"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["rng"])
    samples = _Samples.of(histories)
    meter = ProgressMeter(label=label, total=config.epochs)
    meter.advance(state["epoch"])
    for epoch in range(state["epoch"], config.epochs):
        if epoch - state["best_epoch"] > config.patience:
            break
        order = np.random.default_rng([seed, epoch])
        state["losses"].append(_train_epoch(model, averaged, optimizer, samples, config, order))
        quality = validation_ndcg(_kept(averaged, model), validation)
        state["validation"].append(quality)
        if quality > state["best"]:
            state |= {"best": quality, "best_epoch": epoch}
            kept = averaged.module.state_dict()
            state["weights"] = {name: weight.detach().cpu().clone() for name, weight in kept.items()}
        state["epoch"] = epoch + 1
        if checkpoint is not None:
            state |= {"model": model.state_dict(), "averaged": averaged.state_dict()}
            state |= {"optimizer": optimizer.state_dict(), "rng": torch.get_rng_state()}
            with write_file(checkpoint) as partial:
                torch.save(state, partial)
        meter.advance()
    meter.close()
    model.load_state_dict(state["weights"] or model.state_dict())
    model.fold_content()
    report = SequenceReport(
        best_epoch=state["best_epoch"] + 1,
        seconds=time.monotonic() - began,
        validation=tuple(state["validation"]),
        losses=tuple(state["losses"]),
    )
    return model.eval(), report


def _kept(averaged: AveragedModel, model: SequenceModel) -> SequenceModel:
    kept = averaged.module
    assert isinstance(kept, SequenceModel)
    kept.content_NC = model.content_NC  # not a weight, so it is not averaged
    return kept


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
    samples: _Samples,
    config: SequenceConfig,
    rng: np.random.Generator,
) -> float:
    """One pass over a fresh order of the samples, at most `max_samples` of them; returns the mean loss in nats."""
    model.train()
    device = model.positions.weight.device
    total, count = 0.0, 0
    for numbers in samples.batches(config.batch_size, config.max_samples, rng):
        rows_BT, targets_B = samples.batch(numbers, model.num_items, config.max_history)
        loss = F.cross_entropy(model(rows_BT.to(device)), targets_B.to(device))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        averaged.update_parameters(model)
        total += float(loss.detach()) * len(targets_B)
        count += len(targets_B)
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


@torch.inference_mode()
def expected_items(
    model: SequenceModel, histories: Sequence[IntArray], *, num_items: int, batch_size: int = 512
) -> list[tuple[npt.NDArray[np.int32], FloatArray]]:
    """What the model expects before each event of each history: rows int32 (T, K) and shares float32 (T, K).

    num_items: K, how many of the likeliest to keep; their shares sum to one, those of the first event are zero.
    """
    model.eval()
    samples = _Samples.of(histories)
    width = min(num_items, model.num_items)
    rows_EK = np.zeros((len(samples.events), width), dtype=np.int32)
    shares_EK = np.zeros((len(samples.events), width), dtype=np.float32)
    order = np.argsort(samples.ends - samples.starts, kind="stable")
    for start in progress(range(0, len(order), batch_size), label="ask the teacher, batches"):
        numbers = order[start : start + batch_size]
        rows_BT, _ = samples.batch(numbers, model.num_items, model.config.max_history)
        best = model(rows_BT.to(model.positions.weight.device)).float().topk(width, dim=1)
        rows_EK[samples.ends[numbers]] = best.indices.cpu().numpy()
        shares_EK[samples.ends[numbers]] = best.values.softmax(dim=1).cpu().numpy()
    bounds = np.cumsum([len(history) for history in histories])[:-1]
    return list(zip(np.split(rows_EK, bounds), np.split(shares_EK, bounds), strict=True))
