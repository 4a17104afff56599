"""The recipe: what a language model is tuned on, and how its checkpoints are judged.

Histories and alignment tasks of the training split; Recall@10 on validation cases chooses the checkpoint. Knows the
data's shape; deliberately knows nothing of workspaces or of the training loop.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from genrec.config import Config
from genrec.data.splits import EvaluationCase, Split
from genrec.model.examples import AlignmentExamples, Expectation, history_prompt, next_item_examples
from genrec.model.experts import ItemExperts
from genrec.model.language import LanguageModel
from genrec.model.mixing import WEIGHTS, Nats, mix_expectations
from genrec.model.sequence import SequenceModel, SequenceReport
from genrec.model.sequence_training import expected_items, train_sequence_model
from genrec.model.teaching import Teacher
from genrec.model.tuning import TuneReport, train
from genrec.runtime import pick_device
from genrec.schema import Catalog, FloatArray, IntArray
from genrec.semids.table import SemanticIdTable
from genrec.semids.trie import Trie

MAX_VALIDATION_CASES = 500  # cases that choose the best checkpoint
MAX_MIXING_CASES = 2500  # cases that choose the share of the item experts
VALIDATION_WIDTH = 20
NUM_TAUGHT = 64  # likeliest items that a teacher passes on
_Answered: TypeAlias = tuple[Sequence[EvaluationCase], IntArray, IntArray, npt.NDArray[np.float64]]


def tune_on(
    language_model: LanguageModel,
    catalog: Catalog,
    table: SemanticIdTable,
    split: Split,
    config: Config,
    work: Path,
    sequence_model: SequenceModel | None = None,
    among: SemanticIdTable | None = None,
) -> TuneReport:
    """Train on a split's histories and alignment tasks; validation cases choose the checkpoint.

    sequence_model: its expectations grade `tune.teacher_share` of the history's codes, beside what was truly chosen.
    among: the items that an item must be told from, those of `table` unless given.
    """
    tune = config.tune
    semantic_id_of = {item.item_id: table.semantic_id(item.item_id) for item in catalog}
    histories = list(split.train.histories().values())
    examples = next_item_examples(
        language_model.prompts,
        [[semantic_id_of[item_id] for item_id in history] for history in histories],
        max_history=tune.max_history,
    )
    alignment = AlignmentExamples(
        language_model.prompts, catalog, semantic_id_of, histories, max_history=tune.max_history
    )
    num_alignment = round((len(examples) or len(catalog)) * tune.alignment_share / (1 - tune.alignment_share))
    examples += alignment.draw(max(1, num_alignment), np.random.default_rng(config.seed))
    judge = Judge(catalog, table, split.validation, tune.max_history, config.seed)
    teacher = None
    if sequence_model is not None and tune.teacher_share > 0:
        expected = expected_items(sequence_model, [catalog.rows(h) for h in histories], num_items=NUM_TAUGHT)
        teacher = Teacher(
            expectations=[Expectation(rows_TK=rows, shares_TK=shares) for rows, shares in expected],
            codes_NL=table.codes.astype(np.int64),
            share=tune.teacher_share,
        )
    trie = Trie.build((among or table).codes, device=language_model.device)
    return train(
        language_model,
        examples,
        config=tune,
        validate=judge,
        work=work,
        seed=config.seed,
        trie=trie,
        teacher=teacher,
    )


def train_sequence_on(
    catalog: Catalog, split: Split, config: Config, *, content: FloatArray | None, work: Path
) -> tuple[SequenceModel, SequenceReport]:
    """Train the sequence model on a split's histories; its validation cases choose the epoch."""
    return train_sequence_model(
        [catalog.rows(history) for history in split.train.histories().values()],
        len(catalog),
        [(catalog.rows(case.history), catalog.row(case.target)) for case in split.validation],
        config.sequence,
        content=content,
        device=pick_device(config.device),
        seed=config.seed,
        work=work,
    )


def _gain(rows: IntArray, nats: Nats, history: IntArray, target: int) -> float:
    """What the target's place is worth in ndcg@10, items of the history left out."""
    place = np.flatnonzero(rows == target)
    if not len(place) or target in history:
        return 0.0
    better = int(((nats > nats[place[0]]) & ~np.isin(rows, history)).sum())
    return float(1 / np.log2(better + 2)) if better < 10 else 0.0


class Judge:
    """Recall@10 on a fixed sample of validation cases, items of the history masked; 0 when there are none."""

    def __init__(
        self,
        catalog: Catalog,
        table: SemanticIdTable,
        cases: Sequence[EvaluationCase],
        max_history: int,
        seed: int,
        max_cases: int = MAX_VALIDATION_CASES,
    ) -> None:
        rng = np.random.default_rng(seed)
        chosen = rng.permutation(len(cases))[:max_cases]
        self._cases = [cases[number] for number in sorted(chosen)]
        self._catalog, self._table, self._max_history = catalog, table, max_history
        self._trie: Trie | None = None

    def __call__(self, language_model: LanguageModel) -> float:
        if not self._cases:
            return 0.0
        batches = self._ask(language_model, VALIDATION_WIDTH)
        return sum(int((rows[:, :10] == targets[:, None]).any(axis=1).sum()) for _, targets, rows, _ in batches) / len(
            self._cases
        )

    def choose_weight(self, language_model: LanguageModel, experts: ItemExperts, width: int) -> float:
        """The item experts' share in the mixture with the beams that has the best ndcg@10; 0 without cases."""
        gains = []
        for cases, targets, rows_BW, scores_BW in self._ask(language_model, width):
            histories = [self._catalog.rows(case.history) for case in cases]
            expected_BN = experts.log_probabilities(histories).astype(np.float64)
            for case, target in enumerate(targets):
                mixtures = [mix_expectations(rows_BW[case], scores_BW[case], expected_BN[case], w) for w in WEIGHTS]
                gains.append([_gain(rows, nats, histories[case], int(target)) for rows, nats in mixtures])
        if not gains:
            return 0.0
        return WEIGHTS[int(np.array(gains).mean(axis=0).argmax())]

    def _ask(self, language_model: LanguageModel, width: int) -> Iterator[_Answered]:
        """Batches of cases with their targets' rows (B,), and the beams' rows and scores (B, W)."""
        if self._trie is None:
            self._trie = Trie.build(self._table.codes, device=language_model.device)
        for start in range(0, len(self._cases), 64):
            cases = self._cases[start : start + 64]
            seen = [self._catalog.rows(case.history) for case in cases]
            narrowing = self._trie.narrow([None] * len(cases), seen)
            prompts = [
                history_prompt(
                    language_model.prompts,
                    [self._table.semantic_id(item_id) for item_id in case.history],
                    max_history=self._max_history,
                )
                for case in cases
            ]
            beams = language_model.search(prompts, trie=self._trie, width=width, narrowing=narrowing)
            targets = self._catalog.rows(case.target for case in cases)
            yield cases, targets, beams.row.cpu().numpy(), beams.score_nats.cpu().numpy().astype(np.float64)
