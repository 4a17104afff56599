"""A workspace whose model works in a process of its own answers as one in this process does."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from genrec.errors import ArtifactError, ModelEnded
from genrec.explain import explain_batch
from genrec.prompting import render
from genrec.ranking.client import Request
from genrec.serve.inference.process import load_with_model_process


@pytest.fixture(scope="module")
def apart(adapted_directory):
    loaded = load_with_model_process(adapted_directory)
    yield loaded
    loaded.close()


def test_it_explains_as_a_workspace_of_one_process_does(shop, apart):
    history = shop.history_of("user-00003")
    assert apart.add_adapter("warm") == shop.add_adapter("warm")
    items = [entry.item_id for entry in shop.recommend(history=history, k=3)]
    told = [explain_batch(workspace, [history] * 3, items) for workspace in (apart, shop)]
    assert [e.text for e in told[0]] == [e.text for e in told[1]]


def test_it_pauses_texts_to_answer_what_is_urgent(shop, apart):
    messages = [render("next_item", query=f"a red lamp {number}") for number in range(40)]
    history = shop.history_of("user-00003")
    expected = shop.client.write(messages, max_new_tokens=60)
    with ThreadPoolExecutor(1) as pool:
        texts = pool.submit(apart.client.write, messages, max_new_tokens=60)
        time.sleep(0.1)
        num_answered = 0
        while not texts.done():
            apart.attributions([history[:1]], [apart.catalog.items[0].item_id])
            num_answered += not texts.done()
    assert num_answered > 1
    assert texts.result() == expected


def test_what_cannot_be_loaded_is_told():
    with pytest.raises(ArtifactError, match="not a built workspace"):
        load_with_model_process("nowhere")


def test_after_its_end_the_process_is_started_again_with_its_adapters(shop, apart):
    request = Request(history=shop.history_of("user-00003"), adapter=apart.add_adapter("warm"))
    (expected,) = apart.answer([request])
    stream = apart.client.stream(Request(k=3))
    next(stream)
    for process in workers_of(os.getpid()):
        process.kill()
    with pytest.raises(ModelEnded, match="started again"):
        apart.answer([request])
    apart.answer([Request(k=1)])  # it is up
    other = apart.client.stream(Request(k=3))
    with pytest.raises(ModelEnded, match="while it streamed"):
        next(stream)
    first_three = [entry.item_id for entry in shop.client.stream(Request(k=3))]
    assert [entry.item_id for entry in other] == first_three  # it was not taken for the stream of the ended process
    with ThreadPoolExecutor(1) as pool:
        messages = [render("next_item", query=f"a red lamp {number}") for number in range(150)]
        texts = pool.submit(apart.client.write, messages, max_new_tokens=60)
        time.sleep(0.1)
        assert apart.answer([request]) == [expected]  # its adapter is loaded while texts are written
        assert not texts.done()
        assert texts.result() == shop.client.write(messages, max_new_tokens=60)


ALONE = """
import sys, time
from genrec.ranking.client import Request
from genrec.serve.inference.process import load_with_model_process
apart = load_with_model_process(sys.argv[1])
apart.answer([Request(k=1)])
print("ready", flush=True)
time.sleep(600)
"""


def test_the_process_outlives_signals_to_end_but_not_its_starter(adapted_directory):
    starter = subprocess.Popen([sys.executable, "-c", ALONE, adapted_directory], stdout=subprocess.PIPE, text=True)
    assert starter.stdout.readline() == "ready\n"
    (worker,) = workers_of(starter.pid)
    worker.send_signal(signal.SIGTERM)
    worker.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert worker.is_running()
    starter.kill()
    starter.communicate()
    worker.wait(60)


def workers_of(pid):
    """The processes of models that this one started."""
    return [child for child in psutil.Process(pid).children() if any("spawn_main" in word for word in child.cmdline())]
