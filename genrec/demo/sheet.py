"""The contact sheet: several people on one picture, what they chose, what they are offered, what is drawn for them.

Knows positions, fonts and colors. Each generated picture stands below the real one it was made from and says so.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from genrec.artifacts import write_file
from genrec.demo.result import DemoItem, DemoPerson, DemoPick, DemoResult, SameItemDrawn
from genrec.errors import InputError, SourceError
from genrec.sinks import visible
from genrec.visualize.marking import read_picture

_INK, _SOFT, _PAPER, _CARD, _EMPTY = "#1c1b22", "#6e6c78", "#f3f1ec", "#ffffff", "#e9e6df"
_ACCENT, _GENERATED = "#4f46e5", "#c2410c"
_TILE, _GAP, _PAD, _MARGIN, _COLUMNS = 144, 14, 28, 40, 5
_STEP = _TILE + _GAP
_CARD_W = _COLUMNS * _STEP - _GAP + 2 * _PAD
_HEAD_H, _NAME_H, _LABEL_H, _CAPTION_H, _ROW_GAP = 126, 74, 24, 62, 18
_CARD_H = _PAD + _NAME_H + 3 * (_LABEL_H + _TILE) + _CAPTION_H + 2 * _ROW_GAP + _PAD
_BIG_TILE, _ROUND = 200, 12
_BAND_H = _PAD + _NAME_H + _BIG_TILE + _PAD


def draw_contact_sheet(result: DemoResult, path: Path) -> Path:
    """Draw the sheet as a PNG: cards of people two by two, and one item drawn for opposite tastes below.

    Raises InputError when there is nobody to show, or a picture cannot be read.
    """
    if not result.people:
        raise InputError("the demo has no person to show; wanted at least one")
    num_rows, num_columns = -(-len(result.people) // 2), min(2, len(result.people))
    has_free_cell = num_columns == 2 and len(result.people) % 2 == 1
    bottom = _HEAD_H + num_rows * (_CARD_H + _PAD)
    width = 2 * _MARGIN + num_columns * (_CARD_W + _PAD) - _PAD
    has_band = result.same_item is not None and not has_free_cell
    pen = _Pen(width, bottom + (_BAND_H + _PAD if has_band else 0) + _MARGIN - _PAD)
    pen.write((_MARGIN, 34), result.title, size=36, bold=True, width=width - 2 * _MARGIN)
    pen.write((_MARGIN, 84), _summary(result), size=19, color=_SOFT, width=width - 2 * _MARGIN)
    for number, person in enumerate(result.people):
        row, column = divmod(number, 2)
        _draw_person(pen, person, _MARGIN + column * (_CARD_W + _PAD), _HEAD_H + row * (_CARD_H + _PAD))
    if result.same_item and has_free_cell:
        _draw_same_item_tall(pen, result.same_item, _MARGIN + _CARD_W + _PAD, bottom - _CARD_H - _PAD)
    elif result.same_item:
        _draw_same_item(pen, result.same_item, bottom, width)
    with write_file(path) as partial:
        pen.image.save(partial, format="PNG")
    return path


def _summary(result: DemoResult) -> str:
    parts = [f"{result.num_items:,} items", f"{result.num_users:,} people", f"{result.num_events:,} events"]
    if result.evaluation and "recall@10" in result.evaluation.metrics:
        parts.append(f"recall@10 {result.evaluation.metrics['recall@10']:.3f}")
        others = {name: result.evaluation.peers.get(name, {}).get("recall@10") for name in ("itemknn", "popularity")}
        parts.extend(f"{name} {value:.3f}" for name, value in others.items() if value is not None)
    return "  ·  ".join(parts)


def _draw_person(pen: "_Pen", person: DemoPerson, x: int, y: int) -> None:
    pen.card(x, y, _CARD_W, _CARD_H)
    left, top, inner = x + _PAD, y + _PAD, _CARD_W - 2 * _PAD
    pen.write((left, top), person.user_id, size=23, bold=True, width=inner)
    pen.write((left, top + 32), person.taste, size=17, color=_SOFT, width=inner)
    top = pen.label(left, top + _NAME_H, "chose, newest last")
    for column, item in enumerate(person.history[-_COLUMNS:]):
        pen.tile(item.image, left + column * _STEP, top, words=item.title)
    top = pen.label(left, top + _TILE + _ROW_GAP, "is recommended", color=_ACCENT)
    picks = person.picks[:_COLUMNS]
    for column, pick in enumerate(picks):
        _draw_item(pen, pick.item, left + column * _STEP, top)
    is_drawn = any(pick.visual for pick in picks)
    label, color = ("drawn for this person", _GENERATED) if is_drawn else ("because", _SOFT)
    top = pen.label(left, top + _TILE + _CAPTION_H + _ROW_GAP, label, color=color)
    for column, pick in enumerate(picks):
        if pick.visual:
            pen.tile(pick.visual.path, left + column * _STEP, top, badge="generated")
    _draw_reason(pen, picks, left, top)


def _draw_item(pen: "_Pen", item: DemoItem, x: int, y: int) -> None:
    pen.tile(item.image, x, y, words=item.title)
    lines = pen.paragraph((x, y + _TILE + 6), item.title, size=13, width=_TILE, max_lines=2)
    pen.write((x, y + _TILE + 6 + 18 * lines), item.price, size=13, color=_SOFT, width=_TILE)


def _draw_reason(pen: "_Pen", picks: Sequence[DemoPick], x: int, y: int) -> None:
    """Quote the first reason in the columns that the generated pictures leave free on the right."""
    used = max((column + 1 for column, pick in enumerate(picks) if pick.visual), default=0)
    reasons = [pick for pick in picks if pick.reason]
    if not reasons or used >= _COLUMNS:
        return
    left, width = x + used * _STEP + (6 if used else 0), (_COLUMNS - used) * _STEP - _GAP - 6
    pen.write((left, y), f"Why {reasons[0].item.title}?", size=16, bold=True, width=width)
    pen.paragraph((left, y + 26), reasons[0].reason, size=16, color=_SOFT, width=width, max_lines=5)


def _draw_same_item(pen: "_Pen", same: SameItemDrawn, y: int, width: int) -> None:
    """A band over the whole width: the item, then each person's picture with the taste beside it."""
    left, inner = _MARGIN + _PAD, width - 2 * (_MARGIN + _PAD)
    pen.card(_MARGIN, y, width - 2 * _MARGIN, _BAND_H)
    top = _draw_same_item_head(pen, same, left, y + _PAD, inner)
    pen.tile(same.item.image, left, top, words=same.item.title, size_px=_BIG_TILE)
    room = (inner - _BIG_TILE) // max(1, len(same.drawn))
    for number, (user_id, taste, visual) in enumerate(same.drawn):
        x = left + _BIG_TILE + number * room + 2 * _GAP
        pen.tile(visual.path, x, top, badge="generated", size_px=_BIG_TILE)
        _draw_whose(pen, f"for {user_id}", taste, x + _BIG_TILE + 18, top + 10, room - _BIG_TILE - 18 - 2 * _GAP)


def _draw_same_item_tall(pen: "_Pen", same: SameItemDrawn, x: int, y: int) -> None:
    """A card in the cell that an odd number of people leaves free: the item, and two large pictures below it."""
    left, inner = x + _PAD, _CARD_W - 2 * _PAD
    pen.card(x, y, _CARD_W, _CARD_H)
    top = _draw_same_item_head(pen, same, left, y + _PAD, inner)
    pen.tile(same.item.image, left, top, words=same.item.title)
    _draw_whose(pen, "in the catalog", same.item.title, left + _STEP + 6, top + 10, inner - _STEP)
    edge, top = (inner - _GAP) // 2, top + _TILE + _ROW_GAP
    for number, (user_id, taste, visual) in enumerate(same.drawn[:2]):
        pen.tile(visual.path, left + number * (edge + _GAP), top, badge="generated", size_px=edge)
        at = (left + number * (edge + _GAP), top + edge + 8)
        pen.write(at, f"for {user_id}: {taste}" if taste else f"for {user_id}", size=16, color=_SOFT, width=edge)


def _draw_same_item_head(pen: "_Pen", same: SameItemDrawn, x: int, y: int, width: int) -> int:
    pen.write((x, y), "One item, opposite tastes", size=23, bold=True, width=width)
    words = "The same item as it is in the catalog, and as it is drawn for two kinds of people"
    pen.write((x, y + 32), words, size=17, color=_SOFT, width=width)
    return y + _NAME_H


def _draw_whose(pen: "_Pen", name: str, taste: str, x: int, y: int, width: int) -> None:
    pen.write((x, y), name, size=19, bold=True, width=width)
    pen.paragraph((x, y + 32), taste, size=17, color=_SOFT, width=width, max_lines=6)


class _Pen:
    """A sheet of paper and what is drawn on it."""

    def __init__(self, width: int, height: int) -> None:
        self.image = Image.new("RGB", (width, height), _PAPER)
        self._draw = ImageDraw.Draw(self.image)

    def card(self, x: int, y: int, width: int, height: int) -> None:
        self._draw.rounded_rectangle((x + 1, y + 3, x + width + 1, y + height + 3), 18, fill="#e2dfd7")
        self._draw.rounded_rectangle((x, y, x + width, y + height), 18, fill=_CARD)

    def label(self, x: int, y: int, text: str, *, color: str = _SOFT) -> int:
        """A row's label; returns where the row begins."""
        self._draw.text((x, y), text.upper(), font=_font(13, True), fill=color)
        return y + _LABEL_H

    def write(
        self, at: tuple[int, int], text: str, *, size: int, width: int, bold: bool = False, color: str = _INK
    ) -> None:
        """One line, cut with an ellipsis where it does not fit."""
        font = _font(size, bold)
        self._draw.text(at, _fit(text, font, width), font=font, fill=color)

    def paragraph(
        self, at: tuple[int, int], text: str, *, size: int, width: int, max_lines: int, color: str = _INK
    ) -> int:
        """Lines broken between words; returns how many."""
        font = _font(size, False)
        lines = _wrap(text, font, width, max_lines)
        for number, line in enumerate(lines):
            self._draw.text((at[0], at[1] + number * round(size * 1.4)), line, font=font, fill=color)
        return len(lines)

    def tile(
        self, path: Path | None, x: int, y: int, *, words: str = "", badge: str = "", size_px: int = _TILE
    ) -> None:
        """A square picture with round corners; without a picture, words on a plain tile."""
        if path is None:
            self._draw.rounded_rectangle((x, y, x + size_px, y + size_px), _ROUND, fill=_EMPTY)
            self.paragraph((x + 12, y + 14), words, size=14, width=size_px - 24, max_lines=6, color=_SOFT)
            return
        self.image.paste(_square(path, size_px), (x, y), _round_mask(size_px))
        if badge:
            font, bottom = _font(12, True), y + size_px
            right = x + 22 + font.getlength(badge)
            self._draw.rounded_rectangle((x + 8, bottom - 28, right, bottom - 8), 10, fill=_GENERATED)
            self._draw.text((x + 15, bottom - 25), badge, font=font, fill="white")


def _square(path: Path, size_px: int) -> Image.Image:
    """The picture's middle, cut to a square of the tile's size; of a generated one without the strip that says so."""
    try:
        picture = read_picture(path)
    except SourceError as error:
        raise InputError(f"{path} cannot be shown as a picture ({error}); run the demo again") from error
    edge = min(picture.size)
    left, top = (picture.width - edge) // 2, (picture.height - edge) // 2
    box = (left, top, left + edge, top + edge)
    return picture.resize((size_px, size_px), Image.Resampling.LANCZOS, box=box)


@cache
def _round_mask(size_px: int) -> Image.Image:
    edge = 4 * size_px  # drawn four times as large, so that the corners are smooth
    mask = Image.new("L", (edge, edge), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, edge - 1, edge - 1), 4 * _ROUND, fill=255)
    return mask.resize((size_px, size_px), Image.Resampling.LANCZOS)


@cache
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib carries with it: many scripts, the same on every machine."""
    import matplotlib

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size)


def _fit(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    text = " ".join(visible(text).split())
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1].rstrip()
    return f"{text}…" if text else ""


def _wrap(text: str, font: ImageFont.FreeTypeFont, width: float, max_lines: int) -> list[str]:
    """Words broken into lines; the last of max_lines is cut with an ellipsis where more would follow."""
    lines: list[str] = []
    words = visible(text).split()
    while words and len(lines) < max_lines - 1:
        count = 1
        while count < len(words) and font.getlength(" ".join(words[: count + 1])) <= width:
            count += 1
        lines.append(_fit(" ".join(words[:count]), font, width))
        words = words[count:]
    return [*lines, _fit(" ".join(words), font, width)] if words else lines
