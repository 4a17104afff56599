"""A workspace answers alike whoever asks, and refuses alike."""

import pytest

from genrec.errors import InputError, UnknownUser
from genrec.ranking.client import Request


@pytest.mark.parametrize("asks", ["recommend", "stream", "explain", "visualize"])
def test_a_user_or_a_history_is_given_but_not_both(shop_recommender, tmp_path, asks):
    item = shop_recommender.catalog.items[0].item_id
    more = {"explain": {"item": item}, "visualize": {"item": item, "out": tmp_path / "a.png"}}.get(asks, {})
    with pytest.raises(InputError, match="both a user and a history were given; give one of them"):
        getattr(shop_recommender, asks)(user="user-00000", history=[item], **more)
    with pytest.raises(UnknownUser, match="has no events here"):
        getattr(shop_recommender, asks)(user="nobody", **more)
    assert not list(tmp_path.iterdir())


class Recorder:
    """The shop's models, and the requests that crossed the seam."""

    def __init__(self, client):
        self._client, self.requests = client, []

    def __getattr__(self, name):
        return getattr(self._client, name)

    def answer(self, requests):
        self.requests += requests
        return self._client.answer(requests)


def test_every_way_to_ask_for_items_crosses_the_seam(shop_recommender):
    recorder = Recorder(shop_recommender.client)
    workspace = shop_recommender.through(recorder)
    history = workspace.history_of("user-00003")
    workspace.recommend(history=history, k=2)
    workspace.recommend_batch([history], k=3, queries=["a red lamp"])
    assert recorder.requests == [Request(history=history, k=2), Request(history=history, k=3, query="a red lamp")]
    assert workspace.chat().say("lamps under 80").items
    assert len(recorder.requests) > 2
