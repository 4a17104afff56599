"""Draws the recommended item for one person: `visualize`, `Visualizer`, `contact_sheet`."""

from genrec.visualize.draw import Studio, studio_of, visualize
from genrec.visualize.families import DrawingStopped
from genrec.visualize.marking import contact_sheet
from genrec.visualize.visualizer import Visualizer
from genrec.visualize.wanted import Wanted, wanted_of

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
