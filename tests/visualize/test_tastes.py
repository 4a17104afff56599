import numpy as np
import pytest
from PIL import Image, ImageDraw

from genrec.schema import Catalog, Item
from genrec.visualize.taste import Tastes

COLORS = {"red": (206, 44, 44), "blue": (48, 96, 200), "green": (62, 148, 76), "yellow": (246, 208, 60)}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    folder, items = tmp_path_factory.mktemp("things"), []
    for number in range(16):
        name = list(COLORS)[number % 4]
        picture = Image.new("RGB", (64, 64), (230, 228, 224))
        ImageDraw.Draw(picture).ellipse((10, 10, 54, 54), fill=COLORS[name])
        path = folder / f"{number}.png"
        picture.save(path)
        look = {"pattern": "striped" if number % 4 == 0 else "plain", "price": 3.0}
        items.append(Item(item_id=f"i{number}", title=f"thing {number}", attributes=look, image=path))
    items.append(Item(item_id="words", title="only words", attributes={"pattern": "striped", "price": 3.0}))
    return Catalog(items=tuple(items))


def read(catalog, *ids, **options):
    if "disliked" in options:
        options["disliked"] = catalog.rows(options["disliked"])
    return Tastes(catalog).read(catalog.rows(ids), **options)


def test_the_colors_of_a_history_are_its_taste(catalog):
    taste = read(catalog, "i0", "i4", "i8", "i1")
    assert taste.color_names[0] == "red"
    assert taste.hex_colors[0].startswith("#")
    assert taste.words.startswith("red")


def test_values_that_the_history_holds_more_often_than_the_catalog_are_told(catalog):
    assert read(catalog, "i0", "i4", "i8").values == ("striped",)
    assert read(catalog, "i1", "i2", "i3").values == ()


def test_newer_items_weigh_more(catalog):
    taste = read(catalog, "i0", "i4", "i1", "i5")
    assert taste.shaped_by[0][0] == "i5"
    assert sum(share for _, share in taste.shaped_by) == pytest.approx(1)


def test_likeness_to_the_item_outweighs_age(catalog):
    vectors = np.eye(4, dtype=np.float32)
    taste = read(catalog, "i0", "i1", "i2", "i3", vectors_HD=vectors, item_D=vectors[0], temperature=0.1)
    assert taste.shaped_by[0][0] == "i0"
    assert taste.color_names[0] == "red"


def test_what_is_disliked_is_taken_away(catalog):
    assert "red" in read(catalog, "i0", "i1").color_names
    taste = read(catalog, "i0", "i1", disliked=("i4", "i8"))
    assert "red" not in taste.color_names
    assert "blue" in taste.color_names


def test_nothing_is_claimed_of_nobody_and_of_things_without_looks(catalog):
    assert read(catalog) is None
    assert read(catalog, "words") is None
