"""Items for the tests of claims."""

import numpy as np

from genrec.data.labels import Labels
from genrec.schema import Item
from genrec.shop.vocabulary import sample_attributes


def lamp(item_id: str, title: str, **attributes: str | float | bool | tuple[str, ...]) -> Item:
    return Item(item_id=item_id, title=title, attributes=attributes)


RED = lamp("a", "Nordic Lamp", category="lamp", color="red", brand="Oak & Fable", price=35.0)
STRIPED = lamp("b", "Popsy Mug", category="mug", color="red", pattern="striped", price=12.5)
WOODEN = lamp("c", "Halden Chair", category="chair", color="blue", material="wood", price=99.0)
LABELS = Labels.of([RED, STRIPED, WOODEN])


def shop_items(num_items: int) -> list[Item]:
    rng = np.random.default_rng(3)
    looks = [sample_attributes(rng) for _ in range(num_items)]
    return [
        Item(item_id=f"i{n}", title=f"{look['brand']} {look['pattern']} {look['category']} {n % 31}", attributes=look)
        for n, look in enumerate(looks)
    ]


Values = tuple[str, ...]


def movie(item_id: str, title: str, genres: Values, year: float, **more: str) -> Item:
    return Item(item_id=item_id, title=title, attributes={"genres": genres, "year": year, **more})


MOVIES = [
    movie("1", "Toy Story (1995)", ("Animation", "Children's", "Comedy"), 1995.0),
    movie("2", "M*A*S*H (1970)", ("Comedy", "War"), 1970.0),
    movie("3", "Dr. Strangelove (1963)", ("Sci-Fi", "War"), 1963.0),
    movie("4", "It Happened One Night (1934)", ("Comedy",), 1934.0, imdb_id="tt1"),
    movie("5", "Antz (1998)", ("Animation", "Children's"), 1998.0, plot="x" * 80),
]
MOVIE_LABELS = Labels.of(MOVIES)
