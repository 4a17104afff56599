"""Draws the recommended item for one person: `visualize`, `Visualizer`, `contact_sheet`."""

from genrec.visualize.draw import Studio, Visualizer, Wanted, studio_of, visualize, wanted_of
from genrec.visualize.families import DrawingStopped
from genrec.visualize.marking import contact_sheet

__all__ = [
    "DrawingStopped",
    "Studio",
    "Visualizer",
    "Wanted",
    "contact_sheet",
    "studio_of",
    "visualize",
    "wanted_of",
]
