"""`genrec bench composed`: its questions, whose right answers follow from the catalog alone."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from genrec.bench import bench
from genrec.bench.composed import WORDINGS, make_questions
from genrec.data.labels import Labels
from genrec.errors import InputError
from genrec.schema import Catalog, Item

COLORS, PATTERNS, KINDS = ("red", "blue", "green"), ("plain", "striped", "dotted"), ("chair", "lamp")


def item(number, category, color, pattern, image=Path("p.png")):
    told = {"category": category, "color": color, "pattern": pattern, "price": 10.0 + number}
    return Item(item_id=f"{number}", title=f"A {category}", attributes=told, image=image)


@pytest.fixture(scope="module")
def catalog():
    """Each look of each kind once."""
    return Catalog(items=tuple(item(n, *look) for n, look in enumerate(product(KINDS, COLORS, PATTERNS))))


def questions(catalog, count=60, seed=1):
    return make_questions(catalog, Labels.of(catalog), count, np.random.default_rng(seed))


def test_right_is_the_same_thing_but_for_what_the_words_change(catalog):
    asked = questions(catalog)
    assert len(asked) == len(catalog)
    for question in asked:
        (right,) = (catalog[item_id] for item_id in question.right)
        kept = {"category", "color", "pattern"} - {question.attribute}
        assert all(right.attributes[name] == question.item.attributes[name] for name in kept)
        said = right.attributes[question.attribute]
        assert said != question.item.attributes[question.attribute]
        assert question.words in {wording.format(said) for wording in WORDINGS}
    assert {question.attribute for question in asked} == {"color", "pattern"}


def test_where_nothing_is_quite_the_same_what_has_most_in_common_is_right():
    rows = [
        ("chair", "red", "plain"),
        ("chair", "blue", "striped"),
        ("chair", "blue", "dotted"),
        ("lamp", "blue", "plain"),
    ]
    found = questions(Catalog(items=tuple(item(n, *row) for n, row in enumerate(rows))), seed=3)
    changed = {(question.item.item_id, question.attribute): question.right for question in found}
    assert all("3" not in right for right in changed.values())  # of another kind
    assert changed.get(("0", "color"), frozenset("12")) == frozenset("12")


def test_equal_seeds_ask_the_same(catalog):
    assert questions(catalog, seed=5) == questions(catalog, seed=5)
    assert questions(catalog, seed=5) != questions(catalog, seed=6)
    assert len(questions(catalog, count=7)) == 7


def test_what_cannot_be_asked_is_one_line(catalog):
    with pytest.raises(InputError, match="bench composed DIR"):
        bench("composed")
    unseen = Catalog(items=tuple(item(n, "chair", "red", "plain", image=None) for n in range(4)))
    with pytest.raises(InputError, match="items with pictures"):
        questions(unseen)


def test_the_shop_is_asked(shop_directory):
    rows = bench("composed", directory=shop_directory, count=6)["rows"]
    assert rows[-1]["changed"] == "all"
    assert rows[-1]["questions"] == 6 == sum(row["questions"] for row in rows[:-1])
    assert all(0 <= row[by] <= 1 for row in rows for by in ("picture", "words", "both"))
