"""The search stage on disk."""

import shutil

import numpy as np

from genrec.artifacts import read_manifest
from genrec.data.catalog import load_catalog
from genrec.generations import Generation
from genrec.search.stage import NAME, find_search

QUERIES = ("a warm red lamp", "Marlowe", "lmap", "striped mugs")


def told(index, query):
    names = [(name.value, name.start, name.end, name.share) for name in index.names(query)]
    return index.search(query), names, index.known(query)


def test_a_stored_index_answers_as_a_new_one(shop_recommender):
    folder, catalog = shop_recommender.data.folder, shop_recommender.catalog
    assert read_manifest(folder / NAME, NAME).details["words"] == len(shop_recommender.search.vocabulary)
    stored = find_search(folder, catalog)
    for query in QUERIES:
        assert told(stored, query) == told(type(stored).of(catalog), query)


def test_what_was_built_before_there_was_an_index_is_searched(shop_copy):
    folder = Generation.open(shop_copy).folder
    shutil.rmtree(folder / NAME)
    catalog = load_catalog(folder / "catalog")
    found = find_search(folder, catalog).search("striped mug", 5)
    assert all(catalog.items[hit.row].attributes["category"] == "mug" for hit in found)


def test_what_meets_the_words_comes_first_and_taste_orders_it(shop_recommender):
    catalog = shop_recommender.catalog
    lamps = [item.item_id for item in catalog if item.attributes["category"] == "lamp"]
    relevance_N = shop_recommender.data.search.relevance("red lamp")
    answers = [shop_recommender.recommend(history=[past], query="red lamp", k=5) for past in (lamps[0], lamps[-1])]
    best = set(np.flatnonzero(relevance_N == relevance_N.max()).tolist())
    for answer in answers:
        rows = [catalog.row(entry.item_id) for entry in answer]
        assert set(rows) <= best if len(best) >= 10 else best & set(rows)
    assert [entry.item_id for entry in answers[0]] != [entry.item_id for entry in answers[1]]
