"""Two expectations of the next item as one: the language model's beams and the item scorer's scores.

A mixture of probabilities, so the result is one too: an item that one model holds for likely stays likely, whatever the
other thinks. Mixing generative with item scores is shown to win in arXiv 2603.19809. Items that nobody has chosen are
lifted in it until they are shown as often as wished, or nobody ever would choose them.

Axis legend: B cases, N items, W beams, M mixed items.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from genrec.model.lm.best_first import StreamedItem
from genrec.ranking.item_scorer import ItemScorer, with_neighbors
from genrec.schema import IntArray

Nats = npt.NDArray[np.float64]
NUM_LIKELY = 200  # items that the item scorer add to the beams
_LISTED = 10  # places of a list
_MAX_LIFT = 8.0
_BATCH = 64
Answered: TypeAlias = tuple[IntArray, int, IntArray, Nats]  # history and target; the beams' rows (W,) and nats (W,)


def mix_expectations(
    rows_W: IntArray, beams_W: Nats, expected_N: Nats, weight: float, num_likely: int = NUM_LIKELY
) -> tuple[IntArray, Nats]:
    """The beams joined by the item scorer's best items, with the log-probability of the mixture.

    rows_W, beams_W: catalog rows and nats, -inf where no beam is left; expected_N: the item scorer's nats, -inf for
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


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureCases:
    """Cases with what beams and item scorer say of the items that can stand among the best ten.

    rows_BM: -1 where there is none; beams_BM, expected_BM: nats, the latter without lift; is_new_BM: whether nobody has
    chosen the item; mass_B: the item scorer's probability of all such items; target_B: catalog rows; fair_share: of
    them in the catalog.
    """

    rows_BM: IntArray
    beams_BM: Nats
    expected_BM: Nats
    is_new_BM: npt.NDArray[np.bool_]
    mass_B: Nats
    target_B: IntArray
    fair_share: float

    @classmethod
    def find(cls, answered: Sequence[Answered], item_scorer: ItemScorer) -> Self:
        """Ask the item scorer, of a lift of 0 or none, beside the beams; what is in the history is left out."""
        new = np.flatnonzero(item_scorer.is_new_N)
        width = len(answered[0][2]) + min(NUM_LIKELY, item_scorer.num_items) + min(_LISTED, len(new))
        rows_BM = np.full((len(answered), width), -1)
        beams_BM, expected_BM = (np.full(rows_BM.shape, -np.inf) for _ in range(2))
        mass_B = np.zeros(len(answered))
        for start in range(0, len(answered), _BATCH):
            batch = answered[start : start + _BATCH]
            expected_BN = item_scorer.log_probabilities([history for history, *_ in batch])
            for place, (expected_N, (history, _, rows_W, nats_W)) in enumerate(
                zip(expected_BN.astype(np.float64), batch, strict=True), start
            ):
                mass_B[place] = np.exp(expected_N[new]).sum()
                expected_N[history] = -np.inf
                newest = new[np.argsort(-expected_N[new], kind="stable")[:_LISTED]]
                # Weight 1: as the item scorer see them; what no beam has found, too.
                rows, _ = mix_expectations(rows_W, nats_W, expected_N, 1.0)
                rows = np.union1d(rows, newest)
                rows = rows[np.isfinite(expected_N[rows])]
                rows_BM[place, : len(rows)], expected_BM[place, : len(rows)] = rows, expected_N[rows]
                is_beam_M = np.isin(rows_W, rows) & np.isfinite(nats_W)
                beams_BM[place, np.searchsorted(rows, rows_W[is_beam_M])] = nats_W[is_beam_M]
        return cls(
            rows_BM=rows_BM,
            beams_BM=beams_BM,
            expected_BM=expected_BM,
            is_new_BM=(rows_BM >= 0) & np.isin(rows_BM, new),
            mass_B=mass_B,
            target_B=np.array([target for _, target, *_ in answered]),
            fair_share=len(new) / item_scorer.num_items,
        )

    def nats(self, weight: float, cold_bonus: float = 0.0) -> Nats:
        """The log-probability of the mixture, (B, M)."""
        rest_B = np.log1p(np.expm1(cold_bonus) * self.mass_B)  # what is added to some is taken from all
        lifted_BM = self.expected_BM + cold_bonus * self.is_new_BM - rest_B[:, None]
        with np.errstate(divide="ignore"):
            return np.asarray(np.logaddexp(np.log1p(-weight) + self.beams_BM, np.log(weight) + lifted_BM))

    def ndcg(self, weight: float, cold_bonus: float = 0.0) -> float:
        """Mean ndcg@10 of the targets; those that nobody proposes are lost."""
        nats_BM = self.nats(weight, cold_bonus)
        is_target_BM = self.rows_BM == self.target_B[:, None]
        aim_B = np.where(is_target_BM, nats_BM, -np.inf).max(axis=1)
        place_B = (nats_BM > aim_B[:, None]).sum(axis=1)
        return float(np.where(np.isfinite(aim_B) & (place_B < _LISTED), 1 / np.log2(place_B + 2), 0).mean())

    def exposure(self, weight: float, cold_bonus: float) -> float:
        """How often items that nobody has chosen stand among the best ten, as a multiple of their share of places."""
        best_BK = np.argpartition(-self.nats(weight, cold_bonus), self._num_listed - 1, axis=1)[:, : self._num_listed]
        return float(np.take_along_axis(self.is_new_BM, best_BK, axis=1).mean()) / self.fair_share

    @property
    def _num_listed(self) -> int:
        return min(_LISTED, self.rows_BM.shape[1])

    def least_cold_bonus(self, weight: float, exposure: float) -> float | None:
        """The least lift by which they are shown so often, to a hundredth of a nat and below zero where they are shown
        more often; None where no lift suffices."""
        low, high = -_MAX_LIFT, _MAX_LIFT  # their likeness has raised them already
        most = float(np.minimum(self.is_new_BM.sum(axis=1) / self._num_listed, 1).mean()) / self.fair_share
        wanted = min(exposure, most) - 1e-9  # sums of the same places in another order
        if self.exposure(weight, high) < wanted:
            return None
        while high - low > 0.01:
            middle = (low + high) / 2
            low, high = (low, middle) if self.exposure(weight, middle) >= wanted else (middle, high)
        return round(high, 2)


def best_share(quality: Mapping[float, float]) -> float:
    """The share that does best together with its neighbors, the least of equal ones; quality: of each, ascending."""
    return list(quality)[int(with_neighbors(np.array(list(quality.values()))).argmax())]


def mixed(generated: float, expected: float, weight: float) -> float:
    """The log-probability of one item by the mixture."""
    with np.errstate(divide="ignore"):
        return float(np.logaddexp(np.log1p(-weight) + generated, np.log(weight) + expected))


def stream_mixture(generated: Iterable[StreamedItem], expected_N: Nats, weight: float) -> Iterator[tuple[int, float]]:
    """Rows with their mixed nats, the best first, each as soon as no other can overtake it.

    generated: the language model's items as they come; expected_N: the item scorer's nats, -inf where not allowed.
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
