"""Pictures as they are written: labeled to the eye, with their record inside and beside, signed where that is set.

Since August 2026 generated pictures shown to people in the EU must be marked (Regulation 2024/1689, article 50); what
was altered by no model is said to be edited. Also lays pictures out on a labeled sheet. Knows pixels and metadata;
knows nothing of models.
"""

import hashlib
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps
from PIL.PngImagePlugin import PngInfo

from genrec.artifacts import write_file, write_text
from genrec.data.images import decode_image
from genrec.errors import InputError, ShapeError
from genrec.runtime import shown_name
from genrec.visualize.credentials import Credentials, sign
from genrec.visualize.record import Mode, VisualRecord
from genrec.visualize.safety import SafetyCheck, require_safe

MIN_SIDE_PX = 256  # narrower drawings are enlarged, so that people can see them and the label can be read
STRIP_SHARE = 20 / 256  # of the width, so that the label is as readable however large a picture is shown
WORDS: Mapping[Mode, str] = {
    "scene": "AI-generated scene",
    "variation": "AI-generated variation",
    "photo": "AI-edited photo",
}
WORDS_OF_EDITED: Mapping[Mode, str] = {
    "variation": "Edited picture, the item changed",
    "photo": "Edited photo, the item added",
}
RECORD_CHUNK = "genrec"
INK, PAPER, SOFT_INK = (52, 50, 48), (250, 248, 244), (120, 116, 110)
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
# What programs that know nothing of C2PA look for: IPTC's source type, as XMP.
_XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'Iptc4xmpExt:DigitalSourceType="{}"/></rdf:RDF></x:xmpmeta>'
)


def write_visual(
    picture: Image.Image,
    record: VisualRecord,
    path: Path,
    *,
    credentials: Credentials | None,
    safety: SafetyCheck | None,
) -> VisualRecord:
    """Write a picture as a PNG with its record inside, signed where there are credentials, and the record beside it.

    The one place that writes pictures: safety is asked of all but an item's own, before anything is written. Returns
    the record as written. Raises RequestRefused, InputError where it cannot be signed; then nothing is written.
    """
    check = safety if record.is_altered else None
    require_safe(check, picture, record.prompt)
    marked = label_picture(picture, record)
    signer = None if credentials is None else credentials.signer
    told = replace(
        record, safety=None if check is None else check.name, pixels=fingerprint_pixels(marked), signed=signer
    )
    content = encode_png(marked, told)
    if credentials is not None:
        content = sign(content, told, credentials)
    with write_file(path) as partial:
        partial.write_bytes(content)
    write_text(path.with_suffix(".json"), told.to_text() + "\n")
    return told


def label_picture(picture: Image.Image, record: VisualRecord) -> Image.Image:
    """The picture, at least MIN_SIDE_PX wide, above a strip that says what is generated or edited; it covers no pixel.

    Where pixels are to stay, each is enlarged to a block of equal ones. Without a strip where the record says so.
    """
    large = _enlarged(picture.convert("RGB"), keeps_pixels=record.mode != "variation")
    if not record.has_strip:
        return large
    height = strip_px(large.width)
    marked = Image.new("RGB", (large.width, large.height + height), PAPER)
    marked.paste(large, (0, 0))
    pen, font, margin = ImageDraw.Draw(marked), _font(height * 3 // 5), height * 3 // 10
    text = _fit(_label(record), large.width - 2 * margin, font)
    pen.text((margin, large.height + height // 2), text, fill=INK, font=font, anchor="lm")
    return marked


def fit_square(picture: Image.Image, side_px: int, *, has_strip: bool) -> Image.Image:
    """The picture scaled so that it and its label's strip make a square, on paper where its proportions are others."""
    height = side_px - (strip_px(side_px) if has_strip else 0)
    scaled = ImageOps.contain(picture.convert("RGB"), (side_px, height), Image.Resampling.LANCZOS)
    square = Image.new("RGB", (side_px, height), PAPER)
    square.paste(scaled, ((side_px - scaled.width) // 2, (height - scaled.height) // 2))
    return square


def strip_px(width: int) -> int:
    """How high the label's strip is beneath a picture of this width."""
    return round(width * STRIP_SHARE)


def picture_area(marked: Image.Image) -> Image.Image:
    """A labeled picture without its strip."""
    return marked.crop((0, 0, marked.width, marked.height - strip_px(marked.width)))


def read_picture(path: Path) -> Image.Image:
    """The picture in a file, without the strip where its record says that there is one. Raises SourceError."""
    picture = decode_image(path)
    try:
        record = read_record(path)
    except InputError:  # of another version or changed: all of it is shown
        return picture
    return picture_area(picture) if record is not None and record.has_strip else picture


def fingerprint_pixels(picture: Image.Image) -> str:
    """SHA-256 over the size and the RGB values of a picture."""
    rgb = picture.convert("RGB")
    return hashlib.sha256(f"{rgb.width}x{rgb.height}:".encode() + rgb.tobytes()).hexdigest()


def encode_png(marked: Image.Image, record: VisualRecord) -> bytes:
    """The picture as a PNG that carries the record, and IPTC's source type for other programs."""
    chunks = PngInfo()
    chunks.add_text("generated", str(record.generated).lower())
    if record.source_type is not None:
        chunks.add_text("DigitalSourceType", record.source_type)
        chunks.add_itxt("XML:com.adobe.xmp", _XMP.format(record.source_type))
    chunks.add_itxt(RECORD_CHUNK, record.to_text())
    stream = BytesIO()
    marked.save(stream, format="PNG", pnginfo=chunks)
    return stream.getvalue()


def read_record(path: Path) -> VisualRecord | None:
    """The record in a PNG's text; None where there is none, or the file is no PNG. Raises InputError."""
    try:
        with Image.open(path, formats=("PNG",)) as opened:
            opened.load()
            text = opened.info.get(RECORD_CHUNK)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return None if text is None else VisualRecord.from_text(str(text))


def _label(record: VisualRecord) -> str:
    if not record.generated:
        return WORDS_OF_EDITED[record.mode]
    drew = next(iter(record.models.values()), None)
    name = "" if drew is None else Path(shown_name(drew.name)).name.partition("@")[0]
    return " · ".join(filter(None, (WORDS[record.mode], name)))


def _enlarged(picture: Image.Image, *, keeps_pixels: bool) -> Image.Image:
    factor = -(-MIN_SIDE_PX // picture.width)
    if factor == 1:
        return picture
    how = Image.Resampling.NEAREST if keeps_pixels else Image.Resampling.BICUBIC
    return picture.resize((picture.width * factor, picture.height * factor), how)


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
