"""`genrec bench chat`: conversations with known answers in any built workspace, and real ones about movies.

The sets: files of conversations; without any, conversations made from the catalog's own values, titles and people, and
in a demo workspace those of the made shop. Rows: set, conversations, turns. satisfaction: share of turns whose reply
does what was asked (every item shown passes the filter of the wishes in force, and a wish that nothing meets is
admitted; other messages get their kind of answer). untrue: share of replies in which anything said of any item is not
so. recall@10: share of turns that show the person's held-out next item, where it meets the wishes and was not shown
before; chance@10 and, in a made world, oracle@10 (who knows the tastes) are of the same turns.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from genrec.bench.measure import Row
from genrec.bench.redial import bench_redial
from genrec.bench.talk.catalog_grammar import make_conversations
from genrec.bench.talk.form import EXAMPLE, WrittenScript, read_scripts, scripts_of
from genrec.bench.talk.judge import ConversationJudge, TurnResult, mean
from genrec.bench.talk.shop_grammar import GrammarScript
from genrec.bench.talk.telling import LANGUAGES, Material
from genrec.data.ingest import ingest
from genrec.data.splits import EvaluationCase, split_interactions
from genrec.evaluate.oracle import load_world
from genrec.pipeline import build
from genrec.runtime import progress
from genrec.shop import ShopWorld
from genrec.workspace import Workspace, load

NUM_GRAMMAR = 300
OTHER_SHARE = 1 / 4  # of the conversations made from the catalog, in each language but English
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
HAND_WRITTEN = tuple(f"hand_{ordinal}" for ordinal in _ORDINALS)
Tell = Callable[[str], None]


def bench_chat(
    seed: int,
    *,
    directory: Path | None = None,
    conversations: Sequence[Path] = (),
    redial: Path | None = None,
    movie_turns: int | None = None,
    num_grammar: int = NUM_GRAMMAR,
    hand_written: Sequence[str] = HAND_WRITTEN,
    gives_reasons: bool = True,
    tell: Tell | None = None,
) -> list[Row]:
    """One row per set. directory: a built workspace; without one, the demo's shop is built first.

    conversations: files that are held, and nothing else. num_grammar: how many conversations are made. redial: the
    folder of ReDial, whose rows then follow; its workspace is kept beside the conversations', in `redial`; movie_turns:
    about so many of its turns. tell: is told every turn that failed, and of which set.
    """
    with contextlib.ExitStack() as stack:
        if directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "shop"
            ingest("shop", None, directory, seed=seed)
            build(directory)
        bench = _Bench(load(directory), load_world(directory), seed, gives_reasons=gives_reasons, tell=tell)
        if conversations:
            rows = [bench.hold_file(path) for path in conversations]
        else:
            rows = bench.hold_made(num_grammar)
            rows += [] if bench.judge.world is None else bench.hold_shop(num_grammar, hand_written)
        return rows if redial is None else rows + bench_redial(redial, directory / "redial", max_turns=movie_turns)


class _Bench:
    """Holds sets of conversations in one workspace."""

    def __init__(
        self, recommender: Workspace, world: ShopWorld | None, seed: int, *, gives_reasons: bool, tell: Tell | None
    ) -> None:
        self.judge, self.seed = ConversationJudge(recommender, world), seed
        self.gives_reasons, self.tell = gives_reasons, tell
        self.cases = split_interactions(recommender.interactions, recommender.config.split).test

    def hold_file(self, path: Path) -> Row:
        """The conversations of one file."""
        scripts = read_scripts(path, self.judge.catalog, self.seed)
        return self._summarize(
            path.stem, hold_by_hand(self.judge, scripts, self.cases, self.seed, gives_reasons=self.gives_reasons)
        )

    def hold_made(self, num: int) -> list[Row]:
        """Conversations made from the catalog: a row a language, then one a task over all languages."""
        material, catalog = Material(self.judge.catalog), self.judge.catalog
        rows, by_task = [], dict[str, list[TurnResult]]()
        for language in LANGUAGES:
            count = num if language == LANGUAGES[0] else round(num * OTHER_SHARE)
            document = {"conversation": make_conversations(material, count, language, self.seed)}
            scripts = scripts_of(document, catalog, self.seed, source=f"the grammar of {language}")
            held = hold_by_hand(self.judge, scripts, self.cases, self.seed, gives_reasons=self.gives_reasons)
            rows.append(self._summarize(f"made, {language}", held))
            for result in (result for talk in held for result in talk):
                by_task.setdefault(result.turn.task, []).append(result)
        return rows + [summarize(f"made, {task}", [[r] for r in results]) for task, results in by_task.items()]

    def hold_shop(self, num: int, hand_written: Sequence[str]) -> list[Row]:
        """The made shop's own conversations, and those that were written by hand about it."""
        held = hold_grammar(self.judge, self.cases, num, self.seed, gives_reasons=self.gives_reasons)
        rows = [self._summarize("grammar", held)]
        return rows + [self.hold_file(EXAMPLE.with_name(f"{name}.toml")) for name in hand_written]

    def _summarize(self, name: str, held: Sequence[Sequence[TurnResult]]) -> Row:
        for talk in held:
            wrong = [result for result in talk if result.fails]
            if wrong and self.tell is not None:
                told = [str(result) if result.fails else f"> {result.turn.say}" for result in talk]
                self.tell("\n".join([f"── {name}", *told]))
        return summarize(name, held)


def hold_grammar(
    judge: ConversationJudge, cases: Sequence[EvaluationCase], num: int, seed: int, *, gives_reasons: bool
) -> list[list[TurnResult]]:
    """Conversations by the shop's grammar, each of another person who has the held-out item in mind."""
    assert judge.world is not None
    cases = _shuffled(cases, np.random.default_rng([seed, 1]))
    held = []
    for number in progress(list(range(num)), label="hold conversations by grammar"):
        case = cases[number % len(cases)]
        script = GrammarScript(np.random.default_rng([seed, 2, number]), judge.world, case)
        held.append(list(judge.hold(script, case, gives_reasons=gives_reasons)))
    return held


def hold_by_hand(
    judge: ConversationJudge,
    scripts: Sequence[WrittenScript],
    cases: Sequence[EvaluationCase],
    seed: int,
    *,
    gives_reasons: bool,
) -> list[list[TurnResult]]:
    """Written conversations, each of another person whose held-out item meets its first wishes, if one's does."""
    cases = _shuffled(cases, np.random.default_rng([seed, 3]))
    held = []
    for number, script in enumerate(progress(list(scripts), label="hold conversations")):
        case = _fitting(judge, script, [*cases[number % max(len(cases), 1) :], *cases[: number % max(len(cases), 1)]])
        held.append(list(judge.hold(script, case, gives_reasons=gives_reasons)))
    return held


def _fitting(judge: ConversationJudge, script: WrittenScript, cases: Sequence[EvaluationCase]) -> EvaluationCase | None:
    """The first case whose held-out item meets the first wishes, else the first; None without any, or for a new one."""
    if script.person == "new" or not cases:
        return None
    where = script.first_where
    if where is None:
        return cases[0]
    fits_N = judge.mask(where)
    return next((case for case in cases if fits_N[judge.catalog.row(case.target)]), cases[0])


def _shuffled(cases: Sequence[EvaluationCase], rng: np.random.Generator) -> list[EvaluationCase]:
    return [cases[number] for number in rng.permutation(len(cases))]


def summarize(name: str, held: Sequence[Sequence[TurnResult]]) -> Row:
    """One row of a set: shares over all of its turns."""
    results = [result for talk in held for result in talk]
    searches = [result.search for result in results if result.search is not None]
    found: Mapping[str, Iterable[bool | float | None]] = {
        "satisfaction": [not result.problems for result in results],
        "recall@10": [search.is_found for search in searches],
        "chance@10": [search.chance for search in searches],
        "oracle@10": [search.is_found_by_oracle for search in searches],
        "untrue": [bool(result.untrue) for result in results],
    }
    shares = {column: mean(values) for column, values in found.items()}
    row: Row = {"set": name, "conversations": len(held), "turns": len(results)}
    return row | {column: share for column, share in shares.items() if share is not None}
