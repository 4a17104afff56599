"""Sounds are heard by a CLAP model, whole, the same every time, and never pass in silence where nothing hears them."""

import logging
from dataclasses import replace

import numpy as np
import pytest
from scipy.io import wavfile

from genrec.config import EncodeConfig
from genrec.encode.audio import ClapEncoder
from genrec.encode.stage import encode_items
from genrec.errors import InputError, SourceError
from genrec.schema import Embeddings, Item

RATE_HZ = 8000


def tone(path, *, hz=440, seconds=0.5, rate_hz=RATE_HZ):
    times = np.arange(int(seconds * rate_hz)) / rate_hz
    wavfile.write(path, rate_hz, (0.5 * np.sin(2 * np.pi * hz * times)).astype(np.float32))
    return path


@pytest.fixture
def config(clip_folder, clap_folder):
    return EncodeConfig(clip=str(clip_folder), audio=str(clap_folder), batch_size=2)


def sounding(folder, count=3):
    return tuple(Item(item_id=f"s{n}", audio=tone(folder / f"{n}.wav", hz=200 + 300 * n)) for n in range(count))


@pytest.mark.parametrize("model", ["clap_folder", "fused_clap_folder"])
def test_sounds_become_unit_vectors_the_same_every_time_and_different_from_each_other(tmp_path, model, request):
    folder = request.getfixturevalue(model)
    sounds = [
        tone(tmp_path / "low.wav", hz=200),
        tone(tmp_path / "high.wav", hz=3000),
        tone(tmp_path / "a.wav", seconds=9),
    ]
    first = ClapEncoder(str(folder), "cpu").encode_sounds(sounds)
    encoder = ClapEncoder(str(folder), "cpu")
    np.testing.assert_array_equal(encoder.encode_sounds(sounds[::-1])[::-1], first)
    for seed in range(4):
        np.random.seed(seed)  # by which the extractor would choose a window
        np.testing.assert_array_equal(encoder.encode_sounds(sounds[2:]), first[2:])
    assert first.shape == (3, 12)
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, rtol=1e-5)
    assert np.abs(first[0] - first[1]).max() > 1e-3


def test_a_long_sound_is_heard_beyond_its_beginning(tmp_path, clap_folder):
    low, high = (0.5 * np.sin(2 * np.pi * hz * np.arange(2 * RATE_HZ) / RATE_HZ) for hz in (200, 3000))
    for name, parts in (("one", [low, low]), ("other", [low, high])):
        wavfile.write(tmp_path / f"{name}.wav", RATE_HZ, np.concatenate(parts).astype(np.float32))
    one, other = ClapEncoder(str(clap_folder), "cpu").encode_sounds([tmp_path / "one.wav", tmp_path / "other.wav"])
    assert np.abs(one - other).max() > 1e-4


def test_items_with_nothing_but_a_sound_are_encoded_and_cached(tmp_path, config):
    items = (*sounding(tmp_path), Item(item_id="t", title="mug"))
    found = encode_items(items, {}, config, "cpu", tmp_path / "cache")
    assert list(found) == ["text", "audio"]
    assert found["audio"].present.tolist() == [True, True, True, False]
    wanted = ClapEncoder(config.audio, "cpu").encode_sounds([item.audio for item in items[:3]])
    np.testing.assert_allclose(found["audio"].vectors[:3], wanted, atol=1e-6)
    for item in items[:3]:
        item.audio.rename(tmp_path / f"moved-{item.audio.name}")
    moved = [replace(item, audio=tmp_path / f"moved-{item.audio.name}") for item in items[:3]]
    warm = encode_items([*moved, items[3]], {}, config, "cpu", tmp_path / "cache")
    np.testing.assert_array_equal(warm["audio"].vectors, found["audio"].vectors)


def test_items_with_nothing_but_a_sound_are_refused_where_no_model_hears_them(tmp_path, config):
    items = (*sounding(tmp_path), Item(item_id="t", title="mug"))
    with pytest.raises(
        InputError, match=r"3 of 4 items have nothing but a sound .*set encode\.audio to a CLAP model, or"
    ):
        encode_items(items, {}, replace(config, audio=None), "cpu", tmp_path)


def test_given_vectors_stand_for_sounds(tmp_path, config):
    items = (*sounding(tmp_path), Item(item_id="t", title="mug"))
    vectors = Embeddings(name="audio", vectors=np.eye(4, 5, dtype=np.float32), present=np.ones(4, dtype=bool))
    for name in ("audio", "hearing"):
        given = {name: replace(vectors, name=name)}
        assert name in encode_items(items, given, replace(config, audio=None), "cpu", tmp_path)


def test_a_sound_beside_words_that_no_model_hears_is_warned_of(tmp_path, config, caplog):
    item = replace(sounding(tmp_path, 1)[0], title="song")
    with caplog.at_level(logging.WARNING):
        assert list(encode_items([item], {}, replace(config, audio=None), "cpu", tmp_path)) == ["text"]
    assert "1 items have a sound, which no model hears" in caplog.text
    caplog.clear()
    encode_items([item], {}, replace(config, audio=None, skip=("audio",)), "cpu", tmp_path)
    assert not caplog.text


def test_what_cannot_be_decoded_is_named(tmp_path, config):
    (tmp_path / "a.wav").write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt broken")
    with pytest.raises(SourceError, match=r"sound .*a\.wav cannot be decoded"):
        encode_items([Item(item_id="a", audio=tmp_path / "a.wav")], {}, config, "cpu", tmp_path / "cache")


def test_a_model_that_is_not_there_says_which_setting_names_it(tmp_path, config):
    with pytest.raises(InputError, match=r"CLAP model .*set encode\.audio"):
        encode_items(sounding(tmp_path, 1), {}, replace(config, audio=str(tmp_path / "none")), "cpu", tmp_path)
