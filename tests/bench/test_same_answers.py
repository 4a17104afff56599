"""benchmarks/same_answers.py finds what differs between two demos, and nothing else."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file
from serve_worlds import script

same_answers = script("same_answers")


def write_json(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")


def make_demo(root, *, seconds):
    """A folder laid out as a demo is, with the least in it; seconds is all that a second run would change."""
    for folder in ("semids", "model", "visuals"):
        (root / folder).mkdir(parents=True)
    pq.write_table(
        pa.table({"item_id": ["a", "b"], "level_0": [0, 1], "level_1": [3, 2]}), root / "semids/table.parquet"
    )
    np.save(root / "semids" / "fused.npy", np.eye(2, dtype=np.float32))
    save_file({"w": np.arange(4.0)}, root / "model" / "tuned.safetensors", metadata={"seconds": str(seconds)})
    write_json(
        root / "model" / "manifest.json", {"details": {"best_step": 3, "seconds": seconds}, "fingerprint": seconds}
    )
    metrics = {"recall@10": 0.5, "ndcg@10": 0.25}
    evaluation = {"metrics": metrics, "seconds": seconds, "machine": "x86"}
    files = {"transcript": str(root / "transcript.txt")}
    summary = {"key": str(seconds), "stages": {"model": seconds}, "metrics": metrics, "evaluation": evaluation}
    write_json(root / "summary.json", {**summary, "files": files})
    (root / "transcript.txt").write_text(f"1. a vase\n   drawn: {root}/visuals/a.png\n", encoding="utf-8")
    Image.new("RGB", (4, 4), "red").save(root / "visuals" / "a.png")
    write_json(root / "visuals" / "a.json", {"seed": 7, "scores": {"item": 0.5}})
    return root


def edit_json(path, change):
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    write_json(path, document)


def change_weight(root):
    tensors = load_file(root / "model" / "tuned.safetensors")
    save_file({"w": tensors["w"] + np.array([0, 0, 1e-12, 0])}, root / "model" / "tuned.safetensors")


CHANGES = {
    "semantic IDs": (
        lambda root: pq.write_table(
            pa.table({"item_id": ["a", "b"], "level_0": [0, 1], "level_1": [3, 3]}), root / "semids/table.parquet"
        ),
        "b: [1, 2] → [1, 3]",
    ),
    "item vectors": (lambda root: np.save(root / "semids" / "fused.npy", np.ones((2, 2), np.float32)), "fused.npy"),
    "weights": (change_weight, "model/tuned.safetensors: w"),
    "stage details": (
        lambda root: edit_json(root / "model" / "manifest.json", lambda d: d["details"].update(best_step=4)),
        "best_step: 3 → 4",
    ),
    "figures": (
        lambda root: edit_json(root / "summary.json", lambda d: d["evaluation"]["metrics"].update({"ndcg@10": 0.26})),
        "evaluation.metrics.ndcg@10: 0.25 → 0.26",
    ),
    "transcript": (lambda root: (root / "transcript.txt").write_text("1. a vase\n"), "line 2 is missing in NEW"),
    "visuals": (lambda root: (root / "visuals" / "a.png").unlink(), "a.png is missing in NEW"),
}


@pytest.fixture
def demos(tmp_path):
    return make_demo(tmp_path / "old", seconds=1.5), make_demo(tmp_path / "elsewhere" / "new", seconds=2.5)


def test_two_runs_that_differ_in_time_and_place_alone_are_equal(demos):
    found = same_answers.compare(*demos)
    assert [comparison.part for comparison in found] == list(CHANGES)
    assert [comparison.difference for comparison in found] == [None] * len(found)
    assert all(comparison.num_entries for comparison in found)


@pytest.mark.parametrize("part", CHANGES)
def test_a_difference_is_found_and_named(demos, part):
    change, named = CHANGES[part]
    change(demos[1])
    found = {comparison.part: comparison.difference for comparison in same_answers.compare(*demos)}
    assert named in found.pop(part)
    assert set(found.values()) == {None}


def test_a_part_that_holds_nothing_is_not_called_equal(demos):
    for root in demos:
        shutil.rmtree(root / "visuals")
    assert same_answers.compare(*demos)[-1].difference == "nothing found"


def test_the_command_exits_1_where_anything_differs_and_2_without_a_demo(demos, tmp_path, capsys):
    old, new = demos
    assert exit_code(old, new) == 0
    assert exit_code(old, tmp_path) == 2
    change_weight(new)
    assert exit_code(old, new) == 1
    assert "tuned.safetensors: w" in capsys.readouterr().out


def exit_code(*roots):
    with pytest.raises(SystemExit) as ended:
        same_answers.main([str(root) for root in roots])
    return ended.value.code
