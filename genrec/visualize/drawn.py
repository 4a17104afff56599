"""A picture before it is written, and what is told of it: `Drawn`.

Knows no model and no file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from PIL import Image

from genrec.visualize.record import Mode, UsedModel

STAGED = {"photo": UsedModel(name="genrec.visualize.staging", license="apache-2.0")}
RECOLORED = {"variation": UsedModel(name="genrec.visualize.recolor", license="apache-2.0")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A picture before it is written, and what is told of it.

    models: where others made it than the mode's; generated: whether a trained model is among them.
    """

    picture: Image.Image
    mode: Mode
    prompt: str
    scores: Mapping[str, float] = field(default_factory=dict)
    words_not_drawn: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    num_candidates: int = 1
    models: Mapping[str, UsedModel] | None = None
    generated: bool = True
