"""The mixture of two distributions over the next item: the language model's beams and the item scorer's scores.

A mixture of probabilities is one too: an item that one model finds likely stays likely, whatever the other says. Mixing
generative with item scores is shown to win in arXiv 2603.19809. Cold items, those that nobody has chosen, get a bonus
in it until they are shown as often as wished, or nobody ever would choose them. Knows catalog rows and nats;
deliberately knows nothing of how either model comes to them, or of filters.

Axis legend: B cases, N items, W beams, M mixed items.
"""

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from genrec.config import Config
from genrec.model.lm.best_first import StreamedItem
from genrec.ranking.item_scorer import ItemScorer, with_neighbors
from genrec.schema import IntArray

Nats = npt.NDArray[np.float64]
NUM_LIKELY = 200  # items that the item scorer adds to the beams
_LIST_LENGTH = 10
_MAX_COLD_BONUS = 8.0  # nats, up or down
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
    return mix_nats(beams_W, expected_N[rows_W], weight)


def mix_nats(generated: float | Nats, expected: float | Nats, weight: float | Nats) -> Nats:
    """The log-probability of a mixture, element by element.

    generated, expected: nats of the language model and of the item scorer; weight: the latter's share.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(np.logaddexp(np.log1p(-weight) + generated, np.log(weight) + expected))


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureCases:
    """Validation cases with the nats of both models for the items that can stand among the best ten.

    rows_BM: -1 where there is none; beams_BM, expected_BM: nats of the language model and of the item scorer, the
    latter without a bonus; is_cold_BM: whether nobody has chosen the item; cold_mass_B: the item scorer's probability
    of all cold items; target_B: catalog rows; cold_share: of the catalog that is cold.
    """

    rows_BM: IntArray
    beams_BM: Nats
    expected_BM: Nats
    is_cold_BM: npt.NDArray[np.bool_]
    cold_mass_B: Nats
    target_B: IntArray
    cold_share: float

    @classmethod
    def find(cls, answered: Sequence[Answered], item_scorer: ItemScorer) -> Self:
        """Ask the item scorer, whose bonus is 0 or None, beside the beams; what is in the history is left out."""
        cold = np.flatnonzero(item_scorer.is_cold_N)
        width = len(answered[0][2]) + min(NUM_LIKELY, item_scorer.num_items) + min(_LIST_LENGTH, len(cold))
        rows_BM = np.full((len(answered), width), -1)
        beams_BM, expected_BM = (np.full(rows_BM.shape, -np.inf) for _ in range(2))
        cold_mass_B = np.zeros(len(answered))
        for start in range(0, len(answered), _BATCH):
            batch = answered[start : start + _BATCH]
            expected_BN = item_scorer.log_probabilities([history for history, *_ in batch])
            for place, (expected_N, (history, _, rows_W, nats_W)) in enumerate(
                zip(expected_BN.astype(np.float64), batch, strict=True), start
            ):
                cold_mass_B[place] = np.exp(expected_N[cold]).sum()
                expected_N[history] = -np.inf
                coldest = cold[np.argsort(-expected_N[cold], kind="stable")[:_LIST_LENGTH]]
                # Weight 1: the item scorer's best, found by a beam or not.
                rows, _ = mix_expectations(rows_W, nats_W, expected_N, 1.0)
                rows = np.union1d(rows, coldest)
                rows = rows[np.isfinite(expected_N[rows])]
                rows_BM[place, : len(rows)], expected_BM[place, : len(rows)] = rows, expected_N[rows]
                is_beam_M = np.isin(rows_W, rows) & np.isfinite(nats_W)
                beams_BM[place, np.searchsorted(rows, rows_W[is_beam_M])] = nats_W[is_beam_M]
        return cls(
            rows_BM=rows_BM,
            beams_BM=beams_BM,
            expected_BM=expected_BM,
            is_cold_BM=(rows_BM >= 0) & np.isin(rows_BM, cold),
            cold_mass_B=cold_mass_B,
            target_B=np.array([target for _, target, *_ in answered]),
            cold_share=len(cold) / item_scorer.num_items,
        )

    def nats(self, weight: float, cold_bonus: float = 0.0) -> Nats:
        """The log-probability of the mixture, (B, M)."""
        others_B = np.log1p(np.expm1(cold_bonus) * self.cold_mass_B)  # what some gain is taken from all
        raised_BM = self.expected_BM + cold_bonus * self.is_cold_BM - others_B[:, None]
        return mix_nats(self.beams_BM, raised_BM, weight)

    def ndcg(self, weight: float, cold_bonus: float = 0.0) -> float:
        """Mean ndcg@10 of the targets; those that neither model proposes are lost."""
        nats_BM = self.nats(weight, cold_bonus)
        is_target_BM = self.rows_BM == self.target_B[:, None]
        aim_B = np.where(is_target_BM, nats_BM, -np.inf).max(axis=1)
        place_B = (nats_BM > aim_B[:, None]).sum(axis=1)
        return float(np.where(np.isfinite(aim_B) & (place_B < _LIST_LENGTH), 1 / np.log2(place_B + 2), 0).mean())

    def exposure(self, weight: float, cold_bonus: float) -> float:
        """The share of places among the best ten that cold items have, as a multiple of their share of the catalog."""
        best_BK = np.argpartition(-self.nats(weight, cold_bonus), self._num_listed - 1, axis=1)[:, : self._num_listed]
        return float(np.take_along_axis(self.is_cold_BM, best_BK, axis=1).mean()) / self.cold_share

    @property
    def _num_listed(self) -> int:
        return min(_LIST_LENGTH, self.rows_BM.shape[1])

    def least_cold_bonus(self, weight: float, exposure: float) -> float | None:
        """The least bonus by which cold items are shown so often, to a hundredth of a nat, None where none suffices.

        It is below zero where they are shown more often without.
        """
        low, high = -_MAX_COLD_BONUS, _MAX_COLD_BONUS  # likeness has raised them already
        most = float(np.minimum(self.is_cold_BM.sum(axis=1) / self._num_listed, 1).mean()) / self.cold_share
        wanted = min(exposure, most) - 1e-9  # sums of the same places in another order
        if self.exposure(weight, high) < wanted:
            return None
        while high - low > 0.01:
            middle = (low + high) / 2
            low, high = (low, middle) if self.exposure(weight, middle) >= wanted else (middle, high)
        return round(high, 2)


class Curve(Protocol):
    """The quality of mixtures by share and bonus, as `MixtureCases` measures them."""

    @property
    def cold_share(self) -> float: ...

    def ndcg(self, weight: float, cold_bonus: float = 0.0) -> float: ...

    def least_cold_bonus(self, weight: float, exposure: float) -> float | None: ...


def choose_mixture(quality: Curve, bonus: Curve, exposure: float, config: Config) -> tuple[float, float | None]:
    """The item scorer's share of the best ndcg@10, and the cold-start bonus that goes with it.

    quality: of which ndcg is taken; bonus: of which the bonus is taken that shows cold items `exposure` times as often
    as a known item is on average, but in no more than `recommend.cold_places` of all places. What beams never show
    needs more beside them, which costs the others more. The bonus is None, and the share the best without, where no
    share has a bonus that suffices.
    """
    shares = tried_shares(config)
    exposure = min(exposure, config.recommend.cold_places / bonus.cold_share) if bonus.cold_share else 0.0
    # Beams get no bonus: alone they would win by never showing a cold item.
    needed = {share: bonus.least_cold_bonus(share, exposure) for share in shares if share and exposure}
    found = {share: nats for share, nats in needed.items() if nats is not None}
    if not found:
        return best_share({share: quality.ndcg(share) for share in shares}), None
    share = best_share({share: quality.ndcg(share, nats) for share, nats in found.items()})
    return share, found[share]


def tried_shares(config: Config) -> list[float]:
    """The shares of the item scorer that are tried, ascending; that of the beams alone is always among them."""
    return sorted({0.0, *config.mixture.shares})


def best_share(quality: Mapping[float, float]) -> float:
    """The share that does best together with its neighbors, the least of equal ones; quality: by share, ascending."""
    return list(quality)[int(with_neighbors(np.array(list(quality.values()))).argmax())]


def mixed(generated: float, expected: float, weight: float) -> float:
    """The log-probability of one item by the mixture."""
    return float(mix_nats(generated, expected, weight))


def lowered(found: Iterable[tuple[int, float]], lower: Callable[[int], float]) -> Iterator[tuple[int, float]]:
    """Rows with lowered nats, the best first, each as soon as no other can overtake it.

    found: rows with their nats, the best first; lower: what a row's nats change by, at most 0.
    """
    waiting: list[tuple[float, int]] = []
    for row, score in found:
        while waiting and -waiting[0][0] >= score:
            nats, best = heapq.heappop(waiting)
            yield best, -nats
        heapq.heappush(waiting, (-(score + lower(row)), row))
    while waiting:
        nats, best = heapq.heappop(waiting)
        yield best, -nats


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
