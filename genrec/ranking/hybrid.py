"""The hybrid of what ranks: a language model, by codes and item head, and an item scorer, pooled by their shares.

Knows how a history becomes a prompt and catalog rows, and which of them must be asked; `genrec.ranking.mixing` holds
the arithmetic. Deliberately knows nothing of filters, of likeness to words or photos, or of who asks.

Axis legend: B requests, N items, W beams, C candidates.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from genrec.model.lm.beam_search import Guide, Watch, unwatched
from genrec.model.lm.language import OWN, LanguageModel
from genrec.model.lm.vocabulary import history_prompt
from genrec.ranking.attribution import History, leave_one_out, suspects
from genrec.ranking.eligibility import Eligible
from genrec.ranking.item_scorer import ItemScorer
from genrec.ranking.mixing import NUM_LIKELY, Shares, likeliest, stream_pool
from genrec.schema import BoolArray, Catalog, IntArray
from genrec.semids.table import SemanticIdTable
from genrec.semids.trie import Mask, Trie

_MAX_SCORES = 1 << 22  # scores held at once: 32 MB
_STREAM_WIDTH = 20  # beams that are scored before the first item of a stream
Nats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BeamQuery:
    """One search by beams: after which history and words, among which nodes of the trie, without which catalog rows.

    adapter: the one that answers, None for the model itself; also: catalog rows that are scored beside what beams find;
    codes: the share of the codes in the pool; judged_N: what the other judges say of all items, times their shares,
    which guides the beams.
    """

    history: tuple[str, ...]
    query: str
    adapter: str | None
    mask: Mask | None
    left_out: IntArray
    also: IntArray
    codes: float
    judged_N: Nats


class Hybrid:
    """All judges as one; single cases equal batched ones.

    weight: the item scorer's share, 0 to 1, and 0 without an item scorer; head_share: of the item head in what the
    language model says; watch: takes the time of the parts of the work.
    """

    def __init__(
        self,
        model: LanguageModel,
        item_scorer: ItemScorer | None,
        weight: float,
        *,
        catalog: Catalog,
        table: SemanticIdTable,
        trie: Trie,
        max_history: int,
        head_share: float = 0.0,
    ) -> None:
        self.model, self.item_scorer = model, item_scorer
        self.weight = weight if item_scorer is not None else 0.0
        self.head_share = head_share if item_scorer is not None and item_scorer.head is not None else 0.0
        self.watch: Watch = unwatched
        self._catalog, self._table, self._trie, self._max_history = catalog, table, trie, max_history

    @property
    def told_shares(self) -> dict[str, float]:
        """Who has how much to say of what is recommended: the language model's codes and item head, the rest."""
        scorer = self.item_scorer
        shares = Shares.of(self.weight, self.head_share)
        return shares.told(0.0 if scorer is None else scorer.weights.item_head)

    def shares(
        self,
        histories: Sequence[Sequence[str]],
        adapters: Sequence[str | None],
        weights: Sequence[float | None] | None = None,
    ) -> list[Shares]:
        """The say of each judge for each history; weights: those that are not None replace the item scorer's share.

        The codes answer alone where the others know none of the items, and for an adapter, of whose domain they know
        nothing.
        """
        scorer = self.item_scorer
        num_known = 0 if scorer is None else scorer.num_items
        different = dict.fromkeys(map(tuple, histories))
        is_known = {history: bool((self._catalog.rows(history) < num_known).any()) for history in different}
        asked = zip(histories, adapters, weights or [None] * len(histories), strict=True)
        return [
            Shares.of(self.weight if weight is None else weight, self.head_share)
            if scorer is not None and adapter is None and is_known[tuple(history)]
            else Shares(codes=1.0, item_head=0.0, item_scorer=0.0)
            for history, adapter, weight in asked
        ]

    def judge(self, histories: Sequence[Sequence[str]], shares: Sequence[Shares], allowed_BN: BoolArray) -> Nats:
        """What the item scorer and the item head say of all items, times their shares, and what cold ones gain, (B, N).

        It is -inf for what is not allowed, and for items that they lack; 0 where the codes answer alone.
        """
        judged_BN = np.where(allowed_BN, 0.0, -np.inf)
        asked = [number for number, its in enumerate(shares) if its.guide > 0]
        if not asked or self.item_scorer is None:
            return judged_BN
        num_known = self.item_scorer.num_items
        rows = {number: self._catalog.rows(histories[number]) for number in asked}
        known = {number: its_rows[its_rows < num_known] for number, its_rows in rows.items()}
        with self.watch("experts"):
            for judge, weight_of in (
                (self.item_scorer, lambda its: its.item_scorer),
                (self.item_scorer.head, lambda its: its.item_head),
            ):
                theirs = [number for number in asked if weight_of(shares[number]) > 0]
                if judge is None or not theirs:
                    continue
                weight_B1 = np.array([[weight_of(shares[number])] for number in theirs])
                judged_BN[theirs, :num_known] += weight_B1 * judge.log_probabilities([known[n] for n in theirs])
            cold_BM = self.item_scorer.cold_nats([known[number] for number in asked])
            if cold_BM is not None:
                judged_BN[np.ix_(np.array(asked), np.flatnonzero(self.item_scorer.is_cold_N))] += cold_BM
        judged_BN[asked, num_known:] = -np.inf
        return judged_BN

    def search(self, searches: Sequence[BeamQuery], width: int) -> list[dict[int, float]]:
        """Nats by the codes of the items that beams find and of those that were named, by catalog row."""
        if not searches:
            return []
        adapters = [search.adapter for search in searches]
        also = [search.also for search in searches]
        also_BC = np.full((len(also), max(map(len, also))), -1)
        for number, rows in enumerate(also):
            also_BC[number, : len(rows)] = rows
        beams = self.model.search(
            [self._prompt(search.history, search.query) for search in searches],
            trie=self._trie,
            width=width,
            narrowing=self._trie.narrow([s.mask for s in searches], [s.left_out for s in searches]),
            adapters=[adapter or OWN for adapter in adapters] if any(adapters) else None,
            guide=self._guide(searches),
            also_BC=torch.from_numpy(also_BC).to(self.model.device) if also_BC.size else None,
            watch=self.watch,
        )
        found = []
        for rows_W, nats_W in zip(beams.row.cpu().numpy(), beams.score_nats.double().cpu().numpy(), strict=True):
            is_legal_W = np.isfinite(nats_W)
            found.append(dict(zip(rows_W[is_legal_W].tolist(), nats_W[is_legal_W].tolist(), strict=True)))
        return found

    def _guide(self, searches: Sequence[BeamQuery]) -> Guide | None:
        """What guides the beams of a batch; None where the codes answer alone."""
        share_B = 1 - np.array([search.codes for search in searches])
        if not share_B.any():
            return None
        judged_BN = np.stack([search.judged_N for search in searches]) / share_B.clip(min=1e-6)[:, None]
        judged_BN = torch.from_numpy(judged_BN).log_softmax(dim=1).to(self.model.device)
        return Guide(masses=self._trie.masses(judged_BN), share_B=torch.from_numpy(share_B).to(self.model.device))

    def stream(self, history: Sequence[str], eligible: Eligible) -> Iterator[tuple[int, float]]:
        """Catalog rows with their nats, the best first, each as soon as no other can overtake it."""
        allowed_N = eligible.allowed_N
        [shares] = self.shares([history], [None])
        judged_N = self.judge([history], [shares], allowed_N[None])[0]
        scored: list[dict[int, float]] = [{}]
        if shares.guide > 0 and shares.codes > 0:
            query = BeamQuery(
                history=tuple(history),
                query="",
                adapter=None,
                mask=eligible.mask,
                left_out=eligible.left_out,
                also=likeliest(judged_N, NUM_LIKELY),
                codes=shares.codes,
                judged_N=judged_N,
            )
            scored = self.search([query], _STREAM_WIDTH)
        generated = self.model.stream(
            self._prompt(history, ""),
            trie=self._trie,
            k=int(allowed_N.sum()),
            narrowing=self._trie.narrow([eligible.mask], [eligible.left_out]),
        )
        return stream_pool(generated, judged_N, shares.codes, scored[0])

    def score(
        self, histories: Sequence[Sequence[str]], item_ids: Sequence[str], queries: Sequence[str], adapter: str | None
    ) -> Nats:
        """Log-probability of each item after its history and words, (B,)."""
        shares = self.shares(histories, [adapter] * len(histories))
        codes_B = np.array([its.codes for its in shares])
        scored_B = np.zeros(len(histories))
        asked = np.flatnonzero(codes_B > 0).tolist()  # for others the codes have no say
        if asked:
            scored_B[asked] = codes_B[asked] * self.model.score(
                [self._prompt(histories[number], queries[number]) for number in asked],
                [self._table.semantic_id(item_ids[number]) for number in asked],
                trie=self._trie,
                adapter=adapter,
            )
        return scored_B + self._judged(histories, shares, item_ids)

    def attributions(
        self, histories: Sequence[Sequence[str]], item_ids: Sequence[str], queries: Sequence[str], adapter: str | None
    ) -> list[dict[str, float]]:
        """Per case, by how many nats `score` falls without each item of the history: leave-one-out attribution.

        Where the codes share the answer with others, items whose absence hardly changes what these say are not tried.
        """
        cases = [tuple(history) for history in histories]

        def by_both(reduced: Sequence[History], numbers: Sequence[int]) -> Nats:
            return self.score(reduced, [item_ids[n] for n in numbers], [queries[n] for n in numbers], adapter)

        def by_others(reduced: Sequence[History], numbers: Sequence[int]) -> Nats:
            shares = self.shares(reduced, [adapter] * len(reduced))
            return self._judged(reduced, shares, [item_ids[n] for n in numbers])

        [shares] = self.shares([cases[0]], [adapter]) if cases else [Shares.of(1.0, 0.0)]
        is_shared = shares.codes > 0 and shares.guide > 0
        tried = suspects(cases, leave_one_out(cases, by_others)) if is_shared else None
        return leave_one_out(cases, by_both, tried=tried)

    def _judged(self, histories: Sequence[Sequence[str]], shares: Sequence[Shares], item_ids: Sequence[str]) -> Nats:
        """What all but the codes say of each item after its history, times their shares, (B,)."""
        rows_B, judged_B = self._catalog.rows(item_ids), np.empty(len(histories))
        places: dict[tuple[str, ...], list[int]] = {}
        for place, history in enumerate(histories):
            places.setdefault(tuple(history), []).append(place)
        different, at_once = list(places), max(1, _MAX_SCORES // len(self._catalog))
        for start in range(0, len(different), at_once):
            some = different[start : start + at_once]
            every = np.ones((len(some), len(self._catalog)), bool)
            judged_BN = self.judge(some, [shares[places[history][0]] for history in some], every)
            for history, judged_N in zip(some, judged_BN, strict=True):
                judged_B[places[history]] = judged_N[rows_B[places[history]]]
        return judged_B

    def _prompt(self, history: Sequence[str], query: str) -> list[int]:
        ids = [self._table.semantic_id(item_id) for item_id in history]
        return history_prompt(self.model.prompts, ids, max_history=self._max_history, query=query)
