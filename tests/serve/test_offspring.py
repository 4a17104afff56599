"""Processes end with the one that started them."""

import subprocess
import sys

import psutil
import pytest

SCRIPT = """
import multiprocessing, os, time
{imported}

def child():
    {called}
    print(os.getpid(), flush=True)
    time.sleep(600)

if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=child)
    process.start()
    process.join()
"""


@pytest.mark.parametrize("ends", [True, False])
def test_a_process_ends_with_the_one_that_started_it_even_by_kill_9(tmp_path, ends):
    imported, called = ("from genrec.serve.offspring import end_with_starter", "end_with_starter()")
    script = tmp_path / "starter.py"
    script.write_text(SCRIPT.format(imported=imported, called=called if ends else "pass"))
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as starter:
        child = psutil.Process(int(starter.stdout.readline()))
        starter.kill()
        gone, left = psutil.wait_procs([child], timeout=10 if ends else 1)
        for process in left:
            process.kill()
    assert bool(gone) is ends
