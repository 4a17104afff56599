"""Generations: one at a time, written by one, whole or not at all, and there as long as somebody reads them."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from workspaces import recommit

from genrec.artifacts import write_stage
from genrec.errors import ArtifactError, WorkspaceBusy
from genrec.generations import (
    CURRENT,
    HASHED_AT_LOAD_BYTES,
    INVENTORY,
    LOCK,
    WHOLE_ADAPTER,
    Generation,
    begin,
    commit,
    current_number,
    draft_number,
    find_faults,
    new_folder,
    require_no_draft,
    take_up_adapters,
    writing,
)

CHANGE = """
import os, pathlib, sys
from genrec.artifacts import write_stage
from genrec.generations import Generation, new_folder, require_no_draft, writing
count, limit, root = 0, int(sys.argv[2]), pathlib.Path(sys.argv[1])
changes = {"os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.link", "shutil.rmtree"}
def watch(event, args):
    global count
    if event in changes or (event == "open" and args[1] == "w"):
        count += 1
        if count > limit:
            os.kill(os.getpid(), 9)
with writing(root, "change"):
    sys.addaudithook(watch)
    require_no_draft(root)
    with new_folder(root, Generation.open(root).folder, is_whole=True) as folder:
        for name in ("catalog", "semids"):
            with write_stage(folder / name, kind=name, inputs={}) as stage:
                (stage / "data.txt").write_text("new")
"""


def filled(folder: Path, text: str) -> None:
    """Two stages and the settings, which say the same."""
    for name in ("catalog", "semids"):
        with write_stage(folder / name, kind=name, inputs={}) as stage:
            (stage / "data.txt").write_text(text)
    (folder / "genrec.toml").write_text("")


def workspace(root: Path, *texts: str) -> Path:
    """A workspace with a generation for each text, of which the last is current."""
    for text in texts or ("old",):
        with writing(root, "make"):
            with new_folder(root, None) as folder:
                filled(folder, text)
            commit(root)
    return root


def says(root: Path) -> set[str]:
    """What the stages of the current generation say."""
    folder = Generation.open(root).folder
    return {(folder / name / "data.txt").read_text() for name in ("catalog", "semids")}


def in_a_process(code: str, *words: object) -> int:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run([sys.executable, "-c", code, *map(str, words)], env=environment, check=False).returncode


@pytest.mark.slow
def test_a_kill_at_any_change_to_the_disk_leaves_one_whole_generation_and_a_retry_that_works(tmp_path):
    before = workspace(tmp_path / "before")
    seen, limit, died = set(), 0, True
    while died:
        root = tmp_path / f"ws{limit}"
        shutil.copytree(before, root)
        code = in_a_process(CHANGE, root, limit)
        assert code in (0, -signal.SIGKILL)
        died = code != 0
        found = says(root)
        assert found in ({"old"}, {"new"})
        seen |= found
        assert in_a_process(CHANGE, root, 10**6) == 0
        assert says(root) == {"new"}
        assert len(list((root / "generations").iterdir())) == 1
        assert {path.name for path in root.iterdir()} == {CURRENT, "generations", LOCK}
        limit += 1 if limit > 30 else 3  # where the parts come together, each change
    assert seen == {"old", "new"}
    assert limit > 15


def test_readers_go_on_while_others_write_and_what_nobody_reads_is_removed(tmp_path):
    root = workspace(tmp_path)
    reader = Generation.open(root)
    workspace(root, "new", "newer")
    assert (reader.folder / "catalog/data.txt").read_text() == "old"
    assert says(root) == {"newer"}
    assert sorted(path.name for path in (root / "generations").iterdir()) == ["1", "3"]
    assert Generation.open(root, 1).number == 1
    del reader
    with writing(root, "look"):
        pass
    assert [path.name for path in (root / "generations").iterdir()] == ["3"]


def test_a_second_writer_is_told_who_writes(tmp_path):
    root = workspace(tmp_path)
    told = []

    def write() -> None:
        try:
            with writing(root, "genrec build"):
                pass
        except WorkspaceBusy as error:
            told.append(str(error))

    with writing(root, "genrec adapt"), writing(root, "genrec ingest"):  # the holder may take it again
        other = threading.Thread(target=write)
        other.start()
        other.join()
    assert len(told) == 1
    assert f"being written by genrec adapt (process {os.getpid()} on " in told[0]
    write()
    assert len(told) == 1


def test_the_lock_dies_with_its_holder(tmp_path):
    root = workspace(tmp_path)
    code = "import os, pathlib, sys\nfrom genrec.generations import writing\n"
    code += "writing(pathlib.Path(sys.argv[1]), 'genrec build').__enter__()\nos.kill(os.getpid(), 9)"
    assert in_a_process(code, root) == -signal.SIGKILL
    with writing(root, "genrec build"):
        pass


def test_a_draft_waits_beside_the_current_generation(tmp_path):
    root = workspace(tmp_path)
    require_no_draft(root)
    base = Generation.open(root).folder
    with writing(root, "genrec ingest"), new_folder(root, base, without=("catalog",)) as folder:
        assert not (folder / "catalog").exists()
        filled(folder, "draft")
    assert (current_number(root), draft_number(root)) == (1, 2)
    assert says(root) == {"old"}
    assert (Generation.open_newest(root).folder / "catalog/data.txt").read_text() == "draft"
    with pytest.raises(ArtifactError, match=r"generations/2 waits to be built; run genrec build"):
        require_no_draft(root)
    with writing(root, "genrec ingest"), pytest.raises(ZeroDivisionError), new_folder(root, None):
        raise ZeroDivisionError
    assert draft_number(root) == 2
    with writing(root, "genrec ingest"), new_folder(root, None) as folder:
        filled(folder, "another")
    assert draft_number(root) == 3
    assert not (root / "generations/2").exists()
    with writing(root, "genrec build"):
        assert commit(root).number == 3
    assert says(root) == {"another"}


def test_files_are_shared_between_generations(tmp_path):
    root = workspace(tmp_path)
    reader = Generation.open(root)
    with writing(root, "genrec build"):
        folder = begin(root, reader.folder)
    assert (folder / "catalog/data.txt").samefile(reader.folder / "catalog/data.txt")


def test_adapters_of_the_workspaces_folder_are_taken_up_as_copies(tmp_path):
    root = workspace(tmp_path)
    (root / "adapters/warm").mkdir(parents=True)
    (root / "adapters/warm/adapter.toml").write_text("one")
    with writing(root, "genrec build"):
        take_up_adapters(root, begin(root, Generation.open(root).folder))
        made = commit(root)
    (root / "adapters/warm/adapter.toml").write_text("two")
    assert (made.folder / "adapters/warm/adapter.toml").read_text() == "one"
    Generation.open(root)


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def flip(path: Path) -> None:
    path.write_bytes(b"n" + path.read_bytes()[1:])


def link(path: Path) -> None:
    path.rename(path.parents[4] / "moved")
    path.symlink_to(path.parents[4] / "moved")


DAMAGE = {
    "is missing": lambda folder: (folder / "semids/data.txt").unlink(),
    "has 4 bytes, 3 were written": lambda folder: append(folder / "semids/data.txt"),
    "holds other bytes than were written": lambda folder: flip(folder / "semids/data.txt"),
    "was added": lambda folder: (folder / "semids/more.txt").touch(),
    "is no plain file": lambda folder: link(folder / "semids/data.txt"),
    "is not the one that was committed": lambda folder: append(folder / INVENTORY),
}


@pytest.mark.parametrize("reason", DAMAGE)
def test_what_is_not_as_it_was_written_is_refused_with_what_to_do(tmp_path, reason):
    root = workspace(tmp_path)
    DAMAGE[reason](Generation.open(root).folder)
    with pytest.raises(ArtifactError, match=f"{reason}; run genrec build {root} to make it again"):
        Generation.open(root)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"generation": -1}', '{"format": 1, "generation": "2", "inventory": ""}', ""]
)
def test_a_broken_pointer_is_refused_and_the_next_writer_makes_it_anew(tmp_path, text):
    root = workspace(tmp_path)
    (root / CURRENT).write_text(text)
    with pytest.raises(ArtifactError, match="run genrec build"):
        Generation.open(root)
    assert draft_number(root) == 1
    with writing(root, "genrec build"):
        pass
    assert says(root) == {"old"}


def test_a_draft_that_is_whole_but_not_as_it_was_written_waits_to_be_built(tmp_path):
    root = workspace(tmp_path)
    (root / CURRENT).unlink()
    flip(root / "generations/1/semids/data.txt")
    with writing(root, "genrec build"):
        assert draft_number(root) == 1
        assert not (root / "generations/1" / INVENTORY).exists()


def test_large_files_are_hashed_where_all_is_checked(tmp_path):
    root = workspace(tmp_path)
    large = Generation.open(root).folder / "semids/large.bin"
    with large.open("wb") as stream:
        stream.truncate(HASHED_AT_LOAD_BYTES + 1)
    recommit(root)
    with large.open("r+b") as stream:
        stream.write(b"x")
    opened = Generation.open(root)
    assert [fault.path for fault in find_faults(opened)] == ["semids/large.bin"]


def test_a_workspace_of_an_earlier_genrec_is_read_and_moves_on_with_the_next_change(tmp_path):
    filled(tmp_path, "old")
    (tmp_path / "catalog").rename(tmp_path / ".catalog.old")  # a kill of that time
    with writing(tmp_path, "genrec build"):
        pass
    reader = Generation.open(tmp_path)
    assert (reader.number, reader.folder) == (0, tmp_path)
    assert says(tmp_path) == {"old"}
    with writing(tmp_path, "genrec build"):
        begin(tmp_path, reader.folder)
        commit(tmp_path)
    assert (tmp_path / "catalog").is_dir()  # somebody reads it
    assert Generation.open(tmp_path).number == 1
    del reader
    with writing(tmp_path, "look"):
        pass
    assert not (tmp_path / "catalog").exists()
    assert (tmp_path / "genrec.toml").is_file()
    assert says(tmp_path) == {"old"}


def test_nothing_that_was_ingested_is_told(tmp_path):
    for look in (Generation.open, Generation.open_newest):
        with pytest.raises(ArtifactError, match="nothing was ingested there"):
            look(tmp_path)
    with writing(tmp_path, "genrec ingest"), new_folder(tmp_path, None) as folder:
        filled(folder, "new")
    with pytest.raises(ArtifactError, match=r"is not built yet\); run genrec build"):
        Generation.open(tmp_path)


# ---- what is not genrec's, and what stands in the way


def test_folders_of_others_in_the_workspace_are_never_touched(tmp_path):
    root = workspace(tmp_path)
    for name in ("catalog", "web", ".backup.old", ".mine.partial"):
        (root / name).mkdir()
        (root / name / "manifest.json").write_text('{"name": "a web manifest", "files": []}')
        (root / name / "notes.txt").write_text("mine")
    (root / "interactions.parquet").write_text("mine")
    workspace(root, "new")
    for name in ("catalog", "web", ".backup.old", ".mine.partial"):
        assert (root / name / "notes.txt").read_text() == "mine"
    assert (root / "interactions.parquet").read_text() == "mine"


def test_what_an_earlier_genrec_did_not_write_stays_when_its_workspace_moves_on(tmp_path):
    filled(tmp_path, "old")
    for name in ("mysite", ".notes.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text('{"kind": "site", "files": {}}')
    with writing(tmp_path, "genrec build"):
        begin(tmp_path, Generation.open(tmp_path).folder)
        commit(tmp_path)
    assert not (tmp_path / "catalog").exists()
    assert (tmp_path / "mysite/manifest.json").is_file()
    assert (tmp_path / ".notes.old/manifest.json").is_file()
    assert not (tmp_path / "generations/1/mysite").exists()


def test_a_pointer_to_what_is_not_there_costs_no_generation(tmp_path):
    root = workspace(tmp_path)
    (root / CURRENT).write_text('{"format": 1, "generation": 9, "inventory": "x"}')
    with pytest.raises(ArtifactError, match="names generation 9, which is not there; run genrec build"):
        Generation.open(root)
    with writing(root, "genrec build"):
        pass
    assert says(root) == {"old"}


def test_a_backup_laid_over_a_newer_workspace_is_not_taken_for_a_killed_writer(tmp_path):
    root = workspace(tmp_path / "ws")
    shutil.copytree(root, tmp_path / "backup")
    workspace(root, "new", "newer")
    shutil.copytree(tmp_path / "backup", root, dirs_exist_ok=True)
    with writing(root, "genrec add-items"), pytest.raises(ArtifactError, match="generations/3 waits to be built"):
        require_no_draft(root)
    assert says(root) == {"old"}


@pytest.mark.parametrize("kind", ["file", "empty folder", "link"])
def test_an_entry_that_is_no_generation_is_left_alone_and_its_number_not_taken(tmp_path, kind):
    root, entry = workspace(tmp_path / "ws"), tmp_path / "ws/generations/7"
    (tmp_path / "elsewhere/catalog").mkdir(parents=True)
    make = {"file": entry.touch, "empty folder": entry.mkdir, "link": lambda: entry.symlink_to(tmp_path / "elsewhere")}
    make[kind]()
    require_no_draft(root)
    workspace(root, "new")
    assert current_number(root) == 8
    assert os.path.lexists(entry)


def test_what_leads_elsewhere_is_neither_followed_nor_waited_for(tmp_path):
    root, elsewhere = workspace(tmp_path / "ws"), tmp_path / "elsewhere"
    lease = root / "generations/1/.lease"
    lease.unlink()
    lease.symlink_to(elsewhere / "made")
    elsewhere.mkdir()
    assert says(root) == {"old"}
    assert not list(elsewhere.iterdir())
    lease.unlink()
    os.mkfifo(lease)
    assert says(root) == {"old"}
    (root / "generations").rename(elsewhere / "generations")
    (elsewhere / "generations/.ssh").mkdir()
    (root / "generations").symlink_to(elsewhere / "generations")
    with pytest.raises(ArtifactError, match="is a link"), writing(root, "genrec build"):
        Generation.open(root)
    assert (elsewhere / "generations/.ssh").is_dir()


@pytest.mark.parametrize("entry", ["link", "pipe", "loop"])
def test_adapters_are_plain_files(tmp_path, entry):
    root = workspace(tmp_path)
    folder = root / "adapters/evil"
    folder.mkdir(parents=True)
    make = {
        "link": lambda path: path.symlink_to("/etc/passwd"),
        "pipe": os.mkfifo,
        "loop": lambda path: path.symlink_to("../.."),
    }
    make[entry](folder / "x")
    with writing(root, "genrec build"), pytest.raises(ArtifactError, match="adapters/evil/x is no plain file"):
        take_up_adapters(root, begin(root, Generation.open(root).folder))


def test_files_that_no_manifest_names_do_not_enter_the_next_generation(tmp_path):
    root = workspace(tmp_path)
    (root / "generations/1/catalog/.DS_Store").touch()
    with writing(root, "genrec build"):
        begin(root, root / "generations/1")
        commit(root)
    assert says(root) == {"old"}
    assert not (root / "generations/2/catalog/.DS_Store").exists()


def test_a_pointer_that_is_a_folder_is_moved_aside(tmp_path):
    root = workspace(tmp_path)
    (root / CURRENT).unlink()
    (root / CURRENT).mkdir()
    with writing(root, "genrec build"):
        pass
    assert says(root) == {"old"}


@pytest.mark.parametrize("is_current", [True, False])
def test_a_trained_adapter_is_placed_by_the_next_writer_where_its_generation_is_current(tmp_path, is_current):
    root = workspace(tmp_path)
    made = root / ".adapter-warm.work" / WHOLE_ADAPTER / "warm"
    made.mkdir(parents=True)
    (made / "adapter.toml").write_text("warm")
    if is_current:
        with writing(root, "genrec adapt"), new_folder(root, root / "generations/1", is_whole=True) as folder:
            shutil.copytree(made, folder / "adapters/warm")
    with writing(root, "genrec build"):
        pass
    assert (root / "adapters/warm/adapter.toml").is_file() == is_current
    assert made.exists() != is_current


def test_what_a_killed_writer_left_of_a_file_is_no_part_of_a_generation(tmp_path):
    root = tmp_path / "ws"
    with writing(root, "make"):
        with new_folder(root, None) as folder:
            filled(folder, "new")
        for name in ("", "catalog/"):
            (root / f"generations/1/{name}.generation.4491-1397559.partial.json").write_text("{")
        commit(root)
    assert says(root) == {"new"}
    assert find_faults(Generation.open(root)) == []
    assert not list((root / "generations").rglob("*.partial*"))
