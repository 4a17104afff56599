import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from genrec.bench.visuals import MEASURES, bench_visuals, changed_pixels, permutation_test, sample_sitters
from genrec.cli import app
from genrec.data.images import decode_image
from genrec.errors import InputError
from genrec.visualize.cutout import cut_out
from genrec.visualize.staging import compose, stage
from genrec.workspace import load


def test_own_pairs_that_score_above_others_are_found_and_chance_is_not():
    rng = np.random.default_rng(0)
    chance = rng.normal(size=(40, 40))
    p, auc = permutation_test(chance, np.random.default_rng(1))
    assert p > 0.05
    assert auc == pytest.approx(0.5, abs=0.15)
    p, auc = permutation_test(chance + 2 * np.eye(40), np.random.default_rng(1))
    assert p < 0.001
    assert auc > 0.8


def test_a_pixel_of_the_item_that_is_shown_otherwise_is_counted(shop_directory):
    item = next(item for item in load(shop_directory).catalog.items if item.image is not None)
    staged = stage(cut_out(decode_image(item.image)), seed=1)
    picture = compose(staged, Image.new("RGB", (64, 64), (200, 190, 180)))
    assert changed_pixels(picture, staged) == 0
    pixels = np.array(picture)
    rows, columns = np.nonzero(staged.item_SS == 1)
    pixels[rows[:7], columns[:7]] ^= 255
    assert changed_pixels(Image.fromarray(pixels), staged) == 7


def test_people_are_judged_by_what_they_chose_later(shop_directory):
    workspace = load(shop_directory)
    sitters = sample_sitters(workspace, 5, 3)
    histories = set(workspace.interactions.histories().values())
    assert all((*sitter.history, *sitter.newer) in histories for sitter in sitters)
    assert sitters == sample_sitters(workspace, 5, 3)


def test_the_bench_tells_of_every_mode(shop_directory, tmp_path):
    sheet = tmp_path / "sheet.png"
    told = CliRunner().invoke(
        app, ["bench", "visuals", str(shop_directory), "--count", "2", "--sheet", str(sheet), "--json"]
    )
    assert told.exit_code == 0, told.output
    rows = json.loads(told.stdout)["rows"]
    assert [row["mode"] for row in rows] == ["scene", "scene of nobody", "variation", "photo"]
    assert all(set(MEASURES) <= row.keys() for row in rows)
    assert rows[0]["changed_pixels"] == rows[3]["changed_pixels"] == 0
    with Image.open(sheet) as shown:
        assert shown.width > 200


def test_a_bench_without_a_workspace_says_what_it_wants():
    with pytest.raises(InputError, match="give its folder"):
        bench_visuals(1)
