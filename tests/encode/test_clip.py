"""The CLIP encoder: unit vectors that depend on the input alone."""

import numpy as np
import pytest
import torch
from PIL import Image
from stand_ins import save_siglip2
from transformers import AutoModel, AutoTokenizer

from genrec.encode.clip import ClipEncoder
from genrec.errors import InputError, SourceError


@pytest.fixture(scope="module")
def encoder(clip_folder):
    return ClipEncoder(str(clip_folder), "cpu", batch_size=4)


def test_pictures_become_unit_rows(encoder, items):
    vectors = encoder.encode_images([item.image for item in items if item.image])
    assert vectors.shape == (9, 12)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)
    assert len(np.unique(vectors.round(4), axis=0)) == 9


def test_a_picture_alone_is_encoded_as_in_a_batch(encoder, items):
    paths = [item.image for item in items if item.image]
    single = np.concatenate([encoder.encode_images([path]) for path in paths])
    np.testing.assert_allclose(single, encoder.encode_images(paths), atol=1e-5)


def test_a_file_and_the_opened_picture_are_the_same(encoder, items):
    path = items[0].image
    with Image.open(path) as opened:
        np.testing.assert_array_equal(encoder.encode_images([path]), encoder.encode_images([opened]))


def test_texts_of_any_length_become_unit_rows_whatever_the_batch(encoder):
    texts = ["red lamp", "", "word " * 200, "ünïcode 🪔", "red lamp"]
    vectors = encoder.encode_texts(texts)
    assert vectors.shape == (5, 12)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(np.concatenate([encoder.encode_texts([t]) for t in texts]), vectors, atol=1e-5)
    np.testing.assert_allclose(vectors[0], vectors[4], atol=1e-6)


def test_nothing_to_encode_gives_no_rows(encoder):
    assert encoder.encode_images([]).shape == encoder.encode_texts([]).shape == (0, 12)


def test_a_broken_picture_is_named(encoder, items, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(items[0].image.read_bytes()[:200])
    empty = tmp_path / "empty.jpg"
    empty.touch()
    for path in (broken, empty, tmp_path / "missing.png"):
        with pytest.raises(SourceError, match=path.name):
            encoder.encode_images([items[0].image, path])


def test_float64_gives_the_same_vectors_more_exactly_under_a_fingerprint_of_its_own(clip_folder):
    usual, exact = ClipEncoder(str(clip_folder), "cpu"), ClipEncoder(str(clip_folder), "cpu", dtype=torch.float64)
    texts = ["a red lamp", "a blue vase"]
    found = exact.encode_texts(texts)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, usual.encode_texts(texts), atol=1e-5)
    assert exact.fingerprint != usual.fingerprint
    assert ClipEncoder(str(clip_folder), torch.device("mps"), dtype=torch.float64).device.type == "cpu"


def test_the_fingerprint_tells_models_apart_without_loading(clip_folder, other_clip_folder):
    first, same, other = (ClipEncoder(str(f), "cpu") for f in (clip_folder, clip_folder, other_clip_folder))
    assert first.fingerprint == same.fingerprint != other.fingerprint
    assert "_model" not in vars(first)
    assert ClipEncoder("openai/clip-vit-base-patch32", "cpu").fingerprint != first.fingerprint


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"set encode\.clip"):
        ClipEncoder(str(tmp_path), "cpu").encode_texts(["x"])


@pytest.fixture(scope="module")
def siglip(tmp_path_factory):
    return ClipEncoder(str(save_siglip2(tmp_path_factory.mktemp("siglip"))), "cpu", batch_size=4)


def test_siglip_reads_texts_as_it_was_trained_lower_case_and_filling_its_context(siglip):
    texts = ["Red Lamp", "", "word " * 200, "red lamp"]
    vectors = siglip.encode_texts(texts)
    assert vectors.shape == (4, siglip.num_features) == (4, 24)
    np.testing.assert_array_equal(vectors[0], vectors[3])
    np.testing.assert_allclose(np.concatenate([siglip.encode_texts([t]) for t in texts]), vectors, atol=1e-6)
    tokens = AutoTokenizer.from_pretrained(siglip.name_or_path)("red lamp")["input_ids"]
    filled = torch.tensor([tokens + [0] * (64 - len(tokens))])
    with torch.inference_mode():
        wanted = AutoModel.from_pretrained(siglip.name_or_path).get_text_features(filled).pooler_output[0]
    np.testing.assert_allclose(vectors[0], wanted / wanted.norm(), atol=1e-6)
    assert siglip.count_tokens(["red lamp"]) == len(tokens)


def test_siglip_reads_pictures_into_the_same_space(siglip, items):
    vectors = siglip.encode_images([item.image for item in items if item.image])
    assert vectors.shape == (9, siglip.num_features)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)
