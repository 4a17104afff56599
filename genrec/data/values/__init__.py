"""Typed columns: what the cells of a column mean, decided by the whole column.

Each function takes a column as it was read and returns its values with what was odd and notes of what was guessed,
converted or cut. Nothing is dropped in silence. Knows nothing of files, and nothing of items or events.
"""

from genrec.data.values.attributes import Attribute, Kind, attribute, coerce, flatten, truths
from genrec.data.values.columns import Column, Odd, dictionary_encoded
from genrec.data.values.ids import Ids, KnownIds, Matches, ids, match_ids
from genrec.data.values.lists import Separator, list_separator, lists
from genrec.data.values.numbers import Numbers, numbers, says_number
from genrec.data.values.texts import Texts, clean_text, texts
from genrec.data.values.times import Times, says_time, times

__all__ = [
    "Attribute",
    "Column",
    "Ids",
    "Kind",
    "KnownIds",
    "Matches",
    "Numbers",
    "Odd",
    "Separator",
    "Texts",
    "Times",
    "attribute",
    "clean_text",
    "coerce",
    "dictionary_encoded",
    "flatten",
    "ids",
    "list_separator",
    "lists",
    "match_ids",
    "numbers",
    "says_number",
    "says_time",
    "texts",
    "times",
    "truths",
]
