"""Names in queries: whole, in part, mistyped, in another order."""

import pytest
from library import BOOKS, ids

from genrec.search import SearchIndex
from genrec.search.names import title_forms


@pytest.fixture(scope="module")
def index():
    return SearchIndex.of(BOOKS)


def test_titles_have_the_forms_by_which_people_call_them():
    assert "Star Wars" in title_forms("Star Wars: Episode IV - A New Hope (1977)")
    assert {"Seven", "Se7en"} <= set(title_forms("Seven (Se7en) (1995)"))
    assert "1995" not in title_forms("Seven (Se7en) (1995)")
    assert title_forms("") == []


@pytest.mark.parametrize(
    ("query", "item_id"),
    [
        ("star wars", "wars"),
        ("Star Wras", "wars"),
        ("the matrix", "matrix"),
        ("se7en", "seven"),
        ("have you got star treck please", "trek"),
        ("東京物語", "tokyo"),
        ("la casa de bernarda", "casa"),
    ],
)
def test_a_title_is_named_whole(index, query, item_id):
    best = index.names(query)[0]
    assert (best.kind, ids(best.rows), best.is_whole) == ("title", [item_id], True)
    assert query[best.start : best.end] == best.said


def test_people_are_named_in_part(index):
    best = index.names("that Kubrick film")[0]
    assert (best.said, best.attribute, best.value) == ("Kubrick", "director", "Stanley Kubrick")
    assert ids(best.rows) == ["shining", "lolita"]
    assert 0.4 < best.share < 1 == best.likeness


def test_a_longer_name_hides_what_is_said_by_a_part_of_it(index):
    assert [name.value for name in index.names("star trek")] == ["Star Trek (1979)"]


def test_values_keep_their_spelling(index):
    (sci_fi,) = [name for name in index.names("scifi with Steven Spielberg") if name.attribute == "genre"]
    assert (sci_fi.said, sci_fi.value, sci_fi.is_whole) == ("scifi", "Sci-Fi", True)
    assert ids(sci_fi.rows) == ["jaws", "wars", "trek", "matrix"]


def test_nonsense_names_nothing(index):
    assert index.names("asdfgh qwertz") == index.names("") == index.names("…") == []
