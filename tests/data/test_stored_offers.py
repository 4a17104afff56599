"""What is known of offers comes back as it was written, beside a catalog that it leaves as it is."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genrec.artifacts import read_manifest, write_stage
from genrec.data.catalog import load_catalog, save_catalog
from genrec.data.ingest import ingest, load_data
from genrec.data.offers import with_offers, write_offers
from genrec.errors import ArtifactError, UnknownItem
from genrec.generations import Generation
from genrec.offers import Offer, Variant
from genrec.schema import Catalog, Item

OFFER = Offer(
    link="https://shop.example/lamp",
    currency="EUR",
    availability="preorder",
    price_upper=29.5,
    stock=3,
    variants=(
        Variant(variant_id="lamp-xl", attributes={"size": "XL", "color": "rød"}, price=29.5, availability="in_stock"),
        Variant(variant_id="lamp-s"),
    ),
)
LAMP = Item(item_id="lamp", title="Lamp", attributes={"price": 12.5, "color": "red"}, offer=OFFER)
MUG = Item(item_id="mug", title="Mug", attributes={"price": 4.0})
CATALOG = Catalog(items=(LAMP, MUG))


def written(folder: Path, catalog: Catalog) -> Path:
    """A generation's folder with a catalog's content and offers."""
    with write_stage(folder / "catalog", kind="catalog", inputs={}) as stage:
        save_catalog(catalog, stage)
    write_offers(folder, catalog, catalog)
    return folder


def test_offers_come_back_as_they_were_written(tmp_path: Path) -> None:
    folder = written(tmp_path, CATALOG)
    loaded = with_offers(load_catalog(folder / "catalog"), folder)
    assert loaded == CATALOG
    assert loaded["lamp"].offer == OFFER
    assert loaded["mug"].offer is None


def test_content_is_the_same_with_and_without_offers(tmp_path: Path) -> None:
    plain = Catalog(items=(replace(LAMP, offer=None), MUG))
    sold, unsold = written(tmp_path / "sold", CATALOG), written(tmp_path / "unsold", plain)
    assert read_manifest(sold / "catalog", "catalog").fingerprint == (
        read_manifest(unsold / "catalog", "catalog").fingerprint
    )
    assert load_catalog(sold / "catalog") == plain
    assert CATALOG.fingerprint == plain.fingerprint
    assert LAMP.words == replace(LAMP, offer=None).words
    assert not (unsold / "offers").exists()


def test_a_catalog_without_more_pictures_stores_what_it_always_stored(tmp_path: Path) -> None:
    save_catalog(CATALOG, tmp_path)
    names = ["item_id", "title", "text", "attributes", "image", "audio", "image_stamp", "audio_stamp"]
    assert pq.read_schema(tmp_path / "items.parquet").names == names
    assert list(MUG.record()) == names[:6]
    assert Catalog(items=(MUG,)).fingerprint == "bfc6611837a398d4"  # as earlier genrecs had it


def test_what_changed_and_what_is_removed_is_kept_beside_the_content(tmp_path: Path) -> None:
    folder = written(tmp_path, CATALOG)
    content = load_catalog(folder / "catalog")
    lamp = replace(LAMP, attributes={**LAMP.attributes, "price": 9.0}, offer=replace(OFFER, stock=0))
    write_offers(folder, Catalog(items=(lamp, replace(MUG, removed=True))), content)
    loaded = with_offers(load_catalog(folder / "catalog"), folder)
    assert loaded["lamp"] == lamp
    assert loaded["mug"].removed
    assert not loaded["mug"].available
    assert load_catalog(folder / "catalog") == content
    write_offers(folder, CATALOG, content)
    assert with_offers(content, folder) == CATALOG


@pytest.mark.parametrize(
    "forged",
    [
        {"link": "javascript:alert(1)"},
        {"currency": "<b>"},
        {"availability": "maybe"},
        {"variants": "["},
        {"variants": "[3]"},
        {"variants": json.dumps([{"variant_id": "1", "attributes": [], "price": None, "availability": None}])},
        {"attributes": "[]"},
        {"item_id": "stranger"},
    ],
)
def test_forged_offers_are_refused_in_one_line(tmp_path: Path, forged: dict[str, str]) -> None:
    folder = written(tmp_path, CATALOG)
    path = folder / "offers" / "offers.parquet"
    table = pq.read_table(path)
    rows = [{**row, **forged} for row in table.to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, table.schema), path)
    with pytest.raises(ArtifactError, match="cannot be read as offers") as caught:
        with_offers(load_catalog(folder / "catalog"), folder)
    assert "\n" not in str(caught.value)


def test_offers_of_another_catalog_are_refused(tmp_path: Path) -> None:
    folder, other = written(tmp_path / "a", CATALOG), written(tmp_path / "b", Catalog(items=(LAMP,)))
    (folder / "offers").rename(tmp_path / "taken")
    (other / "offers").rename(folder / "offers")
    with pytest.raises(ArtifactError, match="belongs to catalog"):
        with_offers(load_catalog(folder / "catalog"), folder)


def test_a_variants_id_stands_for_its_item() -> None:
    assert CATALOG.row("lamp-xl") == 0
    assert CATALOG["lamp-s"] is LAMP
    assert CATALOG.item_id("lamp-xl") == CATALOG.item_id("lamp") == "lamp"
    assert "lamp-xl" in CATALOG
    assert CATALOG.rows(["mug", "lamp-xl", "lamp"]).tolist() == [1, 0, 0]
    assert len(CATALOG) == 2
    with pytest.raises(UnknownItem):
        CATALOG.item_id("lamp-xxl")


def test_an_item_comes_before_a_variant_of_its_name_and_a_shared_variant_is_nobodys() -> None:
    def sold(item_id: str, *variant_ids: str) -> Item:
        return Item(item_id=item_id, offer=Offer(variants=tuple(Variant(variant_id=v) for v in variant_ids)))

    catalog = Catalog(items=(sold("a", "a", "b", "x", "y"), sold("b", "x"), sold("c", "x")))
    assert catalog.row("b") == 1
    assert catalog.row("a") == 0
    assert catalog.row("y") == 0
    assert "x" not in catalog


def test_items_survive_pickling() -> None:
    item = replace(LAMP, more_images=(Path("/a.png"),), video="https://shop.example/v.mp4", removed=True)
    assert pickle.loads(pickle.dumps(item)) == item


@pytest.mark.parametrize("inside", [True, False])
def test_more_pictures_and_videos_come_back(tmp_path: Path, inside: bool, caplog: pytest.LogCaptureFixture) -> None:
    home = (tmp_path / "catalog") if inside else tmp_path
    files = [home / name for name in ("1.png", "2.png", "v.mp4")]
    (tmp_path / "catalog").mkdir()
    for file in files:
        file.write_bytes(b"seen")
    lamp = replace(LAMP, offer=None, more_images=tuple(files[:2]), video=files[2])
    catalog = Catalog(items=(lamp, replace(MUG, video="https://shop.example/v.mp4"), Item(item_id="c", title="Cup")))
    save_catalog(catalog, tmp_path / "catalog")
    assert load_catalog(tmp_path / "catalog") == catalog
    assert lamp.words == LAMP.words
    if inside:
        (tmp_path / "catalog").rename(tmp_path / "moved")
        assert load_catalog(tmp_path / "moved")["lamp"].more_images[1] == tmp_path / "moved" / "2.png"
        return
    files[0].write_bytes(b"another file")
    files[2].write_bytes(b"another file")
    loaded = load_catalog(tmp_path / "catalog")
    assert loaded["lamp"].more_images == (files[1],)
    assert loaded["lamp"].video is None
    assert loaded["mug"].video == "https://shop.example/v.mp4"
    assert "1 further image files" in caplog.text
    assert "1 video files" in caplog.text


def test_an_ingest_begins_anew_and_offers_of_before_are_gone(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,title\na,Lamp\n")
    ingest("files", tmp_path / "items.csv", tmp_path / "ws")
    folder = Generation.open_newest(tmp_path / "ws").folder
    content = load_catalog(folder / "catalog")
    write_offers(folder, Catalog(items=tuple(replace(item, removed=True) for item in content)), content)
    assert load_data(folder).catalog["a"].removed
    assert not load_data(folder, content_alone=True).catalog["a"].removed
    ingest("files", tmp_path / "items.csv", tmp_path / "ws")
    again = Generation.open_newest(tmp_path / "ws").folder
    assert not load_data(again).catalog["a"].removed  # what is ingested is the truth
