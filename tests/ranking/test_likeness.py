"""Likeness to items: in the space of CLIP where they have a picture or words, else by whom they are chosen."""

import numpy as np
import pytest
from PIL import Image

from genrec.errors import InputError
from genrec.ranking.likeness import Aim, likenesses
from genrec.schema import Embeddings

FUSED = np.array([[1, 0], [0.8, 0.6], [0, 1], [0, 0]], dtype=np.float32)
WORDS = np.array([[0, 1], [0, 0], [0.6, 0.8], [0, 0]], dtype=np.float32)
TEXT = Embeddings(name="text", vectors=WORDS, present=np.array([True, False, True, False]))


def like(*rows, unlike=()):
    return Aim(like=np.array(rows, np.int64), unlike=np.array(unlike, np.int64))


def test_items_without_picture_and_words_are_alike_by_whom_they_are_chosen():
    (found,) = likenesses([like(0)], {}, None, FUSED)
    assert found[0] > found[1] > found[2]
    (away,) = likenesses([like(unlike=(0,))], {}, None, FUSED)
    assert away[0] < away[1] < away[2]


def test_where_words_are_there_they_count_alone():
    (found,) = likenesses([like(0)], {"text": TEXT}, None, FUSED)
    assert found[0] > found[1] == 0 > found[2]
    (bare,) = likenesses([like(1)], {"text": TEXT}, None, FUSED)
    assert bare[1] == bare.max() > bare[2]


def test_what_nothing_is_known_of_is_like_nothing():
    (found,) = likenesses([like(3)], {}, None, FUSED)
    assert not found.any()


def test_a_photo_is_refused_where_there_is_nothing_to_compare_it_with(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    nothing = np.zeros(0, np.int64)
    with pytest.raises(InputError, match="no item here has any; leave the photo out"):
        likenesses([Aim(photo=tmp_path / "a.png", like=nothing, unlike=nothing)], {}, None, FUSED)
