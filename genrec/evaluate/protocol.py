"""Full-ranking evaluation: every case is asked over the whole catalog, and every peer is asked the same.

Knows how to put ours, the peers, the oracle and chance side by side; deliberately knows nothing of how a recommender
works. Sampled negatives are not offered: they rank models inconsistently (Krichene and Rendle, KDD 2020).

Axis legend: B cases, K positions, N items.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from genrec import __version__
from genrec.artifacts import fingerprint
from genrec.config import Config
from genrec.data.splits import Split, split_interactions
from genrec.evaluate import metrics
from genrec.evaluate.contract import Scores, TrainingData, popularity_of, top_rows
from genrec.evaluate.oracle import KnownWorld, Oracle
from genrec.evaluate.peer_cache import PeerCache
from genrec.evaluate.peers import PEERS, READ_CONTENT, READ_VECTORS, PeerMakers, check_peers, fit_peer, of_papers
from genrec.evaluate.questions import Answers, AskFunction, Questions, answers_of, choose_cases, slices_of
from genrec.evaluate.report import TESTED_METRICS, UNMASKED, EvaluationReport, SliceReport, describe_machine
from genrec.schema import BoolArray, Catalog, Embeddings, FloatArray, IntArray, Interactions, Recommendation
from genrec.settings import stored

DEFAULT_PEERS: tuple[str, ...] = ("popularity", "itemknn", "content-knn")
OURS = "ours"
ALONE = {"language model alone": 0.0, "item scorer alone": 1.0}  # shares of the item scorer in the pool
_BEYOND_ACCURACY_AT = 10

_T = TypeVar("_T")


class Recommends(Protocol):
    """A recommender as an evaluation asks it; genrec.ranking.recommender's Recommender is one."""

    @property
    def catalog(self) -> Catalog: ...
    @property
    def interactions(self) -> Interactions: ...
    @property
    def vectors(self) -> FloatArray: ...
    @property
    def embeddings(self) -> Mapping[str, Embeddings]: ...
    @property
    def config(self) -> Config: ...
    @property
    def feedback_scheme(self) -> str: ...
    @property
    def shares(self) -> Mapping[str, float]: ...

    def recommend_batch(
        self,
        histories: Sequence[Sequence[str]],
        *,
        k: int,
        exclude_history: bool,
        disliked: Sequence[Sequence[str]] | None = None,
        sequence_weight: float | None = None,
    ) -> Sequence[Sequence[Recommendation]]: ...


def evaluate(
    recommender: Recommends,
    *,
    split: Literal["test", "validation"] = "test",
    peers: Sequence[str] = DEFAULT_PEERS,
    world: KnownWorld | None = None,
    max_users: int | None = None,
    unmasked: bool = True,
    alone: bool = False,
    seed: int = 7,
    keep: Path | None = None,
    known_peers: PeerMakers = PEERS,
) -> EvaluationReport:
    """Rank the whole catalog for every case, and let each peer do the same on the same cases.

    `recall@10` and the other plain names are masked: items of the history are not ranked. `recall@10_unmasked` ranks
    them too, which costs ours a second search and peers next to nothing; unmasked=False leaves it out. What a person
    disliked before a case is never ranked, by anyone, and ours knows of it.
    peers: names in `known_peers`; chance is always there. world: the truth of a made world, for the oracle. alone: rank
    once more by each of our two models by itself. max_users: evaluate so many cases only, drawn by the seed. keep: a
    folder for what peers answer, so that the same peers are not trained again for the same questions.
    Raises InputError when the workspace has no case of this split, or a peer is unknown.
    """
    check_peers(peers, known_peers)
    parts = split_interactions(recommender.interactions, recommender.config.split)
    questions = Questions.of(choose_cases(parts, split, max_users, seed), recommender.catalog)
    answers, seconds = _answers_of_ours(recommender, questions, unmasked=unmasked, alone=alone)
    for name in peers:
        key = "" if keep is None else _key_of(name, recommender, split, max_users, unmasked, seed)

        def ask_peer(work: Path | None, name: str = name) -> Answers:
            ask = _ask_peer(name, recommender, parts, questions, work, known_peers)
            return answers_of(ask, questions, unmasked=unmasked, label=f"peer {name}")

        answers[name] = PeerCache(keep, key).get(name, ask_peer)
    if world is not None:
        ask = _ask_oracle(Oracle(world, recommender.catalog), questions)
        answers["oracle"] = answers_of(ask, questions, unmasked=unmasked, label="oracle")
    popularity_N = popularity_of(parts.train, recommender.catalog)
    slices = slices_of(questions, popularity_N, recommender.catalog)
    report = _report(answers, questions, slices, popularity_N, protocol=parts.protocol, split=split, seed=seed)
    report = replace(report, feedback=recommender.feedback_scheme, shares=dict(recommender.shares))
    return replace(report, seconds=seconds, users_per_second=len(questions) * (1 + unmasked) / max(seconds, 1e-9))


def _answers_of_ours(
    recommender: Recommends, questions: Questions, *, unmasked: bool, alone: bool
) -> tuple[dict[str, Answers], float]:
    """The recommender's answers, on request also those of each of its models alone, and the seconds of the former."""
    start = time.monotonic()
    ask = _ask_recommender(recommender, questions)
    answers = {OURS: answers_of(ask, questions, unmasked=unmasked, label="ours")}
    seconds = time.monotonic() - start
    for name, weight in ALONE.items() if alone else ():
        ask = _ask_recommender(recommender, questions, sequence_weight=weight)
        answers[name] = answers_of(ask, questions, unmasked=unmasked, label=name)
    return answers, seconds


def _report(
    answers: Mapping[str, Answers],
    questions: Questions,
    slices: Mapping[str, BoolArray],
    popularity_N: IntArray,
    *,
    protocol: str,
    split: str,
    seed: int,
) -> EvaluationReport:
    """All figures of the answers; the times are left at 0, and the scheme of feedback empty."""
    everything = _slice_report(answers, questions, np.ones(len(questions), dtype=np.bool_))
    beyond = {name: _beyond_accuracy(a.lists_BK, questions, popularity_N) for name, a in answers.items()}
    return EvaluationReport(
        protocol=protocol,
        feedback="",
        shares={},
        split=split,
        num_users=everything.num_users,
        num_cases=everything.num_cases,
        num_items=questions.num_items,
        num_repeat_targets=int(questions.is_repeat().sum()),
        metrics={**everything.metrics, **beyond[OURS]},
        ci95=everything.ci95,
        peers={name: {**figures, **beyond.get(name, {})} for name, figures in everything.peers.items()},
        peers_ci95=everything.peers_ci95,
        p_values=_p_values(answers),
        share_of_oracle=metrics.share_of(everything.metrics, everything.peers.get("oracle", {})),
        slices={name: _slice_report(answers, questions, keep_B) for name, keep_B in slices.items()},
        seconds=0.0,
        users_per_second=0.0,
        seed=seed,
        machine=describe_machine(),
    )


def _ask_recommender(
    recommender: Recommends, questions: Questions, sequence_weight: float | None = None
) -> AskFunction:
    catalog = recommender.catalog

    def lists_of(numbers: Sequence[int], k: int, masked: bool) -> IntArray:
        histories = [questions.cases[number].history for number in numbers]
        found = recommender.recommend_batch(
            histories,
            k=k,
            exclude_history=masked,
            disliked=[questions.cases[number].disliked for number in numbers],
            sequence_weight=sequence_weight,
        )
        lists_BK = np.full((len(numbers), k), metrics.NO_ITEM, dtype=np.int64)
        for row_K, recommendations in zip(lists_BK, found, strict=True):
            row_K[: len(recommendations)] = catalog.rows(entry.item_id for entry in recommendations)
        return lists_BK

    return lambda numbers, wanted: [lists_of(numbers, k, masked) for k, masked in wanted]


def _key_of(name: str, recommender: Recommends, *asked: object) -> str:
    """A fingerprint of all that a peer's answers depend on."""
    events, config = recommender.interactions.positives(), recommender.config
    read: list[npt.NDArray[np.generic]] = [events.timestamps]
    if name in READ_VECTORS:
        read.append(recommender.vectors)
    if name in READ_CONTENT:
        read += [embeddings.vectors for _, embeddings in sorted(recommender.embeddings.items())]
    logged = [fingerprint(np.asarray(column).tobytes()) for column in read]
    who_what = [list(events.user_ids), list(events.item_ids)]
    settings = [stored(config.split), stored(of_papers(config.sequence))]
    return fingerprint(__version__, recommender.catalog.fingerprint, who_what, logged, settings, asked)


def _ask_peer(
    name: str,
    recommender: Recommends,
    parts: Split,
    questions: Questions,
    work: Path | None,
    known_peers: PeerMakers,
) -> AskFunction:
    content = {modality: embeddings.vectors for modality, embeddings in recommender.embeddings.items()}
    data = TrainingData(parts.train, recommender.catalog, parts.validation, recommender.vectors, content)
    peer = fit_peer(name, data, sequence=recommender.config.sequence, work=work, known_peers=known_peers)

    def scores(numbers: Sequence[int]) -> Scores:
        users = [questions.cases[number].user_id for number in numbers]
        return peer.scores_for(users, [questions.histories[number] for number in numbers])

    return _ask_scores(scores, questions)


def _ask_oracle(oracle: Oracle, questions: Questions) -> AskFunction:
    return _ask_scores(lambda numbers: oracle.scores([questions.cases[number] for number in numbers]), questions)


def _ask_scores(scores: Callable[[Sequence[int]], Scores], questions: Questions) -> AskFunction:
    """Score all items once, and rank them under every mask that is wanted."""

    def ask(numbers: Sequence[int], wanted: Sequence[tuple[int, bool]]) -> list[IntArray]:
        scores_BN = scores(numbers)
        return [top_rows(scores_BN, questions.excluded(numbers, masked), k) for k, masked in wanted]

    return ask


def _slice_report(answers: Mapping[str, Answers], questions: Questions, keep_B: BoolArray) -> SliceReport:
    peers = {name: _figures(answer, keep_B) for name, answer in answers.items() if name != OURS}
    is_unmasked = answers[OURS].unmasked_ranks_B is not None
    peers["random"] = _figures_of_random(questions, keep_B, is_unmasked)
    return SliceReport(
        num_users=questions.num_users(keep_B),
        num_cases=int(keep_B.sum()),
        metrics=_figures(answers[OURS], keep_B),
        ci95=_intervals(answers[OURS], keep_B),
        peers=peers,
        peers_ci95={name: _intervals(answer, keep_B) for name, answer in answers.items() if name != OURS},
    )


def _figures(answer: Answers, keep_B: BoolArray) -> dict[str, float]:
    figures = metrics.summarize(answer.ranks_B[keep_B])
    if answer.unmasked_ranks_B is not None:
        figures |= _unmasked(metrics.summarize(answer.unmasked_ranks_B[keep_B]))
    return figures


def _intervals(answer: Answers, keep_B: BoolArray) -> dict[str, metrics.Interval]:
    found = metrics.intervals(answer.ranks_B[keep_B])
    if answer.unmasked_ranks_B is not None:
        found |= _unmasked(metrics.intervals(answer.unmasked_ranks_B[keep_B]))
    return found


def _figures_of_random(questions: Questions, keep_B: BoolArray, is_unmasked: bool) -> dict[str, float]:
    figures = metrics.expected_of_random(~questions.is_repeat()[keep_B], questions.num_legal(True)[keep_B])
    if is_unmasked:
        anything = np.ones(int(keep_B.sum()), dtype=np.bool_)
        figures |= _unmasked(metrics.expected_of_random(anything, questions.num_legal(False)[keep_B]))
    return figures


def _unmasked(figures: Mapping[str, _T]) -> dict[str, _T]:
    return {f"{name}{UNMASKED}": value for name, value in figures.items()}


def _beyond_accuracy(lists_BK: IntArray, questions: Questions, popularity_N: IntArray) -> dict[str, float]:
    k = _BEYOND_ACCURACY_AT
    shown_N = metrics.exposure(lists_BK[:, :k], questions.num_items)
    return {
        f"coverage@{k}": metrics.coverage(shown_N),
        f"gini@{k}": metrics.gini(shown_N),
        f"popularity_lift@{k}": metrics.popularity_lift(lists_BK[:, :k], questions.histories, popularity_N),
    }


def _p_values(answers: Mapping[str, Answers]) -> dict[str, dict[str, float]]:
    """The p-value of each peer's difference from ours, per metric, over the same users."""
    ours = _per_case(answers[OURS])
    found: dict[str, dict[str, float]] = {}
    for name, answer in answers.items():
        if name != OURS:
            theirs = _per_case(answer)
            found[name] = {key: metrics.paired_p_value(ours[key], theirs[key]) for key in theirs}
    return found


def _per_case(answer: Answers) -> dict[str, metrics.Ranks]:
    """The values of the tested metrics in each case, masked and, where it was asked, unmasked."""
    masked = metrics.per_case(answer.ranks_B)
    found = {name: masked[name] for name in TESTED_METRICS}
    if answer.unmasked_ranks_B is not None:
        unmasked = metrics.per_case(answer.unmasked_ranks_B)
        found |= _unmasked({name: unmasked[name] for name in TESTED_METRICS})
    return found
