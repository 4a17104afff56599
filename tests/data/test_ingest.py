import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from workspaces import stages_of

from genrec.artifacts import read_manifest
from genrec.data.ingest import append_items, extend_catalog, ingest, load_workspace_data
from genrec.encode.images import decode_image
from genrec.errors import ArtifactError, InputError, SourceError
from genrec.shop import ShopWorld

SIZES = {"num_items": 60, "num_people": 4}


def source(root: Path, *, num_items: int = 3, num_users: int = 2) -> Path:
    """A small shop's files: every user takes every item, in turn; item 0 has a picture."""
    (root / "images").mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), "red").save(root / "images/i0.png")
    items = [f"i{n},Item {n},{n}.5" for n in range(num_items)]
    happened = [f"u{user},i{item},{item}" for user in range(num_users) for item in range(num_items)]
    (root / "items.csv").write_text("\n".join(["item_id,title,price", *items]))
    (root / "events.csv").write_text("\n".join(["user_id,item_id,timestamp", *happened, "u0,stranger,1"]))
    return root


def vectors(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


def snapshot(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_ingest_reports_what_it_wrote_and_load_gives_it_back(tmp_path: Path) -> None:
    report = ingest("files", source(tmp_path / "in"), tmp_path / "ws")
    counts = (report.num_items, report.num_users, report.num_events, report.num_refused, report.num_images)
    assert counts == (3, 2, 6, 1, 1)
    assert report.notes == ("1 refused: event names the unknown item …",)
    catalog, interactions, features = load_workspace_data(tmp_path / "ws")
    assert [item.item_id for item in catalog] == ["i0", "i1", "i2"]
    assert catalog["i0"].image == tmp_path / "in/images/i0.png"
    assert interactions.history("u1") == ("i0", "i1", "i2")
    assert features == {}
    refused = (stages_of(tmp_path / "ws") / "catalog/refused.csv").read_text().splitlines()
    assert refused[0] == "source_file,line,reason,content"
    assert refused[1].endswith("events.csv,8,event names the unknown item 'stranger',u0")
    assert sorted(path.name for path in (tmp_path / "ws").iterdir()) == [".write.lock", "generations"]
    assert sorted(path.name for path in stages_of(tmp_path / "ws").iterdir()) == [
        ".lease",
        "catalog",
        "interactions.parquet",
    ]


def test_ingesting_the_same_source_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        ingest("shop", Path("5"), tmp_path / name, **SIZES)
    first, second = snapshot(tmp_path / "first"), snapshot(tmp_path / "second")
    assert first == second


def test_a_shops_pictures_lie_in_the_catalog_and_move_with_the_workspace(tmp_path: Path) -> None:
    ingest("shop", None, tmp_path / "ws", **SIZES)
    (tmp_path / "ws").rename(tmp_path / "moved")
    catalog = load_workspace_data(tmp_path / "moved").catalog
    image = catalog.items[0].image
    assert image == stages_of(tmp_path / "moved") / f"catalog/images/{catalog.items[0].item_id}.png"
    assert image.is_file()
    details = read_manifest(stages_of(tmp_path / "moved") / "catalog", "catalog").details
    assert details["num_items"] == 60
    assert details["seed"] == ShopWorld.create(**SIZES).seed


def test_given_vectors_are_aligned_whatever_their_order(tmp_path: Path) -> None:
    file = vectors(tmp_path / "v.npz", ids=np.array(["i2", "no", "i0"]), vectors=np.float16([[0, 2], [1, 1], [3, 4]]))
    ingest("files", source(tmp_path / "in"), tmp_path / "ws", features={"mini": file})
    mini = load_workspace_data(tmp_path / "ws").features["mini"]
    np.testing.assert_allclose(mini.vectors, [[0.6, 0.8], [0, 0], [0, 1]], atol=1e-6)
    assert mini.present.tolist() == [True, False, True]


def test_a_k_core_leaves_items_and_events_of_the_core_alone(tmp_path: Path) -> None:
    root = source(tmp_path / "in")
    with (root / "items.csv").open("a") as stream:
        stream.write("\nidle,Never bought,1\n")
    file = vectors(tmp_path / "v.npz", ids=np.array(["idle", "i1"]), vectors=np.float32([[1, 0], [0, 1]]))
    assert "1 items have no event" in ingest("files", root, tmp_path / "all").notes
    report = ingest("files", root, tmp_path / "core", k_core=2, features={"f": file})
    catalog, _, features = load_workspace_data(tmp_path / "core")
    assert report.num_items == 3
    assert "idle" not in catalog
    assert features["f"].present.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda root, out: ingest("netflix", root, out), "source 'netflix' is unknown; choose one of shop, movielens"),
        (lambda root, out: ingest("files", root / "none", out), "is not there"),
        (lambda root, out: ingest("files", root, out, columns={"item_id": "ean"}), "column 'ean'"),
        (lambda root, out: ingest("files", root, out, seed=3), "option 'seed' has no effect on source 'files'"),
        (lambda root, out: ingest("movielens", root, out, columns={"a": "b"}), "option 'columns' has no effect"),
        (lambda root, out: ingest("files", root, out, k_core=-1), "k-core is -1"),
        (lambda root, out: ingest("files", root, out, k_core=9), "9-core of 6 events is empty"),
        (lambda root, out: ingest("files", root, out, features={"f": root / "none.npz"}), "none.npz is not there"),
        (lambda root, out: ingest("files", root, out, features={"f": root / "items.csv"}), "cannot be read"),
        (lambda root, out: ingest("files", root, out, features={"../f": root / "x.npz"}), "feature name '../f'"),
        (lambda root, out: ingest("shop", None, out, num_items=3), "too small"),
        (lambda root, out: ingest("files", root, root), "is not empty and no workspace"),
        (lambda root, out: ingest("files", root, root / "items.csv"), "is a file; wanted a new folder"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    tmp_path: Path, call: Callable[[Path, Path], object], message: str
) -> None:
    root = source(tmp_path / "in")
    before = snapshot(tmp_path)
    with pytest.raises(InputError, match=message) as caught:
        call(root, tmp_path / "ws")
    assert "\n" not in str(caught.value)
    assert snapshot(tmp_path) == before
    assert not (tmp_path / "ws").exists()


@pytest.mark.parametrize(
    "arrays",
    [
        {"ids": np.array(["i0"])},
        {"ids": np.array(["i0", "i1"]), "vectors": np.ones((1, 2), np.float32)},
        {"ids": np.array(["i0"]), "vectors": np.ones(1, np.float32)},
        {"ids": np.array(["i0"]), "vectors": np.array([["x"]])},
        {"ids": np.array(["i0"], dtype=object), "vectors": np.ones((1, 2), np.float32)},
        {"ids": np.array(["i0"]), "vectors": np.array([[np.nan, 1]])},
    ],
)
def test_vectors_that_cannot_be_used_are_refused(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    file = vectors(tmp_path / "v.npz", **arrays)
    with pytest.raises(SourceError, match=r"features 'f': .*v\.npz"):
        ingest("files", source(tmp_path / "in"), tmp_path / "ws", features={"f": file})
    assert not (tmp_path / "ws").exists()


def test_a_failed_ingest_leaves_the_old_workspace_as_it_was(tmp_path: Path) -> None:
    ingest("files", source(tmp_path / "in"), tmp_path / "ws")
    (tmp_path / "ws/genrec.toml").write_text("")
    before = snapshot(tmp_path / "ws")
    with pytest.raises(SourceError):
        ingest("files", source(tmp_path / "in"), tmp_path / "ws", k_core=50)
    assert snapshot(tmp_path / "ws") == before


def test_a_workspace_can_be_ingested_anew(tmp_path: Path) -> None:
    ingest("files", source(tmp_path / "a"), tmp_path / "ws")
    ingest("files", source(tmp_path / "b", num_items=5), tmp_path / "ws")
    data = load_workspace_data(tmp_path / "ws")
    assert (len(data.catalog), len(data.interactions)) == (5, 10)


def test_parts_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    ingest("files", source(tmp_path / "a"), tmp_path / "one")
    ingest("files", source(tmp_path / "b", num_items=5), tmp_path / "two")
    (stages_of(tmp_path / "one") / "interactions.parquet").replace(stages_of(tmp_path / "two") / "interactions.parquet")
    with pytest.raises(ArtifactError, match="the catalog was made with"):
        load_workspace_data(tmp_path / "two")
    with pytest.raises(ArtifactError, match=r"interactions\.parquet is missing"):
        load_workspace_data(tmp_path / "one")
    with pytest.raises(ArtifactError, match="nothing was ingested there"):
        load_workspace_data(tmp_path / "none")


def test_a_workspace_of_another_version_is_refused(tmp_path: Path) -> None:
    ingest("files", source(tmp_path / "in"), tmp_path / "ws")
    manifest = stages_of(tmp_path / "ws") / "catalog/manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 99}))
    with pytest.raises(ArtifactError, match="format version 99"):
        load_workspace_data(tmp_path / "ws")


KILLED_AT = """
import os, pathlib, sys
from genrec.data.ingest import ingest
count, limit = 0, int(sys.argv[3])
changes = {"os.rename", "os.mkdir", "os.rmdir", "os.remove", "shutil.rmtree"}
def watch(event, args):
    global count
    if event in changes or (event == "open" and args[1] == "w"):
        if any("ws" in str(arg) for arg in args):
            count += 1
            if count > limit:
                os.kill(os.getpid(), 9)
sys.addaudithook(watch)
ingest("files", pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
"""


def run_killed(root: Path, out: Path, limit: int) -> bool:
    """Ingest in a process that dies at its (limit + 1)-th change to the disk; True when it died."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED_AT, str(root), str(out), str(limit)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL)
    return done.returncode != 0


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_the_old_workspace_or_the_new_one(tmp_path: Path) -> None:
    small, large = source(tmp_path / "a"), source(tmp_path / "b", num_items=5)
    seen = set()
    limit, died = 0, True
    while died:
        out = tmp_path / f"ws{limit}"
        ingest("files", small, out)
        died = run_killed(large, out, limit)
        data = load_workspace_data(out)
        assert (len(data.catalog), len(data.interactions)) in {(3, 6), (5, 10)}
        seen.add(len(data.catalog))
        ingest("files", large, out)
        assert len(load_workspace_data(out).catalog) == 5
        limit += 1
    assert seen == {3, 5}
    assert limit > 5


@pytest.mark.parametrize("limit", [0, 3, 6])
def test_a_first_ingest_that_was_killed_can_be_repeated(tmp_path: Path, limit: int) -> None:
    assert run_killed(source(tmp_path / "in"), tmp_path / "ws", limit)
    ingest("files", source(tmp_path / "in"), tmp_path / "ws")
    assert len(load_workspace_data(tmp_path / "ws").catalog) == 3


def test_new_items_are_read_and_join_the_catalog_behind_the_old(tmp_path: Path) -> None:
    file = vectors(tmp_path / "v.npz", ids=np.array(["lamp-0000"]), vectors=np.float32([[0, 2]]))
    ingest("shop", None, tmp_path / "ws", features={"f": file}, **SIZES)
    old = load_workspace_data(tmp_path / "ws")
    ShopWorld.create(domains=("cushion",), num_items=60, num_people=1).write(tmp_path / "new")
    new = append_items(stages_of(tmp_path / "ws"), tmp_path / "new")
    assert new.items[0].attributes["category"] == "cushion"
    assert load_workspace_data(tmp_path / "ws").catalog == old.catalog

    whole = extend_catalog(stages_of(tmp_path / "ws"), new)
    data = load_workspace_data(tmp_path / "ws")
    assert data.catalog == whole
    assert data.catalog.items == (*old.catalog.items, *new.items)
    assert all(item.image is not None and item.image.is_file() for item in data.catalog)
    np.testing.assert_array_equal(data.interactions.item_ids, old.interactions.item_ids)
    assert data.features["f"].present.tolist() == [True] + [False] * 119
    assert read_manifest(stages_of(tmp_path / "ws") / "catalog", "catalog").details["num_items"] == 60


def test_items_that_are_there_already_cannot_be_added(tmp_path: Path) -> None:
    root = source(tmp_path / "in")
    ingest("files", root, tmp_path / "ws")
    (tmp_path / "new.jsonl").write_text('{"id": "i1", "title": "Again"}\n{"id": "i9", "title": "New"}\n')
    with pytest.raises(SourceError, match=r"1 of 2 item ids are in the catalog already, with other contents \(i1\)"):
        append_items(stages_of(tmp_path / "ws"), tmp_path / "new.jsonl")


def test_items_that_are_there_as_they_are_count_as_known(tmp_path: Path) -> None:
    root = source(tmp_path / "in")
    ingest("files", root, tmp_path / "ws")
    new = append_items(stages_of(tmp_path / "ws"), root)
    assert (new.items, new.num_known) == ((), 3)


def test_rows_of_new_items_that_cannot_be_used_are_kept_with_the_reason(tmp_path: Path) -> None:
    ingest("files", source(tmp_path / "in"), tmp_path / "ws")
    (tmp_path / "new.csv").write_text("sku,title\nnew,Lamp\nempty,\n")
    new = append_items(stages_of(tmp_path / "ws"), tmp_path / "new.csv", {"item_id": "sku"})
    assert [item.item_id for item in new.items] == ["new"]
    extend_catalog(stages_of(tmp_path / "ws"), new)
    refused = (stages_of(tmp_path / "ws") / "catalog/refused.csv").read_text().splitlines()
    assert [line.split(",")[2] for line in refused[1:]] == [
        "event names the unknown item 'stranger'",
        '"item has no image',
    ]


def test_a_missing_items_file_is_one_clear_error(tmp_path: Path) -> None:
    ingest("files", source(tmp_path / "in"), tmp_path / "ws")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="holds no items file"):
        append_items(stages_of(tmp_path / "ws"), tmp_path / "empty")
    with pytest.raises(SourceError, match="is not there"):
        append_items(stages_of(tmp_path / "ws"), tmp_path / "none.csv")
    with pytest.raises(ArtifactError, match="run genrec ingest"):
        append_items(tmp_path / "empty", tmp_path / "none.csv")


# ---- pictures from elsewhere


def passport(root: Path) -> Path:
    (root / "private").mkdir()
    picture = root / "private" / "passport.png"
    Image.new("RGB", (8, 8), "blue").save(picture)
    return picture


def test_pictures_outside_the_sources_folders_are_counted_and_named_and_their_items_stay(tmp_path: Path) -> None:
    secret, shop = passport(tmp_path), tmp_path / "shop"
    (shop / "images").mkdir(parents=True)
    own, linked = shop / "images" / "own.png", shop / "images" / "linked.png"
    Image.new("RGB", (8, 8), "red").save(own)
    linked.symlink_to(secret)
    (shop / "private").symlink_to(tmp_path / "private")
    named = ["../private/passport.png", str(secret), "images/linked.png", "private/passport.png", str(own), "x" * 5000]
    rows = [f"i{number},Lamp,{cell},{cell}" for number, cell in enumerate(named)]
    rows.append("linked,Lamp,,")  # whose picture is found by its name
    (shop / "items.csv").write_text("\n".join(["item_id,title,image,audio", *rows]))
    report = ingest("files", shop, tmp_path / "ws")
    catalog = load_workspace_data(tmp_path / "ws").catalog
    assert [item.item_id for item in catalog if item.image] == ["i4"]
    assert [item.item_id for item in catalog if item.audio] == ["i4"]
    assert (report.num_items, report.num_images) == (7, 1)
    outside = "no file in the source's folders; the item stays if it has more"
    assert f"5 refused: picture is {outside}" in report.notes
    assert f"5 refused: audio is {outside}" in report.notes


def test_a_picture_folder_elsewhere_is_one_option_away(tmp_path: Path) -> None:
    secret, shop = passport(tmp_path), source(tmp_path / "shop")
    (shop / "items.csv").write_text(f"item_id,title,image\ni0,Lamp,../private/passport.png\ni1,Mug,{secret}\n")
    ingest("files", shop, tmp_path / "ws", images=tmp_path / "private")
    assert {item.image for item in load_workspace_data(tmp_path / "ws").catalog} == {secret}


@pytest.mark.parametrize("layout", ["movielens", "amazon"])
def test_links_out_of_a_picture_folder_are_refused_by_every_reader(tmp_path: Path, layout: str) -> None:
    secret, folder = passport(tmp_path), tmp_path / "in"
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "1.png").symlink_to(secret)
    if layout == "movielens":
        (folder / "movies.csv").write_text("movieId,title,genres\n1,Lamp (1999),Drama\n")
        (folder / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,1,4,100\n")
    else:
        (folder / "meta_B.jsonl").write_text('{"asin": "1", "title": "Lamp"}\n')
        (folder / "B.jsonl").write_text('{"user_id": "u", "asin": "1", "timestamp": 100, "rating": 5}\n')
    report = ingest(layout, folder, tmp_path / "ws")
    assert (report.num_items, report.num_images) == (1, 0)
    assert any("picture is no file in the source's folders" in note for note in report.notes)


@pytest.mark.parametrize("layout", ["files", "movielens", "amazon"])
def test_a_picture_folder_that_is_a_link_out_of_the_source_brings_no_picture(tmp_path: Path, layout: str) -> None:
    passport(tmp_path)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "images").symlink_to(tmp_path / "private")
    if layout == "files":
        (folder / "items.csv").write_text("item_id,title,image\npassport,Lamp,\nb,Mug,images/passport.png\n")
    elif layout == "movielens":
        (folder / "movies.csv").write_text("movieId,title,genres\npassport,Lamp (1999),Drama\n")
        (folder / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,passport,4,100\n")
    else:
        (folder / "meta_B.jsonl").write_text('{"asin": "passport", "title": "Lamp"}\n')
        (folder / "B.jsonl").write_text('{"user_id": "u", "asin": "passport", "timestamp": 100, "rating": 5}\n')
    report = ingest(layout, folder, tmp_path / "ws")
    assert report.num_images == 0
    assert report.num_items == (2 if layout == "files" else 1)
    assert any("picture is no file in the source's folders" in note for note in report.notes)
    ingest(layout, folder, tmp_path / "named", images=folder / "images")  # the user's own word
    assert load_workspace_data(tmp_path / "named").catalog["passport"].image


def test_new_items_bring_no_pictures_by_a_linked_folder(tmp_path: Path) -> None:
    passport(tmp_path)
    ingest("files", source(tmp_path / "in"), tmp_path / "ws")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "images").symlink_to(tmp_path / "private")
    (tmp_path / "new" / "items.csv").write_text("item_id,title\npassport,Lamp\n")
    new = append_items(stages_of(tmp_path / "ws"), tmp_path / "new")
    assert [item.image for item in new.items] == [None]
    assert len(new.refused) == 1


def test_a_source_that_is_a_link_itself_keeps_its_own_pictures(tmp_path: Path) -> None:
    source(tmp_path / "in")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    assert ingest("files", tmp_path / "link", tmp_path / "ws").num_images == 1


@pytest.mark.parametrize("content", [b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EOF\n", b"MPEG" * 9])
def test_a_picture_in_a_format_that_pillow_would_start_a_program_for_is_refused(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "ran"
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "gs"
    program.write_text(f"#!/bin/sh\ntouch {marker}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    folder = source(tmp_path / "in")
    for name in ("i0.png", "i1.jpg"):
        (folder / "images" / name).write_bytes(content)
    report = ingest("files", folder, tmp_path / "ws")
    assert report.num_images == 0
    assert any(note.startswith("2 refused: broken image of item …: not a picture in a format") for note in report.notes)
    with pytest.raises(SourceError, match="cannot be decoded"):
        decode_image(folder / "images" / "i0.png")
    assert not marker.exists()


def test_new_items_bring_no_pictures_from_outside_their_own_folder(tmp_path: Path) -> None:
    secret = passport(tmp_path)
    ingest("files", source(tmp_path / "in"), tmp_path / "ws")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "items.csv").write_text(f"item_id,title,image\nnew,Lamp,{secret}\n")
    new = append_items(stages_of(tmp_path / "ws"), tmp_path / "new")
    assert [item.image for item in new.items] == [None]
    assert [refusal.content for refusal in new.refused] == [str(secret)]


def test_another_workspace_gives_its_items_where_it_is_whole(tmp_path: Path) -> None:
    ingest("files", source(tmp_path / "in"), tmp_path / "ws")
    ingest("files", source(tmp_path / "more", num_items=5), tmp_path / "other")
    new = append_items(stages_of(tmp_path / "ws"), tmp_path / "other")
    assert [item.item_id for item in new.items] == ["i3", "i4"]
    table = stages_of(tmp_path / "other") / "catalog/items.parquet"
    table.write_bytes(table.read_bytes()[:-1] + b"x")
    with pytest.raises(ArtifactError, match=r"items\.parquet holds other bytes than were written"):
        append_items(stages_of(tmp_path / "ws"), tmp_path / "other")


def test_a_catalogs_own_table_can_be_a_source_and_brings_no_attribute_of_its_own(tmp_path: Path) -> None:
    ingest("files", source(tmp_path / "in"), tmp_path / "ws")
    table = tmp_path / "in" / "again.parquet"
    shutil.copy(stages_of(tmp_path / "ws") / "catalog/items.parquet", table)
    ingest("files", None, tmp_path / "next", items=table)
    assert load_workspace_data(tmp_path / "next").catalog == load_workspace_data(tmp_path / "ws").catalog
