"""What an item is about is whole sentences of its own text."""

import pytest

from genrec.claims.about import MAX_CHARS, about
from genrec.data.labels import Labels
from genrec.schema import Item

PLOT = (
    "A man named J. R. Smith hunts a shark with Dr. Brown in the U.S. for money and glory. It bites. "
    + "He runs. " * 40
)


def said(item: Item) -> str:
    return about(item, Labels.of([item] * 1))


def test_a_long_text_ends_where_a_sentence_does() -> None:
    text = said(Item(item_id="a", text=PLOT))
    assert len(text) <= MAX_CHARS
    assert PLOT.startswith(text)
    assert text.endswith("He runs.")
    assert about(Item(item_id="a", text=PLOT), Labels({}), max_chars=100).endswith("It bites.")
    assert about(Item(item_id="a", text=PLOT), Labels({}), max_chars=88).endswith("glory.")


def test_a_long_sentence_ends_with_an_ellipsis_between_words() -> None:
    text = said(Item(item_id="a", text="word " * 100))
    assert text.endswith("word …")
    assert len(text) <= MAX_CHARS + 2


@pytest.mark.parametrize(("text", "wanted"), [("", ""), ("A short one", "A short one"), ("Bravery....", "Bravery …")])
def test_short_texts_stand_whole(text: str, wanted: str) -> None:
    assert said(Item(item_id="a", text=text)) == wanted


def test_the_longest_text_counts_wherever_it_stands() -> None:
    item = Item(item_id="a", text="Short.", attributes={"plot": "A man hunts a shark. " * 5})
    assert said(item).startswith("A man hunts a shark.")


def test_sentences_of_other_scripts_end_too() -> None:
    text = "これは海の物語です。" * 40
    assert said(Item(item_id="a", text=text)).endswith("。")
