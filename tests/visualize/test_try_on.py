"""Painters that others install: what they may do, what is refused, and what is told of it."""

import tomllib
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_pictures import made
from PIL import Image
from try_ons import Paints, PaintsOutside, install

from genrec.config import VisualizeConfig
from genrec.errors import ConfigError, InputError
from genrec.schema import Item
from genrec.visualize import Visualizer, wanted_of
from genrec.visualize.cutout import cut_out
from genrec.visualize.marking import label_picture, strip_px
from genrec.visualize.record import UsedModel, VisualRecord
from genrec.visualize.try_on import TRY_ON_PLUGINS, TryOnOrder, load_try_on, put_on

PHOTO = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 120, 3)).astype(np.uint8))
MUG = made("mug", size=(60, 80)).picture


@pytest.fixture
def installed(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(install(tmp_path)))


@pytest.fixture
def item(tmp_path):
    MUG.save(tmp_path / "mug.png")
    return Item(item_id="m", title="A mug", image=tmp_path / "mug.png")


def order(photo=PHOTO):
    return TryOnOrder(photo=photo, item=Item(item_id="m", title="A mug"), cutout=cut_out(MUG))


def shown(item, name, **asked):
    return Visualizer(VisualizeConfig(), "cpu").draw(item, wanted_of(photo=PHOTO, try_on=name, **asked))


def changed(picture, photo=PHOTO):
    return (np.asarray(picture) != np.asarray(photo)).any(axis=-1)


# ---- which painter


def test_an_unknown_name_is_told_with_those_that_are_installed(installed):
    with pytest.raises(InputError, match=r"no try-on painter 'red' is installed; choose one of .*a-room.*reds") as told:
        load_try_on("red")
    assert "\n" not in str(told.value)


def test_a_painter_is_told_with_the_package_that_it_came_in(installed):
    assert load_try_on("reds").used == UsedModel(name="reds@try-ons-2.1", license="mit")


@pytest.mark.parametrize(("name", "says"), [("no-painter", r"has no find_place\(\)"), ("gone", "cannot be made")])
def test_what_is_no_painter_is_refused(installed, name, says):
    with pytest.raises(ConfigError, match=says):
        load_try_on(name)


def test_of_two_packages_with_one_name_none_is_guessed(installed, tmp_path, monkeypatch):
    other = install(tmp_path, "others")
    points = other / "others-2.1.dist-info" / "entry_points.txt"
    points.write_text("[genrec.try_on]\nreds = try_ons:PaintsByModel\n")
    monkeypatch.syspath_prepend(str(other))
    with pytest.raises(ConfigError, match="'reds' is offered by try_ons:Paints and by try_ons:PaintsByModel"):
        load_try_on("reds")


def test_what_this_project_registers_is_there():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    registered = project["entry-points"][TRY_ON_PLUGINS]
    assert "room" in registered
    for name, value in registered.items():
        module, _, made_by = value.partition(":")
        assert getattr(import_module(module), made_by)().name == name


# ---- what it may paint


@settings(max_examples=40, deadline=None)
@given(left=st.integers(0, 100), top=st.integers(0, 70), width=st.integers(4, 120), height=st.integers(4, 90))
def test_outside_of_the_mask_no_pixel_changes(left, top, width, height):
    box = (left, top, min(width, 120 - left), min(height, 90 - top))
    picture = put_on(Paints(), order(), box, lambda *_: True)
    outside = np.ones((90, 120), bool)
    outside[box[1] : box[1] + box[3], box[0] : box[0] + box[2]] = False
    assert not (changed(picture) & outside).any()
    with pytest.raises(InputError, match="changed 1 pixels outside of its mask, so nothing is shown"):
        put_on(PaintsOutside(), order(), (60, 40, 20, 20), lambda *_: True)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("outside", "changed 1 pixels outside of its mask"),
        ("on-the-photo", r"changed [\d,]+ pixels outside of its mask"),
        ("nothing", "painted nothing"),
        ("smaller", "gave 8 × 8 pixels for a photo of 120 × 90"),
        ("an-array", "gave no picture"),
        ("fails", r"failed \(KeyError: 'weights'\)"),
        ("another-size", "the mask has 7 × 7 pixels"),
        ("black", "black nearly all over"),
        ("no-mask", "gave a NoneType as its mask"),
    ],
)
def test_what_a_painter_does_wrong_is_one_line_and_no_picture(installed, item, name, says):
    with pytest.raises(InputError, match=says) as told:
        shown(item, name)
    assert "\n" not in str(told.value)


def test_a_person_may_say_where(installed, item):
    mask = Image.new("L", PHOTO.size)
    mask.paste(255, (10, 20, 30, 40))
    by_mask, by_box = shown(item, "reds", mask=mask), shown(item, "reds", box=(10, 20, 20, 20))
    assert by_mask.picture.tobytes() == by_box.picture.tobytes()
    assert changed(by_mask.picture).sum() == pytest.approx(400, abs=8)
    with pytest.raises(InputError, match="does not lie in the photo"):
        shown(item, "reds", box=(100, 20, 90, 20))


def test_without_a_photo_there_is_nothing_to_put_it_on():
    with pytest.raises(InputError, match="no photo is given; give one"):
        wanted_of(try_on="reds")


# ---- what is told of it


@pytest.mark.parametrize(("name", "generates"), [("reds", False), ("by-model", True)])
def test_the_record_says_who_painted_and_whether_it_is_a_model(installed, item, name, generates):
    steps = []
    drawer = Visualizer(VisualizeConfig(), "cpu")

    def watch(*told):
        steps.append(told)
        return True

    drawn = drawer.draw(item, wanted_of(photo=PHOTO, try_on=name), on_step=watch)
    assert (drawn.mode, drawn.generated, len(steps)) == ("photo", generates, 3 * generates)
    assert dict(drawn.models or {}) == {"try_on": UsedModel(name="reds@try-ons-2.1", license="mit")}
    assert drawer.models("photo", name) == drawn.models
    told = {"models": drawn.models, "generated": drawn.generated}
    record = VisualRecord(mode="photo", item_id="m", title="", prompt="", seed=0, **told)
    assert str(record.source_type).endswith("compositeWithTrainedAlgorithmicMedia" if generates else "/composite")
    other = label_picture(PHOTO, replace(record, generated=not generates))
    marked = label_picture(PHOTO, record)
    strip = -strip_px(marked.width)
    assert (np.asarray(marked)[strip:] != np.asarray(other)[strip:]).any()
