"""A small catalog of films, for tests of conversations that no shop knows."""

from genrec.chat.lexicon import Lexicon
from genrec.chat.words import TalkWords
from genrec.schema import Catalog, Item

_FILMS = (
    ("Heat (1995)", "Michael Mann", ("Crime", "Thriller"), 1995, 170),
    ("Collateral (2004)", "Michael Mann", ("Crime", "Thriller"), 2004, 120),
    ("Alien (1979)", "Ridley Scott", ("Horror", "Science Fiction"), 1979, 117),
    ("Blade Runner (1982)", "Ridley Scott", ("Science Fiction", "Thriller"), 1982, 117),
    ("Thelma & Louise (1991)", "Ridley Scott", ("Crime", "Drama"), 1991, 130),
    ("Little Women (2019)", "Greta Gerwig", ("Drama", "Romance"), 2019, 135),
    ("Lady Bird (2017)", "Greta Gerwig", ("Comedy", "Drama"), 2017, 94),
    ("Big Night (1996)", "Stanley Tucci", ("Comedy", "Drama"), 1996, 109),
)


def films(copies: int = 1) -> Catalog:
    """Eight films, or several of each, which are then told apart by a number in their titles."""
    return Catalog(
        items=tuple(
            Item(
                item_id=f"f{number}-{copy}",
                title=title if copies == 1 else title.replace(" (", f" Part {copy + 1} ("),
                text=f"A film about number {number}.",
                attributes={"director": director, "genres": genres, "year": year, "minutes": minutes},
            )
            for number, (title, director, genres, year, minutes) in enumerate(_FILMS)
            for copy in range(copies)
        )
    )


def lexicon_of(catalog: Catalog) -> Lexicon:
    """Its words; "it" and "and" are in common use."""
    everyday = frozenset({"it", "is", "and", "big", "little", "night", "by", "the"})
    return Lexicon(catalog, talk=TalkWords(everyday=everyday))
