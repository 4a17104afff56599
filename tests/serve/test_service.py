"""One generation is served to its end, and a newer one is taken up whole."""

import os
import shutil
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import psutil
import pytest
from serve_worlds import PATIENT, serving
from workspaces import stages_of

from genrec.item_updates import remove_items, update_items
from genrec.new_items import add_items
from genrec.serve.inference import process as model_process
from genrec.serve.inference.process import load_with_model_process
from genrec.workspace import load

NEW = '{"item_id": "new-1", "title": "Red lamp", "text": "A red lamp"}\n'


@contextmanager
def served(root, folder, config=PATIENT, open_workspace=load):
    """A server that can take up newer generations of a workspace."""
    folder.mkdir(exist_ok=True)
    with serving(open_workspace(root), folder, config, load=lambda: open_workspace(root)) as running:
        yield running


def add_one(root, tmp_path, during=None):
    """Add an item; during: what happens to the new generation's folder before anybody can see that it is current."""
    (tmp_path / "new.jsonl").write_text(NEW)
    if during is None:
        add_items(root, tmp_path / "new.jsonl")
        return
    other = tmp_path / "other"
    shutil.copytree(root, other)
    add_items(other, tmp_path / "new.jsonl")
    shutil.copytree(other / "generations/2", root / "generations/2")
    during(root / "generations/2")
    shutil.copy(other / "current.json", root / "current.json")


def until(is_so, seconds=60.0):
    """Whether it becomes so in time."""
    ends = time.monotonic() + seconds
    while not (found := is_so()) and time.monotonic() < ends:
        time.sleep(0.05)
    return found


def test_changed_prices_and_removed_items_are_taken_up_as_any_generation_is(shop_copy, tmp_path):
    with served(shop_copy, tmp_path / "store") as server:
        first, second = (item["id"] for item in server.http.get("/v1/items?limit=2").json()["data"])
        (tmp_path / "prices.csv").write_text(f"item_id,price,availability\n{first},1.5,sold out\n")
        update_items(shop_copy, tmp_path / "prices.csv")
        remove_items(shop_copy, [second])
        assert server.post("/v1/reload").json() == {"generation": 3, "is_new": True}
        shape = server.http.get(f"/v1/items/{first}").json()
        assert (shape["price"], shape["available"]) == (1.5, False)
        listed = server.http.get("/v1/items?limit=200").json()["data"]
        assert second not in {item["id"] for item in listed}


def test_a_new_generation_is_served_when_it_is_told_to_and_what_is_in_hand_goes_on(shop_copy, tmp_path):
    never = replace(PATIENT, reload_check_s=None)
    with served(shop_copy, tmp_path / "store", never) as server:
        ready = server.http.get("/ready").json()
        assert ready == {"status": "ok", "generation": 1, "waiting": None}
        history = [item["id"] for item in server.http.get("/v1/items?limit=2").json()["data"]]
        before = server.post("/v1/recommendations", history=history).json()
        assert server.post("/v1/reload").json() == {"generation": 1, "is_new": False}
        add_one(shop_copy, tmp_path)
        assert server.http.get("/v1/items/new-1").status_code == 404
        assert server.post("/v1/recommendations", history=history).json() == before

        old, slow = server.engine, {}
        asking = threading.Thread(
            target=lambda: slow.update(server.post("/v1/recommendations", history=history).json())
        )
        with old.queues.turns.of(0):  # the old generation's models have something else to do
            asking.start()
            time.sleep(0.5)
            assert server.post("/v1/reload").json() == {"generation": 2, "is_new": True}
            assert server.http.get("/v1/items/new-1").status_code == 200
            assert old.is_open  # somebody waits for it
            assert not slow
        asking.join()
        assert slow == before
        assert until(lambda: not old.is_open)
        assert server.http.get("/ready").json()["generation"] == 2


def test_a_new_generation_is_served_when_it_is_there(shop_copy, tmp_path):
    with served(shop_copy, tmp_path / "store", replace(PATIENT, reload_check_s=0.1)) as server:
        add_one(shop_copy, tmp_path)
        assert until(lambda: server.http.get("/v1/items/new-1").status_code == 200)
        assert until(lambda: not (shop_copy / "generations/1").exists() or add_one(shop_copy, tmp_path))


def test_a_generation_that_cannot_be_loaded_is_left_alone(shop_copy, tmp_path):
    with served(shop_copy, tmp_path / "store", replace(PATIENT, reload_check_s=0.1)) as server:
        (shop_copy / "current.json").write_text("{")
        answer = server.post("/v1/reload")
        assert answer.status_code == 409
        assert "run genrec build" in answer.json()["error"]["message"]
        assert "current.json" in answer.json()["error"]["message"]
        assert str(shop_copy) not in answer.text
        time.sleep(0.3)
        assert server.http.get("/ready").json() == {"status": "ok", "generation": 1, "waiting": None}


def test_a_generation_that_could_not_be_loaded_is_tried_again(shop_copy, tmp_path):
    with served(shop_copy, tmp_path / "store", replace(PATIENT, reload_check_s=0.1)) as server:
        (tmp_path / "away").mkdir()
        add_one(shop_copy, tmp_path, during=lambda folder: (folder / "mixture").rename(tmp_path / "away/mixture"))
        assert until(lambda: server.http.get("/ready").json()["waiting"] == 2)
        assert server.http.get("/ready").status_code == 200
        (tmp_path / "away/mixture").rename(shop_copy / "generations/2/mixture")
        assert until(lambda: server.http.get("/v1/items/new-1").status_code == 200)
        assert server.http.get("/ready").json() == {"status": "ok", "generation": 2, "waiting": None}


def test_a_server_that_serves_one_generation_alone_says_so(shop, tmp_path):
    with serving(shop, tmp_path) as server:
        answer = server.post("/v1/reload")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_reloaded")


def model_processes():
    """Processes that this one has started, such as a model's."""
    return [child for child in psutil.Process(os.getpid()).children() if "spawn_main" in " ".join(child.cmdline())]


@pytest.mark.slow
def test_a_model_that_starts_again_has_the_generation_of_its_server_and_readiness_tells(
    shop_copy, tmp_path, monkeypatch
):
    monkeypatch.setattr(model_process, "RETRY_S", 0.2)  # how long a person would wait is no question here
    never, others = replace(PATIENT, reload_check_s=None), model_processes()
    with served(shop_copy, tmp_path / "store", never, load_with_model_process) as server:
        history = [item["id"] for item in server.http.get("/v1/items?limit=2").json()["data"]]
        before = server.post("/v1/recommendations", history=history).json()
        weights = stages_of(shop_copy) / "model/base/model.safetensors"
        add_one(shop_copy, tmp_path)
        (worker,) = set(model_processes()) - set(others)
        worker.kill()
        assert until(lambda: server.http.get("/ready").status_code == 503)
        assert until(lambda: server.http.get("/ready").status_code == 200)
        assert server.post("/v1/recommendations", history=history).json() == before

        weights.rename(tmp_path / "weights")  # of the generation in service, too: a hard link is the same name's
        (worker,) = set(model_processes()) - set(others)
        worker.kill()
        assert until(lambda: server.http.get("/ready").status_code == 503)
        answer = server.post("/v1/recommendations", history=history)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        (tmp_path / "weights").rename(weights)
        assert until(lambda: server.http.get("/ready").status_code == 200)
        assert server.post("/v1/recommendations", history=history).json() == before
