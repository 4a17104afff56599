"""A checkpoint comes back as it was written, or not at all; nothing in it runs."""

import logging
import pickle

import pytest
import torch

from genrec.checkpoints import is_sealed, load_checkpoint, save_checkpoint, seal_folder


class Marker:
    """A pickle that makes a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"weights": {"a": torch.arange(3)}, "losses": [0.5], "epoch": 2})
    return path


def test_what_is_saved_comes_back(path):
    state = load_checkpoint(path)
    assert state["weights"]["a"].tolist() == [0, 1, 2]
    assert (state["losses"], state["epoch"]) == ([0.5], 2)
    assert load_checkpoint(path.with_name("none.pt")) is None


@pytest.mark.parametrize("place", [0, 10, 100, -40, -33, -32, -1])
def test_any_changed_byte_drops_it_with_one_line(path, caplog, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    assert load_checkpoint(path) is None
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "it is not as it was written" in caplog.text


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 200])
def test_a_cut_off_file_is_dropped(path, caplog, length):
    path.write_bytes(path.read_bytes()[:length])
    assert load_checkpoint(path) is None
    assert len(caplog.records) == 1


@pytest.mark.parametrize("kind", ["plain", "torch", "sealed"])
def test_a_pickle_from_elsewhere_runs_nothing(tmp_path, caplog, kind):
    path, marker = tmp_path / "checkpoint.pt", tmp_path / "ran"
    if kind == "plain":
        path.write_bytes(pickle.dumps(Marker(marker)))
    elif kind == "torch":
        torch.save({"epoch": Marker(marker)}, path)
    else:  # as one who knows the format would make it
        save_checkpoint(path, {"epoch": Marker(marker)})
    assert load_checkpoint(path) is None
    assert not marker.exists()
    assert len(caplog.records) == 1


def test_a_sealed_folder_is_whole_until_anything_in_it_changes(tmp_path, caplog):
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "a.pt").write_bytes(b"abc")
    assert not is_sealed(tmp_path)
    assert not caplog.records  # a kill left it half written, which is usual
    seal_folder(tmp_path)
    assert is_sealed(tmp_path)
    (tmp_path / "part" / "b.pt").write_bytes(b"")
    assert not is_sealed(tmp_path)
    (tmp_path / "part" / "b.pt").unlink()
    assert is_sealed(tmp_path)
    (tmp_path / "part" / "a.pt").write_bytes(b"abd")
    assert not is_sealed(tmp_path)
    assert len(caplog.records) == 2
