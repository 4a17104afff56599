"""Whatever asks a model client gets the same answer, wherever the models work."""

from collections.abc import Iterator

import numpy as np
import pytest

from genrec.data.filters import parse_filter
from genrec.data.images import decode_image
from genrec.errors import FilterError, InputError, UnknownItem
from genrec.generations import Generation
from genrec.prompting import render
from genrec.ranking.client import Case, ModelClient, Request
from genrec.serve.inference.client import ModelQueues, QueuedClient
from genrec.serve.inference.deadline import Deadline
from genrec.serve.inference.process import ProcessClient
from genrec.workspace import Workspace


@pytest.fixture(scope="module")
def queues(shop: Workspace, patient_config) -> Iterator[ModelQueues]:
    opened = ModelQueues(shop.client, patient_config, on_cpu=True)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def in_process(adapted_directory) -> Iterator[ProcessClient]:
    client = ProcessClient(Generation.open(adapted_directory))
    yield client
    client.close()


@pytest.fixture(scope="module")
def in_process_and_queued(in_process, patient_config) -> Iterator[QueuedClient]:
    """As a server has it: a line before another process."""
    queues = ModelQueues(in_process, patient_config, on_cpu=True)
    yield QueuedClient(queues, Deadline(300))
    queues.close()


@pytest.fixture(params=["local", "queued", "process", "queued process"])
def client(request, shop: Workspace, queues: ModelQueues) -> ModelClient:
    """Each kind of client in turn, over the same models."""
    match request.param:
        case "queued":
            return QueuedClient(queues, Deadline(300))
        case "process":
            return request.getfixturevalue("in_process")
        case "queued process":
            return request.getfixturevalue("in_process_and_queued")
    return shop.client


def ids(answer) -> list[str]:
    return [entry.item_id for entry in answer]


def test_requests_of_all_kinds_are_answered(shop: Workspace, client: ModelClient) -> None:
    histories = list(shop.interactions.histories().values())
    client.add_adapter("other", shop.directory / "adapters" / "warm")
    shop.client.add_adapter("other", shop.directory / "adapters" / "warm")
    photo = decode_image(shop.catalog.items[7].image)
    requests = [
        Request(history=histories[0], k=3),
        Request(history=histories[1][:1], adapter="other"),
        Request(),
        Request(history=histories[2], where=parse_filter("price < 40"), exclude=histories[2][:1]),
        Request(history=histories[3], query="a red lamp", image=photo, like=histories[3][:1], unlike=histories[4][:2]),
        Request(history=histories[4], exclude_history=False),
    ]
    for found, expected in zip(client.answer(requests), shop.answer(requests), strict=True):
        assert ids(found) == ids(expected)
        scores = [[entry.score_nats for entry in answer] for answer in (found, expected)]
        assert scores[0] == pytest.approx(scores[1], abs=1e-3)


def test_one_wrong_request_takes_nothing_from_others(shop: Workspace, client: ModelClient) -> None:
    wrong = [
        (Request(k=0), InputError, "k is 0"),
        (Request(history=("nothing-like-it",)), UnknownItem, "nothing-like-it"),
        (Request(where=parse_filter("price < 0")), FilterError, "no item is left"),
        (Request(exclude=("nothing-like-it",)), UnknownItem, "nothing-like-it"),
    ]
    good = Request(history=shop.history_of("user-00003"), k=3)
    answers = client.answer([*(request for request, _, _ in wrong), good])
    for found, (_, error, message) in zip(answers, wrong, strict=False):
        assert isinstance(found, error)
        assert message in str(found)
    assert ids(answers[-1]) == ids(shop.answer([good])[0])


def test_items_are_streamed_in_order(shop: Workspace, client: ModelClient) -> None:
    request = Request(history=shop.history_of("user-00003"), where=parse_filter("price < 60"), k=5)
    expected = list(shop.client.stream(request))
    streamed = list(client.stream(request))
    assert [entry.rank for entry in streamed] == [1, 2, 3, 4, 5]
    assert ids(streamed) == ids(expected)
    assert [e.score_nats for e in streamed] == pytest.approx([e.score_nats for e in expected], abs=1e-3)


def test_streams_run_beside_each_other_and_beside_answers_and_may_be_left(shop: Workspace, client: ModelClient) -> None:
    histories = list(shop.interactions.histories().values())[:2]
    requests = [Request(history=history, k=4) for history in histories]
    expected = [ids(shop.client.stream(request)) for request in requests]
    left = client.stream(requests[0])
    next(left)
    first, second = (client.stream(request) for request in requests)
    pairs = [(one.item_id, two.item_id) for one, two in zip(first, second, strict=True)]
    assert [list(column) for column in zip(*pairs, strict=True)] == expected
    assert ids(client.answer([Request(history=histories[0], k=2)])[0]) == ids(
        shop.answer([Request(history=histories[0], k=2)])[0]
    )


@pytest.mark.parametrize(
    ("request_", "error", "message"),
    [
        (Request(query="a red lamp"), InputError, "a stream cannot take query"),
        (Request(adapter="other"), InputError, "a stream cannot take adapter"),
        (Request(where=parse_filter("price < 0")), FilterError, "no item is left"),
        (Request(k=0), InputError, "k is 0"),
    ],
)
def test_what_cannot_be_streamed_is_told_at_once(client: ModelClient, request_, error, message) -> None:
    with pytest.raises(error, match=message):
        client.stream(request_)


def test_cases_of_several_adapters_are_scored_and_attributed(shop: Workspace, client: ModelClient) -> None:
    client.add_adapter("other", shop.directory / "adapters" / "warm")
    shop.client.add_adapter("other", shop.directory / "adapters" / "warm")
    history = shop.history_of("user-00003")
    items = [item.item_id for item in shop.catalog.items[:3]]
    cases = [Case(history=history, item_id=item, adapter=adapter) for item in items for adapter in (None, "other")]
    cases.append(Case(history=history[:1], item_id=items[0], query="a red lamp"))
    np.testing.assert_allclose(client.score(cases), shop.client.score(cases), atol=1e-3)
    for found, expected in zip(client.attributions(cases), shop.client.attributions(cases), strict=True):
        assert found == pytest.approx(expected, abs=1e-3)
    with pytest.raises(UnknownItem, match="nothing-like-it"):
        client.score([Case(history=("nothing-like-it",), item_id=items[0])])
    with pytest.raises(UnknownItem, match="nothing-like-it"):
        client.attributions([Case(history=("nothing-like-it",), item_id=items[0])])


def test_messages_are_written(shop: Workspace, client: ModelClient) -> None:
    messages = [render("next_item", query=words) for words in ("a red lamp", "a mug", "a red lamp")]
    assert client.write(messages, max_new_tokens=6) == shop.client.write(messages, max_new_tokens=6)


def test_texts_become_vectors(shop: Workspace, client: ModelClient) -> None:
    texts = ["a red lamp", "a mug"]
    np.testing.assert_allclose(client.embed(texts), shop.clip.encode_texts(texts), atol=1e-5)


def test_a_queued_client_answers_by_its_adapter_unless_a_request_names_one(shop: Workspace, queues) -> None:
    shop.client.add_adapter("other", shop.directory / "adapters" / "warm")
    client = QueuedClient(queues, Deadline(300), adapter="other")
    history, item = shop.history_of("user-00003"), shop.catalog.items[3].item_id
    (expected,) = shop.answer([Request(history=history, adapter="other")])
    (found,) = client.answer([Request(history=history)])
    assert ids(found) == ids(expected)
    case = Case(history=history, item_id=item, adapter="other")
    own = Case(history=history, item_id=item)
    assert client.score([own])[0] == pytest.approx(shop.client.score([case])[0], abs=1e-3)
    assert abs(client.score([own])[0] - shop.client.score([own])[0]) > 0.01


def test_shares_cannot_be_chosen_in_line(queues) -> None:
    with pytest.raises(InputError, match="sequence_weight cannot be chosen"):
        QueuedClient(queues, Deadline(300)).answer([Request(sequence_weight=0.5)])
