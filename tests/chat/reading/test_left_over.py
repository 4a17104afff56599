"""Words of which the model says nothing: searched for, or turned down where they are denied."""

from collections.abc import Sequence

from reading_worlds import linker

from genrec.chat.reading.reader import Reader
from genrec.chat.reading.tagger import ReadingModel, Tagged
from genrec.chat.session import Session
from genrec.chat.words import Word
from genrec.schema import Catalog, Item


class Silent(ReadingModel):
    """Says nothing of any word."""

    def __init__(self) -> None:
        pass

    def read(self, messages: Sequence[Sequence[Word]]) -> list[Tagged]:
        size = len(messages[0])
        return [
            Tagged(
                intent="recommend", intents={}, language="en", language_share=1.0, roles=("none",) * size,
                types=("none",) * size, shares=(1.0,) * size, refused=(0.0,) * size,
            )
        ]  # fmt: skip


def test_a_word_that_is_denied_is_turned_down() -> None:
    item = Item(item_id="1", title="Deep (1995)", text="A zeppelin hunts whales.")
    own, word = linker(Catalog(items=(item,))), "zeppelin"
    reader = Reader(own.lexicon, own.search, Silent())
    assert reader.read(f"something with {word}", Session()).query == word
    denied = reader.read(f"but no {word}", Session())
    assert (denied.query, denied.refused) == ("", (word,))
    assert reader.read(f"no, {word}", Session()).query == word
