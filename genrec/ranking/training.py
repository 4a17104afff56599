"""Training of the ranking models on one split: the sequence models, the language model, the mixture of both.

The language model is tuned on histories and alignment tasks of the training split; Recall@10 on validation cases
chooses its checkpoint, and ndcg@10 its share in the mixture. Knows the data's shape; deliberately knows nothing of
workspaces or of the training loops.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from genrec.config import Config
from genrec.data.splits import EvaluationCase, Split
from genrec.model.lm.beam_search import Beams
from genrec.model.lm.language import LanguageModel
from genrec.model.lm.vocabulary import history_prompt
from genrec.model.training.distillation import Teacher
from genrec.model.training.examples import AlignmentExamples, next_item_examples
from genrec.model.training.tuning import TuneReport, train
from genrec.ranking.item_scorer import ItemScorer
from genrec.ranking.mixing import PoolCases, best_share, choose_mixture, tried_shares
from genrec.ranking.pool_cases import PoolCollector
from genrec.schema import Catalog, IntArray
from genrec.semids.table import SemanticIdTable
from genrec.semids.trie import Trie

VALIDATION_WIDTH = 20
MIN_COLD_ITEMS = 20  # from which on the cold items themselves tell what bonus they need
_HIDDEN_SHARE = 0.05  # of the items, which stand in for cold ones where there are fewer
_BATCH = 64
A = TypeVar("A")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """What validation chose: the item head's share in the language model, the item scorer's in the pool, the bonus.

    cold_bonus: None leaves cold items as they are; validation: ndcg@10 by who answers, of the cases that chose, cold
    items gaining nothing.
    """

    head_share: float
    share: float
    cold_bonus: float | None
    validation: Mapping[str, float]


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
        num_found = 0
        for cases, beams in self._batches(lambda cases: self._beams(language_model, cases, VALIDATION_WIDTH)):
            targets = self._catalog.rows(case.target for case in cases)
            num_found += int((beams.row[:, :10].cpu().numpy() == targets[:, None]).any(axis=1).sum())
        return num_found / len(self.cases)

    def mix(self, language_model: LanguageModel, item_scorer: ItemScorer, config: Config) -> Mixture:
        """How much each judge has to say: see `choose_mixture`.

        Where no exposure of cold items is wished in `recommend.newcomer_exposure`, or they are not scored by their
        content, they are left as they are. Where few items are cold, some known ones stand in for them.
        """
        exposure = config.recommend.newcomer_exposure
        wishes = exposure is not None and item_scorer.scores_cold_items
        item_scorer = item_scorer.with_cold_bonus(0.0 if wishes else None)
        if not self.cases:
            return Mixture(head_share=0.0, share=0.0, cold_bonus=None, validation={})
        found = self._pool_cases(language_model, item_scorer, config)
        heads = [0.0, *config.mixture.head_shares] if item_scorer.head is not None else [0.0]
        found = found.with_best_head_share(heads)
        if exposure is None or not wishes:
            share, cold_bonus = best_share({share: found.ndcg(share) for share in tried_shares(config)}), None
        else:
            hidden = self._stand_ins(item_scorer)
            unseen = found
            if len(hidden):
                unseen = self._pool_cases(language_model, item_scorer.hiding(hidden), config, hidden)
                unseen = replace(unseen, head_share=found.head_share)
            share, cold_bonus = choose_mixture(found, unseen, exposure, config)
        plain = found.as_they_come()
        validation = {
            "codes": replace(plain, head_share=0.0).ndcg(0.0),
            "language_model": plain.ndcg(0.0),
            "item_scorer": plain.ndcg(1.0),
            "pool": plain.ndcg(share),
        }
        return Mixture(head_share=found.head_share, share=share, cold_bonus=cold_bonus, validation=validation)

    def _pool_cases(
        self, language_model: LanguageModel, item_scorer: ItemScorer, config: Config, hidden: IntArray | None = None
    ) -> PoolCases:
        """What all judges say of the items that can stand among the best; what is in the history is left out.

        hidden: rows that the item scorer is to know nothing of, of histories either.
        """
        collector = PoolCollector(item_scorer)

        def asked(cases: Sequence[EvaluationCase]) -> None:
            histories = [self._catalog.rows(case.history) for case in cases]
            seen = histories if hidden is None else [rows[~np.isin(rows, hidden)] for rows in histories]
            targets = self._catalog.rows(case.target for case in cases)
            judged = collector.judge(histories, seen)
            also_BC = torch.from_numpy(judged.likely_BC).to(language_model.device)
            beams = self._beams(language_model, cases, config.recommend.beam_width, also_BC)
            collector.add(judged, targets, beams.row.cpu().numpy(), beams.score_nats.double().cpu().numpy())

        for _ in self._batches(asked):
            pass
        return collector.cases()

    def _stand_ins(self, item_scorer: ItemScorer) -> IntArray:
        """Known items that stand in for cold ones, where there are too few of these; catalog rows, ascending."""
        known = np.flatnonzero(~item_scorer.is_cold_N & item_scorer.content_ND.any(axis=1))
        num_hidden = min(len(known) - 1, max(1, round(_HIDDEN_SHARE * item_scorer.num_items)))
        if item_scorer.is_cold_N.sum() >= MIN_COLD_ITEMS or num_hidden <= 0:
            return known[:0]
        return np.sort(np.random.default_rng(self._seed).choice(known, num_hidden, replace=False))

    def _batches(self, ask: Callable[[Sequence[EvaluationCase]], A]) -> Iterator[tuple[Sequence[EvaluationCase], A]]:
        """Batches of cases with their answers."""
        starts = range(0, len(self.cases), _BATCH)
        for start in starts:
            cases = self.cases[start : start + _BATCH]
            yield cases, ask(cases)

    def _beams(
        self,
        language_model: LanguageModel,
        cases: Sequence[EvaluationCase],
        width: int,
        also_BC: torch.Tensor | None = None,
    ) -> Beams:
        """The language model's beams for a batch of cases, histories left out; also_BC: rows that are scored, too."""
        if self._trie is None:
            self._trie = Trie.build(self._table.codes, device=language_model.device)
        narrowing = self._trie.narrow([None] * len(cases), [self._catalog.rows(case.history) for case in cases])
        prompts = [
            history_prompt(
                language_model.prompts,
                [self._table.semantic_id(item_id) for item_id in case.history],
                max_history=self._max_history,
            )
            for case in cases
        ]
        return language_model.search(prompts, trie=self._trie, width=width, narrowing=narrowing, also_BC=also_BC)
