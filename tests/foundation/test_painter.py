from functools import partial

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionInpaintPipeline
from PIL import Image
from transformers import CLIPTokenizer

from genrec.config import VisualizeConfig
from genrec.foundation import scene_model
from genrec.foundation.autoencoder import CodecRecipe, train_codec
from genrec.foundation.painter import Painter, PainterRecipe, assemble, noise_schedule, painting_loss, train_painter
from genrec.foundation.places import palette_numbers, sample_case
from genrec.runtime import foundation_path
from genrec.visualize.families import DrawingOrder, load_scene_painter
from genrec.visualize.places.rooms import draw_place
from genrec.visualize.places.words import known_words
from genrec.visualize.vocabulary import Vocabulary

torch.set_num_threads(1)
QUICK = {"steps": 3, "batch_size": 3, "channels": (8, 8, 16), "text_width": 16, "text_layers": 1, "warmup_steps": 1}
CODEC = CodecRecipe(steps=2, batch_size=2, channels=(8, 8, 8))


@pytest.fixture(scope="module")
def tokenizer():
    return CLIPTokenizer.from_pretrained(foundation_path("genrec-tiny-clip"))


@pytest.fixture(scope="module")
def places():
    return scene_model.prepare(8, 4, seed=3, num_things=6)


def test_places_are_equal_by_seed_and_all_different():
    cases = [sample_case(np.random.default_rng(seed)) for seed in (1, 1, 2)]
    pictures = [draw_place(case.place, 32) for case in cases]
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert (pictures[0] != pictures[2]).any()
    assert pictures[0].shape == (32, 32, 3)


def test_every_word_of_a_caption_is_a_known_word():
    known = Vocabulary(frozenset(known_words()))
    for seed in range(300):
        caption = sample_case(np.random.default_rng(seed)).caption
        assert known.split(caption)[1] == ()


def test_a_place_follows_its_palette_where_words_name_no_other_color():
    rng, near = np.random.default_rng(0), []
    for _ in range(400):
        case = sample_case(rng)
        if case.palette and "wall" not in case.caption and not case.place.is_outdoors and case.place.light == "day":
            color, wall = np.array(case.palette[0][0]), np.array(case.place.paints[0])
            near.append(np.abs(color - wall).max())
    assert len(near) > 20
    assert np.median(near) < 40


def test_palette_numbers_hold_lightness_and_weights_heaviest_first():
    numbers = palette_numbers([((0, 0, 0), 0.25), ((255, 255, 255), 0.75)]).reshape(4, 4)
    assert numbers[:2, 0] == pytest.approx([1.0, 0.0], abs=0.01)
    assert numbers[:, 3] == pytest.approx([0.75, 0.25, 0, 0])
    assert not palette_numbers([]).any()


def test_a_batch_of_scenes_hides_what_is_to_be_painted(places):
    recipe = PainterRecipe(**QUICK)
    batch = scene_model.sample_batch(places, recipe, np.random.default_rng(0), 12)
    assert batch.latents.shape == (12, 4, 32, 32)
    assert batch.beside.shape == (12, 5, 32, 32)
    hidden = places.basis.encode(np.full((1, 128, 128, 3), 128, np.uint8))[0, :, 0, 0]
    masked = batch.beside[:, 0] > 0.5
    seen = batch.beside[:, 1:].permute(0, 2, 3, 1)[masked]
    assert ((seen - hidden).abs().amax(dim=-1) < 1e-4).float().mean() > 0.9  # all but the mask's rim
    assert 0.05 < masked.float().mean() < 0.99


def test_an_untrained_painter_learns(places, tokenizer):
    recipe = PainterRecipe(**(QUICK | {"steps": 30, "batch_size": 6}))
    batches = partial(scene_model.sample_batch, places, recipe)
    fresh, held = Painter(recipe, tokenizer), batches(np.random.default_rng(9), 16)

    def loss(painter):
        torch.manual_seed(4)
        with torch.no_grad():
            return float(painting_loss(painter, noise_schedule(), held))

    before = loss(fresh)
    assert loss(train_painter(fresh, batches, recipe, label="test")) < 0.9 * before


def test_a_painter_is_saved_as_the_pipeline_that_genrec_loads(places, tokenizer, tmp_path):
    scene = PainterRecipe(**QUICK)
    assemble(Painter(scene, tokenizer), _codec(4, places.basis), StableDiffusionInpaintPipeline, tmp_path / "scene")
    scene_model.save_card(tmp_path / "scene", scene, CODEC, 0.1)
    config = VisualizeConfig(scene=str(tmp_path / "scene"), steps=2)
    picture, mask = Image.new("RGB", (128, 128), (200, 30, 30)), Image.new("L", (128, 128), 255)
    red, blue = (np.array([[50, a, b]], np.float32) for a, b in ((60, 40), (10, -60)))
    painted = []
    for palette in (red, blue):
        order = DrawingOrder(title="x", seed=1, pictures=[picture], has_picture=True, words="dotted", palette=palette)
        device = torch.device("cpu")
        painted.append(load_scene_painter(config, device).paint(picture, mask, order, lambda *_: True))
    assert painted[0].size == (128, 128)
    assert (np.asarray(painted[0]) != np.asarray(painted[1])).any()


def _codec(latent_channels, basis):
    recipe = CodecRecipe(steps=1, batch_size=2, channels=(8, 8, 8), latent_channels=latent_channels)
    return train_codec(lambda rng, size: rng.integers(0, 256, (size, 128, 128, 3)).astype(np.uint8), basis, recipe)
