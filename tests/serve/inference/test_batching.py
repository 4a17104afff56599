"""Requests of many clients are answered together, each with its own answer or error."""

import asyncio
import threading
import time

import pytest

from genrec.serve.inference.batching import Batcher, Overloaded, Pacing


def squares(requests):
    return [ValueError(f"no square of {n}") if n < 0 else n * n for n in requests]


def test_each_client_gets_its_own_answer_and_error():
    batcher = Batcher(squares)

    async def ask_all():
        return await asyncio.gather(*(batcher.ask(n) for n in (3, -1, 5)), return_exceptions=True)

    nine, error, twentyfive = asyncio.run(ask_all())
    batcher.close()
    assert (nine, twentyfive) == (9, 25)
    assert isinstance(error, ValueError)


def test_what_gathers_while_the_model_works_is_one_batch():
    go = threading.Event()
    sizes = []

    def slow(requests):
        sizes.append(len(requests))
        go.wait(5)
        return requests

    batcher = Batcher(slow, max_batch=8)
    futures = [batcher.submit(0)]
    while not sizes:
        time.sleep(0.001)
    futures += [batcher.submit(n) for n in range(1, 13)]
    go.set()
    assert [future.result(5) for future in futures] == list(range(13))
    assert sizes == [1, 8, 4]
    batcher.close()


@pytest.mark.parametrize(("least_s", "share"), [(1.0, 0.0), (0.0, 50.0)])  # of what a batch takes, which is .02 s
def test_after_a_batch_of_several_the_next_waits_for_as_many_and_after_single_ones_nobody_waits(least_s, share):
    sizes = []

    def note(requests):
        sizes.append(len(requests))
        time.sleep(0.02)  # meanwhile the next ones gather
        return requests

    batcher = Batcher(note, pacing=Pacing(least_s=least_s, share=share, most_s=1.0))
    start = time.monotonic()
    for n in range(3):
        assert batcher.submit(n).result(5) == n
    assert time.monotonic() - start < 1
    together = [batcher.submit(n) for n in range(5)]
    assert [future.result(5) for future in together] == list(range(5))
    assert sizes[:3] == [1, 1, 1]
    several, before = max(sizes[-2:]), len(sizes)
    assert several > 1
    again = []
    for n in range(several):  # as clients do whose answers come one after the other
        again.append(batcher.submit(n))
        time.sleep(0.01)
    assert [future.result(5) for future in again] == list(range(several))
    assert sizes[before:] == [several]
    assert batcher.submit(9).result(5) == 9  # nobody else comes: a pause is all that is waited
    batcher.close()


def test_a_broken_batch_tells_everyone_and_the_next_is_answered():
    def moody(requests):
        if 7 in requests:
            raise RuntimeError("out of memory")
        return requests

    batcher = Batcher(moody)
    with pytest.raises(RuntimeError, match="out of memory"):
        batcher.submit(7).result(5)
    assert batcher.submit(1).result(5) == 1
    batcher.close()


def test_a_full_line_refuses_and_closing_answers_what_waits():
    go = threading.Event()

    def slow(requests):
        go.wait(5)
        return requests

    batcher = Batcher(slow, max_batch=1, max_waiting=2)
    first = batcher.submit(0)
    while batcher.num_waiting:
        time.sleep(0.001)
    waiting = [batcher.submit(1), batcher.submit(2)]
    with pytest.raises(Overloaded):
        batcher.submit(3)
    go.set()
    batcher.close()
    assert [future.result(0) for future in (first, *waiting)] == [0, 1, 2]
    with pytest.raises(Overloaded, match="shutting down"):
        batcher.submit(4)


def test_a_cancelled_request_is_not_answered():
    seen = []
    go = threading.Event()

    def slow(requests):
        seen.extend(requests)
        go.wait(5)
        return requests

    batcher = Batcher(slow, max_batch=1)
    batcher.submit(0)
    while not seen:
        time.sleep(0.001)
    assert batcher.submit(1).cancel()
    go.set()
    batcher.close()
    assert seen == [0]


@pytest.mark.parametrize("num_threads", [1, 3])
def test_so_many_batches_are_answered_at_once_and_all_that_wait_are_before_the_end(num_threads):
    go, at_once, most, lock = threading.Event(), 0, 0, threading.Lock()

    def slow(requests):
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        go.wait(5)
        with lock:
            at_once -= 1
        return requests

    batcher = Batcher(slow, max_batch=1, num_threads=num_threads)
    futures = [batcher.submit(number) for number in range(7)]
    ends = time.monotonic() + 5
    while at_once < num_threads:
        assert time.monotonic() < ends
        time.sleep(0.001)
    time.sleep(0.05)
    assert at_once == num_threads
    go.set()
    batcher.close()
    assert [future.result(0) for future in futures] == list(range(7))
    assert most == num_threads
    with pytest.raises(Overloaded):
        batcher.submit(8)
