"""What each modality is worth before anything is trained, by the three pre-checks of AlignRec (arXiv 2403.12384).

Zero-shot: people are the mean of what they chose, and what is most like them is recommended. Item-CF: items that the
same people chose should be alike. Masked: recommendation without the modality, and how well the others predict it. What
is measured are whitened vectors, as all learned fusers read them.

Knows vectors, training events and validation cases; deliberately looks at no test case, and learns nothing but the
linear prediction of a masked modality.

Axis legend: N items, P principal axes, H held-out items.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genrec.config import CONFIG_FILE, Config, FuseConfig
from genrec.data.arrays import unit_rows
from genrec.data.ingest import load_data
from genrec.data.splits import split_interactions
from genrec.encode.stage import load_embeddings
from genrec.errors import InputError
from genrec.fusion.events import Events
from genrec.fusion.graphs import Matrix, co_choice_graph
from genrec.fusion.judging import Case, Ranks, ndcg, recall, target_ranks
from genrec.fusion.whitened import MIN_ROWS_TO_PREDICT, WhitenedConcat, fit_predictor
from genrec.generations import Generation
from genrec.schema import BoolArray, Embeddings, FloatArray, IntArray

K = 10
ALL = "all"  # the row of all modalities side by side
_MOST_MEASURED = 3000  # cases, and items, of more by chance
_HELD_OUT_SHARE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """Item-CF. shared: of an item's nearest by behavior, the share that is among its 10 nearest by content; order: how
    often one of them is more like it than another item is, 0.5 by chance."""

    shared: float
    order: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A masked modality of held-out items. order: how often what the others predict is nearer to the item's own vector
    than to another's, 0.5 by chance; cosine: the mean to its own."""

    order: float
    cosine: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Precheck:
    """A modality, or all together; None where there is nothing to measure it on.

    recall, ndcg: @10 of the zero-shot recommendation; recall_without: of all other modalities, this one masked.
    """

    modality: str
    num_items: int
    recall: float
    ndcg: float
    recall_without: float | None
    likeness: Likeness | None
    prediction: Prediction | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecheckReport:
    """A row for each modality, and one for all where there are several; recall of what knows no content beside them."""

    num_cases: int
    popularity_recall: float
    chance_recall: float
    rows: tuple[Precheck, ...]


def prechecks_of_workspace(directory: Path) -> PrecheckReport:
    """Measure the encoded modalities of a workspace, before the first build those that were given.

    Raises ArtifactError where there is no workspace, InputError without content or a validation case.
    """
    folder = Generation.open_newest(directory).folder
    data = load_data(folder)
    config = Config.load(directory / CONFIG_FILE) if (directory / CONFIG_FILE).is_file() else Config()
    embeddings = load_embeddings(folder / "embeddings") if (folder / "embeddings").is_dir() else data.features
    events = Events.of(data.catalog, split_interactions(data.interactions, config.split))
    return prechecks(embeddings, events, config.fuse, seed=config.seed)


def prechecks(
    embeddings: Mapping[str, Embeddings], events: Events, config: FuseConfig, *, seed: int = 7
) -> PrecheckReport:
    """Measure every modality that some item has, all with equal weight; equal seeds measure the same cases and items.

    Raises InputError without content or a validation case.
    """
    content = {name: e for name, e in sorted(embeddings.items()) if e.present.any()}
    if not content:
        raise InputError("found no content to check; run genrec build first, or give vectors with --features")
    if not events.validation:
        raise InputError("found no validation case to check by; choose a split.protocol that leaves some out")
    whitened = WhitenedConcat(FuseConfig(num_features=config.num_features, shrinkage=config.shrinkage)).fit(content)
    blocks = whitened.blocks(content)
    rng = np.random.default_rng(seed)
    cases = [events.validation[place] for place in _some(len(events.validation), rng)]
    neighbors = co_choice_graph(events.histories, len(events.catalog), num_neighbors=K)

    def row(modality: str, names: Sequence[str], others: Sequence[str]) -> Precheck:
        vectors_NP = _joined(blocks, names)
        ranks_C = zero_shot(vectors_NP, cases)
        return Precheck(
            modality=modality,
            num_items=int(vectors_NP.any(axis=1).sum()),
            recall=recall(ranks_C, K),
            ndcg=ndcg(ranks_C, K),
            recall_without=recall(zero_shot(_joined(blocks, others), cases), K) if others else None,
            likeness=likeness_by_behavior(vectors_NP, neighbors, events.is_known_N, seed=seed),
            prediction=predicted_by(_joined(blocks, others), vectors_NP, seed=seed) if others else None,
        )

    rows = [row(name, [name], [other for other in content if other != name]) for name in content]
    rows += [row(ALL, list(content), [])] if len(content) > 1 else []
    popularity_N = events.popularity_N.astype(np.float32)
    popular_C = target_ranks(lambda histories: np.tile(popularity_N, (len(histories), 1)), cases)
    chance = min(1.0, K / len(events.catalog))
    return PrecheckReport(
        num_cases=len(cases), popularity_recall=recall(popular_C, K), chance_recall=chance, rows=tuple(rows)
    )


def zero_shot(vectors_NP: FloatArray, cases: Sequence[Case]) -> Ranks:
    """The places of what followed when people are the mean of what they chose; items without a vector come last."""
    has_none_N = ~vectors_NP.any(axis=1)

    def scores(histories: Sequence[IntArray]) -> FloatArray:
        people_CP = unit_rows(np.stack([vectors_NP[history].sum(axis=0) for history in histories]))
        scores_CN: FloatArray = np.where(has_none_N, -np.inf, people_CP @ vectors_NP.T).astype(np.float32)
        return scores_CN

    return target_ranks(scores, cases)


def likeness_by_behavior(
    vectors_NP: FloatArray, neighbors: Matrix, is_known_N: BoolArray, *, seed: int = 7
) -> Likeness | None:
    """Compare likeness of content with being chosen by the same people, among known items that have the content.

    neighbors: the nearest of each item by behavior, sparse (N, N). None where no two of them are neighbors.
    """
    compared = np.flatnonzero(is_known_N & vectors_NP.any(axis=1))
    near = neighbors[compared][:, compared].tocsr()
    places = np.flatnonzero(np.diff(near.indptr))
    shared, order = [], []
    for place in places[_some(len(places), np.random.default_rng(seed))]:
        wanted = near.indices[near.indptr[place] : near.indptr[place + 1]]
        cosines = vectors_NP[compared] @ vectors_NP[compared[place]]
        is_wanted = np.zeros(len(compared), dtype=bool)
        is_wanted[wanted] = True
        is_other = ~is_wanted
        cosines[place], is_other[place] = -np.inf, False  # itself
        nearest = np.argpartition(-cosines, min(K, len(compared)) - 1)[:K]
        shared.append(is_wanted[nearest].sum() / len(wanted))
        if is_other.any():
            order.append(_share_below(cosines[wanted], np.sort(cosines[is_other])))
    return Likeness(shared=float(np.mean(shared)), order=float(np.mean(order))) if order else None


def predicted_by(others_NI: FloatArray, vectors_NP: FloatArray, *, seed: int = 7) -> Prediction | None:
    """How well other modalities predict one, by ridge regression, on a fifth of the items that have both.

    others_NI: vectors of width I. None where too few items have both.
    """
    both = np.flatnonzero(others_NI.any(axis=1) & vectors_NP.any(axis=1))
    both = np.random.default_rng(seed).permutation(both)
    num_held_out = int(_HELD_OUT_SHARE * len(both))
    held_out, taught = both[:num_held_out][:_MOST_MEASURED], both[num_held_out:]
    if num_held_out < 2 or len(taught) < MIN_ROWS_TO_PREDICT:
        return None
    predictor = fit_predictor(others_NI[taught], vectors_NP[taught])
    predicted_HP = unit_rows(others_NI[held_out] @ predictor[:-1] + predictor[-1])
    cosine_HH = predicted_HP @ vectors_NP[held_out].T
    own_H = np.diagonal(cosine_HH)
    num_below_H = (cosine_HH < own_H[:, None]).sum(axis=1) + ((cosine_HH == own_H[:, None]).sum(axis=1) - 1) / 2
    return Prediction(order=float(num_below_H.mean() / (len(held_out) - 1)), cosine=float(own_H.mean()))


def _share_below(values: FloatArray, ordered: FloatArray) -> float:
    """How often one of the values is above one of the ordered ones, equals counting half."""
    below = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return float(below.mean() / 2 / len(ordered))


def _joined(blocks: Mapping[str, FloatArray], names: Sequence[str]) -> FloatArray:
    """Blocks side by side as unit rows."""
    return unit_rows(np.concatenate([blocks[name] for name in names], axis=1))


def _some(size: int, rng: np.random.Generator) -> IntArray:
    """Places, all in order, or so many of them by chance."""
    if size <= _MOST_MEASURED:
        return np.arange(size)
    return np.sort(rng.choice(size, _MOST_MEASURED, replace=False))
