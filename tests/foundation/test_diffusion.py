import math

import numpy as np
import pytest
import torch
from transformers import CLIPModel, CLIPTokenizer

from genrec.foundation.autoencoder import CodecRecipe, PatchBasis, train_codec
from genrec.foundation.captions import VALUES
from genrec.foundation.conditions import prepare, sample_example
from genrec.foundation.diffusion import (
    DiffusionRecipe,
    Round,
    denoising_loss,
    evaluate_drawings,
    start_unet,
    train_round,
)
from genrec.foundation.drawer import assemble, load_drawer, noise_schedule, text_tower, words_of
from genrec.foundation.scenes import draw_scenes
from genrec.runtime import FOUNDATION_DIR, foundation_path
from genrec.shop.drawing import Backdrop

torch.set_num_threads(1)
RECIPE = DiffusionRecipe(
    rounds=(Round(steps=2, min_snr=5.0), Round(steps=1, share=0.5)), batch_size=4, channels=(16, 16), warmup_steps=1
)


@pytest.fixture(scope="module")
def scenes():
    return draw_scenes(num_items=150, num_rooms=1, seed=2025)


@pytest.fixture(scope="module")
def clip():
    folder = foundation_path("genrec-tiny-clip")
    return CLIPModel.from_pretrained(folder, dtype=torch.float32).eval(), CLIPTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def materials(scenes, clip):
    basis = PatchBasis(scenes.studio[:50], RECIPE.latent_channels)
    return prepare(scenes, basis, *clip, seed=1)


def test_drawn_items_keep_their_kind_and_color_and_walls_follow_the_taste(scenes, clip):
    drawer = load_drawer(FOUNDATION_DIR / "genrec-tiny-diffusion")
    figures, pictures = evaluate_drawings(drawer, *clip, scenes, seed=77, num_items=16)
    assert pictures.shape == (16, 64, 64, 3)
    assert figures["category"] >= 0.85
    assert figures["color"] >= 0.7


def test_a_made_up_history_leads_to_its_backdrop(materials):
    rng = np.random.default_rng(0)
    tastes, item = materials.tastes, materials.image_ND[0]
    liked = tastes.sample(Backdrop("red", "plain"), item, rng)
    other = tastes.sample(Backdrop("blue", "plain"), item, rng)
    red, blue = (
        materials.image_ND[tastes.by_color[VALUES["color"].index(name)]].mean(axis=0) for name in ("red", "blue")
    )
    assert liked @ red - liked @ blue > other @ red - other @ blue
    assert np.linalg.norm(liked) == pytest.approx(1.0, abs=1e-4)


def test_some_examples_have_no_item_no_taste_or_no_words(materials):
    rng = np.random.default_rng(0)
    examples = [sample_example(materials, RECIPE.drop_all, rng) for _ in range(300)]
    size = RECIPE.num_features
    without = [
        [not e.embedding_2D[:size].any() for e in examples],
        [not e.embedding_2D[size:].any() for e in examples],
        [not e.text for e in examples],
    ]
    assert all(0.05 < np.mean(kind) < 0.6 for kind in without)
    assert 0.05 < np.mean([all(parts) for parts in zip(*without, strict=True)]) < 0.2


def test_latents_have_unit_variance_and_keep_the_picture(scenes):
    basis = PatchBasis(scenes.studio[:50], 16)
    latents = basis.encode(scenes.studio[:50])
    assert latents.shape == (50, 16, 16, 16)
    assert float(latents.std()) == pytest.approx(1.0, abs=0.05)
    back = torch.linalg.pinv(basis.weight.flatten(1))
    flat = (latents - basis.bias[None, :, None, None]).flatten(2)
    patches = torch.einsum("ec,bcp->bep", back, flat)
    pixels = torch.nn.functional.fold(patches, (64, 64), 4, stride=4)
    truth = torch.from_numpy(scenes.studio[:50]).permute(0, 3, 1, 2) / 127.5 - 1
    assert float((pixels - truth).abs().mean()) < 0.05


def test_the_saved_pipeline_and_adapter_draw_what_was_trained(scenes, clip, materials, tmp_path):
    model, tokenizer = clip
    unet, text = start_unet(RECIPE), words_of(text_tower(model), tokenizer)
    for number in range(len(RECIPE.rounds)):
        unet = train_round(unet, materials, text, RECIPE, number)
    codec = train_codec(scenes, PatchBasis(scenes.studio[:50], 16), CodecRecipe(steps=2, batch_size=2))
    assemble(unet.eval(), codec, model, tokenizer, tmp_path / "pipeline")
    loaded = load_drawer(tmp_path / "pipeline").unet
    generator = torch.Generator().manual_seed(0)
    latents, hidden = (torch.randn(2, *shape, generator=generator) for shape in ((16, 16, 16), (32, 128)))
    embeds = torch.nn.functional.normalize(torch.randn(2, 1, 256, generator=generator), dim=-1)
    with torch.no_grad():
        trained, again, other = (
            model(latents, 500, hidden, added_cond_kwargs={"image_embeds": [e]}).sample
            for model, e in ((unet, embeds), (loaded, embeds), (loaded, -embeds))
        )
    torch.testing.assert_close(trained, again, atol=2e-2, rtol=2e-2)
    assert (again - other).abs().max() > 0.05


def test_training_lowers_the_error(materials, clip):
    model, tokenizer = clip
    text = words_of(text_tower(model), tokenizer)
    recipe = DiffusionRecipe(rounds=(Round(steps=15),), batch_size=8, channels=(16, 16), warmup_steps=5)
    rng = np.random.default_rng(0)
    examples = [sample_example(materials, recipe.drop_all, rng) for _ in range(32)]
    before, unet = start_unet(recipe), start_unet(recipe)
    after = train_round(unet, materials, text, recipe, 0)
    errors = []
    for network in (before, after):
        torch.manual_seed(5)
        with torch.no_grad():
            errors.append(float(denoising_loss(network, noise_schedule(), examples, text, math.inf)))
    assert errors[1] < errors[0]


def test_the_shipped_models_are_small():
    size = sum(
        path.stat().st_size
        for name in ("genrec-tiny-clip", "genrec-tiny-diffusion")
        for path in (FOUNDATION_DIR / name).rglob("*")
        if path.is_file()
    )
    assert size <= 14 * 2**20
