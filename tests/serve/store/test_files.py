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


@pytest.mark.parametrize("place", ["visuals", "visuals/.unfinished"])
def test_a_link_in_place_of_a_folder_is_refused_and_nothing_behind_it_changes(tmp_path: Path, place: str) -> None:
    others, link = tmp_path / "home", tmp_path / "W" / place
    (others / ("a" * 32)).mkdir(parents=True)
    (others / ("a" * 32) / "letter.txt").write_text("another's")
    for name in ("a.png", "a.json"):
        (others / name).write_text("another's")
    link.parent.mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    drawings = UnfinishedDrawings(tmp_path / "W")  # while nothing is there yet
    link.symlink_to(others)
    with pytest.raises(InputError, match=f"{place} is a link") as caught:
        UnfinishedDrawings(tmp_path / "W")
    assert "\n" not in str(caught.value)
    assert not drawings.folder.exists()
    with pytest.raises(OSError, match="is a link"):
        drawings.move(others / "a.png")
    drawings.close()
    VisualFiles(tmp_path / "W").delete("visuals/a.png")
    link.unlink()
    assert sorted(tmp_path.rglob("*")) == before


def test_links_and_what_no_server_made_among_unfinished_drawings_are_let_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    others, unfinished = tmp_path / "home", tmp_path / "W" / "visuals" / ".unfinished"
    (others / "inner").mkdir(parents=True)
    (others / "letter.txt").write_text("another's")
    (unfinished / "papers").mkdir(parents=True)
    left = unfinished / ("b" * 32)
    left.mkdir()
    (left / "folder").symlink_to(others)  # goes, as a link, with the folder of a process that ended
    (unfinished / ("a" * 32)).symlink_to(others)
    UnfinishedDrawings(tmp_path / "W")
    assert not left.exists()
    assert (unfinished / "papers").is_dir()
    assert (unfinished / ("a" * 32)).is_symlink()
    assert sorted(path.name for path in others.iterdir()) == ["inner", "letter.txt"]
    assert "no server made" in caplog.text
    (unfinished / "all.lock").unlink()
    (unfinished / "all.lock").symlink_to(others / "letter.txt")
    UnfinishedDrawings(tmp_path / "W")
    assert (others / "letter.txt").read_text() == "another's"
    assert "all.lock is a link" in caplog.text
