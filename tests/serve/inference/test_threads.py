"""The model's threads give way to whoever else uses its cores."""

import time

import pytest
import torch

from genrec.serve.inference.threads import ThreadBudget, others_s, usable_cores


@pytest.fixture
def clock():
    """Four threads, and a made-up clock of this process and of the others' work."""
    seconds = {"now": 100.0, "others": 40.0}
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield seconds
    torch.set_num_threads(before)


def budget_by(clock):
    return ThreadBudget(now=lambda: clock["now"], others=lambda: clock["others"])


def test_threads_are_the_cores_that_others_leave(clock):
    cores = budget_by(clock)
    assert torch.get_num_threads() == 3  # nobody has been watched yet
    for others, expected in ((0.1, 4), (0.5, 3), (1.2, 3), (1.5, 2), (4.0, 1), (9.0, 1), (-0.1, 4)):
        clock["now"] += 2.0
        clock["others"] += 2.0 * others
        cores.take()
        assert torch.get_num_threads() == expected, others


def test_others_are_not_looked_at_all_the_time(clock):
    cores = budget_by(clock)
    clock["now"] += 0.1
    clock["others"] += 0.2  # two cores for a tenth of a second tell nothing yet
    cores.take()
    assert torch.get_num_threads() == 3
    clock["now"] += 0.9
    cores.take()
    assert torch.get_num_threads() == 4


def test_own_work_is_nobody_elses():
    before_s, own_s, began_s = others_s(), time.process_time(), time.monotonic()
    while time.process_time() - own_s < 0.5:
        pass
    took_s = time.monotonic() - began_s
    counted_s = others_s() - before_s
    assert counted_s < len(usable_cores()) * took_s - 0.3  # the clock of cores goes in hundredths
