"""Nearness in a space of meaning, and when it counts."""

import numpy as np
import pytest
from library import BOOKS, ids

from genrec.schema import Catalog, Embeddings, Item
from genrec.search import SearchIndex
from genrec.search.meaning import Meaning, Space
from genrec.search.words import terms_of

TOPICS = {"space": ("star", "rebels", "explorers", "cosmos"), "fear": ("shark", "mad", "sins", "spooky")}


def topical(texts):
    """Texts by the topics of their words, and by the words themselves: a space whose meaning is known."""
    rows = []
    for text in texts:
        words = terms_of(text)
        topics = [3.0 * sum(word in own for word in words) for own in TOPICS.values()]
        hashed = np.zeros(256)
        for word in words:
            hashed[sum(map(ord, word)) % 256] += 0.5 if word.isascii() and len(word) > 4 else 1
        rows.append(np.r_[topics, hashed] if any(topics) else np.r_[0, 0, hashed])
    vectors = np.array(rows, dtype=np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


@pytest.fixture(scope="module")
def embeddings():
    return Embeddings(name="sentence", vectors=topical([i.words for i in BOOKS]), present=np.ones(len(BOOKS), bool))


@pytest.fixture(scope="module")
def index(embeddings):
    space = Space.tried(embeddings, topical, BOOKS)
    assert space is not None
    return SearchIndex.of(BOOKS).with_meaning(Meaning((space,)))


def test_a_word_that_no_item_has_is_found_by_what_it_means(index):
    assert ids([index.search("cosmos")[0].row])[0] in {"wars", "trek"}
    assert index.known("cosmos")[0].relation == "unknown"  # by its letters
    assert index.unknown("cosmos") == []


def test_what_has_the_words_comes_before_what_means_the_like(index):
    assert set(ids(hit.row for hit in index.search("mad professor"))[:2]) == {"lolita", "shining"}


def test_a_space_that_finds_no_titles_is_not_used():
    rng = np.random.default_rng(0)
    crowd = Catalog(items=tuple(Item(item_id=str(n), title=f"thing {n}") for n in range(300)))
    vectors = topical([f"{n}" for n in rng.permutation(300)])
    lost = Embeddings(name="x", vectors=vectors[rng.permutation(300)], present=np.ones(300, bool))
    assert Space.tried(lost, topical, crowd) is None


def test_vectors_of_another_width_are_not_used(embeddings):
    assert Space.tried(embeddings, lambda texts: np.ones((len(texts), 3), np.float32), BOOKS) is None


def test_a_catalog_without_vectors_is_not_tried(embeddings):
    absent = Embeddings.absent("sentence", len(BOOKS), 8)
    assert Space.tried(absent, topical, BOOKS) is None
