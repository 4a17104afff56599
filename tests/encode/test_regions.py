"""Regions of pictures lie in the tower's space, where they are said to lie, and are computed once."""

import numpy as np
import pytest
from PIL import Image
from stand_ins import save_siglip2

from genrec.encode.clip import ClipEncoder
from genrec.encode.regions import GRID, encode_regions, region_box, seen_box
from genrec.errors import InputError
from genrec.schema import Item


@pytest.fixture(scope="module")
def clip():
    return ClipEncoder("genrec-tiny-clip", "cpu", batch_size=2)


@pytest.fixture(scope="module")
def quarters(tmp_path_factory):
    """A picture whose upper left quarter alone is red, and one that is all gray."""
    folder = tmp_path_factory.mktemp("pictures")
    gray = Image.new("RGB", (128, 128), (128, 128, 128))
    gray.save(folder / "gray.png")
    gray.paste((220, 20, 20), (0, 0, 64, 64))
    gray.save(folder / "red.png")
    return folder


def test_each_region_is_a_unit_vector_and_small(clip, quarters):
    vectors = clip.encode_regions([quarters / "red.png", quarters / "gray.png", quarters / "red.png"], 4)
    assert vectors.shape == (3, 16, 128)
    assert vectors.dtype == np.float16
    np.testing.assert_allclose(np.linalg.norm(vectors.astype(np.float32), axis=2), 1.0, atol=2e-3)
    np.testing.assert_allclose(vectors[0].astype(float), vectors[2].astype(float), atol=2e-3)


def test_regions_are_told_row_by_row_from_the_upper_left(clip, quarters):
    """What is red changes most where it is red."""
    red, gray = clip.encode_regions([quarters / "red.png", quarters / "gray.png"], 2).astype(np.float32)
    assert np.linalg.norm(red - gray, axis=1).argmax() == 0


def test_a_tower_of_few_patches_gives_as_many_regions(clip):
    assert clip.encode_regions([Image.new("RGB", (64, 64))], 99).shape[1] == 64  # 8 x 8 patches


def test_siglips_regions_lie_in_its_own_space(tmp_path):
    siglip = ClipEncoder(str(save_siglip2(tmp_path)), "cpu")
    pictures = [Image.fromarray(np.random.default_rng(n).integers(0, 255, (40, 40, 3), np.uint8)) for n in range(2)]
    vectors = siglip.encode_regions(pictures, 2)
    assert vectors.shape[2] == siglip.num_features
    assert siglip.crop is None


def test_what_was_encoded_is_taken_from_the_cache(quarters, tmp_path):
    items = [
        Item(item_id="a", title="red square", image=quarters / "red.png"),
        Item(item_id="b", title="nothing"),
        Item(item_id="c", title="", image=quarters / "gray.png"),
    ]
    first = encode_regions(items, ClipEncoder("genrec-tiny-clip", "cpu"), tmp_path)

    class Blind(ClipEncoder):
        def encode_regions(self, images, grid):
            raise AssertionError("all is in the cache")

    again = encode_regions(items, Blind("genrec-tiny-clip", "cpu"), tmp_path)
    np.testing.assert_array_equal(first.vectors, again.vectors)
    assert first.vectors.shape[1] == GRID**2
    assert first.present.tolist() == [True, False, True]
    assert not first.vectors[1].any()
    assert first.named[0].any()
    assert not first.named[1:].any()  # b has no picture, c has no words


def test_items_without_pictures_have_no_regions(clip):
    assert encode_regions([Item(item_id="a", title="words alone")], clip, None) is None


def test_boxes_lie_in_what_the_tower_sees():
    seen = seen_box((200, 100), 1.0)  # the square in the middle of a wide picture
    assert (seen.x, seen.y, seen.w, seen.h) == (0.25, 0.0, 0.5, 1.0)
    last = region_box(15, 16, (200, 100), 1.0)
    assert (last.x, last.y, last.w, last.h) == (0.625, 0.75, 0.125, 0.25)
    whole = region_box(1, 4, (200, 100), None)
    assert (whole.x, whole.y, whole.w, whole.h) == (0.5, 0.0, 0.5, 0.5)


def test_patches_that_make_no_square_are_refused(clip):
    import torch

    with pytest.raises(InputError, match="into 6 patches, wanted a square"):
        clip._pooled(torch.zeros(1, 6, 4), 2)
