"""One self-contained page that shows a demo run: no outside host, no script, readable on a phone and in the dark.

Knows how to embed pictures and fill the template; the template holds all words and looks. Text of items and people is
escaped by Jinja; a content security policy inside the page forbids anything but its own styles and embedded pictures.
"""

import base64
import io
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image, UnidentifiedImageError

from genrec.artifacts import write_text
from genrec.demo.result import DemoResult
from genrec.demo.sheet import draw_contact_sheet
from genrec.errors import InputError

REPORT, CONTACT_SHEET = "report.html", "contact_sheet.png"
_MAX_EDGE_PX = 512  # larger item pictures are shrunk before they are embedded
_MAX_BYTES = 96 * 1024
_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}


def write_report(directory: Path, result: DemoResult) -> Path:
    """Write report.html and contact_sheet.png into a directory and return the page's path.

    Raises InputError when a picture cannot be read.
    """
    directory.mkdir(parents=True, exist_ok=True)
    sheet = draw_contact_sheet(result, directory / CONTACT_SHEET)
    page = _environment().get_template("report.html.jinja").render(result=result, sheet=sheet)
    write_text(directory / REPORT, page)
    return directory / REPORT


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["picture"] = embed_picture
    environment.filters["whole"] = embed_whole
    environment.filters["clock"] = format_seconds
    return environment


def embed_picture(path: Path) -> str:
    """A picture as a data URI, shrunk when it is large. Raises InputError."""
    raw, kind = _read(path)
    if kind in _TYPES and len(raw) <= _MAX_BYTES:
        return _data_uri(raw, _TYPES[kind])
    with Image.open(io.BytesIO(raw)) as image:
        small = image.convert("RGB")
    small.thumbnail((_MAX_EDGE_PX, _MAX_EDGE_PX), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    small.save(stream, format="JPEG", quality=88)
    return _data_uri(stream.getvalue(), "image/jpeg")


def embed_whole(path: Path) -> str:
    """A picture as a data URI, bytes as they are. Raises InputError."""
    raw, kind = _read(path)
    if kind not in _TYPES:
        raise InputError(f"{path} is a {kind} picture, which browsers may not show; wanted {', '.join(_TYPES)}")
    return _data_uri(raw, _TYPES[kind])


def _read(path: Path) -> tuple[bytes, str]:
    try:
        raw = path.read_bytes()
        with Image.open(io.BytesIO(raw)) as image:
            return raw, image.format or "unknown"
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(f"{path} cannot be shown as a picture ({type(error).__name__}); run the demo again") from error


def _data_uri(raw: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(raw).decode()}"


def format_seconds(seconds: float) -> str:
    """A duration for people: 0.4 s, 12 s, 3 min 05 s."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"
