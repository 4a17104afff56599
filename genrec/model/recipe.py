"""The recipe: what a language model is tuned on, and how its checkpoints are judged.

Histories and alignment tasks of the training split; Recall@10 on validation cases chooses the checkpoint. Knows the
data's shape; deliberately knows nothing of workspaces or of the training loop.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from genrec.config import Config
from genrec.data.splits import EvaluationCase, Split
from genrec.model.examples import AlignmentExamples, history_prompt, next_item_examples
from genrec.model.language import LanguageModel
from genrec.model.tuning import TuneReport, train
from genrec.schema import Catalog
from genrec.semids.table import SemanticIdTable
from genrec.semids.trie import Trie

MAX_VALIDATION_CASES = 500  # cases that choose the best checkpoint
VALIDATION_WIDTH = 20


def tune_on(
    language_model: LanguageModel,
    catalog: Catalog,
    table: SemanticIdTable,
    split: Split,
    config: Config,
    work: Path,
) -> TuneReport:
    """Train on a split's histories and alignment tasks; validation cases choose the checkpoint."""
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
    return train(language_model, examples, config=tune, validate=judge, work=work, seed=config.seed)


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
        if self._trie is None:
            self._trie = Trie.build(self._table.codes, device=language_model.device)
        hits = sum(self._count_hits(language_model, self._cases[i : i + 64]) for i in range(0, len(self._cases), 64))
        return hits / len(self._cases)

    def _count_hits(self, language_model: LanguageModel, cases: Sequence[EvaluationCase]) -> int:
        assert self._trie is not None
        allowed = torch.ones(len(cases), len(self._catalog), dtype=torch.bool)
        for number, case in enumerate(cases):
            allowed[number, self._catalog.rows(case.history)] = False
        prompts = [
            history_prompt(
                language_model.prompts,
                [self._table.semantic_id(item_id) for item_id in case.history],
                max_history=self._max_history,
            )
            for case in cases
        ]
        beams = language_model.search(prompts, trie=self._trie, width=VALIDATION_WIDTH, allowed_BN=allowed)
        targets = torch.from_numpy(self._catalog.rows(case.target for case in cases)).to(beams.row.device)
        return int((beams.row[:, :10] == targets[:, None]).any(dim=1).sum())
