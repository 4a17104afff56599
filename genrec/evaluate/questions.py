"""The questions of an evaluation, and the asking of whatever ranks items.

Knows cases, masks and slices as catalog rows; deliberately knows nothing of who answers, or of metrics' formulas.

Axis legend: B cases, K positions, M masks, N items.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genrec.data.splits import EvaluationCase, Split
from genrec.errors import InputError
from genrec.evaluate.metrics import CUTOFFS, NO_ITEM, Ranks, ranks_of_targets
from genrec.runtime import ProgressMeter
from genrec.schema import BoolArray, Catalog, IntArray

NUM_LISTED = max(CUTOFFS)
SHORT_SHARE = 0.25  # this share of the cases, at least, has a short history
_CHUNK = 256  # cases per call, so that progress shows

# Case numbers and, per list that is wanted of each of them, its length and whether it is masked; to rows (b, K) each.
AskFunction = Callable[[Sequence[int], Sequence[tuple[int, bool]]], Sequence[IntArray]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """Cases as catalog rows. seen, disliked: the distinct rows of each history and of what was disliked before, each
    ascending; targets_B: int64 rows."""

    cases: tuple[EvaluationCase, ...]
    histories: tuple[IntArray, ...]
    seen: tuple[IntArray, ...]
    disliked: tuple[IntArray, ...]
    targets_B: IntArray
    num_items: int

    @classmethod
    def of(cls, cases: Sequence[EvaluationCase], catalog: Catalog) -> "Questions":
        """Look the cases up in a catalog. Raises UnknownItem."""
        histories = tuple(catalog.rows(case.history) for case in cases)
        return cls(
            cases=tuple(cases),
            histories=histories,
            seen=tuple(np.unique(history) for history in histories),
            disliked=tuple(np.unique(catalog.rows(case.disliked)) for case in cases),
            targets_B=catalog.rows(case.target for case in cases),
            num_items=len(catalog),
        )

    def __len__(self) -> int:
        return len(self.cases)

    def excluded(self, numbers: Sequence[int], masked: bool) -> list[IntArray]:
        """The rows that may not be recommended in the numbered cases: the disliked, and the history when masked."""
        return [
            np.union1d(self.seen[number], self.disliked[number]) if masked else self.disliked[number]
            for number in numbers
        ]

    def num_legal(self, masked: bool) -> IntArray:
        """The number of items that may be recommended in each case, int64 (B,)."""
        excluded = self.excluded(range(len(self)), masked)
        return np.array([self.num_items - len(rows) for rows in excluded], dtype=np.int64)

    def is_repeat(self) -> BoolArray:
        """Whether the target already stands in the history, bool (B,)."""
        pairs = zip(self.targets_B, self.seen, strict=True)
        return np.array([bool((seen == target).any()) for target, seen in pairs], dtype=np.bool_)

    def num_users(self, keep_B: BoolArray) -> int:
        """The number of different people among the chosen cases."""
        return len({self.cases[number].user_id for number in np.flatnonzero(keep_B)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The answers of one recommender.

    lists_BK: masked lists, int64 rows, NO_ITEM after the end; ranks_B: of the targets in them;
    unmasked_ranks_B: of the targets when the history may be recommended too, None when not asked.
    """

    lists_BK: IntArray
    ranks_B: Ranks
    unmasked_ranks_B: Ranks | None


def choose_cases(parts: Split, split: str, max_users: int | None, seed: int) -> tuple[EvaluationCase, ...]:
    """The cases of one split, or `max_users` of them drawn by the seed, in their order.

    Raises InputError when there is none.
    """
    found = {"test": parts.test, "validation": parts.validation}.get(split)
    if found is None:
        raise InputError(f"split {split!r} is unknown; choose test or validation")
    if not found:
        raise InputError(
            f"the workspace's split {parts.protocol!r} has no {split} case; "
            "set split.protocol to leave-one-out or global-time and build again"
        )
    if max_users is None or max_users >= len(found):
        return found
    if max_users < 1:
        raise InputError(f"max_users is {max_users}; wanted at least 1")
    chosen = np.random.default_rng(seed).choice(len(found), size=max_users, replace=False)
    return tuple(found[number] for number in np.sort(chosen))


def answers_of(ask: AskFunction, questions: Questions, *, unmasked: bool, label: str) -> Answers:
    """Ask all questions with the history masked and, on request, without the mask, too."""
    lists = _lists(ask, questions, (True, False) if unmasked else (True,), label)
    ranks = [ranks_of_targets(lists_BK, questions.targets_B) for lists_BK in lists]
    return Answers(lists_BK=lists[0], ranks_B=ranks[0], unmasked_ranks_B=ranks[1] if unmasked else None)


def _lists(ask: AskFunction, questions: Questions, masks: Sequence[bool], label: str) -> list[IntArray]:
    """Lists int64 (B, NUM_LISTED) per mask; cases with fewer legal items are asked for as many as they have.

    All masks of a case are asked at once, so that whoever scores all items does so once.
    """
    lists = [np.full((len(questions), NUM_LISTED), NO_ITEM, dtype=np.int64) for _ in masks]
    lengths_BM = np.stack([np.minimum(questions.num_legal(masked), NUM_LISTED) for masked in masks], axis=1)
    meter = ProgressMeter(label=f"{label} (users)", total=len(questions))
    for lengths_M in np.unique(lengths_BM, axis=0):
        numbers = np.flatnonzero((lengths_BM == lengths_M).all(axis=1))
        wanted = [place for place, k in enumerate(lengths_M) if k]
        for start in range(0, len(numbers), _CHUNK):
            some = numbers[start : start + _CHUNK]
            found = ask(some.tolist(), [(int(lengths_M[place]), masks[place]) for place in wanted])
            for place, found_BK in zip(wanted, found, strict=True):
                lists[place][some, : lengths_M[place]] = found_BK
            meter.advance(len(some))
    meter.close()
    return lists


def slices_of(questions: Questions, popularity_N: IntArray, catalog: Catalog) -> dict[str, BoolArray]:
    """The cases of each slice, bool (B,) each.

    popularity_N: training events per item. cold: the target has none. tail: the target is in the less popular half of
    the items that have one; equal counts go by item id, so that row order does not matter. short_history: no more
    events than the shortest quarter of the cases has.
    """
    trained = sorted(np.flatnonzero(popularity_N), key=lambda row: (popularity_N[row], catalog.items[row].item_id))
    lengths_B: npt.NDArray[np.int64] = np.array([len(history) for history in questions.histories], dtype=np.int64)
    return {
        "cold": popularity_N[questions.targets_B] == 0,
        "tail": np.isin(questions.targets_B, trained[: len(trained) // 2]),
        "short_history": lengths_B <= np.quantile(lengths_B, SHORT_SHARE),
    }
