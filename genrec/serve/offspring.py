"""The end of a process whose starter ends: no worker or model may outlive whoever would stop it.

Knows processes of `multiprocessing`; deliberately knows nothing of what they do.
"""

import os
import threading
from multiprocessing import parent_process


def end_with_starter() -> None:
    """End this process as soon as the one that started it has ended, be it by kill -9; what is in hand ends with it."""
    starter = parent_process()
    assert starter is not None

    def wait() -> None:
        starter.join()
        os._exit(1)

    threading.Thread(target=wait, name="end with starter", daemon=True).start()
