"""Search by words and names over a catalog whose answers are known."""

import numpy as np
import pytest
from library import BOOKS, ids

from genrec.schema import Catalog, Item
from genrec.search import SearchIndex


@pytest.fixture(scope="module")
def index():
    return SearchIndex.of(BOOKS)


def found(index, words, k=10):
    return ids(hit.row for hit in index.search(words, k))


@pytest.mark.parametrize("item", BOOKS.items, ids=lambda item: item.item_id)
def test_every_item_is_first_for_its_own_title(index, item):
    assert found(index, item.title)[0] == item.item_id


@pytest.mark.parametrize(
    ("query", "item_ids"),
    [
        ("submarines", ["jaws"]),
        ("Kubrick", ["shining", "lolita"]),
        ("horror", ["shining"]),
        ("1999", ["matrix"]),
        ("wasserdicht", ["tasche"]),
        ("tasche", ["tasche", "taschen"]),
        ("物語", ["tokyo"]),
        ("京", ["tokyo", "kyoto"]),
        ("nino", ["casa"]),
        ("كِتَاب", ["kitab"]),
        ("spielbreg", ["jaws"]),
    ],
)
def test_what_has_the_words_is_found_and_nothing_else(index, query, item_ids):
    assert sorted(found(index, query)) == sorted(item_ids)


@pytest.mark.parametrize(
    ("said", "telling"),
    [
        ("the same, but in red", "red"),
        ("like this one but striped", "striped"),
        ("Show me something like this picture in horror", "something horror"),
        ("das gleiche, aber in rot", "rot"),
        ("la même mais en bleu", "bleu"),
        ("like this", "like this"),
        ("the shining but Kubrick", "the shining Kubrick"),
        ("", ""),
    ],
)
def test_beside_a_picture_words_ask_for_what_they_name(index, said, telling):
    assert index.telling(said) == telling


def test_what_meets_more_of_a_query_comes_first(index):
    assert found(index, "thriller by Spielberg")[0] == "jaws"
    score = index.relevance("sci-fi thriller")
    rows = {item.item_id: score[row] for row, item in enumerate(BOOKS)}
    assert rows["jaws"] == 1
    assert 1 > rows["seven"] > rows["shining"] == 0
    assert 1 > rows["trek"] > 0
    assert rows["trek"] == rows["wars"] == rows["matrix"]  # equals, which taste may order


def test_a_whole_value_outranks_a_part_of_one():
    colors = ("Dark Red", "Red", "Light Red", "Red")
    catalog = Catalog(
        items=tuple(Item(item_id=str(n), title="Hat", attributes={"color": c}) for n, c in enumerate(colors))
    )
    index = SearchIndex.of(catalog)
    assert [hit.row for hit in index.search("red")[:2]] == [1, 3]
    assert next(hit.row for hit in index.search("dark red hat")) == 0


def test_only_the_items_asked_for_come(index):
    among_N = np.array([item.item_id != "shining" for item in BOOKS])
    assert ids(hit.row for hit in index.search("Kubrick", among_N=among_N)) == ["lolita"]
    assert len(index.search("sci-fi", 2)) == 2


def test_what_nobody_knows_is_told(index):
    known = {
        word.said: (word.relation, word.words, word.num_items) for word in index.known("Star Wras asdfgh thrillers")
    }
    assert known == {
        "Star": ("exact", ("star",), 2),
        "Wras": ("corrected", ("wars",), 1),
        "asdfgh": ("unknown", (), 0),
        "thrillers": ("form", ("thriller",), 2),
    }
    assert index.unknown("Star asdfgh asdfgh") == ["asdfgh"]
    assert index.search("asdfgh") == []
    assert not index.relevance("asdfgh").any()


@pytest.mark.parametrize("query", ["", "   ", "?!", "\x00", "🙂", "a" * 5000, "('; drop table --", "[[["])
def test_odd_queries_find_nothing_and_break_nothing(index, query):
    assert index.search(query) == []
    assert index.names(query) == []


@pytest.mark.parametrize(
    "item", [Item(item_id="a", title="", text="x"), Item(item_id="a", title="!", attributes={"n": 1.5})]
)
def test_catalogs_with_hardly_a_word_are_searched(item):
    index = SearchIndex.of(Catalog(items=(item,)))
    assert index.search("nothing") == []
    assert index.known("nothing")[0].relation == "unknown"


def test_the_index_does_not_depend_on_the_order_of_items(index):
    turned = Catalog(items=BOOKS.items[::-1])
    other = SearchIndex.of(turned)
    for query in ("star wars", "sci-fi thriller", "taschen"):
        scores = {turned.items[hit.row].item_id: hit.score for hit in other.search(query)}
        assert scores == pytest.approx({BOOKS.items[hit.row].item_id: hit.score for hit in index.search(query)})


def test_bm25_is_the_literature_s():
    texts = ["red lamp", "red red chair", "blue chair by the lamp"]
    index = SearchIndex.of(Catalog(items=tuple(Item(item_id=str(n), text=text) for n, text in enumerate(texts))))
    rows, values = index._fields.column("text", index.vocabulary.numbers["red"])
    idf, mean = np.log(1 + (3 - 2 + 0.5) / (2 + 0.5)), (2 + 3 + 5) / 3
    wanted = [idf * tf / (tf + 1.5 * (0.25 + 0.75 * length / mean)) for tf, length in ((1, 2), (2, 3))]
    assert rows.tolist() == [0, 1]
    assert values.tolist() == pytest.approx(wanted)
