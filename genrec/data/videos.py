"""Videos of items: looked at by their first bytes, and decoded into a few frames that are spread over them evenly.

PyAV decodes, where it is installed (`pip install genrec[video]`); it reads the opened file alone, for a video may name
other files and addresses. Equal files give equal frames. Loads no model.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import Image

from genrec.data.file_kinds import EMPTY, VIDEO, kind_of_file
from genrec.data.images import MAX_PIXELS
from genrec.errors import InputError, SourceError

_ADVICE = "save it as MP4 or WebM, or remove it from its item"
_OPTIONS = {"protocol_whitelist": "none"}  # of FFmpeg, for addresses within a file


def can_decode_videos() -> bool:
    """Whether what decodes videos is installed."""
    return find_spec("av") is not None


def why_unusable_video(path: Path) -> str | None:
    """Why a file is no video that is read, or None; by its first bytes."""
    try:
        kind = kind_of_file(path)
    except OSError as error:
        return f"it cannot be opened ({error.strerror})"
    if kind is EMPTY:
        return kind.reason
    return None if kind is VIDEO else f"it is {kind.name}; MP4, WebM, Matroska, AVI and MPEG are read"


def decode_frames(path: Path, num_frames: int) -> list[Image.Image]:
    """Frames in the middles of so many equal parts of a video, upright; fewer where it has fewer, one at least.

    Raises SourceError naming the file, and InputError where PyAV is not installed.
    """
    if not can_decode_videos():
        raise InputError(
            f"video {path} is decoded by PyAV, which is not installed; pip install genrec[video], skip it by "
            "encode.skip=video, or give vectors with --features video=FILE"
        )
    if reason := why_unusable_video(path):
        raise SourceError(f"video {path} cannot be decoded: {reason}; {_ADVICE}")
    try:
        frames = _frames(path, num_frames)
        if not frames:
            raise ValueError("it holds no picture")
        return frames
    except Exception as error:  # decoders raise almost anything over broken files
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(f"video {path} cannot be decoded: {reason}; {_ADVICE}") from error


def _frames(path: Path, num_frames: int) -> list[Image.Image]:
    import av

    with path.open("rb") as stream, av.open(stream, mode="r", options=_OPTIONS) as container:
        if not container.streams.video:
            raise ValueError("it has no pictures, only sound")
        video = container.streams.video[0]
        if video.codec_context.width * video.codec_context.height > MAX_PIXELS:
            raise ValueError(f"its frames have more than {MAX_PIXELS:,} pixels")
        of_all_s = (container.duration or 0) / av.time_base
        length_s = float(video.duration * video.time_base) if video.duration and video.time_base else of_all_s
        found = _at_times(container, video, length_s, num_frames) if length_s > 0 else []
        if not found:
            container.seek(0)
            found = _spread(container.decode(video), num_frames)
    return [frame.to_image().rotate(frame.rotation, expand=True) for frame in found]


def _at_times(container: Any, video: Any, length_s: float, num_frames: int) -> list[Any]:  # Any: PyAV's
    """The frame that is shown in the middle of each part; each once."""
    found: dict[int, Any] = {}
    start_s = float((video.start_time or 0) * video.time_base)
    for part in range(num_frames):
        wanted_s = start_s + (part + 0.5) * length_s / num_frames
        container.seek(int(wanted_s / video.time_base), stream=video)  # to the key frame before
        shown = None
        for frame in container.decode(video):
            if shown is not None and (frame.time is None or frame.time > wanted_s):
                break
            shown = frame
        if shown is not None and shown.pts is not None:
            found.setdefault(shown.pts, shown)
    return list(found.values())


def _spread(frames: Iterator[Any], num_frames: int) -> list[Any]:  # Any: as above
    """Frames of a video of unknown length: every so many, twice as many whenever too many are held."""
    kept: list[Any] = []
    step = 1
    for number, frame in enumerate(frames):
        if number % step == 0:
            kept.append(frame)
        if len(kept) >= 2 * num_frames:
            kept, step = kept[::2], 2 * step
    return [kept[int((part + 0.5) * len(kept) / num_frames)] for part in range(min(num_frames, len(kept)))]
