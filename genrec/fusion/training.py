"""Training of learned fusers, the same for all: full cross-entropy over the known items, stopped early by validation.

A net may be pretrained before, by a loss of its own. A moving average of the weights is kept, of the epoch that
validation chose. Where histories have no order they are
shuffled in each epoch, so that any part of them may speak for the rest. Knows catalog rows; deliberately knows nothing
of what a net is made of.

Axis legend: B histories, T history positions, E graded events, N items.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from genrec.checkpoints import drop, load_checkpoint, save_checkpoint
from genrec.config import FuseConfig
from genrec.fusion.events import Events
from genrec.fusion.judging import ndcg, sample, target_ranks
from genrec.fusion.nets import Batch, FusionNet
from genrec.runtime import ProgressMeter
from genrec.schema import FloatArray, IntArray

_CHECKPOINT, _PRETRAINED = "fuser.pt", "pretrained.pt"
_AVERAGE_DECAY = 0.98


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingReport:
    """The course of a training. validation: ndcg@10 after each epoch, history masked; seconds: of this process."""

    best_epoch: int
    validation: tuple[float, ...]
    seconds_per_epoch: float
    num_parameters: int


def train_net(
    net: FusionNet,
    events: Events,
    config: FuseConfig,
    *,
    seed: int,
    work: Path | None = None,
    label: str = "fuser",
    max_judged: int = 3000,
) -> TrainingReport:
    """Train in place; the weights of the epoch with the best validation ndcg@10 stay, of the last without validation.

    Stops after `patience` epochs without a better one. work: a folder to resume from after a kill; max_judged: of the
    validation cases, after each epoch.
    """
    run = _Run(net, events, config, seed, lambda batch: ranking_loss(net, batch, events), max_judged)
    checkpoint = None if work is None else work / _CHECKPOINT
    run.resume(checkpoint)
    began, before = time.monotonic(), run.num_epochs
    run.train(config.epochs, config.patience, checkpoint, f"train {label}")
    seconds = (time.monotonic() - began) / max(1, run.num_epochs - before)
    parameters = sum(weight.numel() for weight in net.parameters() if weight.requires_grad)
    return TrainingReport(
        best_epoch=run.best_epoch,
        validation=tuple(run.validation),
        seconds_per_epoch=seconds,
        num_parameters=parameters,
    )


def pretrain(
    net: FusionNet,
    loss: Callable[[Batch], torch.Tensor],
    events: Events,
    config: FuseConfig,
    *,
    seed: int,
    work: Path | None = None,
    label: str = "fuser",
) -> None:
    """Train in place by another loss, for `pretraining_epochs`, before `train_net`; the averaged weights stay.

    Validation is not asked, since the loss need not rank. work: as of `train_net`, which may share the folder.
    """
    run = _Run(net, replace(events, validation=()), config, seed, loss)
    checkpoint = None if work is None else work / _PRETRAINED
    run.resume(checkpoint)
    run.train(config.pretraining_epochs, config.pretraining_epochs, checkpoint, f"pretrain {label}")


def ranking_loss(net: FusionNet, batch: Batch, events: Events) -> torch.Tensor:
    """The loss of what followed each graded place, and what else the net wants."""
    items_NF, inputs_NI = net.tables()
    states_EF = read(net.reader, inputs_NI, batch.rows_BT)[batch.is_graded_BT]
    targets_E, unknown_N = batch.targets_BT[batch.is_graded_BT], torch.from_numpy(~events.is_known_N)
    return net.loss(states_EF, items_NF, targets_E, unknown_N) + net.extra_loss(batch, items_NF, states_EF)


def padded(histories: Sequence[IntArray], pad: int) -> torch.Tensor:
    """Catalog rows, int64 (B, T), padded on the right; T is the longest, or 1."""
    rows_BT = np.full((len(histories), max((len(h) for h in histories), default=0) or 1), pad, dtype=np.int64)
    for row_T, history in zip(rows_BT, histories, strict=True):
        row_T[: len(history)] = history
    return torch.from_numpy(rows_BT)


def read(reader: torch.nn.Module, inputs_NI: torch.Tensor, rows_BT: torch.Tensor) -> torch.Tensor:
    """People after each event, (B, T, F). rows_BT: padded by N."""
    with_pad_NI = F.pad(inputs_NI, (0, 0, 0, 1))
    states_BTF: torch.Tensor = reader(with_pad_NI[rows_BT], rows_BT < len(inputs_NI))
    return states_BTF


def last_states(
    reader: torch.nn.Module, inputs_NI: torch.Tensor, histories: Sequence[IntArray], max_history: int
) -> torch.Tensor:
    """People by their latest events, (B, F), zeros for an empty history."""
    recent = [history[-max_history:] for history in histories]
    rows_BT = padded(recent, len(inputs_NI))
    last_B = torch.tensor([len(history) - 1 for history in recent])
    states_BF = read(reader, inputs_NI, rows_BT)[torch.arange(len(recent)), last_B.clamp(min=0)]
    return states_BF.masked_fill(last_B[:, None] < 0, 0.0)


class _Run:
    """A net in training: its weights, their moving average, the optimizer and what validation said so far."""

    def __init__(
        self,
        net: FusionNet,
        events: Events,
        config: FuseConfig,
        seed: int,
        loss: Callable[[Batch], torch.Tensor],
        max_judged: int = 0,
    ) -> None:
        self._net, self._events, self._config, self._seed, self._loss = net, events, config, seed, loss
        trained = [weight for weight in net.parameters() if weight.requires_grad]
        self._optimizer = torch.optim.Adam(trained, lr=config.learning_rate, fused=True)
        self._averages = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(_AVERAGE_DECAY))
        self._judged = sample(events.validation, max_judged, seed)
        self.validation: list[float] = []
        self._best: dict[str, Any] = {"epoch": 0, "quality": -1.0, "weights": {}}

    @property
    def num_epochs(self) -> int:
        return len(self.validation)

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights are kept, from 1; 0 before the first."""
        return int(self._best["epoch"])

    def train(self, num_epochs: int, patience: int, checkpoint: Path | None, label: str) -> None:
        """Epochs until so many are done, or `patience` in a row were no better; the best one's weights stay."""
        meter = ProgressMeter(label=f"{label}, epochs", total=num_epochs)
        meter.advance(self.num_epochs)
        while self.num_epochs < num_epochs and self.num_epochs - self.best_epoch <= patience:
            self._train_epoch()
            self._record(checkpoint)
            meter.advance()
        meter.close()
        self._restore_best()

    def _train_epoch(self) -> None:
        """One pass over some of the events."""
        self._net.train()
        for batch in self._batches(np.random.default_rng([self._seed, self.num_epochs])):
            loss = self._loss(batch)
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self._optimizer.step()
            self._averages.update_parameters(self._net)

    def _batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        config, num_items = self._config, len(self._events.catalog)
        left, num_waiting, waiting = config.max_samples, 0, []
        for number in self._drawn(rng).tolist():
            window = self._window(self._events.histories[number], rng)
            if len(window) < 2:
                continue
            waiting.append(window)
            num_waiting += len(window) - 1
            if num_waiting >= min(left, config.batch_size):
                yield self._batch(waiting, num_items)
                left, num_waiting, waiting = left - num_waiting, 0, []
                if left <= 0:
                    return
        if waiting:
            yield self._batch(waiting, num_items)

    def _drawn(self, rng: np.random.Generator) -> IntArray:
        """The people of an epoch in a fresh order; where they have weights, drawn by them."""
        num_people, weights_U = len(self._events.histories), self._events.people_weights
        if weights_U is None:
            return rng.permutation(num_people)
        return rng.choice(num_people, num_people, p=weights_U / weights_U.sum())

    def _window(self, history: IntArray, rng: np.random.Generator) -> IntArray:
        """So many events in a row as are read at once, or so many of a set in any order, and one more."""
        size = self._config.max_history + 1
        if not self._events.has_order:
            return rng.permutation(history)[:size]
        end = int(rng.integers(min(size, len(history)), len(history) + 1))
        return history[max(0, end - size) : end]

    def _batch(self, windows: Sequence[IntArray], num_items: int) -> Batch:
        rows_BT = padded(windows, num_items)
        targets_BT = rows_BT[:, 1:]
        is_graded_BT = targets_BT < num_items
        if not self._events.has_order:  # of a set all but what is asked for is known, so short beginnings say little
            lengths_B1 = is_graded_BT.sum(dim=1, keepdim=True)
            is_graded_BT = is_graded_BT & (torch.arange(targets_BT.shape[1]) >= lengths_B1 // 2)
        return Batch(rows_BT=rows_BT[:, :-1], targets_BT=targets_BT, is_graded_BT=is_graded_BT)

    def _record(self, checkpoint: Path | None) -> None:
        """End an epoch: keep its averaged weights if they are the best, and write the checkpoint."""
        averaged = self._averages.module
        assert isinstance(averaged, FusionNet)
        quality = validation_ndcg(averaged, self._judged, self._config.max_history)
        self.validation.append(quality)
        if quality > self._best["quality"] or not self._judged:
            weights = {name: weight.detach().clone() for name, weight in averaged.state_dict().items()}
            self._best = {"epoch": self.num_epochs, "quality": quality, "weights": weights}
        if checkpoint is not None:
            state: dict[str, Any] = {
                "net": self._net.state_dict(),
                "averages": self._averages.state_dict(),
                "best": self._best,
            }
            state |= {"optimizer": self._optimizer.state_dict(), "validation": self.validation}
            save_checkpoint(checkpoint, state | {"rng": torch.get_rng_state()})

    def resume(self, checkpoint: Path | None) -> None:
        """Go on where a checkpoint left off, if there is one of this training."""
        state = None if checkpoint is None else load_checkpoint(checkpoint)
        if checkpoint is None or state is None:
            return
        try:
            self._net.load_state_dict(state["net"])
            self._averages.load_state_dict(state["averages"])
            self._optimizer.load_state_dict(state["optimizer"])
            self.validation, self._best = state["validation"], state["best"]
            torch.set_rng_state(state["rng"])
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:  # as torch raises them
            drop(checkpoint, error)

    def _restore_best(self) -> None:
        """Give the net the best epoch's weights. Training ends here."""
        if self._best["weights"]:
            self._net.load_state_dict(self._best["weights"])
        self._net.eval()


@torch.inference_mode()
def validation_ndcg(net: FusionNet, cases: Sequence[tuple[IntArray, int]], max_history: int) -> float:
    """Mean ndcg@10 of what followed, histories masked; 0 without cases."""
    net.eval()
    items_NF, inputs_NI = net.tables()

    def score(histories: Sequence[IntArray]) -> FloatArray:
        scores_BN: FloatArray = net.score(last_states(net.reader, inputs_NI, histories, max_history), items_NF).numpy()
        return scores_BN

    return ndcg(target_ranks(score, cases))
