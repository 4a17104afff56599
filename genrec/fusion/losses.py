"""Losses that several fusers share.

Axis legend: B pairs, F features.
"""

from collections.abc import Mapping
from itertools import combinations

import torch
import torch.nn.functional as F


def info_nce(left_BF: torch.Tensor, right_BF: torch.Tensor, temperature: float = 0.1) -> torch.Tensor:
    """Each row shall be nearer to its partner than to any other's, both ways (van den Oord et al. 2018, 1807.03748)."""
    logits_BB = F.normalize(left_BF, dim=-1) @ F.normalize(right_BF, dim=-1).T / temperature
    partner_B = torch.arange(len(left_BF), device=left_BF.device)
    return (F.cross_entropy(logits_BB, partner_B) + F.cross_entropy(logits_BB.T, partner_B)) / 2


def contrast_of_modalities(
    views: Mapping[str, torch.Tensor], present: Mapping[str, torch.Tensor], temperature: float = 0.1
) -> torch.Tensor:
    """The mean `info_nce` over pairs of modalities, each over the rows that have both; 0 where no two rows have.

    views: (B, F) for each modality; present: bool (B,) for each.
    """
    found = []
    for left, right in combinations(views, 2):
        has_both_B = present[left] & present[right]
        if has_both_B.sum() > 1:
            found.append(info_nce(views[left][has_both_B], views[right][has_both_B], temperature))
    return torch.stack(found).mean() if found else torch.zeros(())


def siglip(left_BF: torch.Tensor, right_BF: torch.Tensor, scale: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Each pair judged alone, partners or not, by a sigmoid (Zhai et al. 2023, 2303.15343)."""
    logits_BB = F.normalize(left_BF, dim=-1) @ F.normalize(right_BF, dim=-1).T * scale + bias
    signs_BB = 2 * torch.eye(len(left_BF), device=left_BF.device) - 1
    return -F.logsigmoid(signs_BB * logits_BB).sum(dim=1).mean()


def alignment(left_BF: torch.Tensor, right_BF: torch.Tensor) -> torch.Tensor:
    """The mean squared distance of partners on the unit sphere (Wang and Isola 2020, 2005.10242)."""
    return (F.normalize(left_BF, dim=-1) - F.normalize(right_BF, dim=-1)).square().sum(dim=-1).mean()


def bpr(wanted_B: torch.Tensor, other_B: torch.Tensor) -> torch.Tensor:
    """What was chosen shall score above what was not (Rendle et al. 2009)."""
    return -F.logsigmoid(wanted_B - other_B).mean()
