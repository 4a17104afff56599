"""Try-on painters as others may write them, good and bad, and how they are installed beside genrec."""

from pathlib import Path

import numpy as np
from PIL import Image


class Paints:
    """Paints the item's box in red where it was told to, or in the middle of the photo."""

    name, license, generates = "reds", "mit", False

    def find_place(self, order):
        mask = Image.new("L", order.photo.size)
        width, height = order.photo.size
        mask.paste(255, (width // 4, height // 4, width // 2, height // 2))
        return mask

    def paint(self, order, mask, on_step):
        shown = order.photo.copy()
        shown.paste("red", (0, 0), mask)
        return shown


class PaintsByModel(Paints):
    generates = True

    def paint(self, order, mask, on_step):
        for step in range(3):
            on_step(step + 1, 3, None)
        return super().paint(order, mask, on_step)


class PaintsOutside(Paints):
    def paint(self, order, mask, on_step):
        shown = super().paint(order, mask, on_step)
        shown.putpixel((0, 0), tuple(255 - value for value in shown.getpixel((0, 0))))
        return shown


class PaintsOnThePhoto(Paints):
    """Changes the photo that it was given, beyond its mask, and gives that back."""

    def paint(self, order, mask, on_step):
        order.photo.paste("red", (0, 0, order.photo.width, order.photo.height))
        return order.photo


class PaintsNothing(Paints):
    def paint(self, order, mask, on_step):
        return order.photo


class PaintsSmaller(Paints):
    def paint(self, order, mask, on_step):
        return order.photo.resize((8, 8))


class GivesAnArray(Paints):
    def paint(self, order, mask, on_step):
        return np.asarray(order.photo)


class Fails(Paints):
    def paint(self, order, mask, on_step):
        raise KeyError("weights")


class MasksAnotherSize(Paints):
    def find_place(self, order):
        return Image.new("L", (7, 7), 255)


class MasksNothing(Paints):
    def find_place(self, order):
        return Image.new("L", order.photo.size)


class GivesNoMask(Paints):
    def find_place(self, order):
        return None


class NoPainter:
    name = "no-painter"


PAINTERS = {
    "reds": "Paints", "by-model": "PaintsByModel", "outside": "PaintsOutside", "on-the-photo": "PaintsOnThePhoto",
    "nothing": "PaintsNothing", "smaller": "PaintsSmaller", "an-array": "GivesAnArray", "fails": "Fails",
    "another-size": "MasksAnotherSize", "black": "MasksNothing", "no-mask": "GivesNoMask", "no-painter": "NoPainter",
    "gone": "Gone",
}  # fmt: skip


def install(folder: Path, name: str = "try-ons") -> Path:
    """The folder of a package with these painters, as pip makes it; put it on the path."""
    info = folder / name / f"{name}-2.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.1\n")
    lines = [f"{painter} = try_ons:{made}" for painter, made in PAINTERS.items()]
    lines.append("a-room = genrec.visualize.in_room:InRoom")
    (info / "entry_points.txt").write_text("[genrec.try_on]\n" + "\n".join(lines) + "\n")
    return folder / name
