import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genrec.config import Config, VisualizeConfig
from genrec.encode.clip import ClipEncoder
from genrec.errors import InputError, SourceError, UnknownItem
from genrec.runtime import foundation_path, report_progress_to
from genrec.schema import Catalog, Embeddings, Item
from genrec.shop.drawing import draw_item
from genrec.shop.vocabulary import sample_attributes
from genrec.visualize import DrawingStopped, Visualizer, visualize
from genrec.visualize.marking import picture_area


@dataclass
class TinyShop:
    """What `visualize` reads of a Recommender, over six drawn items, of which the last has no picture."""

    catalog: Catalog
    embeddings: dict
    config: Config
    clip: ClipEncoder

    def chosen_history(self, user, history):
        return tuple(history or ()) if user is None else {"ann": ("i0", "i1"), "bob": ("i2", "i3")}[user]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("shop"), np.random.default_rng(0)
    items = []
    for number in range(6):
        path = folder / f"{number}.png" if number < 5 else None
        attributes = sample_attributes(rng)
        if path is not None:
            draw_item(attributes, rng=rng).save(path)
        items.append(Item(item_id=f"i{number}", title=f"a {attributes['color']} {attributes['category']}", image=path))
    clip = ClipEncoder("genrec-tiny-clip", "cpu")
    vectors = np.concatenate([clip.encode_images([item.image for item in items[:5]]), np.zeros((1, 128), np.float32)])
    image = Embeddings(name="image", vectors=vectors, present=np.arange(6) < 5)
    config = Config(device="cpu", visualize=VisualizeConfig(steps=2))
    return TinyShop(Catalog(items=tuple(items)), {"image": image}, config, clip)


def draw(shop, tmp_path, **options):
    settings = {"item_id": "i4", "seed": 5, "out": tmp_path / "drawing.png"} | options
    return visualize(shop, **settings)


def area(path):
    with Image.open(path) as opened:
        return np.asarray(picture_area(opened)).astype(int)


def test_a_drawing_comes_with_the_record_that_reproduces_it(shop, tmp_path):
    visual = draw(shop, tmp_path, user="ann")
    record = json.loads(visual.path.with_suffix(".json").read_text(encoding="utf-8"))
    assert record["generated"] is True
    assert (record["item_id"], record["seed"], record["prompt"]) == ("i4", 5, visual.prompt)
    assert record["models"]["diffusion"].startswith("genrec-tiny-diffusion@")
    assert record["models"]["clip"].startswith("genrec-tiny-clip@")
    assert visual.license == "apache-2.0"
    again = draw(shop, tmp_path, user="ann", out=tmp_path / "again.png")
    np.testing.assert_array_equal(area(visual.path), area(again.path))


def test_scores_are_cosines_of_the_drawing(shop, tmp_path):
    visual = draw(shop, tmp_path, history=["i0", "i1"])
    assert set(visual.scores) == {"item", "taste", "text"}
    with Image.open(visual.path) as opened:
        drawn = shop.clip.encode_images([picture_area(opened)])[0]
    assert visual.scores["item"] == pytest.approx(float(drawn @ shop.embeddings["image"].vectors[4]), abs=0.05)


def test_two_people_get_different_pictures_of_one_item(shop, tmp_path):
    drawings = [area(draw(shop, tmp_path, user=user, out=tmp_path / f"{user}.png").path) for user in ("ann", "bob")]
    assert np.abs(drawings[0] - drawings[1]).mean() > 2


def test_an_item_without_a_picture_and_a_person_without_history_are_drawn(shop, tmp_path):
    visual = draw(shop, tmp_path, item_id="i5", history=["i5"])
    assert set(visual.scores) == {"item", "text"}
    assert area(visual.path).std() > 0


def test_progress_is_told_by_steps(shop, tmp_path):
    told = []
    with report_progress_to(lambda label, done, total, seconds: told.append((label, done, total))):
        draw(shop, tmp_path)
    assert told[-1] == ("draw", 2, 2)


def test_a_stopped_drawing_leaves_nothing_behind(shop, tmp_path):
    with pytest.raises(DrawingStopped):
        draw(shop, tmp_path, should_stop=lambda: True)
    assert list(tmp_path.iterdir()) == []


def test_bad_requests_are_refused_before_anything_is_written(shop, tmp_path):
    with pytest.raises(UnknownItem):
        draw(shop, tmp_path, item_id="nothing")
    with pytest.raises(InputError, match=r"ends in \.png"):
        draw(shop, tmp_path, out=tmp_path / "drawing.jpg")
    (tmp_path / "photo.txt").write_text("no picture")
    with pytest.raises(SourceError, match=r"photo\.txt"):
        draw(shop, tmp_path, photo=tmp_path / "photo.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["photo.txt"]


def test_a_photo_is_drawn_into(shop, tmp_path):
    photo = tmp_path / "photo.png"
    Image.new("RGB", (90, 70), (30, 60, 160)).save(photo)
    plain, edited = (draw(shop, tmp_path, photo=p, out=tmp_path / f"{bool(p)}.png") for p in (None, photo))
    record = json.loads(edited.path.with_suffix(".json").read_text(encoding="utf-8"))
    assert record["photo"] == "photo.png"
    assert (area(plain.path) != area(edited.path)).any()


def test_without_a_clip_there_are_no_scores(shop, tmp_path):
    item, vector = shop.catalog.items[0], shop.embeddings["image"].vectors[0]
    drawer = Visualizer(replace(shop.config.visualize, steps=1), "cpu")
    visual = drawer.draw(item, vector, None, seed=1, out=Path(tmp_path / "x.png"))
    assert visual.scores == {}
    assert "clip" not in visual.models


def test_a_record_names_models_without_the_folders_of_this_machine(shop):
    config = replace(shop.config.visualize, diffusion=str(Path(foundation_path("genrec-tiny-diffusion")).absolute()))
    named = Visualizer(config, "cpu").models["diffusion"]
    assert named.startswith("genrec-tiny-diffusion@")
