"""Answers about stock, over catalogs that tell of it, in part."""

from genrec.chat.answers import answer_of_catalog, answer_of_items
from genrec.chat.lexicon import Lexicon
from genrec.chat.requests import Question
from genrec.data.filters import Predicate
from genrec.offers import Offer
from genrec.schema import Catalog, Item

LEFT = Question(is_count=True, is_stock=True)


def catalog_of(offers: dict[str, Offer | None]) -> Catalog:
    return Catalog(
        items=tuple(
            Item(item_id=name, title=name, attributes={"color": name.split()[0]}, offer=offer)
            for name, offer in offers.items()
        )
    )


def test_what_is_left_is_counted_as_far_as_the_catalog_tells() -> None:
    catalog = catalog_of(
        {
            "red one": Offer(availability="in_stock"),
            "red two": Offer(stock=0.0),
            "blue one": Offer(stock=3.0),
            "blue two": Offer(link="https://example.org"),
        }
    )
    lexicon = Lexicon(catalog)
    assert answer_of_catalog(LEFT, catalog, lexicon) == (
        "2 of 4 items in the whole catalog can be had; of 1 this catalog does not tell."
    )
    red = Question(is_count=True, is_stock=True, scope=(Predicate(attribute="color", operator="=", value="red"),))
    assert answer_of_catalog(red, catalog, lexicon) == "1 of 2 items (color red) can be had."
    asked = Question(is_stock=True)
    assert [answer_of_items(asked, [item], catalog, lexicon.labels) for item in catalog] == [
        "red one can be had.",
        "red two is sold out.",
        "blue one can be had, 3 left.",
        "Whether blue two is in stock this catalog does not tell.",
    ]


def test_what_is_left_is_unknown_where_nothing_tells() -> None:
    catalog = catalog_of({"red one": None, "blue one": None})
    said = answer_of_catalog(LEFT, catalog, Lexicon(catalog))
    assert said == "This catalog does not tell how many of each are left."
