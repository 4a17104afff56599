"""Distillation: training examples whose items are graded by a teacher's soft targets (Hinton et al., arXiv 1503.02531).

A history is graded after each of its items, in a branch of its own: the codes of an item that the teacher finds likely
there. All items that it finds likely grade every code of the branch by their shares, so that one draw distills the
whole distribution along its path. Knows tokens and codes; deliberately knows nothing of models or training loops.

Axis legend: B batch, T tokens or items of a history, L levels, K likely items, C codes, M graded items.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch.utils.data import Dataset

from genrec.model.lm.vocabulary import IdVocabulary
from genrec.model.training.examples import IGNORE, Example
from genrec.schema import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftTargets:
    """A teacher's likeliest items before each event of one history: int32 (T, K) catalog rows, float32 (T, K) shares.

    Shares of an event sum to one; those of an event that nothing precedes are zero.
    """

    rows_TK: npt.NDArray[np.int32]
    shares_TK: FloatArray

    def draw(self, rng: np.random.Generator) -> IntArray:
        """One row before each event, drawn by the shares, int64 (T,); -1 where they are all zero."""
        sums_TK = self.shares_TK.cumsum(axis=1, dtype=np.float64)
        total_T = sums_TK[:, -1]
        place_T = (sums_TK < (rng.random(len(total_T)) * total_T)[:, None]).sum(axis=1).clip(0, sums_TK.shape[1] - 1)
        rows_T = self.rows_TK[np.arange(len(place_T)), place_T].astype(np.int64)
        return np.where(total_T > 1e-6, rows_T, -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Teacher:
    """Soft targets that stand in for a share of the items that were truly chosen.

    soft_targets: of each history, as `next_item_examples` numbers them; codes_NL: of all items; share: 0 to 1.
    """

    soft_targets: Sequence[SoftTargets]
    codes_NL: IntArray
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillationExample:
    """One example as it is trained on: tokens, labels and branches of equal length, branch 0 being the history itself.

    soft_targets: one row per graded item, in the order of the labels; shares are zero where the labels alone count.
    """

    tokens: list[int]
    labels: list[int]
    branch: list[int]
    soft_targets: SoftTargets


class DistillationDataset(Dataset[DistillationExample]):
    """Every example as often as there are epochs, so that the teacher's items are drawn afresh each time."""

    def __init__(
        self, examples: Sequence[Example], num_epochs: int, teacher: Teacher | None, ids: IdVocabulary, seed: int
    ) -> None:
        self._examples, self._num_epochs, self._teacher = examples, num_epochs, teacher
        self._ids, self._seed = ids, seed

    def __len__(self) -> int:
        return len(self._examples) * self._num_epochs

    @property
    def lengths(self) -> list[int]:
        """Tokens of every example."""
        return [len(example.tokens) for example in self._examples] * self._num_epochs

    def __getitem__(self, index: int) -> DistillationExample:
        example = self._examples[index % len(self._examples)]
        if self._teacher is not None and example.events is not None and example.events[2] - example.events[1] > 1:
            return self._branched(example, self._teacher, np.random.default_rng([self._seed, index]))
        num_graded = sum(self._ids.first_token <= label < self._ids.offsets[1] for label in example.labels)
        return DistillationExample(
            tokens=list(example.tokens),
            labels=list(example.labels),
            branch=[0] * len(example.tokens),
            soft_targets=_no_soft_targets(num_graded),
        )

    def _branched(self, example: Example, teacher: Teacher, rng: np.random.Generator) -> DistillationExample:
        """A history in which every item is followed by a branch: the item to be graded there, which may not have come.

        The branch's last code is not read, only graded: where the history's next item begins.
        """
        assert example.events is not None
        number, start, end = example.events
        ids = self._ids
        first = len(example.tokens) - (end - start) * ids.depth
        main_TL = np.array(example.tokens[first:]).reshape(-1, ids.depth)
        whole = teacher.soft_targets[number]
        targets = SoftTargets(rows_TK=whole.rows_TK[start:end], shares_TK=whole.shares_TK[start:end])
        drawn_T = targets.draw(rng)
        is_distilled_T = (drawn_T >= 0) & (rng.random(len(drawn_T)) < teacher.share)
        is_distilled_T[0] = False  # the first item of the window stays as it came
        path_TL = np.where(is_distilled_T[:, None], teacher.codes_NL[drawn_T] + np.array(ids.offsets), main_TL)
        graded_TL = np.full_like(main_TL, IGNORE)
        graded_TL[0], graded_TL[1:, 0] = main_TL[0], path_TL[1:, -1]
        branch_TL = np.repeat(np.arange(len(main_TL))[:, None], ids.depth - 1, axis=1)
        prefix = list(example.tokens[:first])

        def laid_out(main: IntArray, branches: IntArray) -> list[int]:
            return [*np.concatenate([main[:-1], branches[1:]], axis=1).ravel().tolist(), int(main[-1, 0])]

        return DistillationExample(
            tokens=prefix + laid_out(main_TL, path_TL[:, :-1]),
            labels=[IGNORE] * first + laid_out(graded_TL, path_TL[:, :-1]),
            branch=[0] * first + laid_out(np.zeros_like(main_TL), branch_TL),
            soft_targets=SoftTargets(
                rows_TK=targets.rows_TK, shares_TK=np.where(is_distilled_T[:, None], targets.shares_TK, 0)
            ),
        )


def _no_soft_targets(num_graded: int) -> SoftTargets:
    return SoftTargets(rows_TK=np.zeros((num_graded, 1), np.int32), shares_TK=np.zeros((num_graded, 1), np.float32))


def collate(examples: Sequence[DistillationExample], pad: int) -> dict[str, torch.Tensor]:
    """One batch, padded on the right: a branch sees the history before it and itself, the history sees no branch.

    target_rows, target_shares: (M, K), of all graded items in the order of the labels.
    """
    width = max(len(example.tokens) for example in examples)

    def padded(rows: list[list[int]], filler: int) -> torch.Tensor:
        return torch.tensor([row + [filler] * (width - len(row)) for row in rows])

    branch_BT = padded([example.branch for example in examples], 0)
    is_main_BT = branch_BT == 0
    num_main_BT = is_main_BT.cumsum(dim=1)
    into_branch_BT = torch.zeros_like(branch_BT)
    for place in range(1, width):
        into_branch_BT[:, place] = (into_branch_BT[:, place - 1] + 1) * ~is_main_BT[:, place]
    sees_BTT = is_main_BT[:, None, :] | (branch_BT[:, :, None] == branch_BT[:, None, :])
    num_likely = max(example.soft_targets.rows_TK.shape[1] for example in examples)

    def stacked(parts: list[torch.Tensor]) -> torch.Tensor:
        return torch.cat([F.pad(part, (0, num_likely - part.shape[1])) for part in parts])

    return {
        "input_ids": padded([example.tokens for example in examples], pad),
        "labels": padded([example.labels for example in examples], IGNORE),
        "attention_mask": sees_BTT.tril()[:, None],
        "position_ids": num_main_BT - 1 + into_branch_BT,
        "target_rows": stacked([torch.from_numpy(example.soft_targets.rows_TK).long() for example in examples]),
        "target_shares": stacked([torch.from_numpy(example.soft_targets.shares_TK).float() for example in examples]),
    }


def code_targets(
    codes_MKL: torch.Tensor, shares_MK: torch.Tensor, path_ML: torch.Tensor, level_sizes: Sequence[int]
) -> list[torch.Tensor]:
    """Soft targets of codes, given the codes of a path before them: float (M, C) per level, rows that sum to one.

    codes_MKL: int64, of likely items; shares_MK: theirs, some item of every row sharing the whole path; where a row's
    shares are all zero, its path's own codes are certain.
    """
    alive_MK = shares_MK
    of_levels = []
    for level, size in enumerate(level_sizes):
        total_M1 = alive_MK.sum(dim=1, keepdim=True)
        shares_MC = alive_MK.new_zeros(len(alive_MK), size)
        shares_MC.scatter_add_(1, codes_MKL[..., level], alive_MK / total_M1.clamp(min=1e-12))
        of_path_M1 = path_ML[:, level, None]
        shares_MC.scatter_add_(1, of_path_M1, (total_M1 == 0).to(shares_MC.dtype))
        of_levels.append(shares_MC)
        alive_MK = alive_MK * (codes_MKL[..., level] == of_path_M1)
    return of_levels
