"""Stages are whole or not there, and say why they are stale."""

import contextlib
import json

import pytest

from genrec import artifacts
from genrec.errors import ArtifactError


def make_stage(directory, text="one", **inputs):
    with artifacts.write_stage(directory, kind="thing", inputs=inputs, details={"size": len(text)}) as stage:
        (stage / "data.txt").write_text(text)


def test_a_stage_says_what_went_in_and_what_it_holds(tmp_path):
    make_stage(tmp_path / "thing", source="abc")
    manifest = artifacts.read_manifest(tmp_path / "thing", "thing")
    assert manifest.inputs == {"source": "abc"}
    assert manifest.details == {"size": 3}
    assert list(manifest.files) == ["data.txt"]


def test_a_failing_block_leaves_the_old_stage_and_no_litter(tmp_path):
    make_stage(tmp_path / "thing", "one")
    with contextlib.suppress(RuntimeError), artifacts.write_stage(tmp_path / "thing", kind="thing", inputs={}) as stage:
        (stage / "data.txt").write_text("two")
        raise RuntimeError
    assert (tmp_path / "thing" / "data.txt").read_text() == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["thing"]


def test_a_kill_between_the_two_renames_is_undone(tmp_path):
    make_stage(tmp_path / "thing", "one")
    (tmp_path / "thing").rename(tmp_path / ".thing.old")
    artifacts.recover(tmp_path / "thing")
    assert artifacts.read_manifest(tmp_path / "thing", "thing").details == {"size": 3}
    assert (tmp_path / "thing" / "data.txt").read_text() == "one"


def test_equal_content_has_equal_fingerprints_and_other_content_another(tmp_path):
    for name, text in (("a", "one"), ("b", "one"), ("c", "two")):
        make_stage(tmp_path / name, text)
    a, b, c = (artifacts.read_manifest(tmp_path / name, "thing").fingerprint for name in "abc")
    assert a == b != c


def test_why_a_stage_is_stale(tmp_path):
    thing = tmp_path / "thing"
    assert artifacts.stale_reason(thing, kind="thing", inputs={"x": "1"}) == "missing"
    make_stage(thing, x="1", y="2")
    assert artifacts.stale_reason(thing, kind="thing", inputs={"x": "1", "y": "2"}) is None
    assert artifacts.stale_reason(thing, kind="thing", inputs={"x": "0", "y": "2"}) == "changed: x"
    assert artifacts.stale_reason(thing, kind="thing", inputs={"x": "1"}) == "changed: y"
    was = (thing / "data.txt").read_bytes()
    for name in ("data.txt", "other.txt"):
        (thing / name).write_text("another")
        reason = artifacts.stale_reason(thing, kind="thing", inputs={"x": "1", "y": "2"})
        assert reason == f"files are not as they were written: {name}"
        (thing / name).write_bytes(was) if name == "data.txt" else (thing / name).unlink()
    (thing / "data.txt").unlink()
    assert artifacts.stale_reason(thing, kind="thing", inputs={"x": "1", "y": "2"}) == "files are missing: data.txt"
    (thing / "manifest.json").unlink()
    assert artifacts.stale_reason(thing, kind="thing", inputs={}) == "unfinished, broken or of another version"


def test_what_cannot_be_read_is_refused_in_one_line(tmp_path):
    thing = tmp_path / "thing"
    with pytest.raises(ArtifactError, match="is missing"):
        artifacts.read_manifest(thing, "thing")
    thing.mkdir()
    with pytest.raises(ArtifactError, match="is not finished"):
        artifacts.read_manifest(thing, "thing")
    for content, message in (
        ("{", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ("[]", "not a genrec manifest"),
    ):
        (thing / "manifest.json").write_text(content)
        with pytest.raises(ArtifactError, match=message):
            artifacts.read_manifest(thing, "thing")
    make_stage(thing)
    with pytest.raises(ArtifactError, match="holds a 'thing' stage, wanted 'other'"):
        artifacts.read_manifest(thing, "other")
    record = json.loads((thing / "manifest.json").read_text())
    (thing / "manifest.json").write_text(json.dumps({**record, "format": 99}))
    with pytest.raises(ArtifactError, match="format version 99"):
        artifacts.read_manifest(thing, "thing")
    for part in ("details", "inputs", "fingerprint"):
        (thing / "manifest.json").write_text(
            json.dumps({**record, part: {"size": 4} if part != "fingerprint" else "0"})
        )
        with pytest.raises(ArtifactError, match="was changed since it was written"):
            artifacts.read_manifest(thing, "thing")


def test_a_file_is_replaced_whole(tmp_path):
    target = tmp_path / "sub" / "file.bin"
    with artifacts.write_file(target) as partial:
        partial.write_text("one")
    with contextlib.suppress(RuntimeError), artifacts.write_file(target) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert target.read_text() == "one"
    assert [path.name for path in target.parent.iterdir()] == ["file.bin"]


def test_work_is_kept_for_its_key_alone(tmp_path):
    work = artifacts.open_work(tmp_path / "work", "a")
    (work / "checkpoint").touch()
    assert (artifacts.open_work(tmp_path / "work", "a") / "checkpoint").exists()
    assert not (artifacts.open_work(tmp_path / "work", "b") / "checkpoint").exists()
