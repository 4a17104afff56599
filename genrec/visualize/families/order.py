"""What a drawing is asked with, and the two ways to draw: `VariationPainter` and `ScenePainter`.

Knows the words of this room; knows no model and no catalog.
"""

# D features of the recommender's CLIP space, K colors

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
from PIL import Image

from genrec.errors import GenrecError
from genrec.schema import FloatArray

MAX_REFERENCES = 4  # pictures of liked items that are looked at
# Called after every step with how many are done, how many there are, and a small preview; False stops the drawing.
StepHook: TypeAlias = Callable[[int, int, Image.Image | None], bool]


class DrawingStopped(GenrecError):
    """The caller asked to stop a drawing; there is no picture."""


class PictureWithheld(GenrecError):
    """A pipeline's own safety checker blackened what was drawn; there is no picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawingOrder:
    """All that one drawing needs; what is not known stays at its default.

    pictures: the item's first when there is one (has_picture), then those of liked items, whose weights are
    taste_weights. words: of the request, a phrase that goes on after the item's name ("on a walnut desk", "in red");
    unwanted: what must not be seen ("stripes"); taste_words: a phrase such as "warm terracotta and cream tones".
    palette: colors of the taste, CIELAB (K, 3), with palette_weights (K,). strength: of the taste, 0 to 1.
    item_vector: unit (D,) in the recommender's CLIP space, to judge by. photo: a person's own, to start from. draft: of
    a scene, to paint on.
    """

    title: str
    seed: int
    pictures: Sequence[Image.Image] = ()
    has_picture: bool = False
    taste_weights: FloatArray = field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    words: str = ""
    unwanted: str = ""
    taste_words: str = ""
    palette: FloatArray | None = None
    palette_weights: FloatArray | None = None
    strength: float = 1.0
    item_vector: FloatArray | None = None
    photo: Image.Image | None = None
    draft: Image.Image | None = None

    @property
    def item_picture(self) -> Image.Image | None:
        """The item's own picture."""
        return self.pictures[0] if self.has_picture else None

    @property
    def liked_pictures(self) -> Sequence[Image.Image]:
        """The pictures of liked items, most telling first."""
        return self.pictures[int(self.has_picture) :][:MAX_REFERENCES]


class VariationPainter(Protocol):
    """Draws the item anew, changed toward a taste or by words. Any number of threads may draw at once."""

    num_steps: int

    def prompt(self, order: DrawingOrder) -> str:
        """The words the model reads."""

    def draw(self, order: DrawingOrder, on_step: StepHook) -> Image.Image:
        """Draw at the model's size. Raises DrawingStopped, PictureWithheld, and InputError for what it cannot draw."""


class ScenePainter(Protocol):
    """Paints what surrounds an item, or a part of a photo. Any number of threads may paint at once."""

    num_steps: int

    def prompt(self, order: DrawingOrder) -> str:
        """The words the model reads."""

    def paint(self, picture: Image.Image, mask: Image.Image, order: DrawingOrder, on_step: StepHook) -> Image.Image:
        """Paint a picture of any size where its mask is white; returned at the model's size, in the same proportions.

        What the mask keeps is near what it was, not equal to it: the caller puts it back. Raises DrawingStopped,
        PictureWithheld, and InputError for a mask of another size or without white.
        """
