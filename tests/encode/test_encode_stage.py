"""The encoding stage: aligned modalities, nothing encoded twice, nothing lost to a kill or a broken file."""

import logging
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from genrec.config import EncodeConfig
from genrec.encode.clip import ClipEncoder
from genrec.encode.stage import encode_catalog, encode_items, load_embeddings, save_embeddings
from genrec.encode.vector_cache import VectorCache
from genrec.errors import ArtifactError, InputError, ShapeError, SourceError
from genrec.runtime import report_progress_to
from genrec.schema import Catalog, Embeddings, Item


@pytest.fixture
def config(clip_folder):
    return EncodeConfig(clip=str(clip_folder), batch_size=4)


@pytest.fixture(scope="module")
def catalog(items):
    return Catalog(items=items)


def given_vectors(name, num_items, num_features=5):
    vectors = np.eye(num_features, dtype=np.float32)[np.arange(num_items) % num_features]
    return Embeddings(name=name, vectors=vectors, present=np.ones(num_items, dtype=bool))


def counted(label_counts):
    return report_progress_to(lambda label, done, total, _: label_counts.__setitem__(label, (done, total)))


def test_items_without_a_modality_have_a_zero_row(catalog, config, tmp_path):
    embeddings = encode_catalog(catalog, {}, config, "cpu", tmp_path)
    assert list(embeddings) == ["image", "text"]
    for name, absent in (("image", 3), ("text", 4)):
        e = embeddings[name]
        assert e.name == name
        assert np.flatnonzero(~e.present).tolist() == [absent]
        assert not e.vectors[absent].any()
        np.testing.assert_allclose(np.linalg.norm(e.vectors[e.present], axis=1), 1.0, rtol=1e-5)


def test_rows_belong_to_their_items(catalog, config, tmp_path):
    embeddings = encode_catalog(catalog, {}, config, "cpu", tmp_path)
    clip = ClipEncoder(config.clip, "cpu")
    for row in (0, 5, 9):
        item = catalog.items[row]
        np.testing.assert_allclose(embeddings["image"].vectors[row], clip.encode_images([item.image])[0], atol=1e-5)
        np.testing.assert_allclose(embeddings["text"].vectors[row], clip.encode_texts([item.words])[0], atol=1e-5)


def test_the_vector_of_several_pictures_is_their_mean_and_of_one_its_own(items, config, tmp_path):
    def pictured(*pictures):
        return SimpleNamespace(
            video=None, item_id="i", image=pictures[0], more_images=pictures[1:], audio=None, words="", attributes={}
        )

    one, two, three = (items[row].image for row in (0, 1, 2))
    shown = [pictured(one), items[3], pictured(two, three), pictured(three, three)]
    found = encode_items(shown, {}, config, "cpu", tmp_path)["image"]
    single = encode_items([pictured(path) for path in (one, two, three)], {}, config, "cpu", tmp_path)["image"].vectors
    np.testing.assert_array_equal(found.vectors[0], single[0])
    assert found.present.tolist() == [True, False, True, True]
    mean = single[1] + single[2]
    np.testing.assert_allclose(found.vectors[2], mean / np.linalg.norm(mean), atol=1e-6)
    np.testing.assert_allclose(found.vectors[3], single[2], atol=1e-6)


def test_shuffling_gives_every_modality_of_another_item(catalog, config, tmp_path):
    straight = encode_catalog(catalog, {}, config, "cpu", tmp_path)
    mixed = encode_catalog(catalog, {}, replace(config, shuffle=True), "cpu", tmp_path)
    whole = [np.concatenate([e[name].vectors for name in e], axis=1) for e in (straight, mixed)]
    assert sorted(map(tuple, whole[0])) == sorted(map(tuple, whole[1]))
    assert (whole[0] != whole[1]).any(axis=1).sum() > len(catalog) / 2


def test_a_warm_run_gives_the_same_and_loads_no_model(catalog, config, tmp_path):
    cold = encode_catalog(catalog, {}, config, "cpu", tmp_path)
    clip, seen = ClipEncoder(config.clip, "cpu"), {}
    with counted(seen):
        warm = encode_catalog(catalog, {}, config, "cpu", tmp_path, clip=clip)
    assert "_model" not in vars(clip)
    assert seen == {}
    for name in cold:
        np.testing.assert_array_equal(warm[name].vectors, cold[name].vectors)


def test_only_new_content_is_encoded_and_equal_content_once(items, config, tmp_path):
    encode_items(items[:5], {}, config, "cpu", tmp_path)
    seen = {}
    with counted(seen):
        encode_items(items, {}, config, "cpu", tmp_path)
    assert seen == {"encode images": (5, 5), "encode texts": (4, 4)}  # items 8 and 9 share their words


def test_the_cache_knows_content_not_paths(items, config, tmp_path):
    first = encode_items(items[:1], {}, config, "cpu", tmp_path / "cache")
    moved = tmp_path / "elsewhere.png"
    shutil.copy(items[1].image, moved)
    changed = encode_items([replace(items[0], image=moved)], {}, config, "cpu", tmp_path / "cache")
    same = encode_items([replace(items[1], item_id="other")], {}, config, "cpu", tmp_path / "cache")
    assert not np.allclose(first["image"].vectors, changed["image"].vectors)
    np.testing.assert_array_equal(same["image"].vectors, changed["image"].vectors)


def test_another_model_does_not_share_the_cache(items, config, other_clip_folder, tmp_path):
    first = encode_items(items[:2], {}, config, "cpu", tmp_path)
    other = encode_items(items[:2], {}, replace(config, clip=str(other_clip_folder)), "cpu", tmp_path)
    assert not np.allclose(first["image"].vectors, other["image"].vectors)


def test_a_broken_image_is_named_and_costs_no_finished_work(items, config, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture")
    with pytest.raises(SourceError, match=r"broken\.png"):
        encode_items([*items, Item(item_id="b", image=broken)], {}, config, "cpu", tmp_path / "cache")
    seen = {}
    with counted(seen):
        encode_items(items, {}, config, "cpu", tmp_path / "cache")
    assert seen["encode images"][1] < 9
    with pytest.raises(SourceError, match=r"gone\.png"):
        encode_items([Item(item_id="g", image=tmp_path / "gone.png")], {}, config, "cpu", tmp_path / "cache")


def test_given_vectors_stand_beside_encoded_ones_or_in_their_place(catalog, config, tmp_path):
    given = {"audio": given_vectors("audio", 10), "text": given_vectors("text", 10)}
    embeddings = encode_catalog(catalog, given, config, "cpu", tmp_path)
    assert sorted(embeddings) == ["audio", "image", "text"]
    assert embeddings["text"] is given["text"]
    with pytest.raises(ShapeError, match="'audio' has 9 rows"):
        encode_catalog(catalog, {"audio": given_vectors("audio", 9)}, config, "cpu", tmp_path)


def test_skipped_modalities_are_left_out(catalog, config, tmp_path, caplog):
    given = {"audio": given_vectors("audio", 10)}
    skip = replace(config, skip=("image", "audio", "smell"))
    with caplog.at_level(logging.WARNING):
        assert list(encode_catalog(catalog, given, skip, "cpu", tmp_path)) == ["text"]
    assert "'smell'" in caplog.text
    assert caplog.text.count("audio,") + caplog.text.count("audio\n") == 1  # it is given, and named once


def test_events_alone_tell_of_items_all_of_whose_modalities_are_skipped(catalog, config, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        assert encode_catalog(catalog, {}, replace(config, skip=("image", "text")), "cpu", tmp_path) == {}
    assert "none of 10 items has anything to encode (skipped: image, text): events alone tell of them" in caplog.text


def test_a_modality_that_no_item_has_is_left_out(config, tmp_path):
    embeddings = encode_items([Item(item_id="a", title="lamp")], {}, config, "cpu", tmp_path)
    assert list(embeddings) == ["text"]


def test_a_sentence_encoder_adds_its_own_modality(catalog, config, sentence_folder, tmp_path):
    both = replace(config, text_encoder=str(sentence_folder))
    sentence = encode_catalog(catalog, {}, both, "cpu", tmp_path)["sentence"]
    assert sentence.vectors.shape == (10, 8)
    assert np.flatnonzero(~sentence.present).tolist() == [4]
    np.testing.assert_allclose(np.linalg.norm(sentence.vectors[sentence.present], axis=1), 1.0, rtol=1e-5)
    with pytest.raises(InputError, match=r"encode\.text_encoder"):
        encode_catalog(catalog, {}, replace(config, text_encoder=str(tmp_path)), "cpu", tmp_path / "fresh")


def test_load_returns_what_was_saved(catalog, config, tmp_path):
    saved = encode_catalog(catalog, {"my/odd name": given_vectors("my/odd name", 10)}, config, "cpu", tmp_path / "c")
    save_embeddings(tmp_path / "e", saved)
    loaded = load_embeddings(tmp_path / "e")
    assert list(loaded) == list(saved)
    for name, e in loaded.items():
        assert e.name == name
        np.testing.assert_array_equal(e.vectors, saved[name].vectors)
        np.testing.assert_array_equal(e.present, saved[name].present)
    (tmp_path / "e" / "modality-0-vectors.npy").unlink()
    with pytest.raises(ArtifactError, match="genrec build"):
        load_embeddings(tmp_path / "e")


def test_a_kill_loses_no_more_than_the_vectors_since_the_last_file(tmp_path):
    killed = VectorCache(tmp_path)
    killed.add([f"k{i}" for i in range(2000)], np.ones((2000, 3), dtype=np.float32))
    killed.add(["late"], np.ones((1, 3), dtype=np.float32))
    found = VectorCache(tmp_path)  # the first one never flushed
    assert len(found) == 2000
    assert "late" not in found


def test_a_damaged_cache_file_is_named_and_its_vectors_computed_again(items, config, tmp_path, caplog):
    cold = encode_items(items, {}, config, "cpu", tmp_path)
    damaged = next(tmp_path.glob("image-*/*.npz"))
    damaged.write_bytes(damaged.read_bytes()[:100])
    with caplog.at_level(logging.WARNING):
        again = encode_items(items, {}, config, "cpu", tmp_path)
    assert damaged.name in caplog.text
    np.testing.assert_allclose(again["image"].vectors, cold["image"].vectors, atol=1e-6)


def test_where_no_item_has_content_no_modality_is_found(config, tmp_path, caplog):
    bare = [Item(item_id="a"), Item(item_id="b")]
    assert encode_items(bare, {}, config, "cpu", tmp_path) == {}
    assert "none of 2 items has anything to encode" in caplog.text
