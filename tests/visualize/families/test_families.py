"""Laws that every family keeps, on tiny models of the real classes with the real ones' relations of widths."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from genrec.config import VisualizeConfig
from genrec.errors import InputError
from genrec.visualize.families import DrawingStopped, load_scene_painter, load_variation_painter

CPU = torch.device("cpu")
VARIATIONS = ("own", "hub", "lcm", "edit", "klein")
SCENES = ("inpaint", "inpaint_hub", "inpaint_lcm", "palette_scene", "from_noise", "klein_scene")


def config(**changes):
    return VisualizeConfig(**({"steps": 2, "guidance": 3.0} | changes))


def settings_of(name, folders):
    """The settings of a family of these tests, by name."""
    hub, lcm = str(folders("hub_folder")), str(folders("lcm_folder"))
    settings = {
        "own": {"diffusion": folders("own_folder")},
        "hub": {"diffusion": hub, "ip_adapter": hub},
        "lcm": {"diffusion": hub, "ip_adapter": hub, "lcm_lora": lcm, "steps": 4, "guidance": 1.5},
        "edit": {"diffusion": folders("edit_folder")},
        "klein": {"diffusion": folders("klein_folder"), "guidance": 1.0},
        "inpaint": {"scene": folders("inpaint_folder")},
        "inpaint_hub": {"scene": folders("inpaint_folder"), "ip_adapter": hub},
        "inpaint_lcm": {"scene": folders("inpaint_folder"), "ip_adapter": hub, "lcm_lora": lcm, "guidance": 1.5},
        "palette_scene": {"scene": folders("palette_scene_folder")},
        "from_noise": {"scene": hub, "ip_adapter": hub},
        "klein_scene": {"scene": folders("klein_folder"), "guidance": 1.0},
    }[name]
    return {key: str(value) if key in ("diffusion", "scene") else value for key, value in settings.items()}


@pytest.fixture(scope="module")
def painter(request):
    """A function that loads a family of these tests by name, with other settings where they are given."""

    def load(name, **changes):
        loaded = config(**(settings_of(name, request.getfixturevalue) | changes))
        found = (load_variation_painter if name in VARIATIONS else load_scene_painter)(loaded, CPU)
        if name.startswith("klein"):
            found.size_px = 64  # the least it takes; its own size is slow here
        return found

    kept = {}

    def shared(name, **changes):
        if changes:
            return load(name, **changes)
        return kept.setdefault(name, None) or kept.update({name: load(name)}) or kept[name]

    return shared


def canvas(size=(96, 64)):
    """A picture whose left half is an item that stays, and the mask of the rest."""
    picture, mask = Image.new("RGB", size, (200, 200, 200)), Image.new("L", size, 255)
    half = (0, 0, size[0] // 2, size[1])
    picture.paste((180, 30, 30), half)
    mask.paste(0, half)
    return picture, mask


def drawn(painter, order, on_step=lambda *_: True):
    picture = painter.draw(order, on_step) if hasattr(painter, "draw") else painter.paint(*canvas(), order, on_step)
    return np.asarray(picture).astype(int)


@pytest.mark.parametrize("name", VARIATIONS + SCENES)
def test_equal_seeds_draw_equal_pictures_and_others_do_not(name, painter, order):
    found = painter(name)
    first = drawn(found, order)
    np.testing.assert_array_equal(first, drawn(found, order))
    assert (first != drawn(found, replace(order, seed=4))).any()


@pytest.mark.parametrize("name", VARIATIONS + SCENES)
def test_threads_that_draw_at_once_draw_what_they_draw_alone(name, painter, order):
    found, orders = painter(name), [order, replace(order, seed=9, strength=0.3), replace(order, words="on red silk")]
    alone, together = [drawn(found, one) for one in orders], [None] * len(orders)
    threads = []
    for place, one in enumerate(orders):
        threads.append(threading.Thread(target=lambda p=place, o=one: together.__setitem__(p, drawn(found, o))))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", VARIATIONS + SCENES)
def test_every_step_is_told_with_a_preview_and_a_stop_is_heard(name, painter, order):
    found, told = painter(name), []
    shape = drawn(found, order, lambda *step: told.append(step) is None).shape
    assert [step for step, _, _ in told] == list(range(1, found.num_steps + 1))
    assert {total for _, total, _ in told} == {found.num_steps}
    for _, _, preview in told:
        assert preview.mode == "RGB"
        assert preview.width / preview.height == pytest.approx(shape[1] / shape[0])
    told.clear()
    with pytest.raises(DrawingStopped):
        drawn(found, order, lambda *step: told.append(step) is not None)
    assert len(told) == 1


@pytest.mark.parametrize("name", ["hub", "lcm", "klein", "inpaint_hub", "from_noise", "klein_scene"])
def test_where_pictures_are_read_liked_ones_matter_by_strength_and_vectors_never(name, painter, order):
    found = painter(name)
    blue = [order.pictures[0], Image.new("RGB", (80, 80), (10, 10, 90)), Image.new("RGB", (80, 80), (0, 0, 0))]
    first = drawn(found, order)
    assert (first != drawn(found, replace(order, pictures=blue))).any()
    other_vectors = replace(order, item_vector=-order.item_vector)
    np.testing.assert_array_equal(first, drawn(found, other_vectors))
    weak = replace(order, strength=0.0)
    np.testing.assert_array_equal(drawn(found, weak), drawn(found, replace(weak, pictures=blue)))


@pytest.mark.parametrize("name", ["own", "edit", "palette_scene"])
def test_where_a_palette_is_read_it_matters_by_strength(name, painter, order):
    found, other = painter(name), np.array([[90.0, -60.0, 60.0], [50.0, -40.0, 40.0]], dtype=np.float32)
    greens = replace(order, palette=other)
    first = drawn(found, order)
    assert (first != drawn(found, greens)).any()
    half, none = replace(order, strength=0.5), replace(order, strength=0.0)
    assert (first != drawn(found, half)).any()
    np.testing.assert_array_equal(drawn(found, none), drawn(found, replace(greens, strength=0.0)))


@pytest.mark.parametrize("name", VARIATIONS + SCENES)
def test_a_person_without_history_gets_a_picture(name, painter, order):
    bare = replace(order, taste_weights=order.taste_weights[:0], pictures=order.pictures[:1])
    bare = replace(bare, palette=None, palette_weights=None)
    assert drawn(painter(name), bare).std() > 0


@pytest.mark.parametrize("name", VARIATIONS + SCENES)
def test_words_and_the_tastes_words_are_said_and_change_the_picture(name, painter, order):
    found = painter(name)
    there = replace(order, words="on a red wall", taste_words="warm terracotta tones")
    assert "on a red wall" in found.prompt(there)
    assert "warm terracotta tones" in found.prompt(there)
    assert "\n" not in found.prompt(there)
    first = drawn(found, order)
    assert (first != drawn(found, replace(order, words="on a red wall"))).any()
    assert (first != drawn(found, replace(order, taste_words="warm terracotta tones"))).any()


@pytest.mark.parametrize("name", VARIATIONS + SCENES)
def test_what_is_unwanted_changes_the_picture(name, painter, order):
    found = painter(name)
    assert (drawn(found, order) != drawn(found, replace(order, unwanted="stripes"))).any()


@pytest.mark.parametrize("name", ["own", "edit", "palette_scene"])
def test_without_guidance_the_taste_is_still_read(name, painter, order):
    found = painter(name, guidance=1.0)
    other = replace(order, palette=order.palette[::-1])
    assert (drawn(found, order) != drawn(found, other)).any()


def test_without_item_scale_the_palette_does_not_matter(painter, order):
    found = painter("own", item_scale=0.0)
    other = replace(order, palette=order.palette[::-1], item_vector=-order.item_vector)
    np.testing.assert_array_equal(drawn(found, order), drawn(found, other))


@pytest.mark.parametrize("name", ["own", "hub", "lcm", "edit", "klein"])
def test_a_photo_is_drawn_into(name, painter, order):
    photos = [Image.new("RGB", (90, 60), shade) for shade in ((250, 240, 0), (0, 0, 60))]
    first, second = (drawn(painter(name), replace(order, photo=photo)) for photo in photos)
    assert (first != second).any()


def test_an_edit_looks_at_the_items_picture_more_the_more_it_is_guided_by_it(painter, order):
    other = replace(order, pictures=[Image.new("RGB", (80, 80), (0, 250, 0)), *order.pictures[1:]])
    changes = []
    for guidance in (1.0, 4.0):
        found = painter("edit", image_guidance=guidance)
        changes.append(np.abs(drawn(found, order) - drawn(found, other)).mean())
    assert 0 < changes[0] < changes[1]


@pytest.mark.parametrize(("size", "wanted"), [((300, 300), (32, 32)), ((640, 320), (44, 24)), ((90, 900), (24, 44))])
def test_a_scene_has_the_proportions_of_its_canvas_at_the_models_size(size, wanted, painter, order):
    assert painter("palette_scene").paint(*canvas(size), order, lambda *_: True).size == wanted


def test_what_the_mask_keeps_is_seen_and_what_it_paints_is_not(painter, order):
    found = painter("palette_scene")
    picture, mask = canvas()
    first = np.asarray(found.paint(picture, mask, order, lambda *_: True)).astype(int)
    hidden, shown = picture.copy(), picture.copy()
    hidden.paste((0, 90, 0), (64, 0, 96, 64))
    shown.paste((0, 90, 0), (0, 0, 32, 64))
    np.testing.assert_array_equal(first, np.asarray(found.paint(hidden, mask, order, lambda *_: True)))
    assert (first != np.asarray(found.paint(shown, mask, order, lambda *_: True))).any()


@pytest.mark.parametrize("name", SCENES)
def test_masks_of_another_size_or_without_white_are_refused(name, painter, order):
    picture, mask = canvas()
    with pytest.raises(InputError, match="the mask is 10 × 10 pixels, the picture 96 × 64"):
        painter(name).paint(picture, mask.resize((10, 10)), order, lambda *_: True)
    with pytest.raises(InputError, match="no white"):
        painter(name).paint(picture, Image.new("L", picture.size), order, lambda *_: True)


def test_klein_speaks_of_the_pictures_it_is_shown(painter, order):
    for name in ("klein", "klein_scene"):
        found = painter(name)
        assert "other 2 pictures" in found.prompt(order)
        assert "a red mug" in found.prompt(order)
        assert "other" not in found.prompt(replace(order, pictures=order.pictures[:1]))
        assert "other" not in found.prompt(replace(order, strength=0.0))
        assert "without stripes" in found.prompt(replace(order, unwanted="stripes"))


def test_a_scene_that_is_inpainted_does_not_name_the_item_lest_it_be_painted_again(painter, order):
    assert "mug" not in painter("palette_scene").prompt(order)


def test_user_text_in_a_title_is_not_code(painter, order):
    assert painter("own").prompt(replace(order, title="{{ 7*7 }}")) == "a photo of {{ 7*7 }}"


@pytest.mark.parametrize("name", ["hub", "edit"])
def test_what_only_reads_pictures_needs_the_items(name, painter, order):
    with pytest.raises(InputError, match="choose an item with an image"):
        drawn(painter(name), replace(order, pictures=order.pictures[1:], has_picture=False))
