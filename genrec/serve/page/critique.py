"""Suggestions of what to say next: starters for a new conversation, chips that criticize a shown list.

Every suggestion is made of the catalog's own attributes, and offered only when the reader of messages understands it
and something in the catalog meets it. Knows no wire format.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from genrec.chat.constraints import meeting, number_of, texts_of
from genrec.chat.reading.reader import Reader
from genrec.chat.session import Session
from genrec.data.filters import Predicate
from genrec.data.labels import Label, format_number, kind_phrase
from genrec.schema import Catalog, Item

MAX_CHIPS = 8
_VALUES_PER_ATTRIBUTE = 2
_MAX_COUNTED = 5_000  # items; enough to know which values are common


@dataclass(frozen=True, slots=True)
class Chip:
    """A message to say with one press. attribute: the attribute that it speaks of."""

    say: str
    attribute: str


def chips(reader: Reader, session: Session) -> list[Chip]:
    """The critiques of the shown list; none where nothing was shown."""
    catalog = reader.catalog
    if not session.shown:
        return []
    refused = set(session.disliked)
    found = (chip for chip in _critiques(reader, session) if _helps(chip, reader, session, refused, catalog))
    return list(itertools.islice(found, MAX_CHIPS))


def _critiques(reader: Reader, session: Session) -> Iterator[Chip]:
    catalog, lexicon = reader.catalog, reader.lexicon
    wished = {wish.attribute for wish in session.constraints if wish.operator == "="}
    fitting = _fitting(catalog, session.constraints, {*session.disliked, *session.shown})
    if lexicon.price is not None:
        yield Chip("cheaper", lexicon.price)
    attributes = [name for name in lexicon.text_attributes if name not in wished][:4]
    for attribute in attributes:
        of_all = set.intersection(*(set(_texts(catalog[item_id], attribute)) for item_id in session.shown))
        counts = Counter(value for item in fitting for value in _texts(item, attribute) if value not in of_all)
        for value, _ in counts.most_common(_VALUES_PER_ATTRIBUTE):
            yield Chip(value, attribute)
    for attribute in attributes[:2]:
        yield Chip(f"another {attribute.replace('_', ' ')}", attribute)


def _helps(chip: Chip, reader: Reader, session: Session, refused: set[str], catalog: Catalog) -> bool:
    """Whether the words are read as a wish over the attribute that some item meets beside the other wishes."""
    request = reader.read(chip.say, session)
    new = list(request.where)
    if request.intent != "recommend" or request.query or chip.attribute not in {wish.attribute for wish in new}:
        return False
    renewed = {wish.attribute for wish in new}
    wishes = [*(wish for wish in session.constraints if wish.attribute not in renewed), *new]
    return bool(_fitting(catalog, wishes, refused, limit=1))


def starters(reader: Reader) -> list[str]:
    """The first messages to suggest to someone who does not know what can be asked."""
    return [chip.say for chip in _first_wishes(reader) if _helps(chip, reader, Session(), set(), reader.catalog)] + [
        "Surprise me",
        "What can I ask?",
    ]


def _first_wishes(reader: Reader) -> Iterator[Chip]:
    """A wish for the commonest value, and one for the next with a limit of price."""
    lexicon = reader.lexicon
    if not lexicon.text_attributes:
        return
    first = lexicon.text_attributes[0]
    texts = [value for value in lexicon.values[first] if isinstance(value, str)]
    if texts:
        yield Chip(_wish_for(lexicon.labels[first], texts[0]), first)
    if len(texts) > 1 and lexicon.price is not None:
        fitting = _fitting(reader.catalog, [Predicate(attribute=first, operator="=", value=texts[1])], set())
        prices = [price for item in fitting if (price := number_of(item, lexicon.price)) is not None]
        if prices:
            yield Chip(
                f"{_wish_for(lexicon.labels[first], texts[1])} under {format_number(round(median(prices)))}", first
            )


def _wish_for(label: Label, value: str) -> str:
    if label.say == "kind" and label.is_english:
        return f"I am looking for {kind_phrase(label.words(value), is_loose=label.is_loose)}"
    return f"I am looking for something {value}"


def _fitting(
    catalog: Catalog, wishes: Sequence[Predicate], excluded: set[str], *, limit: int = _MAX_COUNTED
) -> list[Item]:
    fits = (catalog.items[row] for row in np.flatnonzero(meeting(wishes, catalog)))
    return list(itertools.islice((item for item in fits if item.item_id not in excluded), limit))


def _texts(item: Item, attribute: str) -> tuple[str, ...]:
    return texts_of(item.attributes.get(attribute))
