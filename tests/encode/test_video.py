"""Videos are seen by the image tower, all of them, and never pass in silence where nothing decodes them."""

import logging
import sys
from dataclasses import replace

import numpy as np
import pytest
from made_videos import BLUE, GREEN, RED, save_video

from genrec.config import EncodeConfig
from genrec.data.videos import decode_frames
from genrec.encode.clip import NUM_FRAMES, ClipEncoder
from genrec.encode.stage import encode_items
from genrec.errors import InputError
from genrec.schema import Embeddings, Item


@pytest.fixture
def config(clip_folder):
    return EncodeConfig(clip=str(clip_folder), batch_size=2)


@pytest.fixture
def items(tmp_path):
    shown = {"r": (RED, RED), "rb": (RED, BLUE), "g": (GREEN, GREEN)}
    videos = [Item(item_id=name, video=save_video(tmp_path / f"{name}.mp4", colors)) for name, colors in shown.items()]
    return (*videos, Item(item_id="t", title="mug", video="https://shop.example/mug.mp4"))


def test_a_video_is_the_unit_mean_of_its_frames(items, config, tmp_path):
    found = encode_items(items, {}, config, "cpu", tmp_path / "cache")
    assert list(found) == ["text", "video"]
    assert found["video"].present.tolist() == [True, True, True, False]
    frames = ClipEncoder(config.clip, "cpu").encode_images(decode_frames(items[1].video, NUM_FRAMES))
    mean = frames.mean(axis=0)
    np.testing.assert_allclose(found["video"].vectors[1], mean / np.linalg.norm(mean), atol=1e-5)
    assert np.abs(found["video"].vectors[0] - found["video"].vectors[1]).max() > 1e-3  # its second half counts
    for item in items[:3]:
        item.video.rename(tmp_path / f"moved-{item.video.name}")
    moved = [replace(item, video=tmp_path / f"moved-{item.video.name}") for item in items[:3]]
    warm = encode_items([*moved, items[3]], {}, config, "cpu", tmp_path / "cache")
    np.testing.assert_array_equal(warm["video"].vectors, found["video"].vectors)


def test_videos_that_nothing_decodes_are_refused_or_told(items, config, tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InputError, match=r"3 of 4 items have nothing but a video \('r' first\), .*genrec\[video\]"):
        encode_items(items, {}, config, "cpu", tmp_path)
    titled = [replace(item, title="thing") for item in items]
    with caplog.at_level(logging.WARNING):
        assert list(encode_items(titled, {}, config, "cpu", tmp_path)) == ["text"]
    assert "3 items have a video, and PyAV, which decodes it, is not installed" in caplog.text
    caplog.clear()
    encode_items(titled, {}, replace(config, skip=("video",)), "cpu", tmp_path)
    assert not caplog.text


def test_given_vectors_stand_for_videos(items, config, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    given = Embeddings(name="video", vectors=np.eye(4, 5, dtype=np.float32), present=np.ones(4, dtype=bool))
    assert encode_items(items, {"video": given}, config, "cpu", tmp_path)["video"] is given
