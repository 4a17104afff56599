"""The layers of SASRec and BSARec: attention and a frequency filter over the items of a history.

Both look back alone, so one pass over a history answers for each of its prefixes. SASRec: Kang and McAuley 2018, arXiv
1808.09781. BSARec: Shin et al. 2024, arXiv 2312.10325; its filter is not causal, so the paper trains one pass a prefix.
Here a place is filtered by what the paper's filter does to the last place of a history.

Axis legend: B batch, T history positions, H heads, D features.
"""

import torch
import torch.nn.functional as F
from torch import nn

from genrec.config import SequenceConfig


class Dropout(nn.Module):
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


class Filter(nn.Module):
    """Low frequencies of each feature over the last places as they are, high ones weighed by a learned factor."""

    low_T: torch.Tensor

    def __init__(self, num_positions: int, num_features: int, num_low: int, dropout: float) -> None:
        super().__init__()
        spectrum = torch.fft.rfft(torch.eye(num_positions), dim=0, norm="ortho")
        spectrum[num_low // 2 + 1 :] = 0
        low_TT = torch.fft.irfft(spectrum, n=num_positions, dim=0, norm="ortho")
        self.register_buffer("low_T", low_TT[-1].flip(0).clone(), persistent=False)  # by how far back a place lies
        self.weight_of_high = nn.Parameter(torch.randn(num_features))
        self.dropout = Dropout(dropout)
        self.norm = nn.LayerNorm(num_features)

    def forward(self, x_BTD: torch.Tensor, lag_TT: torch.Tensor) -> torch.Tensor:
        """lag_TT: int64, how far back each place lies from each, below zero where it lies ahead."""
        low_TT = self.low_T[lag_TT.clamp(min=0)] * (lag_TT >= 0)
        low_BTD = low_TT @ x_BTD
        mixed_BTD = low_BTD + self.weight_of_high.square() * (x_BTD - low_BTD)
        filtered_BTD: torch.Tensor = self.norm(x_BTD + self.dropout(mixed_BTD))
        return filtered_BTD


class Attention(nn.Module):
    """Causal self-attention over the items of the history, with a learned bias for how far back an item lies."""

    def __init__(self, config: SequenceConfig) -> None:
        super().__init__()
        width, self.num_heads = config.num_features, config.num_heads
        self.query = nn.Linear(width, width)
        self.key_and_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        is_relative = config.positions == "relative"
        self.bias_HT = nn.Parameter(torch.zeros(self.num_heads, config.max_history)) if is_relative else None
        self.dropout, self.dropout_of_shares = Dropout(config.dropout), Dropout(config.dropout)
        self.norm = nn.LayerNorm(width)

    def forward(self, x_BTD: torch.Tensor, lag_TT: torch.Tensor) -> torch.Tensor:
        """lag_TT: as in `Filter`."""
        query, key, value = (
            part.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for part in (self.query(x_BTD), *self.key_and_value(x_BTD).chunk(2, dim=-1))
        )
        scores_BHTT = query @ key.mT / query.shape[-1] ** 0.5
        if self.bias_HT is not None:
            scores_BHTT = scores_BHTT + self.bias_HT[:, lag_TT.clamp(min=0)]
        shares_BHTT = scores_BHTT.masked_fill(lag_TT < 0, -torch.inf).softmax(dim=-1)
        mixed_BHTD = self.dropout_of_shares(shares_BHTT) @ value
        attended_BTD: torch.Tensor = self.norm(x_BTD + self.dropout(self.out(mixed_BHTD.transpose(1, 2).flatten(2))))
        return attended_BTD


class Block(nn.Module):
    """Filter and attention mixed, then a feed-forward layer; normalized after each, as BERT has it."""

    def __init__(self, config: SequenceConfig) -> None:
        super().__init__()
        width, dropout = config.num_features, config.dropout
        self.share_of_filter = config.filter_share if config.kind == "bsarec" else 0.0
        self.attention = Attention(config)
        self.filter = (
            Filter(config.max_history, width, config.num_low_frequencies, dropout) if self.share_of_filter else None
        )
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout, self.norm = Dropout(dropout), nn.LayerNorm(width)

    def forward(self, x_BTD: torch.Tensor, lag_TT: torch.Tensor) -> torch.Tensor:
        """lag_TT: as in `Filter`."""
        mixed_BTD = self.attention(x_BTD, lag_TT)
        if self.filter is not None:
            mixed_BTD = torch.lerp(mixed_BTD, self.filter(x_BTD, lag_TT), self.share_of_filter)
        done_BTD: torch.Tensor = self.norm(mixed_BTD + self.dropout(self.narrow(F.gelu(self.widen(mixed_BTD)))))
        return done_BTD
