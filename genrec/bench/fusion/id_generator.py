"""A fixed small generator, by which fusers are compared as the source of semantic IDs.

It reads a history as the sums of its items' codes and writes the codes of the next item level by level; every item is
scored exactly, so neither a search nor a language model stands between a fuser's vectors and the figure.

Axis legend: B histories, T positions, E graded events, N items, L levels, C codes of a level, F features.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from genrec.bench.fusion.setting import Setting
from genrec.config import FuseConfig, TokenizeConfig
from genrec.data.arrays import unit_rows
from genrec.fusion.nets import Attentive, FusionNet
from genrec.fusion.training import last_states, train_net
from genrec.schema import FloatArray, IntArray
from genrec.semids.quantizers import make_quantizer

_SETTINGS = FuseConfig(width=64, epochs=12, patience=2, max_samples=30_000, max_history=50)
_CODES = TokenizeConfig(num_levels=3, num_codes=64)
_NUM_ASKED = 1000  # people
_K = 10
_AT_ONCE = 64


def ids_recall(vectors_NF: FloatArray, setting: Setting, seed: int) -> dict[str, Any]:
    """How well IDs of these vectors serve: reconstruction, collisions, and Recall@10 of the generator over people.

    ids_recall@10: expected over the order of items that share all codes; ids_cosine: mean cosine of a vector and what
    its codes stand for; ids_collisions: share of items that share all codes with another.
    """
    quantizer = make_quantizer(_CODES).fit(vectors_NF, seed, None)
    codes_NL = quantizer.encode(vectors_NF).astype(np.int64)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = _Generator(codes_NL, quantizer.level_sizes, _SETTINGS, has_order=setting.events.has_order)
        train_net(net, setting.events, _SETTINGS, seed=seed, label="IDs", max_judged=250)
    _, inverse, counts = np.unique(codes_NL, axis=0, return_inverse=True, return_counts=True)
    decoded_NF = unit_rows(quantizer.decode(codes_NL.astype(np.int32)))
    return {
        "ids_recall@10": _recall(net, setting),
        "ids_cosine": float(np.einsum("nf,nf->n", decoded_NF, unit_rows(vectors_NF)).mean()),
        "ids_collisions": float((counts[inverse] > 1).mean()),
    }


class _Generator(FusionNet):
    """The codes of an item are its vector; its log-probability is that of its codes, one after the other."""

    def __init__(self, codes_NL: IntArray, sizes: tuple[int, ...], config: FuseConfig, *, has_order: bool) -> None:
        super().__init__()
        offsets = np.cumsum([0, *sizes[:-1]])
        self.codes_NL = torch.from_numpy(codes_NL)
        self.offset_codes_NL = torch.from_numpy(codes_NL + offsets)
        self.read = nn.Embedding(sum(sizes), config.width)
        self.reader = Attentive(config.width, config, has_order=has_order)
        self.heads = nn.ModuleList(nn.Linear(config.width, size) for size in sizes)
        self.steps = nn.ModuleList(nn.Sequential(nn.Linear(config.width, config.width), nn.GELU()) for _ in sizes)
        self.prefixes = []  # per level: the first item of each distinct beginning, and each item's number among them
        for level in range(len(sizes)):
            _, firsts, inverse = np.unique(codes_NL[:, :level], axis=0, return_index=True, return_inverse=True)
            self.prefixes.append((torch.from_numpy(firsts), torch.from_numpy(inverse.reshape(-1))))

    def tables(self) -> tuple[torch.Tensor, torch.Tensor]:
        read_NF = self.read(self.offset_codes_NL).sum(dim=1)
        return read_NF, read_NF

    def loss(
        self, states_EF: torch.Tensor, items_NF: torch.Tensor, targets_E: torch.Tensor, unknown_N: torch.Tensor
    ) -> torch.Tensor:
        """The cross-entropy of the codes of what followed, each after those before it."""
        codes_EL, offset_EL = self.codes_NL[targets_E], self.offset_codes_NL[targets_E]
        total = states_EF.new_zeros(())
        for level in range(codes_EL.shape[1]):
            logits_EC = self._logits(level, states_EF + self.read(offset_EL[:, :level]).sum(dim=1))
            total = total + F.cross_entropy(logits_EC, codes_EL[:, level])
        return total

    def score(self, states_EF: torch.Tensor, items_NF: torch.Tensor) -> torch.Tensor:
        """Log-probabilities of all items, (E, N)."""
        total_EN = states_EF.new_zeros(len(states_EF), len(self.codes_NL))
        for level, (firsts_P, prefix_of_N) in enumerate(self.prefixes):
            written_PF = self.read(self.offset_codes_NL[firsts_P, :level]).sum(dim=1)
            log_EPC = self._logits(level, states_EF[:, None] + written_PF).log_softmax(dim=-1)
            total_EN += log_EPC.flatten(1)[:, prefix_of_N * log_EPC.shape[-1] + self.codes_NL[:, level]]
        return total_EN

    def _logits(self, level: int, states_XF: torch.Tensor) -> torch.Tensor:
        logits_XC: torch.Tensor = self.heads[level](self.steps[level](states_XF))
        return logits_XC


@torch.inference_mode()
def _recall(net: _Generator, setting: Setting) -> float:
    """Recall@10 over some of the people, items that share all codes in a random order."""
    rng, found = np.random.default_rng(0), []
    drawn = rng.permutation(len(setting.asked))[:_NUM_ASKED]
    read_NF = net.tables()[1]
    for start in range(0, len(drawn), _AT_ONCE):
        some = [setting.asked[place] for place in drawn[start : start + _AT_ONCE]]
        states_BF = last_states(net.reader, read_NF, [history for history, _ in some], _SETTINGS.max_history)
        scores_BN = net.score(states_BF, read_NF).numpy()
        for scores_N, (history, wanted) in zip(scores_BN, some, strict=True):
            scores_N[history] = -np.inf
            best_K = np.lexsort((rng.random(len(scores_N)), -scores_N))[:_K]
            if len(wanted):
                found.append(np.isin(best_K, wanted).sum() / len(wanted))
    return float(np.mean(found))
