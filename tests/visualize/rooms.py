"""Photos of rooms whose geometry is known: the made world's places, as anybody may photograph theirs."""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from genrec.foundation.places import sample_case
from genrec.visualize.places.rooms import Place, draw_place


def rooms(seed: int, size_px: int = 256) -> Iterator[tuple[Place, Image.Image]]:
    """Rooms without end, each with its place: where its ground begins stands in there."""
    rng = np.random.default_rng(seed)
    while True:
        place = sample_case(rng).place
        if not place.is_outdoors:
            yield place, Image.fromarray(draw_place(place, size_px))
