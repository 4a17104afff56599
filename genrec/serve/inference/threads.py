"""Thread budget: a process computes with as many threads as other processes leave it cores.

Threads of one product wait for each other at its end, so where somebody else holds one of their cores, all wait for
that one, which takes several times as long as fewer threads would. Knows nothing of what is computed.
"""

import math
import os
import time
from collections.abc import Callable, Collection

import psutil
import torch

_LOOK_EVERY_S = 0.5
_SPARE = 0.25  # the share of a core that others may use and leave it worth taking
_UNUSED = ("idle", "iowait", "guest", "guest_nice")  # guests' time is counted as their hosts', too


class ThreadBudget:
    """Sets torch's threads by how busy others kept the cores of this process lately."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic, others: Callable[[], float] | None = None) -> None:
        """The threads that torch has now are the most it gets; until others have been watched, it gets one less.

        now, others: seconds of a clock, and of the usable cores' work for others, that of `others_s` unless given.
        """
        self._now, self._others = now, others or others_s
        self._most = torch.get_num_threads()
        self._since_s, self._others_s = self._now(), self._others()
        torch.set_num_threads(max(1, self._most - 1))

    def take(self) -> None:
        """Look at others, if that was a while ago; to be called by the thread that computes."""
        now_s = self._now()
        if now_s - self._since_s < _LOOK_EVERY_S:
            return
        others = self._others()
        num_taken = math.ceil((others - self._others_s) / (now_s - self._since_s) - _SPARE)
        num_threads = min(max(1, self._most - num_taken), self._most)
        self._since_s, self._others_s = now_s, others
        if num_threads != torch.get_num_threads():
            torch.set_num_threads(num_threads)


def usable_cores() -> Collection[int]:
    """The numbers of the cores that this process may use."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)


def others_s() -> float:
    """For how many seconds the usable cores have worked for others, since they were started."""
    times = psutil.cpu_times(percpu=True)
    busy = [times[core]._asdict() for core in usable_cores() if core < len(times)]
    used_s = sum(seconds for by_use in busy for use, seconds in by_use.items() if use not in _UNUSED)
    return float(used_s) - time.process_time()
