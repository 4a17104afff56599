"""Pictures of strangers, decoded in processes of their own.

Decoders are large, old programs that follow whatever a file says: a few megabytes can keep them busy for hours, fill
the memory, or end them. So what a header admits is looked at first, and then the work is done where it takes no time
from the server's own threads, within bounds of memory and time; the process that leaves them is ended, and replaced
for the next picture. Knows nothing of HTTP.
"""

import asyncio
import contextlib
import io
import queue
import signal
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import TypeAlias

import psutil
from PIL import ExifTags, Image, ImageOps

from genrec.data.images import decode_image
from genrec.errors import InputError
from genrec.serve.offspring import end_with_starter

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
MAX_SIDE_PX = 1024  # larger pictures are made smaller; every model here reads less
MAX_SCANS = 100  # of a JPEG; each can cost as much as all pixels, and needs next to no bytes
_NUM_PROCESSES = 2
_MEMORY_BYTES = 2**29
_TURNED = (5, 6, 7, 8)  # EXIF's orientations of pictures that lie on their side
_Pixels: TypeAlias = tuple[tuple[int, int], tuple[int, int], bytes]
_BYTES_PER_PIXEL = 24  # beside that, for six copies with four bands


class UnsoundPicture(InputError):
    """A picture from outside that cannot be read, or is larger than what is read."""


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """An RGB picture, upright, at most 1024 pixels wide and high, and its width and height before that."""

    image: Image.Image
    full_size: tuple[int, int]

    @property
    def num_pixels(self) -> int:
        """How many pixels it had before."""
        return self.full_size[0] * self.full_size[1]


class PictureDecoder:
    """Decodes on a few processes, which start when they are first needed."""

    def __init__(self, *, limit_s: float, max_pixels: int, max_waiting: int, memory_bytes: int = _MEMORY_BYTES) -> None:
        """limit_s, max_pixels: for one picture; max_waiting: pictures that wait for a process.

        memory_bytes: that a process may take beside what the pixels need.
        """
        self._limit_s, self._max_pixels, self._max_waiting = limit_s, max_pixels, max_waiting
        self._memory_bytes = memory_bytes + _BYTES_PER_PIXEL * max_pixels
        self._threads = ThreadPoolExecutor(_NUM_PROCESSES, thread_name_prefix="picture")
        self._processes: queue.SimpleQueue[_DecodingProcess] = queue.SimpleQueue()
        for _ in range(_NUM_PROCESSES):
            self._processes.put(_DecodingProcess())
        self._num_waiting = 0

    async def decode(self, content: bytes, *, max_pixels: int) -> DecodedPicture:
        """The first frame of a file's content. max_pixels: of this one, if that is less than of any.

        Raises UnsoundPicture, and queue.Full when too many wait.
        """
        if self._num_waiting >= self._max_waiting:
            raise queue.Full
        self._num_waiting += 1
        try:
            most = min(max_pixels, self._max_pixels)
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._decode, content, most)
        finally:
            self._num_waiting -= 1

    def _decode(self, content: bytes, max_pixels: int) -> DecodedPicture:
        process = self._processes.get_nowait()  # there are as many as threads
        try:
            return process.decode(content, self._limit_s, self._memory_bytes, max_pixels)
        finally:
            self._processes.put(process)

    def close(self) -> None:
        """End the processes, when they have done what is in hand."""
        self._threads.shutdown(cancel_futures=True)
        for _ in range(_NUM_PROCESSES):
            self._processes.get_nowait().end()


class _DecodingProcess:
    """One process, or none as long as nothing is asked; for one thread at a time."""

    def __init__(self) -> None:
        self._running: tuple[SpawnProcess, Connection] | None = None

    def decode(self, content: bytes, limit_s: float, memory_bytes: int, max_pixels: int) -> DecodedPicture:
        if self._running is None:
            self._running = _start(memory_bytes)
        _, line = self._running
        try:
            line.send(max_pixels)
            line.send_bytes(content)
            if not line.poll(limit_s):
                raise UnsoundPicture(f"it cannot be decoded within {limit_s:g} s; send it plain and smaller")
            answer: str | _Pixels = line.recv()
        except (EOFError, OSError):
            self.end()
            raise UnsoundPicture(f"it cannot be decoded; {', '.join(FORMATS)} are read") from None
        except UnsoundPicture:
            self.end()
            raise
        if isinstance(answer, str):
            raise UnsoundPicture(answer)
        full_size, size, pixels = answer
        return DecodedPicture(Image.frombytes("RGB", size, pixels), full_size)

    def end(self) -> None:
        if self._running is not None:
            process, line = self._running
            self._running = None
            line.close()
            process.kill()
            process.join()
            process.close()


def _start(memory_bytes: int) -> tuple[SpawnProcess, Connection]:
    context = get_context("spawn")
    line, its_line = context.Pipe()
    process = context.Process(target=_work, args=(its_line, memory_bytes), name="pictures", daemon=True)
    process.start()
    its_line.close()  # so that its end is noticed here
    line.recv()  # it is ready
    return process, line


# ---- in a process of its own


def _work(line: Connection, memory_bytes: int) -> None:
    """Decode pictures until nobody is there to ask."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    end_with_starter()
    _limit_memory(memory_bytes)
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = None  # headers are looked at here
    line.send(None)
    with contextlib.suppress(EOFError):
        while True:
            max_pixels = line.recv()
            line.send(_decoded(line.recv_bytes(), max_pixels))


def _limit_memory(num_bytes: int) -> None:
    """Take no more than this beside what is taken now, where the system can hold a process to it."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        limit = psutil.Process().memory_info().vms + num_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _decoded(content: bytes, max_pixels: int) -> str | _Pixels:
    """The size before, the size and the pixels of a picture, or why it cannot be read."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
            num_pixels, size = opened.width * opened.height, f"{opened.width} × {opened.height}"
            if num_pixels > max_pixels:
                return f"it has {size} pixels; at most {max_pixels:,} are read"
            if opened.format in ("JPEG", "MPO") and content.count(b"\xff\xda") > MAX_SCANS:
                return f"it is a JPEG of more than {MAX_SCANS} scans; send it plain"
            is_turned = opened.getexif().get(ExifTags.Base.Orientation) in _TURNED
            full_size = (opened.height, opened.width) if is_turned else opened.size
            opened.draft("RGB", (MAX_SIDE_PX, MAX_SIDE_PX))
            picture = decode_image(ImageOps.exif_transpose(_reduced(opened)))
    except MemoryError:
        return "it needs too much memory; send it plain and smaller"
    except Exception:  # Pillow raises almost anything over broken files
        return f"it cannot be decoded; {', '.join(FORMATS)} are read"
    picture.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX))
    return full_size, picture.size, picture.tobytes()


def _reduced(image: Image.Image) -> Image.Image:
    """The picture less than twice as wide or high as wanted, so that no more copies of all its pixels are made."""
    factor = max(image.size) // MAX_SIDE_PX
    if factor < 2 or image.mode.startswith("I"):
        return image
    if image.mode not in ("RGB", "RGBA", "L", "LA") or "transparency" in image.info:
        is_clear = "A" in image.getbands() or "transparency" in image.info
        return image.convert("RGBA" if is_clear else "RGB").reduce(factor)
    return image.reduce(factor)
