"""Pictures find their items by every name that people give them, and none is passed over in silence."""

from pathlib import Path

import pytest
from PIL import Image

from genrec.data.item_pictures import PictureMatches, index_pictures, match_pictures
from genrec.errors import SourceError


def folder(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(path, format="PNG")
    return root


def matches(root: Path, item_ids: list[str]) -> PictureMatches:
    return match_pictures(item_ids, index_pictures(root))


def named(found: PictureMatches, root: Path) -> dict[str, list[str]]:
    return {item_id: [str(path.relative_to(root)) for path in paths] for item_id, paths in found.pictures.items()}


@pytest.mark.parametrize(
    ("item_id", "name"),
    [
        ("mug", "mug.jpg"),
        ("mug", "MUG.JPG"),
        ("mug", "mug.jfif"),
        ("mug", "mug"),
        ("108775015", "010/0108775015.jpg"),
        ("0108775015", "108775015.png"),
        ("12.0", "12.jpg"),
        ("1.5", "1.5.jpg"),
        ("2024.01", "2024.01.jpg"),
        ("sku-9", "sku-9_1.jpg"),
        ("sku-9", "sku-9/front.jpg"),
    ],
)
def test_a_picture_is_found_by_its_items_id(tmp_path: Path, item_id: str, name: str) -> None:
    assert named(matches(folder(tmp_path, name), [item_id, "other"]), tmp_path) == {item_id: [name]}


def test_several_pictures_of_an_item_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    names = ["7 (10).jpg", "7_2.jpg", "7.jpg", "7-3.png", "7/10.jpg", "7/9.jpg", "7/b/c.jpg"]
    found = matches(folder(tmp_path, *names), ["7", "8"])
    wanted = ["7.jpg", "7_2.jpg", "7-3.png", "7 (10).jpg", "7/9.jpg", "7/10.jpg", "7/b/c.jpg"]
    assert named(found, tmp_path) == {"7": wanted}


def test_a_number_at_the_end_belongs_to_the_id_where_that_is_an_item(tmp_path: Path) -> None:
    found = matches(folder(tmp_path, "lamp_1.jpg", "lamp_2.jpg"), ["lamp", "lamp_1"])
    assert named(found, tmp_path) == {"lamp_1": ["lamp_1.jpg"], "lamp": ["lamp_2.jpg"]}


def test_a_folder_of_several_items_is_of_none_of_them(tmp_path: Path) -> None:
    found = matches(folder(tmp_path, "010/0108775015.jpg", "010/0108775044.jpg"), ["10", "108775015"])
    assert named(found, tmp_path) == {"108775015": ["010/0108775015.jpg"]}


def test_one_of_two_pictures_of_the_same_name_counts_and_the_other_is_told(tmp_path: Path) -> None:
    found = matches(folder(tmp_path, "a.jpg", "a.png"), ["a"])
    assert named(found, tmp_path) == {"a": ["a.jpg"]}
    assert f"1 picture is named as another of the same item, which counts, in {tmp_path.name}/: a.png" in found.notes


def test_it_is_said_how_many_match_and_what_the_others_look_like(tmp_path: Path) -> None:
    found = matches(folder(tmp_path / "images", "IMG_0.jpg", "IMG_5.jpg", "b.jpg"), ["b", "c"])
    assert found.notes == (
        "1 of 2 items have a picture in images/",
        "2 of 3 pictures in images/ match no item; their names look like IMG_0.jpg, IMG_5.jpg, the ids like 'b', 'c'",
    )


def test_files_that_are_not_read_are_counted_and_named_by_kind(tmp_path: Path) -> None:
    root = folder(tmp_path / "images", "a.jpg", "b.heic")  # which is a PNG
    (root / "c.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (root / "d.mp4").write_bytes(b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isom")
    (root / "e.psd").write_bytes(b"8BPS\x00\x01" + bytes(40))
    (root / "f.psd").write_bytes(b"8BPS\x00\x01" + bytes(40))
    (root / ".DS_Store").write_bytes(b"x")
    index = index_pictures(root)
    assert [path.name for path in index.paths] == ["a.jpg", "b.heic"]
    notes = match_pictures(["a", "b"], index).notes
    assert notes == (
        "2 of 2 items have a picture in images/",
        "1 file is not read in images/: c.svg (an SVG drawing, which is not read; save it as PNG or JPEG)",
        "1 file is not read in images/: d.mp4 (a video, which is not read; give a still of it as PNG or JPEG)",
        "2 files are not read in images/: e.psd, f.psd (a Photoshop file (PSD), which is not read; save it as PNG or "
        "JPEG)",
        "1 hidden file is passed over in images/",
    )


def test_no_folder_has_no_picture_and_no_note_and_a_missing_one_is_refused(tmp_path: Path) -> None:
    assert match_pictures(["a"], index_pictures(None)) == PictureMatches(pictures={})
    with pytest.raises(SourceError, match="is not there"):
        index_pictures(tmp_path / "none")


def test_pictures_that_items_name_themselves_need_no_name_of_an_item(tmp_path: Path) -> None:
    root = folder(tmp_path / "images", "IMG_0.jpg", "IMG_5.jpg")
    notes = match_pictures(["b"], index_pictures(root), [root / "IMG_0.jpg"]).notes
    assert notes == (
        "1 of 2 pictures in images/ are named by items",
        "1 of 2 pictures in images/ match no item; their names look like IMG_5.jpg, the ids like 'b'",
    )
