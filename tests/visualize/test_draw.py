import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from certificates import Authority
from PIL import Image

from genrec.bench.visuals import changed_pixels
from genrec.config import Config, VisualizeConfig
from genrec.data.images import decode_image
from genrec.encode.clip import ClipEncoder
from genrec.errors import ConfigError, InputError, RequestRefused, SourceError, UnknownItem
from genrec.runtime import foundation_path, report_progress_to
from genrec.schema import Catalog, Embeddings, Item
from genrec.shop.drawing import draw_item
from genrec.shop.vocabulary import sample_attributes
from genrec.visualize import DrawingStopped, Visualizer, visualize, wanted_of
from genrec.visualize.checking import check_visual
from genrec.visualize.colors import color_name, color_shares, palette_of, to_lab
from genrec.visualize.cutout import cut_out
from genrec.visualize.guard import Guard
from genrec.visualize.marking import read_picture
from genrec.visualize.visualizer import RECOLORED
from genrec.visualize.vocabulary import Vocabulary


@dataclass
class TinyShop:
    """What `visualize` reads of a Recommender, over 24 drawn items, of which the last has no picture."""

    catalog: Catalog
    embeddings: dict
    config: Config
    clip: ClipEncoder
    directory: Path

    def chosen_history(self, user, history):
        return tuple(history or ()) if user is None else {"ann": ("i0", "i1"), "bob": ("i2", "i3")}[user]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("shop"), np.random.default_rng(0)
    colors, items = ("red", "red", "blue", "blue", "green"), []
    for number in range(24):
        path = folder / f"{number}.png" if number < 23 else None
        attributes = sample_attributes(rng) | {"pattern": "plain"}
        if number < 5:
            attributes["color"] = colors[number]
        if path is not None:
            draw_item(attributes, rng=rng).save(path)
        title = f"a {attributes['color']} {attributes['material']} {attributes['category']}"
        items.append(Item(item_id=f"i{number}", title=title, image=path))
    clip = ClipEncoder("genrec-tiny-clip", "cpu")
    vectors = np.concatenate([clip.encode_images([item.image for item in items[:-1]]), np.zeros((1, 128), np.float32)])
    image = Embeddings(name="image", vectors=vectors, present=np.arange(24) < 23)
    config = Config(device="cpu", visualize=VisualizeConfig(steps=2, candidates=1))
    return TinyShop(Catalog(items=tuple(items)), {"image": image}, config, clip, folder)


class PlainPainter:
    """Paints one color after another, one for each seed, in four steps."""

    num_steps = 4

    def __init__(self, *colors, size=64):
        self.colors, self.size, self.orders = colors, size, []

    def prompt(self, order):
        return order.words

    def paint(self, picture, mask, order, on_step):
        self.orders.append(order)
        color = self.colors[(len(self.orders) - 1) % len(self.colors)]
        for step in range(self.num_steps):
            if not on_step(step + 1, self.num_steps, Image.new("RGB", (4, 4), color)):
                raise DrawingStopped("stopped")
        return Image.new("RGB", (self.size, self.size), color)

    def draw(self, order, on_step):
        return self.paint(None, None, order, on_step)


def show(shop, tmp_path, *, out="shown.png", on_step=None, item_id="i4", user=None, history=None, **asked):
    wanted = wanted_of(**({"seed": 5} | asked))
    return visualize(
        shop, user=user, history=history, item_id=item_id, wanted=wanted, out=tmp_path / out, on_step=on_step
    )


def pixels(path):
    return np.asarray(read_picture(path)).astype(int)


def record_of(visual):
    return json.loads(visual.path.with_suffix(".json").read_text(encoding="utf-8"))


def test_a_scene_keeps_every_pixel_of_the_item_and_comes_with_its_record(shop, tmp_path):
    visual = show(shop, tmp_path, user="ann", scene="on a walnut desk, evening")
    staged = Visualizer(shop.config.visualize, "cpu").stage(cut_out(decode_image(shop.catalog["i4"].image)), 5)
    assert (staged.item_SS == 1).sum() > 500
    assert changed_pixels(read_picture(visual.path), staged) == 0
    record = record_of(visual)
    assert (record["mode"], record["item_id"], record["seed"]) == ("scene", "i4", 5)
    assert record["generated"] is True
    assert record["models"]["scene"]["name"].startswith("genrec-tiny-scene@")
    assert record["ingredients"][0]["role"] == "item"
    assert "walnut desk" in visual.prompt
    assert visual.shaped_by == ("i1", "i0")
    assert "red" in visual.taste
    again = show(shop, tmp_path, user="ann", scene="on a walnut desk, evening", out="again.png")
    np.testing.assert_array_equal(pixels(visual.path), pixels(again.path))


def test_scenes_of_two_people_differ_toward_their_colors(shop, tmp_path):
    means = {}
    for user in ("ann", "bob"):
        shown = pixels(show(shop, tmp_path, user=user, out=f"{user}.png", strength=1.0).path)
        means[user] = to_lab(shown[4:40, 4:-4].reshape(-1, 3).mean(axis=0))
    assert means["ann"][1] > means["bob"][1] + 5  # redder
    assert means["ann"][2] > means["bob"][2] + 5  # less blue


def test_without_a_history_nothing_is_claimed_of_the_taste(shop, tmp_path):
    visual = show(shop, tmp_path)
    assert (visual.taste, visual.colors, visual.shaped_by) == ("", (), ())
    assert record_of(visual)["taste"] is None
    assert "taste" not in visual.scores


def test_words_that_the_model_cannot_draw_are_said(shop, tmp_path):
    visual = show(shop, tmp_path, scene="a cat on a bicycle, at night")
    assert visual.words_not_drawn == ("cat", "bicycle")
    assert "cat, bicycle" in visual.note
    assert record_of(visual)["words_not_drawn"] == ["cat", "bicycle"]


def test_an_item_without_a_picture_is_refused_by_models_that_need_one(shop, tmp_path):
    with pytest.raises(InputError, match="has no picture"):
        show(shop, tmp_path, item_id="i23")


def test_progress_is_told_by_steps_with_previews(shop, tmp_path):
    told, seen = [], []

    def watch(step, total, preview):
        seen.append((step, total, preview.size))
        return True

    with report_progress_to(lambda label, done, total, seconds: told.append((label, done, total))):
        show(shop, tmp_path, on_step=watch)
    assert told[-1] == ("draw", 2, 2)
    assert [entry[:2] for entry in seen] == [(1, 2), (2, 2)]
    assert seen[0][2] == (32, 32)


def test_a_drawing_is_signed_by_the_certificate_of_the_settings(shop, tmp_path):
    named = Authority().give(tmp_path)
    config = replace(shop.config, visualize=replace(shop.config.visualize, **named))
    signing = replace(shop, config=config, directory=tmp_path)
    visual = show(signing, tmp_path, out="signed/a.png", user="ann")
    report = check_visual(visual.path, tmp_path / "ca.pem")
    assert (report.signature.trust, report.pixels, report.faults) == ("trusted", "unchanged", ())
    (tmp_path / "key.pem").unlink()
    other = replace(config, visualize=replace(config.visualize, steps=1))
    with pytest.raises(ConfigError, match=r"visualize\.key .* cannot be read"):
        show(replace(signing, config=other), tmp_path, out="unsigned/a.png")
    assert not (tmp_path / "unsigned").exists()


def test_a_stopped_drawing_leaves_nothing_behind(shop, tmp_path):
    with pytest.raises(DrawingStopped):
        show(shop, tmp_path, on_step=lambda *_: False)
    assert list(tmp_path.iterdir()) == []


def test_bad_requests_are_refused_before_anything_is_written(shop, tmp_path):
    photo = Image.new("RGB", (60, 60))
    with pytest.raises(UnknownItem):
        show(shop, tmp_path, item_id="nothing")
    with pytest.raises(InputError, match=r"ends in \.png"):
        show(shop, tmp_path, out="drawing.jpg")
    with pytest.raises(InputError, match="outside of 0"):
        show(shop, tmp_path, strength=1.5)
    with pytest.raises(InputError, match="scene and change"):
        show(shop, tmp_path, scene="on a table", change="in red")
    with pytest.raises(InputError, match="no photo is given"):
        show(shop, tmp_path, box=(0, 0, 10, 10))
    with pytest.raises(InputError, match="does not lie in the photo"):
        show(shop, tmp_path, photo=photo, box=(50, 50, 30, 30))
    with pytest.raises(InputError, match="mask has 30"):
        show(shop, tmp_path, photo=photo, mask=Image.new("L", (30, 30), 255))
    with pytest.raises(RequestRefused):
        show(shop, tmp_path, scene="naked people")
    (tmp_path / "photo.txt").write_text("no picture")
    with pytest.raises(SourceError, match=r"photo\.txt"):
        show(shop, tmp_path, photo=tmp_path / "photo.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["photo.txt"]


def test_a_photo_changes_only_where_the_item_stands(shop, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3)).astype(np.uint8)
    visual = show(shop, tmp_path, photo=Image.fromarray(noise), box=(40, 30, 70, 80))
    apart = (pixels(visual.path)[:120, :160] != noise).any(axis=-1)
    factor = pixels(visual.path).shape[0] // 120
    apart = (pixels(visual.path)[::factor, ::factor] != noise).any(axis=-1)
    assert apart[30:110, 40:110].sum() > 500
    apart[30:110, 40:110] = False
    assert not apart.any()
    assert (visual.mode, record_of(visual)["mode"]) == ("photo", "photo")
    assert [used["role"] for used in record_of(visual)["ingredients"]] == ["photo", "item"]
    assert (visual.generated, record_of(visual)["generated"]) == (False, False)  # tiny paints no seams
    Image.fromarray(noise).save(tmp_path / "room.png")
    read = show(shop, tmp_path, photo=tmp_path / "room.png", box=(40, 30, 70, 80), out="read.png")
    file = hashlib.sha256((tmp_path / "room.png").read_bytes()).hexdigest()
    assert record_of(read)["ingredients"][0]["sha256"] == file
    unplaced = show(shop, tmp_path, photo=Image.fromarray(noise), out="unplaced.png")
    assert "no box was given" in unplaced.note


def test_seams_are_painted_by_models_of_any_words_and_nothing_beyond(shop):
    drawer = Visualizer(shop.config.visualize, "cpu", scenes=PlainPainter((250, 10, 10)))
    drawer.__dict__["scene_words"] = Vocabulary()
    photo = Image.new("RGB", (160, 120), (40, 160, 60))
    shown = np.asarray(drawer.draw(shop.catalog["i2"], wanted_of(photo=photo, box=(40, 20, 80, 90))).picture).astype(
        int
    )
    outside = np.ones((120, 160), bool)
    outside[20:110, 40:120] = False
    assert (shown[outside] == (40, 160, 60)).all()
    redder = (shown[..., 0] > 120) & (shown[..., 1] < 110)
    assert redder.sum() > 50


def sitting(shop, scenes, variations, *, knows=True, **settings):
    guard = Guard(clip=shop.clip, catalog=shop.catalog, image=shop.embeddings["image"])
    guard.__dict__["knowledge"] = 1.0 if knows else 0.5
    config = replace(shop.config.visualize, **settings)
    return Visualizer(config, "cpu", guard=guard, scenes=scenes, variations=variations)


def test_colors_and_patterns_change_without_a_model_and_nothing_outside_of_the_item(shop):
    item = shop.catalog["i4"]
    drawer = sitting(shop, PlainPainter((200, 190, 180)), None)
    before, cutout = np.asarray(decode_image(item.image)), cut_out(decode_image(item.image))
    shown = drawer.draw(item, wanted_of(change="in red with white stripes"), item_vector=vector_of(shop))
    after = np.asarray(shown.picture)
    assert shown.mode == "variation"
    np.testing.assert_array_equal(before[cutout.alpha_HW == 0], after[cutout.alpha_HW == 0])
    names = {color_name(color) for color in palette_of(*shown_colors(after[cutout.alpha_HW > 0.9]))[0][:2]}
    assert "red" in names
    assert dict(shown.models) == RECOLORED
    assert not shown.generated


def test_a_material_is_drawn_by_a_model_or_told_as_not_drawn(shop):
    item, blank = shop.catalog["i4"], PlainPainter((200, 190, 180))
    without = sitting(shop, blank, None).draw(item, wanted_of(change="red leather"), item_vector=vector_of(shop))
    assert (without.mode, without.words_not_drawn) == ("variation", ("leather",))
    drawer = sitting(shop, blank, PlainPainter((20, 40, 200)))
    drawer.__dict__["change_words"] = Vocabulary(frozenset(["leather"]))
    badly = drawer.draw(item, wanted_of(change="red leather"), item_vector=vector_of(shop))
    assert badly.mode == "variation"  # in red, but not of leather
    assert "no variation was good enough" in badly.notes[0]


def test_a_picture_without_an_outline_is_not_changed(shop):
    whole = replace(shop.catalog["i4"], image=None)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    path = shop.directory / "noise.png"
    Image.fromarray(noise).save(path)
    shown = sitting(shop, PlainPainter((200, 190, 180)), None).draw(replace(whole, image=path), wanted_of(change="red"))
    assert shown.mode == "scene"
    assert "nothing apart from a background" in shown.notes[0]


def drawer_stage(shop):
    return Visualizer(shop.config.visualize, "cpu").stage(cut_out(decode_image(shop.catalog["i4"].image)), 0)


def vector_of(shop):
    return shop.embeddings["image"].vectors[4]


def shown_colors(pixels):
    lab = to_lab(pixels)
    return lab, color_shares(lab)


def test_where_the_tower_does_not_know_the_catalog_no_variation_is_drawn(shop):
    painter = PlainPainter((206, 44, 44))
    drawer = sitting(shop, PlainPainter((200, 190, 180)), painter, knows=False)
    shown = drawer.draw(shop.catalog["i4"], wanted_of(change="in red"))
    assert shown.mode == "scene"
    assert "does not know this catalog" in shown.notes[0]
    assert painter.orders == []


def test_a_wish_that_names_nothing_changeable_is_said(shop):
    drawer = sitting(shop, PlainPainter((200, 190, 180)), PlainPainter((206, 44, 44)))
    shown = drawer.draw(shop.catalog["i4"], wanted_of(change="as a unicorn"))
    assert shown.mode == "scene"
    assert "nothing of this can be changed" in shown.notes[0]


def test_of_several_places_the_one_that_suits_is_taken(shop):
    rim = np.asarray(drawer_stage(shop).pixels_SS3)[drawer_stage(shop).item_SS == 1]
    green, far = tuple(int(value) for value in np.median(rim, axis=0)), (240, 235, 226)
    drawer = sitting(shop, PlainPainter(green, far), None, candidates=2)
    shown = drawer.draw(shop.catalog["i4"], wanted_of())  # a green item, which green surroundings would hide
    assert shown.num_candidates == 2
    corner = np.asarray(shown.picture)[0, 0]
    assert np.abs(corner.astype(int) - far).max() < 30


def test_a_catalog_of_titles_that_say_nothing_is_not_known(shop):
    items = tuple(replace(item, title=f"X{zlib_name(item.item_id)}") for item in shop.catalog.items)
    blind = Guard(clip=shop.clip, catalog=Catalog(items=items), image=shop.embeddings["image"])
    known = Guard(clip=shop.clip, catalog=shop.catalog, image=shop.embeddings["image"])
    assert known.why_no_variations is None
    assert known.knowledge > 0.9
    assert "does not know" in blind.why_no_variations
    assert Guard().why_no_variations is not None


def zlib_name(text):
    return sum(map(ord, text)) * 7919 % 100_000


def test_without_a_clip_scenes_are_shown_and_nothing_is_judged_by_it(shop):
    drawer = Visualizer(shop.config.visualize, "cpu", scenes=PlainPainter((240, 235, 226)))
    shown = drawer.draw(shop.catalog["i0"], wanted_of())
    assert set(shown.scores) == {"contrast", "fit"}
    assert "clip" not in drawer.models("scene")


def test_a_record_names_models_without_the_folders_of_this_machine(shop):
    config = replace(shop.config.visualize, scene=str(Path(foundation_path("genrec-tiny-scene")).absolute()))
    named = Visualizer(config, "cpu").models("scene")["scene"]
    assert named.name.startswith("genrec-tiny-scene@")
    assert named.license == "apache-2.0"
