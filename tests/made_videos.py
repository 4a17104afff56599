"""Tiny videos, made by PyAV."""

from pathlib import Path

import av
import numpy as np

RED, GREEN, BLUE = (220, 20, 20), (20, 200, 20), (20, 20, 220)


def save_video(path: Path, colors, *, codec: str = "mpeg4", side_px: int = 32, frames_each: int = 5) -> Path:
    """Frames of one color after the other, ten a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width = stream.height = side_px
        stream.pix_fmt = "yuv420p"
        for color in colors:
            picture = np.broadcast_to(np.array(color, np.uint8), (side_px, side_px, 3))
            for _ in range(frames_each):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture))))
        container.mux(stream.encode(None))
    return path
