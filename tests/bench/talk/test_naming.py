"""Titles and values are found in texts where they are named, and nowhere else."""

import pytest
from films import films, lexicon_of

from genrec.bench.talk.naming import Naming, is_among, numbers_in, numbers_of_item
from genrec.schema import Catalog, Item


def naming_of(catalog):
    lexicon = lexicon_of(catalog)
    return Naming(catalog, lexicon.labels, lexicon.talk.everyday)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("It is by Ridley Scott, like Blade Runner (1982).", ["Ridley Scott", "Blade Runner (1982"]),
        ("a science fiction thriller", ["science fiction", "thriller"]),
        ("a big night out", []),
        ("like Big Night", ["Big Night"]),
        ("Thelma & Louise is a drama", ["Thelma & Louise", "drama"]),
    ],
)
def test_the_longest_names_are_found(text, said):
    assert [named.said for named in naming_of(films()).find(text)] == said


def test_common_words_are_no_titles():
    catalog = Catalog(
        items=(
            Item(item_id="a", title="It", text="x"),
            Item(item_id="b", title="The Matrix", text="x"),
        )
    )
    assert [named.said for named in naming_of(catalog).find("It is like The Matrix.")] == ["The Matrix"]
    assert [named.said for named in naming_of(catalog).find("You liked It, too.")] == ["It"]


def test_articles_at_the_end_are_found_in_front():
    catalog = Catalog(items=(Item(item_id="a", title="Usual Suspects, The (1995)", text="x"),))
    (named,) = naming_of(catalog).find("like The Usual Suspects")
    assert named.item_ids == {"a"}


def test_numbers_outside_names_are_those_of_the_item():
    heat = films()["f0-0"]
    assert numbers_in("Heat (1995) runs 170 minutes, from the 1990s, after 1,200 people", naming_of(films())) == [
        170.0,
        1990.0,
        1200.0,
    ]
    assert {1995.0, 170.0, 1990.0} <= set(numbers_of_item(heat))
    assert is_among("34.5", [34.499])
    assert not is_among("34.5", [34.48])
