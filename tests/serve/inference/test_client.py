"""Many clients share a model: each gets the answer that it would get alone, and none waits for ever."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from plain_studio import plain_studio

from genrec.config import ServeConfig
from genrec.data.filters import parse_filter
from genrec.data.images import decode_image
from genrec.errors import WriterBusy
from genrec.explain import explain_batch
from genrec.prompting import render
from genrec.ranking.client import Case, Request
from genrec.serve.inference.batching import PriorityLock
from genrec.serve.inference.client import ClientView, ModelQueues, QueuedClient
from genrec.serve.inference.deadline import ClientGone, Deadline
from genrec.visualize import Wanted


def queues_of(shop, max_wait_for_words_s=300.0, **options):
    return ModelQueues(shop.client, ServeConfig(max_wait_for_words_s=max_wait_for_words_s), on_cpu=True, **options)


@pytest.fixture
def queues(shop):
    opened = queues_of(shop)
    yield opened
    opened.close()


@pytest.fixture
def view_of(shop, tmp_path):
    """Makes views of the shop, each for one client, that stand in line in some queues."""

    def make(queues, *, limit_s=300.0, adapter=None):
        studio = plain_studio(shop)
        return ClientView.of(shop, queues, Deadline(limit_s), studio=studio, visuals=tmp_path, adapter=adapter)

    return make


def test_unequal_requests_in_one_batch_are_answered_as_alone(shop, queues):
    histories = list(shop.interactions.histories().values())
    photo = decode_image(shop.catalog.items[7].image)
    warm = shop.add_adapter("warm")
    requests = [
        Request(history=histories[0]),
        Request(history=histories[1][:1], adapter=warm),
        Request(history=(), k=3),
        Request(history=histories[2], k=70),
        Request(history=histories[3], where=parse_filter("price < 40"), exclude=histories[0][:2]),
        Request(history=histories[4], exclude_history=False),
        Request(history=histories[5], query="a red lamp"),
        Request(history=histories[6], query="something blue", image=photo, adapter=warm, k=5),
        Request(history=histories[7], image=photo, where=parse_filter("not category = lamp")),
    ]
    with queues.turns.of(0):  # nobody is answered until all are in line
        futures = [queues.recommendations.submit(request) for request in requests]
    together = [future.result(300) for future in futures]
    assert queues.recommendations.batch_sizes[-1] == len(requests)
    for request, answer in zip(requests, together, strict=True):
        (alone,) = shop.answer([request])
        assert [entry.item_id for entry in answer] == [entry.item_id for entry in alone]
        assert len(answer) == (request.k or shop.config.recommend.k)
        scores = [entry.score_nats for entry in alone]
        assert [entry.score_nats for entry in answer] == pytest.approx(scores, abs=1e-3)


def test_a_view_answers_weighs_and_explains_as_its_workspace_does(shop, queues, view_of):
    view = view_of(queues).workspace
    history = shop.history_of("user-00003")
    items = [entry.item_id for entry in shop.recommend(history=history, k=3)]
    assert [entry.item_id for entry in view.recommend(history=history, k=3)] == items
    weighed = zip(view.attributions([history] * 3, items), shop.attributions([history] * 3, items), strict=True)
    assert all(found == pytest.approx(expected, abs=1e-3) for found, expected in weighed)
    assert [e.text for e in explain_batch(view, [history] * 3, items)] == [
        e.text for e in explain_batch(shop, [history] * 3, items)
    ]


def test_clients_who_ask_at_once_are_explained_as_alone(shop, queues, view_of):
    histories = [history[:5] for history in list(shop.interactions.histories().values())[:6]]
    items = [shop.recommend(history=history, k=1)[0].item_id for history in histories]

    def explain(case):
        view = view_of(queues).workspace
        return explain_batch(view, [case[0]], [case[1]])[0]

    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(explain, zip(histories, items, strict=True)))
    for found, history, item in zip(together, histories, items, strict=True):
        alone = explain_batch(shop, [history], [item])[0]
        assert (found.text, found.evidence[0].claim) == (alone.text, alone.evidence[0].claim)


def test_a_writer_with_too_much_to_say_says_so(shop, view_of):
    queues = queues_of(shop, max_wait_for_words_s=0.2)
    view = view_of(queues)
    message, another = render("next_item", query="a red lamp"), render("next_item", query="a mug")
    with queues.turns.of(0):  # the language model is at work
        waiting = queues.texts.submit((message, 4))
        with pytest.raises(WriterBusy, match="the language model is busy"):
            view.workspace.client.write([another], max_new_tokens=4)
        assert not view.deadline.is_over
        start = time.monotonic()
        with pytest.raises(WriterBusy):
            view.workspace.client.write([message], max_new_tokens=3)
        assert time.monotonic() - start < 0.19  # it has waited before, for the same answer
    text = waiting.result(60)
    assert (another, 4) not in queues.cached_texts  # nobody waits for it any more
    queues.max_wait_for_words_s = 60
    other = view_of(queues).workspace.client  # for another answer
    assert other.write([message, another], max_new_tokens=4)[0] == text
    queues.close()


def test_recommendations_and_weights_are_found_before_words_are(shop):
    queues = queues_of(shop)
    order = []
    with queues.turns.of(0):  # the language model is at work
        futures = {"words": queues.texts.submit((render("next_item", query="a red lamp"), 4))}
        while queues.texts.num_waiting:
            time.sleep(0.01)
        time.sleep(0.2)  # it stands in line
        futures["items"] = queues.recommendations.submit(Request(k=3))
        futures["weights"] = queues.attributions.submit([Case(history=(), item_id=shop.catalog.items[0].item_id)])
        for name, future in futures.items():
            future.add_done_callback(lambda _, name=name: order.append(name))
        time.sleep(0.2)
    for future in futures.values():
        future.result(60)
    assert order[-1] == "words"
    queues.close()


class CountingWriter:
    """The shop's models, and every message that they were asked to answer."""

    answers_while_writing = False

    def __init__(self, client):
        self._client, self.messages = client, []

    def __getattr__(self, name):
        return getattr(self._client, name)

    def write(self, messages, *, max_new_tokens):
        self.messages += messages
        return self._client.write(messages, max_new_tokens=max_new_tokens)


def test_what_many_ask_is_written_once(shop):
    writer = CountingWriter(shop.client)
    queues = ModelQueues(writer, ServeConfig(max_wait_for_words_s=300), on_cpu=True, max_cached_texts=2)
    client = QueuedClient(queues, Deadline(300))
    messages = [render("next_item", query=words) for words in ("a red lamp", "a mug", "a red lamp")]
    texts = client.write(messages, max_new_tokens=4)
    assert writer.messages == messages[:2]
    assert texts == shop.client.write(messages, max_new_tokens=4)
    assert client.write(messages[:1], max_new_tokens=4) == texts[:1]
    assert len(writer.messages) == 2
    client.write(messages[:1], max_new_tokens=5)
    assert len(writer.messages) == 3
    client.write(messages, max_new_tokens=6)
    assert len(queues.cached_texts) == 2
    queues.close()


def test_an_adapters_view_weighs_by_the_adapter(shop, queues, view_of):
    warm = shop.add_adapter("warm")
    view = view_of(queues, adapter=warm).workspace
    history, item = shop.history_of("user-00003"), shop.catalog.items[3].item_id
    (attributions,) = view.attributions([history], [item])
    assert attributions == pytest.approx(shop.attributions([history], [item], adapter=warm)[0], abs=1e-3)
    (own,) = shop.attributions([history], [item])
    assert max(abs(attributions[past] - nats) for past, nats in own.items()) > 0.01


def test_a_view_counts_nothing_again(shop, queues, view_of):
    view = view_of(queues).workspace
    assert view.evidence is shop.evidence
    assert view.reader is shop.reader
    assert view.data is shop.data


def test_drawings_stop_when_their_client_leaves(shop, queues, view_of, tmp_path):
    view = view_of(queues)
    threading.Timer(0.3, view.deadline.leave).start()
    item = shop.catalog.items[0].item_id

    def draw_on() -> None:
        for seed in range(1000):
            view.draw(item, Wanted(seed=seed))

    with pytest.raises(ClientGone):
        draw_on()
    while queues.drawings.num_waiting:
        time.sleep(0.01)
    count = len(list(tmp_path.glob("*.png")))
    time.sleep(0.3)
    assert len(list(tmp_path.glob("*.png"))) == count
    another = view_of(queues)
    drawn = another.draw(item, Wanted())
    assert drawn.path.is_file()
    assert another.drawings.last == drawn


def test_a_replayed_drawing_is_not_drawn(shop, queues, view_of, tmp_path):
    view = view_of(queues)
    view.drawings.is_replay = True
    view.draw(shop.catalog.items[0].item_id, Wanted())
    assert view.drawings.last is None
    assert not list(tmp_path.glob("*.png"))


def test_deadlines_end(shop, queues, view_of):
    view = view_of(queues, limit_s=0.0)
    with pytest.raises(TimeoutError):
        view.workspace.recommend(history=[], k=1)
    view = view_of(queues)
    view.deadline.leave()
    assert view.deadline.is_over
    with pytest.raises(ClientGone):
        view.workspace.recommend(history=[], k=1)


def test_turns_are_taken_by_urgency_then_in_the_order_of_asking():
    turns, order = PriorityLock(), []

    def take(rank, number):
        with turns.of(rank):
            order.append((rank, number))

    with turns.of(1):
        threads = []
        for number in range(8):
            threads.append(threading.Thread(target=take, args=(number % 2, number)))
            threads[-1].start()
            while turns.num_waiting < number + 1:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert order == [(0, 0), (0, 2), (0, 4), (0, 6), (1, 1), (1, 3), (1, 5), (1, 7)]
