"""Attribution by leave-one-out: each item of a history is taken away, and the target is scored again.

Where scores cost a language model's time, only the suspects of a cheaper score are tried. Knows histories and scores;
deliberately knows nothing of models.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

History: TypeAlias = tuple[str, ...]
# Histories, and for each the case it belongs to, in; nats of each case's target after its history out, float64 (B,).
Score: TypeAlias = Callable[[Sequence[History], Sequence[int]], npt.NDArray[np.float64]]
# Of each target; of the demo's claims, 97 % are those of trying all items, for a third of the work.
NUM_SUSPECTS = 2


def leave_one_out(
    histories: Sequence[History], score: Score, *, tried: Sequence[Sequence[str]] | None = None
) -> list[dict[str, float]]:
    """The nats by which the score of each case's target falls without each item of its history.

    tried: for each case, the items to take away; None for all. An empty history is not scored.
    """
    asked: list[tuple[int, str | None]] = []
    for case, history in enumerate(histories):
        if history:
            asked += [
                (case, None),
                *((case, item) for item in dict.fromkeys(history if tried is None else tried[case])),
            ]
    reduced = [tuple(item for item in histories[case] if item != without) for case, without in asked]
    scores = score(reduced, [case for case, _ in asked]).tolist() if asked else []
    whole = {case: nats for (case, without), nats in zip(asked, scores, strict=True) if without is None}
    attributions: list[dict[str, float]] = [{} for _ in histories]
    for (case, without), nats in zip(asked, scores, strict=True):
        if without is not None:
            attributions[case][without] = whole[case] - nats
    return attributions


def suspects(histories: Sequence[History], attributions: Sequence[dict[str, float]]) -> list[list[str]]:
    """For each case, the items without which its target's score falls most, or another target's of the same history."""
    found: dict[History, dict[str, None]] = {}  # in their order
    for history, nats in zip(histories, attributions, strict=True):
        largest = sorted(nats, key=lambda item: -nats[item])[:NUM_SUSPECTS]
        found.setdefault(history, {}).update(dict.fromkeys(largest))
    return [list(found[history]) for history in histories]
