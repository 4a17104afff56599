"""What `recommend` promises, on a small built shop."""

from dataclasses import replace

import numpy as np
import pytest

from genrec.data.filters import parse_filter
from genrec.errors import FilterError, InputError, UnknownItem, UnknownUser
from genrec.ranking.client import Request
from genrec.ranking.local import LocalClient
from genrec.ranking.recommender import Recommender
from genrec.schema import Interactions


class WatchedModel:
    """A language model, and the prompts that it was asked to score and to search after."""

    def __init__(self, model):
        self._model, self.scored, self.searched = model, [], []

    def __getattr__(self, name):
        return getattr(self._model, name)

    def score(self, prompts, *rest, **options):
        self.scored += map(tuple, prompts)
        return self._model.score(prompts, *rest, **options)

    def search(self, prompts, **options):
        self.searched += map(tuple, prompts)
        return self._model.search(prompts, **options)


@pytest.fixture
def variant(shop_recommender):
    """Makes recommenders over the same models, with another share of the item scorer or other settings."""

    def make(weight, **settings):
        data, client = shop_recommender.data, shop_recommender.client
        data = replace(data, config=replace(data.config, recommend=replace(data.config.recommend, **settings)))
        watched = WatchedModel(client.language_model)
        return Recommender(data, LocalClient(data, watched, client.hybrid.item_scorer, weight)), watched

    return make


@pytest.fixture(scope="module")
def histories(shop_recommender):
    return list(shop_recommender.interactions.histories().values())[:12]


def test_single_equals_batch(shop_recommender, histories):
    batch = shop_recommender.recommend_batch(histories, k=5)
    for history, together in zip(histories, batch, strict=True):
        alone = shop_recommender.recommend(history=history, k=5)
        assert [entry.item_id for entry in alone] == [entry.item_id for entry in together]
        np.testing.assert_allclose(
            [entry.score_nats for entry in alone], [entry.score_nats for entry in together], atol=1e-4
        )


def test_scores_are_the_models_own_log_probabilities(shop_recommender, histories):
    found = shop_recommender.recommend(history=histories[0], k=240)[:8]  # so many beams lose none
    exact = shop_recommender.score([histories[0]] * 8, [entry.item_id for entry in found])
    np.testing.assert_allclose([entry.score_nats for entry in found], exact, atol=1e-3)
    assert [entry.rank for entry in found] == list(range(1, 9))


def test_scores_ask_the_language_model_only_for_what_it_has_a_share_of(shop_recommender, histories, variant):
    ids = [shop_recommender.catalog.items[number].item_id for number in (3, 5)]
    recommender, model = variant(1.0)
    both = recommender.score([histories[0], ()], ids)  # the item scorer knows nothing of nobody
    alone = recommender.score([histories[0]], ids[:1])
    assert len(model.scored) == 1
    np.testing.assert_allclose(alone, both[:1], atol=1e-5)
    recommender, model = variant(0.999999)
    np.testing.assert_allclose(recommender.score([histories[0], ()], ids), both, atol=1e-3)
    assert len(model.scored) == 2


def test_scores_do_not_depend_on_what_else_is_scored(shop_recommender, histories):
    cases = [(histories[0], 3), (histories[1], 3), (histories[0], 7), (histories[2], 11), (histories[0], 3), ((), 7)]
    asked = [(history, shop_recommender.catalog.items[row].item_id) for history, row in cases]
    together = shop_recommender.score(*zip(*asked, strict=True))
    alone = [shop_recommender.score([history], [item])[0] for history, item in asked]
    np.testing.assert_allclose(together, alone, atol=1e-3)
    assert len(set(np.round(together, 3))) == 5


def test_where_beams_and_item_scorer_share_the_answer_only_suspects_are_taken_away(shop_recommender, variant):
    history = next(h for h in shop_recommender.interactions.histories().values() if len(h) > 6)
    ids = [entry.item_id for entry in shop_recommender.recommend(history=history, k=3)]
    attributions = {}
    for share in (0.0, 0.5, 1.0):
        recommender, model = variant(share)
        attributions[share] = recommender.attributions([history] * 3, ids)
        assert len(set(model.scored)) == (len(attributions[share][0]) + 1 if share < 1 else 0)
    assert all(found.keys() == set(history) for share in (0.0, 1.0) for found in attributions[share])
    recommender, _ = variant(0.5)
    for mixed, felt, item_id in zip(attributions[0.5], attributions[1.0], ids, strict=True):
        assert set(sorted(felt, key=lambda past: -felt[past])[:2]) <= mixed.keys()
        assert len(mixed) < len(set(history))
        whole = recommender.score([history], [item_id])[0]
        for past, nats in mixed.items():
            without = [other for other in history if other != past]
            assert nats == pytest.approx(whole - recommender.score([without], [item_id])[0], abs=1e-3)


def test_the_history_is_excluded_unless_asked(shop_recommender, histories):
    for history in histories:
        assert not {e.item_id for e in shop_recommender.recommend(history=history, k=20)} & set(history)
    everything = shop_recommender.recommend(history=histories[0], k=240, exclude_history=False)
    assert set(histories[0]) <= {entry.item_id for entry in everything}


def test_ten_thousand_beams_hold_no_illegal_item(shop_recommender, histories):
    answers = shop_recommender.recommend_batch([h[:n] for h in histories for n in range(1, 6)], k=170)
    found = [entry for answer in answers for entry in answer]
    assert len(found) >= 10_000
    for entry in found:
        assert shop_recommender.table.item_id(entry.semantic_id) == entry.item_id
        assert entry.item_id in shop_recommender.catalog


@pytest.mark.parametrize("where", ["price < 40", "color = red and not category = lamp", "category in (mug, vase)"])
def test_filters_only_remove_and_never_starve(shop_recommender, histories, where):
    legal = parse_filter(where).mask(shop_recommender.catalog)
    allowed = {item.item_id for item, ok in zip(shop_recommender.catalog, legal, strict=True) if ok}
    found = shop_recommender.recommend(history=histories[0], where=where, k=240)
    assert {entry.item_id for entry in found} == allowed - set(histories[0])
    top = shop_recommender.recommend(history=histories[0], where=where, k=3)
    assert [entry.item_id for entry in top] == [entry.item_id for entry in found[:3]]


def test_words_pull_the_items_they_name(shop_recommender, histories):
    found = shop_recommender.recommend(history=histories[0], query="a red lamp", k=5)
    plain = shop_recommender.recommend(history=histories[0], k=5)

    def count_wanted(entries):
        attributes = [shop_recommender.catalog[entry.item_id].attributes for entry in entries]
        return sum((a["color"] == "red") + (a["category"] == "lamp") for a in attributes)

    assert count_wanted(found) > count_wanted(plain)


def test_what_is_said_around_a_wish_beside_a_photo_changes_nothing(shop_recommender):
    photo = shop_recommender.catalog.items[3].image
    asked = [
        [entry.item_id for entry in shop_recommender.recommend(history=(), image=photo, query=words, k=5)]
        for words in ("red", "the same, but in red", "like this one in red")
    ]
    assert asked[0] == asked[1] == asked[2]
    alone = [entry.item_id for entry in shop_recommender.recommend(history=(), image=photo, k=5)]
    assert asked[0] != alone


def test_a_photo_pulls_its_own_item(shop_recommender, histories):
    wanted = next(item for item in shop_recommender.catalog if item.item_id not in histories[0])
    found = shop_recommender.recommend(history=histories[0], image=wanted.image, k=5)
    kinds = [shop_recommender.catalog[entry.item_id].attributes["category"] for entry in found]
    assert wanted.attributes["category"] in kinds


@pytest.mark.parametrize("category", ["lamp", "mug"])
def test_items_pull_what_is_like_them_and_push_away_what_is_like_others(shop_recommender, histories, category):
    items = [item for item in shop_recommender.catalog if item.attributes["category"] == category]
    named = [item.item_id for item in items[:2]]

    def share(**words):
        answers = [shop_recommender.recommend(history=history, k=20, **words) for history in histories]
        found = [shop_recommender.catalog[entry.item_id] for answer in answers for entry in answer]
        return sum(item.attributes["category"] == category for item in found) / len(found)

    assert share(like=named) > share() + 0.2
    assert share(unlike=named) < 0.7 * share() + 1e-9


def test_excluded_items_do_not_come_back(shop_recommender, histories):
    first = shop_recommender.recommend(history=histories[0], k=3)
    banned = [entry.item_id for entry in first]
    again = shop_recommender.recommend(history=histories[0], k=3, exclude=banned)
    assert not set(banned) & {entry.item_id for entry in again}


def looks_of(recommender, found, attribute="color"):
    return [recommender.catalog[entry.item_id].attributes[attribute] for entry in found]


def test_disliked_items_do_not_come_back_and_push_away_what_is_like_them(shop_recommender, histories):
    found = shop_recommender.recommend(history=histories[0], k=20)
    color = looks_of(shop_recommender, found)[0]
    disliked = [
        entry.item_id for entry, its in zip(found, looks_of(shop_recommender, found), strict=True) if its == color
    ]
    allowed = shop_recommender.recommend(history=histories[0], k=20, exclude=disliked)
    pushed = shop_recommender.recommend(history=histories[0], k=20, disliked=disliked)
    assert not set(disliked) & {entry.item_id for entry in pushed}
    again = shop_recommender.recommend(history=histories[0], k=20, disliked=disliked, exclude_history=False)
    assert not set(disliked) & {entry.item_id for entry in again}
    nats = {entry.item_id: entry.score_nats for entry in allowed}
    changes = {entry.item_id: entry.score_nats - nats[entry.item_id] for entry in pushed if entry.item_id in nats}
    assert len(changes) > 5
    assert max(changes.values()) <= 1e-6
    assert looks_of(shop_recommender, pushed).count(color) <= looks_of(shop_recommender, allowed).count(color)


def test_without_dislikes_answers_are_as_before(shop_recommender, histories):
    plain = shop_recommender.recommend_batch(histories[:3], k=5)
    assert shop_recommender.recommend_batch(histories[:3], k=5, disliked=[()] * 3) == plain


def test_dislikes_of_one_request_do_not_touch_others(shop_recommender, histories):
    disliked = tuple(entry.item_id for entry in shop_recommender.recommend(history=histories[0], k=3))
    alone = shop_recommender.recommend(history=histories[0], k=5, disliked=disliked)
    averse, plain = shop_recommender.recommend_batch([histories[0], histories[1]], k=5, disliked=[disliked, ()])
    assert [entry.item_id for entry in averse] == [entry.item_id for entry in alone]
    assert [entry.item_id for entry in plain] == [
        entry.item_id for entry in shop_recommender.recommend(history=histories[1], k=5)
    ]


def test_dislikes_count_as_much_as_their_weight_says(shop_recommender, histories, variant):
    disliked = tuple(entry.item_id for entry in shop_recommender.recommend(history=histories[0], k=3))
    share = shop_recommender.client.hybrid.weight
    indifferent, _ = variant(share, aversion_weight=0.0)
    excluded = shop_recommender.recommend(history=histories[0], k=5, exclude=disliked)
    assert [e.item_id for e in indifferent.recommend(history=histories[0], k=5, disliked=disliked)] == [
        entry.item_id for entry in excluded
    ]


def test_a_users_own_dislikes_count_unless_others_are_given(shop_recommender):
    data, user = shop_recommender.data, "user-00003"
    first = shop_recommender.recommend(user=user, k=5)
    log = data.interactions
    judged = Interactions.sort(
        user_ids=[*log.user_ids, user],
        item_ids=[*log.item_ids, first[0].item_id],
        timestamps=[*log.timestamps, 2**33],
        feedback=[*log.feedback, -1],
    )
    recommender = Recommender(replace(data, interactions=judged), shop_recommender.client)
    assert recommender.aversion_of(user) == (first[0].item_id,)
    for ask in (recommender.recommend, recommender.stream):
        assert first[0].item_id not in {entry.item_id for entry in ask(user=user, k=5)}
    assert recommender.recommend(user=user, k=5, disliked=()) == first


def test_unknown_items_of_a_history_are_named_and_the_rest_is_used(shop_recommender, histories, caplog):
    with caplog.at_level("WARNING"):
        mixed = shop_recommender.recommend(history=[*histories[0], "no-such-item"], k=3)
    assert "no-such-item" in caplog.text
    assert mixed == shop_recommender.recommend(history=histories[0], k=3)


def test_no_history_at_all_still_gets_an_answer(shop_recommender):
    assert len(shop_recommender.recommend(k=4)) == 4


@pytest.mark.parametrize(
    ("arguments", "error", "complaint"),
    [
        ({"user": "nobody"}, UnknownUser, "has no events here"),
        ({"history": ["x1", "x2"]}, UnknownItem, "none of the history"),
        ({"history": [], "where": "price < 0"}, FilterError, "no item is left"),
        ({"history": [], "where": "sprice < 3"}, FilterError, "sprice"),
        ({"user": "user-00000", "history": []}, InputError, "give one of them"),
        ({"history": [], "k": 0}, InputError, "at least 1"),
    ],
)
def test_wrong_use_gets_one_clear_line(shop_recommender, arguments, error, complaint):
    with pytest.raises(error, match=complaint) as caught:
        shop_recommender.recommend(**arguments)
    assert "\n" not in str(caught.value)


def test_a_stream_gives_what_recommend_gives_when_beams_lose_nothing(shop_recommender, variant):
    weight, everything = shop_recommender.client.hybrid.weight, len(shop_recommender.catalog)
    recommender, _ = variant(weight, beam_width=everything, newcomer_neighbors=0)
    history = recommender.interactions.history("user-00003")
    disliked = [entry.item_id for entry in recommender.recommend(history=history, k=3)]
    for where, averse in ((None, ()), ("price < 40", ()), (None, disliked)):
        ranked = recommender.recommend(history=history, where=where, disliked=averse, k=8)
        streamed = list(recommender.stream(history=history, where=where, disliked=averse, k=8))
        assert [entry.item_id for entry in streamed] == [entry.item_id for entry in ranked]
        assert [entry.rank for entry in streamed] == list(range(1, 9))
        np.testing.assert_allclose(
            [entry.score_nats for entry in streamed], [entry.score_nats for entry in ranked], atol=1e-3
        )


def test_asking_for_more_than_there_is_says_so(shop_recommender, histories, caplog):
    few = shop_recommender.recommend(history=histories[0], where="category = lamp and color = red", k=50)
    assert 0 < len(few) < 50
    assert f"50 items were asked for, but only {len(few)} may be recommended" in caplog.text


def test_requests_say_themselves_how_many_and_whether_the_history_counts(shop_recommender, histories):
    requests = [
        Request(history=histories[0], k=3),
        Request(history=histories[1], exclude_history=False),
        Request(history=histories[2], k=200),
        Request(history=histories[3], k=7, exclude_history=True),
    ]
    answers = shop_recommender.answer(requests)
    assert [len(answer) for answer in answers] == [3, shop_recommender.config.recommend.k, 200, 7]
    for request, answer in zip(requests, answers, strict=True):
        (alone,) = shop_recommender.answer([request])
        assert [entry.item_id for entry in alone] == [entry.item_id for entry in answer]
    everything = shop_recommender.answer([Request(history=histories[1], k=240, exclude_history=False)])[0]
    assert set(histories[1]) <= {entry.item_id for entry in everything}


def test_words_and_photos_of_a_batch_are_weighed_as_alone(shop_recommender, histories):
    photo = shop_recommender.catalog.items[3].image
    requests = [
        Request(history=histories[0], query="a red lamp", k=6),
        Request(history=histories[1]),
        Request(history=histories[2], query="blue", image=photo, where=parse_filter("price > 10")),
        Request(history=(), image=photo),
    ]
    for request, answer in zip(requests, shop_recommender.answer(requests), strict=True):
        (alone,) = shop_recommender.answer([request])
        assert [entry.item_id for entry in alone] == [entry.item_id for entry in answer]
        scores = [entry.score_nats for entry in alone]
        np.testing.assert_allclose([entry.score_nats for entry in answer], scores, atol=1e-3)


def test_words_add_their_weight_to_the_items_own_scores(shop_recommender, histories):
    shown = shop_recommender.recommend(history=histories[0], query="a red lamp", k=8)
    ids = [entry.item_id for entry in shown]
    own = shop_recommender.score([histories[0]] * 8, ids, ["a red lamp"] * 8)
    relevance_N = shop_recommender.data.search_by_meaning.relevance("a red lamp")
    bonus = shop_recommender.config.recommend.match_weight * relevance_N[shop_recommender.catalog.rows(ids)]
    np.testing.assert_allclose([entry.score_nats for entry in shown], own + bonus, atol=5e-3)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (Request(where=parse_filter("price < 0")), FilterError),
        (Request(exclude=("nothing",)), UnknownItem),
        (Request(history=("nothing",), exclude_history=False), UnknownItem),
        (Request(unlike=("nothing",)), UnknownItem),
        (Request(k=0), InputError),
    ],
)
def test_what_cannot_be_answered_raises(shop_recommender, request_, error):
    with pytest.raises(error):
        shop_recommender.answer([Request(), request_])


def test_requests_of_one_batch_may_want_other_shares(shop_recommender, histories):
    requests = [Request(history=history, k=5, sequence_weight=w) for history in histories[:3] for w in (0.0, 0.5, 1.0)]
    for request, answer in zip(requests, shop_recommender.answer(requests), strict=True):
        (alone,) = shop_recommender.answer([request])
        assert [entry.item_id for entry in alone] == [entry.item_id for entry in answer]
        scores = [entry.score_nats for entry in alone]
        np.testing.assert_allclose([entry.score_nats for entry in answer], scores, atol=1e-3)


def test_beams_are_sought_where_they_have_a_share(histories, variant):
    recommender, model = variant(0.5)
    found = recommender.recommend_batch(histories, k=5, sequence_weight=1)
    assert [len(entries) for entries in found] == [5] * len(histories)
    words = ["a red lamp"] * len(histories)
    found = recommender.recommend_batch(histories, k=5, sequence_weight=1, queries=words)
    assert [len(entries) for entries in found] == [5] * len(histories)
    assert not model.searched
    recommender.recommend_batch(histories, k=5, sequence_weight=0.9, queries=words)
    assert len(model.searched) == len(histories)  # what is nearest to the words is scored in the same pass


def test_words_beside_the_item_scorer_alone_rank_the_whole_catalog(shop_recommender, histories):
    catalog, config = shop_recommender.catalog, shop_recommender.config.recommend
    item_ids = [item.item_id for item in catalog]
    (alone,) = shop_recommender.recommend_batch(histories[:1], k=len(catalog), sequence_weight=1)
    (found,) = shop_recommender.recommend_batch(histories[:1], k=5, sequence_weight=1, queries=["a red lamp"])
    relevance_N = shop_recommender.data.search_by_meaning.relevance("a red lamp")
    score = {e.item_id: e.score_nats + config.match_weight * relevance_N[item_ids.index(e.item_id)] for e in alone}
    best = sorted(score, key=lambda item_id: -score[item_id])[:5]
    assert [entry.item_id for entry in found] == best
    assert [entry.score_nats for entry in found] == pytest.approx([score[item_id] for item_id in best])
