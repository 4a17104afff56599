import json
from pathlib import Path

import numpy as np
import pytest

from genrec.data.catalog import align_features, load_catalog, load_features, save_catalog, save_features
from genrec.errors import ArtifactError, SourceError
from genrec.schema import Catalog, Embeddings, Item


def make_catalog(directory: Path) -> Catalog:
    attributes = {"price": 12.5, "color": "rød", "genres": ("Drama", "Comedy"), "new": True}
    return Catalog(
        items=(
            Item(
                item_id="b",
                title="Lamp",
                text='a "lamp"\nnice',
                attributes=attributes,
                image=directory / "images/b.png",
            ),
            Item(item_id="a", title="Mug", image=Path("/elsewhere/a.png"), audio=directory / "a.wav"),
            Item(item_id="", text="no id, kept as it is"),
        )
    )


def test_a_loaded_catalog_equals_the_saved_one_in_order_types_and_fingerprint(tmp_path: Path) -> None:
    catalog = make_catalog(tmp_path)
    save_catalog(catalog, tmp_path)
    loaded = load_catalog(tmp_path)
    assert loaded == catalog
    assert loaded.fingerprint == catalog.fingerprint
    assert loaded["b"].attributes["genres"] == ("Drama", "Comedy")
    assert loaded["b"].attributes["new"] is True


def test_pictures_inside_the_directory_move_with_it_and_others_stay(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    save_catalog(make_catalog(old), old)
    old.rename(new)
    loaded = load_catalog(new)
    assert loaded["b"].image == new / "images/b.png"
    assert loaded["a"].image == Path("/elsewhere/a.png")
    assert loaded["a"].audio == new / "a.wav"


def test_a_catalog_that_is_missing_or_no_parquet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="run genrec ingest"):
        load_catalog(tmp_path)
    (tmp_path / "items.parquet").write_text("not parquet")
    with pytest.raises(ArtifactError, match="cannot be read as a catalog"):
        load_catalog(tmp_path)


def test_features_come_back_as_they_were_saved(tmp_path: Path) -> None:
    vectors = np.array([[0.6, 0.8], [0, 0]], dtype=np.float32)
    save_features(tmp_path, Embeddings(name="mini.lm-2", vectors=vectors, present=np.array([True, False])))
    loaded = load_features(tmp_path)
    assert list(loaded) == ["mini.lm-2"]
    np.testing.assert_array_equal(loaded["mini.lm-2"].vectors, vectors)
    assert loaded["mini.lm-2"].vectors.dtype == np.float32
    assert loaded["mini.lm-2"].present.tolist() == [True, False]


def test_broken_features_are_refused(tmp_path: Path) -> None:
    (tmp_path / "features-x.npz").write_bytes(b"PK broken")
    with pytest.raises(ArtifactError, match=r"features-x\.npz"):
        load_features(tmp_path)


def test_features_are_aligned_to_the_catalog_as_unit_rows(tmp_path: Path) -> None:
    vectors = np.array([[3, 4], [0, 2], [0, 0]], dtype=np.float16)
    aligned = align_features("f", ["a", "stranger", ""], vectors, make_catalog(tmp_path))
    np.testing.assert_allclose(aligned.vectors, [[0, 0], [0.6, 0.8], [0, 0]], atol=1e-6)
    assert aligned.present.tolist() == [False, True, False]
    assert aligned.vectors.dtype == np.float32


def test_features_without_any_known_item_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="its ids look like 'x'"):
        align_features("f", ["x"], np.ones((1, 2), dtype=np.float32), make_catalog(tmp_path))


@pytest.mark.parametrize("name", ["", "../up", "a b", "-dash"])
def test_feature_names_that_cannot_name_a_file_are_refused(name: str, tmp_path: Path) -> None:
    embeddings = Embeddings(name=name, vectors=np.zeros((1, 2), np.float32), present=np.zeros(1, np.bool_))
    with pytest.raises(SourceError, match="cannot be used"):
        save_features(tmp_path, embeddings)


def test_attribute_names_of_any_kind_survive(tmp_path: Path) -> None:
    odd = {'{"a": 1}': "x", "": "y", "näme\n": json.dumps({"z": 1})}
    catalog = Catalog(items=(Item(item_id="1", attributes=odd),))
    save_catalog(catalog, tmp_path)
    assert load_catalog(tmp_path) == catalog
