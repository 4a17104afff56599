"""Two expectations of the next item as one: the language model's beams and the sequence model's scores.

A mixture of probabilities, so the result is one too: an item that one model holds for likely stays likely, whatever the
other thinks. Mixing generative with item scores is shown to win in arXiv 2603.19809.

Axis legend: N items, W beams, M mixed items.
"""

import numpy as np
import numpy.typing as npt

from genrec.schema import IntArray

WEIGHTS: tuple[float, ...] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
Nats = npt.NDArray[np.float64]


def mix_expectations(rows_W: IntArray, beams_W: Nats, expected_N: Nats, weight: float) -> tuple[IntArray, Nats]:
    """The beams joined by as many of the sequence model's best items, with the log-probability of the mixture.

    rows_W, beams_W: catalog rows and nats, -inf where no beam is left; expected_N: the sequence model's nats, -inf for
    what is not allowed; weight: its share, 0 to 1. Returns rows (M,) without repeats and nats (M,).
    """
    legal = np.isfinite(beams_W)
    rows_W, beams_W = rows_W[legal], beams_W[legal]
    if weight <= 0:
        return rows_W, beams_W
    width = min(max(len(legal), 1), len(expected_N))
    likely = np.argpartition(-expected_N, width - 1)[:width]
    rows = np.concatenate([rows_W, np.setdiff1d(likely[np.isfinite(expected_N[likely])], rows_W)])
    generated = np.full(len(rows), -np.inf)
    generated[: len(rows_W)] = beams_W
    with np.errstate(divide="ignore"):
        return rows, np.logaddexp(np.log1p(-weight) + generated, np.log(weight) + expected_N[rows])
