"""Families of diffusion models: `load_variation_painter` and `load_scene_painter`, and what they are asked with.

A family is a file: how an item, a taste and words reach models of one kind. What they share stands once: `order` (what
a drawing is asked with), `adapters` (what an IP-Adapter reads), `palette`, `driving` (how a pipeline is called, watched
and stopped), `previews`, and `loading`, whose tables name the families. Knows nothing of catalogs or files written.
"""

from genrec.visualize.families.adapters import ADAPTER_FILE
from genrec.visualize.families.loading import load_scene_painter, load_variation_painter, tuned_lora
from genrec.visualize.families.order import (
    MAX_REFERENCES,
    DrawingOrder,
    DrawingStopped,
    PictureWithheld,
    ScenePainter,
    StepHook,
    VariationPainter,
)
from genrec.visualize.families.palette import PALETTE_WIDTH, palette_vector

__all__ = [
    "ADAPTER_FILE",
    "MAX_REFERENCES",
    "PALETTE_WIDTH",
    "DrawingOrder",
    "DrawingStopped",
    "PictureWithheld",
    "ScenePainter",
    "StepHook",
    "VariationPainter",
    "load_scene_painter",
    "load_variation_painter",
    "palette_vector",
    "tuned_lora",
]
