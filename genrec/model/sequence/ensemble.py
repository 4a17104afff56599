"""An ensemble of sequence models, trained from different seeds, that answers as one model.

Their scores are averaged before the softmax, which is a product of experts. As every score is a product of a state with
an item's vector, an ensemble is one wide sequence model: its states are theirs side by side, and so are its items. What
takes a sequence model takes an ensemble.

Axis legend: as in model; K members, D features of one, so that K D are those of the ensemble.
"""

from collections.abc import Sequence

import torch
from torch import nn

from genrec.model.sequence.model import SequenceModel
from genrec.schema import IntArray


class SequenceEnsemble(SequenceModel):
    """Members as one model; they know the same items by the same content."""

    def __init__(self, members: Sequence[SequenceModel]) -> None:
        nn.Module.__init__(self)
        self.members = nn.ModuleList(members)
        self.config, self.num_items = members[0].config, members[0].num_items

    @property
    def _members(self) -> list[SequenceModel]:
        return [member for member in self.members if isinstance(member, SequenceModel)]

    @property
    def is_known_N(self) -> torch.Tensor:  # type: ignore[override]  # of the members, not its own
        return self._members[0].is_known_N

    @property
    def content_map(self) -> nn.Linear | None:  # type: ignore[override]
        return self._members[0].content_map

    def item_vectors(self) -> torch.Tensor:
        """The members' item vectors side by side, float32 (N, K D)."""
        return torch.cat([member.item_vectors() for member in self._members], dim=1) / len(self.members) ** 0.5

    def fold_content(self) -> None:
        """Nothing to do: the members' content is folded already."""

    def admit(self, content_MC: torch.Tensor) -> None:
        """Make new items known to every member by their content, float32 (M, C)."""
        for member in self._members:
            member.admit(content_MC)
        self.num_items = self._members[0].num_items

    def without(self, rows_M: IntArray, content_MC: torch.Tensor) -> "SequenceEnsemble":
        """An ensemble whose members know these items by their content alone."""
        return SequenceEnsemble([member.without(rows_M, content_MC) for member in self._members])

    def encode(
        self, rows_BT: torch.Tensor, item_vectors_ND: torch.Tensor, *, last_B: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The members' states side by side, float32 (B, T, K D), or (B, K D) of the places last_B alone."""
        scale = len(self.members) ** 0.5
        vectors = (scale * item_vectors_ND).chunk(len(self.members), dim=1)
        states = [
            member.encode(rows_BT, own_ND, last_B=last_B) for member, own_ND in zip(self._members, vectors, strict=True)
        ]
        return torch.cat(states, dim=-1) / scale
