"""`genrec bench chat`: scripted conversations in the demo world, and real ones about movies, with known answers.

Rows: set, conversations, turns. satisfaction: share of turns whose reply does what was asked (every item shown meets
every wish in force, and a wish that nothing meets is admitted; other messages get their kind of answer). slot_f1: of
intents, items and wishes understood. recall@10: share of turns that show the person's held-out next item, where it
meets the wishes and was not shown before; chance@10 and oracle@10 (who knows the tastes) are of the same turns.
untrue: share of replies in which anything said of any item is not so.
"""

import contextlib
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from genrec.bench.measure import Row
from genrec.bench.redial import bench_redial
from genrec.bench.talk.grammar import GrammarScript
from genrec.bench.talk.meaning import meets
from genrec.bench.talk.scripts import HAND_WRITTEN, HandScript, read_scripts
from genrec.bench.talk.simulation import ConversationJudge, TurnResult
from genrec.data.ingest import ingest
from genrec.data.splits import EvaluationCase, split_interactions
from genrec.errors import InputError
from genrec.evaluate.oracle import load_world
from genrec.pipeline import build
from genrec.runtime import progress
from genrec.workspace import Workspace, load

NUM_GRAMMAR = 300


def bench_chat(
    seed: int,
    *,
    directory: Path | None = None,
    redial: Path | None = None,
    num_grammar: int = NUM_GRAMMAR,
    hand_written: Sequence[str] = HAND_WRITTEN,
    gives_reasons: bool = True,
) -> list[Row]:
    """One row per set. directory: a built demo workspace; without one, the demo's shop is built first.

    redial: the folder of ReDial, whose rows then follow; its workspace is kept beside the conversations', in `redial`.
    """
    with contextlib.ExitStack() as stack:
        if directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "shop"
            ingest("shop", None, directory, seed=seed)
            build(directory)
        rows = _demo_rows(directory, seed, num_grammar, hand_written, gives_reasons=gives_reasons)
        return rows if redial is None else rows + bench_redial(redial, directory / "redial")


def _demo_rows(
    directory: Path, seed: int, num_grammar: int, hand_written: Sequence[str], *, gives_reasons: bool
) -> list[Row]:
    recommender = load(directory)
    world = load_world(directory)
    if world is None:
        raise InputError(f"{directory} holds no made shop, so no answer is known; wanted the workspace of genrec demo")
    judge = ConversationJudge(recommender, world)
    rows = [summarize("grammar", hold_grammar(judge, num_grammar, seed, gives_reasons=gives_reasons))]
    for name in hand_written:
        scripts = read_scripts(name, recommender.catalog, seed)
        rows.append(summarize(name, hold_by_hand(judge, scripts, seed, gives_reasons=gives_reasons)))
    return rows


def hold_grammar(judge: ConversationJudge, num: int, seed: int, *, gives_reasons: bool) -> list[list[TurnResult]]:
    """Conversations by the grammar, each of another person who has the held-out item in mind."""
    rng = np.random.default_rng([seed, 1])
    cases = _shuffled(judge.recommender, rng)
    held = []
    for number in progress(list(range(num)), label="hold conversations by grammar"):
        case = cases[number % len(cases)]
        script = GrammarScript(np.random.default_rng([seed, 2, number]), judge.world, case)
        held.append(list(judge.hold(script, case, gives_reasons=gives_reasons)))
    return held


def hold_by_hand(
    judge: ConversationJudge, scripts: Sequence[HandScript], seed: int, *, gives_reasons: bool
) -> list[list[TurnResult]]:
    """Hand-written conversations, each of another person whose held-out item meets its first wishes, if one's does."""
    cases = _shuffled(judge.recommender, np.random.default_rng([seed, 3]))
    held = []
    for number, script in enumerate(progress(list(scripts), label="hold conversations by hand")):
        turned = [*cases[number:], *cases[:number]]
        wishes = script.first_wishes
        fitting = (case for case in turned if meets(judge.looks[case.target], wishes, judge.all_looks))
        held.append(list(judge.hold(script, next(fitting, turned[0]), gives_reasons=gives_reasons)))
    return held


def _shuffled(recommender: Workspace, rng: np.random.Generator) -> list[EvaluationCase]:
    cases = split_interactions(recommender.interactions, recommender.config.split).test
    return [cases[number] for number in rng.permutation(len(cases))]


def summarize(name: str, held: Sequence[Sequence[TurnResult]]) -> Row:
    results = [result for conversation in held for result in conversation]
    wanted, understood = sum(r.num_wanted for r in results), sum(r.num_understood for r in results)
    precision = sum(r.num_used for r in results) / max(understood, 1)
    recall = sum(r.num_matched for r in results) / max(wanted, 1)
    searches = [result.search for result in results if result.search is not None]
    return {
        "set": name,
        "conversations": len(held),
        "turns": len(results),
        "satisfaction": _mean(not result.problems for result in results),
        "slot_f1": 2 * precision * recall / max(precision + recall, 1e-9),
        "recall@10": _mean(search.is_found for search in searches),
        "chance@10": _mean(search.chance for search in searches),
        "oracle@10": _mean(search.is_found_by_oracle for search in searches),
        "untrue": _mean(bool(result.untrue) for result in results),
    }


def _mean(values: Iterable[float]) -> float:
    found = [float(value) for value in values]
    return sum(found) / max(len(found), 1)
