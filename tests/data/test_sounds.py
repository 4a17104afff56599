"""Sounds of every width, rate and number of channels are decoded alike, and what is none is refused by its name."""

import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from genrec.data.sounds import decode_windows, why_unusable_sound
from genrec.errors import InputError, SourceError

WAVE = 0.5 * np.sin(2 * np.pi * 100 * np.arange(8000) / 8000)


def written(path: Path, samples: np.ndarray, rate_hz: int = 8000) -> Path:
    wavfile.write(path, rate_hz, samples)
    return path


def of_24_bits(path: Path) -> Path:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(3)
        sound.setframerate(8000)
        sound.writeframes(b"".join(round(value * (2**23 - 1)).to_bytes(3, "little", signed=True) for value in WAVE))
    return path


def heard(path: Path, *, rate_hz: int = 8000, num_samples: int = 8000, max_windows: int = 1) -> list[np.ndarray]:
    return decode_windows(path, rate_hz=rate_hz, num_samples=num_samples, max_windows=max_windows)


@pytest.mark.parametrize(
    ("samples", "within"),
    [
        (WAVE.astype(np.float32), 1e-6),
        (WAVE, 1e-6),
        ((WAVE * 2**31).astype(np.int32), 1e-6),
        ((WAVE * 2**15).astype(np.int16), 1e-4),
        ((WAVE * 127 + 128).astype(np.uint8), 0.01),
        (np.stack([WAVE * 2, np.zeros(8000)], axis=1).astype(np.float32), 1e-6),
    ],
)
def test_samples_of_every_kind_and_channel_are_heard_alike(tmp_path: Path, samples: np.ndarray, within: float) -> None:
    (window,) = heard(written(tmp_path / "a.wav", samples))
    assert window.dtype == np.float32
    np.testing.assert_allclose(window, WAVE, atol=within)


def test_24_bits_are_heard(tmp_path: Path) -> None:
    np.testing.assert_allclose(heard(of_24_bits(tmp_path / "a.wav"))[0], WAVE, atol=1e-5)


@pytest.mark.parametrize("rate_hz", [4000, 11025, 16000, 44100])
def test_other_rates_are_resampled(tmp_path: Path, rate_hz: int) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 100 * np.arange(rate_hz) / rate_hz)
    (window,) = heard(written(tmp_path / "a.wav", tone.astype(np.float32), rate_hz))
    assert len(window) == 8000
    np.testing.assert_allclose(window[500:-500], WAVE[500:-500], atol=0.01)


def test_a_long_sound_is_cut_into_windows_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", np.arange(1000, dtype=np.float32) / 1000)
    windows = heard(path, num_samples=100, max_windows=3)
    assert [round(float(window[0]) * 1000) for window in windows] == [0, 450, 900]
    assert {len(window) for window in windows} == {100}
    assert [len(window) for window in heard(path, num_samples=600, max_windows=3)] == [600, 600]
    assert [len(window) for window in heard(path, num_samples=5000, max_windows=3)] == [1000]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "an empty file"),
        (b"<html>404</html>", "a web page"),
        (b"\x89PNG\r\n\x1a\n", "a PNG"),
        (b"\x00\x00\x00\x18ftypM4A \x00\x00\x02\x00M4A mp42", "an MPEG-4 sound"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp41", "a video"),
    ],
)
def test_what_is_no_sound_is_refused_by_its_name(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    assert reason in (why_unusable_sound(path) or "")
    with pytest.raises(SourceError, match=reason):
        heard(path)


@pytest.mark.parametrize("head", [b"fLaC", b"OggS", b"ID3\x04", b"\xff\xfb\x90\x00"])
def test_kinds_that_soundfile_decodes_are_known_and_its_absence_says_what_to_do(
    tmp_path: Path, head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)  # type: ignore[arg-type]  # as Python spells an absent module
    path = tmp_path / "a.wav"
    path.write_bytes(head + bytes(100))
    assert why_unusable_sound(path) is None
    with pytest.raises(InputError, match=r"pip install genrec\[audio\], save it as WAV, or give vectors"):
        heard(path)


def test_flac_is_heard_as_it_was(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile", reason="soundfile, of the extra audio, is not installed")
    soundfile.write(tmp_path / "a.flac", WAVE, 8000)
    np.testing.assert_allclose(heard(tmp_path / "a.flac")[0], WAVE, atol=1e-3)


@pytest.mark.parametrize("samples", [np.zeros(0, np.float32), np.full(10, np.nan, np.float32)])
def test_sounds_without_samples_are_refused(tmp_path: Path, samples: np.ndarray) -> None:
    with pytest.raises(SourceError, match=r"a\.wav cannot be decoded: it holds"):
        heard(written(tmp_path / "a.wav", samples))
