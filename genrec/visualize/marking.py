"""Marks generated pictures, to the eye and in the file, and lays pictures out on a labeled sheet.

Since August 2026 generated pictures shown to people in the EU must be marked (Regulation 2024/1689, article 50). Knows
pixels and metadata; knows nothing of models.
"""

import json
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from genrec.artifacts import write_file, write_text
from genrec.errors import ShapeError

MIN_SIDE_PX = 256  # smaller drawings are enlarged, so that people can see them
STRIP_PX = 20
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
INK, PAPER, SOFT_INK = (52, 50, 48), (250, 248, 244), (120, 116, 110)
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def mark_as_generated(picture: Image.Image, note: str) -> Image.Image:
    """The picture, at least MIN_SIDE_PX wide, above a thin strip that says it is generated; no pixel is covered."""
    factor = max(1, -(-MIN_SIDE_PX // min(picture.size)))
    large = picture.convert("RGB").resize(
        (picture.width * factor, picture.height * factor), Image.Resampling.BICUBIC if factor > 1 else None
    )
    marked = Image.new("RGB", (large.width, large.height + STRIP_PX), PAPER)
    marked.paste(large, (0, 0))
    pen, font = ImageDraw.Draw(marked), _font(12)
    text = _fit(f"generated · {note}", large.width - 12, font)
    pen.text((6, large.height + STRIP_PX // 2), text, fill=SOFT_INK, font=font, anchor="lm")
    return marked


def picture_area(marked: Image.Image) -> Image.Image:
    """A marked picture without its strip."""
    return marked.crop((0, 0, marked.width, marked.height - STRIP_PX))


def save_marked(marked: Image.Image, path: Path, record: Mapping[str, object]) -> None:
    """Write the PNG, atomically, with the record in its text chunks, and the record beside it as JSON."""
    text = json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True)
    chunks = PngInfo()
    chunks.add_text("generated", "true")
    chunks.add_text("DigitalSourceType", SOURCE_TYPE)
    chunks.add_itxt("genrec", text)
    with write_file(path) as partial:
        marked.save(partial, format="PNG", pnginfo=chunks)
    write_text(path.with_suffix(".json"), text + "\n")


def contact_sheet(
    images: Sequence[Image.Image], captions: Sequence[str], columns: int, *, cell_px: int = 256, heading: str = ""
) -> Image.Image:
    """Pictures in a grid on paper, each with its caption (up to three lines) beneath, an optional heading on top.

    Raises ShapeError when there is no picture or not one caption per picture.
    """
    if not images or len(images) != len(captions) or columns < 1:
        raise ShapeError(
            f"a contact sheet needs one caption per picture and a column, got {len(images)} pictures, "
            f"{len(captions)} captions, {columns} columns"
        )
    gap, line_px, top = 24, 19, 64 if heading else 24
    caption_px = 3 * line_px + 12
    rows = -(-len(images) // columns)
    size = (gap + columns * (cell_px + gap), top + rows * (cell_px + caption_px) + gap // 2)
    sheet = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(sheet)
    if heading:
        pen.text((gap, 34), _fit(heading, size[0] - 2 * gap, _font(24)), fill=INK, font=_font(24), anchor="lm")
    for place, (image, caption) in enumerate(zip(images, captions, strict=True)):
        x = gap + (place % columns) * (cell_px + gap)
        y = top + (place // columns) * (cell_px + caption_px)
        sheet.paste(_framed(image, cell_px), (x, y))
        for number, line in enumerate(_wrap(caption, cell_px, _font(15))):
            ink = INK if number == 0 else SOFT_INK
            pen.text((x, y + cell_px + 8 + number * line_px), line, fill=ink, font=_font(15))
    return sheet


def _framed(image: Image.Image, cell_px: int) -> Image.Image:
    """The whole picture in a square cell, on white, with a hairline border."""
    scale = cell_px / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    cell = Image.new("RGB", (cell_px, cell_px), "white")
    cell.paste(
        image.convert("RGB").resize(size, Image.Resampling.LANCZOS),
        ((cell_px - size[0]) // 2, (cell_px - size[1]) // 2),
    )
    ImageDraw.Draw(cell).rectangle((0, 0, cell_px - 1, cell_px - 1), outline=(222, 217, 208))
    return cell


def _wrap(caption: str, width_px: int, font: Font, max_lines: int = 3) -> list[str]:
    per_line = max(8, int(width_px / max(font.getlength("abcdefgh") / 8, 1)))
    lines = [line for part in caption.split("\n") for line in textwrap.wrap(part, per_line)]
    kept = lines[:max_lines]
    if len(lines) > max_lines:
        kept[-1] = kept[-1][: per_line - 1] + "…"
    return [_fit(line, width_px, font) for line in kept]


def _fit(text: str, width_px: int, font: Font) -> str:
    if font.getlength(text) <= width_px:
        return text
    while text and font.getlength(text + "…") > width_px:
        text = text[:-1]
    return text + "…"


def _font(size_px: int) -> Font:
    return ImageFont.load_default(size_px)
