"""EM3 (Deng et al., arXiv 2404.06078): multimodal encoder and ranking trained end to end, the encoder by LoRA.

The loss that ranks items changes how their pictures are seen, and each item's free vector is held near its content's by
contrast, so that either may stand for the other. Ours: the image tower's upper layers learn, the lower ones' states are
computed once; at each step some pictures, drawn at random, are seen anew, and others as they were last seen, so that a
step costs the same for any catalog; modalities are summed as linear maps, where the paper has a transformer of queries;
and people are known by their histories. New items, whose pictures no one sees anew, get vectors by a map as everywhere.

Axis legend: N items, M items with a picture, S states of a picture in the tower, H their width, D features of the
tower, P principal axes of these, F features of an item, B events.
"""

from typing import ClassVar

import torch
from torch import nn

from genrec.encode.clip import ClipEncoder
from genrec.encode.tuned_tower import States, TunedTower, lower_states
from genrec.fusion.learned import LearnedFuser
from genrec.fusion.losses import info_nce
from genrec.fusion.nets import Batch, FusionNet, Inputs, ItemTable, Pooled
from genrec.fusion.whitened import whitening

_SEEN_ANEW = 48  # pictures of a step
_SEEN_AT_ONCE = 128
_CONTRAST_WEIGHT, _NUM_CONTRASTED = 0.1, 256


class EM3(LearnedFuser):
    """See the module. Without lora the tower is as it came; without content-id nothing ties free vectors to content."""

    name: ClassVar[str] = "em3"
    parts: ClassVar[tuple[str, ...]] = ("content-id", "lora")
    looks_at_pictures: ClassVar[bool] = True

    def make_net(self, inputs: Inputs) -> FusionNet:
        reader = self.make_reader(self.config.width, has_order=inputs.events.has_order)
        pictures = {row: item.image for row, item in enumerate(inputs.events.catalog) if item.image is not None}
        seen = None
        if pictures:
            clip = ClipEncoder(self.config.tower, "cpu")
            states = lower_states(clip, list(pictures.values()))
            seen = _SeenPictures(inputs, TunedTower(clip), states, list(pictures), learns=self.has("lora"))
        return _Net(inputs, reader, seen, contrasts=self.has("content-id"))

    def make_reader(self, width_in: int, *, has_order: bool) -> nn.Module:
        return Pooled(self.config.max_history, has_order=has_order)


class _SeenPictures(nn.Module):
    """What the tower sees in pictures: on the whitened principal axes that it began with, zero without a picture."""

    last_MD: torch.Tensor

    def __init__(self, inputs: Inputs, tower: TunedTower, states: States, rows: list[int], *, learns: bool) -> None:
        super().__init__()
        self.tower, self.states, self.learns = tower, states, learns
        if not learns:
            tower.requires_grad_(requires_grad=False)
        self.rows_M, self.num_items = torch.tensor(rows), inputs.num_items
        self.register_buffer("last_MD", self.see_all())
        mean_D, axes_DP = whitening(self.last_MD.numpy(), inputs.config)
        self.mean_D, self.axes_DP = torch.from_numpy(mean_D), torch.from_numpy(axes_DP)

    @torch.no_grad()
    def see_all(self) -> torch.Tensor:
        """All pictures by the tower as it is, (M, D)."""
        return torch.cat([self.tower(some_BSH) for some_BSH in self.states.states_NSH.split(_SEEN_AT_ONCE)])

    def forward(self) -> torch.Tensor:
        """(N, P), unit rows; in training some as the tower sees them now, with gradients, the others as of late."""
        seen_MD = self.last_MD
        if self.learns and self.training:
            places = torch.randperm(len(seen_MD))[:_SEEN_ANEW]
            anew_BD = self.tower(self.states.states_NSH[places])
            seen_MD = seen_MD.index_copy(0, places, anew_BD)
            self.last_MD = seen_MD.detach()
        elif self.learns:
            seen_MD = self.see_all()
        block_MP = nn.functional.normalize((seen_MD - self.mean_D) @ self.axes_DP, dim=1)
        return block_MP.new_zeros(self.num_items, block_MP.shape[1]).index_copy(0, self.rows_M, block_MP)


class _Net(FusionNet):
    def __init__(self, inputs: Inputs, reader: nn.Module, seen: _SeenPictures | None, *, contrasts: bool) -> None:
        super().__init__()
        self.reader, self.seen, self.contrasts = reader, seen, contrasts
        self.scored, self.read = ItemTable(inputs), ItemTable(inputs)
        num_axes = 0 if seen is None else seen.axes_DP.shape[1]
        self.look = None if seen is None else nn.Linear(num_axes, 2 * inputs.config.width, bias=False)
        self._content_NF = torch.zeros(0)

    def tables(self) -> tuple[torch.Tensor, torch.Tensor]:
        seen_N2F = self._seen()
        scored_NF, read_NF = (0.0, 0.0) if seen_N2F is None else seen_N2F.chunk(2, dim=1)
        self._content_NF = torch.as_tensor(self.scored.content() + scored_NF)
        return self.scored.known_ids() + self._content_NF, self.read() + read_NF

    def content_items(self) -> torch.Tensor:
        seen_N2F = self._seen()
        return torch.as_tensor(self.scored.content() + (0.0 if seen_N2F is None else seen_N2F.chunk(2, dim=1)[0]))

    def extra_loss(self, batch: Batch, items_NF: torch.Tensor, states_EF: torch.Tensor) -> torch.Tensor | float:
        """The free vector of each item that was chosen must find its own content among the others'."""
        content_NF, self._content_NF = self._content_NF, torch.zeros(0)  # which copies of the net cannot hold
        if not self.contrasts or self.scored.ids is None:
            return 0.0
        rows_B = batch.targets_BT[batch.is_graded_BT].unique()
        rows_B = rows_B[torch.randperm(len(rows_B))[:_NUM_CONTRASTED]]
        return _CONTRAST_WEIGHT * info_nce(self.scored.ids[rows_B], content_NF[rows_B])

    def _seen(self) -> torch.Tensor | None:
        return None if self.seen is None or self.look is None else self.look(self.seen())
