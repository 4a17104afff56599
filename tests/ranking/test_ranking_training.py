"""What share of the item scorer, and what cold-start bonus, validation chooses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from unittest.mock import Mock

import numpy as np
import pytest
import torch

from genrec.config import Config, RecommendConfig
from genrec.data.splits import EvaluationCase
from genrec.model.lm.beam_search import Beams
from genrec.ranking.mixing import choose_mixture, tried_shares
from genrec.ranking.training import ValidationJudge
from genrec.schema import Catalog, Item
from genrec.semids.table import SemanticIdTable

NUM_ITEMS, NUM_CASES = 20, 60


@dataclass
class Expecting:
    """Stands for either model: expects one row per history, 0.9 of the probability, the rest spread evenly."""

    aims: dict[tuple[int, ...], int]
    num_items: int = NUM_ITEMS
    is_cold_N = np.zeros(NUM_ITEMS, bool)
    scores_cold_items = False
    head = None
    content_ND = np.ones((NUM_ITEMS, 1), np.float32)

    def with_cold_bonus(self, cold_bonus: float) -> "Expecting":
        return self

    def cold_nats(self, histories: Sequence[np.ndarray]) -> np.ndarray | None:
        return None

    def hiding(self, rows: np.ndarray) -> "Expecting":
        other = Expecting(self.aims)
        other.is_cold_N = np.isin(np.arange(NUM_ITEMS), rows)
        return other

    def log_probabilities(self, histories: Sequence[np.ndarray]) -> np.ndarray:
        shares = np.full((len(histories), NUM_ITEMS), 0.1 / (NUM_ITEMS - 1), np.float32)
        for row, history in zip(shares, histories, strict=True):
            if tuple(history.tolist()) in self.aims:  # not where some of it is hidden
                row[self.aims[tuple(history.tolist())]] = 0.9
        return np.log(shares)


class Writing:
    """Stands for the language model: beams over all items, as one that expects `aims` would score them."""

    device = torch.device("cpu")

    def __init__(self, expecting: Expecting, histories: list[tuple[int, ...]]) -> None:
        self.expecting, self.left = expecting, [*histories, *histories]  # asked once more where some are hidden
        self.prompts = Mock(ids=Mock(tokens=lambda _: []), encode_prompt=lambda _: [])

    def search(self, prompts, *, trie, width, narrowing, also_BC):
        histories, self.left = self.left[: len(prompts)], self.left[len(prompts) :]
        scores = torch.from_numpy(self.expecting.log_probabilities([np.array(h) for h in histories]))
        for number, leaves in enumerate(narrowing.dead[-1]):
            scores[number, trie.row_of_leaf[leaves[leaves >= 0]].long()] = -torch.inf
        best = scores.topk(NUM_ITEMS, dim=1)  # all that may be asked for are among them
        return Beams(row=best.indices, score_nats=best.values)


def choose(
    writer_is_right: bool, sequence_is_right: bool, scores_cold_items: bool = False, exposure: float = 3.0
) -> float:
    rng = np.random.default_rng(0)
    items = tuple(Item(item_id=str(n), title=f"item {n}") for n in range(NUM_ITEMS))
    codes = np.stack(np.unravel_index(np.arange(NUM_ITEMS), (4, 5)), axis=1)
    table = SemanticIdTable.build(
        [item.item_id for item in items], codes, level_sizes=(4, 5), num_tie_codes=2, codebook_fingerprint=""
    )
    histories = [tuple(map(int, rng.choice(NUM_ITEMS, 4, replace=False))) for _ in range(NUM_CASES)]
    targets = [next(n for n in rng.permutation(NUM_ITEMS).tolist() if n not in history) for history in histories]
    wrong = [
        next(n for n in range(NUM_ITEMS) if n not in h and n != t) for h, t in zip(histories, targets, strict=True)
    ]
    right, off = dict(zip(histories, targets, strict=True)), dict(zip(histories, wrong, strict=True))
    cases = [
        EvaluationCase(user_id=str(n), history=tuple(map(str, h)), target=str(t), timestamp=0)
        for n, (h, t) in enumerate(zip(histories, targets, strict=True))
    ]
    judge = ValidationJudge(Catalog(items=items), table, cases, 10, 0, NUM_CASES)
    asked = [tuple(int(i) for i in case.history) for case in judge.cases]
    writer = Writing(Expecting(right if writer_is_right else off), asked)
    item_scorer = Expecting(right if sequence_is_right else off)
    item_scorer.scores_cold_items = scores_cold_items
    config = Config(recommend=RecommendConfig(beam_width=10, newcomer_exposure=exposure))
    mixture = judge.mix(writer, item_scorer, config)
    assert (mixture.cold_bonus is not None) == scores_cold_items
    assert mixture.validation["pool"] >= min(mixture.validation["codes"], mixture.validation["item_scorer"])
    return mixture.share


def test_the_better_model_gets_the_larger_share():
    assert choose(writer_is_right=True, sequence_is_right=False) < 0.5
    assert choose(writer_is_right=False, sequence_is_right=True) > 0.5


def test_of_two_equal_models_the_language_model_answers_alone():
    assert choose(writer_is_right=True, sequence_is_right=True) == 0.0


def test_where_no_item_is_cold_some_known_ones_tell_the_bonus():
    assert choose(writer_is_right=False, sequence_is_right=True, scores_cold_items=True) > 0.5


def test_beams_do_not_win_by_hiding_cold_items():
    assert choose(writer_is_right=True, sequence_is_right=False, scores_cold_items=True) > 0.0


@dataclass
class Curve:
    """Stands for what cases say of mixtures: best at a share of .6, and dearer by .6 for each nat of the bonus."""

    bonus: Callable[[float], float | None]
    cold_share: float = 0.05
    wished: list[float] = field(default_factory=list)

    def ndcg(self, weight: float, cold_bonus: float = 0.0) -> float:
        return 1 - 4 * (weight - 0.6) ** 2 - 0.6 * cold_bonus

    def least_cold_bonus(self, weight: float, exposure: float) -> float | None:
        self.wished.append(exposure)
        return self.bonus(weight)


@pytest.mark.parametrize(("exposure", "wished"), [(1.0, 1.0), (3.0, 3.0), (9.0, 3.0)])
def test_cold_items_are_wished_for_a_bounded_part_of_the_places(exposure, wished):
    # One item of twenty is cold, and has 15 % of the places when it is shown three times as often.
    curve = Curve(lambda weight: 0.0)
    choose_mixture(curve, curve, exposure, Config())
    assert curve.wished == pytest.approx([wished] * len(tried_shares(Config())))


def test_a_share_at_which_no_bonus_shows_cold_items_is_not_taken():
    curve = Curve(lambda weight: None if weight < 0.8 else 0.1)
    assert choose_mixture(curve, curve, 3.0, Config()) == (0.8, 0.1)


def test_the_share_is_the_best_once_cold_items_have_their_bonus():
    """The larger the share, the smaller the bonus that it needs."""
    dear, free = Curve(lambda weight: 2 - weight), Curve(lambda weight: None)
    assert choose_mixture(dear, dear, 3.0, Config()) == (0.7, pytest.approx(1.3))
    assert choose_mixture(free, dear, 3.0, Config())[0] == 0.7  # the bonus of the one, the quality of the other
    assert choose_mixture(free, free, 3.0, Config()) == (0.6, None)
    dear.cold_share = 0.0  # nothing is cold
    assert choose_mixture(dear, dear, 3.0, Config()) == (0.6, None)
