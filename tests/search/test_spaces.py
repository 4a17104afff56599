"""Which spaces a workspace offers to search."""

import pytest
from library import BOOKS

from genrec.config import Config
from genrec.errors import InputError
from genrec.schema import Embeddings
from genrec.search.spaces import find_meaning


@pytest.fixture
def embeddings():
    return Embeddings.absent("sentence", len(BOOKS), 8)


def test_settings_that_name_no_vectors_are_refused(embeddings):
    config = Config().with_settings(["search.vectors=minilm"])
    with pytest.raises(InputError, match=r"minilm.*none.*sentence"):
        find_meaning(BOOKS, {"sentence": embeddings}, config, lambda: pytest.fail("CLIP is not asked"))


def test_meaning_can_be_off(embeddings):
    config = Config().with_settings(["search.meaning=off"])
    assert find_meaning(BOOKS, {"text": embeddings}, config, lambda: pytest.fail("CLIP is not asked")) is None
