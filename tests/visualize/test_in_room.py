"""The painter for rooms, on photos whose geometry is known."""

from itertools import islice
from types import MappingProxyType

import numpy as np
import pytest
from PIL import Image
from rooms import rooms

from genrec.errors import InputError
from genrec.schema import Item
from genrec.shop.drawing import draw_item
from genrec.shop.vocabulary import ALL_DOMAINS, sample_attributes
from genrec.visualize.cutout import cut_out
from genrec.visualize.in_room import KINDS, InRoom, find_region, kind_of, read_room
from genrec.visualize.try_on import TryOnOrder, put_on

NO_STEPS = lambda *_: True  # noqa: E731


def thing(kind, seed=0):
    """An item of a kind of the made shop, as the catalog tells it, with its cut-out."""
    rng = np.random.default_rng(seed)
    attributes = sample_attributes(rng, (kind,))
    item = Item(item_id=kind, title=f"A {kind}", attributes=MappingProxyType(dict(attributes)))
    return item, cut_out(draw_item(attributes, rng=rng))


def order(kind, photo, seed=0):
    item, cutout = thing(kind)
    return TryOnOrder(photo=photo, item=item, cutout=cutout, seed=seed)


def region(kind, photo, seed=0):
    asked = order(kind, photo, seed)
    room = read_room(photo)
    everywhere = np.ones((photo.height, photo.width), bool)
    return find_region(asked.cutout, kind_of(asked.item), room, everywhere, seed)


@pytest.fixture(scope="module")
def photos():
    return list(islice(rooms(7), 40))


def test_where_the_ground_begins_is_found_in_rooms(photos):
    found = [(read_room(photo).line or 256) / 256 - place.horizon for place, photo in photos]
    assert np.mean(np.abs(found) < 0.03) > 0.9
    assert read_room(Image.new("RGB", (200, 150), "beige")).line is None


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_outside_of_its_mask_no_pixel_changes_and_inside_the_item_is_seen(photos, kind):
    num_shown = 0
    for place, photo in photos[:12]:
        asked = order(kind, photo)
        try:
            mask = InRoom().find_place(asked)
        except InputError:  # a wall alone has no table
            continue
        apart = (np.asarray(InRoom().paint(asked, mask, NO_STEPS)) != np.asarray(photo)).any(axis=-1)
        assert not (apart & (np.asarray(mask) == 0)).any()
        assert apart.sum() > 30
        again = np.asarray(put_on(InRoom(), asked, None, NO_STEPS)) != np.asarray(photo)
        np.testing.assert_array_equal(again.any(axis=-1), apart)
        num_shown += place.horizon < 0.8
    assert num_shown > 3 or kind == "clock"


def test_things_stand_on_the_ground_and_pictures_hang_on_the_wall(photos):
    for place, photo in photos[:20]:
        line = read_room(photo).line
        if line is None or place.horizon > 0.8:
            continue
        for kind in ("mug", "lamp", "chair"):
            left, top, width, height = region(kind, photo)
            assert top + height > line
        left, top, width, height = region("poster", photo)
        assert top + height < line
        assert left > 0
        assert left + width < photo.width


def test_things_have_their_sizes_and_are_larger_the_nearer_they_are(photos):
    """By the boards of the made world's floors, by the wall things are 0.45 times as large as in front."""
    _, photo = next((place, photo) for place, photo in photos if place.horizon < 0.65 and read_room(photo).line)
    room, cutout = read_room(photo), thing("mug")[1]
    rows = []
    for top in range(room.line, photo.height - 20, 8):
        band = np.zeros((photo.height, photo.width), bool)
        band[top - 60 : top + 24] = True
        found = find_region(cutout, KINDS["mug"], room, band, 0)
        if found is not None:
            rows.append((found[1] + found[3], found[3]))
    feet, heights = np.array(sorted(set(rows)), dtype=float).T
    assert heights[-1] > 1.15 * heights[0]
    wanted = heights[0] * (feet - room.vanishing) / (feet[0] - room.vanishing)
    assert np.abs(heights - wanted).max() < 1.6  # pixels
    line_height = 0.8 * photo.height * KINDS["mug"].height_m
    at_front = line_height * (photo.height - room.vanishing) / (room.line - room.vanishing)
    assert at_front == pytest.approx(line_height / 0.45)


def test_a_place_that_a_person_gives_is_kept_to(photos):
    photo = photos[0][1]
    for box in ((10, 100, 90, 120), (150, 140, 60, 80), (0, 0, 40, 40)):
        outside = np.ones((photo.height, photo.width), bool)
        outside[box[1] : box[1] + box[3], box[0] : box[0] + box[2]] = False
        picture = put_on(InRoom(), order("mug", photo), box, NO_STEPS)
        apart = (np.asarray(picture) != np.asarray(photo)).any(axis=-1)
        assert apart.any()
        assert not (apart & outside).any()


def test_equal_seeds_paint_equal_pictures_and_others_may_stand_elsewhere(photos):
    photo = photos[1][1]
    regions = [region("clock", photo, seed) for seed in range(8)]
    assert len(set(regions)) > 1
    assert regions == [region("clock", photo, seed) for seed in range(8)]


def test_what_it_does_not_know_it_says(photos):
    shirt = Item(item_id="s", title="Striped shirt", attributes=MappingProxyType({"color": "blue"}))
    with pytest.raises(InputError, match=r"how large 'Striped shirt' is, .* does not know"):
        InRoom().find_place(TryOnOrder(photo=photos[0][1], item=shirt, cutout=thing("mug")[1]))
    with pytest.raises(InputError, match="no table or floor is seen in the photo that 'A mug' would fit"):
        InRoom().find_place(order("mug", Image.new("RGB", (200, 150), "beige")))
    named = Item(item_id="l", title="Two tripod Lamps in brass")
    assert kind_of(named) is KINDS["lamp"]


def test_it_knows_every_kind_of_the_made_shop():
    assert set(KINDS) >= set(ALL_DOMAINS)
