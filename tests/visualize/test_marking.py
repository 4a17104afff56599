import json

import numpy as np
import pytest
from PIL import Image

from genrec.errors import ShapeError
from genrec.visualize.marking import MIN_SIDE_PX, STRIP_PX, contact_sheet, mark_as_generated, picture_area, save_marked


def noise(size=(64, 64), seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))


def test_the_label_stands_beneath_the_picture_and_covers_none_of_it():
    picture = noise((300, 280))
    marked = mark_as_generated(picture, "a model · seed 1")
    assert marked.size == (300, 280 + STRIP_PX)
    np.testing.assert_array_equal(np.asarray(picture_area(marked)), np.asarray(picture))


def test_the_label_is_visible_and_says_what_drew_it():
    strips = [
        np.asarray(mark_as_generated(noise((300, 280)), note).crop((0, 280, 300, 300))) for note in ("one", "another")
    ]
    assert strips[0].std() > 5
    assert (strips[0] != strips[1]).any()


def test_small_drawings_are_enlarged_for_the_eye():
    assert mark_as_generated(noise((64, 64)), "x").size == (MIN_SIDE_PX, MIN_SIDE_PX + STRIP_PX)


def test_a_marked_file_carries_its_record_inside_and_beside(tmp_path):
    record = {"seed": 7, "title": "Lampe «grün» 灯", "generated": True}
    path = tmp_path / "new" / "drawing.png"
    save_marked(mark_as_generated(noise(), "x"), path, record)
    with Image.open(path) as opened:
        assert opened.text["generated"] == "true"
        assert opened.text["DigitalSourceType"].endswith("trainedAlgorithmicMedia")
        assert json.loads(opened.text["genrec"]) == record
    assert json.loads(path.with_suffix(".json").read_text(encoding="utf-8")) == record
    assert sorted(p.name for p in path.parent.iterdir()) == ["drawing.json", "drawing.png"]


def test_a_contact_sheet_shows_every_picture_whole():
    pictures = [Image.new("RGB", size, color) for size, color in (((64, 64), "red"), ((40, 80), "blue"))]
    sheet = np.asarray(contact_sheet(pictures, ["first", "second"], 2, cell_px=80))
    red = (sheet == (255, 0, 0)).all(axis=2)
    blue = (sheet == (0, 0, 255)).all(axis=2)
    assert red.sum() > 0.9 * 80 * 80
    assert blue.any(axis=0).sum() == pytest.approx(40, abs=2)
    assert blue.any(axis=1).sum() == pytest.approx(80, abs=4)


def test_a_contact_sheet_grows_by_rows_and_holds_long_captions():
    pictures = [noise(seed=n) for n in range(5)]
    one_row = contact_sheet(pictures[:2], ["a", "b"], 2)
    three_rows = contact_sheet(pictures, ["a long caption " * 30] * 5, 2, heading="A heading " * 40)
    assert three_rows.width == one_row.width
    assert three_rows.height > 2.5 * one_row.height


def test_a_contact_sheet_without_a_caption_for_each_picture_is_refused():
    with pytest.raises(ShapeError, match="one caption per picture"):
        contact_sheet([noise()], ["a", "b"], 2)
