"""Training of the ranking models on one split: the sequence models, the language model, the mixture of both.

The language model is tuned on histories and alignment tasks of the training split; Recall@10 on validation cases
chooses its checkpoint, and ndcg@10 its share in the mixture. Knows the data's shape; deliberately knows nothing of
workspaces or of the training loops.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from genrec.config import Config
from genrec.data.splits import EvaluationCase, Split
from genrec.model.lm.language import LanguageModel
from genrec.model.lm.vocabulary import history_prompt
from genrec.model.training.distillation import Teacher
from genrec.model.training.examples import AlignmentExamples, next_item_examples
from genrec.model.training.tuning import TuneReport, train
from genrec.ranking.item_scorer import ItemScorer
from genrec.ranking.mixing import MixtureCases, best_share, choose_mixture, tried_shares
from genrec.schema import Catalog, IntArray
from genrec.semids.table import SemanticIdTable
from genrec.semids.trie import Trie

VALIDATION_WIDTH = 20
MIN_COLD_ITEMS = 20  # from which on the cold items themselves tell what bonus they need
_HIDDEN_SHARE = 0.05  # of the items, which stand in for cold ones where there are fewer
_Answered: TypeAlias = tuple[Sequence[EvaluationCase], IntArray, IntArray, npt.NDArray[np.float64]]


def tune_on(
    language_model: LanguageModel,
    catalog: Catalog,
    table: SemanticIdTable,
    split: Split,
    config: Config,
    work: Path,
    item_scorer: ItemScorer | None = None,
    among: SemanticIdTable | None = None,
) -> TuneReport:
    """Train on a split's histories and alignment tasks; validation cases choose the checkpoint.

    item_scorer: the teacher, whose soft targets grade `tune.teacher_share` of the history's items in place of what was
    truly chosen; among: the items that an item must be told from, those of `table` unless given.
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
    judge = ValidationJudge(catalog, table, split.validation, tune.max_history, config.seed, tune.validation_cases)
    teacher = None
    if item_scorer is not None and tune.teacher_share > 0:
        teacher = Teacher(
            soft_targets=item_scorer.soft_targets([catalog.rows(h) for h in histories], tune.teacher_items),
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


class ValidationJudge:
    """Recall@10 on a fixed sample of validation cases, items of the history masked; 0 when there are none."""

    def __init__(
        self,
        catalog: Catalog,
        table: SemanticIdTable,
        cases: Sequence[EvaluationCase],
        max_history: int,
        seed: int,
        max_cases: int,
    ) -> None:
        rng = np.random.default_rng(seed)
        chosen = rng.permutation(len(cases))[:max_cases]
        self.cases = tuple(cases[number] for number in sorted(chosen))
        self._catalog, self._table, self._max_history, self._seed = catalog, table, max_history, seed
        self._trie: Trie | None = None

    @property
    def num_cases(self) -> int:
        """The number of cases in the sample."""
        return len(self.cases)

    def __call__(self, language_model: LanguageModel) -> float:
        """Recall@10 of one model."""
        if not self.cases:
            return 0.0
        batches = self._ask(language_model, VALIDATION_WIDTH)
        return sum(int((rows[:, :10] == targets[:, None]).any(axis=1).sum()) for _, targets, rows, _ in batches) / len(
            self.cases
        )

    def mix(self, language_model: LanguageModel, item_scorer: ItemScorer, config: Config) -> tuple[float, float | None]:
        """The item scorer's share in the mixture with the beams, and the cold-start bonus: see `choose_mixture`.

        The share is 0 without cases; the bonus is None, which leaves cold items as they are, where none is set in
        `recommend.newcomer_exposure` or they are not scored by their content. Where few items are cold, some known ones
        stand in for them.
        """
        exposure = config.recommend.newcomer_exposure
        answered = [
            (self._catalog.rows(case.history), int(target), rows_W, scores_W)
            for cases, targets, rows_BW, scores_BW in self._ask(language_model, config.recommend.beam_width)
            for case, target, rows_W, scores_W in zip(cases, targets, rows_BW, scores_BW, strict=True)
        ]
        if not answered:
            return 0.0, None
        if exposure is None or not item_scorer.scores_cold_items:
            found = MixtureCases.find(answered, item_scorer.with_cold_bonus(None))
            return best_share({share: found.ndcg(share) for share in tried_shares(config)}), None
        item_scorer = item_scorer.with_cold_bonus(0.0)
        found = MixtureCases.find(answered, item_scorer)
        hidden = self._stand_ins(item_scorer)
        if not len(hidden):
            return choose_mixture(found, found, exposure, config)
        unseen = [
            (history[~np.isin(history, hidden)], target, rows_W, np.where(np.isin(rows_W, hidden), -np.inf, nats_W))
            for history, target, rows_W, nats_W in answered
        ]
        return choose_mixture(found, MixtureCases.find(unseen, item_scorer.hiding(hidden)), exposure, config)

    def _stand_ins(self, item_scorer: ItemScorer) -> IntArray:
        """Known items that stand in for cold ones, where there are too few of these; catalog rows, ascending."""
        known = np.flatnonzero(~item_scorer.is_cold_N)
        num_hidden = min(len(known) - 1, max(1, round(_HIDDEN_SHARE * item_scorer.num_items)))
        if item_scorer.num_items - len(known) >= MIN_COLD_ITEMS or num_hidden <= 0:
            return known[:0]
        return np.sort(np.random.default_rng(self._seed).choice(known, num_hidden, replace=False))

    def _ask(self, language_model: LanguageModel, width: int) -> Iterator[_Answered]:
        """Batches of cases with their targets' rows (B,), and the beams' rows and scores (B, W)."""
        if self._trie is None:
            self._trie = Trie.build(self._table.codes, device=language_model.device)
        for start in range(0, len(self.cases), 64):
            cases = self.cases[start : start + 64]
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
