"""Drawings are asked for, watched, canceled, found again and refused, as OpenAI's own client and others see it.

Painters paint plain colors here, so that what is tested is the serving; the tiny models are served in one test.
"""

import base64
import io
import json
import threading
import time
from dataclasses import replace
from typing import ClassVar

import numpy as np
import openai
import pytest
from PIL import Image
from plain_studio import NUM_STEPS, PlainPainter, plain_studio
from serve_worlds import EVENT_LOOP, PATIENT, data_url, encoded, scopes_of, serving

from genrec.errors import InputError
from genrec.serve.api import image_routes
from genrec.visualize import studio_of
from genrec.visualize.guard import Guard
from genrec.visualize.marking import read_record
from genrec.visualize.plugins import names_of_plugins
from genrec.visualize.try_on import TRY_ON_PLUGINS
from genrec.workspace import Workspace, load

PATH = "/v1/images/generations"


@pytest.fixture(scope="module")
def client(server):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="any", max_retries=0, timeout=300) as opened:
        yield opened


@pytest.fixture
def painter():
    return PlainPainter()


@pytest.fixture
def watched(shop, tmp_path, painter):
    """A server whose painter can be held between two steps."""
    with serving(shop, tmp_path, replace(PATIENT, drawings_at_once=1), studio=plain_studio(shop, painter)) as running:
        yield running
        painter.gate.set()


def wait_until(is_so, limit_s=60):
    ends = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.01)


def drawn(server, **body):
    answer = server.post(PATH, **body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def pixels(picture):
    with Image.open(io.BytesIO(base64.b64decode(picture["b64_json"]))) as opened:
        return opened.convert("RGB").copy()


def events_of(server, **body):
    """Each event of a stream: its name, and what it tells."""
    with server.http.stream("POST", PATH, json={**body, "stream": True}) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        *events, end, rest = "".join(response.iter_text()).split("\n\n")
    assert (end, rest) == ("data: [DONE]", "")
    split = [event.split("\n") for event in events]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in split]


def person_of(shop):
    return next(user for user, history in shop.interactions.histories().items() if len(set(history)) >= 4)


def test_a_picture_tells_what_it_is_and_what_shaped_it(server, shop):
    user, item = person_of(shop), shop.catalog.items[5]
    answer = drawn(server, item=item.item_id, user=user, prompt="on an oak table, beside a wombat", seed=4)
    (picture,) = answer["data"]
    assert (picture["mode"], picture["item_id"], picture["seed"]) == ("scene", item.item_id, 4)
    assert picture["words_not_drawn"] == ["wombat"]
    assert "wombat" in picture["note"]
    assert picture["taste"]
    assert picture["colors"]
    assert all(color.startswith("#") for color in picture["colors"])
    liked = set(shop.interactions.histories()[user])
    assert picture["shaped_by"]
    assert {one["item_id"] for one in picture["shaped_by"]} <= liked
    assert server.http.get(picture["shaped_by"][0]["image"]).status_code == 200
    with Image.open(io.BytesIO(base64.b64decode(picture["b64_json"]))) as opened:
        assert opened.text["generated"] == "true"
        assert answer["size"] == f"{opened.width}x{opened.height}"
    got = server.http.get(picture["url"])
    assert got.headers["content-type"] == "image/png"
    assert got.content == base64.b64decode(picture["b64_json"])
    record = server.http.get(f"{picture['url']}/record").json()
    assert record["record"]["seed"] == 4
    assert record["told"]["taste"] == picture["taste"]
    assert str(shop.directory) not in json.dumps(record)


def test_nobody_has_no_taste(server, shop):
    (picture,) = drawn(server, item=shop.catalog.items[5].item_id, seed=1)["data"]
    assert (picture["taste"], picture["colors"], picture["shaped_by"]) == ("", [], [])


def test_openais_client_gets_n_pictures_in_the_size_and_form_it_asks_for(client, shop):
    item = shop.catalog.items[6].item_id
    for side in (256, 512):
        answer = client.images.generate(
            model="genrec", prompt="", n=2, size=f"{side}x{side}", response_format="b64_json",
            extra_body={"item": item, "seed": 8},
        )  # fmt: skip
        assert answer.size == f"{side}x{side}"
        assert [picture.seed for picture in answer.data] == [8, 9]
        assert [picture.url for picture in answer.data] == [None, None]
        shown = [pixels(picture.model_dump()) for picture in answer.data]
        assert [picture.size for picture in shown] == [(side, side)] * 2
        assert shown[0].tobytes() != shown[1].tobytes()
    only_links = client.images.generate(prompt="", response_format="url", extra_body={"item": item, "seed": 8})
    assert only_links.data[0].b64_json is None
    assert only_links.data[0].url


def test_a_picture_of_a_size_is_whole_and_unchanged_since(server, shop, tmp_path):
    (picture,) = drawn(server, item=shop.catalog.items[6].item_id, size="300x300", seed=1)["data"]
    path = tmp_path / "x.png"
    path.write_bytes(base64.b64decode(picture["b64_json"]))
    record = read_record(path)
    assert record.settings["size_px"] == 300
    with Image.open(path) as opened:
        assert opened.size == (300, 300)


# ---- which item, and what of it


def test_a_prompt_finds_its_item_and_the_rest_says_where(server, shop):
    (picture,) = drawn(server, prompt="a red lamp on a walnut table", seed=1)["data"]
    attributes = shop.catalog[picture["item_id"]].attributes
    assert (attributes["color"], attributes["category"]) == ("red", "lamp")
    assert "walnut table" in picture["revised_prompt"]
    assert picture["words_not_drawn"] == []


@pytest.mark.parametrize("prompt", ["a cat on a bicycle", "a red submarine", "on a lamp, a cat", "zzzz"])
def test_what_nothing_here_is_about_is_not_drawn(server, prompt):
    answer = server.post(PATH, prompt=prompt)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "nothing_found")
    assert answer.json()["error"]["message"].startswith(f"nothing here is about “{prompt}”")


def test_a_change_is_drawn_as_one_however_it_is_said(watched, shop):
    item = shop.catalog.items[5].item_id
    (picture,) = drawn(watched, item=item, seed=1, change="red, with a wombat")["data"]
    assert picture["mode"] == "variation" or "variation" in picture["note"]
    assert picture["words_not_drawn"] == ["wombat"]
    (again,) = drawn(watched, item=item, seed=1, mode="variation", prompt="red, with a wombat")["data"]
    assert again["visual_id"] == picture["visual_id"]


def test_variations_are_not_offered_where_the_model_does_not_know_the_catalog(shop, tmp_path, server):
    assert server.http.get("/v1/images/modes").json() == {
        "modes": ["scene", "variation", "photo"], "why_no_variations": None,
        "strength": shop.config.visualize.taste_strength, "try_ons": names_of_plugins(TRY_ON_PLUGINS),
    }  # fmt: skip
    with serving(shop, tmp_path, studio=plain_studio(shop, guard=Guard())) as unknowing:
        told = unknowing.http.get("/v1/images/modes").json()
        assert told["modes"] == ["scene", "photo"]
        assert "does not know this catalog" in told["why_no_variations"]
        (picture,) = drawn(unknowing, item=shop.catalog.items[5].item_id, change="red", seed=1)["data"]
        assert picture["mode"] == "scene"
        assert "does not know this catalog" in picture["note"]


def test_what_is_outside_of_the_box_in_a_photo_stays(server, shop):
    photo = Image.effect_noise((320, 240), 60).convert("RGB")
    content = io.BytesIO()
    photo.save(content, "PNG")
    box, url = [60, 80, 120, 120], data_url(content.getvalue())
    (picture,) = drawn(server, item=shop.catalog.items[5].item_id, photo=url, box=box, seed=1)["data"]
    assert (picture["mode"], picture["generated"]) == ("photo", False)  # tiny puts it in without a model
    before, after = np.asarray(photo), np.asarray(pixels(picture))[:240]
    outside = np.ones((240, 320), dtype=bool)
    outside[80:200, 60:180] = False
    np.testing.assert_array_equal(before[outside], after[outside])
    assert (before != after).any()
    mask = io.BytesIO()
    Image.fromarray((~outside * 255).astype(np.uint8)).save(mask, "PNG")
    (same,) = drawn(server, item=shop.catalog.items[5].item_id, photo=url, mask=data_url(mask.getvalue()), seed=1)[
        "data"
    ]
    np.testing.assert_array_equal(before[outside], np.asarray(pixels(same))[:240][outside])


def test_a_box_is_told_in_the_pixels_of_the_photo_as_it_was_sent(server, shop):
    photo = Image.new("RGB", (3000, 1500), (200, 180, 160))
    content = io.BytesIO()
    photo.save(content, "JPEG")
    body = {"photo": base64.b64encode(content.getvalue()).decode(), "box": [2000, 300, 900, 1100], "seed": 1}
    (picture,) = drawn(server, item=shop.catalog.items[5].item_id, **body)["data"]
    shown = np.asarray(pixels(picture)).astype(int)[:512]
    assert shown.shape[1] == 1024
    changed = np.abs(shown - (200, 180, 160)).max(axis=2) > 12
    rows, columns = np.nonzero(changed)
    assert columns.min() >= 2000 * 1024 // 3000 - 1
    assert (rows.min(), rows.max()) >= (100, 300)


GOOD = data_url(encoded((40, 30)))


@pytest.mark.parametrize(
    ("body", "status", "param", "message"),
    [
        ({"prompt": ""}, 400, "prompt", "no item is named"),
        ({"size": "1024x768"}, 400, "size", "give a square from 256x256 to 1024x1024"),
        ({"size": "64x64"}, 400, "size", "'64x64' is no size"),
        ({"size": "large"}, 400, "size", "'large' is no size"),
        ({"n": 5}, 400, "n", "less than or equal to 4"),
        ({"item": "nothing"}, 404, None, "'nothing'"),
        ({"history": ["nothing"]}, 404, None, "'nothing'"),
        ({"user": "u", "history": []}, 400, "history", "history"),
        ({"strength": 1.5}, 400, "strength", "less than or equal to 1"),
        ({"strength": -1}, 400, "strength", "greater than or equal to 0"),
        ({"photo": data_url(b"no picture")}, 400, "photo", "cannot be decoded"),
        ({"photo": "https://example.org/room.png"}, 400, "photo", "nothing is fetched"),
        ({"photo": data_url(encoded((5000, 4000)))}, 400, "photo", "5000 × 4000 pixels; at most 16,000,000"),
        ({"photo": GOOD, "mask": data_url(b"")}, 400, "mask", "cannot be decoded"),
        ({"photo": GOOD, "mask": data_url(encoded((30, 40)))}, 400, "mask", "30 × 40 pixels, the photo 40 × 30"),
        ({"photo": GOOD, "mask": data_url(encoded((40, 30), color="black"))}, 400, None, "black nearly all over"),
        ({"photo": GOOD, "box": [30, 0, 20, 20]}, 400, "box", "does not lie in the photo of 40 × 30 pixels"),
        ({"photo": GOOD, "box": [0, 0, 2, 2]}, 400, "box", "at least 4 pixels each way"),
        ({"photo": GOOD, "box": [0, 0, 20]}, 400, "box", "at least 4 items"),
        ({"photo": GOOD, "box": [0, 0, 20, 20], "mask": GOOD}, 400, None, "one of them says where"),
        ({"box": [0, 0, 20, 20]}, 400, "photo", "no photo is given"),
        ({"mask": GOOD}, 400, "photo", "no photo is given"),
        ({"mode": "photo"}, 400, "mode", "'photo' was asked for, and no photo is given"),
        ({"mode": "scene", "photo": GOOD}, 400, "mode", "a photo is given"),
        ({"mode": "scene", "change": "red"}, 400, "mode", "a change is given"),
        ({"change": "red", "photo": GOOD}, 400, None, "at once"),
        ({"mode": "sculpture"}, 400, "mode", "'scene', 'variation' or 'photo'"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_drawn_is_refused_in_one_line(server, shop, body, status, param, message, stream):
    item = {} if "prompt" in body else {"item": shop.catalog.items[5].item_id}
    answer = server.post(PATH, **{**item, **body, "stream": stream})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (status, param), error
    assert message in error["message"]
    assert "\n" not in error["message"]


def test_a_photo_larger_than_a_body_may_be_is_refused_with_413(server, shop):
    answer = server.post(PATH, item=shop.catalog.items[5].item_id, photo="A" * (8 * 2**20 + 1))
    assert answer.status_code == 413


# ---- progress


def test_each_step_is_told_as_it_is_made_and_the_picture_at_the_end(server, shop):
    item, num = shop.catalog.items[7].item_id, 2
    told = events_of(server, item=item, n=num, seed=3, response_format="url")
    names = [name for name, _ in told]
    per_picture = shop.config.visualize.candidates * NUM_STEPS
    partial, completed = "image_generation.partial_image", "image_generation.completed"
    assert names == [*[partial] * per_picture, completed] * num
    steps = [shape for name, shape in told if name == partial]
    assert [shape["step"] for shape in steps] == list(range(1, num * per_picture + 1))
    assert {shape["total"] for shape in steps} == {num * per_picture}
    assert [shape["index"] for shape in steps] == [0] * per_picture + [1] * per_picture
    assert pixels(steps[0]).size == (16, 16)
    pictures = [shape for name, shape in told if name == completed]
    assert [picture["seed"] for picture in pictures] == [3, 4]
    assert server.http.get(pictures[0]["url"]).status_code == 200


def test_openais_client_reads_the_stream(client, shop):
    asked = {"item": shop.catalog.items[8].item_id, "seed": 5}
    told = list(client.images.generate(prompt="", stream=True, partial_images=2, extra_body=asked))
    assert [event.type for event in told] == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    assert [event.partial_image_index for event in told[:2]] == [0, 1]
    assert pixels(told[-1].model_dump()).width >= 256


def test_what_goes_wrong_halfway_is_an_event(shop, tmp_path):
    class Failing(PlainPainter):
        def paint(self, picture, mask, order, on_step):
            on_step(1, self.num_steps, None)
            raise InputError("the paint is dry; wet it")

    with serving(shop, tmp_path, studio=plain_studio(shop, Failing())) as server:
        told = events_of(server, item=shop.catalog.items[7].item_id, seed=3)
    assert [name for name, _ in told] == ["image_generation.partial_image", "error"]
    assert told[-1][1]["error"]["message"] == "the paint is dry; wet it"


def test_who_hangs_up_ends_the_drawing_at_its_next_step(watched, shop, painter):
    painter.gate.clear()
    body = {"item": shop.catalog.items[7].item_id, "user": "left", "n": 4, "stream": True}
    with watched.http.stream("POST", PATH, json=body) as response:
        assert next(response.iter_text()).startswith("event: image_generation.partial_image")
    wait_until(lambda: watched.engine.num_jobs == 0)
    painter.gate.set()
    wait_until(lambda: painter.num_at_once == 0)
    assert painter.drawn == []
    assert watched.store.export_person("left")["visuals"] == []


@pytest.mark.parametrize("stream", [False, True])
def test_a_drawing_is_canceled_by_the_id_of_its_request(watched, shop, painter, stream):
    painter.gate.clear()
    body, answers = {"item": shop.catalog.items[7].item_id, "n": 2, "stream": stream, "user": "cancels"}, []

    def ask():
        answers.append(watched.http.post(PATH, json=body, headers={"X-Request-ID": "mine"}))

    asking = threading.Thread(target=ask)
    asking.start()
    wait_until(lambda: painter.num_at_once == 1)
    assert watched.http.delete(f"{PATH}/another").status_code == 404
    assert watched.http.delete(f"{PATH}/mine").json() == {"id": "mine", "canceled": True}
    painter.gate.set()
    asking.join()
    if stream:
        *_, told, _ = answers[0].text.split("\n\n")[:-1]
        assert json.loads(told.split("data: ")[1])["error"]["code"] == "canceled"
    else:
        assert (answers[0].status_code, answers[0].json()["error"]["code"]) == (409, "canceled")
    assert painter.drawn == []
    assert watched.store.export_person("cancels")["visuals"] == []
    assert watched.http.delete(f"{PATH}/mine").status_code == 404


def test_another_key_cancels_nothing(shop, tmp_path, painter):
    with serving(shop, tmp_path, studio=plain_studio(shop, painter), is_open=False) as guarded:
        own, other = (
            {"Authorization": f"Bearer {guarded.store.create_key(name, ['images'])[1]}", "X-Request-ID": "mine"}
            for name in ("own", "other")
        )
        painter.gate.clear()
        body = {"item": shop.catalog.items[7].item_id}
        asking = threading.Thread(target=lambda: guarded.http.post(PATH, json=body, headers=own))
        asking.start()
        wait_until(lambda: painter.num_at_once == 1)
        assert guarded.http.delete(f"{PATH}/mine", headers=other).status_code == 404
        assert guarded.http.delete(f"{PATH}/mine", headers=own).status_code == 200
        painter.gate.set()
        asking.join()


# ---- what was drawn before


def ask_at_once(server, bodies):
    """Threads that ask, and their answers by the ids of the requests as they come."""
    answers = {}

    def ask(name, body):
        answers[name] = server.http.post(PATH, json=body, headers={"X-Request-ID": name})

    asking = [threading.Thread(target=ask, args=(name, body)) for name, body in bodies.items()]
    return asking, answers


def test_equal_requests_at_once_are_drawn_once(watched, shop, painter):
    painter.gate.clear()
    body = {"item": shop.catalog.items[9].item_id, "seed": 8, "user": "twice", "n": 2}
    asking, answers = ask_at_once(watched, {"first": body, "second": body, "third": {**body, "stream": True}})
    for thread in asking:
        thread.start()
    wait_until(lambda: painter.num_at_once == 1)
    time.sleep(0.5)  # so that the others wait for it
    painter.gate.set()
    for thread in asking:
        thread.join()
    assert len(painter.drawn) == 2 * shop.config.visualize.candidates
    told = [answers[name].json()["data"] for name in ("first", "second")]
    assert [one["visual_id"] for one in told[0]] == [one["visual_id"] for one in told[1]]
    assert "image_generation.completed" in answers["third"].text
    assert len(watched.store.export_person("twice")["visuals"]) == 2


def test_who_waits_for_an_equal_drawing_draws_it_where_that_is_canceled(watched, shop, painter):
    painter.gate.clear()
    body = {"item": shop.catalog.items[9].item_id, "seed": 9, "user": "patient"}
    asking, answers = ask_at_once(watched, {"one": body, "two": body})
    asking[0].start()
    wait_until(lambda: painter.num_at_once == 1)
    asking[1].start()
    time.sleep(0.5)
    assert watched.http.delete(f"{PATH}/one").status_code == 200
    painter.gate.set()
    for thread in asking:
        thread.join()
    assert (answers["one"].status_code, answers["two"].status_code) == (409, 200)
    (picture,) = answers["two"].json()["data"]
    assert picture["cached"] is False
    assert len(painter.drawn) == shop.config.visualize.candidates


def test_who_waits_for_an_equal_drawing_can_be_canceled(watched, shop, painter):
    painter.gate.clear()
    body = {"item": shop.catalog.items[9].item_id, "seed": 10, "user": "leaves"}
    asking, answers = ask_at_once(watched, {"one": body, "two": body})
    asking[0].start()
    wait_until(lambda: painter.num_at_once == 1)
    asking[1].start()
    wait_until(lambda: watched.http.delete(f"{PATH}/two").status_code == 200)
    asking[1].join()
    assert (answers["two"].status_code, answers["two"].json()["error"]["code"]) == (409, "canceled")
    painter.gate.set()
    asking[0].join()
    assert answers["one"].status_code == 200


def test_an_equal_request_is_answered_without_drawing(watched, shop, painter):
    item = shop.catalog.items[9].item_id
    body = {"item": item, "seed": 6, "prompt": "on an oak table"}
    first, again = (drawn(watched, **body)["data"][0] for _ in range(2))
    assert (first["cached"], again["cached"]) == (False, True)
    assert len(painter.drawn) == shop.config.visualize.candidates
    assert {**first, "cached": True} == again
    assert [name for name, _ in events_of(watched, **body)] == ["image_generation.completed"]
    others = [
        {"seed": 7},
        {"prompt": "on a walnut table"},
        {"strength": 0.1},
        {"size": "256x256"},
        {"item": shop.catalog.items[10].item_id},
        {"history": [shop.catalog.items[1].item_id, shop.catalog.items[2].item_id]},
        {"photo": data_url(encoded((90, 80)))},
        {"photo": data_url(encoded((90, 80), color="blue"))},
        {"change": "red"},
    ]
    for other in others:
        assert not drawn(watched, **body | other)["data"][0]["cached"], other
    batch = drawn(watched, **body, n=2)["data"]  # the first of them is there
    assert [picture["cached"] for picture in batch] == [True, True]


def test_a_persons_pictures_are_theirs_follow_their_taste_and_go_with_them(watched, shop):
    item, liked = shop.catalog.items[9].item_id, shop.catalog.items[3].item_id
    body = {"item": item, "seed": 6}
    for user in ("ann", "bob"):
        assert not drawn(watched, user=user, **body)["data"][0]["cached"]
    assert drawn(watched, user="ann", **body)["data"][0]["cached"]
    watched.post("/v1/feedback", user="ann", item=liked, kind="like")
    assert not drawn(watched, user="ann", **body)["data"][0]["cached"]
    exported = watched.http.get("/v1/people/ann").json()["visuals"]
    assert len(exported) == 2
    assert sorted(visual["told"]["shaped_by"] for visual in exported) == [[], [liked]]
    watched.http.delete("/v1/people/ann")
    assert watched.http.get(f"/v1/visuals/{exported[0]['visual_id']}/record").status_code == 404
    assert not drawn(watched, user="ann", **body)["data"][0]["cached"]
    assert drawn(watched, user="bob", **body)["data"][0]["cached"]


def test_so_many_are_stored_and_the_oldest_go(shop, tmp_path):
    with serving(shop, tmp_path, replace(PATIENT, max_stored_drawings=2)) as server:
        body = {"item": shop.catalog.items[9].item_id, "user": "many"}
        urls = [drawn(server, **body, seed=seed)["data"][0]["url"] for seed in range(4)]
        assert len(server.store.export_person("many")["visuals"]) == 2
        assert sum(server.http.get(url).status_code == 200 for url in urls) == 2


def test_a_drawing_repeats_with_its_seed(shop, tmp_path):
    body, shown = {"item": shop.catalog.items[5].item_id, "seed": 4}, []
    for name in ("a", "b"):  # of another store, so drawn again
        (tmp_path / name).mkdir()
        with serving(shop, tmp_path / name) as server:
            shown.append(pixels(drawn(server, **body)["data"][0]).tobytes())
    assert shown[0] == shown[1]


@pytest.mark.parametrize("num", [1, 2])
def test_as_many_are_drawn_at_once_as_set(shop, tmp_path, num):
    painter = PlainPainter()
    painter.gate.clear()
    config = replace(PATIENT, drawings_at_once=num)
    with serving(shop, tmp_path, config, studio=plain_studio(shop, painter)) as server:
        asking = [
            threading.Thread(target=server.post, args=(PATH,), kwargs={"item": item.item_id, "seed": 1})
            for item in shop.catalog.items[:3]
        ]
        for thread in asking:
            thread.start()
        wait_until(lambda: painter.num_at_once == num and server.engine.queues.drawings.num_waiting == 3 - num)
        painter.gate.set()
        for thread in asking:
            thread.join()
    assert painter.most_at_once == num
    assert len(painter.drawn) == 3 * shop.config.visualize.candidates


# ---- and else


class WatchedVectors(np.ndarray):
    """Vectors that note the threads in which they are multiplied."""

    threads: ClassVar[set[str]] = set()

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        if ufunc is np.matmul:
            self.threads.add(threading.current_thread().name)
        return getattr(ufunc, method)(*map(np.asarray, inputs), **options)


def test_the_event_loop_multiplies_no_catalog(shop, tmp_path):
    embeddings = {
        name: replace(modality, vectors=modality.vectors.view(WatchedVectors))
        for name, modality in shop.embeddings.items()
    }
    watched = Workspace(replace(shop.data, embeddings=embeddings), shop.client)
    judge = Guard(clip=shop.clip, catalog=shop.catalog, image=embeddings["image"])
    with serving(watched, tmp_path, studio=plain_studio(watched, guard=judge)) as server:
        WatchedVectors.threads.clear()
        history = [item.item_id for item in shop.catalog.items[:3]]
        drawn(server, prompt="a red lamp", history=history, response_format="url")
    assert WatchedVectors.threads
    assert EVENT_LOOP not in WatchedVectors.threads


def test_each_route_needs_its_scope():
    assert scopes_of(image_routes.router) == {
        ("POST", PATH): "images",
        ("DELETE", f"{PATH}/{{name}}"): "images",
        ("GET", "/v1/images/modes"): "images",
        ("GET", "/v1/visuals/{visual_id}"): None,
        ("GET", "/v1/visuals/{visual_id}/record"): None,
    }


@pytest.mark.parametrize("is_there", [True, False])
def test_a_picture_that_broke_while_serving_is_the_servers_fault_and_is_not_named(shop_copy, tmp_path, is_there):
    (tmp_path / "store").mkdir()
    with serving(load(shop_copy), tmp_path / "store") as server:
        pictured = [item for item in server.engine.workspace.catalog if item.image]
        for item in pictured:
            item.image.write_bytes(item.image.read_bytes()[:60]) if is_there else item.image.unlink()
        for answer in (
            server.post("/v1/images/generations", model="genrec", prompt="", item=pictured[0].item_id),
            server.post(
                "/v1/chat/completions",
                model="genrec",
                messages=[{"role": "user", "content": "a red lamp"}, {"role": "user", "content": "draw the first"}],
            ),
        ):
            assert answer.status_code == 500, answer.text
            assert answer.json()["error"]["message"] == "the server failed; it was logged"


def test_the_tiny_models_draw_what_is_asked_for(shop, tmp_path):
    """The whole of it with the weights that are installed."""
    studio = studio_of(shop)
    try:
        assert studio.visualizer.scenes
    except InputError as error:
        pytest.skip(f"the tiny scene model is not here: {error}")
    with serving(shop, tmp_path, studio=studio) as server:
        told = events_of(server, item=shop.catalog.items[5].item_id, user=person_of(shop), seed=2)
        assert len({shape["b64_json"] for _, shape in told}) > 2  # previews that change
        assert told[-1][1]["mode"] == "scene"
        assert drawn(server, item=shop.catalog.items[5].item_id, user=person_of(shop), seed=2)["data"][0]["cached"]
