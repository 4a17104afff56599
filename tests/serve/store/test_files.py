"""Drawings by their place in the workspace, never outside of it; unfinished ones go with their process."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from genrec.errors import InputError
from genrec.serve.store import UnfinishedDrawings
from genrec.serve.store.files import VisualFiles


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with a drawing, beside files of others."""
    directory = tmp_path / "W"
    (directory / "visuals" / "more").mkdir(parents=True)
    for name in ("visuals/a.png", "visuals/a.json", "visuals/more/b.png", "store.db", "genrec.toml"):
        (directory / name).write_text("mine")
    (tmp_path / "secret.png").write_text("another's")
    (directory / "visuals" / "link.png").symlink_to(tmp_path / "secret.png")
    (directory / "visuals" / "folder").symlink_to(tmp_path)
    return directory


@pytest.mark.parametrize(
    "place",
    [
        None,
        "",
        ".",
        "visuals",
        "visuals/..",
        "store.db",
        "genrec.toml",
        "../secret.png",
        "visuals/../store.db",
        "visuals/../../secret.png",
        "visuals/link.png",
        "visuals/folder/secret.png",
        "visuals/a\0.png",
        "{tmp}/secret.png",
        "{tmp}/W/visuals/a.png",
    ],
)
def test_what_is_outside_of_the_drawings_is_neither_found_nor_deleted(
    workspace: Path, tmp_path: Path, place: str | None
) -> None:
    before = sorted(tmp_path.rglob("*"))
    files = VisualFiles(workspace)
    asked = place and place.replace("{tmp}", str(tmp_path))
    assert files.find(asked) is None
    files.delete(asked)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_drawing_is_found_and_deleted_with_its_record(workspace: Path) -> None:
    files = VisualFiles(workspace)
    assert files.place_of(workspace / "visuals" / "a.png") == "visuals/a.png"
    assert files.find("visuals/more/b.png") == workspace / "visuals" / "more" / "b.png"
    files.delete("visuals/a.png")
    files.delete("visuals/a.png")
    assert not list((workspace / "visuals").glob("a.*"))
    for path in (workspace / "store.db", workspace.parent / "secret.png", workspace / "visuals" / "link.png"):
        with pytest.raises(InputError, match="is outside of"):
            files.place_of(path)


HOLDER = """
import sys
from pathlib import Path
from genrec.serve.store import UnfinishedDrawings
drawings = UnfinishedDrawings(Path(sys.argv[1]))
folder = drawings.folder
(folder / "half.png").write_text("ann's")
print(folder, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_killed_process_left_is_swept_and_what_a_living_one_makes_is_not(
    tmp_path: Path, end: signal.Signals
) -> None:
    words = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as living:
        half = Path(living.stdout.readline().strip()) / "half.png"
        assert half.is_relative_to(tmp_path / "visuals")
        UnfinishedDrawings(tmp_path)
        assert half.exists()
        os.kill(living.pid, end)
        living.wait()
        assert half.exists()
        UnfinishedDrawings(tmp_path)
        assert not half.exists()
        assert not half.parent.exists()


def test_finished_drawings_leave_and_the_folder_goes_in_the_end(tmp_path: Path) -> None:
    drawings = UnfinishedDrawings(tmp_path)
    assert not (tmp_path / "visuals").exists()
    for name in ("kept.png", "kept.json", "left.png"):
        (drawings.folder / name).write_text(name)
    path = drawings.folder / "kept.png"
    assert drawings.finished(path) == tmp_path / "visuals" / "kept.png"
    drawings.move(path)
    drawings.close()
    drawings.close()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["kept.json", "kept.png", "visuals"]


def test_a_folder_that_cannot_be_made_is_told_and_nothing_else_fails(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "visuals").write_text("no folder")
    assert UnfinishedDrawings(tmp_path).folder.parent.parent == tmp_path / "visuals"
    assert "drawings cannot be written into" in caplog.text
