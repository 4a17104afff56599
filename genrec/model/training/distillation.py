"""Teaching: what one batch of training examples holds, and whose expectations grade it.

A history is graded after each of its items, in a branch of its own: the codes of an item that a teacher finds likely
there. All items that the teacher finds likely grade every code of the branch by their shares, so that one draw teaches
the whole expectation along its path. Knows tokens and codes; deliberately knows no model and no training loop.

Axis legend: B batch, T tokens or items of a history, L levels, K likely items, C codes, M graded items.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import Dataset

from genrec.model.lm.vocabulary import IdVocabulary
from genrec.model.training.examples import IGNORE, Example, Expectation
from genrec.schema import IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Teacher:
    """Whose expectations are graded in place of a share of what was truly chosen.

    expectations: one per history, as `next_item_examples` numbers them; codes_NL: of all items; share: 0 to 1.
    """

    expectations: Sequence[Expectation]
    codes_NL: IntArray
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillationBatch:
    """One example as it is trained on: tokens, labels and branches of equal length, branch 0 being the history itself.

    expected: one row per graded item, in the order of the labels; its shares are zero where the labels alone count.
    """

    tokens: list[int]
    labels: list[int]
    branch: list[int]
    expected: Expectation


class DistillationBatches(Dataset[DistillationBatch]):
    """Every example as often as there are epochs, so that a teacher's items are drawn afresh each time."""

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

    def __getitem__(self, index: int) -> DistillationBatch:
        example = self._examples[index % len(self._examples)]
        if self._teacher is not None and example.events is not None and example.events[2] - example.events[1] > 1:
            return self._branched(example, self._teacher, np.random.default_rng([self._seed, index]))
        num_graded = sum(self._ids.first_token <= label < self._ids.offsets[1] for label in example.labels)
        return DistillationBatch(
            tokens=list(example.tokens),
            labels=list(example.labels),
            branch=[0] * len(example.tokens),
            expected=_nothing(num_graded),
        )

    def _branched(self, example: Example, teacher: Teacher, rng: np.random.Generator) -> DistillationBatch:
        """A history in which every item is followed by a branch: the item to be graded there, which may not have come.

        The branch's last code is not read, only graded: where the history's next item begins.
        """
        assert example.events is not None
        number, start, end = example.events
        ids = self._ids
        first = len(example.tokens) - (end - start) * ids.depth
        main_TL = np.array(example.tokens[first:]).reshape(-1, ids.depth)
        whole = teacher.expectations[number]
        expected = Expectation(rows_TK=whole.rows_TK[start:end], shares_TK=whole.shares_TK[start:end])
        drawn_T = expected.draw(rng)
        is_taught_T = (drawn_T >= 0) & (rng.random(len(drawn_T)) < teacher.share)
        is_taught_T[0] = False  # what comes first in the window is read as it came
        path_TL = np.where(is_taught_T[:, None], teacher.codes_NL[drawn_T] + np.array(ids.offsets), main_TL)
        graded_TL = np.full_like(main_TL, IGNORE)
        graded_TL[0], graded_TL[1:, 0] = main_TL[0], path_TL[1:, -1]
        branch_TL = np.repeat(np.arange(len(main_TL))[:, None], ids.depth - 1, axis=1)
        prefix = list(example.tokens[:first])

        def laid_out(main: IntArray, branches: IntArray) -> list[int]:
            return [*np.concatenate([main[:-1], branches[1:]], axis=1).ravel().tolist(), int(main[-1, 0])]

        return DistillationBatch(
            tokens=prefix + laid_out(main_TL, path_TL[:, :-1]),
            labels=[IGNORE] * first + laid_out(graded_TL, path_TL[:, :-1]),
            branch=[0] * first + laid_out(np.zeros_like(main_TL), branch_TL),
            expected=Expectation(
                rows_TK=expected.rows_TK, shares_TK=np.where(is_taught_T[:, None], expected.shares_TK, 0)
            ),
        )


def _nothing(num_graded: int) -> Expectation:
    return Expectation(rows_TK=np.zeros((num_graded, 1), np.int32), shares_TK=np.zeros((num_graded, 1), np.float32))


def collate(distillation_batches: Sequence[DistillationBatch], pad: int) -> dict[str, torch.Tensor]:
    """One batch, padded on the right: a branch sees the history before it and itself, the history sees no branch.

    expected_rows, expected_shares: (M, K), of all graded items in the order of the labels.
    """
    width = max(len(distillation_batch.tokens) for distillation_batch in distillation_batches)

    def padded(rows: list[list[int]], filler: int) -> torch.Tensor:
        return torch.tensor([row + [filler] * (width - len(row)) for row in rows])

    branch_BT = padded([distillation_batch.branch for distillation_batch in distillation_batches], 0)
    is_main_BT = branch_BT == 0
    num_main_BT = is_main_BT.cumsum(dim=1)
    into_branch_BT = torch.zeros_like(branch_BT)
    for place in range(1, width):
        into_branch_BT[:, place] = (into_branch_BT[:, place - 1] + 1) * ~is_main_BT[:, place]
    sees_BTT = is_main_BT[:, None, :] | (branch_BT[:, :, None] == branch_BT[:, None, :])
    num_likely = max(distillation_batch.expected.rows_TK.shape[1] for distillation_batch in distillation_batches)

    def stacked(parts: list[torch.Tensor]) -> torch.Tensor:
        return torch.cat([F.pad(part, (0, num_likely - part.shape[1])) for part in parts])

    return {
        "input_ids": padded([distillation_batch.tokens for distillation_batch in distillation_batches], pad),
        "labels": padded([distillation_batch.labels for distillation_batch in distillation_batches], IGNORE),
        "attention_mask": sees_BTT.tril()[:, None],
        "position_ids": num_main_BT - 1 + into_branch_BT,
        "expected_rows": stacked(
            [
                torch.from_numpy(distillation_batch.expected.rows_TK).long()
                for distillation_batch in distillation_batches
            ]
        ),
        "expected_shares": stacked(
            [
                torch.from_numpy(distillation_batch.expected.shares_TK).float()
                for distillation_batch in distillation_batches
            ]
        ),
    }


def shares_of_codes(
    codes_MKL: torch.Tensor, shares_MK: torch.Tensor, path_ML: torch.Tensor, level_sizes: Sequence[int]
) -> list[torch.Tensor]:
    """How likely each code is after the codes of a path before it, float (M, C) per level, rows that sum to one.

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
