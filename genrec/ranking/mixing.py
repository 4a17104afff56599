"""The pool of the language model and the item scorer: the log-probability of an item by both, each times its share.

A product of experts (log-linear pool: Genest and Zidek, Statistical Science 1986): an item must be likely to both, and
a judge who is only a little better than chance still sorts what the other finds equal. The language model has two
heads: the codes that it writes and its item head, whose share among the two is `head_share`. Every candidate is scored
exactly by all, so nothing is lost to beams. Cold items, those that nobody has chosen, get a bonus until they are shown
as often as wished, or nobody ever would choose them. Knows catalog rows and nats; deliberately knows nothing of how a
model comes to them, or of filters.

Axis legend: B cases, N items, M candidates, K likely ones.
"""

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from genrec.config import Config
from genrec.model.lm.best_first import StreamedItem
from genrec.ranking.pool_weights import with_neighbors
from genrec.schema import BoolArray, IntArray

Nats = npt.NDArray[np.float64]
NUM_LIKELY = 200  # items that the item scorer adds to the beams
_LIST_LENGTH = 10
_MAX_COLD_BONUS = 8.0  # nats, up or down


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """The say of each judge in the pool, summing to one: the codes, the item head, the item scorer."""

    codes: float
    item_head: float
    item_scorer: float

    @classmethod
    def of(cls, item_scorer: float, head_share: float) -> Self:
        """item_scorer: its share in the pool; head_share: of the item head in the language model's."""
        rest = 1 - item_scorer
        return cls(codes=rest * (1 - head_share), item_head=rest * head_share, item_scorer=item_scorer)

    def told(self, head_share: float) -> dict[str, float]:
        """The shares by what is to be told of them; head_share: of the item head in the item scorer's own models."""
        return {
            "codes": self.codes,
            "item head": self.item_head + self.item_scorer * head_share,
            "sequence model": self.item_scorer * (1 - head_share),
        }

    @property
    def guide(self) -> float:
        """The share of those who know every item at once, beside the codes, which must be written."""
        return self.item_head + self.item_scorer


def pool(*parts: tuple[float, float | Nats]) -> Nats:
    """The sum of nats, each times its share; a share of 0 counts nothing, whatever it is of."""
    total: Nats = np.zeros(1)
    for share, nats in parts:
        if share:
            total = total + share * np.asarray(nats, dtype=np.float64)
    return total


def likeliest(nats_N: Nats, count: int) -> IntArray:
    """The rows of the largest finite values, in no order."""
    count = min(count, len(nats_N))
    rows = np.argpartition(-nats_N, count - 1)[:count]
    return rows[np.isfinite(nats_N[rows])]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolCases:
    """Validation cases with the nats of all judges for the items that can stand among the best ten.

    rows_BM: -1 where there is none; codes_BM, head_BM, expected_BM: nats of the codes, the item head and the item
    scorer, -inf where there is no item; cold_BM: nats that cold items gain before any bonus, 0 for others; is_cold_BM:
    whether nobody has chosen the item; target_B: catalog rows; cold_share: of the catalog that is cold; head_share: of
    the item head in the language model's nats.
    """

    rows_BM: IntArray
    codes_BM: Nats
    head_BM: Nats
    expected_BM: Nats
    cold_BM: Nats
    is_cold_BM: BoolArray
    target_B: IntArray
    cold_share: float
    head_share: float = 0.0

    def with_best_head_share(self, shares: Sequence[float]) -> "PoolCases":
        """The share of the item head with which the language model alone does best, cold items gaining nothing."""
        plain = self.as_they_come()
        return replace(self, head_share=best_share({s: replace(plain, head_share=s).ndcg(0.0) for s in shares}))

    def as_they_come(self) -> "PoolCases":
        """The same cases, in which cold items gain nothing: codes alone could give them nothing either."""
        return replace(self, cold_BM=np.zeros_like(self.cold_BM))

    def nats(self, weight: float, cold_bonus: float = 0.0) -> Nats:
        """What the pool makes of the items with this share of the item scorer, (B, M)."""
        shares = Shares.of(weight, self.head_share)
        pooled_BM = pool(
            (shares.codes, self.codes_BM), (shares.item_head, self.head_BM), (shares.item_scorer, self.expected_BM)
        )
        if shares.guide:  # codes alone know nothing of what is cold
            pooled_BM = pooled_BM + self.cold_BM + cold_bonus * self.is_cold_BM
        return np.where(self.rows_BM >= 0, pooled_BM, -np.inf)

    def ndcg(self, weight: float, cold_bonus: float = 0.0) -> float:
        """Mean ndcg@10 of the targets; those that are no candidates are lost."""
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
        if not Shares.of(weight, self.head_share).guide:
            return None
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
    """The quality of pools by share and bonus, as `PoolCases` measures them."""

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
    # What can have no bonus is not chosen: it would win by never showing a cold item.
    needed = {share: bonus.least_cold_bonus(share, exposure) for share in shares if exposure}
    found = {share: nats for share, nats in needed.items() if nats is not None}
    if not found:
        return best_share({share: quality.ndcg(share) for share in shares}), None
    share = best_share({share: quality.ndcg(share, nats) for share, nats in found.items()})
    return share, found[share]


def tried_shares(config: Config) -> list[float]:
    """The shares of the item scorer that are tried, ascending; 0, the language model alone, is always among them."""
    return sorted({0.0, *config.mixture.shares})


def best_share(quality: Mapping[float, float]) -> float:
    """The share that does best together with its neighbors, the least of equal ones; quality: by share, ascending."""
    return list(quality)[int(with_neighbors(np.array(list(quality.values()))).argmax())]


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


def stream_pool(
    generated: Iterable[StreamedItem], judged_N: Nats, codes: float, scored: Mapping[int, float]
) -> Iterator[tuple[int, float]]:
    """Rows with their pooled nats, the best first, each as soon as no other can overtake it.

    generated: items by the language model's codes as they come; codes: their share; judged_N: what all others say,
    times their shares, -inf where not allowed; scored: nats by the codes of items that are known before they come.
    """
    likely = iter(np.argsort(-judged_N, kind="stable").tolist() if codes < 1 else ())
    if codes <= 0:  # nothing to wait for
        yield from ((row, float(judged_N[row])) for row in likely if np.isfinite(judged_N[row]))
        return
    next_likely = next(likely, None)
    known = {row: codes * nats + float(judged_N[row]) for row, nats in scored.items()}  # seen, not yet given out
    known = {row: nats for row, nats in known.items() if nats > -np.inf}
    done: set[int] = set()
    rest = 0.0
    for item in itertools.chain(generated, [None]):
        if item is None:
            rest = -np.inf
        else:
            if item.row not in done:
                known[item.row] = codes * item.score_nats + float(judged_N[item.row])
            rest = item.rest_nats
        while True:
            while next_likely is not None and (next_likely in known or next_likely in done):
                next_likely = next(likely, None)
            bound = -np.inf if next_likely is None else float(judged_N[next_likely])
            if not known:
                break
            best = max(known, key=lambda row: (known[row], -row))
            if known[best] < codes * rest + (bound if codes < 1 else 0) or known[best] == -np.inf:
                break
            done.add(best)
            yield best, known.pop(best)
