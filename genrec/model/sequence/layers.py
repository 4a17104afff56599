"""The layers of SASRec and BSARec: attention and a frequency filter over the items of a history.

Both are causal, so one pass over a history answers for each of its prefixes. SASRec: Kang and McAuley 2018, arXiv
1808.09781. BSARec: Shin et al. 2024, arXiv 2312.10325; its filter is not causal, so the paper trains one pass a prefix.
Here every place gets what the paper's filter makes of the last place of a history.

Axis legend: B batch, T history positions, X of them that are wanted, H heads, D features.
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
    """BSARec's frequency filter: low frequencies of each feature as they are, high ones times a learned factor."""

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

    def forward(self, x_BXD: torch.Tensor, x_BTD: torch.Tensor, lag_XT: torch.Tensor) -> torch.Tensor:
        """x_BXD: the places that are wanted among all; lag_XT: int64, (X, T) or (B, X, T), how far back each place lies
        from each that is wanted, below zero where it lies ahead."""
        low_XT = self.low_T[lag_XT.clamp(min=0)] * (lag_XT >= 0)
        low_BXD = low_XT @ x_BTD
        mixed_BXD = low_BXD + self.weight_of_high.square() * (x_BXD - low_BXD)
        filtered_BXD: torch.Tensor = self.norm(x_BXD + self.dropout(mixed_BXD))
        return filtered_BXD


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

    def forward(self, x_BXD: torch.Tensor, x_BTD: torch.Tensor, lag_XT: torch.Tensor) -> torch.Tensor:
        """Attend; arguments as in `Filter`."""
        query, key, value = (
            part.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for part in (self.query(x_BXD), *self.key_and_value(x_BTD).chunk(2, dim=-1))
        )
        scores_BHXT = query @ key.mT / query.shape[-1] ** 0.5
        if self.bias_HT is not None:
            scores_BHXT = scores_BHXT + self.bias_HT[:, lag_XT.clamp(min=0)].movedim(0, -3)
        shares_BHXT = scores_BHXT.masked_fill((lag_XT < 0).unsqueeze(-3), -torch.inf).softmax(dim=-1)
        mixed_BHXD = self.dropout_of_shares(shares_BHXT) @ value
        attended_BXD: torch.Tensor = self.norm(x_BXD + self.dropout(self.out(mixed_BHXD.transpose(1, 2).flatten(2))))
        return attended_BXD


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

    def forward(self, x_BXD: torch.Tensor, x_BTD: torch.Tensor, lag_XT: torch.Tensor) -> torch.Tensor:
        """Mix, then feed forward; arguments as in `Filter`."""
        mixed_BXD = self.attention(x_BXD, x_BTD, lag_XT)
        if self.filter is not None:
            mixed_BXD = torch.lerp(mixed_BXD, self.filter(x_BXD, x_BTD, lag_XT), self.share_of_filter)
        done_BXD: torch.Tensor = self.norm(mixed_BXD + self.dropout(self.narrow(F.gelu(self.widen(mixed_BXD)))))
        return done_BXD
