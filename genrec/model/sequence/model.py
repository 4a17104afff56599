"""Sequence models over whole items, SASRec and BSARec: a history in, a score for every item of the catalog out.

An item is a free vector plus, when vectors of its content are given, a linear map of those; an item without events is
its content alone. They stand beside the language model in `genrec.ranking`, and alone as peers. How they are trained is
in training, what they are made of in layers, how several answer as one in ensemble. They know nothing of semantic IDs
or words.

Axis legend: B batch, T history positions, N items, D features, C content features, E events, X
of which are scored at once.
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn

from genrec.config import SequenceConfig
from genrec.model.sequence.layers import Block, Dropout
from genrec.schema import IntArray

NEVER = -1e4  # the score of an item that is not expected at all


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceReport:
    """The course of a training. validation: ndcg@10 after each epoch, history masked; losses: nats per sample."""

    best_epoch: int
    seconds: float
    validation: tuple[float, ...]
    losses: tuple[float, ...]


class SequenceModel(nn.Module):
    """Scores all items after a history.

    num_content: C, the width of the items' content vectors, 0 for none. Items that training has not seen are known by
    their content; without content they are never expected.
    """

    is_known_N: torch.Tensor

    def __init__(self, num_items: int, config: SequenceConfig, num_content: int = 0) -> None:
        super().__init__()
        self.config, self.num_items = config, num_items
        width = config.num_features
        self.items = nn.Embedding(num_items + 1, width, padding_idx=num_items)
        self.positions = nn.Embedding(config.max_history, width) if config.positions == "absolute" else None
        self.norm, self.dropout = nn.LayerNorm(width), Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.content_map = nn.Linear(num_content, width, bias=False) if num_content else None
        self.register_buffer("is_known_N", torch.ones(num_items, dtype=torch.bool))
        self.content_NC: torch.Tensor | None = None  # while it is trained; then it is folded into the items
        self.apply(_start_small)
        with torch.no_grad():
            self.items.weight[num_items] = 0

    def item_vectors(self) -> torch.Tensor:
        """The items' vectors, float32 (N, D): free ones, plus those of content while that is trained."""
        free_ND = self.items.weight[: self.num_items]
        if self.content_NC is None or self.content_map is None:
            return free_ND
        is_free_N = self.is_known_N
        if self.training and self.config.content_alone_share:
            is_free_N = is_free_N & (
                torch.rand(self.num_items, device=free_ND.device) >= self.config.content_alone_share
            )
        return free_ND * is_free_N[:, None] + self.content_map(self.content_NC)

    @torch.no_grad()
    def fold_content(self) -> None:
        """Write the mapped content into the items' own vectors; answers stay the same. Training ends here."""
        self.eval()
        self.items.weight[: self.num_items] = self.item_vectors()
        self.content_NC = None

    @torch.no_grad()
    def admit(self, content_MC: torch.Tensor) -> None:
        """Make new items known by their content, float32 (M, C); they stand after those that are there."""
        assert self.content_map is not None
        known_ND, pad_1D = self.items.weight[: self.num_items], self.items.weight[self.num_items :]
        vectors = torch.cat([known_ND, self.content_map(content_MC.to(known_ND)), pad_1D])
        self.num_items += len(content_MC)
        self.items = nn.Embedding.from_pretrained(vectors, padding_idx=self.num_items)
        self.is_known_N = torch.cat([self.is_known_N, self.is_known_N.new_zeros(len(content_MC))])

    @torch.no_grad()
    def without(self, rows_M: IntArray, content_MC: torch.Tensor) -> "SequenceModel":
        """A copy that knows these items by their content alone, as if training had not seen them."""
        assert self.content_map is not None
        other = deepcopy(self)
        places_M = torch.from_numpy(rows_M)
        other.items.weight[places_M] = self.content_map(content_MC.to(self.items.weight))
        other.is_known_N[places_M] = False
        return other

    def encode(
        self, rows_BT: torch.Tensor, item_vectors_ND: torch.Tensor, *, last_B: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The state after each item, float32 (B, T, D). rows_BT: int64, at most `max_history` long, padded by N on the
        right, where states mean nothing. last_B: int64, the place of each history whose state alone is wanted, (B, D).
        """
        length = rows_BT.shape[1]
        padded_ND = torch.cat([item_vectors_ND, item_vectors_ND.new_zeros(1, item_vectors_ND.shape[1])])
        x_BTD = F.embedding(rows_BT, padded_ND)
        if self.positions is not None:
            x_BTD = x_BTD + self.positions.weight[:length]
        x_BTD = self.dropout(self.norm(x_BTD))
        places_T = torch.arange(length, device=rows_BT.device)
        lag_TT = places_T[:, None] - places_T
        *before, last = self.blocks
        for block in before:
            x_BTD = block(x_BTD, x_BTD, lag_TT)
        if last_B is None:
            states_BTD: torch.Tensor = last(x_BTD, x_BTD, lag_TT)
            return states_BTD
        last_BXD = x_BTD[torch.arange(len(last_B), device=last_B.device), last_B, None]
        state_BD: torch.Tensor = last(last_BXD, x_BTD, lag_TT[last_B, None])[:, 0]
        return state_BD

    @torch.no_grad()
    def states(self, rows_E: torch.Tensor, starts_E: torch.Tensor, *, batch_size: int = 256) -> torch.Tensor:
        """The state after each of many events, float32 (E, D).

        rows_E: int64, histories one after the other; starts_E: int64, the place where each event's history starts. A
        history longer than `max_history` is read in windows that overlap by half, so that much lies before each event.
        """
        vectors_ND = self.item_vectors()
        places_E = torch.arange(len(rows_E), device=rows_E.device)
        half = max(1, self.config.max_history // 2)
        first_E = starts_E + ((places_E - starts_E) // half - 1).clamp(min=0) * half
        first_W, window_E = first_E.unique(return_inverse=True)
        length_W = torch.zeros_like(first_W).scatter_reduce(0, window_E, places_E - first_E + 1, "amax")
        lead_W = half * (first_W > starts_E[first_W])
        states_ED = vectors_ND.new_empty(len(rows_E), vectors_ND.shape[1])
        for numbers in length_W.argsort(stable=True).split(batch_size):  # of like length, so that little is padded
            offset_T = torch.arange(int(length_W[numbers[-1]]), device=rows_E.device)
            place_BT = first_W[numbers, None] + offset_T
            is_item_BT = offset_T < length_W[numbers, None]
            rows_BT = torch.where(is_item_BT, rows_E[place_BT.clamp(max=len(rows_E) - 1)], self.num_items)
            is_own_BT = is_item_BT & (offset_T >= lead_W[numbers, None])
            states_ED[place_BT[is_own_BT]] = self.encode(rows_BT, vectors_ND)[is_own_BT]
        return states_ED

    def score(self, states_XD: torch.Tensor, item_vectors_ND: torch.Tensor) -> torch.Tensor:
        """Unnormalized scores of all items, (X, N); what it cannot know, or trains without, has about `NEVER`."""
        if self.training:  # added within the product: a mask over all scores takes a tenth of a step
            never_N = torch.zeros_like(item_vectors_ND[:, 0]).masked_fill(~self.is_known_N, NEVER)
            return F.linear(states_XD, item_vectors_ND, never_N)
        scores_XN = states_XD @ item_vectors_ND.T
        return scores_XN.masked_fill(~self.is_known_N, NEVER) if self.content_map is None else scores_XN

    @torch.inference_mode()
    def log_probabilities(self, histories: Sequence[IntArray]) -> npt.NDArray[np.float32]:
        """Log-probability in nats of every item after each history of catalog rows, float32 (B, N).

        Items of the history are left out where items are not chosen again; much would go to them otherwise, as a state
        is like the items it was made of.
        """
        self.eval()
        newest = [history[-self.config.max_history :] for history in histories]
        rows_BT = pad_histories(newest, self.num_items).to(self.is_known_N.device)
        last_B = torch.tensor([len(history) - 1 for history in newest], device=rows_BT.device)
        vectors_ND = self.item_vectors()
        states_BD = self.encode(rows_BT, vectors_ND, last_B=last_B.clamp(min=0))
        states_BD = states_BD.masked_fill(last_B[:, None] < 0, 0)  # an empty history says nothing
        scores_BN = self.score(states_BD, vectors_ND).float()
        if self.config.repeats == "left-out":
            for score_N, history in zip(scores_BN, histories, strict=True):
                score_N[torch.from_numpy(history).to(score_N.device)] = NEVER
        scores: npt.NDArray[np.float32] = scores_BN.log_softmax(dim=1).cpu().numpy()
        return scores

    @torch.inference_mode()
    def log_probabilities_along(
        self, histories: Sequence[IntArray], num_events: int
    ) -> Iterator[npt.NDArray[np.float32]]:
        """Log-probabilities as in `log_probabilities`, after each event of each history, histories one after the other.

        Yields float32 (X, N), X being `num_events` at most.
        """
        self.eval()
        device, vectors_ND = self.is_known_N.device, self.item_vectors()
        lengths = np.array([len(history) for history in histories])
        rows_E = torch.from_numpy(np.concatenate(histories)).to(device)
        starts_E = torch.from_numpy(np.repeat(lengths.cumsum() - lengths, lengths)).to(device)
        states_ED = self.states(rows_E, starts_E)
        for places_X in torch.arange(len(rows_E), device=device).split(num_events):
            scores_XN = self.score(states_ED[places_X], vectors_ND).float()
            if self.config.repeats == "left-out":
                scores_XN = scores_XN.scatter(1, _events_up_to(rows_E, starts_E, places_X), NEVER)
            yield scores_XN.log_softmax(dim=1).cpu().numpy()


def _events_up_to(rows_E: torch.Tensor, starts_E: torch.Tensor, places_X: torch.Tensor) -> torch.Tensor:
    """Rows of each chosen event and of all before it in its history, int64 (X, T), filled up by the history's first."""
    starts_X = starts_E[places_X]
    back_T = torch.arange(int((places_X - starts_X).max()) + 1, device=rows_E.device)
    return rows_E[torch.maximum(places_X[:, None] - back_T, starts_X[:, None])]


def _start_small(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)


def pad_histories(histories: Sequence[IntArray], pad: int) -> torch.Tensor:
    """Catalog rows of histories, int64 (B, T), padded on the right; T is the longest, or 1."""
    length = max((len(history) for history in histories), default=1) or 1
    rows_BT = np.full((len(histories), length), pad, dtype=np.int64)
    for number, history in enumerate(histories):
        rows_BT[number, : len(history)] = history
    return torch.from_numpy(rows_BT)
