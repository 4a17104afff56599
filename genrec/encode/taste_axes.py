"""Taste: the weights of a history's items in it, and of the axes of content along which it runs.

Fused content knows no taste: a film's poster counts as much as its plot, a lamp's shade as its color. So a weight for
each axis is learned by a contrastive loss (as in LETTER, arXiv 2405.07314): likeness to what was chosen before must
tell the item that came next from negatives, beside their popularity. So few weights hold for items that training has
not seen, where a whole matrix fits those that it has. Knows vectors and rows; deliberately knows nothing of models.

Axis legend: H histories, N items, F axes of content, P pairs of a taste and the item chosen next, B pairs of a step, S
negatives.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from genrec.runtime import progress
from genrec.schema import FloatArray, IntArray

DECAY = 0.7  # an item counts so much less than the one chosen after it
NUM_LATEST = 20  # items of a history that are looked at; what lies before has faded
_MAX_PAIRS = 100_000
_NUM_STEPS, _BATCH, _MAX_NEGATIVES = 300, 512, 4096
_LEARNING_RATE = 1e-2
_FIRST_SHARPNESS = 10.0  # nats per cosine


def latest_weights(length: int) -> FloatArray:
    """Weights of the latest items of a history of this length, float32 (NUM_LATEST or fewer), sum 1."""
    weights = DECAY ** np.arange(min(length, NUM_LATEST), dtype=np.float32)[::-1]
    return weights / weights.sum()


def learn_axis_weights(
    content_NF: FloatArray, histories: Sequence[IntArray], counts_N: IntArray, seed: int
) -> FloatArray:
    """The weight of each axis of content in likeness, float32 (F,), 1 on average, and 1 where nothing can be learned.

    content_NF: unit rows; histories: catalog rows of each person's training events, oldest first; counts_N: training
    events of each item.
    """
    rng = np.random.default_rng(seed)
    known = np.flatnonzero(counts_N)
    lengths_H = np.array([len(history) for history in histories], dtype=np.int64)
    number_P = np.repeat(np.arange(len(histories)), np.maximum(lengths_H - 1, 0))
    place_P = np.arange(len(number_P)) - np.searchsorted(number_P, number_P) + 1  # of what is chosen next
    if not len(number_P) or len(known) < 2 or not content_NF.shape[1]:
        return np.ones(content_NF.shape[1], np.float32)
    chosen = rng.permutation(len(number_P))[:_MAX_PAIRS]
    pairs = [(histories[number], place) for number, place in zip(number_P[chosen], place_P[chosen], strict=True)]
    tastes = [
        latest_weights(place) @ content_NF[history[max(0, place - NUM_LATEST) : place]] for history, place in pairs
    ]
    taste_PF, next_P = torch.from_numpy(np.stack(tastes)), torch.tensor([history[place] for history, place in pairs])
    items_NF, log_count_N = torch.from_numpy(content_NF), torch.from_numpy(np.log(np.maximum(counts_N, 1))).float()
    weight_F = torch.ones(content_NF.shape[1], requires_grad=True)
    log_sharpness = torch.tensor(_FIRST_SHARPNESS).log().requires_grad_()
    per_log_count = torch.ones((), requires_grad=True)
    optimizer = torch.optim.Adam([weight_F, log_sharpness, per_log_count], lr=_LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=_NUM_STEPS)
    for _ in progress(range(_NUM_STEPS), label="weigh axes, steps"):
        batch = torch.from_numpy(rng.integers(len(pairs), size=_BATCH))
        negative_S = torch.from_numpy(known[rng.integers(len(known), size=min(_MAX_NEGATIVES, len(known)))])
        taste_BF = F.normalize(taste_PF[batch] * weight_F, dim=1)
        next_BF, negative_SF = (F.normalize(items_NF[rows] * weight_F, dim=1) for rows in (next_P[batch], negative_S))
        sharpness = log_sharpness.exp()
        nats_B = sharpness * (taste_BF * next_BF).sum(dim=1) + per_log_count * log_count_N[next_P[batch]]
        nats_BS = sharpness * taste_BF @ negative_SF.T + per_log_count * log_count_N[negative_S]
        nats_BS = nats_BS.masked_fill(negative_S == next_P[batch, None], -torch.inf)
        loss = (torch.logaddexp(nats_B, nats_BS.logsumexp(dim=1)) - nats_B).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    learned_F: FloatArray = weight_F.detach().abs().numpy()
    return learned_F / learned_F.mean()
