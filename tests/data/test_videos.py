"""Frames are taken from all of a video, the same every time, and what is no video is refused by its name."""

import sys
from pathlib import Path

import numpy as np
import pytest
from made_videos import BLUE, GREEN, RED, save_video

from genrec.data.ingest import ingest, load_workspace_data
from genrec.data.videos import decode_frames, why_unusable_video
from genrec.errors import InputError, SourceError


def colors_of(frames) -> list[str]:
    return ["RGB"[int(np.asarray(frame, np.float32).mean(axis=(0, 1)).argmax())] for frame in frames]


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "mpeg4"), ("a.mkv", "mpeg4"), ("a.avi", "mpeg4"), ("a.webm", "libvpx")]
)
def test_frames_are_spread_evenly_over_every_kind_of_video(tmp_path: Path, name: str, codec: str) -> None:
    path = save_video(tmp_path / name, (RED, GREEN, BLUE), codec=codec)
    assert why_unusable_video(path) is None
    frames = decode_frames(path, 6)
    assert colors_of(frames) == list("RRGGBB")
    assert {frame.size for frame in frames} == {(32, 32)}
    again = decode_frames(path, 6)
    assert all(np.array_equal(one, two) for one, two in zip(frames, again, strict=True))


def test_a_short_video_gives_the_frames_that_it_has(tmp_path: Path) -> None:
    path = save_video(tmp_path / "a.mp4", (RED, BLUE), frames_each=1)
    assert colors_of(decode_frames(path, 8)) == list("RB")


def test_a_stream_of_unknown_length_is_seen_whole(tmp_path: Path) -> None:
    path = save_video(tmp_path / "a.mkv", (RED, GREEN, BLUE), frames_each=20)
    whole = path.read_bytes()
    at = whole.index(b"\x44\x89\x88")  # Matroska's duration
    path.write_bytes(whole[:at] + b"\xec\x89\x88" + whole[at + 3 :])  # void
    assert colors_of(decode_frames(path, 6)) == list("RRGGBB")


def test_what_is_no_video_is_refused_by_its_name(tmp_path: Path) -> None:
    whole = save_video(tmp_path / "a.mp4", (RED,)).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[:200])
    (tmp_path / "list.mp4").write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n")
    for name, reason in (("cut.mp4", ""), ("list.mp4", "it is text; MP4"), ("none.mp4", "it cannot be opened")):
        with pytest.raises(SourceError, match=rf"video .*{name} cannot be decoded: {reason}.*; save it as MP4"):
            decode_frames(tmp_path / name, 4)


def test_without_pyav_it_is_said_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_video(tmp_path / "a.mp4", (RED,))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(
        InputError, match=r"pip install genrec\[video\], skip it by encode\.skip=video, or give vectors"
    ):
        decode_frames(path, 4)


def test_videos_come_in_by_their_column_and_what_cannot_be_used_is_counted(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    save_video(shop / "a.mp4", (RED,))
    (shop / "b.mp4").write_text("no video")
    rows = ("a,,a.mp4", "b,Bowl,b.mp4", "c,Cup,https://shop.example/c.mp4", "d,Dish,d.mp4", "e,Egg,")
    (shop / "items.csv").write_text("\n".join(("item_id,title,video", *rows)))
    report = ingest("files", shop, tmp_path / "ws")
    videos = {item.item_id: item.video for item in load_workspace_data(tmp_path / "ws").catalog}
    assert videos == {"a": shop / "a.mp4", "b": None, "c": "https://shop.example/c.mp4", "d": None, "e": None}
    assert report.losses["video is not there; the item stays if it has more"] == 1
    assert any(reason.startswith("broken video: it is text") for reason in report.losses)
