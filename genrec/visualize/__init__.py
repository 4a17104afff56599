"""Draws the recommended item for one person: `visualize`, `Visualizer`, `contact_sheet`."""

from genrec.visualize.draw import Studio, studio_of, visualize
from genrec.visualize.families import DrawingStopped
from genrec.visualize.marking import contact_sheet
from genrec.visualize.staging import place_in_photo
from genrec.visualize.try_on import TryOn, TryOnOrder
from genrec.visualize.visualizer import Visualizer
from genrec.visualize.wanted import Wanted, wanted_of

__all__ = [
    "DrawingStopped",
    "Studio",
    "TryOn",
    "TryOnOrder",
    "Visualizer",
    "Wanted",
    "contact_sheet",
    "place_in_photo",
    "studio_of",
    "visualize",
    "wanted_of",
]
