"""Search: from words to items, by words, names and meaning, over any catalog in any language."""

from genrec.search.index import Found, KnownWord, SearchIndex
from genrec.search.names import NameMatch

__all__ = ["Found", "KnownWord", "NameMatch", "SearchIndex"]
