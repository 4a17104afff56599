"""What is asked for of a picture: `Wanted`, and how it follows from what a person gives.

Knows words, photos and places in them; knows no item and no model.
"""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from genrec.data.images import decode_image
from genrec.errors import InputError
from genrec.visualize.record import Mode
from genrec.visualize.staging import Region


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for.

    mode: scene, variation or photo. words: where to show it, or what to change. photo: a person's own, with `where`:
    left, top, width and height of a box in it, or a mask (white where the item may be); photo_file: where it was read
    from, if from a file. try_on: the painter that puts it on something there. strength: of the taste, 0 to 1.
    size_px: the side of a square that the picture is scaled into, its label included; None for its own size.
    """

    mode: Mode = "scene"
    words: str = ""
    photo: Image.Image | None = None
    photo_file: Path | None = None
    where: Region | Image.Image | None = None
    try_on: str | None = None
    strength: float | None = None
    seed: int = 0
    size_px: int | None = None


def wanted_of(
    *,
    scene: str | None = None,
    change: str | None = None,
    photo: Path | Image.Image | None = None,
    box: Region | None = None,
    mask: Path | Image.Image | None = None,
    try_on: str | None = None,
    strength: float | None = None,
    seed: int = 0,
) -> Wanted:
    """What is asked for, by what is given: a change makes a variation, a photo that mode, all else a scene.

    scene: words of a place; change: words of a change, empty for one toward the taste. Raises InputError for two of
    them at once, a place in no photo, and a strength outside of 0 to 1.
    """
    asked = {"scene": scene is not None, "change": change is not None, "photo": photo is not None}
    if asked["change"] and sum(asked.values()) > 1:
        others = " and ".join(name for name, is_asked in asked.items() if is_asked)
        raise InputError(f"{others} were asked for at once; draw one after the other")
    if photo is None and (box is not None or mask is not None):
        raise InputError("a box or a mask says where in a photo, and no photo is given; give one")
    if photo is None and try_on is not None:
        raise InputError("a try-on puts the item on something in a photo, and no photo is given; give one")
    if box is not None and mask is not None:
        raise InputError("a box and a mask were given; one of them says where the item stands in the photo")
    if strength is not None and not 0 <= strength <= 1:
        raise InputError(f"a taste of strength {strength:g} is outside of 0 (the item alone) to 1 (all taste)")
    return Wanted(
        mode="photo" if photo is not None else "variation" if change is not None else "scene",
        words=(change if change is not None else scene) or "",
        photo=None if photo is None else decode_image(photo),
        photo_file=photo if isinstance(photo, Path) else None,
        where=box if mask is None else decode_image(mask),
        try_on=try_on,
        strength=strength,
        seed=seed,
    )
