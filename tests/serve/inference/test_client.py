"""Many clients share a model: each gets the answer that it would get alone, and none waits for ever."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from genrec.config import ServeConfig
from genrec.data.filters import parse_filter
from genrec.encode.clip import decode_image
from genrec.errors import WriterBusy
from genrec.explain import explain_batch
from genrec.prompting import render
from genrec.ranking.recommender import Request
from genrec.serve.inference.batching import PriorityLock
from genrec.serve.inference.client import Case, SharedWorkspace, WorkspaceView
from genrec.serve.inference.deadline import ClientGone, Deadline


@pytest.fixture
def shared(shop):
    opened = SharedWorkspace(shop, ServeConfig(max_wait_for_words_s=300))
    opened.warm_up()
    yield opened
    opened.close()


def view_of(shared, tmp_path, limit_s=300.0, **options):
    deadline = Deadline(limit_s)
    return WorkspaceView(shared, deadline, visuals=tmp_path, **options), deadline


def test_unequal_requests_in_one_batch_are_answered_as_alone(shop, shared):
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
    with shared.recommendations._turn():  # nobody is answered until all are in line
        futures = [shared.recommendations.submit(request) for request in requests]
    together = [future.result(300) for future in futures]
    assert shared.recommendations.batch_sizes[-1] == len(requests)
    for request, answer in zip(requests, together, strict=True):
        (alone,) = shop.answer([request])
        assert [entry.item_id for entry in answer] == [entry.item_id for entry in alone]
        assert len(answer) == (request.k or shop.config.recommend.k)
        scores = [entry.score_nats for entry in alone]
        assert [entry.score_nats for entry in answer] == pytest.approx(scores, abs=1e-3)


def test_a_view_answers_weighs_and_explains_as_its_workspace_does(shop, shared, tmp_path):
    view, _ = view_of(shared, tmp_path)
    history = shop.history_of("user-00003")
    items = [entry.item_id for entry in shop.recommend(history=history, k=3)]
    assert [entry.item_id for entry in view.recommend(history=history, k=3)] == items
    weighed = zip(view.attributions([history] * 3, items), shop.attributions([history] * 3, items), strict=True)
    assert all(found == pytest.approx(expected, abs=1e-3) for found, expected in weighed)
    assert [e.text for e in explain_batch(view, [history] * 3, items)] == [
        e.text for e in explain_batch(shop, [history] * 3, items)
    ]


def test_clients_who_ask_at_once_are_explained_as_alone(shop, shared, tmp_path):
    histories = [history[:5] for history in list(shop.interactions.histories().values())[:6]]
    items = [shop.recommend(history=history, k=1)[0].item_id for history in histories]

    def explain(case):
        view, _ = view_of(shared, tmp_path)
        return explain_batch(view, [case[0]], [case[1]])[0]

    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(explain, zip(histories, items, strict=True)))
    for found, history, item in zip(together, histories, items, strict=True):
        alone = explain_batch(shop, [history], [item])[0]
        assert (found.text, found.evidence[0].claim) == (alone.text, alone.evidence[0].claim)


def test_a_writer_with_too_much_to_say_says_so(shop, tmp_path):
    shared = SharedWorkspace(shop, ServeConfig(max_wait_for_words_s=0.2))
    view, deadline = view_of(shared, tmp_path)
    message, another = render("next_item", query="a red lamp"), render("next_item", query="a mug")
    with shared.texts._turn():  # the language model is at work
        waiting = shared.texts.submit((message, 4))
        with pytest.raises(WriterBusy, match="the language model is busy"):
            view.model.generate_texts([another], max_new_tokens=4)
        assert not deadline.is_over
        start = time.monotonic()
        with pytest.raises(WriterBusy):
            view.model.generate_texts([message], max_new_tokens=3)
        assert time.monotonic() - start < 0.19  # it has waited before, for the same answer
    text = waiting.result(60)
    assert (another, 4) not in shared.written  # nobody waits for it any more
    shared.max_wait_for_words_s = 60
    view, _ = view_of(shared, tmp_path)  # for another answer
    assert view.model.generate_texts([message, another], max_new_tokens=4)[0] == text
    shared.close()


def test_recommendations_and_weights_are_found_before_words_are(shop, tmp_path):
    shared = SharedWorkspace(shop, ServeConfig())
    order = []
    with shared.texts._turn():  # the language model is at work
        futures = {"words": shared.texts.submit((render("next_item", query="a red lamp"), 4))}
        while shared.texts.num_waiting:
            time.sleep(0.01)
        time.sleep(0.2)  # it stands in line
        futures["items"] = shared.recommendations.submit(Request(k=3))
        futures["weights"] = shared.attributions.submit(Case([()], [shop.catalog.items[0].item_id], [""], None))
        for name, future in futures.items():
            future.add_done_callback(lambda _, name=name: order.append(name))
        time.sleep(0.2)
    for future in futures.values():
        future.result(60)
    assert order[-1] == "words"
    shared.close()


def test_what_many_ask_is_written_once(shop, tmp_path, monkeypatch):
    shared = SharedWorkspace(shop, ServeConfig(max_wait_for_words_s=300))
    view, _ = view_of(shared, tmp_path)
    written, generate = [], shop.model.generate_texts
    monkeypatch.setattr(
        shop.model, "generate_texts", lambda asked, **kw: written.extend(asked) or generate(asked, **kw)
    )
    messages = [render("next_item", query=words) for words in ("a red lamp", "a mug", "a red lamp")]
    texts = view.model.generate_texts(messages, max_new_tokens=4)
    assert written == messages[:2]
    assert texts == generate(messages, max_new_tokens=4)
    assert view.model.generate_texts(messages[:1], max_new_tokens=4) == texts[:1]
    assert len(written) == 2
    view.model.generate_texts(messages[:1], max_new_tokens=5)
    assert len(written) == 3
    monkeypatch.setattr("genrec.serve.inference.client.MAX_WRITTEN", 2)
    view.model.generate_texts(messages, max_new_tokens=6)
    assert len(shared.written) == 2
    shared.close()


def test_an_adapters_view_weighs_by_the_adapter(shop, shared, tmp_path):
    warm = shop.add_adapter("warm")
    view, _ = view_of(shared, tmp_path, adapter=warm)
    history, item = shop.history_of("user-00003"), shop.catalog.items[3].item_id
    (attributions,) = view.attributions([history], [item])
    assert attributions == pytest.approx(shop.attributions([history], [item], adapter=warm)[0], abs=1e-3)
    (own,) = shop.attributions([history], [item])
    assert max(abs(attributions[past] - nats) for past, nats in own.items()) > 0.01


def test_drawings_stop_when_their_client_leaves(shared, tmp_path):
    view, deadline = view_of(shared, tmp_path)
    threading.Timer(0.3, deadline.leave).start()
    item = shared.workspace.catalog.items[0].item_id

    def draw_on() -> None:
        for seed in range(1000):
            view.visualize(item=item, seed=seed)

    with pytest.raises(ClientGone):
        draw_on()
    while shared.drawings.num_waiting:
        time.sleep(0.01)
    count = len(list(tmp_path.glob("*.png")))
    time.sleep(0.3)
    assert len(list(tmp_path.glob("*.png"))) == count
    another, _ = view_of(shared, tmp_path)
    assert another.visualize(item=item).path.is_file()


def test_patience_ends(shop, shared, tmp_path):
    view, _ = view_of(shared, tmp_path, limit_s=0.0)
    with pytest.raises(TimeoutError):
        view.recommend(history=[], k=1)
    view, deadline = view_of(shared, tmp_path)
    deadline.leave()
    assert deadline.is_over
    with pytest.raises(ClientGone):
        view.recommend(history=[], k=1)


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
            while len(turns._waiting) < number + 1:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert order == [(0, 0), (0, 2), (0, 4), (0, 6), (1, 1), (1, 3), (1, 5), (1, 7)]
