"""Every worker is told to reload, once, when it serves."""

import signal
from contextlib import contextmanager

import pytest
from uvicorn import Config
from uvicorn.supervisors.multiprocess import SIGNALS

from genrec.serve.supervisor import RELOAD, Supervisor


class Worker:
    def __init__(self, pid, *, is_serving=True):
        self.pid, self.is_serving = pid, is_serving

    def is_ready(self, timeout):
        return self.is_serving


@contextmanager
def supervising(*workers):
    """A supervisor of such workers, and whom it has sent what; the test's own signals come back."""
    before, sent = {number: signal.getsignal(number) for number in SIGNALS}, []
    try:
        supervisor = Supervisor(Config("none"), [], send=lambda *told: sent.append(told))
        supervisor.processes = list(workers)
        yield supervisor, sent
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_to_the_supervisor_reaches_every_worker_once_and_starts_none_anew(number, monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    early, late = Worker(11), Worker(12, is_serving=False)
    with supervising(early, late) as (supervisor, sent):
        signal.raise_signal(number)
        supervisor.handle_signals()
        assert sent == [(11, RELOAD)]
        supervisor.tell()
        late.is_serving = True
        supervisor.tell()
        supervisor.tell()
        assert sent == [(11, RELOAD), (12, RELOAD)]
        assert supervisor.processes == [early, late]
        assert not supervisor.should_exit.is_set()


def test_whoever_takes_a_workers_place_is_not_told():
    with supervising(Worker(11, is_serving=False)) as (supervisor, sent):
        supervisor.handle_usr1()
        supervisor.processes = [Worker(13)]
        supervisor.tell()
        assert sent == []


def test_a_terminal_that_is_closed_ends_the_server(monkeypatch):
    class Terminal:
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stdin", Terminal())
    with supervising(Worker(11)) as (supervisor, sent):
        supervisor.handle_hup()
        assert supervisor.should_exit.is_set()
        assert sent == []
