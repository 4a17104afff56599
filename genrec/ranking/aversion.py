"""Aversion: how likely a person is to like an item, told from what they disliked and what they liked.

Each trait of an item, an attribute's value or a word, is weighed by how the person judged other items that have it: the
log-odds of a dislike, smoothed towards the share of their judgments that are dislikes, less that of the share itself. A
trait that they never met says nothing. With the likeness of the item's content to what they disliked, less that to what
they liked, these make a logistic regression, whose coefficients are fitted to the judgments of all people, each event
told from the same person's other ones. Ranking adds the log-probability that the item is liked to that of its being
next. Knows catalog rows, traits and vectors; deliberately knows nothing of sequences, or of who asks.

Axis legend: B judgments, M items, K others, V traits, T traits of items one after the other, D features, X predictors.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from genrec.ranking.traits import ItemTraits, Traits
from genrec.schema import BoolArray, Catalog, FloatArray, IntArray

Nats: TypeAlias = npt.NDArray[np.float64]
Judgments: TypeAlias = tuple[IntArray, IntArray]  # the catalog rows that one person liked, and those they disliked

_SMOOTHING = 1.0  # judgments that a trait is thought to have had before the first
_RIDGE = 1.0  # of the regression
_MIN_DISLIKES = 50  # in all, from which coefficients are fitted
_MAX_JUDGMENTS = 30_000
_MAX_OF_PERSON = 200  # liked, and disliked
_NUM_SIGNED = 3  # of the predictors, the first, which never speak for an item


@dataclass(frozen=True, slots=True, kw_only=True)
class AversionWeights:
    """Coefficients of the log-odds of a dislike; the defaults were fitted to people who each hate one value.

    value, word: of the most disliked attribute value of an item, and word; likeness: of its content; base: of the
    person's own log-odds of a dislike.
    """

    value: float = 3.0
    word: float = 1.0
    likeness: float = 3.0
    base: float = 0.0
    bias: float = -5.5


class Aversion:
    """The probability that a person likes an item, over one catalog."""

    def __init__(self, traits: ItemTraits, weights: AversionWeights | None = None) -> None:
        self.traits, self.weights = traits, weights or AversionWeights()

    def log_liked(self, rows_M: IntArray, liked: IntArray, disliked: IntArray) -> Nats:
        """Log-probability in nats that each of these items is liked by who liked and disliked those; at most 0."""
        liked, disliked = np.unique(liked), np.unique(disliked)
        odds_M = _predictors(self.traits, rows_M, liked, disliked) @ np.array(astuple(self.weights))
        return -np.logaddexp(0, odds_M)


def learn_aversion(
    catalog: Catalog,
    vectors_ND: FloatArray,
    histories: Mapping[str, Sequence[str]],
    aversions: Mapping[str, Sequence[str]],
) -> AversionWeights | None:
    """The coefficients for people's item ids, liked and disliked; None where too few dislikes tell."""
    if not aversions:
        return None
    people = ((catalog.rows(histories.get(user, ())), catalog.rows(ids)) for user, ids in aversions.items())
    return fit_aversion(ItemTraits(catalog, vectors_ND), people)


def fit_aversion(traits: ItemTraits, people: Iterable[Judgments]) -> AversionWeights | None:
    """The coefficients that make people's judgments likeliest, each told from the same person's other ones.

    None where there are too few dislikes to tell. No predictor counts for an item; where dislikes have nothing in
    common, none counts at all.
    """
    predictors: list[Nats] = []
    targets: list[float] = []
    num_judgments = 0
    for liked, disliked in people:
        liked, disliked = np.unique(liked)[-_MAX_OF_PERSON:], np.unique(disliked)[-_MAX_OF_PERSON:]
        if len(disliked) < 2:  # the one left out leaves none to tell by
            continue
        predictors.append(_predictors(traits, np.concatenate([liked, disliked]), liked, disliked))
        targets += [0.0] * len(liked) + [1.0] * len(disliked)
        num_judgments += len(liked) + len(disliked)
        if num_judgments >= _MAX_JUDGMENTS:
            break
    if sum(targets) < _MIN_DISLIKES:
        return None
    return _fitted(np.concatenate(predictors), np.array(targets))


def _fitted(predictors_BX: Nats, targets_B: Nats) -> AversionWeights:
    """Logistic regression without the predictors that would speak for what is disliked."""
    kept = list(range(predictors_BX.shape[1]))
    while True:
        found = dict(zip(kept, _regression(predictors_BX[:, kept], targets_B).tolist(), strict=True))
        against = [place for place in kept if place < _NUM_SIGNED and found[place] < 0]
        if not against:
            break
        kept.remove(min(against, key=found.__getitem__))
    names = asdict(AversionWeights())
    return AversionWeights(**{name: round(found.get(place, 0.0), 4) for place, name in enumerate(names)})


def _regression(predictors_BX: Nats, targets_B: Nats) -> Nats:
    """Coefficients by Newton's method (iteratively reweighted least squares), float64 (X,)."""
    weights_X = np.zeros(predictors_BX.shape[1])
    ridge_XX = _RIDGE * np.eye(len(weights_X))
    for _ in range(50):
        chances_B = 1 / (1 + np.exp(-np.clip(predictors_BX @ weights_X, -30, 30)))
        gradient_X = predictors_BX.T @ (chances_B - targets_B) + _RIDGE * weights_X
        spread_B = np.maximum(chances_B * (1 - chances_B), 1e-9)
        step_X = np.linalg.solve((predictors_BX * spread_B[:, None]).T @ predictors_BX + ridge_XX, gradient_X)
        weights_X = weights_X - step_X
        if np.abs(step_X).max() < 1e-6:
            break
    return weights_X


def _predictors(traits: ItemTraits, rows_M: IntArray, liked: IntArray, disliked: IntArray) -> Nats:
    """What tells whether items are disliked, float64 (M, X), in the order of `AversionWeights`.

    Of an item that was judged, its own judgment tells nothing.
    """
    own = _Own(against_M=np.isin(rows_M, disliked).astype(np.float64), for_M=np.isin(rows_M, liked).astype(np.float64))
    base = np.array((len(disliked) + 1) / (len(disliked) + len(liked) + 2))  # of all: less its own would tell of it
    columns = []
    for look in (traits.values, traits.words):
        found = [look(rows) for rows in (rows_M, disliked, liked)]  # every trait has its code from here on
        against_V, for_V = (judged.counts(traits.num_codes) for judged in found[1:])
        columns.append(_most_disliked(found[0], against_V, for_V, own, base))
    vectors_MD = traits.vectors_ND[rows_M]
    near = [_nearest(vectors_MD, traits.vectors_ND[rows], rows_M[:, None] == rows) for rows in (disliked, liked)]
    columns += [near[0] - near[1], np.full(len(rows_M), _log_odds(base)), np.ones(len(rows_M))]
    return np.stack(columns, axis=1)


@dataclass(frozen=True, slots=True)
class _Own:
    """Whether each item itself was disliked, or liked, 1 or 0 (M,) each."""

    against_M: Nats
    for_M: Nats


def _most_disliked(traits: Traits, against_V: IntArray, for_V: IntArray, own: _Own, base: Nats) -> Nats:
    """The log-odds of each item's most disliked trait, in nats over the person's base, 0 where none is above it.

    against_V, for_V: how many of the judged items that have a trait were disliked, and liked.
    """
    item_T, code_T = traits.item_T, traits.code_T
    against_T = against_V[code_T] - own.against_M[item_T]
    num_T = against_T + for_V[code_T] - own.for_M[item_T]
    share_T = (against_T + _SMOOTHING * base) / (num_T + _SMOOTHING)
    odds_T = _log_odds(share_T) - _log_odds(base)
    most_M = np.zeros(len(own.for_M))
    np.maximum.at(most_M, item_T, odds_T)
    return most_M


def _nearest(vectors_MD: FloatArray, others_KD: FloatArray, is_same_MK: BoolArray) -> Nats:
    """The largest cosine of each item to another one of these, 0 where there is none."""
    cosine_MK = np.where(is_same_MK, -np.inf, (vectors_MD @ others_KD.T).astype(np.float64))
    nearest_M = cosine_MK.max(axis=1, initial=-np.inf)
    return np.where(np.isfinite(nearest_M), nearest_M, 0.0)


def _log_odds(share: Nats) -> Nats:
    return np.log(share) - np.log1p(-share)
