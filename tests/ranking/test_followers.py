"""Transitions are counted over a window, and a history's own are told from others'."""

import numpy as np
import pytest

from genrec.ranking.followers import Followers, latest_items
from genrec.schema import Catalog, Interactions, Item

NUM_ITEMS, NUM_ADDED = 4, 1  # the last item was added after counting


def followers_of(*histories):
    catalog = Catalog(items=tuple(Item(item_id=f"i{row}", title="t") for row in range(NUM_ITEMS)))
    events = [(f"u{number}", f"i{row}") for number, history in enumerate(histories) for row in history]
    train = Interactions.sort(user_ids=[user for user, _ in events], item_ids=[item for _, item in events])
    return Followers.count(catalog, train, NUM_ITEMS + NUM_ADDED, window=5)


def test_nearer_followers_count_more_and_all_shares_are_of_one_more_than_was_seen():
    followers = followers_of([0, 1, 2], [0, 1])
    assert followers.totals_N.tolist() == pytest.approx([1 + 2 + 0.5, 1 + 1, 1, 1, 1])
    shares_NN = followers.shares_NN.toarray()
    np.testing.assert_allclose(shares_NN[0], [0, 2 / 3.5, 0.5 / 3.5, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(shares_NN[1], [0, 0, 1 / 2, 0, 0], rtol=1e-6)
    assert not shares_NN[NUM_ITEMS].any()


def test_log_shares_are_of_what_followed_the_latest_items():
    followers = followers_of([0, 1, 2], [0, 1])
    (log_share_N,) = followers.log_shares([np.array([0])])
    expected_N = followers.shares_NN.toarray()[0] + 1 / (NUM_ITEMS + NUM_ADDED)
    np.testing.assert_allclose(log_share_N, np.log(expected_N), rtol=1e-5)
    weights = latest_items([np.array([3, 0]), np.zeros(0, np.int64)], NUM_ITEMS + NUM_ADDED).toarray()
    np.testing.assert_allclose(weights[0, [3, 0]], [0.7 / 1.7, 1 / 1.7], rtol=1e-6)
    assert not weights[1].any()


def test_items_that_are_left_out_neither_follow_nor_are_followed():
    followers = followers_of([0, 1, 2], [0, 1]).among(np.array([True, False, True, True]))
    shares_NN = followers.shares_NN.toarray()
    assert not shares_NN[1].any()
    assert not shares_NN[:, 1].any()
    np.testing.assert_allclose(shares_NN[0, 2], 0.5 / 1.5, rtol=1e-6)


def test_without_its_own_part_a_history_does_not_know_what_comes():
    histories = [np.array([0, 1, 2]), np.array([3, 1])]
    followers = followers_of(*histories)
    beginnings = [history[: place + 1] for history in histories for place in range(len(history))]
    plain_EN = followers.log_shares(beginnings)
    without_EN = followers.log_shares(beginnings, followers.own_shares(histories))
    nothing = np.log(1 / (NUM_ITEMS + NUM_ADDED))
    for event, to_come in ((0, [1, 2]), (1, [2]), (3, [1])):
        assert (plain_EN[event, to_come] > nothing + 0.1).all()
        np.testing.assert_allclose(without_EN[event, to_come], nothing, atol=1e-5)
    assert without_EN[1, 1] == plain_EN[1, 1]  # what came before the event is no secret
