"""Attributes as vectors: items that share values are alike, and a new item is known as all others are."""

import numpy as np
import pytest

from genrec.config import EncodeConfig
from genrec.encode.attributes import NUM_FEATURES, encode_attributes
from genrec.encode.stage import encode_catalog
from genrec.schema import Catalog, Item


def item(number=0, **attributes):
    return Item(item_id=f"i{number}", title="thing", attributes=attributes)


def likeness(first, second):
    one, other = encode_attributes([item(**first), item(**second)]).vectors
    return float(one @ other)


def test_the_more_values_items_share_the_more_alike_they_are():
    lamp = {"category": "lamp", "colors": ("red", "white"), "brand": "Orla"}
    same = likeness(lamp, lamp)
    near = likeness(lamp, lamp | {"brand": "Nord"})
    far = likeness(lamp, {"category": "mug", "colors": ("red",), "brand": "Nord"})
    assert same == pytest.approx(1.0)
    assert same > near > far > likeness(lamp, {"category": "mug", "brand": "Nord"})


def test_a_value_is_of_its_attribute_and_no_letter_case():
    assert likeness({"color": "Orange"}, {"color": "orange"}) == pytest.approx(1.0)
    assert likeness({"color": "orange"}, {"brand": "orange"}) < 0.5
    assert likeness({"new": True}, {"new": False}) < 0.5


def test_numbers_are_alike_by_their_first_digits():
    near, same_tens, other = (likeness({"price": 37.5}, {"price": price}) for price in (37.9, 31.0, 80.0))
    assert 1.0 > near > same_tens > other
    assert likeness({"year": 1995}, {"year": 1995.0}) == pytest.approx(1.0)
    assert likeness({"price": 37.5}, {"price": 375.0}) < 0.2
    assert likeness({"price": 37.5}, {"price": -37.5}) < 0.2


def test_items_without_attributes_have_a_zero_row():
    e = encode_attributes([item(0), item(1, color="red"), item(2, sizes=())])
    assert e.present.tolist() == [False, True, False]
    assert e.vectors.dtype == np.float32
    assert e.vectors.shape == (3, NUM_FEATURES)
    assert not e.vectors[[0, 2]].any()
    assert encode_attributes([item(0), item(1)]) is None


def test_no_text_or_number_is_too_odd():
    e = encode_attributes([item(0, note="broken \ud800 letter"), item(1, price=float("nan")), item(2, price=0.0)])
    np.testing.assert_allclose(np.linalg.norm(e.vectors, axis=1), 1.0, rtol=1e-6)


def test_an_item_alone_has_the_vector_that_it_has_among_others():
    items = [item(n, color=f"color {n}", price=1.5 * n) for n in range(20)]
    together = encode_attributes(items).vectors
    np.testing.assert_array_equal(together, np.concatenate([encode_attributes([one]).vectors for one in items]))


def test_the_stage_encodes_attributes_unless_they_are_skipped(clip_folder, tmp_path):
    catalog = Catalog(items=tuple(item(n, color="red" if n % 2 else "blue") for n in range(4)))
    config = EncodeConfig(clip=str(clip_folder))
    assert list(encode_catalog(catalog, {}, config, "cpu", tmp_path)) == ["text", "attributes"]
    skipping = EncodeConfig(clip=str(clip_folder), skip=("attributes",))
    assert list(encode_catalog(catalog, {}, skipping, "cpu", tmp_path)) == ["text"]
