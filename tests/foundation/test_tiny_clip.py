import re

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, CLIPModel

from genrec.foundation.captions import FIELDS, VALUES, corpus, encode_facts, facts_of, long_text, matches, short_text
from genrec.foundation.clip import contrast, train_clip
from genrec.foundation.clip_model import ClipRecipe, evaluate_zero_shot, image_processor, save_clip, to_pixels
from genrec.foundation.scenes import cached_scenes, draw_scenes
from genrec.runtime import foundation_path
from genrec.shop.vocabulary import HELD_OUT_DOMAINS

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def unseen():
    return draw_scenes(num_items=160, num_rooms=1, seed=2024)


@pytest.fixture(scope="module")
def shipped():
    folder = foundation_path("genrec-tiny-clip")
    model = CLIPModel.from_pretrained(folder, dtype=torch.float32).eval()
    return model, AutoTokenizer.from_pretrained(folder)


def test_kind_color_and_pattern_of_unseen_items_are_named_right(shipped, unseen):
    figures = evaluate_zero_shot(*shipped, unseen, seed=5, fields=("category", "color", "pattern"))
    assert figures["category"] >= 0.95
    assert figures["color"] >= 0.95
    assert figures["pattern"] >= 0.95
    assert min(figures.values()) >= 0.9  # in rooms as well


def test_the_image_processor_prepares_pictures_as_training_did(unseen):
    from PIL import Image

    prepared = image_processor()(images=[Image.fromarray(unseen.studio[0])], return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(prepared, to_pixels(unseen.studio[:1]), atol=1e-5, rtol=0)


def test_the_shipped_weights_are_small_and_half_precision():
    from safetensors import safe_open

    with safe_open(f"{foundation_path('genrec-tiny-clip')}/model.safetensors", "pt") as file:
        tensors = [file.get_tensor(name) for name in list(file.keys())]
    assert {tensor.dtype for tensor in tensors if tensor.is_floating_point()} == {torch.float16}
    assert sum(tensor.numel() for tensor in tensors) < 3_000_000


def test_the_tokenizer_reads_any_text(shipped):
    tokenizer = shipped[1]
    assert tokenizer.decode(tokenizer("a Striped lamp, 灯 ñ")["input_ids"], skip_special_tokens=True) == (
        "a striped lamp , 灯 ñ"
    )
    assert tokenizer("red striped table lamp")["input_ids"][0] == tokenizer.bos_token_id
    assert len(tokenizer("red striped table lamp")["input_ids"]) == 6


def test_held_out_domains_and_their_words_are_never_seen(unseen):
    assert not {str(item["category"]) for item in unseen.items} & set(HELD_OUT_DOMAINS)
    words = set(re.findall(r"[a-z]+", " ".join(corpus(unseen.items, seed=1)).lower()))
    assert not {f"{domain}{ending}" for domain in HELD_OUT_DOMAINS for ending in ("", "s")} & words
    assert not set(HELD_OUT_DOMAINS) & set(VALUES["category"])


def test_every_training_text_is_true_of_its_own_picture(unseen):
    rng = np.random.default_rng(0)
    facts = encode_facts([facts_of(i, walls[0]) for i, walls in zip(unseen.items, unseen.backdrops, strict=True)])
    for texts in (
        [short_text(i, w[0], rng, says_style=True) for i, w in zip(unseen.items, unseen.backdrops, strict=True)],
        [long_text(item, rng) for item in unseen.items],
    ):
        is_match = matches(encode_facts([said.claims for said in texts]), facts)
        assert is_match.diagonal().all()
        assert not is_match.all(axis=1).any() or any(not said.claims for said in texts)


def test_a_text_matches_exactly_the_pictures_it_is_true_of():
    def row(**facts):
        return [VALUES[name].index(facts[name]) if name in facts else -1 for name in FIELDS]

    claims = np.array([row(color="red"), row(color="red", category="lamp"), row()])
    facts = np.array([row(color="red", category="lamp"), row(color="red", category="mug"), row(color="blue")])
    np.testing.assert_array_equal(matches(claims, facts), [[1, 1, 0], [1, 0, 0], [1, 1, 1]])


def test_the_loss_is_least_when_likeness_follows_truth():
    texts, truth = torch.eye(3), torch.tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1]]).bool()
    scale = torch.tensor(10.0)
    assert contrast(torch.eye(3), texts, truth, scale) < 0.01 < contrast(torch.eye(3).flip(0), texts, truth, scale)


def test_training_from_scratch_saves_a_model_that_loads(unseen, tmp_path):
    recipe = ClipRecipe(num_rooms=1, steps=2, batch_size=8, num_long_texts=4, vision_layers=1, text_layers=1)
    model, tokenizer = train_clip(recipe, unseen, unseen)
    save_clip(model, tokenizer, tmp_path / "clip", recipe=recipe, figures={"color": 0.5}, minutes=0.1)
    loaded = CLIPModel.from_pretrained(tmp_path / "clip", dtype=torch.float32)
    pixels = to_pixels(unseen.studio[:2])
    with torch.no_grad():
        first, second = (m.get_image_features(pixel_values=pixels).pooler_output for m in (model.eval(), loaded.eval()))
    torch.testing.assert_close(first, second, atol=2e-2, rtol=2e-2)
    assert AutoTokenizer.from_pretrained(tmp_path / "clip")("a red lamp") == tokenizer("a red lamp")
    assert "color | 50.0%" in (tmp_path / "clip" / "README.md").read_text()


def test_scenes_are_the_same_from_the_same_seed_and_from_the_cache(tmp_path):
    first = cached_scenes(tmp_path, num_items=4, num_rooms=2, seed=3)
    second = cached_scenes(tmp_path, num_items=4, num_rooms=2, seed=3)
    drawn = draw_scenes(num_items=4, num_rooms=2, seed=3)
    for scenes in (second, drawn):
        np.testing.assert_array_equal(first.rooms, scenes.rooms)
        np.testing.assert_array_equal(first.studio, scenes.studio)
        assert first.backdrops == scenes.backdrops
        assert [dict(i) for i in first.items] == [dict(i) for i in scenes.items]
    assert (first.rooms[:, 0] != first.studio).any()
