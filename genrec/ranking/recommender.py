"""What to recommend: histories, words, photos and filters in, ranked items of the catalog out.

Knows how a request becomes a prompt, a mask over the trie and, when words or a photo are given, a likeness in CLIP
space; deliberately knows nothing of how the parts were made.

Axis legend: N items, B requests, W beams, D features.
"""

import itertools
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from genrec.artifacts import fingerprint_folder, read_manifest
from genrec.config import Config
from genrec.data.filters import Filter, parse_filter
from genrec.data.ingest import load_workspace_data
from genrec.data.splits import split_interactions
from genrec.encode.clip import ClipEncoder, Picture
from genrec.encode.stage import load_embeddings
from genrec.errors import ArtifactError, IdTableMismatch, InputError, UnknownItem
from genrec.model.lm.adapters import find_adapter, read_card
from genrec.model.lm.language import LanguageModel, read_ids
from genrec.model.lm.vocabulary import history_prompt
from genrec.ranking.cold_items import ColdItems
from genrec.ranking.eligibility import Eligibility, Eligible
from genrec.ranking.hybrid import BeamQuery, Hybrid
from genrec.ranking.item_scorer import ItemScorer, find_item_scorer
from genrec.ranking.likeness import Aim, likenesses
from genrec.ranking.mixing import NUM_LIKELY, mix_beams, mix_expectations
from genrec.runtime import pick_device
from genrec.schema import BoolArray, Catalog, Embeddings, FloatArray, IntArray, Interactions, Recommendation
from genrec.semids.stage import SemanticIds, load_semids
from genrec.semids.trie import Mask, Trie

log = logging.getLogger(__name__)
R = TypeVar("R", bound="Recommender")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. history: item ids, oldest first; query: plain words; image: a photo; where: a filter.

    like, unlike: item ids that the wanted resembles or not; they are no history and may come back unless excluded.

    adapter: the name that `Recommender.add_adapter` gave a domain adapter; without one the workspace itself answers.
    k, exclude_history: None leaves them to the call, or to the configuration.
    """

    history: tuple[str, ...] = ()
    query: str = ""
    image: Picture | None = None
    like: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    where: Filter | None = None
    exclude: tuple[str, ...] = ()
    adapter: str | None = None
    k: int | None = None
    exclude_history: bool | None = None


class Recommender:
    """A built workspace, ready to answer; single requests equal batched ones."""

    def __init__(
        self,
        *,
        directory: Path,
        config: Config,
        catalog: Catalog,
        interactions: Interactions,
        embeddings: Mapping[str, Embeddings],
        semantic_ids: SemanticIds,
        model: LanguageModel,
        item_scorer: ItemScorer | None = None,
        sequence_weight: float = 0.0,
    ) -> None:
        """Raises IdTableMismatch when model and table, or table and catalog, do not belong together."""
        table = semantic_ids.table
        if model.id_space != table.id_space:
            raise IdTableMismatch(
                f"the language model was tuned for id space {model.id_space}, but {table.id_space} is loaded; "
                "run genrec build again"
            )
        if table.item_ids != tuple(item.item_id for item in catalog):
            raise IdTableMismatch(
                f"the id table covers {len(table)} items in another order than the catalog's {len(catalog)}; "
                "run genrec build again"
            )
        self.directory = directory
        self.config = config
        self.catalog = catalog
        self.interactions = interactions
        self.embeddings = embeddings
        self.table = table
        self.vectors: FloatArray = semantic_ids.fused
        self.model = model
        self.trie = Trie.build(table.codes, device=model.device)
        self.hybrid = Hybrid(
            model,
            item_scorer,
            sequence_weight,
            catalog=catalog,
            table=table,
            trie=self.trie,
            max_history=config.tune.max_history,
        )
        self.eligibility = Eligibility(catalog, self.trie)

    @classmethod
    def load(cls: type[R], directory: Path | str, *, adapter: str | Path | None = None) -> R:
        """Load a built workspace; `adapter` is the name or folder of a domain adapter to answer with.

        Raises ArtifactError when a stage is missing, unfinished or of another version, IdTableMismatch when parts do
        not belong together.
        """
        root = Path(directory)
        if not (root / "genrec.toml").is_file():
            raise ArtifactError(f"{root} is not a built workspace (genrec.toml is missing); run genrec build {root}")
        config = Config.load(root / "genrec.toml")
        catalog, interactions, _ = load_workspace_data(root)
        stages = ("embeddings", "semids", "sequence", "experts", "model", "mixture")
        manifests = {stage: read_manifest(root / stage, stage) for stage in stages}
        folder = None if adapter is None else _fitting_adapter(root, adapter)
        embeddings = load_embeddings(root / "embeddings")
        chosen, cold_bonus = (manifests["mixture"].details[name] for name in ("sequence_weight", "lift"))
        model, item_scorer = cls._load_models(root, config, folder, embeddings, cold_bonus)  # type: ignore[arg-type]
        wanted = config.recommend.sequence_weight
        return cls(
            directory=root,
            config=config,
            catalog=catalog,
            interactions=interactions,
            embeddings=embeddings,
            semantic_ids=load_semids(root / "semids"),
            model=model,
            item_scorer=item_scorer,
            sequence_weight=wanted if wanted >= 0 else float(chosen),  # type: ignore[arg-type]
        )

    @classmethod
    def _load_models(
        cls,
        root: Path,
        config: Config,
        adapter: Path | None,
        embeddings: Mapping[str, Embeddings],
        cold_bonus: float | None,
    ) -> tuple[LanguageModel, ItemScorer | None]:
        """What is trained; lift: of the items without events, in nats, None for none."""
        model = LanguageModel.load(
            root / "model",
            device=pick_device(config.device),
            dtype=config.tune.dtype,
            four_bit=config.tune.method == "qlora",
            adapter=adapter,
        )
        model.fold()
        model.cache_prefix(history_prompt(model.prompts, (), max_history=config.tune.max_history))
        # An adapter answers alone: the item scorer know nothing of its domain.
        item_scorer = None if adapter else find_item_scorer(root, model.device, embeddings)
        return model, None if item_scorer is None else item_scorer.with_cold_bonus(cold_bonus)

    def add_adapter(self, adapter: str | Path) -> str:
        """Offer a domain adapter beside what is loaded; returns the name by which requests choose it.

        The name is made of what the folder holds, so any name on a card will do and two adapters never mix. Requests
        with different adapters are answered in one batch. Raises ArtifactError, IdTableMismatch, InputError.
        """
        folder = _fitting_adapter(self.directory, adapter)
        name = f"adapter-{fingerprint_folder(folder)}"
        self.model.add_adapter(name, folder)
        return name

    @cached_property
    def cold_items(self) -> ColdItems:
        """The items that training has not seen, and the known ones they resemble."""
        is_known = np.zeros(len(self.catalog), bool)
        trained_on = split_interactions(self.interactions, self.config.split).train.item_ids
        is_known[self.catalog.rows(set(trained_on))] = True
        return ColdItems.find(self.vectors, is_known, num_neighbors=self.config.recommend.newcomer_neighbors)

    @cached_property
    def clip(self) -> ClipEncoder:
        """The CLIP model that encoded the catalog, loaded when first needed."""
        return ClipEncoder(self.config.encode.clip, self.model.device)

    def history_of(self, user_id: str) -> tuple[str, ...]:
        """All items of one known user, oldest first. Raises UnknownUser."""
        return self.interactions.history(user_id)

    def known_history(self, history: Sequence[str]) -> tuple[str, ...]:
        """The items of a history that the catalog has; the others are named in a warning.

        Raises UnknownItem when a history is given and none of it is known.
        """
        known = tuple(item_id for item_id in history if item_id in self.catalog)
        unknown = [item_id for item_id in history if item_id not in self.catalog]
        if unknown and not known:
            raise UnknownItem(
                f"none of the history {unknown[:5]} is in the catalog of {len(self.catalog)} items; "
                f"its ids look like {self.catalog.items[0].item_id!r}"
            )
        if unknown:
            log.warning("%d of %d history items are unknown and left out: %s", len(unknown), len(history), unknown[:5])
        return known

    def _asked_history(self, user: str | None, history: Sequence[str] | None) -> tuple[str, ...]:
        if user is not None and history is not None:
            raise InputError("both a user and a history were given; give one of them")
        return self.known_history(self.history_of(user) if user is not None else tuple(history or ()))

    def recommend(
        self,
        *,
        user: str | None = None,
        history: Sequence[str] | None = None,
        query: str = "",
        image: Picture | None = None,
        like: Sequence[str] = (),
        unlike: Sequence[str] = (),
        where: str | Filter | None = None,
        k: int | None = None,
        exclude_history: bool | None = None,
        exclude: Sequence[str] = (),
        adapter: str | None = None,
    ) -> list[Recommendation]:
        """The k best items for a user or a history; fewer only when fewer items pass the filters.

        where: a filter such as "price < 40 and color = red"; like, unlike: item ids that the wanted resembles or not;
        exclude: item ids that must not come back; adapter: a name or folder of a domain adapter that answers in place
        of what is loaded. score_nats is the item's log-probability: that of its semantic ID by the language model,
        mixed with the item scorer's; where those have no share, an item without events has at least what it inherits
        from known neighbors. With words, a photo or items named, `query_weight` nats per standard deviation of likeness
        to them are added.
        Raises UnknownUser, UnknownItem, FilterError.
        """
        request = Request(
            history=self._asked_history(user, history),
            query=query,
            image=image,
            like=tuple(like),
            unlike=tuple(unlike),
            where=parse_filter(where) if isinstance(where, str) else where,
            exclude=tuple(exclude),
            adapter=None if adapter is None else self.add_adapter(adapter),
        )
        return self.answer([request], k=k, exclude_history=exclude_history)[0]

    def recommend_batch(
        self,
        histories: Sequence[Sequence[str]],
        *,
        k: int | None = None,
        exclude_history: bool | None = None,
        queries: Sequence[str] | None = None,
        where: Filter | None = None,
        sequence_weight: float | None = None,
    ) -> list[list[Recommendation]]:
        """`recommend` for many histories at once; sequence_weight: another share of the item scorer, 0 to 1."""
        words = queries or [""] * len(histories)
        requests = [
            Request(history=self.known_history(history), query=query, where=where)
            for history, query in zip(histories, words, strict=True)
        ]
        return self.answer(requests, k=k, exclude_history=exclude_history, sequence_weight=sequence_weight)

    def answer(
        self,
        requests: Sequence[Request],
        *,
        k: int | None = None,
        exclude_history: bool | None = None,
        sequence_weight: float | None = None,
    ) -> list[list[Recommendation]]:
        """The k best items for each request, in batches of the configured size; what a request says itself counts."""
        wanted = [self._filled(request, k, exclude_history) for request in requests]
        size = self.config.recommend.batch_size
        answers: list[list[Recommendation]] = [[] for _ in wanted]
        # Requests of like length share a batch, so that little is computed for padding; those of unequal beams do not,
        # so that an answer never depends on its company.
        widths = [self._width(request) for request in wanted]
        for width in sorted(set(widths)):
            same = [number for number, its_width in enumerate(widths) if its_width == width]
            same.sort(key=lambda number: len(wanted[number].history))
            for batch in (same[start : start + size] for start in range(0, len(same), size)):
                found = self._answer_batch([wanted[number] for number in batch], sequence_weight)
                for number, answer in zip(batch, found, strict=True):
                    answers[number] = answer
        return answers

    def answer_each(self, requests: Sequence[Request]) -> list[list[Recommendation] | InputError]:
        """`answer`, where a request that cannot be answered gets its error and takes nothing from the others."""
        wrong: dict[int, InputError] = {}
        for number, request in enumerate(requests):
            try:
                self.check(request)
            except InputError as error:
                wrong[number] = error
        found = iter(self.answer([request for number, request in enumerate(requests) if number not in wrong]))
        return [wrong[number] if number in wrong else next(found) for number in range(len(requests))]

    def check(self, request: Request) -> None:
        """Raises what `answer` would raise for this request: UnknownItem, FilterError, InputError."""
        filled = self._filled(request, None, None)
        self.catalog.rows((*filled.history, *filled.like, *filled.unlike))
        self._eligible(filled)

    def _filled(self, request: Request, k: int | None, exclude_history: bool | None) -> Request:
        """The request with nothing left open."""
        config = self.config.recommend
        k = next(count for count in (request.k, k, config.k) if count is not None)
        if k < 1:
            raise InputError(f"k is {k}; wanted at least 1")
        choices = (request.exclude_history, exclude_history, config.exclude_history)
        return replace(request, k=k, exclude_history=next(choice for choice in choices if choice is not None))

    def _width(self, request: Request) -> int:
        """How many beams find what is asked for."""
        return max(2 * (request.k or 0), self.config.recommend.beam_width)

    def stream(
        self,
        *,
        user: str | None = None,
        history: Sequence[str] | None = None,
        where: str | Filter | None = None,
        k: int | None = None,
        exclude: Sequence[str] = (),
    ) -> Iterator[Recommendation]:
        """The k best items one by one, each as soon as no other can overtake it; the history is left out.

        Scores are those of `recommend` with a beam that never loses an item; items without events score by themselves
        and inherit nothing. Raises UnknownUser, UnknownItem, FilterError.
        """
        wanted = parse_filter(where) if isinstance(where, str) else where
        asked = self._asked_history(user, history)
        request = Request(history=asked, where=wanted, exclude=tuple(exclude), exclude_history=True)
        generated = self.hybrid.stream(asked, self._eligible(request))
        num_wanted = self.config.recommend.k if k is None else k
        for rank, (row, score) in enumerate(itertools.islice(generated, num_wanted), 1):
            yield self._recommendation(rank, row, score)

    def score(
        self,
        histories: Sequence[Sequence[str]],
        item_ids: Sequence[str],
        queries: Sequence[str] | None = None,
        adapter: str | None = None,
    ) -> npt.NDArray[np.float64]:
        """Log-probability in nats of each item after its history (and words), float64 (B,); adapter: as in requests."""
        return self.hybrid.score(histories, item_ids, queries or [""] * len(histories), adapter)

    def attributions(
        self,
        histories: Sequence[Sequence[str]],
        item_ids: Sequence[str],
        queries: Sequence[str] | None = None,
        adapter: str | None = None,
    ) -> list[dict[str, float]]:
        """Per case, by how many nats `score` falls without each item of the history: leave-one-out attribution."""
        return self.hybrid.attributions(histories, item_ids, queries or [""] * len(histories), adapter)

    def _answer_batch(self, requests: Sequence[Request], sequence_weight: float | None) -> list[list[Recommendation]]:
        """The answers to requests that leave nothing open and want beams of one width."""
        width = self._width(requests[0])
        eligible = [self._eligible(request) for request in requests]
        allowed_BN = np.stack([its.allowed_N for its in eligible])
        for request, num_legal in zip(requests, allowed_BN.sum(axis=1), strict=True):
            if request.k is not None and num_legal < request.k:
                log.warning(
                    "%d items were asked for, but only %d may be recommended; those come back", request.k, num_legal
                )
        aims = {number: aim for number, request in enumerate(requests) if (aim := self._aim(request))}
        likeness_BN = dict(zip(aims, likenesses(list(aims.values()), self.embeddings, self.clip), strict=True))
        histories = [request.history for request in requests]
        weight_B = self.hybrid.weights(histories, [request.adapter for request in requests], sequence_weight)
        # Where the item scorer have the whole share, they know every item, and nothing is left to beams.
        is_searched_B = weight_B < 1
        # Beside the beams of each request that names what it wants, beams of their own find what is nearest to that.
        nearest = {
            number: _largest(np.where(allowed_BN[number], likeness_N, -np.inf), width)
            for number, likeness_N in likeness_BN.items()
            if aims[number].is_named and is_searched_B[number]
        }
        searches = [
            _search_of(request, its.mask, its.left_out, key=None if number in likeness_BN else request)
            if is_searched_B[number]
            else None
            for number, (request, its) in enumerate(zip(requests, eligible, strict=True))
        ]
        for number, rows in nearest.items():
            mask = self.trie.mask(_is_among(rows, self.catalog))
            searches.append(_search_of(requests[number], mask, eligible[number].left_out))
        rows_BW, scores_BW = self.hybrid.search(searches, width)
        is_expected = bool(weight_B.any())
        expected_BN = self.hybrid.expect(histories, allowed_BN) if is_expected else np.full(allowed_BN.shape, -np.inf)
        place_of = {number: len(requests) + place for place, number in enumerate(nearest)}
        answers = []
        for number, request in enumerate(requests):
            weight, expected_N = float(weight_B[number]), expected_BN[number]
            num_likely = max(width, NUM_LIKELY)
            if number in likeness_BN:  # beside it, what an item lacks without a beam would count; the nearest have one
                num_likely = width if is_searched_B[number] else len(self.catalog)
            rows, scores = mix_expectations(rows_BW[number], scores_BW[number], expected_N, weight, num_likely)
            if not weight or self.hybrid.item_scorer is None or not self.hybrid.item_scorer.scores_cold_items:
                rows, scores = self._join_cold_items(rows, scores, allowed_BN[number])
            if number in place_of:
                found = rows_BW[place_of[number]]
                own = mix_beams(found, scores_BW[place_of[number]], expected_N, weight)
                is_fresh = np.isfinite(scores_BW[place_of[number]]) & ~np.isin(found, rows)
                rows, scores = np.r_[rows, found[is_fresh]], np.r_[scores, own[is_fresh]]
            if number in likeness_BN:
                scores = scores + self.config.recommend.query_weight * likeness_BN[number][rows]
            best = np.argsort(-scores, kind="stable")[: request.k]
            answers.append(
                [self._recommendation(rank, int(rows[i]), float(scores[i])) for rank, i in enumerate(best, 1)]
            )
        return answers

    def remembering_beams(self) -> AbstractContextManager[None]:
        """Meanwhile, who asks again about a history, with another share of the mixture, gets the beams found before."""
        return self.hybrid.remembering_beams()

    def _join_cold_items(
        self, rows: npt.NDArray[np.int64], scores: npt.NDArray[np.float64], allowed: BoolArray
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Give allowed cold items the larger of their own score and the one they inherit; others stay as they are."""
        cold_items = self.cold_items
        inherited = cold_items.inherit(rows, scores)
        usable = allowed[cold_items.rows] & np.isfinite(inherited)
        best = np.full(len(self.catalog), -np.inf)
        best[rows] = scores
        np.maximum.at(best, cold_items.rows[usable], inherited[usable])
        joined = np.concatenate([rows, cold_items.rows[usable & ~np.isin(cold_items.rows, rows)]])
        return joined, best[joined]

    def _eligible(self, request: Request) -> Eligible:
        """What a request may get. Raises UnknownItem, FilterError."""
        history = request.history if request.exclude_history else ()
        return self.eligibility.find(request.where, (*request.exclude, *history))

    def _aim(self, request: Request) -> Aim:
        """What the wanted is like and unlike, beside what the history says."""
        like, unlike = self.catalog.rows(request.like), self.catalog.rows(request.unlike)
        return Aim(words=request.query, photo=request.image, like=like, unlike=unlike)

    def _recommendation(self, rank: int, row: int, score: float) -> Recommendation:
        item = self.catalog.items[row]
        return Recommendation(
            rank=rank,
            item_id=item.item_id,
            title=item.title,
            semantic_id=self.table.semantic_id(item.item_id),
            score_nats=score,
        )


def _search_of(request: Request, mask: Mask | None, left_out: IntArray, *, key: Request | None = None) -> BeamQuery:
    return BeamQuery(
        history=request.history, query=request.query, adapter=request.adapter, mask=mask, left_out=left_out, key=key
    )


def _largest(values_N: npt.NDArray[np.float64], count: int) -> IntArray:
    """The rows of the largest finite values, largest first."""
    rows = np.argsort(-values_N, kind="stable")[:count]
    return rows[np.isfinite(values_N[rows])]


def _is_among(rows: IntArray, catalog: Catalog) -> BoolArray:
    is_among_N = np.zeros(len(catalog), bool)
    is_among_N[rows] = True
    return is_among_N


def _fitting_adapter(root: Path, adapter: str | Path) -> Path:
    """The folder of an adapter that was made for this workspace. Raises ArtifactError, IdTableMismatch."""
    folder = find_adapter(root, adapter)
    _, id_space, foundation = read_ids(root / "model")
    read_card(folder).check(foundation=foundation, id_space=id_space)
    return folder
