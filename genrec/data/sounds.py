"""Sounds of items: looked at by their first bytes, and decoded into windows of one channel.

WAV is decoded by SciPy; FLAC, Ogg and MP3 by soundfile where that is installed (`pip install genrec[audio]`). A long
sound is heard in a few windows that are spread over it evenly, so that equal files give equal samples. Loads no model.
"""

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genrec.data.file_kinds import EMPTY, FLAC, MP3, OGG, WAV, kind_of_file
from genrec.errors import InputError, SourceError
from genrec.schema import FloatArray

MAX_RATE_HZ = 768_000
_KINDS = (WAV, FLAC, OGG, MP3)
_ADVICE = "save it as WAV or FLAC, or remove it from its item"


def why_unusable_sound(path: Path) -> str | None:
    """Why a file is no sound that is read, or None; by its first bytes."""
    try:
        kind = kind_of_file(path)
    except OSError as error:
        return f"it cannot be opened ({error.strerror})"
    if kind is EMPTY:
        return kind.reason
    return None if kind in _KINDS else f"it is {kind.name}; WAV, FLAC, Ogg and MP3 are read"


def decode_windows(path: Path, *, rate_hz: int, num_samples: int, max_windows: int) -> list[FloatArray]:
    """The windows of a sound, float32 of at most num_samples each, one channel at rate_hz; one of a short sound.

    Raises SourceError naming the file, and InputError where what decodes its kind is not installed.
    """
    if reason := why_unusable_sound(path):
        raise SourceError(f"sound {path} cannot be decoded: {reason}; {_ADVICE}")
    try:
        read = _read_wav if kind_of_file(path) is WAV else _read_other
        return _windows(*read(path), rate_hz=rate_hz, num_samples=num_samples, max_windows=max_windows)
    except InputError:
        raise
    except Exception as error:  # decoders raise almost anything over broken files
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(f"sound {path} cannot be decoded: {reason}; {_ADVICE}") from error


Read = Callable[[int, int], npt.NDArray[Any]]  # Any: samples of any kind; from a frame, so many frames


def _windows(
    found_hz: int, num_frames: int, read: Read, *, rate_hz: int, num_samples: int, max_windows: int
) -> list[FloatArray]:
    from scipy.signal import resample_poly

    if not 0 < found_hz <= MAX_RATE_HZ or num_frames < 1:
        raise ValueError(f"it holds {num_frames:,} samples at {found_hz:,} Hz")
    length = min(num_frames, math.ceil(num_samples * found_hz / rate_hz))
    count = min(max_windows, math.ceil(num_frames / length))
    common = math.gcd(rate_hz, found_hz)
    windows = []
    for start in np.linspace(0, num_frames - length, count).astype(int):
        samples = _mono(read(int(start), length))
        if not np.isfinite(samples).all():
            raise ValueError("it holds samples that are not finite")
        heard = samples if rate_hz == found_hz else resample_poly(samples, rate_hz // common, found_hz // common)
        windows.append(np.ascontiguousarray(heard[:num_samples], dtype=np.float32))
    return windows


def _mono(samples: npt.NDArray[Any]) -> FloatArray:
    """The mean of all channels, between -1 and 1."""
    kind = samples.dtype
    scaled: FloatArray = samples.astype(np.float32)
    if kind == np.uint8:
        scaled = (scaled - np.float32(128)) / np.float32(128)
    elif kind.kind == "i":
        scaled = scaled / np.float32(2 ** (8 * kind.itemsize - 1))
    mean: FloatArray = scaled if scaled.ndim == 1 else scaled.mean(axis=1)
    return mean


def _read_wav(path: Path) -> tuple[int, int, Read]:
    from scipy.io import wavfile

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", wavfile.WavFileWarning)  # of chunks that say nothing of the sound
        try:
            rate_hz, samples = wavfile.read(path, mmap=True)
        except ValueError:  # 24 bits cannot be mapped
            rate_hz, samples = wavfile.read(path)
    return int(rate_hz), len(samples), lambda start, count: samples[start : start + count]


def _read_other(path: Path) -> tuple[int, int, Read]:
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: without its C library
        raise InputError(
            f"sound {path} is {kind_of_file(path).name}, which soundfile decodes: pip install genrec[audio], save it "
            "as WAV, or give vectors with --features audio=FILE"
        ) from error
    found = soundfile.info(str(path))

    def read(start: int, count: int) -> npt.NDArray[Any]:  # Any: as in Read
        samples: npt.NDArray[Any] = soundfile.read(str(path), frames=count, start=start, dtype="float32")[0]
        return samples

    return int(found.samplerate), int(found.frames), read
