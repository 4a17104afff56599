"""The pool of scores: each knows its part, and together they are never worse where they were weighed."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from scipy import sparse
from workspaces import stages_of

from genrec.config import Config, SequenceConfig
from genrec.data.splits import split_interactions
from genrec.errors import ArtifactError
from genrec.model.sequence.item_head import head_of, without_head
from genrec.model.sequence.model import SequenceModel
from genrec.model.sequence.training import validation_ndcg
from genrec.ranking.fuser_scores import FuserScores
from genrec.ranking.hybrid import Hybrid
from genrec.ranking.item_scorer import ItemScorer, ScorerWeights
from genrec.ranking.pool_weights import Rivals, best_weights
from genrec.ranking.scorer_files import find_item_scorer, save_item_scorer
from genrec.schema import Catalog, Interactions, Item

NUM_ITEMS = 40


def ids(rows):
    return [f"i{row:02d}" for row in rows]


def item_scorer_of(histories, content=None, weights=None, axes=None):
    """A pool over an untrained sequence model, so that all it knows comes from the other scores."""
    catalog = Catalog(items=tuple(Item(item_id=name, title=name) for name in ids(range(NUM_ITEMS))))
    events = [(f"u{n}", name) for n, history in enumerate(histories) for name in ids(history)]
    train = Interactions.sort(user_ids=[user for user, _ in events], item_ids=[item for _, item in events])
    torch.manual_seed(0)
    model = SequenceModel(NUM_ITEMS, SequenceConfig(num_features=8, repeats="left-out"), num_content=4).eval()
    if content is None:
        content = np.zeros((NUM_ITEMS, 4), np.float32)
    pool = ItemScorer.of(model, train, catalog, content, axes)
    pool.weights = weights or pool.weights
    return pool


def chains(num_people=200, length=6, seed=0):
    """Histories in which item n is followed by item n + 1."""
    rng = np.random.default_rng(seed)
    return [(int(start) + np.arange(length)) % NUM_ITEMS for start in rng.integers(0, NUM_ITEMS, num_people)]


def cases_of(histories):
    return [(history[:-1], int(history[-1])) for history in histories]


def test_what_followed_before_is_expected_again():
    pool = item_scorer_of(chains()).weighed(cases_of(chains(seed=1)))
    assert pool.weights.followers > 0
    assert validation_ndcg(pool, cases_of(chains(seed=2))) > 0.95
    assert validation_ndcg(pool.sequence_model, cases_of(chains(seed=2))) < 0.3


def test_items_with_content_like_the_latest_are_expected_also_when_nobody_chose_them():
    rng = np.random.default_rng(0)
    kinds = np.eye(4, dtype=np.float32)[np.arange(NUM_ITEMS) % 4] + 0.01 * rng.standard_normal((NUM_ITEMS, 4))
    content = (kinds / np.linalg.norm(kinds, axis=1, keepdims=True)).astype(np.float32)
    known = np.arange(NUM_ITEMS // 2)
    histories = [rng.permutation(known[known % 4 == kind])[:4] for kind in rng.integers(0, 4, 200)]
    pool = item_scorer_of(histories, content, ScorerWeights(likeness=6.0))
    best = pool.log_probabilities([np.array([1, 5])])[0].argsort()[::-1][:8]
    assert set(best) == set(range(1, NUM_ITEMS, 4)) - {1, 5}


def test_what_is_chosen_often_is_expected_and_cold_items_are_taken_for_usual():
    histories = [np.array([0, 1]), *[np.array([3, 2])] * 20]
    pool = item_scorer_of(histories, weights=ScorerWeights(popularity=0.8))
    popularity = pool.scores([np.array([4])], ["popularity"])["popularity"][0]
    assert popularity[2] > popularity[1]
    assert popularity[[10, 20]] == pytest.approx([np.log([1, 1, 20, 20]).mean()] * 2)


def test_the_answer_is_a_probability_and_single_equals_batch():
    pool = item_scorer_of(chains(), weights=ScorerWeights(followers=1.5, likeness=3.0, popularity=0.4, scale=0.5))
    histories = [np.array([4, 5]), np.array([], dtype=np.int64), np.arange(30)]
    together = pool.log_probabilities(histories)
    np.testing.assert_allclose(np.exp(together.astype(np.float64)).sum(axis=1), 1.0, rtol=1e-4)
    for history, row in zip(histories, together, strict=True):
        np.testing.assert_allclose(pool.log_probabilities([history])[0], row, atol=1e-4)
        assert (row[history] < -100).all()  # what is not chosen again is not expected again


def test_without_cases_the_sequence_model_answers_alone():
    pool = item_scorer_of(chains())
    assert pool.weighed([]).weights == ScorerWeights()
    asked = [np.array([7, 8, 9])]
    np.testing.assert_array_equal(pool.log_probabilities(asked), pool.sequence_model.log_probabilities(asked))


def test_scores_that_say_nothing_get_no_weight():
    rng = np.random.default_rng(3)
    noise = [rng.permutation(NUM_ITEMS)[:6] for _ in range(30)]
    model_right = item_scorer_of(noise)
    scores = np.full((1, NUM_ITEMS), -5.0, np.float32)

    class Clairvoyant:
        num_items, config = NUM_ITEMS, model_right.sequence_model.config

        def log_probabilities(self, histories):
            rows = np.repeat(scores, len(histories), axis=0)
            for row, history in zip(rows, histories, strict=True):
                row[(history[-1] + 1) % NUM_ITEMS] = 0
            return rows

    model_right.models = Clairvoyant()
    pool = model_right.weighed(cases_of(chains()))
    assert (pool.weights.followers, pool.weights.likeness, pool.weights.popularity) == (0, 0, 0)


def test_weights_are_those_whose_neighbors_do_well_too_not_a_lone_peak():
    # Each case has a target and one rival, and is won where w · (target - rival) > 0, w = (1, followers, ...): all four
    # at .1 alone, three of them from .1 on.
    weak, strong = [0.15, -1, 0, 0], [-0.05, 1, 0, 0]  # won where followers count less than .15; more than .05
    names = ("sequence", "followers", "likeness", "popularity")
    rivals = rivals_of(names, [weak, *[strong] * 3])
    assert best_weights(rivals, Config()) == {"item_head": 0, "followers": 0.2, "likeness": 0, "popularity": 0}


def rivals_of(names, targets):
    """Cases with one rival each, of which every score is 0."""
    targets_BX = np.array(targets, np.float32)
    return Rivals(
        targets={name: targets_BX[:, number] for number, name in enumerate(names)},
        others={name: np.zeros((len(targets), 1), np.float32) for name in names},
        is_item_BC=np.ones((len(targets), 1), bool),
    )


def test_the_item_head_gets_the_share_with_which_the_pool_does_best():
    names = ("sequence", "item_head", "followers", "likeness", "popularity")
    # Three cases are won where the head counts more than a half, one where it counts less than .85.
    cases = [*[[-1, 1, 0, 0, 0]] * 3, [1, -0.17, 0, 0, 0]]
    assert 0.5 < best_weights(rivals_of(names, cases), Config())["item_head"] < 0.85
    against = [[1, -9, 0, 0, 0]] * 4
    assert best_weights(rivals_of(names, against), Config())["item_head"] == 0


def test_a_fuser_gets_the_weight_with_which_the_pool_does_best_and_is_no_teacher():
    class Clairvoyant(FuserScores):
        """Knows chains by heart; its scores are too flat to be probabilities."""

        class fuser:
            @staticmethod
            def scores(histories):
                scores_BN = np.zeros((len(histories), NUM_ITEMS), np.float32)
                scores_BN[np.arange(len(histories)), [(history[-1] + 1) % NUM_ITEMS for history in histories]] = 0.2
                return scores_BN

        def __init__(self, *_, scale=1.0):
            super().__init__(self.fuser, np.zeros((NUM_ITEMS, 4), np.float32), np.ones(NUM_ITEMS, bool), scale=scale)

    rng = np.random.default_rng(3)
    noise = [rng.permutation(NUM_ITEMS)[:6] for _ in range(30)]
    pool = item_scorer_of(noise)
    alone = pool.weighed(cases_of(chains()))
    pool.fuser = Clairvoyant()
    both = pool.weighed(cases_of(chains()))
    assert both.weights.fuser > 0
    assert both.weights.fuser_scale > 10
    test = cases_of(chains(seed=2))
    assert validation_ndcg(both, test) > 0.95 > 0.5 > validation_ndcg(alone, test)
    for one, other in zip(
        both.soft_targets(noise, 4),
        pool._with(weights=replace(both.weights, fuser=0.0)).soft_targets(noise, 4),
        strict=True,
    ):
        np.testing.assert_array_equal(one.rows_TK, other.rows_TK)


def test_a_pool_is_never_worse_than_its_sequence_model_where_it_was_weighed(shop_recommender):
    item_scorer, catalog = shop_recommender.client.hybrid.item_scorer.with_cold_bonus(None), shop_recommender.catalog
    validation = split_interactions(shop_recommender.interactions, shop_recommender.config.split).validation
    cases = [(catalog.rows(case.history), catalog.row(case.target)) for case in validation]
    alone = validation_ndcg(item_scorer.sequence_model, cases)
    assert validation_ndcg(item_scorer, cases) >= alone - 1e-9
    assert item_scorer.weights != ScorerWeights()  # the shop's people follow likeness, so this is no empty claim


def test_a_stored_pool_answers_as_before(shop_recommender, shop_copy):
    item_scorer = shop_recommender.client.hybrid.item_scorer
    histories = [
        shop_recommender.catalog.rows(shop_recommender.history_of(user)) for user in ("user-00000", "user-00007")
    ]
    (stages_of(shop_copy) / "experts" / "experts.safetensors").unlink()
    save_item_scorer(item_scorer, stages_of(shop_copy) / "experts" / "experts.safetensors")
    again = find_item_scorer(
        stages_of(shop_copy), torch.device("cpu"), shop_recommender.embeddings, shop_recommender.config
    )
    assert again.weights == item_scorer.weights
    again = again.with_cold_bonus(item_scorer.cold_bonus)
    np.testing.assert_allclose(again.log_probabilities(histories), item_scorer.log_probabilities(histories), atol=1e-5)


def test_soft_targets_before_an_event_are_what_the_pool_says_of_the_events_before_it():
    pool = item_scorer_of(chains(40), weights=ScorerWeights(followers=1.5, likeness=3.0, popularity=0.4, scale=0.5))
    asked = chains(3, seed=5)
    for history, targets in zip(asked, pool.soft_targets(asked, 4), strict=True):
        rows, shares = targets.rows_TK, targets.shares_TK
        assert rows.shape == shares.shape == (len(history), 4)
        assert not shares[0].any()
        for place in range(1, len(history)):
            # As if these people had not been among those that were counted.
            others = item_scorer_of(chains(40), weights=pool.weights)
            counted = others.followers
            own = np.zeros((NUM_ITEMS, NUM_ITEMS))
            for first in range(place):
                for second in range(place, min(len(history), first + 6)):
                    own[history[first], history[second]] += 1 / (second - first)
            shares_NN = np.asarray(counted.shares_NN.todense()) - own / counted.totals_N[:, None]
            others.followers = replace(counted, shares_NN=sparse.csr_matrix(shares_NN.clip(0).astype(np.float32)))
            log_probabilities = others.log_probabilities([history[:place]])[0]
            np.testing.assert_allclose(log_probabilities[rows[place]], np.sort(log_probabilities)[::-1][:4], rtol=1e-3)
            likely = np.exp(log_probabilities[rows[place]])
            np.testing.assert_allclose(shares[place], likely / likely.sum(), rtol=1e-2)


def test_a_teacher_does_not_know_what_comes_because_it_saw_it_come():
    rng = np.random.default_rng(4)
    noise = [rng.permutation(NUM_ITEMS)[:2] for _ in range(30)]
    pool = item_scorer_of(noise, weights=ScorerWeights(followers=3.0))
    is_next = [
        targets.shares_TK[1][targets.rows_TK[1] == h[1]].sum()
        for h, targets in zip(noise, pool.soft_targets(noise, 40), strict=True)
    ]
    seen = [np.exp(pool.log_probabilities([h[:1]])[0, h[1]]) for h in noise]
    assert np.mean(seen) > 0.5  # what chance brought once, taken for a rule
    assert np.mean(is_next) < 0.1


def test_cold_items_are_raised_by_a_bonus_and_by_their_likeness(shop_recommender):
    hybrid = shop_recommender.client.hybrid
    histories = [shop_recommender.history_of(user) for user in ("user-00000", "user-00007")]
    rows = [shop_recommender.catalog.rows(history) for history in histories]
    as_they_are, raised = (hybrid.item_scorer.with_cold_bonus(cold_bonus) for cold_bonus in (None, 0.7))
    assert as_they_are.cold_nats(rows) is None
    likeness_BM = raised.likeness.of_cold(rows)
    wanted = 0.7 + raised.config.recommend.cold_likeness * likeness_BM
    np.testing.assert_allclose(raised.cold_nats(rows), wanted, atol=1e-5)
    every = np.ones((2, len(shop_recommender.catalog)), bool)
    for share in (0.3, 1.0):  # a gain is the same whoever else has a say
        pools = [
            Hybrid(
                hybrid.model,
                scorer,
                share,
                catalog=shop_recommender.catalog,
                table=shop_recommender.table,
                trie=shop_recommender.client.trie,
                max_history=30,
            )
            for scorer in (as_they_are, raised)
        ]
        shares = pools[0].shares(histories, [None, None])
        plain_BN, raised_BN = (its.judge(histories, shares, every) for its in pools)
        np.testing.assert_allclose((raised_BN - plain_BN)[:, raised.is_cold_N], raised.cold_nats(rows), atol=1e-5)
        np.testing.assert_array_equal(raised_BN[:, ~raised.is_cold_N], plain_BN[:, ~raised.is_cold_N])


def test_cold_items_are_like_what_was_chosen_along_the_axes_that_taste_runs_along():
    half = NUM_ITEMS // 2
    histories = [np.array([row, (row + 2) % half]) for row in range(half)]
    content = np.zeros((NUM_ITEMS, 4), np.float32)
    content[half, :2] = content[3, :2] = 0.6, 0.8
    content[half + 1, :2] = 1.0, 0.0  # as content goes it is less like item 3 than the one before
    content[3, 2:] = content[half, 2:] = 0.0
    content[half + 2 :, 3] = 1.0  # unlike it
    for axes, best in ((None, half), (np.array([2.0, 0.0, 1.0, 1.0], np.float32), (half, half + 1))):
        likeness_M = item_scorer_of(histories, content, axes=axes).likeness.of_cold([np.array([3])])[0]
        assert likeness_M.shape == (half,)
        wanted = np.atleast_1d(best) - half
        assert set(np.flatnonzero(likeness_M == likeness_M.max())) == set(wanted)
    assert item_scorer_of(histories, content).likeness.of_cold([np.array([3, half])])[0, 0] == 0  # it is in the history


def test_a_pool_of_an_earlier_layout_says_what_to_do(shop_recommender, shop_copy):
    path = stages_of(shop_copy) / "experts" / "experts.safetensors"
    with safe_open(path, "np") as file:
        record = file.metadata()
    save_file({name: part for name, part in load_file(path).items() if name != "axes"}, path, record)
    with pytest.raises(ArtifactError, match="lacks axes: an earlier genrec wrote it; run genrec build"):
        find_item_scorer(
            stages_of(shop_copy), torch.device("cpu"), shop_recommender.embeddings, shop_recommender.config
        )


def test_hidden_items_are_known_by_their_content_alone(shop_recommender):
    item_scorer = shop_recommender.client.hybrid.item_scorer.with_cold_bonus(0)
    known = np.flatnonzero(~item_scorer.is_cold_N)
    hidden = known[::20]
    pool = item_scorer.hiding(hidden)
    assert pool.is_cold_N.sum() == item_scorer.is_cold_N.sum() + len(hidden)
    content = torch.from_numpy(item_scorer.content_ND[hidden])
    for models_of in (without_head, head_of):
        hiding, knowing = models_of(pool.models), models_of(item_scorer.models)
        torch.testing.assert_close(hiding.item_vectors()[hidden], knowing.content_map(content), rtol=0, atol=1e-6)
    assert not pool.followers.shares_NN[hidden].nnz
    assert not pool.followers.shares_NN[:, hidden].nnz
    assert item_scorer.followers.shares_NN[hidden].nnz  # the pool that it was made from stays as it was
