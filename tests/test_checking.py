"""A check of a workspace finds what is wrong in any part of it, and changes nothing."""

import sqlite3
from contextlib import closing

import pytest
from workspaces import recommit, stages_of

from genrec.checking import check
from genrec.data.ingest import ingest
from genrec.errors import ArtifactError
from genrec.serve.store import Store, default_url


def faulty(root):
    """The parts with faults, and the first fault of each."""
    return {finding.part: finding.faults[0] for finding in check(root) if finding.faults}


def test_a_whole_workspace_has_no_fault(shop_copy):
    Store.open(default_url(shop_copy), shop_copy).close()
    findings = check(shop_copy)
    assert not [finding for finding in findings if finding.faults]
    assert {"current.json", "catalog", "model", "how parts fit", "pictures", "store.db"} <= {f.part for f in findings}


def test_a_store_with_what_no_store_has_or_in_place_of_which_stands_a_link_is_told(shop_copy):
    Store.open(default_url(shop_copy), shop_copy).close()
    with closing(sqlite3.connect(shop_copy / "store.db")) as connection:
        connection.execute("CREATE TABLE copies (words TEXT)")
        copying = "INSERT INTO copies VALUES (new.person)"
        connection.execute(f"CREATE TRIGGER spy AFTER INSERT ON events BEGIN {copying}; END")
    found = faulty(shop_copy)
    assert set(found) == {"store.db"}
    assert "table copies, trigger spy" in found["store.db"]
    (shop_copy / "store.db").rename(shop_copy / "elsewhere.db")
    (shop_copy / "store.db").symlink_to(shop_copy / "nowhere.db")
    assert "is a link" in faulty(shop_copy)["store.db"]


def test_each_broken_part_is_named_with_what_to_do(shop_copy, genrec):
    folder = stages_of(shop_copy)
    for file in ("semids/table.parquet", "catalog/items.parquet", "genrec.toml"):
        (folder / file).write_bytes((folder / file).read_bytes()[:-1])
    (shop_copy / "genrec.toml").write_text("[")
    (shop_copy / "store.db").write_bytes(b"SQLite format 3\0" + bytes(5000))
    found = faulty(shop_copy)
    assert set(found) == {"semids", "catalog", "genrec.toml", "genrec.toml for the next build", "store.db"}
    assert found["semids"].endswith(f"run genrec build {shop_copy} to make it again")
    assert "run genrec ingest, then genrec build" in found["catalog"]
    code, out, _ = genrec("check", shop_copy)
    assert code == 2
    assert "semids/table.parquet has" in out


def test_what_the_inventory_calls_whole_must_fit(shop_copy):
    folder = stages_of(shop_copy)
    picture = next((folder / "catalog/images").iterdir())
    picture.unlink()
    (folder / "mixture/manifest.json").write_text("{}")
    recommit(shop_copy)
    found = faulty(shop_copy)
    assert set(found) == {"how parts fit", "pictures"}
    assert "1 pictures are not there" in found["pictures"]


def test_a_draft_is_looked_at_beside_what_is_current(shop_copy):
    ingest("shop", None, shop_copy, seed=8, num_items=60, num_people=40)
    parts = [finding.part for finding in check(shop_copy)]
    assert "how parts fit" in parts
    assert "generations/2, which waits for genrec build" in parts
    current = shop_copy / "generations/1/semids/table.parquet"
    current.write_bytes(current.read_bytes() + b"x")
    assert "semids" in faulty(shop_copy)
    items = stages_of(shop_copy) / "catalog/items.parquet"
    items.write_bytes(items.read_bytes() + b"x")
    assert "items.parquet" in faulty(shop_copy)["generations/2, which waits for genrec build"]


def test_a_folder_that_is_no_workspace_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="nothing was ingested there"):
        check(tmp_path)
