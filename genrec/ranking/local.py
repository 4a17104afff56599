"""Models in this process: requests answered by the hybrid of beams and item scores, words written and read.

Knows how a request becomes a search over the trie and a mask over the catalog, how words are searched for, and how a
photo or named items become a likeness in CLIP space; deliberately knows nothing of users or of who asks.

Axis legend: N items, B requests, W beams.
"""

import itertools
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from genrec.artifacts import read_manifest, reading
from genrec.data.splits import split_interactions
from genrec.errors import InputError
from genrec.model.lm.language import LanguageModel
from genrec.model.lm.vocabulary import history_prompt
from genrec.prompting import Message
from genrec.ranking.aversion import Aversion, AversionWeights
from genrec.ranking.built_data import BuiltData
from genrec.ranking.candidates import Candidates
from genrec.ranking.client import Answer, Attribution, Case, Request
from genrec.ranking.cold_items import ColdItems
from genrec.ranking.eligibility import Eligibility, Eligible
from genrec.ranking.hybrid import BeamQuery, Hybrid
from genrec.ranking.item_scorer import ItemScorer
from genrec.ranking.likeness import Aim, likenesses
from genrec.ranking.mixing import NUM_LIKELY, Nats, Shares, likeliest, lowered
from genrec.ranking.scorer_files import find_item_scorer
from genrec.ranking.traits import ItemTraits
from genrec.runtime import pick_device
from genrec.schema import FloatArray, IntArray, Recommendation
from genrec.semids.trie import Trie

log = logging.getLogger(__name__)
A = TypeVar("A")
NUM_LIKELY_OF_AVERSE = 1000  # items that the item scorer adds to the beams where a person dislikes some
_STREAMED = frozenset({"history", "where", "exclude", "disliked", "k", "exclude_history"})  # what is streamed for


@dataclass(frozen=True, slots=True, kw_only=True)
class _Query:
    """One request with nothing left open, and what it may get."""

    request: Request
    k: int
    eligible: Eligible
    aim: Aim
    disliked: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """A query with what is known of the catalog before codes are written.

    judged_N: what all but the codes say, times their shares, -inf for what is not allowed; named_N: nats for what the
    query names, None where it names nothing; likely: rows that come first by both, in no order.
    """

    query: _Query
    shares: Shares
    judged_N: Nats
    named_N: Nats | None
    likely: IntArray

    @property
    def search(self) -> BeamQuery:
        """What is asked of the codes."""
        request, eligible = self.query.request, self.query.eligible
        return BeamQuery(
            history=request.history,
            query=request.query,
            adapter=request.adapter,
            mask=eligible.mask,
            left_out=eligible.left_out,
            also=self.likely,
            codes=self.shares.codes,
            judged_N=self.judged_N,
        )


class LocalClient:
    """A `ModelClient` whose models are in this process; single requests equal batched ones."""

    def __init__(
        self,
        data: BuiltData,
        language_model: LanguageModel,
        item_scorer: ItemScorer | None,
        sequence_weight: float,
        aversion_weights: AversionWeights | None = None,
        *,
        head_share: float = 0.0,
    ) -> None:
        """sequence_weight: the item scorer's share in the pool, 0 to 1; aversion_weights: None for the usual.

        head_share: of the item head in the language model's part.
        """
        self.data, self.language_model = data, language_model
        self._aversion_weights = aversion_weights
        self.trie = Trie.build(data.table.codes, device=language_model.device)
        self.hybrid = Hybrid(
            language_model,
            item_scorer,
            sequence_weight,
            catalog=data.catalog,
            table=data.table,
            trie=self.trie,
            max_history=data.config.tune.max_history,
            head_share=head_share,
        )
        self.eligibility = Eligibility(data.passing_items, self.trie)

    @classmethod
    def load(cls, data: BuiltData, *, adapter: Path | None = None) -> "LocalClient":
        """Load the models of a built workspace; adapter: the folder of a domain adapter that answers in their place.

        Raises ArtifactError when they cannot be loaded.
        """
        with reading(data.folder):
            return cls._load(data, adapter)

    @classmethod
    def _load(cls, data: BuiltData, adapter: Path | None) -> "LocalClient":
        folder, config = data.folder, data.config
        details = read_manifest(folder / "mixture", "mixture").details
        model = LanguageModel.load(
            folder / "model",
            device=pick_device(config.device),
            dtype=config.tune.dtype,
            four_bit=config.tune.method == "qlora",
            adapter=adapter,
        )
        model.fold()
        model.cache_prefix(history_prompt(model.prompts, (), max_history=config.tune.max_history))
        # An adapter answers alone: the item scorer knows nothing of its domain.
        item_scorer = None if adapter else find_item_scorer(folder, model.device, data.embeddings, config)
        if item_scorer is not None:
            item_scorer = item_scorer.with_cold_bonus(details["lift"])  # type: ignore[arg-type]
        wanted = config.recommend.sequence_weight
        weight = float(details["sequence_weight"]) if wanted is None else wanted  # type: ignore[arg-type]
        found = details.get("aversion")
        aversion = AversionWeights(**found) if isinstance(found, dict) else None
        head_share = float(details.get("head_share", 0.0))  # type: ignore[arg-type]
        return cls(data, model, item_scorer, weight, aversion, head_share=head_share)

    @property
    def is_ready(self) -> bool:
        """True: the models are here."""
        return True

    @property
    def answers_while_writing(self) -> bool:
        """False: one call has the models to itself."""
        return False

    def add_adapter(self, name: str, folder: Path) -> None:
        """Offer a domain adapter; requests with different ones are answered in one batch. Raises InputError."""
        self.language_model.add_adapter(name, folder)

    def close(self) -> None:
        """Nothing of this client works elsewhere."""

    def write(self, messages: Sequence[Message], *, max_new_tokens: int) -> list[str]:
        """What the language model says to each message, greedily; id tokens are never said."""
        return self.language_model.generate_texts(messages, max_new_tokens=max_new_tokens)

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """Unit vectors of texts in CLIP space, float32 (B, D)."""
        return self.data.clip.encode_texts(texts)

    @cached_property
    def cold_items(self) -> ColdItems:
        """The items that training has not seen, and the known ones they resemble."""
        data = self.data
        is_known = np.zeros(len(data.catalog), bool)
        trained_on = split_interactions(data.interactions, data.config.split).train.item_ids
        is_known[data.catalog.rows(set(trained_on))] = True
        return ColdItems.find(data.vectors, is_known, num_neighbors=data.config.recommend.newcomer_neighbors)

    @cached_property
    def aversion(self) -> Aversion:
        """What tells whether a person who disliked some items likes another; made at first use."""
        return Aversion(ItemTraits(self.data.catalog, self.data.vectors), self._aversion_weights)

    # ---- items

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """The k best items of each request, in batches of the configured size; see `ModelClient`."""
        answers: list[Answer] = [[] for _ in requests]
        widths = [self._width(request) for request in requests]
        size = self.data.config.recommend.batch_size
        # Requests of like length share a batch, so that little is computed for padding; those of unequal beams do not,
        # so that an answer never depends on its company.
        for width in sorted(set(widths)):
            same = [number for number, its_width in enumerate(widths) if its_width == width]
            same.sort(key=lambda number: len(requests[number].history))
            for batch in (same[start : start + size] for start in range(0, len(same), size)):
                queries: dict[int, _Query] = {}  # of one batch: each holds a mask over the catalog
                for number in batch:
                    try:
                        queries[number] = self._query_of(requests[number])
                    except InputError as error:
                        answers[number] = error
                found = self._answer_batch(list(queries.values()), width) if queries else []
                for number, answer in zip(queries, found, strict=True):
                    answers[number] = answer
        return answers

    def _width(self, request: Request) -> int:
        """How many beams find what is asked for."""
        config = self.data.config.recommend
        return max(2 * (config.k if request.k is None else request.k), config.beam_width)

    def stream(self, request: Request) -> Iterator[Recommendation]:
        """The k best items one by one; see `ModelClient`.

        Scores are those of `answer` with beams that never lose an item; cold items score by themselves and inherit
        nothing.
        """
        empty = Request()
        asked = [f.name for f in fields(request) if getattr(request, f.name) != getattr(empty, f.name)]
        if more := [name for name in asked if name not in _STREAMED]:
            raise InputError(f"a stream cannot take {', '.join(more)}; give a history and a filter, or ask for a list")
        return self._streamed(self._query_of(request))

    def _streamed(self, query: _Query) -> Iterator[Recommendation]:
        generated = self.hybrid.stream(query.request.history, query.eligible)
        if len(query.disliked):
            generated = lowered(generated, lambda row: float(self._log_liked(query, np.array([row]))[0]))
        for rank, (row, score) in enumerate(itertools.islice(generated, query.k), 1):
            yield self._recommendation(rank, row, score)

    def _query_of(self, request: Request) -> _Query:
        """The request with nothing left open. Raises UnknownItem, FilterError, InputError."""
        config, catalog = self.data.config.recommend, self.data.catalog
        k = config.k if request.k is None else request.k
        if k < 1:
            raise InputError(f"k is {k}; wanted at least 1")
        excludes = config.exclude_history if request.exclude_history is None else request.exclude_history
        catalog.rows(request.history)
        aim = Aim(
            photo=request.image,
            like=catalog.rows(request.like),
            unlike=catalog.rows(request.unlike),
        )
        left_out = (*request.exclude, *request.disliked, *(request.history if excludes else ()))
        eligible = self.eligibility.find(request.where, left_out)
        words = request.query
        if (
            aim.is_named and words.strip()
        ):  # what is said around a wish is of what is shown, and no item's words meet it
            words = self.data.search_by_meaning.telling(words)
        return _Query(
            request=replace(request, k=k, exclude_history=excludes, query=words),
            k=k,
            eligible=eligible,
            aim=aim,
            disliked=catalog.rows(request.disliked),
        )

    def _answer_batch(self, queries: Sequence[_Query], width: int) -> list[list[Recommendation]]:
        """The answers to queries that want beams of one width."""
        for query in queries:
            if (num_legal := int(query.eligible.allowed_N.sum())) < query.k:
                log.warning(
                    "%d items were asked for, but only %d may be recommended; those come back", query.k, num_legal
                )
        answers = []
        for its, scored in self._judged(queries, width):
            best = enumerate(self._candidates(its, scored).best(its.query.k), 1)
            answers.append([self._recommendation(rank, row, score) for rank, (row, score) in best])
        return answers

    def _judged(self, queries: Sequence[_Query], width: int) -> list[tuple[_Judged, dict[int, float]]]:
        """What is known of the catalog for each query, and the nats of the codes of those items that were asked for."""
        aims = {number: query.aim for number, query in enumerate(queries) if query.aim}
        found = likenesses(list(aims.values()), self.data.embeddings, self.data.clip, self.data.vectors) if aims else []
        likeness = dict(zip(aims, found, strict=True))
        requests = [query.request for query in queries]
        histories = [request.history for request in requests]
        shares = self.hybrid.shares(
            histories,
            [request.adapter for request in requests],
            [request.sequence_weight for request in requests],
        )
        judged_BN = self.hybrid.judge(histories, shares, np.stack([query.eligible.allowed_N for query in queries]))
        judged = []
        for number, (query, theirs, judged_N) in enumerate(zip(queries, shares, judged_BN, strict=True)):
            named_N = _total(self._words_nats(query), self._likeness_nats(likeness.get(number)))
            num_likely = NUM_LIKELY_OF_AVERSE if len(query.disliked) else max(width, NUM_LIKELY)
            wanted_N = judged_N if named_N is None else judged_N + named_N
            # Where the codes answer alone, and nothing is named, no item is likelier than others before it is written.
            is_asked = theirs.guide > 0 or named_N is not None
            likely = likeliest(wanted_N, num_likely) if is_asked else np.zeros(0, np.int64)
            judged.append(_Judged(query=query, shares=theirs, judged_N=judged_N, named_N=named_N, likely=likely))
        asked = [number for number, its in enumerate(judged) if its.shares.codes > 0]
        scored: list[dict[int, float]] = [{} for _ in judged]
        for number, nats in zip(asked, self.hybrid.search([judged[n].search for n in asked], width), strict=True):
            scored[number] = nats
        return list(zip(judged, scored, strict=True))

    def _words_nats(self, query: _Query) -> Nats | None:
        """What items gain by meeting the words of a query; None where it has none, or nothing here is about them."""
        words = query.request.query
        if not words.strip():
            return None
        relevance_N = self.data.search_by_meaning.relevance(words)
        return self.data.config.recommend.match_weight * relevance_N if relevance_N.any() else None

    def _likeness_nats(self, likeness_N: Nats | None) -> Nats | None:
        return None if likeness_N is None else self.data.config.recommend.query_weight * likeness_N

    def _candidates(self, its: _Judged, scored: Mapping[int, float]) -> Candidates:
        """What may answer one query, with all that speaks for it; scored: nats of the codes by catalog row."""
        found = Candidates.pooled(scored, its.judged_N, its.shares.codes, its.likely)
        item_scorer = self.hybrid.item_scorer
        if not its.shares.guide or item_scorer is None or not item_scorer.scores_cold_items:
            found = found.with_cold_items(self.cold_items, its.query.eligible.allowed_N)
        if its.named_N is not None:
            found = found.raised(its.named_N)
        if len(its.query.disliked):
            found = found.with_aversion(self._log_liked(its.query, found.rows_M))
        return found

    def _log_liked(self, query: _Query, rows_M: IntArray) -> npt.NDArray[np.float64]:
        """The log-probability that items are liked by who asks, times its weight, (M,)."""
        weight = self.data.config.recommend.aversion_weight
        liked = self.data.catalog.rows(query.request.history)
        return weight * self.aversion.log_liked(rows_M, liked, query.disliked)

    def _recommendation(self, rank: int, row: int, score: float) -> Recommendation:
        item = self.data.catalog.items[row]
        return Recommendation(
            rank=rank,
            item_id=item.item_id,
            title=item.name,
            semantic_id=self.data.table.semantic_id(item.item_id),
            score_nats=score,
        )

    # ---- scores

    def score(self, cases: Sequence[Case]) -> npt.NDArray[np.float64]:
        """Log-probability of each case's item in nats, float64 (B,)."""
        return np.array(_by_adapter(cases, lambda *asked: self.hybrid.score(*asked).tolist()), dtype=np.float64)

    def attributions(self, cases: Sequence[Case]) -> list[Attribution]:
        """By how many nats each case's score falls without each item of its history."""
        return _by_adapter(cases, self.hybrid.attributions)


def _by_adapter(
    cases: Sequence[Case],
    ask: Callable[[Sequence[tuple[str, ...]], Sequence[str], Sequence[str], str | None], Sequence[A]],
) -> list[A]:
    """Ask once for all cases of each adapter; answers in the order of the cases."""
    answers: dict[int, A] = {}
    for adapter in dict.fromkeys(case.adapter for case in cases):
        places = [place for place, case in enumerate(cases) if case.adapter == adapter]
        same = [cases[place] for place in places]
        asked = ([case.history for case in same], [case.item_id for case in same], [case.query for case in same])
        answers.update(zip(places, ask(*asked, adapter), strict=True))
    return [answers[place] for place in range(len(cases))]


def _total(first_N: Nats | None, second_N: Nats | None) -> Nats | None:
    """The sum of what there is."""
    return second_N if first_N is None else first_N if second_N is None else first_N + second_N
