"""What a few words speak of is found, and what else they say is kept apart."""

import numpy as np
import pytest

from genrec.data.labels import Labels
from genrec.schema import Catalog, Item
from genrec.search import SearchIndex
from genrec.search.subject import find_subject


def item(item_id, title, text="", **attributes):
    return Item(item_id=item_id, title=title, text=text, attributes=attributes)


_GOODS = [
    item(
        "lamp",
        "Metal table lamp by Halden",
        "A lamp for the bedside table.",
        category="lamp",
        color="red",
        brand="Halden",
    ),
    item("green lamp", "Floor lamp by Halden", category="lamp", color="green", brand="Halden"),
    item("dress", "Linen dress with stripes", category="dress", color="blue", pattern="striped"),
    item("plain dress", "Linen dress", category="dress", color="white", pattern="plain"),
    item("table", "Oak table by Nordhus", category="table", color="brown", brand="Nordhus"),
    item("mug", "Stoneware mug", category="mug", color="blue"),
    item("mug 2", "Enamel mug", category="mug", color="red"),
    item("vase", "Dotted vase", category="vase", color="red"),
]
_FILMS = [
    item("matrix", "Matrix, The (1999)", genres=("Action", "Sci-Fi")),
    item("toys", "Toy Story (1995)", genres=("Animation",)),
    item("cat", "Cat on a Hot Tin Roof (1958)", genres=("Drama",)),
    item("violin", "Red Violin, The (1998)", genres=("Drama",)),
    item("psycho", "Psycho (1960)", genres=("Horror",)),
]


def reader_of(items):
    catalog = Catalog(items=tuple(items))
    index, labels = SearchIndex.of(catalog), Labels.of(catalog)

    def read(text):
        found = find_subject(index, labels, text)
        return None if found is None else (catalog.items[found.row].item_id, found.rest)

    return read


@pytest.fixture(scope="module")
def in_shop():
    return reader_of(_GOODS)


@pytest.fixture(scope="module")
def in_films():
    return reader_of(_FILMS)


@pytest.mark.parametrize(
    ("text", "item_id", "rest"),
    [
        ("a red lamp", "lamp", ""),
        ("a red lamp on an oak table, evening", "lamp", "on an oak table, evening"),
        ("Please show me the green lamp next to a window", "green lamp", "next to a window"),
        ("dress with stripes", "dress", ""),
        ("a dress in blue in a sunny room", "dress", "in a sunny room"),
        ("on my desk, a blue mug", "mug", "on my desk"),
        ("the mug in red", "mug 2", ""),
        ("oak table", "table", ""),
        ("a hand-made zigzag lamp on the beach", "lamp", "hand made zigzag, on the beach"),
        ("lamp on a table", "lamp", "on a table"),  # though its text says as much
        ("vase auf einem Tisch", "vase", "auf einem Tisch"),
        ("mug sur une table en bois", "mug", "sur une table en bois"),
        ("Halden table lamp above the sofa", "lamp", "above the sofa"),
    ],
)
def test_an_item_is_told_from_its_place(in_shop, text, item_id, rest):
    assert in_shop(text) == (item_id, rest)


@pytest.mark.parametrize(
    "text",
    [
        "a cat on a bicycle",
        "a red ball",
        "a cat on a lamp",
        "red submarine on an oak table",
        "a blue sky over the sea",
        "xyzzy",
        "please show me",
        "",
        "?!",
    ],
)
def test_nothing_is_taken_for_what_it_is_not(in_shop, text):
    assert in_shop(text) is None


@pytest.mark.parametrize(
    ("text", "item_id", "rest"),
    [
        ("Toy Story in my living room", "toys", "in my living room"),
        ("the Matrix poster over my bed", "matrix", "poster, over my bed"),
        ("Cat on a Hot Tin Roof on a brick wall", "cat", "on a brick wall"),
        ("cat on a hot tin roof", "cat", ""),
        ("psycho", "psycho", ""),
    ],
)
def test_titles_may_speak_of_places(in_films, text, item_id, rest):
    assert in_films(text) == (item_id, rest)


@pytest.mark.parametrize("text", ["a red ball", "a hot dog", "a violin teacher on a roof"])
def test_a_part_of_a_title_is_not_the_title(in_films, text):
    assert in_films(text) is None


def test_only_who_may_come_is_spoken_of(in_shop):
    catalog = Catalog(items=tuple(_GOODS))
    among_N = [item.item_id != "lamp" for item in catalog]
    found = find_subject(
        SearchIndex.of(catalog), Labels.of(catalog), "a red lamp on a shelf", among_N=np.array(among_N)
    )
    assert found is not None
    assert catalog.items[found.row].item_id == "green lamp"
    assert found.rest == "red, on a shelf"
