import ipaddress
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from workspaces import stages_of

from genrec.artifacts import read_manifest
from genrec.data.fetch import FetchLimits
from genrec.data.images import decode_image
from genrec.data.ingest import append_items, extend_catalog, ingest, load_workspace_data
from genrec.data.interactions import write_events
from genrec.errors import ArtifactError, InputError, SourceError
from genrec.schema import Interactions
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
    assert report.losses == {"event names an unknown item": 1}
    catalog, interactions, features = load_workspace_data(tmp_path / "ws")
    assert [item.item_id for item in catalog] == ["i0", "i1", "i2"]
    assert catalog["i0"].image == tmp_path / "in/images/i0.png"
    assert interactions.history("u1") == ("i0", "i1", "i2")
    assert features == {}
    refused = (stages_of(tmp_path / "ws") / "catalog/refused.csv").read_text().splitlines()
    assert refused[0] == "source_file,line,reason,content"
    assert refused[1].endswith("events.csv,8,event names the unknown item 'stranger',u0 stranger 1")
    assert sorted(path.name for path in (tmp_path / "ws").iterdir()) == [".write.lock", "generations", "labels.toml"]
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
        (lambda root, out: ingest("shop", None, out, columns={"title": "b"}), "option 'columns' has no effect"),
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
        '"item has neither content (text',
    ]


def test_a_missing_items_file_is_one_clear_error(tmp_path: Path) -> None:
    ingest("files", source(tmp_path / "in"), tmp_path / "ws")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="holds no table that can be read"):
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
    sound = shop / "own.wav"
    sound.write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt ")
    sounds = [str(sound) if cell == str(own) else cell for cell in named]
    rows = [f"i{number},Lamp,{cell},{heard}" for number, (cell, heard) in enumerate(zip(named, sounds, strict=True))]
    rows.append("linked,Lamp,,")  # whose picture is found by its name
    (shop / "items.csv").write_text("\n".join(["item_id,title,image,audio", *rows]))
    report = ingest("files", shop, tmp_path / "ws")
    catalog = load_workspace_data(tmp_path / "ws").catalog
    assert [item.item_id for item in catalog if item.image] == ["i4"]
    assert [item.item_id for item in catalog if item.audio] == ["i4"]
    assert (report.num_items, report.num_images) == (7, 1)
    outside = "no file in the source's folders; the item stays if it has more"
    assert report.losses[f"picture is {outside}"] == 5
    assert report.losses[f"audio is {outside}"] == 4  # the sixth names no file at all
    assert report.losses["audio is not there; the item stays if it has more"] == 1
    assert report.num_refused == 0  # every row stays


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
    assert any("picture is no file in the source's folders" in kind for kind in report.losses)


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
    assert any("picture is no file in the source's folders" in kind for kind in report.losses)
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
    assert len(new.losses.refused) == 1


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
    assert sum(count for kind, count in report.losses.items() if kind.startswith("broken image: it is ")) == 2
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
    assert [refusal.content for refusal in new.losses.refused] == [str(secret)]


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


def test_items_with_nothing_but_a_sound_are_told_of_and_broken_sounds_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt ")
    (tmp_path / "b.wav").write_text("<html>404</html>")
    (tmp_path / "items.csv").write_text("item_id,title,audio\na,,a.wav\nb,,b.wav\nc,Song,b.wav\n")
    report = ingest("files", tmp_path / "items.csv", tmp_path / "ws")
    assert [(item.item_id, item.audio) for item in load_workspace_data(tmp_path / "ws").catalog] == [
        ("a", tmp_path / "a.wav"),
        ("c", None),
    ]
    assert any(note.startswith("1 items have nothing but a sound; set encode.audio") for note in report.notes)
    broken = [
        count for kind, count in report.losses.items() if kind.startswith("broken sound: it is a web page (HTML)")
    ]
    assert broken == [2]


class _Pictures(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        found = self.path != "/gone.png"
        self.send_response(200 if found else 404)
        self.end_headers()
        if found:
            Image.new("RGB", (8, 8), "red").save(self.wfile, format="PNG")


@pytest.fixture
def picture_server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Pictures) as server:
        server.asked = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_pictures_at_addresses_join_the_catalog_and_are_fetched_once(
    tmp_path: Path, picture_server: ThreadingHTTPServer
) -> None:
    base = f"http://127.0.0.1:{picture_server.server_port}"
    rows = [f"a,Lamp,{base}/a.png", f"b,Mug,{base}/gone.png", f"c,Cup,{base}/a.png", "d,Pen,"]
    (tmp_path / "items.csv").write_text("\n".join(["item_id,title,image", *rows]))
    limits = FetchLimits(allowed_networks=(ipaddress.ip_network("127.0.0.0/8"),))
    with pytest.raises(SourceError, match="16-core"):
        ingest("files", tmp_path / "items.csv", tmp_path / "ws", k_core=16, fetch=limits)
    report = ingest("files", tmp_path / "items.csv", tmp_path / "ws", fetch=limits)
    assert (report.num_items, report.num_images, report.num_refused) == (4, 2, 0)
    assert report.losses == {"picture was not fetched: the server answers 404; the item stays": 1}
    assert picture_server.asked.count("/a.png") == 1  # type: ignore[attr-defined]
    shutil.rmtree(tmp_path / "ws" / ".cache")
    (tmp_path / "ws").rename(tmp_path / "moved")
    catalog = load_workspace_data(tmp_path / "moved").catalog
    assert [item.item_id for item in catalog if item.image and item.image.is_file()] == ["a", "c"]


def test_pictures_at_addresses_are_not_fetched_unasked_and_never_from_here(
    tmp_path: Path, picture_server: ThreadingHTTPServer
) -> None:
    (tmp_path / "items.csv").write_text(
        f"item_id,title,image\na,Lamp,http://127.0.0.1:{picture_server.server_port}/a.png\n"
    )
    for fetch, said in ((None, "is not downloaded"), (FetchLimits(), "private or reserved network")):
        report = ingest("files", tmp_path / "items.csv", tmp_path / "ws", fetch=fetch)
        assert report.num_images == 0
        assert any(said in kind for kind in report.losses)
    assert not picture_server.asked  # type: ignore[attr-defined]


def test_pictures_match_whatever_the_zeros_before_ids_and_what_is_left_is_told(tmp_path: Path) -> None:
    (tmp_path / "images" / "010").mkdir(parents=True)
    for name in ("010/0108775015.jpg", "0999.jpg"):
        Image.new("RGB", (8, 8)).save(tmp_path / "images" / name)
    (tmp_path / "images" / "x.svg").write_text("<svg/>")
    (tmp_path / "items.csv").write_text("item_id,title\n108775015,Top\n2,Mug\n")
    report = ingest("files", tmp_path, tmp_path / "ws")
    assert report.num_images == 1
    assert [note for note in report.source.notes if "images/" in note] == [
        "items.csv: 1 of 2 items have a picture in images/",
        "items.csv: 1 of 2 pictures in images/ match no item; their names look like 0999.jpg, the ids like "
        "'108775015', '2'",
        "items.csv: 1 file is not read in images/: x.svg (an SVG drawing, which is not read; save it as PNG or JPEG)",
    ]


def test_events_that_were_exported_come_back_as_they_were(tmp_path: Path) -> None:
    folder = source(tmp_path / "source")
    exported = Interactions.sort(
        user_ids=["u0", "u0", "u1", "u1"],
        item_ids=["i0", "i1", "i1", "i2"],
        timestamps=[1_600_000_000, 1_600_000_001, 1_600_000_002, 1_600_000_003],
        kinds=["view", "dislike", "like", "interaction"],
        feedback=[1, -1, 1, 0],
        weights=[2.5, 1, 1, 1],
    )
    write_events([exported], folder / "events.csv")
    ingest("files", folder, tmp_path / "out")
    read = load_workspace_data(tmp_path / "out").interactions
    for name in ("user_ids", "item_ids", "timestamps", "kinds", "feedback", "weights"):
        np.testing.assert_array_equal(getattr(read, name), getattr(exported, name))


# ---- what a person may ask for, and what is kept


def test_strict_ends_where_anything_is_lost_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(
        SourceError, match=r"1 losses \(1 × event names an unknown item\); mend them, or leave --strict"
    ):
        ingest("files", source(tmp_path / "in"), tmp_path / "ws", strict=True)
    assert not (tmp_path / "ws").exists()
    (tmp_path / "in/events.csv").write_text("user_id,item_id,timestamp\nu0,i1,1\n")
    assert ingest("files", tmp_path / "in", tmp_path / "ws", strict=True).num_events == 1


def test_strict_counts_cells_and_pictures_too(tmp_path: Path) -> None:
    for name, text in (
        ("cell", "item_id,title,price\na,L,1\nb,M,2\nc,N,free\n"),
        ("picture", "item_id,title,image\na,L,no.png\n"),
    ):
        (tmp_path / f"{name}.csv").write_text(text)
        with pytest.raises(SourceError, match="1 losses"):
            ingest("files", tmp_path / f"{name}.csv", tmp_path / "ws", strict=True)


def test_a_dry_run_says_the_same_and_writes_nothing(tmp_path: Path) -> None:
    root = source(tmp_path / "in")
    before = snapshot(tmp_path)
    dry = ingest("files", root, tmp_path / "ws", dry_run=True)
    assert snapshot(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
    assert dry.out is None
    done = ingest("files", root, tmp_path / "ws")
    assert (done.num_items, done.losses, done.source) == (dry.num_items, dry.losses, dry.source)
    before = snapshot(tmp_path)
    ingest("files", root, tmp_path / "ws", dry_run=True)
    assert snapshot(tmp_path) == before


def test_the_next_ingest_reads_by_the_mapping_that_was_kept(tmp_path: Path) -> None:
    root = tmp_path / "in"
    root.mkdir()
    (root / "items.csv").write_text("item_id,title,label\na,Lamp,Red lamp\nb,Vase,Blue vase\n")
    ingest("files", root, tmp_path / "ws", columns={"title": "label"})
    ingest("files", root, tmp_path / "ws")
    assert load_workspace_data(tmp_path / "ws").catalog["a"].title == "Red lamp"


def test_a_column_of_the_mapping_that_is_gone_is_said_and_found_anew(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,name\na,Lamp\nb,Vase\n")
    (tmp_path / "mapping.toml").write_text('[items.roles]\nitem_id = "item_id"\ntitle = "label"\n')
    report = ingest("files", tmp_path / "items.csv", tmp_path / "ws", mapping=tmp_path / "mapping.toml")
    assert "items.csv: the mapping's 'label' is gone; 'name' is taken for title" in report.source.notes
    assert load_workspace_data(tmp_path / "ws").catalog["a"].title == "Lamp"


def test_new_items_are_read_by_the_kept_mapping_and_take_the_catalogs_types(tmp_path: Path) -> None:
    rows = "".join(f"i{n},Item {n},{n}.5,{'yes' if n % 2 else 'no'},red|blue\n" for n in range(6))
    (tmp_path / "items.csv").write_text(f"item_id,label,width,in_stock,colors\n{rows}")
    ingest("files", tmp_path / "items.csv", tmp_path / "ws", columns={"title": "label"})
    old = load_workspace_data(tmp_path / "ws").catalog["i1"].attributes
    (tmp_path / "new.csv").write_text("item_id,label,width,in_stock,colors\nn1,New,wide,yes,red\nn2,Old,7,no,green\n")
    new = append_items(stages_of(tmp_path / "ws"), tmp_path / "new.csv")
    assert [item.title for item in new.items] == ["New", "Old"]
    assert "width" not in new.items[0].attributes
    assert any("'wide'" in kind for kind in new.losses.counts)
    for name, value in new.items[1].attributes.items():
        assert type(value) is type(old[name]), name
    assert new.items[1].attributes["width"] == 7.0


def test_new_items_take_the_types_of_a_catalog_that_kept_no_mapping(tmp_path: Path) -> None:
    ingest("shop", None, tmp_path / "ws", **SIZES)
    (tmp_path / "new.csv").write_text(
        "item_id,title,price,category\n" + "".join(f"n{n},New,7,cushion\n" for n in range(30))
    )
    new = append_items(stages_of(tmp_path / "ws"), tmp_path / "new.csv")
    assert {item.attributes["category"] for item in new.items} == {
        "cushion"
    }  # one value in all rows says something here
    assert {item.attributes["price"] for item in new.items} == {7.0}
