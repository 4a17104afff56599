"""One trial of fusion: a system learns on a setting and is asked; what it found, what it cost, person by person.

Knows how lists are judged; deliberately knows nothing of tables.

Axis legend: U people, N items, K places of a list.
"""

import resource
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from genrec.bench.fusion.id_generator import ids_recall
from genrec.bench.fusion.setting import Data, Setting, make_setting
from genrec.config import FuseConfig, RecommendConfig, SequenceConfig
from genrec.data.splits import EvaluationCase
from genrec.encode.collaborative import NAME as COLLABORATIVE
from genrec.encode.collaborative import collaborative_embeddings
from genrec.evaluate.contract import TrainingData
from genrec.evaluate.peers import PEERS, fit_peer
from genrec.fusion import FUSERS, Fuser, make_fuser
from genrec.fusion.learned import LearnedFuser
from genrec.ranking.fuser_scores import FuserScores
from genrec.schema import FloatArray, IntArray, Interactions

CUTOFFS = (10, 20)
_AT_ONCE = 256
_NUM_LIFTED, _PLACES = 1000, 10  # histories, and places of a list, by which the exposure of cold items is found
_TAIL_SHARE = 0.2  # of the training events, which fall on the least chosen items
Result = dict[str, Any]  # JSON
_Score = Callable[[Sequence[str], Sequence[IntArray]], FloatArray]


def run_trial(data: Data, system: str, split: str, variant: str, seed: int, *, by: str | None = None) -> Result:
    """Fit one system and ask it. by: as in `make_setting`.

    Returns recall and ndcg at each cutoff per person, the same of some of the people and targets, and the costs.
    """
    setting = make_setting(data, split, variant, by=by)
    began = time.monotonic()
    score, fuser = _fitted(system, data, setting, seed)
    seconds = time.monotonic() - began
    if variant == "cold":
        score = _lifted(score if fuser is None else _as_ranked(fuser, setting), setting)
    figures = judge(score, setting)
    result: Result = {
        "system": system, "dataset": data.name, "split": split, "variant": variant, "seed": seed, "by": by,
        "people": list(setting.people), "figures": {name: np.round(v, 5).tolist() for name, v in figures.items()},
        "num_trained": setting.num_trained_U.tolist(), "seconds": round(seconds, 2),
    }  # fmt: skip
    report = fuser.report if isinstance(fuser, LearnedFuser) else None
    if report is not None:
        result |= {"parameters": report.num_parameters, "seconds_per_epoch": report.seconds_per_epoch}
        result |= {"epochs": len(report.validation), "validation": max(report.validation, default=0.0)}
    if fuser is not None and variant == "whole":
        result |= ids_recall(fuser.item_vectors(), setting, seed)
    return result | {"peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)}


def judge(score: _Score, setting: Setting) -> dict[str, FloatArray]:
    """Recall and ndcg at the cutoffs, each float32 (U,), nan where nothing is asked of a person.

    Also of the targets among the tail of the items, and among the cold ones, alone. Histories are masked.
    """
    is_tail_N = _tail(setting.events.popularity_N)
    parts = {"": np.ones(len(is_tail_N), bool), "tail_": is_tail_N & ~setting.is_cold_N, "cold_": setting.is_cold_N}
    figures = {
        f"{part}{measure}@{k}": np.full(len(setting.people), np.nan, np.float32)
        for part in parts
        for measure in ("recall", "ndcg")
        for k in CUTOFFS
    }
    for start in range(0, len(setting.people), _AT_ONCE):
        some = setting.asked[start : start + _AT_ONCE]
        scores_BN = np.array(score(setting.people[start : start + _AT_ONCE], [history for history, _ in some]))
        for place, (scores_N, (history, wanted)) in enumerate(zip(scores_BN, some, strict=True), start=start):
            scores_N[history] = -np.inf
            best_K = np.argpartition(-scores_N, max(CUTOFFS))[: max(CUTOFFS)]
            best_K = best_K[np.argsort(-scores_N[best_K], kind="stable")]
            for part, mask_N in parts.items():
                targets = wanted[mask_N[wanted]]
                if len(targets):
                    _note(figures, part, place, np.isin(best_K, targets), len(targets))
    return figures


def _as_ranked(fuser: Fuser, setting: Setting) -> _Score:
    """The scores of a fuser as the ranking takes them: items that no event names inherit from those like them."""
    if not fuser.learned:
        return lambda _people, histories: fuser.scores(histories)
    vectors_NF = fuser.transform(setting.embeddings)
    scores = FuserScores(fuser, vectors_NF, ~setting.is_cold_N).scaled(setting.events.validation)
    return lambda _people, histories: scores.log_probabilities(histories)


def _lifted(score: _Score, setting: Setting) -> _Score:
    """The scores with so much added to cold items that they are shown as often as a recommender shows newcomers.

    By `recommend.newcomer_exposure` and `recommend.cold_places`; found on the histories of validation, whose answers
    are not looked at, since none is cold.
    """
    policy, is_cold_N = RecommendConfig(), setting.is_cold_N
    wanted = min((policy.newcomer_exposure or 1.0) * float(is_cold_N.mean()), policy.cold_places)
    histories = [history for history, _ in setting.events.validation[:_NUM_LIFTED]]
    scores_BN = np.array(score([""] * len(histories), histories))
    for scores_N, history in zip(scores_BN, histories, strict=True):
        scores_N[history] = -np.inf
    cold_BK = -np.sort(-scores_BN[:, is_cold_N], axis=1)[:, :_PLACES]
    known_BK = -np.sort(-scores_BN[:, ~is_cold_N], axis=1)[:, :_PLACES]
    # The i-th best cold item is shown once it stands above the known item that would be shown last beside it.
    needed = np.sort((known_BK[:, ::-1][:, : cold_BK.shape[1]] - cold_BK).ravel())
    lift = float(needed[min(len(needed) - 1, int(wanted * _PLACES * len(histories)))]) if len(needed) else 0.0
    lift_N = (lift * is_cold_N).astype(np.float32)
    return lambda people, asked: score(people, asked) + lift_N


def _note(figures: dict[str, FloatArray], part: str, place: int, is_hit_K: np.ndarray, num_targets: int) -> None:
    gains_K = 1.0 / np.log2(np.arange(len(is_hit_K)) + 2)
    for k in CUTOFFS:
        figures[f"{part}recall@{k}"][place] = is_hit_K[:k].sum() / num_targets
        figures[f"{part}ndcg@{k}"][place] = gains_K[:k][is_hit_K[:k]].sum() / gains_K[: min(k, num_targets)].sum()


def _tail(popularity_N: IntArray) -> np.ndarray:
    """The least chosen items, on which a fifth of the events fall together."""
    order = np.argsort(popularity_N, kind="stable")
    is_tail_N = np.zeros(len(order), bool)
    is_tail_N[order[popularity_N[order].cumsum() <= _TAIL_SHARE * popularity_N.sum()]] = True
    return is_tail_N


def _fitted(system: str, data: Data, setting: Setting, seed: int) -> tuple[_Score, Fuser | None]:
    torch.manual_seed(seed)
    if system in FUSERS:
        config = FuseConfig(fuser=system)
        fuser = make_fuser(config)
        embeddings = dict(setting.embeddings)
        if not fuser.learned:  # which a build gives what is chosen together as one modality more
            train = _interactions(data, setting)
            embeddings[COLLABORATIVE] = collaborative_embeddings(
                data.catalog, train, min(config.num_features, len(data.catalog) - 1), config.collaborative_window, seed
            )
        fuser.fit(embeddings, setting.events, seed=seed)
        return lambda _people, histories: fuser.scores(histories), fuser
    peer = fit_peer(system, _peer_data(data, setting), sequence=SequenceConfig(num_models=1))
    return lambda people, histories: peer.scores_for(people, histories).astype(np.float32), None


def is_system(name: str) -> bool:
    """Whether a fuser or a peer has this name."""
    return name in FUSERS or name in PEERS


def _interactions(data: Data, setting: Setting) -> Interactions:
    """The training events by their ids."""
    ids = np.array([item.item_id for item in data.catalog], dtype=object)
    histories = setting.events.histories
    return Interactions.sort(
        user_ids=[name for name, history in zip(setting.people, histories, strict=True) for _ in history],
        item_ids=[str(item) for history in histories for item in ids[history]],
    )


def _peer_data(data: Data, setting: Setting) -> TrainingData:
    """The same for peers, who read events by their ids."""
    ids = np.array([item.item_id for item in data.catalog], dtype=object)
    validation = [
        EvaluationCase(user_id="", history=tuple(ids[history]), target=str(ids[row]), timestamp=0)
        for history, row in setting.events.validation[:3000]
    ]
    return TrainingData(
        train=_interactions(data, setting),
        catalog=data.catalog,
        validation=validation,
        content={name: e.vectors for name, e in setting.embeddings.items()},
    )
