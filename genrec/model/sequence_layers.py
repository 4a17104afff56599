"""The layers of SASRec and BSARec: attention and a frequency filter over the items of a history.

How far a history is padded on the left makes no difference to any of them, and each can answer for its last positions
alone. SASRec: Kang and McAuley 2018, arXiv 1808.09781. BSARec: Shin et al. 2024, arXiv 2312.10325.

Axis legend: B batch, T history positions, S last positions, D features.
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
    """Low frequencies of each feature over time as they are, high ones weighed by a learned factor."""

    low_TT: torch.Tensor

    def __init__(self, num_positions: int, num_features: int, num_low: int, dropout: float) -> None:
        super().__init__()
        spectrum = torch.fft.rfft(torch.eye(num_positions), dim=0, norm="ortho")
        spectrum[num_low // 2 + 1 :] = 0
        low_TT = torch.fft.irfft(spectrum, n=num_positions, dim=0, norm="ortho")
        self.register_buffer("low_TT", low_TT, persistent=False)
        self.weight_of_high = nn.Parameter(torch.randn(num_features))
        self.dropout = Dropout(dropout)
        self.norm = nn.LayerNorm(num_features)

    def forward(self, x_BTD: torch.Tensor, num_out: int) -> torch.Tensor:
        """x_BTD: zero where padded, so that it does not matter how far; returns the last num_out positions."""
        low_ST = self.low_TT[-num_out:, -x_BTD.shape[1] :]
        low_BSD, own_BSD = low_ST @ x_BTD, x_BTD[:, -num_out:]
        mixed_BSD = low_BSD + self.weight_of_high.square() * (own_BSD - low_BSD)
        filtered_BSD: torch.Tensor = self.norm(own_BSD + self.dropout(mixed_BSD))
        return filtered_BSD


class Attention(nn.Module):
    """Causal self-attention over the items of the history; padding is never looked at."""

    def __init__(self, num_features: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(num_features, num_features)
        self.key_and_value = nn.Linear(num_features, 2 * num_features)
        self.out = nn.Linear(num_features, num_features)
        self.dropout, self.dropout_of_shares = Dropout(dropout), Dropout(dropout)
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


class Block(nn.Module):
    """Filter and attention mixed, then a feed-forward layer; normalized after each, as BERT has it."""

    def __init__(self, config: SequenceConfig) -> None:
        super().__init__()
        width, dropout = config.num_features, config.dropout
        self.share_of_filter = config.filter_share if config.kind == "bsarec" else 0.0
        self.attention = Attention(width, config.num_heads, dropout)
        self.filter = (
            Filter(config.max_history, width, config.num_low_frequencies, dropout) if self.share_of_filter else None
        )
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout, self.norm = Dropout(dropout), nn.LayerNorm(width)

    def forward(self, x_BTD: torch.Tensor, bias_B1TT: torch.Tensor, num_out: int) -> torch.Tensor:
        """The last num_out positions, (B, S, D)."""
        mixed_BSD = self.attention(x_BTD, bias_B1TT, num_out)
        if self.filter is not None:
            mixed_BSD = torch.lerp(mixed_BSD, self.filter(x_BTD, num_out), self.share_of_filter)
        done_BSD: torch.Tensor = self.norm(mixed_BSD + self.dropout(self.narrow(F.gelu(self.widen(mixed_BSD)))))
        return done_BSD
