"""Linkers over both catalogs, for the tests of reading."""

from chat_worlds import MOVIES, shop_catalog

from genrec.chat.lexicon import Lexicon
from genrec.chat.reading.links import Linker
from genrec.chat.reading.tagger import shipped_model
from genrec.data.words import OtherWords
from genrec.schema import Catalog
from genrec.search import SearchIndex


def linker(catalog: Catalog, others: OtherWords | None = None) -> Linker:
    model = shipped_model()
    lexicon = Lexicon(catalog, others=others, talk=model.words)
    return Linker(lexicon, SearchIndex.of(catalog))


FILMS = linker(MOVIES)
SHOP = linker(shop_catalog(), OtherWords(values={"gray": ("grey",)}, sorts={"red": ("burgundy",)}))
