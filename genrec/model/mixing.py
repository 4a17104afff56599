"""Two expectations of the next item as one: the language model's beams and the item experts' scores.

A mixture of probabilities, so the result is one too: an item that one model holds for likely stays likely, whatever the
other thinks. Mixing generative with item scores is shown to win in arXiv 2603.19809.

Axis legend: N items, W beams, M mixed items.
"""

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from genrec.model.streaming import StreamedItem
from genrec.schema import IntArray

WEIGHTS: tuple[float, ...] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
Nats = npt.NDArray[np.float64]
NUM_LIKELY = 200  # items that the item experts add to the beams


def mix_expectations(
    rows_W: IntArray, beams_W: Nats, expected_N: Nats, weight: float, num_likely: int = NUM_LIKELY
) -> tuple[IntArray, Nats]:
    """The beams joined by the item experts' best items, with the log-probability of the mixture.

    rows_W, beams_W: catalog rows and nats, -inf where no beam is left; expected_N: the item experts' nats, -inf for
    what is not allowed; weight: its share, 0 to 1; num_likely: how many of its best join, which are known by its share
    alone where no beam found them. Returns rows (M,) without repeats and nats (M,).
    """
    legal = np.isfinite(beams_W)
    rows_W, beams_W = rows_W[legal], beams_W[legal]
    if weight <= 0:
        return rows_W, beams_W
    width = min(num_likely, len(expected_N))
    likely = np.argpartition(-expected_N, width - 1)[:width]
    rows = np.concatenate([rows_W, np.setdiff1d(likely[np.isfinite(expected_N[likely])], rows_W)])
    generated = np.full(len(rows), -np.inf)
    generated[: len(rows_W)] = beams_W
    return rows, mix_beams(rows, generated, expected_N, weight)


def mix_beams(rows_W: IntArray, beams_W: Nats, expected_N: Nats, weight: float) -> Nats:
    """The log-probability of the mixture for these items, (W,)."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.logaddexp(np.log1p(-weight) + beams_W, np.log(weight) + expected_N[rows_W]))


def mixed(generated: float, expected: float, weight: float) -> float:
    """The log-probability of one item by the mixture."""
    with np.errstate(divide="ignore"):
        return float(np.logaddexp(np.log1p(-weight) + generated, np.log(weight) + expected))


def stream_mixture(generated: Iterable[StreamedItem], expected_N: Nats, weight: float) -> Iterator[tuple[int, float]]:
    """Rows with their mixed nats, the best first, each as soon as no other can overtake it.

    generated: the language model's items as they come; expected_N: the item experts' nats, -inf where not allowed.
    """
    likely = iter(np.argsort(-expected_N, kind="stable").tolist() if weight > 0 else ())
    if weight >= 1:  # nothing to wait for
        yield from ((row, float(expected_N[row])) for row in likely if np.isfinite(expected_N[row]))
        return
    next_likely = next(likely, None)
    known: dict[int, float] = {}  # seen, not yet given out
    done: set[int] = set()
    rest = 0.0
    for item in itertools.chain(generated, [None]):
        if item is None:
            rest = -np.inf
        else:
            known[item.row] = mixed(item.score_nats, float(expected_N[item.row]), weight)
            rest = item.rest_nats
        while True:
            while next_likely is not None and (next_likely in known or next_likely in done):
                next_likely = next(likely, None)
            bound = -np.inf if next_likely is None else float(expected_N[next_likely])
            if not known:
                break
            best = max(known, key=lambda row: (known[row], -row))
            if known[best] < mixed(rest, bound, weight) or known[best] == -np.inf:
                break
            done.add(best)
            yield best, known.pop(best)
