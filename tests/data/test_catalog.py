import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genrec.data.catalog import load_catalog, load_features, save_catalog, save_features
from genrec.data.media import stamp
from genrec.errors import ArtifactError, SourceError
from genrec.schema import Catalog, Embeddings, Item


def elsewhere(directory: Path) -> Path:
    """A picture beside the catalog's folder."""
    picture = directory.parent / "elsewhere.png"
    picture.write_bytes(b"a picture")
    return picture


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
            Item(item_id="a", title="Mug", image=elsewhere(directory), audio=directory / "a.wav"),
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
    assert loaded["a"].image == tmp_path / "elsewhere.png"
    assert loaded["a"].audio == new / "a.wav"


def forge(directory: Path, **columns: list[str | None]) -> None:
    """Change what a catalog's file says, as one who made it could."""
    table = pq.read_table(directory / "items.parquet").to_pydict() | columns
    pq.write_table(pa.table(table), directory / "items.parquet")


@pytest.mark.parametrize("way", ["relative", "absolute", "link", "linked folder", "guessed stamp", "changed since"])
@pytest.mark.parametrize("kind", ["image", "audio"])
def test_a_catalog_from_elsewhere_names_no_file_outside_it(tmp_path: Path, caplog, way: str, kind: str) -> None:
    directory, private = tmp_path / "catalog", tmp_path / "private"
    for folder in (directory / "images", private):
        folder.mkdir(parents=True)
    secret = private / "passport.png"
    secret.write_bytes(b"my passport")
    picture = directory / "images" / "a.png"
    picture.write_bytes(b"a lamp")
    items = (Item(item_id="a", title="Lamp", image=picture), Item(item_id="b", title="Mug", **{kind: picture}))
    save_catalog(Catalog(items=items), directory)
    named = {"relative": "../private/passport.png", "link": "images/b.png", "linked folder": "more/passport.png"}
    if way == "link":
        (directory / "images" / "b.png").symlink_to(secret)
    elif way == "linked folder":
        (directory / "more").symlink_to(private)
    forged = {kind: ["images/a.png", named.get(way, str(secret))]}
    if way == "guessed stamp":
        forged[f"{kind}_stamp"] = [None, f"11-{int(secret.stat().st_mtime) - 1}"]
    if way == "changed since":
        forged[f"{kind}_stamp"] = [None, stamp(secret)]
        os.utime(secret, (1, 1))
    forge(directory, **forged)
    loaded = load_catalog(directory)
    assert getattr(loaded["b"], kind) is None
    assert getattr(loaded["a"], kind) == picture
    assert len(caplog.records) == 1
    assert f"1 {kind} files" in caplog.text


def test_a_link_that_stays_in_the_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.png").write_bytes(b"a lamp")
    (tmp_path / "link.png").symlink_to("real.png")
    save_catalog(Catalog(items=(Item(item_id="a", title="Lamp", image=tmp_path / "link.png"),)), tmp_path)
    (tmp_path.parent / "other name").symlink_to(tmp_path)
    assert load_catalog(tmp_path.parent / "other name")["a"].image == tmp_path.parent / "other name" / "link.png"


@pytest.mark.parametrize("attributes", ["[" * 100_000, "[]", "3", "{", None])
def test_broken_attributes_are_one_line(tmp_path: Path, attributes: str | None) -> None:
    save_catalog(Catalog(items=(Item(item_id="a", title="Lamp"),)), tmp_path)
    forge(tmp_path, attributes=[attributes])
    with pytest.raises(ArtifactError, match="cannot be read as a catalog"):
        load_catalog(tmp_path)


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
