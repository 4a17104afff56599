"""How validation cases come by the nats of all judges, batch by batch.

Knows the item scorer and rows; deliberately knows nothing of prompts or of how beams are found.

Axis legend: B cases, N items, M candidates, C likely ones, W beams.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genrec.ranking.item_scorer import ItemScorer
from genrec.ranking.mixing import Nats, PoolCases, likeliest
from genrec.schema import IntArray

_NUM_LIKELY = 100  # of each judge, among which the best ten of any pool are sought
_NUM_COLD = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedBatch:
    """What those say who know every item at once: nats of all items, -inf for those of histories.

    cold_BN: what cold items gain, 0 for others; likely_BC: rows that one of them ranks high, and the likeliest cold
    ones, -1 where there are fewer.
    """

    expected_BN: Nats
    head_BN: Nats
    cold_BN: Nats
    likely_BC: IntArray


class PoolCollector:
    """Gathers cases; item_scorer: its cold-start bonus is 0 or None."""

    def __init__(self, item_scorer: ItemScorer) -> None:
        self._item_scorer = item_scorer
        self._cold = np.flatnonzero(item_scorer.is_cold_N)
        self._rows: list[IntArray] = []
        self._nats: list[Nats] = []  # by codes, item head and item scorer, and of being cold, (4, M) of each case
        self._targets: list[int] = []

    def judge(self, histories: Sequence[IntArray], seen: Sequence[IntArray]) -> JudgedBatch:
        """histories: whose items are left out; seen: what the judges know of them."""
        scorer, head = self._item_scorer, self._item_scorer.head
        expected_BN = scorer.log_probabilities(seen).astype(np.float64)
        head_BN = np.zeros_like(expected_BN) if head is None else head.log_probabilities(seen).astype(np.float64)
        cold_BM = scorer.cold_nats(seen)
        cold_BN = np.zeros_like(expected_BN)
        if cold_BM is not None:
            cold_BN[:, self._cold] = cold_BM
        likely = []
        for expected_N, head_N, cold_N, history in zip(expected_BN, head_BN, cold_BN, histories, strict=True):
            expected_N[history] = head_N[history] = -np.inf
            coldest = self._cold[np.argsort(-(expected_N + cold_N)[self._cold], kind="stable")[:_NUM_COLD]]
            parts = [likeliest(expected_N, _NUM_LIKELY), coldest]
            parts += [] if head is None else [likeliest(head_N, _NUM_LIKELY)]
            rows = np.unique(np.concatenate(parts))
            likely.append(rows[np.isfinite(expected_N[rows])])
        likely_BC = np.full((len(likely), max(map(len, likely))), -1)
        for number, rows in enumerate(likely):
            likely_BC[number, : len(rows)] = rows
        return JudgedBatch(expected_BN=expected_BN, head_BN=head_BN, cold_BN=cold_BN, likely_BC=likely_BC)

    def add(self, judged: JudgedBatch, targets_B: IntArray, rows_BW: IntArray, codes_BW: Nats) -> None:
        """rows_BW, codes_BW: what the codes were asked for, and their nats, -inf for what is not legal."""
        num_items = judged.expected_BN.shape[1]
        for number, (rows_W, codes_W) in enumerate(zip(rows_BW, codes_BW, strict=True)):
            is_item_W = np.isfinite(codes_W) & (rows_W < num_items)
            rows, place = np.unique(rows_W[is_item_W], return_index=True)
            parts = (judged.head_BN, judged.expected_BN, judged.cold_BN)
            self._rows.append(rows)
            self._nats.append(np.stack([codes_W[is_item_W][place], *(nats_BN[number, rows] for nats_BN in parts)]))
        self._targets += targets_B.tolist()

    def cases(self) -> PoolCases:
        """All that was gathered."""
        width = max(map(len, self._rows))
        rows_BM = np.full((len(self._rows), width), -1)
        nats_4BM = np.full((4, *rows_BM.shape), -np.inf)
        for place, (rows, nats) in enumerate(zip(self._rows, self._nats, strict=True)):
            rows_BM[place, : len(rows)], nats_4BM[:, place, : len(rows)] = rows, nats
        return PoolCases(
            rows_BM=rows_BM,
            codes_BM=nats_4BM[0],
            head_BM=nats_4BM[1],
            expected_BM=nats_4BM[2],
            cold_BM=nats_4BM[3],
            is_cold_BM=(rows_BM >= 0) & np.isin(rows_BM, self._cold),
            target_B=np.array(self._targets),
            cold_share=len(self._cold) / self._item_scorer.num_items,
        )
