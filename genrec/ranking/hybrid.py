"""The hybrid of the two models that rank: a language model's beams and an item scorer, mixed by the latter's share.

Knows how a history becomes a prompt and catalog rows, and which of the two must be asked; `genrec.ranking.mixing` holds
the arithmetic. Deliberately knows nothing of filters, of likeness to words or photos, or of who asks.

Axis legend: B requests, N items, W beams.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genrec.model.lm.beam_search import Watch, unwatched
from genrec.model.lm.language import OWN, LanguageModel
from genrec.model.lm.vocabulary import history_prompt
from genrec.ranking.attribution import History, leave_one_out, suspects
from genrec.ranking.eligibility import Eligible
from genrec.ranking.item_scorer import ItemScorer
from genrec.ranking.mixing import mix_nats, stream_mixture
from genrec.schema import BoolArray, Catalog, IntArray
from genrec.semids.table import SemanticIdTable
from genrec.semids.trie import Mask, Trie

_MAX_SCORES = 1 << 22  # scores held at once: 32 MB
Nats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BeamQuery:
    """One search by beams: after which history and words, among which nodes of the trie, without which catalog rows.

    adapter: the one that answers, None for the model itself; key: equal for equal queries, None for one that is never
    answered from memory.
    """

    history: tuple[str, ...]
    query: str
    adapter: str | None
    mask: Mask | None
    left_out: IntArray
    key: object = None


class Hybrid:
    """Both models as one; single cases equal batched ones.

    weight: the item scorer's share, 0 to 1, and 0 without an item scorer; watch: takes the time of the parts of the
    work.
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
    ) -> None:
        self.model, self.item_scorer = model, item_scorer
        self.weight = weight if item_scorer is not None else 0.0
        self.watch: Watch = unwatched
        self._catalog, self._table, self._trie, self._max_history = catalog, table, trie, max_history
        self._beams: dict[object, tuple[IntArray, Nats]] | None = None

    def weights(
        self,
        histories: Sequence[Sequence[str]],
        adapters: Sequence[str | None],
        weights: Sequence[float | None] | None = None,
    ) -> Nats:
        """The item scorer's share for each history, (B,); weights: those that are not None replace the mixture's own.

        It is 0 where the item scorer knows none of the items, and for an adapter, of whose domain it knows nothing.
        """
        weight_B = np.array(
            [self.weight if weight is None else weight for weight in weights or [None] * len(histories)]
        )
        if self.item_scorer is None or not (weight_B > 0).any():
            return np.zeros(len(histories))
        num_known = self.item_scorer.num_items
        different = dict.fromkeys(map(tuple, histories))
        is_known = {history: bool((self._catalog.rows(history) < num_known).any()) for history in different}
        counts = zip(histories, adapters, strict=True)
        return weight_B * np.array([adapter is None and is_known[tuple(h)] for h, adapter in counts], dtype=np.float64)

    def expect(self, histories: Sequence[Sequence[str]], allowed_BN: BoolArray) -> Nats:
        """The item scorer's log-probabilities, (B, N); -inf where not allowed, and for items it lacks."""
        assert self.item_scorer is not None
        num_known = self.item_scorer.num_items
        rows = [self._catalog.rows(history) for history in histories]
        expected_BN = np.full(allowed_BN.shape, -np.inf)
        with self.watch("experts"):
            expected_BN[:, :num_known] = self.item_scorer.log_probabilities([r[r < num_known] for r in rows])
        expected_BN[~allowed_BN] = -np.inf
        return expected_BN

    def search(self, searches: Sequence[BeamQuery | None], width: int) -> tuple[IntArray, Nats]:
        """The language model's beams, rows and nats (B, W) each; -inf where no item is left, or nothing was asked."""
        rows_BW = np.zeros((len(searches), width), dtype=np.int64)
        scores_BW = np.full((len(searches), width), -np.inf)
        found = {} if self._beams is None else self._beams
        for place, search in enumerate(searches):
            if search is not None and search.key in found:
                rows_BW[place], scores_BW[place] = found[search.key]
        asked = [(place, s) for place, s in enumerate(searches) if s is not None and s.key not in found]
        if asked:
            adapters = [search.adapter for _, search in asked]
            beams = self.model.search(
                [self._prompt(search.history, search.query) for _, search in asked],
                trie=self._trie,
                width=width,
                narrowing=self._trie.narrow([s.mask for _, s in asked], [s.left_out for _, s in asked]),
                adapters=[adapter or OWN for adapter in adapters] if any(adapters) else None,
                watch=self.watch,
            )
            places, num_found = [place for place, _ in asked], beams.row.shape[1]
            rows_BW[places, :num_found] = beams.row.cpu().numpy()
            scores_BW[places, :num_found] = beams.score_nats.cpu().numpy()
        if self._beams is not None:
            self._beams |= {s.key: (rows_BW[place], scores_BW[place]) for place, s in asked if s.key is not None}
        return rows_BW, scores_BW

    @contextlib.contextmanager
    def remembering_beams(self) -> Iterator[None]:
        """Within: a search of a known key is not made again, whatever its share of the mixture."""
        self._beams = {}
        try:
            yield
        finally:
            self._beams = None

    def stream(self, history: Sequence[str], eligible: Eligible) -> Iterator[tuple[int, float]]:
        """Catalog rows with their nats, the best first, each as soon as no other can overtake it."""
        allowed_N = eligible.allowed_N
        weight = float(self.weights([history], [None])[0])
        expected_N = self.expect([history], allowed_N[None])[0] if weight else np.full(len(allowed_N), -np.inf)
        generated = self.model.stream(
            self._prompt(history, ""),
            trie=self._trie,
            k=int(allowed_N.sum()),
            narrowing=self._trie.narrow([eligible.mask], [eligible.left_out]),
        )
        return stream_mixture(generated, expected_N, weight)

    def score(
        self, histories: Sequence[Sequence[str]], item_ids: Sequence[str], queries: Sequence[str], adapter: str | None
    ) -> Nats:
        """Log-probability of each item after its history and words, (B,)."""
        weight_B = self.weights(histories, [adapter] * len(histories))
        generated_B = np.zeros(len(histories))
        asked = np.flatnonzero(weight_B < 1).tolist()  # for others the language model has no say
        if asked:
            generated_B[asked] = self.model.score(
                [self._prompt(histories[number], queries[number]) for number in asked],
                [self._table.semantic_id(item_ids[number]) for number in asked],
                trie=self._trie,
                adapter=adapter,
            )
        if not weight_B.any():
            return generated_B
        return mix_nats(generated_B, self._expected(histories, item_ids), weight_B)

    def attributions(
        self, histories: Sequence[Sequence[str]], item_ids: Sequence[str], queries: Sequence[str], adapter: str | None
    ) -> list[dict[str, float]]:
        """Per case, by how many nats `score` falls without each item of the history: leave-one-out attribution.

        Where the item scorer shares the answer with the beams, items whose absence hardly changes its own score are not
        tried.
        """
        cases = [tuple(history) for history in histories]

        def by_both(reduced: Sequence[History], numbers: Sequence[int]) -> Nats:
            return self.score(reduced, [item_ids[n] for n in numbers], [queries[n] for n in numbers], adapter)

        def by_item_scorer(reduced: Sequence[History], numbers: Sequence[int]) -> Nats:
            return self._expected(reduced, [item_ids[n] for n in numbers])

        is_shared = adapter is None and 0 < self.weight < 1
        tried = suspects(cases, leave_one_out(cases, by_item_scorer)) if is_shared else None
        return leave_one_out(cases, by_both, tried=tried)

    def _expected(self, histories: Sequence[Sequence[str]], item_ids: Sequence[str]) -> Nats:
        """The item scorer's log-probability of each item after its history, (B,)."""
        rows_B, expected_B = self._catalog.rows(item_ids), np.empty(len(histories))
        places: dict[tuple[str, ...], list[int]] = {}
        for place, history in enumerate(histories):
            places.setdefault(tuple(history), []).append(place)
        different, at_once = list(places), max(1, _MAX_SCORES // len(self._catalog))
        for start in range(0, len(different), at_once):
            some = different[start : start + at_once]
            expected_BN = self.expect(some, np.ones((len(some), len(self._catalog)), bool))
            for history, expected_N in zip(some, expected_BN, strict=True):
                expected_B[places[history]] = expected_N[rows_B[places[history]]]
        return expected_B

    def _prompt(self, history: Sequence[str], query: str) -> list[int]:
        ids = [self._table.semantic_id(item_id) for item_id in history]
        return history_prompt(self.model.prompts, ids, max_history=self._max_history, query=query)
