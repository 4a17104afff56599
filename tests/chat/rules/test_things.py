"""Of several things the first is looked for, and the others wait."""

import pytest
from rule_readers import CATALOG, READER, wishes_of

from genrec.chat.session import Session


@pytest.mark.parametrize(
    ("text", "wishes", "later"),
    [
        ("I need a red mug and a blue vase", {"color = red", "category = mug"}, ("a blue vase",)),
        ("a wooden chair plus a lamp under 80", {"material = wood", "category = chair", "price < 80.0"}, ("a lamp",)),
        (
            "a red mug, a blue vase and a wooden clock",
            {"color = red", "category = mug"},
            ("a blue vase", "a wooden clock"),
        ),
        ("red mugs and blue vases", {"color = red", "category = mug"}, ("blue vases",)),
        ("a black mug and a vase in blue", {"color = black", "category = mug"}, ("a vase in blue",)),
        ("red mugs and vases", {"color = red", "category = mug|vase"}, ()),
        ("a lamp and a chair in red", {"category = lamp|chair", "color = red"}, ()),
        ("a red mug and a blue one", {"color = red|blue", "category = mug"}, ()),
    ],
)
def test_things_that_cannot_be_in_one_list_wait(text: str, wishes: set[str], later: tuple[str, ...]) -> None:
    assert wishes_of(READER, text) == wishes
    assert READER.read(text, Session()).later == later


def test_titles_that_are_strung_together_do_not_wait() -> None:
    mug = next(item for item in CATALOG if item.attributes["category"] == "mug")
    vase = next(
        i for i in CATALOG if i.attributes["category"] == "vase" and i.attributes["color"] != mug.attributes["color"]
    )
    read = READER.read(f"I recently bought {mug.title} and {vase.title}", Session())
    assert read.liked == (mug.item_id, vase.item_id)
    assert read.later == ()
