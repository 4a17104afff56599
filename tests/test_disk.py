"""A disk that is full, or otherwise in the way: one line that names the file, exit code 2, nothing half-written."""

import contextlib
import errno
import resource
import subprocess
import sys

import pytest
from safetensors import SafetensorError
from workspaces import stages_of

from genrec.data.ingest import ingest
from genrec.disk import disk_fault
from genrec.serve.store import Store, default_url


@contextlib.contextmanager
def no_file_beyond(num_bytes):
    """Writing more than this into one file fails, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def names(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


def wrote_nothing(genrec, directory, *words, num_bytes=2000):
    """A command that runs out of room: its line, after a look at what it left."""
    before = names(directory)
    with no_file_beyond(num_bytes):
        code, _, err = genrec(*words)
    lines = [line for line in err.splitlines() if " · " not in line]  # but progress
    assert code == 2, err
    assert len(lines) == 1
    assert "File too large" in lines[0]
    assert str(directory) in lines[0]
    assert names(directory) == before
    return lines[0]


def test_ingest_leaves_nothing_half_written(genrec, tmp_path):
    wrote_nothing(genrec, tmp_path, "ingest", "shop", "--num-items", 60, "--num-people", 40, "--out", tmp_path / "ws")
    assert not (tmp_path / "ws").exists()


def test_build_leaves_nothing_half_written_and_can_be_run_again(genrec, tmp_path):
    ingest("shop", None, tmp_path / "ws", seed=5, num_items=60, num_people=40)
    (tmp_path / "ws" / "genrec.toml").write_text("")
    (tmp_path / "ws" / ".cache").mkdir()
    before = names(tmp_path)
    with no_file_beyond(5000):
        code, _, err = genrec("build", tmp_path / "ws")
    assert code == 2, err
    assert "File too large" in err.splitlines()[-1]
    assert not [name for name in set(names(tmp_path)) - set(before) if "partial" in name]


def test_drawings_exports_and_feedback_leave_nothing_half_written(genrec, shop_copy, tmp_path):
    Store.open(default_url(shop_copy), shop_copy).close()
    out = tmp_path / "out"
    out.mkdir()
    item = "--item", next((stages_of(shop_copy) / "catalog" / "images").iterdir()).stem
    wrote_nothing(genrec, out, "visualize", shop_copy, *item, "--history", "", "-o", out / "a.png", num_bytes=500)
    wrote_nothing(genrec, out, "adapters", "export", shop_copy, "--merged", "-o", out / "model")
    wrote_nothing(
        genrec, out, "feedback", "export", shop_copy, "--with-training", "--out", out / "a.csv", num_bytes=10**5
    )


@pytest.mark.parametrize("place", ["a file/ws", "x" * 300, "a file"])
def test_what_is_in_the_way_is_one_line(genrec, tmp_path, place):
    (tmp_path / "a file").write_text("in the way")
    code, _, err = genrec("ingest", "shop", "--num-items", 60, "--num-people", 40, "--out", tmp_path / place)
    lines = [line for line in err.splitlines() if " · " not in line]
    assert (code, len(lines)) == (2, 1), err
    assert place[:50] in lines[0]
    assert names(tmp_path) == ["a file"]


def test_a_full_standard_output_is_one_line():
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "genrec.cli", "--version"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "No space left on device" in done.stderr


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_what_a_library_says_of_the_disk_is_understood_through_other_errors(number):
    error = RuntimeError("cannot write")
    error.__cause__ = OSError(number, "said so", "/ws/a file")
    assert disk_fault(error).startswith("/ws/a file cannot be used (")
    assert disk_fault(SafetensorError(f"I/O error: text (os error {number})")) is not None
    assert disk_fault(ValueError("something else")) is None
    assert disk_fault(TimeoutError(errno.ETIMEDOUT, "slow")) is None


def test_a_short_write_of_numpy_is_a_full_disk():
    assert "No space left" in str(disk_fault(OSError("8832 requested and 5088 written")))
