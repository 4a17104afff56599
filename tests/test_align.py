"""Aligning names a better CLIP model in genrec.toml and leaves everything else; a worse one is not kept."""

import json

import numpy as np
import pytest
from PIL import Image
from stand_ins import save_clip
from workspaces import stages_of

from genrec.align import align
from genrec.config import Config
from genrec.data.ingest import ingest
from genrec.encode.clip import ClipEncoder
from genrec.errors import ArtifactError, InputError

COLORS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 40, 220), "white": (240, 240, 240)}
PLACES = {"above": (0, 0), "below": (0, 12), "right": (12, 6)}
QUICK = ("align.rank=4", "align.epochs=4", "align.batch_size=24", "align.learning_rate=2e-2", "device=cpu")


def make_shop(folder, count):
    """Items whose pictures show a square of the color and in the place that their titles tell."""
    rng, rows = np.random.default_rng(0), ["id,title"]
    (folder / "images").mkdir(parents=True)
    for number in range(count):
        color, place = list(COLORS)[number % 4], list(PLACES)[number % 3]
        picture = rng.integers(90, 150, size=(24, 24, 3), dtype=np.uint8)
        left, top = PLACES[place]
        picture[top : top + 12, left : left + 12] = COLORS[color]
        Image.fromarray(picture).save(folder / "images" / f"m{number}.png")
        rows.append(f"m{number},{color} {place} {chr(97 + number // 12)}")
    (folder / "items.csv").write_text("\n".join(rows))
    (folder / "events.csv").write_text("user,item,time\nann,m1,1\nann,m2,2\nann,m3,3\nbob,m2,1\nbob,m5,2\nbob,m7,3\n")
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_clip(tmp_path_factory.mktemp("model") / "clip")


@pytest.fixture
def shop(tmp_path):
    ingest("files", make_shop(tmp_path / "source", 180), tmp_path / "shop")
    return tmp_path / "shop"


def files_of(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_better_model_is_named_and_nothing_else_changes(shop, model):
    before, asked = files_of(stages_of(shop)), (*QUICK, f"encode.clip={model}")
    report = align(shop, settings=asked)
    assert report.recall_after > report.recall_before
    assert report.num_pairs + 2 * report.num_held_out == 180
    config = Config.load(shop / "genrec.toml")
    assert config.encode.clip == str(report.path)
    assert report.path.is_relative_to(shop / "towers")
    assert "base_model: clip" in (report.path / "README.md").read_text()
    ClipEncoder(config.encode.clip, "cpu").encode_texts(["red above"])
    assert files_of(stages_of(shop)) == before
    assert not list(shop.glob(".align*"))
    again = align(shop)  # from the model that it came from, which makes the same, and so nothing better
    assert (again.model, again.path) == ("clip", None)
    assert again.recall_before == again.recall_after == report.recall_after
    assert Config.load(shop / "genrec.toml") == config


def test_a_model_that_is_no_better_is_not_kept_which_is_said(shop, model, genrec):
    words = [
        word for setting in (*QUICK, "align.learning_rate=0", f"encode.clip={model}") for word in ("--set", setting)
    ]
    code, out, _ = genrec("align", shop, *words)
    assert code == 0
    assert out.splitlines()[1] == "clip stays, for aligned it finds no more"
    assert not (shop / "towers").exists()
    assert not (shop / "genrec.toml").exists()
    code, out, _ = genrec("align", shop, *words, "--json")
    document = json.loads(out)
    assert (document["path"], document["best_epoch"]) == (None, 0)
    assert document["recall_before"] == document["recall_after"]


def test_too_few_pairs_and_no_workspace_are_told_in_one_line(tmp_path, model):
    ingest("files", make_shop(tmp_path / "source", 90), tmp_path / "shop")
    with pytest.raises(InputError, match=r"^90 of 90 items have a picture and words, .* wants 100 pairs"):
        align(tmp_path / "shop", settings=[f"encode.clip={model}"])
    with pytest.raises(ArtifactError):
        align(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_a_model_that_is_not_there_is_told(shop, tmp_path):
    with pytest.raises(InputError, match=r"set encode\.clip"):
        align(shop, settings=[f"encode.clip={tmp_path / 'none'}"])
