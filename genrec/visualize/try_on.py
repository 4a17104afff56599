"""Puts an item on something that a photo shows, by a painter that somebody installed: a bag on a shoulder, for one.

A painter is an entry point of the group genrec.try_on that makes a `TryOn`; `genrec.visualize.in_room` is an example.
What a painter paints is its own affair; that no pixel outside of its mask changes, that the picture has the photo's
size and that its name and license are told is held here. Knows no model.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Protocol, TypeVar, cast

import numpy as np
from PIL import Image

from genrec.errors import ConfigError, GenrecError, InputError
from genrec.schema import Item
from genrec.visualize.cutout import Cutout
from genrec.visualize.families import StepHook
from genrec.visualize.plugins import find_plugin, make_plugin, names_of_plugins
from genrec.visualize.record import UsedModel
from genrec.visualize.staging import region_of

TRY_ON_PLUGINS = "genrec.try_on"
_WHAT, _ADVICE = "the try-on painter", "mend it, or leave the try-on out"
A = TypeVar("A")


@dataclass(frozen=True, slots=True, kw_only=True)
class TryOnOrder:
    """What a painter is asked for: an item of the catalog, cut out of its picture, in a photo (RGB).

    words: of the request; seed: equal ones paint equal pictures. Entries may join these; none goes.
    """

    photo: Image.Image
    item: Item
    cutout: Cutout
    words: str = ""
    seed: int = 0


class TryOn(Protocol):
    """What puts items on things in photos. Any number of threads may ask at once."""

    @property
    def name(self) -> str:
        """What the records of pictures call it."""

    @property
    def license(self) -> str:
        """Of its weights, or of its code where it has none; goes into the records, too."""

    @property
    def generates(self) -> bool:
        """Whether a trained model paints, so that pictures are marked as generated; else they are edited."""

    def find_place(self, order: TryOnOrder) -> Image.Image:
        """A mask of the photo's size, white where it would paint; asked where the person names no place.

        Raises InputError where the photo shows nothing that the item could be put on.
        """

    def paint(self, order: TryOnOrder, mask: Image.Image, on_step: StepHook) -> Image.Image:
        """The photo with the item on it; where the mask is black, every pixel as it was.

        mask: as found, or as the person drew it. on_step(step, total, preview) is called after every step, if there
        are any, and False asks for DrawingStopped. Raises InputError.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledTryOn:
    """A painter, and what records say of it."""

    painter: TryOn
    used: UsedModel


def load_try_on(name: str) -> InstalledTryOn:
    """The painter of a name. Raises InputError where none is installed, ConfigError for a broken one."""
    plugin = find_plugin(TRY_ON_PLUGINS, name, what=_WHAT)
    if plugin is None:
        installed = ", ".join(names_of_plugins(TRY_ON_PLUGINS))
        which = f"choose one of {installed}" if installed else f"install one (an entry point of {TRY_ON_PLUGINS})"
        raise InputError(f"no try-on painter {name!r} is installed; {which}, or leave the try-on out")
    made = make_plugin(plugin, what=_WHAT, advice=_ADVICE)
    lacking = [f"{part}()" for part in ("find_place", "paint") if not callable(getattr(made, part, None))]
    lacking += [part for part in ("name", "license") if not isinstance(getattr(made, part, None), str)]
    lacking += [] if isinstance(getattr(made, "generates", None), bool) else ["generates"]
    if lacking:
        raise ConfigError(f"{_WHAT} {name!r} of {plugin.value} has no {', '.join(lacking)}; {_ADVICE}")
    painter = cast(TryOn, made)
    return InstalledTryOn(painter=painter, used=UsedModel(name=_told_name(painter, plugin), license=painter.license))


def put_on(
    painter: TryOn, order: TryOnOrder, where: tuple[int, int, int, int] | Image.Image | None, on_step: StepHook
) -> Image.Image:
    """The photo with the item on what it shows; outside of the mask, no pixel changes.

    where: a box or a mask that the person gave, None where the painter finds the place. Raises InputError for a place
    that does not fit the photo, and where the painter fails, paints outside of the mask or nothing.
    """
    asked = TryOnOrder(
        photo=order.photo.copy(), item=order.item, cutout=order.cutout, words=order.words, seed=order.seed
    )  # whatever is done to it, the photo is held against this one
    found = _asked(painter, lambda: painter.find_place(asked)) if where is None else where
    if not isinstance(found, tuple | Image.Image):
        raise InputError(f"{_WHAT} {painter.name!r} gave a {type(found).__name__} as its mask; {_ADVICE}")
    region_HW = region_of(found, order.photo)
    mask = Image.fromarray(np.where(region_HW, 255, 0).astype(np.uint8))
    painted = _asked(painter, lambda: painter.paint(asked, mask, on_step))
    if not isinstance(painted, Image.Image) or painted.size != order.photo.size:
        gave = f"{painted.width} × {painted.height} pixels" if isinstance(painted, Image.Image) else "no picture"
        size = f"{order.photo.width} × {order.photo.height}"
        raise InputError(f"{_WHAT} {painter.name!r} gave {gave} for a photo of {size}, so nothing is shown; {_ADVICE}")
    painted = painted.convert("RGB")
    changed_HW = (np.asarray(painted) != np.asarray(order.photo)).any(axis=-1)
    if (num_outside := int((changed_HW & ~region_HW).sum())) > 0:
        raise InputError(
            f"{_WHAT} {painter.name!r} changed {num_outside:,} pixels outside of its mask, so nothing is shown; "
            f"{_ADVICE}"
        )
    if not changed_HW.any():
        raise InputError(f"{_WHAT} {painter.name!r} painted nothing into the photo; give another photo or a box")
    return painted


def _asked(painter: TryOn, ask: Callable[[], A]) -> A:
    """What the painter answers. Raises InputError where its code fails."""
    try:
        return ask()
    except GenrecError:
        raise
    except Exception as error:  # of somebody else's code
        raise InputError(
            f"{_WHAT} {painter.name!r} failed ({type(error).__name__}: {error}), so nothing is shown; {_ADVICE}"
        ) from error


def _told_name(painter: TryOn, plugin: EntryPoint) -> str:
    """Its name with the package it came in, by whose version it can be found again."""
    return painter.name if plugin.dist is None else f"{painter.name}@{plugin.dist.name}-{plugin.dist.version}"
