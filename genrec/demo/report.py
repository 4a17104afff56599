"""The report of a demo run: one self-contained page, and the loss curve as a picture.

The page needs no outside host and no script, and is readable on a phone and in the dark.

Knows how to embed pictures and fill the template; the template holds all words and looks. Text of items and people is
escaped by Jinja; a content security policy inside the page forbids anything but its own styles and embedded pictures.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from genrec.artifacts import write_file, write_text
from genrec.data.file_kinds import HEAD_BYTES, kind_of
from genrec.data.images import decode_image
from genrec.demo.result import DemoResult
from genrec.demo.sheet import draw_contact_sheet
from genrec.errors import InputError
from genrec.sinks import visible

REPORT, CONTACT_SHEET = "report.html", "contact_sheet.png"
_MAX_EDGE_PX = 512  # larger item pictures are shrunk before they are embedded
_MAX_BYTES = 96 * 1024
_TRAIN_COLOR, _EVAL_COLOR = "#4f46e5", "#e11d48"
_TYPES = ("image/png", "image/jpeg", "image/webp", "image/gif")


def write_report(directory: Path, result: DemoResult) -> Path:
    """Write report.html and contact_sheet.png into a directory and return the page's path.

    Raises InputError when a picture cannot be read.
    """
    directory.mkdir(parents=True, exist_ok=True)
    sheet = draw_contact_sheet(result, directory / CONTACT_SHEET)
    page = _environment().get_template("report.html.jinja").render(result=result, sheet=sheet)
    write_text(directory / REPORT, page)
    return directory / REPORT


def _shown(value: object) -> object:
    """A value as the page shows it; text of others in one line, without what would turn the direction of writing."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters["picture"] = embed_picture
    environment.filters["whole"] = embed_whole
    environment.filters["clock"] = format_seconds
    return environment


def embed_picture(path: Path) -> str:
    """A picture as a data URI, shrunk when it is large. Raises InputError."""
    raw, kind = _read(path)
    if kind in _TYPES and len(raw) <= _MAX_BYTES:
        return _data_uri(raw, kind)
    small = decode_image(raw)
    small.thumbnail((_MAX_EDGE_PX, _MAX_EDGE_PX), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    small.save(stream, format="JPEG", quality=88)
    return _data_uri(stream.getvalue(), "image/jpeg")


def embed_whole(path: Path) -> str:
    """A picture as a data URI, bytes as they are. Raises InputError."""
    raw, kind = _read(path)
    if kind not in _TYPES:
        raise InputError(f"{path} is {kind}, which browsers may not show; wanted {', '.join(_TYPES)}")
    return _data_uri(raw, kind)


def _read(path: Path) -> tuple[bytes, str]:
    """The bytes of a picture and their media type, or the name of their kind where browsers show none."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be shown as a picture ({type(error).__name__}); run the demo again") from error
    kind = kind_of(raw[:HEAD_BYTES])
    if not (kind.media == "picture" and kind.is_read):
        raise InputError(f"{path} cannot be shown as a picture ({kind.name}); run the demo again")
    return raw, kind.media_type or kind.name


def _data_uri(raw: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(raw).decode()}"


def format_seconds(seconds: float) -> str:
    """A duration for people: 0.4 s, 12 s, 3 min 05 s."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


def draw_loss_curve(history: Sequence[Mapping[str, float]], path: Path) -> Path:
    """Draw training and validation loss over steps as a PNG.

    history: entries as a Trainer logs them, each with `step` and `loss` or `eval_loss` (nats per token); entries with
    neither are passed over. Raises InputError when nothing can be drawn.
    """
    from matplotlib.figure import Figure

    lines = {
        name: [(e["step"], e[name]) for e in history if name in e and "step" in e] for name in ("loss", "eval_loss")
    }
    if not any(lines.values()):
        raise InputError(f"the training history of {len(history)} entries has no loss; train first, then draw")
    figure = Figure(figsize=(6.4, 3.4), dpi=160, layout="constrained")
    axes = figure.subplots()
    for name, label, color in (("loss", "training", _TRAIN_COLOR), ("eval_loss", "validation", _EVAL_COLOR)):
        if lines[name]:
            steps, losses = zip(*lines[name], strict=True)
            marker = "o" if name == "eval_loss" or len(steps) == 1 else None
            axes.plot(steps, losses, color=color, label=label, linewidth=1.8, marker=marker, markersize=4)
    axes.set_xlabel("step")
    axes.set_ylabel("loss (nats per token)")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    with write_file(path) as partial:
        figure.savefig(partial, format="png")
    return path
