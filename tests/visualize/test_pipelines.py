import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from genrec.config import VisualizeConfig
from genrec.errors import InputError, ShapeError
from genrec.visualize.pipelines import ADAPTER_FILE, load_family, mix_pictures, picture_embeds

CPU = torch.device("cpu")


def config(folder, **changes):
    settings = {"diffusion": str(folder), "steps": 2, "guidance": 3.0} | changes
    return VisualizeConfig(**settings)


@pytest.fixture(scope="module")
def own(own_folder):
    return load_family(config(own_folder), CPU)


@pytest.fixture(scope="module")
def hub(hub_folder):
    return load_family(config(hub_folder, ip_adapter=str(hub_folder)), CPU)


@pytest.fixture(scope="module")
def klein(klein_folder):
    family = load_family(config(klein_folder, guidance=1.0), CPU)
    family.size_px = 64  # the least it takes; its own size is slow here
    return family


def pixels(family, order, on_step=lambda: True):
    return np.asarray(family.draw(order, on_step)).astype(int)


def test_equal_seeds_draw_equal_pictures_and_others_do_not(own, order):
    first = pixels(own, order)
    assert first.shape == (32, 32, 3)
    np.testing.assert_array_equal(first, pixels(own, order))
    assert (first != pixels(own, replace(order, seed=4))).any()


@pytest.mark.parametrize("name", ["own", "hub", "klein"])
def test_another_taste_draws_another_picture(name, order, request):
    family = request.getfixturevalue(name)
    blue = [order.pictures[0], Image.new("RGB", (80, 80), (10, 10, 90)), Image.new("RGB", (80, 80), (0, 0, 0))]
    other = replace(order, taste_vector=-order.taste_vector, pictures=blue)
    assert (pixels(family, order) != pixels(family, other)).any()


@pytest.mark.parametrize("name", ["own", "hub", "klein"])
def test_a_person_without_history_gets_a_picture(name, order, request):
    bare = replace(order, taste_vector=None, taste_weights=order.taste_weights[:0], pictures=order.pictures[:1])
    assert pixels(request.getfixturevalue(name), bare).std() > 0


def test_without_item_scale_neither_item_nor_taste_matters(own_folder, order):
    family = load_family(config(own_folder, item_scale=0.0), CPU)
    other = replace(order, taste_vector=-order.taste_vector, item_vector=-order.item_vector)
    np.testing.assert_array_equal(pixels(family, order), pixels(family, other))


def test_no_guidance_still_reads_the_taste(own_folder, order):
    family = load_family(config(own_folder, guidance=1.0), CPU)
    assert (pixels(family, order) != pixels(family, replace(order, taste_vector=-order.taste_vector))).any()


def test_the_scene_is_said_in_the_prompt_and_changes_the_picture(own, order):
    there = replace(order, scene="on a red wall")
    assert own.prompt(order) == "a photo of a red mug"
    assert own.prompt(there) == "a photo of a red mug on a red wall"
    assert (pixels(own, order) != pixels(own, there)).any()


@pytest.mark.parametrize("name", ["own", "klein"])
def test_a_photo_is_drawn_into(name, order, request):
    family = request.getfixturevalue(name)
    photos = [Image.new("RGB", (90, 60), shade) for shade in ((250, 240, 0), (0, 0, 60))]
    drawn = [pixels(family, replace(order, photo=photo)) for photo in photos]
    assert (drawn[0] != drawn[1]).any()


@pytest.mark.parametrize("name", ["own", "hub", "klein"])
def test_every_step_is_told_and_a_stop_is_heard(name, order, request):
    told = []
    family = request.getfixturevalue(name)
    family.draw(order, lambda: told.append(1) is None)
    assert len(told) == family.num_steps == 2
    told.clear()
    family.draw(order, lambda: bool(told.append(1)))
    assert len(told) == 1


def test_klein_speaks_of_the_pictures_it_is_shown(klein, order):
    assert "other 2 pictures" in klein.prompt(order)
    assert "a red mug" in klein.prompt(order)
    assert "other" not in klein.prompt(replace(order, pictures=order.pictures[:1]))
    assert "Scene: by the sea" in klein.prompt(replace(order, scene="by the sea"))


def test_user_text_in_a_title_is_not_code(own, order):
    assert own.prompt(replace(order, title="{{ 7*7 }}")) == "a photo of {{ 7*7 }}"


def test_item_and_taste_stand_side_by_side_only_for_adapters_made_for_it():
    item, taste = np.array([1.0, 0.0], np.float32), np.array([0.0, 1.0], np.float32)
    np.testing.assert_array_equal(picture_embeds(item, taste, 4), [1, 0, 0, 1])
    np.testing.assert_array_equal(picture_embeds(item, None, 4), [1, 0, 0, 0])
    assert picture_embeds(item, taste, 1024) is None


def test_a_mix_keeps_the_items_length_and_leans_to_the_item():
    vectors = np.array([[4.0, 0.0], [0.0, 2.0], [0.0, 6.0]], np.float32)
    mixed = mix_pictures(vectors, np.array([1.0, 1.0], np.float32), has_item=True)
    assert np.linalg.norm(mixed) == pytest.approx(4.0, abs=1e-5)
    assert mixed[0] > 0
    assert mixed[1] > 0
    np.testing.assert_allclose(mix_pictures(vectors[:1], np.zeros(0, np.float32), has_item=True), [4, 0])
    np.testing.assert_allclose(mix_pictures(vectors[1:], np.array([1.0, 3.0], np.float32), has_item=False), [0, 5])


def test_a_pipeline_without_adapter_is_refused_with_what_to_set(own_folder, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(own_folder, bare)
    (bare / ADAPTER_FILE).unlink()
    with pytest.raises(InputError, match=r"set visualize\.ip_adapter"):
        load_family(config(bare), CPU)


def test_an_adapter_for_another_space_is_refused_without_its_encoder(own_folder, order):
    family = load_family(config(own_folder), CPU)
    short = replace(order, item_vector=order.item_vector[:5], taste_vector=None)
    with pytest.raises(ShapeError, match="reads vectors of 24 features"):
        family.draw(short, lambda: True)


def test_hub_adapters_need_some_picture(hub, order):
    with pytest.raises(InputError, match="choose an item with an image"):
        hub.draw(replace(order, pictures=[], has_picture=False), lambda: True)


def test_a_missing_or_unknown_pipeline_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"set visualize\.diffusion"):
        load_family(config(tmp_path / "nowhere"), CPU)
    (tmp_path / "model_index.json").write_text('{"_class_name": "WanPipeline", "_diffusers_version": "0.42.1"}')
    with pytest.raises(InputError, match="is a WanPipeline; wanted one of StableDiffusionPipeline"):
        load_family(config(tmp_path), CPU)
