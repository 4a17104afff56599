"""OpenAI's own Python client gets what it expects."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import openai
import pytest
from serve_worlds import data_url, scopes_of

from genrec.data.filters import parse_filter
from genrec.serve.api import openai_routes

README = Path(__file__).parents[3] / "README.md"


@pytest.fixture(scope="module")
def client(server):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="any", max_retries=0, timeout=300) as opened:
        yield opened


def ask(text, *earlier):
    return [*earlier, {"role": "user", "content": text}]


def test_models_are_listed_with_what_they_ride_on(client):
    models = {model.id: model for model in client.models.list()}
    assert models.keys() == {"genrec", "warm"}
    assert models["genrec"].parent is None
    assert models["warm"].parent == "genrec"
    assert client.models.retrieve("warm").model_dump() == models["warm"].model_dump()
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt-4")
    assert caught.value.code == "model_not_found"


def test_a_chat_answer_holds_cards_twice_and_counts_tokens(client, server, shop):
    answer = client.chat.completions.create(model="genrec", messages=ask("a red lamp under 90"), temperature=0.3)
    (choice,) = answer.choices
    assert choice.finish_reason == "stop"
    cards = answer.genrec["cards"]
    legal = parse_filter("color = red and category = lamp and price < 90").mask(shop.catalog)
    assert cards
    for place, card in enumerate(cards, 1):
        assert legal[shop.catalog.row(card["item_id"])]
        assert f"{place}. **{card['title']}**" in choice.message.content
        assert f"({card['image']})" in choice.message.content
        assert card["reason"] in choice.message.content
        assert card["evidence"]
        assert server.http.get(card["image"]).headers["content-type"] == "image/png"
    assert answer.genrec["request"]["intent"] == "recommend"
    count = server.engine.count_tokens
    assert answer.usage.prompt_tokens == count(["a red lamp under 90"])
    assert answer.usage.completion_tokens == count([choice.message.content]) > 20
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_streamed_answer_says_the_same_items_first_and_reasons_after(client):
    messages = ask("a red lamp under 90")
    whole = client.chat.completions.create(model="genrec", messages=messages)
    chunks = list(
        client.chat.completions.create(
            model="genrec", messages=messages, stream=True, stream_options={"include_usage": True}
        )
    )
    *spoken, counted = chunks
    assert len({chunk.id for chunk in chunks}) == 1
    assert [chunk.choices[0].delta.role for chunk in spoken][:2] == ["assistant", None]
    assert [chunk.choices[0].finish_reason for chunk in spoken] == [None, None, "stop"]
    shown, reasoned = (chunk.genrec["cards"] for chunk in spoken[:2])
    assert [card["item_id"] for card in shown] == [card["item_id"] for card in whole.genrec["cards"]]
    assert {card["reason"] for card in shown} == {""}
    assert reasoned == whole.genrec["cards"]
    assert reasoned[0]["reason"] in spoken[1].choices[0].delta.content
    assert counted.choices == []
    assert counted.usage.completion_tokens > 20


def test_a_stream_ends_as_clients_are_strict_about(server):
    body = {"model": "genrec", "messages": ask("hello"), "stream": True}
    with server.http.stream("POST", "/v1/chat/completions", json=body) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = "".join(response.iter_text()).split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    for event in events[:-2]:
        assert "usage" not in json.loads(event.removeprefix("data: "))


def test_tools_are_left_alone_and_other_roles_are_context(client):
    tool = {"type": "function", "function": {"name": "buy", "parameters": {"type": "object", "properties": {}}}}
    call = {"id": "c", "type": "function", "function": {"name": "buy", "arguments": "{}"}}
    messages = [
        {"role": "system", "content": "You are a pirate."},
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "bought"},
        {"role": "user", "content": [{"type": "text", "text": "a blue"}, {"type": "text", "text": "vase"}]},
    ]  # fmt: skip
    answer = client.chat.completions.create(model="genrec", messages=messages, tools=[tool], tool_choice="auto")
    assert answer.choices[0].message.tool_calls is None
    wishes = {wish["value"] for wish in answer.genrec["request"]["where"]}
    assert {"blue", "vase"} <= wishes


def test_a_photo_pulls_what_looks_like_it(client, shop):
    pictured = {str(item.attributes["category"]): item for item in shop.catalog}
    num_of_its_kind, num_shown = 0, 0
    for kind, item in pictured.items():
        url = data_url(item.image.read_bytes())
        parts = [{"type": "image_url", "image_url": {"url": url, "detail": "low"}}]
        answer = client.chat.completions.create(model="genrec", messages=[{"role": "user", "content": parts}])
        assert answer.genrec["request"]["image"] is True
        kinds = [shop.catalog[card["item_id"]].attributes["category"] for card in answer.genrec["cards"]]
        num_of_its_kind, num_shown = num_of_its_kind + kinds.count(kind), num_shown + len(kinds)
    assert num_of_its_kind / num_shown > 2 / len(pictured)  # twice as many as by chance


def test_pictures_of_other_hosts_are_refused_not_fetched(client):
    parts = [{"type": "image_url", "image_url": {"url": "http://127.0.0.1:9/x.png"}}]
    with pytest.raises(openai.BadRequestError, match="nothing is fetched"):
        client.chat.completions.create(model="genrec", messages=[{"role": "user", "content": parts}])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n": 2}, "n: "),
        ({"messages": []}, "messages: "),
        ({"messages": [{"role": "system", "content": "x"}]}, "none is a user's"),
        ({"messages": ask("x" * 4001)}, "at most 4000 characters"),
        ({"messages": ask("a\x00b")}, "null character"),
        ({"messages": [{"role": "emperor", "content": "x"}]}, r"messages\.0\.role"),
        ({"messages": ask([{"type": "input_audio", "input_audio": {}}])}, "input_audio"),
    ],
)
def test_what_cannot_be_answered_is_told_by_its_place(client, change, message):
    with pytest.raises(openai.BadRequestError, match=message) as caught:
        client.chat.completions.create(**{"model": "genrec", "messages": ask("hello"), **change})
    assert caught.value.type == "invalid_request_error"


def test_an_adapter_answers_under_its_own_name(server):
    history = [item.item_id for item in server.engine.workspace.catalog.items[:4]]
    scores = {}
    for model in ("genrec", "warm"):
        answer = server.post("/v1/recommendations", model=model, history=history, k=3).json()
        assert answer["model"] == model
        scores[model] = [entry["score_nats"] for entry in answer["recommendations"]]
    assert scores["genrec"] != scores["warm"]


def as_numbers(embedding):
    return np.frombuffer(base64.b64decode(embedding), "<f4") if isinstance(embedding, str) else embedding


def test_embeddings_of_texts_and_items_share_a_space(client, shop):
    texts = ["a red lamp", "a blue vase"]
    for encoding in ({"encoding_format": "float"}, {"encoding_format": "base64"}, {}):
        answer = client.embeddings.create(model="genrec", input=texts, **encoding)
        found = np.array([as_numbers(entry.embedding) for entry in answer.data])
        np.testing.assert_allclose(found, shop.clip.encode_texts(texts), atol=1e-5)
        assert [entry.index for entry in answer.data] == [0, 1]
        assert answer.usage.prompt_tokens == answer.usage.total_tokens == shop.clip.count_tokens(texts) > 4
    ids = [item.item_id for item in shop.catalog]
    items = client.embeddings.create(model="genrec", input=ids[:200], extra_body={"input_type": "item"})
    likeness = np.array([entry.embedding for entry in items.data]) @ found[0]
    best = shop.catalog[ids[int(likeness.argmax())]].attributes
    assert (best["color"], best["category"]) == ("red", "lamp")


def test_embeddings_cannot_be_cut_short(client):
    with pytest.raises(openai.BadRequestError, match=r"vectors have \d+, so leave it out"):
        client.embeddings.create(model="genrec", input="x", dimensions=8)


def test_the_readmes_example_runs(server, capsys):
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (code,) = [block for block in blocks if "from openai import OpenAI" in block]
    assert "http://localhost:8000" in code
    names: dict[str, object] = {}
    exec(compile(code.replace("http://localhost:8000", server.url), "README.md", "exec"), names)
    assert "1. **" in capsys.readouterr().out
    assert names["drawing"].data[0].b64_json
    names["client"].close()


def test_each_route_needs_its_scope():
    assert scopes_of(openai_routes.router) == {
        ("GET", "/v1/models"): "",
        ("GET", "/v1/models/{model}"): "",
        ("POST", "/v1/chat/completions"): "chat",
        ("POST", "/v1/embeddings"): "recommend",
    }
