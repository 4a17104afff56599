import json
from dataclasses import replace

import numpy as np
import pytest
from lxml import etree
from PIL import Image

from genrec.errors import RequestRefused, ShapeError
from genrec.visualize.marking import (
    MIN_SIDE_PX,
    WORDS_OF_EDITED,
    contact_sheet,
    fingerprint_pixels,
    label_picture,
    picture_area,
    read_picture,
    read_record,
    strip_px,
    write_visual,
)
from genrec.visualize.record import UsedModel, VisualRecord

IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
RECORD = VisualRecord(
    mode="scene",
    item_id="lamp-1",
    title="Lampe «grün» 灯",
    prompt="a lamp",
    seed=7,
    models={"diffusion": UsedModel(name="genrec-tiny-scene@ab12", license="apache-2.0")},
)


def noise(size=(64, 64), seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))


def strip(marked):
    return np.asarray(marked)[-strip_px(marked.width) :].astype(int)


class Refuses:
    name = "refuses"

    def check(self, pictures, prompt):
        return ["it shows a thing that is refused"] * len(pictures)


def write(picture, record, path, credentials=None, safety=None):
    return write_visual(picture, record, path, credentials=credentials, safety=safety)


def test_the_label_stands_beneath_the_picture_and_covers_none_of_it():
    picture = noise((300, 280))
    marked = label_picture(picture, RECORD)
    assert marked.size == (300, 280 + strip_px(300))
    np.testing.assert_array_equal(np.asarray(picture_area(marked)), np.asarray(picture))


def test_the_label_says_what_is_generated_and_what_drew_it():
    records = [
        RECORD,
        replace(RECORD, mode="variation"),
        replace(RECORD, mode="photo"),
        replace(RECORD, models={"diffusion": UsedModel(name="another", license="")}),
    ]
    strips = [strip(label_picture(noise((300, 280)), record)) for record in records]
    assert all((strips[one] != strips[other]).any() for one in range(4) for other in range(one))


@pytest.mark.parametrize(("mode", "says"), [("photo", "Edited photo"), ("variation", "Edited picture")])
def test_what_no_model_made_is_labeled_as_edited_and_never_as_of_ai(tmp_path, mode, says):
    edited = replace(RECORD, mode=mode, generated=False)
    assert WORDS_OF_EDITED[mode].startswith(says)
    assert "AI" not in WORDS_OF_EDITED[mode]
    width = 2048
    same_words = replace(RECORD, mode=mode, models={})
    found, other = (strip(label_picture(Image.new("RGB", (width, 64)), told)) for told in (edited, same_words))
    assert (found != other).any()
    assert ((found.max(axis=2) < 110).any(axis=0)).sum() > 100
    told = write(noise((256, 256)), edited, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png", formats=("PNG",)) as opened:
        assert opened.text["generated"] == "false"
        assert opened.text["DigitalSourceType"] == edited.source_type
        assert "rained" not in opened.text["XML:com.adobe.xmp"]
    assert read_record(tmp_path / "a.png") == told
    assert read_picture(tmp_path / "a.png").size == (256, 256)


def test_edited_pictures_are_asked_for_too(tmp_path):
    with pytest.raises(RequestRefused, match="not shown"):
        write(noise(), replace(RECORD, mode="photo", generated=False), tmp_path / "a.png", safety=Refuses())


@pytest.mark.parametrize("width", [256, 257, 300, 512, 1024, 2048])
@pytest.mark.parametrize("mode", ["scene", "variation", "photo"])
def test_the_label_is_as_readable_at_every_width(width, mode):
    found = strip(label_picture(Image.new("RGB", (width, 64), "red"), replace(RECORD, mode=mode)))
    ink = (found.max(axis=2) < 110) & (found.max(axis=2) - found.min(axis=2) < 30)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    height = rows[-1] - rows[0] + 1
    assert height >= 9  # pixels, of letters with their descenders
    assert height / width >= 0.035  # so that it is 9 pixels high when all of it is shown 256 wide
    assert 0.5 < (columns[-1] - columns[0]) / width < 0.97  # in one piece, and none of it cut off
    assert (found[0] > 200).all()
    assert (found[-1] > 200).all()


def test_a_long_name_of_a_model_does_not_push_the_words_out():
    long = replace(RECORD, models={"diffusion": UsedModel(name="a-model-" * 40, license="")})
    short = replace(RECORD, models={"diffusion": UsedModel(name="a-model-a", license="")})
    strips = [strip(label_picture(noise((256, 256)), record)) for record in (long, short)]
    assert (strips[0][:, :150] == strips[1][:, :150]).all()


def test_narrow_drawings_are_enlarged_for_the_eye_and_wide_ones_are_not():
    assert label_picture(noise((64, 64)), RECORD).size == (MIN_SIDE_PX, MIN_SIDE_PX + strip_px(MIN_SIDE_PX))
    assert label_picture(noise((300, 40)), RECORD).size == (300, 40 + strip_px(300))


@pytest.mark.parametrize("mode", ["scene", "photo", "picture"])
def test_enlarging_keeps_every_pixel_where_pixels_are_to_stay(mode):
    picture = noise((100, 60))
    marked = label_picture(picture, replace(RECORD, mode=mode, generated=mode != "picture"))
    area = np.asarray(marked if mode == "picture" else picture_area(marked))
    np.testing.assert_array_equal(area, np.asarray(picture).repeat(3, axis=0).repeat(3, axis=1))


def test_the_label_goes_by_the_record_alone(tmp_path):
    picture = noise((256, 256))
    told = write(picture, replace(RECORD, label=False), tmp_path / "a.png")
    assert told.label is False
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["label"] is False
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png", formats=("PNG",))), np.asarray(picture))


def test_nothing_is_said_to_be_generated_of_an_items_own_picture(tmp_path):
    told = write(
        noise((256, 256)),
        replace(RECORD, mode="picture", generated=False, fallback="no drawing was good"),
        tmp_path / "a.png",
    )
    with Image.open(tmp_path / "a.png", formats=("PNG",)) as opened:
        assert opened.size == (256, 256)
        assert opened.text["generated"] == "false"
        assert "DigitalSourceType" not in opened.text
    assert told.to_json()["generated"] is False


def test_a_written_file_carries_its_record_inside_and_beside(tmp_path):
    path = tmp_path / "new" / "drawing.png"
    told = write(noise(), RECORD, path)
    with Image.open(path, formats=("PNG",)) as opened:
        assert opened.text["generated"] == "true"
        assert opened.text["DigitalSourceType"].endswith("/compositeWithTrainedAlgorithmicMedia")
        described = etree.fromstring(opened.text["XML:com.adobe.xmp"])[0][0]
        assert described.get(f"{{{IPTC}}}DigitalSourceType") == RECORD.source_type
        assert VisualRecord.from_text(opened.text["genrec"]) == told
        assert told.pixels == fingerprint_pixels(opened)
    assert VisualRecord.from_text(path.with_suffix(".json").read_text(encoding="utf-8")) == told
    assert read_record(path) == told == replace(RECORD, pixels=told.pixels)
    assert told.to_json()["signed"] is None
    assert sorted(p.name for p in path.parent.iterdir()) == ["drawing.json", "drawing.png"]


@pytest.mark.parametrize("label", [True, False])
def test_a_picture_is_read_without_its_label(tmp_path, label):
    picture = noise((300, 200))
    write(picture, replace(RECORD, label=label), tmp_path / "a.png")
    np.testing.assert_array_equal(np.asarray(read_picture(tmp_path / "a.png")), np.asarray(picture))


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_picture_of_others_is_read_whole(tmp_path, suffix):
    noise((300, 200)).save(tmp_path / f"a.{suffix}")
    assert read_picture(tmp_path / f"a.{suffix}").size == (300, 200)
    assert read_record(tmp_path / f"a.{suffix}") is None


def test_what_the_safety_check_refuses_is_not_written(tmp_path):
    with pytest.raises(RequestRefused, match="not shown: it shows a thing"):
        write(noise(), RECORD, tmp_path / "new" / "a.png", safety=Refuses())
    assert list(tmp_path.iterdir()) == []


def test_an_items_own_picture_is_not_asked_for(tmp_path):
    told = write(noise(), replace(RECORD, mode="picture", generated=False), tmp_path / "a.png", safety=Refuses())
    assert told.safety is None


def test_the_record_names_the_check_that_passed_it(tmp_path):
    class Passes(Refuses):
        name = "passes"

        def check(self, pictures, prompt):
            assert (len(pictures), prompt) == (1, RECORD.prompt)
            return [None]

    assert write(noise(), RECORD, tmp_path / "a.png", safety=Passes()).safety == "passes"


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
