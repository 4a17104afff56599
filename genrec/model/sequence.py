"""Sequence models over whole items, SASRec and BSARec: a history in, a score for every item of the catalog out.

They know nothing of semantic IDs or words: an item is a free vector plus, when vectors of its content are given, a
linear map of those. How far a history is padded makes no difference, so batches are as short as their histories.
Trained with full cross-entropy, every prefix of every history a sample; validation chooses the epoch. They stand beside
the language model in `recommend`, and alone as peers.

SASRec: Kang and McAuley 2018, arXiv 1808.09781, causal self-attention. BSARec: Shin et al. 2024, arXiv 2312.10325,
self-attention mixed with a filter that weighs low against high frequencies of the history.

Axis legend: B batch, T history positions, N items, D features, C content features, S samples.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from genrec.artifacts import write_file
from genrec.config import SequenceConfig
from genrec.runtime import ProgressMeter, progress
from genrec.schema import FloatArray, IntArray

CHECKPOINT = "checkpoint.pt"
SEQUENCE_FILE = "sequence.safetensors"
_POOLED_BATCHES = 20  # batches among which samples of like length are gathered


class _Dropout(nn.Module):
    """Dropout whose mask is drawn eight places at a time: torch's own takes half of a training step on a CPU."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.threshold = round(share * 256)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or not self.threshold:
            return x
        words = torch.empty(-(-x.numel() // 7), dtype=torch.int64, device=x.device).random_()
        octets = words.view(torch.uint8).view(-1, 8)[:, :7].reshape(-1)  # the eighth holds the sign, which is never set
        keep = octets[: x.numel()].view(x.shape) >= self.threshold
        return x * keep * (256 / (256 - self.threshold))


class _Filter(nn.Module):
    """Low frequencies of each feature over time as they are, high ones weighed by a learned factor."""

    low_TT: torch.Tensor

    def __init__(self, num_positions: int, num_features: int, num_low: int, dropout: float) -> None:
        super().__init__()
        spectrum = torch.fft.rfft(torch.eye(num_positions), dim=0, norm="ortho")
        spectrum[num_low // 2 + 1 :] = 0
        low_TT = torch.fft.irfft(spectrum, n=num_positions, dim=0, norm="ortho")
        self.register_buffer("low_TT", low_TT, persistent=False)
        self.weight_of_high = nn.Parameter(torch.randn(num_features))
        self.dropout = _Dropout(dropout)
        self.norm = nn.LayerNorm(num_features)

    def forward(self, x_BTD: torch.Tensor, num_out: int) -> torch.Tensor:
        """x_BTD: zero where padded, so that it does not matter how far; returns the last num_out positions."""
        low_ST = self.low_TT[-num_out:, -x_BTD.shape[1] :]
        low_BSD, own_BSD = low_ST @ x_BTD, x_BTD[:, -num_out:]
        mixed_BSD = low_BSD + self.weight_of_high.square() * (own_BSD - low_BSD)
        filtered_BSD: torch.Tensor = self.norm(own_BSD + self.dropout(mixed_BSD))
        return filtered_BSD


class _Attention(nn.Module):
    """Causal self-attention over the items of the history; padding is never looked at."""

    def __init__(self, num_features: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(num_features, num_features)
        self.key_and_value = nn.Linear(num_features, 2 * num_features)
        self.out = nn.Linear(num_features, num_features)
        self.dropout, self.dropout_of_shares = _Dropout(dropout), _Dropout(dropout)
        self.norm = nn.LayerNorm(num_features)

    def forward(self, x_BTD: torch.Tensor, bias_B1TT: torch.Tensor, num_out: int) -> torch.Tensor:
        own_BSD = x_BTD[:, -num_out:]
        query, key, value = (
            part.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for part in (self.query(own_BSD), *self.key_and_value(x_BTD).chunk(2, dim=-1))
        )
        scores_BHST = query @ key.mT / query.shape[-1] ** 0.5 + bias_B1TT[:, :, -num_out:]
        mixed = self.dropout_of_shares(scores_BHST.softmax(dim=-1)) @ value
        attended_BSD: torch.Tensor = self.norm(own_BSD + self.dropout(self.out(mixed.transpose(1, 2).flatten(2))))
        return attended_BSD


class _Block(nn.Module):
    """Filter and attention mixed, then a feed-forward layer; normalized after each, as BERT has it."""

    def __init__(self, config: SequenceConfig) -> None:
        super().__init__()
        width, dropout = config.num_features, config.dropout
        self.share_of_filter = config.filter_share if config.kind == "bsarec" else 0.0
        self.attention = _Attention(width, config.num_heads, dropout)
        self.filter = (
            _Filter(config.max_history, width, config.num_low_frequencies, dropout) if self.share_of_filter else None
        )
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout, self.norm = _Dropout(dropout), nn.LayerNorm(width)

    def forward(self, x_BTD: torch.Tensor, bias_B1TT: torch.Tensor, num_out: int) -> torch.Tensor:
        """The last num_out positions, (B, S, D)."""
        mixed_BSD = self.attention(x_BTD, bias_B1TT, num_out)
        if self.filter is not None:
            mixed_BSD = torch.lerp(mixed_BSD, self.filter(x_BTD, num_out), self.share_of_filter)
        done_BSD: torch.Tensor = self.norm(mixed_BSD + self.dropout(self.narrow(F.gelu(self.widen(mixed_BSD)))))
        return done_BSD


class SequenceModel(nn.Module):
    """Scores all items after a history. content_NC: float32 (N, C) vectors of the items' content, or None."""

    def __init__(self, num_items: int, config: SequenceConfig, content_NC: torch.Tensor | None = None) -> None:
        super().__init__()
        self.config, self.num_items = config, num_items
        width = config.num_features
        self.items = nn.Embedding(num_items + 1, width, padding_idx=num_items)
        self.positions = nn.Embedding(config.max_history, width)
        self.norm, self.dropout = nn.LayerNorm(width), _Dropout(config.dropout)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.num_layers))
        self.content_map: nn.Linear | None = None
        self.register_buffer("content_NC", content_NC, persistent=False)
        if content_NC is not None:
            self.content_map = nn.Linear(content_NC.shape[1], width, bias=False)
        self.apply(_start_small)
        with torch.no_grad():
            self.items.weight[num_items] = 0

    def item_vectors(self) -> torch.Tensor:
        """What each item is to the model, float32 (N, D)."""
        free_ND = self.items.weight[: self.num_items]
        return free_ND if self.content_map is None else free_ND + self.content_map(self.content_NC)

    @torch.no_grad()
    def fold_content(self) -> None:
        """Write the mapped content into the items' own vectors; answers stay the same, content is no longer needed."""
        self.items.weight[: self.num_items] = self.item_vectors()
        self.content_map = self.content_NC = None

    def encode(self, rows_BT: torch.Tensor, item_vectors_ND: torch.Tensor) -> torch.Tensor:
        """The state after each history, float32 (B, D). rows_BT: int64, padded by N on the left."""
        length = rows_BT.shape[1]
        padded_ND = torch.cat([item_vectors_ND, item_vectors_ND.new_zeros(1, item_vectors_ND.shape[1])])
        x_BTD = self.dropout(self.norm(F.embedding(rows_BT, padded_ND) + self.positions.weight[-length:]))
        is_item_BT = rows_BT != self.num_items
        causal_TT = torch.ones(length, length, dtype=torch.bool, device=rows_BT.device).tril()
        sees_BTT = causal_TT & is_item_BT[:, None, :]
        bias_B1TT = torch.zeros(sees_BTT.shape, device=rows_BT.device).masked_fill(~sees_BTT, -1e4)[:, None]
        for number, block in enumerate(self.blocks, 1):
            is_last = number == len(self.blocks)
            x_BTD = block(x_BTD * is_item_BT[..., None], bias_B1TT, 1 if is_last else length)
        last_BD: torch.Tensor = x_BTD[:, -1]
        return last_BD

    def forward(self, rows_BT: torch.Tensor) -> torch.Tensor:
        """Unnormalized scores of all items, (B, N)."""
        item_vectors_ND = self.item_vectors()
        return self.encode(rows_BT, item_vectors_ND) @ item_vectors_ND.T

    @torch.inference_mode()
    def log_probabilities(self, histories: Sequence[IntArray]) -> npt.NDArray[np.float32]:
        """Log-probability in nats of every item after each history of catalog rows, float32 (B, N)."""
        self.eval()
        rows_BT = pad_histories(histories, self.num_items, self.config.max_history).to(self.positions.weight.device)
        scores: npt.NDArray[np.float32] = self(rows_BT).float().log_softmax(dim=1).cpu().numpy()
        return scores


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


def _start_small(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)


def pad_histories(histories: Sequence[IntArray], pad: int, longest: int) -> torch.Tensor:
    """The newest `longest` rows of each history, int64 (B, T), padded on the left; T is the longest that is left."""
    length = min(longest, max((len(history) for history in histories), default=1)) or 1
    rows_BT = np.full((len(histories), length), pad, dtype=np.int64)
    for number, history in enumerate(histories):
        newest = history[-length:]
        if len(newest):
            rows_BT[number, length - len(newest) :] = newest
    return torch.from_numpy(rows_BT)


# ---- training


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceReport:
    """How training went. validation: ndcg@10 after each epoch, history masked; losses: nats per sample."""

    best_epoch: int
    seconds: float
    validation: tuple[float, ...]
    losses: tuple[float, ...]


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
    content_NC = None if content is None or not config.use_content else torch.from_numpy(content)
    model = SequenceModel(num_items, config, content_NC).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    state: dict[str, Any] = {"epoch": 0, "best": -1.0, "best_epoch": 0, "validation": [], "losses": [], "weights": {}}
    checkpoint = None if work is None else work / CHECKPOINT
    if checkpoint is not None and checkpoint.is_file():
        state = torch.load(checkpoint, weights_only=False)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["rng"])
    samples = _Samples.of(histories)
    meter = ProgressMeter(label=label, total=config.epochs)
    meter.advance(state["epoch"])
    for epoch in range(state["epoch"], config.epochs):
        if epoch - state["best_epoch"] > config.patience:
            break
        state["losses"].append(_train_epoch(model, optimizer, samples, config, np.random.default_rng([seed, epoch])))
        quality = validation_ndcg(model, validation)
        state["validation"].append(quality)
        if quality > state["best"]:
            state |= {"best": quality, "best_epoch": epoch}
            state["weights"] = {name: weight.detach().cpu().clone() for name, weight in model.state_dict().items()}
        state["epoch"] = epoch + 1
        if checkpoint is not None:
            state |= {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "rng": torch.get_rng_state()}
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


def _train_epoch(
    model: SequenceModel,
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


# ---- on disk


def save_sequence_model(model: SequenceModel, report: SequenceReport, path: Path) -> None:
    """Write weights, settings and report into one safetensors file."""
    record = {"config": asdict(model.config), "num_items": model.num_items, "report": asdict(report)}
    weights = {name: weight.detach().cpu().contiguous() for name, weight in model.state_dict().items()}
    with write_file(path) as partial:
        save_file(weights, partial, metadata={"genrec": json.dumps(record)})


def load_sequence_model(path: Path, device: torch.device) -> SequenceModel:
    """Read what `save_sequence_model` wrote."""
    with safe_open(path, framework="pt") as stored:
        record = json.loads(stored.metadata()["genrec"])
    model = SequenceModel(record["num_items"], SequenceConfig(**record["config"]))
    model.load_state_dict(load_file(path))
    return model.to(device).eval()


def find_sequence_model(directory: Path, device: torch.device) -> SequenceModel | None:
    """The model of a stage directory; None where the workspace does without."""
    path = directory / SEQUENCE_FILE
    return load_sequence_model(path, device) if path.is_file() else None
